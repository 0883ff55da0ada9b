"""Velocities (v_x, v_y) of the solver in the plane: sets that the mirrors of both axes map onto themselves."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from knudsen.errors import InputError
from knudsen.kinetic.gas import Gas
from knudsen.kinetic.plane.case import PlaneCase
from knudsen.kinetic.wall import Wall

TAIL = 7.0  # fastest molecules, in thermal speeds of the hottest wall
DIRECTIONS = 128  # between walls
FEWEST_SPEEDS = 16
OPEN_TAIL = 7.5  # without walls: what lies beyond carries 6e-13 of the energy
SPACING = 0.6  # of a Cartesian grid, in thermal speeds of the coldest gas: exact to 1e-12 for moments of any Maxwellian
FEWEST_DIRECTIONS = (
    64  # between walls at Knudsen numbers above COLLIDING: rays from the corners are then below 2e-4 of the temperature
)
COLLIDING = 0.2
FLIGHT_TAIL = 5.0  # the first image of a wave that free flight has sheared stays so many thermal widths away
FAINT = 1e-4  # waves of the start below this share of the gas's own size need no velocities
MOST = 256  # velocities per coordinate that are chosen for free flight
SHOW = 1.4  # times the spacing that free flight asks for: from there on it is said
QUADRANTS = ((1.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0))  # signs of v_x and v_y, in the order of the arrays


@dataclass(frozen=True, eq=False)
class PlaneVelocities:
    r"""Velocities of the first quadrant, v_x, v_y > 0, with quadrature weights [Q]; the other three are its mirror images.

    :math:`\int \phi\, dv_x dv_y \approx \sum_k w_k\, \phi(v_k)` over K = 4 Q velocities, quadrant after quadrant in the order
    of ``QUADRANTS``: the mirror of velocity k in x is ``k ^ 1`` in units of quadrants, that in y ``k ^ 2``.
    No velocity is parallel to an axis, so that each has an upwind side on both. name: what kind of set it is, in words; dv: the
    spacing of a Cartesian one.
    """

    name: str
    quadrant_x: np.ndarray = field(repr=False)
    quadrant_y: np.ndarray = field(repr=False)
    quadrant_weight: np.ndarray = field(repr=False)
    dv: float | None = None

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
    return PlaneVelocities(f"Cartesian, {points} x {points} velocities", vx.ravel(), vy.ravel(), weight, dv)


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
        return polar(fastest, speeds_of(case), DIRECTIONS)
    low, high = gas.velocity_bounds or (-fastest, fastest)
    if low != -high:
        raise InputError(f"gas.velocity_bounds=[{low:g}, {high:g}]: velocities lie symmetric in the plane; give [-v, v]")
    dv = min(SPACING * np.sqrt(coldest), max(flight_spacing(case, gas), 2 * high / MOST))
    points = gas.velocity_points or 2 * int(np.ceil(high / dv))
    if points % 2:
        raise InputError(f"gas.velocity_points={points}: give an even number in the plane, so that no velocity is zero")
    return cartesian(float(high), points)


def speeds_of(case: PlaneCase) -> int:
    """Speeds that integrate the coldest wall's Maxwellian to 1e-6 on a range that holds the hottest one's."""
    T = [float(case.T.min()), float(case.T.max()), *(wall.temperature for wall in case.walls)]
    return max(FEWEST_SPEEDS, int(np.ceil(4 + 10 * np.sqrt(max(T) / min(T)))))


def flight_spacing(case: PlaneCase, gas: Gas) -> float:
    """The spacing below which free flight does not show the velocities: ``knudsen.kinetic.grid.flight_spacing`` for waves of any
    direction; infinite between walls."""
    if case.walls:
        return np.inf
    tau = float((case.knudsen / gas.frequency(case.rho, case.T)).max())
    flight = min(case.t_end, 2 * tau)
    flight *= np.exp(-0.5 * flight / tau)
    (nx, ny), (dx, dy) = case.cells, case.spacing
    size = np.sqrt(case.T.max())
    fields = np.stack([case.rho / case.rho.max(), case.u / size, case.v / size, case.T / case.T.max()])
    strong = (np.abs(np.fft.fft2(fields)) > FAINT * nx * ny / 2).any(axis=0)
    wave = 2 * np.pi * np.hypot(np.fft.fftfreq(nx, dx), np.fft.fftfreq(ny, dy)[:, None])
    shortest = min(float(wave[strong].max(initial=0.0)), 0.5 * np.pi / min(dx, dy))
    return 2 * np.pi / (shortest * flight + FLIGHT_TAIL / float(np.sqrt(case.T.min())))


def doubts(case: PlaneCase, gas: Gas, velocities: PlaneVelocities, fitted: int) -> list[str]:
    """What is doubtful about a solution with these velocities, in words; fitted: number of targets that they under-resolve."""
    found, dv = [], velocities.dv
    if fitted:
        found.append(
            f"{case.name}: {velocities.name} under-resolve the gas: conservation is exact, transport coefficients are not. "
            "Give more gas.velocity_points."
        )
    if dv is None:
        return found
    directions = int(2 * np.pi * float(np.sqrt(case.T.min())) / dv)
    if case.walls and case.knudsen > COLLIDING and directions < FEWEST_DIRECTIONS:
        found.append(
            f"{case.name}: {velocities.name} have {directions} directions at the thermal speed: rays from the corners show. "
            f"Leave gas.velocity_points=null for {DIRECTIONS} directions."
        )
    wanted = flight_spacing(case, gas)
    if dv > SHOW * wanted:
        points = 2 * int(np.ceil(velocities.vx.max() / wanted))
        found.append(
            f"{case.name}: {velocities.name} are too few for so long a free flight: jumps show as steps (rays), waves return. "
            f"gas.velocity_points={points} resolve it."
        )
    return found
