"""Velocities (v_x, v_y) of the solver in the plane: sets that the mirrors of both axes map onto themselves."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from knudsen.errors import InputError
from knudsen.kinetic.gas import Gas
from knudsen.kinetic.plane.case import PlaneCase
from knudsen.kinetic.wall import Wall

TAIL = 7.0  # fastest molecules, in thermal speeds of the hottest wall
OPEN_TAIL = 7.5  # without walls: what lies beyond carries 6e-13 of the energy
SPACING = 0.6  # of a Cartesian grid, in thermal speeds of the coldest gas: exact to 1e-12 for moments of any Maxwellian
QUADRANTS = ((1.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0))  # signs of v_x and v_y, in the order of the arrays


@dataclass(frozen=True, eq=False)
class PlaneVelocities:
    r"""Velocities of the first quadrant, v_x, v_y > 0, with quadrature weights [Q]; the other three are its mirror images.

    :math:`\int \phi\, dv_x dv_y \approx \sum_k w_k\, \phi(v_k)` over K = 4 Q velocities, quadrant after quadrant in the order
    of ``QUADRANTS``: the mirror of velocity k in x is ``k ^ 1`` in units of quadrants, that in y ``k ^ 2``.
    No velocity is parallel to an axis, so that each has an upwind side on both. name: what kind of set it is, in words.
    """

    name: str
    quadrant_x: np.ndarray = field(repr=False)
    quadrant_y: np.ndarray = field(repr=False)
    quadrant_weight: np.ndarray = field(repr=False)

    @property
    def points(self) -> int:
        return 4 * self.quadrant_x.size

    @cached_property
    def vx(self) -> np.ndarray:
        return np.concatenate([sign * self.quadrant_x for sign, _ in QUADRANTS])

    @cached_property
    def vy(self) -> np.ndarray:
        return np.concatenate([sign * self.quadrant_y for _, sign in QUADRANTS])

    @cached_property
    def weight(self) -> np.ndarray:
        return np.tile(self.quadrant_weight, 4)


def cartesian(fastest: float, points: int) -> PlaneVelocities:
    """``points`` (even) equidistant velocities per coordinate, midpoints of cells that fill [-fastest, fastest]."""
    dv = 2 * fastest / points
    axis = (np.arange(points // 2) + 0.5) * dv
    vy, vx = np.meshgrid(axis, axis, indexing="ij")
    weight = np.full(vx.size, dv * dv)
    return PlaneVelocities(f"Cartesian, {points} x {points} velocities", vx.ravel(), vy.ravel(), weight)


def polar(fastest: float, speeds: int, angles: int) -> PlaneVelocities:
    r"""``angles`` (a multiple of 4) equidistant directions, none along an axis, times Gauss-Legendre speeds in (0, fastest).

    Where two walls meet, f jumps between neighbouring directions: what many velocities of a Cartesian grid are needed for
    (rays from the corners), many directions alone do here.
    """
    nodes, weights = np.polynomial.legendre.leggauss(speeds)
    speed, weights = 0.5 * fastest * (1 + nodes), 0.5 * fastest * weights
    angle = (np.arange(angles // 4) + 0.5) * (2 * np.pi / angles)
    cosine = np.cos(angle)
    sine = cosine[::-1]  # the same numbers: the set is its own mirror image about the diagonal, too
    vx, vy = np.outer(cosine, speed), np.outer(sine, speed)
    weight = np.outer(np.full(angle.size, 2 * np.pi / angles), weights * speed)
    return PlaneVelocities(f"polar, {angles} directions x {speeds} speeds", vx.ravel(), vy.ravel(), weight.ravel())


def check_gas(case: PlaneCase, gas: Gas):
    """InputError where the gas has no motion in the plane that this solver knows."""
    if gas.is_boltzmann or gas.dims == 1:
        raise InputError(
            f"case={case.name}: two space dimensions need a relaxation model with D = 2 or 3, not gas={gas.name}: "
            "take bgk_2v, bgk_3v, shakhov_3v or es_bgk_3v"
        )


def emitted(wall: Wall, side: int, velocities: PlaneVelocities, dims: int):
    """f [field, K] of unit mass flux of a diffuse wall: its Maxwellian for velocities into the gas, zero for others."""
    normal, along = (velocities.vx, velocities.vy) if side < 2 else (velocities.vy, velocities.vx)
    inward = normal if side % 2 == 0 else -normal
    g = np.where(inward > 0, np.exp(-0.5 * (normal**2 + (along - wall.velocity) ** 2) / wall.temperature), 0.0)
    g /= (velocities.weight * np.maximum(inward, 0) * g).sum()
    return np.stack([g, wall.temperature * g][: dims - 1])


def plane_velocities(case: PlaneCase, gas: Gas) -> PlaneVelocities:
    """Between walls polar velocities, else a Cartesian grid; of ``gas.velocity_points`` one of so many per coordinate."""
    hottest = max([float(case.T.max()), *(wall.temperature for wall in case.walls)])
    coldest = min([float(case.T.min()), *(wall.temperature for wall in case.walls)])
    swiftest = max([float(np.hypot(case.u, case.v).max()), *(abs(wall.velocity) for wall in case.walls)])
    tail = TAIL if case.walls else OPEN_TAIL
    fastest = swiftest + tail * float(np.sqrt(hottest + swiftest**2 / (2 * gas.dims)))
    if case.walls and gas.velocity_points is None and gas.velocity_bounds is None:
        return polar(fastest, 16, 128)
    low, high = gas.velocity_bounds or (-fastest, fastest)
    if low != -high:
        raise InputError(f"gas.velocity_bounds=[{low:g}, {high:g}]: velocities lie symmetric in the plane; give [-v, v]")
    points = gas.velocity_points or 2 * int(np.ceil(high / (SPACING * np.sqrt(coldest))))
    if points % 2:
        raise InputError(f"gas.velocity_points={points}: give an even number in the plane, so that no velocity is zero")
    return cartesian(float(high), points)
