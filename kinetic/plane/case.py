"""The Case of two space dimensions: a rectangle, its four sides, the start, the Knudsen number and the end time."""

from dataclasses import dataclass

import numpy as np

from knudsen.errors import InputError
from knudsen.kinetic.wall import Wall

SIDES = ("left", "right", "bottom", "top")
OPEN = ("periodic", "outflow", "fixed")


@dataclass(frozen=True, eq=False, repr=False)
class PlaneCase:
    r"""Gas in a rectangle, at the start a Maxwellian :math:`M[\rho, u, v, T]` in the centre of every cell.

    name: what it is; bounds: ((x_left, x_right), (y_bottom, y_top)); cells: (nx, ny);
    sides: (left, right, bottom, top), each ``periodic`` (with the opposite one), ``outflow`` (zero gradient), ``fixed`` (the
    start's Maxwellians at that side beyond it), or a :class:`~knudsen.kinetic.Wall`; its ``velocity`` is tangential: along y on
    the left and right, along x at the bottom and top.
    rho, u, v, T: numbers, or arrays [ny, nx]. knudsen: eps. t_end; save_times: within (0, t_end], t_end is always added.
    steady: is the steady flow wanted in place of the one at t_end?
    Raises InputError naming ``case.<key>``.
    """

    name: str
    bounds: tuple[tuple[float, float], tuple[float, float]]
    cells: tuple[int, int]
    sides: tuple
    rho: np.ndarray | float = 1.0
    u: np.ndarray | float = 0.0
    v: np.ndarray | float = 0.0
    T: np.ndarray | float = 1.0
    knudsen: float = 1.0
    t_end: float = 1.0
    save_times: tuple[float, ...] = ()
    steady: bool = False
    seed: int | None = None

    def __post_init__(self):
        cells = self.cells
        if not (isinstance(cells, list | tuple) and len(cells) == 2 and all(_whole(n) and n > 1 for n in cells)):
            raise InputError(f"case.cells={cells!r}: give [nx, ny], two integers of at least 2")
        object.__setattr__(self, "cells", (int(cells[0]), int(cells[1])))
        for low, high in self.bounds:
            if not (np.isfinite([low, high]).all() and low < high):
                raise InputError(f"case.bounds={self.bounds!r}: give finite ((x_left, x_right), (y_bottom, y_top)), in order")
        self._check_sides()
        for key in ("rho", "u", "v", "T"):
            object.__setattr__(self, key, self._state(key))
        for key in ("knudsen", "t_end"):
            value = getattr(self, key)
            if not _number(value) or not 0 < value < np.inf:
                raise InputError(f"case.{key}={value!r}: give a positive number")
            object.__setattr__(self, key, float(value))
        if not isinstance(self.steady, bool):
            raise InputError(f"case.steady={self.steady!r}: give true or false")
        try:
            times = {float(t) for t in self.save_times or ()}
        except (TypeError, ValueError):
            raise InputError(f"case.save_times={self.save_times!r}: give a list of numbers") from None
        if any(not 0 < t <= self.t_end for t in times):
            raise InputError(f"case.save_times={self.save_times!r}: every time must lie within (0, t_end={self.t_end:g}]")
        object.__setattr__(self, "save_times", tuple(sorted(times | {self.t_end})))

    def _check_sides(self):
        if not (isinstance(self.sides, list | tuple) and len(self.sides) == 4):
            raise InputError(f"case.sides={self.sides!r}: give the four of left, right, bottom and top")
        for name, side in zip(SIDES, self.sides, strict=True):
            if not isinstance(side, Wall) and side not in OPEN:
                raise InputError(f"case.sides: {name}={side!r}: give a wall, or one of {', '.join(OPEN)}")
        object.__setattr__(self, "sides", tuple(self.sides))
        for one, other in (self.sides[:2], self.sides[2:]):
            if ("periodic" in (one, other)) and one != other:
                raise InputError("case.sides: a side is periodic with the opposite one; make both periodic")

    def _state(self, key):
        nx, ny = self.cells
        try:
            value = np.broadcast_to(np.asarray(getattr(self, key), float), (ny, nx))
        except (TypeError, ValueError):
            raise InputError(f"case.{key}: give a number, or numbers of shape [ny, nx] = {(ny, nx)}") from None
        if not np.isfinite(value).all():
            raise InputError(f"case.{key}: every value must be a finite number")
        if key in ("rho", "T") and not (value > 0).all():
            raise InputError(f"case.{key}: the smallest value is {value.min():g}; it must be positive everywhere")
        return value

    def __repr__(self) -> str:
        (x0, x1), (y0, y1), (nx, ny) = *self.bounds, self.cells
        end = "steady" if self.steady else f"to t = {self.t_end:.4g}"
        where = f"x from {x0:.4g} to {x1:.4g}, y from {y0:.4g} to {y1:.4g} in {nx} x {ny} cells"
        return f"<PlaneCase {self.name}: {where}; Knudsen number {self.knudsen:.4g}; {end}>"

    @property
    def walls(self) -> tuple[Wall, ...]:
        """The walls among the sides."""
        return tuple(side for side in self.sides if isinstance(side, Wall))

    @property
    def spacing(self) -> tuple[float, float]:
        """(dx, dy)."""
        (x0, x1), (y0, y1), (nx, ny) = *self.bounds, self.cells
        return (x1 - x0) / nx, (y1 - y0) / ny

    @property
    def x(self) -> np.ndarray:
        """Cell centres [nx]."""
        return self.bounds[0][0] + (np.arange(self.cells[0]) + 0.5) * self.spacing[0]

    @property
    def y(self) -> np.ndarray:
        """Cell centres [ny]."""
        return self.bounds[1][0] + (np.arange(self.cells[1]) + 0.5) * self.spacing[1]


def _whole(value) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _number(value) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)
