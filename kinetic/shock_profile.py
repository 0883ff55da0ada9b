"""The result of the shock solvers, and what is measured on it."""

from dataclasses import dataclass, field

import numpy as np
from scipy.interpolate import CubicSpline

from knudsen.kinetic.gas import Gas
from knudsen.kinetic.grid import VelocityGrid
from knudsen.kinetic.moments import macroscopic


@dataclass(eq=False)
class ShockProfile:
    """A steady shock, upstream (1, mach sqrt(gamma), 1) on the left, density half-way at x = 0.

    x [n], nodes of unequal spacing, in units of eps sqrt(T1)/nu1; G, H [order + 1, n] raw moments (H None for D = 1);
    rho, u, T, q, sigma [n]; mean_free_path = (16/5) mu1/(rho1 sqrt(2 pi T1)) in the unit of x; lambda1_over_delta: mean free path
    times the largest slope of the normalised density; Txx_max_over_T2; T_max_normalised: largest (T - T1)/(T2 - T1), above 1
    where the temperature overshoots; separation: from where the temperature is half-way to where the density is, in mean free
    paths; iterations (Newton, all refinements); residual of the moment equations, relative; change of the profile in the last
    refinement; elements; grid: the velocities; seconds.
    """

    mach: float
    gas: Gas
    x: np.ndarray = field(repr=False)
    G: np.ndarray = field(repr=False)
    H: np.ndarray | None = field(repr=False)
    mean_free_path: float
    lambda1_over_delta: float
    Txx_max_over_T2: float
    T_max_normalised: float
    separation: float
    iterations: int
    residual: float
    change: float
    elements: int
    grid: VelocityGrid
    seconds: float = 0.0

    def __post_init__(self):
        self.rho, self.u, self.T, self.sigma, self.q = macroscopic(self.G, self.H, self.gas)

    def sample(self, x, width=None) -> dict[str, np.ndarray]:
        """G, H, rho, u, T, q, sigma at the points x, or of the averages of the moments over cells of ``width`` around them.

        Beyond the computed nodes the gas is at rest in its end states.
        """
        x = np.asarray(x, float)
        moments = self.G if self.H is None else np.concatenate([self.G, self.H])
        left, right = moments[:, 0], moments[:, -1]
        spline = CubicSpline(self.x, moments, axis=1)
        inside = np.clip(x, self.x[0], self.x[-1])
        if width is None:
            values = spline(inside)
        else:
            total = spline.antiderivative()

            def integral(y):
                y_in = np.clip(y, self.x[0], self.x[-1])
                return total(y_in) + np.minimum(y - self.x[0], 0) * left[:, None] + np.maximum(y - self.x[-1], 0) * right[:, None]

            values = (integral(x + 0.5 * width) - integral(x - 0.5 * width)) / width
        G, H = (values, None) if self.H is None else np.split(values, 2)
        rho, u, T, sigma, q = macroscopic(G, H, self.gas)
        return {"G": G, "H": H, "rho": rho, "u": u, "T": T, "q": q, "sigma": sigma}


def peak(x, values):
    """Largest value of the cubic spline through the nodes."""
    spline = CubicSpline(x, values)
    stationary = spline.derivative().roots(extrapolate=False)
    return float(max(values.max(), spline(stationary[np.isfinite(stationary)]).max(initial=-np.inf)))
