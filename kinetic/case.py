"""The Case: domain, boundary, initial state, Knudsen number and end time, shared by every solver."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from knudsen.errors import InputError
from knudsen.kinetic.gas import Gas
from knudsen.kinetic.moments import macroscopic, maxwellian_moments
from knudsen.kinetic.wall import Wall
from knudsen.shown import as_table
from knudsen.solvers.boundaries import BOUNDARIES


@dataclass(frozen=True, eq=False, repr=False)
class Case:
    r"""An initial-boundary-value problem, the same object for the kinetic and for every moment solver.

    The start is a sum of Maxwellians given on a fine grid and averaged (f itself, or its moments; never the fields) over the
    blocks of ``refine`` fine cells that make one cell:

    .. math:: f_i = \frac{1}{r} \sum_{j \in \text{block } i} \sum_c M[\rho_{cj}, u_{cj}, T_{cj}]

    name: what it is; bounds: (x_left, x_right); cells: number of cells n;
    boundary: ``periodic``, ``outflow`` (zero gradient), ``fixed`` (the end cells' Maxwellians in the ghost cells) or ``walls``.
    rho, u, T: [component, fine] (or [fine]); fine must be a multiple of n.
    knudsen: eps, a number or a field [fine] or [n]; kept as a number or as the block averages [n].
    t_end; save_times: within (0, t_end], t_end is always added. seed: what the start was drawn from, None if it was not drawn.
    walls: (left, right) :class:`~kinetic.wall.Wall`, of the boundary ``walls``.
    uy: tangential velocity of the start, shaped as u; None: none. acceleration: body force per mass along y.
    temperature_gradient: d ln T/dy at constant pressure (thermal creep), to first order: its effect on the undisturbed gas
    (mean density and temperature of the start), right for small gradients.
    Raises InputError naming ``case.<key>``.
    """

    name: str
    bounds: tuple[float, float]
    cells: int
    boundary: str
    rho: np.ndarray
    u: np.ndarray
    T: np.ndarray
    knudsen: float | np.ndarray
    t_end: float
    save_times: tuple[float, ...] = ()
    seed: int | None = None
    fine_knudsen: np.ndarray | None = field(default=None, repr=False)
    walls: tuple[Wall, Wall] | None = None
    uy: np.ndarray | None = None
    acceleration: float = 0.0
    temperature_gradient: float = 0.0

    def __post_init__(self):
        if self.boundary not in BOUNDARIES:
            raise InputError(f"case.boundary={self.boundary!r} is unknown: choose one of {', '.join(BOUNDARIES)}")
        if not (np.all(np.isfinite(self.bounds)) and self.bounds[0] < self.bounds[1]):
            raise InputError(f"case.bounds={self.bounds!r}: give finite (x_left, x_right) with x_left < x_right")
        if not _whole(self.cells):
            raise InputError(f"case.cells={self.cells!r}: give a positive integer")
        for key in ("rho", "u", "T"):
            object.__setattr__(self, key, self._state(key))
        if not self.rho.shape == self.u.shape == self.T.shape:
            raise InputError(f"case.rho, case.u, case.T: the shapes {self.rho.shape}, {self.u.shape}, {self.T.shape} differ")
        if self.fine % self.cells:
            raise InputError(f"case.cells={self.cells} does not divide the {self.fine} cells of the start: give a divisor of it")
        self._set_knudsen()
        self._check_tangential()
        if isinstance(self.t_end, bool) or not isinstance(self.t_end, int | float | np.number) or not 0 < self.t_end < np.inf:
            raise InputError(f"case.t_end={self.t_end!r}: give a positive number")
        object.__setattr__(self, "t_end", float(self.t_end))
        try:
            times = set() if self.save_times is None else {float(t) for t in self.save_times}
        except (TypeError, ValueError):
            raise InputError(f"case.save_times={self.save_times!r}: give a list of numbers") from None
        if any(not 0 < t <= self.t_end for t in times):
            raise InputError(f"case.save_times={self.save_times!r}: every time must lie within (0, t_end={self.t_end}]")
        object.__setattr__(self, "save_times", tuple(sorted(times | {self.t_end})))

    def _state(self, key):
        value = np.atleast_2d(np.asarray(getattr(self, key), float))
        if value.ndim != 2 or not np.isfinite(value).all():
            raise InputError(f"case.{key}: every value must be a finite number, shape [component, cell]")
        if not key.startswith("u") and not (value > 0).all():
            raise InputError(f"case.{key}: the smallest value is {value.min():g}; it must be positive everywhere")
        return value

    def _set_knudsen(self):
        try:
            knudsen = np.asarray(self.knudsen, float)
        except (TypeError, ValueError):
            knudsen = np.asarray(np.nan)
        if not (np.isfinite(knudsen).all() and (knudsen > 0).all()):
            raise InputError(f"case.knudsen={self.knudsen!r}: must be positive and finite everywhere")
        if knudsen.ndim == 0:
            fine, knudsen = None, float(knudsen)
        elif knudsen.shape == (self.fine,):
            fine, knudsen = knudsen, self._block_mean(knudsen)
        elif knudsen.shape == (self.cells,):
            fine = self.fine_knudsen if self.fine_knudsen is not None else np.repeat(knudsen, self.refine)
        else:
            raise InputError(f"case.knudsen: shape {knudsen.shape}; give a number or one value for each of {self.cells} cells")
        object.__setattr__(self, "knudsen", knudsen)
        object.__setattr__(self, "fine_knudsen", fine)

    def _check_tangential(self):
        walls = self.walls
        if (self.boundary == "walls") != (walls is not None):
            raise InputError(f"case.walls={walls!r}: give two walls with case.boundary=walls, and none with any other")
        if walls is not None:
            if not (isinstance(walls, list | tuple) and len(walls) == 2 and all(isinstance(wall, Wall) for wall in walls)):
                raise InputError(f"case.walls={walls!r}: give (left, right), two objects of kinetic.Wall")
            if self.cells < 2:
                raise InputError(f"case.cells={self.cells}: a gas between walls needs at least 2")
            object.__setattr__(self, "walls", tuple(walls))
        if self.uy is not None:
            object.__setattr__(self, "uy", self._state("uy"))
            if self.boundary == "fixed":
                raise InputError("case.uy: a fixed boundary holds gas without tangential velocity; give another case.boundary")
            if self.uy.shape != self.u.shape:
                raise InputError(f"case.uy: the shape {self.uy.shape} differs from that of case.u, {self.u.shape}")
        for key in ("acceleration", "temperature_gradient"):
            value = getattr(self, key)
            if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not np.isfinite(value):
                raise InputError(f"case.{key}={value!r}: give a finite number")
            object.__setattr__(self, key, float(value))

    def __repr__(self) -> str:
        domain, boundary, knudsen, end = self._in_words().values()
        return f"<Case {self.name}: {domain}, {boundary}; Knudsen number {knudsen}; to t = {end}>"

    def _repr_html_(self) -> str:
        return as_table(f"Case {self.name}", self._in_words())

    def _in_words(self) -> dict[str, str]:
        low, high = np.min(self.knudsen), np.max(self.knudsen)
        return {
            "domain": f"x from {self.bounds[0]:.4g} to {self.bounds[1]:.4g} in {self.cells} cells",
            "boundary": self.boundary,
            "Knudsen number": f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}",
            "end": f"{self.t_end:.4g}",
        }

    @property
    def has_shear(self) -> bool:
        """Does the gas move along y (or feel a force there)?"""
        moving = self.walls is not None and any(wall.velocity != 0 for wall in self.walls)
        start = self.uy is not None and bool(self.uy.any())
        return moving or start or self.acceleration != 0 or self.temperature_gradient != 0

    @property
    def fine(self) -> int:
        """Number of fine cells that the initial state is given on."""
        return self.rho.shape[1]

    @property
    def refine(self) -> int:
        """Fine cells per cell."""
        return self.fine // self.cells

    @property
    def length(self) -> float:
        return self.bounds[1] - self.bounds[0]

    @property
    def dx(self) -> float:
        return self.length / self.cells

    @property
    def x(self) -> np.ndarray:
        """Cell centres [n]."""
        return self.bounds[0] + (np.arange(self.cells) + 0.5) * self.dx

    def at(self, cells: int) -> "Case":
        """The same case on another number of cells: a divisor of ``fine``, or a multiple (fine cells are uniform)."""
        knudsen = self.knudsen if self.fine_knudsen is None else self.fine_knudsen
        parts = cells // self.fine if _whole(cells) and cells % self.fine == 0 else 1
        states = {
            key: np.repeat(values, parts, axis=1) for key in ("rho", "u", "T", "uy") if (values := getattr(self, key)) is not None
        }
        knudsen = np.repeat(knudsen, parts) if np.ndim(knudsen) else knudsen
        return replace(self, cells=cells, knudsen=knudsen, fine_knudsen=None, **states)

    def raw_moments(self, gas: Gas, order: int):
        """G [order + 1, n] and H [order + 1, n] (None for D = 1) of the start: exact for the Maxwellians, then block averages."""
        G, H = maxwellian_moments(self.rho, self.u, self.T, gas, order)
        return self._block_mean(G.sum(axis=1)), (None if H is None else self._block_mean(H.sum(axis=1)))

    def distribution(self, gas: Gas, grid) -> np.ndarray:
        """f [fields, n, K] of the start on a velocity grid: g, for D > 1 h, with shear k, y, l (see ``transverse_weights``).

        Without shear its (rho, m, E) equal those of ``raw_moments``.
        """
        from knudsen.kinetic.maxwellian import discrete_maxwellian, transverse_weights  # compiled code only where it is needed

        g = discrete_maxwellian(self.rho, self.u, self.T, grid)
        weights = transverse_weights(0.0 if self.uy is None else self.uy, self.T, gas.dims)
        fields = [(weight[..., None] * g).sum(axis=0) for weight in weights[: 5 if self.has_shear else 1 + gas.has_h]]
        return np.stack([f.reshape(self.cells, self.refine, -1).mean(axis=1) for f in fields])

    def end_states(self, gas: Gas):
        """((rho, u, T)_left, (rho, u, T)_right): the states of the end cells, held in the ghost cells of a ``fixed`` boundary."""
        G, H = maxwellian_moments(self.rho, self.u, self.T, gas, 3)
        rho, u, T, _, _ = macroscopic(G.sum(axis=1), None if H is None else H.sum(axis=1), gas)
        return tuple((float(rho[i]), float(u[i]), float(T[i])) for i in (0, -1))

    def _block_mean(self, values):
        return values.reshape(*values.shape[:-1], self.cells, self.refine).mean(axis=-1)


@dataclass(frozen=True, eq=False)
class HomogeneousCase:
    """f at t_start as a function of a grid, and the states (u along x, T) that the grid must hold.

    distribution: grid -> f [Nx, ...]; exact: (grid, t) -> f, or None. Times as in the equation, Q over ``knudsen``.
    """

    name: str
    distribution: Callable
    u: np.ndarray = field(repr=False)
    T: np.ndarray = field(repr=False)
    knudsen: float
    t_start: float
    t_end: float
    save_times: tuple[float, ...]
    exact: Callable | None = field(default=None, repr=False)


def _whole(value) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and value > 0
