"""A feed-forward network (``learned.networks.MLP`` between arsinh and tanh, as in ``Normalised``) on rows, in double precision,
averaged over the mirrored input.

Its numbers: scale [input], mirror sign [input], of every layer the matrix [output, input] and the bias, scale [output], mirror
sign [output], and what the even outputs say in equilibrium [output].
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch

from knudsen.closure.compiled.network import arsinh
from knudsen.closure.compiled.vectors import matrix
from knudsen.closure.learned.networks import MLP
from knudsen.compile import compiled
from knudsen.solvers.rows import LOG2E, exp2

ACTIVATIONS = {"SiLU": 0, "Tanh": 1}
SILU = ACTIVATIONS["SiLU"]


class Size(NamedTuple):
    """Inputs, outputs, units of a hidden layer, hidden layers, code of ``ACTIVATIONS``, the largest output."""

    inputs: int
    outputs: int
    width: int
    depth: int
    activation: int
    bound: float


def is_compilable(network) -> bool:
    return type(network) is MLP and type(network.layers[1]).__name__ in ACTIVATIONS


@torch.no_grad()
def numbers_of(network, bound: float, mirror_in, mirror_out, scale_in=None, scale_out=None) -> tuple[Size, list[float]]:
    """Of an MLP; mirror_in, mirror_out: signs of its inputs and outputs in a mirror; scales: 1 unless given."""
    linear = [layer for layer in network.layers if isinstance(layer, torch.nn.Linear)]
    activation = ACTIVATIONS[type(network.layers[1]).__name__]
    size = Size(linear[0].in_features, linear[-1].out_features, linear[0].out_features, len(linear) - 1, activation, bound)
    scale_in = torch.ones(size.inputs) if scale_in is None else scale_in
    scale_out = torch.ones(size.outputs) if scale_out is None else scale_out
    parts = [scale_in, mirror_in, *(part for layer in linear for part in (layer.weight, layer.bias)), scale_out, mirror_out]
    numbers = torch.cat([part.detach().flatten().double() for part in (*parts, torch.zeros(size.outputs))]).numpy()
    rest = np.empty((size.outputs, 1))
    evaluate(numbers, size, np.zeros((size.inputs, 1)), rest)
    return size, [*numbers[: -size.outputs].tolist(), *rest[:, 0].tolist()]


def count_of(size: Size) -> int:
    """How many numbers there are."""
    sizes = [size.inputs] + [size.width] * size.depth + [size.outputs]
    return 2 * size.inputs + sum(n * m + m for n, m in pairwise(sizes)) + 3 * size.outputs


@compiled
def activate(x, bias, activation):
    """The activation of x + bias, in place."""
    for k in range(x.shape[0]):
        if activation == SILU:
            for i in range(x.shape[1]):
                y = x[k, i] + bias[k]
                x[k, i] = y / (1.0 + exp2(-LOG2E * max(y, -600.0)))
        else:
            for i in range(x.shape[1]):
                x[k, i] = tanh(x[k, i] + bias[k])


@compiled
def tanh(x):
    """To 1e-16, absolute; odd."""
    e = exp2(-2.0 * LOG2E * min(abs(x), 20.0))
    value = (1.0 - e) / (1.0 + e)
    return value if x > 0.0 else -value


@compiled
def evaluate(numbers, size, phi, out):
    """The outputs [output, column] for phi [input, column]: half the sum of N(x) and what a mirror makes of N(its image), less
    what that is for x = 0."""
    columns = phi.shape[1]
    x = np.empty((size.inputs, 2 * columns))
    for k in range(size.inputs):
        scale, sign = 1.0 / numbers[k], numbers[size.inputs + k]
        for i in range(columns):
            x[k, i] = arsinh(phi[k, i] * scale)
        for i in range(columns):
            x[k, columns + i] = sign * x[k, i]
    at, wide = 2 * size.inputs, size.inputs
    for _ in range(size.depth):
        x = np.dot(matrix(numbers, at, size.width, wide), x)
        at += size.width * wide
        activate(x, numbers[at : at + size.width], size.activation)
        at, wide = at + size.width, size.width
    x = np.dot(matrix(numbers, at, size.outputs, wide), x)
    at += size.outputs * wide
    for k in range(size.outputs):
        bias, scale = numbers[at + k], numbers[at + size.outputs + k] * size.bound
        sign, rest = numbers[at + 2 * size.outputs + k], numbers[at + 3 * size.outputs + k]
        for i in range(columns):
            one, mirrored = tanh((x[k, i] + bias) / size.bound), tanh((x[k, columns + i] + bias) / size.bound)
            out[k, i] = 0.5 * scale * (one + sign * mirrored) - rest
