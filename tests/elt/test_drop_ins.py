"""Executors of other packages, dropped in: the same bits as serial, where the packages are installed."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SCRIPT = """
import sys, toy
if __name__ == "__main__":
    if sys.argv[1] == "mpi":
        from mpi4py.futures import MPIPoolExecutor as make
        options = {}
    else:
        from executorlib import SingleNodeExecutor as make
        options = {"max_workers": 2, "block_allocation": True}
    with make(**options) as executor:
        result = toy.solve(sys.argv[2], executor)
    print(toy.fingerprint(result))
"""


def fingerprint_of(tmp_path, executor, *command):
    script = tmp_path / "drive.py"
    script.write_text(SCRIPT)
    path = os.pathsep.join([str(HERE), str(HERE.parent.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [*command, str(script), executor, str(tmp_path / "run")],
        cwd=HERE, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


@pytest.mark.skipif(importlib.util.find_spec("mpi4py") is None, reason="mpi4py is not installed (pip install mpi4py mpich)")
def test_mpi_gives_the_same_bits(tmp_path, undisturbed):
    mpiexec = shutil.which("mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if mpiexec is None:
        pytest.skip("there is no mpiexec (pip install mpich)")
    assert fingerprint_of(tmp_path, "mpi", mpiexec, "-n", "3", sys.executable, "-m", "mpi4py.futures") == undisturbed()


@pytest.mark.skipif(
    importlib.util.find_spec("executorlib") is None, reason="executorlib is not installed (pip install executorlib)"
)
def test_executorlib_gives_the_same_bits(tmp_path, undisturbed):
    assert fingerprint_of(tmp_path, "executorlib", sys.executable) == undisturbed()
