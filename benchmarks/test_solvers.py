"""Cost of a step of the moment solver's numerics, without a closure: microseconds per cell and step in extra_info.

pytest benchmarks/test_solvers.py --benchmark-enable --benchmark-columns=median
"""

import pytest
import torch

from knudsen.solvers import RECONSTRUCTIONS, Boundary, Cells, Law, Solver

CELLS = 100


class JinXin(Law):
    """u_t + v_x = 0, v_t + a^2 u_x = (u^2/2 - v)/Kn: two components, a stiff source, next to no arithmetic of its own."""

    components = ("u", "v")

    def flux(self, V):
        return torch.cat((V[:, 1:], 4 * V[:, :1]), dim=1)

    def max_speed(self, V):
        return torch.full_like(V[:, :1], 2.0)

    def upwind(self, V_l, V_r):
        return 2 * (V_r - V_l)

    def source(self, U, cells):
        return torch.cat((torch.zeros_like(U[:, :1]), (0.5 * U[:, :1] ** 2 - U[:, 1:]) / cells.knudsen), dim=1)

    def relax(self, U, tau, cells):
        equilibrium = 0.5 * U[:, :1] ** 2
        return torch.cat((U[:, :1], equilibrium + (U[:, 1:] - equilibrium) / (1 + tau / cells.knudsen)), dim=1)


def start(batch):
    torch.set_num_threads(1)
    x = (torch.arange(CELLS, dtype=torch.float64) + 0.5) / CELLS
    return torch.stack((1 + 0.2 * torch.sin(2 * torch.pi * x), 0.5 + 0 * x)).expand(batch, -1, -1).clone()


@pytest.mark.parametrize("batch", [1, 64])
@pytest.mark.parametrize("reconstruction", RECONSTRUCTIONS)
def test_run(benchmark, reconstruction, batch):
    """Solver.run with ARS(2,2,2): two transport evaluations, two relaxations, step control and checks."""
    solver, U, cells = Solver(JinXin(), reconstruction), start(batch), Cells(1 / CELLS, CELLS, knudsen=0.01)
    result = benchmark(solver.run, U, cells, [0.1])
    if benchmark.stats:
        seconds = benchmark.stats.stats.median
        benchmark.extra_info["microseconds_per_cell_step"] = 1e6 * seconds / (sum(result.steps) * CELLS)
    assert result.status == ["ok"] * batch


@pytest.mark.parametrize("cells", [100, 800])
def test_steady(benchmark, cells):
    """A relaxation shock from five times its width: seconds per solution."""
    knudsen = 0.1
    x = 40 * knudsen * ((torch.arange(cells, dtype=torch.float64) + 0.5) / cells - 0.5) * 4
    U = torch.stack((-torch.tanh(x / (40 * knudsen)), 0.5 + 0 * x))[None]
    left, right = (torch.tensor([u, 0.5], dtype=torch.float64)[None, :, None] for u in (1.0, -1.0))
    domain = Cells(float(x[1] - x[0]), cells, knudsen, Boundary("fixed", left, right))
    result = benchmark(Solver(JinXin()).steady, U, domain)
    assert result.status == "ok"
