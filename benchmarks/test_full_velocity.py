"""Speed of one step of Boltzmann gases on the full velocity grid, and of a steady hard-sphere shock."""

import pytest

from knudsen.kinetic import cases, gas, solve_shock
from knudsen.kinetic.full_velocity import BinaryCollisions, FullVelocityRun, full_grid

SIZES = [("maxwell_2v", 100, 32), ("maxwell_3v", 10, 20), ("hard_sphere_3v", 10, 20)]  # cells, velocities per coordinate


@pytest.mark.parametrize(("name", "cells", "points"), SIZES)
def test_step(benchmark, name, cells, points):
    """An ARS(2,2,2) step: two evaluations of the collision integral in every cell."""
    case, the_gas = cases.wave(0, knudsen=0.1, cells=cells), gas(name, velocity_points=points)
    run = FullVelocityRun(case, the_gas, "muscl", "ars222", 0.45, full_grid(case, the_gas), 3, False)
    run.collide = BinaryCollisions(the_gas, run.grid)
    (f,) = run._storage(run._start())
    failed = benchmark(run._step, f, run.longest)
    if benchmark.stats:
        benchmark.extra_info["microseconds per cell and step"] = round(1e6 * benchmark.stats["min"] / cells, 1)
    assert failed is None


def test_hard_sphere_shock(benchmark):
    shock = benchmark.pedantic(solve_shock, (gas("hard_sphere_3v"), 2.0), rounds=1)
    assert shock.lambda1_over_delta == pytest.approx(0.2591, rel=1e-3)
