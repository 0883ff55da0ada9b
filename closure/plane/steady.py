r"""Steady flows in the plane: Newton's method in pseudo-time, every step a sparse linear system.

.. math:: (1/\Delta t_k - J)\,(U_{k+1} - U_k) = R(U_k), \qquad \Delta t_{k+1} = \Delta t_k\,\|R_k\|/\|R_{k+1}\|

R is the sum of transport and source, J its derivative by coloured finite differences: a cell depends on the two next to it in
every direction, so that cells five apart are perturbed at once. What R conserves every step conserves, mass between walls first.

Source: W. A. Mulder, B. van Leer, J. Comput. Phys. 59 (1985) 232, doi:10.1016/0021-9991(85)90144-5 (the growth of the step);
A. R. Curtis, M. J. D. Powell, J. K. Reid, IMA J. Appl. Math. 13 (1974) 117 (colours).
"""

import numpy as np
import torch
from torch import Tensor

DIFFERENCE = 1e-6  # of the perturbations, in units of the scale
REACH = 2  # cells on each side that the residual of a cell depends on
CHUNK = 2**20  # numbers in one batch of perturbed states
FIRST, GROWTH, LEAST = 0.5, 20.0, 1e-4  # first step, in units of the time; largest growth and smallest step


class Jacobian:
    """dR/dU of the states [component, y, x] of a rectangle, all in units of a scale [component]."""

    def __init__(self, components: int, shape: tuple[int, int], periodic: tuple[bool, bool]):
        self.n, self.shape = components, shape
        (ny, nx), width = shape, 2 * REACH + 1
        periods = [
            next((p for p in range(width, n) if n % p == 0), n) if wraps else width for n, wraps in zip((nx, ny), periodic)
        ]
        j, i = np.divmod(np.arange(ny * nx), nx)
        self.colour, self.colours = i % periods[0] + periods[0] * (j % periods[1]), periods[0] * periods[1]
        offsets = np.stack(np.meshgrid(*[np.arange(-REACH, REACH + 1)] * 2), -1).reshape(-1, 2)
        to_i, to_j = i[:, None] + offsets[:, 0], j[:, None] + offsets[:, 1]
        inside = (periodic[0] | ((to_i >= 0) & (to_i < nx))) & (periodic[1] | ((to_j >= 0) & (to_j < ny)))
        cell, _ = np.nonzero(inside)
        self.cell, self.image = cell, (to_j % ny * nx + to_i % nx)[inside]

    def __call__(self, residual, U: Tensor, R: Tensor, scale: Tensor):
        """The sparse matrix at U, whose unknowns are ordered cell by cell."""
        from scipy.sparse import coo_matrix  # slow to import, and runs in time do without

        n, (ny, nx) = self.n, self.shape
        masks = torch.from_numpy(self.colour == np.arange(self.colours)[:, None]).to(U.dtype).reshape(-1, 1, ny, nx)
        per_chunk = max(1, CHUNK // U.numel())
        rows, columns, values = [], [], []
        for k in range(n):
            shift = DIFFERENCE * scale * torch.eye(n, dtype=U.dtype)[k][:, None, None] * masks
            parts = [(residual(U + part) - R) / (DIFFERENCE * scale) for part in shift.split(per_chunk)]
            found = torch.cat(parts).flatten(2).numpy()  # [colour, component, cell]
            entries = found[self.colour[self.cell], :, self.image]
            rows.append(self.image[:, None] * n + np.arange(n))
            columns.append(np.broadcast_to(self.cell[:, None] * n + k, entries.shape))
            values.append(entries)
        rows, columns, values = (np.concatenate(parts).ravel() for parts in (rows, columns, values))
        there = values != 0
        return coo_matrix((values[there], (rows[there], columns[there])), shape=(n * ny * nx,) * 2).tocsc()


def steady(solver, U: Tensor, plane, scale: Tensor, time: float, tolerance: float = 1e-8, most: int = 60, progress=None):
    """(U [component, y, x], residuals, status ``ok`` or ``not_converged``) near the state U.

    scale [component]: typical sizes; time: a typical time; a residual is the largest of R in these units.
    """
    from scipy.sparse import identity
    from scipy.sparse.linalg import splu

    scale, n, shape = scale[:, None, None], U.shape[0], U.shape[1:]
    jacobian = Jacobian(n, tuple(shape), tuple(plane.sides[2 * axis].kind == "periodic" for axis in (0, 1)))

    def residual(states):
        return time * solver.residual(states, plane)

    U, dt = U[None], FIRST
    R, residuals = residual(U), []
    unit, J = identity(U.numel(), format="csc"), None
    for _ in range(most):
        residuals.append(float((R / scale).abs().max()))
        if progress:
            progress(residuals)
        if residuals[-1] < tolerance:
            return U[0], residuals, "ok"
        J = jacobian(residual, U, R, scale) if J is None else J
        right = (R / scale)[0].flatten(1).T.reshape(-1).numpy()
        change = splu(unit / dt - J, diag_pivot_thresh=0.1).solve(right)
        trial = U + scale * torch.from_numpy(change.reshape(-1, n).T.reshape(1, n, *shape).copy())
        found = residual(trial) if bool(solver.law.admissible(trial).all()) else None
        size = float("nan") if found is None else float((found / scale).abs().max())
        if not size < 10 * residuals[-1]:  # too long a step
            dt *= 0.1
            residuals.pop()
            if dt < LEAST:
                break
            continue
        dt *= min(GROWTH, max(residuals[-1] / size, 0.1))
        U, R, J = trial, found, None
    return U[0], residuals, "not_converged"
