r"""Steady flows between diffuse walls: sweeps, accelerated.

A sweep (:mod:`knudsen.kinetic.plane.sweep`) maps the fields that make the targets, and the mass that each wall face gives back,
onto new ones: a fixed-point problem for a few numbers per cell, not for f, which is never stored. Molecules forget the fields in
a few flights at Knudsen numbers above 1; at small ones plain sweeps need of the order of eps^-2 of them. There a coarser grid
with fewer velocities takes care of what changes slowly (:mod:`knudsen.kinetic.plane.coarse`), and at any Knudsen number
Anderson's method combines the last iterations such that their residual is least. Mass is not in the equations: every sweep is
scaled to the mean density of the start.
"""

import time
import warnings
from dataclasses import dataclass, field

import numpy as np

from knudsen.errors import InputError, UnderResolvedWarning
from knudsen.kinetic.gas import Gas
from knudsen.kinetic.plane.anderson import Anderson
from knudsen.kinetic.plane.case import SIDES, PlaneCase
from knudsen.kinetic.plane.coarse import Coarse, ratio_of
from knudsen.kinetic.plane.run import NAMES
from knudsen.kinetic.plane.sweep import REACHED, all_fields, make_targets, sweep
from knudsen.kinetic.plane.target import FIELDS, NUMBERS, SUMS, Nodes, model_of
from knudsen.kinetic.plane.velocities import PlaneVelocities, check_gas, doubts, emitted, plane_velocities
from knudsen.kinetic.wall import Wall

DENSE = 0.5  # Knudsen number, in lengths of the shorter side, below which a coarse grid helps


@dataclass(eq=False)
class PlaneFlow:
    """A steady solution: fields [ny, nx] by name (``rho``, ``u``, ``v``, ``T``, ``qx``, ``qy``, ``sigma_xx``, ``sigma_xy``,
    ``sigma_yy``), what the walls feel, and how it was found.

    walls: {side: {"mass", "force_x", "force_y", "energy"}}, per unit of depth: what the gas gives the wall in unit time; mass and
    the sums of energy and force are zero but for the residual. residual: the largest change of a field in the last sweep, over
    the largest density, thermal speed, ...; iterations: sweeps; coarse_sweeps: those of the coarse grid; status ``ok`` or
    ``not_converged``.
    """

    case: PlaneCase
    gas: Gas
    velocities: PlaneVelocities
    fields: dict[str, np.ndarray] = field(repr=False)
    walls: dict[str, dict[str, float]] = field(repr=False)
    iterations: int
    residual: float
    seconds: float
    status: str
    residuals: list[float] = field(repr=False)
    warnings: tuple[str, ...] = ()
    coarse_sweeps: int = 0
    schemes: tuple[str, ...] = ("upwind sweeps, order 2",)

    @property
    def steps(self) -> int:
        """The sweeps, as what other solvers call steps."""
        return self.iterations


def solve_plane(
    case: PlaneCase,
    gas: Gas,
    *,
    velocities: PlaneVelocities | None = None,
    tolerance: float = 1e-8,
    most: int = 5000,
    acceleration: bool = True,
    progress=None,
) -> PlaneFlow:
    """The steady flow of a relaxation model, D = 2 or 3, in a rectangle whose sides are diffuse walls.

    velocities: None chooses them (:func:`plane_velocities`); tolerance: of the residual; most: sweeps; acceleration: by a
    coarse grid and Anderson's method.
    Raises InputError naming the key.
    """
    check_gas(case, gas)
    for name, side in zip(SIDES, case.sides, strict=True):
        if not isinstance(side, Wall) or side.accommodation != 1.0:
            raise InputError(f"case.steady=true: the {name} side is no diffuse wall, which sweeps need; give case.steady=false")
    return Steady(case, gas, velocities or plane_velocities(case, gas))(tolerance, most, acceleration, progress)


class Steady:
    """The fixed-point problem of one case on one set of velocities."""

    def __init__(self, case, gas, velocities):
        self.case, self.gas, self.velocities = case, gas, velocities
        self.model, self.nodes = model_of(gas), Nodes(velocities.vx, velocities.vy, velocities.weight)
        (nx, ny), K = case.cells, velocities.points
        self.emission = np.stack([emitted(wall, side, velocities, gas.dims) for side, wall in enumerate(case.sides)])
        self.targets, self.kappa = np.zeros((nx * ny, NUMBERS)), np.zeros(nx * ny)
        self.raw = np.zeros((nx * ny, SUMS))
        self.reached = np.zeros((2, ny, REACHED)), np.zeros((2, nx, REACHED))
        carried = [0, 1, 2, 3] + ([4, 5] if self.model.heat_flux else []) + ([6, 7, 8] if self.model.stress else [])
        self.carried, self.shape = np.array(carried), (nx, ny, K)
        self.fitted, self.density = 0, float(case.rho.mean())

    def start(self):
        """The start as a vector: the carried fields, then what the walls give back."""
        case, (nx, ny, _) = self.case, self.shape
        W = np.zeros((nx * ny, FIELDS))
        for place, key in enumerate(("rho", "u", "v", "T")):
            W[:, place] = getattr(case, key).ravel()
        leaving = self.density * np.sqrt(case.T.mean() / (2 * np.pi))
        return self.join(W, np.full(2 * (nx + ny), leaving))

    def join(self, W, flux):
        return np.concatenate([W[:, self.carried].ravel(), flux])

    def split(self, z):
        """Fields [cells, FIELDS] (those that are not carried: zero) and fluxes ([2, ny], [2, nx])."""
        nx, ny, _ = self.shape
        fields, *flux = self.parts(z)
        W = np.zeros((nx * ny, FIELDS))
        W[:, self.carried] = fields.reshape(nx * ny, -1)
        return W, tuple(flux)

    def parts(self, z):
        """The carried fields [ny, nx, carried] and the fluxes [2, ny], [2, nx] of a vector."""
        nx, ny, _ = self.shape
        fields, flux = np.split(z, [-2 * (nx + ny)])
        return fields.reshape(ny, nx, -1), flux[: 2 * ny].reshape(2, ny), flux[2 * ny :].reshape(2, nx)

    def whole(self, *parts):
        return np.concatenate([np.ravel(part) for part in parts])

    def step(self, z):
        """z after one sweep, scaled to the mean density; None where a target or a state does not exist."""
        nx, ny, _ = self.shape
        W, flux = self.split(z)
        failed, fitted = make_targets(W, self.case.knudsen, self.model, self.nodes, self.targets, self.kappa)
        if failed >= 0:
            return None
        self.fitted = fitted
        dx, dy = self.case.spacing
        sweep(self.targets, self.kappa, flux, self.emission, self.model, self.nodes, nx, ny, dx, dy, self.raw, *self.reached)
        W = np.zeros((nx * ny, FIELDS))
        if all_fields(self.raw, self.gas.dims, W) >= 0:
            return None
        scale = self.density / W[:, 0].mean()
        W[:, [0, 4, 5, 6, 7, 8]] *= scale
        self.W, self.flux = W, flux
        return self.join(W, scale * np.concatenate([reached[:, :, 0].ravel() for reached in self.reached]))

    def __call__(self, tolerance, most, acceleration, progress):
        began = time.perf_counter()
        mixer, residuals, status, coarse = Anderson(), [], "not_converged", self.coarse() if acceleration else None
        z = coarse.start() if coarse else self.start()
        scale, best = self.scale(), z
        for _ in range(most):
            new = self.step(z)
            if new is None and z is best:  # not even a plain sweep
                raise InputError(f"gas.velocity_points: {self.velocities.name} cannot hold the gas; give more points")
            if new is None:
                mixer.forget()
                z = best
                continue
            residuals.append(float(np.abs((new - z) / scale).max()))
            if progress:
                progress(residuals, tolerance)
            if residuals[-1] < tolerance:
                status = "ok"
                break
            best = new
            if coarse:
                new = coarse(z, new)
            z = mixer(z, new - z) if acceleration else new
        nx, ny, _ = self.shape
        fields = {name: self.W[:, n].reshape(ny, nx).copy() for n, name in enumerate(NAMES)}
        doubtful = tuple(doubts(self.case, self.gas, self.velocities, self.fitted))
        for doubt in doubtful:
            warnings.warn(doubt, UnderResolvedWarning, stacklevel=3)
        return PlaneFlow(
            self.case, self.gas, self.velocities, fields, self.balance(), len(residuals), residuals[-1],
            time.perf_counter() - began, status, residuals, doubtful, coarse.sweeps if coarse else 0,
        )  # fmt: skip

    def coarse(self):
        """The coarse problem, where it helps."""
        (nx, ny), (dx, dy) = self.case.cells, self.case.spacing
        ratio = ratio_of(self.case.cells)
        return Coarse(self, ratio) if ratio and self.case.knudsen < DENSE * min(nx * dx, ny * dy) else None

    def scale(self):
        """What a residual is small against, by field."""
        nx, ny, _ = self.shape
        T = max(wall.temperature for wall in self.case.sides)
        units = np.array([1, T**0.5, T**0.5, T, T**1.5, T**1.5, T, T, T]) * np.array([self.density, 1, 1, 1, *[self.density] * 5])
        return np.concatenate([np.tile(units[self.carried], nx * ny), np.full(2 * (nx + ny), self.density * T**0.5)])

    def balance(self):
        """{side: what the gas gives the wall} of the last sweep."""
        found, nodes, lengths = {}, self.nodes, self.case.spacing
        for side, name in enumerate(SIDES):
            axis = side // 2
            vn = np.abs((nodes.x, nodes.y)[axis]) * nodes.w
            g, h = self.emission[side][0], self.emission[side][-1] if self.model.fields > 1 else 0.0
            square = nodes.x**2 + nodes.y**2
            given = np.array([vn @ g, (vn * nodes.x) @ g, (vn * nodes.y) @ g, vn @ (square * g + h)])
            flux, came = self.flux[axis][side % 2], self.reached[axis][side % 2][:, :4]
            net = (came - flux[:, None] * given).sum(axis=0) * lengths[1 - axis]
            found[name] = dict(zip(("mass", "force_x", "force_y", "energy"), map(float, net * [1, 1, 1, 0.5]), strict=True))
        return found
