"""Paths on the command line: as typed, whatever signs they hold."""

import os
import re

# keys that hold paths, or lists of them
PATHS = (
    "hydra.run.dir",
    "hydra.sweep.dir",
    "case.file",
    "train.data",
    "train.validation",
    "closure.checkpoint",
    "system.data",
    "checkpoint",
    "store",
    "data",
    "runs",
    "reference.keep",
)
PLAIN = re.compile(r"[A-Za-z0-9_/\\+.%@?|:$ *-]*")  # what Hydra's grammar takes unquoted


def quote_path(argument: str, sweep: bool = False) -> str:
    """key=path -> key='path' where the path has signs that mean something in Hydra's grammar, such as /runs/closure=nsf.

    In a list [a,b], and in a sweep a,b, each path by itself, unless there is a file of the whole name.
    """
    key, equals, value = argument.partition("=")
    if key.lstrip("+") not in PATHS or not equals or value.startswith(("'", '"')):
        return argument
    if value.startswith("[") and value.endswith("]") and not os.path.exists(value):
        return f"{key}=[{','.join(map(_quoted, value[1:-1].split(',')))}]"
    if sweep and "," in value and not os.path.exists(value):
        return f"{key}={','.join(map(_quoted, value.split(',')))}"
    return f"{key}={_quoted(value)}"


def _quoted(path: str) -> str:
    if path.strip().startswith(("'", '"')) or path in ("null", ""):
        return path
    path = os.path.expanduser(path)
    if PLAIN.fullmatch(path) and path == path.strip():
        return path
    escaped = path.replace("\\'", "\\\\'").replace("'", "\\'")
    return f"'{escaped}'"
