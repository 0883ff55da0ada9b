"""experiment=homogeneous: files, metrics and failures."""

import numpy as np
import pytest

QUICK = ("experiment=homogeneous", "gas=maxwell_2v", "gas.velocity_points=16", "progress=false")


def test_bkw(knudsen):
    run = knudsen(*QUICK, "case=bkw", "case.t_end=3", "case.save_times=[1]")
    assert run.status == 0, run.last_line
    assert run.files() == {"distribution.nc", "metrics.json", "distribution.png", "distribution.pdf"}
    data, metrics = run.dataset("distribution.nc"), run.metrics()
    assert dict(data.sizes) == {"time": 3, "vx": 16, "vy": 16}
    assert data.time.values.tolist() == metrics["time"] == [0.0, 1.0, 3.0]
    for variable in data.variables.values():
        assert {"units", "long_name"} <= set(variable.attrs)
    assert metrics["l1_error"][0] == 0.0
    assert max(metrics["l1_error"]) < 1e-3
    assert metrics["entropy"] == sorted(metrics["entropy"], reverse=True)
    assert max(metrics["drift"].values()) < 1e-12
    dv = np.diff(data.vx)[0] ** 2
    assert float(data.f.isel(time=-1).sum()) * dv == pytest.approx(float(data.rho[-1]), rel=1e-12)


@pytest.mark.parametrize("cells", [1, 2])
def test_mixture_from_a_file(knudsen, start_file, cells):
    state = {"rho_1": 0.6, "u_1": -0.8, "T_1": 0.7, "rho_2": 0.4, "u_2": 1.2, "T_2": 1.3}
    path = start_file(cells, drop=("rho", "u", "T"), **state)
    run = knudsen(*QUICK, "gas.velocity_points=24", "case=tabulated", f"case.file={path}", "case.t_end=1")
    assert run.status == 0, run.last_line
    metrics = run.metrics()
    assert metrics["l1_error"] == [None, None]  # there is no exact solution
    assert metrics["mean_rate"]["stress"] == pytest.approx(1 / 2, rel=2e-3)
    assert metrics["mean_rate"]["heat_flux"] == pytest.approx(1 / 4, rel=2e-3)


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (("gas=bgk_2v", "case=bkw"), "gas=bgk_2v"),
        (("case=bkw", "case.t_end=-1"), "case.t_end"),
        (("case=bkw", "case.mach=2"), "case.mach"),
        (("case=tabulated", "case.file=absent.nc"), "absent.nc"),
    ],
)
def test_bad_input_is_refused_by_name(knudsen, overrides, named):
    run = knudsen("experiment=homogeneous", *overrides)
    assert run.status == 1
    assert named in run.last_line
    assert not run.files()


def test_bkw_belongs_to_this_experiment(knudsen):
    run = knudsen("experiment=simulate", "gas=maxwell_2v", "case=bkw")
    assert run.status == 1
    assert "experiment=homogeneous" in run.last_line
