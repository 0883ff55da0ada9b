"""Row functions of the laws that are written as plain functions (``laws.plain.PlainLaw``).

They work through blocks of columns in one array at constant distances, so that the compiler sees that rows do not overlap.
"""

from functools import lru_cache
from math import sqrt

import numpy as np

from knudsen.closure.compiled.lifting import TILE, lift, load, put, store, take
from knudsen.closure.compiled.protocol import (
    FAST,
    SLOW,
    WALL,
    Data,
    Rows,
    frequency_numbers,
    no_relaxation,
    no_source,
    row_function,
)
from knudsen.closure.compiled.vectors import exp
from knudsen.closure.compiled.walls import through_wall
from knudsen.compile import compiled
from knudsen.solvers.cells import GHOST

SCALE, EXPONENT, DIMS, REACH, PARAMETERS = range(5)  # places in ``Data.numbers``; the first two: ``frequency_numbers``


def rows_of(law) -> Rows:
    gas, of, P, size = law.gas, type(law), type(law.parameters), len(law.degrees)
    reach = float(law.characteristics[0].abs().max())
    return Rows(
        data=Data(np.zeros(1, np.int64), np.array([*frequency_numbers(gas), gas.dims, reach, *law.parameters], float)),
        energy=law.energy_weights,
        height=size,
        variables=_variables(of.variables_of, P, size),
        sides=_sides(of.conserved_of, of.flux_of, of.reach_of, P, size),
        speed=_speed(of.reach_of, P, size),
        boost=_boost(of.boost_of, size),
        relax=_relax(of.relax_of, P, size) if of.relax_of else no_relaxation,
        source=_source(of.source_of, P, size) if of.source_of else no_source,
    )


@lru_cache
def _variables(variables_of, P, size):
    lift(variables_of)
    count = len(P._fields)

    def variables(data, U, V):
        tile, p = np.empty(2 * size * TILE), P(*take(data.numbers, PARAMETERS, 1, count))
        for first in range(0, U.shape[1], TILE):
            columns = min(TILE, U.shape[1] - first)
            load(tile, 0, U, first, columns)
            for i in range(columns):
                put(tile, size * TILE + i, TILE, variables_of(take(tile, i, TILE, size), p))
            store(tile, size, V, first, columns)

    return compiled(variables)


@lru_cache
def _sides(conserved_of, flux_of, reach_of, P, size):
    for function in (conserved_of, flux_of, reach_of):
        lift(function)
    count, at_F, at_frame, constant = len(P._fields), 2 * size, 3 * size, reach_of is None
    reach_of = reach_of or conserved_of

    def sides(data, V, U, F, frame):
        tile, p = np.empty((3 * size + 5) * TILE), P(*take(data.numbers, PARAMETERS, 1, count))
        at_rest = data.numbers[REACH]
        for first in range(0, V.shape[1], TILE):
            columns = min(TILE, V.shape[1] - first)
            load(tile, 0, V, first, columns)
            for i in range(columns):
                values = take(tile, i, TILE, size)
                put(tile, size * TILE + i, TILE, conserved_of(values, p))
                put(tile, at_F * TILE + i, TILE, flux_of(values, p))
                u, T = values[1], exp(values[2])
                reach = at_rest if constant else reach_of(values, p)
                own, over = reach * sqrt(T), min(max(2.0 * reach / at_rest - 2.5, 0.0), 1.0)
                put(tile, at_frame * TILE + i, TILE, (u - own, u + own, u, T, over * over * (3.0 - 2.0 * over)))
            store(tile, size, U, first, columns)
            store(tile, at_F, F, first, columns)
            store(tile, at_frame, frame, first, columns)

    return compiled(sides)


@lru_cache
def _speed(reach_of, P, size):
    if reach_of is None:

        def speed(data, V, speed):
            for i in range(speed.size):
                speed[i] = abs(V[1, i]) + data.numbers[REACH] * exp(0.5 * V[2, i])

    else:
        lift(reach_of)
        count = len(P._fields)

        def speed(data, V, speed):
            tile, p = np.empty((size + 1) * TILE), P(*take(data.numbers, PARAMETERS, 1, count))
            for first in range(0, V.shape[1], TILE):
                columns = min(TILE, V.shape[1] - first)
                load(tile, 0, V, first, columns)
                for i in range(columns):
                    values = take(tile, i, TILE, size)
                    tile[size * TILE + i] = abs(values[1]) + reach_of(values, p) * exp(0.5 * values[2])
                for i in range(columns):
                    speed[first + i] = tile[size * TILE + i]

    return compiled(speed)


@lru_cache
def _boost(boost_of, size):
    lift(boost_of)

    def boost(data, U, velocity):
        tile = np.empty((size + 1) * TILE)
        for first in range(0, U.shape[1], TILE):
            columns = min(TILE, U.shape[1] - first)
            load(tile, 0, U, first, columns)
            for i in range(columns):
                tile[size * TILE + i] = velocity[first + i]
            for i in range(columns):
                put(tile, i, TILE, boost_of(take(tile, i, TILE, size), tile[size * TILE + i]))
            store(tile, 0, U, first, columns)

    return compiled(boost)


@compiled
def collision_rate(data, mesh, U, tau, weight):
    """tau nu/eps [cell] of laws whose moments begin with rho, m, E."""
    scale, exponent, dims = data.numbers[SCALE], data.numbers[EXPONENT], data.numbers[DIMS]
    for i in range(weight.size):
        weight[i] = tau / mesh.knudsen[GHOST + i]
    if exponent > -np.inf:
        for i in range(weight.size):
            u = U[1, i] / U[0, i]
            weight[i] *= scale * U[0, i] * ((2.0 * U[2, i] / U[0, i] - u * u) / dims) ** exponent


@lru_cache
def _collisions(of, P, size):
    """(data, mesh, U, tau, out): out = of(moments, tau nu/eps, parameters) in every column."""
    lift(of)
    count = len(P._fields)

    def collisions(data, mesh, U, tau, out):
        tile, p = np.empty((size + 1) * TILE), P(*take(data.numbers, PARAMETERS, 1, count))
        rate = np.empty(U.shape[1])
        collision_rate(data, mesh, U, tau, rate)
        for first in range(0, U.shape[1], TILE):
            columns = min(TILE, U.shape[1] - first)
            load(tile, 0, U, first, columns)
            for i in range(columns):
                tile[size * TILE + i] = rate[first + i]
            for i in range(columns):
                put(tile, i, TILE, of(take(tile, i, TILE, size), tile[size * TILE + i], p))
            store(tile, 0, out, first, columns)

    return compiled(collisions)


@lru_cache
def _relax(relax_of, P, size):
    collisions = _collisions(relax_of, P, size)

    def relax(data, mesh, U, tau):
        collisions(data, mesh, U, tau, U)

    return compiled(relax)


@lru_cache
def _source(source_of, P, size):
    collisions = _collisions(source_of, P, size)

    def source(data, mesh, U, S):
        collisions(data, mesh, U, 1.0, S)

    return compiled(source)


@row_function(WALL)
def fluid_wall(data, mesh, V, U, F, frame, flux):
    """Of Euler and Navier-Stokes-Fourier, a mirror (``laws.fluid.Euler.wall_flux``)."""
    for side in range(2):
        flux[0, side], flux[2, side] = 0.0, 0.0
        speed = abs(V[1, side]) + data.numbers[REACH] * exp(0.5 * V[2, side])
        flux[1, side] = F[1, side] - (1 - 2 * side) * speed * U[1, side]


@row_function(WALL)
def grad13_wall(data, mesh, V, U, F, frame, flux):
    """Of Grad-13 (``laws.grad.Grad13.closed_moments``)."""
    dims = data.numbers[DIMS]
    G, H, flux_G, flux_H = np.empty(5), np.empty(3), np.empty(4), np.empty(2)
    for side in range(2):
        mirror = 1.0 if side == 0 else -1.0
        rho, u, T, stress = exp(V[0, side]), mirror * V[1, side], exp(V[2, side]), V[3, side]
        heat = mirror * V[4, side] * sqrt(T)
        third = 6.0 / (dims + 2.0) * heat
        G[0], G[1], G[2], G[3], G[4] = rho, 0.0, rho * T * (1.0 + stress), rho * T * third, rho * T * T * (3.0 + 6.0 * stress)
        H[0], H[1] = rho * T * (dims - 1.0 - stress), rho * T * (2.0 * heat - third)
        H[2] = rho * T * T * (dims - 1.0 + (dims - 2.0) * stress)
        speed = max(-frame[SLOW, side], frame[FAST, side])
        through_wall(G, H, u, speed, dims, mesh.left if side == 0 else mesh.right, flux_G, flux_H)
        flux[0, side], flux[1, side], flux[2, side] = 0.0, flux_G[1], mirror * 0.5 * (flux_G[2] + flux_H[0])
        flux[3, side], flux[4, side] = mirror * flux_G[2], 0.5 * (flux_G[3] + flux_H[1])
