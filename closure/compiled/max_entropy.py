"""Row functions of the five-moment maximum-entropy closure (``laws.max_entropy.MaxEntropy``): the quadrature closure's, with the
closing coefficient and the speeds of its plain functions."""

from functools import lru_cache

import numpy as np

from knudsen.closure.compiled import quadrature
from knudsen.closure.compiled.lifting import lift
from knudsen.closure.compiled.protocol import Rows
from knudsen.closure.compiled.quadrature import fill_sides, jacobi, shape_of
from knudsen.closure.compiled.raw import OTHER_NUMBERS
from knudsen.closure.compiled.vectors import exp
from knudsen.compile import compiled

FLOOR = OTHER_NUMBERS + 5  # its place in ``Data.numbers``, behind those of the quadrature closure of five moments


def rows_of(law, closing_of, reach_of) -> Rows:
    """closing_of, reach_of: plain functions (q, b, floor)."""
    return quadrature.rows_of(law, (), (law.floor,), **_functions(closing_of, reach_of))


@lru_cache
def _functions(closing_of, reach_of) -> dict:
    lift(closing_of)
    lift(reach_of)

    def variables(data, U, V):
        quadrature.variables(data, U, V)
        floor = data.numbers[FLOOR]
        for i in range(V.shape[1]):
            V[5, i] = closing_of(V[3, i], 2.0 * exp(V[4, i]), floor)

    def speed(data, V, speed):
        floor = data.numbers[FLOOR]
        for i in range(speed.size):
            speed[i] = abs(V[1, i]) + exp(0.5 * V[2, i]) * reach_of(V[3, i], 2.0 * exp(V[4, i]), floor)

    def sides(data, V, U, F, frame):
        law, floor = shape_of(data), data.numbers[FLOOR]
        tables, span = np.empty((2, law.n + 2, V.shape[1])), np.empty(V.shape[1])
        jacobi(V, law.n, law.odd, tables[0], tables[1])
        for i in range(span.size):
            span[i] = reach_of(V[3, i], 2.0 * exp(V[4, i]), floor)
        fill_sides(law, V, tables[0], tables[1], span, U, F, frame)

    return {
        "variables": compiled(variables),
        "speed": compiled(speed),
        "sides": compiled(sides),
    }
