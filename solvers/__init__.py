"""Differentiable, batched finite volumes for balance laws in one space dimension (torch, [batch, component, cell]).

Must not know: gases, closures, networks.

Public: BalanceLaw, Law, Cells, Boundary, GHOST, Solver, Result, SteadyResult, Basis, RECONSTRUCTIONS, FLUXES, INTEGRATORS.
"""

from knudsen.solvers.cells import GHOST, Boundary, Cells
from knudsen.solvers.driver import Result, Solver
from knudsen.solvers.fluxes import FLUXES
from knudsen.solvers.integrators import INTEGRATORS
from knudsen.solvers.protocol import BalanceLaw, Law
from knudsen.solvers.reconstruction import RECONSTRUCTIONS
from knudsen.solvers.steady import Basis, SteadyResult

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
