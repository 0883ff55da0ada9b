"""Equidistant velocity grids in D = 1, 2 or 3 coordinates: nodes, sums, moments, Maxwellians."""

from dataclasses import dataclass, field
from math import isfinite

import numpy as np

from knudsen.errors import InputError


@dataclass(frozen=True)
class VelocityGridND:
    r"""Midpoints :math:`v_i = \mathrm{low} + (i + \tfrac12)\, dv` of equal cells, per coordinate.

    points: (Nx, Ny[, Nz]); bounds: ((low, high), ...) per coordinate. Distributions are arrays f [..., Nx, Ny[, Nz]], and
    integrals are sums times ``cell`` (spectrally accurate for what decays before the bounds).
    even: f is even in every transverse velocity (flows along x alone); only the positive half of these axes is stored, their
    bounds are (0, high), and ``cell`` counts the reflections.
    Raises InputError naming ``gas.velocity_points`` or ``gas.velocity_bounds``.
    """

    points: tuple[int, ...]
    bounds: tuple[tuple[float, float], ...]
    even: bool = False
    v: tuple[np.ndarray, ...] = field(init=False, repr=False, compare=False)  # nodes of every coordinate
    dv: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        points = tuple(int(n) for n in self.points)
        bounds = tuple((float(low), float(high)) for low, high in self.bounds)
        if len(points) not in (1, 2, 3) or len(bounds) != len(points):
            raise InputError(f"gas.velocity_points={self.points!r}: give 1 to 3 numbers of points, and as many bounds")
        if min(points) < 4:
            raise InputError(f"gas.velocity_points={self.points!r}: give at least 4 points per coordinate")
        if not all(isfinite(low) and isfinite(high) and low < high for low, high in bounds):
            raise InputError(f"gas.velocity_bounds={self.bounds!r}: give finite [low, high] with low < high per coordinate")
        if self.even and any(low != 0 for low, _ in bounds[1:]):
            raise InputError(f"gas.velocity_bounds={self.bounds!r}: of an even grid the transverse bounds are (0, high)")
        dv = tuple((high - low) / n for n, (low, high) in zip(points, bounds))
        v = tuple(low + (np.arange(n) + 0.5) * d for n, d, (low, _) in zip(points, dv, bounds))
        for key, value in {"points": points, "bounds": bounds, "dv": dv, "v": v}.items():
            object.__setattr__(self, key, value)

    @classmethod
    def cube(cls, dims: int, points: int, bound: float, centre: float = 0.0) -> "VelocityGridND":
        """The same points and bounds centre -+ bound for every coordinate."""
        return cls((points,) * dims, ((centre - bound, centre + bound),) * dims)

    @property
    def dims(self) -> int:
        return len(self.points)

    @property
    def cell(self) -> float:
        """Volume of a velocity cell (with its reflections)."""
        return float(np.prod(self.dv)) * (2 ** (self.dims - 1) if self.even else 1)

    def mesh(self) -> list[np.ndarray]:
        """The coordinates as arrays that broadcast to [Nx, Ny[, Nz]]."""
        return np.meshgrid(*self.v, indexing="ij", sparse=True)

    def integral(self, f):
        """Integral over velocities of f [..., Nx, Ny[, Nz]]."""
        return f.sum(axis=tuple(range(-self.dims, 0))) * self.cell

    def moments(self, f):
        """rho [...], u [..., D], T [...] of f."""
        rho = self.integral(f)
        marginals = [self._marginal(f, i) for i in range(self.dims)]
        u = np.stack([m @ v for m, v in zip(marginals, self.v)], axis=-1) / rho[..., None]
        if self.even:
            u[..., 1:] = 0.0
        energy = sum(m @ v**2 for m, v in zip(marginals, self.v)) / rho
        return rho, u, (energy - (u**2).sum(-1)) / self.dims

    def _marginal(self, f, axis):
        others = tuple(i - self.dims for i in range(self.dims) if i != axis)
        return f.sum(axis=others) * self.cell

    def maxwellian(self, rho, u, T):
        """M [..., Nx, Ny[, Nz]] of rho [...], u [..., D], T [...]: point values."""
        rho, T = np.asarray(rho, float)[..., None], np.asarray(T, float)[..., None]
        u = np.asarray(u, float)
        f = None
        for i, v in enumerate(self.v):
            factor = np.exp(-((v - u[..., i, None]) ** 2) / (2 * T)) / np.sqrt(2 * np.pi * T)
            f = factor * rho if f is None else f[..., None] * _expand(factor, i)
        return f


def _expand(a, count):
    """a [..., N] -> [..., 1 (count times), N]."""
    return a.reshape(*a.shape[:-1], *(1,) * count, a.shape[-1])


def conserving(grid: VelocityGridND, Q, M):
    r"""Q [..., *points] with zero mass, momentum and energy production: Q + M (a + b.v + c |v|^2), the change that is smallest in
    :math:`\int |\delta Q|^2 / M\, dv`; M > 0, same shape."""
    v = grid.mesh()
    centre = [0.0 if grid.even and i else 0.5 * (low + high) for i, (low, high) in enumerate(grid.bounds)]
    scale = max(high - low for low, high in grid.bounds) / 4
    c = [(a - b) / scale for a, b in zip(v, centre)]
    conserved = [np.ones(grid.points), *(c[:1] if grid.even else c), sum(a**2 for a in c)]
    basis = np.stack([np.broadcast_to(a, grid.points) for a in conserved]).reshape(len(conserved), -1)
    weighted = M.reshape(-1, 1, basis.shape[1]) * basis
    gram = weighted @ basis.T
    value = Q.reshape(-1, basis.shape[1])
    for _ in range(2):  # the second pass removes the round-off of the first
        factor = np.linalg.solve(gram, (value @ basis.T)[..., None])
        value = value - (factor.swapaxes(1, 2) @ weighted)[:, 0]
    return value.reshape(Q.shape)
