"""Finite volumes for balance laws in one space dimension: differentiable and batched (torch, [batch, component, cell]).

Must not know: gases, closures, networks.

Public: BalanceLaw, Law, Cells, Boundary, BOUNDARIES, GHOST, Solver, Result, SteadyResult, Basis, RECONSTRUCTIONS, FLUXES,
INTEGRATORS. Torch is imported on first use: without it are ``integrators`` and ``boundaries`` (tables) and ``rows`` (the
functions that compiled loops are made of).
"""

from importlib import import_module

from knudsen.solvers.boundaries import BOUNDARIES
from knudsen.solvers.integrators import INTEGRATORS

_LAZY = {
    "GHOST": "cells", "Boundary": "cells", "Cells": "cells", "Result": "driver", "Solver": "driver", "FLUXES": "fluxes",
    "BalanceLaw": "protocol", "Law": "protocol", "RECONSTRUCTIONS": "reconstruction", "Basis": "steady", "SteadyResult": "steady",
}  # fmt: skip

__all__ = ["BOUNDARIES", "INTEGRATORS", *_LAZY]


def __getattr__(name):
    if name in _LAZY:
        return getattr(import_module(f"knudsen.solvers.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'knudsen.solvers' has no attribute {name!r}")
