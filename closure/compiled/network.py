"""The mirror-equivariant network (``learned.networks.Equivariant`` in ``Normalised``) on rows, in the precision of its weights.

In ``Data.weights`` (single precision) or among ``Data.numbers`` (double), member after member of an ensemble: scale_in [input],
of every layer the even matrix [2 half, even + odd], its bias [2 half] and the odd matrix [half, odd]; then to_even and to_odd
[output, half], constant and scale_out [output].
"""

from math import sqrt
from typing import NamedTuple

import numpy as np
import torch

from knudsen.closure.compiled.vectors import add, copy, inverse_root, matrix
from knudsen.closure.learned.networks import Equivariant
from knudsen.compile import compiled
from knudsen.solvers.rows import LOG2E, exp2, log


class Size(NamedTuple):
    """What all members have in common: numbers of members, inputs (the first ``evens`` of them even), layers, channels of each
    parity, outputs; the largest output (``Normalised.bound``)."""

    members: int
    inputs: int
    evens: int
    depth: int
    half: int
    outputs: int
    bound: float


def is_compilable(members) -> bool:
    """Are the networks equivariant and of one architecture? Of the very class: one derived from it may compute otherwise."""
    nets = [member.network for member in members]
    return all(type(net) is Equivariant for net in nets) and 1 == len(
        {(net.layers[0]["odd"].weight.shape, len(net.layers)) for net in nets}
    )


def size_of(members) -> Size:
    net = members[0].network
    evens, half = len(net.even_in), net.layers[0]["odd"].weight.shape[0]
    outputs = len(net.even_out) + len(net.odd_out)
    return Size(len(members), evens + len(net.odd_in), evens, len(net.layers), half, outputs, float(members[0].bound))


def order_of(members) -> list[int]:
    """The law's number of each input of the network."""
    return members[0].network.even_in + members[0].network.odd_in


@torch.no_grad()
def weights_of(members, dtype=torch.float32) -> np.ndarray:
    parts = []
    for member in members:
        net, size = member.network, size_of(members)
        tables = torch.zeros(2, size.outputs, size.half, dtype=dtype)
        constant = torch.zeros(size.outputs, dtype=dtype)
        if net.even_out:
            tables[0, net.even_out], constant[net.even_out] = net.to_even.weight.to(dtype), net.to_even.bias.to(dtype)
        if net.odd_out:
            tables[1, net.odd_out] = net.to_odd.weight.to(dtype)
        parts.append(member.scale_in[order_of(members)])
        for layer in net.layers:
            parts += [layer["even"].weight, layer["even"].bias, layer["odd"].weight]
        parts += [tables, constant, member.scale_out]
    return torch.cat([part.flatten().to(dtype) for part in parts]).numpy()


@torch.no_grad()
def at_rest(members, parity_out) -> np.ndarray:
    """What the even outputs of each member say in equilibrium, [member, output]."""
    rest = torch.stack([member(torch.zeros(1, len(order_of(members)), dtype=torch.float64))[0] for member in members])
    return torch.where(parity_out > 0, rest, 0.0).numpy()


@compiled
def arsinh(x):
    """Odd; to 1e-16, absolute where |x| < 1."""
    y = abs(x)
    value = log(1.0 + (y + y * y / (1.0 + sqrt(1.0 + y * y))))
    return value if x > 0.0 else -value


@compiled
def evaluate(weights, size, phi, order, rest, out):
    """The mean of the members' outputs, without ``rest``, into out [output, column]; phi [input, column], as the law orders it;
    order: its row for each input of the network."""
    half, width, odds = size.half, phi.shape[1], size.inputs - size.evens
    unit, at = np.float32(1.0), 0
    out[:] = 0.0
    for m in range(size.members):
        x, odd = np.empty((size.inputs, width), weights.dtype), np.empty((odds, width), weights.dtype)
        for k in range(size.inputs):
            source, scale = phi[order[k]], 1.0 / weights[at + k]
            target = x[k] if k < size.evens else odd[k - size.evens]
            for i in range(width):
                target[i] = arsinh(source[i] * scale)
        at += size.inputs
        for _ in range(size.depth):
            above, below = x.shape[0] - odd.shape[0], odd.shape[0]
            for k in range(below):
                for i in range(width):
                    x[above + k, i] = odd[k, i] * odd[k, i]
            both = np.dot(matrix(weights, at, 2 * half, above + below), x)
            at += 2 * half * (above + below)
            bias = weights[at : at + 2 * half]
            at += 2 * half
            odd = np.dot(matrix(weights, at, half, below), odd)
            at += half * below
            x = np.empty((2 * half, width), weights.dtype)
            for k in range(half):
                for i in range(width):
                    y = both[k, i] + bias[k]
                    x[k, i] = y * inverse_root(y)
                for i in range(width):
                    y = both[half + k, i] + bias[half + k]
                    odd[k, i] *= unit + y * inverse_root(y)
        said = np.dot(matrix(weights, at, size.outputs, half), x[:half])
        at += size.outputs * half
        add(unit, np.dot(matrix(weights, at, size.outputs, half), odd), said)
        at += size.outputs * half
        for k in range(size.outputs):
            constant, scale = weights[at + k], weights[at + size.outputs + k]
            for i in range(width):
                y = (said[k, i] + constant) / size.bound
                e = exp2(-2.0 * LOG2E * min(abs(float(y)), 20.0))
                value = (1.0 - e) / (1.0 + e) * size.bound * scale
                out[k, i] += ((value if y > 0.0 else -value) - rest[m, k]) / size.members
        at += 2 * size.outputs


@compiled
def differentiate(weights, size, phi, order, rest, first, out, g):
    """As ``evaluate``, and the outputs' derivatives by the inputs ``first``, first + 1, ... as the law orders them into
    g [output * input, column], by backpropagation."""
    half, width, odds, depth = size.half, phi.shape[1], size.inputs - size.evens, size.depth
    unit, slopes = np.float32(1.0), size.inputs - first
    widest = max(odds, half)
    pre, roots = np.empty((depth, 2 * half, width), np.float32), np.empty((depth, 2 * half, width), np.float32)
    lifted, stretch = np.empty((depth, half, width), np.float32), np.empty((size.inputs, width), np.float32)
    steep = np.empty(width, np.float32)
    odd_in = np.empty((depth + 1, widest, width), np.float32)  # the odd channels before each layer, and the last ones
    out[:] = 0.0
    g[:] = 0.0
    begin = 0
    for m in range(size.members):
        at = begin + size.inputs
        x = np.empty((size.inputs, width), np.float32)
        for k in range(size.inputs):
            source, scale = phi[order[k]], 1.0 / weights[begin + k]
            target = x[k] if k < size.evens else odd_in[0, k - size.evens]
            for i in range(width):
                target[i] = np.float32(arsinh(source[i] * scale))
                stretch[k, i] = np.float32(scale) * inverse_root(np.float32(source[i] * scale))
        below = odds
        for layer in range(depth):
            above = x.shape[0] - below
            for k in range(below):
                for i in range(width):
                    x[above + k, i] = odd_in[layer, k, i] * odd_in[layer, k, i]
            both, bias = pre[layer], weights[at + 2 * half * (above + below) : at + 2 * half * (above + below + 1)]
            copy(np.dot(matrix(weights, at, 2 * half, above + below), x), both)
            at += 2 * half * (above + below + 1)
            copy(np.dot(matrix(weights, at, half, below), odd_in[layer, :below]), lifted[layer])
            at += half * below
            x = np.empty((2 * half, width), np.float32)
            root = roots[layer]
            for k in range(2 * half):
                for i in range(width):
                    both[k, i] += bias[k]
                    root[k, i] = inverse_root(both[k, i])
            for k in range(half):
                for i in range(width):
                    x[k, i] = both[k, i] * root[k, i]
                for i in range(width):
                    odd_in[layer + 1, k, i] = lifted[layer, k, i] * (unit + both[half + k, i] * root[half + k, i])
            below = half
        to_even = matrix(weights, at, size.outputs, half)
        to_odd = matrix(weights, at + size.outputs * half, size.outputs, half)
        tail = at + 2 * size.outputs * half
        said = np.dot(to_even, x[:half])
        add(unit, np.dot(to_odd, odd_in[depth, :half]), said)
        for o in range(size.outputs):
            constant, scale = weights[tail + o], weights[tail + size.outputs + o]
            d_even, d_odd = np.empty((half, width), np.float32), np.empty((half, width), np.float32)
            for i in range(width):
                y = (said[o, i] + constant) / size.bound
                e = exp2(-2.0 * LOG2E * min(abs(float(y)), 20.0))
                value = (1.0 - e) / (1.0 + e)
                steep[i] = np.float32((1.0 - value * value) * scale / size.members)
                value *= size.bound * scale
                out[o, i] += ((value if y > 0.0 else -value) - rest[m, o]) / size.members
            for k in range(half):
                for i in range(width):
                    d_even[k, i], d_odd[k, i] = to_even[o, k] * steep[i], to_odd[o, k] * steep[i]
            end = at
            for layer in range(depth - 1, -1, -1):
                below = odds if layer == 0 else half
                above = size.evens if layer == 0 else half
                end -= half * below
                odd_weights = matrix(weights, end, half, below)
                end -= 2 * half * (above + below + 1)
                even_weights = matrix(weights, end, 2 * half, above + below)
                both, root, d_both = pre[layer], roots[layer], np.empty((2 * half, width), np.float32)
                for k in range(half):
                    for i in range(width):
                        d_both[k, i] = d_even[k, i] * root[k, i] * root[k, i] * root[k, i]
                    for i in range(width):
                        r = root[half + k, i]
                        d_both[half + k, i] = d_odd[k, i] * lifted[layer, k, i] * r * r * r
                        d_odd[k, i] *= unit + both[half + k, i] * r
                d_in, lower = np.dot(even_weights.T, d_both), np.dot(odd_weights.T, d_odd)
                for k in range(below):
                    for i in range(width):
                        lower[k, i] += np.float32(2.0) * odd_in[layer, k, i] * d_in[above + k, i]
                d_even, d_odd = d_in[:above], lower
            for k in range(size.inputs):
                if order[k] < first:
                    continue
                by = d_even[k] if k < size.evens else d_odd[k - size.evens]
                target = g[o * slopes + order[k] - first]
                for i in range(width):
                    target[i] += by[i] * stretch[k, i]
        begin = tail + 2 * size.outputs
