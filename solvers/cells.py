"""Uniform cells in one space dimension and what lies beyond their ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor

from knudsen.solvers.boundaries import BOUNDARIES

GHOST = 5  # per side: four for the widest reconstruction (WENO5-THINC), one for variables that hold central differences


def central_slopes(V: Tensor, dx, periodic: bool = False) -> Tensor:
    """dV/dx by central differences, [..., cell]; at the two ends one-sided or, ``periodic``, across them. dx: against V."""
    if periodic:
        return 0.5 * (V.roll(-1, -1) - V.roll(1, -1)) / dx
    return torch.gradient(V, dim=-1)[0] / dx


@dataclass(frozen=True, eq=False)
class Boundary:
    """What the ghost cells hold.

    kind: ``periodic`` (the other end), ``outflow`` (zero gradient: a copy of the last cell), ``fixed`` (given states,
    held for all times: a far field or the two end states of a shock) or ``walls`` (the law's word for the flux through them).
    left, right: the ghost states of ``fixed``, [batch or 1, component, 1]; of ``walls`` the numbers of each wall,
        [batch or 1, number, 1], as the law's ``wall_flux`` reads them.
    beyond: of ``walls``, the law's ``wall_ghosts``: U -> the ghost cells on the left and right.

    Raises ValueError for another kind, for a fixed boundary without its states, and for walls without their numbers and ghosts.
    """

    kind: str = "periodic"
    left: Tensor | None = None
    right: Tensor | None = None
    beyond: Callable[[Tensor], tuple[Tensor, Tensor]] | None = None

    def __post_init__(self):
        if self.kind not in BOUNDARIES:
            raise ValueError(f"boundary={self.kind!r} is not known; choose one of {', '.join(BOUNDARIES)}")
        if self.kind in ("fixed", "walls") and (self.left is None or self.right is None):
            raise ValueError(f"boundary={self.kind!r} needs left and right, [batch or 1, component, 1]")
        if self.kind == "walls" and self.beyond is None:
            raise ValueError("boundary='walls' needs beyond, what the ghost cells hold")

    def ghosts(self, U: Tensor) -> tuple[Tensor, Tensor]:
        """The ghost cells on the left and right of U, each [batch, component, GHOST]."""
        if self.kind == "periodic":
            return U[..., -GHOST:], U[..., :GHOST]
        if self.kind == "walls":
            return self.beyond(U)
        if self.kind == "outflow":
            left, right = U[..., :1], U[..., -1:]
        else:
            left, right = self.left, self.right
        shape = (*U.shape[:-1], GHOST)
        return left.expand(shape), right.expand(shape)


@dataclass(frozen=True, eq=False)
class Cells:
    """N uniform cells, the Knudsen number in each, and the boundary.

    dx: cell width, a number or a tensor [batch, 1, 1] (one per element of the batch).
    n: number of cells.
    knudsen: a number or a tensor [batch or 1, 1, n or 1]: the strength of the relaxation, handed through to the law.
    boundary: see :class:`Boundary`.

    Raises ValueError for a non-positive width or Knudsen number, for fewer than GHOST periodic cells, and for a Knudsen
    field of another length.
    """

    dx: float | Tensor
    n: int
    knudsen: float | Tensor = 1.0
    boundary: Boundary = field(default_factory=Boundary)

    def __post_init__(self):
        knudsen = torch.as_tensor(self.knudsen, dtype=None if isinstance(self.knudsen, Tensor) else torch.float64)
        knudsen = knudsen if knudsen.ndim == 3 else knudsen.reshape(1, 1, -1)
        object.__setattr__(self, "knudsen", knudsen)
        if self.n < 1 or (self.boundary.kind == "periodic" and self.n < GHOST):
            raise ValueError(f"n={self.n}: a periodic domain needs at least {GHOST} cells, any other at least 1")
        if not bool((torch.as_tensor(self.dx) > 0).all()):
            raise ValueError(f"dx={self.dx} must be positive")
        if not bool((knudsen > 0).all()):
            raise ValueError("knudsen must be positive in every cell")
        if knudsen.shape[-1] not in (1, self.n):
            raise ValueError(f"knudsen has {knudsen.shape[-1]} cells, expected 1 or n={self.n}")

    def pad(self, U: Tensor) -> Tensor:
        """[batch, component, n] -> [batch, component, n + 2 GHOST], ghost cells filled by the boundary."""
        left, right = self.boundary.ghosts(U)
        return torch.cat((left, U, right), dim=-1)

    @cached_property
    def knudsen_padded(self) -> Tensor:
        """The Knudsen number on padded cells, [batch or 1, 1, n + 2 GHOST]: periodic, or continued by its last value."""
        knudsen = self.knudsen.expand(-1, -1, self.n)
        kind = "periodic" if self.boundary.kind == "periodic" else "outflow"
        left, right = Boundary(kind).ghosts(knudsen)
        return torch.cat((left, knudsen, right), dim=-1)

    def like(self, U: Tensor) -> Cells:
        """The same cells with every tensor on U's device and in its dtype."""
        return self._map(lambda t: t.to(device=U.device, dtype=U.dtype))

    def select(self, index: Tensor) -> Cells:
        """The cells of some elements of the batch (what all elements share stays shared)."""
        return self._map(lambda t: t if t.shape[0] == 1 else t[index])

    def _map(self, function) -> Cells:
        def apply(value):
            return function(value) if isinstance(value, Tensor) and value.ndim == 3 else value

        ends = replace(self.boundary, left=apply(self.boundary.left), right=apply(self.boundary.right))
        return replace(self, dx=apply(self.dx), knudsen=apply(self.knudsen), boundary=ends)


def closed(flow: Tensor) -> Tensor:
    """A flow through the faces, without what goes through the first and the last one."""
    none = torch.zeros_like(flow[..., :1])
    return torch.cat((none, flow[..., 1:-1], none), -1)
