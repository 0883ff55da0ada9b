"""Gradients in the last fluxes, stepped implicitly (``solvers.gradients.ImplicitGradients``, where the formulae stand)."""

import numpy as np
from numba import float64, int64, types

from knudsen.closure.compiled.protocol import TABLE
from knudsen.compile import compiled
from knudsen.solvers.boundaries import OUTFLOW, PERIODIC, WALLS
from knudsen.solvers.cells import GHOST

SPREAD = types.void(TABLE, TABLE, TABLE, TABLE, float64, int64)


@compiled
def flow_of(V, c, dx, boundary, y):
    """y = sum_j c_rj dV_j/dx on the faces [R, face], of V with ghosts and c [R height, column] in the cells; none at walls."""
    height = V.shape[0]
    for r in range(y.shape[0]):
        for f in range(y.shape[1]):
            y[r, f] = 0.0
        for k in range(height):
            row = r * height + k
            for f in range(y.shape[1]):
                i = f + GHOST
                y[r, f] += 0.5 * (c[row, i - 1] + c[row, i]) * (V[k, i] - V[k, i - 1]) / dx
        if boundary == WALLS:
            y[r, 0], y[r, y.shape[1] - 1] = 0.0, 0.0


@compiled
def _flushed(value):
    """What fades along the cells ends as 0, not as denormal numbers, which are slow."""
    return value if abs(value) > 1e-200 else 0.0


@compiled
def _solve(A, b, half):
    """A x = b, x into b [row, column]; A [row, half + column - row], a band: elimination without exchange of rows, for matrices
    with a dominant diagonal."""
    n = A.shape[0]
    for k in range(n):
        for i in range(k + 1, min(k + half + 1, n)):
            factor = A[i, half + k - i] / A[k, half]
            for j in range(k + 1, min(k + half + 1, n)):
                A[i, half + j - i] -= factor * A[k, half + j - k]
            for m in range(b.shape[1]):
                b[i, m] = _flushed(b[i, m] - factor * b[k, m])
    for k in range(n - 1, -1, -1):
        for m in range(b.shape[1]):
            value = b[k, m]
            for j in range(k + 1, min(k + half + 1, n)):
                value -= A[k, half + j - k] * b[j, m]
            b[k, m] = _flushed(value / A[k, half])


@compiled
def no_spread(y, c, E, scale, dx, boundary): ...


@compiled
def spread(y, c, E, scale, dx, boundary):
    """y [R, face] plus what it becomes by the change x = -scale dy that it makes of the components in the cells: solves for x.

    c, E [R height, column]: derivatives of the fluxes by the slopes of V, and of V by the components; scale [R, cell].
    """
    R, faces = y.shape
    n, height, half = faces - 1, c.shape[0] // R, 2 * R - 1
    right, left = np.zeros((R, R, faces)), np.zeros((R, R, faces))  # response of a face to the cells on its two sides
    for s in range(R):
        for j in range(height):
            to, some = E[s * height + j], False
            for i in range(to.size):
                some |= to[i] != 0.0
            if not some:  # most variables do not see these components
                continue
            for r in range(R):
                by = c[r * height + j]
                for f in range(faces):
                    i = f + GHOST
                    mean = 0.5 * (by[i - 1] + by[i]) / dx
                    right[r, s, f] += mean * to[i]
                    left[r, s, f] += mean * to[i - 1]
    if boundary == WALLS:
        for r in range(R):
            for s in range(R):
                right[r, s, 0], left[r, s, 0], right[r, s, n], left[r, s, n] = 0.0, 0.0, 0.0, 0.0
    # Cells 0..chain-1 as a band, row i R + r, column offset (j - i) R + s - r; on a ring the last cell's unknowns stand apart:
    # columns 1..R of b are what they make of the others.
    ring = boundary == PERIODIC
    chain = n - 1 if ring else n
    A, b = np.zeros((chain * R, 2 * half + 1)), np.zeros((chain * R, 1 + R))
    for i in range(chain):
        for r in range(R):
            row = i * R + r
            b[row, 0] = -scale[r, i] * (y[r, i + 1] - y[r, i])
            A[row, half] += 1.0
            for s in range(R):
                ahead, behind = scale[r, i] * right[r, s, i + 1], scale[r, i] * left[r, s, i]
                A[row, half + s - r] -= scale[r, i] * (left[r, s, i + 1] + right[r, s, i])
                if i < chain - 1:
                    A[row, half + R + s - r] += ahead
                elif ring:
                    b[row, 1 + s] -= ahead
                elif boundary == OUTFLOW:
                    A[row, half + s - r] += ahead
                if i > 0:
                    A[row, half - R + s - r] += behind
                elif ring:
                    b[row, 1 + s] -= behind
                elif boundary == OUTFLOW:
                    A[row, half + s - r] += behind
    _solve(A, b, half)
    x = np.empty((R, n + 2))  # with a ghost at each end
    for i in range(chain):
        for r in range(R):
            x[r, i + 1] = b[i * R + r, 0]
    if ring:
        D, d = np.zeros((R, 2 * half + 1)), np.zeros((R, 1))
        for r in range(R):
            d[r, 0] = -scale[r, chain] * (y[r, n] - y[r, chain])
            D[r, half] = 1.0
            for s in range(R):
                ahead, behind = scale[r, chain] * right[r, s, n], scale[r, chain] * left[r, s, chain]
                D[r, half + s - r] -= scale[r, chain] * (left[r, s, n] + right[r, s, chain])
                first, before = b[s], b[(chain - 1) * R + s]
                d[r, 0] -= ahead * first[0] + behind * before[0]
                for q in range(R):
                    D[r, half + q - r] += ahead * first[1 + q] + behind * before[1 + q]
        _solve(D, d, half)
        for r in range(R):
            x[r, n] = d[r, 0]
            for i in range(chain):
                for s in range(R):
                    x[r, i + 1] += b[i * R + r, 1 + s] * d[s, 0]
    for r in range(R):
        x[r, 0] = x[r, n] if ring else x[r, 1] if boundary == OUTFLOW else 0.0
        x[r, n + 1] = x[r, 1] if ring else x[r, n] if boundary == OUTFLOW else 0.0
    for r in range(R):
        for s in range(R):
            for f in range(faces):
                y[r, f] += right[r, s, f] * x[s, f + 1] - left[r, s, f] * x[s, f]
