r"""Time integrators for dU/dt = T(U) + S(U), T the transport and S a possibly stiff source, as pairs of Butcher tableaux.

With K_j = dt T(U_j) and L_j = dt S(U_j), stage i is

.. math:: U_i^* = U^n + \sum_{j<i} (a_{ij} K_j + \tilde a_{ij} L_j), \qquad U_i = U_i^* + \tilde a_{ii}\, dt\, S(U_i),

so that U_i is the resolvent of S at U_i^* and :math:`L_i = (U_i - U_i^*)/\tilde a_{ii}` needs no evaluation of the source, which
at small Knudsen numbers would be a difference of nearly equal numbers divided by a small one. The last stage is the step
(globally stiffly accurate), hence S -> infinity leaves the state on the equilibrium manifold: asymptotic preserving.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Tableau:
    """Lower-triangular coefficients; row i of ``explicit`` has i entries, row i of ``implicit`` i + 1.

    implicit None: the source is treated explicitly together with the transport (for sources that are not stiff).
    order: the classical order of the pair.
    """

    explicit: tuple[tuple[float, ...], ...]
    implicit: tuple[tuple[float, ...], ...] | None
    order: int
    source: str

    @property
    def stages(self) -> int:
        """Number of stages after the first, which is the start."""
        return len(self.explicit) - 1

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """(explicit, implicit) as full tables [stages + 1, stages + 1], row i the stage U_i, row 0 the start; for compiled loops.

        Raises ValueError for an explicit tableau.
        """
        if self.implicit is None:
            raise ValueError("an explicit tableau has no implicit table")
        tables = np.zeros((2, len(self.explicit), len(self.explicit)))
        for table, rows in zip(tables, (self.explicit, self.implicit)):
            for i, row in enumerate(rows):
                table[i, : len(row)] = row
        return tables[0], tables[1]

    def step(self, U: Tensor, transport: Callable, resolvent: Callable, source: Callable, first: Tensor | None = None) -> Tensor:
        """U at the next time level.

        transport(U) -> dt T(U), source(U) -> dt S(U) (explicit tableaux only), resolvent(U, a) -> the solution of
        U' = U + a dt S(U'). first: transport(U) where it is known already.
        """
        K: list[Tensor] = []
        L: list[Tensor | None] = []
        stage = U
        last = len(self.explicit) - 1
        for i, row in enumerate(self.explicit):
            stage = U
            for a, k in zip(row, K):
                stage = stage.add(k, alpha=a) if a else stage
            implicit = self.implicit[i] if self.implicit else ()
            for a, l in zip(implicit[:-1], L):
                stage = stage.add(l, alpha=a) if a else stage
            if implicit and implicit[-1]:
                relaxed = resolvent(stage, implicit[-1])
                L.append((relaxed - stage) / implicit[-1] if i < last else None)
                stage = relaxed
            else:
                L.append(None)  # an explicit stage: its column in the implicit tableau is zero
            if i < last:
                k = first if i == 0 and first is not None else transport(stage)
                K.append(k if self.implicit else k + source(stage))
        return stage


GAMMA = 1 - math.sqrt(0.5)
DELTA = 1 - 1 / (2 * GAMMA)

INTEGRATORS = {
    "ars222": Tableau(
        explicit=((), (GAMMA,), (DELTA, 1 - DELTA)),
        implicit=((0.0,), (0.0, GAMMA), (0.0, 1 - GAMMA, GAMMA)),
        order=2,
        source="U. Ascher, S. Ruuth, R. Spiteri, Appl. Numer. Math. 25 (1997) 151, doi:10.1016/S0168-9274(97)00056-1, sec. 2.6",
    ),
    "ars443": Tableau(
        explicit=((), (1 / 2,), (11 / 18, 1 / 18), (5 / 6, -5 / 6, 1 / 2), (1 / 4, 7 / 4, 3 / 4, -7 / 4)),
        implicit=((0.0,), (0.0, 1 / 2), (0.0, 1 / 6, 1 / 2), (0.0, -1 / 2, 1 / 2, 1 / 2), (0.0, 3 / 2, -3 / 2, 1 / 2, 1 / 2)),
        order=3,
        source="U. Ascher, S. Ruuth, R. Spiteri, Appl. Numer. Math. 25 (1997) 151, doi:10.1016/S0168-9274(97)00056-1, sec. 2.8",
    ),
    "ssprk2": Tableau(
        explicit=((), (1.0,), (1 / 2, 1 / 2)),
        implicit=None,
        order=2,
        source="C.-W. Shu, S. Osher, J. Comput. Phys. 77 (1988) 439, doi:10.1016/0021-9991(88)90177-5, eq. 2.16",
    ),
    "ssprk3": Tableau(
        explicit=((), (1.0,), (1 / 4, 1 / 4), (1 / 6, 1 / 6, 2 / 3)),
        implicit=None,
        order=3,
        source="C.-W. Shu, S. Osher, J. Comput. Phys. 77 (1988) 439, doi:10.1016/0021-9991(88)90177-5, eq. 2.18",
    ),
}
