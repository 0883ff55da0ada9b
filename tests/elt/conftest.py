"""The toy problem, its undisturbed result, and drivers in processes of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TOY = Path(__file__).with_name("toy.py")
sys.path.insert(0, str(TOY.parent))  # tests import toy, as the driver processes do


def start(folder, executor="serial", *options):
    """A driver of the toy in a process of its own. It prints to files: workers that outlive it would keep pipes open."""
    command = [sys.executable, str(TOY), str(folder), executor, *options]
    folder.mkdir(exist_ok=True)
    with open(folder / "out", "w") as out, open(folder / "err", "w") as err:
        return subprocess.Popen(command, stdout=out, stderr=err, env=os.environ | {"OMP_NUM_THREADS": "1"})


def drive(folder, executor="serial", *options):
    """(exit status, what it printed as JSON or None, standard error) of a driver run to its end."""
    process = start(folder, executor, *options)
    status = process.wait(timeout=60)
    answer = json.loads((folder / "out").read_text().splitlines()[-1]) if status == 0 else None
    return status, answer, (folder / "err").read_text()


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """{trouble: fingerprint of a run that nothing disturbs}, serial and in this process."""
    import toy

    known = {}

    def fingerprint(trouble=""):
        if trouble not in known:
            known[trouble] = toy.fingerprint(toy.solve(tmp_path_factory.mktemp("undisturbed"), trouble=trouble))
        return known[trouble]

    return fingerprint
