"""Closures that learn the gradient of the next moment: hyperbolic for any weights."""

from collections.abc import Callable

import torch
from torch import Tensor

from knudsen.closure.laws.base import smoothstep
from knudsen.closure.laws.frames import scale_moments, shift_moments
from knudsen.closure.laws.hme import HME, hermite_norms
from knudsen.closure.laws.recurrence import A_LIMIT, B_LIMIT, recurrence_from_moments
from knudsen.closure.learned.networks import symmetric
from knudsen.closure.learned.protocol import LearnedLaw
from knudsen.closure.learned.samples import Samples
from knudsen.errors import InputError
from knudsen.solvers import central_slopes

# Recurrence coefficients of states at or beyond the edge of realizability are read as if |a_k| and b_k/k were within these.


class HyperbolicNet(LearnedLaw, HME):
    r"""Base of the closures whose P_n comes from a network, as recurrence coefficients of an orthogonal polynomial, D = 1.

    .. math:: \partial_x \int P_n f\,dv = 0 \text{ in the frozen frame}, \qquad
              P_{k+1} = (c - \alpha_k) P_k - \beta_k P_{k-1}, \quad \beta_k > 0 .

    The speeds u + sqrt(T) times the roots of P_n are the eigenvalues of the symmetric Jacobi matrix (alpha, beta): real and
    distinct for any numbers alpha_k and any positive beta_k, with a positive definite symmetriser. alpha = 0, beta_k = k is HME.

    The first half is the state's own: with alpha_k = a_k, k < h = (n-1)/2, and beta_k = b_k, k <= h, the positive measure whose
    polynomial P_n is has all moments carried. A state at the edge of realizability then moves along its own few velocities. A
    subclass supplies the rest, ``upper``, and its ``network``.
    """

    dims = (1,)

    def __init__(self, gas, moments: int):
        if not isinstance(moments, int) or moments % 2 == 0 or not 5 <= moments <= self.MOST:
            raise InputError(f"closure.moments is {moments}: {self.name} takes an odd number from 5 to {self.MOST}")
        super().__init__(gas, moments)
        k = torch.arange(1, moments, dtype=torch.float64)
        values, vectors = torch.linalg.eigh(torch.diag(k.sqrt(), 1) + torch.diag(k.sqrt(), -1))
        perron = vectors[:, -1].abs()[:, None]
        self._reach, self._up, self._down = float(values[-1]), perron[1:] / perron[:-1], perron[:-1] / perron[1:]
        self._k = k[:, None]

    def recurrence(self, w: Tensor) -> tuple[Tensor, Tensor]:
        """w_3..w_{n-1} [batch, n-3, cell] -> alpha_0..alpha_{n-1} and beta_1..beta_{n-1}; finite whatever w is."""
        x = w.double()
        m = torch.einsum("ij,bjn->bin", self._he_inverse[: self.n_g, : self.n_g], with_lower(x))
        a, b = recurrence_from_moments(m)
        k = self._k[: b.shape[1]]
        a = a.nan_to_num(0.0).clamp(-A_LIMIT, A_LIMIT)
        ln_b = (b / k).nan_to_num(B_LIMIT).clamp(B_LIMIT, 1 / B_LIMIT).log()
        alpha, ln_beta = self.upper(x.to(w.dtype), a.to(w.dtype), ln_b.to(w.dtype))
        ln_beta = torch.cat((ln_b.to(w.dtype), ln_beta), 1)
        return torch.cat((a.to(w.dtype), alpha), 1), self._k.to(w.dtype) * ln_beta.exp()

    def upper(self, w: Tensor, a: Tensor, ln_b: Tensor) -> tuple[Tensor, Tensor]:
        """alpha_h..alpha_{n-1} and ln(beta_k/k), k = h+1..n-1, from w and a_0..a_{h-1}, ln(b_k/k), k = 1..h, [batch, ., cell]."""
        raise NotImplementedError

    def polynomial(self, V):
        return _expansion(*self.recurrence(V[:, 3:]))

    # Speeds -----------------------------------------------------------------------------------------------------------------

    def _span(self, V) -> Tensor:
        """Bound of the largest own-frame speed in units of sqrt(T), exact at equilibrium (Gershgorin in the metric of the Perron
        vector there), [batch, 1, cell]."""
        alpha, beta = self.recurrence(V[:, 3:])
        root, zero = beta.sqrt(), torch.zeros_like(alpha[:, :1])
        rows = alpha.abs() + torch.cat((root * self._up, zero), 1) + torch.cat((zero, root * self._down), 1)
        return rows.amax(1, keepdim=True)

    def max_speed(self, V):
        return V[:, 1:2].abs() + (0.5 * V[:, 2:3]).exp() * self._span(V)

    def departure(self, V):
        return smoothstep((self._span(V) / self._reach - 1.25) / 0.5)

    # Training ---------------------------------------------------------------------------------------------------------------

    def samples(self, data) -> Samples:
        r"""State w_3..w_{n-1}, frozen-frame gradients d_0..d_n of the moments psi_k, trajectory number; a row per labelled cell.

        In dimensionless form, :math:`\varepsilon_* \sqrt T \partial_x`, eps_* = tau/(1 + tau/0.2), and divided by
        sqrt(g^2 + median g^2), g their norm: what is asked is the direction, of steep and less steep cells alike. In
        units of the root mean square of d_n, what HME leaves.
        """
        n = self.n_g
        if data.sizes["moment"] <= n:
            order = data.sizes["moment"] - 1
            raise InputError(f"closure.moments={n}: the labels hold moments up to order {order}, {n} is needed")
        states, gradients, numbers = [], [], []
        for first in range(0, data.sizes["snapshot"], 500):
            part = data.isel(snapshot=slice(first, first + 500))
            G = torch.tensor(part.G.values)[:, : n + 1]
            knudsen, dx = torch.tensor(part.knudsen.values), torch.tensor(part.dx.values)[:, None, None]
            V = self.local_variables(G[:, :n])
            rho, u, T = self.fluid(G)
            tau = knudsen / self.gas.frequency(rho, T)
            slope = central_slopes(G, dx, periodic=True)
            weight = (tau / (1 + tau / 0.2) * T.sqrt() / rho).unsqueeze(1)
            own = self._own(weight * slope, u, T)
            keep = torch.ones(len(G), G.shape[2], dtype=torch.bool)
            keep[torch.tensor(part.periodic.values) == 0, :1] = False  # their central differences wrap around
            keep[torch.tensor(part.periodic.values) == 0, -1:] = False
            number = torch.tensor(part.trajectory.values)[:, None].expand(-1, G.shape[2])
            states.append(V[:, 3:].transpose(1, 2)[keep])
            gradients.append(own.transpose(1, 2)[keep])
            numbers.append(number[keep])
        w, d, number = (torch.cat(rows) for rows in (states, gradients, numbers))
        good = w.isfinite().all(1) & d.isfinite().all(1)
        w, d, number = w[good], d[good], number[good]
        size = (d * d).sum(1, keepdim=True)
        d = d / (size + size.median()).sqrt()
        return Samples(w.float(), (d / (d[:, -1] ** 2).mean().sqrt()).float(), number)

    def _own(self, slope, u, T):
        return self._hermite(scale_moments(shift_moments(slope, -u), T.rsqrt())) / hermite_norms(self.n_g)[:, None]

    def error(self, w: Tensor, d: Tensor) -> Tensor:
        """What P_n leaves of the sampled gradients, zero for a perfect closure, [sample, 1]; HME leaves d_n."""
        pi = _expansion(*self.recurrence(w.T.unsqueeze(0)))[0].T
        return d[:, -1:] + (pi * d[:, :-1]).sum(1, keepdim=True)

    def untrained_error(self, d: Tensor) -> Tensor:
        """What HME leaves."""
        return d[:, -1:]

    @property
    def options(self) -> dict:
        return {"moments": self.n_g}


class GradientNet(HyperbolicNet):
    r"""The gradient of the next moment as a learned combination of the gradients of all lower ones.

    .. math:: \partial_x \int He_n f\,dv = -\sqrt{n!} \sum_{k<n} \pi_k(w)\, \partial_x \int \psi_k f\,dv \quad
              \text{in the frozen frame},

    pi the expansion of P_n in the orthonormal Hermite polynomials psi_k. Of its recurrence coefficients those beyond the state's
    own a_k, b_k are, with s^2 the geometric mean of b_k/k,

    .. math:: \alpha_k = \frac1h\sum_{j<h} a_j + s\,N_k(a, \ln b), \qquad \ln\frac{\beta_k}{k} = \ln s^2 + N'_k(a, \ln b) .

    Promises for any weights: real, distinct speeds in every state, realizable or not; conservation of mass, momentum and energy;
    all symmetries exactly (alpha odd, beta even in the mirrored input); HME at equilibrium (N(0) = 0), hence its Euler and
    Navier-Stokes-Fourier limits. Not promised: realizability; an entropy.
    Source: J. Huang, Y. Cheng, A. J. Christlieb, L. F. Roberts, J. Comput. Phys. 453 (2022) 110941,
    doi:10.1016/j.jcp.2022.110941 (gradients learned; hyperbolic variants in parts II and III, J. Sci. Comput. 94 (2023) 7 and
    Multiscale Model. Simul. 21 (2023) 489): there for radiation and its fixed Legendre frame; here the frame moves with the gas.
    """

    name = "gradient_net"
    label = "gradient network"
    colour = "#117733"
    single = True
    MOST = 13  # moments
    BOUND = 1.5  # of the network's outputs

    def __init__(self, gas, network: Callable, moments: int = 7):
        """``network``: a constructor (inputs, outputs, parity_in, parity_out) -> torch.nn.Module."""
        super().__init__(gas, moments)
        h = (moments - 1) // 2
        self._parity_in = torch.tensor([-1.0] * (h - 1) + [1.0] * (h - 1))
        self._parity_out = torch.tensor([-1.0] * (h + 1) + [1.0] * h)
        made = network(2 * h - 2, 2 * h + 1, parity_in=self._parity_in, parity_out=self._parity_out)
        self.network = _Bounded(made, self.BOUND)

    def rows(self):
        from knudsen.closure.compiled import hyperbolic_net  # compiled code only where it is needed

        return hyperbolic_net.gradient_rows(self)

    def upper(self, w, a, ln_b):
        h = a.shape[1]
        phi = torch.cat((a[:, 1:], ln_b[:, 1:]), 1).transpose(1, 2)
        shape = phi.shape[:2]
        phi = phi.reshape(-1, phi.shape[2]).to(self.network.dtype)
        out = symmetric(self.network, phi, self._parity_in, self._parity_out)
        out = out.reshape(*shape, -1).transpose(1, 2).to(w.dtype)
        size = ln_b.mean(1, keepdim=True)
        return a.mean(1, keepdim=True) + (0.5 * size).exp() * out[:, : h + 1], size + out[:, h + 1 :]


class _Bounded(torch.nn.Module):
    """A network on arsinh(x), its output softly bounded; it computes in the dtype of its weights."""

    def __init__(self, network: torch.nn.Module, bound: float):
        super().__init__()
        self.network = network
        self.register_buffer("bound", torch.tensor(bound))

    @property
    def dtype(self):
        return self.bound.dtype

    def forward(self, x: Tensor) -> Tensor:
        return self.bound * torch.tanh(self.network(torch.asinh(x)) / self.bound)


def with_lower(w: Tensor) -> Tensor:
    """w_0..w_{n-1}, of which w_0 = 1, w_1 = w_2 = 0."""
    one, zero = torch.ones_like(w[:, :1]), torch.zeros_like(w[:, :1])
    return torch.cat((one, zero, zero, w), 1)


def _expansion(alpha: Tensor, beta: Tensor) -> Tensor:
    """Coefficients pi_0..pi_{n-1} of P_n/sqrt(n!) in psi_k (that of psi_n is 1), [batch, n, cell], from its recurrence."""
    n = alpha.shape[1]
    root = torch.arange(1, n + 1, dtype=alpha.dtype).sqrt()[:, None]
    zero = torch.zeros_like(alpha[:, :1])
    previous, current = None, torch.ones_like(zero)
    for k in range(n):  # P_k has k + 1 coefficients; c psi_j = sqrt(j+1) psi_{j+1} + sqrt(j) psi_{j-1}
        following = torch.cat((zero, root[: k + 1] * current), 1)
        lower = -alpha[:, k : k + 1] * current
        if k:
            lower = lower + torch.cat((root[:k] * current[:, 1:], zero), 1)
            # beta_k P_{k-1}/sqrt(k!) in units of sqrt((k-1)!)
            lower = lower - torch.cat((beta[:, k - 1 : k] / root[k - 1] * previous, zero), 1)
        previous, current = current, (following + torch.cat((lower, zero), 1)) / root[k]
    return current[:, :-1]
