"""Cost of a label beside its computation: through each executor, on two workers, on a thousand simulated ones (ELT_LABELS)."""

import heapq
import itertools
import os
import time
from collections import Counter
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from knudsen import elt
from knudsen.elt import executors

LABELS = int(os.environ.get("ELT_LABELS", "1000"))


@dataclass(frozen=True)
class Parts:
    """Explorer, indicator, labeler and trainer of nothing: `labels` requests, no work."""

    labels: int
    settings: str = "none"

    def explore(self, models, iteration, rng, map):
        return [elt.Candidate({"i": i}, np.zeros(1)) for i in range(self.labels)]

    def __call__(self, request):
        return {"y": float(request["i"])}


def label_them(folder, executor, labels, durable, clock=time.perf_counter):
    """Seconds per label for `labels` trivial ones: submitted, computed, written, noted."""
    from knudsen.elt.driver import label_all

    parts, store = Parts(labels), elt.Store(folder, durable)
    pool = executors.Pool(executor)
    loop = elt.Loop(parts, None, parts.settings, None, store, elt.Settings(), pool)
    store.lock()
    loop.begin()
    requests = {loop.key(c): c.request for c in parts.explore([], 0, None, map)}
    loop._selection = {"keys": list(requests), "requests": list(requests.values())}
    pool.map(abs, range(8))  # workers start
    start = clock()
    label_all(loop, requests, parts, pool)
    seconds = clock() - start
    store.unlock()
    assert len(store.keys()) == labels
    return seconds / labels


@pytest.mark.parametrize("durable", [True, False], ids=["durable", "not durable"])
@pytest.mark.parametrize("name", ["serial", "processes", "dask"])
def test_overhead(benchmark, tmp_path, name, durable):
    if name == "dask":
        pytest.importorskip("distributed", reason="the cluster extra is not installed")
    with executors.make(name, 2) as executor:
        numbers = itertools.count()
        cost = benchmark.pedantic(lambda: label_them(tmp_path / str(next(numbers)), executor, LABELS, durable), rounds=1)
    benchmark.extra_info["milliseconds per label"] = 1e3 * cost


@dataclass(frozen=True)
class Kinetic:
    """Labeler: a window of a kinetic solution, with the processor time it took and the process that took it."""

    labeler: Any

    @property
    def settings(self):
        return self.labeler.settings

    def __call__(self, request):
        start = time.process_time()
        self.labeler(request)
        return {"seconds": time.process_time() - start, "process": os.getpid()}


def test_two_workers_halve_the_time_of_kinetic_labels(benchmark, tmp_path):
    """A hundred labels of a third of a second on one worker and on two: the ratio of the wall times, and of the processor times
    of the driver and the busiest worker, which other jobs on the machine do not disturb."""
    from knudsen import kinetic
    from knudsen.closure.training.exploration import Labeler

    labeler = Kinetic(Labeler(kinetic.gas("bgk_1v"), refine=5))
    labels = min(LABELS, 100)
    requests = [
        {"case": {"kind": "mix", "seed": i, "amplitude": 1.0, "knudsen": 0.1}, "cells": 100, "time": 0.1, "first": 0, "width": 10}
        for i in range(labels)
    ]

    def measure(workers):
        from knudsen.elt.driver import label_all

        store = elt.Store(tmp_path / str(workers))
        with executors.make("processes", workers) as executor:
            pool = executors.Pool(executor)
            loop = elt.Loop(None, None, labeler.settings, None, store, elt.Settings(), pool)
            store.lock()
            loop.begin()
            asked = {loop.key(elt.Candidate(r, np.zeros(1))): r for r in requests}
            loop._selection = {"keys": list(asked), "requests": list(asked.values())}
            pool.map(labeler, requests[:workers] * 4)  # workers start and compile
            driver, wall = time.process_time(), time.perf_counter()
            label_all(loop, asked, labeler, pool)
            driver, wall = time.process_time() - driver, time.perf_counter() - wall
        store.unlock()
        busy = Counter()
        for label in store.labels():
            busy[label.value["process"]] += label.value["seconds"]
        assert sum(1 for _ in store.keys()) == labels and len(busy) == workers
        return wall, driver + max(busy.values())

    (wall_1, cpu_1), (wall_2, cpu_2) = benchmark.pedantic(lambda: [measure(n) for n in (1, 2)], rounds=1)
    benchmark.extra_info |= {"wall": wall_1 / wall_2, "processor time": cpu_1 / cpu_2, "seconds per label": cpu_1 / labels}


class Simulated(Executor):
    """Workers whose labels take `duration` seconds of a clock that runs with the driver's own time, and jumps when it waits."""

    def __init__(self, workers, duration):
        self._max_workers, self.duration = workers, duration
        self.skipped, self.order = 0.0, itertools.count()
        self.free = [0.0] * workers  # when each worker is free
        self.running = []

    def now(self):
        return time.perf_counter() + self.skipped

    def submit(self, function, /, *args):
        begin = max(heapq.heappop(self.free), self.now())
        heapq.heappush(self.free, begin + self.duration)
        future = Future()
        heapq.heappush(self.running, (begin + self.duration, next(self.order), future, function, args))
        return future

    def advance(self):
        end, _, future, function, args = heapq.heappop(self.running)
        self.skipped += max(0.0, end - self.now())
        start = time.perf_counter()
        future.set_result(function(*args))  # its writing is the worker's time, not the driver's
        self.skipped -= time.perf_counter() - start


@pytest.mark.parametrize("duration", [0.01, 0.1, 1.0, 10.0])
def test_thousand_workers(benchmark, tmp_path, duration):
    """Share of the workers' time that is spent on labels; the driver saturates where it falls."""
    workers, numbers = 1000, itertools.count()

    def simulate():
        executor = Simulated(workers, duration)
        return 5 * workers * label_them(tmp_path / str(next(numbers)), executor, 5 * workers, False, executor.now)

    seconds = benchmark.pedantic(simulate, rounds=1)
    benchmark.extra_info["busy share of the workers"] = 5 * duration / seconds
    benchmark.extra_info["labels per second"] = 5 * workers / seconds
