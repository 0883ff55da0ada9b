"""experiment=md_rdf: the potential's dynamics beside the labeler's."""

import numpy as np
import pytest
import xarray as xr

from knudsen import molecular
from knudsen.experiments.md_rdf import compare

TINY = [
    "experiment=md_rdf", "progress=false", "dynamics.equilibration=4", "dynamics.steps=16", "dynamics.every=2",
    "dynamics.blocks=4",
]  # fmt: skip


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("potential") / "potential.pt"
    molecular.save_potential(path, molecular.DeepPotSmooth(["Si"], cutoff=4.2, embedding=[4], axis=2, fitting=[4]), {})
    return path


def test_distributions_of_both_are_written(knudsen, checkpoint):
    run = knudsen(*TINY, f"checkpoint={checkpoint}")
    assert run.status == 0, run.text
    data = run.dataset("distributions.nc")
    assert data.sizes["phase"] == 3 and list(data["model"].values) == ["labeler", "potential", "labeler again"]
    assert {"distributions.png", "metrics.json"} <= run.files()
    width = float(data["theta"][1] - data["theta"][0])
    np.testing.assert_allclose(data["p"].sum("theta") * width, 1.0)
    assert float(data["g"].sel(phase="crystal, 300 K", r=slice(0, 2)).max()) == 0.0  # no silicon atoms within 2 A
    phases = run.metrics()["phases"]
    assert set(phases) == set(data["phase"].values)
    untrained, again = (phases["crystal, 1200 K"][model]["radial"]["chi_squared"] for model in ("potential", "labeler again"))
    assert untrained > 4 * again  # two runs of one dynamics differ by their errors, an untrained potential's by far more


def test_equal_distributions_differ_by_their_errors_only():
    """Normal noise of the stated errors: mean chi^2 is 1 and 95.4 % lie within two, each within three standard deviations."""
    rng, n = np.random.default_rng(1), 4000
    truth, error = rng.random(n) + 1, rng.random((2, n)) + 0.5
    noisy = truth + error * rng.normal(size=(2, n))
    data = xr.Dataset(dict.fromkeys(("g", "p"), (("model", "x"), noisy)) | {
        f"{name}_error": (("model", "x"), error) for name in ("g", "p")}, {"model": ["labeler", "potential"]})  # fmt: skip
    found = compare(data)["radial"]
    assert found["chi_squared"] == pytest.approx(1.0, abs=3 * np.sqrt(2 / n))
    assert found["within"] == pytest.approx(0.9545, abs=3 * np.sqrt(0.0434 / n))


@pytest.mark.parametrize(("override", "word"), [
    ("phases.hot.temperature=-1", "phases.hot"), ("dynamics.blocks=1", "dynamics.blocks"), ("checkpoint=null", "checkpoint"),
    ("radial.bins=0", "radial.bins")])  # fmt: skip
def test_bad_input_ends_with_a_line_that_names_it(knudsen, checkpoint, override, word):
    added = f"+{override}" if override.startswith("phases") else override
    run = knudsen(*TINY, f"checkpoint={checkpoint}", added)
    assert run.status == 1
    assert word in run.last_line
