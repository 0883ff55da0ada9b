"""Passes over one row of velocities, each a loop of its own so that it vectorises; the scratch rows of one thread."""

import numpy as np
from numba import uint64

from knudsen.compile import compiled
from knudsen.solvers.rows import exp2

LOWEST = -900.0  # 2^-900 stands for zero: far from the subnormal numbers, which are slow
MOST_VELOCITIES = 4096
STRIDE = MOST_VELOCITIES + 72  # of the scratch rows: the most velocities, plus an odd number of cache lines
OF_G, OF_H, OF_K, OF_Y, OF_L = range(5)  # the fields
FIELDS = 5  # at most
MAXWELL, FACE, INCREMENT, STAR = range(4)  # scratch rows; the last three again for every further field (+ 3 field)


def scratch():
    """The scratch rows of one thread."""
    return np.zeros((1 + 3 * FIELDS) * STRIDE)


@compiled(inline="always")
def at(row, k):
    return uint64(row * STRIDE) + uint64(k)  # unsigned: no wrap-around to check


@compiled(inline="always")
def _count(s0, s1, s2, v, mass):
    """The sums with 1, v, v^2, one mass further."""
    flow = v * mass
    return s0 + mass, s1 + flow, s2 + v * flow


@compiled
def explicit_part(base, here, v, weight, field, row):
    """Scratch STAR = base + weight INCREMENT; returns its sums with 1, v, v^2."""
    s0 = s1 = s2 = 0.0
    for n in range(v.size):
        star = base[here + uint64(n)] + weight * row[at(INCREMENT + 3 * field, n)]
        row[at(STAR + 3 * field, n)] = star
        s0, s1, s2 = _count(s0, s1, s2, v[n], star)
    return s0, s1, s2


@compiled
def explicit_part_cubic(base, here, v, weight, field, row, sums):
    """As explicit_part, its sums with 1, v, v^2, v^3 into sums[field]."""
    s0 = s1 = s2 = s3 = 0.0
    for n in range(v.size):
        star = base[here + uint64(n)] + weight * row[at(INCREMENT + 3 * field, n)]
        row[at(STAR + 3 * field, n)] = star
        flow = v[n] * star
        s0 += star
        s1 += flow
        s2 += v[n] * flow
        s3 += v[n] * v[n] * flow
    sums[field, 0], sums[field, 1], sums[field, 2], sums[field, 3] = s0, s1, s2, s3


@compiled
def gaussian(v, mask, u, b, row):
    """Scratch MAXWELL = 2^(-b (v - u)^2), zero on the padding."""
    for n in range(v.size):
        c = v[n] - u
        x = -b * c * c
        row[at(MAXWELL, n)] = mask[n] * exp2(x if x > LOWEST else LOWEST)


@compiled
def sums_of(v, row):
    """The sums of scratch MAXWELL with 1, v, v^2 (a loop of its own: together with the exponential it runs out of registers)."""
    s0 = s1 = s2 = 0.0
    for n in range(v.size):
        s0, s1, s2 = _count(s0, s1, s2, v[n], row[at(MAXWELL, n)])
    return s0, s1, s2


@compiled
def power_sums(v, u, inverse, scale, s, row):
    """s [7] = scale times the sums of scratch MAXWELL with z^0 .. z^6, z = (v - u) inverse."""
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = 0.0
    for n in range(v.size):
        z = (v[n] - u) * inverse
        even = row[at(MAXWELL, n)]
        odd = z * even
        s0 += even
        s1 += odd
        s2 += z * odd
        s3 += z * z * odd
        even *= z * z * z * z
        odd *= z * z * z * z
        s4 += even
        s5 += odd
        s6 += z * odd
    s[0], s[1], s[2], s[3] = scale * s0, scale * s1, scale * s2, scale * s3
    s[4], s[5], s[6] = scale * s4, scale * s5, scale * s6


@compiled
def relax_cubic(new, here, v, u, inverse, y, z, p, field, row):
    """new = y STAR + z (p_0 + p_1 c + p_2 c^2 + p_3 c^3) MAXWELL, c = (v - u) inverse, p of this field."""
    p0, p1, p2, p3 = z * p[field, 0], z * p[field, 1], z * p[field, 2], z * p[field, 3]
    for n in range(v.size):
        c = (v[n] - u) * inverse
        new[here + uint64(n)] = y * row[at(STAR + 3 * field, n)] + row[at(MAXWELL, n)] * (p0 + c * (p1 + c * (p2 + c * p3)))


@compiled
def relax(new, here, v, y, p0, p1, p2, field, row):
    """new = y STAR + (p0 + p1 v + p2 v^2) MAXWELL."""
    for n in range(v.size):
        new[here + uint64(n)] = y * row[at(STAR + 3 * field, n)] + row[at(MAXWELL, n)] * (p0 + v[n] * (p1 + v[n] * p2))


@compiled
def start(acc, there, f, new, here, v, explicit, implicit, field, row):
    """acc = f + explicit INCREMENT + implicit (new - STAR), in the first stage; each array with the place of its row."""
    for n in range(v.size):
        k = uint64(n)
        collided = new[here + k] - row[at(STAR + 3 * field, n)]
        acc[there + k] = f[here + k] + explicit * row[at(INCREMENT + 3 * field, n)] + implicit * collided


@compiled
def accumulate(acc, there, new, here, v, explicit, implicit, field, row):
    """acc += explicit INCREMENT + implicit (new - STAR), in a later stage."""
    for n in range(v.size):
        k = uint64(n)
        collided = new[here + k] - row[at(STAR + 3 * field, n)]
        acc[there + k] += explicit * row[at(INCREMENT + 3 * field, n)] + implicit * collided
