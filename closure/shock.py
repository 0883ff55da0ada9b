"""Steady normal shocks of a closure: the Mott-Smith profile as a start, then implicit steps to the steady state."""

from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
import torch
from scipy.interpolate import CubicSpline

from closure.simulate import equilibrium_state
from kinetic.moments import rankine_hugoniot
from solvers import Boundary, Cells, Solver

KNUDSEN = 0.01  # eps of the calculation: lengths scale with it, and the learned closures' memory time must be far above it
TOLERANCE = 1e-8


@dataclass
class ShockSolution:
    """A steady shock, upstream on the left. x in units of eps sqrt(T1)/nu1, 0 where the density is half-way (cell averages).

    rho, u, T, sigma, q [n] in units of rho1 and T1; U [component, n]; mean_free_path lambda1 in the unit of x;
    lambda1_over_delta = lambda1 max|d rho/dx| / (rho2 - rho1); status 'ok' | 'not_converged' | 'diverged'; residual; iterations; seconds.
    """

    x: np.ndarray
    rho: np.ndarray
    u: np.ndarray
    T: np.ndarray
    sigma: np.ndarray
    q: np.ndarray
    U: np.ndarray
    mach: float
    mean_free_path: float
    lambda1_over_delta: float
    status: str
    residual: float
    iterations: int
    seconds: float

    def sample(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """rho, u, T, sigma, q at x, by cubic splines; the end values outside."""
        inside = np.clip(x, self.x[0], self.x[-1])
        return {name: CubicSpline(self.x, getattr(self, name))(inside) for name in ("rho", "u", "T", "sigma", "q")}


def mean_free_path() -> float:
    """lambda1 = (16/5) mu1 / (rho1 sqrt(2 pi T1)) in units of eps sqrt(T1)/nu1."""
    return 16 / 5 / sqrt(2 * pi)


def half_width(gas, mach: float) -> float:
    """Half the domain in units of lambda1: the hot side's free path carries the precursor, weak shocks widen as 1/(M - 1)."""
    rho2, _, T2 = rankine_hugoniot(mach, gas)[1]
    return max(9.0 * sqrt(T2), 18.0 / (mach - 1), 30.0)


def solve_shock(
    law, mach: float, *, cells_per_path: float = 4.0, half_length: float | None = None, progress=None, **solver_options
) -> ShockSolution:
    """The steady shock of a closure at a Mach number.

    cells_per_path: cells per upstream mean free path lambda1; half_length: half the domain in lambda1 (None: from the Mach number);
    solver_options: reconstruction, flux of :class:`solvers.Solver`, and max_iterations.
    Raises InputError naming ``mach`` unless it is above 1.
    """
    gas = law.gas
    path = mean_free_path()
    upstream, downstream = rankine_hugoniot(mach, gas)
    half = half_width(gas, mach) if half_length is None else half_length
    n = 2 * max(8, round(half * cells_per_path))
    x = (np.arange(n) - 0.5 * (n - 1)) / cells_per_path * path
    left, right = equilibrium_state(law, *upstream), equilibrium_state(law, *downstream)
    thickness = path * max(4.0, 3.0 / (mach - 1), 1.2 * sqrt(downstream[2]))
    weight = torch.tensor(0.5 * (1 + np.tanh(2 * x / thickness)))
    U0 = left + (right - left) * weight
    cells = Cells(dx=path / cells_per_path * KNUDSEN, n=n, knudsen=KNUDSEN, boundary=Boundary("fixed", left, right))
    steady_options = {key: solver_options.pop(key) for key in ("max_iterations", "growth", "dt_max") if key in solver_options}
    solver = Solver(law, **solver_options)
    result = solver.steady(
        U0, cells, tolerance=TOLERANCE, half_width=4, basis=law.basis(U0), time_scale=KNUDSEN, progress=progress, **steady_options
    )
    fields = {name: value[0].numpy() for name, value in law.macroscopic(result.U, cells).items()}
    x = x - _midpoint(x, fields["rho"], 0.5 * (upstream[0] + downstream[0]))
    slope = float(np.abs(CubicSpline(x, fields["rho"]).derivative()(np.linspace(x[0], x[-1], 20 * n))).max())
    return ShockSolution(
        x=x, **fields, U=result.U[0].numpy(), mach=mach, mean_free_path=path, lambda1_over_delta=path * slope / (downstream[0] - upstream[0]),
        status=result.status, residual=result.residual, iterations=result.iterations, seconds=result.seconds,
    )  # fmt: skip


def _midpoint(x: np.ndarray, rho: np.ndarray, middle: float) -> float:
    """Where the density first passes the value half-way (cubic spline)."""
    crossings = CubicSpline(x, rho).solve(middle, extrapolate=False)
    return float(crossings[0]) if len(crossings) else 0.0
