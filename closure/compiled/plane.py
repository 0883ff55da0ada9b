"""Numerical fluxes along many lines of cells, for two space dimensions: the parts of the compiled loop, line after line."""

from functools import lru_cache

import numpy as np
import torch
from numba import boolean, float64, types

from knudsen.closure.compiled.fluxes import DIFFERENCE, DIFFERENCES, WAVES, Faces
from knudsen.closure.compiled.lifting import TILE, lift, load, put, store, take
from knudsen.closure.compiled.plain import PARAMETERS
from knudsen.closure.compiled.protocol import BOOST, DATA, PRODUCT, SIDES, VARIABLES, no_boost, no_product
from knudsen.closure.compiled.reconstructions import RECONSTRUCT, RECONSTRUCTIONS, limited
from knudsen.compile import compiled
from knudsen.solvers.cells import GHOST

TABLES = float64[:, :, ::1]
SWEEP = types.void(
    TABLES, TABLES, TABLES, TABLES, TABLES, boolean, boolean[::1], DATA, WAVES,
    *(types.FunctionType(signature) for signature in (RECONSTRUCT, DIFFERENCE, VARIABLES, SIDES, BOOST, PRODUCT)),
)  # fmt: skip


@limited
def linear(a, b):
    return (b - a) / 12.0 + 0.25 * (a + b)


class LineFluxes:
    """The function ``line_fluxes`` of a ``solvers.plane.PlaneSolver`` for a law with row functions and these schemes."""

    def __init__(self, law, reconstruction: str, flux: str):
        from knudsen.closure.compiled.rollout import waves_of  # not at the top: the sweeps hold nothing of it

        self.rows, self.waves = law.rows(), waves_of(law, flux == "upwind")
        boost = self.rows.boost if flux == "upwind" else no_boost
        # beside a product the speeds are symmetric, and HLL's flux is Rusanov's
        self.has_product = self.rows.product is not no_product
        flux = "rusanov" if self.has_product and flux == "hll" else flux
        rows = self.rows
        self.functions = RECONSTRUCTIONS[reconstruction], DIFFERENCES[flux], rows.variables, rows.sides, boost, rows.product

    def __call__(self, padded, plane, axis):
        lines, components, width = padded.shape
        F = np.empty((lines, components, width - 2 * GHOST + 1))
        ends = np.empty((lines, self.rows.height, 2))
        sharp = np.full(width, plane.knudsen < plane.spacing[axis])
        lines = lines if self.has_product else 0
        jump, within = np.empty((lines, *F.shape[1:])), np.empty((lines, components, F.shape[2] - 1))
        out = F, ends, jump, within
        sweep(padded.contiguous().numpy(), *out, self.has_product, sharp, self.rows.data, self.waves, *self.functions)
        F, ends, *product = (torch.from_numpy(values) for values in out)
        return F, ends, product if self.has_product else None


@compiled(signatures=(SWEEP,))
def sweep(
    padded, F, ends, jump, within, has_product, sharp, data, waves, reconstruct, differences, variables, sides, boost, product
):  # fmt: skip
    """The fluxes F [line, component, face] of U with ghosts, padded [line, component, cell], and V on the inner sides of the
    first and the last face, ends [line, row, 2]; of a law with a product that across the faces and across the cells."""
    components, faces, height, width = F.shape[1], F.shape[2], ends.shape[1], padded.shape[2]
    V, K = np.empty((height, width)), np.empty((components, faces - 1))
    l = Faces(np.empty((height, faces)), np.empty((components, faces)), np.empty((components, faces)), np.empty((5, faces)))
    r = Faces(np.empty((height, faces)), np.empty((components, faces)), np.empty((components, faces)), np.empty((5, faces)))
    for line in range(padded.shape[0]):
        variables(data, padded[line], V)
        reconstruct(V, sharp, l.V, r.V)
        for side in (l, r):
            sides(data, side.V, side.U, side.F, side.frame)
        if has_product:
            product(data, l.V, l.U, l.F, r.V, r.U, r.F, 0, jump[line])
            product(data, r.V, r.U, r.F, l.V, l.U, l.F, 1, within[line])
        differences(l, r, data, boost, waves, F[line], K)
        for k in range(height):
            ends[line, k, 0], ends[line, k, 1] = r.V[k, 0], l.V[k, faces - 1]


@lru_cache
def product_row(product_of, P, size):
    """The row function of a plain product_of(V_l, V_r, p)."""
    lift(product_of)
    count = len(P._fields)

    def product(data, V_l, U_l, F_l, V_r, U_r, F_r, shift, product):
        tile, p = np.empty(3 * size * TILE), P(*take(data.numbers, PARAMETERS, 1, count))
        for first in range(0, product.shape[1], TILE):
            columns = min(TILE, product.shape[1] - first)
            load(tile, 0, V_l, first, columns)
            load(tile, size, V_r, first + shift, columns)
            for i in range(columns):
                values = product_of(take(tile, i, TILE, size), take(tile, size * TILE + i, TILE, size), p)
                put(tile, 2 * size * TILE + i, TILE, values)
            store(tile, 2 * size, product, first, columns)

    return compiled(product)
