"""Advance cases of two space dimensions with a closure: from a ``kinetic.PlaneCase`` to fields over time, or steady ones."""

from dataclasses import dataclass, field, replace
from time import perf_counter

import numpy as np
import torch

from knudsen.closure.plane.law import NAMES, PlaneLaw
from knudsen.closure.plane.steady import steady
from knudsen.kinetic.plane.case import SIDES, PlaneCase
from knudsen.kinetic.wall import Wall
from knudsen.solvers.plane import PlaneSolver, Rectangle, Side

SMEARED = "made by its robust schemes: steep fronts are smeared"


@dataclass(eq=False)
class PlaneSolution:
    """What a closure made of a case.

    t [S]; fields {name: [S, ny, nx]} by ``NAMES``, which are attributes, too; U [S, component, ny, nx]: the closure's moments;
    status ``ok`` or ``diverged`` with diverged_at = (time, cell, counted along x first): later rows are NaN;
    schemes: reconstruction, flux, integrator. A steady flow has one row, at time infinity, ``residuals`` of its
    iterations, which are its steps, and may be ``not_converged``; walls: as of ``kinetic.PlaneFlow``, what the gas gives them.
    """

    t: np.ndarray
    case: PlaneCase
    fields: dict[str, np.ndarray] = field(repr=False)
    U: np.ndarray = field(repr=False)
    steps: int
    seconds: float
    status: str
    diverged_at: tuple[float, int] | None
    schemes: tuple[str, str, str]
    fallback: bool = False
    warnings: tuple[str, ...] = ()
    residuals: tuple[float, ...] = field(default=(), repr=False)
    walls: dict[str, dict[str, float]] = field(default_factory=dict, repr=False)

    def __getattr__(self, name):
        if name in NAMES:
            return self.fields[name]
        raise AttributeError(name)

    @property
    def x(self) -> np.ndarray:
        return self.case.x

    @property
    def y(self) -> np.ndarray:
        return self.case.y


def start(law: PlaneLaw, case: PlaneCase) -> torch.Tensor:
    """The moments of the case's Maxwellians, [component, y, x]."""
    return law.maxwellian(*(torch.tensor(np.array(getattr(case, key))) for key in ("rho", "u", "v", "T")))


def rectangle(law: PlaneLaw, case: PlaneCase) -> Rectangle:
    """The cells of a case and what the law sees beyond them."""
    U, sides = start(law, case), []
    for number, side in enumerate(case.sides):
        values = None
        if isinstance(side, Wall):
            values = torch.tensor(law.wall_numbers(side), dtype=torch.float64)
        elif side == "fixed":
            values = U[:, :, -(number % 2)] if number < 2 else U[:, -(number % 2)]
        sides.append(Side("walls" if isinstance(side, Wall) else side, values))
    return Rectangle(case.spacing, case.cells[::-1], case.knudsen, tuple(sides))


def plane_memory(law: PlaneLaw, case: PlaneCase) -> float:
    """Bytes that a steady flow takes: twice the factors of its sparse matrices, as measured on cavities of 16^2 to 64^2 cells."""
    nx, ny = case.cells
    return 55.0 * len(law.components) ** 2 * (nx * ny) ** 1.5


@torch.no_grad()
def simulate_plane(
    law: PlaneLaw, case: PlaneCase, *, compiled: bool = True, progress=None, **solver_options
) -> PlaneSolution:  # fmt: skip
    """The solution of a case, up to its end time or steady, as it says. solver_options: reconstruction, flux, integrator, cfl of
    :class:`solvers.plane.PlaneSolver`; compiled: take the compiled sweeps along the lines. A case that diverges is run again with
    the closure's ``robust`` schemes."""
    plane = rectangle(law, case)
    if case.steady:  # a limiter that switches would keep Newton's method from converging
        solver = _solver(law, compiled, solver_options | {"reconstruction": "linear"})
        return _steady(law, case, solver, plane, progress)
    found = _march(law, case, _solver(law, compiled, solver_options), plane, progress)
    for schemes in law.robust:
        if found.status == "ok":
            break
        again = _march(law, case, _solver(law, compiled, solver_options | dict(schemes)), plane, None)
        if again.status == "ok":
            found = replace(again, seconds=again.seconds + found.seconds, fallback=True, warnings=(SMEARED,))
    return found


def _solver(law, compiled, options):
    solver = PlaneSolver(law, **options)
    if compiled:
        from knudsen.closure.compiled.plane import LineFluxes  # compiled code only where it is needed

        solver.line_fluxes = LineFluxes(law, *solver.schemes[:2])
    return solver


def _march(law, case, solver, plane, progress) -> PlaneSolution:
    run = solver.run(start(law, case), plane, case.save_times, progress)
    return PlaneSolution(
        np.array([0.0, *case.save_times]), case, _fields(law, run.U, plane), run.U.numpy(), run.steps, run.seconds,
        "diverged" if run.diverged_at else "ok", run.diverged_at, solver.schemes,
    )  # fmt: skip


def _fields(law, U, plane):
    found = law.fields(U, plane)
    return {name: found[name].numpy() for name in NAMES}


def _steady(law, case, solver, plane, progress) -> PlaneSolution:
    """The steady flow near the start, residuals in units of the density, the thermal speed of the hottest wall and the time that
    takes it along the shorter side."""
    began, U = perf_counter(), start(law, case)
    speed = max([wall.temperature for wall in case.walls] + [float(case.T.max())]) ** 0.5
    side = min(n * d for n, d in zip(case.cells, case.spacing, strict=True))
    scale = float(U[0].mean()) * speed ** law.degrees.to(U.dtype)
    U, residuals, status = steady(solver, U, plane, scale, side / speed, progress=progress)
    return PlaneSolution(
        np.array([np.inf]), case, _fields(law, U[None], plane), U[None].numpy(), len(residuals) - 1, perf_counter() - began,
        status, None, solver.schemes, residuals=tuple(residuals), walls=_balance(law, case, solver, U[None], plane),
    )  # fmt: skip


def _balance(law, case, solver, U, plane) -> dict[str, dict[str, float]]:
    """{side: mass, force along x and y and energy that the gas gives a wall in unit time and per unit of depth}."""
    found, diffusion = {}, law.diffusion(U, plane)
    for axis in (0, 1):
        F, _ = solver.through(U, plane, axis)
        F = F if diffusion is None else F + diffusion[axis]
        for end in (0, 1):
            number = 2 * axis + end
            if isinstance(case.sides[number], Wall):
                net = (2 * end - 1) * case.spacing[1 - axis] * F.select(3 - axis, -end).sum(-1)[0]
                along, across = law.momentum
                places = {"mass": 0, "force_x": along, "force_y": across, "energy": 2}
                found[SIDES[number]] = {name: float(net[place]) for name, place in places.items()}
    return found
