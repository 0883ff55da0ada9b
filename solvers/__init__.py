"""Differentiable, batched finite volumes for balance laws in one space dimension (torch, [batch, component, cell]).

Must not know: gases, closures, networks.

Public: BalanceLaw, Law, Cells, Boundary, GHOST, Solver, Result, SteadyResult, Basis, RECONSTRUCTIONS, FLUXES, INTEGRATORS.
"""

from solvers.cells import GHOST, Boundary, Cells
from solvers.driver import Result, Solver
from solvers.fluxes import FLUXES
from solvers.integrators import INTEGRATORS
from solvers.protocol import BalanceLaw, Law
from solvers.reconstruction import RECONSTRUCTIONS
from solvers.steady import Basis, SteadyResult

__all__ = [
    "FLUXES",
    "GHOST",
    "INTEGRATORS",
    "RECONSTRUCTIONS",
    "BalanceLaw",
    "Basis",
    "Boundary",
    "Cells",
    "Law",
    "Result",
    "Solver",
    "SteadyResult",
]
