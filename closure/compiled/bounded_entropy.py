"""The compiled scheme of BoundedEntropy (``laws.bounded_entropy.BoundedEntropy``, where the equations stand).

A step is half a relaxation (exact), Heun's step of free flight, half a relaxation. Free flight moves masses: of f in every cell,
limited velocity by velocity at the cell's own nodes, with positive values at its faces. What has stayed in a cell and what has
come in, a sum of positive masses at known velocities, has a density, velocity and temperature, and in their frame moments of the
bounded functions: those of a positive distribution, whatever the jump.
"""

from math import exp as exp_of
from math import sqrt
from typing import NamedTuple

import numpy as np
import torch

from knudsen.closure.compiled.protocol import Data, Mesh
from knudsen.closure.compiled.vectors import exp, matrix
from knudsen.closure.laws.exponential import DAMPING
from knudsen.compile import compiled
from knudsen.solvers.boundaries import BOUNDARIES, OUTFLOW, PERIODIC
from knudsen.solvers.driver import COLLAPSE

NUMBERS, GHOSTS = 4, 2
MOST = 60  # Newton steps of a cell
SETTLED = 1e-8  # squared length of a Newton step, in the metric of the Hessian, that is the last one
MASSLESS = 1e-7  # of the density: nodes beyond the outermost ones with more do not limit the step
HARDER = 100.0  # times the damping where Newton's method has not ended
SCHEMES = ("pointwise", "upwind", "heun")


class Tables(NamedTuple):
    """K nodes, N functions: ``Exponential``. c, width, mass [K]; w [N, K]; to_w [N, N]."""

    c: np.ndarray
    width: np.ndarray
    mass: np.ndarray
    w: np.ndarray
    to_w: np.ndarray


class Flow(NamedTuple):
    """Of every padded column: rho, u, s = sqrt(T) [column, 3]; the exponents a [column, N]; masses f of the nodes [column, K];
    the exponents' polynomial [column, N]."""

    fluid: np.ndarray
    a: np.ndarray
    f: np.ndarray
    poly: np.ndarray


class Rollout:
    """The scheme for a law: called as ``closure.compiled.Rollout``. regularised: cells and stages of the last call whose moments
    were those of no distribution within reach of Newton's method, so that a smoother one was taken."""

    schemes = SCHEMES

    def __init__(self, law, cfl: float):
        self.data, self.cfl, self.regularised = data_of(law), float(cfl), 0

    def __call__(self, start, ends, dx: float, knudsen, boundary: str, times):
        start = np.ascontiguousarray(start, float)
        left, right = ends if ends is not None else (start[:, 0], start[:, -1])
        mesh = Mesh(
            float(dx), BOUNDARIES[boundary], np.ascontiguousarray(left, float), np.ascontiguousarray(right, float),
            np.ascontiguousarray(knudsen, float),
        )  # fmt: skip
        saved, counts = np.full((len(times) + 1, *start.shape), np.nan), np.zeros(3, np.int64)
        saved[0] = start
        steps, failed_at, cell = run(saved, np.asarray(times, float), mesh, self.data, self.cfl, counts)
        self.regularised = int(counts[2])
        return saved, int(steps), None if cell < 0 else (float(failed_at), int(cell))


def data_of(law) -> Data:
    family, omega = law.family, law.gas.omega
    tables = torch.cat([x.flatten() for x in (family.c, family.width, family.mass, family.values, family.polynomials)]).tolist()
    numbers = [-np.inf if omega is None else 1 - omega, DAMPING, family.stretch, family.taper, *tables]
    return Data(np.array([len(family.c), len(family.values)], np.int64), np.array(numbers, float))


@compiled
def tables_of(data):
    K, N, numbers, at = data.counts[0], data.counts[1], data.numbers, NUMBERS
    return Tables(
        numbers[at : at + K], numbers[at + K : at + 2 * K], numbers[at + 2 * K : at + 3 * K],
        matrix(numbers, at + 3 * K, N, K), matrix(numbers, at + (3 + N) * K, N, N),
    )  # fmt: skip


# The dual problem --------------------------------------------------------------------------------------------------------------


@compiled
def _masses(tables, a, p):
    """Masses p [K] of the exponents a [N], and their sum: inf where exponents are out of bounds."""
    p[:] = 0.0
    for k in range(a.size):
        row, x = tables.w[k], a[k]
        for j in range(p.size):
            p[j] += x * row[j]
    largest, total = -np.inf, 0.0
    for j in range(p.size):
        largest = max(largest, p[j])
    if not largest < 500.0:
        return np.inf
    for j in range(p.size):
        p[j] = tables.mass[j] * exp(max(p[j], -600.0))
        total += p[j]
    return total


@compiled
def _solve(H, x):
    """x becomes H^-1 x, H positive definite; its lower half is overwritten by Cholesky's factor with inverse diagonal."""
    n = x.size
    for i in range(n):
        for j in range(i):
            s = H[i, j]
            for k in range(j):
                s -= H[i, k] * H[j, k]
            H[i, j] = s * H[j, j]
        s = H[i, i]
        for k in range(i):
            s -= H[i, k] * H[i, k]
        H[i, i] = 1.0 / sqrt(max(s, 1e-300))
    for i in range(n):
        s = x[i]
        for k in range(i):
            s -= H[i, k] * x[k]
        x[i] = s * H[i, i]
    for i in range(n - 1, -1, -1):
        s = x[i]
        for k in range(i + 1, n):
            s -= H[k, i] * x[k]
        x[i] = s * H[i, i]


@compiled
def _scratch(tables, n):
    """For ``_match``: target, Hessian, step, trial, products [n, K], functions [K, n]."""
    functions = np.ascontiguousarray(tables.w[:n].T)
    return np.empty(n), np.empty((n, n)), np.empty(n), np.empty(tables.w.shape[0]), np.empty((n, tables.w.shape[1])), functions


@compiled
def _dual(total, a, target, gamma):
    """The dual function, given the masses' sum."""
    for k in range(target.size):
        total -= a[k] * target[k]
    for k in range(3, target.size):
        total += 0.5 * gamma * a[k] * a[k]
    return total


@compiled
def _match(tables, gamma, a, p, scratch):
    """``Exponential.solve`` for one cell, from the exponents a [N] as they are. Returns the iterations, MOST where it has not
    ended."""
    target, H, step, trial, products, functions = scratch
    n, K = target.size, p.size
    total = _masses(tables, a, p)
    if not total < np.inf:
        a[:n] = 0.0
        total = _masses(tables, a, p)
    value = _dual(total, a, target, gamma)
    for iteration in range(MOST):
        for k in range(n):
            row, w = products[k], tables.w[k]
            for j in range(K):
                row[j] = p[j] * w[j]
        np.dot(products, functions, H)
        for k in range(n):
            step[k] = target[k] - H[k, 0] - (gamma * a[k] if k > 2 else 0.0)
            trial[k] = step[k]
        for k in range(n):
            H[k, k] += gamma if k > 2 else 1e-14
        _solve(H, step)
        slope = 0.0
        for k in range(n):
            slope += trial[k] * step[k]
        if slope < SETTLED:
            for k in range(n):
                a[k] += step[k]
            _masses(tables, a, p)
            return iteration + 1
        length = 1.0
        trial[n:] = a[n:]
        while length > 1e-6:
            for k in range(n):
                trial[k] = a[k] + length * step[k]
            total = _masses(tables, trial, p)
            if total < np.inf:
                new = _dual(total, trial, target, gamma)
                if new <= value - 0.1 * length * slope + 1e-14 * abs(value):
                    break
            length *= 0.5
        if not length > 1e-6:
            break
        a[:n] = trial[:n]
        value = new
    return MOST


@compiled
def _decode(data, tables, U, flow, o, scratch, counts):
    """The distribution of column o of a flow from the moments U; False without a positive temperature. counts: iterations,
    decodes, those regularised."""
    a, f, poly, target, n = flow.a[o], flow.f[o], flow.poly[o], scratch[0], data.counts[1]
    rho, u = U[0], U[1] / U[0]
    T = 2.0 * U[2] / U[0] - u * u
    if not (0.0 < rho < np.inf and 0.0 < T < np.inf):
        return False
    target[0], target[1], target[2] = 1.0, 0.0, 0.5
    for k in range(3, n):
        target[k] = U[k] / rho
    gamma = data.numbers[1]
    iterations = _match(tables, gamma, a, f, scratch)
    counts[0] += iterations
    counts[1] += 1
    while iterations == MOST and gamma < 10.0:
        counts[2] += 1
        gamma *= HARDER
        a[:n] = 0.0
        iterations = _match(tables, gamma, a, f, scratch)
    if iterations == MOST:
        a[:] = 0.0
        _masses(tables, a, f)
    for j in range(f.size):
        f[j] *= rho
    flow.fluid[o, 0], flow.fluid[o, 1], flow.fluid[o, 2] = rho, u, sqrt(T)
    poly[:] = 0.0
    for k in range(3, n):
        for q in range(n):
            poly[q] += a[k] * tables.to_w[k, q]
    return True


@compiled
def _decode_all(data, tables, mesh, U, flow, scratch, counts):
    """The distributions of all cells from U [cell, component], and of the columns beyond; -1, or a cell without a temperature."""
    cells = U.shape[0]
    for i in range(cells):
        if not _decode(data, tables, U[i], flow, GHOSTS + i, scratch, counts):
            return i
    for q in range(GHOSTS):
        left, right = GHOSTS, GHOSTS + cells - 1
        if mesh.boundary == PERIODIC:
            left, right = cells + q, GHOSTS + q
        elif mesh.boundary != OUTFLOW:
            continue
        for one, other in ((q, left), (GHOSTS + cells + q, right)):
            flow.fluid[one], flow.a[one] = flow.fluid[other], flow.a[other]
            flow.f[one], flow.poly[one] = flow.f[other], flow.poly[other]
    return -1


# Free flight -------------------------------------------------------------------------------------------------------------------


@compiled
def _map(data, c, y, taper):
    """y(c) and the taper there."""
    stretch, reach = 1.0 / data.numbers[2], 1.0 / data.numbers[3]
    for j in range(c.size):
        x = c[j] * stretch
        y[j] = c[j] / sqrt(sqrt(1.0 + x * x))
        z = y[j] * reach
        z = z * z
        z = z * z
        z = z * z
        taper[j] = 1.0 / (1.0 + z * z)


@compiled
def _seen(data, flow, o, v, c, y, taper, f):
    """The density of column o at the velocities v."""
    rho, u, s = flow.fluid[o, 0], flow.fluid[o, 1], flow.fluid[o, 2]
    poly = flow.poly[o]
    a, inverse = flow.a[o], 1.0 / s
    for j in range(v.size):
        c[j] = (v[j] - u) * inverse
    _map(data, c, y, taper)
    f[:] = poly[poly.size - 1]
    for q in range(poly.size - 2, -1, -1):
        for j in range(v.size):
            f[j] = f[j] * y[j] + poly[q]
    scale = rho * inverse * 0.3989422804014327
    for j in range(v.size):
        exponent = a[0] + c[j] * (a[1] + 0.5 * (a[2] - 1.0) * c[j]) + taper[j] * f[j]
        f[j] = scale * exp(min(max(exponent, -600.0), 300.0))


@compiled
def _leaving(data, tables, flow, i, ratio, v, out, scratch):
    """Masses that leave cell i in a step ratio dx at its nodes' velocities v [K], by Koren's third-order limiter."""
    c, y, taper, behind, ahead = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]
    u, s = flow.fluid[i, 1], flow.fluid[i, 2]
    for j in range(v.size):
        v[j] = u + s * tables.c[j]
    _seen(data, flow, i - 1, v, c, y, taper, behind)
    _seen(data, flow, i + 1, v, c, y, taper, ahead)
    own = flow.f[i]
    for j in range(v.size):
        weight = s * tables.width[j]
        mass = own[j] / weight
        first, second = mass - behind[j], ahead[j] - mass
        first, second = (first, second) if v[j] > 0.0 else (-second, -first)
        slope = min(abs(first + 2.0 * second) * (1.0 / 3.0), 2.0 * min(abs(first), abs(second)))
        slope = slope if first > 0.0 else -slope
        slope = slope if first * second > 0.0 else 0.0
        out[j] = min(ratio * weight * abs(v[j]) * (mass + 0.5 * slope), own[j])


@compiled
def _test(data, tables, v, f, share, u, s, W, scratch):
    """Adds share times the moments of masses f at velocities v, in the frame (u, s), to W [M]."""
    c, y, taper = scratch[0], scratch[1], scratch[2]
    inverse, size = 1.0 / s, v.size
    for j in range(size):
        c[j] = (v[j] - u) * inverse
    _map(data, c[:size], y[:size], taper[:size])
    for j in range(size):
        taper[j] *= share * f[j]
    for q in range(data.counts[1]):
        moment = 0.0
        for j in range(size):
            moment += taper[j]
            taper[j] *= y[j]
        for k in range(W.size):
            W[k] += tables.to_w[3 + k, q] * moment


@compiled
def _split(v):
    """The number of velocities that are not positive."""
    n = 0
    while n < v.size and v[n] <= 0.0:
        n += 1
    return n


@compiled
def _moved(data, tables, flow, i, v, out, before, start, earliest, share, U, scratch):
    """The moments U [component] of a cell after a step: (1 - share) of the distribution of ``start`` (a flow; its moments
    ``earliest``) and ``share`` of what the masses make of that of ``flow`` (``before``), in the frame of both together. False
    without a positive temperature."""
    K = data.counts[0]
    stays, velocities = scratch[3], scratch[4]
    mass = momentum = energy = 0.0
    for j in range(K):
        stays[j] = flow.f[i, j] - out[i, j]
        mass -= out[i, j]
        momentum -= out[i, j] * v[i, j]
        energy -= out[i, j] * v[i, j] * v[i, j]
    left, right = _split(v[i - 1]), _split(v[i + 1])
    for o, first, last in ((i - 1, left, K), (i + 1, 0, right)):
        for j in range(first, last):
            mass += out[o, j]
            momentum += out[o, j] * v[o, j]
            energy += out[o, j] * v[o, j] * v[o, j]
    mass = share * (before[0] + mass) + (1.0 - share) * earliest[0]
    momentum = share * (before[1] + momentum) + (1.0 - share) * earliest[1]
    energy = share * (2.0 * before[2] + energy) + (1.0 - share) * 2.0 * earliest[2]
    U[0], U[1], U[2] = mass, momentum, 0.5 * energy
    u = momentum / mass
    T = energy / mass - u * u
    if not (0.0 < mass < np.inf and 0.0 < T < np.inf):
        return False
    s, W = sqrt(T), U[3:]
    W[:] = 0.0
    _test(data, tables, v[i], stays, share, u, s, W, scratch)
    _test(data, tables, v[i - 1, left:], out[i - 1, left:], share, u, s, W, scratch)
    _test(data, tables, v[i + 1, :right], out[i + 1, :right], share, u, s, W, scratch)
    if share < 1.0:
        for j in range(K):
            velocities[j] = start.fluid[i, 1] + start.fluid[i, 2] * tables.c[j]
        _test(data, tables, velocities, start.f[i], 1.0 - share, u, s, W, scratch)
    return True


@compiled
def _fly(data, tables, flow, ratio, v, out, before, start, earliest, share, U, scratch):
    """U [cell, component] after a step of free flight: see ``_moved``. -1, or the cell without a temperature."""
    for i in range(1, flow.f.shape[0] - 1):
        _leaving(data, tables, flow, i, ratio, v[i], out[i], scratch)
    for i in range(U.shape[0]):
        if not _moved(data, tables, flow, GHOSTS + i, v, out, before[i], start, earliest[i], share, U[i], scratch):
            return i
    return -1


@compiled
def _relax(data, mesh, U, dt):
    """U [cell, component] after collisions alone: exact."""
    exponent = data.numbers[0]
    for i in range(U.shape[0]):
        rate = 1.0 / mesh.knudsen[i]
        if exponent > -np.inf:
            u = U[i, 1] / U[i, 0]
            rate *= U[i, 0] * (2.0 * U[i, 2] / U[i, 0] - u * u) ** exponent
        left = exp_of(-dt * rate)
        for k in range(3, U.shape[1]):
            U[i, k] *= left


@compiled
def _fastest(tables, flow):
    """The fastest velocity of any node with mass."""
    fastest, half = 0.0, tables.c.size // 2
    for o in range(flow.f.shape[0]):
        f, first, last, bound = flow.f[o], 0, tables.c.size - 1, MASSLESS * flow.fluid[o, 0]
        while f[first] < bound and first < half:
            first += 1
        while f[last] < bound and last > half:
            last -= 1
        u, s = flow.fluid[o, 1], flow.fluid[o, 2]
        fastest = max(fastest, abs(u + s * tables.c[first]), abs(u + s * tables.c[last]))
    return fastest


@compiled
def _new(width, tables):
    (N, K), powers = tables.w.shape, tables.to_w.shape[1]
    return Flow(np.zeros((width, 3)), np.zeros((width, N)), np.zeros((width, K)), np.zeros((width, powers)))


@compiled
def run(saved, times, mesh, data, cfl, counts):
    """Fills saved [1 + times, component, cell] from its first row; returns (steps, time, cell): cell is -1, or the one where the
    solution failed at that time. mesh.knudsen [cell]; counts: see ``_decode``."""
    tables, components, cells = tables_of(data), saved.shape[1], saved.shape[2]
    width, K, dx = cells + 2 * GHOSTS, data.counts[0], mesh.dx
    one, two, newton = _new(width, tables), _new(width, tables), _scratch(tables, components)
    v, out, scratch = np.zeros((width, K)), np.zeros((width, K)), np.empty((5, K))
    U, stage, new = np.ascontiguousarray(saved[0].T), np.empty((cells, components)), np.empty((cells, components))
    if mesh.boundary != PERIODIC and mesh.boundary != OUTFLOW:
        for flow in (one, two):
            for q in range(GHOSTS):
                _decode(data, tables, mesh.left, flow, q, newton, counts)
                _decode(data, tables, mesh.right, flow, GHOSTS + cells + q, newton, counts)
    t, steps, first_dt = 0.0, 0, -1.0
    cell = _decode_all(data, tables, mesh, U, two, newton, counts)
    if cell >= 0:
        return 0.0, 0.0, float(cell)
    for row in range(times.size):
        while True:
            longest = min(cfl * dx / _fastest(tables, two), times[-1])
            first_dt = longest if first_dt < 0.0 else first_dt
            if not longest > COLLAPSE * first_dt:
                return float(steps), t, 0.0
            count = np.ceil((times[row] - t) / longest)
            dt = (times[row] - t) / count
            _relax(data, mesh, U, 0.5 * dt)
            one.a[:] = two.a
            cell = _decode_all(data, tables, mesh, U, one, newton, counts)
            if cell < 0:
                cell = _fly(data, tables, one, dt / dx, v, out, U, one, U, 1.0, stage, scratch)
            if cell < 0:
                two.a[:] = one.a
                cell = _decode_all(data, tables, mesh, stage, two, newton, counts)
            if cell < 0:
                cell = _fly(data, tables, two, dt / dx, v, out, stage, one, U, 0.5, new, scratch)
            if cell >= 0:
                return float(steps), t, float(cell)
            U[:] = new
            _relax(data, mesh, U, 0.5 * dt)
            steps += 1
            t = times[row] if count == 1.0 else t + dt
            if count == 1.0:
                break
        saved[row + 1] = U.T
    return float(steps), t, -1.0
