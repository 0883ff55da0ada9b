"""The result of the time-dependent solvers."""

from dataclasses import dataclass, field

import numpy as np

from knudsen.errors import InputError
from knudsen.kinetic.gas import Gas
from knudsen.kinetic.grid import VelocityGrid
from knudsen.kinetic.moments import macroscopic, tangential


@dataclass(eq=False)
class Trajectory:
    """A kinetic solution at S saved times on n cells.

    t [S]; x [n]; dx; G [S, order + 1, n] and H (None for D = 1): raw moments int v^k f and int v^k |v_perp|^2 f;
    rho, u, T, q, sigma [S, n]; knudsen [n]; steps; seconds; status ``ok`` or ``diverged`` with diverged_at = (time, cell): saved
    times from then on are NaN; grid: the velocities; f [F, fields, n, K] at the saved times t_f [F], if kept;
    case, seed: name of the case and what its start was drawn from (None: not drawn).
    schemes: transport and integrator that made it; fallback: whether weno5 had lost the case and muscl made it; warnings: what is
    doubtful about it, in words.
    With shear: transverse [S, 3, order + 1, n], raw moments int v^k (v_y, v_y^2, v_y |v_perp|^2) f, and u_y, sigma_xy, q_y
    [S, n]; without, these four are None.
    """

    t: np.ndarray
    x: np.ndarray
    dx: float
    G: np.ndarray = field(repr=False)
    H: np.ndarray | None = field(repr=False)
    gas: Gas
    knudsen: np.ndarray = field(repr=False)
    grid: VelocityGrid
    steps: int = 0
    seconds: float = 0.0
    status: str = "ok"
    diverged_at: tuple[float, int] | None = None
    f: np.ndarray | None = field(default=None, repr=False)
    t_f: np.ndarray | None = field(default=None, repr=False)
    case: str = ""
    seed: int | None = None
    transverse: np.ndarray | None = field(default=None, repr=False)
    schemes: tuple[str, str] | None = None
    fallback: bool = False
    warnings: tuple[str, ...] = ()

    closed = spread = None  # what closures have besides: nothing is closed here

    def __post_init__(self):
        G, H = np.moveaxis(self.G, 1, 0), None if self.H is None else np.moveaxis(self.H, 1, 0)
        self.u_y = self.sigma_xy = self.q_y = None
        if self.transverse is not None:
            K, Y, L = np.moveaxis(self.transverse, 2, 0).swapaxes(0, 2).swapaxes(1, 2)
            H, self.u_y, self.sigma_xy, self.q_y = tangential(G, H, K, Y, L)
        self.rho, self.u, self.T, self.sigma, self.q = macroscopic(G, H, self.gas)

    def averaged(self, cells: int) -> "Trajectory":
        """The block averages of the raw moments and of f on fewer cells (a divisor of n), fields recomputed from them."""
        n = self.x.size
        if cells < 1 or n % cells:
            raise InputError(f"case.cells={cells} does not divide the {n} cells of the solution: give a divisor of it")

        def mean(a):
            return None if a is None else a.reshape(*a.shape[:-1], cells, n // cells).mean(axis=-1)

        return Trajectory(
            self.t, mean(self.x), self.dx * n / cells, mean(self.G), mean(self.H), self.gas, mean(self.knudsen), self.grid,
            self.steps, self.seconds, self.status, self.diverged_at,
            None if self.f is None else mean(self.f.swapaxes(2, 3)).swapaxes(2, 3), self.t_f, self.case, self.seed,
            mean(self.transverse), self.schemes, self.fallback, self.warnings,
        )  # fmt: skip
