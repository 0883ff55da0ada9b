"""Shakhov's model."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Shakhov:
    r"""Relaxation to a Maxwellian with part of the heat flux, any Prandtl number; D = 1, 2, 3; frequency nu.

    .. math:: \mathcal{S} = M \left[1 + a\, c_x \left(\frac{c^2}{T} - (D + 2)\right)\right], \qquad
              a = \frac{(1 - Pr)\, q}{(D + 2)\, p\, T}

    for a heat flux q along x. Reduced: :math:`g \to \rho M_1 [1 + a c (c^2/T - 3)]`,
    :math:`h \to (D - 1) T \rho M_1 [1 + a c (c^2/T - 1)]`, exact. The stress relaxes at nu, the heat flux at Pr nu. The target
    may be negative far out.
    Source: E. M. Shakhov, Fluid Dyn. 3, 95 (1968), doi:10.1007/BF01029546.
    """

    name: str = "shakhov"
    dims: tuple[int, ...] = (1, 2, 3)

    def default_prandtl(self, dims: int) -> float:
        return 2.0 / 3.0

    def rate(self, prandtl: float) -> float:
        """Relaxation rate in units of nu."""
        return 1.0

    def target(self, rho, u, T, sigma, q, v, dims: int, prandtl: float):
        """The reduced pair (g, h) [..., K] that f relaxes to, of fields [...] and velocities v [K]; h is None for D = 1."""
        rho, u, T, q = (np.asarray(a, float)[..., None] for a in (rho, u, T, q))
        c = v - u
        M = rho / np.sqrt(2 * np.pi * T) * np.exp(-(c**2) / (2 * T))
        a = (1 - prandtl) * q / ((dims + 2) * rho * T**2)
        g = M * (1 + a * c * (c**2 / T - 3))
        return g, ((dims - 1) * T * M * (1 + a * c * (c**2 / T - 1)) if dims > 1 else None)
