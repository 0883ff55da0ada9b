"""Speed of moment closures in two space dimensions, in cells per second and step on one core."""

import pytest
import torch

from knudsen import closure, kinetic
from knudsen.closure.compiled.plane import LineFluxes
from knudsen.closure.plane.registry import LAWS
from knudsen.closure.plane.simulation import rectangle, start
from knudsen.kinetic import plane_cases
from knudsen.solvers.plane import PlaneSolver

CELLS = 64


@pytest.mark.parametrize("name", LAWS)
@torch.no_grad()
def test_step(benchmark, name):
    """A two-stage step of random waves at the Knudsen number 0.1, with the default schemes."""
    law = closure.plane_law(name, kinetic.gas("bgk_3v"))
    case = plane_cases.wave2d(seed=0, cells=(CELLS, CELLS), knudsen=0.1)
    plane, U = rectangle(law, case), start(law, case)[None]
    solver = PlaneSolver(law)
    solver.line_fluxes = LineFluxes(law, *solver.schemes[:2])
    dt = float(solver.max_dt(U, plane))
    assert bool(benchmark.pedantic(solver.step, (U, dt, plane), rounds=40, warmup_rounds=1).isfinite().all())
    if benchmark.stats:
        benchmark.extra_info["thousand cells per second"] = round(CELLS**2 / benchmark.stats["min"] / 1e3, 1)
