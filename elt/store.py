"""The folder a run lives in. Whatever is in it is complete and checked; whatever is not in it has yet to be done."""

import contextlib
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from knudsen.elt import tree
from knudsen.elt.errors import Damaged, EltError
from knudsen.elt.ledger import Ledger
from knudsen.elt.locks import FileLock
from knudsen.elt.protocols import Label, Tree

SPARE = 64 * 1024  # bytes reserved for a label beyond the largest so far


class Store:
    """Labels, checkpoints and the ledger of one run, in `folder`.

    ============================  ==============================================================================
    ``labels/ab/abcd...``         one label, named by the sha256 of its resolved request, with a checksum
    ``claims/abcd...``            locked by the worker that computes this label
    ``checkpoints/...``           selections, models and settings, kept like labels
    ``set_aside/...``             files found damaged
    ``ledger.jsonl``              one line per event
    ``driver.lock``               locked by the one driver
    ============================  ==============================================================================

    Workers write labels themselves, so the folder must be one that they all see, on a file system with flock.
    durable: flush every file to the disk, so that it survives a power cut and not only a killed process.
    """

    def __init__(self, folder: Path | str, durable: bool = True):
        self.folder = Path(folder).absolute()
        self.durable = durable
        self.ledger = Ledger(self.folder / "ledger.jsonl")
        self._lock = FileLock(self.folder / "driver.lock")

    # -- one driver at a time

    def lock(self) -> None:
        """Make this process the store's driver. Raises EltError if another one lives, or if the folder cannot be written."""
        try:
            mine = self._lock.acquire(wait=False)
            if mine:
                self._lock.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        except OSError as error:
            self._lock.release()
            raise unwritable(self.folder, error) from error
        if not mine:
            owner = self._lock.read().strip() or "another process"
            raise EltError(f"{self.folder}: {owner} is running on this store; wait for it or stop it, or give another folder")
        self._clear_drafts()

    def unlock(self) -> None:
        """Let another driver in."""
        self.ledger.close()
        self._lock.release()

    def _clear_drafts(self) -> None:
        """Remove what killed processes left half written, keep what they only had to rename. A worker that outlived its driver
        keeps claim and draft."""
        for partial in (self.folder / "checkpoints").glob(".partial-*"):
            partial.unlink(missing_ok=True)
        for path in (self.folder / "claims").glob("*"):
            claim = FileLock(path)
            if claim.acquire(wait=False):
                self.adopt(path.name)
                claim.release(remove=True)

    def record(self, event: str, **details: Any) -> dict[str, Any]:
        """Add an event to the ledger. Raises EltError if it cannot be written."""
        try:
            return self.ledger.append(event, **details)
        except OSError as error:
            raise unwritable(self.folder, error) from error

    # -- labels

    def path(self, key: str) -> Path:
        """Where the label named `key` is or will be."""
        return self.folder / "labels" / key[:2] / key

    def claim(self, key: str) -> FileLock:
        """The lock under which the label named `key` is computed."""
        return FileLock(self.folder / "claims" / key)

    def label(self, key: str) -> Label | None:
        """The label named `key`, checked; None if it is not there. A damaged one is set aside, and so not there."""
        content = self._read(self.path(key), key)
        if content is None:
            return None
        if content.get("key") != key:
            self._set_aside(self.path(key), "holds the label of another request", key)
            return None
        return Label(**content)

    def adopt(self, key: str) -> None:
        """Finish the label named `key` if a worker died between its last byte and its name; clear its draft if it died before.

        Only for whoever holds the label's claim.
        """
        path = self.path(key)
        for partial in path.parent.glob(f".partial-*-{key}"):
            with contextlib.suppress(Damaged, ValueError, OSError):
                if not path.exists() and (content := tree.read(partial)).get("key") == key:
                    self.put(Label(**content))
            partial.unlink(missing_ok=True)

    def keys(self) -> list[str]:
        """Names of all labels there are, sorted."""
        return sorted(p.name for p in (self.folder / "labels").glob("??/*") if not p.name.startswith("."))

    def labels(self, keys: Sequence[str] | None = None) -> list[Label]:
        """Those of the named labels (all) that are there, failed ones included."""
        found = (self.label(key) for key in (self.keys() if keys is None else keys))
        return [label for label in found if label is not None]

    def put(self, label: Label) -> None:
        """Keep `label`. Raises EltError if it cannot be written."""
        try:
            tree.write(self.path(label.key), vars(label), self.durable)
        except OSError as error:
            raise unwritable(self.path(label.key), error) from error

    def forget(self, key: str, why: str) -> None:
        """Set a label aside, so that it is computed again."""
        self._set_aside(self.path(key), why, key)

    # -- checkpoints

    def checkpoint(self, name: str) -> Tree | None:
        """The tree kept under `name`, checked; None if it is not there or damaged (then it is set aside)."""
        return self._read(self.folder / "checkpoints" / name, name)

    def keep(self, name: str, content: Tree) -> None:
        """Keep the tree `content` under `name`. Raises EltError if it cannot be written."""
        path = self.folder / "checkpoints" / name
        try:
            tree.write(path, content, self.durable)
        except OSError as error:
            raise unwritable(path, error) from error

    # -- reading with distrust

    def _read(self, path: Path, key: str) -> Tree | None:
        try:
            return tree.read(path)
        except FileNotFoundError:
            return None
        except (Damaged, ValueError, KeyError) as error:
            self._set_aside(path, str(error), key)
            return None
        except OSError as error:  # the disk itself says that it cannot read this
            self._set_aside(path, f"cannot be read: {error}", key)
            return None

    def _set_aside(self, path: Path, why: str, key: str) -> None:
        aside = self.folder / "set_aside" / path.relative_to(self.folder).as_posix().replace("/", "-")
        number = 0
        while (target := aside.with_name(f"{aside.name}.{number}")).exists():
            number += 1
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(path, target)
        except OSError as error:
            raise unwritable(target, error) from error
        self.record("set_aside", key=key, why=why, file=str(target.relative_to(self.folder)))


def unwritable(path: Path, error: OSError) -> EltError:
    """What to tell the user when the store cannot be written."""
    return EltError(
        f"{path}: cannot be written ({error.strerror or error}); make room or give a folder that can be written and locked, "
        "and run the same command again: what was finished is kept"
    )
