"""Grad's moment closures: any number of moments in D = 1, thirteen (five in slab geometry) in D = 2, 3."""

from typing import NamedTuple

import torch

from knudsen.closure.laws.elementary import TINY, exp, log, maximum, sqrt
from knudsen.closure.laws.frames import scale_moments, shift_moments
from knudsen.closure.laws.plain import PlainLaw
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
    collisions = ("bgk",)  # three moments do not know the heat flux
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

    def rows(self):
        from knudsen.closure.compiled import hermite  # compiled code only where it is needed

        return hermite.rows_of(self)


def hermite_coefficients(n: int) -> torch.Tensor:
    """Row k holds the monomial coefficients of the probabilists' Hermite polynomial He_k, [n, n]."""
    he = torch.zeros(n, n, dtype=torch.float64)
    he[0, 0] = 1.0
    for k in range(1, n):
        he[k, 1:] = he[k - 1, :-1]
        if k > 1:
            he[k] -= (k - 1) * he[k - 2]
    return he


class Parameters(NamedTuple):
    """What the plain functions of Grad-13 read."""

    dims: float
    prandtl: float


def _boosted(U, w):
    """(rho, m, E, P, Q) with every velocity increased by w."""
    rho, m, E, P, Q = U
    return (
        rho,
        m + w * rho,
        E + w * m + 0.5 * w * w * rho,
        P + 2.0 * w * m + w * w * rho,
        Q + w * (E + P) + 1.5 * w * w * m + 0.5 * w * w * w * rho,
    )


def _own(U):
    """rho, u and the moments in the gas's own frame."""
    u = U[1] / U[0]
    return U[0], u, _boosted(U, -u)


def _decay(U, of_stress, of_heat, p):
    """What P and Q lose where sigma and q lose these parts of themselves."""
    _, u, own = _own(U)
    sigma = of_stress * (own[3] - 2.0 * own[2] / p.dims)
    return sigma, u * sigma + of_heat * own[4]


class Grad13(PlainLaw):
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
        super().__init__(gas, Parameters(float(gas.dims), float(gas.prandtl)))
        self.degrees = torch.tensor((0, 1, 2, 2, 3))

    def boost_of(U, velocity):
        return _boosted(U, velocity)

    def variables_of(U, p):
        rho, u, own = _own(U)
        rho, T = maximum(rho, TINY), maximum(2.0 * own[2] / (rho * p.dims), TINY)
        pressure = rho * T
        return log(rho), u, log(T), own[3] / pressure - 1.0, own[4] / (pressure * sqrt(T))

    def conserved_of(V, p):
        rho, u, T = exp(V[0]), V[1], exp(V[2])
        pressure = rho * T
        own = rho, 0.0, 0.5 * p.dims * pressure, pressure * (1.0 + V[3]), V[4] * pressure * sqrt(T)
        return _boosted(own, u)

    def flux_of(V, p):
        rho, u, T, D = exp(V[0]), V[1], exp(V[2]), p.dims
        pressure = rho * T
        sigma, q = V[3] * pressure, V[4] * pressure * sqrt(T)
        fourth = 0.5 * (D + 2.0) * pressure * T + 0.5 * (D + 4.0) * sigma * T
        # Own-frame moments of c_x times (1, c_x, |c|^2/2, c_x^2, c_x |c|^2/2), then the flux as the lab frame sees it.
        own = _boosted((0.0, pressure + sigma, q, 6.0 / (D + 2.0) * q, fourth), u)
        U = _boosted((rho, 0.0, 0.5 * D * pressure, pressure + sigma, q), u)
        return own[0] + u * U[0], own[1] + u * U[1], own[2] + u * U[2], own[3] + u * U[3], own[4] + u * U[4]

    def relax_of(U, w, p):
        heat = p.prandtl * w
        P, Q = _decay(U, w / (1.0 + w), heat / (1.0 + heat), p)
        return U[0], U[1], U[2], U[3] - P, U[4] - Q

    def source_of(U, rate, p):
        P, Q = _decay(U, rate, p.prandtl * rate, p)
        return 0.0 * rate, 0.0 * rate, 0.0 * rate, -P, -Q

    def closed_moments(self, V):
        r"""Those of Grad's distribution: c_x^4 and what is carried of g, c_x^2 \|c_perp\|^2 and below of h."""
        rho, u, T, D = V[:, 0].exp(), V[:, 1], V[:, 2].exp(), self.gas.dims
        stress, heat = V[:, 3], V[:, 4] * T.sqrt()  # sigma/p, q/p
        zero, third = torch.zeros_like(rho), 6 / (D + 2) * heat
        G = torch.stack((torch.ones_like(rho), zero, T * (1 + stress), T * third, T * T * (3 + 6 * stress)), 1)
        transverse = (D - 1) * T * (1 - stress / (D - 1))
        H = torch.stack((transverse, T * (2 * heat - third), T * T * (D - 1 + (D - 2) * stress)), 1)
        rho = rho.unsqueeze(1)
        return rho * shift_moments(G, u), rho * shift_moments(H, u)

    def from_moments(self, G, H):
        return torch.stack((G[:, 0], G[:, 1], 0.5 * (G[:, 2] + H[:, 0]), G[:, 2], 0.5 * (G[:, 3] + H[:, 1])), 1)

    def rows(self):
        from knudsen.closure.compiled import plain  # compiled code only where it is needed

        return plain.rows_of(self)._replace(wall=plain.grad13_wall)

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
