"""Speed of the kinetic kernel, in phase-space cells per second per core, beside plain NumPy and for whole trajectories."""

import sys
from pathlib import Path

import numpy as np
import pytest

from knudsen.kinetic import cases, gas, kernel, simulate, solve_shock
from knudsen.kinetic.grid import grid_of_case
from knudsen.kinetic.reduced import ReducedRun
from knudsen.kinetic.run import INTEGRATORS

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "kinetic"))
from numpy_scheme import step

CELLS, VELOCITIES = 100, 60
SCHEMES = [("bgk_1v", "muscl", "ars222"), ("bgk_3v", "muscl", "ars222"), ("bgk_1v", "weno5", "ars443")]
MODELS = [(name, "muscl", "ars222") for name in ("shakhov_3v", "es_bgk_3v")]


def problem(name):
    case, the_gas = cases.wave(0, knudsen=0.1, cells=CELLS), gas(name, velocity_points=VELOCITIES)
    return case, the_gas, grid_of_case(case, the_gas)


def report(benchmark, name, steps):
    """Phase-space cells (of g, and of h) times steps, over the shortest time."""
    cells = steps * CELLS * VELOCITIES * (1 if name == "bgk_1v" else 2)
    if benchmark.stats:
        benchmark.extra_info["million phase-space cells per second"] = round(cells / benchmark.stats["min"] / 1e6, 1)


@pytest.mark.parametrize(("name", "transport", "integrator"), SCHEMES + MODELS)
def test_kernel(benchmark, name, transport, integrator):
    case, the_gas, grid = problem(name)
    run = ReducedRun(case, the_gas, transport, integrator, 0.45, grid, 3, False)
    f, other, accumulators, row = run.storage(case.distribution(the_gas, grid))
    eps, steps = np.full(CELLS, 0.1), 50
    arguments = (f, other, accumulators, eps, *run.physics(), case.dx, run.longest, steps, row)
    done, failed, _ = benchmark.pedantic(kernel.advance, arguments, rounds=30, warmup_rounds=2)
    assert (done, failed) == (steps, -1)
    report(benchmark, name, steps)


@pytest.mark.parametrize(("name", "transport", "integrator"), SCHEMES)
def test_plain_numpy(benchmark, name, transport, integrator):
    case, the_gas, grid = problem(name)
    f = case.distribution(the_gas, grid)
    dt = 0.45 * case.dx / grid.fastest
    arguments = (f, grid.v, grid.dv, case.dx, dt, np.full(CELLS, 0.1), the_gas, INTEGRATORS[integrator], transport)
    benchmark.pedantic(step, arguments, rounds=30, warmup_rounds=2)
    report(benchmark, name, 1)


@pytest.mark.parametrize("workers", [1, 2])
def test_hundred_trajectories(benchmark, workers):
    """100 cells, 60 velocities, t = 0.1, Knudsen numbers 1e-3 to 10."""
    several = [cases.wave(seed) for seed in range(100)]
    the_gas = gas("bgk_1v", velocity_points=VELOCITIES)
    solutions = benchmark.pedantic(simulate, (several, the_gas), {"workers": workers}, rounds=3, warmup_rounds=1)
    assert all(solution.status == "ok" for solution in solutions)


@pytest.mark.parametrize(("name", "mach"), [("bgk_1v", 5.5), ("bgk_3v", 5.5), ("bgk_3v", 1.2)])
def test_steady_shock(benchmark, name, mach):
    shock = benchmark.pedantic(solve_shock, (gas(name), mach), rounds=3, warmup_rounds=1)
    benchmark.extra_info.update({"lambda1/delta": shock.lambda1_over_delta, "Newton steps": shock.iterations})
