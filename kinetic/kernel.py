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

Every target is a Gaussian in v times a polynomial of degree 3 in :math:`z = (v - u)/\sqrt\Lambda` for each field
(:func:`_polynomials`). Plain BGK needs one polynomial only, of degree 2, and has its own short path. The polynomials of the
continuous model are corrected so that the discrete moments that matter (g: up to z^3; h: z; k: z^2; y, l: their sums) are
those of the continuous target. On a resolved grid the correction is of the size of the quadrature error (1e-12): one linear
step with the analytic moment matrix leaves its square. On an under-resolved grid the exponents of the Gaussian are found by
Newton iteration (the minimiser of the discrete entropy: L. Mieussens, J. Comput. Phys. 162, 429 (2000),
doi:10.1006/jcph.2000.6548) and the correction is solved for with its own moments.

Both transport schemes are written in the differences between neighbouring rows and are odd in them: for v < 0 the mirrored
differences give the mirrored face, so one branch-free expression serves both signs. The loops over velocities are kept apart and
branch-free so that they vectorise; the scratch rows share one array at constant distances, which lets the compiler prove that
they do not overlap. No nnan/ninf: a state that is not finite, or not positive, ends the call.
"""

from math import exp, log, pi, sqrt
from typing import NamedTuple

import numpy as np
from numba import uint64

from knudsen.compile import compiled
from knudsen.solvers.boundaries import FIXED, PERIODIC, WALLS
from knudsen.solvers.rows import LOG2E, exp2, mc, weno5

GHOST = 3  # rows beyond each end: what WENO5 needs
TINY = 1e-40  # of WENO5: far below the squared tail of a Maxwellian, as the weights must not depend on the scale of f
LOWEST = -900.0  # 2^-900 stands for zero: far from the subnormal numbers, which are slow
RESOLVED = 1e-9  # quadrature error below which one linear correction is exact to round-off, also over 1e4 steps
UNDER_RESOLVED = 1e-5  # quadrature error above which the user is warned
NEWTON_STEPS = 40
STRIDE = 4096 + 72  # scratch row: the most velocities, plus an odd number of cache lines
MOST_VELOCITIES = 4096
MAXWELL, FACE, INCREMENT, STAR = 0, 1, 2, 3  # scratch rows; the last three again for every further field (+ 3 field)
BGK, SHAKHOV, ES_BGK = 0, 1, 2
NORMAL = (1.0, 0.0, 1.0, 0.0, 3.0, 0.0, 15.0)  # moments of the normal distribution
MATCHED = (3, 1, 2, 0, 0)  # highest power of z whose sum with the target is exact: of g, h, k, y, l


class Model(NamedTuple):
    """kind: BGK, SHAKHOV or ES_BGK; fields: 1, 2 or (shear) 5; dims; prandtl; exponent: 1 - omega, -inf for nu = 1."""

    kind: int
    fields: int
    dims: int
    prandtl: float
    exponent: float


class Ends(NamedTuple):
    """boundary; of WALLS: accommodation [2], emission [2, fields, K] (diffuse f of unit flux), face (f at them; scratch)."""

    boundary: int
    accommodation: np.ndarray
    emission: np.ndarray
    face: np.ndarray


class Force(NamedTuple):
    """acceleration along y; source [2, K]: of k and of l, per time (thermal creep); on: is there any?"""

    on: bool
    acceleration: float
    source: np.ndarray


def scratch():
    """The scratch rows of one thread."""
    return np.zeros(16 * STRIDE)


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


@compiled(inline="always")
def _at(row, k):
    return uint64(row * STRIDE) + uint64(k)  # unsigned: no wrap-around to check


@compiled
def _transport_muscl(f, here, v, ratio, field, row):
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
        row[_at(INCREMENT + 3 * field, n)] = ratio * v[n] * (row[_at(FACE + 3 * field, n)] - face)
        row[_at(FACE + 3 * field, n)] = face


@compiled
def _transport_weno5(f, here, v, ratio, field, row):
    K = uint64(v.size)
    i0, i1, i2, i3, i4, i5 = here - K - K, here - K, here, here + K, here + K + K, here + K + K + K
    for n in range(v.size):
        k = uint64(n)
        right = v[n] > 0.0
        a, b, c = f[i1 + k] - f[i0 + k], f[i2 + k] - f[i1 + k], f[i3 + k] - f[i2 + k]
        d, e = f[i4 + k] - f[i3 + k], f[i5 + k] - f[i4 + k]
        step = weno5(a if right else e, b if right else d, c, d if right else b, TINY)
        face = f[i2 + k] + step if right else f[i3 + k] - step
        row[_at(INCREMENT + 3 * field, n)] = ratio * v[n] * (row[_at(FACE + 3 * field, n)] - face)
        row[_at(FACE + 3 * field, n)] = face


@compiled
def _explicit_part(base, here, v, weight, field, row):
    """Scratch STAR = base + weight INCREMENT; returns its sums with 1, v, v^2."""
    s0 = s1 = s2 = 0.0
    for n in range(v.size):
        star = base[here + uint64(n)] + weight * row[_at(INCREMENT + 3 * field, n)]
        row[_at(STAR + 3 * field, n)] = star
        flow = v[n] * star
        s0 += star
        s1 += flow
        s2 += v[n] * flow
    return s0, s1, s2


@compiled
def _explicit_part_cubic(base, here, v, weight, field, row, sums):
    """As _explicit_part, its sums with 1, v, v^2, v^3 into sums[field]."""
    s0 = s1 = s2 = s3 = 0.0
    for n in range(v.size):
        star = base[here + uint64(n)] + weight * row[_at(INCREMENT + 3 * field, n)]
        row[_at(STAR + 3 * field, n)] = star
        flow = v[n] * star
        s0 += star
        s1 += flow
        s2 += v[n] * flow
        s3 += v[n] * v[n] * flow
    sums[field, 0], sums[field, 1], sums[field, 2], sums[field, 3] = s0, s1, s2, s3


@compiled
def _push(f, i, rows, v, dt, force, row):
    """Scratch INCREMENT of h, k, y, l += dt times what the force does to them: a (2 k, g, 2 k, h + 2 y) and the sources."""
    K, a = uint64(v.size), dt * force.acceleration
    g, h, k, y = (uint64(i) * K, uint64(rows + i) * K, uint64(2 * rows + i) * K, uint64(3 * rows + i) * K)
    for n in range(v.size):
        m = uint64(n)
        row[_at(INCREMENT + 3, n)] += 2.0 * a * f[k + m]
        row[_at(INCREMENT + 6, n)] += a * f[g + m] + dt * force.source[0, n]
        row[_at(INCREMENT + 9, n)] += 2.0 * a * f[k + m]
        row[_at(INCREMENT + 12, n)] += a * (f[h + m] + 2.0 * f[y + m]) + dt * force.source[1, n]


@compiled
def _gaussian(v, mask, u, b, row):
    """Scratch MAXWELL = 2^(-b (v - u)^2), zero on the padding."""
    for n in range(v.size):
        c = v[n] - u
        x = -b * c * c
        row[_at(MAXWELL, n)] = mask[n] * exp2(x if x > LOWEST else LOWEST)


@compiled
def _sums(v, row):
    """The sums of scratch MAXWELL with 1, v, v^2 (a loop of its own: together with the exponential it runs out of registers)."""
    s0 = s1 = s2 = 0.0
    for n in range(v.size):
        M = row[_at(MAXWELL, n)]
        flow = v[n] * M
        s0 += M
        s1 += flow
        s2 += v[n] * flow
    return s0, s1, s2


@compiled
def _power_sums(v, u, inverse, scale, s, row):
    """s [7] = scale times the sums of scratch MAXWELL with z^0 .. z^6, z = (v - u) inverse."""
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = 0.0
    for n in range(v.size):
        z = (v[n] - u) * inverse
        even = row[_at(MAXWELL, n)]
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
def _relax_cubic(new, here, v, u, inverse, y, z, p, field, row):
    """new = y STAR + z (p_0 + p_1 c + p_2 c^2 + p_3 c^3) MAXWELL, c = (v - u) inverse, p of this field."""
    p0, p1, p2, p3 = z * p[field, 0], z * p[field, 1], z * p[field, 2], z * p[field, 3]
    for n in range(v.size):
        c = (v[n] - u) * inverse
        new[here + uint64(n)] = y * row[_at(STAR + 3 * field, n)] + row[_at(MAXWELL, n)] * (p0 + c * (p1 + c * (p2 + c * p3)))


@compiled
def _relax(new, here, v, y, p0, p1, p2, field, row):
    """new = y STAR + (p0 + p1 v + p2 v^2) MAXWELL."""
    for n in range(v.size):
        new[here + uint64(n)] = y * row[_at(STAR + 3 * field, n)] + row[_at(MAXWELL, n)] * (p0 + v[n] * (p1 + v[n] * p2))


@compiled
def _start(acc, there, f, new, here, v, explicit, implicit, field, row):
    """acc = f + explicit INCREMENT + implicit (new - STAR), in the first stage; each array with the place of its row."""
    for n in range(v.size):
        k = uint64(n)
        collided = new[here + k] - row[_at(STAR + 3 * field, n)]
        acc[there + k] = f[here + k] + explicit * row[_at(INCREMENT + 3 * field, n)] + implicit * collided


@compiled
def _accumulate(acc, there, new, here, v, explicit, implicit, field, row):
    """acc += explicit INCREMENT + implicit (new - STAR), in a later stage."""
    for n in range(v.size):
        k = uint64(n)
        collided = new[here + k] - row[_at(STAR + 3 * field, n)]
        acc[there + k] += explicit * row[_at(INCREMENT + 3 * field, n)] + implicit * collided


@compiled
def _fill_ghosts(f, fields, cells, v, points, ends):
    """Ghost rows of f; those of a FIXED boundary hold their Maxwellians and stay. At WALLS also f at the wall."""
    rows = f.reshape(fields, cells + 2 * GHOST, v.size)
    if ends.boundary == WALLS:
        _reflect(rows, 0, GHOST, 1, v, points, ends)
        _reflect(rows, 1, GHOST + cells - 1, -1, v, points, ends)
    elif ends.boundary != FIXED:
        periodic = ends.boundary == PERIODIC
        for field in range(fields):
            for g in range(GHOST):
                rows[field, g] = rows[field, cells + g if periodic else GHOST]
                rows[field, GHOST + cells + g] = rows[field, GHOST + g if periodic else GHOST + cells - 1]


@compiled
def _reflect(rows, side, first, inward, v, points, ends):
    """f at a wall: extrapolated from the gas where it comes in, Wall's law where it leaves; ghost rows on the line through it.

    The extrapolation of what is never negative (g, h, y) ends at zero. first: the row at the wall; inward: towards the gas.
    """
    face, emission, alpha = ends.face[side], ends.emission[side], ends.accommodation[side]
    flux = 0.0
    for field in range(rows.shape[0]):
        signed = field == 2 or field == 4
        for k in range(points):
            near = rows[field, first, k]
            face[field, k] = near + 0.5 * (near - rows[field, first + inward, k])
            if face[field, k] * near < 0.0 and not signed:
                face[field, k] = 0.0
            if field == 0 and v[k] * inward < 0.0:
                flux += abs(v[k]) * face[0, k]
        for k in range(points):
            if v[k] * inward > 0.0:
                face[field, k] = alpha * flux * emission[field, k] + (1.0 - alpha) * face[field, points - 1 - k]
            step = face[field, k] - rows[field, first, k]
            for g in range(1, GHOST + 1):
                rows[field, first - g * inward, k] = face[field, k] + (2 * g - 1) * step


@compiled
def _set_face(face, v, ratio, field, row):
    """The last face becomes f at the wall, whatever the reconstruction made of it: no net flux to round-off."""
    for n in range(v.size):
        row[_at(INCREMENT + 3 * field, n)] += ratio * v[n] * (row[_at(FACE + 3 * field, n)] - face[field, n])
        row[_at(FACE + 3 * field, n)] = face[field, n]


@compiled
def _maxwellian(rho, u, T, v, mask, dv, row):
    """Scratch MAXWELL and the polynomial (p0, p1, p2) in v whose product is the conservative Maxwellian of (rho, u, T).

    Returns p0, p1, p2 and a flag: 0 resolved, 1 visibly under-resolved, 2 the grid cannot hold it.
    """
    inverse = 1.0 / T
    _gaussian(v, mask, u, 0.5 * LOG2E * inverse, row)
    s0, s1, s2 = _sums(v, row)
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


@compiled
def _polynomials(model, s, dv, rate, P):
    r"""P [field, power of z]: the target of each field over rho times the Gaussian of variance Lambda in v.

    s [field, 4]: sums of f* with 1, v, v^2, v^3; rate: lambda/nu. In the own-frame moments of the new stage the covariance
    :math:`\Lambda = T I + e\,\sigma/\rho` (e = 1 - 1/Pr for ES-BGK, else 0) gives v_y for given z the mean u_y + S z,
    :math:`S = \Lambda_{xy}/\sqrt{\Lambda_{xx}}`, and the variance V, v_z the variance W; Shakhov's heat flux enters as
    :math:`A, B = (1 - Pr)\,(q_x/\sqrt T, q_y)/((D + 2)\, p)`. Returns rho, u, Lambda_xx and lambda; Lambda_xx = 0 where the
    moments are no gas's.
    """
    D, shear = model.dims, model.fields > 2
    mass = 1.0 / s[0, 0]
    u, Txx = s[0, 1] * mass, (s[0, 2] - s[0, 1] * s[0, 1] * mass) * mass
    H = s[1, 0] * mass if D > 1 else 0.0
    uy = s[2, 0] * mass if shear else 0.0
    T = (Txx + H - uy * uy) / D
    rho = s[0, 0] * dv
    if not (rho > 0.0 and T > 0.0 and rho < np.inf and T < np.inf):
        return rho, u, 0.0, 0.0
    relaxation = rate * (rho * T**model.exponent if model.exponent > -np.inf else 1.0)
    e = 1.0 - 1.0 / model.prandtl if model.kind == ES_BGK else 0.0
    e /= 1.0 + relaxation
    along = T + e * (Txx - T)
    A = B = S = 0.0
    V = W = (D * T - along) / (D - 1) if D > 1 else 0.0  # variances of v_y and v_z
    if shear:
        Txy, Tyy = s[2, 1] * mass - u * uy, s[3, 0] * mass - uy * uy
        S = e * Txy / sqrt(along)
        V = T + e * (Tyy - T)
        W = D * T - along - V
        V -= S * S
    if model.kind == SHAKHOV:
        factor = (1.0 - model.prandtl) / ((D + 2) * T * (1.0 + model.prandtl * relaxation))
        qx = s[0, 3] * mass - u * (3.0 * Txx + u * u)
        if D > 1:
            qx += s[1, 1] * mass - u * H
        if shear:
            qx -= 2.0 * uy * Txy
            qy = s[2, 2] * mass - u * (2.0 * Txy + u * uy) - uy * Txx
            qy += s[4, 0] * mass - uy * (2.0 * Tyy + H)
            B = 0.5 * factor * qy
        A = 0.5 * factor * qx / sqrt(T)
    P[0, 0], P[0, 1], P[0, 2], P[0, 3] = 1.0, -3.0 * A, 0.0, A
    if shear:
        both, third = V + uy * uy, 3.0 * V + (D - 2) * W
        P[2, 0], P[2, 1], P[2, 2], P[2, 3] = uy - B, S - 3.0 * A * uy, B, A * uy
        P[3, 0], P[3, 1] = both - 2.0 * uy * B, 2.0 * uy * S - A * (V + 3.0 * uy * uy)
        P[3, 2], P[3, 3] = S * S + 2.0 * uy * B, A * both
        P[4, 0] = uy * (uy * uy + third - 3.0 * uy * B) + B * third
        P[4, 1] = (3.0 * uy * uy + third) * S - uy * A * (3.0 * uy * uy + third)
        P[4, 2], P[4, 3] = 3.0 * uy * (S * S + uy * B) + B * third, S * S * S + uy * A * (uy * uy + third)
        P[1, 0], P[1, 1] = P[3, 0] + (D - 2) * W, P[3, 1] - (D - 2) * W * A
        P[1, 2], P[1, 3] = P[3, 2], P[3, 3] + (D - 2) * W * A
    elif D > 1:
        H = D * T - along
        P[1, 0], P[1, 1], P[1, 2], P[1, 3] = H, -H * A, 0.0, H * A
    return rho, u, along, relaxation


@compiled
def _target(model, rho, u, along, v, mask, dv, s, P, row):
    """Scratch MAXWELL, and P [field, 4] corrected and scaled so that their product is the conservative discrete target.

    Returns 0 resolved, 1 visibly under-resolved, 2 the grid cannot hold it.
    """
    inverse, how = 1.0 / sqrt(along), 0
    height = inverse * sqrt(0.5 / pi)
    _gaussian(v, mask, u, 0.5 * LOG2E * inverse * inverse, row)
    _power_sums(v, u, inverse, height * dv, s, row)
    resolved = abs(1.0 - s[0]) + abs(s[1]) + abs(1.0 - s[2]) < RESOLVED
    if not resolved:
        how = 1 if abs(1.0 - s[0]) + abs(1.0 - s[2]) > UNDER_RESOLVED else 0
        K = int(mask.sum())
        if not fit_maxwellian(rho, u, along, v[:K], dv, row[MAXWELL * STRIDE : MAXWELL * STRIDE + K]):
            return 2
        _power_sums(v, u, inverse, dv / rho, s, row)
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
            A[m] -= A[m, i] / A[i, i] * A[i]
    for i in range(n, -1, -1):
        for j in range(i + 1, n + 1):
            A[i, n + 1] -= A[i, j] * A[j, n + 1]
        A[i, n + 1] /= A[i, i]
        p[i] += A[i, n + 1]


@compiled
def _stage(j, f, new, acc, eps, model, ends, force, v, mask, dv, ratio, dt, explicit, implicit, weno, row):
    """Stage j; returns (cell that failed or -1, number of under-resolved targets)."""
    K, cells, last, fields, dims = v.size, eps.size, explicit.shape[0] - 1, model.fields, model.dims
    rows, plain = cells + 2 * GHOST, model.kind == BGK and model.fields <= 2
    sums, P, powers = np.zeros((5, 4)), np.zeros((5, 4)), np.zeros(7)
    fitted = 0
    for i in range(GHOST - 1, GHOST + cells):  # the first row only sets the face at the left end
        at_end = i == GHOST - 1 or i == GHOST + cells - 1
        for field in range(fields):
            here = uint64((field * rows + i) * K)
            if weno:
                _transport_weno5(f, here, v, ratio, field, row)
            else:
                _transport_muscl(f, here, v, ratio, field, row)
            if at_end and ends.boundary == WALLS:
                _set_face(ends.face[0 if i < GHOST else 1], v, ratio, field, row)
        if i < GHOST:
            continue
        if force.on:
            _push(f, i, rows, v, dt, force, row)
        cell = i - GHOST
        s0 = s1 = s2 = 0.0
        for field in range(fields):
            here, there = uint64((field * rows + i) * K), uint64((((j - 2) * fields + field) * cells + cell) * K)
            base, place = (f, here) if j == 1 else (acc, there)
            weight = explicit[j, j - 1]
            if not plain:
                _explicit_part_cubic(base, place, v, weight, field, row, sums)
                continue
            t0, t1, t2 = _explicit_part(base, place, v, weight, field, row)
            if field == 0:
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
            p0, p1, p2, how = _maxwellian(rho, u, T, v, mask, dv, row)
        else:
            rho, u, T, relaxation = _polynomials(model, sums, dv, rate, P)
            if not T > 0.0:
                return cell, fitted
            if model.kind == ES_BGK:
                relaxation *= model.prandtl
            inverse = 1.0 / sqrt(T)
            how = _target(model, rho, u, T, v, mask, dv, powers, P, row)
        if how == 2:
            return cell, fitted
        fitted += how
        # y + z = 1 without rounding (the larger of the two is computed): a bias would act at every step and in every cell
        y = 1.0 / (1.0 + relaxation) if relaxation < 1.0 else 1.0 - relaxation / (1.0 + relaxation)
        for field in range(fields):
            here = uint64((field * rows + i) * K)
            if plain:
                z = (1.0 - y) * ((dims - 1) * T if field == 1 else 1.0)
                _relax(new, here, v, y, z * p0, z * p1, z * p2, field, row)
            else:
                _relax_cubic(new, here, v, u, inverse, y, 1.0 - y, P, field, row)
            for m in range(j + 1, last + 1):
                there = uint64((((m - 2) * fields + field) * cells + cell) * K)
                weight = implicit[m, j] / implicit[j, j]
                if j == 1:
                    _start(acc, there, f, new, here, v, explicit[m, 0], weight, field, row)
                else:
                    _accumulate(acc, there, new, here, v, explicit[m, j - 1], weight, field, row)
    return -1, fitted


@compiled
def advance(f, other, acc, eps, model, ends, force, v, mask, dv, dx, dt, steps, explicit, implicit, weno, row):
    """``steps`` steps of size dt on f, in place.

    f, other: flat [fields * (cells + 2 GHOST) * K]; acc: flat [(stages - 1) * fields * cells * K]; eps [cells]; row: scratch();
    v, mask [K]: velocities, 1 where they are not padding. Returns (steps done, cell that failed or -1, under-resolved targets).
    """
    fitted, points, ratio, now, then = 0, int(mask.sum()), dt / dx, f, other
    for step in range(steps):
        for j in range(1, explicit.shape[0]):
            _fill_ghosts(now, model.fields, eps.size, v, points, ends)
            failed, more = _stage(
                j, now, then, acc, eps, model, ends, force, v, mask, dv, ratio, dt, explicit, implicit, weno, row
            )
            fitted += more
            if failed >= 0:
                return step, failed, fitted
            now, then = then, now
    if steps * (explicit.shape[0] - 1) % 2:
        f[:] = now
    return steps, -1, fitted
