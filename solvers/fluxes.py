"""Numerical fluxes: pure functions (V_l, V_r, law) -> flux, consistent (flux(V, V) = F(V)) and conservative.

V_l, V_r: the reconstructed variables on the two sides of each face, [batch, variable, face]. Returns [batch, component, face].
"""

from __future__ import annotations

import torch
from torch import Tensor

from knudsen.solvers.protocol import BalanceLaw


def mean_flux(V_l: Tensor, V_r: Tensor, law: BalanceLaw) -> Tensor:
    r"""The central part, :math:`\tfrac12 (F(V_l) + F(V_r))`."""
    # one evaluation for both sides: the number of small operations is the cost of a small problem
    F_l, F_r = law.flux(torch.cat((V_l, V_r), dim=-1)).chunk(2, dim=-1)
    return 0.5 * (F_l + F_r)


def flux_rusanov(V_l: Tensor, V_r: Tensor, law: BalanceLaw) -> Tensor:
    r"""Rusanov (local Lax-Friedrichs) flux.

    .. math:: \hat F = \tfrac12 (F(V_l) + F(V_r)) - \tfrac12 \max(s_l, s_r)\,(U_r - U_l)

    The most dissipative and the most robust: monotone for a scalar law, positive for the Euler equations at first order.

    Source: V. V. Rusanov, 1961, doi:10.1016/0041-5553(62)90062-9; E. F. Toro, Riemann Solvers (2009), eq. 10.56.
    """
    both = torch.cat((V_l, V_r), dim=-1)
    F_l, F_r = law.flux(both).chunk(2, dim=-1)
    U_l, U_r = law.conserved(both).chunk(2, dim=-1)
    s_l, s_r = law.max_speed(both).chunk(2, dim=-1)
    return 0.5 * (F_l + F_r - torch.maximum(s_l, s_r) * (U_r - U_l))


def flux_upwind(V_l: Tensor, V_r: Tensor, law: BalanceLaw) -> Tensor:
    r"""Upwind flux with the law's own dissipation.

    .. math:: \hat F = \tfrac12 (F(V_l) + F(V_r)) - \tfrac12 |A|\,(U_r - U_l)

    |A| (U_r - U_l) is ``law.upwind``: with the exact modulus of the flux Jacobian this is Roe's scheme without entropy fix.

    Source: P. L. Roe, J. Comput. Phys. 43 (1981) 357, doi:10.1016/0021-9991(81)90128-5, eq. 20.
    """
    return mean_flux(V_l, V_r, law) - 0.5 * law.upwind(V_l, V_r)


def flux_hll(V_l: Tensor, V_r: Tensor, law: BalanceLaw) -> Tensor:
    r"""HLL flux: the integral average over the fan between the slowest and the fastest wave.

    .. math:: \hat F = \frac{s_+ F_l - s_- F_r + s_+ s_-\,(U_r - U_l)}{s_+ - s_-}, \qquad
              s_- = \min(s_{-,l}, s_{-,r}, 0), \quad s_+ = \max(s_{+,l}, s_{+,r}, 0)

    Rusanov's flux where the two speeds are opposite, pure upwinding in a supersonic stream: the dissipation does not grow with
    the velocity of the frame as Rusanov's does. As robust: positive wherever the speeds bound the waves of both sides.

    Source: A. Harten, P. D. Lax, B. van Leer, SIAM Rev. 25 (1983) 35, doi:10.1137/1025002, eq. 3.20; speeds: S. F. Davis,
    SIAM J. Sci. Stat. Comput. 9 (1988) 445, doi:10.1137/0909030, eq. 4.5.
    """
    both = torch.cat((V_l, V_r), dim=-1)
    F_l, F_r = law.flux(both).chunk(2, dim=-1)
    U_l, U_r = law.conserved(both).chunk(2, dim=-1)
    slow, fast = law.speeds(both)
    slow = torch.minimum(*slow.chunk(2, dim=-1)).clamp(max=0)
    fast = torch.maximum(*fast.chunk(2, dim=-1)).clamp(min=0)
    return (fast * F_l - slow * F_r + fast * slow * (U_r - U_l)) / (fast - slow).clamp(min=torch.finfo(V_l.dtype).tiny)


FLUXES = {"upwind": flux_upwind, "rusanov": flux_rusanov, "hll": flux_hll}
