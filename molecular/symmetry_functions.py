"""Behler-Parrinello networks: energies of atoms from radial and angular symmetry functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from torch import Tensor

from knudsen.compile import compiled
from knudsen.molecular.descriptor import Descriptor
from knudsen.molecular.environment import Environment
from knudsen.molecular.errors import InputError
from knudsen.molecular.potential import Potential


@compiled(inline="always")
def _cut(r, cutoff):
    """f_c = (1 + cos(pi r / r_c)) / 2, and its derivative."""
    if r >= cutoff:
        return 0.0, 0.0
    x = math.pi * r / cutoff
    return 0.5 * (1 + math.cos(x)), -0.5 * math.pi / cutoff * math.sin(x)


@compiled(inline="always")
def _radial(r, eta, centre, cutoff):
    """G2 of one neighbour, and its derivative by r."""
    f, df = _cut(r, cutoff)
    g = math.exp(-eta * (r - centre) ** 2)
    return g * f, g * (df - 2 * eta * (r - centre) * f)


@compiled(inline="always")
def _third(a, b, c, closed, cutoff):
    """The side between two neighbours at distances a and b, c the cosine between them: (length, f_c, its derivative); where it
    does not count (G5), (0, 1, 0)."""
    if not closed:
        return 0.0, 1.0, 0.0
    d = math.sqrt(max(a * a + b * b - 2 * a * b * c, 1e-12))
    f, df = _cut(d, cutoff)
    return d, f, df


@compiled(inline="always")
def _angular(a, b, c, d, fa, dfa, fb, dfb, fd, dfd, eta, centre, sign, zeta):
    """G4 or, with `_third` of d, G5, of two neighbours at distances a and b, c the cosine between them: value, derivatives by a,
    b and c."""
    x, y = a - centre, b - centre
    base = max(0.5 * (1 + sign * c), 0.0)
    power = 1.0 if zeta == 1.0 else base if zeta == 2.0 else base ** (zeta - 1)
    g = power * math.exp(-eta * (x * x + y * y + d * d))  # but for the last factor 1 + lambda c
    turn, f = 2 * base * g, fa * fb * fd
    by_a, by_b = turn * fb * fd * (dfa - 2 * eta * x * fa), turn * fa * fd * (dfb - 2 * eta * y * fb)
    by_c = zeta * sign * g * f
    if d > 0:
        by_d = turn * fa * fb * (dfd - 2 * eta * d * fd) / d
        by_a, by_b, by_c = by_a + by_d * (a - b * c), by_b + by_d * (b - a * c), by_c - by_d * a * b
    return turn * f, by_a, by_b, by_c


@compiled
def _lengths(vectors):
    r = np.empty(len(vectors))
    for p in range(len(vectors)):
        r[p] = math.sqrt(vectors[p, 0] ** 2 + vectors[p, 1] ** 2 + vectors[p, 2] ** 2)
    return r


@compiled
def _forward(starts, kind, vectors, y, cutoff, radial, angular, closed, species, out):
    """Symmetry functions, or with y [pair, 3] their change as the vectors change by y."""
    count = len(radial)
    change = len(y) > 0
    r = _lengths(vectors)
    for atom in range(len(starts) - 1):
        for p in range(starts[atom], starts[atom + 1]):
            y_p = 0.0
            if change:
                y_p = (y[p, 0] * vectors[p, 0] + y[p, 1] * vectors[p, 1] + y[p, 2] * vectors[p, 2]) / r[p]
            for k in range(count):
                g, dg = _radial(r[p], radial[k, 0], radial[k, 1], cutoff)
                out[atom, kind[p] * count + k] += dg * y_p if change else g
            fa, dfa = _cut(r[p], cutoff)
            for q in range(p + 1, starts[atom + 1]):
                low, high = min(kind[p], kind[q]), max(kind[p], kind[q])
                first = species * count + (low * species - low * (low - 1) // 2 + high - low) * len(angular)
                c = (vectors[p, 0] * vectors[q, 0] + vectors[p, 1] * vectors[q, 1] + vectors[p, 2] * vectors[q, 2]) / (
                    r[p] * r[q]
                )
                y_q = y_c = 0.0
                if change:
                    cross = 0.0
                    y_q = (y[q, 0] * vectors[q, 0] + y[q, 1] * vectors[q, 1] + y[q, 2] * vectors[q, 2]) / r[q]
                    for x in range(3):
                        cross += (y[p, x] * vectors[q, x] + y[q, x] * vectors[p, x]) / (r[p] * r[q])
                    y_c = cross - c * (y_p / r[p] + y_q / r[q])
                d, fd, dfd = _third(r[p], r[q], c, closed, cutoff)
                if fd == 0:
                    continue
                fb, dfb = _cut(r[q], cutoff)
                for k in range(len(angular)):
                    eta, centre, sign, zeta = angular[k]
                    g, ga, gb, gc = _angular(r[p], r[q], c, d, fa, dfa, fb, dfb, fd, dfd, eta, centre, sign, zeta)
                    out[atom, first + k] += ga * y_p + gb * y_q + gc * y_c if change else g


@compiled
def _pull(starts, kind, vectors, h, cutoff, radial, angular, closed, species, out):
    """Derivative by the vectors of a number whose derivative by the symmetry functions is h."""
    count = len(radial)
    r = _lengths(vectors)
    for atom in range(len(starts) - 1):
        for p in range(starts[atom], starts[atom + 1]):
            along = 0.0
            for k in range(count):
                along += h[atom, kind[p] * count + k] * _radial(r[p], radial[k, 0], radial[k, 1], cutoff)[1]
            for x in range(3):
                out[p, x] += along * vectors[p, x] / r[p]
            fa, dfa = _cut(r[p], cutoff)
            for q in range(p + 1, starts[atom + 1]):
                low, high = min(kind[p], kind[q]), max(kind[p], kind[q])
                first = species * count + (low * species - low * (low - 1) // 2 + high - low) * len(angular)
                c = (vectors[p, 0] * vectors[q, 0] + vectors[p, 1] * vectors[q, 1] + vectors[p, 2] * vectors[q, 2]) / (
                    r[p] * r[q]
                )
                by_p = by_q = by_c = 0.0
                d, fd, dfd = _third(r[p], r[q], c, closed, cutoff)
                if fd == 0:
                    continue
                fb, dfb = _cut(r[q], cutoff)
                for k in range(len(angular)):
                    eta, centre, sign, zeta = angular[k]
                    _, ga, gb, gc = _angular(r[p], r[q], c, d, fa, dfa, fb, dfb, fd, dfd, eta, centre, sign, zeta)
                    by_p += h[atom, first + k] * ga
                    by_q += h[atom, first + k] * gb
                    by_c += h[atom, first + k] * gc
                for x in range(3):
                    u, v = vectors[p, x] / r[p], vectors[q, x] / r[q]
                    out[p, x] += by_p * u + by_c * (v - c * u) / r[p]
                    out[q, x] += by_q * v + by_c * (u - c * v) / r[q]


NONE = np.zeros((0, 3))


@dataclass(frozen=True)
class SymmetryFunctions:
    """The loops of the symmetry functions, [atom, function]. starts: first pair of each atom, and the end; kind: species of each
    pair's second atom; radial: (eta, centre) of each; angular: (eta, centre, lambda, zeta) of each; closed: G4 or G5."""

    shape: tuple[int, int]
    starts: np.ndarray
    kind: np.ndarray
    cutoff: float
    radial: np.ndarray
    angular: np.ndarray
    closed: bool
    species: int

    def value(self, vectors, out):
        _forward(self.starts, self.kind, vectors, NONE.astype(vectors.dtype), *self._functions, out)

    def pull(self, vectors, h, out):
        _pull(self.starts, self.kind, vectors, h, *self._functions, out)

    def push(self, vectors, y, out):
        if len(y):
            _forward(self.starts, self.kind, vectors, y, *self._functions, out)

    @property
    def _functions(self):
        return self.cutoff, self.radial, self.angular, self.closed, self.species


class BehlerParrinello(Potential):
    r"""Behler-Parrinello networks: one network per species, of radial functions for each species of neighbours and angular ones
    for each pair of species,

    .. math:: G^2_i = \sum_j e^{-\eta (r_{ij} - r_s)^2} f_c(r_{ij}), \qquad
        G^4_i = 2^{1-\zeta} \sum_{j<k} (1 + \lambda \cos\theta_{jik})^\zeta\,
        e^{-\eta ((r_{ij} - r_a)^2 + (r_{ik} - r_a)^2 + r_{jk}^2)} f_c(r_{ij}) f_c(r_{ik}) f_c(r_{jk}), \qquad
        f_c = \tfrac12 \left(1 + \cos\frac{\pi r}{r_c}\right).

    radial: how many r_s, evenly over radial_range (fractions of r_c), with :math:`\eta = 1 / (2 \Delta^2)`, :math:`\Delta` their
    distance; angular_eta [1/A^2], angular_centre r_a [A], zeta: every combination, with :math:`\lambda = \pm 1`. With several
    r_a the angular functions tell bonds of different length apart; the published ones have r_a = 0 alone. closed: as above;
    false: without the factors of :math:`r_{jk}` (G5), so that angles between neighbours farther apart than the cutoff count, as
    those of bonds do.

    Promises: invariant to translation, rotation and permutation of like atoms, to round-off; forces are continuous, also where
    neighbours cross the cutoff; forces and virial are the exact derivatives of the energy.

    species: symbols; cutoff: r_c [A]; fitting: widths of the networks; dtype: float32 or float64; seed: of the initial weights.

    Source: J. Behler, M. Parrinello, Phys. Rev. Lett. 98, 146401 (2007), doi:10.1103/PhysRevLett.98.146401, eqs. 3 to 5; G2, G4
    are named as in J. Behler, J. Chem. Phys. 134, 074106 (2011), doi:10.1063/1.3553717.
    """

    name = "behler_parrinello"

    def __init__(
        self,
        species: Sequence[str],
        cutoff: float = 6.0,
        radial: int = 8,
        radial_range: Sequence[float] = (0.2, 0.85),
        angular_eta: Sequence[float] = (0.003, 0.03, 0.1),
        zeta: Sequence[float] = (1.0, 4.0, 16.0),
        angular_centre: Sequence[float] = (0.0,),
        closed: bool = True,
        fitting: Sequence[int] = (40, 40),
        dtype: str = "float32",
        seed: int = 0,
    ):
        if isinstance(radial, bool) or not isinstance(radial, int) or radial < 2:
            raise InputError(f"potential.radial={radial}: give an integer of at least 2")
        lists = (("angular_eta", angular_eta, 0.0), ("angular_centre", angular_centre, 0.0), ("zeta", zeta, 1.0))
        for key, values, least in (*lists, ("radial_range", radial_range, 0.0)):
            numbers = isinstance(values, (list, tuple)) and all(isinstance(v, (int, float)) and v >= least for v in values)
            if not numbers or not values:
                raise InputError(f"potential.{key}={values}: give a list of numbers, {least:g} or more")
        if len(radial_range) != 2 or not radial_range[0] < radial_range[1] <= 1:
            raise InputError(f"potential.radial_range={radial_range}: give the first and the last centre, in cutoffs")
        if not isinstance(closed, bool):
            raise InputError(f"potential.closed={closed}: give true or false")
        functions = {"closed": closed, "radial": radial, "radial_range": list(radial_range), "angular_eta": list(angular_eta)}
        functions |= {"angular_centre": list(angular_centre), "zeta": list(zeta)}
        options = {"species": species, "cutoff": cutoff} | functions
        count = len(species)
        combinations = list(product(angular_eta, angular_centre, (1.0, -1.0), zeta))
        features = count * radial + count * (count + 1) // 2 * len(combinations)
        super().__init__(options | {"fitting": fitting, "dtype": dtype}, features, torch.Generator().manual_seed(seed))
        centres = np.linspace(*radial_range, radial) * self.cutoff
        self.radial = np.stack([np.full(radial, 0.5 / (centres[1] - centres[0]) ** 2), centres], axis=1)
        self.angular = np.array(combinations, float)
        self.closed = closed
        self.features = features

    def descriptors(self, environment: Environment, vectors: Tensor) -> list[Tensor]:
        kinds, i = environment.kinds, environment.i.numpy()
        starts = np.searchsorted(i, np.arange(len(kinds) + 1))
        shape = len(kinds), self.features
        kind = kinds[environment.j].numpy()
        loops = SymmetryFunctions(shape, starts, kind, self.cutoff, self.radial, self.angular, self.closed, len(self.species))
        g = Descriptor.apply(vectors, loops)
        return [g[kinds == c] for c in range(len(self.species))]
