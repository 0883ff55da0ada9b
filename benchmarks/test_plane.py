"""Speed of the kinetic solver in two space dimensions, in phase-space cells (of g, and of h) per second on one core."""

import pytest

from knudsen.kinetic import PlaneCase, gas, plane_cases
from knudsen.kinetic.plane.run import PlaneRun
from knudsen.kinetic.plane.steady import Steady
from knudsen.kinetic.plane.velocities import cartesian

CELLS, VELOCITIES, STEPS = 12, 32, 1  # short, so that the shortest time is one without interruptions
UNIT = (-0.5, 0.5)


def report(benchmark, name, passes):
    if benchmark.stats:
        cells = passes * CELLS**2 * VELOCITIES**2 * (1 if name == "bgk_2v" else 2)
        benchmark.extra_info["million phase-space cells per second"] = round(cells / benchmark.stats["min"] / 1e6, 1)


@pytest.mark.parametrize("name", ["bgk_2v", "bgk_3v", "shakhov_3v", "es_bgk_3v"])
def test_kernel(benchmark, name):
    """Two-stage steps, as ``test_kinetic_kernel.py::test_kernel`` of one dimension."""
    case = PlaneCase("rest", (UNIT, UNIT), (CELLS, CELLS), ("periodic",) * 4, knudsen=0.1)
    run = PlaneRun(case, gas(name), "muscl", "ars222", 0.45, cartesian(7.0, VELOCITIES), 3, False)
    storage = run.storage(run.start())
    arguments = (storage, run.physics(), run.longest, STEPS)
    done, failed, _ = benchmark.pedantic(run.advance, arguments, rounds=40, warmup_rounds=1)
    assert (done, failed) == (STEPS, -1)
    report(benchmark, name, STEPS)


@pytest.mark.parametrize("name", ["bgk_2v", "shakhov_3v"])
def test_sweep(benchmark, name):
    """One sweep of the steady solver, the targets included."""
    problem = Steady(plane_cases.cavity(cells=(CELLS, CELLS)), gas(name), cartesian(7.0, VELOCITIES))
    start = problem.start()
    assert benchmark.pedantic(problem.step, (start,), rounds=40, warmup_rounds=1) is not None
    report(benchmark, name, 1)
