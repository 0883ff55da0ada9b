"""The ellipsoidal model."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class EllipsoidalBGK:
    r"""Relaxation to an anisotropic Gaussian, frequency Pr nu; D = 2, 3 (in D = 1 there is no stress).

    .. math:: \Lambda = \frac{T}{Pr} I + \left(1 - \frac1{Pr}\right) \Theta, \qquad \Theta = \frac1\rho \int c\,c\,f\,dv

    Reduced: :math:`g \to \rho\, \mathcal N(v; u, \Lambda_{xx})`, :math:`h \to (D - 1) \Lambda_\perp g` with
    :math:`\Lambda_{xx} = T + (1 - 1/Pr)\,\sigma/\rho` and :math:`\Lambda_{xx} + (D - 1) \Lambda_\perp = D\,T`, exact. The stress
    relaxes at nu, the heat flux at Pr nu; f and the entropy keep their signs for Pr >= (D - 1)/D.
    Source: L. H. Holway, Phys. Fluids 9, 1658 (1966), doi:10.1063/1.1761920; P. Andries et al., Eur. J. Mech. B 19, 813 (2000),
    doi:10.1016/S0997-7546(00)01103-1.
    """

    name: str = "es_bgk"
    dims: tuple[int, ...] = (2, 3)

    def default_prandtl(self, dims: int) -> float:
        return 2.0 / 3.0

    def rate(self, prandtl: float) -> float:
        """Relaxation rate in units of nu."""
        return prandtl

    def target(self, rho, u, T, sigma, q, v, dims: int, prandtl: float):
        """The reduced pair (g, h) [..., K] that f relaxes to, of fields [...] and velocities v [K]."""
        rho, u, T, sigma = (np.asarray(a, float)[..., None] for a in (rho, u, T, sigma))
        along = T + (1 - 1 / prandtl) * sigma / rho
        g = rho / np.sqrt(2 * np.pi * along) * np.exp(-((v - u) ** 2) / (2 * along))
        return g, (dims * T - along) * g
