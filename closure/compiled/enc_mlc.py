"""Row functions of EncMLC (``learned.enc_mlc.EncMLC``, where the formulae stand). Its network computes in double precision, as
there: its equations let short waves grow, and with them the errors of single precision."""

from math import floor, sqrt
from typing import NamedTuple

import numpy as np
import torch

from knudsen.closure.compiled import feedforward, network
from knudsen.closure.compiled.fluxes import UPWIND
from knudsen.closure.compiled.product import DOUBLE, multiply, padded
from knudsen.closure.compiled.protocol import (
    BOOST,
    CORRECT,
    RELAX,
    SOURCE,
    SPEED,
    TRANSPORT,
    VARIABLES,
    Data,
    Rows,
    no_sides,
    row_function,
)
from knudsen.closure.compiled.vectors import TINY, add, copy, exp, matrix
from knudsen.closure.learned.enc_collisions import MOST, SETTLED
from knudsen.closure.learned.encoder import REACH
from knudsen.compile import compiled
from knudsen.solvers.cells import GHOST
from knudsen.solvers.rows import log

COUNTS, NUMBERS = 16, 7  # how many of each there are before the order of the network's inputs, and before the tables


class Tables(NamedTuple):
    """K nodes c, P densities, M moments, R components. y = stretch c and its root sqrt(1 + y^2) [K] (no stretch: c and 1),
    to_z = A^T [R, M], open [R, R], synthesis [R, P K], maxwellian [P K], w/6 [P (K + 7), M], shift [M]; slopes [R, 2 M], at_rest
    [2 M]: what the frame's motion does to W, of z and of the Maxwellian. Rows of synthesis, w and slopes are ``padded``."""

    c: np.ndarray
    y: np.ndarray
    root: np.ndarray
    to_z: np.ndarray
    open: np.ndarray
    synthesis: np.ndarray
    maxwellian: np.ndarray
    w: np.ndarray
    shift: np.ndarray
    slopes: np.ndarray
    at_rest: np.ndarray


class Molecules(NamedTuple):
    """``LearnedCollisions``: K [M, M], the productions Q [M, M (M + 1)/2] of the products W_a W_b, a <= b, and of the complex
    diagonal form of K the rates [2, M] and the vectors' inverse [2 M, M] and own real part [M, 2 M]."""

    K: np.ndarray
    products: np.ndarray
    rates: np.ndarray
    inverse: np.ndarray
    vectors: np.ndarray


def rows_of(law) -> Rows | None:
    """None where the network is neither an equivariant one nor an MLP."""
    closing, nodes = law.network["closing"], law.nodes
    M, R, K, P = law.moments, law.outputs, nodes.count, nodes.densities
    if network.is_compilable([closing]):
        size, order = network.size_of([closing]), network.order_of([closing])
        weights, rest = network.weights_of([closing], torch.float64), network.at_rest([closing], law.parity_out)
        sizes = [1, *size[:-1]]
    elif feedforward.is_compilable(closing.network):
        size, weights, rest = feedforward.weights_of(
            closing.network, closing.bound, law.parity_in, law.parity_out, closing.scale_in, closing.scale_out, torch.float64
        )
        sizes, order = [0, *size[:-1], 0], []
    else:
        return None
    omega = law.gas.omega
    y = nodes.stretch * nodes.c if nodes.stretch else nodes.c
    with torch.no_grad():
        parts = [
            nodes.c, y, (1 + y * y).sqrt() if nodes.stretch else torch.ones(K), law.A.T, law.open,
            _filled(law.encoder.synthesis.T), nodes.maxwellian, _filled(law.w.T / 6), law.shift,
            _filled((law.w_slopes @ law.encoder.synthesis).T), law.w_slopes @ nodes.maxwellian,
        ]  # fmt: skip
    numbers = [-np.inf if omega is None else 1.0 - omega, law.memory, nodes.spacing, nodes.stretch, nodes.xi[0], size.bound]
    numbers += [law.gas.model.stress_rate(law.gas.dims, omega) if law.gas.is_boltzmann else 1.0]
    numbers += _flat(parts)
    counts = [law.gas.dims, P, K, M, R, int(law.gradients), *sizes]
    closes = [*rest.ravel().tolist(), *weights.tolist()]
    counts += [0] * (COUNTS - 2 - len(counts)) + [len(numbers), len(numbers) + len(closes)] + order
    numbers += closes
    collisions = {"relax": relax, "source": source}
    if law.gas.is_boltzmann:
        numbers += _flat(_molecules(law.molecules))
        collisions = {"relax": collide, "source": produce}
    return Rows(
        data=Data(np.array(counts, np.int64), np.array(numbers, float)), energy=law.energy_weights, height=3 + R,
        variables=variables, sides=no_sides, speed=speed, boost=boost, correct=correct, transport=transport, **collisions,
    )  # fmt: skip


def _filled(table):
    """With columns of zeros, for ``product.multiply``."""
    return torch.nn.functional.pad(table, (0, -table.shape[1] % DOUBLE))


def _flat(parts) -> list[float]:
    return torch.cat([part.double().flatten() for part in parts]).tolist()


@torch.no_grad()
def _molecules(collisions) -> list:
    M = len(collisions.K)
    one = torch.eye(M, dtype=torch.float64)
    a, b = torch.triu_indices(M, M)
    squares = collisions.quadratic(one[None])[0]
    products = collisions.quadratic((one[:, a] + one[:, b])[None])[0] - squares[:, a] - squares[:, b]
    products = torch.where(a == b, squares[:, a], products)
    rates, vectors, inverse = collisions.rates, collisions.vectors, collisions.inverse
    inverse, vectors = torch.cat((inverse.real, inverse.imag)), torch.cat((vectors.real, -vectors.imag), 1)
    return [collisions.K, products, torch.stack((rates.real, rates.imag)), inverse, vectors]


@compiled
def tables_of(data):
    c, numbers, at = data.counts, data.numbers, NUMBERS
    P, K, M, R = c[1], c[2], c[3], c[4]
    nodes, y, root, at = numbers[at : at + K], numbers[at + K : at + 2 * K], numbers[at + 2 * K : at + 3 * K], at + 3 * K
    to_z, at = matrix(numbers, at, R, M), at + R * M
    opened, at = matrix(numbers, at, R, R), at + R * R
    density, moments, both = padded(P * K, DOUBLE), padded(M, DOUBLE), padded(2 * M, DOUBLE)
    synthesis, at = matrix(numbers, at, R, density), at + R * density
    maxwellian, at = numbers[at : at + P * K], at + P * K
    w, at = matrix(numbers, at, P * (K + 7), moments), at + P * (K + 7) * moments
    shift, at = numbers[at : at + M], at + M
    slopes, at = matrix(numbers, at, R, both), at + R * both
    return Tables(nodes, y, root, to_z, opened, synthesis, maxwellian, w, shift, slopes, numbers[at : at + 2 * M])


@compiled
def _rate(data, mesh, U, first, rate):
    """nu/eps [column], of the Knudsen numbers from column ``first`` on."""
    exponent, dims = data.numbers[0], data.counts[0]
    for i in range(rate.size):
        rate[i] = 1.0 / mesh.knudsen[first + i]
    if exponent > -np.inf:
        for i in range(rate.size):
            u = U[1, i] / U[0, i]
            rate[i] *= data.numbers[6] * U[0, i] * ((2.0 * U[2, i] / U[0, i] - u * u) / dims) ** exponent


@row_function(VARIABLES)
def variables(data, U, V):
    dims, M, R, width = data.counts[0], data.counts[3], data.counts[4], U.shape[1]
    W, z = np.zeros((M, padded(width, DOUBLE))), np.empty((R, padded(width, DOUBLE)))
    for i in range(width):
        rho, u = max(U[0, i], TINY), U[1, i] / U[0, i]
        V[0, i], V[1, i] = log(rho), u
        V[2, i] = log(max((2.0 * U[2, i] / U[0, i] - u * u) / dims, TINY))
    for k in range(M):
        for i in range(width):
            W[k, i] = U[3 + k, i] / max(U[0, i], TINY)
    multiply(tables_of(data).to_z, 0, M, 1, W, z)
    copy(z, V[3:])


@row_function(CORRECT)
def correct(data, mesh, U, V):
    """Adds the part of z that the moments leave open."""
    c, M, R, width = data.counts, data.counts[3], data.counts[4], U.shape[1]
    gradients, first = c[5] != 0, c[COUNTS - 2]
    phi, both = np.empty((2 * M + 3 if gradients else M, width)), np.zeros((2, R, padded(width, DOUBLE)))
    zhat, z = both[0], both[1]
    for k in range(M):
        for i in range(width):
            phi[k, i] = U[3 + k, i] / max(U[0, i], TINY)
    if gradients:
        rows = np.empty((2, width))
        reach, inverse = rows[0], rows[1]
        _rate(data, mesh, U, 0, reach)
        for i in range(width):
            inverse[i] = exp(-0.5 * V[2, i])
            reach[i] = 1.0 / (reach[i] + 1.0 / data.numbers[1]) / (inverse[i] * mesh.dx)
        for k in range(M + 3):
            row, target = V[k] if k < 3 else phi[k - 3], phi[M + k]
            for i in range(1, width - 1):
                target[i] = 0.5 * (row[i + 1] - row[i - 1]) * reach[i]
            target[0] = (row[1] - row[0]) * reach[0]
            target[width - 1] = (row[width - 1] - row[width - 2]) * reach[width - 1]
            if k == 1:
                for i in range(width):
                    target[i] *= inverse[i]
    rest, bound, weights = matrix(data.numbers, first, 1, R), data.numbers[5], data.numbers[first + R : c[COUNTS - 1]]
    if c[6] != 0:
        size = network.Size(c[7], c[8], c[9], c[10], c[11], c[12], bound)
        network.evaluate(weights, size, phi, c[COUNTS:], rest, zhat)
    else:
        feedforward.evaluate(weights, feedforward.Size(c[7], c[8], c[9], c[10], c[11], bound), phi, rest[0], zhat)
    multiply(tables_of(data).open, 0, R, 1, zhat, z)
    add(1.0, z, V[3:])


@row_function(SPEED)
def speed(data, V, speed):
    for i in range(speed.size):
        speed[i] = abs(V[1, i]) + REACH * exp(0.5 * V[2, i])


@row_function(BOOST)
def boost(data, U, velocity):
    for i in range(velocity.size):
        U[2, i] += velocity[i] * (U[1, i] + 0.5 * velocity[i] * U[0, i])
        U[1, i] += velocity[i] * U[0, i]


@compiled
def _frames(V, frames):
    """rho, u, sqrt(T) and ln T of columns of V into the rows of ``frames``."""
    for i in range(V.shape[1]):
        frames[0, i], frames[1, i], frames[2, i], frames[3, i] = exp(V[0, i]), V[1, i], exp(0.5 * V[2, i]), V[2, i]


@compiled
def _sided(data, tables, flux, sign, V, frames, fastest, F, fluid):
    """What crosses the faces from one side (sign 1: left, -1: right): F [face, P K and more] in masses, theta in units of
    velocity squared, of velocities u + sqrt(T) c; mass, momentum and energy are added to fluid [3, face]."""
    dims, P, K = data.counts[0], data.counts[1], data.counts[2]
    multiply(V, 3 * F.shape[0], 1, F.shape[0], tables.synthesis, F)
    for i in range(F.shape[0]):
        h, rho, u, s = F[i], 0.5 * frames[0, i], frames[1, i], frames[2, i]
        fast, T = sign * fastest[i], s * s
        for d in range(P):
            unit = rho if d == 0 else rho * T
            for j in range(K):
                v = u + s * tables.c[j]
                speed = sign * sqrt(v * v + 0.0025 * T) if flux == UPWIND else fast
                h[d * K + j] = unit * (v + speed) * (tables.maxwellian[j] + h[d * K + j])
        mass = momentum = energy = transverse = 0.0
        for j in range(K):
            v = u + s * tables.c[j]
            mass += h[j]
            momentum += h[j] * v
            energy += h[j] * v * v
        for j in range(K, P * K):
            transverse += h[j]
        fluid[0, i] += mass
        fluid[1, i] += momentum
        fluid[2, i] += 0.5 * (energy + (dims - 1) * transverse)


@compiled
def _shift_near(y, root, u, s, unit, shifts, q):
    for j in range(y.size):
        x = u + s * y[j]
        z = u * root[j] + y[j] * (s * root[j] - sqrt(1.0 + x * x))
        w = z * z
        p = (((-63.0 / 2816.0 * w + 35.0 / 1152.0) * w - 5.0 / 112.0) * w + 3.0 / 40.0) * w - 1.0 / 6.0
        shifts[q, j] = (z + z * w * p) * unit


@compiled
def _shift_far(y, root, u, s, unit, shifts, q):
    for j in range(y.size):
        x = u + s * y[j]
        z = u * root[j] + y[j] * (s * root[j] - sqrt(1.0 + x * x))
        size = log(abs(z) + sqrt(1.0 + z * z)) * unit
        shifts[q, j] = size if z > 0.0 else -size


@compiled
def _shift_evenly(y, u, s, unit, shifts, q):
    for j in range(y.size):
        shifts[q, j] = (u + (s - 1.0) * y[j]) * unit


@compiled(forceinline=True)
def _spread(x, mass):
    """What a mass at x in [0, 2) adds to six times the integrals of the five B-splines there, nothing elsewhere."""
    mass = mass if (x >= 0.0) & (x < 2.0) else 0.0
    y, low, high = 2.0 - x, max(1.0 - x, 0.0), max(x - 1.0, 0.0)
    x3, y3, low, high = x * x * x, y * y * y, low * low * low, high * high * high
    middle = 6.0 - y3 - x3 + 3.0 * (low + high)
    return mass * low, mass * (y3 - 4.0 * low), mass * middle, mass * (x3 - 4.0 * high), mass * high


@compiled(forceinline=True)
def _deposit(shifts, F, cell, first, start, five, bins):
    """Adds to bins [K + 4] six times the integrals of B-splines against what four sets of nodes bring, of those that are shifted
    by ``start`` to start + 2; ``first``: the density's first mass in F [2, face, P K and more]. All loops vectorise: what is
    shifted alike stays in its order. five: scratch [5, K + 8], zero at both ends."""
    for j in range(shifts.shape[1]):
        a = _spread(shifts[0, j] - start, F[0, cell, first + j])
        b = _spread(shifts[1, j] - start, F[1, cell, first + j])
        c = _spread(shifts[2, j] - start, F[0, cell + 1, first + j])
        d = _spread(shifts[3, j] - start, F[1, cell + 1, first + j])
        five[0, 4 + j] = a[0] + b[0] - c[0] - d[0]
        five[1, 4 + j] = a[1] + b[1] - c[1] - d[1]
        five[2, 4 + j] = a[2] + b[2] - c[2] - d[2]
        five[3, 4 + j] = a[3] + b[3] - c[3] - d[3]
        five[4, 4 + j] = a[4] + b[4] - c[4] - d[4]
    for j in range(bins.size):
        bins[j] += five[0, j + 4] + five[1, j + 3] + five[2, j + 2] + five[3, j + 1] + five[4, j]


@compiled
def _bring(data, tables, F, frames, own, bins):
    """What the four sides of faces that a cell sees bring into it, inflow at its left face less outflow at its right one, in its
    own frame: six times the integrals of B-splines, bins [cell, P (K + 7)]. frames [2, 4, face], own [4, cell]."""
    P, K, spacing, stretch = data.counts[1], data.counts[2], data.numbers[2], data.numbers[3]
    shifts, five, wide = np.empty((4, K)), np.zeros((5, K + 8)), np.empty((P, 3 * K + 8))
    y, root, unit = tables.y, tables.root, 1.0 / (stretch * spacing)
    for i in range(own.shape[1]):
        u, inverse, least, most = own[1, i], 1.0 / own[2, i], 0.0, 0.0
        for q in range(4):
            side, face = q % 2, i + q // 2
            b, s = (frames[side, 1, face] - u) * inverse, frames[side, 2, face] * inverse
            # arsinh'(x) <= 1, and |arsinh(s x) - arsinh(x)| <= |ln s|
            reach = abs(s - 1.0) * tables.c[K - 1] if stretch == 0.0 else 0.5 * abs(frames[side, 3, face] - own[3, i]) / stretch
            least, most = min(least, min(b, 0.0) - reach), max(most, max(b, 0.0) + reach)
            if stretch == 0.0:
                _shift_evenly(y, b, s, 1.0 / spacing, shifts, q)
            elif stretch * (reach + abs(b)) < 0.3:
                _shift_near(y, root, stretch * b, s, unit, shifts, q)
            else:
                _shift_far(y, root, stretch * b, s, unit, shifts, q)
        # beyond the outermost nodes all functions vanish; the margin is for round-off
        start, last = np.int64(floor(max(least / spacing, -K - 1.0) - 1e-9)), min(most / spacing, K + 1.0) + 1e-9
        wide[:] = 0.0
        while start <= last:
            for d in range(P):
                _deposit(shifts, F, i, d * K, float(start), five, wide[d, K + 2 + start : 2 * K + 6 + start])
            start += 2
        for d in range(P):  # h/(D - 1): in the unit of the cell that counts it
            own_unit = 1.0 if d == 0 else inverse * inverse
            for k in range(K + 7):
                bins[i, d * (K + 7) + k] = wide[d, K + k] * own_unit


@row_function(TRANSPORT)
def transport(data, mesh, flux, V_l, V_r, V, K):
    dims, P, N, M = data.counts[0], data.counts[1], data.counts[2], data.counts[3]
    tables, cells, faces = tables_of(data), K.shape[1], V_l.shape[1]
    F, fluid = np.empty((2, faces, padded(P * N, DOUBLE))), np.zeros((3, faces))
    frames, fastest = np.empty((2, 4, faces)), np.zeros(faces)
    for side in range(2):
        _frames(V_l if side == 0 else V_r, frames[side])
        for i in range(faces):
            fastest[i] = max(fastest[i], abs(frames[side, 1, i]) + REACH * frames[side, 2, i])
    for side in range(2):
        _sided(data, tables, flux, 1.0 - 2.0 * side, V_l if side == 0 else V_r, frames[side], fastest, F[side], fluid)
    own, bins = np.empty((4, cells)), np.empty((cells, P * (N + 7)))
    _frames(V[:3, GHOST : GHOST + cells], own)
    _bring(data, tables, F, frames, own, bins)
    moved, entered = np.empty((cells, tables.slopes.shape[1])), np.empty((cells, tables.w.shape[1]))
    multiply(V, 3 * V.shape[1] + GHOST, 1, V.shape[1], tables.slopes, moved)
    multiply(bins, 0, bins.shape[1], 1, tables.w, entered)
    for i in range(cells):
        u, s = own[1, i], own[2, i]
        T = s * s
        mass, momentum, energy = fluid[0, i] - fluid[0, i + 1], fluid[1, i] - fluid[1, i + 1], fluid[2, i] - fluid[2, i + 1]
        K[0, i], K[1, i], K[2, i] = mass, momentum, energy
        # the frame's own motion, times rho
        by_u = (momentum - u * mass) / s
        by_T = 0.5 * (2.0 * energy - 2.0 * u * momentum + (u * u - dims * T) * mass) / (dims * T)
        for m in range(M):
            of_u, of_T = tables.at_rest[m] + moved[i, m], tables.at_rest[M + m] + moved[i, M + m]
            K[3 + m, i] = entered[i, m] - tables.shift[m] * mass - of_u * by_u - of_T * by_T


@row_function(RELAX)
def relax(data, mesh, U, tau):
    rate = np.empty(U.shape[1])
    _rate(data, mesh, U, GHOST, rate)
    for k in range(3, U.shape[0]):
        for i in range(rate.size):
            U[k, i] /= 1.0 + tau * rate[i]


@row_function(SOURCE)
def source(data, mesh, U, S):
    rate = np.empty(U.shape[1])
    _rate(data, mesh, U, GHOST, rate)
    S[:3] = 0.0
    for k in range(3, U.shape[0]):
        for i in range(rate.size):
            S[k, i] = -rate[i] * U[k, i]


@compiled
def molecules_of(data):
    M, numbers, at = data.counts[3], data.numbers, data.counts[COUNTS - 1]
    pairs = M * (M + 1) // 2
    rates = at + M * M + M * pairs
    return Molecules(
        matrix(numbers, at, M, M),
        matrix(numbers, at + M * M, M, pairs),
        matrix(numbers, rates, 2, M),
        matrix(numbers, rates + 2 * M, 2 * M, M),
        matrix(numbers, rates + 2 * M + 2 * M * M, M, 2 * M),
    )


@compiled
def _quadratic(molecules, W):
    M, at = W.shape[0], 0
    pairs = np.empty((M * (M + 1) // 2, W.shape[1]))
    for a in range(M):
        for b in range(a, M):
            for i in range(W.shape[1]):
                pairs[at, i] = W[a, i] * W[b, i]
            at += 1
    return np.dot(molecules.products, pairs)


@compiled
def _resolved(molecules, right, x):
    """(1 + x K)^-1 applied to the columns of ``right``."""
    M = right.shape[0]
    own = np.dot(molecules.inverse, right)
    for k in range(M):
        for i in range(x.size):
            real, imaginary = 1.0 + x[i] * molecules.rates[0, k], x[i] * molecules.rates[1, k]
            size = real * real + imaginary * imaginary
            one, two = own[k, i], own[M + k, i]
            own[k, i], own[M + k, i] = (real * one + imaginary * two) / size, (real * two - imaginary * one) / size
    return np.dot(molecules.vectors, own)


@row_function(RELAX)
def collide(data, mesh, U, tau):
    """W' = W + x (-K W' + Q(W')) by iteration on Q."""
    molecules, M, cells = molecules_of(data), data.counts[3], U.shape[1]
    x, W = np.empty(cells), np.empty((M, cells))
    largest = 0.0
    for i in range(cells):
        x[i] = tau * U[0, i] / mesh.knudsen[GHOST + i]
    for k in range(M):
        for i in range(cells):
            W[k, i] = U[3 + k, i] / U[0, i]
            largest = max(largest, abs(W[k, i]))
    new = _resolved(molecules, W, x)
    for _ in range(MOST):
        right = _quadratic(molecules, new)
        for k in range(M):
            for i in range(cells):
                right[k, i] = W[k, i] + x[i] * right[k, i]
        last, new = new, _resolved(molecules, right, x)
        change = 0.0
        for k in range(M):
            for i in range(cells):
                change = max(change, abs(new[k, i] - last[k, i]))
        if change <= SETTLED * largest:
            break
    for k in range(M):
        for i in range(cells):
            U[3 + k, i] = U[0, i] * new[k, i]


@row_function(SOURCE)
def produce(data, mesh, U, S):
    molecules, M = molecules_of(data), data.counts[3]
    W = np.empty((M, U.shape[1]))
    for k in range(M):
        for i in range(W.shape[1]):
            W[k, i] = U[3 + k, i] / U[0, i]
    production = _quadratic(molecules, W) - np.dot(molecules.K, W)
    S[:3] = 0.0
    for k in range(M):
        for i in range(W.shape[1]):
            S[3 + k, i] = U[0, i] * U[0, i] / mesh.knudsen[GHOST + i] * production[k, i]
