"""What all relaxation models have in common: the rates, the shares, the target in the forms that solvers ask for."""

from typing import NamedTuple

import numpy as np

from knudsen.kinetic.collisions import target as targets


class Shares(NamedTuple):
    """What the target has of f's stress and of its heat flux."""

    stress: float
    heat_flux: float


class RelaxationModel:
    r"""Q = r nu (M - f): f relaxes to a target M that is known from its moments; the base class of all such models.

    A model is named by its rate r. Stress relaxes at nu, by what nu means (mu = eps p/nu), and the heat flux at Pr nu. A target
    that has the share s of the stress makes it relax at r (1 - s) nu, hence

    .. math:: s = 1 - \frac1r, \qquad h = 1 - \frac{Pr}{r}

    for the shares of stress and heat flux, and with them the target (:mod:`knudsen.kinetic.collisions.target`). r = 1 is
    Shakhov's model, r = Pr is ES-BGK; with Pr = 1 both are BGK.

    A subclass gives ``name`` and ``label``, ``dims`` (the velocity dimensions that it exists in), :meth:`rate`,
    :meth:`default_prandtl`, and where they differ ``free_prandtl`` and :meth:`lowest_prandtl`.
    """

    name: str
    label: str
    dims: tuple[int, ...] = (1, 2, 3)
    free_prandtl = True  # may the gas choose another Prandtl number than the model's own?
    is_binary = False  # a functional of f, on all velocities (``Boltzmann``)?

    def rate(self, prandtl: float) -> float:
        """r: the relaxation rate in units of nu."""
        raise NotImplementedError

    def default_prandtl(self, dims: int) -> float:
        """The Prandtl number of a gas that does not choose one."""
        return 2.0 / 3.0

    def lowest_prandtl(self, dims: int) -> float:
        """The lowest Prandtl number for which the target exists."""
        return 0.0

    def stress_rate(self, dims: int, omega: float | None) -> float:
        """The rate of the stress at rho = T = eps = 1."""
        return 1.0

    def shares(self, prandtl: float) -> Shares:
        r = self.rate(prandtl)
        return Shares(1.0 - 1.0 / r, 1.0 - prandtl / r)

    def target(self, rho, u, T, sigma, q, v, dims: int, prandtl: float):
        """The reduced pair (g, h) [..., K] that f relaxes to, of fields [...] and velocities v [K]; h is None for D = 1."""
        rho, u, T, sigma, q = (np.asarray(a, float)[..., None] for a in (rho, u, T, sigma, q))
        share = self.shares(prandtl)
        along, *rows = targets.pair_rows(T, share.stress * sigma / rho, share.heat_flux * q / rho, dims)
        g, h = targets.field(rho, along, v - u, *rows)
        return g, (h if dims > 1 else None)

    def transverse_target(self, rho, u_y, T, stress, q, v, dims: int, prandtl: float):
        """The moments of the target over v_perp with 1, v_y, v_y^2, v_z^2, v_y |v_perp|^2, [5, ...], where u_x = 0.

        stress: (xx, xy, yy), q: (x, y), all that broadcast with velocities v along x; real or complex.
        """
        share = self.shares(prandtl)
        xx, xy, yy = (share.stress * sigma / rho for sigma in stress)
        q_x, q_y = (share.heat_flux * a / rho for a in q)
        along, *rows = targets.shear_rows(T, u_y, xx, xy, yy, q_x, q_y, dims)
        return np.stack(targets.field(rho, along, v, *rows))

    def full_target(self, rho, T, stress, q, c, prandtl: float):
        """The target at own-frame velocities c, D arrays that broadcast; stress [D, D] and q [D] of f."""
        share = self.shares(prandtl)
        return targets.distribution(rho, T, share.stress * stress / rho, share.heat_flux * q / rho, c)
