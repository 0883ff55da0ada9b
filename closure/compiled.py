r"""The moment solver of the quadrature closures as one compiled loop: the scheme of ``solvers.Solver`` without its overhead.

Eager torch costs milliseconds a step however small the problem, because a step is a thousand small operations. Here a step is one
call: every operation is a loop over the columns of one row (a row is one component in all cells, or at all faces), which the
compiler turns into vector instructions; the network is a few small matrix products in single precision. ``solvers.Solver`` with
the laws of ``quadrature`` and ``herm_mlc`` is the reference, where the formulae are documented; the two agree to
round-off (to single precision with a network).

Arrays: [row, column]. All compiled parts stand in this one file because Numba's cache on disk watches only the file of the
function that is called.
"""

from math import exp, sinh, sqrt

import numpy as np
import torch
from numba import njit

from knudsen.closure.laws.maxwell import STRESS_RATE
from knudsen.closure.laws.quadrature import B_FLOOR, Quadrature
from knudsen.closure.learned.herm_mlc import HermMLC
from knudsen.closure.learned.networks import Equivariant
from knudsen.solvers import GHOST
from knudsen.solvers.driver import COLLAPSE
from knudsen.solvers.integrators import INTEGRATORS
from knudsen.solvers.reconstruction import FLOOR, STEEPNESS
from knudsen.solvers.rows import LOG2E, exp2, log

TINY = float(np.finfo(float).tiny)
LOW, SCALE = exp(-STEEPNESS), 0.5 / sinh(STEEPNESS)  # of THINC
SAFE = {"reassoc", "contract", "arcp", "nsz"}  # no nnan, ninf: a solution that diverges must be seen
_COMPILE = {"fastmath": SAFE, "nogil": True, "cache": True, "error_model": "numpy"}
RECONSTRUCTIONS = {"muscl": 0, "weno5": 1, "constant": 2, "weno5_thinc": 3}
FLUXES = {"rusanov": 0, "upwind": 1, "hll": 2}
BOUNDARIES = {"periodic": 0, "outflow": 1, "fixed": 2}


def supports(law, reconstruction: str, flux: str, integrator: str) -> bool:
    """Is there a compiled form of this law with these schemes?"""
    nets = [member.network for member in law.members] if type(law) is HermMLC and law.gradients else []
    equivariant = bool(nets) and all(isinstance(net, Equivariant) for net in nets)
    equivariant = equivariant and len({(net.layers[0]["odd"].weight.shape, len(net.layers)) for net in nets}) == 1
    known = reconstruction in RECONSTRUCTIONS and flux in FLUXES and INTEGRATORS[integrator].implicit is not None
    return known and (type(law) is Quadrature or equivariant)


class Rollout:
    """A law and its schemes, ready to run one case after another."""

    def __init__(self, law, reconstruction: str, flux: str, integrator: str, cfl: float):
        tableau = INTEGRATORS[integrator]
        stages = len(tableau.explicit)
        explicit, implicit = np.zeros((2, stages, stages))
        for i in range(stages):
            explicit[i, : len(tableau.explicit[i])] = tableau.explicit[i]
            implicit[i, : len(tableau.implicit[i])] = tableau.implicit[i]
        speeds, right, left = (np.ascontiguousarray(a.numpy()) for a in law.characteristics)
        self.sizes = (law.n, law.n_h, law.gas.dims)
        self.scheme = (RECONSTRUCTIONS[reconstruction], FLUXES[flux], float(cfl), explicit, implicit)
        self.waves = (speeds, right, left, law._reach, law._up[:, 0].numpy(), law._down[:, 0].numpy())
        scale = law.gas.model.stress_rate(law.gas.dims, law.gas.omega) if law.gas.is_boltzmann else 1.0
        self.frequency = (scale, -np.inf if law.gas.omega is None else 1.0 - law.gas.omega)  # nu = scale rho T^exponent
        self.molecules = _molecules(law.molecules)
        self.network = _network(law)

    def __call__(self, start, ends, dx: float, knudsen, boundary: str, times):
        """start [component, cell]; ends: the two states [component] of a fixed boundary, or None; knudsen [cell]; times increase.

        Returns (U [1 + times, component, cell], steps, None or (time, cell) of the failure); U is NaN from there on.
        """
        start = np.ascontiguousarray(start, float)
        left, right = ends if ends is not None else (start[:, 0], start[:, -1])
        rows = np.full((len(times) + 1, *start.shape), np.nan)
        rows[0] = start
        steps, failed_at, cell = _run(
            rows, np.asarray(times, float), float(dx), np.ascontiguousarray(knudsen, float), self.frequency, BOUNDARIES[boundary],
            (np.ascontiguousarray(left, float), np.ascontiguousarray(right, float)), self.sizes, self.scheme, self.waves,
            self.network, self.molecules,
        )  # fmt: skip
        return rows, int(steps), None if cell < 0 else (float(failed_at), int(cell))


def _molecules(collisions):
    """The tables of ``maxwell.MaxwellMolecules`` as arrays: of degree d = 3, 4, ... rows, rates, and in pairs
    starts[d - 3]..starts[d - 2] the components of each product and its coefficients in the rows. An absent row is -1."""
    one, none = np.zeros((1, 1)), np.zeros((1, 2), np.int64)
    if collisions is None:
        return False, 0.0, one, one, none, np.zeros((1, 2, 2)), none[0], none, np.zeros((1, 2))
    count = len(collisions.degrees)
    rows, rates, starts = np.full((count, 2), -1), np.zeros((count, 2, 2)), np.zeros(count + 1, np.int64)
    pairs, coefficients = [], []
    for d, (components, L, products) in enumerate(collisions.degrees):
        size = len(components)
        rows[d, :size], rates[d, :size, :size] = components, L
        pairs += [(i, j) for i, j, _ in products]
        coefficients += [(*c, 0.0)[:2] for _, _, c in products]
        starts[d + 1] = len(pairs)
    hermite, monomial = (np.ascontiguousarray(table.numpy()) for table in (collisions.hermite, collisions.monomial))
    return True, STRESS_RATE, hermite, monomial, rows, rates, starts, np.array(pairs), np.array(coefficients)


def _network(law):
    """What the compiled networks need, in single precision, the members of an ensemble along the first axis; ``rest`` is what
    their even outputs say in equilibrium."""
    one = np.zeros((1, 1, 1), np.float32)
    if not isinstance(law, HermMLC):
        return (
            False, 0.0, 0.0, 1.0, (one,), (one,), (one,), one, one, one, one[0], one[0], np.zeros((1, 1)),
            np.zeros(1, np.int64), 0,
        )  # fmt: skip
    nets = [member.network for member in law.members]
    depth, half = len(nets[0].layers), nets[0].layers[0]["odd"].weight.shape[0]

    def stacked(value):
        return np.stack([value(net).detach().numpy() for net in nets])

    even, bias, odd = (
        tuple(stacked(lambda net, l=l, of=of: of(net.layers[l])) for l in range(depth))
        for of in (lambda x: x["even"].weight, lambda x: x["even"].bias[:, None], lambda x: x["odd"].weight)
    )
    to_even, to_odd, constant = (np.zeros((len(nets), law.outputs, width), np.float32) for width in (half, half, 1))
    if nets[0].even_out:
        to_even[:, nets[0].even_out] = stacked(lambda net: net.to_even.weight)
        constant[:, nets[0].even_out] = stacked(lambda net: net.to_even.bias[:, None])
    if nets[0].odd_out:
        to_odd[:, nets[0].odd_out] = stacked(lambda net: net.to_odd.weight)
    scales = (np.stack([getattr(m, name).numpy().astype(np.float32) for m in law.members]) for name in ("scale_in", "scale_out"))
    with torch.no_grad():
        rest = torch.stack([member(torch.zeros(1, law.inputs, dtype=torch.float64))[0] for member in law.members])
    rest = torch.where(law.parity_out > 0, rest, 0.0).numpy()
    order = np.array(nets[0].even_in + nets[0].odd_in, np.int64)
    return (
        True, float(law.memory), float(law.mixing), float(law.members[0].bound), even, bias, odd, to_even, to_odd, constant,
        *scales, rest, order, len(nets[0].even_in),
    )  # fmt: skip


# Rows ------------------------------------------------------------------------------------------------------------------------


@njit(**_COMPILE)
def _shift(m, first, last, velocity):
    """Rows first..last-1, moments 0, 1, ...: seen after every velocity has grown by ``velocity``, in place."""
    for level in range(first + 1, last):
        for k in range(last - 1, level - 1, -1):
            for i in range(velocity.size):
                m[k, i] += velocity[i] * m[k - 1, i]


@njit(**_COMPILE)
def _rescale(m, first, last, scale, ladder):
    """Rows first..last-1 times scale^0, scale^1, ..., in place; ladder: a row of scratch."""
    ladder[:] = 1.0
    for k in range(first + 1, last):
        for i in range(scale.size):
            ladder[i] *= scale[i]
            m[k, i] *= ladder[i]


@njit(**_COMPILE)
def _smoothstep(x):
    x = min(max(x, 0.0), 1.0)
    return x * x * (3.0 - 2.0 * x)


@njit(**_COMPILE)
def _variables(U, sizes, V, m, sigma, rows):
    """The variables V of raw moments U at the rule. m: scratch [2n+1, column]; sigma: [3, 2n+1, column]; rows: [4, column]."""
    n, n_h, dims = sizes
    n_g, width = 2 * n + 1, U.shape[1]
    rho, minus_u, inverse, ladder = rows[0], rows[1], rows[2], rows[3]
    for i in range(width):
        rho[i] = 1.0 / max(U[0, i], TINY)
        minus_u[i] = -U[1, i] * rho[i]
    for k in range(n_g):
        for i in range(width):
            m[k, i] = U[k, i] * rho[i]
    _shift(m, 0, n_g, minus_u)
    for i in range(width):
        T = max(m[2, i], TINY)
        inverse[i] = 1.0 / sqrt(T)
        V[0, i] = -log(rho[i])
        V[1, i] = -minus_u[i]
        V[2, i] = log(T)
    _rescale(m, 0, n_g, inverse, ladder)
    # Chebyshev's algorithm; sigma[k % 3, l] for l = k .. 2n - k
    sigma[0] = m
    mean = V[2 * n + 1]
    a, b = np.empty((n, width)), np.empty((n + 1, width))
    for i in range(width):
        a[0, i] = m[1, i] / m[0, i]
        mean[i] = a[0, i]
    for k in range(1, n + 1):
        new, now, old = sigma[k % 3], sigma[(k - 1) % 3], sigma[(k - 2) % 3]
        for l in range(k, 2 * n - k + 1):
            if k == 1:
                for i in range(width):
                    new[l, i] = now[l + 1, i] - a[0, i] * now[l, i]
            else:
                for i in range(width):
                    new[l, i] = now[l + 1, i] - a[k - 1, i] * now[l, i] - b[k - 1, i] * old[l, i]
        for i in range(width):
            b[k, i] = new[k, i] / now[k - 1, i]
        if k < n:
            for i in range(width):
                a[k, i] = new[k + 1, i] / new[k, i] - now[k, i] / now[k - 1, i]
                mean[i] += a[k, i]
                V[2 + k, i] = a[k, i]
        if k > 1:
            for i in range(width):
                V[n + k, i] = log(max(b[k, i] / k, B_FLOOR))
    for i in range(width):
        mean[i] /= n
    if n_h > 0:
        for k in range(n_h):
            for i in range(width):
                m[k, i] = U[n_g + k, i] * rho[i]
        _shift(m, 0, n_h, minus_u)
        for i in range(width):
            eta_0 = max(m[0, i], TINY)
            V[2 * n + 2, i] = log(eta_0 / (dims - 1))
            rho[i] = 1.0 / eta_0
        for k in range(n_h):
            for i in range(width):
                m[k, i] *= rho[i]
        _rescale(m, 0, n_h, inverse, ladder)
        norm = ladder
        norm[:] = 1.0
        for l in range(n_h):
            sigma[0, l] = m[l]
        for k in range(1, n_h):
            new, now, old = sigma[k % 3], sigma[(k - 1) % 3], sigma[(k - 2) % 3]
            for l in range(n_h - k):
                for i in range(width):
                    new[l, i] = now[l + 1, i] - a[k - 1, i] * now[l, i]
                if k > 1:
                    for i in range(width):
                        used = 1.0 if k == 2 else max(b[k - 1, i], B_FLOOR * (k - 1))
                        new[l, i] -= used * old[l, i]
            for i in range(width):
                norm[i] *= 1.0 if k == 1 else max(b[k, i], B_FLOOR * k)
                V[2 * n + 2 + k, i] = new[0, i] / sqrt(norm[i])
        V[3 * n + 3] = 0.0


@njit(**_COMPILE)
def _span(V, sizes, reach, up, down, a, b, span):
    """The bound of the own-frame speeds in units of sqrt(T_x); a, b: scratch [n+2, column]."""
    n = sizes[0]
    width = V.shape[1]
    a[0], span[:] = 0.0, 0.0
    for k in range(1, n + 1):
        row = 2 + k if k < n else 2 * n + 1
        for i in range(width):
            a[k, i] = abs(V[row, i])
    b[0], b[n + 1], b[1] = 0.0, 0.0, 1.0
    for k in range(2, n + 1):
        for i in range(width):
            b[k, i] = sqrt(k * exp2(LOG2E * V[n + k, i]))
    stretch = sqrt((2 * n + 1) / n)
    for i in range(width):
        b[n, i] *= stretch
    for k in range(n + 1):
        ahead, behind = (up[k] if k < n else 0.0), (down[k - 1] if k > 0 else 0.0)
        for i in range(width):
            span[i] = max(span[i], a[k, i] + b[k + 1, i] * ahead + b[k, i] * behind)


@njit(**_COMPILE)
def _reconstruct(V, weno, sharp, left, right):
    """Both sides of the faces of the interior, of V with ghosts; sharp [column]: where THINC may stand in for WENO5."""
    if weno == 3 and sharp.any():
        _sharpen(V, sharp, left, right)
        return
    faces = left.shape[1]
    for r in range(V.shape[0]):
        v, l, rt = V[r], left[r], right[r]
        if weno == 0:
            for j in range(faces):
                k = j + GHOST - 1
                a, b, c = v[k] - v[k - 1], v[k + 1] - v[k], v[k + 2] - v[k + 1]
                s = (2.0 * max(a * b, 0.0) + FLOOR) / (a * a + b * b + FLOOR)
                l[j] = v[k] + s * s * (b - a) / 12.0 + 0.25 * s * (a + b)
                s = (2.0 * max(b * c, 0.0) + FLOOR) / (b * b + c * c + FLOOR)
                rt[j] = v[k + 1] + s * s * (c - b) / 12.0 - 0.25 * s * (b + c)
        elif weno == 2:
            for j in range(faces):
                l[j], rt[j] = v[j + GHOST - 1], v[j + GHOST]
        else:
            for j in range(faces):
                k = j + GHOST - 1
                l[j] = _weno5(v[k - 2], v[k - 1], v[k], v[k + 1], v[k + 2])
                rt[j] = _weno5(v[k + 3], v[k + 2], v[k + 1], v[k], v[k - 1])


@njit(**_COMPILE)
def _sharpen(V, sharp, left, right):
    """THINC in place of WENO5 in the cells where the jumps at the faces are then smaller."""
    cells = left.shape[1] + 3  # two more on each side than the interior
    plain_l, plain_r, steep_l, steep_r = np.empty(cells), np.empty(cells), np.empty(cells), np.empty(cells)
    for r in range(V.shape[0]):
        v, l, rt = V[r], left[r], right[r]
        for c in range(cells):
            k = c + GHOST - 2
            plain_r[c] = _weno5(v[k - 2], v[k - 1], v[k], v[k + 1], v[k + 2])
            plain_l[c] = _weno5(v[k + 2], v[k + 1], v[k], v[k - 1], v[k - 2])
            monotone = sharp[k] and (v[k + 1] - v[k]) * (v[k] - v[k - 1]) > FLOOR
            step = v[k + 1] - v[k - 1] if monotone else 1.0
            tilt = STEEPNESS * (2.0 * (v[k] - v[k - 1]) / step - 1.0) if monotone else 0.0
            up = exp2(LOG2E * tilt)
            steep_l[c] = v[k - 1] + step * SCALE * (up - LOW) if monotone else plain_l[c]
            steep_r[c] = v[k + 1] - step * SCALE * (1.0 / up - LOW) if monotone else plain_r[c]
        for c in range(1, cells - 1):
            a, b, x, y = plain_r[c - 1], steep_r[c - 1], plain_l[c + 1], steep_l[c + 1]
            plain = min(abs(plain_l[c] - a), abs(plain_l[c] - b)) + min(abs(plain_r[c] - x), abs(plain_r[c] - y))
            steep = min(abs(steep_l[c] - a), abs(steep_l[c] - b)) + min(abs(steep_r[c] - x), abs(steep_r[c] - y))
            if c < cells - 2:
                l[c - 1] = steep_r[c] if steep < plain else plain_r[c]
            if c > 1:
                rt[c - 2] = steep_l[c] if steep < plain else plain_l[c]


@njit(fastmath=SAFE, inline="always")
def _diffusivity(V, tau, network, i):
    """D in column i (``HermMLC.diffusivity``)."""
    memory, mixing = network[1], network[2]
    reach = tau[i] / (1.0 + tau[i] / memory)
    return mixing / (memory * memory) * exp2(LOG2E * V[2, i]) * reach * reach * reach


@njit(**_COMPILE)
def _diffuse(U, V, tau, network, dx, K):
    """K plus what diffuses into the interior cells, of U with ghosts."""
    before = 0.0
    for i in range(GHOST, U.shape[1] - GHOST + 1):
        after = _diffusivity(V, tau, network, i)
        if i == GHOST:
            before = _diffusivity(V, tau, network, i - 1)
        rate = 0.5 * (before + after) / dx
        before = after
        for k in range(U.shape[0]):
            flow = rate * (U[k, i] - U[k, i - 1])
            if i > GHOST:
                K[k, i - 1 - GHOST] += flow
            if i < U.shape[1] - GHOST:
                K[k, i - GHOST] -= flow


@njit(fastmath=SAFE, inline="always")
def _weno5(p0, p1, p2, p3, p4):
    beta_0 = (13.0 / 12.0) * (p0 - 2 * p1 + p2) ** 2 + 0.25 * (p0 - 4 * p1 + 3 * p2) ** 2 + FLOOR
    beta_1 = (13.0 / 12.0) * (p1 - 2 * p2 + p3) ** 2 + 0.25 * (p1 - p3) ** 2 + FLOOR
    beta_2 = (13.0 / 12.0) * (p2 - 2 * p3 + p4) ** 2 + 0.25 * (3 * p2 - 4 * p3 + p4) ** 2 + FLOOR
    tau = (beta_0 - beta_2) ** 2
    far, middle, near = 1.0 + tau / (beta_0 * beta_0), 6.0 + 6.0 * tau / (beta_1 * beta_1), 3.0 + 3.0 * tau / (beta_2 * beta_2)
    weighted = far * (2 * p0 - 7 * p1 + 11 * p2) + middle * (5 * p2 - p1 + 2 * p3) + near * (2 * p2 + 5 * p3 - p4)
    value = weighted / (6.0 * (far + middle + near))
    here, beyond = p1 - 2 * p2 + p3, p2 - 2 * p3 + p4
    slack = 0.5 * min(abs(here), abs(beyond)) if here * beyond > 0.0 else 0.0
    return min(max(value, min(p2, p3) - slack), max(p2, p3) + slack)


@njit(**_COMPILE)
def _moments(V, sizes, G, H, p, a, b, rows):
    """Raw moments G_0..G_{2n+1} and H_0..H_{n+1}. p: scratch [n+2, n+1, column]; a, b [n+2, column]; rows [3, column]."""
    n, n_h, dims = sizes
    width = V.shape[1]
    rho, s, ladder = rows[0], rows[1], rows[2]
    for i in range(width):
        rho[i] = exp2(LOG2E * V[0, i])
        s[i] = exp2(0.5 * LOG2E * V[2, i])
    a[0], b[1] = 0.0, 1.0
    for k in range(1, n + 1):
        a[k] = V[2 + k if k < n else 2 * n + 1]
    for k in range(2, n + 1):
        for i in range(width):
            b[k, i] = sqrt(k * exp2(LOG2E * V[n + k, i]))
    p[:] = 0.0
    p[0, 0] = 1.0
    for j in range(n + 1):  # p_{j+1} = J p_j, of which the first j + 2 entries are not zero
        for k in range(min(j + 2, n + 1)):
            new, now = p[j + 1, k], p[j]
            for i in range(width):
                new[i] = a[k, i] * now[k, i]
            if k > 0:
                for i in range(width):
                    new[i] += b[k, i] * now[k - 1, i]
            if k < n:
                for i in range(width):
                    new[i] += b[k + 1, i] * now[k + 1, i]
    G[:] = 0.0
    for j in range(n + 1):
        for k in range(j + 1):
            for i in range(width):
                G[2 * j, i] += p[j, k, i] * p[j, k, i]
                G[2 * j + 1, i] += p[j, k, i] * p[j + 1, k, i]
    _rescale(G, 0, 2 * n + 2, s, ladder)
    _shift(G, 0, 2 * n + 2, V[1])
    for k in range(2 * n + 2):
        for i in range(width):
            G[k, i] *= rho[i]
    if n_h > 0:
        for j in range(n + 2):
            H[j] = p[j, 0]
            for k in range(1, min(j, n) + 1):
                for i in range(width):
                    H[j, i] += p[j, k, i] * V[2 * n + 2 + k, i]
        factor = sqrt(n + 1.0)
        for i in range(width):
            ladder[i] = V[3 * n + 3, i] * factor
        for k in range(2, n + 1):
            for i in range(width):
                ladder[i] *= b[k, i]
        for i in range(width):
            H[n + 1, i] += ladder[i]
        _rescale(H, 0, n + 2, s, ladder)
        _shift(H, 0, n + 2, V[1])
        for i in range(width):
            rho[i] *= (dims - 1) * exp2(LOG2E * V[2 * n + 2, i])
        for k in range(n + 2):
            for i in range(width):
                H[k, i] *= rho[i]


@njit(**_COMPILE)
def _arsinh(x):
    """Odd; good to single precision, relative to max(|x|, 1e-9)."""
    y = abs(x)
    value = log(1.0 + (y + y * y / (1.0 + sqrt(1.0 + y * y))))
    return value if x > 0.0 else -value


@njit(**_COMPILE)
def _correct(V, tau, dx, sizes, span, reach, network):
    """Adds the networks' mean correction to the closing rows of V, in all columns."""
    n, n_h, _ = sizes
    _, memory, _, bound, even_w, even_b, odd_w, to_even, to_odd, constant, scale_in, scale_out, rest, order, evens = network
    width = V.shape[1]
    shape, transverse = 2 * n - 2, (n + 1 if n_h > 0 else 0)
    inputs = order.size
    phi = np.empty((inputs, width))
    for k in range(shape):
        phi[k] = V[3 + k]
    if n_h > 0:
        for i in range(width):
            phi[shape, i] = V[2 * n + 2, i] - V[2, i]
        for k in range(1, n + 1):
            phi[shape + k] = V[2 * n + 2 + k]
    state = shape + transverse
    reach_in_time, inverse = np.empty(width), np.empty(width)
    for i in range(width):
        root = exp2(0.5 * LOG2E * V[2, i])
        reach_in_time[i] = tau[i] / (1.0 + tau[i] / memory) * root / dx
        inverse[i] = 1.0 / root
    for k in range(3 + shape + transverse):
        row, target = (V[k] if k < 3 + shape else V[2 * n + 2 + k - 3 - shape]), phi[state + k]
        for i in range(1, width - 1):
            target[i] = 0.5 * (row[i + 1] - row[i - 1]) * reach_in_time[i]
        target[0] = (row[1] - row[0]) * reach_in_time[0]
        target[width - 1] = (row[width - 1] - row[width - 2]) * reach_in_time[width - 1]
        if k == 1:
            for i in range(width):
                target[i] *= inverse[i]
    odds, members = inputs - evens, scale_in.shape[0]
    half = odd_w[0].shape[1]
    unit = np.float32(1.0)
    for m in range(members):
        x = np.empty((evens + odds, width), np.float32)
        odd = np.empty((odds, width), np.float32)
        for k in range(inputs):
            source, scale = phi[order[k]], 1.0 / scale_in[m, order[k]]
            target = x[k] if k < evens else odd[k - evens]
            for i in range(width):
                target[i] = np.float32(_arsinh(source[i] * scale))
        for layer in range(len(even_w)):
            for k in range(odd.shape[0]):
                for i in range(width):
                    x[x.shape[0] - odd.shape[0] + k, i] = odd[k, i] * odd[k, i]
            both = np.dot(even_w[layer][m], x)
            lifted = np.dot(odd_w[layer][m], odd)
            bias = even_b[layer][m]
            x = np.empty((2 * half, width), np.float32)
            odd = lifted
            for k in range(half):
                for i in range(width):
                    y = both[k, i] + bias[k, 0]
                    x[k, i] = y / sqrt(unit + y * y)
                for i in range(width):
                    y = both[half + k, i] + bias[half + k, 0]
                    odd[k, i] *= unit + y / sqrt(unit + y * y)
        out = np.dot(to_odd[m], odd)
        even_out = np.dot(to_even[m], x[:half])
        for k in range(out.shape[0]):
            row = V[2 * n + 1 if k == 0 else 3 * n + 3]
            for i in range(width):
                y = (out[k, i] + even_out[k, i] + constant[m, k, 0]) / bound
                e = exp2(-2.0 * LOG2E * min(abs(float(y)), 20.0))
                value = (1.0 - e) / (1.0 + e) * bound * scale_out[m, k]
                value = ((value if y > 0.0 else -value) - rest[m, k]) / members
                row[i] += value * (span[i] / reach if k == 0 else 1.0)


@njit(**_COMPILE)
def _transport(V, sizes, scheme, waves, space, K):
    """K = F_{i-1/2} - F_{i+1/2} of the interior cells, from V with ghosts."""
    n, n_h, dims = sizes
    weno, upwind, hll = scheme[0], scheme[1] == 1, scheme[1] == 2
    speeds, right, left, reach, up, down = waves
    V_l, V_r, G_l, G_r, H_l, H_r, p, a, b, rows, jump, wave, span_l, span_r, sharp = space
    n_g, faces = 2 * n + 1, V_l.shape[1]
    _reconstruct(V, weno, sharp, V_l, V_r)
    _span(V_l, sizes, reach, up, down, a, b, span_l)
    _span(V_r, sizes, reach, up, down, a, b, span_r)
    _moments(V_l, sizes, G_l, H_l, p, a, b, rows)
    _moments(V_r, sizes, G_r, H_r, p, a, b, rows)
    for k in range(n_g + n_h):
        low, high = (G_l[k], G_r[k]) if k < n_g else (H_l[k - n_g], H_r[k - n_g])
        for i in range(faces):
            jump[k, i] = high[i] - low[i]
    u, s, blend, fastest, slow, fast = rows[0], rows[1], rows[2], rows[3], rows[6], rows[7]
    for i in range(faces):
        T_l, T_r = exp2(LOG2E * V_l[2, i]), exp2(LOG2E * V_r[2, i])
        own_l, own_r = sqrt(T_l) * span_l[i], sqrt(T_r) * span_r[i]
        fastest[i] = max(abs(V_l[1, i]) + own_l, abs(V_r[1, i]) + own_r)
        slow[i] = min(min(V_l[1, i] - own_l, V_r[1, i] - own_r), 0.0)
        fast[i] = max(max(V_l[1, i] + own_l, V_r[1, i] + own_r), 0.0)
        if n_h > 0:
            T_l = (T_l + (dims - 1) * exp2(LOG2E * V_l[2 * n + 2, i])) / dims
            T_r = (T_r + (dims - 1) * exp2(LOG2E * V_r[2 * n + 2, i])) / dims
        u[i] = 0.5 * (V_l[1, i] + V_r[1, i])
        s[i] = sqrt(0.5 * (T_l + T_r))
        steep = max(abs(V_r[0, i] - V_l[0, i]), abs(V_r[2, i] - V_l[2, i]))
        strength = _smoothstep(max(steep, abs(V_r[1, i] - V_l[1, i]) / s[i]) - 0.5)
        blend[i] = max(_smoothstep((max(span_l[i], span_r[i]) / reach - 1.25) / 0.5), strength)
    if upwind:
        own, ladder, other = wave, rows[4], rows[5]
        own[:] = jump
        for i in range(faces):
            other[i] = -u[i]
        _shift(own, 0, n_g, other)
        _shift(own, n_g, n_g + n_h, other)
        for i in range(faces):
            other[i] = 1.0 / s[i]
        _rescale(own, 0, n_g, other, ladder)
        _rescale_transverse(own, n_g, n_h, other, ladder)
        amplitudes = np.dot(left, own)
        for k in range(n_g + n_h):
            for i in range(faces):
                speed = u[i] + s[i] * speeds[k]
                amplitudes[k, i] *= sqrt(speed * speed + 0.0025 * s[i] * s[i])
        own[:] = np.dot(right, amplitudes)
        _rescale(own, 0, n_g, s, ladder)
        _rescale_transverse(own, n_g, n_h, s, ladder)
        _shift(own, 0, n_g, u)
        _shift(own, n_g, n_g + n_h, u)
    for k in range(n_g + n_h):
        low, high = (G_l[k + 1], G_r[k + 1]) if k < n_g else (H_l[k - n_g + 1], H_r[k - n_g + 1])
        flux = jump[k]
        if upwind:
            for i in range(faces):
                rusanov = fastest[i] * jump[k, i]
                flux[i] = 0.5 * (low[i] + high[i] - wave[k, i] - blend[i] * (rusanov - wave[k, i]))
        elif hll:
            for i in range(faces):
                across = fast[i] * low[i] - slow[i] * high[i] + fast[i] * slow[i] * jump[k, i]
                flux[i] = across / max(fast[i] - slow[i], TINY)
        else:
            for i in range(faces):
                flux[i] = 0.5 * (low[i] + high[i] - fastest[i] * jump[k, i])
        for i in range(faces - 1):
            K[k, i] = flux[i] - flux[i + 1]


@njit(**_COMPILE)
def _rescale_transverse(m, first, count, scale, ladder):
    """Rows of h: degrees 2, 3, ..."""
    if count == 0:
        return
    for i in range(scale.size):
        ladder[i] = scale[i] * scale[i]
    for k in range(first, first + count):
        for i in range(scale.size):
            m[k, i] *= ladder[i]
            ladder[i] *= scale[i]


@njit(**_COMPILE)
def _pad(U, padded, boundary, left, right):
    """U with ghosts."""
    cells = U.shape[1]
    for k in range(U.shape[0]):
        padded[k, GHOST : GHOST + cells] = U[k]
        for g in range(GHOST):
            if boundary == 0:
                padded[k, g], padded[k, GHOST + cells + g] = U[k, (g - GHOST) % cells], U[k, g % cells]
            elif boundary == 1:
                padded[k, g], padded[k, GHOST + cells + g] = U[k, 0], U[k, cells - 1]
            else:
                padded[k, g], padded[k, GHOST + cells + g] = left[k], right[k]


@njit(inline="always")
def _cell(i, cells, boundary):
    """The interior cell that column i of an array with ghosts repeats, of what no boundary fixes."""
    return (i - GHOST) % cells if boundary == 0 else min(max(i - GHOST, 0), cells - 1)


@njit(**_COMPILE)
def _relax(U, tau, knudsen, frequency, sizes, M):
    """U' = U + tau nu (M - U')/eps, in place; M: scratch [2n+1, column]."""
    n, n_h, dims = sizes
    exponent = frequency[1]
    n_g, cells = 2 * n + 1, U.shape[1]
    rho, u, T, weight = M[n_g], M[n_g + 1], M[n_g + 2], M[n_g + 3]
    for i in range(cells):
        rho[i] = U[0, i]
        u[i] = U[1, i] / rho[i]
        energy = U[2, i] + U[n_g, i] if n_h > 0 else U[2, i]
        T[i] = (energy / rho[i] - u[i] * u[i]) / dims
        w = tau / knudsen[i]
        if exponent > -np.inf:
            w *= rho[i] * T[i] ** exponent
        weight[i] = w / (1.0 + w)
        M[0, i] = rho[i]
        M[1, i] = rho[i] * u[i]
    for k in range(1, n_g - 1):
        for i in range(cells):
            M[k + 1, i] = u[i] * M[k, i] + k * T[i] * M[k - 1, i]
    if n_h > 0:
        for i in range(cells):  # the energy is shared by G_2 and H_0: what one gains the other loses
            U[n_g, i] -= weight[i] * (M[2, i] - U[2, i])
        for k in range(1, n_h):
            for i in range(cells):
                U[n_g + k, i] += weight[i] * ((dims - 1) * T[i] * M[k, i] - U[n_g + k, i])
        for i in range(cells):
            U[2, i] += weight[i] * (M[2, i] - U[2, i])
    for k in range(3, n_g):
        for i in range(cells):
            U[k, i] += weight[i] * (M[k, i] - U[k, i])


@njit(**_COMPILE)
def _collide(U, tau, knudsen, sizes, molecules, M):
    """U' = U + tau Q(U')/eps of Maxwell molecules, in place; M: scratch [component + 6, column]."""
    n, n_h, dims = sizes
    _, stress_rate, hermite, monomial, rows, rates, starts, pairs, coefficients = molecules
    n_g, count, cells = 2 * n + 1, U.shape[0], U.shape[1]
    own, rho, u, s, x, ladder, other = M[:count], M[count], M[count + 1], M[count + 2], M[count + 3], M[count + 4], M[count + 5]
    for i in range(cells):
        rho[i] = U[0, i]
        u[i] = U[1, i] / rho[i]
        s[i] = sqrt(((U[2, i] + U[n_g, i]) / rho[i] - u[i] * u[i]) / dims)
        x[i] = tau * rho[i] / knudsen[i]
    for k in range(count):
        for i in range(cells):
            own[k, i] = U[k, i] / rho[i]
    for i in range(cells):
        other[i] = -u[i]
    _shift(own, 0, n_g, other)
    _shift(own, n_g, n_g + n_h, other)
    for i in range(cells):
        other[i] = 1.0 / s[i]
    _rescale(own, 0, n_g, other, ladder)
    _rescale_transverse(own, n_g, n_h, other, ladder)
    w = np.dot(hermite, own)
    change = np.zeros((count, cells))
    for i in range(cells):
        part = stress_rate * x[i]
        half = -0.5 * part / (1.0 + part) * (w[2, i] - w[n_g, i])
        change[2, i], change[n_g, i] = half, -half
        w[2, i] += half
        w[n_g, i] -= half
    right = np.empty((2, cells))
    for d in range(rows.shape[0]):
        first, second = rows[d]
        right[:] = 0.0
        for p in range(starts[d], starts[d + 1]):
            one, two, a, b = w[pairs[p, 0]], w[pairs[p, 1]], coefficients[p, 0], coefficients[p, 1]
            for i in range(cells):
                product = one[i] * two[i]
                right[0, i] += a * product
                right[1, i] += b * product
        a, b, c, e = rates[d, 0, 0], rates[d, 0, 1], rates[d, 1, 0], rates[d, 1, 1]
        if second < 0:
            for i in range(cells):
                value = x[i] * (right[0, i] - a * w[first, i]) / (1.0 + x[i] * a)
                change[first, i] = value
                w[first, i] += value
        else:
            for i in range(cells):
                top = x[i] * (right[0, i] - a * w[first, i] - b * w[second, i])
                low = x[i] * (right[1, i] - c * w[first, i] - e * w[second, i])
                determinant = (1.0 + x[i] * a) * (1.0 + x[i] * e) - x[i] * b * x[i] * c
                change[first, i] = ((1.0 + x[i] * e) * top - x[i] * b * low) / determinant
                change[second, i] = ((1.0 + x[i] * a) * low - x[i] * c * top) / determinant
                w[first, i] += change[first, i]
                w[second, i] += change[second, i]
    own[:] = np.dot(monomial, change)
    _rescale(own, 0, n_g, s, ladder)
    _rescale_transverse(own, n_g, n_h, s, ladder)
    for k in range(count):
        for i in range(cells):
            own[k, i] *= rho[i]
    _shift(own, 0, n_g, u)
    _shift(own, n_g, n_g + n_h, u)
    for k in range(count):
        for i in range(cells):
            U[k, i] += own[k, i]


@njit(**_COMPILE)
def _broken(U, sizes):
    """The first cell without a positive density and temperature, or with a value that is not finite; -1 if there is none."""
    n, n_h, dims = sizes
    for i in range(U.shape[1]):
        rho = U[0, i]
        energy = U[2, i] + U[2 * n + 1, i] if n_h > 0 else U[2, i]
        good = rho > 0.0 and energy * rho > U[1, i] * U[1, i]
        for k in range(U.shape[0]):
            good = good and abs(U[k, i]) < np.inf
        if not good:
            return i
    return -1


@njit(**_COMPILE)
def _evaluate(U, padded, V, tau, dx, knudsen, frequency, boundary, ends, sizes, waves, network, scratch):
    """V of U with ghosts, closed; tau: scratch [column]."""
    n, n_h, dims = sizes
    scale, exponent = frequency
    m, sigma, rows, a, b, span = scratch
    _pad(U, padded, boundary, ends[0], ends[1])
    _variables(padded, sizes, V, m, sigma, rows)
    if network[0]:
        for i in range(V.shape[1]):
            tau[i] = knudsen[_cell(i, U.shape[1], boundary)]
            if exponent > -np.inf:
                rho = padded[0, i]
                energy = padded[2, i] + padded[2 * n + 1, i] if n_h > 0 else padded[2, i]
                u = padded[1, i] / rho
                tau[i] /= scale * rho * ((energy / rho - u * u) / dims) ** exponent
        _span(V, sizes, waves[3], waves[4], waves[5], a, b, span)
        _correct(V, tau, dx, sizes, span, waves[3], network)


@njit(**_COMPILE)
def _run(saved, times, dx, knudsen, frequency, boundary, ends, sizes, scheme, waves, network, molecules):
    """The loop over steps; returns (steps, time, cell): cell is -1, or the one where the solution failed at that time."""
    n, n_h, _ = sizes
    cfl, explicit, implicit = scheme[2], scheme[3], scheme[4]
    reach, up, down = waves[3], waves[4], waves[5]
    components, cells = saved.shape[1], saved.shape[2]
    width, faces, variables = cells + 2 * GHOST, cells + 1, (3 * n + 4 if n_h > 0 else 2 * n + 2)
    stages = explicit.shape[0]
    padded, V, tau = np.empty((components, width)), np.empty((variables, width)), np.empty(width)
    sharp = np.empty(width, np.bool_)
    for i in range(width):
        sharp[i] = knudsen[_cell(i, cells, boundary)] < dx
    a, b, span = np.empty((n + 2, width)), np.empty((n + 2, width)), np.empty(width)
    scratch = (np.empty((2 * n + 1, width)), np.empty((3, 2 * n + 1, width)), np.empty((4, width)), a, b, span)
    space = (
        np.empty((variables, faces)), np.empty((variables, faces)),
        np.empty((2 * n + 2, faces)), np.empty((2 * n + 2, faces)), np.empty((n + 2, faces)), np.empty((n + 2, faces)),
        np.empty((n + 2, n + 1, faces)), np.empty((n + 2, faces)), np.empty((n + 2, faces)), np.empty((8, faces)),
        np.empty((components, faces)), np.empty((components, faces)), np.empty(faces), np.empty(faces), sharp,
    )  # fmt: skip
    M = np.empty((max(2 * n + 5, components + 6), cells))
    K, L = np.empty((stages, components, cells)), np.empty((stages, components, cells))
    U, stage = saved[0].copy(), np.empty((components, cells))
    t, steps, first_dt = 0.0, 0, -1.0
    for row in range(times.size):
        while True:
            _evaluate(U, padded, V, tau, dx, knudsen, frequency, boundary, ends, sizes, waves, network, scratch)
            _span(V, sizes, reach, up, down, a, b, span)
            fastest, where = 0.0, 0
            for i in range(1, width - 1):
                speed = abs(V[1, i]) + exp2(0.5 * LOG2E * V[2, i]) * span[i]
                if network[0]:
                    speed += 2.0 / dx * _diffusivity(V, tau, network, i)
                if not speed <= fastest:
                    fastest, where = speed, i
            longest = min(cfl * dx / fastest, times[-1])
            if first_dt < 0.0:
                first_dt = longest
            if not longest > COLLAPSE * first_dt:
                return steps, t, min(max(where - GHOST, 0), cells - 1)
            count = np.ceil((times[row] - t) / longest)
            dt = (times[row] - t) / count
            for j in range(stages):
                stage[:] = U
                for l in range(j):
                    if explicit[j, l] != 0.0:
                        stage += (explicit[j, l] * dt / dx) * K[l]
                    if implicit[j, l] != 0.0:
                        stage += implicit[j, l] * L[l]
                if implicit[j, j] != 0.0:
                    L[j] = stage
                    if molecules[0]:
                        _collide(stage, implicit[j, j] * dt, knudsen, sizes, molecules, M)
                    else:
                        _relax(stage, implicit[j, j] * dt, knudsen, frequency, sizes, M)
                    L[j] = (stage - L[j]) / implicit[j, j]
                if j < stages - 1:
                    if j > 0:
                        _evaluate(stage, padded, V, tau, dx, knudsen, frequency, boundary, ends, sizes, waves, network, scratch)
                    _transport(V, sizes, scheme, waves, space, K[j])
                    if network[0]:
                        _diffuse(padded, V, tau, network, dx, K[j])
            U[:] = stage
            steps += 1
            cell = _broken(U, sizes)
            if cell >= 0:
                return steps, t + dt, cell
            t = times[row] if count == 1.0 else t + dt
            if count == 1.0:
                break
        saved[row + 1] = U
    return steps, t, -1
