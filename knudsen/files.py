"""Files that are complete under their name, or not there at all: written beside it, then renamed."""

import contextlib
import os
import pickle
import re
import socket
import struct
import zlib
from pathlib import Path

# What torch.load and whoever reads its content raise for a file that is not theirs, or only a part of one.
FOREIGN = (
    pickle.UnpicklingError, struct.error, RuntimeError, EOFError, KeyError, AttributeError, TypeError, ValueError, OSError,
)  # fmt: skip

# .partial-<machine>-<process>-<random>-<name>: in the same folder, as a rename is atomic only within one file system; the name
# comes last, as its suffix tells libraries the format.
_PARTIAL = re.compile(r"\.partial-([0-9a-f]{8})-(\d+)-[0-9a-f]{8}-(.+)")


def _machine() -> str:
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def abandoned(folder: Path, name: str | None = None) -> list[Path]:
    """The drafts in a folder (of the file `name`) that processes of this machine began and, now dead, will never finish."""
    found = []
    for partial in folder.glob(".partial-*"):
        parts = _PARTIAL.fullmatch(partial.name)
        if parts and parts[1] == _machine() and name in (None, parts[3]) and not _lives(int(parts[2])):
            found.append(partial)
    return found


def tidy(folder: Path) -> None:
    """Removes what killed processes left unfinished in a folder and those in it."""
    for place in (folder, *(entry for entry in folder.iterdir() if entry.is_dir() and not entry.is_symlink())):
        for partial in abandoned(place):
            partial.unlink(missing_ok=True)


class Draft:
    """A file being made; a reader sees the old file or the new one, never a part.

    ``with Draft(path) as partial:`` yields the temporary path to write to; at the end of the block the file takes its name.
    Where the block fails nothing is left behind; what killed processes left behind for this `path` is removed first.
    NetCDF is made in memory, ``partial.write_bytes(data.to_netcdf(engine="h5netcdf"))``: where the disk is full, or a file may
    grow no further, HDF5 that writes to it ends the whole process.

    durable: flush the file and the folder's entry to the disk, so that they survive a power cut and not only a killed process.
    reserve: bytes set aside on the disk at once, so that a full disk shows before the work and not after it (see `write`).
    Raises OSError that names `path`.
    """

    def __init__(self, path: Path | str, durable: bool = False, reserve: int = 0):
        self.path = Path(path)
        self.durable = durable
        name = f".partial-{_machine()}-{os.getpid()}-{os.urandom(4).hex()}-{self.path.name}"
        self.partial = self.path.with_name(name)
        with self._naming_the_path():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            for old in abandoned(self.path.parent, self.path.name):
                old.unlink(missing_ok=True)
            file = os.open(self.partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
            try:
                if reserve and hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file, 0, reserve)
            except BaseException:
                self.drop()
                raise
            finally:
                os.close(file)

    @contextlib.contextmanager
    def _naming_the_path(self):
        try:
            yield
        except OSError as error:
            if error.errno is None:
                raise OSError(f"{self.path}: {error}") from error
            raise OSError(error.errno, error.strerror, str(self.path)) from error

    def write(self, data: bytes) -> None:
        """The whole content, into what was reserved."""
        with self._naming_the_path():
            file = os.open(self.partial, os.O_WRONLY | os.O_CLOEXEC)
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(file, view) :]
                os.ftruncate(file, len(data))
            finally:
                os.close(file)

    def keep(self) -> None:
        """Give the file its name."""
        with self._naming_the_path():
            if self.durable:
                _flush(self.partial)
            os.replace(self.partial, self.path)
            if self.durable:
                _flush(self.path.parent)

    def drop(self) -> None:
        """Leave nothing behind, if `keep` did not get to its end."""
        self.partial.unlink(missing_ok=True)

    def __enter__(self) -> Path:
        return self.partial

    def __exit__(self, kind, error, trace) -> None:
        try:
            if kind is None:
                self.keep()
            elif isinstance(error, OSError):
                with self._naming_the_path():
                    raise error
        finally:
            self.drop()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
