"""experiment=label and experiment=train: their files, going on after a stop, and a user's own network."""

import pytest
import torch

LABELS = (
    "label.wave=3",
    "label.mix=0",
    "label.transition=0",
    "label.equilibrium=0",
    "label.shocks=[]",
    "label.cells=20",
    "label.refine=3",
    "label.t_end=0.02",
    "label.snapshots=2",
    "label.velocity_points=40",
)
CASE = ("experiment=simulate", "case=sod", "case.cells=20", "case.t_end=0.02", "case.knudsen=0.1")

NOTHING = """
import torch

class Nothing(torch.nn.Module):
    '''No correction: the closure becomes its classical rule.'''

    def __init__(self, inputs, outputs, scale=1.0):
        super().__init__()
        self.outputs, self.scale = outputs, torch.nn.Parameter(torch.tensor(float(scale)))

    def forward(self, x):
        return self.scale * x.new_zeros(len(x), self.outputs)
"""


@pytest.fixture(scope="module")
def labels(knudsen):
    run = knudsen("experiment=label", *LABELS)
    assert run.status == 0, run.last_line
    return run


def test_labels_say_what_they_are(labels):
    data = labels.dataset("labels.nc")
    assert dict(data.sizes) == {"trajectory": 3, "time": 3, "moment": 11, "x": 20, "velocity": 40}  # times: the start included
    assert data.seed.values.tolist() == [0, 1, 2]
    assert data.attrs["gas"] == "bgk_1v"
    assert "version" in data.attrs
    assert "config" in data.attrs
    assert all({"units", "long_name"} <= set(variable.attrs) for variable in data.variables.values())


@pytest.fixture
def own_networks(tmp_path, monkeypatch):
    """The user's working directory with own_networks.py in it."""
    (tmp_path / "own_networks.py").write_text(NOTHING)
    monkeypatch.chdir(tmp_path)
    return ("closure=herm_mlc", "closure.network._target_=own_networks.Nothing", "+closure.network.scale=2.0")


def test_a_users_own_network_trains_and_runs(knudsen, labels, own_networks, monkeypatch):
    """closure.network._target_ takes any torch.nn.Module; one that says nothing leaves the quadrature closure, to round-off (but
    for HermMLC's mixing)."""
    monkeypatch.setattr("knudsen.closure.learned.herm_mlc.HermMLC.mixing", 0.0)
    trained = knudsen(
        "experiment=train", *own_networks, f"train.data={labels.directory}/labels.nc", "train.epochs=2", "train.validation=0.4"
    )
    assert trained.status == 0, trained.last_line
    assert {"checkpoint.pt", "metrics.jsonl", "metrics.json"} <= trained.files()
    own = knudsen(*CASE, *own_networks, f"closure.checkpoint={trained.directory}/checkpoint.pt")
    assert own.status == 0, own.last_line
    rule = knudsen(*CASE, "closure=quadrature")
    assert abs(own.dataset("solution.nc")["T"] - rule.dataset("solution.nc")["T"]).max() < 1e-12


@pytest.mark.parametrize(
    "extra", ["+closure.network.nonsense=1", "closure.network._target_=json.JSONDecoder", "closure.network._target_=nowhere.Net"]
)
def test_a_network_that_does_not_fit_is_refused(knudsen, labels, own_networks, extra):
    run = knudsen("experiment=train", *own_networks, extra, f"train.data={labels.directory}/labels.nc")
    assert run.status == 1
    assert "closure.network" in run.last_line
    assert "Traceback" not in run.text
    assert not run.files()


def test_training_makes_its_labels_once(knudsen, tmp_path):
    """The same command in the same folder goes on: labels are there, epochs are not done again."""
    command = ("experiment=train", *LABELS, "closure.network.width=8", "closure.network.depth=1", "train.validation=0.4")
    first = knudsen(*command, "train.epochs=2", directory=tmp_path / "run")
    assert first.status == 0, first.last_line
    made = (tmp_path / "run" / "labels.nc").stat().st_mtime_ns
    again = knudsen(*command, "train.epochs=2", directory=tmp_path / "run")
    assert again.status == 0, again.last_line
    assert (tmp_path / "run" / "labels.nc").stat().st_mtime_ns == made
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("name", ["herm_mlc", "gradient_net"])
def test_a_training_begins_from_first_weights_of_its_seed(knudsen, labels, name):
    """Steps of 1e-12 leave the first weights as they are."""

    def weights(seed):
        small = ("closure.network.width=8", "closure.network.depth=1", "train.epochs=1", "train.validation=0.4")
        run = knudsen(
            "experiment=train", f"closure={name}", *small, f"train.data={labels.directory}/labels.nc",
            "train.learning_rate=1e-12", f"seed={seed}",
        )  # fmt: skip
        assert run.status == 0, run.last_line
        state = torch.load(run.directory / "checkpoint.pt", weights_only=True)["state"]
        return torch.cat([value.double().flatten() for key, value in state.items() if key.endswith("weight")])

    first = weights(0)
    torch.rand(3)  # what else the process drew is no matter
    assert torch.allclose(weights(0), first, rtol=0, atol=1e-6)
    assert (weights(1) - first).abs().max() > 0.1


@pytest.mark.parametrize("seed", ["-1", "0.5", "one"])
def test_a_training_refuses_a_seed_that_is_no_number(knudsen, seed):
    run = knudsen("experiment=train", "closure=herm_mlc", f"seed={seed}")
    assert run.status == 1 and f"seed={seed}" in run.last_line.replace("'", "")
    assert not run.files()


def test_training_through_the_solver_and_an_ensemble_of_both_weights(knudsen, labels):
    small = ("closure.network.width=8", "closure.network.depth=1", "train.epochs=1", "train.validation=0.4")
    trained = knudsen("experiment=train", *small, f"train.data={labels.directory}/labels.nc", "unroll.passes=1", "unroll.group=1")
    assert trained.status == 0, trained.last_line
    outcome = trained.metrics()["unrolled"]
    assert outcome["epochs"] == 1 and 0 < outcome["validation_loss"] < 1 and 0 < outcome["before"] < 1
    files = ",".join(f"{trained.directory}/{name}" for name in ("checkpoint.pt", "unrolled/checkpoint.pt"))
    both = knudsen(*CASE, "closure=herm_mlc", f"closure.checkpoint=[{files}]", "solver.compiled=false")
    assert both.status == 0, both.last_line
    assert both.metrics()["schemes"] == ["weno5_thinc", "hll", "ars222"]
    data = both.dataset("solution.nc")
    assert float(data.spread.max()) > 0 and {"units", "long_name"} <= set(data.spread.attrs) & set(data.closed.attrs)


def test_only_herm_mlc_is_trained_through_the_solver(knudsen):
    run = knudsen("experiment=train", "closure=gradient_net", "unroll.passes=1")
    assert run.status == 1
    assert "unroll.passes" in run.last_line
    assert not run.files()


def test_a_closure_without_network_has_nothing_to_learn(knudsen):
    run = knudsen("experiment=train", "closure=nsf")
    assert run.status == 1
    assert "closure=nsf" in run.last_line


@pytest.mark.parametrize("content", [None, b"not a checkpoint" * 50, b"", b"junk"])
def test_a_bad_checkpoint_is_refused_by_name(knudsen, tmp_path, content):
    path = tmp_path / "weights.pt"
    if content is not None:
        path.write_bytes(content)
    run = knudsen(*CASE, "closure=herm_mlc", f"closure.checkpoint={path}")
    assert run.status == 1
    assert str(path) in run.last_line
    assert not run.files()


def test_a_checkpoint_of_another_version_is_refused(knudsen, tmp_path):
    path = tmp_path / "old.pt"
    torch.save({"format": 0, "gas": "bgk_1v"}, path)
    run = knudsen(*CASE, "closure=herm_mlc", f"closure.checkpoint={path}")
    assert run.status == 1
    assert str(path) in run.last_line
