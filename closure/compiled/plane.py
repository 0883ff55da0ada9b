"""Numerical fluxes along many lines of cells, for two space dimensions: the parts of the compiled loop, line after line."""

import numpy as np
import torch
from numba import boolean, float64, types

from knudsen.closure.compiled.fluxes import DIFFERENCE, DIFFERENCES, WAVES, Faces
from knudsen.closure.compiled.protocol import BOOST, DATA, SIDES, VARIABLES, no_boost
from knudsen.closure.compiled.reconstructions import RECONSTRUCT, RECONSTRUCTIONS, limited
from knudsen.compile import compiled
from knudsen.solvers.cells import GHOST

TABLES = float64[:, :, ::1]
SWEEP = types.void(
    TABLES, TABLES, TABLES, boolean[::1], DATA, WAVES,
    *(types.FunctionType(signature) for signature in (RECONSTRUCT, DIFFERENCE, VARIABLES, SIDES, BOOST)),
)  # fmt: skip


@limited
def linear(a, b):
    return (b - a) / 12.0 + 0.25 * (a + b)


class LineFluxes:
    """The function ``faces`` of a ``solvers.plane.PlaneSolver`` for a law with row functions and these schemes."""

    def __init__(self, law, reconstruction: str, flux: str):
        from knudsen.closure.compiled.rollout import waves_of  # not at the top: the sweeps hold nothing of it

        self.rows, self.waves = law.rows(), waves_of(law, flux == "upwind")
        boost = self.rows.boost if flux == "upwind" else no_boost
        self.functions = RECONSTRUCTIONS[reconstruction], DIFFERENCES[flux], self.rows.variables, self.rows.sides, boost

    def __call__(self, padded, plane, axis):
        lines, components, width = padded.shape
        F = np.empty((lines, components, width - 2 * GHOST + 1))
        ends = np.empty((lines, self.rows.height, 2))
        sharp = np.full(width, plane.knudsen < plane.spacing[axis])
        sweep(padded.contiguous().numpy(), F, ends, sharp, self.rows.data, self.waves, *self.functions)
        return torch.from_numpy(F), torch.from_numpy(ends)


@compiled(signatures=(SWEEP,))
def sweep(padded, F, ends, sharp, data, waves, reconstruct, differences, variables, sides, boost):
    """The fluxes F [line, component, face] of U with ghosts, padded [line, component, cell], and V on the inner sides of the
    first and the last face, ends [line, row, 2]."""
    components, faces, height, width = F.shape[1], F.shape[2], ends.shape[1], padded.shape[2]
    V, K = np.empty((height, width)), np.empty((components, faces - 1))
    l = Faces(np.empty((height, faces)), np.empty((components, faces)), np.empty((components, faces)), np.empty((5, faces)))
    r = Faces(np.empty((height, faces)), np.empty((components, faces)), np.empty((components, faces)), np.empty((5, faces)))
    for line in range(padded.shape[0]):
        variables(data, padded[line], V)
        reconstruct(V, sharp, l.V, r.V)
        for side in (l, r):
            sides(data, side.V, side.U, side.F, side.frame)
        differences(l, r, data, boost, waves, F[line], K)
        for k in range(height):
            ends[line, k, 0], ends[line, k, 1] = r.V[k, 0], l.V[k, faces - 1]
