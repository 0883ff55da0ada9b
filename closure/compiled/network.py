"""The mirror-equivariant network (``learned.networks.Equivariant`` in ``Normalised``) on rows, in the precision of its weights.

In ``Data.weights`` (single precision) or among ``Data.numbers`` (double), member after member of an ensemble: scale_in [input],
of every layer the even matrix with its bias as last column [2 half, even + odd + 1] and the odd matrix [half, odd]; then to_even
and to_odd [output, half], constant and scale_out [output].

The rows are filled up for ``product.multiply``. The loops between the products run over whole tables, which vectorises to the
end; a row of ones brings the bias.
"""

from math import sqrt
from typing import NamedTuple

import numpy as np
import torch
from numba import types

from knudsen.closure.compiled.product import BYTES, SINGLE, multiply, padded
from knudsen.closure.compiled.vectors import add, inverse_root
from knudsen.closure.learned.networks import Equivariant
from knudsen.compile import compiled
from knudsen.solvers.rows import EXP2_SINGLE, LOG2E, SHIFT_SINGLE, bits_of_single, exp2, log, single_of


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
        tables, constant = torch.zeros(2, size.outputs, size.half, dtype=dtype), torch.zeros(size.outputs, dtype=dtype)
        if net.even_out:
            tables[0, net.even_out], constant[net.even_out] = net.to_even.weight.to(dtype), net.to_even.bias.to(dtype)
        if net.odd_out:
            tables[1, net.odd_out] = net.to_odd.weight.to(dtype)
        parts.append(member.scale_in[order_of(members)])
        for layer in net.layers:
            parts += [torch.cat((layer["even"].weight, layer["even"].bias[:, None]), 1), layer["odd"].weight]
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
def tanh(x):
    """To 1e-16, absolute; odd."""
    e = exp2(-2.0 * LOG2E * min(abs(x), 20.0))
    value = (1.0 - e) / (1.0 + e)
    return value if x > 0.0 else -value


ZERO, ONE, TWO, S = np.float32(0.0), np.float32(1.0), np.float32(2.0), np.float32
ROOT_TWO, LN2, MANTISSA = S(2.0**0.5), S(0.6931471805599453), types.int32(0x7FFFFF)
ARTANH = tuple(S(2.0 / k) for k in (3, 5, 7, 9))


@compiled(fastmath={"contract"})
def arsinh_single(x):
    """In single precision, to 2e-7 of the value; odd. ln(1 + t) = 2 artanh(t/(2 + t)) where t is small, as ``solvers.rows.log``
    elsewhere."""
    y = abs(x)
    t = y + y * y / (ONE + sqrt(ONE + y * y))
    bits = bits_of_single(ONE + t)
    exponent = types.int32(types.int32(bits >> types.int32(23)) - types.int32(127))
    m = single_of(types.int32((bits & MANTISSA) | types.int32(0x3F800000)))
    large = m > ROOT_TWO
    m = S(0.5) * m if large else m
    exponent = types.int32(exponent + types.int32(1)) if large else exponent
    rest = t if exponent == types.int32(0) else m - ONE
    z = rest / (TWO + rest)
    w = z * z
    p = ((ARTANH[3] * w + ARTANH[2]) * w + ARTANH[1]) * w + ARTANH[0]
    value = S(exponent) * LN2 + (TWO * z + z * w * p)
    return value if x > S(0.0) else -value


@compiled(fastmath={"contract"})
def tanh_single(x):
    """In single precision, to 2e-7 of the value; odd. From e^2x - 1, made without loss where x is small."""
    y = TWO * S(LOG2E) * min(abs(x), S(10.0))
    shifted = y + SHIFT_SINGLE
    r = y - (shifted - SHIFT_SINGLE)  # 2^r - 1 = r p
    p = ((EXP2_SINGLE[6] * r + EXP2_SINGLE[5]) * r + EXP2_SINGLE[4]) * r + EXP2_SINGLE[3]
    p = (p * r + EXP2_SINGLE[2]) * r + EXP2_SINGLE[1]
    whole = single_of(types.int32(types.int32(bits_of_single(shifted) << types.int32(23)) + types.int32(0x3F800000)))
    rise = whole * (r * p) + (whole - ONE)
    value = rise / (rise + TWO)
    return value if x > S(0.0) else -value


@compiled
def stretch(table):
    """arsinh of a whole table, in place, in its precision."""
    x = table.reshape(table.size)
    if x.itemsize == 4:
        for i in range(x.size):
            x[i] = arsinh_single(S(x[i]))
    else:
        for i in range(x.size):
            x[i] = arsinh(x[i])


@compiled
def saturate(table):
    """tanh of a whole table, in place."""
    x = table.reshape(table.size)
    if x.itemsize == 4:
        for i in range(x.size):
            x[i] = tanh_single(S(x[i]))
    else:
        for i in range(x.size):
            x[i] = tanh(x[i])


@compiled
def _enter(weights, begin, size, phi, order, x, odd):
    """The stretched inputs: into x [even + odd + 1, column] the even ones, the squares of the odd ones and ones; the odd ones."""
    x[:], odd[:] = ZERO, ZERO
    for k in range(size.evens):
        row, inverse = order[k], 1.0 / weights[begin + k]
        for i in range(phi.shape[1]):
            x[k, i] = phi[row, i] * inverse
    for k in range(odd.shape[0]):
        row, inverse = order[size.evens + k], 1.0 / weights[begin + size.evens + k]
        for i in range(phi.shape[1]):
            odd[k, i] = phi[row, i] * inverse
    stretch(x[: size.evens])
    stretch(odd)
    for k in range(odd.shape[0]):
        for i in range(odd.shape[1]):
            x[size.evens + k, i] = odd[k, i] * odd[k, i]
    x[size.inputs] = ONE


@compiled
def _activate(both, lifted, x, odd):
    """A layer's even channels and the squares of its odd ones into x [2 half + 1, column], these into odd, of A [E, O^2, 1] and
    C O."""
    count = lifted.size
    pre, out, lift, now = both.reshape(both.size), x.reshape(x.size), lifted.reshape(count), odd.reshape(count)
    for i in range(count):
        y, gate = pre[i], pre[count + i]
        root, gate_root = inverse_root(y), inverse_root(gate)
        value = lift[i] * (ONE + gate * gate_root)
        out[i], out[count + i], now[i] = y * root, value * value, value


@compiled
def _gate(gates, lifted, odd):
    """The odd channels of a last layer alone, of D [E, O^2, 1] and C O."""
    pre, lift, now = gates.reshape(lifted.size), lifted.reshape(lifted.size), odd.reshape(lifted.size)
    for i in range(lifted.size):
        now[i] = lift[i] * (ONE + pre[i] * inverse_root(pre[i]))


@compiled
def _is_odd(weights, at, size):
    """Are all outputs odd? Then nobody asks for the last even channels. at: where to_even stands."""
    even = False
    for k in range(size.outputs * size.half):
        even |= weights[at + k] != 0.0
    return not even


@compiled
def _say(weights, at, size, even, odd, rest, out, steep):
    """Adds a member's mean part of the outputs to out; steep [output, column]: its derivative by what the last layer says."""
    many, shape = size.outputs * size.half, (size.outputs, odd.shape[1])
    said, by_even = np.empty(shape, weights.dtype), np.empty(shape, weights.dtype)
    multiply(weights, at + many, size.half, 1, odd, said)
    if not _is_odd(weights, at, size):
        multiply(weights, at, size.half, 1, even, by_even)
        add(ONE, by_even, said)
    at += 2 * many
    for k in range(size.outputs):
        constant = weights[at + k]
        for i in range(said.shape[1]):
            said[k, i] = (said[k, i] + constant) / size.bound
    saturate(said)
    for k in range(size.outputs):
        scale = weights[at + size.outputs + k] / size.members
        for i in range(said.shape[1]):
            steep[k, i] = (1.0 - said[k, i] * said[k, i]) * scale
        for i in range(out.shape[1]):
            out[k, i] += said[k, i] * (size.bound * scale) - rest[k] / size.members
    return at + 2 * size.outputs


@compiled
def evaluate(weights, size, phi, order, rest, out):
    """The mean of the members' outputs, without ``rest``, into out [output, column]; phi [input, column], as the law orders it;
    order: its row for each input of the network."""
    half, width, odds, at = size.half, padded(phi.shape[1], BYTES // weights.itemsize), size.inputs - size.evens, 0
    both, lifted = np.empty((2 * half, width), weights.dtype), np.empty((half, width), weights.dtype)
    steep = np.empty((size.outputs, width), weights.dtype)
    out[:] = 0.0
    for m in range(size.members):
        x, odd = np.empty((size.inputs + 1, width), weights.dtype), np.empty((odds, width), weights.dtype)
        _enter(weights, at, size, phi, order, x, odd)
        at += size.inputs
        for layer in range(size.depth):
            wide, below = x.shape[0], odd.shape[0]
            multiply(weights, at + 2 * half * wide, below, 1, odd, lifted)
            end = at + 2 * half * wide + half * below
            gated = layer == size.depth - 1 and _is_odd(weights, end, size)
            if gated:
                multiply(weights, at + half * wide, wide, 1, x, both[:half])
            else:
                multiply(weights, at, wide, 1, x, both)
            at = end
            if layer == 0:
                x, odd = np.empty((2 * half + 1, width), weights.dtype), np.empty((half, width), weights.dtype)
                x[2 * half] = ONE
            if gated:
                _gate(both[:half], lifted, odd)
            else:
                _activate(both, lifted, x, odd)
        at = _say(weights, at, size, x[:half], odd, rest[m], out, steep)


@compiled
def differentiate(weights, size, phi, order, rest, out, slopes):
    """As ``evaluate``, and the outputs' derivatives by x = arsinh(phi/scale), scale the first member's, into slopes
    [output * input, column], as the law orders them, by backpropagation. In single precision."""
    columns, half, odds, depth = phi.shape[1], size.half, size.inputs - size.evens, size.depth
    width = padded(columns, SINGLE)
    most = max(odds, half)
    pre, lifts = np.empty((depth, 2 * half, width), np.float32), np.empty((depth, half, width), np.float32)
    odd_in = np.empty((depth, most, width), np.float32)  # the odd channels before each layer
    d_both, steep = np.empty((2 * half, width), np.float32), np.empty((size.outputs, width), np.float32)
    out[:] = 0.0
    slopes[:] = 0.0
    begin = 0
    for m in range(size.members):
        x, odd = np.empty((size.inputs + 1, width), np.float32), odd_in[0, :odds]
        _enter(weights, begin, size, phi, order, x, odd)
        at = begin + size.inputs
        last = np.empty((half, width), np.float32)
        for layer in range(depth):
            wide, below = x.shape[0], odd.shape[0]
            multiply(weights, at, wide, 1, x, pre[layer])
            at += 2 * half * wide
            multiply(weights, at, below, 1, odd, lifts[layer])
            at += half * below
            x = np.empty((2 * half + 1, width), np.float32)
            x[2 * half] = ONE
            odd = odd_in[layer + 1, :half] if layer < depth - 1 else last
            _activate(pre[layer], lifts[layer], x, odd)
        end, tail = _say(weights, at, size, x[:half], odd, rest[m], out, steep), at
        for o in range(size.outputs):
            at = tail
            d_even, d_odd = np.empty((half, width), np.float32), np.empty((half, width), np.float32)
            for k in range(half):
                to_even, to_odd = weights[tail + o * half + k], weights[tail + (size.outputs + o) * half + k]
                for i in range(width):
                    d_even[k, i], d_odd[k, i] = to_even * steep[o, i], to_odd * steep[o, i]
            for layer in range(depth - 1, -1, -1):
                below, above = (odds, size.evens) if layer == 0 else (half, half)
                _deactivate(pre[layer], lifts[layer], d_even, d_odd, d_both)
                lower, d_in = np.empty((below, width), np.float32), np.empty((above + below, width), np.float32)
                at -= half * below
                multiply(weights, at, 1, below, d_odd, lower)
                at -= 2 * half * (above + below + 1)
                multiply(weights, at, 1, above + below + 1, d_both, d_in)
                for k in range(below):
                    for i in range(width):
                        lower[k, i] += TWO * odd_in[layer, k, i] * d_in[above + k, i]
                d_even, d_odd = d_in[:above], lower
            for k in range(size.inputs):
                by = d_even[k] if k < size.evens else d_odd[k - size.evens]
                source, target = phi[order[k]], slopes[o * size.inputs + order[k]]
                own, first = S(weights[begin + k]) ** TWO, S(weights[k]) ** TWO
                if m == 0:
                    for i in range(columns):
                        target[i] += by[i]
                else:
                    for i in range(columns):
                        square = S(source[i] * source[i])
                        target[i] += by[i] * sqrt((first + square) / (own + square))
        begin = end


@compiled
def _deactivate(both, lifted, d_even, d_odd, d_both):
    """Derivatives by what a layer says [2 half, column] of those by its even and odd channels; the latter, in place, those by
    C O."""
    count = lifted.size
    pre, lift, by = both.reshape(both.size), lifted.reshape(count), d_both.reshape(both.size)
    even, odd = d_even.reshape(count), d_odd.reshape(count)
    for i in range(count):
        root, gate = inverse_root(pre[i]), inverse_root(pre[count + i])
        by[i] = even[i] * root * root * root
        by[count + i] = odd[i] * lift[i] * gate * gate * gate
        odd[i] *= ONE + pre[count + i] * gate
