"""Finite volumes in two space dimensions: both axes by the parts of one (torch, [batch, component, y, x])."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from knudsen.solvers.boundaries import BOUNDARIES
from knudsen.solvers.cells import GHOST, Boundary, Cells
from knudsen.solvers.driver import COLLAPSE, choose
from knudsen.solvers.fluxes import FLUXES
from knudsen.solvers.integrators import INTEGRATORS
from knudsen.solvers.reconstruction import RECONSTRUCTIONS, neighbours, to_faces


def reconstruct_linear(V: Tensor, cells: Cells) -> tuple[Tensor, Tensor]:
    """MUSCL's parabola without its limiter: for smooth steady flows, where a limiter would switch."""
    centre, a, b = neighbours(V)
    middle, odd = centre + (b - a) / 12, 0.25 * (a + b)
    return to_faces(middle + odd, middle - odd)


IN_PLANE = RECONSTRUCTIONS | {"linear": reconstruct_linear}


@dataclass(frozen=True, eq=False)
class Side:
    """What lies beyond one side of a rectangle.

    kind: ``periodic`` (the opposite side), ``outflow`` (copies of the last cells), ``fixed`` or ``walls``, as of
    :class:`~solvers.Boundary`. values: of ``fixed`` the states held beyond it, [component, cell along the side]; of ``walls`` the
    numbers that the law's ``wall_flux`` reads, [number].
    """

    kind: str = "periodic"
    values: Tensor | None = None

    def __post_init__(self):
        if self.kind not in BOUNDARIES:
            raise ValueError(f"side={self.kind!r} is not known; choose one of {', '.join(BOUNDARIES)}")
        if self.kind in ("fixed", "walls") and self.values is None:
            raise ValueError(f"side={self.kind!r} needs its values")


@dataclass(frozen=True, eq=False)
class Rectangle:
    """nx x ny uniform cells: spacing (dx, dy), shape (ny, nx), the Knudsen number, the left, right, bottom and top side."""

    spacing: tuple[float, float]
    shape: tuple[int, int]
    knudsen: float = 1.0
    sides: tuple[Side, Side, Side, Side] = (Side(),) * 4

    def __post_init__(self):
        if not (min(self.spacing) > 0 and min(self.shape) > 0 and self.knudsen > 0):
            raise ValueError(f"spacing={self.spacing}, shape={self.shape}, knudsen={self.knudsen} must be positive")
        for one, other in (self.sides[:2], self.sides[2:]):
            if "periodic" in (one.kind, other.kind) and one.kind != other.kind:
                raise ValueError("a side is periodic with the opposite one; make both periodic")

    def line(self, axis: int) -> Cells:
        """The cells of a line along an axis, for reconstructions."""
        return Cells(self.spacing[axis], self.shape[1 - axis], self.knudsen, Boundary("outflow"))


class PlaneSolver:
    r"""Finite volumes for a balance law in the plane,

    .. math:: \frac{d U}{dt} = -\frac{\Delta_x \hat F}{\Delta x} - \frac{\Delta_y \hat G}{\Delta y} + S(U).

    law: a :class:`~solvers.BalanceLaw` along x, without ``transport``, ``diffusivity`` and gradients in the flux,
    whose ``relax`` and ``source`` take [batch, component, y, x] and a :class:`Rectangle`, and that says by ``turned(axis)`` which
    components are along that axis what its own are along x: the flux along y is that along x of the turned state. So every
    reconstruction and numerical flux of one dimension is one of two, along the lines of cells of either axis.
    reconstruction, flux, integrator: names in IN_PLANE, FLUXES, INTEGRATORS; at most of second order for laws that are not
    linear (fluxes are those of the midpoints of faces).
    cfl: largest dt (max speed along x / dx + max speed along y / dy), within (0, 1].

    Conserves every component without a source to round-off. :meth:`line_fluxes`, where the time goes, may be replaced by a
    compiled form. Raises ValueError, naming the option.
    """

    def __init__(
        self, law, reconstruction: str = "weno5_thinc", flux: str = "hll", integrator: str = "ars222", cfl: float = 0.45
    ):  # fmt: skip
        if not 0 < cfl <= 1:
            raise ValueError(f"cfl={cfl} must lie within (0, 1]")
        self.law, self.cfl, self.schemes = law, cfl, (reconstruction, flux, integrator)
        self.reconstruct = choose("reconstruction", reconstruction, IN_PLANE)
        self.flux = choose("flux", flux, FLUXES)
        self.integrator = choose("integrator", integrator, INTEGRATORS)

    def right_hand_side(self, U: Tensor, plane: Rectangle) -> Tensor:
        """-dF/dx - dG/dy in every cell, [batch, component, y, x]."""
        rate = 0.0
        for axis in (0, 1):
            F, lost = self.through(U, plane, axis)
            rate = rate - (F.diff(dim=3 - axis) + lost) / plane.spacing[axis]
        return rate

    def residual(self, U: Tensor, plane: Rectangle) -> Tensor:
        """The same and the source: zero for a steady state."""
        return self.right_hand_side(U, plane) + self.law.source(U, plane)

    def through(self, U: Tensor, plane: Rectangle, axis: int) -> tuple[Tensor, Tensor | float]:
        """The fluxes through the faces across an axis, [batch, component, y, x], one more of them along it than cells; what the
        law's non-conservative product takes from each cell beside, in units of dx."""
        F, inside, product = self.line_fluxes(self._padded(self._lines(U, axis), plane, axis), plane, axis)
        for end in (0, 1):
            side = plane.sides[2 * axis + end]
            if side.kind == "walls":
                through = self.law.wall_flux(inside[..., end : end + 1], side.values[None, :, None], 1 - 2 * end)
                F = torch.cat((through, F[..., 1:]) if end == 0 else (F[..., :-1], through), -1)
        if product is None:
            return self._cells(F, len(U), axis), 0.0
        jump, within = product  # half of the jump at each face belongs to the cell, and all within it
        for end in (0, 1):
            if plane.sides[2 * axis + end].kind == "walls":
                jump[..., -end] = 0.0
        return self._cells(F, len(U), axis), self._cells(0.5 * (jump[..., :-1] + jump[..., 1:]) + within, len(U), axis)

    def line_fluxes(self, padded: Tensor, plane: Rectangle, axis: int):
        """The numerical fluxes [line, component, face] of padded lines [line, component, cell]; V on the gas's side of the first
        and the last face, [line, variable, 2]; the law's product across the faces and across the cells, None without one."""
        V_l, V_r = self.reconstruct(self.law.variables(padded, plane), plane.line(axis))
        product = None
        if self.law.product is not None:
            product = self.law.product(V_l, V_r), self.law.product(V_r[..., :-1], V_l[..., 1:])
        return self.flux(V_l, V_r, self.law), torch.cat((V_r[..., :1], V_l[..., -1:]), -1), product

    def max_dt(self, U: Tensor, plane: Rectangle) -> Tensor:
        """cfl / (largest speed along x / dx + largest speed along y / dy), [batch]."""
        rates = []
        for axis in (0, 1):  # inflow ghost cells count: they may be faster than the interior
            W = self._padded(self._lines(U, axis), plane, axis)[..., 1:-1]
            speed = self.law.max_speed(self.law.variables(W, plane)).reshape(len(U), -1).amax(1)
            rates.append(speed / plane.spacing[axis])
        return self.cfl / (rates[0] + rates[1])

    def step(self, U: Tensor, dt: float | Tensor, plane: Rectangle) -> Tensor:
        """U one step later. dt: a number, or one per element [batch]."""
        dt = torch.as_tensor(dt, dtype=U.dtype).reshape(-1, 1, 1, 1)
        return self.integrator.step(
            U,
            transport=lambda u: dt * self.right_hand_side(u, plane),
            resolvent=lambda u, a: self.law.relax(u, a * dt, plane),
            source=lambda u: dt * self.law.source(u, plane),
        )

    def run(self, U0: Tensor, plane: Rectangle, times: Sequence[float], progress: Callable[[float], None] | None = None) -> Run:
        """Advance one state [component, y, x] to the given times, which increase from above 0.

        Up to each saved time the steps are remaining / ceil(remaining / max_dt). Ends where a cell is inadmissible or not finite,
        or a step is below 1e-3 of the first one.
        """
        times = np.asarray(times, dtype=float).reshape(-1)
        if len(times) == 0 or times[0] <= 0 or (np.diff(times) <= 0).any() or not np.isfinite(times).all():
            raise ValueError(f"times={times.tolist()} must increase and start above 0")
        begin, U, t, steps, first = time.perf_counter(), U0[None], 0.0, 0, None
        rows, diverged_at = [U0, *(torch.full_like(U0, torch.nan) for _ in times)], self._broken(U, 0.0)
        for row, until in enumerate(times):
            while t < until and diverged_at is None:
                longest = min(float(self.max_dt(U, plane)), times[-1])
                first = longest if first is None else first
                if not longest > COLLAPSE * first:
                    diverged_at = t, self._fastest(U)
                    break
                count = np.ceil((until - t) / longest)
                dt = (until - t) / count
                U, steps = self.step(U, dt, plane), steps + 1
                t = until if count == 1 else t + dt
                diverged_at = self._broken(U, t)
                if progress:
                    progress(t / times[-1])
            if diverged_at is not None:
                break
            rows[row + 1] = U[0].clone()
        return Run(torch.stack(rows), steps, diverged_at, time.perf_counter() - begin)

    def _lines(self, U: Tensor, axis: int) -> Tensor:
        """The turned state along the lines of an axis, [batch lines, component, cell]."""
        U = U if axis == 0 else U[:, self.law.turned(axis)].transpose(2, 3)
        return U.transpose(1, 2).flatten(0, 1)

    def _cells(self, W: Tensor, batch: int, axis: int) -> Tensor:
        """The inverse of ``_lines``."""
        W = W.unflatten(0, (batch, -1)).transpose(1, 2)
        return W if axis == 0 else W.transpose(2, 3)[:, self.law.turned(axis)]

    def _padded(self, W: Tensor, plane: Rectangle, axis: int) -> Tensor:
        """With the ghost cells of both ends."""
        beyond, n = [], W.shape[-1]
        for end in (0, 1):
            side, shape = plane.sides[2 * axis + end], (*W.shape[:-1], GHOST)
            if side.kind == "periodic":
                beyond.append(W[..., (torch.arange(GHOST) + (n if end else -GHOST)) % n])
            elif side.kind == "walls":
                beyond.append(self.law.wall_ghosts(W)[end])
            elif side.kind == "outflow":
                beyond.append(W[..., -end : n if end else 1].expand(shape))
            else:
                states = side.values[self.law.turned(axis)].T.unsqueeze(-1)
                beyond.append(states.repeat(len(W) // len(states), 1, 1).expand(shape))
        return torch.cat((beyond[0], W, beyond[1]), -1)

    def _broken(self, U: Tensor, t: float) -> tuple[float, int] | None:
        """(t, the first inadmissible cell, counted along x first), None where there is none."""
        good = (self.law.admissible(U) & U.isfinite().all(1)).flatten()
        return None if bool(good.all()) else (t, int(good.int().argmin()))

    def _fastest(self, U: Tensor) -> int:
        V = self.law.variables(U.flatten(2), None)
        return int(self.law.max_speed(V)[0, 0].argmax())


@dataclass
class Run:
    """What :meth:`PlaneSolver.run` returns: U [times + 1, component, y, x], row 0 the start, NaN from where it diverged; steps;
    diverged_at: (time, cell) or None; seconds."""

    U: Tensor
    steps: int
    diverged_at: tuple[float, int] | None
    seconds: float
