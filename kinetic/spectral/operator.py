"""The collision operator: gain from pair sums, loss by convolution, conservation restored."""

from math import pi

import numpy as np
from scipy import fft

from kinetic.errors import InputError
from kinetic.gas import Gas
from kinetic.spectral.grid import VelocityGridND
from kinetic.spectral.pairs import pair_sums
from kinetic.spectral.quadrature import pair_rule, shell_average, wave_numbers

CUTOFF = 0.5**0.5  # of |s|/L: pairs further apart weigh what f weighs beyond the bounds
TOLERANCE = 1e-13  # of the products f(v + s) f(v - s), relative to the largest
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
    tolerance: products f(v + s) f(v - s) below it (relative) may be left out. cutoff: of |s|/L.
    Not safe for use by several threads at once (own workspace): one operator per thread.
    """

    def __init__(self, grid, alpha, *, conserve=True, equilibrium=False, tolerance=TOLERANCE, cutoff=CUTOFF):
        self.grid, self.alpha = grid, float(alpha)
        self.conserve, self.equilibrium, self.tolerance = conserve, equilibrium, float(tolerance)
        self.rule = pair_rule(grid.points, grid.dv, self.alpha, cutoff)
        self.shape = (1,) * (3 - grid.dims) + grid.points
        self.rank, orbits = self.rule.project.shape
        self._pairs = np.zeros((orbits, *self.shape[1:]))
        self.block = max(1, MEMORY // (24 * self.rank * int(np.prod(grid.points))))
        self._loss_shape, self._loss_kernel = self._loss_tables()

    def __call__(self, f):
        """Q(f), same shape as f."""
        f = np.asarray(f, float)
        if f.shape[-self.grid.dims :] != self.grid.points:
            raise ValueError(f"f has the shape {f.shape}; it must end with the grid's {self.grid.points}")
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
        return self._conserving(Q, M) if self.conserve else Q

    def gain(self, f, g=None):
        """Gain term [cell, ...] of f [cell, ...], or the symmetric bilinear one of f and g."""
        three = (len(f), *self.shape)
        A = np.empty((len(f), self.rank, self.shape[0], self.shape[1] * self.shape[2]))
        a = f.reshape(three)
        b = a if g is None else g.reshape(three)
        pair_sums(a, b, g is None, self.tolerance, self.rule.shifts, self.rule.starts, self.rule.project, self._pairs, A)
        axes = tuple(range(-self.grid.dims, 0))
        spectrum = fft.rfftn(A.reshape(len(f), self.rank, *self.grid.points), axes=axes)
        return fft.irfftn(np.einsum("cp...,p...->c...", spectrum, self.rule.multiplier), s=self.grid.points, axes=axes)

    def frequency(self, f):
        r"""Loss frequency :math:`\int |v - v_*|^\alpha f(v_*)\, dv_*`, of f [cell, ...]."""
        if self.alpha == 0:
            return self.grid.integral(f).reshape(-1, *(1,) * self.grid.dims)
        axes = tuple(range(-self.grid.dims, 0))
        L = fft.irfftn(fft.rfftn(f, s=self._loss_shape, axes=axes) * self._loss_kernel, s=self._loss_shape, axes=axes)
        return L[(slice(None), *(slice(n) for n in self.grid.points))]

    def _loss_tables(self):
        """Transform of |g|^alpha, cut where no pair weighs, on a grid padded so that no image comes that near."""
        if self.alpha == 0:
            return None, None
        half = [0.5 * n * d for n, d in zip(self.grid.points, self.grid.dv)]
        cut = 2**0.5 * max(half)
        shape = [fft.next_fast_len(int(np.ceil((cut + 2**0.5 * a) / d)), real=True) for a, d in zip(half, self.grid.dv)]
        k = wave_numbers(shape, self.grid.dv)
        unique, inverse = np.unique(np.round(k, 10), return_inverse=True)
        nodes = 40 + int(cut * unique.max() / 2)
        x, w = np.polynomial.legendre.leggauss(nodes)
        r, w = 0.5 * cut * (x + 1), 0.5 * cut * w
        sphere = 4 * pi if self.grid.dims == 3 else 2 * pi
        kernel = sphere * shell_average(np.outer(unique, r), self.grid.dims) @ (w * r ** (self.grid.dims - 1 + self.alpha))
        return shape, kernel[inverse.reshape(k.shape)]

    def _conserving(self, Q, M):
        """Q + M (a + b.v + c |v|^2) with zero mass, momentum and energy production."""
        D, v = self.grid.dims, self.grid.mesh()
        centre = [0.5 * (low + high) for low, high in self.grid.bounds]
        scale = max(high - low for low, high in self.grid.bounds) / 4
        c = [(a - b) / scale for a, b in zip(v, centre)]
        basis = [np.ones(self.grid.points), *(np.broadcast_to(a, self.grid.points) for a in c)]
        basis = np.stack([*basis, sum(a**2 for a in c)]).reshape(D + 2, -1)
        for _ in range(2):  # the second pass removes the round-off of the first
            defect = Q.reshape(len(Q), -1) @ basis.T
            gram = np.einsum("cv,av,bv->cab", M.reshape(len(M), -1), basis, basis, optimize=True)
            factor = np.linalg.solve(gram, defect[..., None])[..., 0]
            Q = Q - M * (factor @ basis).reshape(M.shape)
        return Q
