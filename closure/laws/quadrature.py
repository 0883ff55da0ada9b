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
    r"""Hyperbolic quadrature closure: G_0..G_{N-1} of g, N = 2n + 1 or 2n, and, for D > 1, the first half of as many of h.

    In the frame of u = a_0 and b_1 = T_x (the temperature along x), with the recurrence coefficients a_k, b_k of g:

    .. math:: a_n = \frac1n \sum_{k<n} a_k \quad (N = 2n + 1), \qquad
              b_n = \frac1{n-1} \Big[2 \sum_{1 \le k<n} b_k + \sum_{k<n} (a_k - \bar a)^2\Big] \quad (N = 2n), \qquad
              \langle h, P_{N_h} \rangle = 0,

    N_h = n + 1 or n the number of moments of h: the next a is the mean of the nodes x_j of the n-point quadrature, the next b
    their sample variance :math:`\sum_j (x_j - \bar x)^2/(n-1)`. The next moments are those of the Gauss quadrature of the Jacobi
    matrix (a_0, a_1, ..; b_1, b_2, ..). Every state with b_k > 0 is realizable, every face state is one by construction; in D = 1
    the moment system is strictly hyperbolic.

    Of an odd number: Fox and Laurent. Of an even one: let L be any change of the moments, h_k = b_1 .. b_k rho. From
    :math:`\delta h_n = L[P_n^2]` for free moments, and as every change of the nodes is
    :math:`\delta P_n = -\sum_k L[P_n P_k] P_k / h_k`, the characteristic polynomial is

    .. math:: \chi = \frac{n+1}{n-1} P_n^2 - \frac{2}{n-1} (X - \bar a) P_n P_{n-1} - b_n P_{n-1}^2 .

    It is negative at the n nodes, positive at the n - 1 roots of P_{n-1} between them and at both ends: 2n real roots, all
    different from each other and from the nodes, which are the speeds of h.

    Speeds at rest: largest 3.55 sqrt(T) for N = 9, 2.93 for N = 6.

    Variables V: ln rho, u, ln T_x, a_1..a_{n-1} (in units of sqrt T_x), ln(b_k/(k T_x)), k = 2.. of those that the moments know,
    then the closing one, a_n or ln(b_n/(n T_x)); for D > 1 also ln T_perp, eta_1.. (coefficients of h in the orthonormal
    polynomials of g, in units of eta_0) and the one beyond, zeta.

    Collisions: relaxation (``RawMomentLaw``), or those of Maxwell molecules in D = 2 (``MaxwellMolecules``), both solved exactly
    by ``relax``.
    Source: R. O. Fox and F. Laurent, SIAM J. Appl. Math. 82 (2022) 750, doi:10.1137/20M1366009.
    """

    name = "quadrature"
    label = "quadrature"
    colour = "#009E73"
    otherwise = (
        "in its collision integral the productions of these moments depend on all of f, and are known for relaxation models and "
        "Maxwell molecules in two dimensions alone; closure=constitutive learns for it"
    )
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
        if not isinstance(moments, int) or not 5 <= moments <= 13:
            raise ValueError(f"closure.moments is {moments}: the quadrature closures take 5 to 13")
        n = self.n = moments // 2
        self.odd = moments % 2  # is a_n what closes the system, or b_n?
        super().__init__(gas, moments, (moments + 1) // 2 if gas.dims > 1 else 0)
        self.k = torch.arange(2, n + self.odd, dtype=torch.float64)[:, None]
        self.molecules = MaxwellMolecules(self.n_g, self.n_h) if gas.is_boltzmann else None
        # Speeds: the largest root of the characteristic polynomial is the norm of a Jacobi matrix, whose last b is stretched by
        # (2n+1)/n (Fox and Laurent, section 3), or whose last a has beside it what P_n/P_{n-1} then is (``_beside``); bounded by
        # Gershgorin's theorem in the metric of its Perron vector at equilibrium.
        b = torch.arange(1, n + self.odd, dtype=torch.float64)
        self._stretch = torch.ones(len(b), 1, dtype=torch.float64)
        if self.odd:
            self._stretch[-1] = (2 * n + 1) / n
        root = (b * self._stretch[:, 0]).sqrt()
        matrix, reach = torch.diag(root, 1) + torch.diag(root, -1), 0.0
        for _ in range(1 if self.odd else 60):  # a contraction: the last entry grows with 2/(n + 1) of the speed
            if not self.odd:
                matrix[-1, -1] = (reach + (reach**2 + (n * n - 1) * n) ** 0.5) / (n + 1)
            values, vectors = torch.linalg.eigh(matrix)
            reach = float(values[-1])
        perron = vectors[:, -1].abs()[:, None]
        self._reach = reach
        self._up, self._down = perron[1:] / perron[:-1], perron[:-1] / perron[1:]

    @property
    def closing(self) -> list[int]:
        """Positions in V of the closing coefficients."""
        return [self.n_g, self.n_g + 1 + self.n_h] if self.n_h else [self.n_g]

    @property
    def log_b(self) -> slice:
        """Positions in V of ln(b_k/k) that the moments know."""
        return slice(self.n + 2, self.n_g)

    # Variables <-> moments --------------------------------------------------------------------------------------------------

    def frame(self, V):
        T = V[:, 2].exp()
        if self.n_h:
            T = (T + (self.gas.dims - 1) * V[:, self.n_g + 1].exp()) / self.gas.dims
        return V[:, 1], T

    def local_variables(self, U):
        """The variables with the closing coefficients at the rule: a mean, and zeta = 0."""
        tiny = torch.finfo(U.dtype).tiny
        rho = U[:, 0].clamp(min=tiny)
        u = U[:, 1] / rho
        own = shift_moments(U[:, : self.n_g], -u) / rho.unsqueeze(1)
        T_x = own[:, 2].clamp(min=tiny)
        s = T_x.sqrt()
        a, b = recurrence_from_moments(scale_moments(own, 1 / s))
        b = torch.cat((torch.ones_like(b[:, :1]), (b[:, 1:] / self.k).clamp(min=B_FLOOR)), 1)
        parts = [torch.stack((rho.log(), u, T_x.log()), 1), a[:, 1:], b[:, 1:].log()]
        if self.odd:
            parts.append(a.mean(1, keepdim=True))
        else:
            squares = ((a - a.mean(1, keepdim=True)) ** 2).sum(1) + 2 * b[:, 0] + 2 * (self.k * b[:, 1:]).sum(1)
            parts.append((squares / (self.n * (self.n - 1))).log().unsqueeze(1))
        if self.n_h:
            h = shift_moments(U[:, self.n_g :], -u) / rho.unsqueeze(1)
            eta_0 = h[:, 0].clamp(min=tiny)
            eta = expand(scale_moments(h, 1 / s) / eta_0.unsqueeze(1), a, b * torch.cat((torch.ones_like(self.k[:1]), self.k)))
            parts += [(eta_0 / (self.gas.dims - 1)).log().unsqueeze(1), eta[:, 1:], torch.zeros_like(eta[:, :1])]
        return torch.cat(parts, 1)

    def _jacobi(self, V) -> tuple[Tensor, Tensor]:
        """The Jacobi matrix: a_0..a_n (a_n of an even number of moments, which they do not need, is zero), b_1..b_n, T_x = 1."""
        n, one = self.n, torch.ones_like(V[:, :1])
        closing = V[:, self.n_g : self.n_g + 1]
        a = torch.cat((0 * one, V[:, 3 : n + 2], closing if self.odd else 0 * one), 1)
        b = self.k * V[:, self.log_b].exp()
        return a, torch.cat((one, b) if self.odd else (one, b, n * closing.exp()), 1)

    def _moments(self, V) -> tuple[Tensor, Tensor | None]:
        """Raw moments G_0..G_N and H_0..H_{N_h}."""
        rho, u, s = V[:, :1].exp(), V[:, 1], (0.5 * V[:, 2]).exp()
        a, b = self._jacobi(V)
        root_b = b.sqrt()
        p = jacobi_powers(a, root_b)
        p = torch.stack((*p, apply_jacobi(a, root_b, p[-1])), 1)  # J^j e_0, j = 0..n+1: [batch, n+2, n+1, cell]
        even, odd = (p[:, :-1] ** 2).sum(2), (p[:, :-1] * p[:, 1:]).sum(2)
        m = torch.stack((even, odd), 2).flatten(1, 2)[:, : self.n_g + 1]
        G = rho * shift_moments(scale_moments(m, s), u)
        if not self.n_h:
            return G, None
        first, m = self.n_g + 1, self.n_h
        eta = torch.cat((torch.ones_like(rho), V[:, first + 1 : first + m]), 1)
        h = (p[:, : m + 1, :m] * eta.unsqueeze(1)).sum(2)
        zeta = V[:, first + m :] * root_b[:, : m - 1].prod(1, keepdim=True) * m**0.5
        h = torch.cat((h[:, :-1], h[:, -1:] + zeta), 1)
        eta_0 = (self.gas.dims - 1) * V[:, first : first + 1].exp()
        return G, rho * eta_0 * shift_moments(scale_moments(h, s), u)

    def sensitivity(self, V) -> Tensor:
        """dG_N by the closing coefficient, [batch, cell], rho b_1 b_2 ... b_n times sqrt(T_x) (a_n, which is in units of that) or
        once (ln b_n)."""
        log_b = V[:, self.log_b].sum(1) + (0 if self.odd else V[:, self.n_g])
        return (V[:, 0] + 0.5 * self.n_g * V[:, 2] + log_b).exp() * factorial(self.n)

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
        a, b = self._jacobi(V)
        n, last = self.n, b[:, -1:]
        if not self.odd:
            a, b = a[:, :-1], b[:, :-1]
        root_b, zero = (b * self._stretch).sqrt(), torch.zeros_like(a[:, :1])
        rows = a.abs() + torch.cat((root_b * self._up, zero), 1) + torch.cat((zero, root_b * self._down), 1)
        if not self.odd:  # y = X - mean a <= r + (y + sqrt(y^2 + (n^2 - 1) b_n))/(n + 1)
            mean = a.mean(1, keepdim=True).abs()
            r = rows[:, -1:] + mean
            rows = torch.cat((rows[:, :-1], mean + (n * r + (r * r + (n - 1) ** 2 * last).sqrt()) / (n - 1)), 1)
        return rows.amax(1)

    def max_speed(self, V):
        return (V[:, 1].abs() + (0.5 * V[:, 2]).exp() * self._span(V)).unsqueeze(1)

    def departure(self, V):
        # The blend starts where the span of the speeds is 1.25 times that of equilibrium and is complete at 1.75.
        return smoothstep((self._span(V) / self._reach - 1.25) / 0.5).unsqueeze(1)
