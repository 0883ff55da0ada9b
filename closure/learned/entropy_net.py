"""Entropy-based closure with an input-convex network."""

from collections.abc import Callable

import torch
from torch import Tensor

from knudsen.closure.laws.hme import hermite_norms
from knudsen.closure.learned.gradient_net import HyperbolicNet, with_lower
from knudsen.closure.learned.networks import symmetric


class EntropyNet(HyperbolicNet):
    r"""Entropy-based closure: a convex network is the entropy of the moments, its gradient the multipliers of the distribution.

    .. math:: h(G) = \rho\,\Big[\ln\rho - \tfrac12 \ln T + \hat h(w_3, .., w_{n-1})\Big], \qquad
              \alpha = \frac{\partial h}{\partial G}, \qquad f_\theta = \exp(\alpha \cdot p(v)),

    p = (1, v, .., v^(n-1)), h-hat the network: the form that scaling and Galilean invariance leave to an entropy. As for exact
    maximum entropy, the flux Jacobian is a product of a symmetric and a symmetric positive definite matrix,

    .. math:: A = \Big(\int v\, p\, p^T \mu(dv)\Big)\Big(\int p\, p^T \mu(dv)\Big)^{-1} :

    its last row closes the system (the others are the exact shift), its characteristic polynomial is the orthogonal polynomial
    P_n of the positive measure mu: f_theta, corrected to the moments carried (its first recurrence coefficients are theirs).
    f_theta lives on |c| <= 8 in the gas's own frame, where every exponent is integrable: no Junk line.

    Promises for any weights: h-hat convex (one multiplier for each moment, and back); real, distinct speeds in every state;
    f_theta > 0; conservation of mass, momentum, energy; all symmetries exactly; the Maxwellian at equilibrium. Not promised: an
    entropy inequality of the discrete system; that h is the Boltzmann entropy: it is learned from labels, for the closure's sake.
    Source: M. Schotthoefer, T. Xiao, M. Frank, C. Hauck, ICML 2022, arXiv:2201.10364; W. Porteous, M. P. Laiu, C. Hauck,
    arXiv:2106.08973 (both: linear transport; the network's gradient for the multipliers, the ansatz for the flux).
    """

    name = "entropy_net"
    label = "entropy network"
    colour = "#AA4499"
    single = True
    MOST = 7  # moments
    REACH, NODES = 8.0, 65  # of the velocity interval; the trapezoidal rule is exact to round-off for a Gaussian
    FLOOR = 1e-10  # of f_theta against the Maxwellian: keeps n points of increase where all of it sits at one node

    def __init__(self, gas, network: Callable, moments: int = 5):
        """``network``: a constructor (inputs, outputs, parity_in, parity_out) -> torch.nn.Module, convex in its inputs."""
        super().__init__(gas, moments)
        self._c = torch.linspace(-self.REACH, self.REACH, self.NODES, dtype=torch.float64)
        self._c = 0.5 * (self._c - self._c.flip(0))  # mirror images to the last bit
        self._powers = self._c ** torch.arange(moments, dtype=torch.float64)[:, None]
        self._maxwellian = torch.softmax(-0.5 * self._c**2, 0)
        self._parity = (-1.0) ** torch.arange(3, moments)
        self.network = network(moments - 3, 1, parity_in=self._parity, parity_out=torch.ones(1))

    def slope(self, w: Tensor) -> Tensor:
        """d h-hat / d w_k, k = 3..n-1, of [sample, n-3]: even in reflection, zero at equilibrium."""
        norms = hermite_norms(self.n_g - 1)[3:].to(w.dtype)
        record, dtype = torch.is_grad_enabled(), next(self.network.parameters()).dtype

        def gradient(x):
            with torch.enable_grad():
                x = x.to(dtype)
                x = x if x.requires_grad else x.requires_grad_()
                (g,) = torch.autograd.grad(self.network(x).sum(), x, create_graph=record)
            return g.to(w.dtype)

        return symmetric(gradient, w / norms, self._parity, self._parity) / norms

    def multipliers(self, w: Tensor) -> Tensor:
        """alpha_0..alpha_{n-1} in the own frame with rho = T = 1 (alpha_0: zero, mass is one), [sample, n] of [sample, n-3]."""
        n = self.n_g
        he, inverse = (matrix[:n, :n].to(w.dtype) for matrix in (self._he, self._he_inverse))
        g = self.slope(w) @ he[3:, :]  # by the plain moments m_0..m_{n-1}
        m = with_lower(w.T.unsqueeze(0))[0].T @ inverse.T
        k = torch.arange(3, n, dtype=w.dtype)
        # u and T are moments themselves: dm_k = dG_k - k m_{k-1} du - (k/2) m_k dT - ...
        first = -(k * m[:, 2:-1] * g[:, 3:]).sum(1)
        second = -0.5 - 0.5 * (k * m[:, 3:] * g[:, 3:]).sum(1)
        return torch.cat((torch.stack((torch.zeros_like(first), first, second), 1), g[:, 3:]), 1)

    def distribution(self, w: Tensor) -> Tensor:
        """f_theta at the nodes, weights included, of unit mass: [sample, node] of [sample, n-3]."""
        f = torch.softmax(self.multipliers(w) @ self._powers.to(w.dtype), 1)
        return f + self.FLOOR * self._maxwellian.to(w.dtype)

    def rows(self):
        from knudsen.closure.compiled import hyperbolic_net  # compiled code only where it is needed

        return hyperbolic_net.entropy_rows(self)

    def upper(self, w, a, ln_b):
        """Stieltjes' procedure on the nodes (W. Gautschi, Orthogonal Polynomials (2004), section 2.2.3)."""
        batch, _, cells = w.shape
        f = self.distribution(w.transpose(1, 2).reshape(batch * cells, -1))
        c = self._c.to(w.dtype)
        alpha, ln_beta = [], []
        previous, current, root = torch.zeros_like(f), 1 / f.sum(1, keepdim=True).sqrt(), 0.0
        for k in range(self.n_g):  # orthonormal polynomials
            mean = (f * c * current * current).sum(1, keepdim=True)
            alpha.append(mean)
            following = (c - mean) * current - root * previous
            square = (f * following * following).sum(1, keepdim=True)
            ln_beta.append((square / (k + 1)).log())
            previous, root = current, square.sqrt()
            current = following / root
        h = a.shape[1]
        upper = alpha[h:], ln_beta[h : self.n_g - 1]
        return tuple(torch.cat(rows, 1).reshape(batch, cells, -1).transpose(1, 2) for rows in upper)
