"""Maximum entropy in closed form: the interpolative five-moment closure."""

import torch

from knudsen.closure.laws.base import smoothstep
from knudsen.closure.laws.elementary import maximum, sqrt, where
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
    collisions = ("bgk",)  # its closing term is that of the moments themselves
    dims = (1,)

    def __init__(self, gas, floor: float = 1e-3):
        if not 0 < floor < 1:
            raise InputError(f"closure.floor is {floor}: give a number between 0 and 1")
        super().__init__(gas, 5)
        self.floor = floor
        self._reach = float(reach_of(torch.tensor(0.0, dtype=torch.float64), torch.tensor(2.0, dtype=torch.float64), floor))

    def local_variables(self, U):
        V = super().local_variables(U)
        return torch.cat((V[:, :5], closing_of(V[:, 3:4], 2 * V[:, 4:5].exp(), self.floor)), 1)

    def _span(self, V):
        return reach_of(V[:, 3], 2 * V[:, 4].exp(), self.floor)

    def rows(self):
        from knudsen.closure.compiled import max_entropy  # compiled code only where it is needed

        return max_entropy.rows_of(self, closing_of, reach_of)

    def departure(self, V):
        return smoothstep((self._span(V) / self._reach - 1.25) / 0.5).unsqueeze(1)


# Plain functions of q = a_1 and b = b_2 in the gas's own frame: r = 1 + q^2 + b.


def sigma_of(q, r, floor):
    """sigma and its derivatives by q and r."""
    # 1e-20: no division by zero at the Maxwellian, where sigma has a cusp
    root = sqrt((3.0 - r) * (3.0 - r) + 8.0 * q * q + 1e-20)
    # without cancellation on the far side of the Junk line
    sigma = where(r < 3.0, 0.25 * (3.0 - r + root), 2.0 * q * q / (root + maximum(r - 3.0, 0.0)))
    slope = 1.0 - floor
    return floor + slope * sigma, slope * 2.0 * q / root, -slope * sigma / root


def closing_of(q, b, floor):
    """The closing coefficient a_2: m_5 = q^3 + 2 q + b (2 q + a_2) for a_0 = 0, b_1 = 1."""
    sigma, _, _ = sigma_of(q, 1.0 + q * q + b, floor)
    fifth = q * q * q / (sigma * sigma) + (10.0 - 8.0 * sqrt(sigma)) * q
    return (fifth - q * q * q - 2.0 * q) / b - 2.0 * q


def reach_of(q, b, floor):
    """The largest speed in the own frame: roots of the characteristic polynomial of the flux Jacobian, x^5 + sum c_k x^k."""
    r = 1.0 + q * q + b
    sigma, sigma_q, sigma_r = sigma_of(q, r, floor)
    root = sqrt(sigma)
    s = q * q * q / (sigma * sigma) + (10.0 - 8.0 * root) * q
    s_sigma = -2.0 * q * q * q / (sigma * sigma * sigma) - 4.0 * q / root
    s_q = 3.0 * q * q / (sigma * sigma) + 10.0 - 8.0 * root + s_sigma * sigma_q
    s_r = s_sigma * sigma_r
    second = 2.5 * s - 1.5 * q * s_q - 2.0 * r * s_r
    c0, c1, c2, c3, c4 = q * s_q + r * s_r + second - s, 3.0 * s_q + 4.0 * q * s_r - 5.0 * r, -second, -s_q, -s_r
    return maximum(_largest_root(c0, c1, c2, c3, c4), _largest_root(-c0, c1, -c2, c3, -c4))


def _largest_root(c0, c1, c2, c3, c4):
    """The largest root of x^5 + sum c_k x^k where all are real.

    Laguerre's bound, then Laguerre's iteration, which from above all roots stays above them (and converges cubically).
    """
    mean = -0.2 * c4
    x = mean + sqrt(maximum(0.8 * (c4 * c4 - 2.0 * c3 - 5.0 * mean * mean), 0.0))
    x = _approach(x, c0, c1, c2, c3, c4)
    x = _approach(x, c0, c1, c2, c3, c4)
    return _approach(x, c0, c1, c2, c3, c4)


def _approach(x, c0, c1, c2, c3, c4):
    p = ((((x + c4) * x + c3) * x + c2) * x + c1) * x + c0
    slope = (((5.0 * x + 4.0 * c4) * x + 3.0 * c3) * x + 2.0 * c2) * x + c1
    bend = ((20.0 * x + 12.0 * c4) * x + 6.0 * c3) * x + 2.0 * c2
    step = 5.0 * p / (slope + sqrt(maximum(4.0 * (4.0 * slope * slope - 5.0 * p * bend), 0.0)))
    return where((p > 0.0) & (abs(step) < 1e300), x - step, x)
