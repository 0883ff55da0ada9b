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
def _solve(C, A, B, x):
    """C_i x_{i-1} + A_i x_i + B_i x_{i+1} = b_i by block elimination, blocks [cell, 2, 2] of a dominant diagonal; x
    [cell, column, 2] comes in as b."""
    n, columns = A.shape[0], x.shape[1]
    inverse = np.empty((n, 4))
    for i in range(n):
        a, b, c, d = A[i, 0, 0], A[i, 0, 1], A[i, 1, 0], A[i, 1, 1]
        if i > 0:
            p, q, r, s = inverse[i - 1, 0], inverse[i - 1, 1], inverse[i - 1, 2], inverse[i - 1, 3]
            c00, c01, c10, c11 = C[i, 0, 0], C[i, 0, 1], C[i, 1, 0], C[i, 1, 1]
            f00, f01, f10, f11 = c00 * p + c01 * r, c00 * q + c01 * s, c10 * p + c11 * r, c10 * q + c11 * s
            b00, b01, b10, b11 = B[i - 1, 0, 0], B[i - 1, 0, 1], B[i - 1, 1, 0], B[i - 1, 1, 1]
            a, b = a - f00 * b00 - f01 * b10, b - f00 * b01 - f01 * b11
            c, d = c - f10 * b00 - f11 * b10, d - f10 * b01 - f11 * b11
            for m in range(columns):
                y, z = x[i - 1, m, 0], x[i - 1, m, 1]
                x[i, m, 0] = _flushed(x[i, m, 0] - f00 * y - f01 * z)
                x[i, m, 1] = _flushed(x[i, m, 1] - f10 * y - f11 * z)
        over = 1.0 / (a * d - b * c)
        inverse[i, 0], inverse[i, 1], inverse[i, 2], inverse[i, 3] = d * over, -b * over, -c * over, a * over
    for i in range(n - 1, -1, -1):
        p, q, r, s = inverse[i, 0], inverse[i, 1], inverse[i, 2], inverse[i, 3]
        b00, b01, b10, b11 = B[i, 0, 0], B[i, 0, 1], B[i, 1, 0], B[i, 1, 1]
        for m in range(columns):
            y, z = x[i, m, 0], x[i, m, 1]
            if i < n - 1:
                above, below = x[i + 1, m, 0], x[i + 1, m, 1]
                y, z = y - b00 * above - b01 * below, z - b10 * above - b11 * below
            x[i, m, 0], x[i, m, 1] = _flushed(p * y + q * z), _flushed(r * y + s * z)


@compiled
def no_spread(y, c, E, scale, dx, boundary): ...


@compiled
def spread(y, c, E, scale, dx, boundary):
    """y [R, face] plus what it becomes by the change x = -scale dy that it makes of the components in the cells: solves for x.

    c, E [R height, column]: derivatives of the fluxes by the slopes of V, and of V by the components; scale [R, cell]; R <= 2.
    """
    R, faces = y.shape
    n, height = faces - 1, c.shape[0] // R
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
    # Blocks of two unknowns a cell; with R = 1 the second is zero. On a ring the last cell stands apart: columns 1..R of z are
    # what it makes of the others.
    ring = boundary == PERIODIC
    chain = n - 1 if ring else n
    blocks, z = np.zeros((3, n, 2, 2)), np.zeros((n, 1 + R if ring else 1, 2))
    C, A, B = blocks[0], blocks[1], blocks[2]
    for i in range(n):
        A[i, 0, 0], A[i, 1, 1] = 1.0, 1.0
    for r in range(R):
        for i in range(n):
            z[i, 0, r] = -scale[r, i] * (y[r, i + 1] - y[r, i])
        for s in range(R):
            for i in range(n):
                A[i, r, s] -= scale[r, i] * (left[r, s, i + 1] + right[r, s, i])
                B[i, r, s], C[i, r, s] = scale[r, i] * right[r, s, i + 1], scale[r, i] * left[r, s, i]
            if ring:
                z[chain - 1, 1 + s, r] -= B[chain - 1, r, s]
                z[0, 1 + s, r] -= C[0, r, s]
            elif boundary == OUTFLOW:
                A[n - 1, r, s] += B[n - 1, r, s]
                A[0, r, s] += C[0, r, s]
    _solve(C[:chain], A[:chain], B[:chain], z[:chain])
    x = np.empty((R, n + 2))  # with a ghost at each end
    if ring:
        last, d = A[chain:], z[chain:]
        first, before = z[0], z[chain - 1]
        for r in range(R):
            for s in range(R):
                ahead, behind = B[chain, r, s], C[chain, r, s]
                d[0, 0, r] -= ahead * first[0, s] + behind * before[0, s]
                for q in range(R):
                    last[0, r, q] += ahead * first[1 + q, s] + behind * before[1 + q, s]
        _solve(C[chain:], last, B[chain:], d)
        for i in range(chain):
            for r in range(R):
                for s in range(R):
                    z[i, 0, r] += z[i, 1 + s, r] * d[0, 0, s]
    for r in range(R):
        for i in range(n):
            x[r, i + 1] = z[i, 0, r]
    for r in range(R):
        x[r, 0] = x[r, n] if ring else x[r, 1] if boundary == OUTFLOW else 0.0
        x[r, n + 1] = x[r, 1] if ring else x[r, n] if boundary == OUTFLOW else 0.0
    for r in range(R):
        for s in range(R):
            for f in range(faces):
                y[r, f] += right[r, s, f] * x[s, f + 1] - left[r, s, f] * x[s, f]
