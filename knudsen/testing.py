"""For authors of closures: does a law keep what closures promise? See ``knudsen.closure.promises``."""

from knudsen.closure.promises import PROMISES, Row, check, check_closure, random_moments, random_states

__all__ = ["PROMISES", "Row", "check", "check_closure", "random_moments", "random_states"]
