"""Row functions of Navier-Stokes-Fourier's diffusion (``laws.fluid.NavierStokesFourier``): tridiagonal sweeps."""

from math import sqrt

import numpy as np

from knudsen.closure.compiled import plain
from knudsen.closure.compiled.plain import DIMS, EXPONENT, PARAMETERS, SCALE
from knudsen.closure.compiled.protocol import RELAX, SOURCE, Rows, row_function
from knudsen.compile import compiled
from knudsen.solvers.boundaries import OUTFLOW, PERIODIC, WALLS
from knudsen.solvers.cells import GHOST

PRANDTL = PARAMETERS + 1


def rows_of(law) -> Rows:
    """``Data.counts``: the number of fixed-point iterations."""
    rows = plain.rows_of(law)
    data = rows.data._replace(counts=np.array([law.picard_iterations]))
    return rows._replace(data=data, relax=relax, source=source, wall=plain.fluid_wall)


@compiled
def _close(y, mesh):
    """The ghost cell at each end of y [cell + 2]; those of a fixed boundary and of walls stay."""
    if mesh.boundary == PERIODIC:
        y[0], y[-1] = y[-2], y[1]
    elif mesh.boundary == OUTFLOW:
        y[0], y[-1] = y[1], y[-2]


@compiled
def _fluid(data, mesh, U, u, T):
    """u and T with one ghost cell a side."""
    dims, cells = data.numbers[DIMS], U.shape[1]
    for i in range(cells):
        u[i + 1] = U[1, i] / U[0, i]
        T[i + 1] = (2.0 * U[2, i] / U[0, i] - u[i + 1] * u[i + 1]) / dims
    if mesh.boundary == WALLS:
        u[0], u[-1], T[0], T[-1] = 0.0, 0.0, mesh.left[0], mesh.right[0]
        return
    u[0] = mesh.left[1] / mesh.left[0]
    u[-1] = mesh.right[1] / mesh.right[0]
    T[0] = (2.0 * mesh.left[2] / mesh.left[0] - u[0] * u[0]) / dims
    T[-1] = (2.0 * mesh.right[2] / mesh.right[0] - u[-1] * u[-1]) / dims
    _close(u, mesh)
    _close(T, mesh)


@compiled
def _coefficients(data, mesh, U, T, mu, viscosity, conductivity):
    """2(D-1)/D mu and kappa on the faces; mu: scratch [cell + 2]."""
    scale, exponent, dims, width = data.numbers[SCALE], data.numbers[EXPONENT], data.numbers[DIMS], mu.size
    for i in range(1, width - 1):
        mu[i] = U[0, i - 1]
    mu[0], mu[-1] = mesh.left[0], mesh.right[0]  # at walls not used
    _close(mu, mesh)
    for i in range(width):
        mu[i] = mesh.knudsen[GHOST - 1 + i] * T[i] * (mu[i] if exponent == -np.inf else T[i] ** -exponent / scale)
    for i in range(width - 1):
        mean = 0.5 * (mu[i] + mu[i + 1])
        viscosity[i] = 2.0 * (dims - 1.0) / dims * mean
        conductivity[i] = 0.5 * (dims + 2.0) / data.numbers[PRANDTL] * mean
    if mesh.boundary == WALLS:
        half, last = 0.5 * mesh.dx, width - 2
        for face in range(0, width - 1, last):
            cell, wall = (0, mesh.left) if face == 0 else (last - 1, mesh.right)
            mean = mu[cell + 1]  # of the cell at the wall; the wall is half a cell away, for the heat and the length of the jump
            viscosity[face] = 4.0 * (dims - 1.0) / dims * mean
            jump = wall[2] * sqrt(2.0 / T[cell + 1]) * mean / U[0, cell]
            conductivity[face] = 0.5 * (dims + 2.0) / data.numbers[PRANDTL] * mean * 2.0 * half / (half + jump)


@compiled
def _fluxes(u, T, viscosity, conductivity, mesh, stress, power):
    """-sigma and -sigma u - q on the faces."""
    _work(u, viscosity, mesh, stress, power)
    for i in range(stress.size):
        power[i] += conductivity[i] * (T[i + 1] - T[i]) / mesh.dx


@compiled
def _work(u, viscosity, mesh, stress, power):
    """-sigma and -sigma u on the faces; walls do no work."""
    for i in range(stress.size):
        stress[i] = viscosity[i] * (u[i + 1] - u[i]) / mesh.dx
        power[i] = stress[i] * 0.5 * (u[i + 1] + u[i])
    if mesh.boundary == WALLS:
        power[0], power[-1] = 0.0, 0.0


@compiled
def diffuse(capacity, c, y, mesh, scratch):
    """Solves capacity y' - d(c dy') = capacity y for the cells of y [cell + 2], in place, c on the faces; for the change y' - y:
    what is uniform stays so to the last bit. Periodic: a matrix without corners and a rank-one correction. scratch: [4, cell]."""
    n = capacity.size
    diagonal, x, z, ratio = scratch[0], scratch[1], scratch[2], scratch[3]
    for i in range(n):
        diagonal[i], z[i] = capacity[i] + c[i] + c[i + 1], 0.0
        x[i] = c[i + 1] * (y[i + 2] - y[i + 1]) - c[i] * (y[i + 1] - y[i])
    corner = 0.0
    if mesh.boundary == PERIODIC:
        corner = c[0]
        z[0], z[n - 1] = -corner, -corner
        diagonal[0] += corner
        diagonal[n - 1] += corner
    elif mesh.boundary == OUTFLOW:
        diagonal[0] -= c[0]
        diagonal[n - 1] -= c[n]
    inverse = 1.0 / diagonal[0]
    x[0], z[0] = x[0] * inverse, z[0] * inverse
    for i in range(1, n):
        ratio[i] = c[i] * inverse
        inverse = 1.0 / (diagonal[i] - c[i] * ratio[i])
        x[i] = (x[i] + c[i] * x[i - 1]) * inverse
        z[i] = (z[i] + c[i] * z[i - 1]) * inverse
    for i in range(n - 2, -1, -1):
        x[i] += ratio[i + 1] * x[i + 1]
        z[i] += ratio[i + 1] * z[i + 1]
    factor = (x[0] + x[n - 1]) / (1.0 + z[0] + z[n - 1]) if corner != 0.0 else 0.0
    for i in range(n):
        y[i + 1] += x[i] - factor * z[i]
    _close(y, mesh)


@row_function(RELAX)
def relax(data, mesh, U, tau):
    dims, dx, cells = data.numbers[DIMS], mesh.dx, U.shape[1]
    padded, faces, scratch = np.empty((3, cells + 2)), np.empty((5, cells + 1)), np.empty((5, cells))
    u, T, mu = padded[0], padded[1], padded[2]
    viscosity, conductivity, stress, power, c = faces[0], faces[1], faces[2], faces[3], faces[4]
    capacity = scratch[4]
    _fluid(data, mesh, U, u, T)
    for _ in range(data.counts[0]):
        _coefficients(data, mesh, U, T, mu, viscosity, conductivity)
        if dims > 1.0:
            for i in range(cells + 1):
                c[i] = tau * viscosity[i] / (dx * dx)
            for i in range(cells):
                u[i + 1] = U[1, i] / U[0, i]
            _close(u, mesh)
            diffuse(U[0], c, u, mesh, scratch)
        _work(u, viscosity, mesh, stress, power)
        for i in range(cells + 1):
            c[i] = tau * conductivity[i] / (dx * dx)
        for i in range(cells):
            capacity[i] = 0.5 * dims * U[0, i]
            heat = U[2, i] + tau * (power[i + 1] - power[i]) / dx - 0.5 * U[0, i] * u[i + 1] * u[i + 1]
            T[i + 1] = heat / capacity[i]
        _close(T, mesh)
        diffuse(capacity, c, T, mesh, scratch)
    # The last iterate enters as a flux difference: conservative to round-off whatever the linear solver's accuracy.
    _fluxes(u, T, viscosity, conductivity, mesh, stress, power)
    for i in range(cells):
        U[1, i] += tau * (stress[i + 1] - stress[i]) / dx
        U[2, i] += tau * (power[i + 1] - power[i]) / dx


@row_function(SOURCE)
def source(data, mesh, U, S):
    cells = U.shape[1]
    padded, faces = np.empty((3, cells + 2)), np.empty((4, cells + 1))
    u, T, viscosity, conductivity, stress, power = padded[0], padded[1], faces[0], faces[1], faces[2], faces[3]
    _fluid(data, mesh, U, u, T)
    _coefficients(data, mesh, U, T, padded[2], viscosity, conductivity)
    _fluxes(u, T, viscosity, conductivity, mesh, stress, power)
    for i in range(cells):
        S[0, i], S[1, i], S[2, i] = 0.0, (stress[i + 1] - stress[i]) / mesh.dx, (power[i + 1] - power[i]) / mesh.dx
