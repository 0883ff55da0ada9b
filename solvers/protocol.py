"""What the solver asks of a system of balance laws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from knudsen.solvers.cells import Cells


@runtime_checkable
class BalanceLaw(Protocol):
    r"""A system of balance laws in one space dimension,

    .. math:: \partial_t U + \partial_x F(V) = S(U), \qquad V = V(U, \partial_x U, \mathrm{Kn}).

    U are the conserved variables, V the variables that the solver reconstructs at the faces: any invertible function of U
    (primitive, logarithmic, ...) and, behind it, whatever else the flux needs (gradients, a closed moment, the Knudsen
    number). Tensors are [batch, component, cell]; every function acts on each cell or face by itself, except that
    ``variables`` may look at the two neighbours. A law holds no data of single batch elements: those belong to
    :class:`~solvers.Cells`, because the solver drops elements that are finished.

    components: the names of the rows of U.
    variables(U, cells): V, [B, n, N + 2 GHOST] -> [B, nv, N + 2 GHOST], on padded cells. The outermost ghost cell may hold
        anything finite (it has one neighbour only).
    conserved(V): U, [B, nv, faces] -> [B, n, faces]; ``conserved(variables(U)) = U``.
    flux(V): the physical flux F, [B, n, faces].
    max_speed(V): the largest modulus of a characteristic speed, [B, 1, faces].
    speeds(V): the smallest and the largest characteristic speed, each [B, 1, faces].
    upwind(V_l, V_r): the dissipation |A| (U_r - U_l), [B, n, faces], zero for equal states.
    relax(U, tau, cells): the resolvent of the source, U' with U' = U + tau S(U'), tau [B, 1, 1] > 0, interior cells. It must
        be solvable for any tau: that is what makes one convective time step enough at any stiffness.
    source(U, cells): the same S, interior cells, [B, n, N].
    admissible(U): is the state physical? bool [B, N].

    A law that can be between walls (``Boundary.kind`` walls) has
    wall_flux(V, wall, inward): the flux of every component through a wall, [B, n, 1], from V on the gas's side of it; wall
        [B or 1, number, 1]; inward: 1 for a wall on the left, -1 for one on the right, the mirror image. Zero in what no wall
        lets through. Beside it no flow goes through a wall: neither diffusion nor product.
    wall_ghosts(U): ghost cells on the left and right, each [B, n, GHOST], which give reconstructions and differences at a wall
        values of the gas's side alone.

    Four more are attributes that every law has, what :class:`Law` gives (None; no ``gradient_rows``) where it has no such terms.

    A law with terms P(U) dU/dx beside the flux has ``product(V_l, V_r)``, their integral over a path from V_l to V_r,
    [B, n, faces]: zero for equal states, of opposite sign for exchanged ones, and zero in every component that is conserved
    (C. Pares, SIAM J. Numer. Anal. 44 (2006) 300, doi:10.1137/050628052).

    A law with diffusion d/dx (D dU/dx) of all components has ``diffusivity(V, cells)``, D [B, 1, N + 2 GHOST] >= 0 on padded
    cells; it is explicit, and counts as a wave of speed 2 D/dx.

    A law whose flux contains gradients of V, in the components ``gradient_rows`` alone (no others' sources see these), has
    what an implicit step needs of their diffusion (:class:`~solvers.gradients.ImplicitGradients`):
    slopes(V, cells): what c is made of and may be kept for some steps, [B, any, any, N + 2 GHOST] on padded cells;
    gradient(V, cells, slopes): the coefficients c of dV/dx in F[gradient_rows], [B, R, nv, N + 2 GHOST]; zero in cells where they
        would not damp.
    spread_length(V, cells): D over the largest speed, [B, 1, N + 2 GHOST], D the diffusion that they are: a bound that needs no
        closing terms.
    local_variables(U): V from U without neighbours; response(V): its derivative by U[gradient_rows], [B, nv, R, cells].
    relaxation(U, tau, cells): the derivative of relax(U, tau)[gradient_rows] by those components of U, [B, R, N]; 1: no source.

    A law whose components are counted in a frame of each cell's own (which moves with the gas, so that a face has two fluxes) has
    ``transport(flux, V_l, V_r, V)``: dx dU/dt without the source, [B, n, N], from the two sides of the N + 1 faces, the
    variables V of the N cells and the chosen numerical flux. Its conserved components must be differences of one flux at each
    face.
    """

    components: tuple[str, ...]
    product: Callable | None
    diffusivity: Callable | None
    gradient_rows: tuple[int, ...]
    transport: Callable | None

    def variables(self, U: Tensor, cells: Cells) -> Tensor: ...

    def conserved(self, V: Tensor) -> Tensor: ...

    def flux(self, V: Tensor) -> Tensor: ...

    def max_speed(self, V: Tensor) -> Tensor: ...

    def speeds(self, V: Tensor) -> tuple[Tensor, Tensor]: ...

    def upwind(self, V_l: Tensor, V_r: Tensor) -> Tensor: ...

    def relax(self, U: Tensor, tau: Tensor, cells: Cells) -> Tensor: ...

    def source(self, U: Tensor, cells: Cells) -> Tensor: ...

    def admissible(self, U: Tensor) -> Tensor: ...


class Law:
    r"""The defaults of a :class:`BalanceLaw`: V = U, no source, every finite state admissible, and the dissipation

    .. math:: |A|\,(U_r - U_l) \approx \max(s_l, s_r)\,(U_r - U_l).

    A law derived from it supplies ``components``, ``flux`` and ``max_speed``; one with a source both ``source`` and ``relax``.
    """

    product = None
    transport = None
    diffusivity = None
    gradient_rows = ()

    def variables(self, U: Tensor, cells: Cells) -> Tensor:
        return U

    def conserved(self, V: Tensor) -> Tensor:
        return V

    def speeds(self, V: Tensor) -> tuple[Tensor, Tensor]:
        speed = self.max_speed(V)
        return -speed, speed

    def upwind(self, V_l: Tensor, V_r: Tensor) -> Tensor:
        speed = torch.maximum(self.max_speed(V_l), self.max_speed(V_r))
        return speed * (self.conserved(V_r) - self.conserved(V_l))

    def relax(self, U: Tensor, tau: Tensor, cells: Cells) -> Tensor:
        return U

    def source(self, U: Tensor, cells: Cells) -> Tensor:
        return torch.zeros_like(U)

    def admissible(self, U: Tensor) -> Tensor:
        return torch.isfinite(U).all(dim=1)
