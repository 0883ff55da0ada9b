"""Runs that are records: the report, the facts in every file, and list, show, rerun, plot; the summary of a sweep."""

import csv
import json
import re

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from knudsen.experiments import simulate
from knudsen.experiments.app import main

FACTS = {
    "experiment",
    "command",
    "config",
    "version",
    "commit",
    "versions",
    "host",
    "threads",
    "seed",
    "started",
    "wall_seconds",
    "cpu_seconds",
}


def stub(cfg, output):
    """A run of milliseconds: what it writes depends on the configuration alone."""
    x = np.linspace(-0.5, 0.5, cfg.case.cells)
    fields = {name: (("time", "x"), np.stack([np.full_like(x, cfg.case.t_end), cfg.mach * x])) for name in ("rho", "u", "T", "q")}
    output.dataset("solution.nc", xr.Dataset(fields, {"time": [0.0, cfg.case.t_end], "x": x}))
    metrics = {"status": "ok", "seconds": 0.1, "error": cfg.mach / cfg.case.cells, "warnings": ["too <few> velocities"]}
    output.json("metrics.json", dict.fromkeys(("kinetic", "nsf"), metrics))
    figure = Figure(figsize=(1, 1))
    figure.subplots().plot([0, 1])
    output.figure("solution", figure)


@pytest.fixture
def stubbed(monkeypatch, tmp_path):
    monkeypatch.setattr(simulate, "run", stub)
    monkeypatch.chdir(tmp_path)


def typed(monkeypatch, capsys, *words):
    monkeypatch.setattr("sys.argv", ["knudsen", *words])
    status = main()
    said = capsys.readouterr()
    return status, said.out + said.err


@pytest.fixture
def finished(knudsen, stubbed, tmp_path):
    run = knudsen("experiment=simulate", "solver=kinetic", "case.cells=20", "mach=3", directory=tmp_path / "outputs" / "first")
    assert run.status == 0, run.last_line
    return run


def test_every_netcdf_file_and_the_record_hold_the_facts(finished):
    attributes = finished.dataset("solution.nc").attrs
    said = json.loads((finished.directory / "run.json").read_text())
    assert FACTS <= set(attributes) and FACTS <= set(said)
    assert attributes["command"] == said["command"] and "case.cells=20" in said["command"]
    assert said["status"] == "ok" and {"solution.nc", "metrics.json", "solution.png"} <= set(said["files"])
    assert said["warnings"] == ["kinetic: too <few> velocities", "nsf: too <few> velocities"]


def test_the_report_stands_alone(finished):
    """Figure embedded, nothing loaded from elsewhere, every text escaped."""
    text = (finished.directory / "report.html").read_text()
    sources = re.findall(r"<img[^>]*src='([^']*)'", text)
    assert len(sources) == 1 and sources[0].startswith("data:image/png;base64,")
    assert not re.search(r"<script|<link|https?://|url\(", text)
    for part in ("done", "too &lt;few&gt; velocities", "case.cells=20", "cells: 20", "kinetic", "nsf", "0.15", "processor time"):
        assert part in text, part
    assert all((finished.directory / name).exists() for name in re.findall(r"href='([^']*)'", text))


def test_list_and_show(finished, monkeypatch, capsys):
    status, text = typed(monkeypatch, capsys, "list")
    assert status == 0 and "outputs/first" in text and "case.cells=20 mach=3" in text and "| ok" in text.replace("     ", " ")
    status, text = typed(monkeypatch, capsys, "show", str(finished.directory))
    assert status == 0 and "simulate: done" in text and "too <few> velocities" in text and "nsf" in text
    for words in (["show", "nowhere"], ["list", "nowhere"], ["rerun", "."], ["plot", "."]):
        status, text = typed(monkeypatch, capsys, *words)
        assert status == 1 and text.startswith("knudsen: ") and "Traceback" not in text


def test_rerun_gives_equal_numbers_and_takes_changes(finished, monkeypatch, capsys, tmp_path):
    status, text = typed(monkeypatch, capsys, "rerun", str(finished.directory), "hydra.run.dir=again")
    assert status == 0, text
    again = xr.load_dataset(tmp_path / "again" / "solution.nc", engine="h5netcdf")
    assert again.equals(finished.dataset("solution.nc"))
    status, text = typed(monkeypatch, capsys, "rerun", str(finished.directory), "case.cells=8", "hydra.run.dir=other")
    assert status == 0 and xr.load_dataset(tmp_path / "other" / "solution.nc", engine="h5netcdf").sizes["x"] == 8
    status, text = typed(monkeypatch, capsys, "rerun", str(finished.directory), "case.cells=8", "hydra.run.dir=again")
    assert status == 1 and "case.cells (20 there, 8 here)" in text


def test_plot_draws_again_as_vector_graphics(finished, monkeypatch, capsys):
    status, text = typed(
        monkeypatch, capsys, "plot", str(finished.directory), "--style", "paper", "--format", "svg", "--width", "3"
    )
    assert status == 0, text
    drawn = (finished.directory / "solution_paper.svg").read_text()
    assert drawn.startswith("<?xml") and "<image" not in drawn


def test_a_sweep_ends_with_a_table_a_figure_and_a_report(knudsen, stubbed, tmp_path):
    swept = knudsen("-m", "experiment=simulate", "mach=2,4,8", "case.cells=10", f"hydra.sweep.dir={tmp_path}/sweep")
    assert swept.status == 0, swept.last_line
    with open(tmp_path / "sweep" / "sweep.csv") as file:
        rows = list(csv.DictReader(file))
    assert [(row["mach"], row["model"], float(row["error"])) for row in rows] == [
        (f"{mach:.1f}", model, mach / 10) for mach in (2, 4, 8) for model in ("kinetic", "nsf")
    ]
    text = (tmp_path / "sweep" / "report.html").read_text()
    assert (tmp_path / "sweep" / "sweep.png").exists() and "data:image/png" in text and "0_case" in text
