"""experiment=calibrate: files, metrics and failures."""

import pytest


def test_models_side_by_side(knudsen):
    run = knudsen("experiment=calibrate", "gases=[bgk_3v,shakhov_3v]", "profiles=[1.6]", "progress=false")
    assert run.status == 0, run.last_line
    assert run.files() == {"calibration.nc", "metrics.json", "calibration.png", "calibration.pdf"}
    metrics = run.metrics()
    assert set(metrics) == {"bgk_3v", "shakhov_3v"}
    for entry in metrics.values():
        assert entry["fits"] is False and entry["errors"]["omega"] > 0 and set(entry["profiles"]) == {"Mach 1.6"}
    data = run.dataset("calibration.nc")
    assert dict(data.sizes) == {"profile": 1, "place": 9, "point": 201, "model": 2}
    for variable in data.variables.values():
        assert variable.dtype.kind in "UO" or {"units", "long_name"} <= set(variable.attrs)
    assert "cannot fit" in run.text


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (("data=absent.csv",), "absent.csv"),
        (("profiles=[3]",), "profiles"),
        (("free=[viscosity]",), "viscosity"),
        (("noise=-1",), "noise"),
        (("gases=[argon]",), "argon"),
    ],
)
def test_bad_input_is_refused_by_name(knudsen, overrides, named):
    run = knudsen("experiment=calibrate", *overrides)
    assert run.status == 1
    assert named in run.last_line
    assert run.files() == set()
