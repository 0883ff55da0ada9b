"""Moments of bounded functions, closed by the distribution of largest entropy."""

from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from knudsen.closure.laws.base import MomentLaw
from knudsen.closure.laws.exponential import DAMPING, Exponential
from knudsen.closure.laws.frames import boost_fluid, scale_moments, shift_moments
from knudsen.errors import InputError
from knudsen.solvers import Law
from knudsen.solvers.fluxes import flux_upwind

LEAST, MOST = 2, 9  # moments
REACH = 7.5  # speed that limits the time step of the method of lines, in sqrt(T)


class BoundedEntropy(MomentLaw):
    r"""Density, momentum, energy and M moments of bounded functions w_k of the own-frame velocity c = (v - u)/sqrt(T), D = 1.

    .. math:: W_k = \int w_k(c)\,f\,dv, \qquad f = \frac{\rho}{\sqrt T}\,N(c)\,\exp\Bigl[\sum_k \alpha_k w_k(c)\Bigr]

    The functions are those of :class:`~closure.laws.exponential.Exponential`. alpha matches rho, u, T and W: of all distributions
    with these moments f is the one of largest entropy, by Newton's method on the convex dual. Bounded functions let it have any
    such moments: with polynomials a solution need not exist (Junk 1998), and a few fast particles decide.

    Moments, each cell in its own frame (u, T)(t), conserved ones by upwind kinetic fluxes of f, the others by

    .. math:: \frac{dW_k}{dt} = -\frac{1}{\Delta x}\Bigl[\int v\,w_k(c)\,f\,dv\Bigr]_{i-1/2}^{i+1/2}
              - \int f\,w_k'(c)\,\Bigl(\frac{\dot u}{\sqrt T} + \frac{c\,\dot T}{2T}\Bigr)dv - \frac{\nu}{\epsilon} W_k .

    The compiled loop (``closure.compiled.bounded_entropy``) solves the same equations by a scheme of its own, for positive f:
    f is limited velocity by velocity at each cell's own nodes; what a step makes of it, a sum of positive masses, is encoded
    anew in the frame that these masses have. Torch, which steady shocks and diagnostics take, reconstructs the exponents.

    Promises: f > 0, conservation, Galilean invariance, invariance under scaling of f and of v (with x), exact reflection
    symmetry, stability at rest, the exact Euler limit. Variables V: ln rho, u, ln T, the exponents.
    """

    name = "bounded_entropy"
    label = "entropy, bounded functions"
    colour = "#882299"
    dims = (1,)
    order = 10
    excused = MappingProxyType({
        "supersonic": "its fluxes are those of its decoded distribution (transport), whatever the numerical flux",
        "hyperbolicity": "speeds are real for frozen frames; its moments live in frames that move",
    })  # fmt: skip

    def __init__(
        self, gas, moments: int = 6, nodes: int = 40, spacing: float = 0.45, stretch: float = 5.0, taper: float = 6.5
    ):  # fmt: skip
        super().__init__(gas)
        if not LEAST <= moments <= MOST:
            raise InputError(f"closure.moments is {moments}: choose {LEAST} to {MOST}")
        if nodes % 2 or nodes < 24:
            raise InputError(f"closure.nodes is {nodes}: choose an even number of at least 24")
        for key, value in (("spacing", spacing), ("stretch", stretch), ("taper", taper)):
            if not value > 0:
                raise InputError(f"closure.{key} is {value}: give a positive number")
        self.moments = moments
        self.family = Exponential(moments, nodes, spacing, stretch, taper)
        self.components = ("rho", "m", "E", *(f"W{k + 1}" for k in range(moments)))
        self.degrees = torch.tensor((0, 1, 2) + (0,) * moments)
        self.parity = self.family.parity

    # Frames --------------------------------------------------------------------------------------------------------------------

    def boost(self, U, velocity):
        return boost_fluid(U, velocity)

    def energy(self, U):
        return U[:, 2]

    # Variables -----------------------------------------------------------------------------------------------------------------

    def local_variables(self, U):
        rho, u, T = self.fluid(U)
        tiny = torch.finfo(U.dtype).tiny
        rho, T = rho.clamp(min=tiny), T.clamp(min=tiny)
        own = torch.tensor([1.0, 0.0, 0.5], dtype=U.dtype)[:, None].expand(len(U), 3, U.shape[2])
        moments = torch.cat((own, U[:, 3:] / rho.unsqueeze(1)), 1).transpose(1, 2).flatten(0, 1)
        a = self.family.solve(moments.detach().nan_to_num(0.0), DAMPING)
        if torch.is_grad_enabled() and moments.requires_grad:
            a = self.family.differentiable(a, moments, DAMPING)
        a = a.unflatten(0, (len(U), -1)).transpose(1, 2)
        return torch.cat((torch.stack((rho.log(), u, T.log()), 1), a), 1)

    # Decoder -------------------------------------------------------------------------------------------------------------------

    def distribution(self, V: Tensor) -> tuple[Tensor, Tensor]:
        """Masses of f at the nodes and the nodes' velocities, both [batch, K, cell]."""
        exponent = torch.einsum("nk,bnc->bkc", self.family.values, V[:, 3:])
        p = self.family.mass[:, None] * exponent.clamp(max=500.0).exp()
        return V[:, :1].exp() * p, V[:, 1:2] + (0.5 * V[:, 2:3]).exp() * self.family.c[:, None]

    def conserved(self, V):
        rho, u, T = V[:, 0].exp(), V[:, 1], V[:, 2].exp()
        own = slice(3, None)
        W = torch.einsum("nk,bkc->bnc", self.family.values[own], self.distribution(V)[0])
        W = W + DAMPING * rho.unsqueeze(1) * V[:, 6:]
        return torch.cat((torch.stack((rho, rho * u, 0.5 * rho * (u * u + T)), 1), W), 1)

    # Transport -----------------------------------------------------------------------------------------------------------------

    def flux(self, V):
        """int v (1, v, v^2/2, w(c)) f dv in the frame of V itself."""
        f, v = self.distribution(V)
        own = slice(3, None)
        W = torch.einsum("nk,bkc->bnc", self.family.values[own], v * f)
        W = W + DAMPING * (V[:, :1].exp() * V[:, 1:2]) * V[:, 6:]
        return torch.cat((_fluid(v * f, v), W), 1)

    def max_speed(self, V):
        return V[:, 1:2].abs() + REACH * (0.5 * V[:, 2:3]).exp()

    upwind = Law.upwind  # the largest speed: the characteristics of equilibrium are those of other moments

    def transport(self, flux, V_l, V_r, V):
        r"""dx dU/dt without the source: at a face f = f_l for v > 0 and f_r for v < 0 (fluxes other than upwind: \|v\| replaced
        by the largest speed), each f on its own nodes, tested with the functions w of the cell on either side of the face."""
        n, own = V.shape[2], slice(3, None)
        sides = torch.cat((V_l, V_r), 2)
        f, v = self.distribution(sides)
        if flux is not flux_upwind:
            speed = torch.maximum(self.max_speed(V_l), self.max_speed(V_r)).repeat(1, 1, 2)
        else:
            speed = (v * v + 0.0025 * sides[:, 2:3].exp()).sqrt()
        side = torch.ones(2, dtype=V.dtype)
        side[1] = -1
        F = 0.5 * (v + speed * side.repeat_interleave(n + 1)) * f
        fluid = _fluid(F, v)
        fluid = fluid[:, :, : n + 1] + fluid[:, :, n + 1 :]
        rate = fluid[:, :, :-1] - fluid[:, :, 1:]
        u, s, T = V[:, 1:2], (0.5 * V[:, 2:3]).exp(), V[:, 2:3].exp()
        # the four sides of faces that a cell sees, in its frame: inflow at its left face, outflow at its right one
        W_rate = 0.0
        for first, sign in ((0, 1.0), (n + 1, 1.0), (1, -1.0), (n + 2, -1.0)):
            seen, entering = v[:, :, first : first + n], F[:, :, first : first + n]
            W_rate = W_rate + sign * torch.einsum("nbkc,bkc->bnc", self.family.functions((seen - u) / s)[own], entering)
        # the frame's own motion
        rho = V[:, :1].exp()
        u_rate = (rate[:, 1:2] - u * rate[:, :1]) / rho
        T_rate = (2 * rate[:, 2:3] - 2 * u * rate[:, 1:2] + (u * u - T) * rate[:, :1]) / rho
        p, slopes = self.distribution(V)[0], self.family.slopes[own]
        by_u = torch.einsum("nk,bkc->bnc", slopes, p)
        by_T = torch.einsum("nk,bkc->bnc", slopes * self.family.c, p)
        return torch.cat((rate, W_rate - by_u * (u_rate / s) - by_T * (0.5 * T_rate / T)), 1)

    def rollout(self, solver, walls=False):
        from knudsen.closure.compiled import bounded_entropy  # compiled code only where it is needed

        return bounded_entropy.Rollout(self, solver.cfl) if type(self) is BoundedEntropy else None

    # Relaxation ----------------------------------------------------------------------------------------------------------------

    def equilibrium_defect(self, U):
        return torch.cat((torch.zeros_like(U[:, :3]), -U[:, 3:]), 1)

    # Fields --------------------------------------------------------------------------------------------------------------------

    def macroscopic(self, U, cells):
        rho, u, T = self.fluid(U)
        V = self.local_variables(U)
        q = 0.5 * T**1.5 * torch.einsum("k,bkc->bc", self.family.c**3, self.distribution(V)[0])
        return {"rho": rho, "u": u, "T": T, "sigma": torch.zeros_like(T), "q": q}

    def start(self, case) -> Tensor:
        """The moments of a case's start, [component, cell]: those of its Maxwellians in the frame of their sum."""
        G, _ = case.raw_moments(self.gas, 2)
        U = torch.stack([torch.tensor(row) for row in (G[0], G[1], 0.5 * G[2])])
        _, u, T = (value[0].repeat_interleave(case.refine)[:, None] for value in self.fluid(U[None]))
        x = torch.linspace(-7, 7, 281, dtype=torch.float64)
        weight = torch.exp(-0.5 * x * x)
        weight = weight / weight.sum()
        W = 0.0
        for rho_c, u_c, T_c in zip(case.rho, case.u, case.T, strict=True):
            rho_c, u_c, T_c = (torch.tensor(np.array(value, float))[:, None] for value in (rho_c, u_c, T_c))
            c = (u_c + T_c.sqrt() * x - u) / T.sqrt()
            W = W + (self.family.functions(c)[3:] @ weight) * rho_c[:, 0]
        return torch.cat((U, W.reshape(self.moments, -1, case.refine).mean(2)))

    def from_moments(self, G, H):
        """Of raw moments alone, up to the tenth: those of their Hermite series. Exact for a Maxwellian."""
        U = torch.stack((G[:, 0], G[:, 1], 0.5 * G[:, 2]), 1)
        rho, u, T = self.fluid(U)
        own = scale_moments(shift_moments(G[:, : self.order + 1], -u), T.rsqrt()) / rho.unsqueeze(1)
        return torch.cat((U, rho.unsqueeze(1) * torch.einsum("nk,bkc->bnc", self._series, own)), 1)

    @property
    def _series(self) -> Tensor:
        """W/rho of own-frame raw moments, [M, order + 1]: w_k of the series sum <He_n> He_n N/n!."""
        he = torch.zeros(self.order + 1, self.order + 1, dtype=torch.float64)
        he[0, 0] = he[1, 1] = 1.0
        for n in range(1, self.order):
            he[n + 1, 1:] = he[n, :-1].clone()
            he[n + 1] -= n * he[n - 1]
        c = self.family.c
        values = he @ torch.stack([c**n for n in range(self.order + 1)])
        factorial = torch.lgamma(torch.arange(1.0, self.order + 2, dtype=torch.float64)).exp()
        return ((self.family.values[3:] * self.family.mass) @ values.T / factorial) @ he


def _fluid(F: Tensor, v: Tensor) -> Tensor:
    """int (1, v, v^2/2) F, [batch, 3, cell], of masses F at velocities v, [batch, K, cell]."""
    return torch.stack((F.sum(1), (F * v).sum(1), 0.5 * (F * v * v).sum(1)), 1)
