"""experiment=simulate in two space dimensions: files, names and units; what is refused leaves no file."""

import numpy as np
import pytest

from knudsen.experiments import cost

CAVITY = ("experiment=simulate", "solver=kinetic", "case=cavity", "gas=bgk_2v", "gas.velocity_points=16")
FIELDS = ("rho", "u", "v", "T", "qx", "qy", "sigma_xx", "sigma_xy", "sigma_yy")


def test_contract(knudsen):
    own = ("case.cells=[8,6]", "case.temperatures=[1,1.2,1,0.9]", "case.lid=0.1", "case.knudsen=2", "case.steady=true")
    run = knudsen(*CAVITY, *own)
    assert run.status == 0, run.text
    assert {"solution.nc", "solution.png", "solution.pdf", "metrics.json"} <= run.files()
    metrics, data = run.metrics(), run.dataset("solution.nc")
    assert metrics["status"] == "ok" and 1 < metrics["iterations"] < 50 and metrics["residual"] < 1e-7
    assert data.rho.dims == ("time", "y", "x") and data.rho.shape == (1, 6, 8)
    for name in (*FIELDS, "x", "y", "time"):
        assert not np.isnan(data[name]).any()
        assert {"units", "long_name"} <= set(data[name].attrs), name
    assert float(data.rho.mean()) == pytest.approx(1)
    assert float(data.x[0]) == pytest.approx(-0.5 + 0.5 / 8) and float(data.y[-1]) == pytest.approx(0.5 - 0.5 / 6)
    assert float(data.T.isel(x=-1).mean()) > float(data.T.isel(x=0).mean())  # the right wall is the hot one
    assert float(data.u.isel(y=-1).mean()) > 0 > float(data.u.isel(y=0).mean())  # the lid is at the top
    assert {"config", "version", "wall_seconds"} <= set(data.attrs)


def test_marched_row_0_is_the_start_and_the_last_is_t_end(knudsen):
    own = ("case.cells=[4,4]", "case.temperatures=[1,2,1,1]", "case.steady=false", "case.t_end=0.1", "case.save_times=[0.05]")
    run = knudsen(*CAVITY, *own)
    assert run.status == 0, run.text
    data = run.dataset("solution.nc")
    assert data.time.values.tolist() == [0, 0.05, 0.1]
    assert float(abs(data["T"][0] - 1.25).max()) < 1e-9 < 1e-3 < float(abs(data["T"][-1] - 1.25).max())
    assert np.allclose(data.rho.mean(("x", "y")), 1, atol=1e-12)


def test_a_closure_writes_the_same_fields(knudsen):
    run = knudsen("experiment=simulate", "solver=moments", "closure=grad", "case=wave2d", "gas=bgk_3v", "case.cells=[8,6]")
    assert run.status == 0, run.text
    data = run.dataset("solution.nc")
    assert run.metrics()["model"] == "grad13" and set(FIELDS) <= set(data) and data.rho.shape == (2, 6, 8)
    assert np.allclose(data.rho.mean(("x", "y")), data.rho[0].mean(), atol=1e-12)


def test_a_steady_flow_of_a_closure(knudsen):
    own = ("case.cells=[6,5]", "case.lid=0.1", "gas.velocity_points=null", "solver=moments", "closure=grad13")
    run = knudsen(*CAVITY, *own)
    assert run.status == 0, run.text
    metrics, data = run.metrics(), run.dataset("solution.nc")
    assert metrics["status"] == "ok" and metrics["residual"] < 1e-8 and metrics["steps"] < 10
    assert data.rho.shape == (1, 5, 6) and float(data.rho.mean()) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("solver=moments", "gas.velocity_points=null"), "closure=herm_mlc: has no form in two space dimensions"),
        (("gas=bgk_1v", "gas.velocity_points=null"), "gas=bgk_1v"),
        (("case.temperatures=[1,1,1]",), "case.temperatures"),
        (("case.temperatures=[1,1,1,-1]",), "case.temperatures"),
        (("case.cells=8",), "case.cells"),
        (("solver.transport=upwind", "case.steady=false"), "solver.transport"),
        (("case.knudsen=0",), "case.knudsen"),
        (("experiment=compare", "solver=moments"), "case=cavity: has two space dimensions"),
    ],
)
def test_what_is_refused_names_its_key(knudsen, overrides, words):
    run = knudsen(*CAVITY, *overrides)
    assert run.status == 1 and words in run.last_line and not run.files()


def test_what_does_not_fit_in_memory_is_refused_with_the_number(knudsen, monkeypatch):
    monkeypatch.setattr(cost, "memory", lambda: 1e5)
    closure = ("gas.velocity_points=null", "solver=moments", "closure=euler")
    for own in ((), closure):
        run = knudsen(*CAVITY, "case.cells=[8,8]", *own)
        assert run.status == 1 and "GiB" in run.last_line and not run.files()
