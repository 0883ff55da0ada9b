"""Row functions of HermMLC (``learned.herm_mlc.HermMLC``, where the formulae stand): the quadrature closure's and a network's."""

from math import sqrt
from typing import NamedTuple

import numpy as np

from knudsen.closure.compiled import network, quadrature
from knudsen.closure.compiled.product import SINGLE, padded
from knudsen.closure.compiled.protocol import ADJUST, CORRECT, DIFFERENTIATE, DIFFUSIVITY, LEFT, RESPOND, Rows, row_function
from knudsen.closure.compiled.quadrature import reach_of, sample_variance, shape_of, variables
from knudsen.closure.compiled.raw import OTHER_COUNTS, OTHER_NUMBERS, collision_time, raw
from knudsen.closure.compiled.vectors import exp, inverse_root, matrix
from knudsen.closure.laws.recurrence import B_FLOOR
from knudsen.compile import compiled
from knudsen.solvers.cells import GHOST
from knudsen.solvers.rows import LOG2E, exp2, log


class Learned(NamedTuple):
    """What HermMLC adds to the numbers of the quadrature closure: memory, mixing, the diffusion of its gradients at rest; does
    the network see gradients, its size, the row of phi for each of its inputs; the relaxation rates of the last moments in
    units of the gas's, and what its members say in equilibrium [member, output]."""

    memory: float
    mixing: float
    rest_diffusion: float
    gradients: bool
    size: network.Size
    order: np.ndarray
    rates: np.ndarray
    rest: np.ndarray


def rows_of(law) -> Rows | None:
    """None where the networks are not equivariant ones of one architecture."""
    if not network.is_compilable(law.members):
        return None
    size = network.size_of(law.members)
    counts = [int(law.gradients), *size[:-1], *network.order_of(law.members)]
    numbers = [law.memory, law.mixing, law.rest_diffusion() if law.gradients else 0.0, size.bound, *law.last_rates()]
    numbers += network.at_rest(law.members, law.parity_out).ravel().tolist()
    others = {"correct": correct, "diffusivity": diffusivity}
    if law.gradients:
        others |= {"gradient_rows": np.array(law.gradient_rows), "spread_length": spread_length, "gradient": gradient}
        others |= {"response": response, "adjust": adjust, "remainder": remainder, "kept": size.outputs * size.inputs}
    rows = quadrature.rows_of(law, counts, numbers, **others)
    return rows._replace(data=rows.data._replace(weights=network.weights_of(law.members)))


@compiled
def learned_of(data):
    c, first = data.counts[OTHER_COUNTS:], OTHER_NUMBERS + 1 + data.counts[0] // 2 * 2  # the quadrature closure's
    n = data.numbers[first:]
    size = network.Size(c[1], c[2], c[3], c[4], c[5], c[6], n[3])
    rest = matrix(n, 4 + size.outputs, size.members, size.outputs)
    return Learned(n[0], n[1], n[2], c[0] != 0, size, c[7 : 7 + size.inputs], n[4 : 4 + size.outputs], rest)


@compiled
def _moved(law, k):
    """The row of V that is k-th of what has gradients among the inputs: the fluid's, the shape's, those of h."""
    return k if k < 2 * law.n + law.odd else k + 1


@compiled
def _inputs(data, mesh, U, V, phi, reach):
    """The networks' inputs into phi [input, column], and eps_* sqrt(T_x) into reach."""
    law, learned = shape_of(data), learned_of(data)
    n_g, n_h, width = 2 * law.n + law.odd, law.n_h, V.shape[1]
    state = n_g - 3 + n_h
    for k in range(n_g - 3):
        phi[k] = V[3 + k]
    if n_h > 0:
        for i in range(width):
            phi[n_g - 3, i] = V[n_g + 1, i] - V[2, i]
        for k in range(1, n_h):
            phi[n_g - 3 + k] = V[n_g + 1 + k]
    if learned.gradients:
        inverse = np.empty(width)
        collision_time(data, mesh, U, reach)
        for i in range(width):
            root = exp2(0.5 * LOG2E * V[2, i])
            reach[i] = reach[i] / (1.0 + reach[i] / learned.memory) * root
            inverse[i] = 1.0 / root
        for k in range(3 + state):
            row, target = V[_moved(law, k)], phi[state + k]
            for i in range(1, width - 1):
                target[i] = 0.5 * (row[i + 1] - row[i - 1]) * (reach[i] / mesh.dx)
            target[0] = (row[1] - row[0]) * (reach[0] / mesh.dx)
            target[width - 1] = (row[width - 1] - row[width - 2]) * (reach[width - 1] / mesh.dx)
            if k == 1:
                for i in range(width):
                    target[i] *= inverse[i]


@compiled
def _add(data, V, out, span):
    """The networks' outputs to the closing rows of V; span: a row, comes back as the unit of the first."""
    law = shape_of(data)
    n_g = 2 * law.n + law.odd
    span[:] = 1.0
    if law.odd:
        reach_of(data, V, span)
        for i in range(V.shape[1]):
            span[i] /= law.reach
    for i in range(V.shape[1]):
        V[n_g, i] += out[0, i] * span[i]
    if law.n_h > 0:
        for i in range(V.shape[1]):
            V[n_g + 1 + law.n_h, i] += out[1, i]


@row_function(CORRECT)
def correct(data, mesh, U, V):
    """Adds the networks' mean correction to the closing rows of V."""
    learned, width = learned_of(data), V.shape[1]
    phi, out, rows = np.empty((learned.size.inputs, width)), np.empty((learned.size.outputs, width)), np.empty((2, width))
    _inputs(data, mesh, U, V, phi, rows[0])
    network.evaluate(data.weights, learned.size, phi, learned.order, learned.rest, out)
    _add(data, V, out, rows[1])


# The gradients' diffusion, for implicit steps --------------------------------------------------------------------------------


@compiled
def _log_b(V, law, log_b):
    """ln(b_1 b_2 ...) of the columns, of those that the moments know."""
    known, whole = law.n - 1 + law.odd, 1.0
    for k in range(2, known + 1):
        whole *= k
    log_b[:] = log(whole)
    for k in range(2, known + 1):
        for i in range(log_b.size):
            log_b[i] += V[law.n + k, i]


@compiled
def _by_closing(data, V, by):
    """dF/dV of the closing coefficients in the last fluxes, by [row * output, column]."""
    law = shape_of(data)
    n, n_h, n_g, log_b = law.n, law.n_h, 2 * law.n + law.odd, np.empty(V.shape[1])
    _log_b(V, law, log_b)
    for i in range(V.shape[1]):
        by[0, i] = exp(V[0, i] + 0.5 * n_g * V[2, i] + log_b[i])
        if not law.odd:
            by[0, i] *= n * exp(V[n_g, i])
    if n_h > 0:
        for i in range(V.shape[1]):
            norm = (law.dims - 1) * exp(V[0, i] + V[n_g + 1, i] + 0.5 * n_h * V[2, i] + 0.5 * log_b[i])
            by[1, i], by[2, i], by[3, i] = 0.0, norm * V[n_g + n_h, i] if law.odd else 0.0, norm * sqrt(1.0 * n_h)


@compiled
def _last(law):
    """The row of V that the last moment of g is in."""
    return 2 * law.n if law.odd else law.n + 1


@row_function(RESPOND)
def response(data, V, E):
    law = shape_of(data)
    n_h, n_g, height, last, log_b = law.n_h, 2 * law.n + law.odd, V.shape[0], _last(law), np.empty(V.shape[1])
    _log_b(V, law, log_b)
    E[:] = 0.0
    for i in range(V.shape[1]):
        E[last, i] = exp(-V[0, i] - 0.5 * (n_g - 1) * V[2, i] - log_b[i])
    if n_h > 0:
        eta = n_g + n_h
        for i in range(V.shape[1]):
            if law.odd:
                E[eta, i] = -0.5 * V[eta, i] * E[last, i]
            E[height + eta, i] = exp(-V[0, i] - V[n_g + 1, i] - 0.5 * (n_h - 1) * V[2, i] - 0.5 * log_b[i]) / (law.dims - 1)


@row_function(ADJUST)
def adjust(data, before, U, E, V):
    """b_n is linear in G_2n, eta_n sqrt(b_n) in H_n; of an even number of moments a_{n-1} in G_2n-1."""
    law = shape_of(data)
    n_h, n_g, height, width, last = law.n_h, 2 * law.n + law.odd, V.shape[0], V.shape[1], _last(law)
    eta = n_g + n_h
    ratio, least, lowest = np.ones(width), np.inf, np.inf
    if law.odd:
        for i in range(width):
            ratio[i] = 1.0 + E[last, i] * (U[n_g - 1, i] - before[0, i])
            least, lowest = min(least, ratio[i]), min(lowest, V[last, i] + min(ratio[i] - 1.0, 0.0) / ratio[i])  # <= ln b_n/n
        if not (least > 0.0 and lowest > log(B_FLOOR)):  # at the floor of b_n
            variables(data, U, V)
            return
        for i in range(width):
            V[last, i] += log(ratio[i])
    else:
        for i in range(width):
            V[last, i] += E[last, i] * (U[n_g - 1, i] - before[0, i])
        sample_variance(law, V)
    if n_h > 0:
        for i in range(width):
            change = E[height + eta, i] * (U[n_g + n_h - 1, i] - before[1, i])
            V[eta, i] = (V[eta, i] + change) / sqrt(ratio[i])


@row_function(DIFFERENTIATE)
def gradient(data, mesh, U, V, c, slopes, fresh):
    """slopes: dN/dx of the networks' stretched inputs, [output * input, column]."""
    law, learned, width = shape_of(data), learned_of(data), V.shape[1]
    size, order, last_row = learned.size, learned.order, _last(law)
    outputs, inputs, height = size.outputs, size.inputs, V.shape[0]
    phi, out, rows = np.empty((inputs, width)), np.empty((outputs, width)), np.empty((3, width))
    reach, span, s = rows[0], rows[1], rows[2]
    _inputs(data, mesh, U, V, phi, reach)
    if fresh:
        network.differentiate(data.weights, size, phi, order, learned.rest, out, slopes)
    else:
        network.evaluate(data.weights, size, phi, order, learned.rest, out)
    _add(data, V, out, span)
    by, E = np.empty((outputs * outputs, width)), np.empty((outputs * height, width))
    _by_closing(data, V, by)
    for i in range(width):
        s[i] = exp2(0.5 * LOG2E * V[2, i])
        by[0, i] *= span[i]
        if outputs == 2:
            by[2, i] *= span[i]
    c[:] = 0.0
    moved = 2 * law.n + law.odd + law.n_h
    table = np.zeros((inputs, padded(width, SINGLE)), np.float32)  # d arsinh(x)/dx, of whole vectors
    for j in range(inputs):
        source, inverse, target = phi[order[j]], 1.0 / data.weights[j], table[j]
        for i in range(width):
            target[i] = source[i] * inverse
    every = table.reshape(table.size)
    for i in range(every.size):
        every[i] = inverse_root(every[i])
    for j in range(inputs):
        k, inverse = order[j] - (inputs - moved), 1.0 / data.weights[j]
        if k >= 0:
            for i in range(width):
                table[j, i] *= reach[i] * inverse
            if k == 1:
                for i in range(width):
                    table[j, i] /= s[i]
            for r in range(outputs):
                row = r * height + _moved(law, k)
                for o in range(outputs):
                    slope, last = o * inputs + order[j], r * outputs + o
                    for i in range(width):
                        c[row, i] += by[last, i] * slopes[slope, i] * table[j, i]
    response(data, V, E)
    M = np.zeros((outputs * outputs, width))
    for q in range(outputs):
        for j in (last_row, height - 2):  # and the last eta
            if j == last_row or law.n_h > 0:
                for r in range(outputs):
                    for i in range(width):
                        M[r * outputs + q, i] += c[r * height + j, i] * E[q * height + j, i]
    for i in range(width):
        damps = M[0, i] <= 0.0
        if outputs == 2:
            damps = M[0, i] + M[3, i] <= 0.0 and M[0, i] * M[3, i] - M[1, i] * M[2, i] >= 0.0
        if not damps:
            for j in range(c.shape[0]):
                c[j, i] = 0.0


@compiled
def _reach(data, mesh, V, reach):
    """eps_* in the columns of V."""
    law, memory = raw(data), learned_of(data).memory
    for i in range(reach.size):
        reach[i] = mesh.knudsen[i]
    if law.exponent > -np.inf:
        for i in range(reach.size):
            T = exp(V[2, i])
            T_mean = (T + (law.dims - 1) * exp(V[law.n_g + 1, i])) / law.dims if law.n_h > 0 else T
            reach[i] /= law.scale * exp(V[0, i]) * exp(law.exponent * log(T_mean))
    for i in range(reach.size):
        reach[i] /= 1.0 + reach[i] / memory


@row_function(DIFFUSIVITY)
def spread_length(data, mesh, V, length):
    law, learned = shape_of(data), learned_of(data)
    _reach(data, mesh, V, length)
    for i in range(length.size):
        length[i] *= learned.rest_diffusion / law.reach * exp2(0.5 * LOG2E * V[2, i])


@row_function(LEFT)
def remainder(data, mesh, U, tau, left):
    law = raw(data)
    rows = np.empty((1, U.shape[1]))
    for i in range(U.shape[1]):
        rho = U[0, i]
        x = tau / mesh.knudsen[GHOST + i]
        if law.exponent > -np.inf:
            energy = U[2, i] + U[law.n_g, i] if law.n_h > 0 else U[2, i]
            u = U[1, i] / rho
            x *= rho * ((energy / rho - u * u) / law.dims) ** law.exponent
        rows[0, i] = x
    learned = learned_of(data)
    for r in range(left.shape[0]):
        for i in range(U.shape[1]):
            left[r, i] = 1.0 / (1.0 + learned.rates[r] * rows[0, i])


@row_function(DIFFUSIVITY)
def diffusivity(data, mesh, V, D):
    learned = learned_of(data)
    _reach(data, mesh, V, D)
    for i in range(D.size):
        D[i] = learned.mixing / (learned.memory * learned.memory) * exp(V[2, i]) * D[i] * D[i] * D[i]
