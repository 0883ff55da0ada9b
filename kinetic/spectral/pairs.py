"""The compiled sums over pairs of velocities; all loops that call each other stand in this file (Numba's cache)."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, fastmath=True)
def pair_sums(f, g, same, tolerance, shifts, starts, project, P, A):
    """A [cell, rank, Nx, Ny Nz] = project . P, P_o(v) = sum over s of orbit o of f(v + s) g(v - s), symmetrised in (f, g).

    f, g: [cell, Nx, Ny, Nz], zero outside; same: g is f. Pairs of rows whose product stays below tolerance times the largest
    |f| |g| are left out. P: workspace [orbits, Ny, Nz].
    """
    cells, nx, ny, nz = f.shape
    top_f, top_g = np.empty((nx, ny)), np.empty((nx, ny))
    for cell in range(cells):
        for ix in range(nx):
            for iy in range(ny):
                top_f[ix, iy] = np.abs(f[cell, ix, iy]).max()
                top_g[ix, iy] = np.abs(g[cell, ix, iy]).max()
        least = tolerance * top_f.max() * top_g.max()
        for ix in range(nx):
            _plane(f[cell], g[cell], same, top_f, top_g, least, shifts, starts, ix, P)
            A[cell, :, ix, :] = np.dot(project, P.reshape(P.shape[0], ny * nz))


@njit(cache=True, nogil=True, fastmath=True)
def _plane(f, g, same, top_f, top_g, least, shifts, starts, ix, P):
    nx, ny, nz = f.shape
    P[:] = 0.0
    for iy in range(ny):
        for run in range(len(starts) - 1):
            sx, sy = shifts[starts[run], 0], shifts[starts[run], 1]
            xa, xb, ya, yb = ix + sx, ix - sx, iy + sy, iy - sy
            if min(xa, xb) < 0 or max(xa, xb) >= nx or min(ya, yb) < 0 or max(ya, yb) >= ny:
                continue
            if top_f[xa, ya] * top_g[xb, yb] >= least:
                _row(f[xa, ya], g[xb, yb], 1.0 if same else 0.5, shifts, starts[run], starts[run + 1], 1, P, iy)
            if not same and top_g[xa, ya] * top_f[xb, yb] >= least:
                _row(g[xa, ya], f[xb, yb], 0.5, shifts, starts[run], starts[run + 1], 1, P, iy)


@njit(cache=True, nogil=True, fastmath=True)
def _row(a, b, factor, shifts, first, last, step, P, iy):
    nz = a.size
    for i in range(first, last):
        sz = shifts[i, 2]
        p = P[shifts[i, 3], iy]
        edge = abs(sz)
        for z in range(edge, nz - edge):
            p[z] += factor * a[z + sz] * b[z - sz]
