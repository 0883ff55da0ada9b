"""The moment solver as one compiled loop, for every closure that supplies a few row functions (``protocol.Rows``).

Eager torch costs milliseconds a step however small the problem, because a step is a thousand small operations. Here a step is one
call, and every operation is a loop over the columns of one row (a row is one component in all cells, or at all faces), which
compiles to vector instructions. ``solvers.Solver`` is the reference, where the formulae are documented; the two agree to
round-off.

The loop is compiled once for all closures and kept on disk: it takes the row functions of a closure as function pointers.

Public: Rollout, Rows, Data, Mesh.
"""

from knudsen.closure.compiled.protocol import Data, Mesh, Rows
from knudsen.closure.compiled.rollout import Rollout

__all__ = ["Data", "Mesh", "Rollout", "Rows"]
