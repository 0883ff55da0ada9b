"""Which knudsen this is."""

import subprocess
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parent.parent


def commit() -> str | None:
    """The commit of the checkout that this package runs from, with ``-dirty`` if files differ; None of an installed one."""
    if not (ROOT / ".git").exists():
        return None
    try:
        command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip() or None
    except (OSError, subprocess.SubprocessError):  # no git here, or not its repository
        return None


def release() -> str:
    """E.g. 'knudsen 0.1.0 (1a2b3c4d5e6f)'."""
    where = commit()
    return f"knudsen {version('knudsen')}" + (f" ({where})" if where else "")
