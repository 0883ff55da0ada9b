"""A file is the old one or the new one, and what a killed process left is removed by the next that writes the same file."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from knudsen.files import Draft


def test_reader_sees_the_old_file_until_the_new_one_is_complete(tmp_path):
    path = tmp_path / "deep" / "result.json"
    with Draft(path) as partial:
        partial.write_text("old")
    with Draft(path, durable=True) as partial:
        partial.write_text("new")
        assert path.read_text() == "old" and partial.suffix == path.suffix
    assert path.read_text() == "new" and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("bad"), OSError(errno.ENOSPC, "No space left on device")])
def test_failure_leaves_what_was_there(tmp_path, error):
    path = tmp_path / "result.json"
    path.write_text("old")
    with pytest.raises(type(error)) as caught, Draft(path) as partial:
        partial.write_text("half")
        raise error
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    if isinstance(error, OSError):
        assert str(path) in str(caught.value) and caught.value.errno == errno.ENOSPC


def test_error_names_the_file_and_not_its_temporary_name(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"result\.json") as caught:
        Draft(tmp_path / "file" / "result.json")
    assert ".partial" not in str(caught.value)


def test_reserved_space_is_not_part_of_the_file(tmp_path):
    draft = Draft(tmp_path / "label", reserve=4096)
    assert draft.partial.stat().st_size == 4096
    draft.write(b"label")
    draft.keep()
    assert (tmp_path / "label").read_bytes() == b"label"


def test_drafts_of_dead_processes_are_removed_and_those_of_living_ones_are_not(tmp_path):
    path = tmp_path / "result.nc"
    program = "import os, signal, sys; from knudsen.files import Draft; Draft(sys.argv[1]); os.kill(os.getpid(), signal.SIGKILL)"
    assert subprocess.run([sys.executable, "-c", program, str(path)]).returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    living = Draft(path)
    assert not left.exists()
    other = tmp_path / left.name.replace(path.name, "other.nc")  # of another file: not ours to judge
    other.touch()
    with Draft(path) as partial:
        partial.touch()
    assert living.partial.exists() and other.exists() and path.exists()
    assert str(os.getpid()) in living.partial.name
