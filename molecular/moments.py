r"""Sums over neighbours for the smooth Deep Potential, with the derivatives that forces and their training need.

An embedding of the distance that is a cubic spline on equidistant nodes, :math:`G(r) = \sum_n \phi_n(r)\, g_n`, leaves the sum
over neighbours

.. math:: \sum_j G(r_{ij}) \otimes R_{ij} = \sum_n g_n \otimes B_{in}, \qquad B_{in} = \sum_j \phi_n(r_{ij})\, R_{ij}, \qquad
    R_{ij} = s(r_{ij})\,(1/\alpha, \hat x/\beta, \hat y/\beta, \hat z/\beta)

B knows positions and no weights, g weights and no positions: the network is evaluated at the nodes, not at every pair.
"""

from __future__ import annotations

import math

import numpy as np
import torch
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
def _sum(i, kind_i, kind_j, vectors, start, cutoff, inverse, alpha, beta, out):
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


class Moments(torch.autograd.Function):
    """B [atom, 4, species, spline] of pair vectors [pair, 3]; twice differentiable in what forces and their training need."""

    @staticmethod
    def forward(ctx, vectors, geometry, shape):
        ctx.save_for_backward(vectors)
        ctx.geometry = geometry
        out = np.zeros(shape, vectors.numpy().dtype)
        _sum(geometry[0], geometry[1], geometry[2], vectors.numpy(), *geometry[3:], out)
        return torch.from_numpy(out)

    @staticmethod
    def backward(ctx, h):
        (vectors,) = ctx.saved_tensors
        return _Pull.apply(vectors, h, ctx.geometry), None, None


class _Pull(torch.autograd.Function):
    """dE/d(vectors) from dE/dB: linear in dE/dB. Differentiable in dE/dB only: positions are not trained."""

    @staticmethod
    def forward(ctx, vectors, h, geometry):
        ctx.save_for_backward(vectors)
        ctx.geometry, ctx.shape = geometry, h.shape
        out = np.zeros_like(vectors.numpy())
        _pull(geometry[0], geometry[1], geometry[2], vectors.numpy(), *geometry[3:], h.detach().contiguous().numpy(), out)
        return torch.from_numpy(out)

    @staticmethod
    def backward(ctx, y):
        (vectors,) = ctx.saved_tensors
        geometry = ctx.geometry
        out = np.zeros(ctx.shape, vectors.numpy().dtype)
        _push(geometry[0], geometry[1], geometry[2], vectors.numpy(), *geometry[3:], y.contiguous().numpy(), out)
        return None, torch.from_numpy(out), None
