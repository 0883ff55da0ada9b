r"""Closures for the gradient of the next moment instead of the moment itself: globally hyperbolic regularised Grad (HME).

A moment system whose last flux is known only through its gradient in the gas's frozen frame,

.. math:: \partial_x \int P_n\!\left(\frac{v - u_0}{s_0}\right) f\,dv = 0 \quad \text{at } (u_0, s_0) = (u, \sqrt T)(x),

has u + s times the roots of P_n for speeds: the Jacobian in that frame is the companion matrix of P_n. With P_n the orthogonal
polynomial of a positive weight, the roots are real and distinct whatever the state.
"""

import torch
from torch import Tensor

from knudsen.closure.laws.frames import scale_moments, shift_moments
from knudsen.closure.laws.grad import hermite_coefficients
from knudsen.closure.laws.raw import RawMomentLaw
from knudsen.errors import InputError


class HME(RawMomentLaw):
    r"""Hyperbolic moment equations: Grad's closure, regularised so that it is hyperbolic in every state, n moments of g.

    .. math:: \partial_t G_{n-1} + \partial_x G_n - n\rho T^{(n-1)/2}\Big[w_{n-1}\,\partial_x u
              + \frac{n-1}{2\sqrt T}\, w_{n-2}\,\partial_x T\Big] = S, \qquad w_n = 0,

    w_k = int He_k f dv / rho in the gas's own frame: what Grad's last equation has from differentiating the frame is left out, so
    that P_n = He_n above. For D > 1 also H_0..H_{n-3}, the slab geometry of the ordered hierarchy with all moments up to order
    n - 1: the same for the moments of (|v_perp|^2 - (D-1) T) He_{n-2}.

    Promises: u + sqrt(T) times the roots of He_n (and He_{n-2}) as speeds in every state with positive density and temperature;
    conservation of mass, momentum and energy (the last moments alone are not in conservation form); all symmetries of the
    Boltzmann equation; Grad's equations where these are linear, hence Navier-Stokes-Fourier for small Knudsen numbers.

    Variables V: ln rho, u, ln T, w_3.. (for D > 1: w_2 = T_x/T - 1, w_3.., and eta_1.., those of h).
    Source: Z. Cai, Y. Fan, R. Li, Commun. Math. Sci. 11 (2013) 547, doi:10.4310/CMS.2013.v11.n2.a12 (D = 1);
    Comm. Pure Appl. Math. 67 (2014) 464, doi:10.1002/cpa.21472 (D = 2, 3).
    """

    name = "hme"
    label = "HME"
    colour = "#332288"

    def __init__(self, gas, moments: int = 9):
        if not isinstance(moments, int) or not 4 <= moments <= 16:
            raise InputError(f"closure.moments is {moments}: choose 4 to 16")
        super().__init__(gas, moments, moments - 2 if gas.dims > 1 else 0)
        self._he = hermite_coefficients(moments + 1)
        self._he_inverse = torch.linalg.inv(self._he)
        self._first = 3 if gas.dims == 1 else 2  # the first w that is a variable

    # Variables <-> moments --------------------------------------------------------------------------------------------------

    def local_variables(self, U):
        rho, u, T = self.fluid(U)
        tiny = torch.finfo(U.dtype).tiny
        rho, T = rho.clamp(min=tiny), T.clamp(min=tiny)
        w, eta = self._hermite(scale_moments(shift_moments(U[:, : self.n_g], -u), T.rsqrt()) / rho.unsqueeze(1)), []
        if self.n_h:
            h = scale_moments(shift_moments(U[:, self.n_g :], -u), T.rsqrt()) / (rho * T).unsqueeze(1)
            eta = [(self._hermite(h) - (self.gas.dims - 1) * w[:, : self.n_h])[:, 1:]]
        return torch.cat((torch.stack((rho.log(), u, T.log()), 1), w[:, self._first :], *eta), 1)

    def _hermite(self, m):
        """Moments m_0.. of He_0.. from plain ones, same shape."""
        n = m.shape[1]
        return torch.einsum("ij,bjn->bin", self._he[:n, :n], m)

    def _coefficients(self, V) -> tuple[Tensor, Tensor]:
        """w_0..w_n and eta_0..eta_{n-2} (none for D = 1), the closing ones zero."""
        one, zero = torch.ones_like(V[:, :1]), torch.zeros_like(V[:, :1])
        end = 3 + self.n_g - self._first
        w = torch.cat((one, zero, zero, V[:, 3:end], zero) if self._first == 3 else (one, zero, V[:, 3:end], zero), 1)
        return w, torch.cat((-w[:, 2:3], V[:, end:], zero), 1) if self.n_h else w[:, :0]

    def _moments(self, V) -> tuple[Tensor, Tensor | None]:
        """Raw moments G_0..G_n and H_0..H_{n-2}, the last ones as if w_n = eta_{n-2} = 0."""
        w, eta = self._coefficients(V)
        rho, u, s = V[:, :1].exp(), V[:, 1], (0.5 * V[:, 2]).exp()
        G = rho * shift_moments(scale_moments(torch.einsum("ij,bjn->bin", self._he_inverse, w), s), u)
        if not self.n_h:
            return G, None
        n = self.n_h + 1
        h = torch.einsum("ij,bjn->bin", self._he_inverse[:n, :n], eta + (self.gas.dims - 1) * w[:, :n])
        return G, rho * shift_moments(scale_moments(h, s, degree=2), u)

    def conserved(self, V):
        G, H = self._moments(V)
        return torch.cat((G[:, :-1], H[:, :-1]), 1) if self.n_h else G[:, :-1]

    def flux(self, V):
        """Grad's flux: the part in conservation form; what the last moments have beyond it is the ``product``."""
        G, H = self._moments(V)
        return torch.cat((G[:, 1:], H[:, 1:]), 1) if self.n_h else G[:, 1:]

    def rows(self):
        if type(self).polynomial is not HME.polynomial:  # another polynomial than He_n needs row functions of its own
            return None
        from knudsen.closure.compiled import hermite  # compiled code only where it is needed

        return hermite.rows_of(self)

    # The regularisation -----------------------------------------------------------------------------------------------------

    def polynomial(self, V) -> Tensor | None:
        r"""Coefficients pi_k of P_n/sqrt(n!) = psi_n + sum_k pi_k psi_k, psi_k = He_k/sqrt(k!), k < n, in the gas's own frame,
        [batch, n, cell]; None: P_n = He_n.
        """
        return None

    def product(self, V_l, V_r):
        """Along the straight line between the two states (all of them realizable if both are), the frame that of its middle."""
        (G_l, H_l), (G_r, H_r) = self._moments(V_l), self._moments(V_r)
        middle = torch.cat((G_l[:, :-1] + G_r[:, :-1], H_l[:, :-1] + H_r[:, :-1]), 1) if self.n_h else G_l[:, :-1] + G_r[:, :-1]
        V = self.local_variables(0.5 * middle)
        u, s = V[:, 1], (0.5 * V[:, 2]).exp()
        # The jumps in the frame and units of the middle state, the last one such that P_n's moment does not jump, and back.
        own = scale_moments(shift_moments((G_r - G_l)[:, :-1], -u), 1 / s)
        last = -(self._he[-1, :-1, None] * own).sum(1, keepdim=True)
        if (pi := self.polynomial(V)) is not None:
            norms = hermite_norms(self.n_g)
            last = last - norms[-1] * (pi * self._hermite(own) / norms[:-1, None]).sum(1, keepdim=True)
        product = torch.zeros_like(middle)
        product[:, self.n_g - 1] = self._back(torch.cat((own, last), 1), u, s) - (G_r - G_l)[:, -1]
        if self.n_h:
            m = self.n_h
            he = self._he[m, : m + 1, None]
            h = scale_moments(shift_moments((H_r - H_l)[:, :-1], -u), 1 / s)
            last = (self.gas.dims - 1) * (he * own[:, : m + 1]).sum(1, keepdim=True) * s.unsqueeze(1) ** 2
            h = torch.cat((h, last - (he[:-1] * h).sum(1, keepdim=True)), 1)
            product[:, -1] = self._back(h, u, s) - (H_r - H_l)[:, -1]
        return product

    @staticmethod
    def _back(own, u, s):
        """The last of these own-frame moments as the lab frame sees it, [batch, cell]."""
        return shift_moments(scale_moments(own, s), u)[:, -1]


def hermite_norms(n: int) -> Tensor:
    """sqrt(k!) for k = 0..n."""
    return torch.arange(n + 1, dtype=torch.float64).clamp(min=1).sqrt().cumprod(0)
