"""Cost of a two-stage step of every closure: microseconds per cell-step, one case alone and 64 together (100 cells, one core)."""

import pytest
import torch

from knudsen import closure, kinetic
from knudsen.closure.simulation import case_cells, initial_state
from knudsen.kinetic import cases
from knudsen.solvers import Solver

NETWORK = {"_target_": "knudsen.closure.learned.networks.MLP", "width": 64, "depth": 3, "activation": "silu"}
PAIRS = [("euler", "bgk_1v"), ("nsf", "bgk_1v"), ("grad", "bgk_1v"), ("quadrature", "bgk_1v"), ("herm_mlc", "bgk_1v")]
PAIRS += [("grad", "bgk_3v"), ("quadrature", "bgk_3v"), ("herm_mlc", "bgk_3v"), ("quadrature", "maxwell_2v")]


@pytest.mark.parametrize("batch", [1, 64])
@pytest.mark.parametrize("name, gas_name", PAIRS, ids=lambda v: v)
def test_step(benchmark, name, gas_name, batch):
    torch.set_num_threads(1)
    gas = kinetic.gas(gas_name)
    law = closure.untrained(gas, network=NETWORK) if name == "herm_mlc" else closure.build(name, gas)
    several = [cases.wave(seed) for seed in range(batch)]
    U, cells, solver = initial_state(law, several), case_cells(law, several), Solver(law)
    with torch.no_grad():
        benchmark(solver.step, U, 1e-4, cells)
    benchmark.extra_info["microseconds per cell-step"] = 1e6 * benchmark.stats["mean"] / (100 * batch)
