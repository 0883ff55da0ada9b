"""Cases in the plane by name."""

from knudsen.build import makes
from knudsen.errors import InputError
from knudsen.kinetic.plane.case import SIDES, PlaneCase
from knudsen.kinetic.wall import Wall

UNIT = ((-0.5, 0.5), (-0.5, 0.5))


@makes(PlaneCase)
def cavity(
    *, temperatures=(1.0, 1.0, 1.0, 1.0), lid=0.0, cells=(64, 64), knudsen=0.1, steady=True, t_end=10.0, save_times=()
):  # fmt: skip
    """Gas of mean density 1 in the unit square between diffuse walls, at the start at rest with their mean temperature.

    temperatures: of the left, right, bottom and top wall; lid: velocity of the top wall along x; steady: the steady flow, else
    that at t_end.
    """
    try:
        walls = [float(T) for T in temperatures]
    except (TypeError, ValueError):
        walls = []
    if len(walls) != 4 or not all(T > 0 for T in walls):
        raise InputError(f"case.temperatures={temperatures!r}: give four positive numbers, of the {', '.join(SIDES)} wall")
    if isinstance(lid, bool) or not isinstance(lid, int | float):
        raise InputError(f"case.lid={lid!r}: give the velocity of the top wall, a number")
    sides = tuple(Wall(T, velocity=float(lid) if name == "top" else 0.0) for name, T in zip(SIDES, walls, strict=True))
    return PlaneCase(
        "cavity", UNIT, cells, sides, T=sum(walls) / 4, knudsen=knudsen, t_end=t_end, save_times=save_times, steady=steady
    )
