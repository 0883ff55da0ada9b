r"""The steady normal shock of the Boltzmann equation, v_x df/dx = Q(f), solved for directly.

With s = int beta dx, beta = r nu(rho, T) a multiple of the stress rate nu along the profile, the equation is

.. math:: v_x \frac{df}{ds} + f = f + \frac{Q(f)}{\beta} .

The left side is solved exactly along characteristics (:mod:`kinetic.characteristics`). Iterating on it alone damps what varies
fast along x or relaxes fast, and leaves what is slow: density, velocity, temperature, and the translation. A relaxation model
with the right rates of stress and heat flux corrects these. Its target, an explicit function of the fields w = (rho, u, T),

.. math:: \mathcal{M}[w] = M \left[1 + \left(1 - \tfrac1r\right) \frac{\sigma}{2 p T} \left(c_x^2 - \frac{c_\perp^2}{D - 1}\right)
          + \left(1 - \tfrac{Pr}{r}\right) \frac{q\, c_x}{(D + 2) p T} \left(\frac{c^2}{T} - (D + 2)\right)\right],

has sigma and q from the constant fluxes of momentum and energy, as in :mod:`knudsen.kinetic.relaxation_shock`. The iteration

.. math:: v_x \frac{df'}{ds} + f' = f + \frac{Q(f)}{\beta} + \mathcal{M}[w'] - \mathcal{M}[w]

asks that w' be the fields of f': Newton's method with one factorised Jacobian of the reduced pair, bordered by the condition that
the density is half-way at s = 0. What is left (moments beyond q, whose rates differ from beta) Anderson mixing takes. At
convergence f' = f, and nothing of the model remains. r = 2 keeps the factor 1 - rate/beta of the fastest collisions of hard
spheres (three times nu) within -1/2.

Source: sweeps with a macroscopic correction: W. Su, L. Zhu, P. Wang, Y. Zhang, L. Wu, J. Comput. Phys. 407, 109245 (2020),
doi:10.1016/j.jcp.2020.109245; mixing: H. F. Walker, P. Ni, SIAM J. Numer. Anal. 49, 1715 (2011), doi:10.1137/10078356X.
"""

import time

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.linalg import lu_factor, lu_solve

from knudsen.errors import InputError
from knudsen.kinetic.characteristics import DEGREE, Mesh, Sweep
from knudsen.kinetic.full_velocity import BinaryCollisions, FullGrid
from knudsen.kinetic.gas import Gas
from knudsen.kinetic.grid import VelocityGrid
from knudsen.kinetic.moments import rankine_hugoniot
from knudsen.kinetic.relaxation_shock import solve_relaxation_shock
from knudsen.kinetic.shock_profile import ShockProfile, peak

RATE = 2.0  # r
TAIL, SPACING = 5.5, 0.75  # of the velocities, in thermal speeds of the hot and of the cold state: thickness to 1e-4
TOLERANCE = 1e-4  # the smallest change of the normalised density and temperature that is asked for
HIGHEST_MACH = 6.0  # the hot gas then needs 55 velocities per coordinate
FIRST_ELEMENTS, GROWTH, MOST_ELEMENTS = 14, 1.4, 60
ITERATIONS = 60
RESOLVED = 1e-3  # quadrature error of the end states' energy that the velocities may leave
DEPTH = 5  # of the mixing
SONINE = {(3, 0.5): 1.016034}  # viscosity over its first approximation, (D, omega); Maxwell molecules: 1, others: within 2 %


def solve_boltzmann_shock(gas: Gas, mach: float, *, tolerance: float = TOLERANCE, order: int = 10) -> ShockProfile:
    """The steady shock of a Boltzmann gas, refined in x until density and temperature, normalised, change by < ``tolerance``.

    x is in units of eps sqrt(T1) for the molecules of ``gas`` (:class:`kinetic.collisions.Boltzmann`); the mean free path holds
    their exact viscosity. Velocities: ``TAIL`` and ``SPACING``, or what the gas says (along x; the others are as wide).
    tolerance: values below 1e-4 are taken as 1e-4. Raises InputError naming ``mach`` (above 1, at most 6), or
    ``gas.velocity_points`` where those given do not resolve the end states.
    """
    began = time.perf_counter()
    ends = np.array(rankine_hugoniot(mach, gas))
    if mach > HIGHEST_MACH:
        raise InputError(f"mach={mach!r}: shocks of a Boltzmann gas are solved for Mach numbers up to {HIGHEST_MACH:g}")
    tolerance = max(tolerance, TOLERANCE)
    grid = velocities(gas, ends)
    fields, thickness, reach = _relaxation_shock(gas, mach)
    elements, iterations, change = FIRST_ELEMENTS, 0, np.inf
    problem = _Problem(gas, grid, Mesh.towards_middle(thickness, reach, elements), ends)
    f, w, taken, residual = _iterate(problem, problem.stream(problem.target(fields(problem.mesh.s))), tolerance / 10)
    iterations += taken
    while change > tolerance:
        elements = int(GROWTH * elements)
        if elements > MOST_ELEMENTS:
            raise RuntimeError(f"mach={mach}: the shock profile did not converge (change {change:.1e})")
        coarse, coarse_w = problem.mesh, w
        problem = _Problem(gas, grid, Mesh.towards_middle(thickness, reach, elements), ends)
        f, w, taken, residual = _iterate(problem, _refined(coarse, f, problem.mesh), tolerance / 10)
        iterations += taken
        change = _change(_refined(coarse, coarse_w, problem.mesh), w, ends)
    how = {"iterations": iterations, "residual": residual, "change": change, "elements": problem.mesh.width.size}
    return _profile(gas, mach, problem, f, w, order, seconds=time.perf_counter() - began, **how)


def velocities(gas: Gas, ends) -> FullGrid:
    """The grid of the two end states (rho, u, T) [2, 3]: half-integer multiples of the spacing, no node at v_x = 0."""
    (u1, T1), (u2, T2) = ends[:, 1:]
    low = min(u1 - TAIL * np.sqrt(T1), u2 - TAIL * np.sqrt(T2))
    high = max(u1 + TAIL * np.sqrt(T1), u2 + TAIL * np.sqrt(T2))
    if gas.velocity_bounds is not None:
        low, high = gas.velocity_bounds
    dv = SPACING * np.sqrt(T1) if gas.velocity_points is None else (high - low) / gas.velocity_points
    along = VelocityGrid((np.arange(np.floor(low / dv), np.ceil(high / dv)) + 0.5) * dv, dv)
    for rho, u, T in ends:
        energy = (along.v**2 * rho / np.sqrt(2 * np.pi * T) * np.exp(-((along.v - u) ** 2) / (2 * T))).sum() * dv
        if abs(energy / (rho * (u**2 + T)) - 1) > RESOLVED:
            given = f"{along.points} velocities in {low:.3g}..{high:.3g} do not resolve the shock's end states"
            raise InputError(f"gas.velocity_points, gas.velocity_bounds: {given}; give more, or null to choose them")
    half = (along.points + 1) // 2
    return FullGrid(along, VelocityGrid((np.arange(-half, half) + 0.5) * dv, dv), gas.dims)


def _relaxation_shock(gas, mach):
    """Where to start: Shakhov's shock of the same viscosity. Its fields (rho, u, T) of s, thickness, half-width of the domain."""
    shakhov = Gas("shakhov", gas.dims, omega=gas.omega, collision="shakhov", prandtl=gas.prandtl)
    shock = solve_relaxation_shock(shakhov, mach, tolerance=1e-3, order=3)
    spline = CubicSpline(shock.x, RATE * shakhov.frequency(shock.rho, shock.T)).antiderivative()
    s = spline(shock.x) - spline(0.0)
    w = CubicSpline(s, np.stack([shock.rho, shock.u, shock.T], axis=1))
    thickness = (shock.rho[-1] - shock.rho[0]) / np.abs(w(s, 1)[:, 0]).max()
    return lambda t: w(np.clip(t, s[0], s[-1])), thickness, float(np.abs(s).max())


class _Problem:
    """One mesh: the sweeps of f and of the reduced pair, the model's target, the collision integral. Fields w are [N, 3]."""

    def __init__(self, gas, grid, mesh, ends):
        self.gas, self.grid, self.mesh, self.ends = gas, grid, mesh, ends
        self.collide = BinaryCollisions(gas, grid)
        self.sweep = Sweep(mesh, grid.v)
        self.weights = np.ascontiguousarray(np.moveaxis(self.sweep.weights, 3, 1))  # [E, K, m, j]
        self.rows = np.stack([np.ones_like(grid.v), grid.v, grid.v**2]) * grid.along.dv
        self.inflow = grid.maxwellian(*ends.T)
        rho, u, T = ends[0]
        self.momentum_flux = rho * u**2 + rho * T
        self.energy_flux = u * (0.5 * rho * u**2 + 0.5 * (gas.dims + 2) * rho * T)

    def fields(self, f):
        return np.stack(self.grid.fields(f), axis=1)

    def stream(self, source):
        """f [N, P] of v_x df/ds + f = source, the end states entering."""
        f, p, ahead = np.empty((len(source), self.grid.points, source.shape[1] // self.grid.points)), DEGREE, self.sweep.right
        source, (left, right) = source.reshape(f.shape), self.inflow.reshape(2, *f.shape[1:])
        back, elements = ~ahead, self.mesh.width.size
        f[0, ahead], f[-1, back] = left[ahead], right[back]
        for e in range(elements):
            n = self.mesh.nodes(e)
            new = self.weights[e, ahead] @ source[n, ahead].swapaxes(0, 1)  # [K, m, J^(D-1)]
            f[n, ahead] = new.swapaxes(0, 1) + self.sweep.decay[e][:, ahead, None] * f[e * p, ahead]
        for e in reversed(range(elements)):
            n = self.mesh.nodes(e)
            new = self.weights[e, back] @ source[n, back][::-1].swapaxes(0, 1)
            f[n, back] = (new.swapaxes(0, 1) + self.sweep.decay[e][:, back, None] * f[(e + 1) * p, back])[::-1]
        return f.reshape(len(f), -1)

    def target(self, w):
        """The model's target on the full grid [N, P]."""
        a, b = self._coefficients(w)
        T = w[:, 2:]
        c, square = self.grid.speeds - w[:, 1:2], np.tile(self.grid.transverse_square, self.grid.points)
        stress = c**2 - square / (self.gas.dims - 1)
        return self.grid.maxwellian(*w.T) * (1 + a * stress + b * c * ((c**2 + square) / T - (self.gas.dims + 2)))

    def pair(self, w):
        """The target's reduced pair (g, h) [2, N, K]."""
        a, b = self._coefficients(w)
        (rho, u, T), D = (x[:, None] for x in w.T), self.gas.dims
        c = self.grid.v - u
        M = rho / np.sqrt(2 * np.pi * T) * np.exp(-(c**2) / (2 * T))
        g = M * (1 + a * (c**2 - T) + b * c * (c**2 / T - 3))
        h = (D - 1) * T * M * (1 + a * (c**2 - (D + 1) / (D - 1) * T) + b * c * (c**2 / T - 1))
        return np.stack([g, h])

    def _coefficients(self, w):
        """Of the stress and of the heat flux in the target, [N, 1] each."""
        (rho, u, T), D = (x[:, None] for x in w.T), self.gas.dims
        sigma = self.momentum_flux - rho * u**2 - rho * T
        q = self.energy_flux - u * (0.5 * rho * u**2 + 0.5 * (D + 2) * rho * T + sigma)
        return (1 - 1 / RATE) * sigma / (2 * rho * T**2), (1 - self.gas.prandtl / RATE) * q / ((D + 2) * rho * T**2)

    def conserved(self, w):
        rho, u, T = w.T
        return np.stack([rho, rho * u, rho * (u**2 + self.gas.dims * T)], axis=1)

    def moments(self, pair, inflow):
        """The conserved moments [N, 3] of the pair swept from the source ``pair`` [2, N, K]; inflow: of g and h [2, end, K]."""
        m = self.sweep(pair[0], *inflow[0]) @ self.rows.T
        m[:, 2] += self.sweep(pair[1], *inflow[1]) @ self.rows[0]
        return m

    def jacobian(self, w):
        """Factors of the bordered Jacobian of moments(pair(w)) - conserved(w) + shift d conserved/ds, and of rho(0)."""
        N, D = len(w), self.gas.dims
        change = []
        for i in range(3):
            step = np.zeros_like(w)
            step[:, i] = 1e-6 * w[:, i]
            change.append((self.pair(w + step) - self.pair(w - step)) / (2 * step[:, i, None]))
        change = np.stack(change, axis=2)  # [2, N, 3, K]
        A = self.sweep.jacobian(self.rows, change[0])
        A[:, 2:] += self.sweep.jacobian(self.rows[:1], change[1])
        i, (rho, u, T), zero = np.arange(N), w.T, np.zeros(N)
        A[i, :, i] -= np.moveaxis(np.array([[1 + zero, zero, zero], [u, rho, zero], [u**2 + D * T, 2 * rho * u, D * rho]]), 2, 0)
        bordered = np.zeros((3 * N + 1, 3 * N + 1))
        bordered[:-1, :-1], bordered[-1, 3 * self.mesh.centre] = A.reshape(3 * N, 3 * N), 1.0
        bordered[:-1, -1] = self.mesh.derivative(self.conserved(w)).ravel()
        return lu_factor(bordered)

    def corrected(self, source, w, factors):
        """(w', shift): fields of the f' that is swept from ``source`` + target(w') - target(w), shifted to rho(0) half-way."""
        inflow = self.grid.pair(self.inflow)
        known = self.moments(self.grid.pair(source) - self.pair(w), inflow)
        middle, nothing = 0.5 * self.ends[:, 0].sum(), np.zeros_like(inflow)
        new, shift = w.copy(), 0.0
        for _ in range(10):
            U = self.conserved(new)
            F = known + self.moments(self.pair(new), nothing) - U + shift * self.mesh.derivative(U)
            step = lu_solve(factors, -np.append(F.ravel(), new[self.mesh.centre, 0] - middle))
            new, shift = new + step[:-1].reshape(w.shape), shift + step[-1]
            if np.abs(step).max() < 1e-9:
                break
        return new, shift


def _iterate(problem, f, tolerance):
    """To the steady state; returns (f, fields, iterations, residual: the last change of the normalised fields)."""
    gas, mesh, ends = problem.gas, problem.mesh, problem.ends
    factors, past = None, []
    for taken in range(1, ITERATIONS + 1):
        w = problem.fields(f)
        factors = problem.jacobian(w) if factors is None else factors
        beta = RATE * gas.frequency(w[:, 0], w[:, 2])
        source = f + problem.collide(f, *w.T) / beta[:, None]
        new, shift = problem.corrected(source, w, factors)
        swept = problem.stream(source + problem.target(new) - problem.target(w)) + shift * mesh.derivative(f)
        residual = _change(problem.fields(swept), w, ends)
        if residual < tolerance:
            return swept, problem.fields(swept), taken, residual
        past = [*past[-DEPTH:], (f, swept - f)]
        f = _mixed(past)
    raise RuntimeError(f"the shock did not settle in {ITERATIONS} iterations (change {residual:.1e})")


def _mixed(past):
    """Anderson's next iterate from the past (f, map(f) - f), the latest last."""
    f, r = past[-1]
    new = f + r
    if len(past) > 1:
        dr = np.stack([(b[1] - a[1]).ravel() for a, b in zip(past, past[1:], strict=False)])
        gram = dr @ dr.T
        gram[np.diag_indices(len(gram))] *= 1 + 1e-10
        for weight, (a, b) in zip(np.linalg.solve(gram, dr @ r.ravel()), zip(past, past[1:], strict=False), strict=True):
            new -= weight * (b[0] - a[0] + b[1] - a[1])
    return new


def _refined(old, f, mesh):
    """f at the nodes of another mesh: the old elements' polynomials."""
    element = np.clip(np.searchsorted(old.edges, mesh.s, side="right") - 1, 0, old.width.size - 1)
    xi = (mesh.s - old.edges[element]) / old.width[element]
    weights = xi[:, None] ** np.arange(DEGREE + 1) @ old.coefficients  # [N, node]
    return np.stack([w @ f[old.nodes(e)] for w, e in zip(weights, element, strict=True)])


def _change(w, other, ends):
    """Largest difference of density and temperature, normalised."""
    return float((np.abs(w - other) / np.abs(ends[1] - ends[0]))[:, [0, 2]].max())


def _profile(gas, mach, problem, f, w, order, **how):
    (rho, _, T), mesh, grid = w.T, problem.mesh, problem.grid
    (rho1, _, T1), (rho2, _, T2) = problem.ends
    beta = RATE * gas.frequency(rho, T)
    x = mesh.antiderivative(1 / beta)
    powers = grid.v ** np.arange(order + 1)[:, None] * grid.along.dv
    G, H = powers @ grid.pair(f).swapaxes(1, 2)
    viscosity = gas.viscosity(rho1, T1) * SONINE.get((gas.dims, gas.omega), 1.0)
    mean_free_path = 16 / 5 * viscosity / np.sqrt(2 * np.pi)
    Txx = (G[2] - G[1] ** 2 / G[0]) / G[0]
    return ShockProfile(
        mach, gas, x, G, H, mean_free_path,
        lambda1_over_delta=mean_free_path * peak(x, beta * mesh.derivative(rho)) / (rho2 - rho1),
        Txx_max_over_T2=peak(x, Txx) / T2,
        T_max_normalised=(peak(x, T) - T1) / (T2 - T1),
        separation=-float(CubicSpline(x, T).solve(0.5 * (T1 + T2), extrapolate=False)[0]) / mean_free_path,
        grid=grid.along,
        **how,
    )  # fmt: skip
