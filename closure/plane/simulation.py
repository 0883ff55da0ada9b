"""Advance cases of two space dimensions with a closure: from a ``kinetic.PlaneCase`` to fields over time, or steady ones."""

from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
import torch

from knudsen.closure.plane.law import NAMES, PlaneLaw
from knudsen.kinetic.plane.anderson import Anderson
from knudsen.kinetic.plane.case import PlaneCase
from knudsen.kinetic.wall import Wall
from knudsen.solvers.plane import PlaneSolver, Rectangle, Side

VISIT = 0.2  # time, in those that sound takes along the shorter side, between two residuals of a steady flow


@dataclass(eq=False)
class PlaneSolution:
    """What a closure made of a case.

    t [S]; fields {name: [S, ny, nx]} by ``NAMES``, which are attributes, too; U [S, component, ny, nx]: the closure's moments;
    status ``ok`` or ``diverged`` with diverged_at = (time, cell, counted along x first): later rows are NaN;
    schemes: reconstruction, flux, integrator. A steady flow has one row, at time infinity, ``residuals`` of its visits, and
    may be ``not_converged``.
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


@torch.no_grad()
def simulate_plane(
    law: PlaneLaw, case: PlaneCase, *, compiled: bool = True, progress=None, **solver_options
) -> PlaneSolution:  # fmt: skip
    """The solution of a case, up to its end time or steady, as it says. solver_options: reconstruction, flux, integrator, cfl of
    :class:`solvers.plane.PlaneSolver`; compiled: take the compiled sweeps along the lines."""
    solver, plane = PlaneSolver(law, **solver_options), rectangle(law, case)
    if case.steady:
        return _steady(law, case, solver, plane, progress)
    run = solver.run(start(law, case), plane, case.save_times, progress)
    return PlaneSolution(
        np.array([0.0, *case.save_times]), case, _fields(law, run.U, plane), run.U.numpy(), run.steps, run.seconds,
        "diverged" if run.diverged_at else "ok", run.diverged_at, solver.schemes,
    )  # fmt: skip


def _fields(law, U, plane):
    found = law.fields(U, plane)
    return {name: found[name].numpy() for name in NAMES}


def _steady(law, case, solver, plane, progress, tolerance: float = 1e-6, most: int = 1000) -> PlaneSolution:
    r"""The steady flow: marched, and the visits, a few steps each, combined by Anderson's method.

    residual: the largest :math:`|\Delta U|` in a visit over its time, in units of the density, the thermal speed of the hottest
    wall, and the time that takes it along the shorter side.
    """
    began, U, mixer = perf_counter(), start(law, case), Anderson()
    speed = max([wall.temperature for wall in case.walls] + [float(case.T.max())]) ** 0.5
    side = min(n * d for n, d in zip(case.cells, case.spacing, strict=True))
    visit, mass = VISIT * side / speed, float(U[0].mean())
    scale = mass * speed ** law.degrees.to(U.dtype)[:, None, None]
    residuals, steps, status, best, broken = [], 0, "not_converged", U, None
    for _ in range(most):
        run = solver.run(U, plane, [visit])
        steps += run.steps
        if run.diverged_at is not None:
            if U is best:
                status, broken = "diverged", run.diverged_at
                break
            mixer.forget()
            U = best
            continue
        best = run.U[-1]
        change = (best - U) / scale
        residuals.append(float(change.abs().max()) / VISIT)
        if progress:
            progress(residuals)
        if residuals[-1] < tolerance:
            status = "ok"
            break
        mixed = mixer((U / scale).numpy().ravel(), change.numpy().ravel())
        U = torch.tensor(mixed).reshape(U.shape) * scale
        if not bool(law.admissible(U[None]).all()):
            mixer.forget()
            U = best
    return PlaneSolution(
        np.array([np.inf]), case, _fields(law, best[None], plane), best[None].numpy(), steps, perf_counter() - began, status,
        broken, solver.schemes, residuals=tuple(residuals),
    )  # fmt: skip
