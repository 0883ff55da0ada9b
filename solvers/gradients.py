"""Gradients in a flux, stepped implicitly: their diffusion does not limit the step."""

from __future__ import annotations

from copy import copy

import torch
from torch import Tensor

from knudsen.solvers.cells import GHOST, Cells, closed
from knudsen.solvers.protocol import BalanceLaw

# The diffusion number dt D/dx^2 up to which an explicit step is used: stable up to about one, below half of it accurate too.
EXPLICIT = 0.4
KEPT = 24  # for how many steps slopes are kept


class ImplicitGradients:
    r"""The part of the flux that is linear in gradients, frozen over one step, as the implicit part of an IMEX scheme.

    Of the components r whose flux contains gradients, with the law's coefficients c(V) at the start of the step on the faces,

    .. math:: D(U)_r = -\partial_x \sum_j c_{rj}\,\partial_x V_j(U)

    (compact differences) is added to the source and taken from the transport: dU/dt = (T - D)(U) + (S + D)(U). The sum is what it
    was, so that order and consistency are those of the integrator whatever c is; what is stiff is implicit. A stage solves

    .. math:: U' = U^* + a\,\Delta t\,(S(U') + D(U')) .

    The law says c by ``slopes`` that vary little, which are kept for KEPT steps: a diffusion that is much more than c says would
    be unstable (by a sixth, where it is stiff), one that is less is not.

    previous: the step before, whose slopes are taken where they are young enough.

    D acts on the components r alone and all others are known once they have relaxed: what is left are R coupled scalars a cell,
    x = U'_r less its value without D, in a block-tridiagonal system, linearised about x = 0. The fluxes enter as differences.
    """

    def __init__(
        self, law: BalanceLaw, V: Tensor, dt: Tensor, cells: Cells, stiff: Tensor, previous: ImplicitGradients | None = None
    ):
        self.law, self.dt, self.cells = law, dt, cells
        self.stiff = stiff.reshape(-1, 1, 1)
        self.rows = list(law.gradient_rows)
        if previous is None:
            self.slopes, self.age = law.slopes(V, cells), torch.zeros_like(self.stiff)
        else:
            self.slopes, self.age = previous.slopes, previous.age + 1
            old = (self.age >= KEPT) | (previous.stiff == 0)
            if old.any():
                self.slopes = torch.where(old.unsqueeze(1), law.slopes(V, cells), self.slopes)
                self.age = torch.where(old, 0.0, self.age)
        inner = slice(GHOST - 1, V.shape[-1] - GHOST + 1)
        c = law.gradient(V, cells, self.slopes)[..., inner] * self.stiff.unsqueeze(1)
        faces = 0.5 * (c[..., 1:] + c[..., :-1])  # [B, R, nv, N + 1]
        self.faces = closed(faces) if cells.boundary.kind == "walls" else faces  # through a wall goes what the law says, no more
        self.dx = torch.as_tensor(cells.dx, dtype=V.dtype).reshape(-1, 1, 1, 1)
        self.difference = self._difference(self._flow(V[..., inner]))

    def select(self, index: Tensor) -> ImplicitGradients:
        """What the next step takes over, of some elements of the batch."""
        some = copy(self)
        some.slopes, some.age, some.stiff = self.slopes[index], self.age[index], self.stiff[index]
        return some

    def _flow(self, V: Tensor) -> Tensor:
        """sum_j c_j dV_j/dx on the faces, [B, R, N + 1], from V with one ghost cell a side."""
        return torch.einsum("brjf,bjf->brf", self.faces / self.dx, V.diff())

    def _difference(self, flow: Tensor) -> Tensor:
        """-dx D of all components, [B, n, N], of the flow through the faces."""
        result = flow.new_zeros(len(flow), len(self.law.components), flow.shape[-1] - 1)
        result[:, self.rows] = flow.diff()
        return result

    def resolvent(self, U: Tensor, a: float) -> Tensor:
        """U' of a stage; ``difference`` is then -dx D(U')."""
        law, cells, tau = self.law, self.cells, a * self.dt
        relaxed = law.relax(U, tau, cells)
        padded = cells.pad(relaxed)[..., GHOST - 1 : cells.n + GHOST + 1]
        V = law.local_variables(padded)
        flow = self._flow(V)
        # y = flow + c (E x)_right - c (E x)_left on the faces, E = dV/dU_r; ghosts: periodic, a copy of the last cell, or fixed
        E = law.response(V)
        right, left = (torch.einsum("brjf,bjsf->brsf", self.faces / self.dx, side) for side in (E[..., 1:], E[..., :-1]))
        scale = tau / self.dx[..., 0] * law.relaxation(relaxed, tau, cells)  # [B, R, N]
        matrix = _matrix(right, left, scale, cells.boundary.kind)
        x = torch.linalg.solve(matrix, -(scale * flow.diff()).transpose(1, 2).flatten(1)).reshape(len(U), cells.n, -1)
        x = x.transpose(1, 2)  # [B, R, N]
        x = torch.cat((_beyond(x, cells, 0), x, _beyond(x, cells, -1)), -1)
        flow = flow + torch.einsum("brsf,bsf->brf", right, x[..., 1:]) - torch.einsum("brsf,bsf->brf", left, x[..., :-1])
        self.difference = self._difference(flow)
        return law.relax(U - tau / self.dx[..., 0] * self.difference, tau, cells)


def _beyond(x: Tensor, cells: Cells, end: int) -> Tensor:
    """What lies beyond an end of a change x: the other end, a copy, or nothing where the states are fixed."""
    cell = (-1 - end if cells.boundary.kind == "periodic" else end) % cells.n
    return x[..., cell : cell + 1] * (cells.boundary.kind not in ("fixed", "walls"))


def _matrix(right: Tensor, left: Tensor, scale: Tensor, kind: str) -> Tensor:
    """1 + scale d(c d(E .)) on [N, R] unknowns, [B, N R, N R]; right, left [B, R, R, N + 1]: response of a face to the cells on
    its two sides. Dense and batched: torch has no banded solver."""
    B, R, _, faces = right.shape
    n = faces - 1
    blocks = right.new_zeros(B, n, n, R, R)
    factor = scale.permute(0, 2, 1).unsqueeze(-1)  # [B, N, R, 1]
    right, left = right.permute(0, 3, 1, 2), left.permute(0, 3, 1, 2)  # [B, N + 1, R, R]
    i = torch.arange(n)
    blocks[:, i, i] = torch.eye(R, dtype=right.dtype) - factor * (left[:, 1:] + right[:, :-1])
    ahead, behind = factor * right[:, 1:], factor * left[:, :-1]
    if kind == "periodic":
        after, before = (i + 1) % n, (i - 1) % n
        blocks[:, i, after] = blocks[:, i, after] + ahead
        blocks[:, i, before] = blocks[:, i, before] + behind
    else:
        blocks[:, i[:-1], i[1:]] = ahead[:, :-1]
        blocks[:, i[1:], i[:-1]] = behind[:, 1:]
        if kind == "outflow":
            blocks[:, n - 1, n - 1] = blocks[:, n - 1, n - 1] + ahead[:, -1]
            blocks[:, 0, 0] = blocks[:, 0, 0] + behind[:, 0]
    return blocks.permute(0, 1, 3, 2, 4).reshape(B, n * R, n * R)
