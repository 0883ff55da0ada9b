"""The command itself: quick to answer, silent about nothing it should say, and open to a user's own network."""

import subprocess
import sys
import time
from importlib.metadata import version

import pytest

from knudsen.experiments.app import main
from knudsen.experiments.help import CONF, groups

RUN = [sys.executable, "-m", "knudsen"]


def seconds_of(*arguments: str) -> tuple[float, str]:
    best, text = float("inf"), ""
    for _ in range(3):  # the best of three: the machine may be busy
        start = time.perf_counter()
        text = subprocess.run([*RUN, *arguments], capture_output=True, text=True, check=True, timeout=60).stdout
        best = min(best, time.perf_counter() - start)
    return best, text


def test_help_is_instant_and_lists_every_option():
    """Below the 0.7 s at which a prompt stops feeling immediate; importing torch alone takes longer."""
    seconds, text = seconds_of("--help")
    assert seconds < 0.7
    for group, options in groups().items():
        assert group in text
        assert all(option in text for option in options)


@pytest.mark.parametrize("arguments", [["--help"], ["--cfg", "job"], ["--info", "defaults"]])
def test_questions_import_neither_torch_nor_numba(arguments):
    code = (
        "import sys; sys.argv[1:] = " + repr(arguments) + "; from knudsen.experiments.app import main; status = main();"
        "assert status == 0, status;"
        "heavy = {'torch', 'numba', 'matplotlib', 'xarray'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)


def test_version_is_that_of_knudsen_and_of_the_checkout():
    """Without a checkout, no commit and no call of git."""
    code = (
        "import subprocess, sys; from pathlib import Path; from knudsen import release;"
        "root = release.ROOT; print(release.release()); release.ROOT = Path(sys.argv[1]);"
        "subprocess.run = None; print(release.release())"
    )
    text = subprocess.run([sys.executable, "-c", code, str(CONF)], check=True, capture_output=True, text=True, timeout=60).stdout
    here, installed = text.splitlines()
    assert installed == f"knudsen {version('knudsen')}"
    head = subprocess.run(["git", "-C", str(CONF), "rev-parse", "HEAD"], capture_output=True, text=True)
    if head.returncode == 0:  # the tests may run without a checkout
        assert here.startswith(f"{installed} ({head.stdout.strip()[:7]}")
    done = subprocess.run([*RUN, "--version"], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == here


def test_a_kinetic_run_imports_no_torch_and_no_pyplot(tmp_path):
    """Each takes a second that a small run does not owe."""
    arguments = ["experiment=simulate", "solver=kinetic", "case=sod", "case.cells=20", f"hydra.run.dir={tmp_path}"]
    code = (
        "import sys; sys.argv[1:] = " + repr(arguments) + "; from knudsen.experiments.app import main; assert main() == 0;"
        "heavy = {'torch', 'matplotlib.pyplot', 'ase'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=300)


def test_completion_knows_the_cases():
    """Hydra's protocol: the shell gives the line so far, the command prints the words that may follow."""
    code = (
        "import os, sys; os.environ.update(COMP_LINE='knudsen case=s', COMP_POINT='14');"
        "sys.argv = ['knudsen', '-sc', 'query=bash'];"
        "from knudsen.experiments.app import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    known = {f"case={name}" for name in groups()["case"] if name.startswith("s")}
    assert {"case=shock", "case=sod"} <= known == set(done.stdout.split())


def test_help_of_an_option_shows_its_commented_keys(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["knudsen", "--help", "case=tabulated"])
    assert main() == 0
    text = capsys.readouterr().out
    assert "file: null" in text
    assert "path of the file" in text


@pytest.mark.parametrize("file", sorted(CONF.rglob("*.yaml")), ids=lambda f: f.relative_to(CONF).as_posix())
def test_every_key_is_explained(file):
    """One commented line per key: what it means, its unit, a sensible range."""
    section = ""
    for line in file.read_text().splitlines():
        if line and not line.startswith((" ", "#")):
            section = line.partition(":")[0]
        stripped = line.strip()
        if (
            not stripped
            or stripped.startswith(("#", "-", "{"))
            or stripped.endswith(":")
            or section in ("defaults", "_target_", "hydra")
        ):
            continue
        if not (file.parent.name == "gas" and section == "name"):
            assert "#" in line, f"{file.name}: {stripped}"


def test_the_command_line_overrides_the_experiments_case(knudsen):
    run = knudsen("experiment=simulate", "case=wave", "seed=5", "closure=euler", "case.cells=20", "case.t_end=0.01")
    assert run.status == 0, run.last_line
    assert run.dataset("solution.nc").attrs["case"] == "wave"


def test_a_path_may_hold_any_sign(knudsen, start_file, tmp_path):
    """Folders are often named by what was varied; Hydra's grammar alone refuses = and brackets in a value."""
    directory = tmp_path / "closure=euler (first)"
    directory.mkdir()
    file = directory / "start[1].nc"
    file.write_bytes(start_file(20).read_bytes())
    case = ("case=tabulated", f"case.file={file}", "case.knudsen=0.1", "case.t_end=0.01")
    run = knudsen("experiment=simulate", "closure=euler", *case, directory=directory / "out")
    assert run.status == 0, run.last_line
    assert "solution.nc" in run.files()


def test_a_sweep_runs_every_combination(knudsen, tmp_path):
    run = knudsen(
        "-m", "experiment=simulate", "closure=euler,nsf", "case.cells=20", "case.t_end=0.01,0.02", f"hydra.sweep.dir={tmp_path}"
    )
    assert run.status == 0, run.last_line
    assert len(list(tmp_path.glob("*/solution.nc"))) == 4


def test_an_interrupt_leaves_complete_files_only(knudsen, monkeypatch):
    from knudsen import closure

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(closure, "simulate", interrupted)
    run = knudsen("experiment=simulate", "closure=euler", "case.cells=20")
    assert run.status == 130
    assert not run.files()
