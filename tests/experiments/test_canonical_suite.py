"""The canonical suite: what its columns mean, and what every run says of itself."""

import csv

import numpy as np
import pytest

from knudsen.experiments.canonical import RULE, SLOW, compare_runs, doubts
from knudsen.experiments.setup import status_in_words


@pytest.fixture(scope="module")
def suite(knudsen):
    return knudsen(
        "experiment=evaluate", "cases=[canonical]", "closures=[euler,quadrature]", "canonical.cases=[sod,entropy]",
        "canonical.cells=[10,20]", "canonical.knudsen=[0.01,1.0]", "canonical.late=0.1", "reference.cells=40",
        "reference.velocity_points=40", "reference.estimate=true", "progress=false",
    )  # fmt: skip


def test_every_closure_stands_beside_the_kinetic_solver_on_the_same_cells(suite):
    assert suite.status == 0, suite.last_line
    metrics = {model: of["canonical"] for model, of in suite.metrics().items()}
    assert list(metrics) == ["kinetic", "euler", "quadrature"]
    kinetic = {(r["case"], r["knudsen"], r["cells"]): r["error"] for r in metrics["kinetic"]["runs"]}
    assert len(kinetic) == 2 * 2 * 2
    for name, of in metrics.items():
        assert of["n"] == len(of["runs"]) == 8 and of["diverged"] == 0
        for r in of["runs"]:
            assert r["beyond"] == pytest.approx(max(r["error"] - kinetic[r["case"], r["knudsen"], r["cells"]], 0))
            assert {"schemes", "fallback", "warnings", "status", "seconds", "heat_flux"} <= set(r)
        assert of["mean"] == pytest.approx(np.mean([r["error"] for r in of["runs"]]))
        assert of["beyond_max"] == pytest.approx(max(r["beyond"] for r in of["runs"]))
        assert len(of["growth"]["time"]) == len(of["growth"]["error"]["entropy"]) and set(of["growth"]["error"]) == {"entropy"}
        assert name != "kinetic" or of["beyond_mean"] == 0
    assert metrics["euler"]["worse_than_rule"] > 0 and metrics[RULE]["worse_than_rule"] == 0
    assert metrics["euler"]["by_decade"][1] > metrics["euler"]["by_decade"][0]  # Euler is for small Knudsen numbers
    assert set(metrics["kinetic"]["reference_error"]) == {
        f"{n} {of}" for n in ("sod", "entropy") for of in ("cells", "velocities")
    }
    rows = list(csv.DictReader((suite.directory / "canonical.csv").open()))
    assert len(rows) == 24 and float(rows[0]["error"]) == pytest.approx(metrics["kinetic"]["runs"][0]["error"], rel=1e-5)
    assert {"canonical.md", "canonical_cells.png", "canonical_growth.png"} <= suite.files()


def run(model, error, seconds, **changed):
    return {
        "model": model, "case": "sod", "knudsen": 1.0, "cells": 100, "error": error, "seconds": seconds, "steps": 50,
        "status": "ok", "fallback": False, "schemes": ["muscl", "rusanov", "ars222"], "warnings": [],
    } | changed  # fmt: skip


def test_slow_runs_and_robust_ones_are_named():
    runs = [run("kinetic", 0.01, 1.0), run(RULE, 0.03, 1.0), run("mine", 0.02, 1.0), run("mine", 0.04, 1.0, case="lax")]
    runs += [run("mine", 0.02, 2 * SLOW, case="blast"), run("mine", None, 1.0, case="entropy", status="diverged", fallback=True)]
    compare_runs(runs)
    assert [r["beyond"] for r in runs[:3]] == [0, pytest.approx(0.02), pytest.approx(0.01)]
    assert [r["worse_than_rule"] for r in runs[:4]] == [False, False, False, None]  # no run of the rule on lax
    lines = doubts(runs)
    assert len(lines) == 2 and "200 times the median" in lines[0] and "blast" in lines[0]
    assert "diverged" in lines[1] and "robust schemes" in lines[1]


def test_status_says_who_made_it():
    entry = {"status": "ok", "fallback": True, "schemes": ["muscl", "rusanov", "ars222"]}
    assert status_in_words(entry) == "ok, by robust schemes (muscl, rusanov, ars222)"
    assert status_in_words(entry | {"fallback": False}) == "ok"
    assert status_in_words(entry | {"diverged_at": {"time": 0.5, "cell": 3}}) == "diverged at t = 0.5, cell 3"


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("cases=[canonical,wave]", "cases="), ("canonical.cells=[30,100]", "canonical.cells"),
        ("canonical.cases=[wave]", "canonical.cases"), ("canonical.knudsen=[0]", "canonical.knudsen"),
        ("canonical.late=-1", "canonical.late"),
    ],
)  # fmt: skip
def test_bad_options_name_their_key(knudsen, override, key):
    run = knudsen("experiment=evaluate", "cases=[canonical]", "closures=[euler]", override)
    assert run.status in (1, 2) and key in run.last_line


def test_a_comparison_keeps_every_saved_time_and_bounds_its_reference(knudsen):
    run = knudsen(
        "experiment=compare", "closures=[euler]", "case=sod", "case.cells=20", "case.t_end=0.2", "case.save_times=[0.1]",
        "case.knudsen=1", "reference.cells=40", "reference.velocity_points=20", "reference.estimate=true",
        "gas.velocity_points=16",
    )  # fmt: skip
    assert run.status == 0, run.last_line
    data, metrics = run.dataset("comparison.nc"), run.metrics()
    assert dict(data.sizes) == {"model": 2, "time": 2, "x": 20} and data.time.values.tolist() == [0.1, 0.2]
    assert metrics["euler"]["rel_l2_by_time"][-1] == metrics["euler"]["rel_l2"]["total"]
    assert metrics["euler"]["fallback"] is False and len(metrics["euler"]["schemes"]) == 3
    assert metrics["kinetic"]["reference_error"]["cells"] > 0 and metrics["kinetic"]["reference_error"]["velocities"] > 0
    assert any("velocities" in text for text in metrics["kinetic"]["warnings"]) and "warning: kinetic" in run.text
