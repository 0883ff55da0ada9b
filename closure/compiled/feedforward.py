"""A feed-forward network (``learned.networks.MLP`` between arsinh and tanh, as in ``Normalised``) on rows, in the precision
of its weights, averaged over the mirrored input.

Its weights: scale [input], mirror sign [input], of every layer the matrix with the bias as last column [output, input + 1], scale
[output] and mirror sign [output]. The rows between the layers have one of ones, which brings the bias.
"""

from typing import NamedTuple

import numpy as np
import torch

from knudsen.closure.compiled.network import ONE, S, saturate, stretch
from knudsen.closure.compiled.product import BYTES, multiply, padded
from knudsen.closure.learned.networks import MLP
from knudsen.compile import compiled
from knudsen.solvers.rows import LOG2E, exp2, exp2_single

ACTIVATIONS = {"SiLU": 0, "Tanh": 1}
SILU = ACTIVATIONS["SiLU"]
ROOT, FADES = S(LOG2E), S(80.0)  # e^80 is as good as infinite


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
def weights_of(network, bound: float, mirror_in, mirror_out, scale_in=None, scale_out=None, dtype=torch.float32):
    """(size, weights, what the outputs are in equilibrium [output]) of an MLP; mirror_in, mirror_out: signs of its inputs and
    outputs in a mirror; scales: 1 unless given."""
    linear = [layer for layer in network.layers if isinstance(layer, torch.nn.Linear)]
    activation = ACTIVATIONS[type(network.layers[1]).__name__]
    size = Size(linear[0].in_features, linear[-1].out_features, linear[0].out_features, len(linear) - 1, activation, bound)
    scale_in = torch.ones(size.inputs) if scale_in is None else scale_in
    scale_out = torch.ones(size.outputs) if scale_out is None else scale_out
    layers = [torch.cat((layer.weight, layer.bias[:, None]), 1) for layer in linear]
    parts = [scale_in, mirror_in, *layers, scale_out, mirror_out]
    weights = torch.cat([part.detach().flatten().to(dtype) for part in parts]).numpy()
    rest = np.empty((size.outputs, 1))
    evaluate(weights, size, np.zeros((size.inputs, 1)), np.zeros(size.outputs), rest)
    return size, weights, rest[:, 0]


@compiled
def _activate(table, activation):
    """The activation of a whole table, in place."""
    y = table.reshape(table.size)
    if activation != SILU:
        saturate(table)
    elif y.itemsize == 4:
        for i in range(y.size):
            y[i] = y[i] / (ONE + exp2_single(-ROOT * S(min(max(y[i], -FADES), FADES))))
    else:
        for i in range(y.size):
            y[i] = y[i] / (1.0 + exp2(-LOG2E * max(y[i], -600.0)))


@compiled
def evaluate(weights, size, phi, rest, out):
    """The outputs [output, column] for phi [input, column]: half the sum of N(x) and what a mirror makes of N(its image), less
    ``rest``."""
    columns, wide = phi.shape[1], size.inputs + 1
    both = padded(2 * columns, BYTES // weights.itemsize)
    x = np.zeros((wide, both), weights.dtype)
    for k in range(size.inputs):
        inverse = 1.0 / weights[k]
        for i in range(columns):
            x[k, i] = phi[k, i] * inverse
            x[k, columns + i] = weights[size.inputs + k] * x[k, i]
    stretch(x)
    x[size.inputs] = ONE
    at = 2 * size.inputs
    for _ in range(size.depth):
        y = np.empty((size.width + 1, both), weights.dtype)
        multiply(weights, at, wide, 1, x, y[: size.width])
        _activate(y[: size.width], size.activation)
        y[size.width] = ONE
        at += size.width * wide
        x, wide = y, size.width + 1
    y = np.empty((size.outputs, both), weights.dtype)
    multiply(weights, at, wide, 1, x, y)
    at += size.outputs * wide
    for k in range(size.outputs):
        for i in range(both):
            y[k, i] /= size.bound
    saturate(y)
    for k in range(size.outputs):
        scale, sign = 0.5 * size.bound * weights[at + k], weights[at + size.outputs + k]
        for i in range(columns):
            out[k, i] = scale * (y[k, i] + sign * y[k, columns + i]) - rest[k]
