"""What happened, one line of JSON per event, for people and for programs."""

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Ledger:
    """An append-only file of events. A line torn by a crash is left as it is, closed by a line break, and skipped by readers."""

    def __init__(self, path: Path):
        self.path = Path(path)
        self._fd: int | None = None

    def append(self, event: str, **details: Any) -> dict[str, Any]:
        """Add one event, with the time of day; returns what was written. Raises OSError."""
        entry = {"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "event": event, **details}
        line = json.dumps(entry, default=float).encode() + b"\n"
        if self._fd is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            size = os.fstat(self._fd).st_size
            if size and os.pread(self._fd, 1, size - 1) != b"\n":
                line = b"\n" + line
        written = os.write(self._fd, line)
        if written < len(line):  # a full disk: the next one that opens the file closes this line
            self.close()
            raise OSError(28, "No space left on device", str(self.path))
        return entry

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Every whole event, oldest first."""
        if not self.path.exists():
            return
        with open(self.path, "rb") as lines:
            for line in lines:
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue
                if isinstance(entry, dict) and "event" in entry:
                    yield entry


def summary(folder: Path) -> dict[str, Any]:
    """What the ledger of the store in `folder` says of its run, whether that goes on, stopped or was killed.

    Returns iterations (a list of {iteration, explored, candidates, beyond, selected, mean_score, max_score}), labelled, failed,
    errors ({text: how often}), set_aside, worker_deaths, starts, label_seconds (sum over labels), finished (why, or None).
    """
    iterations: dict[int, dict[str, Any]] = {}
    status: dict[str, str] = {}
    counts: Counter[str] = Counter()
    errors: dict[str, str] = {}
    seconds, finished = 0.0, None
    for entry in Ledger(Path(folder) / "ledger.jsonl"):
        event = entry["event"]
        counts[event] += 1
        if event == "selected":
            iterations[entry["iteration"]] = {k: v for k, v in entry.items() if k not in ("time", "event")}
        elif event == "label":
            status[entry["key"]] = entry["status"]
            seconds += entry.get("seconds") or 0.0
            if entry["status"] == "failed":
                errors[entry["key"]] = entry.get("error", "")
        elif event == "set_aside":
            status.pop(entry.get("key"), None)
            errors.pop(entry.get("key"), None)
        finished = entry["reason"] if event == "finished" else None if event == "start" else finished
    return {
        "iterations": [iterations[i] for i in sorted(iterations)],
        "labelled": sum(s == "ok" for s in status.values()),
        "failed": sum(s == "failed" for s in status.values()),
        "errors": dict(Counter(errors.values()).most_common()),
        "set_aside": counts["set_aside"],
        "worker_deaths": counts["worker_died"],
        "starts": counts["start"],
        "label_seconds": seconds,
        "finished": finished,
    }
