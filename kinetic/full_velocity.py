r"""x one-dimensional, the full velocity: df/dt + v_x df/dx = Q(f)/eps on a grid of D velocity coordinates, penalised IMEX steps.

Q is the binary collision integral, or any operator that conserves mass, momentum and energy. Its stiff part is taken out by a
relaxation to the local Maxwellian, with a rate beta(x, t) of the scheme's own choice:

.. math:: \partial_t f + v_x \partial_x f = \underbrace{\frac{Q(f) - \beta (M - f)}{\epsilon}}_{\text{explicit}}
          + \underbrace{\frac{\beta (M - f)}{\epsilon}}_{\text{implicit}} .

No term changes the moments that determine M but transport, so the implicit part needs no iteration: stage j is

.. math:: f_j = \frac{f^* + \lambda M[f^*]}{1 + \lambda}, \qquad \lambda = \Delta t\, a_{jj}\, \beta / \epsilon .

The tables are the globally stiffly accurate ones of :mod:`knudsen.solvers.integrators`: for eps -> 0 every stage ends on a
Maxwellian and the scheme becomes the explicit table's for the Euler equations; one convective time step serves every Knudsen
number.

The penalty rate. A mode that Q damps at the rate s beta is multiplied, in a step of ARS(2,2,2) with dt beta/eps -> infinity, by

.. math:: R_\infty(s) = (1 - s)\left(1 - \frac{s}{2 \gamma^2}\right), \qquad \gamma = 1 - 1/\sqrt 2 ,

at most 1 in size for 0 <= s <= 1.17, but -1 at s = 2 - sqrt 2: beta must reach the largest loss rate, and to *damp* every mode
it should be about three times the rates that matter. For dt <~ eps no damping is needed and the smallest beta is the most
accurate. Hence

.. math:: \beta = \max\left(\nu_{max},\; \bar\nu\, \frac{20 + 3 z}{20 + z}\right), \qquad z = \Delta t\, \bar\nu/\epsilon ,

with the mean loss rate of a Maxwellian and (a bound of) the largest loss rate on the grid.

Source: F. Filbet, S. Jin, J. Comput. Phys. 229, 7625 (2010), doi:10.1016/j.jcp.2010.06.017; G. Dimarco, L. Pareschi,
Acta Numerica 23, 369 (2014), section 5, doi:10.1017/S0962492914000063.
"""

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from math import gamma

import numpy as np

from knudsen.compile import compiled
from knudsen.errors import InputError
from knudsen.kinetic import spectral
from knudsen.kinetic.grid import VelocityGrid, grid_of_case
from knudsen.kinetic.kernel.transport import GHOST, TINY
from knudsen.kinetic.maxwellian import discrete_maxwellian
from knudsen.kinetic.run import Run
from knudsen.solvers.rows import mc, weno5

# bounds in thermal speeds of the hottest, spacing in those of the coldest state; an evaluation of Q costs (bounds/spacing)^(2 D)
RESOLUTION = {2: (6.0, 0.65), 3: (5.0, 0.8)}


@dataclass(frozen=True, eq=False)
class FullGrid:
    """Velocities v_x [K] and, of the D - 1 coordinates across, the positive half [J]: f is even in each of them; P = K J^(D-1).

    along, across: grids of v_x and of one coordinate across (both halves), of the same spacing.
    """

    along: VelocityGrid
    across: VelocityGrid
    dims: int

    @property
    def v(self) -> np.ndarray:
        return self.along.v

    @property
    def points(self) -> int:
        return self.along.points

    @property
    def fastest(self) -> float:
        return self.along.fastest

    @cached_property
    def even(self) -> spectral.VelocityGridND:
        """The same grid as the collision operator knows it."""
        others = self.dims - 1
        points = (self.along.points, *[self.across.points // 2] * others)
        return spectral.VelocityGridND(points, (self.along.bounds, *[(0.0, self.across.bounds[1])] * others), even=True)

    @cached_property
    def transverse_square(self) -> np.ndarray:
        """|v_perp|^2 [J^(D-1)]."""
        square = np.zeros(1)
        for _ in range(self.dims - 1):
            square = np.add.outer(square, self.across.v[self.across.points // 2 :] ** 2).ravel()
        return square

    @cached_property
    def speeds(self) -> np.ndarray:
        """v_x of every velocity [P]."""
        return np.repeat(self.v, self.transverse_square.size)

    def maxwellian(self, rho, u, T) -> np.ndarray:
        """M [n, P] of states [n] with exact discrete rho, rho u and energy: a product of one-dimensional ones."""
        return (discrete_maxwellian(rho, u, T, self.along)[:, :, None] * self._across(T)[:, None]).reshape(len(rho), -1)

    def mixture(self, rho, u, T) -> np.ndarray:
        """The sum over the last axis of the Maxwellians of states [n, m]: [n, P]."""
        return (discrete_maxwellian(rho, u, T, self.along).swapaxes(1, 2) @ self._across(T)).reshape(len(rho), -1)

    def _across(self, T):
        """The Maxwellian's factor across [..., J^(D-1)]."""
        half = discrete_maxwellian(np.ones_like(T), np.zeros_like(T), T, self.across)[..., self.across.points // 2 :]
        factor = half
        for _ in range(self.dims - 2):
            factor = (factor[..., :, None] * half[..., None, :]).reshape(*T.shape, -1)
        return factor

    def pair(self, f) -> np.ndarray:
        """g = int f dv_perp and h = int |v_perp|^2 f dv_perp, [2, n, K], of f [n, P]."""
        weights = np.stack([np.ones_like(self.transverse_square), self.transverse_square], axis=1)
        cell = (2 * self.across.dv) ** (self.dims - 1)  # with the mirror images
        return np.moveaxis(f.reshape(len(f), self.points, -1) @ (cell * weights), 2, 0)

    def conserved(self, f) -> np.ndarray:
        """Mass, momentum and twice the energy [3, n] of f [n, P]."""
        g, h = self.pair(f) * self.along.dv
        return np.stack([g.sum(axis=1), g @ self.v, g @ self.v**2 + h.sum(axis=1)])

    def fields(self, f):
        """rho, u, T [n] of f [n, P]."""
        return self.fields_of(self.conserved(f))

    def fields_of(self, conserved):
        """rho, u, T [n] of conserved moments [3, n]."""
        rho, flow, energy = conserved
        u = flow / rho
        return rho, u, (energy / rho - u**2) / self.dims


def full_grid(case, gas) -> FullGrid:
    """The grid for a case: ``RESOLUTION``, or what ``gas.velocity_points`` and ``gas.velocity_bounds`` (of v_x) say.

    Across it is as wide as along, about zero, which holds the hottest state's tail.
    """
    tail, spacing = RESOLUTION[gas.dims]
    along = grid_of_case(case, gas, tail)
    if gas.velocity_points is None:
        low, high = along.bounds
        dv = spacing * float(np.sqrt(case.T.min()))
        if gas.velocity_bounds is None:
            along = VelocityGrid((np.arange(np.floor(low / dv), np.ceil(high / dv)) + 0.5) * dv, dv)
        else:
            along = grid_of_case(case, replace(gas, velocity_points=max(8, int(np.ceil((high - low) / dv)))))
    half = (along.points + 1) // 2
    return FullGrid(along, VelocityGrid((np.arange(-half, half) + 0.5) * along.dv, along.dv), gas.dims)


class BinaryCollisions:
    """The Boltzmann collision integral (:mod:`knudsen.kinetic.spectral`), with the discrete Maxwellians for exact equilibria."""

    def __init__(self, gas, grid):
        self.gas, self.grid, self.Q = gas, grid, _collision_integral(gas, grid.even)

    def __call__(self, f, rho, u, T):
        """Q(f) [n, P] of f [n, P] with these fields [n]."""
        return self.Q(f.reshape(-1, *self.grid.even.points)).reshape(f.shape)

    def rates(self, rho, u, T):
        """Mean loss rate of the Maxwellian, and a bound of the largest loss rate on the grid [n]."""
        alpha, D = 2 * (1 - self.gas.omega), self.grid.dims
        mean = rho * (4 * T) ** (alpha / 2) * gamma((D + alpha) / 2) / gamma(D / 2)
        low, high = self.grid.v[[0, -1]]
        c_square = np.maximum((low - u) ** 2, (high - u) ** 2) + self.grid.transverse_square.max()
        return mean, rho * (c_square + D * T) ** (alpha / 2)


class Relaxation:
    """BGK on the full velocity grid, Q = nu (M - f): what ``kinetic.simulation`` solves for the reduced pair, by another road."""

    def __init__(self, gas, grid):
        self.gas, self.grid = gas, grid

    def __call__(self, f, rho, u, T):
        return self.gas.frequency(rho, T)[:, None] * (self.grid.maxwellian(rho, u, T) - f)

    def rates(self, rho, u, T):
        nu = self.gas.frequency(rho, T)
        return nu, nu


@lru_cache(maxsize=4)
def _collision_integral(gas, grid):
    return spectral.operator(gas, grid, equilibrium=True)


@compiled
def transport(f, v, dx, weno, out):
    """out [n, P] = -v df/dx of f [n + 2 GHOST, P], velocities v [P]; MUSCL or WENO5 (:mod:`knudsen.kinetic.kernel`)."""
    face = np.empty(v.size)
    for i in range(GHOST - 1, f.shape[0] - GHOST):
        cell = i - GHOST
        for k in range(v.size):
            right = v[k] > 0.0
            here, ahead = f[i, k], f[i + 1, k]
            b, c, d = here - f[i - 1, k], ahead - here, f[i + 2, k] - ahead
            if weno:
                a, e = f[i - 1, k] - f[i - 2, k], f[i + 3, k] - f[i + 2, k]
                step = weno5(a if right else e, b if right else d, c, d if right else b, TINY)
            else:
                step = mc(b if right else d, c)
            new = here + step if right else ahead - step
            if cell >= 0:
                out[cell, k] = v[k] / dx * (face[k] - new)
            face[k] = new


class FullVelocityRun(Run):
    """One trajectory on the full velocity grid. Of f it keeps what the other gases have, the pair (g, h)."""

    def __init__(self, case, gas, transport, integrator, cfl, grid, order, keep_f):
        if case.boundary == "walls" or case.has_shear:
            raise InputError(
                f"case={case.name}: gas={gas.name} takes no walls and no motion across x; choose bgk_3v, shakhov_3v or es_bgk_3v"
            )
        super().__init__(case, gas, transport, integrator, cfl, grid, order, keep_f)
        self.eps = np.broadcast_to(case.knudsen, case.cells).astype(float)

    def __call__(self, stop):
        self.collide = (BinaryCollisions if self.gas.is_boltzmann else Relaxation)(self.gas, self.grid)  # in the run's own thread
        return super().__call__(stop)

    def start(self):
        case = self.case
        blocks = (a.reshape(-1, case.cells, case.refine).swapaxes(0, 1) for a in (case.rho, case.u, case.T))
        cells = zip(*(a.reshape(case.cells, 1, -1) for a in blocks), strict=True)
        return np.concatenate([self.grid.mixture(*states) for states in cells]) / case.refine

    def storage(self, start):
        """f with ghost cells."""
        f = np.zeros((self.case.cells + 2 * GHOST, start.shape[1]))
        f[GHOST:-GHOST] = start
        if self.case.boundary == "fixed":
            for rows, state in zip((slice(None, GHOST), slice(-GHOST, None)), self.case.end_states(self.gas), strict=True):
                f[rows] = self.grid.maxwellian(*np.array(state)[:, None])
        return (f,)

    def interior(self, f):
        return f[GHOST:-GHOST]

    def moments(self, f):
        powers = self.grid.v ** np.arange(self.order + 1)[:, None] * self.grid.along.dv
        return powers @ self.grid.pair(f).swapaxes(1, 2)

    def march(self, storage, start, end, stop):
        """From one saved time to the next in equal steps; returns (steps, None or (time, cell) of the failure)."""
        steps = max(1, int(np.ceil((end - start) / self.longest - 1e-9)))
        dt = (end - start) / steps
        for taken in range(1, steps + 1):
            if stop.is_set():
                raise InterruptedError("the run was stopped")
            failed = self._step(storage[0], dt)
            if failed is not None:
                return taken, (float(start + taken * dt), failed)
            self.done = (start + taken * dt) / self.case.t_end
        return steps, None

    def _step(self, padded, dt):
        """One step in place; returns None, or the cell that failed."""
        f = self.interior(padded)
        start, conserved = f.copy(), self.grid.conserved(f)
        fields = self.grid.fields_of(conserved)
        penalty = (self._penalty(fields, dt) / self.eps)[:, None]
        relaxing = penalty * (self.grid.maxwellian(*fields) - f)
        forward, backward, carried = [], [], []  # of every stage so far: explicit and implicit part, what transport carries in
        for explicit, implicit in zip(*(table[1:] for table in self.scheme.arrays()), strict=True):
            j = len(forward) + 1
            increment = self._transported(padded)
            carried.append(self.grid.conserved(increment))
            increment += self.collide(f, *fields) / self.eps[:, None]
            forward.append(increment - relaxing)
            backward.append(relaxing)
            star = start.copy()
            for a, b, ahead, back in zip(explicit[:j], implicit[:j], forward, backward, strict=True):
                star += (dt * a) * ahead
                if b:
                    star += (dt * b) * back
            # by transport alone: the round-off of Q/eps, which grows as 1/eps, must not enter
            moments = conserved + dt * sum(a * gain for a, gain in zip(explicit[:j], carried, strict=True))
            fields = self.grid.fields_of(moments)
            failed = ~((fields[0] > 0) & (fields[2] > 0) & np.isfinite(fields[0] + fields[2]))
            if failed.any():
                return int(np.argmax(failed))
            try:
                M = self.grid.maxwellian(*fields)
            except InputError:  # too cold for the velocities
                return int(np.argmin(fields[2]))
            penalty = (self._penalty(fields, dt) / self.eps)[:, None]
            relaxing = (M - star) * (penalty / (1 + dt * implicit[j] * penalty))
            f[:] = star + (dt * implicit[j]) * relaxing
        return None

    def _transported(self, padded):
        """-v df/dx [n, P]."""
        f = self.interior(padded)
        if self.case.boundary == "periodic":
            padded[:GHOST], padded[-GHOST:] = f[-GHOST:], f[:GHOST]
        elif self.case.boundary == "outflow":
            padded[:GHOST], padded[-GHOST:] = f[0], f[-1]
        increment = np.empty_like(f)
        transport(padded, self.grid.speeds, self.case.dx, self.transport == "weno5", increment)
        return increment

    def _penalty(self, fields, dt):
        mean, largest = self.collide.rates(*fields)
        z = dt * mean / self.eps
        return np.maximum(largest, mean * (20 + 3 * z) / (20 + z))

    def trajectory(self, times, moments, f, steps, seconds, failure):
        f = None if f is None else np.stack([self.grid.pair(a) for a in f])
        trajectory = super().trajectory(times, moments, f, steps, seconds, failure)
        trajectory.grid = self.grid.along
        return trajectory
