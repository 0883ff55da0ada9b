"""Laws of a fixed number of moments, written once: as plain functions of values, which run on tensors and compiled."""

from collections.abc import Callable
from types import FunctionType
from typing import NamedTuple

import torch
from torch import Tensor

from knudsen.closure.laws.base import MomentLaw, smoothstep

PLAIN = ("variables_of", "conserved_of", "flux_of", "boost_of", "relax_of", "source_of", "reach_of")


class Parameters(NamedTuple):
    """The numbers that plain functions read, by name: dims, the number of velocity dimensions. A law with more of them has a
    NamedTuple of its own."""

    dims: float


def boost_fluid(U, velocity):
    """(rho, m, E) of the same gas with every velocity increased."""
    rho, m, E = U
    return rho, m + velocity * rho, E + velocity * m + 0.5 * velocity * velocity * rho


class PlainLaw(MomentLaw):
    r"""A moment law whose moments begin with rho, m, E (E = int |v|^2 f / 2 dv), given by plain functions.

    A plain function has no self; it takes and returns tuples of values, one for each moment, and is made of arithmetic, functions
    of ``laws.elementary``, and other plain functions of its file; p: ``parameters``. On tensors it is differentiable and batched;
    lifted (``closure.compiled``) it is a compiled loop. A subclass supplies

    variables_of(U, p): V, as many as moments, which begin with ln rho, u, ln T.
    conserved_of(V, p): U.
    flux_of(V, p): the flux of each moment.
    boost_of(U, velocity): the same gas with every velocity increased (of three moments: given here).
    relax_of(U, w, p): U' = U + w (U_eq - U'), w = tau nu/eps, and source_of(U, rate, p) = rate (U_eq - U), where moments relax:
        rho, m, E never do.
    reach_of(V, p): a bound of the speeds in the gas's own frame in units of sqrt(T), where that of equilibrium does not do.

    and, as any law, ``degrees``, ``components``, ``order``, ``from_moments`` and ``macroscopic``.
    """

    variables_of: Callable
    conserved_of: Callable
    flux_of: Callable
    boost_of: Callable = staticmethod(boost_fluid)
    relax_of: Callable | None = None
    source_of: Callable | None = None
    reach_of: Callable | None = None

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        for name, value in list(vars(cls).items()):
            if name in PLAIN and isinstance(value, FunctionType):
                setattr(cls, name, staticmethod(value))

    def __init__(self, gas, parameters: tuple | None = None):
        super().__init__(gas)
        self.parameters = Parameters(float(gas.dims)) if parameters is None else parameters

    def energy(self, U):
        return U[:, 2]

    def boost(self, U, velocity):
        return _stacked(self.boost_of(U.unbind(1), velocity), U)

    def local_variables(self, U):
        return _stacked(self.variables_of(U.unbind(1), self.parameters), U)

    def conserved(self, V):
        return _stacked(self.conserved_of(V.unbind(1), self.parameters), V)

    def flux(self, V):
        return _stacked(self.flux_of(V.unbind(1), self.parameters), V)

    def max_speed(self, V):
        if self.reach_of is None:
            return super().max_speed(V)
        return (V[:, 1].abs() + (0.5 * V[:, 2]).exp() * self.reach_of(V.unbind(1), self.parameters)).unsqueeze(1)

    def departure(self, V):
        if self.reach_of is None:
            return super().departure(V)
        at_rest = self.characteristics[0].abs().max()
        return smoothstep((self.reach_of(V.unbind(1), self.parameters) / at_rest - 1.25) / 0.5).unsqueeze(1)

    def relax(self, U, tau, cells):
        if self.relax_of is None:
            return U
        return _stacked(self.relax_of(U.unbind(1), (tau * self.rate(U, cells))[:, 0], self.parameters), U)

    def source(self, U, cells):
        if self.source_of is None:
            return torch.zeros_like(U)
        return _stacked(self.source_of(U.unbind(1), self.rate(U, cells)[:, 0], self.parameters), U)

    def rows(self):
        from knudsen.closure.compiled import plain  # compiled code only where it is needed

        return plain.rows_of(self)


def _stacked(values, like: Tensor) -> Tensor:
    """Values [batch, cell], some of them numbers or the same in all cells, as one tensor [batch, value, cell]."""
    shape = like[:, 0]
    return torch.stack([(value if isinstance(value, Tensor) else like.new_tensor(value)).expand_as(shape) for value in values], 1)
