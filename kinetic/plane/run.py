"""The time-dependent solver in the plane: storage and calls of the compiled kernel."""

from dataclasses import dataclass, field

import numpy as np

from knudsen.errors import InputError
from knudsen.kinetic.gas import Gas
from knudsen.kinetic.plane import kernel
from knudsen.kinetic.plane.case import PlaneCase
from knudsen.kinetic.plane.sweep import all_fields
from knudsen.kinetic.plane.target import FIELDS, SUMS, Nodes, model_of
from knudsen.kinetic.plane.velocities import PlaneVelocities, check_gas, doubts, emitted
from knudsen.kinetic.run import Run
from knudsen.kinetic.wall import Wall

NAMES = ("rho", "u", "v", "T", "qx", "qy", "sigma_xx", "sigma_xy", "sigma_yy")
KINDS = {"periodic": kernel.PERIODIC, "outflow": kernel.OUTFLOW, "fixed": kernel.FIXED}


@dataclass(eq=False)
class PlaneTrajectory:
    """A solution in the plane at S saved times.

    t [S]; x [nx], y [ny]; fields {name: [S, ny, nx]} by ``NAMES``, which are attributes, too; raw [S, SUMS, ny, nx]: the moments
    they are made of; status ``ok`` or ``diverged`` with diverged_at = (time, cell, counted along x first): later rows are NaN.
    """

    t: np.ndarray
    x: np.ndarray
    y: np.ndarray
    raw: np.ndarray = field(repr=False)
    fields: dict[str, np.ndarray] = field(repr=False)
    gas: Gas
    case: PlaneCase
    velocities: PlaneVelocities
    steps: int
    seconds: float
    status: str
    diverged_at: tuple[float, int] | None
    f: np.ndarray | None = field(repr=False)
    t_f: np.ndarray | None = field(repr=False)
    schemes: tuple[str, str] | None = None
    fallback: bool = False
    warnings: tuple[str, ...] = ()

    def __getattr__(self, name):
        if name in NAMES:
            return self.fields[name]
        raise AttributeError(name)


class PlaneRun(Run):
    """One trajectory of f [field, ny, nx, K] in the plane. rows: those of the case that it computes."""

    rows = slice(None)

    def __init__(self, case, gas, transport, integrator, cfl, velocities, order, keep_f):
        check_gas(case, gas)
        if case.walls:  # between them f is not smooth, and it is MUSCL's ghost cells that give a face at the wall its value
            transport = "muscl"
        super().__init__(case, gas, transport, integrator, cfl, velocities, order, keep_f)

    def longest_step(self, cfl):
        dx, dy = self.case.spacing
        return cfl / float((self.grid.quadrant_x / dx + self.grid.quadrant_y / dy).max())

    def start(self):
        self.fitted, self.model = 0, model_of(self.gas)
        self.nodes = Nodes(self.grid.vx, self.grid.vy, self.grid.weight)
        return self.maxwellians(*(getattr(self.case, key)[self.rows] for key in ("rho", "u", "v", "T")))

    def maxwellians(self, rho, u, v, T):
        """f [field, ..., K] of these states."""
        W = np.zeros((rho.size, FIELDS))
        for place, state in enumerate((rho, u, v, T)):
            W[:, place] = state.ravel()
        f = np.empty((rho.size, self.model.fields, self.grid.points))
        failed = kernel.maxwellians(W, self.model, self.nodes, f)
        if failed >= 0:
            u, v, T = W[failed, 1:4]
            state = f"{self.grid.name}: cannot hold a Maxwellian of velocity ({u:g}, {v:g}), T={T:g}"
            raise InputError(f"gas.velocity_points: {state}; give more points")
        return np.moveaxis(f, 1, 0).reshape(self.model.fields, *rho.shape, -1)

    def storage(self, start):
        """f with ghosts, its twin, the accumulators, scratch; flat."""
        fields, ny, nx, K = start.shape
        G = kernel.GHOST
        self.shape = (fields, ny + 2 * G, nx + 2 * G, K)
        f = np.zeros(self.shape)
        f[:, G:-G, G:-G] = start
        beyond = {
            0: (slice(None), slice(G)),
            1: (slice(None), slice(-G, None)),
            2: (slice(G), slice(None)),
            3: (slice(-G, None),),
        }
        for side, kind in enumerate(self.case.sides):
            if kind == "fixed":
                padded = f[:, G:-G] if side < 2 else f[:, :, G:-G]
                edge = start[:, :, [0, -1][side % 2]][:, :, None] if side < 2 else start[:, [0, -1][side % 2]][:, None]
                padded[(slice(None), *beyond[side])] = edge
        accumulators = np.zeros((self.scheme.stages - 1) * start.size)
        return f.reshape(-1), f.reshape(-1).copy(), accumulators, np.zeros((2 * fields + 1) * K)

    def physics(self):
        """(Model, Space, Sides, Nodes, scheme) of the kernel."""
        sides, nx, ny = self.case.sides, self.shape[2] - 2 * kernel.GHOST, self.shape[1] - 2 * kernel.GHOST
        kinds = np.array([kernel.WALL if isinstance(side, Wall) else KINDS[side] for side in sides])
        accommodation = np.array([side.accommodation if isinstance(side, Wall) else 0.0 for side in sides])
        emission = np.zeros((4, self.model.fields, self.grid.points))
        for n, side in enumerate(sides):
            if isinstance(side, Wall):
                emission[n] = emitted(side, n, self.grid, self.gas.dims)
        space = kernel.Space(nx, ny, *self.case.spacing)
        scheme = kernel.Scheme(*self.scheme.arrays(), self.transport == "weno5")
        return self.model, space, kernel.Sides(kinds, accommodation, emission), self.nodes, scheme

    def interior(self, flat):
        G = kernel.GHOST
        return flat.reshape(self.shape)[:, G:-G, G:-G]

    def march(self, storage, start, end, stop):
        physics = self.physics()

        def advance(dt, steps):
            return self.advance(storage, physics, dt, steps)

        return self.in_visits(advance, start, end, stop)

    def advance(self, storage, physics, dt, steps):
        """``steps`` steps of size dt, in place; (steps done, cell that failed or -1, under-resolved targets)."""
        f, other, accumulators, scratch = storage
        now, then, fitted = f, other, 0
        for step in range(steps):
            failures = []
            for j in range(1, self.scheme.stages + 1):
                failed, more = self.stage(j, dt, now, then, accumulators, scratch, physics)
                fitted += more
                if failed >= 0:
                    failures.append((j, failed))
                now, then = then, now
            if failure := self.first(failures):
                return step, failure[1], fitted
        if now is not f:
            f[:] = now
        return steps, -1, fitted

    def stage(self, j, dt, now, then, accumulators, scratch, physics):
        """Stage j, from ``now`` to ``then``; (cell that failed or -1, under-resolved targets)."""
        model, space, sides, nodes, scheme = physics
        kernel.fill_ghosts(now, model, space, sides, nodes)
        everything = (j, (0, space.ny), now, then, accumulators, self.case.knudsen, model, space, nodes, dt, scheme, scratch)
        return kernel.stage(*everything)

    def first(self, failures):
        """The first of the failures (stage, cell) of a step, or None."""
        return min(failures, default=None)

    def moments(self, f):
        """Raw moments [SUMS, ny, nx]."""
        x, y, w = self.nodes
        square = x**2 + y**2
        of_g = w * np.stack([x**0, x, y, x * x, x * y, y * y, x * square, y * square])
        found = np.zeros((SUMS, *f.shape[1:3]))
        for row in range(f.shape[1]):  # each for itself: the order of the sums does not depend on how many there are
            found[:8, row] = of_g @ f[0, row].T
            if len(f) > 1:
                found[8:, row] = of_g[:3] @ f[1, row].T
        return found

    def trajectory(self, times, moments, f, steps, seconds, failure):
        W = np.full((moments.shape[0], *moments.shape[2:], FIELDS), np.nan)
        for raw, fields in zip(moments, W, strict=True):
            if np.isfinite(raw).all():
                all_fields(np.ascontiguousarray(raw.reshape(SUMS, -1).T), self.gas.dims, fields.reshape(-1, FIELDS))
        return PlaneTrajectory(
            times, self.case.x, self.case.y, moments, {name: W[..., n] for n, name in enumerate(NAMES)}, self.gas, self.case,
            self.grid, steps, seconds, "diverged" if failure else "ok", failure, f, None if f is None else times[self.keeps],
        )  # fmt: skip

    def doubts(self):
        return super().doubts() + doubts(self.case, self.gas, self.grid, self.fitted)


def plane_memory(case: PlaneCase, gas: Gas, velocities: PlaneVelocities, stages: int = 2) -> float:
    """Bytes that a run takes: f with ghosts twice, the accumulators, a copy of f for its moments; of steady flows rows of f and
    what every cell has for the acceleration."""
    (nx, ny), G, f = case.cells, kernel.GHOST, 8.0 * velocities.points * (gas.dims - 1)
    if case.steady:
        return f * (2 * nx + 8) + 8.0 * 400 * nx * ny
    return f * (2 * (nx + 2 * G) * (ny + 2 * G) + stages * nx * ny)
