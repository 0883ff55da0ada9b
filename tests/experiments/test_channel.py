"""experiment=channel: files, names and units; what it refuses leaves no file."""

import numpy as np
import pytest


@pytest.mark.parametrize(
    ("case", "measure", "expected"),
    [  # linearised BGK at delta = 1, see tests/kinetic/test_channels.py
        ("couette", "shear_stress", 0.338925151),
        ("fourier", "heat_flux", 0.361562328),
        ("creep", "flow_rate", 0.2948999),
    ],
)
def test_contract(knudsen, case, measure, expected):
    run = knudsen("experiment=channel", f"case={case}", "case.delta=1")
    assert run.status == 0, run.text
    metrics = run.metrics()
    assert metrics[measure] == pytest.approx(expected, rel=1e-6)
    assert metrics["iterations"] == 1
    assert metrics["seconds"] > 0
    assert {"solution.nc", "solution.png", "solution.pdf"} <= run.files()
    data = run.dataset("solution.nc")
    for name in ("rho", "u_y", "T", "q", "q_y", "sigma", "sigma_xy", "sigma_yy", "x"):
        assert np.isfinite(data[name]).all()
        assert {"units", "long_name"} <= set(data[name].attrs), name
    assert float(data.x[0]) == -0.5
    assert float(data.x[-1]) == pytest.approx(0.5)


def test_nonlinear_couette_of_another_model(knudsen):
    run = knudsen("experiment=channel", "gas=es_bgk_3v", "case.delta=3", "case.drive=0.8", "linear=false")
    assert run.status == 0, run.text
    assert 1 < run.metrics()["iterations"] < 10


@pytest.mark.parametrize(
    ("overrides", "key"),
    [
        (["gas=bgk_1v"], "gas="),
        (["case=sod"], "case="),
        (["case.delta=-1"], "case.delta"),
        (["case.accommodation=0"], "case.accommodation"),
        (["linear=maybe"], "linear=maybe"),
        (["case=creep", "linear=false"], "linear=false"),
    ],
)
def test_refused(knudsen, overrides, key):
    run = knudsen("experiment=channel", *overrides)
    assert run.status == 1
    assert key in run.last_line
    assert not run.files()
