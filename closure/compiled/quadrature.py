"""Row functions of the quadrature closure (``laws.quadrature.Quadrature``, where the formulae stand)."""

from math import sqrt
from typing import NamedTuple

import numpy as np

from knudsen.closure.compiled import maxwell
from knudsen.closure.compiled.protocol import (
    DEPARTURE,
    FAST,
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
from knudsen.closure.compiled.raw import OTHER_NUMBERS, boost, raw_numbers, relax, source
from knudsen.closure.compiled.vectors import TINY, copy, exp, rescale, shift, smoothstep
from knudsen.closure.compiled.walls import raw_wall
from knudsen.closure.laws.recurrence import B_FLOOR
from knudsen.compile import compiled
from knudsen.solvers.rows import LOG2E, exp2, log


class Shape(NamedTuple):
    """N = 2 n + odd moments of g are carried; n_h, dims; reach: the largest speed at rest; up, down [n]: the Perron vector's
    ratios (of an even number the last are zero)."""

    n: int
    odd: int
    n_h: int
    dims: int
    reach: float
    up: np.ndarray
    down: np.ndarray


@compiled
def shape_of(data):
    c, n, first = data.counts, data.counts[0] // 2, OTHER_NUMBERS
    up = data.numbers[first + 1 : first + 1 + n]
    return Shape(n, c[0] % 2, c[1], c[2], data.numbers[first], up, data.numbers[first + 1 + n : first + 1 + 2 * n])


def rows_of(law, counts=(), numbers=(), **others) -> Rows:
    """counts, numbers: what another law adds, between this one's own and the tables of its collisions; others: parts of Rows."""
    own_counts, own_numbers = raw_numbers(law)
    counts = [*own_counts, *counts]
    up, down = ([*ratios[:, 0].tolist(), 0.0][: law.n] for ratios in (law._up, law._down))
    numbers = [*own_numbers, law._reach, *up, *down, *numbers]
    collisions = {"relax": relax, "source": source}
    if law.molecules is not None:
        collisions = maxwell.collisions(law, counts, numbers)
    rows = Rows(
        wall=raw_wall,
        data=Data(np.array(counts, np.int64), np.array(numbers, float)),
        energy=law.energy_weights, height=law.closing[-1] + 1,
        variables=variables, sides=sides, speed=speed, boost=boost, **collisions,
    )  # fmt: skip
    return rows._replace(**others)


@compiled
def sample_variance(law, V):
    """The rule of an even number of moments: ln(b_n/n) of the rows a_k and ln(b_k/k) of V into its closing row."""
    n, width = law.n, V.shape[1]
    rows = np.zeros((2, width))
    mean, squares = rows[0], rows[1]
    for k in range(1, n):
        for i in range(width):
            mean[i] += V[2 + k, i]
    for i in range(width):
        mean[i] /= n
        squares[i] = mean[i] * mean[i] + 2.0  # of a_0 = 0, and b_1 = 1
    for k in range(1, n):
        for i in range(width):
            squares[i] += (V[2 + k, i] - mean[i]) ** 2
    for k in range(2, n):
        for i in range(width):
            squares[i] += 2.0 * k * exp(V[n + k, i])
    for i in range(width):
        V[2 * n, i] = log(squares[i] / (n * (n - 1)))


@row_function(VARIABLES)
def variables(data, U, V):
    law = shape_of(data)
    n, n_h, dims = law.n, law.n_h, law.dims
    n_g, width, known = 2 * n + law.odd, U.shape[1], n - 1 + law.odd  # b_1 .. b_known
    rows = np.empty((4, width))
    rho, minus_u, inverse, ladder = rows[0], rows[1], rows[2], rows[3]
    m, sigma = np.empty((n_g, width)), np.empty((3, n_g, width))
    for i in range(width):
        rho[i] = 1.0 / max(U[0, i], TINY)
        minus_u[i] = -U[1, i] * rho[i]
    for k in range(n_g):
        for i in range(width):
            m[k, i] = U[k, i] * rho[i]
    shift(m, 0, n_g, minus_u)
    for i in range(width):
        T = max(m[2, i], TINY)
        inverse[i] = 1.0 / sqrt(T)
        V[0, i] = -log(rho[i])
        V[1, i] = -minus_u[i]
        V[2, i] = log(T)
    rescale(m, 0, n_g, inverse, ladder)
    # Chebyshev's algorithm; sigma[k % 3, l] for l = k .. n_g - k - 1
    copy(m, sigma[0])
    mean = V[n_g]
    a, b = np.empty((n, width)), np.empty((n + 1, width))
    for i in range(width):
        a[0, i] = m[1, i] / m[0, i]
        mean[i] = a[0, i]
    for k in range(1, known + 1):
        new, now, old = sigma[k % 3], sigma[(k - 1) % 3], sigma[(k - 2) % 3]
        for l in range(k, n_g - k):
            if k == 1:
                for i in range(width):
                    new[l, i] = now[l + 1, i] - a[0, i] * now[l, i]
            else:
                for i in range(width):
                    new[l, i] = now[l + 1, i] - a[k - 1, i] * now[l, i] - b[k - 1, i] * old[l, i]
        for i in range(width):
            b[k, i] = new[k, i] / now[k - 1, i]
        if k < n:
            for i in range(width):
                a[k, i] = new[k + 1, i] / new[k, i] - now[k, i] / now[k - 1, i]
                V[2 + k, i] = a[k, i]
                mean[i] += a[k, i]
        if k > 1:
            for i in range(width):
                V[n + k, i] = log(max(b[k, i] / k, B_FLOOR))
    for i in range(width):
        mean[i] /= n
    if not law.odd:
        sample_variance(law, V)
    if n_h > 0:
        for k in range(n_h):
            for i in range(width):
                m[k, i] = U[n_g + k, i] * rho[i]
        shift(m, 0, n_h, minus_u)
        for i in range(width):
            eta_0 = max(m[0, i], TINY)
            V[n_g + 1, i] = log(eta_0 / (dims - 1))
            rho[i] = 1.0 / eta_0
        for k in range(n_h):
            for i in range(width):
                m[k, i] *= rho[i]
        rescale(m, 0, n_h, inverse, ladder)
        norm = ladder
        norm[:] = 1.0
        copy(m, sigma[0])
        for k in range(1, n_h):
            new, now, old = sigma[k % 3], sigma[(k - 1) % 3], sigma[(k - 2) % 3]
            for l in range(n_h - k):
                for i in range(width):
                    new[l, i] = now[l + 1, i] - a[k - 1, i] * now[l, i]
                if k > 1:
                    for i in range(width):
                        used = 1.0 if k == 2 else max(b[k - 1, i], B_FLOOR * (k - 1))
                        new[l, i] -= used * old[l, i]
            for i in range(width):
                norm[i] *= 1.0 if k == 1 else max(b[k, i], B_FLOOR * k)
                V[n_g + 1 + k, i] = new[0, i] / sqrt(norm[i])
        V[n_g + 1 + n_h] = 0.0


@compiled
def jacobi(V, n, odd, a, b):
    """The Jacobi matrix of V: a_0..a_n on its diagonal, b[k] = sqrt(b_k) beside it; a, b: [n + 2, column]."""
    n_g = 2 * n + odd
    a[0], a[n], b[0], b[1], b[n + 1] = 0.0, 0.0, 0.0, 1.0, 0.0
    for k in range(1, n + odd):
        row = 2 + k if k < n else n_g
        for i in range(V.shape[1]):
            a[k, i] = V[row, i]
    for k in range(2, n + 1):
        row = n + k if k < n or odd else n_g
        for i in range(V.shape[1]):
            b[k, i] = sqrt(k * exp(V[row, i]))


@compiled
def span_of(law, a, b, span):
    """The bound of the own-frame speeds in units of sqrt(T_x), of the Jacobi matrix."""
    n, last = law.n, law.n if law.odd else law.n - 1
    stretch = sqrt((2 * n + 1) / n) if law.odd else 1.0
    span[:] = 0.0
    for k in range(last + 1):
        ahead, behind = (law.up[k] if k < last else 0.0), (law.down[k - 1] if k > 0 else 0.0)
        ahead = ahead * stretch if k == last - 1 else ahead
        behind = behind * stretch if k == last else behind
        if law.odd or k < last:
            for i in range(span.size):
                span[i] = max(span[i], abs(a[k, i]) + b[k + 1, i] * ahead + b[k, i] * behind)
        else:
            for i in range(span.size):
                mean = 0.0
                for j in range(n):
                    mean += a[j, i]
                mean = abs(mean / n)
                r = abs(a[k, i]) + b[k, i] * behind + mean
                span[i] = max(span[i], mean + (n * r + sqrt(r * r + (n - 1) ** 2 * b[n, i] ** 2)) / (n - 1))


@compiled
def reach_of(data, V, span):
    """The bound of the own-frame speeds of V in units of sqrt(T_x)."""
    law = shape_of(data)
    tables = np.empty((2, law.n + 2, V.shape[1]))
    jacobi(V, law.n, law.odd, tables[0], tables[1])
    span_of(law, tables[0], tables[1], span)


@row_function(SPEED)
def speed(data, V, speed):
    reach_of(data, V, speed)
    for i in range(speed.size):
        speed[i] = abs(V[1, i]) + exp2(0.5 * LOG2E * V[2, i]) * speed[i]


@compiled
def fill_sides(law, V, a, b, span, U, F, frame):
    """``Rows.sides`` of the Jacobi matrix (a, b) of V, whose speeds are bounded by ``span``."""
    n, n_g, n_h, dims, width = law.n, 2 * law.n + law.odd, law.n_h, law.dims, V.shape[1]
    p, rows, G, H = np.empty((n + 2, n + 1, width)), np.empty((3, width)), np.empty((2 * n + 2, width)), np.empty((n + 2, width))
    rho, s, ladder = rows[0], rows[1], rows[2]
    for i in range(width):
        rho[i] = exp2(LOG2E * V[0, i])
        s[i] = exp2(0.5 * LOG2E * V[2, i])
        frame[SLOW, i], frame[FAST, i] = V[1, i] - s[i] * span[i], V[1, i] + s[i] * span[i]
        frame[VELOCITY, i], frame[TEMPERATURE, i] = V[1, i], s[i] * s[i]
        frame[DEPARTURE, i] = smoothstep((span[i] / law.reach - 1.25) / 0.5)
    p[:] = 0.0
    p[0, 0] = 1.0
    for j in range(n + 1):  # p_{j+1} = J p_j, of which the first j + 2 entries are not zero
        for k in range(min(j + 2, n + 1)):
            new, now = p[j + 1, k], p[j]
            for i in range(width):
                new[i] = a[k, i] * now[k, i]
            if k > 0:
                for i in range(width):
                    new[i] += b[k, i] * now[k - 1, i]
            if k < n:
                for i in range(width):
                    new[i] += b[k + 1, i] * now[k + 1, i]
    G[:] = 0.0
    for j in range(n + 1):
        for k in range(j + 1):
            for i in range(width):
                G[2 * j, i] += p[j, k, i] * p[j, k, i]
                G[2 * j + 1, i] += p[j, k, i] * p[j + 1, k, i]
    rescale(G, 0, n_g + 1, s, ladder)
    shift(G, 0, n_g + 1, V[1])
    for k in range(n_g + 1):
        for i in range(width):
            G[k, i] *= rho[i]
    copy(G, U[:n_g])
    copy(G[1:], F[:n_g])
    if n_h > 0:
        across = n_g + 1
        for j in range(n_h + 1):
            for i in range(width):
                H[j, i] = p[j, 0, i]
            for k in range(1, min(j, n_h - 1) + 1):
                for i in range(width):
                    H[j, i] += p[j, k, i] * V[across + k, i]
        factor = sqrt(1.0 * n_h)
        for i in range(width):
            ladder[i] = V[across + n_h, i] * factor
        for k in range(2, n_h):
            for i in range(width):
                ladder[i] *= b[k, i]
        for i in range(width):
            H[n_h, i] += ladder[i]
        rescale(H, 0, n_h + 1, s, ladder)
        shift(H, 0, n_h + 1, V[1])
        for i in range(width):
            transverse = (dims - 1) * exp2(LOG2E * V[across, i])
            frame[TEMPERATURE, i] = (frame[TEMPERATURE, i] + transverse) / dims
            rho[i] *= transverse
        for k in range(n_h + 1):
            for i in range(width):
                H[k, i] *= rho[i]
        copy(H, U[n_g:])
        copy(H[1:], F[n_g:])


@row_function(SIDES)
def sides(data, V, U, F, frame):
    law = shape_of(data)
    tables, span = np.empty((2, law.n + 2, V.shape[1])), np.empty(V.shape[1])
    jacobi(V, law.n, law.odd, tables[0], tables[1])
    span_of(law, tables[0], tables[1], span)
    fill_sides(law, V, tables[0], tables[1], span, U, F, frame)
