"""Steady normal shocks of a closure: from the kinetic profile by implicit steps to the closure's own steady state."""

import time
from copy import copy
from dataclasses import dataclass

import numpy as np
import torch
from scipy.interpolate import CubicSpline
from torch import Tensor

from knudsen.closure.simulation import UNSEEN, Fields, equilibrium_state, unlike
from knudsen.kinetic import rankine_hugoniot
from knudsen.kinetic import solve_shock as solve_kinetic_shock
from knudsen.solvers import Boundary, Cells, Solver, SteadyResult, central_slopes, limiting_above

KNUDSEN = 0.01  # eps of the calculation: lengths scale with it, and the learned closures' memory time must be far above it
TOLERANCE = 1e-6  # of the Steadiness; times (M - 1)^2 for weak shocks, which take 1/(M - 1)^2 collision times to settle
STRETCH = 1.1  # of the kinetic profile that the search starts from: agreement is found, not inherited
REACH = 3  # the domain's least extent on each side, in density thicknesses of the kinetic shock
TAIL = 1e-3  # it goes on to where density and temperature are this close to their end states
COARSEST = 30.0  # cells per thickness on which the search begins; every finer grid starts from the coarser one's answer
MOST_CELLS = 1200  # long precursors are covered by wider cells, not by more of them
MOST_STEPS = 4000  # of the explicit fallback
MARCH_TOLERANCE = 5e-3  # after explicit steps (times (M - 1)^2 again): a captured jump that wanders within one of 600 cells
PATIENCE = 20  # iterations without progress after which the search ends
MAX_SECONDS = 20.0  # of CPU time after which a search ends that makes no progress
# Shares of a variable's range below which differences between cells are not limited; the second where the first stalls.
LIMITED = (0.05, 0.3)
CREEP = 5e-3  # of (M - 1) sqrt(T1): the largest drift of a steady shock, from tails that the domain cuts off
OSCILLATES = 0.02  # of the jump: ups and downs of the density beyond which a profile is said to oscillate


@dataclass
class ShockSolution(Fields):
    """A steady shock, upstream on the left. x in units of eps sqrt(T1)/nu1, 0 where the density is half-way (cell averages).

    rho, u, T, sigma, q [n] in units of rho1 and T1; U [component, n]; mean_free_path lambda1 in the unit of x;
    lambda1_over_delta = lambda1 max|d rho/dx| / (rho2 - rho1); drift: speed of the profile through the cells, in sqrt(T1);
    residual: see ``Steadiness``; status 'ok' | 'not_converged' | 'diverged'; iterations; seconds.
    schemes: reconstruction, flux, integrator ('implicit': steps of the search); fallback: explicit steps had to decide;
    oscillation: how much the density goes up and down beyond its one rise, as a part of the jump;
    unseen: the share of the cells that the closure was not trained for; notes: the law's; warnings: in words.
    """

    mach: float
    mean_free_path: float
    lambda1_over_delta: float
    drift: float
    status: str
    residual: float
    iterations: int
    seconds: float
    schemes: tuple[str, str, str] = ("muscl", "rusanov", "implicit")
    fallback: bool = False
    unseen: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def oscillation(self) -> float:
        return float(np.abs(np.diff(self.rho)).sum() / abs(self.rho[-1] - self.rho[0]) - 1)

    @property
    def warnings(self) -> tuple[str, ...]:
        words = [*self.notes, unlike(self.unseen)] if self.unseen > UNSEEN else [*self.notes]
        if self.oscillation > OSCILLATES:
            words += [f"its profile oscillates: the density goes up and down by {100 * self.oscillation:.1f} % of the jump"]
        return tuple(words)

    def sample(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """rho, u, T, sigma, q at x, by cubic splines; the end values outside."""
        inside = np.clip(x, self.x[0], self.x[-1])
        return {name: CubicSpline(self.x, getattr(self, name))(inside) for name in ("rho", "u", "T", "sigma", "q")}


class Steadiness:
    r"""How far a profile is from steady: the rate of change of the moments up to the third beyond a mere translation,

    .. math:: \mathrm{rms}_{i,k} \left| R_{k,i} + c\, \partial_x U_{k,i} \right| \frac{\varepsilon}{s_k},

    per upstream collision time; s_k is (rho2/rho1 - 1) times the larger of the two end states' moments (the
    density where both vanish), c the least-squares ``drift``. The end states fix the shock's shape, not its place; the far
    tails of still higher moments settle last, without moving the profile. (Mass, momentum and energy alone would not do: their
    fluxes are constant in a stretched profile too.)
    """

    def __init__(self, law, left: Tensor, right: Tensor, dx: float):
        self.low = law.degrees <= 3
        strength = float(right[0, 0, 0] / left[0, 0, 0]) - 1
        size = torch.maximum(left.abs(), right.abs())[0, self.low]
        self.size = strength * torch.where(size > 1e-9 * size[:1], size, size[:1])
        self.dx, self.drift = dx, 0.0

    def __call__(self, U: Tensor, R: Tensor) -> float:
        values, rate = U[0, self.low] / self.size, R[0, self.low] / self.size
        slope = central_slopes(values, self.dx)
        self.drift = -float((rate * slope).sum() / (slope * slope).sum())
        return float(((rate + self.drift * slope) ** 2).mean().sqrt()) * KNUDSEN


@torch.no_grad()
def solve_shock(
    law,
    gas,
    mach: float,
    *,
    start=None,
    cells_per_thickness: float = 60.0,
    max_iterations: int = 100,
    max_seconds: float = MAX_SECONDS,
    progress=None,
    **solver_options,
) -> ShockSolution:
    """The steady shock of a closure at a Mach number; ``gas`` is the law's.

    start: the kinetic profile (``kinetic.solve_shock``; None: it is computed), which the search starts from, stretched by a
    tenth; cells_per_thickness: cells per density thickness of that profile; solver_options: reconstruction and flux of
    :class:`knudsen.solvers.Solver` (flux: Rusanov by default: a shock is well resolved, and far from the equilibrium along whose
    characteristics the upwind flux is exact);
    max_seconds: of CPU time after which a search that makes no progress ends (before, 20 iterations without any end it); explicit
    steps, which then decide, have what is left of it, or half. What is not steady then is ``not_converged``.
    progress(iteration, residual, step).
    Raises InputError naming ``mach`` unless it is above 1.
    """
    start = solve_kinetic_shock(gas, mach) if start is None else start
    upstream, downstream = rankine_hugoniot(mach, gas)
    path = start.mean_free_path
    left, right = equilibrium_state(law, *upstream), equilibrium_state(law, *downstream)
    weak = min(1.0, mach - 1) ** 2  # the inverse of the collision times that a weak shock takes to settle
    began = time.process_time()

    def time_left() -> float:
        return max(max_seconds - (time.process_time() - began), 0.0)

    law = law.double()  # finite differences of a network need all digits
    solver = Solver(law, **{"reconstruction": "muscl", "flux": "rusanov"} | solver_options)
    seconds = 0.0
    for share in LIMITED:
        coarser = None
        for level in _levels(cells_per_thickness):
            x, width = _grid(start, upstream, downstream, level)
            n = len(x)
            moments = start.sample(x / STRETCH, width=width / STRETCH)
            G = torch.tensor(moments["G"])[None]
            U0 = law.from_moments(G, torch.tensor(moments["H"])[None] if gas.has_h else None)
            cells = Cells(dx=width * KNUDSEN, n=n, knudsen=KNUDSEN, boundary=Boundary("fixed", left, right))
            smooth = _resolving(solver, U0, cells, share)
            if coarser is not None:
                U0 = _refined(law, *coarser, x)
            steadiness = Steadiness(law, left, right, width * KNUDSEN)
            result = smooth.steady(
                U0, cells, tolerance=TOLERANCE * weak, basis=law.basis(U0), half_width=3, time_scale=KNUDSEN, dt=0.1 * KNUDSEN,
                dt_max=1e3 * KNUDSEN / weak, max_iterations=max_iterations, measure=steadiness, patience=PATIENCE,
                max_seconds=time_left(), pinned=0, progress=progress,
            )  # fmt: skip
            coarser = (x, result.U) if result.status == "ok" else None
            seconds += result.seconds
        if result.status == "ok" or not time_left():
            break
    marched = result.status != "ok"
    began = max(began, time.process_time() - 0.5 * max_seconds)  # explicit steps have half of the time at least
    if marched:
        # Newton's method left the neighbourhood, or ended in a limit cycle: explicit steps decide, from the better state.
        lost = not result.residual < MARCH_TOLERANCE * weak
        span = (40.0 if lost else 8.0) / weak
        result = _march(
            solver, U0 if lost else result.U, cells, span, steadiness, progress, result, MARCH_TOLERANCE * weak, time_left
        )
        seconds += result.seconds
    drift = result.drift + steadiness.drift if result.status != "diverged" else float("nan")
    status = "not_converged" if result.status == "ok" and abs(drift) > CREEP * (mach - 1) else result.status
    fields = {name: value[0].numpy() for name, value in law.macroscopic(result.U, cells).items()}
    spline = CubicSpline(x, fields["rho"])
    crossings = spline.solve(0.5 * (upstream[0] + downstream[0]), extrapolate=False)
    slope = float(np.abs(spline.derivative()(np.linspace(x[0], x[-1], 20 * n))).max())
    return ShockSolution(
        x=x - (crossings[0] if len(crossings) else 0.0), **fields, U=result.U[0].numpy(), mach=mach, mean_free_path=path,
        lambda1_over_delta=path * slope / (downstream[0] - upstream[0]), drift=drift, status=status,
        residual=result.residual, iterations=result.iterations, seconds=seconds,
        schemes=solver.schemes if marched else (*solver.schemes[:2], "implicit"), fallback=marched,
        unseen=law.unseen(result.U, cells) if result.U.isfinite().all() else 0.0, notes=law.notes,
    )  # fmt: skip


def _levels(cells_per_thickness: float) -> list[float]:
    """Resolutions from COARSEST or less up to the one asked for, each twice as fine as the one before."""
    levels = [cells_per_thickness]
    while levels[0] > COARSEST:
        levels.insert(0, levels[0] / 2)
    return levels


def _grid(start, upstream, downstream, cells_per_thickness: float) -> tuple[np.ndarray, float]:
    """Cell centres and width: from the upstream to the downstream tail of the kinetic profile, stretched as the start is."""
    thickness = start.mean_free_path / start.lambda1_over_delta
    away = np.zeros_like(start.x, dtype=bool)
    for name, k in (("rho", 0), ("T", 2)):
        share = (getattr(start, name) - upstream[k]) / (downstream[k] - upstream[k])
        away |= (np.abs(share) > TAIL) & (np.abs(share - 1) > TAIL)
    left = min(-REACH * thickness, STRETCH * start.x[away][0])
    right = max(REACH * thickness, STRETCH * start.x[away][-1])
    n = min(round((right - left) / thickness * cells_per_thickness), MOST_CELLS)
    width = (right - left) / n
    return left + (np.arange(n) + 0.5) * width, width


def _resolving(solver: Solver, profile: Tensor, cells: Cells, share: float) -> Solver:
    """The solver whose limiter leaves alone what changes by less than ``share`` of its range from cell to cell: on cells that
    resolve a profile it would only switch, mostly in the tails of high moments, and keep Newton's method from converging."""
    V = solver.law.variables(cells.pad(profile), cells)[..., 1:-1]
    result = copy(solver)
    result.reconstruct = limiting_above(solver.schemes[0], share * (V.amax(-1, keepdim=True) - V.amin(-1, keepdim=True)))
    return result


def _refined(law, x_coarse: np.ndarray, U: Tensor, x: np.ndarray) -> Tensor:
    """A coarser grid's state [1, n, N] on the cells x: cubic splines of the variables, which keep the tails of high moments
    realizable."""
    V = law.local_variables(U)[0].numpy()
    return law.conserved(torch.tensor(CubicSpline(x_coarse, V, axis=-1)(np.clip(x, x_coarse[0], x_coarse[-1])))[None])


class _OutOfTime(Exception):
    """Ends explicit steps from within their progress report."""


def _march(
    solver, U0, cells, span: float, steadiness, progress, implicit: SteadyResult, tolerance: float, time_left
) -> SteadyResult:
    """Explicit steps over ``span`` upstream collision times, the residual measured over the last quarter. A captured jump and
    faint waves downstream go on in a limit cycle that leaves the profile alone; an unstable closure diverges, and is said to."""
    began = time.perf_counter()
    span = min(span, MOST_STEPS * float(solver.max_dt(U0, cells)) / KNUDSEN)
    times = KNUDSEN * np.array([0.75 * span, span])

    def report(fraction: float) -> None:
        if progress is not None:
            progress(implicit.iterations + round(100 * fraction), implicit.residual, 0.0)
        if not time_left():
            raise _OutOfTime

    try:
        result = solver.run(U0, cells, times, progress=report)
    except _OutOfTime:
        seconds = time.perf_counter() - began
        return SteadyResult(U0, "not_converged", implicit.residual, implicit.iterations, seconds)
    seconds = result.seconds
    if result.status[0] != "ok":
        return SteadyResult(implicit.U, "diverged", float("nan"), implicit.iterations, seconds)
    before, after = result.U[1], result.U[2]
    residual = steadiness(0.5 * (before + after), (after - before) / (times[1] - times[0]))
    return SteadyResult(after, "ok" if residual <= tolerance else "not_converged", residual, implicit.iterations, seconds)
