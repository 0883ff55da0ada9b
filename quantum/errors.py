"""The exceptions of the room, and the checks that raise them."""

import math
from typing import Any

from knudsen.errors import InputError

__all__ = ["Diverged", "InputError", "flag", "integer", "positive"]


class Diverged(RuntimeError):
    """The Markov chains have left every bounded region: what they sample cannot be normalised."""


def positive(key: str, value: Any) -> float:
    """`value` as a float above 0; InputError names `key`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise InputError(f"{key}={value}: give a positive number")
    return float(value)


def integer(key: str, value: Any, least: int) -> int:
    """`value`, an integer of at least `least`; InputError names `key`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{key}={value}: give an integer of at least {least}")
    return value


def flag(key: str, value: Any) -> bool:
    """`value`, true or false; InputError names `key`."""
    if not isinstance(value, bool):
        raise InputError(f"{key}={value}: give true or false")
    return value
