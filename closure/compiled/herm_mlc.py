"""Row functions of HermMLC (``learned.herm_mlc.HermMLC``, where the formulae stand): the quadrature closure's and a network's."""

from typing import NamedTuple

import numpy as np

from knudsen.closure.compiled import network, quadrature
from knudsen.closure.compiled.protocol import CORRECT, DIFFUSIVITY, Rows, row_function
from knudsen.closure.compiled.quadrature import reach_of, shape_of
from knudsen.closure.compiled.raw import OTHER_COUNTS, OTHER_NUMBERS, collision_time, raw
from knudsen.closure.compiled.vectors import exp, matrix
from knudsen.compile import compiled
from knudsen.solvers.rows import LOG2E, exp2


class Learned(NamedTuple):
    """What HermMLC adds to the numbers of the quadrature closure: memory, mixing, strength of the hidden
    diffusion, does the network see gradients, its size, the
    row of phi for each of its inputs, and what its members say in equilibrium [member, output]."""

    memory: float
    mixing: float
    hidden: float
    gradients: bool
    size: network.Size
    order: np.ndarray
    rest: np.ndarray


def rows_of(law) -> Rows | None:
    """None where the networks are not equivariant ones of one architecture."""
    if not network.is_compilable(law.members):
        return None
    size = network.size_of(law.members)
    counts = [int(law.gradients), *size[:-1], *network.order_of(law.members)]
    numbers = [law.memory, law.mixing, law.hidden_strength, size.bound, *network.at_rest(law.members, law.parity_out).ravel()]
    rows = quadrature.rows_of(law, counts, numbers, correct=correct, diffusivity=diffusivity)
    if law.gradients:
        rows = rows._replace(hidden_diffusivity=hidden_diffusivity)
    return rows._replace(data=rows.data._replace(weights=network.weights_of(law.members)))


@compiled
def learned_of(data):
    c, first = data.counts[OTHER_COUNTS:], OTHER_NUMBERS + data.counts[0]  # 1 + 2 n = n_g numbers of the quadrature closure
    n = data.numbers[first:]
    size = network.Size(c[1], c[2], c[3], c[4], c[5], c[6], n[3])
    return Learned(n[0], n[1], n[2], c[0] != 0, size, c[7 : 7 + size.inputs], matrix(n, 4, size.members, size.outputs))


@compiled
def _moved(V, n, k):
    """Row k of what has gradients among the inputs: the fluid's, the shape's, those of h."""
    return V[k] if k < 2 * n + 1 else V[k + 1]


@row_function(CORRECT)
def correct(data, mesh, U, V):
    """Adds the networks' mean correction to the closing rows of V."""
    law, learned = shape_of(data), learned_of(data)
    n, n_h, width = law.n, law.n_h, V.shape[1]
    transverse = n + 1 if n_h > 0 else 0
    state = 2 * n - 2 + transverse
    phi = np.empty((learned.size.inputs, width))
    for k in range(2 * n - 2):
        phi[k] = V[3 + k]
    if n_h > 0:
        for i in range(width):
            phi[2 * n - 2, i] = V[2 * n + 2, i] - V[2, i]
        for k in range(1, n + 1):
            phi[2 * n - 2 + k] = V[2 * n + 2 + k]
    if learned.gradients:
        rows = np.empty((2, width))
        reach, inverse = rows[0], rows[1]
        collision_time(data, mesh, U, reach)
        for i in range(width):
            root = exp2(0.5 * LOG2E * V[2, i])
            reach[i] = reach[i] / (1.0 + reach[i] / learned.memory) * root / mesh.dx
            inverse[i] = 1.0 / root
        for k in range(3 + state):
            row, target = _moved(V, n, k), phi[state + k]
            for i in range(1, width - 1):
                target[i] = 0.5 * (row[i + 1] - row[i - 1]) * reach[i]
            target[0] = (row[1] - row[0]) * reach[0]
            target[width - 1] = (row[width - 1] - row[width - 2]) * reach[width - 1]
            if k == 1:
                for i in range(width):
                    target[i] *= inverse[i]
    out, span = np.empty((learned.size.outputs, width)), np.empty(width)
    network.evaluate(data.weights, learned.size, phi, learned.order, learned.rest, out)
    reach_of(data, V, span)
    for i in range(width):
        V[2 * n + 1, i] += out[0, i] * (span[i] / law.reach)
    if n_h > 0:
        for i in range(width):
            V[3 * n + 3, i] += out[1, i]


@compiled
def _memory_time(data, mesh, V, T, reach):
    """T_x and eps_* of the variables, padded cells."""
    law, learned = raw(data), learned_of(data)
    n = (law.n_g - 1) // 2
    for i in range(T.size):
        T[i], tau = exp(V[2, i]), mesh.knudsen[i]
        if law.exponent > -np.inf:
            T_mean = (T[i] + (law.dims - 1) * exp(V[2 * n + 2, i])) / law.dims if law.n_h > 0 else T[i]
            tau /= law.scale * exp(V[0, i]) * T_mean**law.exponent
        reach[i] = tau / (1.0 + tau / learned.memory)


@row_function(DIFFUSIVITY)
def diffusivity(data, mesh, V, D):
    learned, T = learned_of(data), np.empty(D.size)
    _memory_time(data, mesh, V, T, D)
    for i in range(D.size):
        D[i] = learned.mixing / (learned.memory * learned.memory) * T[i] * D[i] * D[i] * D[i]


@row_function(DIFFUSIVITY)
def hidden_diffusivity(data, mesh, V, H):
    learned, T = learned_of(data), np.empty(H.size)
    _memory_time(data, mesh, V, T, H)
    for i in range(H.size):
        H[i] *= learned.hidden * T[i]
