"""Training through the solver: exact derivatives, no error of the true closure, and the way back to it."""

import numpy as np
import pytest
import torch
import xarray as xr

from knudsen import closure
from knudsen.closure import checkpoint
from knudsen.closure.simulation import case_cells, initial_state
from knudsen.closure.training import unrolled
from knudsen.closure.training.epochs import TrainOptions
from knudsen.closure.training.unrolled import Unrolled, UnrollOptions
from knudsen.errors import InputError
from knudsen.kinetic import cases
from knudsen.kinetic.gas import gas
from knudsen.solvers import Solver

NETWORK = {"_target_": "knudsen.closure.learned.networks.Equivariant", "width": 8, "depth": 1}
TRAIN = TrainOptions(batch=64, threads=1, validation=0.34)
OPTIONS = UnrollOptions(passes=6, group=1, learning_rate=1e-2, anchor=0.0, longest=0.1)
TIMES = (0.01, 0.03)


def law(seed: int = 0):
    torch.manual_seed(seed)
    made = closure.untrained(gas("bgk_1v"), network=NETWORK, moments=5)
    made.network.scale_out.fill_(0.3)
    return made


def labels_of(model, cells: int = 20, number: int = 3):
    """What the kinetic labels would be if the model were right: its own solutions of a few waves."""
    starts = [cases.wave(k, cells=cells, knudsen=1.0, fine=600, t_end=TIMES[-1]) for k in range(number)]
    model.network.double()
    with torch.no_grad():
        run = Solver(model, unrolled.SCHEME).run(initial_state(model, starts), case_cells(model, starts), TIMES)
    rows = run.U.transpose(0, 1).flatten(0, 1).numpy()
    G = np.concatenate((rows, rows[:, :2]), 1)  # the regression, of weight zero here, wants one more moment
    each = lambda values: ("snapshot", np.repeat(values, len(TIMES) + 1))  # noqa: E731
    return xr.Dataset(
        {
            "G": (("snapshot", "moment", "cell"), G),
            "knudsen": (("snapshot", "cell"), np.ones((len(G), cells))),
            "trajectory": each(np.arange(number)),
            "time": ("snapshot", np.tile((0.0, *TIMES), number)),
            "dx": each(np.full(number, 1 / cells)),
            "periodic": each(np.ones(number, int)),
            "walled": each(np.zeros(number, int)),
        }
    )


def test_the_true_closure_has_no_error():
    """Runs of the model from its own states end in its own states; those of another one do not."""
    true, other = law(), law(1)
    data = labels_of(true)
    task = Unrolled(true, data, TRAIN, OPTIONS)
    assert len(task.rows) == 3 * 2 and len(task.trajectory.unique()) == 3
    true.network.double()
    with torch.no_grad():
        assert max(float(task.error(row)) for row in range(6)) < 1e-12
        task = Unrolled(other, data, TRAIN, OPTIONS)
        assert min(float(task.error(row)) for row in range(6)) > 1e-6


def test_the_gradient_is_the_derivative_of_the_run():
    model = law(1)
    task = Unrolled(model, labels_of(law()), TRAIN, OPTIONS)
    model.network.double()
    weight = model.network.network.to_odd.weight
    (slope,) = torch.autograd.grad(task.error(1), weight)
    direction = torch.randn(weight.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        step = 1e-5
        ends = []
        for sign in (1, -1):
            weight += sign * step * direction
            ends.append(float(task.error(1)))
            weight -= sign * step * direction
    assert (ends[0] - ends[1]) / (2 * step) == pytest.approx(float((slope * direction).sum()), rel=1e-5)


def test_tuning_finds_the_closure_behind_the_runs(tmp_path):
    """From an output scaled wrongly back towards the truth; the checkpoint is of the best weights."""
    true, wrong = law(), law()
    data = labels_of(true)
    with torch.no_grad():
        wrong.network.network.to_odd.weight *= 0.5
    result = unrolled.tune(wrong, NETWORK, data, TRAIN, OPTIONS, tmp_path, recipe={})
    assert result["validation_loss"] < 0.7 * result["before"]
    best = checkpoint.load(tmp_path / "checkpoint.pt", gas("bgk_1v"))
    with torch.no_grad():
        error = np.mean([float(Unrolled(best, data, TRAIN, OPTIONS).error(row)) for row in range(6)])
    assert error < 0.8 * result["before"] and best.recipe["unroll"]["passes"] == OPTIONS.passes


def test_grids_are_averages_of_the_labels():
    data = labels_of(law())
    coarse = unrolled.coarser(data, 2)
    np.testing.assert_allclose(coarse.G.values, 0.5 * (data.G.values[:, :, ::2] + data.G.values[:, :, 1::2]))
    np.testing.assert_allclose(coarse.dx.values, 2 * data.dx.values)
    with pytest.raises(InputError, match="coarsen=3"):
        unrolled.coarser(data, 3)
    with pytest.raises(InputError, match="no periodic trajectories"):
        Unrolled(law(), data.isel(snapshot=[0, 3]), TRAIN, OPTIONS)
    for bad in ({"passes": -1}, {"coarsen": (0,)}, {"learning_rate": 0.0}):
        with pytest.raises(InputError, match=f"unroll.{next(iter(bad))}"):
            UnrollOptions(**bad)
