"""experiment=md_train and md_evaluate: a small potential learns argon, and says how well."""

import json

import numpy as np
import pytest
from ase.build import bulk
from ase.io import read

from knudsen import molecular

SMALL = (
    "potential.cutoff=5.0",
    "potential.embedding=[8,16]",
    "potential.axis=4",
    "potential.fitting=[16,16]",
    "train.steps=100",
    "train.log_every=25",
    "train.learning_rate=5e-3",
    "train.last_learning_rate=5e-4",
    "progress=false",
)


@pytest.fixture(scope="module")
def argon(tmp_path_factory):
    """Displaced crystals, labelled by Lennard-Jones."""
    frames = []
    for seed in range(12):
        frames.append(bulk("Ar", "fcc", a=5.2, cubic=True) * (2, 2, 1))
        frames[-1].rattle(0.2, seed=seed)
    path = tmp_path_factory.mktemp("argon") / "labels.extxyz"
    molecular.write_frames(path, molecular.label_frames(molecular.LennardJones(cutoff=5.0), frames))
    return path


@pytest.fixture(scope="module")
def trained(knudsen, argon):
    run = knudsen("experiment=md_train", f"system.data={argon}", *SMALL)
    assert run.status == 0, run.text
    return run


def evaluate(knudsen, trained, data, *overrides):
    checkpoint = f"checkpoint={trained.directory / 'checkpoint.pt'}"
    return knudsen("experiment=md_evaluate", "progress=false", checkpoint, f"system.data={data}", *overrides)


def test_training_learns_forces(trained, argon):
    """Zero forces would have an error of the forces' own size; a hundred steps bring it well below half of it."""
    size = np.sqrt(np.mean(np.concatenate([f.get_forces() for f in read(argon, ":")]) ** 2))
    lines = [json.loads(line) for line in (trained.directory / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [25, 50, 75, 100]
    assert trained.metrics()["force_rmse"] < 0.5 * size
    assert {"checkpoint.pt", "learning.png", "learning.pdf"} <= trained.files()


def test_evaluation_compares_with_the_labels(knudsen, trained, argon):
    run = evaluate(knudsen, trained, argon)
    assert run.status == 0, run.text
    given, predicted = read(argon, ":"), read(run.directory / "predictions.extxyz", ":")
    assert len(predicted) == len(given)
    difference = np.concatenate([p.get_forces() - g.get_forces() for g, p in zip(given, predicted)])
    energies = np.array([(p.get_potential_energy() - g.get_potential_energy()) / len(g) for g, p in zip(given, predicted)])
    metrics = run.metrics()
    assert metrics["forces"]["rmse"] == pytest.approx(np.sqrt(np.mean(difference**2)), rel=1e-6)
    assert metrics["forces"]["mae"] == pytest.approx(np.mean(np.abs(difference)), rel=1e-6)
    assert metrics["energy_per_atom"]["rmse"] == pytest.approx(np.sqrt(np.mean(energies**2)), rel=1e-6)
    assert metrics["stress"]["rmse"] > 0
    assert {"parity.png", "parity.pdf"} <= run.files()


def test_the_same_seed_trains_the_same_potential(knudsen, trained, argon):
    again = knudsen("experiment=md_train", f"system.data={argon}", *SMALL)
    assert again.metrics()["force_rmse"] == trained.metrics()["force_rmse"]


def test_several_files_are_one_set(knudsen, trained, argon, tmp_path):
    first, second = tmp_path / "first=1.extxyz", tmp_path / "second.extxyz"
    molecular.write_frames(first, read(argon, ":1"))
    molecular.write_frames(second, read(argon, "1:3"))
    assert evaluate(knudsen, trained, f"['{first}',{second}]").metrics()["frames"] == 3
    assert evaluate(knudsen, trained, first).metrics()["frames"] == 1


def test_bare_frames_are_predicted_without_errors(knudsen, trained, argon, tmp_path):
    molecular.write_frames(tmp_path / "bare.extxyz", [f.copy() for f in read(argon, ":2")])
    run = evaluate(knudsen, trained, tmp_path / "bare.extxyz")
    assert run.status == 0, run.text
    assert run.metrics()["forces"] is None and len(read(run.directory / "predictions.extxyz", ":")) == 2


def test_bad_input_is_refused_by_name(knudsen, trained, argon, tmp_path):
    molecular.write_frames(tmp_path / "bare.extxyz", [f.copy() for f in read(argon, ":")])
    molecular.write_frames(tmp_path / "neon.extxyz", [bulk("Ne", cubic=True)])
    (tmp_path / "junk.pt").write_bytes(b"not a file" * 99)
    train, data = ("experiment=md_train", *SMALL), f"system.data={argon}"
    for run, named in (
        (knudsen(*train, f"system.data={tmp_path / 'bare.extxyz'}"), "no energy and no forces"),
        (knudsen(*train, data, "train.steps=0"), "train.steps"),
        (knudsen(*train, data, "train.validation=1.0"), "validation"),
        (knudsen(*train, data, "potential.cutoff=-1"), "potential.cutoff"),
        (knudsen(*train, data, "potential.species=[Ne]"), "Ar"),
        (knudsen("experiment=md_evaluate", data), "checkpoint"),
        (knudsen("experiment=md_evaluate", data, f"checkpoint={tmp_path / 'junk.pt'}"), "junk.pt"),
        (evaluate(knudsen, trained, tmp_path / "absent.extxyz"), "absent.extxyz"),
        (evaluate(knudsen, trained, tmp_path / "neon.extxyz"), "Ne"),
        (evaluate(knudsen, trained, argon, "potential.cutoff=6.5"), "potential.cutoff"),
    ):
        assert run.status not in (0, None)
        assert named in run.last_line and run.last_line.startswith("knudsen: ")
        assert "internal error" not in run.last_line and "Traceback" not in run.text
        assert not run.files()
