"""What transport and a force along y do to the rows of a cell.

Both schemes are written in the differences between neighbouring rows and are odd in them: for v < 0 the mirrored differences give
the mirrored face, so one branch-free expression serves both signs.
"""

from typing import NamedTuple

import numpy as np
from numba import uint64

from knudsen.compile import compiled
from knudsen.kinetic.kernel.rows import FACE, INCREMENT, OF_G, OF_H, OF_K, OF_L, OF_Y, at
from knudsen.solvers.rows import mc, weno5

GHOST = 3  # rows beyond each end: what WENO5 needs
TINY = 1e-40  # of WENO5: far below the squared tail of a Maxwellian, as the weights must not depend on the scale of f


class Force(NamedTuple):
    """acceleration along y; source [2, K]: of k and of l, per time (thermal creep); on: is there any?"""

    on: bool
    acceleration: float
    source: np.ndarray


@compiled
def transport_muscl(f, here, v, ratio, field, row):
    """Scratch INCREMENT = -dt/dx v (face_{i+1/2} - face_{i-1/2}); FACE moves on to i + 1/2. Row i starts at f[here]."""
    K = uint64(v.size)
    i0, i1, i2, i3 = here - K, here, here + K, here + K + K
    for n in range(v.size):
        k = uint64(n)
        right = v[n] > 0.0
        ahead = f[i2 + k] - f[i1 + k]
        behind, beyond = f[i1 + k] - f[i0 + k], f[i3 + k] - f[i2 + k]
        half = mc(behind if right else beyond, ahead)
        face = f[i1 + k] + half if right else f[i2 + k] - half
        row[at(INCREMENT + 3 * field, n)] = ratio * v[n] * (row[at(FACE + 3 * field, n)] - face)
        row[at(FACE + 3 * field, n)] = face


@compiled
def transport_weno5(f, here, v, ratio, field, row):
    K = uint64(v.size)
    i0, i1, i2, i3, i4, i5 = here - K - K, here - K, here, here + K, here + K + K, here + K + K + K
    for n in range(v.size):
        k = uint64(n)
        right = v[n] > 0.0
        a, b, c = f[i1 + k] - f[i0 + k], f[i2 + k] - f[i1 + k], f[i3 + k] - f[i2 + k]
        d, e = f[i4 + k] - f[i3 + k], f[i5 + k] - f[i4 + k]
        step = weno5(a if right else e, b if right else d, c, d if right else b, TINY)
        face = f[i2 + k] + step if right else f[i3 + k] - step
        row[at(INCREMENT + 3 * field, n)] = ratio * v[n] * (row[at(FACE + 3 * field, n)] - face)
        row[at(FACE + 3 * field, n)] = face


@compiled
def push(f, i, rows, v, dt, force, row):
    """Scratch INCREMENT of h, k, y, l += dt times what the force does to them: a (2 k, g, 2 k, h + 2 y) and the sources."""
    K, a = uint64(v.size), dt * force.acceleration
    g, h = uint64(OF_G * rows + i) * K, uint64(OF_H * rows + i) * K
    k, y = uint64(OF_K * rows + i) * K, uint64(OF_Y * rows + i) * K
    for n in range(v.size):
        m = uint64(n)
        row[at(INCREMENT + 3 * OF_H, n)] += 2.0 * a * f[k + m]
        row[at(INCREMENT + 3 * OF_K, n)] += a * f[g + m] + dt * force.source[0, n]
        row[at(INCREMENT + 3 * OF_Y, n)] += 2.0 * a * f[k + m]
        row[at(INCREMENT + 3 * OF_L, n)] += a * (f[h + m] + 2.0 * f[y + m]) + dt * force.source[1, n]
