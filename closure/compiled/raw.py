"""Row functions of the closures that carry raw moments (``RawMomentLaw``): G_0.., H_0.. in one array."""

from math import sqrt
from typing import NamedTuple

import numpy as np

from knudsen.closure.compiled.protocol import BOOST, RELAX, SOURCE, frequency_numbers, row_function
from knudsen.closure.compiled.vectors import rescale, rescale_transverse, shift
from knudsen.compile import compiled
from knudsen.solvers.cells import GHOST


class Raw(NamedTuple):
    """n_g moments of g and n_h of h in ``dims`` velocity dimensions; collision frequency nu = scale rho T^exponent, exponent
    -inf: 1; relaxation at ``rate`` nu, of the heat flux at ``prandtl`` nu, to a target with shares of ``stress`` and ``heat``
    flux. ``Data`` of these laws begins with these numbers; what else there is starts at OTHER_COUNTS, OTHER_NUMBERS."""

    n_g: int
    n_h: int
    dims: int
    scale: float
    exponent: float
    rate: float
    prandtl: float
    stress: float
    heat: float


OTHER_COUNTS, OTHER_NUMBERS = 3, 6


def raw_numbers(law) -> tuple[list[int], list[float]]:
    """How ``Data`` begins. Of a Boltzmann gas, whose collisions are not here, the last four are none."""
    gas = law.gas
    target = [1.0, gas.prandtl, 0.0, 0.0]
    if not gas.is_boltzmann:
        target = [gas.model.rate(gas.prandtl), gas.prandtl, *gas.model.shares(gas.prandtl)]
    return [law.n_g, law.n_h, gas.dims], [*frequency_numbers(gas), *target]


@compiled
def raw(data):
    c, n = data.counts, data.numbers
    return Raw(c[0], c[1], c[2], n[0], n[1], n[2], n[3], n[4], n[5])


@row_function(BOOST)
def boost(data, U, velocity):
    n_g, n_h = data.counts[0], data.counts[1]
    shift(U, 0, n_g, velocity)
    shift(U, n_g, n_g + n_h, velocity)


@compiled
def rescale_raw(U, n_g, n_h, scale, ladder):
    """Raw moments with every velocity multiplied by ``scale``, in place; ladder: a row of scratch."""
    rescale(U, 0, n_g, scale, ladder)
    rescale_transverse(U, n_g, n_h, scale, ladder)


@compiled
def collision_time(data, mesh, U, tau):
    """tau = eps/nu on padded cells; U the conserved moments there."""
    law = raw(data)
    for i in range(U.shape[1]):
        tau[i] = mesh.knudsen[i]
    if law.exponent > -np.inf:
        for i in range(U.shape[1]):
            rho = U[0, i]
            energy = U[2, i] + U[law.n_g, i] if law.n_h > 0 else U[2, i]
            u = U[1, i] / rho
            tau[i] /= law.scale * rho * ((energy / rho - u * u) / law.dims) ** law.exponent


@compiled
def _defect(data, mesh, U, tau, implicit, M):
    """M_k - U_k into the first rows of M, for the moments that relax, and what they change by, in units of it, into its last one;
    the part of G_2 is that of H_0 with the other sign. M: [1 + component, cell]. implicit: of the state after a step of tau;
    else tau times the source."""
    law = raw(data)
    n_g, n_h, dims, cells = law.n_g, law.n_h, law.dims, U.shape[1]
    shared = law.stress != 0.0 or law.heat != 0.0
    rows = np.empty((4, cells))
    u, along, across, B, weight, H = rows[0], rows[1], rows[2], rows[3], M[n_g + n_h], M[n_g:]
    for i in range(cells):
        rho = U[0, i]
        u[i] = U[1, i] / rho
        energy = U[2, i] + U[n_g, i] if n_h > 0 else U[2, i]
        T = (energy / rho - u[i] * u[i]) / dims
        x = tau / mesh.knudsen[GHOST + i]
        if law.exponent > -np.inf:
            x *= law.scale * rho * T**law.exponent
        along[i] = T
        if shared:
            second, q = U[2, i] / rho - u[i] * u[i], (U[3, i] - 3.0 * u[i] * U[2, i]) / rho + 2.0 * u[i] ** 3
            if n_h > 0:
                along[i] += law.stress * (second - T) / (1.0 + x if implicit else 1.0)
                q += (U[n_g + 1, i] - u[i] * U[n_g, i]) / rho
            q *= 0.5 * law.heat / (1.0 + law.prandtl * x if implicit else 1.0)
            B[i] = q * along[i] / (dims * T + 2.0 * along[i])
        across[i] = dims * T - along[i]
        weight[i] = law.rate * x / (1.0 + law.rate * x if implicit else 1.0)
        M[0, i] = rho
        M[1, i] = rho * u[i]
    for k in range(1, n_g - 1):
        for i in range(cells):
            M[k + 1, i] = u[i] * M[k, i] + k * along[i] * M[k - 1, i]
    for k in range(1, n_h):
        for i in range(cells):
            H[k, i] = across[i] * M[k, i] - U[n_g + k, i]
        if shared:
            for i in range(cells):
                third = k * (k - 1) * (k - 2) * M[k - 3, i] if k > 2 else 0.0
                H[k, i] += across[i] * B[i] * (third + 2 * k * M[k - 1, i] / along[i])
    for k in range(n_g - 1, 1, -1):
        if shared and k > 2:
            for i in range(cells):
                M[k, i] += B[i] * (k * (k - 1) * (k - 2)) * M[k - 3, i]
        for i in range(cells):
            M[k, i] -= U[k, i]


@compiled
def _add(data, M, U):
    """U plus the last row of M times the defects."""
    law = raw(data)
    n_g, n_h, cells, weight = law.n_g, law.n_h, U.shape[1], M[law.n_g + law.n_h]
    if n_h > 0:
        for i in range(cells):  # the energy is shared by G_2 and H_0: what one gains the other loses
            U[n_g, i] -= weight[i] * M[2, i]
            U[2, i] += weight[i] * M[2, i]
        for k in range(n_g + 1, n_g + n_h):
            for i in range(cells):
                U[k, i] += weight[i] * M[k, i]
    for k in range(3, n_g):
        for i in range(cells):
            U[k, i] += weight[i] * M[k, i]


@row_function(RELAX)
def relax(data, mesh, U, tau):
    """U' = U + tau r nu (M' - U')/eps."""
    M = np.empty((U.shape[0] + 1, U.shape[1]))
    _defect(data, mesh, U, tau, True, M)
    _add(data, M, U)


@row_function(SOURCE)
def source(data, mesh, U, S):
    M = np.empty((U.shape[0] + 1, U.shape[1]))
    _defect(data, mesh, U, 1.0, False, M)
    S[:] = 0.0
    _add(data, M, S)


@compiled
def own_frame(U, data, rows):
    """Moments in the gas's own frame and units, of rho = 1, T = 1: a new array; rows: [4, column], rho, u, sqrt(T) come back in
    the first three."""
    law = raw(data)
    n_g, n_h, width = law.n_g, law.n_h, U.shape[1]
    rho, u, s, other = rows[0], rows[1], rows[2], rows[3]
    ladder = np.empty(width)
    own = np.empty(U.shape)
    for i in range(width):
        rho[i] = U[0, i]
        u[i] = U[1, i] / rho[i]
        energy = U[2, i] + U[n_g, i] if n_h > 0 else U[2, i]
        s[i] = sqrt((energy / rho[i] - u[i] * u[i]) / law.dims)
    for k in range(n_g + n_h):
        for i in range(width):
            own[k, i] = U[k, i] / rho[i]
    for i in range(width):
        other[i] = -u[i]
    boost(data, own, other)
    for i in range(width):
        other[i] = 1.0 / s[i]
    rescale_raw(own, n_g, n_h, other, ladder)
    return own
