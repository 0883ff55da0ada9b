"""Conjugate gradients for diffusion in the plane: symmetric five-point systems."""

from math import sqrt

import numpy as np
from numba import boolean, float64, int64

from knudsen.compile import compiled

TABLE = float64[:, ::1]
ROUND_OFF = 1e-14  # root mean square of what is left, in units of the right-hand side
MOST = 2000


@compiled(signatures=(int64(TABLE, TABLE, TABLE, TABLE, TABLE, boolean, boolean, float64),))
def conjugate_gradients(diagonal, along_x, along_y, right, found, periodic_x, periodic_y, unit):
    """Solves diagonal y - (along_x, along_y of the faces times y of the four neighbours) = right, from y = 0; returns the number
    of iterations.

    diagonal, right, found [ny, nx]; along_x [ny, nx + 1], along_y [ny + 1, nx]; beyond sides that are not periodic lies nothing.
    The preconditioner is the diagonal. Source: M. R. Hestenes, E. Stiefel, J. Res. Natl. Bur. Stand. 49 (1952) 409.
    """
    ny, nx = right.shape
    p, q, r = np.zeros((ny + 2, nx + 2)), np.empty((ny, nx)), np.empty((ny, nx))
    rz = left = 0.0
    for j in range(ny):
        for i in range(nx):
            found[j, i], r[j, i] = 0.0, right[j, i]
            p[j + 1, i + 1] = right[j, i] / diagonal[j, i]
            rz += right[j, i] * p[j + 1, i + 1]
            left += right[j, i] * right[j, i]
    enough = ROUND_OFF * unit * sqrt(float(nx * ny))
    for iteration in range(MOST):
        if not left > enough * enough:
            return iteration
        if periodic_x:
            for j in range(1, ny + 1):
                p[j, 0], p[j, nx + 1] = p[j, nx], p[j, 1]
        if periodic_y:
            for i in range(1, nx + 1):
                p[0, i], p[ny + 1, i] = p[ny, i], p[1, i]
        pq = 0.0
        for j in range(ny):
            centre, below, above = p[j + 1], p[j], p[j + 2]
            for i in range(nx):
                near = along_x[j, i] * centre[i] + along_x[j, i + 1] * centre[i + 2]
                near += along_y[j, i] * below[i + 1] + along_y[j + 1, i] * above[i + 1]
                q[j, i] = diagonal[j, i] * centre[i + 1] - near
                pq += centre[i + 1] * q[j, i]
        a, new, left = rz / pq, 0.0, 0.0
        for j in range(ny):
            for i in range(nx):
                found[j, i] += a * p[j + 1, i + 1]
                r[j, i] -= a * q[j, i]
                left += r[j, i] * r[j, i]
                new += r[j, i] * r[j, i] / diagonal[j, i]
        b, rz = new / rz, new
        for j in range(ny):
            for i in range(nx):
                p[j + 1, i + 1] = r[j, i] / diagonal[j, i] + b * p[j + 1, i + 1]
    return MOST
