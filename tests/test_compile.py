"""What Numba keeps on disk is what the sources say, also those of other files (``knudsen.compile``)."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import knudsen.compile

PACKAGE = Path(knudsen.compile.__file__).parent
FILES = {  # a loop, the function that it calls, the constant that this holds, and a file that it has nothing to do with
    "constants.py": "FACTOR = 2.0\n",
    "helper.py": (
        "from knudsen.compile import compiled\nfrom knudsen.toy import (\n    constants,  # all of them\n)\n"
        "@compiled(inline='always')\ndef scaled(x):\n    return constants.FACTOR * x\n"
    ),
    "loop.py": (
        "from knudsen.compile import compiled\nfrom knudsen.toy.helper import scaled\n"
        "@compiled\ndef loop(x):\n    total = 0.0\n    for i in range(3):\n        total += scaled(x)\n    return total\n"
    ),
    "other.py": "NOTHING = 1\n",
    "__init__.py": "",
}
RUN = "from knudsen.toy.loop import loop; print(loop(1.0), sum(loop.stats.cache_hits.values()))"


@pytest.fixture
def copy(tmp_path):
    """The package's machinery with a toy room of four files."""
    room = tmp_path / "knudsen" / "toy"
    room.mkdir(parents=True)
    for name in ("__init__.py", "compile.py"):
        (room.parent / name).write_text((PACKAGE / name).read_text())
    for name, text in FILES.items():
        (room / name).write_text(text)
    return room


def run(room, **environment):
    """(value of the loop, functions that came from disk) in a new process."""
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=room.parents[1],
        env=os.environ | {"PYTHONPATH": str(room.parents[1])} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    value, hits = done.stdout.split()
    return float(value), int(hits)


def test_a_constant_changed_in_another_file_takes_effect(copy):
    assert run(copy) == (6.0, 0)
    (copy / "other.py").write_text("NOTHING = 2\n")
    assert run(copy) == (6.0, 1)  # from disk: the loop does not import that file
    (copy / "constants.py").write_text("FACTOR = 5.0\n")
    assert run(copy) == (15.0, 0)
    (copy / "helper.py").write_text(FILES["helper.py"].replace("* x", "+ x"))
    assert run(copy) == (18.0, 0)


def test_compiled_functions_held_by_others_are_told_apart_and_kept(copy):
    """Two loops of one text that hold different functions, themselves made in one place: each is compiled once."""
    (copy / "loop.py").write_text(
        "from knudsen.compile import compiled\n"
        "def times(factor):\n    def scaled(x):\n        return factor * x\n    return compiled(scaled)\n"
        "def summed(function):\n    def loop(x):\n        return function(x) + function(2.0 * x)\n    return compiled(loop)\n"
        "twice, loop = summed(times(2.0)), summed(times(3.0))\ntwice(1.0)\n"
    )
    assert run(copy) == (9.0, 0)
    assert run(copy) == (9.0, 1)


def test_code_goes_to_the_users_directory_where_that_of_the_sources_cannot_be_written(copy, tmp_path):
    (copy / "__pycache__").write_text("a file: no directory can be made here")
    here = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    assert run(copy, **here) == (6.0, 0)
    assert run(copy, **here) == (6.0, 1)


def test_constants_in_calls_make_no_copies():
    """Numba by itself compiles a function again for every integer constant that a compiled caller gives it."""
    space = {"compiled": knudsen.compile.compiled}
    exec(
        "@compiled\ndef times(x, n):\n    return n * x\n@compiled\ndef five(x):\n    return times(x, 2) + times(x, n=3)\n", space
    )
    assert space["five"](1.0) == 5.0 and len(space["times"].signatures) == 1


@pytest.mark.parametrize("room", ["solvers", "kinetic", "closure", "molecular"])
def test_a_room_compiles_in_this_one_way(room):
    folder = Path(__import__(f"knudsen.{room}", fromlist=["x"]).__file__).parent
    users = [path for path in folder.rglob("*.py") if re.search(r"\bn?jit\b", path.read_text().split('"""', 2)[-1])]
    assert not users, "use knudsen.compile.compiled"
