"""Closures that carry the raw moments of the density g, one after another."""

import torch

from knudsen.closure.laws.base import MomentLaw, gaussian_moments
from knudsen.closure.laws.frames import scale_moments, shift_moments
from knudsen.closure.laws.recurrence import recurrence_from_moments
from knudsen.kinetic.moments import hermite_moment
from knudsen.solvers import GHOST


class RawMomentLaw(MomentLaw):
    r"""Shared by the closures that carry G_0..G_{n_g - 1} and, for D > 1, H_0..H_{n_h - 1}.

    Collisions: those of the relaxation models, :math:`r \nu (M - f)/\epsilon`, with all that the moments know of the target M
    (:mod:`knudsen.kinetic.collisions.target`): its shares s of the stress and h of the heat flux. In the gas's own frame, with
    :math:`\Lambda = T + s \sigma/\rho`, :math:`\Lambda_\perp = D T - \Lambda`, :math:`B = h q \Lambda / (\rho (D T + 2 \Lambda))`
    and :math:`E_k` the moments of a Gaussian of variance Lambda,

    .. math:: G_k[M] = \rho\,[E_k + B\, k(k-1)(k-2) E_{k-3}], \qquad
              H_k[M] = \rho \Lambda_\perp \big[E_k + B \big(k(k-1)(k-2) E_{k-3} + 2 k E_{k-1}/\Lambda\big)\big] .

    Stress and heat flux relax at nu and Pr nu by themselves, so that an implicit step knows them before it asks for M: exact.
    """

    collisions = ("bgk", "shakhov", "es_bgk")

    def __init__(self, gas, n_g: int, n_h: int):
        super().__init__(gas)
        self.n_g, self.n_h = n_g, n_h
        self.components = tuple(f"G{k}" for k in range(n_g)) + tuple(f"H{k}" for k in range(n_h))
        self.degrees = torch.cat((torch.arange(n_g), torch.arange(n_h) + 2))
        self.order = max(n_g, n_h) - 1
        self.closed_order = n_g

    def boost(self, U, velocity):
        G = shift_moments(U[:, : self.n_g], velocity)
        return torch.cat((G, shift_moments(U[:, self.n_g :], velocity)), 1) if self.n_h else G

    def energy(self, U):
        return 0.5 * (U[:, 2] + U[:, self.n_g]) if self.n_h else 0.5 * U[:, 2]

    def target_defect(self, U, stress, heat_flux):
        """M - U of a target with these shares of U's stress and heat flux (numbers, or [batch, 1, cell])."""
        rho, u, T = self.fluid(U)
        along, shared = T, any(self.gas.model.shares(self.gas.prandtl))
        if shared:
            fields = self.macroscopic(U, None)
            along = T + (stress * (fields["sigma"] / rho).unsqueeze(1))[:, 0]
        E = gaussian(along, self.order)
        G, H = E[:, : self.n_g], E[:, : self.n_h]
        if shared:
            B = heat_flux * (fields["q"] * along / (rho * (self.gas.dims * T + 2 * along))).unsqueeze(1)
            of_g, of_h = skew(E, along)
            G, H = G + B * of_g[:, : self.n_g], H + B * of_h[:, : self.n_h]
        M = rho.unsqueeze(1) * shift_moments(G, u)
        if self.n_h:
            M = torch.cat((M, (rho * (self.gas.dims * T - along)).unsqueeze(1) * shift_moments(H, u)), 1)
        defect = M - U
        zero = torch.zeros_like(rho)
        if self.n_h:  # the energy is shared by G_2 and H_0: what one gains the other loses, to the last bit
            head = torch.stack((zero, zero, defect[:, 2]), 1)
            return torch.cat((head, defect[:, 3 : self.n_g], -defect[:, 2:3], defect[:, self.n_g + 1 :]), 1)
        return torch.cat((torch.zeros_like(U[:, :3]), defect[:, 3:]), 1)

    def relax(self, U, tau, cells):
        model, prandtl, w = self.gas.model, self.gas.prandtl, tau * self.rate(U, cells)
        share, r = model.shares(prandtl), model.rate(prandtl)
        defect = self.target_defect(U, share.stress / (1 + w), share.heat_flux / (1 + prandtl * w))
        return U + r * w / (1 + r * w) * defect

    def source(self, U, cells):
        model, prandtl = self.gas.model, self.gas.prandtl
        return model.rate(prandtl) * self.rate(U, cells) * self.target_defect(U, *model.shares(prandtl))

    def closed_moment(self, U, cells):
        _, u, T = self.fluid(U)
        following = self.flux(self.variables(cells.pad(U), cells))[:, self.n_g - 1 : self.n_g, GHOST:-GHOST]
        return hermite_moment(torch.cat((U[:, : self.n_g], following), 1).unbind(1), u, T, self.n_g)

    def closed_moments(self, V):
        U, F = self.conserved(V), self.flux(V)
        G = torch.cat((U[:, : self.n_g], F[:, self.n_g - 1 : self.n_g]), 1)
        return G, torch.cat((U[:, self.n_g :], F[:, -1:]), 1) if self.n_h else None

    def least_b(self, U):
        """The least b_k/k of the recurrence coefficients of g (and of h): positive where the moments are those of a positive
        distribution (W. Gautschi, Orthogonal Polynomials (2004), theorem 1.2)."""
        _, u, T = self.fluid(U)
        own = self.rescale(self.boost(U, -u), T.clamp(min=torch.finfo(U.dtype).tiny).rsqrt())
        least = _least_b(own[:, : self.n_g])
        return torch.minimum(least, torch.minimum(_least_b(own[:, self.n_g :]), own[:, self.n_g])) if self.n_h else least

    def sizes(self, own):
        # Where a few fast particles cross a cold gas the high moments are theirs: their own size, not powers of sqrt(T).
        parts = own.split((self.n_g, self.n_h)) if self.n_h else (own,)
        return torch.cat([_even_sizes(part) for part in parts])

    def from_moments(self, G, H):
        return torch.cat((G[:, : self.n_g], H[:, : self.n_h]), 1) if self.n_h else G[:, : self.n_g].clone()

    def macroscopic(self, U, cells):
        rho, u, T = self.fluid(U)
        own = self.boost(U, -u)
        sigma = own[:, 2] - rho * T
        q = 0.5 * (own[:, 3] + own[:, self.n_g + 1]) if self.n_h else 0.5 * own[:, 3]
        return {"rho": rho, "u": u, "T": T, "sigma": sigma if self.n_h else torch.zeros_like(T), "q": q}


def gaussian(variance: torch.Tensor, order: int) -> torch.Tensor:
    """Moments 0..order of a Gaussian at rest, [batch, order + 1, cell], of its variance [batch, cell]."""
    return scale_moments(gaussian_moments(order, 1)[0].expand(len(variance), -1, variance.shape[1]), variance.sqrt())


def skew(E: torch.Tensor, variance: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What a heat flux adds, per B, to the moments E of a Gaussian, of g and of h/Lambda_perp, same shape (``RawMomentLaw``)."""
    k, zero = torch.arange(E.shape[1], dtype=E.dtype)[:, None], torch.zeros_like(E[:, :1])
    third = k * (k - 1) * (k - 2) * torch.cat((zero, zero, zero, E[:, :-3]), 1)
    return third, third + 2 * k * torch.cat((zero, E[:, :-1]), 1) / variance.unsqueeze(1)


def _least_b(m: torch.Tensor) -> torch.Tensor:
    """Of m_0..m_{2n} (an even number of moments: without the last), [batch, cell]; -inf after the first b_k <= 0."""
    odd = m.shape[1] - (m.shape[1] + 1) % 2
    if odd < 3:
        return m[:, 0]
    _, b = recurrence_from_moments(m[:, :odd])
    b = b / torch.arange(1, b.shape[1] + 1, dtype=m.dtype)[:, None]
    return b.nan_to_num(-torch.inf).amin(1)


def _even_sizes(m: torch.Tensor) -> torch.Tensor:
    """|m_k| for even k; for odd k the geometric mean of the neighbours (the last one extrapolated), [n, cell]."""
    even = m[::2].abs().clamp(min=torch.finfo(m.dtype).tiny)
    odd = (even[:-1] * even[1:]).sqrt()
    if len(m) % 2 == 0:
        ratio = even[-1:] / even[-2:-1] if len(even) > 1 else torch.ones_like(even)
        odd = torch.cat((odd, even[-1:] * ratio.sqrt()))
    sizes = torch.empty_like(m)
    sizes[::2], sizes[1::2] = even, odd
    return sizes
