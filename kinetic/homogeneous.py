r"""Space-homogeneous relaxation, df/dt = Q(f)/eps, on the full velocity grid; exact solutions to compare with.

.. math:: \text{BKW: } f = \frac{e^{-v^2/2K}}{2\pi K^2}\left[2K - 1 + \frac{1 - K}{2K}\,v^2\right],\; K = 1 - \tfrac12 e^{-t/8}
          \;(D = 2); \qquad
          f = \frac{e^{-v^2/2K}}{2 (2\pi K)^{3/2}}\left[\frac{5K - 3}{K} + \frac{1 - K}{K^2}\,v^2\right],\; K = 1 - e^{-t/6}
          \;(D = 3).
.. math:: \text{BGK: } f = M + (f_0 - M)\, e^{-\nu t/\epsilon} .

Source: A. V. Bobylev, Sov. Phys. Dokl. 20, 820 (1976); M. Krook, T. T. Wu, Phys. Fluids 20, 1589 (1977), doi:10.1063/1.861780.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, log, pi, sqrt

import numpy as np
from scipy.fft import next_fast_len
from scipy.integrate import solve_ivp

from knudsen.build import makes
from knudsen.errors import InputError
from knudsen.kinetic import spectral
from knudsen.kinetic.case import Case, HomogeneousCase
from knudsen.kinetic.gas import Gas
from knudsen.kinetic.spectral import VelocityGridND
from knudsen.kinetic.spectral.grid import conserving

TAIL = 6.5  # bounds in thermal speeds; with the spacing pi/TAIL, f and its Fourier transform end at the same level, 7e-10
MOST_POINTS = 4_000_000  # of a velocity grid: 32 MB for one f
BKW_START = {2: 0.0, 3: 5.5}  # over eps; in D = 3 f is positive from 6 ln(5/2) = 5.498 on


@makes(HomogeneousCase)
def bkw(gas: Gas, *, knudsen=1.0, t_end=6.5, save_times=()) -> HomogeneousCase:
    """The exact solution of Bobylev, Krook and Wu for Maxwell molecules, rho = T = 1, u = 0.

    t_end, save_times: absolute times of the formula, which starts at t = 0 in D = 2 and at t = 5.5 eps in D = 3 (where f is
    positive). Raises InputError unless gas is maxwell_2v or maxwell_3v, naming ``case.<key>`` for a bad value.
    """
    if not gas.is_boltzmann or gas.omega != 1.0:
        raise InputError(f"gas={gas.name}: case=bkw is a solution for Maxwell molecules; choose gas=maxwell_2v or gas=maxwell_3v")
    eps = _scalar(knudsen)
    start = BKW_START[gas.dims] * eps
    end, times = _times(start, t_end, save_times)

    def exact(grid, t):
        return bkw_distribution(grid, t / eps)

    widths = np.array([_bkw_width(gas.dims, t / eps) for t in (start, end)])
    return HomogeneousCase("bkw", lambda grid: exact(grid, start), np.zeros(2), widths, eps, start, end, times, exact)


def bkw_distribution(grid: VelocityGridND, t: float):
    """f(t) of BKW on a grid, eps = 1."""
    K, v2 = _bkw_width(grid.dims, t), sum(v**2 for v in grid.mesh())
    if grid.dims == 2:
        return np.exp(-v2 / (2 * K)) / (2 * pi * K**2) * (2 * K - 1 + (1 - K) * v2 / (2 * K))
    return np.exp(-v2 / (2 * K)) / (2 * (2 * pi * K) ** 1.5) * ((5 * K - 3) / K + (1 - K) * v2 / K**2)


def _bkw_width(dims, t):
    return 1 - 0.5 * np.exp(-t / 8) if dims == 2 else 1 - np.exp(-t / 6)


def from_case(case: Case, gas: Gas) -> HomogeneousCase:
    """The relaxation of f averaged over all cells of a case, from t = 0: a file of equal cells is a file of one."""
    if np.ptp(case.knudsen) > 0:
        raise InputError("case.knudsen: a homogeneous gas has one Knudsen number; give the same value in every cell of case.file")
    eps = float(np.mean(case.knudsen))
    states = np.stack([case.rho, case.u, case.T], axis=-1).reshape(-1, 3)
    states, count = np.unique(states, axis=0, return_counts=True)
    rho, u, T = states.T
    rho = rho * count / case.rho.shape[1]
    mean = rho @ u / rho.sum()
    T_mean = (rho @ (T + (u - mean) ** 2 / gas.dims)) / rho.sum()

    def distribution(grid):
        velocity = np.zeros((len(rho), gas.dims))
        velocity[:, 0] = u
        return sum(grid.maxwellian(*one) for one in zip(rho, velocity, T))

    end, times = _times(0.0, case.t_end, case.save_times)
    hold_u, hold_T = np.append(u, mean), np.append(T, T_mean)
    homogeneous = HomogeneousCase(case.name, distribution, hold_u, hold_T, eps, 0.0, end, times)
    if gas.is_boltzmann or any(gas.model.shares(gas.prandtl)):  # no exact solution but for a Maxwellian target
        return homogeneous

    def exact(grid, t):
        f = distribution(grid)
        rho, u, T = grid.moments(f)
        M = grid.maxwellian(rho, u, T)
        return M + (f - M) * np.exp(-gas.frequency(rho, T) * t / eps)

    return HomogeneousCase(case.name, distribution, hold_u, hold_T, eps, 0.0, end, times, exact)


def grid_of_states(gas: Gas, u, T) -> VelocityGridND:
    r"""The velocity grid of gas states: bounds :math:`u \pm 6.5 \sqrt T`, spacing :math:`(\pi/6.5) \sqrt{T_{min}}`.

    u (along x), T: arrays of one shape. The same spacing for every coordinate: the pair sums of the Boltzmann operator are
    then fastest.
    ``gas.velocity_points`` and ``gas.velocity_bounds`` override, per coordinate; with points alone the bounds stand where the
    cut-off of the hottest state equals the aliasing of the coldest. Raises InputError naming these keys.
    """
    u, T = np.asarray(u, float), np.asarray(T, float)
    hot, cold, D = np.sqrt(T.max()), np.sqrt(T.min()), gas.dims
    if gas.velocity_points is None:
        tail = TAIL
    else:
        tail = sqrt(pi * gas.velocity_points * cold / hot / 2)
    if gas.velocity_bounds is None:
        along = float((u - tail * np.sqrt(T)).min()), float((u + tail * np.sqrt(T)).max())
        across = -tail * hot, tail * hot
        if gas.velocity_points is not None:  # the same spacing everywhere needs a cube
            half, centre = 0.5 * max(along[1] - along[0], across[1] - across[0]), 0.5 * (along[0] + along[1])
            along, across = (centre - half, centre + half), (-half, half)
    else:
        along = across = gas.velocity_bounds
        if not along[0] < u.min() <= u.max() < along[1]:
            raise InputError(f"gas.velocity_bounds={list(along)}: leave out velocities of the gas itself: widen them")
    bounds = [along] + [across] * (D - 1)
    if gas.velocity_points is not None:
        return VelocityGridND((gas.velocity_points,) * D, tuple(bounds))
    dv, points = pi / TAIL * cold, []
    for i, (low, high) in enumerate(bounds):
        points.append(next_fast_len(2 * ceil((high - low) / dv / 2), real=True))
        if gas.velocity_bounds is None:
            centre = 0.5 * (low + high)
            bounds[i] = (centre - 0.5 * dv * points[i], centre + 0.5 * dv * points[i])
    if np.prod(points, dtype=float) > MOST_POINTS:
        raise InputError(
            f"gas.velocity_points: the states of the case (T from {T.min():g} to {T.max():g}) ask for {points} velocities; "
            "give fewer points, or states that differ less"
        )
    return VelocityGridND(tuple(points), tuple(bounds))


def collision_term(gas: Gas, grid: VelocityGridND) -> Callable:
    """f -> Q(f) for eps = 1, of any gas, on the full velocity grid."""
    if gas.is_boltzmann:
        return spectral.operator(gas, grid)

    def relaxation(f):
        rho, u, T = grid.moments(f)
        M = grid.maxwellian(rho, u, T)
        rate = gas.model.rate(gas.prandtl) * gas.frequency(rho, T)
        return conserving(grid, rate * (_target(gas, grid, f, M, rho, u, T) - f), M)

    return relaxation


def _target(gas, grid, f, M, rho, u, T):
    """What f, of one cell, relaxes to; M: its Maxwellian."""
    if not any(gas.model.shares(gas.prandtl)):
        return M
    c = [v - a for v, a in zip(grid.mesh(), u)]
    c2 = sum(a**2 for a in c)
    stress = np.array([[grid.integral(f * a * b) for b in c] for a in c]) - rho * T * np.eye(grid.dims)
    q = np.array([0.5 * grid.integral(f * a * c2) for a in c])
    return gas.model.full_target(rho, T, stress, q, c, gas.prandtl)


@dataclass(frozen=True, eq=False)
class Relaxation:
    """The solution: t [n] (the start first), f [n, Nx, ...], entropy int f ln f, invariants [n, D + 2]
    (rho, momenta, |v|^2/2), stress sigma_xx and heat flux q_x [n]; evaluations of Q and their seconds."""

    grid: VelocityGridND
    t: np.ndarray
    f: np.ndarray
    entropy: np.ndarray
    invariants: np.ndarray
    stress: np.ndarray
    heat_flux: np.ndarray
    evaluations: int
    seconds_in_operator: float
    seconds: float


def relax(case: HomogeneousCase, gas: Gas, *, grid=None, operator=None, rtol=1e-9, progress=None) -> Relaxation:
    """Integrate df/dt = Q(f)/eps by an explicit Runge-Kutta method of order 8 with step control (DOP853; invariants are kept).

    grid: None means ``grid_of_states``; operator: f -> Q(f), None means ``collision_term``.
    rtol: error of a step, relative to the largest value of f. progress(fraction) is called as time goes on.
    """
    begin = time.perf_counter()
    grid = grid_of_states(gas, case.u, case.T) if grid is None else grid
    f0, Q = case.distribution(grid), operator or collision_term(gas, grid)
    Q(f0)  # compiled code is loaded before the clock runs
    spent, evaluations = 0.0, 0

    def slope(t, f):
        nonlocal spent, evaluations
        if progress is not None:
            progress((t - case.t_start) / (case.t_end - case.t_start))
        now = time.perf_counter()
        value = Q(f.reshape(grid.points)).ravel() / case.knudsen
        spent, evaluations = spent + time.perf_counter() - now, evaluations + 1
        return value

    times = np.array([case.t_start, *case.save_times])
    interval = (case.t_start, case.t_end)
    solution = solve_ivp(slope, interval, f0.ravel(), "DOP853", t_eval=times, rtol=rtol, atol=rtol * float(f0.max()))
    if not solution.success:
        raise FloatingPointError(f"the relaxation stopped at t = {solution.t[-1]:g}: {solution.message}")
    f = solution.y.T.reshape(-1, *grid.points)
    stress, heat_flux = np.array([_second_and_third(grid, one) for one in f]).T
    seconds = time.perf_counter() - begin
    kept = entropy(grid, f), invariants(grid, f), stress, heat_flux
    return Relaxation(grid, times, f, *kept, evaluations, spent, seconds)


def entropy(grid: VelocityGridND, f):
    """H = int f ln f dv, of f [..., Nx, ...]; where f is not positive (round-off far out) it does not count."""
    return grid.integral(np.where(f > 0, f * np.log(np.where(f > 0, f, 1.0)), 0.0))


def invariants(grid: VelocityGridND, f):
    """Mass, momenta and energy [..., D + 2]."""
    v = grid.mesh()
    return np.stack([grid.integral(f * a) for a in (1.0, *v, 0.5 * sum(b**2 for b in v))], axis=-1)


def _second_and_third(grid, f):
    """sigma_xx and q_x of one f."""
    rho, u, T = grid.moments(f)
    c = [v - a for v, a in zip(grid.mesh(), u)]
    return grid.integral(f * c[0] ** 2) - rho * T, 0.5 * grid.integral(f * c[0] * sum(a**2 for a in c))


def mean_rate(t, values):
    """Average decay rate ln(y(t_0)/y(t_end))/(t_end - t_0) of |y|; None where it starts (or ends) at round-off."""
    first, last = abs(values[0]), abs(values[-1])
    return log(first / last) / (t[-1] - t[0]) if min(first, last) > 1e-9 else None


def _scalar(knudsen):
    if isinstance(knudsen, bool) or not isinstance(knudsen, int | float) or not 0 < knudsen < np.inf:
        raise InputError(f"case.knudsen={knudsen!r}: give a positive number")
    return float(knudsen)


def _times(start, t_end, save_times):
    """(t_end, save times with t_end last), checked."""
    if isinstance(t_end, bool) or not isinstance(t_end, int | float) or not start < t_end < np.inf:
        raise InputError(f"case.t_end={t_end!r}: give a number above the start, t = {start:g}")
    try:
        times = {float(t) for t in save_times or ()}
    except (TypeError, ValueError):
        raise InputError(f"case.save_times={save_times!r}: give a list of numbers") from None
    if any(not start < t <= t_end for t in times):
        raise InputError(f"case.save_times={save_times!r}: every time must lie within ({start:g}, t_end={t_end:g}]")
    return float(t_end), tuple(sorted(times | {float(t_end)}))
