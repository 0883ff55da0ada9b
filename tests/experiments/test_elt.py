"""experiment=elt and the summary of its store on the command line."""

import json

import pytest

from knudsen.experiments import elt_compare

TINY = (
    "experiment=elt",
    "closure.moments=5",
    "closure.network.width=8",
    "closure.network.depth=1",
    "elt.batch=4",
    "elt.first=6",
    "elt.iterations=2",
    "elt.members=2",
    "elt.lower=0",
    "explore.cases=4",
    "explore.kinds=[wave,mix]",
    "explore.cells=40",
    "explore.times=[0.004,0.02]",
    "label.velocity_points=64",
    "label.order=6",
    "train.steps=20",
    "train.batch=64",
    "test.cases=[wave]",
    "test.decades=[-1,0]",
    "test.per_decade=1",
    "reference.cells=120",
    "reference.velocity_points=64",
    "progress=false",
)


@pytest.fixture(scope="module")
def finished(knudsen):
    run = knudsen(*TINY)
    assert run.status == 0, run.last_line
    return run


def test_run_leaves_a_report_an_ensemble_and_its_errors(finished):
    assert finished.files() >= {
        "report.md", "metrics.json", "checkpoint_0.pt", "checkpoint_1.pt", "progress.png", "coverage.png", "disagreement.png",
        "correlation.png",
    }  # fmt: skip
    metrics = finished.metrics()
    assert metrics["labelled_cells"] == 10 * (6 + 4) and metrics["explored_cells"] == 10 * 2 * 4 * 2 * 4
    assert metrics["label_fraction"] == pytest.approx(100 / 640)
    assert 0 < metrics["share_computed"] <= 1
    assert all(len(metrics["errors"][name]) == 2 for name in ("mean", "worst"))
    assert metrics["errors"]["worst"][-1] >= metrics["errors"]["mean"][-1] > 0
    text = (finished.directory / "report.md").read_text()
    assert "labelled 10 (16 % of the explored)" in text


def test_checkpoints_of_the_ensemble_run_like_any_other(finished, knudsen):
    run = knudsen(
        "experiment=simulate", "case=sod", "case.cells=20", "case.t_end=0.02", "closure.network.width=8",
        f"closure.checkpoint={finished.directory / 'checkpoint_1.pt'}", "progress=false",
    )  # fmt: skip
    assert run.status == 0, run.last_line


def rounded(metrics):
    """Without the last bits: the order of a sum over an array depends on where in memory it lies."""
    return json.loads(json.dumps(metrics), parse_float=lambda text: float(f"{float(text):.12g}"))


def test_the_same_command_computes_nothing_again(finished, knudsen):
    before = finished.metrics()
    again = knudsen(*TINY, directory=finished.directory)
    assert again.status == 0 and rounded(again.metrics()) == rounded(before)
    events = [json.loads(line) for line in (finished.directory / "store" / "ledger.jsonl").read_text().splitlines()]
    assert [e["event"] for e in events].count("label") == 10 and [e["event"] for e in events].count("checkpoint") == 4


def test_summary_reads_the_store(finished, knudsen):
    run = knudsen("experiment=elt_summary", f"store={finished.directory}")
    assert run.status == 0, run.last_line
    assert "finished: iterations" in run.text and "labelled 10" in run.text
    assert json.loads((run.directory / "summary.json").read_text())["labelled"] == 10


@pytest.mark.parametrize(
    "override, names",
    [
        ("explore.window=7", "explore.window=7"),
        ("explore.kinds=[strong]", "explore.kinds"),
        ("elt.members=0", "elt.members=0"),
        ("elt.selection=best", "elt.selection=best"),
        ("+elt.bugdet=3", "elt.bugdet"),
        ("train.steps=0", "train.steps=0"),
        ("+label.points=3", "label.points"),
        ("closure.checkpoint=some.pt", "closure.checkpoint"),
        ("seed=1", "another seed"),
        ("train.learning_rate=1e-3", "identity.train.learning_rate"),
    ],
)
def test_bad_keys_are_named(knudsen, finished, override, names):
    """The last two: the folder of a run with other settings is refused, not mixed with."""
    own = override.startswith(("seed", "train.learning"))
    run = knudsen(*TINY, override, directory=finished.directory if own else None)
    assert run.status == 1 and names in run.last_line and "Traceback" not in run.text


def test_comparison_evaluates_every_iteration_of_every_run(finished, knudsen):
    """On the cases and references of the run itself it finds the run's own errors (means over the same members)."""
    options = [option for option in TINY if option.startswith(("test.", "reference.", "explore.cells", "progress"))]
    run = knudsen("experiment=elt_compare", f"runs=['{finished.directory}']", *options)
    assert run.status == 0, run.last_line
    (found,) = run.metrics()["runs"]
    assert found["labels"] == [60, 100] and found["selection"] == "weighted" and found["seed"] == 0
    errors = finished.metrics()["errors"]
    for name in ("mean", "worst"):
        assert found[name] == pytest.approx(errors[name], rel=1e-12)
    assert found["fraction"] == pytest.approx(finished.metrics()["label_fraction"])
    assert "comparison.png" in run.files() and "| weighted  |    1 |" in (run.directory / "comparison.md").read_text()


def test_differences_are_paired_by_seed():
    """Errors of 3, 2 and 4 less 1, 1 and 2 are 5/3 smaller on average, with the standard error of three paired seeds; seeds
    without a random run do not count."""
    runs = [("random", 1, 3.0), ("random", 2, 2.0), ("random", 3, 4.0)]
    runs += [("weighted", 3, 2.0), ("weighted", 1, 1.0), ("weighted", 2, 1.0), ("weighted", 4, 9.0)]
    found = [{"selection": name, "seed": seed, "labels": [500], "mean": [x], "worst": [5 - x]} for name, seed, x in runs]
    (row,) = elt_compare.differences(found)
    assert (row["selection"], row["seeds"], row["labels"]) == ("weighted", 3, 500)
    assert row["mean"] == pytest.approx({"difference": 5 / 3, "standard_error": 1 / 3, "smaller_in": 3})
    assert row["worst"] == pytest.approx({"difference": -5 / 3, "standard_error": 1 / 3, "smaller_in": 0})
    assert "1.67 +- 0.33 (3)" in elt_compare.differences_table(found)


def test_comparison_names_a_folder_that_is_no_run(knudsen, tmp_path):
    run = knudsen("experiment=elt_compare", f"runs=['{tmp_path}']")
    assert run.status == 1 and str(tmp_path) in run.last_line and run.files() == set()


def test_a_folder_without_a_store_is_named(knudsen, tmp_path):
    run = knudsen("experiment=elt_summary", f"store={tmp_path}")
    assert run.status == 1 and str(tmp_path) in run.last_line and run.files() == set()
