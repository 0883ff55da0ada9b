"""Running the time-dependent solvers: cases in, trajectories of moments out."""

import functools
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

from knudsen.errors import InputError
from knudsen.kinetic.case import Case
from knudsen.kinetic.full_velocity import FullVelocityRun, full_grid
from knudsen.kinetic.gas import Gas
from knudsen.kinetic.grid import VelocityGrid, grid_of_case
from knudsen.kinetic.plane.case import PlaneCase
from knudsen.kinetic.plane.run import PlaneRun, PlaneTrajectory
from knudsen.kinetic.plane.velocities import check_gas, plane_velocities
from knudsen.kinetic.reduced import ReducedRun
from knudsen.kinetic.run import INTEGRATORS, VISIT
from knudsen.kinetic.trajectory import Trajectory

TRANSPORTS = {"muscl": 2, "weno5": 5}  # name: order in space


def simulate(
    cases: Case | PlaneCase | Iterable[Case | PlaneCase],
    gas: Gas,
    *,
    transport: str = "weno5",
    integrator: str = "ars222",
    cfl: float = 0.45,
    velocity_grid: VelocityGrid | Callable[[Case, Gas], VelocityGrid] | None = None,
    workers: int = 1,
    progress: bool | Callable[[float], None] = False,
    order: int = 10,
    keep_f: bool | Sequence[float] = False,
    ranks=None,
) -> list[Trajectory | PlaneTrajectory]:
    r"""Solve :math:`\partial_t f + v\,\partial_x f + a\,\partial_{v_y} f = r \nu\,(\mathcal{M}[f] - f)/\epsilon` for every case.

    gas: a relaxation model (:mod:`knudsen.kinetic.collisions`: target M, rate r nu), or a Boltzmann gas, of the right-hand side
    Q(f)/eps (:mod:`knudsen.kinetic.full_velocity`); a: the case's acceleration along y.
    In the plane (:class:`~knudsen.kinetic.plane.case.PlaneCase`) the result is a
    :class:`~knudsen.kinetic.plane.run.PlaneTrajectory`, and transport between walls muscl's.
    transport: ``weno5`` (order 5) or ``muscl`` (order 2, positive: it takes over a case that weno5 loses); integrator: ``ars222``
    (order 2) or ``ars443`` (order 3);
    cfl: dt = cfl dx / max|v| for every Knudsen number; velocity_grid: None chooses one from the states of each case and from how
    far they fly freely (:func:`knudsen.kinetic.grid.grid_of_case`), a function of (case, gas) does so in its place;
    workers: threads, one trajectory each (the result does not depend on their number);
    progress: True for a bar, or a function of the fraction done; order: highest raw moment kept; keep_f: keep f as well,
    at every saved time (True) or at these, which must be saved times;
    ranks: an mpi4py communicator whose processes all make this call and share a case in the plane, each a strip of rows
    (:mod:`knudsen.kinetic.plane.strips`): all get the whole trajectory, the same bits for any number of processes.
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
    cases = [cases] if isinstance(cases, Case | PlaneCase) else list(cases)
    if shared := ranks is not None and ranks.size > 1:
        workers = 1  # all processes go through the cases in one order
    runs = []
    for case in cases:
        run_of, choose_grid = _solver(case, gas)
        if shared:
            run_of = _shared(run_of, case, ranks)
        if velocity_grid is not None:
            choose_grid = velocity_grid if callable(velocity_grid) else lambda case, gas: velocity_grid
        runs.append(run_of(case, gas, transport, integrator, cfl, choose_grid(case, gas), order, keep_f))
    stop = threading.Event()
    with ThreadPoolExecutor(workers) as pool, _Bar(progress, runs) as bar:
        futures = [pool.submit(_robustly, run, stop) for run in runs]
        try:
            while not all(future.done() for future in futures):
                bar.show()
                _wait(futures, VISIT)
            return [future.result() for future in futures]
        finally:
            stop.set()  # after an interrupt or an error the other threads end at their next visit


def _solver(case, gas):
    """(what runs the case, what chooses its velocities)."""
    if isinstance(case, PlaneCase):
        check_gas(case, gas)
        return PlaneRun, plane_velocities
    return (FullVelocityRun, full_grid) if gas.is_boltzmann else (ReducedRun, grid_of_case)


def _shared(run_of, case, ranks):
    """What runs the case on all processes of ``ranks``."""
    if run_of is not PlaneRun:
        raise InputError(f"ranks: case={case.name} has one space dimension, which is not shared among processes; start one")
    from knudsen.kinetic.plane.strips import StripRun

    return functools.partial(StripRun, ranks=ranks)


def _robustly(run, stop):
    """The run's trajectory; one that weno5 loses, which is not positive, is made with muscl where that can."""
    found = run(stop)
    if found.status == "diverged" and run.transport == "weno5":
        run.transport = "muscl"
        again = run(stop)
        if again.status == "ok":
            again.seconds += found.seconds
            again.fallback = True
            return again
    return found


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


def _known(value, table, key):
    if value not in table:
        raise InputError(f"solver.{key}={value!r} is unknown: choose one of {', '.join(table)}")
