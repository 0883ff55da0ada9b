r"""Sums over neighbours for the smooth Deep Potential, with the derivatives that forces and their training need.

An embedding of the distance that is a cubic spline on equidistant nodes, :math:`G(r) = \sum_n \phi_n(r)\, g_n`, leaves the sum
over neighbours

.. math:: \sum_j G(r_{ij}) \otimes R_{ij} = \sum_n g_n \otimes B_{in}, \qquad B_{in} = \sum_j \phi_n(r_{ij})\, R_{ij}, \qquad
    R_{ij} = s(r_{ij})\,(1/\alpha, \hat x/\beta, \hat y/\beta, \hat z/\beta)

B knows positions and no weights, g weights and no positions: the network is evaluated at the nodes, not at every pair.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from torch import Tensor

ORDER = 4  # splines that are not zero at a distance


def nodes(cutoff: float, spacing: float) -> np.ndarray:
    """Distances at which the embedding is needed: from two before zero to two beyond the cutoff."""
    intervals = math.ceil(cutoff / spacing)
    return cutoff / intervals * np.arange(-2, intervals + 3)


def coefficients(values: Tensor) -> Tensor:
    """g [node - 2, ...] of the spline through values at `nodes`, to fourth order in the spacing (exact for cubics)."""
    return (8 * values[1:-1] - values[:-2] - values[2:]) / 6


@njit(cache=True, error_model="numpy", inline="always")
def _pair(vector, start, cutoff, inverse):
    """r, s, ds/dr, the first spline at r, and all four splines and their derivatives there."""
    r = math.sqrt(vector[0] * vector[0] + vector[1] * vector[1] + vector[2] * vector[2])
    u = min(max((r - start) / (cutoff - start), 0.0), 1.0)
    switch = 1 + u * u * u * ((15 - 6 * u) * u - 10)
    ds = -30 * (u * (1 - u)) ** 2 / (cutoff - start) / r - switch / (r * r)
    first = int(r * inverse)
    t = r * inverse - first
    o = 1 - t
    phi = (o * o * o / 6, (4 + t * t * (3 * t - 6)) / 6, (4 + o * o * (3 * o - 6)) / 6, t * t * t / 6)
    slope = (
        -0.5 * o * o * inverse,
        (1.5 * t - 2) * t * inverse,
        (2 - 1.5 * o) * o * inverse,
        0.5 * t * t * inverse,
    )
    return r, switch / r, ds, first, phi, slope


@njit(cache=True, error_model="numpy")
def _value(i, kind_i, kind_j, vectors, start, cutoff, inverse, alpha, beta, out):
    """B, into out [atom, 4, species, spline]."""
    for p in range(len(i)):
        r, s, _, first, phi, _ = _pair(vectors[p], start, cutoff, inverse)
        if not r < cutoff:
            continue
        c, t = kind_i[p], kind_j[p]
        radial, angular = s * alpha[c, t], s * beta[c, t] / r
        for q in range(ORDER):
            n = first + q
            out[i[p], 0, t, n] += phi[q] * radial
            for k in range(3):
                out[i[p], 1 + k, t, n] += phi[q] * angular * vectors[p, k]


@njit(cache=True, error_model="numpy")
def _pull(i, kind_i, kind_j, vectors, start, cutoff, inverse, alpha, beta, h, out):
    """Derivative by each pair's vector of a function whose derivative by B is h, into out [pair, 3]."""
    for p in range(len(i)):
        r, s, ds, first, phi, slope = _pair(vectors[p], start, cutoff, inverse)
        if not r < cutoff:
            continue
        c, t, a = kind_i[p], kind_j[p], i[p]
        by_r = 0.0  # of the function, along the vector
        by_unit = (0.0, 0.0, 0.0)
        for q in range(ORDER):
            n = first + q
            by_r += (slope[q] * s + phi[q] * ds) * alpha[c, t] * h[a, 0, t, n]
            along = (h[a, 1, t, n] * vectors[p, 0] + h[a, 2, t, n] * vectors[p, 1] + h[a, 3, t, n] * vectors[p, 2]) / r
            by_r += (slope[q] * s + phi[q] * (ds - s / r)) * beta[c, t] * along
            w = phi[q] * s / r * beta[c, t]
            by_unit = (by_unit[0] + w * h[a, 1, t, n], by_unit[1] + w * h[a, 2, t, n], by_unit[2] + w * h[a, 3, t, n])
        for k in range(3):
            out[p, k] = by_r * vectors[p, k] / r + by_unit[k]


@njit(cache=True, error_model="numpy")
def _push(i, kind_i, kind_j, vectors, start, cutoff, inverse, alpha, beta, y, out):
    """The transpose of `_pull`: change of B as the vectors change by y [pair, 3], into out like B."""
    for p in range(len(i)):
        r, s, ds, first, phi, slope = _pair(vectors[p], start, cutoff, inverse)
        if not r < cutoff:
            continue
        c, t, a = kind_i[p], kind_j[p], i[p]
        along = (y[p, 0] * vectors[p, 0] + y[p, 1] * vectors[p, 1] + y[p, 2] * vectors[p, 2]) / r
        for q in range(ORDER):
            n = first + q
            out[a, 0, t, n] += (slope[q] * s + phi[q] * ds) * alpha[c, t] * along
            radial = (slope[q] * s + phi[q] * (ds - s / r)) * beta[c, t] * along / r
            w = phi[q] * s / r * beta[c, t]
            for k in range(3):
                out[a, 1 + k, t, n] += radial * vectors[p, k] + w * y[p, k]


@dataclass(frozen=True)
class Moments:
    """The loops of B, [atom, 4, species, spline].

    i: first atom of each pair; kind_i, kind_j: its species; start, cutoff: r_cs, r_c [A]; spacing of the nodes [A];
    alpha, beta: factors of the first and the other columns of R, by species.
    """

    shape: tuple[int, int, int, int]
    i: np.ndarray
    kind_i: np.ndarray
    kind_j: np.ndarray
    start: float
    cutoff: float
    spacing: float
    alpha: np.ndarray
    beta: np.ndarray

    def value(self, vectors, out):
        _value(self.i, self.kind_i, self.kind_j, vectors, *self._scalars, out)

    def pull(self, vectors, h, out):
        _pull(self.i, self.kind_i, self.kind_j, vectors, *self._scalars, h, out)

    def push(self, vectors, y, out):
        _push(self.i, self.kind_i, self.kind_j, vectors, *self._scalars, y, out)

    @property
    def _scalars(self):
        return self.start, self.cutoff, 1 / self.spacing, self.alpha, self.beta
