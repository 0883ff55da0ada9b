"""Discrete Maxwellians: on a velocity grid, with exact density, velocity and temperature.

On a resolved grid the correction is of the size of the quadrature error (1e-12): one linear step with the analytic moment matrix
leaves its square. On an under-resolved grid the exponents of the Gaussian are found by Newton iteration, the minimiser of the
discrete entropy (L. Mieussens, J. Comput. Phys. 162, 429 (2000), doi:10.1006/jcph.2000.6548).
"""

from math import exp, log, pi, sqrt

import numpy as np

from knudsen.compile import compiled
from knudsen.kinetic.kernel.rows import MAXWELL, STRIDE, gaussian, sums_of
from knudsen.solvers.rows import LOG2E

RESOLVED = 1e-9  # quadrature error below which one linear correction is exact to round-off, also over 1e4 steps
UNDER_RESOLVED = 1e-5  # quadrature error above which the user is warned
NEWTON_STEPS = 40


@compiled(fastmath=False)
def solve3(A, b):
    """x of the 3 x 3 system A x = b (Cramer's rule)."""
    m0 = A[1, 1] * A[2, 2] - A[1, 2] * A[2, 1]
    m1 = A[1, 0] * A[2, 2] - A[1, 2] * A[2, 0]
    m2 = A[1, 0] * A[2, 1] - A[1, 1] * A[2, 0]
    det = A[0, 0] * m0 - A[0, 1] * m1 + A[0, 2] * m2
    x0 = (b[0] * m0 - A[0, 1] * (b[1] * A[2, 2] - A[1, 2] * b[2]) + A[0, 2] * (b[1] * A[2, 1] - A[1, 1] * b[2])) / det
    x1 = (A[0, 0] * (b[1] * A[2, 2] - A[1, 2] * b[2]) - b[0] * m1 + A[0, 2] * (A[1, 0] * b[2] - b[1] * A[2, 0])) / det
    x2 = (A[0, 0] * (A[1, 1] * b[2] - b[1] * A[2, 1]) - A[0, 1] * (A[1, 0] * b[2] - b[1] * A[2, 0]) + b[0] * m2) / det
    return x0, x1, x2


@compiled(fastmath=False)
def fit_maxwellian(rho, u, T, v, dv, M):
    """Newton iteration for an under-resolved grid: writes M [K] of exact rho, u, T; returns False where the grid cannot hold it.

    Unknowns: the exponents of exp(b_0 + b_1 c + b_2 c^2), c = (v - u)/sqrt(T); the moment matrix is the Jacobian.
    """
    s = sqrt(T)
    b0, b1, b2 = log(rho / sqrt(2.0 * pi * T)), 0.0, -0.5
    sums = np.empty(5)
    A = np.empty((3, 3))
    rhs = np.empty(3)
    best = np.inf
    for _ in range(NEWTON_STEPS):
        sums[:] = 0.0
        for k in range(v.size):
            c = (v[k] - u) / s
            M[k] = exp(max(min(b0 + b1 * c + b2 * c * c, 600.0), -600.0))
            term = M[k] * dv / rho
            for j in range(5):
                sums[j] += term
                term *= c
        for i in range(3):
            for j in range(3):
                A[i, j] = sums[i + j]
        rhs[0], rhs[1], rhs[2] = 1.0 - sums[0], -sums[1], 1.0 - sums[2]
        error = abs(rhs[0]) + abs(rhs[1]) + abs(rhs[2])
        p0, p1, p2 = solve3(A, rhs)
        if not abs(p0) + abs(p1) + abs(p2) < 1e8:
            return False
        if error < 1e-9 or (error < 1e-6 and error >= best):
            for k in range(v.size):
                c = (v[k] - u) / s
                M[k] *= 1.0 + p0 + c * (p1 + c * p2)
            return True
        best = min(best, error)
        damping = min(1.0, 2.0 / (abs(p0) + abs(p1) + abs(p2)))
        b0, b1, b2 = b0 + damping * p0, b1 + damping * p1, b2 + damping * p2
    return False


@compiled(fastmath=False)
def discrete_maxwellians(rho, u, T, v, dv, M):
    """Writes M [n, K] of the states [n]; returns the first that the grid cannot hold, or -1."""
    for i in range(rho.size):
        if not fit_maxwellian(rho[i], u[i], T[i], v, dv, M[i]):
            return i
    return -1


@compiled
def conservative_maxwellian(rho, u, T, v, mask, dv, row):
    """Scratch MAXWELL and the polynomial (p0, p1, p2) in v whose product is the conservative Maxwellian of (rho, u, T).

    Returns p0, p1, p2 and a flag: 0 resolved, 1 visibly under-resolved, 2 the grid cannot hold it.
    """
    inverse = 1.0 / T
    gaussian(v, mask, u, 0.5 * LOG2E * inverse, row)
    s0, s1, s2 = sums_of(v, row)
    height = sqrt(inverse * (0.5 / pi))
    scale = dv * height
    s0, s1, s2 = s0 * scale, s1 * scale, s2 * scale
    r0, r1, r2 = 1.0 - s0, (u * s0 - s1) * inverse, 1.0 - (s2 - u * (2.0 * s1 - u * s0)) * inverse
    if not abs(r0) + abs(r2) + abs(r1) * sqrt(T) < RESOLVED:
        K = int(mask.sum())
        held = fit_maxwellian(rho, u, T, v[:K], dv, row[MAXWELL * STRIDE : MAXWELL * STRIDE + K])
        return 1.0, 0.0, 0.0, 2 if not held else 1 if abs(r0) + abs(r2) > UNDER_RESOLVED else 0
    c2 = 0.5 * (r2 - r0)  # inverse of the analytic moment matrix (1 0 1; 0 1 0; 1 0 3)
    c0 = 1.0 + r0 - c2
    c2 *= inverse
    height *= rho
    return height * (c0 - u * (r1 - u * c2)), height * (r1 - 2.0 * u * c2), height * c2, 0
