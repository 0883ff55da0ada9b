r"""Acceleration of sweeps: the slow part of the error is smooth, and a coarser grid with fewer velocities knows it, too.

With G the sweep of the fine problem, G_c that of the coarse one, R averages over blocks of cells and faces, P linear
interpolation, the coarse problem is changed such that the fine solution solves it (the full approximation scheme; A. Brandt,
Math. Comput. 31, 333 (1977), doi:10.2307/2006422),

.. math:: z_c = G_c(z_c) + R\,G(z) - G_c(R z), \qquad z \leftarrow G(z) + P\,(z_c - R\,G(z)),

so that the coarse grid and its velocities change the way, never the result.
"""

from dataclasses import replace

import numpy as np

from knudsen.kinetic.plane.anderson import Anderson
from knudsen.kinetic.plane.velocities import polar, speeds_of

RATIOS = (2, 3)  # cells of the fine grid per cell of the coarse one and axis
FEWEST_CELLS = 8
DIRECTIONS = 32
REDUCTION = 0.02  # of the residual, by the coarse sweeps
START = 1e-4  # residual of the coarse solution that the fine problem starts from
MOST_SWEEPS = 400


def ratio_of(cells) -> int | None:
    """The first ratio that divides both numbers of cells and leaves enough of them."""
    return next((r for r in RATIOS if not any(n % r or n // r < FEWEST_CELLS for n in cells)), None)


class Coarse:
    """The coarse problem of a fine one (``steady.Steady``), of the same kind."""

    def __init__(self, fine, ratio: int):
        case, (nx, ny) = fine.case, fine.case.cells
        velocities, speeds = fine.velocities, 3 * speeds_of(case) // 4
        if velocities.points > DIRECTIONS * speeds:
            velocities = polar(float(np.hypot(velocities.vx, velocities.vy).max()), speeds, DIRECTIONS)
        states = {key: self._blocks(getattr(case, key), ratio) for key in ("rho", "u", "v", "T")}
        self.problem = type(fine)(replace(case, cells=(nx // ratio, ny // ratio), **states), fine.gas, velocities)
        self.fine, self.ratio, self.sweeps = fine, ratio, 0
        self.interpolate_x, self.interpolate_y = _interpolation(nx, ratio), _interpolation(ny, ratio)

    def _blocks(self, values, ratio):
        ny, nx = values.shape[:2]
        return values.reshape(ny // ratio, ratio, nx // ratio, ratio, *values.shape[2:]).mean(axis=(1, 3))

    def restrict(self, z):
        fields, flux_x, flux_y = self.fine.parts(z)
        flux = (flux.reshape(2, -1, self.ratio).mean(axis=2) for flux in (flux_x, flux_y))
        return self.problem.whole(self._blocks(fields, self.ratio), *flux)

    def prolong(self, z):
        fields, flux_x, flux_y = self.problem.parts(z)
        fields = np.einsum("ij,jlf->ilf", self.interpolate_y, fields)
        fields = np.einsum("kl,ilf->ikf", self.interpolate_x, fields)
        return self.fine.whole(fields, flux_x @ self.interpolate_y.T, flux_y @ self.interpolate_x.T)

    def start(self):
        """A start for the fine problem: the coarse solution, interpolated."""
        fine = self.fine.start()
        start = self.restrict(fine)
        found = self._solve(start, 0.0, START)
        return fine if found is None else fine + self.prolong(found - start)

    def __call__(self, z, swept):
        """The next z, of z and its sweep."""
        start, target = self.restrict(z), self.restrict(swept)
        own = self.problem.step(start)
        if own is None:
            return swept
        found = self._solve(start, target - own, REDUCTION * np.abs((target - start) / self.problem.scale()).max())
        return swept if found is None else swept + self.prolong(found - target)

    def _solve(self, z, shift, wanted):
        """z_c = G_c(z_c) + shift to that residual, from z on; None where that fails."""
        scale, mixer = self.problem.scale(), Anderson()
        for _ in range(MOST_SWEEPS):
            new = self.problem.step(z)
            self.sweeps += 1
            if new is None:
                return None
            change = new + shift - z
            if np.abs(change / scale).max() < wanted:
                return z + change
            z = mixer(z, change)
        return None


def _interpolation(n, ratio):
    """[n, n / ratio]: linear between the centres of blocks, on the line through the nearest two beyond the last."""
    place = np.clip((np.arange(n) + 0.5) / ratio - 0.5, -0.5, n / ratio - 0.5)
    left = np.clip(np.floor(place).astype(int), 0, n // ratio - 2)
    matrix = np.zeros((n, n // ratio))
    matrix[np.arange(n), left], matrix[np.arange(n), left + 1] = 1 - (place - left), place - left
    return matrix
