"""Maximum entropy in closed form: the interpolative five-moment closure."""

import torch
from torch import Tensor

from knudsen.closure.laws.base import smoothstep
from knudsen.closure.laws.quadrature import Quadrature
from knudsen.errors import InputError


class MaxEntropy(Quadrature):
    r"""The interpolative closure of the five-moment maximum-entropy system, D = 1.

    With q = <c^3>, r = <c^4>, c = (v - u)/sqrt(T), maximum entropy, f = exp(quartic), gives <c^5> only by iteration, and has no
    solution on the Junk line q = 0, r > 3, which ends at the Maxwellian. Along the parabolas r = q^2/sigma + 3 - 2 sigma, from
    the edge of realizability (sigma = 1) to that line (sigma = 0), it is nearly (12 % for |q| < 1, r < 3)

    .. math:: \langle c^5 \rangle = \frac{q^3}{\sigma^2} + (10 - 8\sqrt\sigma)\,q, \qquad
              \sigma = \tfrac14 \Big(3 - r + \sqrt{(3 - r)^2 + 8 q^2}\Big) .

    ``floor``: sigma is mapped linearly to floor..1. Towards the Junk line the speeds grow without bound, as those of maximum
    entropy do, and a mixture of two Maxwellians may lie anywhere near it; a lower floor is closer to the formula and costs steps
    (1e-4: nine times those of 1e-3, errors 6 per cent lower).

    Promises: those of the quadrature closure's coordinates (realizable states and faces, all symmetries, conservation); the exact
    limit at the edge of realizability. Real speeds are not proved: with floor <= 5e-3 they are real on a fine grid of |q| <= 6,
    r <= 1 + q^2 + 300, except within floor (r - 3) of the Junk line itself. Variables V: those of the quadrature closure.
    Source: J. McDonald, M. Torrilhon, J. Comput. Phys. 251 (2013) 500, doi:10.1016/j.jcp.2013.05.046, section 3;
    M. Junk, J. Stat. Phys. 93 (1998) 1143, doi:10.1023/B:JOSS.0000033155.07331.d9.
    """

    name = "max_entropy"
    label = "maximum entropy"
    colour = "#882255"
    dims = (1,)

    def __init__(self, gas, floor: float = 1e-3):
        if not 0 < floor < 1:
            raise InputError(f"closure.floor is {floor}: give a number between 0 and 1")
        super().__init__(gas, 5)
        self.floor = floor
        rest = torch.zeros(1, 1, 1, dtype=torch.float64)
        self._reach = float(_largest_root(self._polynomial(rest, rest + 3)))

    def local_variables(self, U):
        V = super().local_variables(U)
        q, b = V[:, 3:4], 2 * V[:, 4:5].exp()
        sigma, _, _ = self._sigma(q, 1 + q * q + b)
        # m_5 = q^3 + 2 q + b (2 q + a_2) for a_0 = 0, b_1 = 1
        fifth = q**3 / sigma**2 + (10 - 8 * sigma.sqrt()) * q
        return torch.cat((V[:, :5], (fifth - q**3 - 2 * q) / b - 2 * q), 1)

    def _sigma(self, q, r) -> tuple[Tensor, Tensor, Tensor]:
        """sigma and its derivatives by q and r."""
        # 1e-20: no division by zero at the Maxwellian, where sigma has a cusp
        root = ((3 - r) ** 2 + 8 * q * q + 1e-20).sqrt()
        # without cancellation on the far side of the Junk line
        sigma = torch.where(r < 3, 0.25 * (3 - r + root), 2 * q * q / (root + (r - 3).clamp(min=0)))
        slope = 1 - self.floor
        return self.floor + slope * sigma, slope * 2 * q / root, -slope * sigma / root

    def _polynomial(self, q, r) -> Tensor:
        """Characteristic polynomial of the flux Jacobian in the own frame: c_0..c_4 of x^5 + sum c_k x^k, [batch, 5, cell]."""
        sigma, sigma_q, sigma_r = self._sigma(q, r)
        s = q**3 / sigma**2 + (10 - 8 * sigma.sqrt()) * q
        s_sigma = -2 * q**3 / sigma**3 - 4 * q / sigma.sqrt()
        s_q = 3 * q * q / sigma**2 + 10 - 8 * sigma.sqrt() + s_sigma * sigma_q
        s_r = s_sigma * sigma_r
        second = 2.5 * s - 1.5 * q * s_q - 2 * r * s_r
        return -torch.cat((s - q * s_q - r * s_r - second, 5 * r - 3 * s_q - 4 * q * s_r, second, s_q, s_r), 1)

    def _span(self, V):
        q = V[:, 3:4]
        return _largest_root(self._polynomial(q, 1 + q * q + 2 * V[:, 4:5].exp())).squeeze(1)

    def departure(self, V):
        return smoothstep((self._span(V) / self._reach - 1.25) / 0.5).unsqueeze(1)


def _largest_root(c: Tensor, steps: int = 3) -> Tensor:
    """The largest modulus of the roots of x^n + sum c_k x^k where all are real; c [batch, n, cell] -> [batch, 1, cell].

    Laguerre's bound, then Laguerre's iteration, which from above all roots stays above them (and converges cubically).
    """
    n = c.shape[1]
    sign = (-1.0) ** torch.arange(n, 0, -1, dtype=c.dtype)[:, None]
    c = torch.stack((c, c * sign))  # the polynomial and its mirror image
    mean = -c[:, :, -1] / n
    x = mean + (((n - 1) / n) * (c[:, :, -1] ** 2 - 2 * c[:, :, -2] - n * mean**2).clamp(min=0)).sqrt()
    for _ in range(steps):
        p, dp, ddp = torch.ones_like(x), torch.zeros_like(x), torch.zeros_like(x)
        for k in range(n - 1, -1, -1):
            p, dp, ddp = p * x + c[:, :, k], dp * x + p, ddp * x + 2 * dp
        root = ((n - 1) * ((n - 1) * dp * dp - n * p * ddp)).clamp(min=0).sqrt()
        step = n * p / (dp + root)
        x = torch.where(step.isfinite() & (p > 0), x - step, x)
    return x.amax(0).unsqueeze(1)
