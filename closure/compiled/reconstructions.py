"""The reconstructions of ``solvers.reconstruction`` as loops over rows: RECONSTRUCTIONS, by the same names."""

from math import exp as exp_of
from math import sinh

import numpy as np
from numba import boolean, types

from knudsen.closure.compiled.protocol import TABLE
from knudsen.compile import compiled
from knudsen.solvers.cells import GHOST
from knudsen.solvers.reconstruction import FLOOR, STEEPNESS
from knudsen.solvers.rows import LOG2E, exp2, weno5_bounded

LOW, SCALE = exp_of(-STEEPNESS), 0.5 / sinh(STEEPNESS)  # of THINC
RECONSTRUCT = types.void(TABLE, boolean[::1], TABLE, TABLE)
RECONSTRUCTIONS = {}


def reconstruction(function):
    """Registers (V, sharp, left, right): both sides of the faces of the interior, of V with ghosts; sharp [column]: where the
    Knudsen number is below the cell width."""
    RECONSTRUCTIONS[function.__name__] = compiled(function)
    return RECONSTRUCTIONS[function.__name__]


@reconstruction
def constant(V, sharp, left, right):
    faces = left.shape[1]
    for r in range(V.shape[0]):
        for j in range(faces):
            left[r, j], right[r, j] = V[r, j + GHOST - 1], V[r, j + GHOST]


def limited(edge):
    """Registers a reconstruction by edge(a, b): the face value less V_i, of the differences a to the cell behind and b to the one
    ahead; mirrored for the other side of the cell."""
    edge = compiled(edge, forceinline=True)

    def reconstruct(V, sharp, left, right):
        faces = left.shape[1]
        for r in range(V.shape[0]):
            v, l, rt = V[r], left[r], right[r]
            for j in range(faces):
                k = j + GHOST - 1
                a, b, c = v[k] - v[k - 1], v[k + 1] - v[k], v[k + 2] - v[k + 1]
                l[j] = v[k] + edge(a, b)
                rt[j] = v[k + 1] - edge(c, b)

    RECONSTRUCTIONS[edge.__name__] = compiled(reconstruct)


@limited
def muscl(a, b):
    s = (2.0 * max(a * b, 0.0) + FLOOR) / (a * a + b * b + FLOOR)
    return s * s * (b - a) / 12.0 + 0.25 * s * (a + b)


@limited
def van_leer(a, b):
    monotone = a * b > 0.0
    return a * b / (a + b if monotone else 1.0) if monotone else 0.0


@limited
def mc(a, b):
    size = min(min(abs(a), abs(b)), 0.25 * abs(a + b))
    return (size if a > 0.0 else -size) if a * b > 0.0 else 0.0


@limited
def weno3(a, b):
    tau = (a - b) * (a - b)
    z_a, z_b = 1.0 + tau / (a * a + FLOOR), 1.0 + tau / (b * b + FLOOR)
    return 0.5 * (z_a * a + 2.0 * z_b * b) / (z_a + 2.0 * z_b)


@compiled
def _edges(v, left, right):
    """WENO5's values at the two edges of the cells of a row, from GHOST - 2 on."""
    for c in range(left.size):
        k = c + GHOST - 2
        right[c] = weno5_bounded(v[k - 2], v[k - 1], v[k], v[k + 1], v[k + 2], FLOOR)
        left[c] = weno5_bounded(v[k + 2], v[k + 1], v[k], v[k - 1], v[k - 2], FLOOR)


@reconstruction
def weno5(V, sharp, left, right):
    for r in range(V.shape[0]):
        v, l, rt = V[r], left[r], right[r]
        for j in range(l.size):
            k = j + GHOST - 1
            l[j] = weno5_bounded(v[k - 2], v[k - 1], v[k], v[k + 1], v[k + 2], FLOOR)
            rt[j] = weno5_bounded(v[k + 3], v[k + 2], v[k + 1], v[k], v[k - 1], FLOOR)


@compiled
def _thinc(v, sharp, plain_l, plain_r, steep_l, steep_r):
    """THINC's values at the edges of the cells of a row from GHOST - 2 on; the plain ones where it has none."""
    for c in range(plain_l.size):
        k = c + GHOST - 2
        monotone = sharp[k] and (v[k + 1] - v[k]) * (v[k] - v[k - 1]) > FLOOR
        step = v[k + 1] - v[k - 1] if monotone else 1.0
        tilt = STEEPNESS * (2.0 * (v[k] - v[k - 1]) / step - 1.0) if monotone else 0.0
        up = exp2(LOG2E * tilt)
        steep_l[c] = v[k - 1] + step * SCALE * (up - LOW) if monotone else plain_l[c]
        steep_r[c] = v[k + 1] - step * SCALE * (1.0 / up - LOW) if monotone else plain_r[c]


@reconstruction
def weno5_thinc(V, sharp, left, right):
    """THINC in place of WENO5 in the sharp cells where the jumps at the faces are then smaller."""
    some = False
    for k in range(sharp.size):
        some = some or sharp[k]
    if not some:
        weno5(V, sharp, left, right)
        return
    cells = left.shape[1] + 3  # two more on each side than the interior
    edges = np.empty((4, cells))
    plain_l, plain_r, steep_l, steep_r = edges[0], edges[1], edges[2], edges[3]
    for r in range(V.shape[0]):
        l, rt = left[r], right[r]
        _edges(V[r], plain_l, plain_r)
        _thinc(V[r], sharp, plain_l, plain_r, steep_l, steep_r)
        for c in range(1, cells - 1):
            a, b, x, y = plain_r[c - 1], steep_r[c - 1], plain_l[c + 1], steep_l[c + 1]
            plain = min(abs(plain_l[c] - a), abs(plain_l[c] - b)) + min(abs(plain_r[c] - x), abs(plain_r[c] - y))
            steep = min(abs(steep_l[c] - a), abs(steep_l[c] - b)) + min(abs(steep_r[c] - x), abs(steep_r[c] - y))
            if c < cells - 2:
                l[c - 1] = steep_r[c] if steep < plain else plain_r[c]
            if c > 1:
                rt[c - 2] = steep_l[c] if steep < plain else plain_l[c]
