r"""Weights of the pair sums: the gain term on a lattice of half relative velocities, in few Fourier transforms.

.. math:: \hat Q^+(k) = \sum_o m_o(|k|)\, \widehat{P_o}(k), \qquad P_o(v) = \sum_{s \in o} f(v + s)\, f(v - s)

over orbits o of lattice vectors s (equal lengths). With :math:`\Omega = \mathrm{sinc}` (D = 3) or :math:`J_0` (D = 2) the plain
trapezoidal rule is :math:`m_o(k) = dv^D\, 2^{D + \alpha} |s|^\alpha\, \Omega(|s| k)`.
"""

from dataclasses import dataclass
from itertools import product
from math import pi

import numpy as np
from scipy.special import gammaln, j0

DEGREE = 4  # of the corrections at s = 0, in squares: the rule is then exact for Gaussians times even polynomials of degree 8
WIDTH = 2.2  # of these Gaussians, in lattice spacings: what a well-resolved gas has
TAIL = 1e-6  # at least so small a gas is at the bounds, and its transform at the largest wave number: less must be separated


def shell_average(x, dims):
    """Average of exp(i k.s) over the directions of s, x = |k||s|."""
    return np.sinc(x / pi) if dims == 3 else j0(x)


@dataclass(frozen=True, eq=False)
class PairRule:
    """shifts [S, 4]: lattice vectors s with no negative component, as (sx, sy, sz, orbit); weights [S]: number of their
    reflections over the four products that the sums take of each; starts [C + 1]: runs of equal (sx, sy);
    project [rank, orbits], multiplier [rank, *k.shape]: m_o(|k|) = sum_p multiplier_p(k) project_po."""

    shifts: np.ndarray
    weights: np.ndarray
    starts: np.ndarray
    project: np.ndarray
    multiplier: np.ndarray


def pair_rule(points, dv, alpha: float, cutoff: float, k, tolerance: float) -> PairRule:
    r"""The rule on a grid of ``points``; s runs over :math:`\sum_i (s_i/L_i)^2 \le \mathrm{cutoff}^2`, widths 2 L_i.

    k: |k| of the transform's modes, any shape; tolerance: of the separation, relative to the largest singular value.
    """
    dims, h = len(points), np.asarray(dv, float)
    half = 0.5 * h * np.asarray(points)
    n = np.stack(np.meshgrid(*(np.arange(int(cutoff * m / 2) + 1) for m in points), indexing="ij"), axis=-1).reshape(-1, dims)
    n = n[((n * h / half) ** 2).sum(1) <= cutoff**2 * (1 + 1e-12)]
    orbit, length, stencil = _orbits(n, h)
    unique, inverse = distinct(k)
    weight = 2.0 ** (dims + alpha) * np.prod(h) * _power(length, alpha)
    table = weight[:, None] * shell_average(np.outer(length, unique), dims)
    if alpha % 2:  # even powers are smooth
        table[stencil] += 2.0 ** (dims + alpha) * _corrections(dims, h, alpha, unique)
    # f(v + s) f(v - s) falls off as exp(-s^2/T) exp(-T k^2/4): separate m_o(k) to the accuracy that these leave visible, but in
    # no mode worse than in the last one of an axis: a wrong gain of modes in the corners would excite grid-scale noise
    seen_s = np.exp(2 * np.log(TAIL) * (length / half.max()) ** 2)[:, None]
    seen_k = np.exp(0.5 * np.log(TAIL) * np.minimum(1.0, (unique * h.min() / pi) ** 2))
    U, size, Vt = np.linalg.svd((seen_s * table * seen_k).T, full_matrices=False)
    rank = int((size > tolerance * size[0]).sum())
    multiplier = ((U[:, :rank] * size[:rank]) / seen_k[:, None]).T[:, inverse]
    n3 = np.concatenate([np.zeros((len(n), 3 - dims), int), n], axis=1)
    order = np.lexsort((n3[:, 2], n3[:, 1], n3[:, 0]))
    shifts = np.concatenate([n3, orbit[:, None]], axis=1)[order].astype(np.int64)
    change = np.any(np.diff(shifts[:, :2], axis=0) != 0, axis=1)
    starts = np.concatenate([[0], np.flatnonzero(change) + 1, [len(shifts)]]).astype(np.int64)
    weights = 2.0 ** (shifts[:, :3] > 0).sum(1) / 4
    project = Vt[:rank] / seen_s.T
    return PairRule(shifts, weights, starts, np.ascontiguousarray(project), np.ascontiguousarray(multiplier))


def distinct(k):
    """The distinct lengths in an array of them (to nine digits of the largest), and where they stand in it (same shape)."""
    _, index, inverse = np.unique(np.rint(k / (1e-9 * np.max(k, initial=1e-300))), return_index=True, return_inverse=True)
    return np.ravel(k)[index], inverse.reshape(np.shape(k))


def _power(length, alpha):
    return np.ones_like(length) if alpha == 0 else length**alpha


def _simplex(dims):
    """Exponents, or orbits under reflections, a with a_1 + ... + a_D <= DEGREE, the zero first."""
    return np.array([a for a in product(range(DEGREE + 1), repeat=dims) if sum(a) <= DEGREE])


def _orbits(n, h):
    """orbit [S] of every vector, lengths [orbits]; the first orbits are the correction stencil's, returned as indices."""
    corner = {tuple(a): i for i, a in enumerate(_simplex(n.shape[1]))}
    own = np.array([corner.get(tuple(a), -1) for a in n])
    length = np.sqrt(((n * h) ** 2).sum(1))
    shells, inverse = distinct(length[own < 0])
    orbit = own.copy()
    orbit[own < 0] = len(corner) + inverse
    near = np.sqrt(((_simplex(n.shape[1]) * h) ** 2).sum(1))
    return orbit, np.concatenate([near, shells]), np.arange(len(corner))


def _corrections(dims, h, alpha, k):
    r"""c_o(k) [stencil, k] that make the rule exact for :math:`|s|^\alpha\, \Omega(|s| k)` times Gaussians and even polynomials.

    Away from even alpha the integrand has a cusp at s = 0, which costs the trapezoidal rule its spectral accuracy; c restores a
    high order. Corrected trapezoidal rules: S. Kapur, V. Rokhlin, SIAM J. Numer. Anal. 34, 1331 (1997),
    doi:10.1137/S0036142995287847.
    """
    powers, width = _simplex(dims), WIDTH * h.max()
    reach = [int(np.ceil(6.5 * width / d)) for d in h]
    n = np.stack(np.meshgrid(*(np.arange(r + 1) for r in reach), indexing="ij"), axis=-1).reshape(-1, dims)
    copies = 2.0 ** (n > 0).sum(1)  # reflections
    s = n * h
    square = (s**2).sum(1)
    keep = square <= (6.5 * width) ** 2
    s, square, copies = s[keep], square[keep], copies[keep]

    def tests(s, square):
        return np.stack([np.prod((s / width) ** (2 * a), axis=1) for a in powers]) * np.exp(-square / width**2)

    lengths, inverse = distinct(np.sqrt(square))
    by_length = np.zeros((len(powers), len(lengths)))
    np.add.at(by_length.T, inverse, (copies * tests(s, square)).T)
    lattice = np.prod(h) * (by_length * _power(lengths, alpha)) @ shell_average(np.outer(lengths, k), dims)

    x, w = np.polynomial.legendre.leggauss(120)
    r, w = 0.5 * 7.5 * width * (x + 1), 0.5 * 7.5 * width * w
    sphere = np.array([2 * np.exp(sum(gammaln(a + 0.5)) - gammaln(sum(a) + dims / 2)) for a in powers])
    radial = np.stack([(r / width) ** (2 * sum(a)) for a in powers]) * (w * r ** (dims - 1 + alpha) * np.exp(-((r / width) ** 2)))
    exact = sphere[:, None] * (radial @ shell_average(np.outer(r, k), dims))

    near = powers * h
    system = 2.0 ** (powers > 0).sum(1) * tests(near, (near**2).sum(1))
    return np.linalg.solve(system, exact - lattice)
