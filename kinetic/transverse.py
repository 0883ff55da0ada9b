r"""Targets of the relaxation models between walls, where the gas moves along y: their moments over the velocities across x.

With u_x = 0 five moments over :math:`v_\perp = (v_y, v_z)` are enough for every field of the flow, exactly,

.. math:: \phi = \int \left(1,\; v_y,\; v_y^2,\; v_z^2,\; v_y |v_\perp|^2\right) f\, dv_\perp ,

v_z being all directions but x and y (none for D = 2). The one-velocity pair (g, h) of the collision models is
:math:`(\phi_0, \phi_2 + \phi_3)` at u_y = 0.
"""

import numpy as np

MOMENTS = 5
RAW = 8
FIELDS = ("rho", "u_y", "T", "q", "q_y", "sigma", "sigma_xy", "sigma_yy")
CARRIED = {"bgk": (0, 1, 2), "shakhov": (0, 1, 2, 3, 4), "es_bgk": (0, 1, 2, 5, 6, 7)}  # fields that the target is a function of


def target(gas, w, v):
    """The target's phi [5, ..., N] of the fields w [b, N] that the model carries (``CARRIED``), at velocities v [..., 1]."""
    if gas.collision == "shakhov":
        return _shakhov(*w, v, gas.dims, gas.prandtl)
    if gas.collision == "es_bgk":
        return _gaussian(*w, v, gas.dims, gas.prandtl)
    return maxwellian(*w, v, gas.dims)


def maxwellian(rho, u, T, v, dims):
    """phi of a Maxwellian with the velocity u along y."""
    return _gaussian(rho, u, T, 0.0, 0.0, 0.0, v, dims, 1.0)


def _gaussian(rho, u, T, sigma, sigma_xy, sigma_yy, v, dims, prandtl):
    r"""ES-BGK: given v_x, v_y is normal about :math:`m = u + v_x \Lambda_{xy}/\Lambda_{xx}`."""
    share = 1 - 1 / prandtl
    xx, xy, yy = T + share * sigma / rho, share * sigma_xy / rho, T + share * sigma_yy / rho
    zz = dims * T - xx - yy  # of all directions z together
    m, variance = u + v * (xy / xx), yy - xy**2 / xx
    phi = rho / np.sqrt(2 * np.pi * xx) * np.exp(-(v**2) / (2 * xx))
    one = np.ones_like(m)
    return phi * np.stack([one, m, m**2 + variance, zz * one, m * (m**2 + 3 * variance + zz)])


def _shakhov(rho, u, T, q, q_y, v, dims, prandtl):
    r"""Shakhov: :math:`M [1 + b\,(q_x c_x + q_y c_y)(c^2/T - (D + 2))]`, b = (1 - Pr)/((D + 2) p T)."""
    M, X = rho / np.sqrt(2 * np.pi * T) * np.exp(-(v**2) / (2 * T)), v**2 / T
    b = (1 - prandtl) / ((dims + 2) * rho * T**2)
    even, odd, others = b * q * v, b * q_y * T, dims - 2
    zero = 1 + even * (X - 3)
    y, yy = odd * (X - 1), T * (1 + even * (X - 1))
    zz, y_perp = others * yy, (3 + others) * T * odd * (X + 1)
    third = u * (u**2 * zero + 3 * u * y + 3 * yy + zz) + y_perp
    return M * np.stack([zero, u * zero + y, u**2 * zero + 2 * u * y + yy, zz, third])


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
