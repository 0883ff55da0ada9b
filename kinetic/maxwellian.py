"""Discrete Maxwellians of given states (the start of a case, ghost cells)."""

import numpy as np

from knudsen.errors import InputError
from knudsen.kinetic.kernel.maxwellian import discrete_maxwellians


def discrete_maxwellian(rho, u, T, grid):
    """M [..., K] of the states rho, u, T [...] on a velocity grid, with exact discrete moments.

    Raises InputError naming ``gas.velocity_points`` where the grid cannot hold one of them.
    """
    shape = np.shape(rho)
    rho, u, T = (np.ascontiguousarray(np.broadcast_to(a, shape), dtype=float).ravel() for a in (rho, u, T))
    M = np.empty((rho.size, grid.points))
    failed = discrete_maxwellians(rho, u, T, grid.v, grid.dv, M)
    if failed >= 0:
        low, high = grid.bounds
        state = f"{grid.points} velocities in {low:g}..{high:g} cannot hold a Maxwellian of u={u[failed]:g}, T={T[failed]:g}"
        raise InputError(f"gas.velocity_points: {state}; give more points")
    return M.reshape(*shape, grid.points)


def transverse_weights(uy, T, dims: int):
    r"""The transverse moments of a Maxwellian over :math:`g = \int f\,dv_\perp`: its fields g, h, k, y, l are these times g.

    .. math:: 1, \quad |v_\perp|^2: (D - 1) T + u_y^2, \quad v_y: u_y, \quad v_y^2: T + u_y^2, \quad
              v_y |v_\perp|^2: u_y^3 + (D + 1) T u_y
    """
    return 1.0 + 0.0 * T, (dims - 1) * T + uy**2, uy + 0.0 * T, T + uy**2, uy**3 + (dims + 1) * T * uy
