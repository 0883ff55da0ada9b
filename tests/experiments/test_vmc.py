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
