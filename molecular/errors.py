"""The exception for mistakes that a user can make, and the checks that raise it."""

import math
from typing import Any


class InputError(ValueError):
    """A bad value, key or file given by the user; the message names it and says the remedy."""


def positive(key: str, value: Any) -> float:
    """`value` as a float above 0; InputError names `key`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise InputError(f"{key}={value}: give a positive number")
    return float(value)
