"""experiment=md_elt: the four molecular classes through the driver, start to report."""

import numpy as np
import pytest

from knudsen import elt, molecular

TINY = [
    "experiment=md_elt", "progress=false", "potential=deep_pot_smooth", "potential.embedding=[4,8]", "potential.axis=2",
    "potential.cutoff=4", "potential.fitting=[8]",
    "explorer.first=12", "explorer.trajectories=3", "explorer.steps=8", "explorer.stop=1e3", "elt.lower=0", "elt.upper=1e3",
    "elt.first=6", "elt.batch=3", "elt.budget=12", "elt.members=2", "train.first.steps=6", "train.later.steps=3",
    "train.final.steps=6", "held_out.trajectories=3", "held_out.steps=4", "held_out.frames=1", "compare.times=2",
    "compare.seeds=1",
]  # fmt: skip


@pytest.fixture(scope="module")
def finished(knudsen):
    run = knudsen(*TINY)
    assert run.status == 0, run.text
    return run


def test_run_leaves_a_report_a_potential_and_its_labels(finished):
    files = {"report.md", "checkpoint.pt", "labels.extxyz", "metrics.json", "loop.png", "trust.png", "coverage.png"}
    assert files <= finished.files()
    metrics = finished.metrics()
    assert metrics["labelled"] == 12 and metrics["reason"] == "budget"
    assert metrics["explored"] == sum(i["explored"] for i in metrics["iterations"])
    assert metrics["labelled_fraction"] == pytest.approx(12 / metrics["explored"])
    assert {name: entry["labels"] for name, entry in metrics["final"].items()} == {
        "labelled": 12, "random, as many": 12, "random, 2 times as many": 24}  # fmt: skip
    assert elt.summary(finished.directory / "store")["labelled"] == 12


def test_labels_are_the_labelers(finished):
    frames = molecular.read_frames(finished.directory / "labels.extxyz")
    for frame in frames:
        truth = molecular.StillingerWeber()(frame)
        assert frame.get_potential_energy() == pytest.approx(truth.energy, rel=1e-13)
        np.testing.assert_allclose(frame.get_forces(), truth.forces, atol=1e-12)


def test_potential_is_one_for_md_evaluate(finished, knudsen):
    frames, checkpoint = finished.directory / "labels.extxyz", finished.directory / "checkpoint.pt"
    run = knudsen("experiment=md_evaluate", f"checkpoint={checkpoint}", f"system.data={frames}")
    assert run.status == 0, run.text


@pytest.mark.parametrize("executor", ["serial", pytest.param("processes", marks=pytest.mark.slow)])
def test_stopped_and_on_other_executors_the_result_is_the_same(finished, knudsen, tmp_path, executor):
    """One iteration on one executor, the rest on another, in the same folder: bit for bit as the undisturbed run."""
    alone = (*TINY, "compare.times=null")
    first = ("elt.iterations=1", f"executor={executor}", *(("executor.workers=2",) if executor == "processes" else ()))
    assert knudsen(*alone, *first, directory=tmp_path / "run").status == 0
    again = knudsen(*alone, directory=tmp_path / "run")
    assert again.status == 0, again.text
    labels = "labels.extxyz"
    assert (again.directory / labels).read_bytes() == (finished.directory / labels).read_bytes()
    ours, theirs = again.metrics(), finished.metrics()
    assert ours["iterations"] == theirs["iterations"] and ours["final"]["labelled"] == theirs["final"]["labelled"]


@pytest.mark.parametrize(("override", "word"), [
    ("explorer.temperature=[3000,50]", "explorer.temperature"),
    ("explorer.colour=red", "colour"),
    ("+system.structures.glass.kind=glass", "system.structures.glass.kind"),
    ("train.first.steps=0", "train.steps"),
    ("held_out.driver=oracle", "held_out.driver"),
    ("elt.members=0", "elt.members"),
    ("compare.seeds=0", "compare.seeds"),
])  # fmt: skip
def test_bad_input_ends_with_a_line_that_names_it(knudsen, override, word):
    run = knudsen(*TINY, override)
    assert run.status == 1
    assert word in run.last_line
    assert "Traceback" not in run.text
