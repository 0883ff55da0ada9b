r"""Collisions of Maxwell molecules in D = 2 (B = 1/(2 pi)) as the moments see them: exact productions in Hermite moments.

In Fourier space the collision integral is a product (Bobylev), :math:`\hat Q(\xi) = \langle \hat f(\xi_+) \hat f(\xi_-) \rangle -
\hat f(0) \hat f(\xi)`, :math:`\xi_\pm = (\xi \pm |\xi|\sigma)/2`, averaged over directions :math:`\sigma`. As
:math:`|\xi_+|^2 + |\xi_-|^2 = |\xi|^2`, the Gaussian leaves :math:`\hat f = e^{-|\xi|^2/2} \sum_{pq} h_{pq} z^p \bar z^q`,
:math:`z = \xi_x + i \xi_y`, and the production of a coefficient is bilinear in those that add up to it:

.. math:: \dot h_{pq} = \sum_{p_1 + p_2 = p,\, q_1 + q_2 = q} C\, h_{p_1 q_1} h_{p_2 q_2} - h_{00} h_{pq}, \qquad
          C = \Big\langle \big(\tfrac{1 + y}{2}\big)^{p_1} \big(\tfrac{1 + \bar y}{2}\big)^{q_1}
                          \big(\tfrac{1 - y}{2}\big)^{p_2} \big(\tfrac{1 - \bar y}{2}\big)^{q_2} \Big\rangle_{|y| = 1} .

So moments of total degree n are produced by those of degree <= n, and in the gas's own frame the linear rates are

.. math:: \lambda_{pq} = \rho\,\big(1 - 2^{1 - n} \tbinom{n}{p}\big), \qquad n = p + q :

1/2 for the stress, 1/4 for the heat flux, exactly. Here the same in real Hermite moments :math:`w_{ab} = \int He_a(c_x) He_b(c_y)
f\,dv/\rho`, c in thermal speeds, b even (f is even in v_y).

Sources: A. V. Bobylev, Sov. Sci. Rev. C 7 (1988) 111; E. Ikenberry, C. Truesdell, J. Rat. Mech. Anal. 5 (1956) 1.
"""

from functools import lru_cache
from math import factorial

import numpy as np
import torch
from numpy.polynomial import Polynomial
from numpy.polynomial.hermite_e import herme2poly
from torch import Tensor

STRESS_RATE = 0.5


def index(degree: int) -> list[tuple[int, int]]:
    """(a, b) of the moments of a degree, b = 0, 2, 4, ..."""
    return [(degree - b, b) for b in range(0, degree + 1, 2)]


@lru_cache
def production(degree: int) -> dict[int, np.ndarray]:
    """{n1: B [row, i, j]}: the production of the moments ``index(degree)`` is the sum over n1 of B w(n1) w(degree - n1), rho = 1.

    The loss is in the terms with n1 = 0 and n1 = degree, one half each.
    """
    back = np.linalg.pinv(_complex(degree))
    tables = {}
    for first in range(degree + 1):
        second = degree - first
        T1, T2 = _complex(first), _complex(second)
        gain = np.zeros((degree + 1, T1.shape[1], T2.shape[1]))
        for p1 in range(first + 1):
            for p2 in range(second + 1):
                gain[p1 + p2] += _gain(p1, first - p1, p2, second - p2) * np.multiply.outer(T1[p1], T2[p2])
        tables[first] = np.einsum("rp,pij->rij", back, gain)
    own = np.eye(degree // 2 + 1)
    tables[0] = tables[0] - 0.5 * own[:, None, :]
    tables[degree] = tables[degree] - 0.5 * own[:, :, None]
    return tables


def _complex(degree: int) -> np.ndarray:
    """[p, k]: how much the k-th moment of ``index(degree)`` is in the coefficient of z^p zbar^(degree - p)."""
    T = np.zeros((degree + 1, degree // 2 + 1))
    for k, (a, b) in enumerate(index(degree)):
        x, y = Polynomial([1, 1]) ** a, Polynomial([-1, 1]) ** b  # of z, zbar = 1: (z + zbar)^a, (z - zbar)^b
        T[:, k] = (-1) ** (b // 2) * (x * y).coef / (2**degree * factorial(a) * factorial(b))
    return T


def _gain(p1: int, q1: int, p2: int, q2: int) -> float:
    """The average C above: the coefficient of y^(q1 + q2) in (1 + y)^(p1 + q1) (1 - y)^p2 (y - 1)^q2 / 2^degree."""
    c = (Polynomial([1, 1]) ** (p1 + q1) * Polynomial([1, -1]) ** p2 * Polynomial([-1, 1]) ** q2).coef
    return c[q1 + q2] / 2 ** (p1 + q1 + p2 + q2)


def linear(degree: int) -> np.ndarray:
    """Rates [row, column] of the moments ``index(degree)`` towards equilibrium, rho = 1: dw/dt = -L w to first order."""
    tables = production(degree)
    return -(tables[0][:, 0, :] + tables[degree][:, :, 0])


class MaxwellMolecules:
    r"""Collisions of the moments w_{a0}, a < n_g, and w_{a2}, a < n_h, those beyond them taken as zero; exact up to degree 3.

    In the own frame (w_00 = 1, w_10 = 0, w_20 = -w_02), per time and density, for each degree d:

    .. math:: \dot w_d = -L_d\, w_d + Q_d(w_2, \ldots, w_{d-2}) ,

    so that an implicit step is solved exactly, degree by degree. Components in the order G_0.., H_0.. of ``RawMomentLaw``.
    """

    def __init__(self, n_g: int, n_h: int):
        self.n_g, self.n_h = n_g, n_h
        self.hermite = torch.tensor(_hermite(n_g, n_h))
        self.monomial = torch.linalg.inv(self.hermite)
        place = {(a, 0): a for a in range(n_g)} | {(a, 2): n_g + a for a in range(n_h)}
        self.degrees = []  # of each degree from 3 on: rows, L [row, row], pairs [(component, component, [row] coefficients)]
        for degree in range(3, n_g):
            moments = index(degree)
            kept = [k for k, ab in enumerate(moments) if ab in place]
            pairs: dict[tuple[int, int], np.ndarray] = {}
            for first in range(2, degree - 1):
                table = production(degree)[first][kept]
                for i, one in enumerate(index(first)):
                    for j, other in enumerate(index(degree - first)):
                        if one in place and other in place and abs(table[:, i, j]).max() > 1e-14:
                            key = tuple(sorted((place[one], place[other])))
                            pairs[key] = pairs.get(key, 0.0) + table[:, i, j]
            rows = [place[moments[k]] for k in kept]
            self.degrees.append((rows, linear(degree)[np.ix_(kept, kept)].tolist(), [(*k, c.tolist()) for k, c in pairs.items()]))

    def production(self, w: Tensor) -> Tensor:
        """dw/dt per density, of own-frame Hermite moments [batch, component, cell]."""
        rates = [torch.zeros_like(w[:, 0])] * w.shape[1]
        rates[2], rates[self.n_g] = self._stress(w, -STRESS_RATE)
        for rows, L, pairs in self.degrees:
            for r, (row, line) in enumerate(zip(rows, L, strict=True)):
                rates[row] = self._quadratic(w.unbind(1), pairs, r) - sum(c * w[:, i] for c, i in zip(line, rows, strict=True))
        return torch.stack(rates, 1)

    def relax(self, w: Tensor, x: Tensor) -> Tensor:
        """The change w' - w that solves w' = w + x production(w'), x = rho tau/eps [batch, cell]."""
        new, change = list(w.unbind(1)), [torch.zeros_like(w[:, 0])] * w.shape[1]
        part = STRESS_RATE * x
        change[2], change[self.n_g] = self._stress(w, -part / (1 + part))
        for row in (2, self.n_g):
            new[row] = new[row] + change[row]
        for rows, L, pairs in self.degrees:
            right = [
                x * (self._quadratic(new, pairs, r) - sum(c * w[:, i] for c, i in zip(L[r], rows))) for r in range(len(rows))
            ]
            if len(rows) == 1:
                solved = [right[0] / (1 + x * L[0][0])]
            else:
                (a, b), (c, d) = L
                a, b, c, d = 1 + x * a, x * b, x * c, 1 + x * d
                determinant = a * d - b * c
                solved = [(d * right[0] - b * right[1]) / determinant, (a * right[1] - c * right[0]) / determinant]
            for row, value in zip(rows, solved, strict=True):
                change[row], new[row] = value, new[row] + value
        return torch.stack(change, 1)

    def rates(self, components) -> list[float]:
        """Linear rates L_ii of components of degree 3 and more, by themselves."""
        own = {row: L[i][i] for rows, L, _ in self.degrees for i, row in enumerate(rows)}
        return [own[component] for component in components]

    def _stress(self, w, factor):
        """What w_20 and w_02 change by when the stress changes by ``factor`` times itself: opposite, to the last bit."""
        half = 0.5 * factor * (w[:, 2] - w[:, self.n_g])
        return half, -half

    def _quadratic(self, w, pairs, row):
        return sum((c[row] * w[i] * w[j] for i, j, c in pairs), torch.zeros_like(w[0]))


def _hermite(n_g: int, n_h: int) -> np.ndarray:
    """Rows w_{a0}, w_{a2} on the columns of raw moments of c_x^k and c_x^k c_y^2."""
    table = np.zeros((n_g + n_h, n_g + n_h))
    for a in range(n_g):
        table[a, : a + 1] = herme2poly([0] * a + [1])
    for a in range(n_h):
        table[n_g + a, n_g : n_g + a + 1] = table[a, : a + 1]
        table[n_g + a, : a + 1] = -table[a, : a + 1]
    return table
