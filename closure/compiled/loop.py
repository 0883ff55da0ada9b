"""The loop over time steps of ``solvers.Solver.run``, for one case."""

from typing import NamedTuple

import numpy as np
from numba import boolean, float64, int64, types

from knudsen.closure.compiled.boundaries import pad
from knudsen.closure.compiled.fluxes import WAVES, flux_differences
from knudsen.closure.compiled.gradients import flow_of, spread
from knudsen.closure.compiled.protocol import (
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
)
from knudsen.closure.compiled.reconstructions import RECONSTRUCT
from knudsen.compile import compiled
from knudsen.solvers.cells import GHOST
from knudsen.solvers.driver import COLLAPSE
from knudsen.solvers.gradients import EXPLICIT


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


class Faces(NamedTuple):
    """Scratch: one side of every face, [row, face]."""

    V: np.ndarray
    U: np.ndarray
    F: np.ndarray
    frame: np.ndarray


HAS = types.NamedUniTuple(boolean, 4, Has)
STEPPING = types.NamedTuple([float64, int64, TABLE, TABLE, boolean], Stepping)


@compiled
def _diffuse(U, D, dx, K):
    """K plus what diffuses into the interior cells, of U and D with ghosts."""
    for k in range(U.shape[0]):
        for i in range(K.shape[1]):
            j = i + GHOST
            ahead, behind = 0.5 * (D[j] + D[j + 1]) / dx, 0.5 * (D[j - 1] + D[j]) / dx
            K[k, i] += ahead * (U[k, j + 1] - U[k, j]) - behind * (U[k, j] - U[k, j - 1])


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
    "reconstruct": RECONSTRUCT, "variables": VARIABLES, "correct": CORRECT, "sides": SIDES, "speed": SPEED, "boost": BOOST,
    "relax": RELAX, "source": SOURCE, "diffusivity": DIFFUSIVITY, "spread_length": DIFFUSIVITY,
    "gradient": DIFFERENTIATE, "response": RESPOND, "remainder": LEFT, "product": PRODUCT, "transport": TRANSPORT,
}  # fmt: skip
RUN = types.UniTuple(float64, 3)(
    float64[:, :, ::1], VECTOR, int64, VECTOR, int64[::1], MESH, DATA, HAS, STEPPING, WAVES,
    *(types.FunctionType(signature) for signature in FUNCTIONS.values()),
)  # fmt: skip


@compiled(signatures=(RUN,))
def run(
    saved, times, height, energy, gradient_rows, mesh, data, has, stepping, waves, reconstruct, variables, correct, sides, speed,
    boost, relax, source, diffusivity, spread_length, gradient, response, remainder, product, transport,
):  # fmt: skip
    """Fills saved [1 + times, component, cell] from its first row; returns (steps, time, cell): cell is -1, or the one where the
    solution failed at that time. What follows the waves: the functions of ``protocol.Rows``."""
    components, cells = saved.shape[1], saved.shape[2]
    width, faces, dx, cfl = cells + 2 * GHOST, cells + 1, mesh.dx, stepping.cfl
    explicit, implicit = stepping.explicit, stepping.implicit
    stages = explicit.shape[0]
    sharp = np.empty(width, np.bool_)
    for i in range(width):
        sharp[i] = mesh.knudsen[i] < dx
    padded, V = np.empty((components, width)), np.empty((height, width))
    D, length, fast = np.empty(width), np.empty(width), np.empty(width)
    R = gradient_rows.size
    c, E = np.empty((R * height, width)), np.empty((R * height, width))  # of gradients in the flux
    flow, left, stiff = np.empty((R, faces)), np.empty((R, cells)), 0.0
    l = Faces(np.empty((height, faces)), np.empty((components, faces)), np.empty((components, faces)), np.empty((5, faces)))
    r = Faces(np.empty((height, faces)), np.empty((components, faces)), np.empty((components, faces)), np.empty((5, faces)))
    jump, inside = np.empty((components, faces)), np.empty((components, faces - 1))
    K, L = np.empty((stages, components, cells)), np.empty((stages, components, cells))
    U, stage = saved[0].copy(), np.empty((components, cells))
    t, steps, first_dt = 0.0, 0, -1.0
    for row in range(times.size):
        while True:
            longest, dt, count = 0.0, 0.0, 1.0
            for j in range(stages):
                if j == 0:
                    stage[:] = U
                else:
                    stage[:] = U
                    for m in range(j):
                        if explicit[j, m] != 0.0:
                            stage += (explicit[j, m] * dt / dx) * K[m]
                        if implicit[j, m] != 0.0:
                            stage += implicit[j, m] * L[m]
                if implicit[j, j] != 0.0:
                    tau = implicit[j, j] * dt
                    L[j] = stage
                    relax(data, mesh, stage, tau)
                    if stiff > EXPLICIT:
                        pad(stage, padded, mesh)
                        variables(data, padded, V)
                        response(data, V, E)
                        remainder(data, mesh, stage, tau, left)
                        left *= tau / dx
                        flow_of(V, c, dx, flow)
                        spread(flow, c, E, left, dx, mesh.boundary)
                        stage[:] = L[j]
                        for k in range(R):
                            for i in range(cells):
                                stage[gradient_rows[k], i] -= tau / dx * (flow[k, i + 1] - flow[k, i])
                        relax(data, mesh, stage, tau)
                    L[j] = (stage - L[j]) / implicit[j, j]
                if j == stages - 1:
                    break
                pad(stage, padded, mesh)
                variables(data, padded, V)
                if j == 0 and has.gradients:
                    spread_length(data, mesh, V, length)
                    stiff = cfl * length[1 : width - 1].max() / dx
                if j == 0 and stepping.is_implicit and stiff > EXPLICIT:
                    gradient(data, mesh, padded, V, c)
                    flow_of(V, c, dx, flow)
                else:
                    correct(data, mesh, padded, V)
                if has.diffusivity:
                    diffusivity(data, mesh, V, D)
                if j == 0:
                    speed(data, V, fast)
                    if has.diffusivity:
                        for i in range(width):
                            fast[i] = max(fast[i], 2.0 / dx * D[i])
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
                reconstruct(V, sharp, l.V, r.V)
                if has.transport:
                    transport(data, mesh, stepping.flux, l.V, r.V, V, K[j])
                else:
                    sides(data, l.V, l.U, l.F, l.frame)
                    sides(data, r.V, r.U, r.F, r.frame)
                    flux_differences(
                        stepping.flux, l.V, r.V, l.U, r.U, l.F, r.F, l.frame, r.frame, data, boost, waves, K[j]
                    )  # fmt: skip
                if has.diffusivity:
                    _diffuse(padded, D, dx, K[j])
                if stepping.is_implicit and stiff > EXPLICIT:  # its part of the transport is in the implicit stages
                    for k in range(R):
                        for i in range(cells):
                            K[j, gradient_rows[k], i] += flow[k, i + 1] - flow[k, i]
                if has.product:  # path-conservative: half of the jump at each face belongs to the cell, and all within it
                    product(data, l.V, l.U, l.F, r.V, r.U, r.F, 0, jump)
                    product(data, r.V, r.U, r.F, l.V, l.U, l.F, 1, inside)
                    for k in range(components):
                        for i in range(cells):
                            K[j, k, i] -= 0.5 * (jump[k, i] + jump[k, i + 1]) + inside[k, i]
                if not stepping.is_implicit:
                    source(data, mesh, stage, L[j])
                    for k in range(components):
                        for i in range(cells):
                            K[j, k, i] += dx * L[j, k, i]
            U[:] = stage
            steps += 1
            cell = _broken(U, energy)
            if cell >= 0:
                return float(steps), t + dt, float(cell)
            t = times[row] if count == 1.0 else t + dt
            if count == 1.0:
                break
        saved[row + 1] = U
    return float(steps), t, -1.0
