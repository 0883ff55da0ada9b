"""Trees of plain values and arrays: their one canonical text, their hash, and the checked file they are kept in.

A tree is None, a bool, int, float, str, NumPy array or scalar, or a list, tuple or dict (with str keys) of trees. No code can
hide in it.
"""

import hashlib
import io
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from knudsen.elt.errors import Damaged
from knudsen.files import Draft

ARRAY = "__array__"  # {ARRAY: n} stands for the n-th array that follows the text
MAGIC = b"knudsen-elt 1 "
DIGEST = 64  # characters of a sha256


def _plain(value: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise TypeError("an array of Python objects; give numbers")
        arrays.append(np.asarray(value, order="C"))
        return {ARRAY: len(arrays) - 1}
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(v, arrays) for v in value]
    if isinstance(value, dict):
        for name in value:
            if not isinstance(name, str) or name == ARRAY:
                raise TypeError(f"a key {name!r}; keys are texts other than {ARRAY}")
        return {name: _plain(value[name], arrays) for name in sorted(value)}  # sorted: arrays are numbered in this order
    raise TypeError(f"a {type(value).__name__}; give None, bool, int, float, str, a NumPy array, or a list or dict of them")


def _restored(value: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, list):
        return [_restored(v, arrays) for v in value]
    if isinstance(value, dict):
        if set(value) == {ARRAY}:
            return arrays[value[ARRAY]]
        return {name: _restored(v, arrays) for name, v in value.items()}
    return value


def encode(tree: Any) -> bytes:
    """`tree` as bytes, the same bytes for equal trees: one line of JSON (sorted keys), then every array in NumPy's .npy form.

    Floats keep every bit, NaN and infinities included; tuples come back as lists. Raises TypeError for what is no tree.
    """
    arrays: list[np.ndarray] = []
    plain = _plain(tree, arrays)
    out = io.BytesIO()
    out.write(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode() + b"\n")
    for array in arrays:
        np.lib.format.write_array(out, array, allow_pickle=False)
    return out.getvalue()


def decode(data: bytes) -> Any:
    """The tree of `encode`."""
    text, _, rest = data.partition(b"\n")
    stream, arrays = io.BytesIO(rest), []
    while stream.tell() < len(rest):
        arrays.append(np.lib.format.read_array(stream, allow_pickle=False))
    return _restored(json.loads(text), arrays)


def key_of(tree: Any) -> str:
    """sha256 of the canonical form of `tree`, 64 hexadecimal digits: equal for equal trees, whatever the order of their keys."""
    return hashlib.sha256(encode(tree)).hexdigest()


def not_finite(tree: Any, name: str = "value") -> str | None:
    """The name of the first number of `tree` that is NaN or infinite, such as ``value.energy``; None if all are finite."""
    return next(_not_finite(tree, name), None)


def _not_finite(tree: Any, name: str) -> Iterator[str]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _not_finite(value, f"{name}.{key}")
    elif isinstance(tree, (list, tuple)):
        for i, value in enumerate(tree):
            yield from _not_finite(value, f"{name}[{i}]")
    elif isinstance(tree, (np.ndarray, np.generic)):
        if tree.dtype.kind in "fc" and not np.isfinite(tree).all():
            yield name
    elif isinstance(tree, float) and not math.isfinite(tree):
        yield name


def read(path: Path) -> Any:
    """The tree kept in the file `path`. Raises FileNotFoundError, or Damaged where a single bit is not as written."""
    data = Path(path).read_bytes()
    head = len(MAGIC) + DIGEST + 1
    if len(data) < head or not data.startswith(MAGIC):
        raise Damaged("cut short, or not a file of this kind")
    body = data[head:]
    if data[len(MAGIC) : head] != hashlib.sha256(body).hexdigest().encode() + b"\n":
        raise Damaged("its checksum does not match")
    return decode(body)


def framed(tree: Any) -> bytes:
    """The bytes of a file that holds `tree`: a line with the checksum of the rest, then the rest."""
    body = encode(tree)
    return MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def write(path: Path, tree: Any, durable: bool = True) -> None:
    """Keep `tree` in the file `path`, atomically."""
    draft = Draft(path, durable)
    try:
        draft.write(framed(tree))
        draft.keep()
    finally:
        draft.drop()
