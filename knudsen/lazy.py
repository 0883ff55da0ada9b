"""Public names of a package that are imported on first use: torch, Numba and ase take seconds that most runs do not owe."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def attach(package: str, where: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]], list[str]]:
    """``__getattr__, __dir__, __all__ = attach(__name__, {"Solver": "driver", "load": "files:read"})``: for a package's __init__.

    where: for each public name the submodule that holds it, and behind a colon its name there if that is another one.
    A name must not be that of a submodule: importing the submodule would take its place.
    """

    def load(name: str) -> object:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, _, attribute = where[name].partition(":")
        value = getattr(import_module(f"{package}.{module}"), attribute or name)
        setattr(sys.modules[package], name, value)
        return value

    def listing() -> list[str]:
        return sorted({*vars(sys.modules[package]), *where})

    return load, listing, sorted(where)
