"""Kinetic theory and learned moment closures: the public face of the package.

The rooms are ``knudsen.solvers``, ``knudsen.kinetic``, ``knudsen.closure``, ``knudsen.elt``, ``knudsen.molecular``,
``knudsen.quantum``, ``knudsen.experiments`` and
``knudsen.conf``; each is imported on first use, so that importing this module is instant. So is what notebooks use, of
``knudsen.interface`` (``gas``, ``Case``, ``cases``, ``solve``, ``compare``, ``shock``, ``channel``, ``sweep``, ``plot``) and of
``knudsen.learning`` (``learn``, ``explore``).
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from knudsen.interface import Case, cases, channel, compare, gas, plot, shock, solve, sweep  # noqa: F401
    from knudsen.learning import explore, learn  # noqa: F401

INTERFACE = dict.fromkeys(("Case", "cases", "channel", "compare", "gas", "plot", "shock", "solve", "sweep"), "knudsen.interface")
INTERFACE |= dict.fromkeys(("explore", "learn"), "knudsen.learning")
ROOMS = ("solvers", "kinetic", "closure", "elt", "molecular", "quantum", "conf", "experiments")


def __getattr__(name: str):
    if name in ROOMS:
        return import_module(f"knudsen.{name}")
    if name in INTERFACE:
        return getattr(import_module(INTERFACE[name]), name)
    if name == "__version__":
        from importlib.metadata import version

        return version("knudsen")
    raise AttributeError(f"module 'knudsen' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *ROOMS, *INTERFACE, "__version__"])
