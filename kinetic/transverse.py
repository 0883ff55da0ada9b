r"""Targets of the relaxation models between walls, where the gas moves along y: their moments over the velocities across x.

With u_x = 0 five moments over :math:`v_\perp = (v_y, v_z)` are enough for every field of the flow, exactly,

.. math:: \phi = \int \left(1,\; v_y,\; v_y^2,\; v_z^2,\; v_y |v_\perp|^2\right) f\, dv_\perp ,

v_z being all directions but x and y (none for D = 2). The one-velocity pair (g, h) of the collision models is
:math:`(\phi_0, \phi_2 + \phi_3)` at u_y = 0.
"""

import numpy as np

from knudsen.kinetic.collisions import BGK

MOMENTS = 5
RAW = 8
FIELDS = ("rho", "u_y", "T", "q", "q_y", "sigma", "sigma_xy", "sigma_yy")


def carried(gas):
    """The fields that the gas's target is a function of, as places in ``FIELDS``."""
    share = gas.model.shares(gas.prandtl)
    return (0, 1, 2, *((3, 4) if share.heat_flux else ()), *((5, 6, 7) if share.stress else ()))


def target(gas, w, v):
    """The target's phi [5, ..., N] of the fields w [b, N] that the model carries (``carried``), at velocities v [..., 1]."""
    state = dict.fromkeys(range(len(FIELDS)), 0.0) | dict(zip(carried(gas), w, strict=True))
    rho, u_y, T, q, q_y, *stress = state.values()
    sigma, sigma_xy, sigma_yy = stress
    return gas.model.transverse_target(rho, u_y, T, (sigma, sigma_xy, sigma_yy), (q, q_y), v, gas.dims, gas.prandtl)


def maxwellian(rho, u, T, v, dims):
    """phi of a Maxwellian with the velocity u along y."""
    return BGK().transverse_target(rho, u, T, (0.0, 0.0, 0.0), (0.0, 0.0), v, dims, 1.0)


def rows(v, weight):
    """The raw moments as weights [8, 5, ...] of phi at velocities v of quadrature ``weight``: those of ``fields``."""
    R = np.zeros((RAW, MOMENTS, *v.shape))
    R[0, 0] = R[1, 1] = R[7, 2] = 1.0  # mass, momentum along y, its flux along y
    R[2, 0], R[2, 2], R[2, 3] = v**2, 1.0, 1.0  # twice the energy
    R[3] = 0.5 * v * R[2]  # energy flux along x
    R[4, 1], R[4, 4] = 0.5 * v**2, 0.5  # ... and y
    R[5, 0], R[6, 1] = v**2, v  # momentum fluxes xx, xy
    return R * weight


def fields(raw, dims):
    """The fields [8, N] (``FIELDS``) of raw moments [8, N] with u_x = 0."""
    mass, momentum, energy, flux_x, flux_y, xx, xy, yy = raw
    u = momentum / mass
    T = (energy / mass - u**2) / dims
    p = mass * T
    heat_y = flux_y - u * (yy + 0.5 * energy - u * momentum)
    return np.stack([mass, u, T, flux_x - u * xy, heat_y, xx - p, xy, yy - u * momentum - p])
