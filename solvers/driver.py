"""The balance-law driver: method of lines, adaptive steps, one batch of independent problems."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from knudsen.solvers.cells import GHOST, Cells, closed
from knudsen.solvers.fluxes import FLUXES
from knudsen.solvers.gradients import EXPLICIT, ImplicitGradients
from knudsen.solvers.integrators import INTEGRATORS
from knudsen.solvers.protocol import BalanceLaw
from knudsen.solvers.reconstruction import RECONSTRUCTIONS
from knudsen.solvers.steady import SteadyResult, pseudo_transient

COLLAPSE = 1e-3  # a step below this part of the element's first one: the solution is blowing up, not becoming stiff


@dataclass
class Result:
    """What :meth:`Solver.run` returns.

    U: [S + 1, batch, n, N], row 0 the start, row s at times[s - 1]; NaN from the time an element diverged.
    steps: time steps of each element. status: 'ok' or 'diverged' for each element.
    diverged_at: (time, cell) for each element, None where it did not diverge. seconds: wall time of the whole batch.
    """

    U: Tensor
    steps: list[int]
    status: list[str]
    diverged_at: list[tuple[float, int] | None]
    seconds: float


def choose(option: str, name: str, registry: dict):
    """The registered object of that name; ValueError names the option and what is known."""
    if name not in registry:
        raise ValueError(f"{option}={name!r} is not known; choose one of {', '.join(registry)}")
    return registry[name]


class Solver:
    r"""Finite volumes for a :class:`~solvers.BalanceLaw`,

    .. math:: \frac{d U_i}{dt} = -\frac{\hat F_{i+1/2} - \hat F_{i-1/2}}{\Delta x} + S(U_i).

    Of a law with a non-conservative ``product`` N(V_l, V_r), each cell also takes half of N across its faces and all of it from
    its left to its right edge (path-conservative central scheme).

    law: the balance law. reconstruction, flux, integrator: names in RECONSTRUCTIONS, FLUXES, INTEGRATORS.
    cfl: largest max_speed dt / dx, within (0, 1].

    Conserves every component without a source to round-off. With an IMEX integrator the step obeys the convective limit
    alone, at any stiffness of the source; with an explicit one the source must not be stiff. Gradients flow through every
    method but ``steady``.

    Raises ValueError, naming the option, for an unknown scheme or a CFL number outside (0, 1].
    """

    def __init__(
        self,
        law: BalanceLaw,
        reconstruction: str = "weno5_thinc",
        flux: str = "hll",
        integrator: str = "ars222",
        cfl: float = 0.45,
    ):
        if not 0 < cfl <= 1:
            raise ValueError(f"cfl={cfl} must lie within (0, 1]")
        self.law = law
        self.schemes = (reconstruction, flux, integrator)
        self.product, self.transport = law.product, law.transport
        self.diffusivity, self.gradient_rows = law.diffusivity, law.gradient_rows
        self.reconstruct = choose("reconstruction", reconstruction, RECONSTRUCTIONS)
        self.flux = choose("flux", flux, FLUXES)
        self.integrator = choose("integrator", integrator, INTEGRATORS)
        self.cfl = cfl

    def right_hand_side(self, U: Tensor, cells: Cells) -> Tensor:
        """-dF/dx in every cell, [batch, n, N]."""
        return self._flux_difference(self.law.variables(cells.pad(U), cells), cells) / cells.dx

    def residual(self, U: Tensor, cells: Cells) -> Tensor:
        """-dF/dx + S, zero for a steady state, [batch, n, N]."""
        return self.right_hand_side(U, cells) + self.law.source(U, cells)

    def max_dt(self, U: Tensor, cells: Cells) -> Tensor:
        """cfl dx / (largest characteristic speed), [batch]; infinite where nothing moves."""
        return self._max_dt(self.law.variables(cells.pad(U), cells), cells)

    def step(self, U: Tensor, dt: float | Tensor, cells: Cells) -> Tensor:
        """U one step later, [batch, n, N]. dt: a number, or one per element [batch]."""
        dt = torch.as_tensor(dt, dtype=U.dtype, device=U.device).reshape(-1, 1, 1)
        V = self.law.variables(cells.pad(U), cells)
        return self._step(U, dt, cells, V, self._gradients(V, dt, cells))

    def run(
        self, U0: Tensor, cells: Cells, times: Sequence[float], progress: bool | Callable[[float], None] | None = None
    ) -> Result:
        """Advance every element of the batch to the given times.

        U0: [batch, n, N]. times: increasing, positive. progress: True shows a bar; a function gets the finished fraction.

        Follows torch's gradient mode: under ``torch.no_grad()`` nothing is recorded, otherwise the whole run is, as soon as U0 or
        a parameter of the law requires gradients.

        Each element takes its own steps, so that it comes out the same (to round-off) in any company, and leaves the batch
        when it is finished or has diverged: a cell inadmissible or not finite, or a step below 1e-3 of its first one. Up to
        each saved time the steps are remaining / ceil(remaining / max_dt): no slivers, and locally constant in the state,
        so that the gradient through a run is the derivative of the discrete solution.

        Raises ValueError for times that do not increase from above 0, and for a U0 of another shape than the law's and cells'.
        """
        times = np.asarray(times, dtype=float).reshape(-1)
        if len(times) == 0 or times[0] <= 0 or (np.diff(times) <= 0).any() or not np.isfinite(times).all():
            raise ValueError(f"times={times.tolist()} must increase and start above 0")
        self._check_shape(U0, cells)
        start = time.perf_counter()
        report = _reporter(progress)
        batch = U0.shape[0]
        saved = [[torch.full_like(U0[0], torch.nan)] * batch for _ in times]
        steps = np.zeros(batch, dtype=int)
        diverged_at: list[tuple[float, int] | None] = [None] * batch
        t, row = np.zeros(batch), np.zeros(batch, dtype=int)  # of every element: its time, its next saved time
        first_dt = np.full(batch, np.nan)

        U, cells = U0, cells.like(U0)
        ids = np.arange(batch)  # the elements still on their way, in the order of U
        broken, gradients = self._broken_cell(U), None
        while True:
            for k in np.flatnonzero(broken >= 0):
                diverged_at[ids[k]] = (float(t[ids[k]]), int(broken[k]))
            keep = (broken < 0) & (row[ids] < len(times))
            if not keep.all():
                ids = ids[keep]
                index = torch.as_tensor(np.flatnonzero(keep), device=U.device)
                U, cells = U[index], cells.select(index)
                gradients = gradients and gradients.select(index)
            report(float(np.where([d is not None for d in diverged_at], 1, t / times[-1]).mean()))
            if len(ids) == 0:
                break

            V = self.law.variables(cells.pad(U), cells)
            dt_max = np.minimum(self._max_dt(V.detach(), cells).cpu().numpy(), times[-1])
            first_dt[ids] = np.where(np.isnan(first_dt[ids]), dt_max, first_dt[ids])
            collapsed = ~(dt_max > COLLAPSE * first_dt[ids])
            if collapsed.any():
                broken = np.where(collapsed, self._fastest_cell(V.detach()), -1)
                continue

            remaining = times[row[ids]] - t[ids]
            count = np.ceil(remaining / dt_max)
            dt = torch.as_tensor(remaining / count, dtype=U.dtype, device=U.device).reshape(-1, 1, 1)
            gradients = self._gradients(V, dt, cells, gradients)
            U = self._step(U, dt, cells, V, gradients)
            steps[ids] += 1
            arrived = count == 1
            t[ids] = np.where(arrived, times[row[ids]], t[ids] + remaining / count)
            broken = self._broken_cell(U)
            for k in np.flatnonzero(arrived & (broken < 0)):
                saved[row[ids[k]]][ids[k]] = U[k].clone()
            row[ids] += arrived

        status = ["ok" if d is None else "diverged" for d in diverged_at]
        rows = torch.stack([U0, *(torch.stack(r) for r in saved)])
        return Result(rows, steps.tolist(), status, diverged_at, time.perf_counter() - start)

    def steady(self, U0: Tensor, cells: Cells, tolerance: float = 1e-8, **options) -> SteadyResult:
        """The steady state near U0 [1, n, N]: see :func:`knudsen.solvers.steady.pseudo_transient`, which names the options."""
        self._check_shape(U0, cells)
        return pseudo_transient(self, U0, cells.like(U0), tolerance=tolerance, **options)

    def _flux_difference(self, V: Tensor, cells: Cells) -> Tensor:
        V_l, V_r = self.reconstruct(V, cells)
        walls = cells.boundary.kind == "walls"
        if self.transport is not None:
            difference = self.transport(self.flux, V_l, V_r, V[..., GHOST:-GHOST])
        else:
            F = self.flux(V_l, V_r, self.law)
            if walls:
                left = self.law.wall_flux(V_r[..., :1], cells.boundary.left, 1)
                right = self.law.wall_flux(V_l[..., -1:], cells.boundary.right, -1)
                F = torch.cat((left, F[..., 1:-1], right), -1)
            difference = F[..., :-1] - F[..., 1:]
        if self.diffusivity is not None:
            touching = slice(GHOST - 1, V.shape[-1] - GHOST + 1)
            D, U = self.diffusivity(V, cells)[..., touching], self.law.conserved(V[..., touching])
            flow = 0.5 * (D[..., :-1] + D[..., 1:]) * (U[..., 1:] - U[..., :-1]) / cells.dx
            flow = closed(flow) if walls else flow
            difference = difference + flow[..., 1:] - flow[..., :-1]
        if self.product is None:
            return difference
        # path-conservative: half of the jump at each face belongs to the cell, and all that lies within it
        faces = V_l.shape[-1]
        jump = self.product(torch.cat((V_l, V_r[..., :-1]), -1), torch.cat((V_r, V_l[..., 1:]), -1))
        jump, inside = jump.split((faces, faces - 1), -1)
        jump = closed(jump) if walls else jump
        return difference - 0.5 * (jump[..., :-1] + jump[..., 1:]) - inside

    def _max_dt(self, V: Tensor, cells: Cells) -> Tensor:
        # inflow ghost cells count: they may be faster than the interior. The outermost one may hold anything.
        speed = self.law.max_speed(V[..., 1:-1])
        if self.diffusivity is not None:
            speed = torch.maximum(speed, 2 * self.diffusivity(V, cells)[..., 1:-1] / cells.dx)
        speed = speed.amax(dim=(1, 2), keepdim=True)
        if self.gradient_rows and not self.integrator.implicit:
            speed = speed * (self._diffusion_number(V, cells) / EXPLICIT).clamp(min=1).reshape(-1, 1, 1)
        return (self.cfl * cells.dx / speed).reshape(-1)

    def _diffusion_number(self, V: Tensor, cells: Cells) -> Tensor:
        """A bound of dt D/dx^2, D the diffusion of the gradients in the flux, for the convective step, [batch]."""
        return (self.cfl * self.law.spread_length(V, cells)[..., 1:-1] / cells.dx).amax(dim=(1, 2))

    def _gradients(self, V: Tensor, dt: Tensor, cells: Cells, previous=None) -> ImplicitGradients | None:
        """What a step from V treats implicitly of the gradients in the flux; None: nothing. previous: that of the step before."""
        if not (self.gradient_rows and self.integrator.implicit):
            return None
        stiff = self._diffusion_number(V, cells) > EXPLICIT
        return ImplicitGradients(self.law, V, dt, cells, stiff.to(V.dtype), previous) if stiff.any() else None

    def _step(self, U: Tensor, dt: Tensor, cells: Cells, V: Tensor, gradients: ImplicitGradients | None) -> Tensor:
        scale = dt / cells.dx

        def transport(V):
            difference = self._flux_difference(V, cells)
            return scale * (difference if gradients is None else difference + gradients.difference)

        return self.integrator.step(
            U,
            transport=lambda u: transport(self.law.variables(cells.pad(u), cells)),
            resolvent=lambda u, a: gradients.resolvent(u, a) if gradients else self.law.relax(u, a * dt, cells),
            source=lambda u: dt * self.law.source(u, cells),
            first=transport(V),
        )

    def _broken_cell(self, U: Tensor) -> np.ndarray:
        """The first inadmissible cell of each element, -1 where there is none, [batch]."""
        U = U.detach()
        good = self.law.admissible(U) & torch.isfinite(U).all(dim=1)
        if good.all():
            return np.full(U.shape[0], -1)
        good = good.cpu().numpy()
        return np.where(good.all(axis=1), -1, good.argmin(axis=1))

    def _fastest_cell(self, V: Tensor) -> np.ndarray:
        return self.law.max_speed(V[..., GHOST:-GHOST]).flatten(1).argmax(dim=1).cpu().numpy()

    def _check_shape(self, U: Tensor, cells: Cells) -> None:
        expected = (len(self.law.components), cells.n)
        if U.ndim != 3 or tuple(U.shape[1:]) != expected:
            raise ValueError(f"U0 has shape {tuple(U.shape)}, expected [batch, {expected[0]} components, {expected[1]} cells]")


def _reporter(progress) -> Callable[[float], None]:
    if callable(progress):
        return progress
    if not progress:
        return lambda fraction: None
    from tqdm import tqdm  # an optional convenience: the solver itself needs torch alone

    bar = tqdm(total=1.0, bar_format="{l_bar}{bar}| {elapsed}<{remaining}")

    def report(fraction: float) -> None:
        bar.update(fraction - bar.n)
        if fraction >= 1:
            bar.close()

    return report
