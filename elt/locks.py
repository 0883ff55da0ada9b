"""Locks on files, held by a process and freed by the kernel when it ends, however it ends."""

import fcntl
import os
from pathlib import Path

_held: set[int] = set()


def _forget_in_child() -> None:
    """A forked child must not keep its parent's locks alive."""
    for fd in _held:
        try:
            os.close(fd)
        except OSError:
            pass
    _held.clear()


os.register_at_fork(after_in_child=_forget_in_child)


class FileLock:
    """An exclusive advisory lock (flock) on `path`. The file's text says who holds it; that of a dead process binds nobody."""

    def __init__(self, path: Path):
        self.path = Path(path)
        self._fd: int | None = None

    def acquire(self, wait: bool) -> bool:
        """True once it is ours; False if another holds it and `wait` is false. Raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            _held.add(fd)
            self._fd = fd
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                self.release()
                return False
            except BaseException:
                self.release()
                raise
            if self._is_current(fd):
                return True
            self.release()  # the one before us removed the file while we waited for it

    def _is_current(self, fd: int) -> bool:
        try:
            there, ours = os.stat(self.path), os.fstat(fd)
        except FileNotFoundError:
            return False
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)

    def read(self) -> str:
        """The text in the file, by whoever wrote it."""
        try:
            return self.path.read_text(errors="replace")
        except OSError:
            return ""

    def write(self, text: str, append: bool = False) -> None:
        """Write or append while holding the lock."""
        assert self._fd is not None
        if not append:
            os.ftruncate(self._fd, 0)
        os.lseek(self._fd, 0, os.SEEK_END)
        os.write(self._fd, text.encode())

    def release(self, remove: bool = False) -> None:
        """Free it; remove: and delete the file."""
        if self._fd is None:
            return
        if remove:
            self.path.unlink(missing_ok=True)
        _held.discard(self._fd)
        os.close(self._fd)
        self._fd = None
