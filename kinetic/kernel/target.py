"""The discrete target of a stage: the model's polynomials (:mod:`knudsen.kinetic.collisions.target`), made conservative.

The polynomials are corrected so that the discrete moments that matter (g: up to z^3; h: z; k: z^2; y, l: their sums) are those of
the continuous target: on a resolved grid by one linear step, on an under-resolved one by solving with the Gaussian's own moments.
"""

from math import pi, sqrt
from typing import NamedTuple

import numpy as np

from knudsen.compile import compiled
from knudsen.kinetic.collisions import target as formulas
from knudsen.kinetic.kernel.maxwellian import RESOLVED, UNDER_RESOLVED, fit_maxwellian
from knudsen.kinetic.kernel.rows import MAXWELL, OF_G, OF_H, OF_K, OF_L, OF_Y, STRIDE, gaussian, power_sums
from knudsen.solvers.rows import LOG2E

NORMAL = (1.0, 0.0, 1.0, 0.0, 3.0, 0.0, 15.0)  # moments of the normal distribution
MATCHED = (3, 1, 2, 0, 0)  # highest power of z whose sum with the target is exact: of g, h, k, y, l
pair_rows, shear_rows = compiled(formulas.pair_rows), compiled(formulas.shear_rows)


class Model(NamedTuple):
    """rate: the model's; stress, heat_flux: the target's shares; fields: 1, 2 or (shear) 5; dims; prandtl; exponent: 1 - omega of
    nu = rho T^exponent, -inf for nu = 1."""

    rate: float
    stress: float
    heat_flux: float
    fields: int
    dims: int
    prandtl: float
    exponent: float


@compiled
def stage_target(model, s, dv, rate, P):
    r"""P [field, power of z]: the target of each field over rho times the Gaussian of variance Lambda in v.

    s [field, 4]: sums of f* with 1, v, v^2, v^3; rate: lambda/nu. The new stage has the stress and the heat flux of f* over
    1 + lambda and 1 + Pr lambda. Returns rho, u, Lambda_xx and lambda; Lambda_xx = 0 where the moments are no gas's.
    """
    D, shear = model.dims, model.fields > 2
    mass = 1.0 / s[OF_G, 0]
    u, Txx = s[OF_G, 1] * mass, (s[OF_G, 2] - s[OF_G, 1] * s[OF_G, 1] * mass) * mass
    H = s[OF_H, 0] * mass if D > 1 else 0.0
    uy = s[OF_K, 0] * mass if shear else 0.0
    T = (Txx + H - uy * uy) / D
    rho = s[OF_G, 0] * dv
    if not (rho > 0.0 and T > 0.0 and rho < np.inf and T < np.inf):
        return rho, u, 0.0, 0.0
    relaxation = rate * (rho * T**model.exponent if model.exponent > -np.inf else 1.0)
    stress, heat = model.stress / (1.0 + relaxation), 0.5 * model.heat_flux / (1.0 + model.prandtl * relaxation)
    qx = s[OF_G, 3] * mass - u * (3.0 * Txx + u * u)  # twice the heat flux over rho
    if D > 1:
        qx += s[OF_H, 1] * mass - u * H
    if shear:
        Txy, Tyy = s[OF_K, 1] * mass - u * uy, s[OF_Y, 0] * mass - uy * uy
        qx -= 2.0 * uy * Txy
        qy = s[OF_K, 2] * mass - u * (2.0 * Txy + u * uy) - uy * Txx
        qy += s[OF_L, 0] * mass - uy * (2.0 * Tyy + H)
        xx, xy, yy = stress * (Txx - T), stress * Txy, stress * (Tyy - T)
        along, of_g, of_k, of_y, of_z, of_l = shear_rows(T, uy, xx, xy, yy, heat * qx, heat * qy, D)
        for j in range(4):
            P[OF_G, j], P[OF_H, j], P[OF_K, j], P[OF_Y, j], P[OF_L, j] = of_g[j], of_y[j] + of_z[j], of_k[j], of_y[j], of_l[j]
    else:
        along, of_g, of_h = pair_rows(T, stress * (Txx - T), heat * qx, D)
        for j in range(4):
            P[OF_G, j] = of_g[j]
            if D > 1:
                P[OF_H, j] = of_h[j]
    return rho, u, along, relaxation


@compiled
def discrete_target(model, rho, u, along, v, mask, dv, s, P, row):
    """Scratch MAXWELL, and P [field, 4] corrected and scaled so that their product is the conservative discrete target.

    Returns 0 resolved, 1 visibly under-resolved, 2 the grid cannot hold it.
    """
    inverse, how = 1.0 / sqrt(along), 0
    height = inverse * sqrt(0.5 / pi)
    gaussian(v, mask, u, 0.5 * LOG2E * inverse * inverse, row)
    power_sums(v, u, inverse, height * dv, s, row)
    resolved = abs(1.0 - s[0]) + abs(s[1]) + abs(1.0 - s[2]) < RESOLVED
    if not resolved:
        how = 1 if abs(1.0 - s[0]) + abs(1.0 - s[2]) > UNDER_RESOLVED else 0
        K = int(mask.sum())
        if not fit_maxwellian(rho, u, along, v[:K], dv, row[MAXWELL * STRIDE : MAXWELL * STRIDE + K]):
            return 2
        power_sums(v, u, inverse, dv / rho, s, row)
    for field in range(model.fields):
        p, n = P[field], MATCHED[field]
        r = (_defect(s, p, 0), _defect(s, p, 1), _defect(s, p, 2), _defect(s, p, 3))
        if not resolved:
            _solve_hankel(s, n, r, p)
        else:  # inverse of the analytic moment matrix, even and odd powers apart
            c2 = 0.5 * (r[2] - r[0]) if n > 1 else 0.0
            c3 = (r[3] - 3.0 * r[1]) / 6.0 if n > 2 else 0.0
            p[0] += r[0] - c2
            p[1] += r[1] - 3.0 * c3 if n > 0 else 0.0
            p[2] += c2
            p[3] += c3
        for j in range(4):
            p[j] *= rho * height if resolved else 1.0
    return how


@compiled
def _defect(s, p, i):
    """What the sum of z^i p times the discrete Gaussian, of power sums s, lacks of the integral."""
    total = 0.0
    for j in range(4):
        total += (NORMAL[i + j] - s[i + j]) * p[j]
    return total


@compiled
def _solve_hankel(s, n, r, p):
    """p += d with sum_j s_{i+j} d_j = r_i for i, j <= n (elimination; the matrix is positive definite)."""
    A = np.empty((n + 1, n + 2))
    for i in range(n + 1):
        for j in range(n + 1):
            A[i, j] = s[i + j]
        A[i, n + 1] = r[i]
    for i in range(n + 1):
        for m in range(i + 1, n + 1):
            factor = A[m, i] / A[i, i]
            for j in range(i, n + 2):
                A[m, j] -= factor * A[i, j]
    for i in range(n, -1, -1):
        for j in range(i + 1, n + 1):
            A[i, n + 1] -= A[i, j] * A[j, n + 1]
        A[i, n + 1] /= A[i, i]
        p[i] += A[i, n + 1]
