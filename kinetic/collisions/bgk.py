"""The model of Bhatnagar, Gross and Krook."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class BGK:
    r"""Relaxation to the local Maxwellian, :math:`Q = \nu (M - f)`; D = 1, 2, 3; Pr = 1.

    Reduced to one velocity: :math:`g \to \rho M_1`, :math:`h \to (D - 1) T \rho M_1`.
    Source: P. L. Bhatnagar, E. P. Gross, M. Krook, Phys. Rev. 94, 511 (1954), doi:10.1103/PhysRev.94.511.
    """

    name: str = "bgk"
    dims: tuple[int, ...] = (1, 2, 3)

    def default_prandtl(self, dims: int) -> float:
        return 1.0

    def rate(self, prandtl: float) -> float:
        """Relaxation rate in units of nu."""
        return 1.0

    def target(self, rho, u, T, sigma, q, v, dims: int, prandtl: float):
        """The reduced pair (g, h) [..., K] that f relaxes to, of fields [...] and velocities v [K]; h is None for D = 1."""
        rho, u, T = (np.asarray(a, float)[..., None] for a in (rho, u, T))
        g = rho / np.sqrt(2 * np.pi * T) * np.exp(-((v - u) ** 2) / (2 * T))
        return g, ((dims - 1) * T * g if dims > 1 else None)
