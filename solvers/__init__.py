"""Finite volumes for balance laws in one space dimension: differentiable and batched (torch, [batch, component, cell]).

Must not know: gases, closures, networks.

Public: BalanceLaw, Law, Cells, Boundary, BOUNDARIES, GHOST, central_slopes, Solver, Result, SteadyResult, Basis,
RECONSTRUCTIONS, limiting_above, FLUXES, INTEGRATORS. Torch is imported on first use: without it are ``integrators`` and
``boundaries`` (tables) and ``rows`` (the functions that compiled loops are made of).
"""

from knudsen.lazy import attach
from knudsen.solvers.boundaries import BOUNDARIES
from knudsen.solvers.integrators import INTEGRATORS

__getattr__, __dir__, lazy = attach(
    __name__,
    {
        "BalanceLaw": "protocol",
        "Law": "protocol",
        "Boundary": "cells",
        "Cells": "cells",
        "GHOST": "cells",
        "central_slopes": "cells",
        "Result": "driver",
        "Solver": "driver",
        "FLUXES": "fluxes",
        "RECONSTRUCTIONS": "reconstruction",
        "limiting_above": "reconstruction",
        "Basis": "steady",
        "SteadyResult": "steady",
    },
)
__all__ = ["BOUNDARIES", "INTEGRATORS", *lazy]
