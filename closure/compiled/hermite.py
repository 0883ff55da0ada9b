"""Row functions of Grad's closure of any order and of the hyperbolic moment equations (``laws.grad.Grad``, ``laws.hme.HME``)."""

from math import sqrt
from typing import NamedTuple

import numpy as np

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
    no_product,
    row_function,
)
from knudsen.closure.compiled.raw import OTHER_COUNTS, OTHER_NUMBERS, boost, raw_numbers, relax, source
from knudsen.closure.compiled.vectors import TINY, copy, exp, matrix, rescale, rescale_transverse, shift
from knudsen.closure.compiled.walls import raw_wall
from knudsen.compile import compiled
from knudsen.solvers.rows import log


class Hermite(NamedTuple):
    """n moments of g, n_h of h; first: the first w that is a variable; has_product; reach: the largest speed at rest; he, inverse
    [n + 1, n + 1]: Hermite polynomials in powers, and back."""

    n: int
    n_h: int
    dims: int
    first: int
    has_product: bool
    reach: float
    he: np.ndarray
    inverse: np.ndarray


@compiled
def hermite_of(data):
    c, n, at = data.counts, data.counts[0], OTHER_NUMBERS
    he = matrix(data.numbers, at + 1, n + 1, n + 1)
    inverse = matrix(data.numbers, at + 1 + (n + 1) * (n + 1), n + 1, n + 1)
    return Hermite(n, c[1], c[2], c[OTHER_COUNTS], c[OTHER_COUNTS + 1] != 0, data.numbers[at], he, inverse)


def rows_of(law) -> Rows:
    counts, numbers = raw_numbers(law)
    reach = float(law.characteristics[0].abs().max())
    counts += [3 if law.gas.dims == 1 else 2, int(law.product is not None)]
    numbers += [reach, *law._he.flatten().tolist(), *law._he_inverse.flatten().tolist()]
    return Rows(
        data=Data(np.array(counts, np.int64), np.array(numbers, float)), energy=law.energy_weights, height=len(law.degrees),
        variables=variables, sides=sides, speed=speed, boost=boost, relax=relax, source=source,
        wall=raw_wall, product=no_product if law.product is None else product,
    )  # fmt: skip


@compiled
def _fluid(U, law, rows):
    """rho, u, sqrt(T) and their helpers -u, 1/sqrt(T) into the rows."""
    for i in range(U.shape[1]):
        energy = U[2, i] + U[law.n, i] if law.n_h > 0 else U[2, i]
        u = U[1, i] / U[0, i]
        s = sqrt(max((energy / U[0, i] - u * u) / law.dims, TINY))
        rows[0, i], rows[1, i], rows[2, i], rows[3, i], rows[4, i] = max(U[0, i], TINY), u, s, -u, 1.0 / s


@compiled
def _times(table, x):
    """The leading square of a table with every other diagonal below its own, times x."""
    y = np.zeros(x.shape)
    for k in range(x.shape[0]):
        for j in range(k % 2, k + 1, 2):
            if table[k, j] != 0.0:
                for i in range(x.shape[1]):
                    y[k, i] += table[k, j] * x[j, i]
    return y


@row_function(VARIABLES)
def variables(data, U, V):
    law = hermite_of(data)
    n, n_h, width, end = law.n, law.n_h, U.shape[1], 3 + law.n - law.first
    rows = np.empty((6, width))
    _fluid(U, law, rows)
    for i in range(width):
        V[0, i], V[1, i], V[2, i] = log(rows[0, i]), rows[1, i], -2.0 * log(rows[4, i])
    own = np.empty((n, width))
    for k in range(n):
        for i in range(width):
            own[k, i] = U[k, i] / rows[0, i]
    shift(own, 0, n, rows[3])
    rescale(own, 0, n, rows[4], rows[5])
    w = _times(law.he, own)
    copy(w[law.first :], V[3:end])
    if n_h > 0:
        h = np.empty((n_h, width))
        for k in range(n_h):
            for i in range(width):
                h[k, i] = U[n + k, i] / (rows[0, i] * rows[2, i] * rows[2, i])
        shift(h, 0, n_h, rows[3])
        rescale(h, 0, n_h, rows[4], rows[5])
        eta = _times(law.he, h)
        for k in range(1, n_h):
            for i in range(width):
                V[end + k - 1, i] = eta[k, i] - (law.dims - 1) * w[k, i]


@row_function(SPEED)
def speed(data, V, speed):
    reach = hermite_of(data).reach
    for i in range(speed.size):
        speed[i] = abs(V[1, i]) + reach * exp(0.5 * V[2, i])


@row_function(SIDES)
def sides(data, V, U, F, frame):
    law = hermite_of(data)
    n, n_h, width, end = law.n, law.n_h, V.shape[1], 3 + law.n - law.first
    rows = np.empty((3, width))
    rho, s, ladder = rows[0], rows[1], rows[2]
    for i in range(width):
        rho[i], s[i] = exp(V[0, i]), exp(0.5 * V[2, i])
        u, own = V[1, i], law.reach * s[i]
        centre = -abs(u) if law.has_product else u
        frame[SLOW, i], frame[FAST, i] = centre - own, (-centre if law.has_product else centre) + own
        frame[VELOCITY, i], frame[TEMPERATURE, i], frame[DEPARTURE, i] = u, s[i] * s[i], 0.0
    w = np.zeros((n + 1, width))
    w[0] = 1.0
    copy(V[3:end], w[law.first : n])
    G = _times(law.inverse, w)
    rescale(G, 0, n + 1, s, ladder)
    shift(G, 0, n + 1, V[1])
    for k in range(n + 1):
        for i in range(width):
            G[k, i] *= rho[i]
    copy(G, U[:n])
    copy(G[1:], F[:n])
    if n_h > 0:
        eta = np.zeros((n_h + 1, width))
        for k in range(n_h + 1):
            for i in range(width):
                eta[k, i] = (law.dims - 1) * w[k, i]
        for i in range(width):
            eta[0, i] -= w[2, i]
        for k in range(1, n_h):
            for i in range(width):
                eta[k, i] += V[end + k - 1, i]
        H = _times(law.inverse, eta)
        rescale_transverse(H, 0, n_h + 1, s, ladder)
        shift(H, 0, n_h + 1, V[1])
        for k in range(n_h + 1):
            for i in range(width):
                H[k, i] *= rho[i]
        copy(H, U[n:])
        copy(H[1:], F[n:])


@row_function(PRODUCT)
def product(data, V_l, U_l, F_l, V_r, U_r, F_r, shift_r, product):
    """``HME.product``: the jumps in the frame of the middle state, the last one such that P_n's moment does not jump."""
    law = hermite_of(data)
    n, n_h, width = law.n, law.n_h, product.shape[1]
    middle, rows = np.empty((n + n_h, width)), np.empty((6, width))
    own, h = np.empty((n + 1, width)), np.empty((n_h + 1, width))
    for k in range(n + n_h):
        for i in range(width):
            middle[k, i] = 0.5 * (U_l[k, i] + U_r[k, i + shift_r])
    _fluid(middle, law, rows)
    for k in range(n):
        for i in range(width):
            own[k, i] = U_r[k, i + shift_r] - U_l[k, i]
    shift(own, 0, n, rows[3])
    rescale(own, 0, n, rows[4], rows[5])
    own[n] = 0.0
    for k in range(n):
        for i in range(width):
            own[n, i] -= law.he[n, k] * own[k, i]
    if n_h > 0:
        for k in range(n_h):
            for i in range(width):
                h[k, i] = U_r[n + k, i + shift_r] - U_l[n + k, i]
        shift(h, 0, n_h, rows[3])
        rescale(h, 0, n_h, rows[4], rows[5])
        h[n_h] = 0.0
        for k in range(n_h + 1):
            for i in range(width):
                h[n_h, i] += law.he[n_h, k] * (law.dims - 1) * own[k, i] * rows[2, i] * rows[2, i]
        for k in range(n_h):
            for i in range(width):
                h[n_h, i] -= law.he[n_h, k] * h[k, i]
    product[:] = 0.0
    rescale(own, 0, n + 1, rows[2], rows[5])
    shift(own, 0, n + 1, rows[1])
    for i in range(width):
        product[n - 1, i] = own[n, i] - (F_r[n - 1, i + shift_r] - F_l[n - 1, i])
    if n_h > 0:
        rescale(h, 0, n_h + 1, rows[2], rows[5])
        shift(h, 0, n_h + 1, rows[1])
        for i in range(width):
            product[n + n_h - 1, i] = h[n_h, i] - (F_r[n + n_h - 1, i + shift_r] - F_l[n + n_h - 1, i])
