"""The collision operator: gain from pair sums, loss by convolution, conservation restored."""

from math import pi

import numpy as np
from scipy import fft

from knudsen.errors import InputError
from knudsen.kinetic.gas import Gas
from knudsen.kinetic.spectral.grid import VelocityGridND, conserving
from knudsen.kinetic.spectral.pairs import combine, pair_sums
from knudsen.kinetic.spectral.quadrature import distinct, pair_rule, shell_average
from knudsen.kinetic.spectral.transform import Transform

CUTOFF = 0.5**0.5  # of |s|/L: pairs further apart weigh what f weighs beyond the bounds
NEGLECTED = 1e-5  # of the tolerance: products f(v + s) f(v - s), relative to the largest, that may be left out
MEMORY = 1 << 27  # bytes of workspace that a block of cells may use


def operator(gas: Gas, grid: VelocityGridND, **options) -> "CollisionOperator":
    """The collision integral of a Boltzmann gas on a velocity grid: ``Q = operator(gas, grid)``, then ``Q(f)`` for eps = 1.

    options: as in :class:`CollisionOperator`. Raises InputError unless gas is a Boltzmann gas of the grid's dimensions.
    """
    if not gas.is_boltzmann:
        raise InputError(f"gas={gas.name!r}: {gas.collision} has no collision integral; choose a Boltzmann gas, e.g. maxwell_3v")
    if gas.dims != grid.dims:
        raise InputError(f"gas={gas.name!r}: has {gas.dims} velocity dimensions, the velocity grid {grid.dims}")
    return CollisionOperator(grid, 2 * (1 - gas.omega), **options)


class CollisionOperator:
    r"""Q(f) of variable-hard-sphere molecules, B = |g|^alpha / |S^{D-1}|, for f [..., Nx, Ny[, Nz]] on ``grid``.

    conserve: restore zero mass, momentum and energy production to round-off by the smallest change in the norm of
    :math:`\int |\delta Q|^2 / M\, dv`, M the Maxwellian of f.
    equilibrium: return Q(f) - Q(M), which makes Maxwellians (with the discrete moments of f) exact equilibria; computed as
    the bilinear Q(f - M, f + M), so that the relative accuracy is kept near equilibrium, at twice the pair sums.
    tolerance: relative accuracy of the fast sums, where the grid allows for it (1e-12 costs about twice as much as 1e-8).
    cutoff: of |s|/L.
    """

    def __init__(self, grid, alpha, *, conserve=True, equilibrium=False, tolerance=1e-8, cutoff=CUTOFF):
        self.grid, self.alpha = grid, float(alpha)
        self.conserve, self.equilibrium, self.neglected = conserve, equilibrium, NEGLECTED * tolerance
        reflected = 2 if grid.even else 1
        self.points = grid.points[:1] + tuple(reflected * n for n in grid.points[1:])  # of the whole lattice
        self.transform = Transform(grid.points, grid.dv, grid.even)
        self.rule = pair_rule(self.points, grid.dv, self.alpha, cutoff, self.transform.wave_numbers(), tolerance)
        self.rank = len(self.rule.project)
        self.block = max(1, MEMORY // (24 * self.rank * int(np.prod(grid.points))))
        self._loss = None if self.alpha == 0 else self._loss_tables()

    def __call__(self, f):
        """Q(f), same shape as f."""
        f = np.asarray(f, float)
        if f.shape[-self.grid.dims :] != self.grid.points:
            raise InputError(f"f has the shape {f.shape}; it must end with the grid's {self.grid.points}")
        cells = np.ascontiguousarray(f).reshape(-1, *self.grid.points)
        Q = np.empty_like(cells)
        for i in range(0, len(cells), self.block):
            Q[i : i + self.block] = self._block(cells[i : i + self.block])
        return Q.reshape(f.shape)

    def _block(self, f):
        M = None
        if self.conserve or self.equilibrium:
            M = self.grid.maxwellian(*self.grid.moments(f))
        if self.equilibrium:
            a, b = f - M, f + M
            Q = self.gain(a, b) - 0.5 * (a * self.frequency(b) + b * self.frequency(a))
        else:
            Q = self.gain(f) - f * self.frequency(f)
        return conserving(self.grid, Q, M) if self.conserve else Q

    def gain(self, f, g=None):
        """Gain term [cell, ...] of f [cell, ...], or the symmetric bilinear one of f and g."""
        rule, shape = self.rule, (1,) * (3 - self.grid.dims) + self.points
        first = tuple(n // 2 if self.grid.even and i > 3 - self.grid.dims else 0 for i, n in enumerate(shape))[1:]
        F = self._padded(f)
        G = F if g is None else self._padded(g)
        A = np.empty((len(f), self.rank, shape[0], (shape[1] - first[0]) * (shape[2] - first[1])))
        pair_sums(F, G, g is None, self.neglected, shape, first, rule.shifts, rule.weights, rule.starts, rule.project, A)
        spectra = self.transform.forward(A.reshape(len(f), self.rank, *self.grid.points))
        gain = np.empty((len(f), *spectra.shape[2:]), complex)
        combine(spectra.reshape(*spectra.shape[:2], -1), rule.multiplier.reshape(self.rank, -1), gain.reshape(len(f), -1))
        return self.transform.backward(gain)

    def _padded(self, f):
        """The whole lattice [cell, Nx, Ny, Nz], the last axis with zeros at both ends."""
        if self.grid.even:
            for axis in range(2, self.grid.dims + 1):
                f = np.concatenate([np.flip(f, axis), f], axis)
        shape = (len(f), *(1,) * (3 - self.grid.dims), *self.points)
        pad = int(self.rule.shifts[:, 2].max())
        F = np.zeros((*shape[:3], shape[3] + 2 * pad))
        F[..., pad : pad + shape[3]] = f.reshape(shape)
        return F

    def frequency(self, f):
        r"""Loss frequency :math:`\int |v - v_*|^\alpha f(v_*)\, dv_*`, of f [cell, ...]."""
        if self._loss is None:
            return self.grid.integral(f).reshape(-1, *(1,) * self.grid.dims)
        transform, kernel = self._loss
        return transform.backward(transform.forward(f) * kernel)[(slice(None), *(slice(n) for n in self.grid.points))]

    def _loss_tables(self):
        """Transform of |g|^alpha, cut where no pair weighs, on a grid padded so that no image comes that near."""
        dims, half = self.grid.dims, [0.5 * n * d for n, d in zip(self.points, self.grid.dv)]
        cut = 2**0.5 * max(half)
        stored = [p / n for p, n in zip(self.grid.points, self.points)]
        shape = [
            fft.next_fast_len(int(np.ceil(share * (cut + 2**0.5 * a) / d)), real=True)
            for share, a, d in zip(stored, half, self.grid.dv)
        ]
        transform = Transform(shape, self.grid.dv, self.grid.even)
        k, where = distinct(transform.wave_numbers())
        x, w = np.polynomial.legendre.leggauss(40 + int(cut * k.max() / 2))
        r, w = 0.5 * cut * (x + 1), 0.5 * cut * w
        sphere = 4 * pi if dims == 3 else 2 * pi
        kernel = sphere * shell_average(np.outer(k, r), dims) @ (w * r ** (dims - 1 + self.alpha))
        return transform, kernel[where]
