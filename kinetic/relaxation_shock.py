r"""The steady normal shock of a relaxation model (BGK, Shakhov, ES-BGK), solved for directly.

With s = int r nu dx, r nu the model's relaxation rate, every viscosity law has one equation (an identity),

.. math:: v\,\frac{dg}{ds} = \mathcal{M}_g - g, \qquad v\,\frac{dh}{ds} = \mathcal{M}_h - h ,

so one solve in s and dx = ds/(r nu) give them all. The fields w = (rho, u, T) at the nodes determine the target
:math:`\mathcal{M}`, because in a steady shock the fluxes P of momentum and F of energy are constants,

.. math:: \sigma = P - \rho u^2 - \rho T, \qquad q = F - u\left(\tfrac12 \rho u^2 + \tfrac{D + 2}{2} \rho T + \sigma\right).

Along each velocity g follows with exact exponential factors (the target is a polynomial in every element); its conserved moments
must be the target's. These 3N equations are solved by Newton's method with their full Jacobian, bordered by the condition that
the density is half-way at s = 0 and by the shift that it removes. Elements are refined until the profile no longer changes.
"""

import time
from dataclasses import replace

import numpy as np
from scipy.interpolate import CubicSpline

from knudsen.errors import InputError
from knudsen.kinetic.characteristics import Mesh, Sweep
from knudsen.kinetic.gas import Gas
from knudsen.kinetic.grid import VelocityGrid, velocity_grid
from knudsen.kinetic.moments import macroscopic, maxwellian_moments, rankine_hugoniot
from knudsen.kinetic.shock_profile import ShockProfile, peak

FIRST_ELEMENTS, GROWTH, MOST_ELEMENTS = 20, 1.4, 120
NEWTON_STEPS = 40
ROUND_OFF = 1e-10  # of the moment equations, where Newton's method stops
RESOLVED = 1e-7  # quadrature error of the end states' energy that the velocities may leave
STEP = 1e-6  # relative, of the central differences that differentiate the target
TAIL = 1e-6  # deviation of the end nodes from the states outside at which the domain is wide enough


def solve_relaxation_shock(gas: Gas, mach: float, *, tolerance: float, order: int) -> ShockProfile:
    """The steady shock, refined until density and temperature, normalised to 0..1, change by less than ``tolerance``.

    order: highest raw moment kept. Raises InputError naming ``gas.velocity_points`` where those given do not resolve the end
    states.
    """
    began = time.perf_counter()
    before, behind = rankine_hugoniot(mach, gas)
    grid = _velocities(gas, before, behind)
    thickness = 4.0 + 3.0 / (mach - 1.0) + 1.5 * mach  # a first guess, replaced by the measured one
    reach, elements, iterations = 12.0, FIRST_ELEMENTS, 0
    profile, last = _mott_smith(before, behind, gas, thickness), None
    while True:
        mesh = Mesh.towards_middle(thickness, reach * thickness, elements)
        equations = _Equations(mesh, grid, gas, before, behind)
        w, taken, residual = _newton(equations, profile(mesh.s))
        iterations += taken
        ends = max(abs(w[0] / np.array(before) - 1).max(), abs(w[-1] / np.array(behind) - 1).max())
        measured = (behind[0] - before[0]) / np.abs(mesh.derivative(w[:, 0])).max()
        change = np.inf if last is None else _change(last, mesh.s, w, before, behind)
        profile = last = _interpolant(mesh.s, w)
        settled = ends < TAIL and abs(measured / thickness - 1) < 0.2
        if settled and change < tolerance:
            break
        if ends > TAIL:
            reach *= 1.5
        if settled:
            elements = int(GROWTH * elements)
        else:
            thickness = measured
        if elements > MOST_ELEMENTS or iterations > 10 * NEWTON_STEPS:
            raise RuntimeError(f"mach={mach}: the shock profile did not converge (change {change:.1e}, ends {ends:.1e})")
    how = {"iterations": iterations, "residual": residual, "change": change, "elements": mesh.width.size}
    return _profile(gas, mach, mesh, w, grid, equations, order, seconds=time.perf_counter() - began, **how)


def _velocities(gas, before, behind):
    """The velocity grid of the two end states, none of its nodes at zero (where the characteristics stand still)."""
    (_, u1, T1), (_, u2, T2) = before, behind
    grid = velocity_grid(gas, [u1, u2], [T1, T2])
    if gas.velocity_points is None:  # g is not analytic at v = 0: half the spacing that Maxwellians need
        grid = velocity_grid(replace(gas, velocity_points=2 * grid.points), [u1, u2], [T1, T2])
    if np.abs(grid.v).min() < 0.1 * grid.dv:
        grid = VelocityGrid(grid.v + 0.25 * grid.dv, grid.dv)
    for rho, u, T in (before, behind):
        energy = (grid.v**2 * rho / np.sqrt(2 * np.pi * T) * np.exp(-((grid.v - u) ** 2) / (2 * T))).sum() * grid.dv
        if abs(energy / (rho * (u**2 + T)) - 1) > RESOLVED:
            low, high = grid.bounds
            given = f"{grid.points} velocities in {low:.3g}..{high:.3g} do not resolve the shock's end states"
            raise InputError(
                f"gas.velocity_points, gas.velocity_bounds: {given}; give more, or null to choose them from the case"
            )
    return grid


class _Equations:
    """The moment equations F(w) = int (1, v, v^2 + v_perp^2) (g[w] - target[w]) = 0 at the nodes, w [N, 3] = (rho, u, T)."""

    def __init__(self, mesh, grid, gas, before, behind):
        self.mesh, self.grid, self.gas, self.ends = mesh, grid, gas, np.array([before, behind])
        self.sweep = Sweep(mesh, grid.v)
        self.rows = np.stack([np.ones_like(grid.v), grid.v, grid.v**2]) * grid.dv
        self.middle = 0.5 * (before[0] + behind[0])
        rho, u, T = before
        self.momentum_flux = rho * u**2 + rho * T
        self.energy_flux = u * (0.5 * rho * u**2 + 0.5 * (gas.dims + 2) * rho * T)

    def distribution(self, w):
        """g and h (None for D = 1) [N, K]."""
        g_in, h_in = self.target(self.ends)
        g_to, h_to = self.target(w)
        return self.sweep(g_to, *g_in), (self.sweep(h_to, *h_in) if self.gas.has_h else None)

    def residual(self, w):
        g, h = self.distribution(w)
        moments = g @ self.rows.T
        if h is not None:
            moments[:, 2] += h @ self.rows[0]
        return moments - self.conserved(w)

    def jacobian(self, w):
        """dF/dw [3N, 3N]."""
        by_field = [self._target_change(w, b) for b in range(3)]
        J = self.sweep.jacobian(self.rows, np.stack([dg for dg, _ in by_field], axis=1))
        if self.gas.has_h:
            J[:, 2:] += self.sweep.jacobian(self.rows[:1], np.stack([dh for _, dh in by_field], axis=1))
        i, (rho, u, T) = np.arange(len(w)), w.T
        D = self.gas.dims
        zero = 0 * rho
        J[i, :, i] -= np.moveaxis(np.array([[1 + zero, zero, zero], [u, rho, zero], [u**2 + D * T, 2 * rho * u, D * rho]]), 2, 0)
        return J.reshape(3 * len(w), 3 * len(w))

    def target(self, w):
        """The pair (g, h) that f relaxes to [N, K]; h is None for D = 1."""
        rho, u, T = w.T
        D = self.gas.dims
        sigma = self.momentum_flux - rho * u**2 - rho * T
        q = self.energy_flux - u * (0.5 * rho * u**2 + 0.5 * (D + 2) * rho * T + sigma)
        return self.gas.model.target(rho, u, T, sigma, q, self.grid.v, D, self.gas.prandtl)

    def _target_change(self, w, b):
        """d target / d w_b, by central differences."""
        step = np.zeros_like(w)
        step[:, b] = STEP * w[:, b]
        pairs = zip(self.target(w + step), self.target(w - step), strict=True)
        return [None if up is None else (up - down) / (2 * step[:, b, None]) for up, down in pairs]

    def conserved(self, w):
        rho, u, T = w.T
        return np.stack([rho, rho * u, rho * (u**2 + self.gas.dims * T)], axis=1)


def _newton(equations, w):
    """Newton's method for F(w) + shift dU/ds = 0 and rho(0) half-way; returns (w, steps, largest residual, relative).

    The unknown shift takes the place of the translation that the second condition fixes; it vanishes with the domain's
    truncation error.
    """
    mesh, n = equations.mesh, w.size
    scale = np.abs(equations.conserved(equations.ends)).max(axis=0)
    middle = 3 * mesh.centre
    shift, F = 0.0, equations.residual(w)
    for step in range(1, NEWTON_STEPS + 1):
        direction = mesh.derivative(equations.conserved(w))
        A = np.zeros((n + 1, n + 1))
        A[:n, :n], A[:n, n], A[n, middle] = equations.jacobian(w), direction.ravel(), 1.0
        right = np.append((F + shift * direction).ravel(), w.ravel()[middle] - equations.middle)
        update = np.linalg.solve(A, -right)
        dw, d_shift = update[:n].reshape(w.shape), update[n]
        # density and temperature stay positive, and the residual must not grow much
        shrink = -dw[:, [0, 2]] / w[:, [0, 2]]
        length = min(1.0, 0.7 / max(shrink.max(), 0.7))
        error = np.abs((F + shift * direction) / scale).max()
        while True:
            new, new_shift = w + length * dw, shift + length * d_shift
            F_new = equations.residual(new)
            new_error = np.abs((F_new + new_shift * direction) / scale).max()
            if new_error < 1.5 * error or length < 0.05:
                break
            length *= 0.5
        w, shift, F = new, new_shift, F_new
        if (length == 1.0 and np.abs(dw).max() < ROUND_OFF * scale.max()) or new_error < ROUND_OFF:
            return w, step, float(np.abs(F / scale).max())
    raise RuntimeError(f"Newton's method did not converge: residual {new_error:.1e} after {NEWTON_STEPS} steps")


def _mott_smith(before, behind, gas, thickness):
    """First guess: the mixture of the two end states (H. M. Mott-Smith, Phys. Rev. 82, 885 (1951)), a function of s."""

    def fields(s):
        weight = 0.5 * (1 + np.tanh(2 * s / thickness))
        G, H = zip(*(maxwellian_moments(*state, gas, 3) for state in (before, behind)), strict=True)
        mixed = np.multiply.outer(G[0], 1 - weight) + np.multiply.outer(G[1], weight)
        mixed_h = None if H[0] is None else np.multiply.outer(H[0], 1 - weight) + np.multiply.outer(H[1], weight)
        return np.stack(macroscopic(mixed, mixed_h, gas)[:3], axis=1)

    return fields


def _interpolant(s, w):
    """The fields between the nodes, constant beyond them."""
    spline = CubicSpline(s, w)
    return lambda t: spline(np.clip(t, s[0], s[-1]))


def _change(last, s, w, before, behind):
    """Largest change of the normalised density and temperature."""
    jump = np.abs(np.array(behind) - np.array(before))
    return float((np.abs(w - last(s)) / jump)[:, [0, 2]].max())


def _profile(gas, mach, mesh, w, grid, equations, order, **how):
    rho, _, T = w.T
    nu = gas.model.rate(gas.prandtl) * gas.frequency(rho, T)
    x = mesh.antiderivative(1 / nu)
    g, h = equations.distribution(w)
    powers = grid.v ** np.arange(order + 1)[:, None] * grid.dv
    mean_free_path = 16 / 5 / np.sqrt(2 * np.pi)
    slope = nu * mesh.derivative(rho)
    G, H = powers @ g.T, (None if h is None else powers @ h.T)
    Txx = (G[2] - G[1] ** 2 / G[0]) / G[0]
    T1, T2 = equations.ends[:, 2]
    return ShockProfile(
        mach,
        gas,
        x,
        G,
        H,
        mean_free_path,
        mean_free_path * peak(x, slope) / (w[-1, 0] - w[0, 0]),
        peak(x, Txx) / T2,
        (peak(x, T) - T1) / (T2 - T1),
        -float(CubicSpline(x, T).solve(0.5 * (T1 + T2), extrapolate=False)[0]) / mean_free_path,
        grid=grid,
        **how,
    )
