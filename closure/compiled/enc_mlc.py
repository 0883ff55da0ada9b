"""Row functions of EncMLC (``learned.enc_mlc.EncMLC``, where the formulae stand). Its network computes in double precision, as
there."""

from math import sqrt
from typing import NamedTuple

import numpy as np
import torch

from knudsen.closure.compiled import feedforward, network
from knudsen.closure.compiled.fluxes import UPWIND
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
from knudsen.closure.compiled.vectors import TINY, exp, matrix
from knudsen.closure.learned.enc_collisions import MOST, SETTLED
from knudsen.closure.learned.encoder import REACH
from knudsen.compile import compiled
from knudsen.solvers.cells import GHOST
from knudsen.solvers.rows import log

COUNTS, NUMBERS = 16, 7  # how many of each there are before the tables and the network's numbers


class Tables(NamedTuple):
    """K nodes c, P densities, M moments, R components. to_z = A^T [R, M], open [R, R], synthesis [R, P K], maxwellian [P K],
    w [P (K + 7), M], shift [M]; slopes [R, 2 M], at_rest [2 M]: what the frame's motion does to W, of z and of the Maxwellian."""

    c: np.ndarray
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
        size = network.size_of([closing])
        order = network.order_of([closing])
        closes = network.weights_of([closing], torch.float64).tolist()
        closes += network.at_rest([closing], law.parity_out).ravel().tolist()
        sizes = [1, *size[:-1]]
    elif feedforward.is_compilable(closing.network):
        size, closes = feedforward.numbers_of(
            closing.network, closing.bound, law.parity_in, law.parity_out, closing.scale_in, closing.scale_out
        )
        sizes, order = [0, *size[:-1], 0], []
    else:
        return None
    omega = law.gas.omega
    with torch.no_grad():
        parts = [
            nodes.c, law.A.T, law.open, law.encoder.synthesis.T, nodes.maxwellian, law.w.T, law.shift,
            (law.w_slopes @ law.encoder.synthesis).T, law.w_slopes @ nodes.maxwellian,
        ]  # fmt: skip
    numbers = [-np.inf if omega is None else 1.0 - omega, law.memory, nodes.spacing, nodes.stretch, nodes.xi[0], size.bound]
    numbers += [law.gas.model.stress_rate(law.gas.dims, omega) if law.gas.is_boltzmann else 1.0]
    numbers += _flat(parts)
    counts = [law.gas.dims, P, K, M, R, int(law.gradients), *sizes]
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
    nodes, at = numbers[at : at + K], at + K
    to_z, at = matrix(numbers, at, R, M), at + R * M
    opened, at = matrix(numbers, at, R, R), at + R * R
    synthesis, at = matrix(numbers, at, R, P * K), at + R * P * K
    maxwellian, at = numbers[at : at + P * K], at + P * K
    w, at = matrix(numbers, at, P * (K + 7), M), at + P * (K + 7) * M
    shift, at = numbers[at : at + M], at + M
    slopes, at = matrix(numbers, at, R, 2 * M), at + R * 2 * M
    return Tables(nodes, to_z, opened, synthesis, maxwellian, w, shift, slopes, numbers[at : at + 2 * M])


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
    dims, M, width = data.counts[0], data.counts[3], U.shape[1]
    W = np.empty((M, width))
    for i in range(width):
        rho, u = max(U[0, i], TINY), U[1, i] / U[0, i]
        V[0, i], V[1, i] = log(rho), u
        V[2, i] = log(max((2.0 * U[2, i] / U[0, i] - u * u) / dims, TINY))
    for k in range(M):
        for i in range(width):
            W[k, i] = U[3 + k, i] / max(U[0, i], TINY)
    V[3:] = np.dot(tables_of(data).to_z, W)


@row_function(CORRECT)
def correct(data, mesh, U, V):
    """Adds the part of z that the moments leave open."""
    c, M, R, width = data.counts, data.counts[3], data.counts[4], U.shape[1]
    gradients, first = c[5] != 0, c[COUNTS - 2]
    phi, zhat = np.empty((2 * M + 3 if gradients else M, width)), np.empty((R, width))
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
    numbers, bound = data.numbers[first : c[COUNTS - 1]], data.numbers[5]
    if c[6] != 0:
        size = network.Size(c[7], c[8], c[9], c[10], c[11], c[12], bound)
        end = numbers.size - size.outputs
        network.evaluate(numbers[:end], size, phi, c[COUNTS:], matrix(numbers, end, 1, size.outputs), zhat)
    else:
        feedforward.evaluate(numbers, feedforward.Size(c[7], c[8], c[9], c[10], c[11], bound), phi, zhat)
    V[3:] += np.dot(tables_of(data).open, zhat)


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
def _columns(V, first, z):
    """z [column, component] of the columns of V from ``first`` on."""
    for r in range(z.shape[1]):
        for i in range(z.shape[0]):
            z[i, r] = V[3 + r, first + i]


@compiled
def _sided(data, tables, flux, side, V_l, V_r, F, v, fluid):
    """What crosses the faces from one side (0: left, 1: right): F [face, P K] in masses, theta in units of velocity squared, at
    the velocities v [face, K]; mass, momentum and energy are added to fluid [3, face]."""
    dims, P, K, R = data.counts[0], data.counts[1], data.counts[2], data.counts[4]
    V, faces, sign = V_l if side == 0 else V_r, V_l.shape[1], 1.0 if side == 0 else -1.0
    z, fastest = np.empty((faces, R)), np.empty(faces)
    _columns(V, 0, z)
    F[:] = np.dot(z, tables.synthesis)
    for i in range(faces):
        fastest[i] = max(abs(V_l[1, i]) + REACH * exp(0.5 * V_l[2, i]), abs(V_r[1, i]) + REACH * exp(0.5 * V_r[2, i]))
    for i in range(faces):
        h, at = F[i], v[i]
        rho, u, s = 0.5 * exp(V[0, i]), V[1, i], exp(0.5 * V[2, i])
        T, fast, rounded = s * s, sign * fastest[i], 0.0025 * s * s
        mass = momentum = energy = transverse = 0.0
        for j in range(K):
            at[j] = u + s * tables.c[j]
        if flux == UPWIND:
            for j in range(K):
                weight = rho * (at[j] + sign * sqrt(at[j] * at[j] + rounded))
                h[j] = weight * (tables.maxwellian[j] + h[j])
                if P > 1:
                    h[K + j] = weight * T * (tables.maxwellian[j] + h[K + j])
        else:
            for j in range(K):
                h[j] = rho * (at[j] + fast) * (tables.maxwellian[j] + h[j])
            if P > 1:
                for j in range(K):
                    h[K + j] = rho * T * (at[j] + fast) * (tables.maxwellian[j] + h[K + j])
        for j in range(K):
            mass += h[j]
            momentum += h[j] * at[j]
            energy += h[j] * at[j] * at[j]
        for j in range(K, P * K):
            transverse += h[j]
        fluid[0, i] += mass
        fluid[1, i] += momentum
        fluid[2, i] += 0.5 * (energy + (dims - 1) * transverse)


@compiled
def _place(xi_0, spacing, stretch, most, v, u, inverse, F, sign, place, t, weights):
    """Velocities v [K] in the frame (u, 1/inverse^2), with masses sign F [P K]: the spline interval of each, and what its mass
    adds to the integrals of four B-splines, [P, 4, K]; t: scratch [K]."""
    K = v.size
    for j in range(K):
        c = (v[j] - u) * inverse
        if stretch != 0.0:
            y = stretch * c
            size = log(abs(y) + sqrt(1.0 + y * y)) * (1.0 / stretch)
            c = size if y > 0.0 else -size
        p = min(max((c - xi_0) * (1.0 / spacing) + 2.0, 0.0), most)
        place[j] = np.int64(p)
        t[j] = p - np.int64(p)
    for d in range(F.size // K):
        masses, one, two, three, four = F[d * K : (d + 1) * K], weights[d, 0], weights[d, 1], weights[d, 2], weights[d, 3]
        for j in range(K):
            mass, s, r, t2 = sign * masses[j], t[j], 1.0 - t[j], t[j] * t[j]
            one[j] = mass * (r * r * r * (1.0 / 6.0))
            two[j] = mass * (t2 * (0.5 * s - 1.0) + 2.0 / 3.0)
            three[j] = mass * (0.5 * (s + t2 - t2 * s) + 1.0 / 6.0)
            four[j] = mass * (t2 * s * (1.0 / 6.0))


@compiled
def _deposit(place, weights, integrals, bins):
    """Sums what four sets of velocities add, place [4, K] and weights [4, P, 4, K], into bins [P (K + 7)]; integrals: scratch
    [4, P, K + 7], one for each set, so that the additions do not wait for each other."""
    P, K = weights.shape[1], place.shape[1]
    integrals[:] = 0.0
    for d in range(P):
        for j in range(K):
            for q in range(4):
                k = place[q, j]
                integrals[q, d, k] += weights[q, d, 0, j]
                integrals[q, d, k + 1] += weights[q, d, 1, j]
                integrals[q, d, k + 2] += weights[q, d, 2, j]
                integrals[q, d, k + 3] += weights[q, d, 3, j]
        for k in range(K + 7):
            bins[d * (K + 7) + k] = integrals[0, d, k] + integrals[1, d, k] + integrals[2, d, k] + integrals[3, d, k]


@row_function(TRANSPORT)
def transport(data, mesh, flux, V_l, V_r, V, K):
    dims, P, N, M, R = data.counts[0], data.counts[1], data.counts[2], data.counts[3], data.counts[4]
    spacing, stretch, xi_0 = data.numbers[2], data.numbers[3], data.numbers[4]
    tables, cells, faces = tables_of(data), K.shape[1], V_l.shape[1]
    F, v, fluid = np.empty((2, faces, P * N)), np.empty((2, faces, N)), np.zeros((3, faces))
    for side in range(2):
        _sided(data, tables, flux, side, V_l, V_r, F[side], v[side], fluid)
    bins, z = np.empty((cells, P * (N + 7))), np.empty((cells, R))
    weights, place, t, integrals = np.empty((4, P, 4, N)), np.empty((4, N), np.int64), np.empty(N), np.empty((4, P, N + 7))
    for i in range(cells):  # the four sides of faces that a cell sees, in its frame: inflow at its left face, else outflow
        u, inverse = V[1, GHOST + i], exp(-0.5 * V[2, GHOST + i])
        for q in range(4):
            at, masses, sign = v[q % 2, i + q // 2], F[q % 2, i + q // 2], 1.0 - 2.0 * (q // 2)
            _place(xi_0, spacing, stretch, N + 3.0, at, u, inverse, masses, sign, place[q], t, weights[q])
        _deposit(place, weights, integrals, bins[i])
        for k in range(N + 7, bins.shape[1]):  # h/(D - 1), in the unit of the cell that counts it
            bins[i, k] *= inverse * inverse
    _columns(V, GHOST, z)
    moved, entered = np.dot(z, tables.slopes), np.dot(bins, tables.w)
    for i in range(cells):
        u, inverse = V[1, GHOST + i], exp(-0.5 * V[2, GHOST + i])
        T = 1.0 / (inverse * inverse)
        mass, momentum, energy = fluid[0, i] - fluid[0, i + 1], fluid[1, i] - fluid[1, i + 1], fluid[2, i] - fluid[2, i + 1]
        K[0, i], K[1, i], K[2, i] = mass, momentum, energy
        # the frame's own motion, times rho
        by_u = (momentum - u * mass) * inverse
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
