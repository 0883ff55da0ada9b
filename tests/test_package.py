"""What users get: one import package that lives beside whatever modules they have themselves."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("solvers", "kinetic", "closure", "elt", "molecular", "quantum", "conf", "experiments")
KINDS = {".py", ".yaml", ".pt", ".mplstyle", ".typed"}


def sources() -> set[Path]:
    """Every file that the installed package needs, as it lies in the repository."""
    found = {path.relative_to(ROOT) for room in ("knudsen", *ROOMS) for path in (ROOT / room).rglob("*") if path.suffix in KINDS}
    return {path for path in found if "__pycache__" not in path.parts}


def test_wheel_holds_one_package_and_all_of_it(tmp_path):
    pytest.importorskip("setuptools", "77")
    for path in [*sources(), *map(Path, ("pyproject.toml", "README.md", "LICENSE"))]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, tmp_path / path)
    build = "from setuptools.build_meta import build_wheel; build_wheel('dist')"
    done = subprocess.run([sys.executable, "-c", build], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    held = {name for name in names if not name.partition("/")[0].endswith(".dist-info")}
    assert {name.partition("/")[0] for name in held} == {"knudsen"}
    assert held == {(path if path.parts[0] == "knudsen" else Path("knudsen", path)).as_posix() for path in sources()}


NETWORK = """
import torch

class Nothing(torch.nn.Module):
    def __init__(self, inputs, outputs, parity_in=None, parity_out=None):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(outputs, inputs))

    def forward(self, features):
        return features @ self.weight.T
"""
SAVE = """
from knudsen import closure, kinetic
from knudsen.closure import checkpoint

network = {"_target_": "kinetic.Nothing"}
law = closure.untrained(kinetic.gas("bgk_1v"), network=network)
checkpoint.save("mine.pt", law, network, {})
"""


def test_users_modules_and_the_projects_live_side_by_side(tmp_path):
    """A folder full of names that the rooms have too: the command takes its own, and a network from the user's."""
    for name in ("solvers.py", "elt.py", "closure.py"):
        (tmp_path / name).write_text("raise RuntimeError('not yours')")
    for name in ("conf", "experiments", "molecular"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('not yours')")
    (tmp_path / "kinetic.py").write_text(NETWORK)
    words = ["experiment=simulate", "solver=moments", "case=sod", "case.cells=20", "case.t_end=0.01", "solver.compiled=false"]
    words += ["closure=herm_mlc", "closure.checkpoint=mine.pt", "closure.network._target_=kinetic.Nothing", "progress=false"]
    command = SAVE + "import sys\nfrom knudsen.experiments.app import main\nsys.exit(main())\n"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", command, *words, "hydra.run.dir=out"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "solution.nc").exists()
