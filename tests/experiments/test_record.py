"""The folder of a run belongs to it alone: files of two runs are never mixed, and a run that fails leaves what was there."""

import json
import os
import signal
import subprocess
import sys

import pytest
from omegaconf import OmegaConf

from knudsen.errors import InputError
from knudsen.experiments import record
from knudsen.experiments.output import Output


def begun(directory, experiment="simulate", **config):
    config = OmegaConf.create({"seed": 0, "progress": True, "case": {"cells": 20}} | config)
    return record.Record(directory, config, {"experiment": experiment}, [f"experiment={experiment}"])


def run(directory, names=("solution.nc", "metrics.json"), resumes=None, error=None, **config):
    one = begun(directory, **config)
    with record.claimed(one, resumes):
        for name in names:
            Output(directory, one.config, one).text(name, "new")
        if error:
            raise error
        one.status = "ok"
    return one


def files(directory):
    return {path.name for path in directory.iterdir() if not path.name.startswith(".")}


def test_the_same_run_replaces_its_files_as_a_whole(tmp_path):
    """No solution of the first run beside a diverged one of the second."""
    run(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    run(tmp_path, ("diverged.nc", "metrics.json"), progress=False)
    assert files(tmp_path) == {"diverged.nc", "metrics.json", "notes.txt", "run.json", "report.html"}


@pytest.mark.parametrize(
    "change, named", [({"experiment": "compare"}, "compare"), ({"case": {"cells": 40}}, "case.cells (20 there, 40 here)")]
)
def test_another_run_is_refused_and_the_first_stays(tmp_path, change, named):
    run(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(InputError) as error:
        run(tmp_path, **change)
    assert "holds a" in str(error.value) and "hydra.run.dir" in str(error.value)
    assert named in str(error.value) or "experiment=simulate" in str(error.value)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_results_without_a_record_are_not_written_over(tmp_path):
    (tmp_path / "metrics.json").write_text("{}")
    with pytest.raises(InputError, match="holds results of another run"):
        run(tmp_path)


def test_a_run_that_goes_on_keeps_its_files_and_only_the_same_does(tmp_path):
    run(tmp_path, ("labels.nc",), resumes="same")
    run(tmp_path, ("metrics.json",), resumes="same")
    assert {"labels.nc", "metrics.json"} <= files(tmp_path)
    with pytest.raises(InputError, match=r"seed \(0 there, 1 here\)"):
        run(tmp_path, resumes="same", seed=1)
    run(tmp_path, ("more.nc",), resumes="judges", seed=1)
    assert {"labels.nc", "more.nc"} <= files(tmp_path)


def test_a_failed_run_leaves_what_was_there(tmp_path):
    empty = tmp_path / "empty"
    with pytest.raises(InputError):
        run(empty, (), error=InputError("bad"))
    assert not empty.exists()
    run(tmp_path / "full")
    before = (tmp_path / "full" / "run.json").read_text()
    with pytest.raises(InputError):
        run(tmp_path / "full", (), resumes="judges", error=InputError("bad"), seed=5)
    assert (tmp_path / "full" / "run.json").read_text() == before
    with pytest.raises(InputError):
        run(tmp_path / "half", ("labels.nc",), error=InputError("the rest is bad"))
    said = json.loads((tmp_path / "half" / "run.json").read_text())
    assert said["status"] == "failed" and said["reason"] == "the rest is bad" and said["files"] == ["labels.nc"]


def test_two_runs_do_not_share_a_folder(tmp_path):
    first = begun(tmp_path)
    with record.claimed(first, "same"), pytest.raises(InputError, match="another run is writing there"):
        run(tmp_path, resumes="same")
    run(tmp_path)


def test_a_corrupt_record_is_named(tmp_path):
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(InputError, match=r"run\.json"):
        run(tmp_path)


def test_drafts_of_a_killed_run_are_removed_by_the_next(tmp_path):
    program = "import os, signal, sys; from knudsen.files import Draft; Draft(sys.argv[1]); os.kill(os.getpid(), signal.SIGKILL)"
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "other.nc")])
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "references" / "one.nc")])
    assert len(list(tmp_path.rglob(".partial-*"))) == 2
    run(tmp_path)
    assert not list(tmp_path.rglob(".partial-*"))


def test_termination_unwinds_like_an_interrupt(knudsen, monkeypatch):
    """As a queueing system ends a run: status 130, no draft."""
    from knudsen.experiments import simulate

    def terminated(cfg, output):
        output.file("big.nc", lambda path: os.kill(os.getpid(), signal.SIGTERM))

    monkeypatch.setattr(simulate, "run", terminated)
    done = knudsen("experiment=simulate")
    assert done.status == 130 and not list(done.directory.glob(".partial*")) and not done.files()


def test_a_sweep_over_files_gives_every_run_its_folder(knudsen, monkeypatch, tmp_path):
    """Paths, lists and long texts: each folder is numbered, and holds the run of its file."""
    from knudsen.experiments import simulate

    def stub(cfg, output):
        output.json("metrics.json", {"file": cfg.case.file, "times": list(cfg.case.save_times)})

    monkeypatch.setattr(simulate, "run", stub)
    times = ",".join(f"0.0{i:02d}" for i in range(1, 15))
    swept = knudsen("-m", "experiment=simulate", "case=tabulated", f"case.file={tmp_path}/a.nc,{tmp_path}/b#é.nc",
                    f"case.save_times=[{times}],[0.01]", f"hydra.sweep.dir={tmp_path}/sweep of files")  # fmt: skip
    assert swept.status == 0, swept.last_line
    found = [json.loads(path.read_text()) for path in sorted((tmp_path / "sweep of files").glob("*/metrics.json"))]
    assert [one["file"] for one in found] == [f"{tmp_path}/a.nc"] * 2 + [f"{tmp_path}/b#é.nc"] * 2
    assert [len(one["times"]) for one in found] == [14, 1, 14, 1]


def test_the_saved_configuration_repeats_the_run(knudsen, monkeypatch):
    """The same experiment, options and values, and not the default shock."""
    from omegaconf import OmegaConf

    from knudsen.experiments import compare, setup

    seen = []

    def stub(cfg, output):
        seen.append(
            (
                OmegaConf.to_container(cfg, resolve=True),
                setup.option("case"),
                setup.option("closure/network"),
                output.record.choices,
            )
        )
        output.json("metrics.json", {})

    monkeypatch.setattr(compare, "run", stub)
    first = knudsen(
        "experiment=compare", "case=wave", "closure/network=mlp", "closure.network.width=8", "gas.omega=0.7", "seed=3"
    )
    again = knudsen("--config-dir", str(first.directory / ".hydra"), "--config-name", "config")
    changed = knudsen("--config-dir", str(again.directory / ".hydra"), "--config-name", "config", "seed=4")
    assert [run.status for run in (first, again, changed)] == [0, 0, 0], changed.last_line
    assert seen[0] == seen[1] and seen[1][0]["case"]["_target_"].endswith("wave")
    assert seen[2][0] == seen[0][0] | {"seed": 4}


def test_names_of_the_folders_of_a_sweep_are_short_and_plain():
    assert record.folder_name(3, "mach=4,gas=bgk_3v") == "3_mach=4,gas=bgk_3v"
    long = record.folder_name(12, "case.save_times=[" + ",".join(map(str, range(200))) + "] / ../x")
    assert len(long) < 100 and "/" not in long and long.startswith("12_")


@pytest.mark.parametrize("shown", [False, True])
def test_title_of_a_figure_is_the_caption_of_the_report(tmp_path, shown):
    """In the figure itself only where it is asked for; panels have letters either way."""
    from matplotlib.figure import Figure

    figure = Figure()
    for axis in figure.subplots(1, 2):
        axis.plot([0, 1])
    figure.suptitle(r"Normal shock, viscosity $\propto T^{0.81}$")
    one = begun(tmp_path, figure={"title": shown})
    with record.claimed(one, None):
        Output(tmp_path, one.config, one).figure("shock", figure)
        one.status = "ok"
    assert bool(figure.get_suptitle()) == shown
    assert [axis.get_title("left") for axis in figure.axes] == ["(a)", "(b)"]
    assert "Normal shock, viscosity ~ T^0.81" in (tmp_path / "report.html").read_text()
