"""A run in the plane on several processes: each has a strip of rows, and sends its outermost rows to its neighbours.

A cell's update reads three rows beyond it, and everything else it needs (time step, velocities, emission of the walls) is the
same for all; so the result is the same, to the last bit, on any number of processes. The rows that no message concerns are
computed while the messages travel.
"""

import numpy as np

from knudsen.errors import InputError
from knudsen.kinetic.plane import kernel
from knudsen.kinetic.plane.run import PlaneRun

BELOW, ABOVE = 0, 1  # where a message goes, as its tag
G = kernel.GHOST
BEYOND = {BELOW: slice(None, G), ABOVE: slice(-G, None)}
OUTERMOST = {BELOW: slice(G, 2 * G), ABOVE: slice(-2 * G, -G)}


class StripRun(PlaneRun):
    """The part of a run that process ``ranks.rank`` of ``ranks.size`` has; ranks: a communicator of mpi4py.

    Every process returns the trajectory of the whole case.
    """

    def __init__(self, case, gas, transport, integrator, cfl, velocities, order, keep_f, ranks):
        super().__init__(case, gas, transport, integrator, cfl, velocities, order, keep_f)
        if self.keeps.any():
            raise InputError("keep_f: f in the plane lies on several processes and is not kept; give keep_f=false")
        ny, n = case.cells[1], ranks.size
        if ny < G * n:
            raise InputError(f"case.cells: {ny} rows for {n} processes; each needs {G}: start at most {ny // G}")
        first, end = (ny * (ranks.rank + k) // n for k in (0, 1))
        self.ranks, self.rows = ranks, slice(first, end)
        around = case.sides[2] == "periodic"
        self.neighbours = {
            BELOW: (ranks.rank - 1) % n if ranks.rank or around else None,
            ABOVE: (ranks.rank + 1) % n if ranks.rank < n - 1 or around else None,
        }

    def physics(self):
        model, space, sides, nodes, scheme = super().physics()
        for way, neighbour in self.neighbours.items():
            if neighbour is not None:
                sides.kind[2 + way] = kernel.FIXED  # the kernel leaves the rows beyond as they are: the neighbour's
        return model, space, sides, nodes, scheme

    def stage(self, j, dt, now, then, accumulators, scratch, physics):
        model, space, sides, nodes, scheme = physics
        here, failures, fitted = now.reshape(self.shape), [], 0

        def compute(first, end):
            nonlocal fitted
            rows, eps = (first, end), self.case.knudsen
            failed, more = kernel.stage(j, rows, now, then, accumulators, eps, model, space, nodes, dt, scheme, scratch)
            fitted += more
            if failed >= 0:
                failures.append(failed + self.rows.start * space.nx)

        messages, arriving = self._send(here)
        kernel.fill_ghosts(now, model, space, sides, nodes)
        low = min(G, space.ny)
        high = max(low, space.ny - G)
        compute(low, high)
        for message in messages:
            message.Wait()
        for way, rows in arriving.items():
            here[:, BEYOND[way]] = rows
        compute(0, low)
        compute(high, space.ny)
        return min(failures, default=-1), fitted

    def _send(self, here):
        """Starts to send the outermost rows; (messages, {way: rows that arrive from there})."""
        messages, arriving = [], {}
        for way, neighbour in self.neighbours.items():
            if neighbour is None:
                continue
            arriving[way] = np.empty_like(here[:, :G])
            messages.append(self.ranks.Irecv(arriving[way], neighbour, tag=ABOVE if way == BELOW else BELOW))
        for way, neighbour in self.neighbours.items():
            if neighbour is not None:
                messages.append(self.ranks.Isend(np.ascontiguousarray(here[:, OUTERMOST[way]]), neighbour, tag=way))
        return messages, arriving

    def first(self, failures):
        return min((found for found in self.ranks.allgather(super().first(failures)) if found), default=None)

    def moments(self, f):
        return np.concatenate(self.ranks.allgather(super().moments(f)), axis=1)

    def doubts(self):
        self.fitted = sum(self.ranks.allgather(self.fitted))
        return super().doubts()
