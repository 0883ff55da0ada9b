"""The realizable quadrature closure in recurrence coordinates: the classical rule, and what HermMLC learns a correction to."""

from math import factorial
from types import MappingProxyType

import torch
from torch import Tensor

from knudsen.closure.laws.base import smoothstep
from knudsen.closure.laws.frames import scale_moments, shift_moments
from knudsen.closure.laws.maxwell import MaxwellMolecules
from knudsen.closure.laws.raw import RawMomentLaw
from knudsen.closure.laws.recurrence import B_FLOOR, apply_jacobi, expand, jacobi_powers, recurrence_from_moments


class Quadrature(RawMomentLaw):
    r"""Hyperbolic quadrature closure: G_0..G_{2n} of g and, for D > 1, H_0..H_n of h.

    In the frame of u = a_0 and b_1 = T_x (the temperature along x), with the recurrence coefficients a_k, b_k of g:

    .. math:: a_n = \frac1n \sum_{k<n} a_k, \qquad \langle h, P_{n+1} \rangle = 0 .

    The next moments G_{2n+1}, H_{n+1} are those of the (n+1)-point Gauss quadrature of the Jacobi matrix (a_0..a_n; b_1..b_n).
    Every state with b_k > 0 is realizable, every face state is one by construction, the nodes are real; in D = 1 the moment
    system is strictly hyperbolic (proved by Fox and Laurent). Speeds at rest for n = 4: largest 3.55 sqrt(T).

    Variables V: ln rho, u, ln T_x, a_1..a_{n-1} (in units of sqrt T_x), ln(b_k/(k T_x)) for k = 2..n, a_n; for D > 1 also ln
    T_perp, eta_1..eta_n (coefficients of h in the orthonormal polynomials of g, in units of eta_0) and the (n+1)-th one, zeta.

    Collisions: relaxation (BGK), or those of Maxwell molecules in D = 2 (``MaxwellMolecules``), both solved exactly by ``relax``.
    Source: R. O. Fox and F. Laurent, SIAM J. Appl. Math. 82 (2022) 750, doi:10.1137/20M1366009.
    """

    name = "quadrature"
    label = "quadrature"
    colour = "#009E73"
    # Contacts a cell wide and colliding streams in free flight stretch the speeds until sharp faces leave the realizable states.
    # HLL loses more of them than Rusanov's flux, WENO5-THINC more than WENO5; the last two lose none.
    robust = tuple(
        MappingProxyType(schemes)
        for schemes in (
            {"flux": "rusanov"},
            {"reconstruction": "weno5"},
            {"reconstruction": "muscl", "flux": "rusanov"},
            {"reconstruction": "constant", "flux": "rusanov"},
        )
    )

    def __init__(self, gas, moments: int = 9):
        if moments % 2 == 0 or not 5 <= moments <= 13:
            raise ValueError(f"closure.moments is {moments}: the quadrature closures take an odd number from 5 to 13")
        n = self.n = (moments - 1) // 2
        super().__init__(gas, moments, n + 1 if gas.dims > 1 else 0)
        self.k = torch.arange(2, n + 1, dtype=torch.float64)[:, None]
        self.molecules = MaxwellMolecules(self.n_g, self.n_h) if gas.is_boltzmann else None
        # Speeds: the largest root of the characteristic polynomial is the norm of a Jacobi matrix whose last b is stretched by
        # (2n+1)/n (Fox and Laurent, section 3); bounded by Gershgorin's theorem in the metric of its Perron vector at
        # equilibrium.
        b = torch.arange(1, n + 1, dtype=torch.float64)
        self._stretch = torch.ones(n, 1, dtype=torch.float64)
        self._stretch[-1] = (2 * n + 1) / n
        root = (b * self._stretch[:, 0]).sqrt()
        values, vectors = torch.linalg.eigh(torch.diag(root, 1) + torch.diag(root, -1))
        perron = vectors[:, -1].abs()[:, None]
        self._reach = float(values[-1])
        self._up, self._down = perron[1:] / perron[:-1], perron[:-1] / perron[1:]

    # Variables <-> moments --------------------------------------------------------------------------------------------------

    def frame(self, V):
        T = V[:, 2].exp()
        if self.n_h:
            T = (T + (self.gas.dims - 1) * V[:, 2 * self.n + 2].exp()) / self.gas.dims
        return V[:, 1], T

    def local_variables(self, U):
        """The variables with the closing coefficients at the rule: a_n the mean, zeta = 0."""
        tiny = torch.finfo(U.dtype).tiny
        rho = U[:, 0].clamp(min=tiny)
        u = U[:, 1] / rho
        own = shift_moments(U[:, : self.n_g], -u) / rho.unsqueeze(1)
        T_x = own[:, 2].clamp(min=tiny)
        s = T_x.sqrt()
        a, b = recurrence_from_moments(scale_moments(own, 1 / s))
        b = torch.cat((torch.ones_like(b[:, :1]), (b[:, 1:] / self.k).clamp(min=B_FLOOR)), 1)
        parts = [torch.stack((rho.log(), u, T_x.log()), 1), a[:, 1:], b[:, 1:].log(), a.mean(1, keepdim=True)]
        if self.n_h:
            h = shift_moments(U[:, self.n_g :], -u) / rho.unsqueeze(1)
            eta_0 = h[:, 0].clamp(min=tiny)
            eta = expand(scale_moments(h, 1 / s) / eta_0.unsqueeze(1), a, b * torch.cat((torch.ones_like(self.k[:1]), self.k)))
            parts += [(eta_0 / (self.gas.dims - 1)).log().unsqueeze(1), eta[:, 1:], torch.zeros_like(eta[:, :1])]
        return torch.cat(parts, 1)

    def _moments(self, V) -> tuple[Tensor, Tensor | None]:
        """Raw moments G_0..G_{2n+1} and H_0..H_{n+1}."""
        n = self.n
        rho, u, s = V[:, :1].exp(), V[:, 1], (0.5 * V[:, 2]).exp()
        one = torch.ones_like(u).unsqueeze(1)
        a = torch.cat((torch.zeros_like(one), V[:, 3 : n + 2], V[:, 2 * n + 1 : 2 * n + 2]), 1)
        root_b = torch.cat((one, (self.k * V[:, n + 2 : 2 * n + 1].exp()).sqrt()), 1)
        p = jacobi_powers(a, root_b)
        p = torch.stack((*p, apply_jacobi(a, root_b, p[-1])), 1)  # J^j e_0, j = 0..n+1: [batch, n+2, n+1, cell]
        even, odd = (p[:, :-1] ** 2).sum(2), (p[:, :-1] * p[:, 1:]).sum(2)
        m = torch.stack((even, odd), 2).flatten(1, 2)
        G = rho * shift_moments(scale_moments(m, s), u)
        if not self.n_h:
            return G, None
        eta = torch.cat((one, V[:, 2 * n + 3 : 3 * n + 3]), 1)
        h = (p * eta.unsqueeze(1)).sum(2)
        zeta = V[:, 3 * n + 3 :] * root_b.prod(1, keepdim=True) * (n + 1) ** 0.5
        h = torch.cat((h[:, :-1], h[:, -1:] + zeta), 1)
        eta_0 = (self.gas.dims - 1) * V[:, 2 * n + 2 : 2 * n + 3].exp()
        return G, rho * eta_0 * shift_moments(scale_moments(h, s), u)

    def sensitivity(self, V) -> Tensor:
        """dG_{2n+1}/da_n = rho b_1 b_2 ... b_n sqrt(T_x), [batch, cell]: a_n in units of sqrt(T_x), b_k not."""
        log_b = V[:, self.n + 2 : 2 * self.n + 1].sum(1)
        return (V[:, 0] + 0.5 * (2 * self.n + 1) * V[:, 2] + log_b).exp() * factorial(self.n)

    def conserved(self, V):
        G, H = self._moments(V)
        return torch.cat((G[:, :-1], H[:, :-1]), 1) if self.n_h else G[:, :-1]

    def flux(self, V):
        G, H = self._moments(V)
        return torch.cat((G[:, 1:], H[:, 1:]), 1) if self.n_h else G[:, 1:]

    # Collisions -------------------------------------------------------------------------------------------------------------

    @classmethod
    def handles(cls, gas):
        return super().handles(gas) or (gas.is_boltzmann and gas.dims == 2 and 2 in cls.dims and gas.omega == 1)

    def relax(self, U, tau, cells):
        if self.molecules is None:
            return super().relax(U, tau, cells)
        rho, u, T = self.fluid(U)
        return U + self.raw(self.molecules.relax(self.hermite(U, rho, u, T), tau[:, 0] * rho / cells.knudsen[:, 0]), rho, u, T)

    def source(self, U, cells):
        if self.molecules is None:
            return super().source(U, cells)
        rho, u, T = self.fluid(U)
        return self.raw(self.molecules.production(self.hermite(U, rho, u, T)), rho * rho / cells.knudsen[:, 0], u, T)

    def hermite(self, U, rho, u, T):
        """Own-frame Hermite moments of raw moments, [batch, component, cell]."""
        own = self.rescale(self.boost(U, -u), T.rsqrt()) / rho.unsqueeze(1)
        return torch.einsum("ij,bjn->bin", self.molecules.hermite, own)

    def raw(self, w, factor, u, T):
        """``factor`` times raw moments of own-frame Hermite moments (or of their changes)."""
        own = torch.einsum("ij,bjn->bin", self.molecules.monomial, w)
        return self.boost(self.rescale(factor.unsqueeze(1) * own, T.sqrt()), u)

    def rows(self):
        from knudsen.closure.compiled import quadrature  # compiled code only where it is needed

        return quadrature.rows_of(self)

    # Speeds -----------------------------------------------------------------------------------------------------------------

    def _span(self, V) -> Tensor:
        """Bound of the largest own-frame speed in units of sqrt(T_x), [batch, cell]; exact at equilibrium."""
        n = self.n
        one = torch.ones_like(V[:, :1])
        a = torch.cat((torch.zeros_like(one), V[:, 3 : n + 2], V[:, 2 * n + 1 : 2 * n + 2]), 1).abs()
        root_b = (torch.cat((one, self.k * V[:, n + 2 : 2 * n + 1].exp()), 1) * self._stretch).sqrt()
        zero = torch.zeros_like(one)
        return (a + torch.cat((root_b * self._up, zero), 1) + torch.cat((zero, root_b * self._down), 1)).amax(1)

    def max_speed(self, V):
        return (V[:, 1].abs() + (0.5 * V[:, 2]).exp() * self._span(V)).unsqueeze(1)

    def departure(self, V):
        # The blend starts where the span of the speeds is 1.25 times that of equilibrium and is complete at 1.75.
        return smoothstep((self._span(V) / self._reach - 1.25) / 0.5).unsqueeze(1)
