"""The compiled sums over pairs of velocities."""

import numpy as np

from knudsen.compile import compiled


@compiled(fastmath=True)
def pair_sums(F, G, same, tolerance, shape, first, shifts, weights, starts, project, A):
    """A [cell, rank, Nx, rows columns] = project . P, P_o(v) = sum over s of orbit o of f(v + s) g(v - s).

    F, G: f, g [cell, Nx, Ny, pad + Nz + pad], ``shape`` = (Nx, Ny, Nz), zero in the pads, which no shift in z leaves; same: g
    is f, else the sum is symmetrised. first = (y, z): only velocities from these indices on are computed (of an even f).
    shifts [S, 4]: s >= 0 and its orbit; weights [S]: reflections over the four products taken of each; starts: runs of equal
    (sx, sy). Products of rows that stay below tolerance times the largest |f| |g| are left out.
    """
    nx, ny, nz = shape
    y0, z0 = first
    row, width = F.shape[3], nz - z0
    columns = row, (row - nz) // 2 + z0, width
    top_f, top_g = np.empty((nx, ny)), np.empty((nx, ny))
    sums = np.empty((project.shape[1], width))  # of one row: stays in the nearest cache
    P = np.empty((project.shape[1], ny - y0, width))
    for cell in range(len(F)):
        for ix in range(nx):
            for iy in range(ny):
                top_f[ix, iy] = np.abs(F[cell, ix, iy]).max()
                top_g[ix, iy] = np.abs(G[cell, ix, iy]).max()
        least = tolerance * top_f.max() * top_g.max()
        f, g = F[cell].reshape(nx * ny * row), G[cell].reshape(nx * ny * row)
        for ix in range(nx):
            for iy in range(y0, ny):
                sums[:] = 0.0
                if same:
                    _add_row(f, f, 1.0, top_f, top_f, least, ix, iy, columns, shifts, weights, starts, sums)
                else:
                    _add_row(f, g, 0.5, top_f, top_g, least, ix, iy, columns, shifts, weights, starts, sums)
                    _add_row(g, f, 0.5, top_g, top_f, least, ix, iy, columns, shifts, weights, starts, sums)
                P[:, iy - y0] = sums
            A[cell, :, ix] = np.dot(project, P.reshape(len(P), (ny - y0) * width))


@compiled(fastmath=True)
def _add_row(f, g, factor, top_f, top_g, least, ix, iy, columns, shifts, weights, starts, sums):
    """sums [orbits, width] += factor f(v + s) g(v - s) of the row (ix, iy); f, g flat, columns = (row length, start, width)."""
    nx, ny = top_f.shape
    row, start, width = columns
    for run in range(len(starts) - 1):
        sx, sy = shifts[starts[run], 0], shifts[starts[run], 1]
        if ix < sx or ix + sx >= nx or iy < sy or iy + sy >= ny:
            continue
        xa, xb, up, down = ix + sx, ix - sx, iy + sy, iy - sy
        one = top_f[xa, up] * top_g[xb, down] >= least
        two = sy > 0 and top_f[xa, down] * top_g[xb, up] >= least
        a, b = (xa * ny + up) * row + start, (xb * ny + down) * row + start
        c, d = (xa * ny + down) * row + start, (xb * ny + up) * row + start
        if one and two:
            for i in range(starts[run], starts[run + 1]):
                s, w, p = shifts[i, 2], factor * weights[i], sums[shifts[i, 3]]
                f_a, f_a_, g_b, g_b_ = f[a + s :], f[a - s :], g[b + s :], g[b - s :]
                f_c, f_c_, g_d, g_d_ = f[c + s :], f[c - s :], g[d + s :], g[d - s :]
                for z in range(width):
                    p[z] += w * ((f_a[z] * g_b_[z] + f_a_[z] * g_b[z]) + (f_c[z] * g_d_[z] + f_c_[z] * g_d[z]))
        elif one or two:
            if two:
                a, b = c, d
            both = factor * (2.0 if sy == 0 else 1.0)  # of sy = 0 the two are one
            for i in range(starts[run], starts[run + 1]):
                s, w, p = shifts[i, 2], both * weights[i], sums[shifts[i, 3]]
                f_a, f_a_, g_b, g_b_ = f[a + s :], f[a - s :], g[b + s :], g[b - s :]
                for z in range(width):
                    p[z] += w * (f_a[z] * g_b_[z] + f_a_[z] * g_b[z])


@compiled(fastmath=True)
def combine(spectra, multiplier, out):
    """out [cell, k] = sum over p of multiplier [p, k] spectra [cell, p, k]."""
    out[:] = 0.0
    for cell in range(len(out)):
        for p in range(len(multiplier)):
            for k in range(out.shape[1]):
                out[cell, k] += multiplier[p, k] * spectra[cell, p, k]
