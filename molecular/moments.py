r"""Sums over neighbours for the smooth Deep Potential, with the derivatives that forces and their training need.

An embedding of the distance that is a cubic spline on equidistant nodes, :math:`G(r) = \sum_n \phi_n(r)\, g_n`, leaves the sum
over neighbours

.. math:: \sum_j G(r_{ij}) \otimes R_{ij} = \sum_n g_n \otimes B_{in}, \qquad B_{in} = \sum_j \phi_n(r_{ij})\, R_{ij}, \qquad
    R_{ij} = s(r_{ij})\,(a_0, a_1 \hat r, a_2\, \hat r \otimes \hat r)

B knows positions and no weights, g weights and no positions: the network is evaluated at the nodes, not at every pair.
Of :math:`\hat r \otimes \hat r` six numbers are kept, (xx, yy, zz, sqrt2 yz, sqrt2 xz, sqrt2 xy): the product of two such
columns is :math:`\cos^2\theta`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from knudsen.compile import compiled

ORDER = 4  # splines that are not zero at a distance
ROOT = math.sqrt(2)


def nodes(cutoff: float, spacing: float) -> np.ndarray:
    """Distances at which the embedding is needed: from two before zero to two beyond the cutoff."""
    intervals = math.ceil(cutoff / spacing)
    return cutoff / intervals * np.arange(-2, intervals + 3)


def coefficients(values: Tensor) -> Tensor:
    """g [node - 2, ...] of the spline through values at `nodes`, to fourth order in the spacing (exact for cubics)."""
    return (8 * values[1:-1] - values[:-2] - values[2:]) / 6


@compiled(inline="always")
def _pair(vector, start, cutoff, inverse, unit, shape):
    """r, s, ds/dr, the first spline at r, all four splines and their derivatives there; into unit and shape: the unit vector, and
    the columns of R / s for a = 1."""
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
    shape[0] = 1.0
    for k in range(3):
        unit[k] = vector[k] / r
        shape[1 + k] = unit[k]
    if len(shape) > 4:
        for k in range(3):
            shape[4 + k] = unit[k] * unit[k]
            shape[7 + k] = ROOT * unit[(k + 1) % 3] * unit[(k + 2) % 3]
    return r, switch / r, ds, first, phi, slope


@compiled
def _value(i, kind_i, kind_j, vectors, start, cutoff, inverse, factors, out):
    """B, into out [atom, column, species, spline]."""
    columns = factors.shape[2]
    unit, shape = np.empty(3), np.empty(columns)
    for p in range(len(i)):
        r, s, _, first, phi, _ = _pair(vectors[p], start, cutoff, inverse, unit, shape)
        if not r < cutoff:
            continue
        c, t = kind_i[p], kind_j[p]
        for k in range(columns):
            value = s * factors[c, t, k] * shape[k]
            for q in range(ORDER):
                out[i[p], k, t, first + q] += phi[q] * value


@compiled
def _pull(i, kind_i, kind_j, vectors, start, cutoff, inverse, factors, h, out):
    """Derivative by each pair's vector of a function whose derivative by B is h, into out [pair, 3]."""
    columns = factors.shape[2]
    unit, shape, turn, by = np.empty(3), np.empty(columns), np.empty(3), np.empty(columns)
    for p in range(len(i)):
        r, s, ds, first, phi, slope = _pair(vectors[p], start, cutoff, inverse, unit, shape)
        if not r < cutoff:
            continue
        c, t = kind_i[p], kind_j[p]
        along = 0.0  # derivative by r
        for k in range(columns):
            value = change = 0.0
            for q in range(ORDER):
                value += phi[q] * h[i[p], k, t, first + q]
                change += slope[q] * h[i[p], k, t, first + q]
            by[k] = factors[c, t, k] * value
            along += factors[c, t, k] * shape[k] * (s * change + ds * value)
        for k in range(3):  # derivative by the unit vector, times 1 / r
            turn[k] = by[1 + k]
            if columns > 4:
                turn[k] += 2 * by[4 + k] * unit[k]
                turn[k] += ROOT * (by[7 + (k + 1) % 3] * unit[(k + 2) % 3] + by[7 + (k + 2) % 3] * unit[(k + 1) % 3])
            turn[k] *= s / r
        along -= turn[0] * unit[0] + turn[1] * unit[1] + turn[2] * unit[2]
        for k in range(3):
            out[p, k] = along * unit[k] + turn[k]


@compiled
def _push(i, kind_i, kind_j, vectors, start, cutoff, inverse, factors, y, out):
    """The transpose of `_pull`: change of B as the vectors change by y [pair, 3], into out like B."""
    columns = factors.shape[2]
    unit, shape, change, turn = np.empty(3), np.empty(columns), np.empty(columns), np.empty(3)
    for p in range(len(i)):
        r, s, ds, first, phi, slope = _pair(vectors[p], start, cutoff, inverse, unit, shape)
        if not r < cutoff:
            continue
        c, t = kind_i[p], kind_j[p]
        along = y[p, 0] * unit[0] + y[p, 1] * unit[1] + y[p, 2] * unit[2]
        change[0] = 0.0
        for k in range(3):  # change of the unit vector, and of the columns with it
            turn[k] = (y[p, k] - along * unit[k]) / r
            change[1 + k] = turn[k]
        if columns > 4:
            for k in range(3):
                l, m = (k + 1) % 3, (k + 2) % 3
                change[4 + k] = 2 * unit[k] * turn[k]
                change[7 + k] = ROOT * (turn[l] * unit[m] + unit[l] * turn[m])
        for k in range(columns):
            for q in range(ORDER):
                value = (slope[q] * s + phi[q] * ds) * along * shape[k] + phi[q] * s * change[k]
                out[i[p], k, t, first + q] += factors[c, t, k] * value


@dataclass(frozen=True)
class Moments:
    """The loops of B, [atom, column, species, spline].

    i: first atom of each pair; kind_i, kind_j: its species; start, cutoff: r_cs, r_c [A]; spacing of the nodes [A];
    factors: a of every column, [species, species, column]; 4 columns are those of degree 0 and 1, 10 all.
    """

    shape: tuple[int, int, int, int]
    i: np.ndarray
    kind_i: np.ndarray
    kind_j: np.ndarray
    start: float
    cutoff: float
    spacing: float
    factors: np.ndarray

    def value(self, vectors, out):
        _value(self.i, self.kind_i, self.kind_j, vectors, *self._scalars, out)

    def pull(self, vectors, h, out):
        _pull(self.i, self.kind_i, self.kind_j, vectors, *self._scalars, h, out)

    def push(self, vectors, y, out):
        _push(self.i, self.kind_i, self.kind_j, vectors, *self._scalars, y, out)

    @property
    def _scalars(self):
        return self.start, self.cutoff, 1 / self.spacing, self.factors
