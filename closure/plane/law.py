"""What every closure in two space dimensions shares: it is a law along x that carries what moves along y."""

from functools import cached_property
from math import cos, sin

import torch
from torch import Tensor

from knudsen.closure.laws.plain import PlainLaw
from knudsen.kinetic.collisions import COLLISIONS

NAMES = ("rho", "u", "v", "T", "qx", "qy", "sigma_xx", "sigma_xy", "sigma_yy")


class PlaneLaw(PlainLaw):
    r"""A moment law of two space dimensions, D = 2 or 3: nothing depends on z, nothing moves along it.

    .. math:: \partial_t U + \partial_x F(U) + \partial_y G(U) = S(U)

    Its plain functions say F alone. Its components are scalars, vectors (x, y) and symmetric tensors (xx, xy, yy), which
    ``tensors`` lists, and G is F of the state in which x and y are exchanged (``turned``): the same is then true of F along any
    direction. Variables V are in the order of the components and begin with ln rho, u, ln T.

    A subclass states ``tensors``, the first vector among them the momentum, and what :class:`PlainLaw` asks for; its
    ``relax`` and ``source`` take [batch, component, y, x] and a ``solvers.plane.Rectangle``.
    """

    dims = (2, 3)
    collisions = tuple(COLLISIONS)
    tensors: tuple[tuple[int, ...], ...]

    @cached_property
    def momentum(self) -> tuple[int, int]:
        """Places of the momentum along x and y."""
        return next(places for places in self.tensors if len(places) == 2)

    def turned(self, axis: int) -> Tensor:
        """Which components are along the axis what those of the law are along x, [component]; its own inverse."""
        order = torch.arange(len(self.components))
        for places in self.tensors if axis else ():
            order[list(places)] = torch.tensor(places[::-1])
        return order

    @cached_property
    def parity(self) -> Tensor:
        """What becomes of each component in a mirror that turns x around: 1 or -1, [component]."""
        parity = torch.ones(len(self.components), dtype=torch.int64)
        for places in self.tensors:
            if len(places) > 1:
                parity[places[len(places) - 2]] = -1  # x of (x, y), xy of (xx, xy, yy)
        return parity

    def rotated(self, U: Tensor, angle: float) -> Tensor:
        """The same gas, turned by an angle from x towards y, [batch, component, ...]."""
        turn = torch.tensor([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]], dtype=U.dtype)
        result = U.clone()
        for places in self.tensors:
            values = U[:, list(places)]
            if len(places) == 2:
                result[:, list(places)] = torch.einsum("ij,bj...->bi...", turn, values)
            elif len(places) == 3:
                whole = values[:, [0, 1, 1, 2]].unflatten(1, (2, 2))
                result[:, list(places)] = torch.einsum("ij,kl,bjl...->bik...", turn, turn, whole).flatten(1, 2)[:, [0, 1, 3]]
        return result

    def fluid(self, U):
        rho, (along, across) = U[:, 0], self.momentum
        u, v = U[:, along] / rho, U[:, across] / rho
        return rho, u, (2 * self.energy(U) / rho - (u * u + v * v)) / self.gas.dims

    @cached_property
    def at_rest(self) -> Tensor:
        return self.conserved(torch.zeros(1, len(self.components), 1, dtype=torch.float64))

    def maxwellian(self, rho: Tensor, u: Tensor, v: Tensor, T: Tensor) -> Tensor:
        """The moments of a Maxwellian, [..] each -> [component, ..]."""
        V = rho.new_zeros(len(self.components), *rho.shape)
        V[0], V[2] = rho.log(), T.log()
        V[list(self.momentum)] = torch.stack((u, v))
        return self.conserved(V[None])[0]

    def rate(self, U, plane):
        rho, _, T = self.fluid(U)
        return self.gas.frequency(rho, T).unsqueeze(1) / plane.knudsen

    def wall_numbers(self, wall):
        """Its temperature, its accommodation coefficient, the velocity along it."""
        return wall.temperature, wall.accommodation, wall.velocity

    def diffusion(self, U: Tensor, plane) -> list[Tensor] | None:
        """What of the fluxes across both axes is in the source, [batch, component, y, x] of the faces; None: nothing."""
        return None

    def fields(self, U: Tensor, plane) -> dict[str, Tensor]:
        """The fields ``NAMES`` of U [batch, component, y, x], each [batch, y, x]."""
        rho, u, T = self.fluid(U)
        none = torch.zeros_like(rho)
        return dict.fromkeys(NAMES, none) | {"rho": rho, "u": u, "v": U[:, self.momentum[1]] / rho, "T": T}
