"""The discrete-velocity solver of the reduced fields, for relaxation models: storage and calls of the compiled kernel."""

import numpy as np

from knudsen.errors import InputError
from knudsen.kinetic import kernel
from knudsen.kinetic.grid import flight_spacing
from knudsen.kinetic.maxwellian import discrete_maxwellian, transverse_weights
from knudsen.kinetic.moments import macroscopic, maxwellian_moments
from knudsen.kinetic.run import Run
from knudsen.solvers.boundaries import BOUNDARIES

LANES = 8  # rows of velocities are padded to whole vectors
RAYS_SHOW = 1.4  # times the spacing that free flight asks for: from there on it is said


class ReducedRun(Run):
    """One trajectory of the fields g, h (and k, y, l)."""

    def __init__(self, case, gas, transport, integrator, cfl, grid, order, keep_f):
        if grid.points > kernel.MOST_VELOCITIES:
            raise InputError(
                f"gas.velocity_points: {grid.points} are needed, at most {kernel.MOST_VELOCITIES} fit; give a number"
            )
        if case.has_shear and gas.dims == 1:
            raise InputError(f"case={case.name}: moves along y, which gas={gas.name} does not have; take gas=bgk_2v or bgk_3v")
        if case.walls is not None and not np.array_equal(grid.v, -grid.v[::-1]):
            low, high = grid.bounds
            raise InputError(f"gas.velocity_bounds=[{low:g}, {high:g}]: walls reflect velocities; give [-v, v]")
        if case.has_shear and all(gas.model.shares(gas.prandtl)):
            raise InputError(
                f"case={case.name}: moves along y, where collision={gas.collision} has no target of closed form; "
                "take shakhov or es_bgk"
            )
        super().__init__(case, gas, transport, integrator, cfl, grid, order, keep_f)

    def start(self):
        self.fitted = 0
        return self.case.distribution(self.gas, self.grid)

    def storage(self, start):
        """f with ghosts, its twin, the accumulators, scratch rows; flat, velocities padded to whole vectors."""
        n, K, ghost = self.case.cells, self.grid.points, kernel.GHOST
        self.shape = (start.shape[0], n + 2 * ghost, -(-K // LANES) * LANES)
        f = np.zeros(self.shape)
        f[:, ghost:-ghost, :K] = start
        if self.case.boundary == "fixed":
            for rows, (rho, u, T) in zip((slice(None, ghost), slice(-ghost, None)), self.case.end_states(self.gas), strict=True):
                M = discrete_maxwellian(rho, u, T, self.grid)
                f[:, rows, :K] = np.stack([w * M for w in transverse_weights(0.0, T, self.gas.dims)[: self.shape[0]]])[:, None]
        accumulators = np.zeros((self.scheme.stages - 1) * self.shape[0] * n * self.shape[2])
        return f.reshape(-1), f.reshape(-1).copy(), accumulators, kernel.scratch()

    def physics(self):
        """(Model, Ends, Force, Velocities, Scheme) of the kernel."""
        case, gas, grid = self.case, self.gas, self.grid
        fields, _, K = self.shape
        rate, (stress, heat_flux) = gas.model.rate(gas.prandtl), gas.model.shares(gas.prandtl)
        exponent = -np.inf if gas.omega is None else 1.0 - gas.omega
        model = kernel.Model(rate, stress, heat_flux, fields, gas.dims, gas.prandtl, exponent)
        accommodation, emission, source = np.zeros(2), np.zeros((2, fields, K)), np.zeros((2, K))
        for side, wall in enumerate(case.walls or ()):
            M = discrete_maxwellian(1.0, 0.0, wall.temperature, grid)
            M /= (np.maximum(grid.v, 0.0) * M).sum()
            weights = transverse_weights(wall.velocity, wall.temperature, gas.dims)[:fields]
            accommodation[side], emission[side, :, : grid.points] = wall.accommodation, np.stack([w * M for w in weights])
        if case.temperature_gradient:
            G, H = maxwellian_moments(case.rho, case.u, case.T, gas, 3)
            rho, _, T, _, _ = macroscopic(G.sum(1).mean(-1), H.sum(1).mean(-1), gas)
            M = -0.5 * case.temperature_gradient * T * discrete_maxwellian(rho, 0.0, T, grid)
            z2 = grid.v**2 / T
            source[:, : grid.points] = (z2 - 1) * M, (gas.dims + 1) * T * (z2 + 1) * M
        ends = kernel.Ends(BOUNDARIES[case.boundary], accommodation, emission, np.zeros((2, fields, K)))
        force = kernel.Force(case.acceleration != 0 or case.temperature_gradient != 0, case.acceleration, source)
        v, mask = np.zeros((2, K))
        v[: grid.points], mask[: grid.points] = grid.v, 1.0
        scheme = kernel.Scheme(*self.scheme.arrays(), self.transport == "weno5")
        return model, ends, force, kernel.Velocities(v, mask, grid.dv), scheme

    def interior(self, flat):
        return flat.reshape(self.shape)[:, kernel.GHOST : -kernel.GHOST, : self.grid.points]

    def march(self, storage, start, end, stop):
        f, other, accumulators, row = storage
        eps, physics = np.broadcast_to(self.case.knudsen, self.case.cells).astype(float), self.physics()

        def advance(dt, steps):
            return kernel.advance(f, other, accumulators, eps, *physics, self.case.dx, dt, steps, row)

        return self.in_visits(advance, start, end, stop)

    def moments(self, f):
        """Raw moments [fields, order + 1, n] of f [fields, n, K]."""
        powers = self.grid.v ** np.arange(self.order + 1)[:, None] * self.grid.dv
        return powers @ f.swapaxes(1, 2)

    def doubts(self):
        case, points, dv = self.case, self.grid.points, self.grid.dv
        found = super().doubts()
        if self.fitted:
            found.append(
                f"{case.name}: {points} velocities, spacing {dv:.3g}, under-resolve the gas: "
                "conservation is exact, transport coefficients are not. Give more gas.velocity_points or wider bounds."
            )
        wanted = flight_spacing(case, self.gas)
        if dv > RAYS_SHOW * wanted:
            found.append(
                f"{case.name}: {points} velocities, spacing {dv:.3g}, are too few for so long a free flight: jumps show as steps "
                f"(rays), waves return. gas.velocity_points={int(points * dv / wanted) + 1} resolve it."
            )
        return found
