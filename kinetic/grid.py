"""The velocity grid, chosen from the states that a case starts from and can reach."""

from dataclasses import dataclass, field
from itertools import product

import numpy as np

from knudsen.errors import InputError
from knudsen.kinetic.case import Case
from knudsen.kinetic.gas import Gas
from knudsen.kinetic.moments import macroscopic, maxwellian_moments

TAIL = 7.5  # bounds in thermal speeds: what lies beyond carries 6e-13 of the energy
SPACING = 0.6  # in thermal speeds of the coldest state: the trapezoidal rule is then exact to 1e-12 for moments of any Maxwellian
WALL_SPACING = 0.2  # between walls, where f jumps at v = 0: sums over half the velocities err by dv^2/24
RAY = (
    4  # cells between the rays that single velocities make of a jump in free flight: a captured jump is as wide, they do not show
)
FLIGHT_TAIL = 5.0  # the trapezoidal rule's first image of a wave that free flight has sheared stays so many thermal widths away
FAINT = 1e-4  # waves of the start below this share of the gas's own size need no velocities
MOST = 1024  # velocities that are chosen without being asked for
COOLING = 4  # rarefactions may halve the spacing that the start needs, no more: a near-vacuum has no finite grid


@dataclass(frozen=True, eq=False)
class VelocityGrid:
    """Equidistant velocities v [K] (midpoints of cells of width dv)."""

    v: np.ndarray = field(repr=False)
    dv: float

    @property
    def points(self) -> int:
        return self.v.size

    @property
    def bounds(self) -> tuple[float, float]:
        return float(self.v[0] - 0.5 * self.dv), float(self.v[-1] + 0.5 * self.dv)

    @property
    def fastest(self) -> float:
        """Largest speed: what limits the time step."""
        return float(np.abs(self.v).max())


def velocity_grid(gas: Gas, u, T, spacing: float = SPACING, tail: float = TAIL, finest: float = np.inf) -> VelocityGrid:
    r"""The grid for gas states u, T (arrays of any one shape).

    Bounds :math:`u \pm 7.5 \sqrt T` (``tail``) over all states; spacing 0.6 (``spacing``) :math:`\sqrt{T_{min}}`; nodes at
    half-integer multiples of it, so that no velocity is zero and a reflection maps the grid of a symmetric case onto itself.
    finest: a spacing that shall not be exceeded either, as far as 1024 velocities (``MOST``) allow.
    ``gas.velocity_points`` and ``gas.velocity_bounds`` override; with few points the tail shrinks to where the cut-off
    :math:`e^{-\tau^2/2}` of the hottest state equals the aliasing error :math:`e^{-2 \pi^2 T/dv^2}` of the coldest.
    """
    u, T = np.asarray(u, float), np.asarray(T, float)
    hot, cold = np.sqrt(T), float(np.sqrt(T.min()))
    tail = tail if gas.velocity_points is None else min(tail, float(np.sqrt(np.pi * gas.velocity_points * cold / hot.max())))
    low, high = gas.velocity_bounds or (float((u - tail * hot).min()), float((u + tail * hot).max()))
    if not low < float(u.min()) <= float(u.max()) < high:
        seen = f"{u.min():g}..{u.max():g}"
        raise InputError(f"gas.velocity_bounds=[{low:g}, {high:g}] leave out velocities {seen} of the gas itself: widen them")
    dv = spacing * cold
    dv = max(min(dv, finest), min(dv, (high - low) / MOST))
    if gas.velocity_points is None and gas.velocity_bounds is None:
        first, last = int(np.floor(low / dv)), int(np.ceil(high / dv))
        return VelocityGrid((np.arange(first, last) + 0.5) * dv, dv)
    points = gas.velocity_points or int(np.ceil((high - low) / dv))
    dv = (high - low) / points
    return VelocityGrid(0.5 * (low + high) + (np.arange(points) - 0.5 * (points - 1)) * dv, dv)


def grid_of_case(case: Case, gas: Gas, tail: float = TAIL) -> VelocityGrid:
    """The grid for the start's components, and for what its extreme states make of each other (Euler Riemann problems).

    It is as fine as :func:`flight_spacing` asks for, too. Between walls it is symmetric, finer, and wide enough for the walls'
    temperatures and the heat of their relative motion.
    """
    G, H = maxwellian_moments(case.rho, case.u, case.T, gas, 3)
    rho, u, T, _, _ = macroscopic(G.sum(axis=1), None if H is None else H.sum(axis=1), gas)
    extreme = sorted({int(pick(a)) for pick in (np.argmin, np.argmax) for a in (u, T, rho * T)})
    left, right = (np.array(side) for side in zip(*product(extreme, extreme), strict=True))
    u_star, T_left, T_right = star_states((rho[left], u[left], T[left]), (rho[right], u[right], T[right]), gas.gamma)
    T_star = np.maximum(np.concatenate([T_left, T_right]), case.T.min() / COOLING)
    every_u, every_T = np.concatenate([case.u.ravel(), u, u_star, u_star]), np.concatenate([case.T.ravel(), T, T_star])
    if case.walls is None:
        return velocity_grid(gas, every_u, every_T, tail=tail, finest=flight_spacing(case, gas))
    rub = 0.25 * (case.walls[1].velocity - case.walls[0].velocity) ** 2 / gas.dims
    every_T = np.concatenate([every_T, [wall.temperature for wall in case.walls], [every_T.max() + rub]])
    every_u = np.abs(np.concatenate([every_u, np.zeros(3)]))
    return velocity_grid(gas, np.concatenate([-every_u, every_u]), np.concatenate([every_T, every_T]), WALL_SPACING)


def flight_spacing(case: Case, gas: Gas) -> float:
    r"""The spacing of velocities below which free flight does not show them.

    A velocity carries its share of a wave k of the start by v t, so that the density is a trapezoidal sum over exp(i k v t): of
    two velocities with :math:`k\,t\,dv = 2 \pi` the shares agree, and a wave that has died in the gas returns (recurrence); a
    jump becomes a staircase of rays. Hence

    .. math:: dv \le \frac{2 \pi}{k\, t_f + 5/\sqrt{T_{min}}}, \qquad
              t_f = \max_{t \le t_{end}} t\, e^{-t/2\tau}, \qquad \tau = \epsilon/\nu,

    k: of the shortest wave in rho, u, T of the start, on the case's cells, that has 1e-4 of their size, at most
    :math:`\pi/(2 dx)`, what a jump is captured with: 4 cells between two rays; :math:`t_f`: how long flight lasts (collisions
    damp the rays, whose error grows as the square of their distance: hence the 2), by the rarest gas of the start. Infinite for
    a Boltzmann gas, whose cost forbids it, and between walls.
    """
    if gas.is_boltzmann or case.walls is not None:
        return np.inf
    G, H = case.raw_moments(gas, 3)
    rho, u, T, _, _ = macroscopic(G, H, gas)
    tau = float(np.max(case.knudsen / gas.frequency(rho, T)))
    flight = min(case.t_end, 2 * tau)
    flight *= np.exp(-0.5 * flight / tau)
    return 2 * np.pi / (_shortest_wave(case, rho, u, T) * flight + FLIGHT_TAIL / float(np.sqrt(case.T.min())))


def _shortest_wave(case: Case, rho, u, T) -> float:
    """Wave number of the shortest wave of the start that is not faint, up to that of a jump on these cells."""
    fields = np.stack([rho / rho.max(), u / np.sqrt(T.max()), T / T.max()])
    periods = 1
    if case.boundary != "periodic":  # its even continuation is: the ends are no jumps
        fields, periods = np.hstack([fields, fields[:, ::-1]]), 2
    size = 2 * np.abs(np.fft.rfft(fields)).max(axis=0) / fields.shape[1]
    size[0] = 0.0
    present = np.flatnonzero(size > FAINT)
    k = 2 * np.pi * float(present[-1] if present.size else 0) / (periods * case.length)
    return min(k, 2 * np.pi / (RAY * case.dx))


def star_states(left, right, gamma):
    r"""Velocity and the two temperatures between the waves of an Euler Riemann problem; states (rho, u, T) of arrays [n].

    The pressure solves :math:`f_l(p) + f_r(p) + u_r - u_l = 0`, f of a shock for p above the side's pressure, else of a
    rarefaction. A vacuum in between is answered with temperatures near zero.
    Source: E. F. Toro, Riemann Solvers (2009), eqs. 4.5-4.7, 4.53, 4.60.
    """
    sides = [(rho, u, rho * T, np.sqrt(gamma * T)) for rho, u, T in (left, right)]

    def jump(p, side):
        rho, _, p0, sound = side
        shock = (p - p0) * np.sqrt(2 / rho / ((gamma + 1) * p + (gamma - 1) * p0))
        fan = 2 * sound / (gamma - 1) * ((p / p0) ** ((gamma - 1) / (2 * gamma)) - 1)
        return np.where(p > p0, shock, fan)

    low, high = np.full_like(left[0], -60.0), np.full_like(left[0], 60.0)  # logarithm of the pressure
    for _ in range(60):
        middle = 0.5 * (low + high)
        p = np.exp(middle)
        above = jump(p, sides[0]) + jump(p, sides[1]) + right[1] - left[1] > 0
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    u_star = 0.5 * (left[1] + right[1] + jump(p, sides[1]) - jump(p, sides[0]))

    def temperature(side):
        rho, _, p0, _ = side
        h = (gamma - 1) / (gamma + 1)
        density = rho * np.where(p > p0, (p / p0 + h) / (h * p / p0 + 1), (p / p0) ** (1 / gamma))
        return p / density

    return u_star, temperature(sides[0]), temperature(sides[1])
