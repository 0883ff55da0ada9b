"""What goes wrong without anyone dying: damaged files, a full disk, labelers that fail, requests twice, drivers twice."""

import errno
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest
import toy
from toy import start

from knudsen import elt
from knudsen.elt import executors, tree
from knudsen.elt.errors import Damaged

LABELS = toy.SETTINGS.budget


def truncate(path):
    os.truncate(path, path.stat().st_size // 2)


def empty(path):
    os.truncate(path, 0)


def flip_first_bit(path):
    flip(path, 0)


def flip_last_bit(path):
    flip(path, path.stat().st_size - 1)


def flip(path, byte):
    data = bytearray(path.read_bytes())
    data[byte] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [truncate, empty, flip_first_bit, flip_last_bit])
def test_damaged_label_is_set_aside_and_computed_again(tmp_path, undisturbed, damage):
    result = toy.solve(tmp_path)
    store = elt.Store(tmp_path / "store")
    victim = result.labels[5]
    damage(store.path(victim.key))
    again = toy.solve(tmp_path)
    assert toy.fingerprint(again) == undisturbed()
    counts = toy.computations(tmp_path)
    assert counts.pop(repr(victim.request["x"])) == 2 and set(counts.values()) == {1}
    assert elt.summary(store.folder)["set_aside"] == 1 and len(list((store.folder / "set_aside").iterdir())) == 1


def test_every_flipped_bit_of_a_label_is_noticed(tmp_path):
    store, label = elt.Store(tmp_path), elt.Label("00ff", {"x": 1.0}, "ok", {"y": 2.0})
    store.put(label)
    whole = store.path("00ff").read_bytes()
    for bit in range(8 * len(whole)):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        store.path("00ff").write_bytes(data)
        with pytest.raises(Damaged):
            tree.read(store.path("00ff"))
    store.path("00ff").write_bytes(whole)
    assert store.label("00ff") == label


def test_label_under_the_name_of_another_is_not_believed(tmp_path):
    store = elt.Store(tmp_path)
    store.put(elt.Label("00ff", {"x": 1.0}, "ok", {"y": 2.0}))
    os.replace(store.path("00ff"), store.path("00fe"))
    assert store.label("00fe") is None


@pytest.mark.parametrize("name", ["0001-selection", "0002-model-01", "run"])
def test_damaged_checkpoint_is_made_again(tmp_path, undisturbed, name):
    toy.solve(tmp_path)
    truncate(tmp_path / "store" / "checkpoints" / name)
    assert toy.fingerprint(toy.solve(tmp_path)) == undisturbed()
    assert list(toy.computations(tmp_path).values()) == [1] * LABELS


@pytest.mark.parametrize(
    "trouble, error",
    [("raise", "ArithmeticError: no convergence"), ("hang", "not finished within 0.5 s"), ("nan", "not finite: value.y")],
)
@pytest.mark.parametrize("executor", ["serial", "processes"])
def test_failing_labeler_is_a_recorded_result(tmp_path, executor, trouble, error):
    limit = 0.5 if trouble == "hang" else None
    settings = elt.Settings(**vars(toy.SETTINGS) | {"limit": limit, "batch": 2, "first": 8, "budget": 10})
    with executors.make(executor, 2) as pool:
        result = toy.solve(tmp_path, pool, settings=settings, trouble=trouble)
        again = toy.solve(tmp_path, pool, settings=settings, trouble=trouble)
    assert toy.fingerprint(again) == toy.fingerprint(result)
    for label in result.labels:
        expected = ("failed", error, True) if label.request["x"] > 0.8 else ("ok", "", False)
        assert (label.status, label.error, label.value is None) == expected
    told = elt.summary(tmp_path / "store")
    assert told["failed"] > 0 and told["errors"] == {error: told["failed"]}
    assert told["labelled"] + told["failed"] == len(result.labels) == 10
    begun = (tmp_path / "counts.begun").read_text().splitlines()
    assert len(begun) == 10, "a failed label is not tried again by itself"


def test_failed_labels_are_tried_again_when_asked(tmp_path):
    """And the ensemble is trained again with them: the result is that of a run in which nothing failed."""
    once = elt.Settings(**vars(toy.SETTINGS) | {"iterations": 1})
    failed = toy.solve(tmp_path / "a", settings=once, trouble="raise")
    again = toy.solve(tmp_path / "a", settings=elt.Settings(**vars(once) | {"retry_failed": True}))
    assert any(label.status == "failed" for label in failed.labels)
    assert toy.fingerprint(again) == toy.fingerprint(toy.solve(tmp_path / "b", settings=once))


def test_a_run_of_failures_only_says_so(tmp_path):
    class Broken(toy.Sine):
        def __call__(self, request):
            raise ValueError("wrong units")

    with pytest.raises(elt.EltError, match=r"all 6 labels failed .*wrong units"):
        elt.run(toy.Points(), elt.Disagreement(toy.predict), Broken(""), toy.Polynomials(), elt.Store(tmp_path), toy.SETTINGS)


def test_full_disk_stops_the_run_before_a_label_is_computed(tmp_path, undisturbed, monkeypatch):
    """The disk fills after seven labels: nothing computed is lost, and with room again the same command finishes."""

    def full(fd, offset, size, reserve=os.posix_fallocate):
        if sum(toy.computations(tmp_path).values()) >= 7:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        reserve(fd, offset, size)

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full)
        with pytest.raises(elt.EltError, match=r"No space left on device.*run the same command again"):
            toy.solve(tmp_path)
    assert toy.fingerprint(toy.solve(tmp_path)) == undisturbed()
    assert list(toy.computations(tmp_path).values()) == [1] * LABELS


def test_real_limit_of_file_size(tmp_path, undisturbed):
    """The kernel refuses files beyond 16 kB: less than is reserved for a label, so none is computed in vain."""
    command = f"import toy; toy.solve({str(tmp_path)!r})"
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384))  # noqa: E731
    done = subprocess.run(
        [sys.executable, "-c", command], cwd=Path(toy.__file__).parent, preexec_fn=limit, capture_output=True, text=True
    )
    assert done.returncode == 1 and "File too large" in done.stderr.splitlines()[-1]
    assert toy.computations(tmp_path) == {}
    assert toy.fingerprint(toy.solve(tmp_path)) == undisturbed()


def test_store_that_is_not_a_folder(tmp_path):
    (tmp_path / "store").write_text("a file")
    with pytest.raises(elt.EltError, match="store: cannot be written"):
        toy.solve(tmp_path)


def test_duplicated_request_is_one_label(tmp_path):
    """The explorer of the toy proposes one point twice; a request's name depends on its values, not on the order of its keys."""
    result = toy.solve(tmp_path)
    assert len({label.key for label in result.labels}) == len(result.labels) == LABELS
    key = tree.key_of({"a": 1, "b": [2.0, "x"]})
    assert key == tree.key_of({"b": (2.0, "x"), "a": 1})
    assert key != tree.key_of({"a": 1, "b": [2.5, "x"]})


def test_second_driver_is_refused_and_a_dead_one_is_not_waited_for(tmp_path, undisturbed):
    first = start(tmp_path, "serial", "seconds=0.2")
    deadline = time.monotonic() + 30
    while not (tmp_path / "counts.begun").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    with pytest.raises(elt.EltError, match=rf"process {first.pid} on .* is running on this store"):
        toy.solve(tmp_path)
    first.kill()
    first.wait()
    assert f"process {first.pid}" in (tmp_path / "store" / "driver.lock").read_text()
    assert toy.fingerprint(toy.solve(tmp_path)) == undisturbed()
    assert list(toy.computations(tmp_path).values()) == [1] * LABELS


def test_store_of_another_run_is_refused(tmp_path):
    toy.solve(tmp_path)
    with pytest.raises(elt.EltError, match="another seed: 5 there, 6 now"):
        toy.solve(tmp_path, settings=elt.Settings(**vars(toy.SETTINGS) | {"seed": 6}))


def test_torn_line_of_the_ledger_costs_that_line_only(tmp_path, undisturbed):
    toy.solve(tmp_path)
    ledger = tmp_path / "store" / "ledger.jsonl"
    os.truncate(ledger, ledger.stat().st_size - 20)
    assert toy.fingerprint(toy.solve(tmp_path)) == undisturbed()
    told = elt.summary(tmp_path / "store")
    assert (told["labelled"], told["starts"], told["finished"]) == (LABELS, 2, "iterations")
