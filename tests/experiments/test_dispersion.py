"""experiment=dispersion: the files it promises, and that what they say is the physics."""

import numpy as np
import pytest

from knudsen.kinetic.dispersion import dispersion_roots


@pytest.fixture(scope="module")
def run(knudsen):
    return knudsen(
        "experiment=dispersion", "closures=[quadrature,nsf]", "knudsen=[0.1,1]", "wavenumbers=[0.1,20]", "waves=14", "states=1",
        "progress=false",
    )  # fmt: skip


def test_files_hold_every_model_beside_the_kinetic_one(run):
    assert run.status == 0
    assert run.files() == {"dispersion.nc", "metrics.json", "dispersion.png", "dispersion.pdf", "dispersion.md"}
    data = run.dataset("dispersion.nc")
    assert data.growth.dims == data.frequency.dims == ("model", "mode", "knudsen", "wavenumber")
    assert list(data.model.values) == list(run.metrics()) == ["kinetic", "quadrature", "nsf"]
    assert list(data.mode.values) == ["heat", "sound"] and data.growth.attrs["units"]
    k = data.wavenumber.values
    for eps in data.knudsen.values:
        for mode, roots in dispersion_roots(k * eps, 1).items():
            kinetic = data.sel(model="kinetic", mode=mode, knudsen=eps)
            np.testing.assert_allclose(kinetic.growth + 1j * kinetic.frequency, roots / eps, rtol=1e-12)


def test_sound_and_heat_of_navier_stokes_fourier_leave_the_kinetic_ones_as_the_wave_shortens(run):
    """In D = 1 its heat conduction is kappa = 3/2 mu: heat decays at k^2 eps for long waves; nine moments stay closer."""
    data, metrics = run.dataset("dispersion.nc"), run.metrics()
    heat = data.growth.sel(model="nsf", mode="heat", knudsen=0.1)
    assert float(heat[0]) == pytest.approx(-0.1 * 0.1**2, rel=1e-3)
    assert metrics["quadrature"]["rel_error"] < 0.5 * metrics["nsf"]["rel_error"] < 0.5
    for name in ("quadrature", "nsf"):
        assert metrics[name]["max_growth"] < 0 and metrics[name]["max_growth_states"] < 1e-3
        assert metrics[name]["spectral_radius"] < 1.001


@pytest.mark.parametrize(
    "override, word",
    [("knudsen=[0.1,-1]", "knudsen"), ("wavenumbers=[3]", "wavenumbers"), ("gas=shakhov_3v", "gas"), ("states=-1", "states")],
)
def test_bad_input_is_named(knudsen, override, word):
    run = knudsen("experiment=dispersion", "closures=[euler]", override)
    assert run.status == 1 and word in run.last_line and not run.files()
