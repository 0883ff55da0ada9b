"""The loop over time steps of ``solvers.Solver.run``, for one case."""

from typing import NamedTuple

import numpy as np
from numba import boolean, float64, int64, types

from knudsen.closure.compiled.boundaries import pad
from knudsen.closure.compiled.fluxes import DIFFERENCE, FACES, WAVES, Faces
from knudsen.closure.compiled.gradients import SPREAD, flow_of
from knudsen.closure.compiled.protocol import (
    ADJUST,
    BOOST,
    CORRECT,
    DATA,
    DIFFERENTIATE,
    DIFFUSIVITY,
    LEFT,
    MESH,
    PRODUCT,
    RELAX,
    RESPOND,
    SIDES,
    SOURCE,
    SPEED,
    TABLE,
    TRANSPORT,
    VARIABLES,
    VECTOR,
    WALL,
)
from knudsen.closure.compiled.reconstructions import RECONSTRUCT
from knudsen.closure.compiled.vectors import add, copy
from knudsen.closure.compiled.walls import AT_WALLS, EXTEND
from knudsen.compile import compiled
from knudsen.solvers.boundaries import WALLS
from knudsen.solvers.cells import GHOST
from knudsen.solvers.driver import COLLAPSE
from knudsen.solvers.gradients import EXPLICIT, KEPT


class Has(NamedTuple):
    """Which optional parts a law has."""

    diffusivity: bool
    gradients: bool
    product: bool
    transport: bool


class Stepping(NamedTuple):
    """The scheme: cfl; flux, a code of ``fluxes.FLUXES``; the tableaux of the integrator (``solvers.Tableau``) as full tables;
    implicit: is the source treated implicitly?"""

    cfl: float
    flux: int
    explicit: np.ndarray
    implicit: np.ndarray
    is_implicit: bool


class Scratch(NamedTuple):
    """The arrays of a run: sharp, D, length, fast [padded cell]; padded, V, and of gradients in the flux c, E, kept, before (what
    their components were) [row, padded cell]; sides of the faces; F, flow, jump [row, face]; through [component, 2], the flux of
    walls; left, inside, U, stage [row, cell]; K, L [stage, component, cell]."""

    sharp: np.ndarray
    D: np.ndarray
    length: np.ndarray
    fast: np.ndarray
    padded: np.ndarray
    V: np.ndarray
    c: np.ndarray
    E: np.ndarray
    kept: np.ndarray
    before: np.ndarray
    l: Faces
    r: Faces
    F: np.ndarray
    flow: np.ndarray
    jump: np.ndarray
    through: np.ndarray
    left: np.ndarray
    inside: np.ndarray
    U: np.ndarray
    stage: np.ndarray
    K: np.ndarray
    L: np.ndarray


HAS = types.NamedUniTuple(boolean, 4, Has)
STEPPING = types.NamedTuple([float64, int64, TABLE, TABLE, boolean], Stepping)
TABLES = float64[:, :, ::1]
SCRATCH = types.NamedTuple(
    [boolean[::1], *[VECTOR] * 3, *[TABLE] * 6, FACES, FACES, *[TABLE] * 8, TABLES, TABLES], Scratch
)  # fmt: skip


def scratch(components: int, height: int, R: int, kept: int, stages: int, mesh) -> Scratch:
    """For a law with that many components, rows of V, rows with gradients in the flux and rows that are kept of these."""
    width = mesh.knudsen.size
    faces, cells = width - 2 * GHOST + 1, width - 2 * GHOST
    l, r = (Faces(*(np.zeros((rows, faces)) for rows in (height, components, components, 5))) for _ in range(2))
    return Scratch(
        mesh.knudsen < mesh.dx, *np.zeros((3, width)),
        *(np.zeros((rows, width)) for rows in (components, height, R * height, R * height, kept, R)), l, r,
        *(np.zeros((rows, faces)) for rows in (components, R, components)), np.zeros((components, 2)),
        *(np.zeros((rows, cells)) for rows in (R, components, components, components)), *np.zeros((2, stages, components, cells)),
    )  # fmt: skip


@compiled
def _diffuse(U, D, dx, boundary, K):
    """K plus what diffuses into the interior cells, of U and D with ghosts; nothing through walls."""
    last = K.shape[1] - 1
    for k in range(U.shape[0]):
        for i in range(K.shape[1]):
            j = i + GHOST
            ahead, behind = 0.5 * (D[j] + D[j + 1]) / dx, 0.5 * (D[j - 1] + D[j]) / dx
            if boundary == WALLS:
                ahead, behind = 0.0 if i == last else ahead, 0.0 if i == 0 else behind
            K[k, i] += ahead * (U[k, j + 1] - U[k, j]) - behind * (U[k, j] - U[k, j - 1])


@compiled
def _drain(flow, rows, factor, U):
    """U plus factor times what flows out of the cells, in the given rows."""
    for k in range(rows.size):
        for i in range(U.shape[1]):
            U[rows[k], i] += factor * (flow[k, i + 1] - flow[k, i])


@compiled
def _broken(U, energy):
    """The first cell without a positive density and temperature, or with a value that is not finite; -1 if there is none."""
    for i in range(U.shape[1]):
        twice = 0.0
        for k in range(U.shape[0]):
            twice += energy[k] * U[k, i]
        good = U[0, i] > 0.0 and twice * U[0, i] > U[1, i] * U[1, i]
        for k in range(U.shape[0]):
            good = good and abs(U[k, i]) < np.inf
        if not good:
            return i
    return -1


FUNCTIONS = {
    "reconstruct": RECONSTRUCT, "differences": DIFFERENCE, "variables": VARIABLES, "correct": CORRECT, "sides": SIDES,
    "speed": SPEED, "boost": BOOST, "relax": RELAX, "source": SOURCE, "diffusivity": DIFFUSIVITY, "spread_length": DIFFUSIVITY,
    "gradient": DIFFERENTIATE, "response": RESPOND, "adjust": ADJUST, "remainder": LEFT, "spread": SPREAD, "product": PRODUCT,
    "transport": TRANSPORT, "extend": EXTEND, "at_walls": AT_WALLS, "wall": WALL,
}  # fmt: skip
RUN = types.UniTuple(float64, 3)(
    TABLES, VECTOR, VECTOR, int64[::1], MESH, DATA, HAS, STEPPING, WAVES, SCRATCH,
    *(types.FunctionType(signature) for signature in FUNCTIONS.values()),
)  # fmt: skip


@compiled(signatures=(RUN,))
def run(
    saved, times, energy, gradient_rows, mesh, data, has, stepping, waves, scratch, reconstruct, differences, variables, correct,
    sides, speed, boost, relax, source, diffusivity, spread_length, gradient, response, adjust, remainder, spread, product,
    transport, extend, at_walls, wall,
):  # fmt: skip
    """Fills saved [1 + times, component, cell] from its first row; returns (steps, time, cell): cell is -1, or the one where the
    solution failed at that time. What follows the scratch: the schemes' functions and those of ``protocol.Rows``.

    Every function is called through its address, so that this loop is compiled once for all laws; each call is written once, as
    far as possible, because it costs compile time.
    """
    components, cells = saved.shape[1], saved.shape[2]
    width, dx, cfl = cells + 2 * GHOST, mesh.dx, stepping.cfl
    explicit, implicit, stages = stepping.explicit, stepping.implicit, stepping.explicit.shape[0]
    padded, V, c, flow, left = scratch.padded, scratch.V, scratch.c, scratch.flow, scratch.left
    U, stage, l, r = scratch.U, scratch.stage, scratch.l, scratch.r
    t, steps, first_dt, stiff, age = 0.0, 0, -1.0, 0.0, -1
    known = False  # is V that of the stage?
    copy(saved[0], U)
    for row in range(times.size):
        while True:
            longest, dt, count = 0.0, 0.0, 1.0
            for j in range(stages):
                K, L = scratch.K[j], scratch.L[j]
                copy(U, stage)
                for m in range(j):
                    if explicit[j, m] != 0.0:
                        add(explicit[j, m] * dt / dx, scratch.K[m], stage)
                    if implicit[j, m] != 0.0:
                        add(implicit[j, m], scratch.L[m], stage)
                if implicit[j, j] != 0.0:
                    tau = implicit[j, j] * dt
                    copy(stage, L)
                    relax(data, mesh, stage, tau)
                    known = stiff > EXPLICIT and mesh.boundary != WALLS
                    if stiff > EXPLICIT:
                        pad(stage, padded, mesh)
                        variables(data, padded, V)
                        extend(data, mesh, padded, V, variables, sides)
                        response(data, V, scratch.E)
                        remainder(data, mesh, stage, tau, left)
                        for k in range(left.shape[0]):
                            for i in range(cells):
                                left[k, i] *= tau / dx
                        flow_of(V, c, dx, mesh.boundary, flow)
                        spread(flow, c, scratch.E, left, dx, mesh.boundary)
                        for k in range(left.shape[0]):  # these relax by themselves, and all else does not see them
                            for i in range(cells):
                                stage[gradient_rows[k], i] -= left[k, i] * (flow[k, i + 1] - flow[k, i])
                            for i in range(width):
                                scratch.before[k, i] = padded[gradient_rows[k], i]
                        pad(stage, padded, mesh)
                        adjust(data, scratch.before, padded, scratch.E, V)
                    for k in range(components):
                        for i in range(cells):
                            L[k, i] = (stage[k, i] - L[k, i]) / implicit[j, j]
                if j == stages - 1:
                    break
                if not known:
                    pad(stage, padded, mesh)
                    variables(data, padded, V)
                    extend(data, mesh, padded, V, variables, sides)
                known = False
                if j == 0 and has.gradients:
                    spread_length(data, mesh, V, scratch.length)
                    farthest = 0.0
                    for i in range(1, width - 1):
                        farthest = max(farthest, scratch.length[i])
                    stiff = cfl * farthest / dx
                    age = age if stiff > EXPLICIT else -1
                if j == 0 and stepping.is_implicit and stiff > EXPLICIT:
                    age = (age + 1) % KEPT
                    gradient(data, mesh, padded, V, c, scratch.kept, age == 0)
                    flow_of(V, c, dx, mesh.boundary, flow)
                else:
                    correct(data, mesh, padded, V)
                if has.diffusivity:
                    diffusivity(data, mesh, V, scratch.D)
                if j == 0:
                    fast = scratch.fast
                    speed(data, V, fast)
                    if has.diffusivity:
                        for i in range(width):
                            fast[i] = max(fast[i], 2.0 / dx * scratch.D[i])
                    fastest, where = 0.0, 0
                    for i in range(1, width - 1):
                        if not fast[i] <= fastest:
                            fastest, where = fast[i], i
                    if not stepping.is_implicit:
                        fastest *= max(stiff / EXPLICIT, 1.0)
                    longest = min(cfl * dx / fastest, times[-1])
                    if first_dt < 0.0:
                        first_dt = longest
                    if not longest > COLLAPSE * first_dt:
                        return float(steps), t, float(min(max(where - GHOST, 0), cells - 1))
                    count = np.ceil((times[row] - t) / longest)
                    dt = (times[row] - t) / count
                reconstruct(V, scratch.sharp, l.V, r.V)
                if has.transport:
                    transport(data, mesh, stepping.flux, l.V, r.V, V, K)
                else:
                    for side in (l, r):
                        sides(data, side.V, side.U, side.F, side.frame)
                    at_walls(l, r, data, mesh, wall, scratch.through)
                    differences(l, r, data, boost, waves, scratch.F, K)
                    if mesh.boundary == WALLS:
                        for k in range(components):
                            K[k, 0] += scratch.through[k, 0] - scratch.F[k, 0]
                            K[k, cells - 1] += scratch.F[k, cells] - scratch.through[k, 1]
                if has.diffusivity:
                    _diffuse(padded, scratch.D, dx, mesh.boundary, K)
                if stepping.is_implicit and stiff > EXPLICIT:  # its part of the transport is in the implicit stages
                    _drain(flow, gradient_rows, 1.0, K)
                if has.product:  # path-conservative: half of the jump at each face belongs to the cell, and all within it
                    product(data, l.V, l.U, l.F, r.V, r.U, r.F, 0, scratch.jump)
                    product(data, r.V, r.U, r.F, l.V, l.U, l.F, 1, scratch.inside)
                    for k in range(components):
                        if mesh.boundary == WALLS:
                            scratch.jump[k, 0], scratch.jump[k, cells] = 0.0, 0.0
                        for i in range(cells):
                            K[k, i] -= 0.5 * (scratch.jump[k, i] + scratch.jump[k, i + 1]) + scratch.inside[k, i]
                if not stepping.is_implicit:
                    source(data, mesh, stage, L)
                    add(dx, L, K)
            copy(stage, U)
            steps += 1
            cell = _broken(U, energy)
            if cell >= 0:
                return float(steps), t + dt, float(cell)
            t = times[row] if count == 1.0 else t + dt
            if count == 1.0:
                break
        copy(U, saved[row + 1])
    return float(steps), t, -1.0
