"""The folder of a run: it belongs to one run, says all about it (``run.json``), and repeats it (``.hydra/config.yaml``)."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import shlex
import socket
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from knudsen import ranks
from knudsen.elt.locks import FileLock
from knudsen.errors import InputError
from knudsen.experiments import report
from knudsen.files import Draft, tidy
from knudsen.release import commit

NAME = "run.json"
LIBRARIES = ("numpy", "scipy", "numba", "torch", "xarray", "h5netcdf", "hydra-core")
IDLE = ("progress", "executor", "figure")  # keys that no number of a run depends on
STATUS = {0: "ok", 1: "failed", 3: "diverged", 130: "interrupted"}


@cache
def _versions() -> dict[str, str]:
    found = {"knudsen": version("knudsen"), "python": platform.python_version()}
    for name in LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


@cache
def _commit() -> str | None:
    return commit()


def version_and_commit() -> tuple[str, str]:
    return version("knudsen"), _commit() or ""


def folder_name(number: int, changes: str) -> str:
    """The folder of run `number` of a sweep: '3_mach=4,gas=bgk_3v', whatever stands in the changes, not too long for a disk."""
    return f"{number}_" + re.sub(r"[^\w=.,+-]+", "_", changes)[:80].strip("_,.")


class Record:
    """What ``run.json`` says; `facts` are those of every file's attributes."""

    def __init__(self, directory: Path, config: DictConfig, choices: Mapping[str, str], overrides: list[str]):
        self.directory = directory
        self.config = config
        self.choices = {group: option for group, option in choices.items() if option and not group.startswith("hydra/")}
        self.overrides = list(overrides)
        self.start, self.cpu = time.perf_counter(), time.process_time()
        self.started = datetime.now().astimezone().isoformat(timespec="seconds")
        self.status, self.reason = "running", ""
        self.files: list[str] = []
        self.warnings: list[str] = []
        self.captions: dict[str, str] = {}  # of figures

    @property
    def experiment(self) -> str:
        return self.choices.get("experiment", "")

    @property
    def command(self) -> str:
        """What repeats the run, typed in the same directory."""
        return shlex.join(["knudsen", *self.overrides])

    def facts(self) -> dict[str, Any]:
        """Plain texts and numbers: they fit in the attributes of a NetCDF file."""
        facts = {
            "experiment": self.experiment,
            "command": self.command,
            "config": OmegaConf.to_yaml(self.config, resolve=True),
            "version": version("knudsen"),
            "commit": _commit() or "",
            "versions": ", ".join(f"{name} {number}" for name, number in _versions().items()),
            "host": socket.gethostname(),
            "threads": int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1),
            "processes": ranks.size(),
            "started": self.started,
            "wall_seconds": time.perf_counter() - self.start,
            "cpu_seconds": time.process_time() - self.cpu,
        }
        return ({"seed": self.config.seed} if "seed" in self.config else {}) | facts

    def wrote(self, name: str) -> None:
        """A file of the run is complete."""
        if name not in self.files:
            self.files.append(name)
            self.save()

    def noticed(self, content: Any) -> None:
        """Collects the ``warnings`` of metrics, with the name of the model."""
        if not isinstance(content, Mapping):
            return
        for key, value in content.items():
            texts = value.get("warnings", ()) if isinstance(value, Mapping) else value if key == "warnings" else ()
            if isinstance(texts, (list, tuple)):
                self.warnings += [text if key == "warnings" else f"{key}: {text}" for text in texts if isinstance(text, str)]

    def content(self) -> dict[str, Any]:
        return self.facts() | {
            "status": self.status,
            "reason": self.reason,
            "warnings": list(dict.fromkeys(self.warnings)),
            "files": self.files,
            "captions": self.captions,
            "directory": str(self.directory.resolve()),
            "working_directory": os.getcwd(),
            "overrides": self.overrides,
            "choices": self.choices,
            "process": os.getpid(),
        }

    def save(self, finished: bool = False) -> None:
        """Write ``run.json``; of a run that is at its end the report too."""
        content = self.content()
        with Draft(self.directory / NAME) as partial:
            partial.write_text(json.dumps(content, indent=1, default=str) + "\n")
        if finished:
            with Draft(self.directory / report.NAME) as partial:
                partial.write_text(report.page(content, self.directory))

    def saved_config(self) -> str:
        """A configuration that repeats the run: ``knudsen --config-dir RUN/.hydra --config-name config``."""
        chosen = [{f"override {group}": option} for group, option in self.choices.items()]
        content = yaml.safe_load(OmegaConf.to_yaml(self.config, resolve=True)) or {}
        return yaml.safe_dump({"defaults": ["knudsen", *chosen, "_self_"]} | content, sort_keys=False, allow_unicode=True)


def identity(config: str) -> dict[str, Any]:
    """A configuration, as YAML, without what no number depends on."""
    content = yaml.safe_load(config) or {}
    return {key: value for key, value in content.items() if key not in (*IDLE, "defaults")}


def read(directory: Path) -> dict[str, Any] | None:
    """The record of a folder; None where it has none. InputError where it cannot be read."""
    path = Path(directory) / NAME
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text())
        if not {"experiment", "config", "status", "files", "overrides"} <= set(found):
            raise ValueError("not the record of a run")
    except (ValueError, TypeError, OSError) as error:
        raise InputError(f"{path}: cannot be read ({error}); choose another hydra.run.dir, or remove the folder") from None
    return found


@contextlib.contextmanager
def claimed(record: Record, resumes: str | None) -> Iterator[None]:
    """The folder is this run's alone until the end, and holds nothing of another run.

    resumes: None: a run of the same configuration begins anew, its old files are removed first. "same": it goes on with them.
    "judges": the experiment itself says whether it can go on under another configuration. Whatever else is there is refused:
    InputError. Where the run writes nothing, it leaves nothing, and what was there before stays.
    """
    directory = record.directory
    directory.mkdir(parents=True, exist_ok=True)
    lock = FileLock(directory / ".hydra" / "lock")
    if not lock.acquire(wait=False):
        raise InputError(f"hydra.run.dir={directory}: another run is writing there; wait for it, or choose another folder")
    try:
        before = {path: path.read_bytes() for path in _own_files(directory)}
        old = _fit(record, resumes)
        if old and resumes is None:
            remove(directory, old)
        (directory / report.NAME).unlink(missing_ok=True)
        tidy(directory)
        record.files += old["files"] if old and resumes else []
        kept, there = list(record.files), _entries(directory)
        hidden = directory / ".hydra"
        (hidden / "config.yaml").write_text(record.saved_config())
        (hidden / "overrides.yaml").write_text(yaml.safe_dump(record.overrides, allow_unicode=True))
        record.save()
        try:
            yield
        except BaseException as error:
            record.status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
            record.reason = " ".join(str(error).split())
            record.files += sorted(_entries(directory) - there - set(record.files))
            if record.files == kept:
                _restore(directory, before)
            else:
                record.save(finished=True)
            raise
        record.files += sorted(_entries(directory) - there - set(record.files))
        record.save(finished=True)
    finally:
        lock.release(remove=True)
        _remove_if_empty(directory)


def _entries(directory: Path) -> set[str]:
    """The visible files of a folder, but for the record and the report."""
    return {path.name for path in directory.iterdir() if path.is_file() and not path.name.startswith(".")} - {NAME, report.NAME}


def _own_files(directory: Path) -> list[Path]:
    places = (
        directory / NAME,
        directory / report.NAME,
        directory / ".hydra" / "config.yaml",
        directory / ".hydra" / "overrides.yaml",
    )
    return [path for path in places if path.is_file()]


def _restore(directory: Path, before: Mapping[Path, bytes]) -> None:
    for path in _own_files(directory):
        if path not in before:
            path.unlink()
    for path, content in before.items():
        path.write_bytes(content)


def _remove_if_empty(directory: Path) -> None:
    for folder in (directory / ".hydra", directory):
        with contextlib.suppress(OSError):
            folder.rmdir()


def _fit(record: Record, resumes: str | None) -> dict[str, Any] | None:
    """The record of what the folder holds, if this run may go on with it or take its place."""
    directory = record.directory
    old = read(directory)
    remedy = "choose another hydra.run.dir, or remove the folder"
    if old is None:
        if resumes is None and (directory / "metrics.json").exists():
            raise InputError(f"hydra.run.dir={directory}: holds results of another run; {remedy}")
        return None
    if not any((directory / name).exists() for name in old["files"]) and resumes is None:
        return None  # a run that left nothing
    if old["experiment"] != record.experiment:
        raise InputError(f"hydra.run.dir={directory}: holds a run of experiment={old['experiment']}; {remedy}")
    if resumes != "judges" and (differs := _difference(identity(old["config"]), identity(record.facts()["config"]))):
        raise InputError(f"hydra.run.dir={directory}: holds another run, which differs in {differs}; {remedy}")
    return old


def _difference(old: Any, new: Any, key: str = "") -> str | None:
    """The first key in which two configurations differ, with both values."""
    if old == new:
        return None
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in {**old, **new}:
            if found := _difference(old.get(name), new.get(name), f"{key}.{name}" if key else str(name)):
                return found
    return f"{key} ({old} there, {new} here)"


def remove(directory: Path, record: Mapping[str, Any]) -> None:
    """Removes what a run left: the files that its record names, and nothing else."""
    for name in record["files"]:
        path = directory / name
        if path.resolve().is_relative_to(directory.resolve()):
            path.unlink(missing_ok=True)


def status(code: int) -> str:
    return STATUS.get(code, "failed")
