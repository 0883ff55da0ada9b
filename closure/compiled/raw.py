"""Row functions of the closures that carry raw moments (``RawMomentLaw``): G_0.., H_0.. in one array."""

from math import sqrt
from typing import NamedTuple

import numpy as np

from knudsen.closure.compiled.protocol import BOOST, RELAX, SOURCE, frequency_numbers, row_function
from knudsen.closure.compiled.vectors import rescale, rescale_transverse, shift
from knudsen.compile import compiled
from knudsen.solvers.cells import GHOST


class Raw(NamedTuple):
    """n_g moments of g and n_h of h in ``dims`` velocity dimensions; collision frequency scale rho T^exponent, exponent -inf: 1.
    ``Data`` of these laws begins with these numbers; what else there is starts at OTHER_COUNTS, OTHER_NUMBERS."""

    n_g: int
    n_h: int
    dims: int
    scale: float
    exponent: float


OTHER_COUNTS, OTHER_NUMBERS = 3, 2


def raw_numbers(law) -> tuple[list[int], list[float]]:
    """How ``Data`` begins."""
    return [law.n_g, law.n_h, law.gas.dims], frequency_numbers(law.gas)


@compiled
def raw(data):
    c = data.counts
    return Raw(c[0], c[1], c[2], data.numbers[0], data.numbers[1])


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
def _defect(data, mesh, U, tau, M):
    """M_k - U_k into the first rows of M, for the moments that relax, and tau nu/eps into its last one; the part of G_2 is that
    of H_0 with the other sign. M: [2 + component, cell]."""
    law = raw(data)
    n_g, n_h, dims, cells = law.n_g, law.n_h, law.dims, U.shape[1]
    rows = np.empty((2, cells))
    u, T, weight, H = rows[0], rows[1], M[n_g + n_h], M[n_g:]
    for i in range(cells):
        rho = U[0, i]
        u[i] = U[1, i] / rho
        energy = U[2, i] + U[n_g, i] if n_h > 0 else U[2, i]
        T[i] = (energy / rho - u[i] * u[i]) / dims
        weight[i] = tau / mesh.knudsen[GHOST + i]
        if law.exponent > -np.inf:
            weight[i] *= law.scale * rho * T[i] ** law.exponent
        M[0, i] = rho
        M[1, i] = rho * u[i]
    for k in range(1, n_g - 1):
        for i in range(cells):
            M[k + 1, i] = u[i] * M[k, i] + k * T[i] * M[k - 1, i]
    for k in range(1, n_h):
        for i in range(cells):
            H[k, i] = (dims - 1) * T[i] * M[k, i] - U[n_g + k, i]
    for k in range(2, n_g):
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
    """U' = U + tau nu (M - U')/eps."""
    M = np.empty((U.shape[0] + 1, U.shape[1]))
    _defect(data, mesh, U, tau, M)
    weight = M[U.shape[0]]
    for i in range(weight.size):
        weight[i] /= 1.0 + weight[i]
    _add(data, M, U)


@row_function(SOURCE)
def source(data, mesh, U, S):
    M = np.empty((U.shape[0] + 1, U.shape[1]))
    _defect(data, mesh, U, 1.0, M)
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
