"""Checks that raise the exception for mistakes that a user can make."""

import math
from typing import Any

from knudsen.errors import InputError

__all__ = ["InputError", "positive"]


def positive(key: str, value: Any) -> float:
    """`value` as a float above 0; InputError names `key`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise InputError(f"{key}={value}: give a positive number")
    return float(value)
