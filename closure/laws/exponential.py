"""An exponential family of distributions: own-frame nodes, bounded functions on them, and the dual problem."""

import numpy as np
import torch
from torch import Tensor

SHARPNESS = 16  # of the taper
DAMPING = 1e-5  # of the exponents in the dual: a solution for any moments
MOST = 60  # Newton steps
SETTLED = 1e-18  # squared length of the last Newton step, in the metric of the Hessian
LARGEST = 500.0  # exponents, beyond which a trial step is refused


class Exponential:
    r"""Densities f = rho/sqrt(T) N(c) exp(sum_k a_k w_k(c)) of the own-frame velocity c, N the standard Gaussian.

    .. math:: w_0, w_1, w_2 = 1,\ c,\ c^2/2, \quad w_k = \frac{Q_k(y)}{1 + (y/y_t)^{16}}, \quad
              y = \frac{c}{(1 + c^2/\ell^2)^{1/4}}

    Q_k is a polynomial of degree k, chosen so that w_k, k >= 3, are orthonormal in the weight N, and orthogonal to 1, c, c^2.
    y grows as the root of c: functions of low degree then reach few fast particles; the taper keeps the exponents bounded.

    c, width, mass [K]: nodes, equidistant in y, dc, and the masses of N there: sums over nodes are integrals, to round-off.
    polynomials [N, N]: coefficients, the lowest first, of Q_k; values, slopes [N, K] of w_k at the nodes; parity [N].
    """

    def __init__(self, moments: int, nodes: int, spacing: float, stretch: float, taper: float):
        self.stretch, self.taper, self.degree = stretch, taper, 2 + moments
        y = (np.arange(nodes) - 0.5 * (nodes - 1)) * spacing
        c = np.sign(y) * np.sqrt(0.5 * (y**4 / stretch**2 + np.sqrt(y**8 / stretch**4 + 4 * y**4)))
        x = (c / stretch) ** 2
        self.width = torch.tensor(spacing * (1 + x) ** 1.25 / (1 + 0.5 * x))
        self.c = torch.tensor(c)
        mass = self.width * torch.exp(-0.5 * self.c**2)
        self.mass = mass / mass.sum()
        self.parity = torch.tensor([(-1.0) ** k for k in range(self.degree + 1)], dtype=torch.float64)
        self.polynomials = self._orthonormal()
        self.values = self.functions(self.c)
        step = 1e-5
        self.slopes = (self.functions(self.c + step) - self.functions(self.c - step)) / (2 * step)

    def _orthonormal(self) -> Tensor:
        """Degree by degree: the polynomial of that degree and parity whose tapered value is orthogonal to all before it."""
        N, c = self.degree + 1, self.c
        powers = self._powers(c)
        made, basis = torch.zeros(N, N, dtype=torch.float64), [torch.ones_like(c), c, c * c]
        for k in range(3, N):
            own = list(range(k % 2, k + 1, 2))
            overlaps = (torch.stack(basis) * self.mass) @ powers[own].T
            lower = torch.linalg.lstsq(overlaps[:, :-1], -overlaps[:, -1:], driver="gelsd").solution[:, 0]
            made[k, own] = torch.cat((lower, torch.ones(1, dtype=torch.float64)))
            value = made[k] @ powers
            made[k] /= (self.mass * value**2).sum().sqrt()
            basis.append(made[k] @ powers)
        return made

    def _powers(self, c: Tensor) -> Tensor:
        """Tapered powers of y, [degree + 1, *c]."""
        y = c / (1 + (c / self.stretch) ** 2) ** 0.25
        return torch.stack([y**n for n in range(self.degree + 1)]) / (1 + (y / self.taper) ** SHARPNESS)

    def functions(self, c: Tensor) -> Tensor:
        """w_k(c) of every function, [N, *c]."""
        w = torch.tensordot(self.polynomials, self._powers(c), 1)
        w[0], w[1], w[2] = 1.0, c, 0.5 * c * c
        return w

    def masses(self, a: Tensor) -> Tensor:
        """Masses of the nodes [sample, K] of the exponents a [sample, N]."""
        return self.mass * (a @ self.values).clamp(max=LARGEST).exp()

    @torch.no_grad()
    def solve(self, moments: Tensor, damping: float) -> Tensor:
        r"""Exponents a [sample, N] whose distribution has the moments [sample, N].

        .. math:: \min_a \int N e^{\sum a_k w_k} dc - \sum a_k \langle w_k \rangle + \tfrac{\gamma}{2} \sum_{k \ge 3} a_k^2

        by Newton's method with backtracking. With the ``damping`` gamma there is a solution for any moments; where they are those
        of a distribution, their error is gamma a_k.
        """
        gamma = self._gamma(damping)

        def dual(a):
            exponent = a @ self.values
            p = self.mass * exponent.clamp(max=LARGEST).exp()
            value = p.sum(1) - (a * moments).sum(1) + 0.5 * (gamma * a * a).sum(1)
            return p, torch.where(exponent.amax(1) < LARGEST, value, torch.inf)

        a = torch.zeros_like(moments)
        p, value = dual(a)
        for _ in range(MOST):
            remainder, step = self._newton(p, a, moments, gamma)
            step = step.nan_to_num(0.0, 0.0, 0.0)
            slope = (remainder * step).sum(1)
            live = slope > SETTLED
            length = torch.ones_like(slope)
            new, new_p, new_value = a + step, *dual(a + step)
            for _ in range(40):
                short = live & ~(new_value <= value - 0.1 * length * slope + 1e-13 * (1 + value.abs()))
                if not short.any():
                    break
                length = torch.where(short, 0.4 * length, length)
                new = a + length.unsqueeze(1) * step
                new_p, new_value = dual(new)
            better = new_value.isfinite()
            value = torch.where(better, new_value, value)
            a, p = (torch.where(better[:, None], x, y) for x, y in ((new, a), (new_p, p)))
            if not live.any():
                break
        return a

    def _newton(self, p, a, moments, gamma) -> tuple[Tensor, Tensor]:
        """What is missing of the moments, and Newton's step."""
        w = self.values
        remainder = moments - p @ w.T - gamma * a
        with torch.no_grad():
            hessian = torch.einsum("sk,nk,mk->snm", p, w, w) + torch.diag(gamma + 1e-14)
            factor = torch.linalg.cholesky_ex(hessian)[0]
        return remainder, torch.cholesky_solve(remainder.unsqueeze(2), factor).squeeze(2)

    def differentiable(self, a: Tensor, moments: Tensor, damping: float) -> Tensor:
        """The solution a itself as a differentiable function of the moments: one more Newton step."""
        a = a.detach()
        return a + self._newton(self.masses(a), a, moments, self._gamma(damping))[1]

    def _gamma(self, damping: float) -> Tensor:
        gamma = torch.full((self.degree + 1,), damping, dtype=torch.float64)
        gamma[:3] = 0.0
        return gamma
