"""Processes that die: after each, the same command finishes, with every label computed once and the undisturbed result's bits."""

import contextlib
import functools
import json
import os
import signal
import time
from pathlib import Path

import pytest
import toy
from toy import drive, start

from knudsen import elt
from knudsen.elt import executors

LABELS = toy.SETTINGS.budget


@pytest.mark.parametrize(
    "kill",
    [
        *("score:2", "selected:1", "label:3", "train:1"),
        *(pytest.param(kill, marks=pytest.mark.slow) for kill in ("explore:1", "label:9", "checkpoint:4")),
    ],
)
def test_driver_killed_in_a_phase(tmp_path, undisturbed, kill):
    status, _, _ = drive(tmp_path, "serial", f"kill={kill}")
    assert status == -signal.SIGKILL
    result = toy.solve(tmp_path)
    assert toy.fingerprint(result) == undisturbed()
    assert list(toy.computations(tmp_path).values()) == [1] * LABELS
    told = elt.summary(tmp_path / "store")
    assert (told["labelled"], told["starts"], told["finished"]) == (LABELS, 2, "iterations")
    assert [i["iteration"] for i in told["iterations"]] == [0, 1, 2, 3]


def test_driver_killed_while_workers_compute(tmp_path, undisturbed):
    """Its workers may live on and finish: the next driver neither waits for ever nor computes what they compute."""
    process = start(tmp_path, "processes", "seconds=0.2")
    begun = tmp_path / "counts.begun"
    deadline = time.monotonic() + 60
    while not begun.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert 0 < len(begun.read_text().splitlines()) < LABELS
    status, answer, error = drive(tmp_path, "processes", "seconds=0.05")
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # workers of the first one, which wait for ever
    assert status == 0, error
    assert answer["fingerprint"] == undisturbed()
    assert list(toy.computations(tmp_path).values()) == [1] * LABELS


@pytest.mark.parametrize("limit", [None, 30.0])
def test_worker_killed_mid_label(tmp_path, undisturbed, limit):
    """Without a time limit a worker computes the label itself; with one, a process of the worker's does."""
    events = []
    settings = elt.Settings(**vars(toy.SETTINGS) | {"limit": limit})
    with executors.make("processes", 2) as executor:
        result = toy.solve(tmp_path, executor, events.append, settings, trouble="die")
    assert (tmp_path / "counts.died").exists()
    assert [e["event"] for e in events].count("worker_died") == (limit is None)
    assert toy.fingerprint(result) == undisturbed()
    assert list(toy.computations(tmp_path).values()) == [1] * LABELS


@pytest.mark.parametrize("limit", [None, 30.0])
def test_label_that_always_kills_its_worker_is_a_failed_label(tmp_path, limit):
    settings = elt.Settings(**vars(toy.SETTINGS) | {"limit": limit, "deaths": 2})
    with executors.make("processes", 2) as executor:
        result = toy.solve(tmp_path, executor, settings=settings, trouble="exit")
    failed = {label.request["x"]: label.error for label in result.labels if label.status == "failed"}
    assert failed and all(x > 0.8 and "2 workers died while computing it" in error for x, error in failed.items())
    assert set(toy.computations(tmp_path).values()) == {1}
    assert len(toy.computations(tmp_path)) + len(failed) == LABELS


@pytest.mark.parametrize("torn", [False, True])
def test_worker_killed_between_the_last_byte_and_the_name(tmp_path, undisturbed, torn):
    """A finished label that only lacked its name is kept; one that was cut short is made again."""
    result = toy.solve(tmp_path)
    store, key = elt.Store(tmp_path / "store"), result.labels[7].key
    draft = store.path(key).with_name(f".partial-1-abcd-{key}")
    os.replace(store.path(key), draft)
    if torn:
        os.truncate(draft, draft.stat().st_size - 1)
    store.claim(key).path.write_text("session worker\n")
    again = toy.solve(tmp_path)
    assert toy.fingerprint(again) == undisturbed()
    assert sorted(toy.computations(tmp_path).values()) == [1] * (LABELS - 1) + [1 + torn]
    assert not draft.exists()


def test_worker_killed_mid_label_on_dask(tmp_path, undisturbed):
    pytest.importorskip("distributed", reason="the cluster extra is not installed")
    with executors.make("dask", 2) as executor:
        result = toy.solve(tmp_path, executor, trouble="die")
    assert (tmp_path / "counts.died").exists()
    assert toy.fingerprint(result) == undisturbed()
    assert list(toy.computations(tmp_path).values()) == [1] * LABELS


# Every call with which the driver changes the disk is a place to die: before it, after it, and for writes half-way through.
CALLS = ("write", "fsync", "replace", "ftruncate")


class Crash:
    """Kills this process at the n-th change of the disk; mode: before, after or half."""

    def __init__(self, number, mode):
        self.number, self.mode, self.seen = number, mode, 0
        for name in CALLS:
            setattr(os, name, self.around(getattr(os, name), name))

    def around(self, call, name):
        def wrapped(*args, **kwargs):
            self.seen += 1
            if self.seen == self.number:
                if self.mode == "half" and name == "write":
                    call(args[0], bytes(args[1])[: len(args[1]) // 2])
                if self.mode == "after":
                    call(*args, **kwargs)
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **kwargs)

        return wrapped


def in_fork(work):
    """Exit status of a fork that does `work`. Only sound where no thread runs: call it in a process of its own."""
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            work()
            os._exit(0)
        os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def crash_once(folder, number, mode):
    Crash(number, mode)
    toy.solve(folder, settings=SHORT)


def crash_everywhere(folder, stride):
    """Print how many crashes were survived, and the worst of what came after."""
    undisturbed = toy.fingerprint(toy.solve(folder / "undisturbed", settings=SHORT))
    crashes, number, repeated, seen = 0, 1, 0, set()
    while True:
        mode = ("before", "after", "half")[crashes % 3]
        run = folder / f"{number}"
        status = in_fork(functools.partial(crash_once, run, number, mode))
        if status == 0:
            break
        assert status == -signal.SIGKILL, (number, mode, status)
        result = toy.solve(run, settings=SHORT)
        seen.add(toy.fingerprint(result))
        counts = list(toy.computations(run).values())
        assert sum(counts) - len(counts) <= 1, "only the label in hand may be computed again"
        assert len(counts) == SHORT.budget and elt.summary(run / "store")["labelled"] == SHORT.budget
        repeated += sum(counts) - len(counts)
        crashes, number = crashes + 1, number + stride
    assert seen == {undisturbed}
    print(json.dumps({"crashes": crashes, "repeated": repeated}))


SHORT = elt.Settings(**vars(toy.SETTINGS) | {"first": 3, "batch": 2, "budget": 5, "iterations": 2, "members": 2})


def test_driver_killed_at_every_change_of_the_disk(tmp_path):
    """Before, after and in the middle of writes: whatever is half done is done again, and nothing else."""
    import subprocess
    import sys

    command = f"import pathlib, test_kills; test_kills.crash_everywhere(pathlib.Path({str(tmp_path)!r}), 2)"
    done = subprocess.run([sys.executable, "-c", command], cwd=Path(__file__).parent, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["crashes"] > 40  # of every second change
