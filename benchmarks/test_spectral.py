"""Cost of one evaluation of the Boltzmann collision integral, one core; error of Q for the BKW solution beside it."""

import numpy as np
import pytest

from knudsen.kinetic import gas
from knudsen.kinetic.homogeneous import bkw_distribution
from knudsen.kinetic.spectral import VelocityGridND, operator

BKW = {"maxwell_2v": (0.0, 0.5), "maxwell_3v": (5.5, 0.64)}  # time and width of the Gaussian: the grid is matched to it


def matched(dims, points, T):
    return VelocityGridND.cube(dims, points, np.sqrt(np.pi * points * T / 2))


@pytest.mark.parametrize("points", [16, 24, 32, 48])
@pytest.mark.parametrize("name", ["maxwell_3v", "hard_sphere_3v"])
def test_one_cell(benchmark, name, points):
    the_gas = gas(name)
    t, T = BKW["maxwell_3v"]
    grid = matched(3, points, T)
    Q, f = operator(the_gas, grid), bkw_distribution(grid, t)
    change = benchmark.pedantic(Q, (f,), rounds=20, warmup_rounds=2)
    if the_gas.omega == 1.0:
        exact = bkw_distribution(grid, t + 1e-30j).imag / 1e-30
        benchmark.extra_info["L1 error of Q"] = f"{grid.integral(abs(change - exact)):.1e}"


def test_a_hundred_cells_in_two_dimensions(benchmark):
    t, T = BKW["maxwell_2v"]
    grid = matched(2, 32, T)
    Q, f = operator(gas("maxwell_2v"), grid), np.repeat(bkw_distribution(grid, t)[None], 100, axis=0)
    benchmark.pedantic(Q, (f,), rounds=20, warmup_rounds=2)


def test_even_distributions(benchmark):
    """Half the transverse axes: flows along x."""
    grid = VelocityGridND((24, 12, 12), ((-6.0, 6.0), (0.0, 6.0), (0.0, 6.0)), even=True)
    Q, f = operator(gas("hard_sphere_3v"), grid), grid.maxwellian(1.0, np.array([0.3, 0.0, 0.0]), 1.0)
    benchmark.pedantic(Q, (f,), rounds=20, warmup_rounds=2)
