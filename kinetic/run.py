"""One trajectory: the loop over saved times that the solvers share."""

import time
import warnings
from itertools import pairwise

import numpy as np

from knudsen.errors import InputError, UnderResolvedWarning
from knudsen.kinetic.trajectory import Trajectory
from knudsen.solvers.integrators import INTEGRATORS as TABLEAUX

VISIT = 0.2  # seconds of computing between visits to Python, for the progress bar and interrupts
INTEGRATORS = {name: tableau for name, tableau in TABLEAUX.items() if tableau.implicit}  # collisions are stiff


class Run:
    """A case on its way: called with an event that stops it, it returns the Trajectory; ``done`` is the fraction so far.

    A solver gives ``start`` (f of the start), ``storage`` (its arrays, that of f first), ``interior`` (f of that array),
    ``moments`` (raw moments [fields, order + 1, n] of f) and ``march`` (from one saved time to the next; returns the steps
    taken, and None or (time, cell) of a failure); it may extend ``doubts`` and ``trajectory``.
    """

    def __init__(self, case, gas, transport, integrator, cfl, grid, order, keep_f):
        self.case, self.gas, self.grid, self.order, self.keeps = case, gas, grid, order, _kept(keep_f, case)
        self.transport, self.integrator, self.scheme = transport, integrator, INTEGRATORS[integrator]
        self.longest = self.longest_step(cfl)
        self.done = 0.0  # fraction

    def longest_step(self, cfl):
        return cfl * self.case.dx / self.grid.fastest

    def __call__(self, stop):
        if stop.is_set():
            raise InterruptedError("the run was stopped")
        began = time.perf_counter()
        times = np.concatenate([[0.0], self.case.save_times])
        f = self.start()
        saved, kept, steps, failure = [self.moments(f)], [f] if self.keeps[0] else [], 0, None
        storage = self.storage(f)
        for (start, end), keep in zip(pairwise(times), self.keeps[1:], strict=True):
            taken, failure = self.march(storage, start, end, stop)
            steps += taken
            if failure:
                break
            f = self.interior(storage[0])
            saved.append(self.moments(f))
            if keep:
                kept.append(f.copy())
        self.done = 1.0
        for rows, length, row in ((saved, times.size, saved[0]), (kept, sum(self.keeps), f)):
            rows += [np.full_like(row, np.nan)] * (length - len(rows))
        f = np.stack(kept) if kept else None
        trajectory = self.trajectory(times, np.stack(saved), f, steps, time.perf_counter() - began, failure)
        trajectory.schemes, trajectory.warnings = (self.transport, self.integrator), tuple(self.doubts())
        for doubt in trajectory.warnings:
            warnings.warn(doubt, UnderResolvedWarning, stacklevel=2)
        return trajectory

    def in_visits(self, advance, start, end, stop):
        """From one saved time to the next in equal steps by a compiled loop, ``VISIT`` seconds at a time.

        advance(dt, steps) -> (steps done, cell that failed or -1, under-resolved targets). Returns (steps, None or (time, cell)
        of the failure).
        """
        steps = max(1, int(np.ceil((end - start) / self.longest - 1e-9)))
        dt = (end - start) / steps
        taken, visit = 0, 1
        while taken < steps:
            if stop.is_set():
                raise InterruptedError("the run was stopped")
            began = time.perf_counter()
            now, cell, fitted = advance(dt, min(visit, steps - taken))
            taken += now
            self.fitted += fitted
            if cell >= 0:
                return taken, (float(start + taken * dt), int(cell))
            self.done = (start + taken * dt) / self.case.t_end
            seconds = time.perf_counter() - began
            visit = max(1, int(visit * min(8.0, VISIT / max(seconds, 1e-6))))
        return taken, None

    def trajectory(self, times, moments, f, steps, seconds, failure):
        G, H = moments[:, 0], (moments[:, 1] if self.gas.has_h else None)
        transverse = moments[:, 2:] if self.case.has_shear else None
        return Trajectory(
            t=times, x=self.case.x, dx=self.case.dx, G=G, H=H, gas=self.gas,
            knudsen=np.broadcast_to(self.case.knudsen, self.case.cells), grid=self.grid, steps=steps, seconds=seconds,
            status="diverged" if failure else "ok", diverged_at=failure,
            f=f, t_f=None if f is None else times[self.keeps], case=self.case.name, seed=self.case.seed,
            transverse=transverse,
        )  # fmt: skip

    def doubts(self):
        """What is doubtful about the numbers, in words; asked at the end."""
        return []


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
