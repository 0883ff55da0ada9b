r"""Steady flow between two walls: Couette, Fourier, Poiseuille and thermal creep flow of BGK, Shakhov and ES-BGK gases.

x runs across the channel, the gas moves along y, u_x = 0. With s = int r nu dx / eps, r nu the model's relaxation rate,

.. math:: v_x \frac{d\phi}{ds} = \mathcal{M}_\phi[w] - \phi + \frac{\epsilon}{r \nu} S_\phi, \qquad
          \phi = \int (1, v_y, v_y^2, v_z^2, v_y |v_\perp|^2)\, f\, dv_\perp ,

w the fields that the target holds. S is the drive along the channel, linear in it: a force a per mass (or the pressure gradient
-rho a), and at constant pressure a temperature gradient k = d ln T/dy:

.. math:: S = a\, v_y M / T_0 - k\, v_y \left(\frac{v^2}{2 T_0} - \frac{D + 2}{2}\right) M .

Between mesh nodes, graded to both walls, the target is a polynomial and phi is exact along every characteristic; the velocities,
graded to v_x = 0 on both sides, let phi jump there. The moments of phi must be those of the target: a system for w at the nodes,
the densities n_w that leave the walls, and a mean density of 1. One step of Newton's method from rest is the solution of the
linearised equations; more steps solve the nonlinear ones.
"""

import time
from dataclasses import dataclass, field

import numpy as np

from knudsen.errors import InputError
from knudsen.kinetic import transverse
from knudsen.kinetic.case import Case
from knudsen.kinetic.characteristics import Mesh, Slab
from knudsen.kinetic.gas import Gas

FIRST_ELEMENT = (1e-3, 1e-2)  # at the walls: at most this share of the channel, and so many mean free paths
GROWTH = 1.5  # of the elements, from the walls to the middle
FASTEST, SLOWEST, SPACING = 9.0, -3.0, 0.1  # of velocities v = exp(y - exp(-y)): largest over sqrt(T), lowest y, spacing of y
COMPLEX_STEP = 1e-30  # derivatives without cancellation: Im f(x + i h)/h
LENGTH_STEP = 1e-6  # relative difference of the optical length
NEWTON_STEPS, ROUND_OFF = 30, 1e-11  # of the equations' residual
MOST_SWEEPS, SWEEPS_ACCURACY = 300_000, 1e-9  # of the plain iteration, estimated from its rate


@dataclass(eq=False)
class ChannelProfile:
    r"""The steady flow at nodes x [N], graded to both walls.

    rho, u_y, T, q (along x), q_y, sigma (xx), sigma_xy, sigma_yy [N]; wall_density: n_w of the two walls. In units of p0, T0 of
    the undisturbed gas, v0 = sqrt(2 T0), H the width (None where nothing drives it):

    shear_stress: -P_xy/(p0 U/v0), U = u_right - u_left; heat_flux: -q/(p0 v0 dT/T0), dT = T_right - T_left;
    flow_rate: G_P or G_T of :math:`\int \rho u_y dx = (H p_0/v_0) (-G_P\, d\ln p/d(y/H) + G_T\, d\ln T/d(y/H))`;
    heat_flow_rate: Q_P or Q_T of
    :math:`\int q_y dx = \tfrac12 H p_0 v_0 (Q_P\, d\ln p/d(y/H) - Q_T\, d\ln T/d(y/H))`; Onsager: Q_P = G_T.

    iterations: transport sweeps, or linear solves; residual of the moment equations; seconds.
    """

    case: Case
    gas: Gas
    x: np.ndarray = field(repr=False)
    rho: np.ndarray = field(repr=False)
    u_y: np.ndarray = field(repr=False)
    T: np.ndarray = field(repr=False)
    q: np.ndarray = field(repr=False)
    q_y: np.ndarray = field(repr=False)
    sigma: np.ndarray = field(repr=False)
    sigma_xy: np.ndarray = field(repr=False)
    sigma_yy: np.ndarray = field(repr=False)
    wall_density: tuple[float, float]
    shear_stress: float | None
    heat_flux: float | None
    flow_rate: float | None
    heat_flow_rate: float | None
    iterations: int
    residual: float
    seconds: float


def solve_channel(case: Case, gas: Gas, *, linear: bool = True, acceleration: bool = True) -> ChannelProfile:
    """The steady state of a case between walls (``cases.couette``, ``fourier``, ``poiseuille``, ``creep``).

    linear: the linearised equations, right for small drives and exactly proportional to them; False: the nonlinear ones, for
    walls that move or differ in temperature (no force along the channel).
    acceleration: solve the moment equations by Newton's method (linear: one solve); False: plain source iteration, a transport
    sweep, its moments, and again, until the fields are right to 1e-9 of the largest (linear equations only).
    Errors: 1e-8 for delta up to 10, 1e-6 at 100 (mesh), 1e-9 for delta down to 0.01 (velocities).
    Raises InputError naming the key of the case or gas that stands against it.
    """
    began = time.perf_counter()
    _check(case, gas, linear, acceleration)
    equations = _Equations(case, gas)
    if linear:
        z = equations.rest
        dz, iterations, residual = (_newton_step if acceleration else _source_iteration)(equations)
        both = equations.fields(z + 1j * COMPLEX_STEP * dz, 1j * COMPLEX_STEP)  # at rest, and its change
        values, density = both.real + _im(both), (z + dz)[equations.walls]
    else:
        z, iterations, residual = _newton(equations)
        values, density = equations.fields(z, 1.0), z[equations.walls]
    x, weights = equations.positions(z)
    named = dict(zip(transverse.FIELDS, values, strict=True)) | {"wall_density": (float(density[0]), float(density[1]))}
    flow = _measures(case, equations, values @ weights)
    how = {"iterations": iterations, "residual": residual, "seconds": time.perf_counter() - began}
    return ChannelProfile(case, gas, x, **named, **flow, **how)


def _measures(case, equations, means):
    """The integral quantities of ``ChannelProfile``, from the means of the fields over x; None where nothing drives them."""
    _, u_y, _, q, q_y, _, sigma_xy, _ = means
    (left, right), T = case.walls, equations.T
    p, v0 = equations.rho * T, np.sqrt(2 * T)
    U, dT = right.velocity - left.velocity, right.temperature - left.temperature
    along = case.length * (case.acceleration / T or case.temperature_gradient)  # -d ln p/d(y/H), or d ln T/d(y/H)
    return {
        "shear_stress": float(-sigma_xy * v0 / (p * U)) if U else None,
        "heat_flux": float(-q * T / (p * v0 * dT)) if dT else None,
        "flow_rate": float(equations.rho * u_y * v0 / (p * along)) if along else None,
        "heat_flow_rate": float(-2 * q_y / (p * v0 * along)) if along else None,
    }


def _check(case, gas, linear, acceleration):
    if gas.is_boltzmann or gas.dims == 1:
        raise InputError(f"gas={gas.name}: channels are solved for relaxation models with D = 2 or 3; give e.g. gas=bgk_3v")
    if all(gas.model.shares(gas.prandtl)):
        raise InputError(f"gas.collision={gas.collision}: channels need a target of closed form; give bgk, shakhov or es_bgk")
    if gas.velocity_bounds is not None:
        raise InputError("gas.velocity_bounds: a channel's velocities reach 9 sqrt(T), graded to zero; leave the key null")
    if case.walls is None:
        raise InputError(f"case={case.name}: has no walls; give couette, fourier, poiseuille or creep")
    if np.ndim(case.knudsen):
        raise InputError("case.knudsen: a steady channel takes one number, not a field")
    if not any(wall.accommodation > 0 for wall in case.walls):
        raise InputError("case.accommodation=0: nothing holds the gas between two specular walls; give a number above 0")
    if not linear and (case.acceleration or case.temperature_gradient):
        raise InputError(f"linear=false: {case.name} is driven along the channel, which is solved linearly; give linear=true")
    if not (linear or acceleration):
        raise InputError("acceleration=false: the plain iteration is of the linearised equations; give linear=true")


class _Equations:
    """F(z; theta) = 0 for z = (w at the nodes, n_w of both walls, multiplier, log S/S0), drives theta times those of the case.

    w [b, N]: the fields that the target is a function of. Conserved moments of phi less those of the target, both by the same
    quadrature, so that nothing is lost between the walls; the other fields less those of phi; what reaches each wall less what
    leaves it; mean density; length H of the channel of optical length S. The multiplier in the mass equations takes up that mass
    is conserved twice, there and at the walls.
    """

    def __init__(self, case, gas):
        self.case, self.gas = case, gas
        self.rho, self.T = float(case.rho.mean()), float(case.T.mean())
        self.carried = list(transverse.carried(gas))
        self.rate = gas.model.rate(gas.prandtl) / case.knudsen  # relaxation rate over nu
        self.length = case.length * self.rate * float(gas.frequency(self.rho, self.T))  # S0
        self._set_velocities()
        first = min(FIRST_ELEMENT[0], FIRST_ELEMENT[1] / self.length)
        self.mesh = Mesh.towards_ends(1.0, first, GROWTH)
        self.weights = self.mesh.weights
        self.slab_at(0.0)
        w = np.zeros((len(self.carried), self.mesh.s.size))
        w[0], w[2] = self.rho, self.T
        self.rest = np.concatenate([w.ravel(), [self.rho, self.rho, 0.0, 0.0]])
        self.walls = slice(w.size, w.size + 2)

    def _set_velocities(self):
        case, points = self.case, self.gas.velocity_points
        moving = (case.walls[1].velocity - case.walls[0].velocity) ** 2 / (4 * self.gas.dims)
        scale = np.sqrt(max(wall.temperature for wall in case.walls) + moving)
        top = np.log(FASTEST) + 1 / FASTEST
        y = np.linspace(SLOWEST, top, points // 2 if points else 1 + round((top - SLOWEST) / SPACING))
        self.speed = scale * np.exp(y - np.exp(-y))
        weight = (y[1] - y[0]) * (1 + np.exp(-y)) * self.speed
        self.v, self.flux = np.stack([self.speed, -self.speed]), self.speed * weight
        arriving = np.zeros((2, transverse.MOMENTS, 2, self.speed.size))  # what reaches the left wall, the right wall
        arriving[0, 0, 1] = arriving[1, 0, 0] = self.flux
        self.rows = np.concatenate([transverse.rows(self.v, weight), arriving])

    def slab_at(self, stretch):
        """Transport over the optical length S0 e^stretch, in units of it."""
        reflected = [1 - wall.accommodation for wall in self.case.walls]
        self.slab, self.stretch = Slab(self.mesh, self.speed / (self.length * np.exp(stretch)), reflected), stretch

    def split(self, z):
        """w [b, N]; n_w of the walls; multiplier; log S/S0."""
        return z[:-4].reshape(len(self.carried), -1), z[-4:-2], z[-2], z[-1]

    def target(self, w):
        return transverse.target(self.gas, w, self.v[..., None])

    def source(self):
        """eps S/(r nu) [5, 2, K, 1], per unit theta."""
        a, k, T, D = self.case.acceleration, self.case.temperature_gradient, self.T, self.gas.dims
        v = self.v[..., None]
        M = transverse.maxwellian(self.rho, 0.0, T, v, D)[0]
        X, S = v**2 / T, np.zeros((transverse.MOMENTS, *v.shape))
        S[1] = (a - 0.5 * k * T * (X - 1)) * M
        S[4] = (a * (D + 1) - 0.5 * k * T * (D + 1) * (X + 1)) * T * M
        return S / (self.rate * self.gas.frequency(self.rho, self.T))

    def wall_maxwellians(self, theta):
        """phi [5, K] of what each wall emits, for unit density."""
        T, D = self.T, self.gas.dims
        return [
            transverse.maxwellian(1.0, theta * wall.velocity, T + theta * (wall.temperature - T), v[:, None], D)[..., 0]
            for wall, v in zip(self.case.walls, self.v, strict=True)
        ]

    def emission(self, density, theta):
        M = self.wall_maxwellians(theta)
        return np.stack([wall.accommodation * n * m for wall, n, m in zip(self.case.walls, density, M, strict=True)], axis=1)

    def moments(self, phi):
        """Raw moments [.., N] of phi [5, 2, K, N]: those of ``transverse.rows``, and what reaches each wall."""
        return np.tensordot(self.rows, phi, 3)

    def distribution(self, z, theta=0.0):
        """phi and the target [5, 2, K, N]."""
        w, density, _, stretch = self.split(z)
        if stretch.real != self.stretch:
            self.slab_at(stretch.real)
        to = self.target(w)
        return self.slab(to + theta * self.source(), self.emission(density, theta)), to

    def fields(self, z, theta=0.0):
        """All fields [8, N] of phi."""
        return transverse.fields(self.moments(self.distribution(z, theta)[0])[: transverse.RAW], self.gas.dims)

    def residual(self, z, theta=0.0):
        w, density, multiplier, stretch = self.split(z)
        phi, to = self.distribution(z, theta)
        raw, F = self.moments(phi), np.empty_like(w)
        F[:3] = raw[:3] - np.tensordot(self.rows[:3], to, 3)
        F[0] += multiplier
        F[3:] = transverse.fields(raw[: transverse.RAW], self.gas.dims)[self.carried[3:]] - w[3:]
        emitted = [n * (self.flux * m[0]).sum() for n, m in zip(density, self.wall_maxwellians(theta), strict=True)]
        mass, length = self.local(w) @ self.weights
        return np.concatenate([F.ravel(), raw[[-2, -1], [0, -1]] - emitted, [mass, stretch + np.log(length)]])

    def local(self, w):
        """[2, N]: integrands over s of the mean density and of the length H, in units of S0/S."""
        ratio = self.gas.frequency(self.rho, self.T) / self.gas.frequency(w[0], w[2])
        return np.stack([(w[0] - self.rho) * ratio, ratio])

    def jacobian(self, z, theta=0.0):
        """dF/dz; the column of log S is left zero."""
        w, density, _, _ = self.split(z)
        b, N = w.shape
        raw = self.moments(self.distribution(z, theta)[0])
        change = np.stack(list(_derivatives(self.target, w)), axis=1)  # of the target [5, b, 2, K, N]
        by_raw = np.stack(list(_derivatives(lambda r: transverse.fields(r, self.gas.dims), raw[: transverse.RAW])), axis=1)
        used = [*range(3), *(r for r in range(3, transverse.RAW) if by_raw[self.carried[3:], r].any())]
        response = self.slab.jacobian(self.rows[[*used, -2, -1]], change)  # [N, used, b, N]
        emitted = np.stack([self.moments(self.slab.emit(self.emission(n, theta))) for n in np.eye(2)], axis=-1)  # [a, N, 2]
        J = np.zeros((z.size, z.size))
        by_w, by_n = J[: w.size, : w.size].reshape(b, N, b, N), J[: w.size, self.walls].reshape(b, N, 2)
        by_w[:3] = response[:, :3].transpose(1, 0, 2, 3)
        by_n[:3] = emitted[:3]
        at = np.arange(N)
        by_w[:3, at, :, at] -= np.moveaxis(np.tensordot(self.rows[:3], change, ([1, 2, 3], [0, 2, 3])), -1, 0)
        for a, name in enumerate(self.carried[3:], start=3):
            by_w[a] = np.einsum("rn,nrbj->nbj", by_raw[name][used], response[:, :-2])
            by_n[a] = np.einsum("rn,rnw->nw", by_raw[name][used], emitted[used])
            by_w[a, at, a, at] -= 1.0
        J[:N, -2] = 1.0
        for i, (row, node, M) in enumerate(zip((-4, -3), (0, -1), self.wall_maxwellians(theta), strict=True)):
            J[row, : w.size] = response[node, i - 2].ravel()
            J[row, self.walls] = emitted[i - 2, node]
            J[row, row] -= (self.flux * M[0]).sum()
        local, length = np.stack(list(_derivatives(self.local, w)), axis=1) * self.weights, self.local(w)[1] @ self.weights
        J[-2, : w.size], J[-1, : w.size], J[-1, -1] = local[0].ravel(), local[1].ravel() / length, 1.0
        return J

    def positions(self, z):
        """x of the nodes, and the weights of means over x."""
        lengths = self.local(self.split(z)[0])[1]
        x, total = self.mesh.antiderivative(lengths), lengths @ self.weights
        return self.case.bounds[0] + self.case.length * (x - x[0]) / total, lengths * self.weights / total


def _newton_step(equations):
    """The solution of the linearised equations: change of z, number of solves, residual over the largest drive."""
    z = equations.rest
    drive = _im(equations.residual(z.astype(complex), 1j * COMPLEX_STEP))
    dz = np.linalg.solve(equations.jacobian(z), -drive)
    left = _im(equations.residual(z + 1j * COMPLEX_STEP * dz, 1j * COMPLEX_STEP))
    return dz, 1, float(np.abs(left).max() / np.abs(drive).max())


def _newton(equations):
    """Newton's method for the nonlinear equations: z, number of steps, residual."""
    z = equations.rest
    F = equations.residual(z, 1.0)
    for step in range(1, NEWTON_STEPS + 1):
        J = equations.jacobian(z, 1.0)
        longer = z.copy()
        longer[-1] += LENGTH_STEP
        J[:-1, -1] = ((equations.residual(longer, 1.0) - F) / LENGTH_STEP)[:-1]
        dz = np.linalg.solve(J, -F)
        positive = [equations.split(a)[0][[0, 2]] for a in (z, dz)]
        z = z + dz * min(1.0, 0.7 / max(0.7, (-positive[1] / positive[0]).max()))
        F = equations.residual(z, 1.0)
        if np.abs(F).max() < ROUND_OFF:
            return z, step, float(np.abs(F).max())
    raise RuntimeError(f"{equations.case.name}: Newton's method did not converge, residual {np.abs(F).max():.1e}")


def _source_iteration(equations):
    """Plain iteration of the linearised equations: transport with the target of the last fields, new moments, and again.

    Stops when the error, the last change times r/(1 - r) for a rate of convergence r, is below ``SWEEPS_ACCURACY``.
    """
    rest, theta = equations.split(equations.rest)[0], 1j * COMPLEX_STEP
    source, driven = equations.source(), _im(equations.emission((equations.rho, equations.rho), theta))
    moved = [f for f in range(transverse.MOMENTS) if source[f].any() or driven[f].any()]  # flow and heating are independent
    source, driven, rows = source[moved], driven[moved], equations.rows[:, moved]
    change = np.stack([c[moved, ..., 0] for c in _derivatives(equations.target, rest[:, :1])])  # of the target [b, f, 2, K]
    raw = equations.moments(equations.target(rest[:, :1]))[: transverse.RAW]
    by_raw = np.stack([c[..., 0] for c in _derivatives(lambda r: transverse.fields(r, equations.gas.dims), raw)], axis=1)
    conserved = np.tensordot(rows[:3], change, ([1, 2, 3], [1, 2, 3]))  # of the target, by its fields [3, b]
    unit = [equations.emission(one, 0.0)[moved] for one in np.eye(2)]
    full = np.array([(equations.flux * m[0]).sum() for m in equations.wall_maxwellians(0.0)])
    hotter = equations.rho * np.array([(equations.flux * _im(m[0])).sum() for m in equations.wall_maxwellians(theta)])
    w, n, last = np.zeros_like(rest), np.zeros(2), 0.0
    for sweep in range(1, MOST_SWEEPS + 1):
        to = np.tensordot(change, w, (0, 0)) + source
        raw = np.tensordot(rows, equations.slab(to, driven + n[0] * unit[0] + n[1] * unit[1]), 3)
        new = np.empty_like(w)
        new[:3] = w[:3] + by_raw[:3, :3] @ (raw[:3] - conserved @ w)
        new[3:] = by_raw[equations.carried[3:]] @ raw[: transverse.RAW]
        new[0] -= new[0] @ equations.weights
        n = (raw[[-2, -1], [0, -1]] - hotter) / full
        size, step = np.abs(new).max(), np.abs(new - w).max()
        w, last, rate = new, step, step / last if last else 1.0
        if rate < 1 and step * rate <= (1 - rate) * SWEEPS_ACCURACY * size:
            return np.concatenate([w.ravel(), n, [0.0, 0.0]]), sweep, float(step / size)
    delta = equations.length / np.sqrt(2)
    raise InputError(f"case.delta={delta:g}: {MOST_SWEEPS} plain sweeps are not enough; give acceleration=true")


def _im(value):
    """The derivative by a complex step."""
    return value.imag / COMPLEX_STEP


def _derivatives(function, w):
    """d function/d w_b for every b, each of the function's shape [..., N]: node by node, by complex steps."""
    for b in range(len(w)):
        step = w.astype(complex)
        step[b] += 1j * COMPLEX_STEP
        yield _im(function(step))
