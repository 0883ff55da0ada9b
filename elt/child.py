"""Calls with a time limit that holds whatever the code does: in a process of their own, which is killed when it is over."""

import contextlib
import os
import pickle
import queue
import select
import struct
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any

import cloudpickle

START_LIMIT = 300.0  # seconds for an interpreter to start and import, on a busy network file system
HEADER = struct.Struct("!Q")


class TimeLimit(Exception):
    """The call was not over in time; its process has been killed."""


class ChildDied(Exception):
    """The process ended by itself during a call."""


class Child:
    """A process that evaluates function(*arguments), one call at a time, kept for the next call. It ends when its parent does."""

    def __init__(self, function: Callable[..., Any]):
        self._function = cloudpickle.dumps(function)
        self._process: subprocess.Popen | None = None
        self._finalizer: weakref.finalize | None = None

    def call(self, *arguments: Any) -> Any:
        """function(*arguments[:-1]), within arguments[-1] seconds of its start. Raises what it raises, TimeLimit or ChildDied."""
        *given, limit = arguments
        if self._process is None or self._process.poll() is not None:
            self._start()
        try:
            _send(self._process.stdin, cloudpickle.dumps(tuple(given)))
            done, result = pickle.loads(self._receive(limit))
        except TimeLimit:
            self.kill()
            raise
        except (EOFError, BrokenPipeError) as error:
            status = self._process.wait()
            self.kill()
            raise ChildDied(f"the process that computed it ended by itself (exit status {status})") from error
        except BaseException:
            self.kill()
            raise
        if not done:
            raise result
        return result

    def kill(self) -> None:
        """End the process, whatever it is doing."""
        if self._finalizer is not None:
            self._finalizer()
        self._process = self._finalizer = None

    def _start(self) -> None:
        self.kill()
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from knudsen.elt.child import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        self._finalizer = weakref.finalize(self, _end, self._process)
        _send(self._process.stdin, pickle.dumps(sys.path))
        _send(self._process.stdin, self._function)
        if self._receive(START_LIMIT) != b"ready":
            raise ChildDied("the process for calls with a time limit did not start")

    def _receive(self, limit: float) -> bytes:
        stream = self._process.stdout
        poll = select.poll()
        poll.register(stream, select.POLLIN)
        if not poll.poll(1000 * limit):
            raise TimeLimit
        return _receive(stream)


def _end(process: subprocess.Popen) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            stream.close()


def _send(stream: Any, data: bytes) -> None:
    view = memoryview(HEADER.pack(len(data)) + data)
    while view:
        view = view[stream.write(view) :]


def _receive(stream: Any) -> bytes:
    (size,) = HEADER.unpack(_exactly(stream, HEADER.size))
    return _exactly(stream, size)


def _exactly(stream: Any, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = stream.read(size - len(parts))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


def serve() -> None:
    """Main function of the child. A thread watches the pipe: a child whose parent was killed ends in the middle of its work."""
    results = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # what the work prints goes to standard error, not among the results
    requests = os.fdopen(os.dup(0), "rb", buffering=0)
    sys.path[:] = pickle.loads(_receive(requests))
    function = pickle.loads(_receive(requests))
    waiting: queue.SimpleQueue = queue.SimpleQueue()

    def watch() -> None:
        try:
            while True:
                waiting.put(_receive(requests))
        finally:
            os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
    _send(results, b"ready")
    while True:
        data = waiting.get()
        try:
            answer = True, function(*pickle.loads(data))
        except Exception as error:
            answer = False, error
        try:
            packed = cloudpickle.dumps(answer)
            pickle.loads(packed)
        except Exception as error:
            packed = pickle.dumps((False, RuntimeError(f"{answer[1]!r} does not pickle: {error}")))
        _send(results, packed)
