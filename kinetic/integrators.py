r"""Implicit-explicit Runge-Kutta tables: transport explicit, collisions implicit.

.. math:: f_j = f^n + \Delta t \sum_{l<j} \tilde a_{jl} \mathcal T(f_l) + \Delta t \sum_{l \le j} a_{jl} Q(f_l),
          \qquad f^{n+1} = f_s

Globally stiffly accurate: the last stage is the step, so that for eps -> 0 every step ends on a Maxwellian and the scheme becomes
the explicit table's scheme for the Euler equations (asymptotic preserving; one convective time step for every Knudsen number).
Source: U. M. Ascher, S. J. Ruuth, R. J. Spiteri, Appl. Numer. Math. 25, 151 (1997), sections 2.6 and 2.8,
doi:10.1016/S0168-9274(97)00056-1.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Imex:
    """name; order; explicit and implicit: [s + 1, s + 1] tables, row j the stage f_j (row 0: f^n)."""

    name: str
    order: int
    explicit: np.ndarray
    implicit: np.ndarray

    @property
    def stages(self) -> int:
        return len(self.explicit) - 1


def _ars222():
    g = 1 - np.sqrt(0.5)
    d = 1 - 1 / (2 * g)
    return Imex("ars222", 2, np.array([[0, 0, 0], [g, 0, 0], [d, 1 - d, 0]]), np.array([[0, 0, 0], [0, g, 0], [0, 1 - g, g]]))


def _ars443():
    explicit = np.zeros((5, 5))
    explicit[1, :1] = 1 / 2
    explicit[2, :2] = 11 / 18, 1 / 18
    explicit[3, :3] = 5 / 6, -5 / 6, 1 / 2
    explicit[4, :4] = 1 / 4, 7 / 4, 3 / 4, -7 / 4
    implicit = np.zeros((5, 5))
    implicit[1, 1:2] = 1 / 2
    implicit[2, 1:3] = 1 / 6, 1 / 2
    implicit[3, 1:4] = -1 / 2, 1 / 2, 1 / 2
    implicit[4, 1:5] = 3 / 2, -3 / 2, 1 / 2, 1 / 2
    return Imex("ars443", 3, explicit, implicit)


INTEGRATORS = {scheme.name: scheme for scheme in (_ars222(), _ars443())}
