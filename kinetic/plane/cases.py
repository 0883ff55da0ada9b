"""Cases in the plane by name, in the unit square centred at 0."""

import numpy as np

from knudsen.build import makes
from knudsen.errors import InputError
from knudsen.kinetic.plane.case import SIDES, PlaneCase
from knudsen.kinetic.wall import Wall

UNIT = ((-0.5, 0.5), (-0.5, 0.5))
PERIODIC = ("periodic",) * 4
OUTFLOW = ("outflow",) * 4


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


@makes(PlaneCase)
def taylor_green(*, amplitude=0.05, cells=(32, 32), knudsen=0.01, t_end=0.5, save_times=()):
    r"""Vortices that viscosity slows down, periodic, rho = T = 1: :math:`u = A \sin kx \cos ky`, :math:`v = -A \cos kx \sin ky`,
    :math:`k = 2 \pi`; for small A and Knudsen numbers they decay as :math:`e^{-2 k^2 \mu t}`.

    Source: G. I. Taylor, A. E. Green, Proc. R. Soc. A 158, 499 (1937), doi:10.1098/rspa.1937.0036.
    """
    if isinstance(amplitude, bool) or not isinstance(amplitude, int | float) or not 0 < abs(amplitude) < 1:
        raise InputError(f"case.amplitude={amplitude!r}: give a number between 0 and 1")
    x, y = _angles(cells)
    u, v = amplitude * np.sin(x) * np.cos(y), -amplitude * np.cos(x) * np.sin(y)
    return PlaneCase("taylor_green", UNIT, cells, PERIODIC, 1.0, u, v, 1.0, knudsen, t_end, save_times)


@makes(PlaneCase)
def wave2d(seed: int, *, cells=(32, 32), knudsen=0.1, t_end=0.1, save_times=()):
    """Random smooth gas, periodic: rho, T within 0.5..1.5 and u, v within -0.5..0.5, each a sum of three sine waves along
    different directions; drawn from ``seed``."""
    draw, (x, y) = np.random.default_rng(seed), _angles(cells)
    sums = []
    for _ in range(4):
        waves, phases, shares = draw.integers(-2, 3, (3, 2)), draw.uniform(0, 2 * np.pi, 3), draw.dirichlet(np.ones(3))
        sums.append(0.5 * sum(a * np.sin(m * x + n * y + p) for (m, n), p, a in zip(waves, phases, shares, strict=True)))
    rho, u, v, T = 1 + sums[0], sums[1], sums[2], 1 + sums[3]
    return PlaneCase("wave2d", UNIT, cells, PERIODIC, rho, u, v, T, knudsen, t_end, save_times, seed=seed)


@makes(PlaneCase)
def riemann2d(*, states, cells=(32, 32), knudsen=0.01, t_end=0.2, save_times=()):
    """Four constant states (rho, u, v, T) that meet in the middle, of the quadrants x, y > 0; x < 0 < y; x, y < 0; y < 0 < x.

    Source: P. D. Lax, X.-D. Liu, SIAM J. Sci. Comput. 19, 319 (1998), doi:10.1137/S1064827595291819, whose numbering it is.
    """
    if np.shape(states) != (4, 4):
        raise InputError(f"case.states={states!r}: give four states, each [rho, u, v, T]")
    x, y = _angles(cells)
    quadrant = np.where(y > 0, np.where(x > 0, 0, 1), np.where(x > 0, 3, 2))
    rho, u, v, T = np.moveaxis(np.asarray(states, float)[quadrant], -1, 0)
    return PlaneCase("riemann2d", UNIT, cells, OUTFLOW, rho, u, v, T, knudsen, t_end, save_times)


def _angles(cells):
    """2 pi times the centres of cells in the unit square, x [1, nx] and y [ny, 1]; anything where the cells are no numbers."""
    good = isinstance(cells, list | tuple) and len(cells) == 2 and all(isinstance(n, int) and n > 0 for n in cells)
    nx, ny = cells if good else (2, 2)
    x, y = (2 * np.pi * ((np.arange(n) + 0.5) / n - 0.5) for n in (nx, ny))
    return x[None, :], y[:, None]
