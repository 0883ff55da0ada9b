r"""The hot loop: df/dt + v df/dx = rate/eps (target - f) for a row of velocities per cell, every stage one pass over the cells.

Stage j reads the rows of f_{j-1} once and writes those of f_j once. In a cell, with everything in first-level cache:

1. faces, and the transport increment :math:`\Delta t\,\mathcal T(f_{j-1})`;
2. the explicit part :math:`f^* = A_j + \Delta t\,\tilde a_{j,j-1} \mathcal T(f_{j-1})` and its moments. Collisions conserve
   (rho, u, T), and with :math:`\lambda = \Delta t\, a_{jj}\, \nu/\epsilon` the new stage has the stress
   :math:`\sigma^*/(1 + \lambda)` and the heat flux :math:`q^*/(1 + Pr\,\lambda)`: the target is known without iteration;
3. the discrete target of these fields, conservative to round-off;
4. :math:`f_j = (f^* + r \lambda\,\mathcal{M})/(1 + r \lambda)`, r the model's rate, and the accumulators of later stages,
   :math:`A_m \mathrel{+}= \Delta t (\tilde a_{m,j-1} \mathcal T(f_{j-1}) + a_{mj} Q(f_j))`, where
   :math:`\Delta t\, a_{jj} Q(f_j) = f_j - f^*`.

Fields: g, and for D > 1 h (:math:`|v_\perp|^2`); with shear also k, y, l (:math:`v_y,\ v_y^2,\ v_y |v_\perp|^2`), the transverse
moments of f in which all models are closed. Arrays: f [field, cell + ghosts, velocity].

Every target is a Gaussian in v times a polynomial of degree 3 in :math:`z = (v - u)/\sqrt{\Lambda_{xx}}` for each field
(:mod:`knudsen.kinetic.collisions.target`), corrected to conserve (:mod:`knudsen.kinetic.kernel.target`). Plain BGK needs one
polynomial only, of degree 2, and has its own short path (:mod:`knudsen.kinetic.kernel.maxwellian`).

The loops over velocities are kept apart and branch-free so that they vectorise; the scratch rows share one array at constant
distances, which lets the compiler prove that they do not overlap. A state that is not finite, or not positive, ends the call.
"""

from math import sqrt
from typing import NamedTuple

import numpy as np
from numba import uint64

from knudsen.compile import compiled
from knudsen.kinetic.kernel.ends import fill_ghosts, set_face
from knudsen.kinetic.kernel.maxwellian import conservative_maxwellian
from knudsen.kinetic.kernel.rows import OF_G, OF_H, accumulate, explicit_part, explicit_part_cubic, relax, relax_cubic, start
from knudsen.kinetic.kernel.target import discrete_target, stage_target
from knudsen.kinetic.kernel.transport import GHOST, push, transport_muscl, transport_weno5
from knudsen.solvers.boundaries import WALLS


class Scheme(NamedTuple):
    """explicit, implicit: the tables [stages + 1, stages + 1]; weno: WENO5 in place of MUSCL?"""

    explicit: np.ndarray
    implicit: np.ndarray
    weno: bool


class Velocities(NamedTuple):
    """v, mask [K]: velocities, and 1 where they are not padding; dv."""

    v: np.ndarray
    mask: np.ndarray
    dv: float


@compiled
def _stage(j, f, new, acc, eps, model, ends, force, velocities, ratio, dt, scheme, row):
    """Stage j; returns (cell that failed or -1, number of under-resolved targets)."""
    v, mask, dv = velocities
    explicit, implicit, weno = scheme
    K, cells, last, fields, dims = v.size, eps.size, explicit.shape[0] - 1, model.fields, model.dims
    rows, plain = cells + 2 * GHOST, model.stress == 0.0 and model.heat_flux == 0.0 and model.fields <= 2
    sums, P, powers = np.zeros((5, 4)), np.zeros((5, 4)), np.zeros(7)
    fitted = 0
    for i in range(GHOST - 1, GHOST + cells):  # the first row only sets the face at the left end
        at_end = i == GHOST - 1 or i == GHOST + cells - 1
        for field in range(fields):
            here = uint64((field * rows + i) * K)
            if weno:
                transport_weno5(f, here, v, ratio, field, row)
            else:
                transport_muscl(f, here, v, ratio, field, row)
            if at_end and ends.boundary == WALLS:
                set_face(ends.face[0 if i < GHOST else 1], v, ratio, field, row)
        if i < GHOST:
            continue
        if force.on:
            push(f, i, rows, v, dt, force, row)
        cell = i - GHOST
        s0 = s1 = s2 = 0.0
        for field in range(fields):
            here, there = uint64((field * rows + i) * K), uint64((((j - 2) * fields + field) * cells + cell) * K)
            base, place = (f, here) if j == 1 else (acc, there)
            weight = explicit[j, j - 1]
            if not plain:
                explicit_part_cubic(base, place, v, weight, field, row, sums)
                continue
            t0, t1, t2 = explicit_part(base, place, v, weight, field, row)
            if field == OF_G:
                s0, s1, s2 = t0, t1, t2
            else:
                s2 += t0
        rate = dt * implicit[j, j] / eps[cell]
        inverse = p0 = p1 = p2 = 0.0
        if plain:
            rho, u = s0 * dv, s1 / s0
            T = (s2 / s0 - u * u) / dims
            if not (rho > 0.0 and T > 0.0 and rho < np.inf and T < np.inf):
                return cell, fitted
            relaxation = rate * (rho * T**model.exponent if model.exponent > -np.inf else 1.0)
            p0, p1, p2, how = conservative_maxwellian(rho, u, T, v, mask, dv, row)
        else:
            rho, u, T, relaxation = stage_target(model, sums, dv, rate, P)
            if not T > 0.0:
                return cell, fitted
            relaxation *= model.rate
            inverse = 1.0 / sqrt(T)
            how = discrete_target(model, rho, u, T, v, mask, dv, powers, P, row)
        if how == 2:
            return cell, fitted
        fitted += how
        # y + z = 1 without rounding (the larger of the two is computed): a bias would act at every step and in every cell
        y = 1.0 / (1.0 + relaxation) if relaxation < 1.0 else 1.0 - relaxation / (1.0 + relaxation)
        for field in range(fields):
            here = uint64((field * rows + i) * K)
            if plain:
                z = (1.0 - y) * ((dims - 1) * T if field == OF_H else 1.0)
                relax(new, here, v, y, z * p0, z * p1, z * p2, field, row)
            else:
                relax_cubic(new, here, v, u, inverse, y, 1.0 - y, P, field, row)
            for m in range(j + 1, last + 1):
                there = uint64((((m - 2) * fields + field) * cells + cell) * K)
                weight = implicit[m, j] / implicit[j, j]
                if j == 1:
                    start(acc, there, f, new, here, v, explicit[m, 0], weight, field, row)
                else:
                    accumulate(acc, there, new, here, v, explicit[m, j - 1], weight, field, row)
    return -1, fitted


@compiled
def advance(f, other, acc, eps, model, ends, force, velocities, scheme, dx, dt, steps, row):
    """``steps`` steps of size dt on f, in place.

    f, other: flat [fields * (cells + 2 GHOST) * K]; acc: flat [(stages - 1) * fields * cells * K]; eps [cells]; row: scratch().
    Returns (steps done, cell that failed or -1, under-resolved targets).
    """
    fitted, points, ratio, now, then = 0, int(velocities.mask.sum()), dt / dx, f, other
    stages = scheme.explicit.shape[0] - 1
    for step in range(steps):
        for j in range(1, stages + 1):
            fill_ghosts(now, model.fields, eps.size, velocities.v, points, ends)
            failed, more = _stage(j, now, then, acc, eps, model, ends, force, velocities, ratio, dt, scheme, row)
            fitted += more
            if failed >= 0:
                return step, failed, fitted
            now, then = then, now
    if steps * stages % 2:
        for n in range(f.size):
            f[n] = now[n]
    return steps, -1, fitted
