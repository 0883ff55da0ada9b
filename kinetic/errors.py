"""The exceptions' place before 0.2; they are ``knudsen.errors`` now."""

from knudsen.errors import InputError, UnderResolvedWarning

__all__ = ["InputError", "UnderResolvedWarning"]
