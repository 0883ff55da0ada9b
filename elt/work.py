"""What runs on a worker: one label, from its claim to its file; one member of the ensemble."""

import functools
import os
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any

import cloudpickle

from knudsen.elt import tree
from knudsen.elt.child import Child, ChildDied, TimeLimit
from knudsen.elt.protocols import Label, Tree
from knudsen.elt.store import Store
from knudsen.files import Draft

_local = threading.local()


@dataclass(frozen=True)
class Task:
    """One label to compute. labeler: pickled; limit: seconds, or None; session: of the driver, to tell its dead workers from
    those of a driver that was itself killed; deaths: so many workers may die of it; reserve: bytes to set aside for it."""

    key: str
    request: Tree
    labeler: bytes
    folder: str
    session: str
    settings: Tree = None
    limit: float | None = None
    deaths: int = 3
    durable: bool = True
    reserve: int = 0


@dataclass(frozen=True)
class Outcome:
    """How a task went. status: ``ok``, ``failed`` (a recorded label either way), ``unwritten`` (the store refused it) or
    ``unusable`` (the labeler does not load on the worker); fresh: it was computed now, not found."""

    key: str
    status: str
    error: str = ""
    seconds: float = 0.0
    worker: str = ""
    size: int = 0
    fresh: bool = False


@functools.lru_cache(maxsize=2)
def _loaded(pickled: bytes) -> Any:
    return cloudpickle.loads(pickled)


def compute_label(task: Task) -> Outcome:
    """Compute the label of `task` and put it in the store, unless it is there already. Never raises for a labeler's sake.

    The claim is a lock: a worker that outlived its killed driver finishes, and whoever asks for the same label waits for it.
    """
    store = Store(task.folder, task.durable)
    worker = f"{socket.gethostname()}:{os.getpid()}"
    claim, draft = store.claim(task.key), None
    try:
        claim.acquire(wait=True)
        store.adopt(task.key)
        found = store.label(task.key)
        if found is not None:
            claim.release(remove=True)
            return Outcome(task.key, found.status, found.error, worker=worker, size=store.path(task.key).stat().st_size)
        deaths = sum(line.startswith(task.session) for line in claim.read().splitlines())
        claim.write(f"{task.session} {worker}\n", append=True)
        draft = Draft(store.path(task.key), task.durable, task.reserve)
        start = time.perf_counter()
        if deaths >= task.deaths:
            status, value, error = "failed", None, f"{deaths} workers died while computing it"
        else:
            try:
                status, value, error = _attempt(task)
            except _Unusable as unusable:
                claim.release(remove=True)
                return Outcome(task.key, "unusable", str(unusable), worker=worker)
        seconds = time.perf_counter() - start
        data = tree.framed(vars(Label(task.key, task.request, status, value, error, task.settings)))
        draft.write(data)
        draft.keep()
        claim.release(remove=True)
        return Outcome(task.key, status, error, seconds, worker, len(data), fresh=True)
    except OSError as error:
        return Outcome(task.key, "unwritten", error.strerror or str(error), worker=worker)
    finally:
        if draft is not None:
            draft.drop()
        claim.release()
        store.ledger.close()


class _Unusable(Exception):
    pass


def _attempt(task: Task) -> tuple[str, Tree, str]:
    """(status, value, error) of one evaluation of the labeler."""
    try:
        if task.limit is None:
            value = _call(task.labeler, task.request)
        else:
            value = _survived(task)
    except _Unusable:
        raise
    except TimeLimit:
        return "failed", None, f"not finished within {task.limit:g} s"
    except ChildDied:
        return "failed", None, f"{task.deaths} workers died while computing it"
    except Exception as error:
        return "failed", None, f"{type(error).__name__}: {error}"
    try:
        tree.encode(value)
    except TypeError as error:
        return "failed", None, f"TypeError: the label holds {error}"
    if name := tree.not_finite(value):
        return "failed", None, f"not finite: {name}"
    return "ok", value, ""


def _survived(task: Task) -> Tree:
    """The labeler's value from a process of its own, that may die `task.deaths` times, as a worker may."""
    for left in reversed(range(task.deaths)):
        try:
            return _child().call(task.labeler, task.request, task.limit)
        except ChildDied:
            if not left:
                raise


def _call(labeler: bytes, request: Tree) -> Tree:
    try:
        function = _loaded(labeler)
    except Exception as error:
        raise _Unusable(f"the labeler does not load on a worker ({type(error).__name__}: {error})") from error
    return function(request)


def _child() -> Child:
    """This thread's own process for work with a time limit."""
    if not hasattr(_local, "child"):
        _local.child = Child(_call)
    return _local.child


def train_member(job: bytes) -> bytes:
    """pickled (trainer, labels, saved previous model or None, member, seed) -> encoded tree of the new model."""
    trainer, labels, previous, member, seed = cloudpickle.loads(job)
    model = trainer.train(labels, None if previous is None else trainer.load(previous), member, seed)
    return tree.encode(trainer.save(model))


def apply(job: bytes) -> Any:
    """pickled (function, item) -> function(item)."""
    function, item = cloudpickle.loads(job)
    return function(item)
