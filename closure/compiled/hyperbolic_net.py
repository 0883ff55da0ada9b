"""Row functions of the closures with a learned hyperbolic polynomial (``learned.gradient_net``, ``learned.entropy_net``, where
the formulae stand). Their networks compute in single precision, the rest in double."""

from math import sqrt
from typing import NamedTuple

import numpy as np
import torch

from knudsen.closure.compiled import feedforward
from knudsen.closure.compiled.product import SINGLE, multiply, padded
from knudsen.closure.compiled.protocol import (
    DEPARTURE,
    FAST,
    PRODUCT,
    SIDES,
    SLOW,
    SPEED,
    TEMPERATURE,
    VARIABLES,
    VELOCITY,
    Data,
    Rows,
    row_function,
)
from knudsen.closure.compiled.raw import OTHER_COUNTS, OTHER_NUMBERS, boost, raw_numbers, relax, source
from knudsen.closure.compiled.vectors import TINY, add, copy, exp, matrix, rescale, shift, smoothstep
from knudsen.closure.compiled.walls import raw_wall
from knudsen.closure.laws.hme import hermite_norms
from knudsen.closure.laws.recurrence import A_LIMIT, B_LIMIT
from knudsen.closure.learned.networks import ICNN
from knudsen.compile import compiled
from knudsen.solvers.rows import LOG2E, exp2, exp2_single, log, log1p_single

GRADIENT, ENTROPY = 0, 1  # which network
ROOT, FADES = np.float32(LOG2E), np.float32(80.0)  # e^-80 counts as nothing beside 1


class Hyperbolic(NamedTuple):
    """n moments; kind of network, its sizes and its numbers; reach: the largest speed at rest; up, down [n - 1]: the Perron
    vector's ratios; he, inverse [n + 1, n + 1]: Hermite polynomials in powers, and back; network, weights: its numbers in double
    and in single precision."""

    n: int
    kind: int
    sizes: np.ndarray
    bound: float
    reach: float
    up: np.ndarray
    down: np.ndarray
    he: np.ndarray
    inverse: np.ndarray
    network: np.ndarray
    weights: np.ndarray


def gradient_rows(law) -> Rows | None:
    """Of GradientNet; None where its network is no MLP."""
    net = law.network
    if not feedforward.is_compilable(net.network):
        return None
    size, weights, rest = feedforward.weights_of(net.network, float(net.bound), law._parity_in, law._parity_out)
    return _rows(law, GRADIENT, size[:-1], size.bound, rest.tolist(), weights)


@torch.no_grad()
def entropy_rows(law) -> Rows | None:
    """Of EntropyNet; None where its network is no ``ICNN``. Its numbers: the norms and mirror signs of w_3..w_{n-1}, the slopes
    at rest; nodes and Maxwellian. Its weights: of every hidden layer the direct matrix and the bias, from the second one on
    the positive matrix too; the direct and the positive row of the output."""
    net, n = law.network, law.n_g
    if type(net) is not ICNN:
        return None
    positive = [None, *(torch.nn.functional.softplus(free) for free in net.positive)]
    layers = [(layer.weight, layer.bias) for layer in net.direct]
    weights = []
    for (weight, bias), P in zip(layers[:-1], positive[:-1], strict=True):
        weights += [weight, bias, *(() if P is None else (P,))]
    weights = torch.cat([part.flatten().float() for part in (*weights, layers[-1][0], positive[-1])]).numpy()
    sizes = np.array((n - 3, len(layers[0][1]), len(layers) - 1, len(law._c), 0))
    known = torch.cat((hermite_norms(n - 1)[3:], law._parity, torch.zeros(n - 3))).numpy()
    rest = _slope(known, weights, sizes, np.zeros((n - 3, 1)))[:, 0]
    numbers = [*known[: 2 * (n - 3)], *rest, *law._c.tolist(), *law._maxwellian.tolist()]
    return _rows(law, ENTROPY, sizes, law.FLOOR, numbers, weights)


def _rows(law, kind, sizes, bound, network, weights) -> Rows:
    counts, numbers = raw_numbers(law)
    counts += [kind, *sizes]
    numbers += [bound, law._reach]
    for table in (law._up, law._down, law._he, law._he_inverse):
        numbers += table.flatten().tolist()
    return Rows(
        wall=raw_wall,
        data=Data(np.array(counts, np.int64), np.array(numbers + network, float), weights), energy=law.energy_weights,
        height=law.n_g, variables=variables, sides=sides, speed=speed, boost=boost, relax=relax, source=source, product=product,
    )  # fmt: skip


@compiled
def law_of(data):
    c, numbers, n, at = data.counts, data.numbers, data.counts[0], OTHER_NUMBERS + 2
    tables, size = at + 2 * (n - 1), (n + 1) * (n + 1)
    return Hyperbolic(
        n, c[OTHER_COUNTS], c[OTHER_COUNTS + 1 :], numbers[at - 2], numbers[at - 1],
        numbers[at : at + n - 1], numbers[at + n - 1 : tables],
        matrix(numbers, tables, n + 1, n + 1), matrix(numbers, tables + size, n + 1, n + 1), numbers[tables + 2 * size :],
        data.weights,
    )  # fmt: skip


@compiled
def _fluid(U, rows):
    """rho, u, sqrt(T), -u, 1/sqrt(T) into the rows."""
    for i in range(U.shape[1]):
        u = U[1, i] / U[0, i]
        s = sqrt(max(U[2, i] / U[0, i] - u * u, TINY))
        rows[0, i], rows[1, i], rows[2, i], rows[3, i], rows[4, i] = max(U[0, i], TINY), u, s, -u, 1.0 / s


@compiled
def _times(table, x):
    """A leading part of a table [n + 1, n + 1] with every other diagonal below its own, times x."""
    y = np.zeros(x.shape)
    for k in range(x.shape[0]):
        for j in range(k % 2, k + 1, 2):
            for i in range(x.shape[1]):
                y[k, i] += table[k, j] * x[j, i]
    return y


@compiled
def _hermite(law, U, rows):
    """w_0..w_{n-1} of raw moments; rows: those of ``_fluid``, and one of scratch."""
    own = np.empty(U.shape)
    for k in range(law.n):
        for i in range(U.shape[1]):
            own[k, i] = U[k, i] / rows[0, i]
    shift(own, 0, law.n, rows[3])
    rescale(own, 0, law.n, rows[4], rows[5])
    return _times(law.he, own)


@row_function(VARIABLES)
def variables(data, U, V):
    rows = np.empty((6, U.shape[1]))
    _fluid(U, rows)
    for i in range(U.shape[1]):
        V[0, i], V[1, i], V[2, i] = log(rows[0, i]), rows[1, i], -2.0 * log(rows[4, i])
    copy(_hermite(law_of(data), U, rows)[3:], V[3:])


@compiled
def _learned_gradient(law, alpha, beta):
    """The recurrence beyond the state's own, of GradientNet; beta: as b_k/k, for all k."""
    n, width = law.n, alpha.shape[1]
    h = (n - 1) // 2
    phi, out, rows = np.empty((2 * h - 2, width)), np.empty((n, width)), np.zeros((2, width))
    mean, size = rows[0], rows[1]
    for k in range(h):
        for i in range(width):
            ln_b = log(beta[k + 1, i])
            mean[i] += alpha[k, i] / h
            size[i] += ln_b / h
            if k > 0:
                phi[k - 1, i], phi[h - 2 + k, i] = alpha[k, i], ln_b
    sizes = law.sizes
    size_of = feedforward.Size(sizes[0], sizes[1], sizes[2], sizes[3], sizes[4], law.bound)
    feedforward.evaluate(law.weights, size_of, phi, law.network, out)
    for i in range(width):
        s, s2 = exp(0.5 * size[i]), size[i]
        for k in range(h, n):
            alpha[k, i] = mean[i] + s * out[k - h, i]
        for k in range(h + 1, n):
            beta[k, i] = exp(s2 + out[k, i])


@compiled
def _slope(numbers, weights, sizes, w):
    """d h-hat / d w_k, k = 3..n-1, of EntropyNet, from rows w_3..w_{n-1}; its network computes in single precision."""
    inputs, units, depth, at = sizes[0], sizes[1], sizes[2], 0
    width, one, zero = w.shape[1], np.float32(1.0), np.float32(0.0)
    both = padded(2 * width, SINGLE)
    x, slopes = np.zeros((inputs, both), np.float32), np.empty((depth, units, both), np.float32)
    for k in range(inputs):
        norm, sign = 1.0 / numbers[k], np.float32(numbers[inputs + k])
        for i in range(width):
            x[k, i] = w[k, i] * norm
            x[k, width + i] = sign * x[k, i]
    tables = np.empty((3, units, both), np.float32)
    y, z, by_z = tables[0], tables[1], tables[2]
    for layer in range(depth):
        multiply(weights, at, inputs, 1, x, y)
        bias = weights[at + units * inputs : at + units * (inputs + 1)]
        at += units * (inputs + 1)
        if layer > 0:
            multiply(weights, at, units, 1, z, by_z)
            add(one, by_z, y)
            at += units * units
        for k in range(units):
            shift = bias[k]
            for i in range(both):
                value = y[k, i] + shift
                e = exp2_single(-ROOT * min(abs(value), FADES))
                slopes[layer, k, i] = (one if value > zero else e) / (one + e)
                if layer < depth - 1:  # what a last softplus says is the entropy itself
                    z[k, i] = max(value, zero) + log1p_single(e)
    total, by_x, back = np.empty((inputs, both), np.float32), np.empty((inputs, both), np.float32), y
    for k in range(inputs):
        total[k] = weights[at + k]
    for k in range(units):
        by = weights[at + inputs + k]
        for i in range(both):
            back[k, i] = by * slopes[depth - 1, k, i]
    for layer in range(depth - 1, -1, -1):
        if layer > 0:
            at -= units * units
        multiply(weights, at - units * (inputs + 1), 1, inputs, back, by_x)
        add(one, by_x, total)
        if layer > 0:
            multiply(weights, at, 1, units, back, by_z)
            for k in range(units):
                for i in range(both):
                    back[k, i] = by_z[k, i] * slopes[layer - 1, k, i]
        at -= units * (inputs + 1)
    g = np.empty((inputs, width))
    for k in range(inputs):
        norm, sign, rest = numbers[k], numbers[inputs + k], numbers[2 * inputs + k]
        for i in range(width):
            g[k, i] = 0.5 * (total[k, i] + sign * total[k, width + i]) / norm - rest
    return g


@compiled
def _learned_entropy(law, w, m, alpha, beta):
    """The recurrence beyond the state's own, of EntropyNet; beta: as b_k/k; m: the plain moments."""
    n, width = law.n, m.shape[1]
    g, multipliers = _slope(law.network, law.weights, law.sizes, w), np.zeros((7, width))
    for k in range(3, n):  # by the plain moments
        for j in range(k + 1):
            for i in range(width):
                multipliers[j, i] += law.he[k, j] * g[k - 3, i]
    multipliers[:2] = 0.0
    multipliers[2] = -0.5
    for k in range(3, n):
        for i in range(width):
            multipliers[1, i] -= k * m[k - 1, i] * multipliers[k, i]
            multipliers[2, i] -= 0.5 * k * m[k, i] * multipliers[k, i]
    _stieltjes(law, multipliers, alpha, beta)


@compiled
def _stieltjes(law, multipliers, alpha, beta):
    """alpha_k, k >= h, and beta_k/k, k > h, of exp(multipliers . powers) on the nodes, by Stieltjes' procedure, column by column:
    the loops over the nodes vectorise, and everything stays in first-level cache. multipliers [7, column]. No view of a table is
    made on the way: each would be counted, in time for a loop over the nodes."""
    n, nodes, start = law.n, law.sizes[3], 3 * (law.n - 3)
    h, c, maxwellian = (n - 1) // 2, law.network[start : start + nodes], law.network[start + nodes : start + 2 * nodes]
    f, polynomials = np.empty(nodes), np.empty((2, nodes))
    for i in range(multipliers.shape[1]):
        b1, b2, b3 = multipliers[1, i], multipliers[2, i], multipliers[3, i]
        b4, b5, b6 = multipliers[4, i], multipliers[5, i], multipliers[6, i]
        size = flow = mass = top = beyond = 0.0
        for j in range(nodes):
            x = c[j]
            value = (((((b6 * x + b5) * x + b4) * x + b3) * x + b2) * x + b1) * x
            f[j] = value
            beyond += 1.0 if value > 600.0 else 0.0  # a sum vectorises where a maximum does not
        if beyond > 0.0:
            for j in range(nodes):
                top = max(top, f[j])
        for j in range(nodes):
            value = exp2(LOG2E * max(f[j] - top, -600.0))
            f[j] = value
            mass += value
        floor = mass * law.bound
        for j in range(nodes):
            value = f[j] + floor * maxwellian[j]
            f[j], polynomials[0, j], polynomials[1, j] = value, 1.0, 0.0
            size += value
            flow += c[j] * value
        mean, ratio = flow / size, 0.0
        for k in range(1, n):  # monic polynomials; the new one takes the place of the one before last
            now, new = (k - 1) % 2, k % 2
            before, size, flow = size, 0.0, 0.0
            for j in range(nodes):
                value = (c[j] - mean) * polynomials[now, j] - ratio * polynomials[new, j]
                weight = f[j] * value * value
                polynomials[new, j] = value
                size += weight
                flow += c[j] * weight
            mean, ratio = flow / size, size / before
            if k >= h:
                alpha[k, i] = mean
            if k > h:
                beta[k, i] = ratio / k


@compiled
def recurrence(data, law, w, alpha, beta):
    """alpha_0..alpha_{n-1} and beta_1..beta_{n-1}, rows [n, column], of w_3..w_{n-1}; beta[0] = 0."""
    n, width = law.n, w.shape[1]
    h = (n - 1) // 2
    all_w, sigma = np.zeros((n, width)), np.empty((3, n, width))
    all_w[0] = 1.0
    copy(w, all_w[3:])
    m = _times(law.inverse, all_w)
    sigma[0] = m  # Chebyshev's algorithm; sigma[k % 3, l] for l = k .. n - 1 - k
    for i in range(width):
        alpha[0, i] = m[1, i] / m[0, i]
    for k in range(1, h + 1):
        new, now, before = sigma[k % 3], sigma[(k - 1) % 3], sigma[(k - 2) % 3]
        for l in range(k, n - k):
            for i in range(width):
                new[l, i] = now[l + 1, i] - alpha[k - 1, i] * now[l, i]
            if k > 1:
                for i in range(width):
                    new[l, i] -= beta[k - 1, i] * before[l, i]
        for i in range(width):
            beta[k, i] = new[k, i] / now[k - 1, i]
            if k < h:
                alpha[k, i] = new[k + 1, i] / new[k, i] - now[k, i] / now[k - 1, i]
    for k in range(h):
        for i in range(width):
            a, b = alpha[k, i], beta[k + 1, i] / (k + 1)
            alpha[k, i] = min(max(a if a == a else 0.0, -A_LIMIT), A_LIMIT)
            beta[k + 1, i] = min(max(b if b == b else B_LIMIT, B_LIMIT), 1.0 / B_LIMIT)
    if law.kind == GRADIENT:
        _learned_gradient(law, alpha, beta)
    else:
        _learned_entropy(law, w, m, alpha, beta)
    beta[0] = 0.0
    for k in range(1, n):
        for i in range(width):
            beta[k, i] *= k


@compiled
def _span(data, law, V, span):
    """The bound of the own-frame speeds in units of sqrt(T)."""
    n = law.n
    tables = np.empty((2, n, V.shape[1]))
    alpha, beta = tables[0], tables[1]
    recurrence(data, law, V[3:], alpha, beta)
    span[:] = 0.0
    for k in range(n):
        ahead, behind, next_k = law.up[k] if k < n - 1 else 0.0, law.down[k - 1] if k > 0 else 0.0, min(k + 1, n - 1)
        for i in range(span.size):
            span[i] = max(span[i], abs(alpha[k, i]) + sqrt(beta[next_k, i]) * ahead + sqrt(beta[k, i]) * behind)


@row_function(SPEED)
def speed(data, V, speed):
    _span(data, law_of(data), V, speed)
    for i in range(speed.size):
        speed[i] = abs(V[1, i]) + exp(0.5 * V[2, i]) * speed[i]


@row_function(SIDES)
def sides(data, V, U, F, frame):
    law = law_of(data)
    n, width = law.n, V.shape[1]
    rows, w = np.empty((4, width)), np.zeros((n + 1, width))
    rho, s, ladder, span = rows[0], rows[1], rows[2], rows[3]
    _span(data, law, V, span)
    for i in range(width):
        rho[i], s[i] = exp(V[0, i]), exp(0.5 * V[2, i])
        fast = abs(V[1, i]) + s[i] * span[i]
        frame[SLOW, i], frame[FAST, i], frame[VELOCITY, i], frame[TEMPERATURE, i] = -fast, fast, V[1, i], s[i] * s[i]
        frame[DEPARTURE, i] = smoothstep((span[i] / law.reach - 1.25) / 0.5)
    w[0] = 1.0
    copy(V[3:], w[3:n])
    G = _times(law.inverse, w)
    rescale(G, 0, n + 1, s, ladder)
    shift(G, 0, n + 1, V[1])
    for k in range(n + 1):
        for i in range(width):
            G[k, i] *= rho[i]
    copy(G, U)
    copy(G[1:], F)


@row_function(PRODUCT)
def product(data, V_l, U_l, F_l, V_r, U_r, F_r, shift_r, product):
    """``HME.product``: the jumps in the frame of the middle state, the last one such that P_n's moment does not jump."""
    law = law_of(data)
    n, width = law.n, product.shape[1]
    middle, own, rows = np.empty((n, width)), np.empty((n + 1, width)), np.empty((6, width))
    tables, sigma = np.empty((2, n, width)), np.empty((3, n + 1, width))
    alpha, beta = tables[0], tables[1]
    for k in range(n):
        for i in range(width):
            middle[k, i] = 0.5 * (U_l[k, i] + U_r[k, i + shift_r])
            own[k, i] = U_r[k, i + shift_r] - U_l[k, i]
    _fluid(middle, rows)
    recurrence(data, law, _hermite(law, middle, rows)[3:], alpha, beta)
    shift(own, 0, n, rows[3])
    rescale(own, 0, n, rows[4], rows[5])
    own[n] = 0.0
    sigma[0] = own  # sigma[k % 3, l]: the moment of c^l P_k
    for k in range(1, n + 1):
        new, now, before = sigma[k % 3], sigma[(k - 1) % 3], sigma[(k - 2) % 3]
        for l in range(n - k + 1):
            for i in range(width):
                new[l, i] = now[l + 1, i] - alpha[k - 1, i] * now[l, i]
            if k > 1:
                for i in range(width):
                    new[l, i] -= beta[k - 1, i] * before[l, i]
    own[n] = -sigma[n % 3, 0]
    rescale(own, 0, n + 1, rows[2], rows[5])
    shift(own, 0, n + 1, rows[1])
    product[:] = 0.0
    for i in range(width):
        product[n - 1, i] = own[n, i] - (F_r[n - 1, i + shift_r] - F_l[n - 1, i])
