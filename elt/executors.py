"""Where work runs: executors by name, and the one way the driver uses any of them."""

import functools
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from queue import SimpleQueue
from typing import Any

import cloudpickle

from knudsen.elt.errors import EltError
from knudsen.elt.work import apply

NAMES = ("serial", "processes", "dask")
CLUSTERS = {"local": "LocalCluster", "slurm": "SLURMCluster", "pbs": "PBSCluster"}
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
AHEAD = 4  # pieces of work submitted per worker: none of them waits for the driver
UNKNOWN_WORKERS = 250
REPLACEMENTS = 10  # broken pools in a row, with nothing finished between, after which the driver gives up


class Serial(Executor):
    """Everything in this process, at once."""

    _max_workers = 1
    window = 1

    def submit(self, function: Callable, /, *args: Any, **kwargs: Any) -> Future:
        """The future of `function` called with the rest."""
        future: Future = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Processes(Executor):
    """loky processes of one thread each, every one a pool of its own: a worker that dies takes nothing with it but its own work.

    loky starts fresh interpreters (no fork), so workers are safe after compiled parallel code has run in this process.
    """

    def __init__(self, workers: int):
        self._max_workers = workers
        self._pools: list[Executor | None] = [None] * workers
        self._idle = list(range(workers))
        self._queue: deque[tuple[Future, Callable, tuple, dict]] = deque()
        self._lock = threading.RLock()

    def submit(self, function: Callable, /, *args: Any, **kwargs: Any) -> Future:
        """The future of `function` called with the rest."""
        future: Future = Future()
        with self._lock:
            self._queue.append((future, function, args, kwargs))
            self._dispatch()
        return future

    def _dispatch(self) -> None:
        while self._queue and self._idle:
            future, function, args, kwargs = self._queue.popleft()
            if not future.set_running_or_notify_cancel():
                continue
            slot = self._idle.pop()
            try:
                inner = self._submit(slot, function, args, kwargs)
            except BaseException as error:
                self._idle.append(slot)
                future.set_exception(error)
                continue
            inner.add_done_callback(functools.partial(self._done, slot, future))

    def _submit(self, slot: int, function: Callable, args: tuple, kwargs: dict) -> Future:
        from loky import ProcessPoolExecutor

        if self._pools[slot] is not None:
            try:
                return self._pools[slot].submit(function, *args, **kwargs)
            except BrokenExecutor:
                self._pools[slot].shutdown(wait=False)
        self._pools[slot] = ProcessPoolExecutor(1, env=ONE_THREAD)
        return self._pools[slot].submit(function, *args, **kwargs)

    def _done(self, slot: int, future: Future, inner: Future) -> None:
        with self._lock:
            self._idle.append(slot)
            self._dispatch()
        error = CancelledError() if inner.cancelled() else inner.exception()
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(inner.result())

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        with self._lock:
            queue, self._queue = self._queue, deque()
        for future, *_ in queue:
            future.cancel()
        for slot, pool in enumerate(self._pools):
            if pool is not None:
                pool.shutdown(wait=wait, kill_workers=cancel_futures)
            self._pools[slot] = None


class Dask(Executor):
    """The workers of a dask client, which closes with this executor, as does a cluster that was started for it."""

    def __init__(self, client: Any, cluster: Any = None, workers: int | None = None):
        self._max_workers = workers or max(len(client.nthreads()), 1)
        self._client, self._cluster = client, cluster
        self._inner = client.get_executor(pure=False)

    def submit(self, function: Callable, /, *args: Any, **kwargs: Any) -> Future:
        """The future of `function` called with the rest."""
        return self._inner.submit(function, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._inner.shutdown(wait=wait)
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()


def _dask(workers: int | None, address: str | None, cluster: str, options: dict[str, Any]) -> Executor:
    try:
        import distributed
    except ImportError as error:
        raise EltError("executor=dask needs the packages of the cluster extra: pip install 'knudsen[cluster]'") from error
    if cluster not in CLUSTERS:
        raise EltError(f"executor.cluster={cluster}: unknown; known: {', '.join(CLUSTERS)}")
    owned = None
    if address is None and cluster == "local":
        given = {"processes": True, "threads_per_worker": 1, "dashboard_address": ":0", "n_workers": workers or cores()}
        address = owned = distributed.LocalCluster(**given | options)
    elif address is None:
        import dask_jobqueue

        owned = getattr(dask_jobqueue, CLUSTERS[cluster])(**{"cores": 1, "processes": 1} | options)
        owned.scale(workers or 1)
        address = owned
    return Dask(distributed.Client(address), owned, workers)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def make(
    name: str,
    workers: int | None = None,
    *,
    address: str | None = None,
    cluster: str = "local",
    options: dict[str, Any] | None = None,
) -> Executor:
    """The executor `name`: serial, processes or dask. Close it with ``shutdown``, or use it in a ``with`` statement.

    workers: processes of one thread each (None: one for every core; a queueing system's cluster: 1).
    address: of a running dask scheduler, such as ``tcp://head:8786``. cluster: local, slurm or pbs, started for this run;
    options: its own arguments (queue, walltime, memory, ...). The last three belong to dask.
    Raises EltError for an unknown name, or a package that is not installed.
    """
    if workers is not None and (isinstance(workers, bool) or not isinstance(workers, int) or workers < 1):
        raise EltError(f"executor.workers={workers}: give a positive integer, or null for every core")
    if name == "serial":
        return Serial()
    if name == "processes":
        return Processes(workers or cores())
    if name == "dask":
        return _dask(workers, address, cluster, dict(options or {}))
    raise EltError(f"executor={name}: unknown; known: {', '.join(NAMES)}")


class Pool:
    """How the driver uses an executor: pure pieces of work, a bounded number at a time, again if their worker dies.

    An executor may have a method ``advance()``, called when nothing is finished, as one with a simulated clock does.
    """

    def __init__(self, executor: Executor):
        self.executor = executor
        self.window = getattr(executor, "window", None) or AHEAD * getattr(executor, "_max_workers", UNKNOWN_WORKERS)

    def run(
        self, function: Callable[[Any], Any], items: Sequence[Any], on_death: Callable[[str], Any] = lambda text: None
    ) -> Iterator[tuple[int, Any]]:
        """(index, function(item)) of every item, in the order they finish.

        Whatever a future raises that is not `function`'s own doing (a broken pool, a killed worker) makes the item run again,
        after on_death(text). What `function` raises is raised here.
        """
        waiting, running, losses = deque(range(len(items))), {}, 0
        finished: SimpleQueue[Future] = SimpleQueue()  # constant cost per piece of work, however many are running
        advance = getattr(self.executor, "advance", None)
        try:
            while waiting or running:
                while waiting and len(running) < self.window:
                    i = waiting.popleft()
                    future = self.executor.submit(_guarded, function, items[i])
                    running[future] = i
                    future.add_done_callback(finished.put)
                if advance is not None and finished.empty():
                    advance()
                again, done_now = [], [finished.get()]
                while not finished.empty():
                    done_now.append(finished.get())
                for future in done_now:
                    i = running.pop(future)
                    try:
                        done, result = future.result()
                    except (Exception, CancelledError) as error:
                        again.append((i, error))
                        continue
                    if not done:
                        raise result
                    losses = 0
                    yield i, result
                if again:
                    losses += 1
                    text = f"{type(again[0][1]).__name__}: {again[0][1]}".splitlines()[0]
                    if losses > REPLACEMENTS:
                        raise EltError(f"workers die however often they are replaced ({text})")
                    on_death(text)
                    waiting.extendleft(i for i, _ in sorted(again, reverse=True))
        finally:
            for future in running:
                future.cancel()

    def map(
        self,
        function: Callable[[Any], Any],
        items: Iterable[Any],
        progress: Callable[[int, int], Any] = lambda done, of: None,
    ) -> list[Any]:
        """[function(item) for item in items], on the workers; progress(done, of) after each."""
        jobs = [cloudpickle.dumps((function, item)) for item in items]
        results: dict[int, Any] = {}
        for i, result in self.run(apply, jobs):
            results[i] = result
            progress(len(results), len(jobs))
        return [results[i] for i in range(len(jobs))]


def _guarded(function: Callable[[Any], Any], item: Any) -> tuple[bool, Any]:
    """(True, result) or (False, exception): so that the driver can tell the work's own failure from its worker's."""
    try:
        return True, function(item)
    except Exception as error:
        return False, error
