r"""The hot loop in the plane: df/dt + v . grad f = rate/eps (target - f), all velocities of a cell together.

As in one dimension (:mod:`knudsen.kinetic.kernel.loop`) every stage of the IMEX scheme is one pass over the cells: transport
with MUSCL or WENO5 on both axes (finite differences: their order is that of one dimension), the explicit part and its moments,
the target of the new stage without iteration (stress and heat flux have relaxed by known factors), conservative to round-off,
relaxation. Velocities lie in four quadrants (:class:`~knudsen.kinetic.plane.velocities.PlaneVelocities`), in each of which the
upwind neighbours are the same for all: loops have no branches and no masks.

Arrays are flat: f [field, y + ghosts, x + ghosts, K], accumulators [stage, field, y, x, K]. A state that is not finite, or not
positive, ends the call.
"""

from typing import NamedTuple

import numpy as np
from numba import uint64

from knudsen.compile import compiled
from knudsen.kinetic.kernel.transport import GHOST, TINY
from knudsen.kinetic.plane.target import (
    FIELDS,
    HEIGHT,
    NUMBERS,
    SUMS,
    ZZ,
    U,
    V,
    add_moments,
    bracket_numbers,
    brackets,
    conserve,
    fields_of,
    frequency,
    gaussian,
    shape_target,
)  # fmt: skip
from knudsen.solvers.rows import mc, weno5

PERIODIC, OUTFLOW, FIXED, WALL = range(4)


class Space(NamedTuple):
    """nx, ny cells; dx, dy."""

    nx: int
    ny: int
    dx: float
    dy: float


class Sides(NamedTuple):
    """Of left, right, bottom, top [4]: kind; of a WALL its accommodation, and emission [4, field, K], f of unit flux."""

    kind: np.ndarray
    accommodation: np.ndarray
    emission: np.ndarray


@compiled
def moments_of(star, nodes, fields, s):
    """s [SUMS] of star [field K]."""
    K = nodes.x.size
    s[:] = 0.0
    add_moments(star[:K], star[(fields - 1) * K : fields * K], 0, nodes, fields, s)


class Scheme(NamedTuple):
    """explicit, implicit: tableaux of the IMEX scheme; weno: transport is WENO5's, not MUSCL's."""

    explicit: np.ndarray
    implicit: np.ndarray
    weno: bool


@compiled
def _muscl(f, here, K, along_y, rx, ry, nodes, out):
    """out [K] = -dt (v_x df/dx + v_y df/dy) of the cell at f[here]; along_y: distance to the next row; rx, ry: dt/dx, dt/dy."""
    Q = K // 4
    x, y = nodes.x, nodes.y
    for quadrant in range(4):
        ox = K if quadrant % 2 == 0 else -K  # towards where the molecules go
        oy = along_y if quadrant < 2 else -along_y
        begin = quadrant * Q
        c = here + begin
        i0, i1, i2, j1, j2 = uint64(c), uint64(c - ox), uint64(c - 2 * ox), uint64(c - oy), uint64(c - 2 * oy)
        i3, j3 = uint64(c + ox), uint64(c + oy)
        b0 = uint64(begin)
        for n in range(Q):
            k = uint64(n)
            m, west, south = f[i0 + k], f[i1 + k], f[j1 + k]
            a, b = m - west, m - south
            across = a + mc(a, f[i3 + k] - m) - mc(west - f[i2 + k], a)
            up = b + mc(b, f[j3 + k] - m) - mc(south - f[j2 + k], b)
            out[b0 + k] = -(rx * abs(x[b0 + k]) * across + ry * abs(y[b0 + k]) * up)


@compiled
def _weno5(f, here, K, along_y, rx, ry, nodes, out):
    """As ``_muscl``."""
    Q = K // 4
    x, y = nodes.x, nodes.y
    for quadrant in range(4):
        ox = K if quadrant % 2 == 0 else -K
        oy = along_y if quadrant < 2 else -along_y
        begin = quadrant * Q
        c = here + begin
        i0, i1, i2, i3 = uint64(c), uint64(c - ox), uint64(c - 2 * ox), uint64(c - 3 * ox)
        j1, j2, j3 = uint64(c - oy), uint64(c - 2 * oy), uint64(c - 3 * oy)
        i4, i5, j4, j5 = uint64(c + ox), uint64(c + 2 * ox), uint64(c + oy), uint64(c + 2 * oy)
        b0 = uint64(begin)
        for n in range(Q):
            k = uint64(n)
            m = f[i0 + k]
            p, q, r = f[i2 + k] - f[i3 + k], f[i1 + k] - f[i2 + k], m - f[i1 + k]
            s, t = f[i4 + k] - m, f[i5 + k] - f[i4 + k]
            across = r + weno5(q, r, s, t, TINY) - weno5(p, q, r, s, TINY)
            p, q, r = f[j2 + k] - f[j3 + k], f[j1 + k] - f[j2 + k], m - f[j1 + k]
            s, t = f[j4 + k] - m, f[j5 + k] - f[j4 + k]
            up = r + weno5(q, r, s, t, TINY) - weno5(p, q, r, s, TINY)
            out[b0 + k] = -(rx * abs(x[b0 + k]) * across + ry * abs(y[b0 + k]) * up)


@compiled
def stage(j, rows, f, new, acc, eps, model, space, nodes, dt, scheme, scratch):
    """Stage j in rows (first, end); returns (cell that failed or -1, number of under-resolved targets)."""
    explicit, implicit = scheme.explicit, scheme.implicit
    ratio = (dt / space.dx, dt / space.dy)
    K, fields, last = nodes.x.size, model.fields, explicit.shape[0] - 1
    width, height, cells = space.nx + 2 * GHOST, space.ny + 2 * GHOST, space.nx * space.ny
    increment, star, E = scratch[: fields * K], scratch[fields * K : 2 * fields * K], scratch[2 * fields * K :]
    s, w, p = np.zeros(SUMS), np.zeros(FIELDS), np.zeros(NUMBERS)
    fitted = 0
    for cell in range(rows[0] * space.nx, rows[1] * space.nx):
        row, column = cell // space.nx, cell % space.nx
        for field in range(fields):
            here = ((field * height + row + GHOST) * width + column + GHOST) * K
            part = increment[field * K : (field + 1) * K]
            if scheme.weno:
                _weno5(f, here, K, width * K, ratio[0], ratio[1], nodes, part)
            else:
                _muscl(f, here, K, width * K, ratio[0], ratio[1], nodes, part)
            there = (((j - 2) * fields + field) * cells + cell) * K
            base, place = (f, uint64(here)) if j == 1 else (acc, uint64(there))
            weight, result = explicit[j, j - 1], star[field * K : (field + 1) * K]
            for n in range(K):
                result[n] = base[place + uint64(n)] + weight * part[n]
        moments_of(star, nodes, fields, s)
        if not fields_of(s, model.dims, w):
            return cell, fitted
        relaxation = dt * implicit[j, j] / eps * frequency(w[0], w[3], model)
        stress, heat = model.stress / (1.0 + relaxation), model.heat_flux / (1.0 + model.prandtl * relaxation)
        if not shape_target(w, stress, heat, model.dims, p):
            return cell, fitted
        gaussian(p, nodes, 0, E)
        how = conserve(p, w[0], nodes, E)
        if how == 2:
            return cell, fitted
        fitted += how
        relaxation *= model.rate
        # keep + 1 - keep = 1 without rounding (the larger is computed): a bias would act at every step and in every cell
        keep = 1.0 / (1.0 + relaxation) if relaxation < 1.0 else 1.0 - relaxation / (1.0 + relaxation)
        u, v, numbers, of_g, of_h = p[U], p[V], bracket_numbers(p), (1.0 - keep) * p[HEIGHT], (1.0 - keep) * p[HEIGHT] * p[ZZ]
        x, y = nodes.x, nodes.y
        g_here = uint64(((row + GHOST) * width + column + GHOST) * K)
        h_here = uint64(((height + row + GHOST) * width + column + GHOST) * K)
        if fields > 1:
            for n in range(K):
                k = uint64(n)
                g, h = brackets(numbers, x[n] - u, y[n] - v)
                new[g_here + k] = keep * star[n] + of_g * E[n] * g
                new[h_here + k] = keep * star[uint64(K) + k] + of_h * E[n] * h
        else:
            for n in range(K):
                g, _ = brackets(numbers, x[n] - u, y[n] - v)
                new[g_here + uint64(n)] = keep * star[n] + of_g * E[n] * g
        for m in range(j + 1, last + 1):
            ahead, back = explicit[m, 0 if j == 1 else j - 1], implicit[m, j] / implicit[j, j]
            for field in range(fields):
                here = uint64(((field * height + row + GHOST) * width + column + GHOST) * K)
                there = uint64((((m - 2) * fields + field) * cells + cell) * K)
                base, place = (f, here) if j == 1 else (acc, there)
                part, result = increment[field * K : (field + 1) * K], star[field * K : (field + 1) * K]
                for n in range(K):
                    k = uint64(n)
                    acc[there + k] = base[place + k] + ahead * part[n] + back * (new[here + k] - result[n])
    return -1, fitted


@compiled
def _wall(f, first, inward, normal, side, sides, nodes, fields, plane):
    """The ghost cells of a wall beside the cell at f[first] (of field 0; the next lies ``plane`` further); inward: to the next.

    What leaves the gas is extrapolated to the wall, but not below zero, and the ghost cell is such that MUSCL does the same; what
    comes in lies on a line through f at the wall.
    """
    K = nodes.x.size
    vn, w = nodes.x if normal == 0 else nodes.y, nodes.w
    sign = 1.0 if inward > 0 else -1.0
    flip = 1 if normal == 0 else 2  # quadrants are mirrored
    Q, alpha, flux = K // 4, sides.accommodation[side], 0.0
    for field in range(fields):
        base = first + field * plane
        for k in range(K):
            if sign * vn[k] < 0.0:
                near = f[base + k]
                back = near - f[base + inward + k]
                face = near + 0.5 * back
                ahead = back
                if face < 0.0 and near >= 0.0:
                    face, ahead = 0.0, min(-near, -4.0 * near - back)
                for g in range(1, GHOST + 1):
                    f[base - g * inward + k] = near + g * ahead
                if field == 0:
                    flux += w[k] * abs(vn[k]) * face
                mirror = ((k // Q) ^ flip) * Q + k % Q
                f[base - inward + mirror] = (1.0 - alpha) * face  # what is reflected, until the flux is known
        for k in range(K):
            if sign * vn[k] > 0.0:
                face = f[base - inward + k] + alpha * flux * sides.emission[side, field, k]
                step = face - f[base + k]
                for g in range(1, GHOST + 1):
                    f[base - g * inward + k] = face + (2 * g - 1) * step


@compiled
def fill_ghosts(f, model, space, sides, nodes):
    """Ghost cells of f beyond the four sides; those of a FIXED side hold their Maxwellians and stay. Corners are not used."""
    K, fields = nodes.x.size, model.fields
    width, height = space.nx + 2 * GHOST, space.ny + 2 * GHOST
    plane = height * width * K
    for side in range(4):
        kind, normal = sides.kind[side], side // 2
        if kind == FIXED:
            continue
        inner, cells, other = (K, space.nx, space.ny) if normal == 0 else (width * K, space.ny, space.nx)
        across = width * K if normal == 0 else K
        inward = inner if side % 2 == 0 else -inner
        for line in range(other):
            start = (line + GHOST) * across
            first = start + (GHOST if side % 2 == 0 else GHOST + cells - 1) * inner
            if kind == WALL:
                _wall(f, first, inward, normal, side, sides, nodes, fields, plane)
                continue
            for field in range(fields):
                base = first + field * plane
                for g in range(1, GHOST + 1):
                    source = base + (cells - g) * inward if kind == PERIODIC else base
                    for k in range(K):
                        f[base - g * inward + k] = f[source + k]


@compiled
def maxwellians(W, model, nodes, f):
    """Writes f [n, field, K]: Maxwellians of W [n, FIELDS]; returns the first that the velocities cannot hold, or -1."""
    E, p = np.empty(nodes.x.size), np.zeros(NUMBERS)
    for i in range(W.shape[0]):
        if not shape_target(W[i], 0.0, 0.0, model.dims, p):
            return i
        gaussian(p, nodes, 0, E)
        if conserve(p, W[i, 0], nodes, E) == 2:
            return i
        numbers = bracket_numbers(p)
        for k in range(E.size):
            g, h = brackets(numbers, nodes.x[k] - p[U], nodes.y[k] - p[V])
            f[i, 0, k] = p[HEIGHT] * E[k] * g
            if model.fields > 1:
                f[i, 1, k] = p[HEIGHT] * p[ZZ] * E[k] * h
    return -1
