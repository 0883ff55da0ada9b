"""Advance cases with a closure: from a ``knudsen.kinetic.Case`` to fields over time, many cases in one batch."""

import time
from dataclasses import dataclass, replace

import numpy as np
import torch

from knudsen.errors import InputError
from knudsen.kinetic.case import Case
from knudsen.kinetic.gas import Gas
from knudsen.kinetic.moments import maxwellian_moments
from knudsen.solvers import Boundary, Cells, Solver

FASTEST = 6.0  # thermal speeds: of the closures' waves at most, near equilibrium
COLLAPSED = 20.0  # times the convective number of steps
UNSEEN = 0.05  # of the cells, from where on what a network has not seen is said


@dataclass
class Fields:
    """The gas in every cell: x [n]; rho, u, T, sigma, q [..., n]; U [..., component, n] the closure's own moments."""

    x: np.ndarray
    rho: np.ndarray
    u: np.ndarray
    T: np.ndarray
    sigma: np.ndarray
    q: np.ndarray
    U: np.ndarray


@dataclass
class Solution(Fields):
    """What a closure made of one case. Arrays [time, cell]; row 0 is the start, NaN from where it diverged.

    closed [S, n]: T^(k/2) W_k, the first Hermite moment that the closure supplies, k = closed_order (None where it has none);
    spread [S, n]: its standard deviation among the members of an ensemble (None without one).

    x [n]; rho, u, T, sigma, q [S, n]; U [S, component, n]; t [S]; knudsen: number or [n]; steps; seconds: the case's share of the
    wall time; status 'ok' | 'diverged'; diverged_at (time, cell) or None.
    """

    t: np.ndarray
    knudsen: float | np.ndarray
    steps: int
    seconds: float
    status: str
    diverged_at: tuple[float, int] | None
    schemes: tuple[str, str, str]  # reconstruction, flux, integrator that made it
    closed: np.ndarray | None = None
    closed_order: int | None = None
    spread: np.ndarray | None = None
    fallback: bool = False  # made by the closure's robust schemes, after those asked for had lost it
    warnings: tuple[str, ...] = ()  # what is doubtful about it, in words


def initial_state(law, cases) -> torch.Tensor:
    """The start of every case as the closure's moments [case, component, cell]: exact moments, averaged over the fine cells."""
    return torch.stack([law.start(case) for case in cases])


def equilibrium_state(law, rho: float, u: float, T: float) -> torch.Tensor:
    """The closure's moments of one Maxwellian, [1, component, 1]."""
    G, H = maxwellian_moments(np.full((1, 1), rho), u, T, law.gas, law.order)
    G = torch.tensor(G[:, 0])[None]
    return law.from_moments(G, None if H is None else torch.tensor(H[:, 0])[None])


def case_cells(law, cases) -> Cells:
    """The cells of a batch of cases: one number of cells and one boundary for all."""
    first = cases[0]
    for case in cases:
        if (case.cells, case.boundary) != (first.cells, first.boundary):
            raise ValueError(
                f"case.cells and case.boundary must be the same within a batch: {case.name} differs from {first.name}"
            )
    knudsen = np.stack([np.broadcast_to(case.knudsen, case.cells) for case in cases])
    left = right = None
    if first.boundary == "fixed":
        ends = [case.end_states(law.gas) for case in cases]
        left, right = (torch.cat([equilibrium_state(law, *end[side]) for end in ends]) for side in (0, 1))
    if first.boundary == "walls":
        walls = [[law.wall_numbers(case.walls[side]) for case in cases] for side in (0, 1)]
        left, right = (torch.tensor(wall, dtype=torch.float64)[:, :, None] for wall in walls)
    dx = torch.tensor([case.dx for case in cases], dtype=torch.float64).reshape(-1, 1, 1)
    return Cells(
        dx=dx,
        n=first.cells,
        knudsen=torch.tensor(knudsen)[:, None],
        boundary=Boundary(first.boundary, left, right, law.wall_ghosts if first.boundary == "walls" else None),
    )


@torch.no_grad()
def simulate(
    law, cases, *, batch: int = 64, compiled: bool = True, comoving: bool = True, progress=None,
    **solver_options,
) -> list[Solution]:  # fmt: skip
    """One :class:`Solution` per case. ``solver_options``: reconstruction, flux, integrator, cfl of :class:`solvers.Solver`.

    compiled: take the compiled loop (``closure.compiled``) where the closure and the schemes have one: the same numbers to
    round-off, one case after another. Otherwise cases are advanced in batches of ``batch`` that share cells, boundary and save
    times; ``progress`` as in ``Solver.run``.

    comoving: periodic cases are computed on cells that move with the gas (`drift`), so that what the grid smears does not depend
    on the observer's velocity.

    A case that diverges is run again with the closure's ``robust`` schemes, where it has some.
    """
    cases = list(cases) if isinstance(cases, list | tuple) else [cases]
    for case in cases:
        if case.has_shear:
            raise InputError(f"case={case.name}: the moment solvers have no shear; use solver=kinetic")
        if case.walls is not None and not law.has_walls:
            raise InputError(f"case={case.name}: closure={law.name} has no walls; take another closure, or solver=kinetic")
    solver = Solver(law, **solver_options)
    velocities = [drift(case, law.gas) if comoving else 0.0 for case in cases]
    cases = [replace(case, u=case.u - v) if v else case for case, v in zip(cases, velocities, strict=True)]
    solutions = _advance(law, cases, solver, batch, compiled, progress)
    for schemes in law.robust:
        lost = [i for i, solution in enumerate(solutions) if solution.status == "diverged"]
        if not lost:
            break
        again = _advance(law, [cases[i] for i in lost], Solver(law, **solver_options | dict(schemes)), batch, compiled, None)
        for i, solution in zip(lost, again, strict=True):
            if solution.status == "ok":
                solutions[i] = replace(solution, seconds=solution.seconds + solutions[i].seconds, fallback=True)
    solutions = [
        replace(s, warnings=(*s.warnings, *_doubts(law, s, case, solver.cfl))) for s, case in zip(solutions, cases, strict=True)
    ]
    return [_at_rest(law, solution, v, case.dx) if v else solution for solution, case, v in zip(solutions, cases, velocities)]


def _doubts(law, solution: Solution, case: Case, cfl: float) -> tuple[str, ...]:
    """What is doubtful about a solution, in words: schemes that smear, a step that has collapsed, states unlike the labels."""
    doubts = [*law.notes]
    if solution.fallback:
        doubts.append(f"made by its robust schemes, {' and '.join(solution.schemes[:2])}: steep fronts are smeared")
    fastest = float(np.max(np.abs(case.u) + FASTEST * np.sqrt(case.T)))
    convective = case.t_end * fastest / (cfl * case.dx)
    if solution.steps > COLLAPSED * convective:
        times = solution.steps / convective
        doubts.append(f"its step collapsed: {solution.steps} steps, {times:.0f} times what the gas's own speed asks for")
    later = torch.tensor(solution.U[1:])
    share = float(law.unseen(later[later.isfinite().all((1, 2))], case_cells(law, [case])))
    if share > UNSEEN:
        doubts.append(unlike(share))
    return tuple(doubts)


def unlike(share: float) -> str:
    """Words for a share of the cells whose states a network was not trained on."""
    return f"outside its training: in {100 * share:.0f} % of the cells states or slopes beyond those it was trained on"


def drift(case: Case, gas: Gas) -> float:
    """Velocity of the cells that a case is computed on: the gas's, momentum over mass, or rather the nearest one that moves them
    by whole cells until every saved time, so that nothing is interpolated.

    0 where the domain's place matters (boundaries, a field of Knudsen numbers), or saved times are no multiples of the first.
    """
    times = np.array(case.save_times) / case.save_times[0]
    if case.boundary != "periodic" or np.ptp(case.knudsen) > 0 or np.any(abs(times - np.round(times)) > 1e-9):
        return 0.0
    quantum = case.dx / case.save_times[0]
    G, _ = case.raw_moments(gas, 1)
    return quantum * float(np.round(G[1].sum() / G[0].sum() / quantum))


def _at_rest(law, solution: Solution, velocity: float, dx: float) -> Solution:
    """The solution as seen by whom its cells pass with that velocity."""
    passed = np.round(velocity * solution.t / dx).astype(int)
    moved = {
        name: np.stack([np.roll(row, n, axis=-1) for row, n in zip(values, passed, strict=True)])
        for name in ("rho", "u", "T", "sigma", "q", "U", "closed", "spread")
        if (values := getattr(solution, name)) is not None
    }
    U = torch.tensor(moved["U"])
    moved |= {"u": moved["u"] + velocity, "U": law.boost(U, torch.full_like(U[:, 0], velocity)).numpy()}
    if solution.diverged_at is not None:
        time, cell = solution.diverged_at
        moved["diverged_at"] = time, int(cell + round(velocity * time / dx)) % len(solution.x)
    return replace(solution, **moved)


def _advance(law, cases, solver: Solver, batch: int, compiled: bool, progress) -> list[Solution]:
    """One :class:`Solution` per case with the schemes of one solver."""
    walls = any(case.walls is not None for case in cases)
    if compiled and (rollout := law.rollout(solver, walls)) is not None:
        return [_compiled(rollout, law, solver, case, i, len(cases), progress) for i, case in enumerate(cases)]
    groups: dict[tuple, list[int]] = {}
    for i, case in enumerate(cases):
        groups.setdefault((case.cells, case.boundary, case.save_times), []).append(i)
    batches = [group[k : k + batch] for group in groups.values() for k in range(0, len(group), batch)]
    solutions: list[Solution | None] = [None] * len(cases)
    done = 0
    for members in batches:
        chosen = [cases[i] for i in members]
        cells, times = case_cells(law, chosen), chosen[0].save_times
        start = time.perf_counter()

        def report(fraction, offset=done, share=len(members) / len(cases)):  # noqa: B008 (bound now: the loop goes on)
            if callable(progress):
                progress(offset / len(cases) + fraction * share)

        result = solver.run(initial_state(law, chosen), cells, times, progress=report)
        fields = [_fields(law, U, cells) for U in result.U]
        seconds = (time.perf_counter() - start) / len(members)
        for k, i in enumerate(members):
            values = {name: np.stack([row[name][k].numpy() for row in fields]) for name in fields[0]}
            solutions[i] = Solution(
                t=np.array([0.0, *times]), x=chosen[k].x, **values, U=result.U[:, k].numpy(), knudsen=chosen[k].knudsen,
                steps=result.steps[k], seconds=seconds, status=result.status[k], diverged_at=result.diverged_at[k],
                schemes=solver.schemes, closed_order=law.closed_order,
            )  # fmt: skip
        done += len(members)
    return solutions


def _fields(law, U, cells) -> dict[str, torch.Tensor]:
    """rho, u, T, sigma, q, the closed moment and, of an ensemble, its spread, each [batch, cell]."""
    fields = law.macroscopic(U, cells)
    if law.closed_order is not None:
        fields["closed"] = law.closed_moment(U, cells)
    if len(law.members) > 1:
        fields["spread"] = law.spread(U, cells)
    return fields


def _compiled(rollout, law, solver, case, number: int, total: int, progress) -> Solution:
    """One case by the compiled loop."""
    begin = time.perf_counter()
    cells, start = case_cells(law, [case]), initial_state(law, [case])[0].numpy()
    ends = None
    if case.boundary in ("fixed", "walls"):
        ends = tuple(end[0, :, 0].numpy() for end in (cells.boundary.left, cells.boundary.right))
    rows, steps, diverged_at = rollout(start, ends, case.dx, np.full(case.cells, case.knudsen), case.boundary, case.save_times)
    fields = []
    for U in torch.tensor(rows)[:, None]:
        fields.append({name: value[0].numpy() for name, value in _fields(law, U, cells).items()})
    if callable(progress):
        progress((number + 1) / total)
    return Solution(
        t=np.array([0.0, *case.save_times]), x=case.x, **{name: np.stack([row[name] for row in fields]) for name in fields[0]},
        U=rows, knudsen=case.knudsen, steps=steps, seconds=time.perf_counter() - begin,
        status="ok" if diverged_at is None else "diverged", diverged_at=diverged_at, schemes=rollout.schemes,
        closed_order=law.closed_order, warnings=_regularised(rollout),
    )  # fmt: skip


def _regularised(rollout) -> tuple[str, ...]:
    if rollout.regularised == 0:
        return ()
    return (f"moments that no distribution within reach has were decoded {rollout.regularised} times to those of a smoother one",)
