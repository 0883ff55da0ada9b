"""Integrals in d dimensions: the error of grids and of random points, and how many points a grid needs."""

from itertools import product
from pathlib import Path

import numpy as np

from knudsen.experiments.plots import Figure

WAVE = 6.0  # of the integrand cos(WAVE sum(x)/sqrt(d)) on the unit cube, whose variance is much the same in every dimension
COLOURS = {"midpoint": "#0072B2", "Gauss": "#009E73", "random": "#D55E00"}
MOST = 2**20  # points of one sum


def integrand(x):
    """x [point, d] -> [point]"""
    return np.cos(WAVE * x.sum(1) / np.sqrt(x.shape[1]))


def exact(d):
    r"""Re prod_i \int_0^1 exp(i w x_i) dx_i, w = WAVE/sqrt(d)."""
    w = WAVE / np.sqrt(d)
    return float(np.real(((np.exp(1j * w) - 1) / (1j * w)) ** d))


def rule(name, m):
    """Nodes and weights [m] of the rule on (0, 1)."""
    if name == "midpoint":
        return (np.arange(m) + 0.5) / m, np.full(m, 1 / m)
    nodes, weights = np.polynomial.legendre.leggauss(m)
    return (nodes + 1) / 2, weights / 2


def grid_error(name, d, m):
    """Of the product rule with m**d points, all of them evaluated."""
    nodes, weights = rule(name, m)
    half = d // 2  # the points as pairs of a point in the first and one in the other coordinates: memory for m**(d - half) rows
    first, other = (np.array(list(product(nodes, repeat=n))) for n in (half, d - half))
    w_first, w_other = (np.array([np.prod(w) for w in product(weights, repeat=n)]) for n in (half, d - half))
    total = sum(
        w * (w_other @ integrand(np.concatenate([np.broadcast_to(point, (len(other), half)), other], 1)))
        for point, w in zip(first, w_first)
    )
    return abs(total - exact(d))


def random_error(d, points, repetitions=32, seed=0):
    """Root of the mean squared error of means over ``points`` random points."""
    rng = np.random.default_rng(seed)
    means = [integrand(rng.random((points, d))).mean() for _ in range(repetitions)]
    return float(np.sqrt(np.mean((np.array(means) - exact(d)) ** 2)))


def per_axis(d, points):
    """Points along each coordinate of the largest grid with no more than ``points``."""
    m = round(points ** (1 / d))
    return m if m**d <= points else m - 1


def slope(x, y):
    """Exponent of y ~ x**slope, fitted."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def check():
    """Random points: error N^(-1/2) in every dimension. Midpoints: m^-2 along each coordinate, N^(-2/d) in all."""
    points = 2 ** np.arange(6, 15, 2)
    for d in (1, 4, 12):
        # each rms of 32 means is known to 1/sqrt(64) = 12 %: over five points across a factor of 256 the slope to about 0.04
        assert abs(slope(points, [random_error(d, n) for n in points]) + 0.5) < 0.12
    for d, m in ((1, (8, 16, 32, 64)), (2, (8, 16, 32)), (4, (6, 9, 12))):
        errors = [grid_error("midpoint", d, n) for n in m]
        assert abs(slope(np.array(m, float) ** d, errors) + 2 / d) < 0.06 / d  # beside m^-2 stands m^-4
    assert grid_error("Gauss", 2, 8) < 1e-12 and grid_error("Gauss", 10, 2) > random_error(10, 2**16)


def figure(dims=(1, 2, 4, 8, 16), powers=range(4, 21), budget=2**16):
    """Left: error against the number of points; right: error that a number of points buys. Returns a matplotlib figure."""
    drawn = Figure(figsize=(9.6, 3.8))
    left, right = drawn.subplots(1, 2)
    points = 2 ** np.array(powers)
    for d, style in zip(dims, ("-", "--", "-.", ":", (0, (1, 3)))):
        sizes = sorted({m for n in points if (m := per_axis(d, n)) > 1})
        left.loglog([m**d for m in sizes], [grid_error("midpoint", d, m) for m in sizes], ls=style, color=COLOURS["midpoint"])
        few = points[points <= 2**14]
        left.loglog(few, [random_error(d, n) for n in few], ls=style, color=COLOURS["random"], label=f"$d$ = {d}")
    left.loglog(points, 0.7 / np.sqrt(points), color="black", lw=0.8)
    left.text(points[-1], 1.1 / np.sqrt(points[-1]), "$N^{-1/2}$", ha="right", va="bottom")
    left.set(xlabel="points $N$", ylabel="error of the integral", ylim=(1e-8, 1), title="midpoints (blue), random points (red)")
    left.legend(fontsize=7, loc="lower left")
    axis = np.arange(1, max(dims) + 1)
    for name in ("midpoint", "Gauss"):
        error = [max(grid_error(name, d, min(per_axis(d, budget), 64)), 1e-16) for d in axis]
        right.semilogy(axis, error, "o-", ms=3, color=COLOURS[name], label=f"{name} grid")
    right.semilogy(axis, [random_error(d, budget, 8) for d in axis], "o-", ms=3, color=COLOURS["random"], label="random points")
    right.set(xlabel="dimension $d$", title=f"at most {budget:,} points")
    right.legend(loc="lower right")
    return drawn


if __name__ == "__main__":
    check()
    figure().savefig(Path(__file__).parents[1] / "figures" / "monte_carlo.png", dpi=90)
