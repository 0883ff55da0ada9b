"""Running the discrete-velocity solver: cases in, trajectories of moments out."""

import threading
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from knudsen.errors import InputError, UnderResolvedWarning
from knudsen.kinetic import kernel
from knudsen.kinetic.case import Case
from knudsen.kinetic.gas import Gas
from knudsen.kinetic.grid import VelocityGrid, grid_of_case
from knudsen.kinetic.maxwellian import discrete_maxwellian, transverse_weights
from knudsen.kinetic.moments import macroscopic, maxwellian_moments, tangential
from knudsen.solvers.boundaries import BOUNDARIES
from knudsen.solvers.integrators import INTEGRATORS as TABLEAUX

INTEGRATORS = {name: tableau for name, tableau in TABLEAUX.items() if tableau.implicit}  # collisions are stiff
TRANSPORTS = {"muscl": 2, "weno5": 5}  # name: order in space
KIND = {"bgk": kernel.BGK, "shakhov": kernel.SHAKHOV, "es_bgk": kernel.ES_BGK}
LANES = 8  # rows of velocities are padded to whole vectors
VISIT = 0.2  # seconds of computing between visits to Python, for the progress bar and interrupts


@dataclass(eq=False)
class Trajectory:
    """A kinetic solution at S saved times on n cells.

    t [S]; x [n]; dx; G [S, order + 1, n] and H (None for D = 1): raw moments int v^k f and int v^k |v_perp|^2 f;
    rho, u, T, q, sigma [S, n]; knudsen [n]; steps; seconds; status ``ok`` or ``diverged`` with diverged_at = (time, cell): saved
    times from then on are NaN; grid: the velocities; f [F, fields, n, K] at the saved times t_f [F], if kept;
    case, seed: name of the case and what its start was drawn from (None: not drawn).
    With shear: transverse [S, 3, order + 1, n], raw moments int v^k (v_y, v_y^2, v_y |v_perp|^2) f, and u_y, sigma_xy, q_y
    [S, n]; without, these four are None.
    """

    t: np.ndarray
    x: np.ndarray
    dx: float
    G: np.ndarray = field(repr=False)
    H: np.ndarray | None = field(repr=False)
    gas: Gas
    knudsen: np.ndarray = field(repr=False)
    grid: VelocityGrid
    steps: int = 0
    seconds: float = 0.0
    status: str = "ok"
    diverged_at: tuple[float, int] | None = None
    f: np.ndarray | None = field(default=None, repr=False)
    t_f: np.ndarray | None = field(default=None, repr=False)
    case: str = ""
    seed: int | None = None
    transverse: np.ndarray | None = field(default=None, repr=False)

    def __post_init__(self):
        G, H = np.moveaxis(self.G, 1, 0), None if self.H is None else np.moveaxis(self.H, 1, 0)
        self.u_y = self.sigma_xy = self.q_y = None
        if self.transverse is not None:
            K, Y, L = np.moveaxis(self.transverse, 2, 0).swapaxes(0, 2).swapaxes(1, 2)
            H, self.u_y, self.sigma_xy, self.q_y = tangential(G, H, K, Y, L)
        self.rho, self.u, self.T, self.sigma, self.q = macroscopic(G, H, self.gas)

    def averaged(self, cells: int) -> "Trajectory":
        """The block averages of the raw moments and of f on fewer cells (a divisor of n), fields recomputed from them."""
        n = self.x.size
        if cells < 1 or n % cells:
            raise InputError(f"case.cells={cells} does not divide the {n} cells of the solution: give a divisor of it")

        def mean(a):
            return None if a is None else a.reshape(*a.shape[:-1], cells, n // cells).mean(axis=-1)

        return Trajectory(
            self.t, mean(self.x), self.dx * n / cells, mean(self.G), mean(self.H), self.gas, mean(self.knudsen), self.grid,
            self.steps, self.seconds, self.status, self.diverged_at,
            None if self.f is None else mean(self.f.swapaxes(2, 3)).swapaxes(2, 3), self.t_f, self.case, self.seed,
            mean(self.transverse),
        )  # fmt: skip


def simulate(
    cases: Case | Iterable[Case],
    gas: Gas,
    *,
    transport: str = "muscl",
    integrator: str = "ars222",
    cfl: float = 0.45,
    velocity_grid: VelocityGrid | None = None,
    workers: int = 1,
    progress: bool | Callable[[float], None] = False,
    order: int = 10,
    keep_f: bool | Sequence[float] = False,
) -> list[Trajectory]:
    r"""Solve :math:`\partial_t f + v\,\partial_x f + a\,\partial_{v_y} f = r \nu\,(\mathcal{M}[f] - f)/\epsilon` for every case.

    gas: a relaxation model (:mod:`knudsen.kinetic.collisions`: target M, rate r nu), or a Boltzmann gas, of the right-hand side
    Q(f)/eps (:mod:`knudsen.kinetic.full_velocity`); a: the case's acceleration along y.
    transport: ``muscl`` (order 2) or ``weno5`` (order 5, point values); integrator: ``ars222`` (order 2) or ``ars443`` (order 3);
    cfl: dt = cfl dx / max|v| for every Knudsen number; velocity_grid: None chooses one from the states of each case;
    workers: threads, one trajectory each (the result does not depend on their number);
    progress: True for a bar, or a function of the fraction done; order: highest raw moment kept; keep_f: keep f as well,
    at every saved time (True) or at these, which must be saved times.
    Raises InputError naming ``solver.<key>`` or ``gas.<key>``. A solution that diverges says so in its status.
    """
    _known(transport, TRANSPORTS, "transport")
    _known(integrator, INTEGRATORS, "integrator")
    if isinstance(cfl, bool) or not isinstance(cfl, int | float) or not 0 < cfl <= 1:
        raise InputError(f"solver.cfl={cfl!r}: give a number in (0, 1]")
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        raise InputError(f"workers={workers!r}: give a positive integer")
    if isinstance(order, bool) or not isinstance(order, int) or order < 3:
        raise InputError(f"order={order!r}: give an integer of at least 3 (the heat flux)")
    cases = [cases] if isinstance(cases, Case) else list(cases)
    run_of, choose_grid = _Run, grid_of_case
    if gas.is_boltzmann:
        from knudsen.kinetic.full_velocity import FullVelocityRun as run_of
        from knudsen.kinetic.full_velocity import full_grid as choose_grid
    runs = [
        run_of(case, gas, transport, integrator, cfl, velocity_grid or choose_grid(case, gas), order, keep_f) for case in cases
    ]
    stop = threading.Event()
    with ThreadPoolExecutor(workers) as pool, _Bar(progress, runs) as bar:
        futures = [pool.submit(run, stop) for run in runs]
        try:
            while not all(future.done() for future in futures):
                bar.show()
                _wait(futures, VISIT)
            return [future.result() for future in futures]
        finally:
            stop.set()  # after an interrupt or an error the other threads end at their next visit


class _Run:
    """One trajectory: storage and the loop over saved times."""

    def __init__(self, case, gas, transport, integrator, cfl, grid, order, keep_f):
        if grid.points > kernel.MOST_VELOCITIES:
            raise InputError(
                f"gas.velocity_points: {grid.points} are needed, at most {kernel.MOST_VELOCITIES} fit; give a number"
            )
        if case.has_shear and gas.dims == 1:
            raise InputError(f"case={case.name}: moves along y, which gas={gas.name} does not have; take gas=bgk_2v or bgk_3v")
        if case.walls is not None and not np.array_equal(grid.v, -grid.v[::-1]):
            low, high = grid.bounds
            raise InputError(f"gas.velocity_bounds=[{low:g}, {high:g}]: walls reflect velocities; give [-v, v]")
        self.case, self.gas, self.grid, self.order, self.keeps = case, gas, grid, order, _kept(keep_f, case)
        self.transport, self.scheme = transport, INTEGRATORS[integrator]
        self.explicit, self.implicit = self.scheme.arrays()
        self.longest = cfl * case.dx / grid.fastest
        self.done = 0.0  # fraction
        self.fitted = 0

    def __call__(self, stop):
        if stop.is_set():
            raise InterruptedError("the run was stopped")
        began = time.perf_counter()
        times = np.concatenate([[0.0], self.case.save_times])
        f = self._start()
        saved, kept, steps, failure = [self._moments(f)], [f] if self.keeps[0] else [], 0, None
        storage = self._storage(f)
        for (start, end), keep in zip(pairwise(times), self.keeps[1:], strict=True):
            taken, failure = self._march(storage, start, end, stop)
            steps += taken
            if failure:
                break
            f = self._interior(storage[0])
            saved.append(self._moments(f))
            if keep:
                kept.append(f.copy())
        self.done = 1.0
        for rows, length, row in ((saved, times.size, saved[0]), (kept, sum(self.keeps), f)):
            rows += [np.full_like(row, np.nan)] * (length - len(rows))
        self._warn()
        f = np.stack(kept) if kept else None
        return self._trajectory(times, np.stack(saved), f, steps, time.perf_counter() - began, failure)

    def _start(self):
        return self.case.distribution(self.gas, self.grid)

    def _storage(self, start):
        """f with ghosts, its twin, the accumulators, scratch rows; flat, velocities padded to whole vectors."""
        n, K, ghost = self.case.cells, self.grid.points, kernel.GHOST
        self.shape = (start.shape[0], n + 2 * ghost, -(-K // LANES) * LANES)
        f = np.zeros(self.shape)
        f[:, ghost:-ghost, :K] = start
        if self.case.boundary == "fixed":
            for rows, (rho, u, T) in zip((slice(None, ghost), slice(-ghost, None)), self.case.end_states(self.gas), strict=True):
                M = discrete_maxwellian(rho, u, T, self.grid)
                f[:, rows, :K] = np.stack([w * M for w in transverse_weights(0.0, T, self.gas.dims)[: self.shape[0]]])[:, None]
        accumulators = np.zeros((self.scheme.stages - 1) * self.shape[0] * n * self.shape[2])
        return f.reshape(-1), f.reshape(-1).copy(), accumulators, kernel.scratch()

    def _physics(self):
        """(Model, Ends, Force) of the kernel."""
        case, gas, grid = self.case, self.gas, self.grid
        fields, _, K = self.shape
        exponent = -np.inf if gas.omega is None else 1.0 - gas.omega
        model = kernel.Model(KIND[gas.collision], fields, gas.dims, gas.prandtl, exponent)
        accommodation, emission, source = np.zeros(2), np.zeros((2, fields, K)), np.zeros((2, K))
        for side, wall in enumerate(case.walls or ()):
            M = discrete_maxwellian(1.0, 0.0, wall.temperature, grid)
            M /= (np.maximum(grid.v, 0.0) * M).sum()
            weights = transverse_weights(wall.velocity, wall.temperature, gas.dims)[:fields]
            accommodation[side], emission[side, :, : grid.points] = wall.accommodation, np.stack([w * M for w in weights])
        if case.temperature_gradient:
            G, H = maxwellian_moments(case.rho, case.u, case.T, gas, 3)
            rho, _, T, _, _ = macroscopic(G.sum(1).mean(-1), H.sum(1).mean(-1), gas)
            M = -0.5 * case.temperature_gradient * T * discrete_maxwellian(rho, 0.0, T, grid)
            z2 = grid.v**2 / T
            source[:, : grid.points] = (z2 - 1) * M, (gas.dims + 1) * T * (z2 + 1) * M
        ends = kernel.Ends(BOUNDARIES[case.boundary], accommodation, emission, np.zeros((2, fields, K)))
        return model, ends, kernel.Force(case.acceleration != 0 or case.temperature_gradient != 0, case.acceleration, source)

    def _interior(self, flat):
        return flat.reshape(self.shape)[:, kernel.GHOST : -kernel.GHOST, : self.grid.points]

    def _march(self, storage, start, end, stop):
        """From one saved time to the next in equal steps; returns (steps, None or (time, cell) of the failure)."""
        f, other, accumulators, row = storage
        case, grid = self.case, self.grid
        steps = max(1, int(np.ceil((end - start) / self.longest - 1e-9)))
        dt = (end - start) / steps
        v, mask = np.zeros((2, self.shape[2]))
        v[: grid.points], mask[: grid.points] = grid.v, 1.0
        eps = np.broadcast_to(case.knudsen, case.cells).astype(float)
        physics = self._physics()
        taken, visit = 0, 1
        while taken < steps:
            if stop.is_set():
                raise InterruptedError("the run was stopped")
            began = time.perf_counter()
            now, cell, fitted = kernel.advance(
                f, other, accumulators, eps, *physics, v, mask, grid.dv, case.dx, dt, min(visit, steps - taken),
                self.explicit, self.implicit, self.transport == "weno5", row,
            )  # fmt: skip
            taken += now
            self.fitted += fitted
            if cell >= 0:
                return taken, (float(start + taken * dt), int(cell))
            self.done = (start + taken * dt) / case.t_end
            seconds = time.perf_counter() - began
            visit = max(1, int(visit * min(8.0, VISIT / max(seconds, 1e-6))))
        return taken, None

    def _moments(self, f):
        """Raw moments [fields, order + 1, n] of f [fields, n, K]."""
        powers = self.grid.v ** np.arange(self.order + 1)[:, None] * self.grid.dv
        return powers @ f.swapaxes(1, 2)

    def _trajectory(self, times, moments, f, steps, seconds, failure):
        G, H = moments[:, 0], (moments[:, 1] if self.gas.has_h else None)
        transverse = moments[:, 2:] if self.case.has_shear else None
        return Trajectory(
            t=times, x=self.case.x, dx=self.case.dx, G=G, H=H, gas=self.gas,
            knudsen=np.broadcast_to(self.case.knudsen, self.case.cells), grid=self.grid, steps=steps, seconds=seconds,
            status="diverged" if failure else "ok", diverged_at=failure,
            f=f, t_f=None if f is None else times[self.keeps], case=self.case.name, seed=self.case.seed,
            transverse=transverse,
        )  # fmt: skip

    def _warn(self):
        if self.fitted:
            warnings.warn(
                f"{self.case.name}: {self.grid.points} velocities, spacing {self.grid.dv:.3g}, under-resolve the gas: "
                "conservation is exact, transport coefficients are not. Give more gas.velocity_points or wider bounds.",
                UnderResolvedWarning,
                stacklevel=2,
            )


class _Bar:
    """Progress of all runs: a tqdm bar, a function of the fraction, or nothing."""

    def __init__(self, progress, runs):
        self.runs, self.report, self.bar = runs, progress if callable(progress) else None, None
        if progress is True:
            from tqdm import tqdm

            self.bar = tqdm(
                total=len(runs),
                desc="kinetic",
                unit="case",
                bar_format="{desc} {percentage:3.0f}% |{bar:30}| {elapsed}<{remaining}",
            )

    def show(self):
        done = sum(run.done for run in self.runs)
        if self.bar is not None:
            self.bar.update(done - self.bar.n)
        if self.report is not None and self.runs:
            self.report(done / len(self.runs))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.show()
        if self.bar is not None:
            self.bar.close()


def _wait(futures, seconds):
    """Sleep until a run ends or fails, at most so long."""
    running = [future for future in futures if not future.done()]
    for future in futures:
        if future.done() and future.exception():
            raise future.exception()
    wait(running, timeout=seconds, return_when=FIRST_COMPLETED)


def _kept(keep_f, case):
    """[S] whether f is kept at each saved time, the start included."""
    times = np.concatenate([[0.0], case.save_times])
    if isinstance(keep_f, bool | None):
        return np.full(times.size, bool(keep_f))
    try:
        keep_f = np.asarray([float(t) for t in keep_f])
    except (TypeError, ValueError):
        raise InputError(f"keep_f={keep_f!r}: give true, false or a list of saved times") from None
    missing = keep_f[~np.isin(keep_f, times)]
    if missing.size:
        raise InputError(f"keep_f: {missing[0]:g} is not a saved time (0, case.save_times, t_end): add it to case.save_times")
    return np.isin(times, keep_f)


def _known(value, table, key):
    if value not in table:
        raise InputError(f"solver.{key}={value!r} is unknown: choose one of {', '.join(table)}")
