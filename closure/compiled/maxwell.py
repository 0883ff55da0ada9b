"""Row functions of the collisions of Maxwell molecules in D = 2 (``laws.maxwell``)."""

from typing import NamedTuple

import numpy as np

from knudsen.closure.compiled.protocol import RELAX, SOURCE, row_function
from knudsen.closure.compiled.raw import boost, own_frame, rescale_raw
from knudsen.closure.compiled.vectors import copy, matrix
from knudsen.closure.laws.maxwell import STRESS_RATE
from knudsen.compile import compiled
from knudsen.solvers.cells import GHOST


class Molecules(NamedTuple):
    """The tables of ``MaxwellMolecules``: of degree d = 3, 4, ... rows [d - 3, 2] (an absent one is -1) and rates [d - 3, 4]; in
    pairs starts[d - 3]..starts[d - 2] the components of each product [pair, 2], and its coefficients in the rows [pair, 2]."""

    rows: np.ndarray
    starts: np.ndarray
    pairs: np.ndarray
    hermite: np.ndarray
    monomial: np.ndarray
    rates: np.ndarray
    coefficients: np.ndarray


def collisions(law, counts: list, numbers: list) -> dict:
    """The row functions; their tables are appended to the law's ``counts`` and ``numbers``, behind all else, with the two places
    and the two sizes last."""
    tables, places = law.molecules, [len(counts), len(numbers)]
    rows, starts, pairs, coefficients, rates = [], [0], [], [], []
    for components, L, products in tables.degrees:
        rows += (*components, -1)[:2]
        square = np.zeros((2, 2))
        square[: len(components), : len(components)] = L
        rates += square.ravel().tolist()
        for i, j, c in products:
            pairs += (i, j)
            coefficients += (*c, 0.0)[:2]
        starts.append(len(pairs) // 2)
    counts += [*rows, *starts, *pairs, *places, len(tables.degrees), len(pairs) // 2]
    numbers += [*tables.hermite.ravel().tolist(), *tables.monomial.ravel().tolist(), *rates, *coefficients]
    return {"relax": collide, "source": produce}


@compiled
def molecules_of(data):
    place, number, degrees, pairs = data.counts[-4], data.counts[-3], data.counts[-2], data.counts[-1]
    size = data.counts[0] + data.counts[1]
    starts = place + 2 * degrees
    monomial = number + size * size
    rates = monomial + size * size
    return Molecules(
        matrix(data.counts, place, degrees, 2),
        data.counts[starts : starts + degrees + 1],
        matrix(data.counts, starts + degrees + 1, pairs, 2),
        matrix(data.numbers, number, size, size),
        matrix(data.numbers, monomial, size, size),
        matrix(data.numbers, rates, degrees, 4),
        matrix(data.numbers, rates + 4 * degrees, pairs, 2),
    )


@compiled
def _change(data, molecules, U, x, implicit):
    """What U changes by, of the resolvent over the time x = tau rho/eps [cell], or of x times the production."""
    n_g, n_h, count, cells = data.counts[0], data.counts[1], U.shape[0], U.shape[1]
    fluid = np.empty((5, cells))
    own = own_frame(U, data, fluid)
    rho, u, s, ladder = fluid[0], fluid[1], fluid[2], fluid[4]
    w = np.dot(molecules.hermite, own)
    change, right = np.zeros((count, cells)), np.empty((2, cells))
    for i in range(cells):
        part = STRESS_RATE * x[i]
        half = -0.5 * part / (1.0 + part if implicit else 1.0) * (w[2, i] - w[n_g, i])
        change[2, i], change[n_g, i] = half, -half
    if implicit:
        for i in range(cells):
            w[2, i] += change[2, i]
            w[n_g, i] += change[n_g, i]
    for d in range(molecules.rows.shape[0]):
        first, second = molecules.rows[d, 0], molecules.rows[d, 1]
        right[:] = 0.0
        for p in range(molecules.starts[d], molecules.starts[d + 1]):
            one, two = w[molecules.pairs[p, 0]], w[molecules.pairs[p, 1]]
            a, b = molecules.coefficients[p, 0], molecules.coefficients[p, 1]
            for i in range(cells):
                product = one[i] * two[i]
                right[0, i] += a * product
                right[1, i] += b * product
        a, b, c, e = molecules.rates[d, 0], molecules.rates[d, 1], molecules.rates[d, 2], molecules.rates[d, 3]
        if second < 0:
            for i in range(cells):
                change[first, i] = x[i] * (right[0, i] - a * w[first, i]) / (1.0 + x[i] * a if implicit else 1.0)
        else:
            for i in range(cells):
                top = x[i] * (right[0, i] - a * w[first, i] - b * w[second, i])
                low = x[i] * (right[1, i] - c * w[first, i] - e * w[second, i])
                y = x[i] if implicit else 0.0
                determinant = (1.0 + y * a) * (1.0 + y * e) - y * b * y * c
                change[first, i] = ((1.0 + y * e) * top - y * b * low) / determinant
                change[second, i] = ((1.0 + y * a) * low - y * c * top) / determinant
        if implicit:
            for i in range(cells):
                w[first, i] += change[first, i]
            if second >= 0:
                for i in range(cells):
                    w[second, i] += change[second, i]
    own = np.dot(molecules.monomial, change)
    rescale_raw(own, n_g, n_h, s, ladder)
    for k in range(count):
        for i in range(cells):
            own[k, i] *= rho[i]
    boost(data, own, u)
    return own


@row_function(RELAX)
def collide(data, mesh, U, tau):
    """U' = U + tau Q(U')/eps."""
    x = np.empty(U.shape[1])
    for i in range(x.size):
        x[i] = tau * U[0, i] / mesh.knudsen[GHOST + i]
    change = _change(data, molecules_of(data), U, x, True)
    for k in range(U.shape[0]):
        for i in range(x.size):
            U[k, i] += change[k, i]


@row_function(SOURCE)
def produce(data, mesh, U, S):
    x = np.empty(U.shape[1])
    for i in range(x.size):
        x[i] = U[0, i] / mesh.knudsen[GHOST + i]
    copy(_change(data, molecules_of(data), U, x, False), S)
