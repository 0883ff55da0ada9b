"""Grad's moment closures: any number of moments in D = 1, thirteen (five in slab geometry) in D = 2, 3."""

import torch

from knudsen.closure.laws.base import MomentLaw
from knudsen.closure.laws.frames import scale_moments, shift_moments
from knudsen.closure.laws.raw import RawMomentLaw
from knudsen.errors import InputError
from knudsen.kinetic.collisions import COLLISIONS


class Grad(RawMomentLaw):
    r"""Grad's closure in D = 1 with the moments W_0..W_{n-1} in the gas's own frame: W_n = 0.

    .. math:: W_k = \int He_k\!\left(\frac{v-u}{\sqrt T}\right) f\,dv, \qquad F_n = \int v^n f\,dv \ \text{ with } W_n = 0

    Speeds at equilibrium: u + sqrt(T) times the roots of He_n. Not hyperbolic, and f not positive, far from equilibrium; steady
    shocks stop at the Mach number (largest root of He_n)/sqrt(3), 2.81 for ten moments.
    Source: H. Grad, Comm. Pure Appl. Math. 2 (1949) 331, doi:10.1002/cpa.3160020403.
    """

    name = "grad"
    label = "Grad"
    colour = "#0072B2"
    dims = (1,)

    def __init__(self, gas, moments: int = 9):
        if gas.dims != 1:
            raise InputError(f"closure=grad with any number of moments is for one velocity dimension; gas={gas.name}: grad13")
        if not 3 <= moments <= 16:
            raise ValueError(f"closure.moments is {moments}: choose 3 to 16")
        super().__init__(gas, moments, 0)
        self._he = hermite_coefficients(moments + 1)
        self._he_inverse = torch.linalg.inv(self._he)

    @classmethod
    def handles(cls, gas):
        """One name for both: Grad-13 of a gas with two or three velocity dimensions."""
        return Grad13.handles(gas) if gas.dims > 1 else super().handles(gas)

    @classmethod
    def of(cls, gas):
        return Grad13 if gas.dims > 1 else cls

    def local_variables(self, U):
        rho, u, T = self.fluid(U)
        tiny = torch.finfo(U.dtype).tiny
        rho_safe, T_safe = rho.clamp(min=tiny), T.clamp(min=tiny)
        own = scale_moments(shift_moments(U, -u), T_safe.rsqrt()) / rho_safe.unsqueeze(1)
        w = torch.einsum("ij,bjn->bin", self._he[: self.n_g, : self.n_g], own)
        return torch.cat((torch.stack((rho_safe.log(), u, T_safe.log()), 1), w[:, 3:]), 1)

    def _moments(self, V):
        """Raw moments 0..n of g."""
        one, zero = torch.ones_like(V[:, :1]), torch.zeros_like(V[:, :1])
        w = torch.cat((one, zero, zero, V[:, 3:], zero), 1)
        m = torch.einsum("ij,bjn->bin", self._he_inverse, w)
        return V[:, :1].exp() * shift_moments(scale_moments(m, (0.5 * V[:, 2]).exp()), V[:, 1])

    def conserved(self, V):
        return self._moments(V)[:, :-1]

    def flux(self, V):
        return self._moments(V)[:, 1:]


def hermite_coefficients(n: int) -> torch.Tensor:
    """Row k holds the monomial coefficients of the probabilists' Hermite polynomial He_k, [n, n]."""
    he = torch.zeros(n, n, dtype=torch.float64)
    he[0, 0] = 1.0
    for k in range(1, n):
        he[k, 1:] = he[k - 1, :-1]
        if k > 1:
            he[k] -= (k - 1) * he[k - 2]
    return he


class Grad13(MomentLaw):
    r"""Grad's thirteen moments in slab geometry (rho, u, T, sigma, q), D = 2 or 3 (thirteen is D = 3).

    Carried: rho, m, E, P = rho u^2 + p + sigma, Q = u (E + p + sigma) + q. The two unknown fluxes in the gas's own frame:

    .. math:: \int c_x^3 f = \tfrac{6}{D+2} q, \qquad \int c_x^2 \tfrac{|c|^2}{2} f = \tfrac{D+2}{2} pT + \tfrac{D+4}{2} \sigma T

    (6/5 q and 5/2 pT + 7/2 sigma T in D = 3). Collisions relax sigma at the rate nu/eps and q at Pr nu/eps: exact for the
    relaxation models and for Maxwell molecules, the first approximation for others. Speeds at equilibrium in D = 3:
    0, +-0.812975, +-2.130510 sqrt(T); no continuous shock beyond Mach 1.650.
    Source: H. Grad (1949); H. Struchtrup, Macroscopic Transport Equations for Rarefied Gas Flows (2005), eq. 6.20.
    """

    name = "grad13"
    label = "Grad-13"
    colour = "#56B4E9"
    dims = (2, 3)
    collisions = tuple(COLLISIONS)
    components = ("rho", "m", "E", "P", "Q")
    order = 3

    def __init__(self, gas):
        super().__init__(gas)
        self.degrees = torch.tensor((0, 1, 2, 2, 3))

    def boost(self, U, velocity):
        rho, m, E, P, Q = U.unbind(1)
        w = velocity
        return torch.stack(
            (
                rho,
                m + w * rho,
                E + w * m + 0.5 * w**2 * rho,
                P + 2 * w * m + w**2 * rho,
                Q + w * (E + P) + 1.5 * w**2 * m + 0.5 * w**3 * rho,
            ),
            1,
        )

    def energy(self, U):
        return U[:, 2]

    def local_variables(self, U):
        rho, u, T = self.fluid(U)
        tiny = torch.finfo(U.dtype).tiny
        rho, T = rho.clamp(min=tiny), T.clamp(min=tiny)
        own = self.boost(U, -u)
        p = rho * T
        return torch.stack((rho.log(), u, T.log(), own[:, 3] / p - 1, own[:, 4] / (p * T.sqrt())), 1)

    def _parts(self, V):
        rho, u, T = V[:, 0].exp(), V[:, 1], V[:, 2].exp()
        p = rho * T
        return rho, u, T, p, V[:, 3] * p, V[:, 4] * p * T.sqrt()

    def conserved(self, V):
        rho, u, _, p, sigma, q = self._parts(V)
        zero = torch.zeros_like(rho)
        return self.boost(torch.stack((rho, zero, 0.5 * self.gas.dims * p, p + sigma, q), 1), u)

    def flux(self, V):
        rho, u, T, p, sigma, q = self._parts(V)
        D = self.gas.dims
        third = 6 / (D + 2) * q
        fourth = 0.5 * (D + 2) * p * T + 0.5 * (D + 4) * sigma * T
        # Own-frame moments of c_x times (1, c_x, |c|^2/2, c_x^2, c_x |c|^2/2), then the flux as the lab frame sees it.
        own_flux = torch.stack((torch.zeros_like(rho), p + sigma, q, third, fourth), 1)
        return self.boost(own_flux, u) + u.unsqueeze(1) * self.conserved(V)

    def relax(self, U, tau, cells):
        w = tau * self.rate(U, cells)
        return U - self._decay(U, w / (1 + w), self.gas.prandtl * w / (1 + self.gas.prandtl * w))

    def source(self, U, cells):
        rate = self.rate(U, cells)
        return -self._decay(U, rate, self.gas.prandtl * rate)

    def _decay(self, U, of_stress, of_heat):
        """The parts ``of_stress`` of sigma and ``of_heat`` of q, [batch, 1, cell] each, as a change of U."""
        u = self.fluid(U)[1]
        own = self.boost(U, -u)
        zero = torch.zeros_like(u)
        sigma = of_stress[:, 0] * (own[:, 3] - 2 * own[:, 2] / self.gas.dims)
        return torch.stack((zero, zero, zero, sigma, u * sigma + of_heat[:, 0] * own[:, 4]), 1)

    def from_moments(self, G, H):
        return torch.stack((G[:, 0], G[:, 1], 0.5 * (G[:, 2] + H[:, 0]), G[:, 2], 0.5 * (G[:, 3] + H[:, 1])), 1)

    def macroscopic(self, U, cells):
        rho, u, T = self.fluid(U)
        own = self.boost(U, -u)
        return {"rho": rho, "u": u, "T": T, "sigma": own[:, 3] - rho * T, "q": own[:, 4]}

    def least_b(self, U):
        """The lesser of the temperatures along x and across, over T."""
        rho, u, T = self.fluid(U)
        T_x = self.boost(U, -u)[:, 3] / (rho * T)
        return torch.minimum(T_x, (self.gas.dims - T_x) / (self.gas.dims - 1))

    def stressed(self, stress, heat_flux):
        one = torch.ones_like(stress)
        return torch.stack((one, 0 * one, 0.5 * self.gas.dims * one, 1 + stress, heat_flux))[None]
