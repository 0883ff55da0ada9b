"""experiment=vmc: files, contract of the metrics, failures."""

import pytest

QUICK = ["experiment=vmc", "progress=false", "vmc.chains=128", "vmc.samples=16", "vmc.iterations=20"]
KEYS = {"energy", "energy_error", "variance", "v_score", "exact", "acceptance", "autocorrelation", "seconds"}


def test_run_leaves_energy_report_and_figure(knudsen):
    run = knudsen(*QUICK, "hamiltonian=tfim", "hamiltonian.sites=4", "hamiltonian.field=0.5", "hamiltonian.periodic=true")
    assert run.status == 0, run.text
    assert run.files() == {"energy.nc", "metrics.json", "report.md", "wavefunction.pt", "convergence.png", "convergence.pdf"}
    metrics = run.metrics()
    assert set(metrics) >= KEYS and metrics["status"] == "ok"
    assert metrics["relative_error"] == pytest.approx((metrics["energy"] - metrics["exact"]) / abs(metrics["exact"]))
    data = run.dataset("energy.nc")
    assert dict(data.sizes) | {"block_length": 0} == {"iteration": 20, "sample": 16, "block_length": 0}
    assert float(data.final_energy) == metrics["energy"] == pytest.approx(float(data.sample_energy.mean()))


@pytest.mark.parametrize(("override", "word"), [
    ("hamiltonian.field=-1", "hamiltonian.field"),
    ("hamiltonian.sites=1", "hamiltonian.sites"),
    ("hamiltonian.colour=red", "hamiltonian.colour"),
    ("hamiltonian._target_=torch.nn.Linear", "hamiltonian._target_"),
    ("wavefunction.density=0", "wavefunction.density"),
    ("vmc.chains=1", "vmc.chains"),
    ("vmc.method=newton", "vmc.method"),
])  # fmt: skip
def test_bad_input_ends_with_a_line_that_names_it(knudsen, override, word):
    run = knudsen(*QUICK, "hamiltonian=tfim", override)
    assert run.status == 1
    assert word in run.last_line and "Traceback" not in run.text
    assert run.files() == set()


def test_users_own_module_and_a_wavefunction_that_cannot_be_normalised(knudsen, tmp_path, monkeypatch):
    """A module by its name; exit status 3 and the reason where chains escape."""
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_waves.py").write_text(
        "import torch\n"
        "class Gaussian(torch.nn.Module):\n"
        "    def __init__(self, width=1.0):\n"
        "        super().__init__()\n"
        "        self.a = torch.nn.Parameter(torch.tensor(0.5 / width))\n"
        "    def forward(self, x):\n"
        "        return -self.a * x.flatten(1).square().sum(1)\n"
    )
    own = [*QUICK, "wavefunction._target_=my_waves.Gaussian"]
    run = knudsen(*own, "vmc.iterations=0")
    assert run.status == 0, run.text
    assert run.metrics()["variance"] < 1e-12 and run.metrics()["energy"] == pytest.approx(0.5, abs=1e-6)
    run = knudsen(*own, "+wavefunction.width=-5.0")
    assert run.status == 3
    assert run.metrics()["status"] == "diverged" and "normalised" in run.metrics()["reason"]
    assert run.files() == {"metrics.json"}
