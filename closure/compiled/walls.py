"""Walls in the compiled loop (``laws.walls``, where the formulae stand): ghost cells, and the flux through the two end faces."""

from math import exp, pi, sqrt

import numpy as np
from numba import types

from knudsen.closure.compiled.fluxes import FACES
from knudsen.closure.compiled.protocol import DATA, FAST, MESH, SIDES, SLOW, TABLE, VARIABLES, WALL, row_function
from knudsen.closure.compiled.raw import raw
from knudsen.closure.compiled.vectors import TINY
from knudsen.closure.laws.walls import (
    CUT,
    FASTEST,
    INNER,
    ITERATIONS,
    LEAST,
    NODES,
    REACH,
    SMOOTH,
    SOFT,
    STEEP,
    TOLERANCE,
    half_moments,
    half_range_rule,
)
from knudsen.compile import compiled
from knudsen.solvers.cells import GHOST

RULE_X, RULE_WEIGHT = half_range_rule()
INNER_X, INNER_WEIGHT = np.polynomial.legendre.leggauss(INNER)
HALF_MOMENTS = np.array(half_moments(24))


EXTEND = types.void(DATA, MESH, TABLE, TABLE, types.FunctionType(VARIABLES), types.FunctionType(SIDES))
AT_WALLS = types.void(FACES, FACES, DATA, MESH, types.FunctionType(WALL), TABLE)


@compiled
def no_extension(data, mesh, padded, V, variables, sides): ...


@compiled
def nothing_at_walls(l, r, data, mesh, wall, through): ...


@compiled
def extend(data, mesh, padded, V, variables, sides):
    """The ghost cells at walls, of V and the conserved ``padded``, from the cells inside."""
    height, width, count, out = V.shape[0], V.shape[1], padded.shape[0], 2 * GHOST
    outside, U, F, frame = np.empty((height, out)), np.empty((count, out)), np.empty((count, out)), np.empty((5, out))
    for side in range(2):
        near = GHOST if side == 0 else width - GHOST - 1
        inward = 1 - 2 * side
        steep = 0.0
        for k in range(height):
            steep = max(steep, abs(V[k, near] - V[k, near + inward]))
        for k in range(height):
            step = 0.0 if steep > STEEP else V[k, near] - V[k, near + inward]
            for g in range(1, GHOST + 1):
                outside[k, GHOST - g if side == 0 else GHOST - 1 + g] = V[k, near] + min(g, REACH) * step
    sides(data, outside, U, F, frame)
    variables(data, U, outside)
    for g in range(GHOST):
        for k in range(count):
            padded[k, g], padded[k, width - GHOST + g] = U[k, g], U[k, GHOST + g]
        for k in range(height):
            V[k, g], V[k, width - GHOST + g] = outside[k, g], outside[k, GHOST + g]


@compiled
def at_walls(l, r, data, mesh, wall, through):
    """The flux through both walls, of the gas's side of the end faces."""
    count, last = through.shape[0], l.V.shape[1] - 1
    V, U, F, frame = np.empty((l.V.shape[0], 2)), np.empty((count, 2)), np.empty((count, 2)), np.empty((5, 2))
    for k in range(V.shape[0]):
        V[k, 0], V[k, 1] = r.V[k, 0], l.V[k, last]
    for k in range(count):
        U[k, 0], U[k, 1], F[k, 0], F[k, 1] = r.U[k, 0], l.U[k, last], r.F[k, 0], l.F[k, last]
    for k in range(5):
        frame[k, 0], frame[k, 1] = r.frame[k, 0], l.frame[k, last]
    wall(data, mesh, V, U, F, frame, through)


@compiled
def _positive(y):
    y += 1.0 - 0.25 * SMOOTH * SMOOTH
    root = sqrt(y * y + SMOOTH * SMOOTH)
    return 0.5 * (y + root), 0.5 * (1.0 + y / root)


@compiled
def _hermite(c, row):
    """He_k(c)/sqrt(k!) into the row."""
    row[0] = 1.0
    row[1] = c
    for k in range(2, row.size):
        row[k] = (c * row[k - 1] - sqrt(k - 1.0) * row[k - 2]) / sqrt(float(k))


@compiled
def _solve(A, b):
    """A x = b, x into b, of a positive definite A."""
    n = b.size
    for k in range(n):
        for i in range(k + 1, n):
            factor = A[i, k] / A[k, k]
            for j in range(k + 1, n):
                A[i, j] -= factor * A[k, j]
            b[i] -= factor * b[k]
    for k in range(n - 1, -1, -1):
        for j in range(k + 1, n):
            b[k] -= A[k, j] * b[j]
        b[k] /= A[k, k]


@compiled
def _leaving(m, hot, share, below, above, u, speed, out):
    """int_{v < 0} v^{k+1} of one density in the gas's own units into out, of its own-frame moments m; below, above: the factors
    of the two half Maxwellians."""
    count, cold = m.size, 1.0 / hot
    c, weight, psi = np.empty(2 * NODES), np.empty(2 * NODES), np.empty((2 * NODES, count))
    for i in range(NODES):
        c[i], weight[i] = -cold * RULE_X[i], (1.0 - share) * below * RULE_WEIGHT[i]
        c[NODES + i], weight[NODES + i] = hot * RULE_X[i], share * above * RULE_WEIGHT[i]
    for i in range(2 * NODES):
        _hermite(c[i], psi[i])
    target, he = m.copy(), np.zeros((3, count))  # moments of the Hermite polynomials, by their coefficients in powers
    he[0, 0] = 1.0
    largest = abs(target[0])
    for k in range(1, count):
        new, now, old = he[k % 3], he[(k - 1) % 3], he[(k - 2) % 3]
        new[0] = 0.0
        for j in range(1, k + 1):
            new[j] = now[j - 1] / sqrt(float(k))
        if k > 1:
            for j in range(k - 1):
                new[j] -= sqrt((k - 1.0) / k) * old[j]
        target[k] = 0.0
        for j in range(k + 1):
            target[k] += new[j] * m[j]
        largest = max(largest, abs(target[k]))
    solution, trial, step, left, gram = (
        np.zeros(count),
        np.zeros(count),
        np.zeros(count),
        np.empty(count),
        np.empty((count, count)),
    )
    best = np.inf
    for _ in range(ITERATIONS):
        for k in range(count):
            trial[k] = solution[k] + step[k]
            left[k] = target[k] - SOFT * trial[k]
        gram[:] = 0.0
        for i in range(2 * NODES):
            y = 0.0
            for k in range(count):
                y += psi[i, k] * trial[k]
            value, slope = _positive(y)
            for k in range(count):
                left[k] -= weight[i] * value * psi[i, k]
                for j in range(k + 1):
                    gram[k, j] += weight[i] * slope * psi[i, k] * psi[i, j]
        worst, size = 0.0, 0.0
        for k in range(count):
            worst, size = max(worst, abs(left[k])), size + left[k] * left[k]
            gram[k, k] += SOFT
            for j in range(k):
                gram[j, k] = gram[k, j]
        if size < best:
            solution[:], best = trial, size
            if worst <= TOLERANCE * largest:
                break
            _solve(gram, left)
            step[:] = left
        else:
            step *= CUT
    out[:] = 0.0
    left[:] = target
    for i in range(2 * NODES):
        y = 0.0
        for k in range(count):
            y += psi[i, k] * solution[k]
        mass = weight[i] * _positive(y)[0]
        for k in range(count):
            left[k] -= mass * psi[i, k]
        if i < NODES:
            for k in range(count - 1):
                mass *= u + c[i]
                out[k] += mass
    # What is left of the moments, as powers of v = u + c: v^k in Hermite polynomials by their recurrence.
    now, new, last = trial, step, 0.0
    now[:] = 0.0
    now[0] = 1.0
    for k in range(count):
        power = 0.0
        for j in range(k + 1):
            power += now[j] * left[j]
        if k > 0:
            out[k - 1] += 0.5 * (power - speed * last)
        last = power
        for j in range(count):
            new[j] = u * now[j]
            if j > 0:
                new[j] += sqrt(float(j)) * now[j - 1]
            if j < count - 1:
                new[j] += sqrt(j + 1.0) * now[j + 1]
        now, new = new, now
    cut = min(max(-u, -FASTEST), FASTEST)
    if cut != 0.0:
        s = hot if cut > 0.0 else cold
        factor = (share * above if cut > 0.0 else (1.0 - share) * below) * cut / (s * sqrt(2.0 * pi))
        for i in range(INNER):
            x = cut * (0.5 + 0.5 * INNER_X[i])
            _hermite(x, psi[0])
            y = 0.0
            for k in range(count):
                y += psi[0, k] * solution[k]
            mass = factor * INNER_WEIGHT[i] * exp(-0.5 * (x / s) * (x / s)) * _positive(y)[0]
            for k in range(count - 1):
                mass *= u + x
                out[k] += mass


@compiled
def _own(m, u, s, scale):
    """Raw moments times ``scale``, seen from a frame that moves with u, in units of s; in place."""
    n = m.size
    for level in range(1, n):
        for k in range(n - 1, level - 1, -1):
            m[k] -= u * m[k - 1]
    for k in range(n):
        m[k] *= scale
        scale /= s


@compiled
def through_wall(G, H, u, speed, dims, wall, flux_G, flux_H):
    """Fluxes of the raw moments 0..p - 2 of g and 0..r - 2 of h (r = 0: none) through a wall on the left of the gas, of
    moments G [p], H [r] in a frame that moves with u, which are lost. speed: the
    closure's largest; wall: T_w and alpha."""
    rho = max(G[0], TINY)
    own = G[1] / rho
    s = sqrt(max(G[2] / rho - own * own, TINY))
    u += own
    _own(G, own, s, 1.0 / rho)
    skew = sqrt(pi / 8.0) * G[3]
    hot = 0.5 * skew + sqrt(1.0 + 0.25 * skew * skew)
    cold = 1.0 / hot
    share = cold / (hot + cold)
    _leaving(G, hot, share, 1.0, 1.0, u / s, speed / s, flux_G)
    scale = rho
    for k in range(flux_G.size):
        scale *= s
        flux_G[k] *= scale
    density = -flux_G[0] / (HALF_MOMENTS[1] * sqrt(wall[0]))
    if H.size > 0:
        _own(H, own, s, 1.0 / rho)
        unit = max(H[0], TINY)
        for k in range(H.size):
            H[k] /= unit
        difference = sqrt(pi / 2.0) * (hot + cold) * H[1]
        below, above = max(H[0] - share * difference, LEAST * H[0]), max(H[0] + (1.0 - share) * difference, LEAST * H[0])
        _leaving(H, hot, share, below, above, u / s, speed / s, flux_H)
        scale = rho * unit
        for k in range(flux_H.size):
            scale *= s
            flux_H[k] *= scale
    for k in range(flux_G.size):
        emitted = wall[1] * density * HALF_MOMENTS[k + 1] * wall[0] ** (0.5 * (k + 1))
        specular = (1.0 - wall[1]) * (1.0 if k % 2 == 0 else -1.0)
        flux_G[k] = (1.0 - specular) * flux_G[k] + emitted
        if k < flux_H.size:
            flux_H[k] = (1.0 - specular) * flux_H[k] + (dims - 1) * wall[0] * emitted
    flux_G[0] = 0.0


@row_function(WALL)
def raw_wall(data, mesh, V, U, F, frame, flux):
    """Of laws that carry raw moments."""
    law = raw(data)
    n_g, n_h = law.n_g, law.n_h
    G, H, flux_G, flux_H = np.empty(n_g + 1), np.empty(n_h + 1 if n_h > 0 else 0), np.empty(n_g), np.empty(n_h)
    for side in range(2):
        mirror = 1.0 if side == 0 else -1.0
        G[n_g] = F[n_g - 1, side] * mirror**n_g
        for k in range(n_g):
            G[k] = U[k, side] * mirror**k
        if n_h > 0:
            H[n_h] = F[n_g + n_h - 1, side] * mirror**n_h
            for k in range(n_h):
                H[k] = U[n_g + k, side] * mirror**k
        speed = max(-frame[SLOW, side], frame[FAST, side])
        through_wall(G, H, 0.0, speed, law.dims, mesh.left if side == 0 else mesh.right, flux_G, flux_H)
        for k in range(n_g):
            flux[k, side] = flux_G[k] * mirror ** (k + 1)
        for k in range(n_h):
            flux[n_g + k, side] = flux_H[k] * mirror ** (k + 1)
