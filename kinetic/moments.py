"""Raw moments of the distribution, the fields they hold, and the jump conditions of a shock."""

from math import comb

import numpy as np
from numpy.polynomial.hermite_e import herme2poly

from knudsen.errors import InputError
from knudsen.kinetic.gas import Gas


def maxwellian_moments(rho, u, T, gas: Gas, order: int):
    r"""Raw moments of a Maxwellian, exact.

    .. math:: G_k = \int v^k f\, dv, \qquad H_k = \int v^k |v_\perp|^2 f\, dv = (D - 1) T G_k, \qquad
              G_{k+1} = u\, G_k + k\, T\, G_{k-1}

    rho, u, T: arrays [...]. Returns G [order + 1, ...] and H of the same shape (None for D = 1).
    """
    rho, u, T = np.broadcast_arrays(np.asarray(rho, float), u, T)
    G = np.empty((order + 1, *rho.shape))
    G[0] = rho
    if order > 0:
        G[1] = rho * u
    for k in range(1, order):
        G[k + 1] = u * G[k] + k * T * G[k - 1]
    return G, ((gas.dims - 1) * T * G if gas.has_h else None)


def macroscopic(G, H, gas: Gas):
    r"""The fields rho, u, T, sigma, q of raw moments (moment axis first, at least G_0..G_3; numpy arrays or torch tensors).

    .. math:: D \rho T = \int (c^2 + |v_\perp|^2) f, \qquad \sigma = \int c^2 f - \rho T, \qquad
              q = \tfrac12 \int c\,(c^2 + |v_\perp|^2) f, \qquad c = v - u
    """
    rho, u = G[0], G[1] / G[0]
    pressure_xx = G[2] - u * G[1]
    transverse = H[0] if gas.has_h else 0.0 * rho
    T = (pressure_xx + transverse) / (gas.dims * rho)
    third = G[3] - 3.0 * u * G[2] + 2.0 * u**2 * G[1]
    transverse_flux = H[1] - u * H[0] if gas.has_h else 0.0 * rho
    return rho, u, T, pressure_xx - rho * T, 0.5 * (third + transverse_flux)


def tangential(G, H, K, Y, L):
    r"""What shear adds: the H of the gas's own frame, for :func:`macroscopic`, and the fields u_y, sigma_xy, q_y.

    .. math:: \rho u_y = \int v_y f, \qquad \sigma_{xy} = \int c_x c_y f, \qquad q_y = \tfrac12 \int c_y |c|^2 f

    G, H, K, Y, L: raw moments int v^k f times 1, |v_perp|^2, v_y, v_y^2, v_y |v_perp|^2; moment axis first, at least k = 0..2.
    """
    u, u_y = G[1] / G[0], K[0] / G[0]
    along = G[2] - u * G[1]
    sigma_xy = K[1] - u * K[0]
    q_y = K[2] - u * (2.0 * K[1] - u * K[0]) - u_y * along
    q_y += L[0] - u_y * (2.0 * Y[0] + H[0]) + 2.0 * u_y**3 * G[0]
    return H - u_y * (2.0 * K - u_y * G), u_y, sigma_xy, 0.5 * q_y


def hermite_moment(G, u, T, order: int):
    r"""The Hermite moment of that order in the own frame, in units of velocity: zero in equilibrium for order >= 1.

    .. math:: T^{k/2} W_k = T^{k/2} \int He_k\!\left(\frac{v - u}{\sqrt T}\right) g\,dv
              = \sum_j h_{kj}\, T^{(k - j)/2} \int (v - u)^j g\,dv

    G: raw moments, moment axis first, at least G_0..G_order; u, T of the same trailing shape; numpy arrays or torch tensors.
    """
    coefficients = herme2poly([0] * order + [1])
    total = 0.0
    for j in range(order, -1, -2):  # He_k has the parity of k
        central = sum(comb(j, i) * (-u) ** (j - i) * G[i] for i in range(j + 1))
        total = total + float(coefficients[j]) * T ** ((order - j) / 2) * central
    return total


def rankine_hugoniot(mach: float, gas: Gas):
    r"""States (rho, u, T) before and behind a normal shock, in its frame, upstream (1, M sqrt(gamma), 1) on the left.

    .. math:: \frac{\rho_2}{\rho_1} = \frac{(\gamma + 1) M^2}{(\gamma - 1) M^2 + 2}, \qquad
              \frac{p_2}{p_1} = 1 + \frac{2 \gamma}{\gamma + 1} (M^2 - 1)

    Raises InputError naming ``mach`` unless it is a number above 1.
    Source: L. D. Landau, E. M. Lifshitz, Fluid Mechanics, eqs. 89.6 and 89.7.
    """
    if isinstance(mach, bool) or not isinstance(mach, int | float | np.floating) or not 1.0 < mach < np.inf:
        raise InputError(f"mach={mach!r}: a shock needs a Mach number above 1")
    gamma, speed = gas.gamma, mach * np.sqrt(gas.gamma)
    ratio = (gamma + 1) * mach**2 / ((gamma - 1) * mach**2 + 2)
    pressure = 1 + 2 * gamma / (gamma + 1) * (mach**2 - 1)
    return (1.0, float(speed), 1.0), (float(ratio), float(speed / ratio), float(pressure / ratio))
