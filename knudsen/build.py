"""Objects from configurations: ``{_target_: dotted.name, key: value, ...}`` -> ``dotted.name(key=value, ...)``.

A configuration may come from anywhere, so what it names is judged before anything is imported, and again before anything is
called:

- the classes of this project, always; others only where the user himself has named them (``named``), on the command line or in
  Python; a file alone (a checkpoint, a saved run) cannot. Modules of Python's own library and private ones never: no class that
  is wanted here lies there, and importing some of them runs a program;
- every key states the base class it wants: the target must be a subclass of it, or a function that its author has marked as a
  constructor of one (:func:`makes`). Any other function is never called.
"""

import importlib
import inspect
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from types import FunctionType
from typing import Any

from knudsen.errors import InputError

OWN = "knudsen"
MARK = "__makes__"
# What checkpoints and saved configurations from before 0.2 call by the names of a time when the rooms were packages of their own.
_OLD = {
    "kinetic": ("Gas", "homogeneous.bkw", *(f"cases.{name}" for name in (
        "couette", "creep", "equilibrium", "fourier", "mix", "poiseuille", "riemann", "shock", "sod", "strong", "tabulated",
        "transition", "wave",
    ))),
    "molecular": (
        "BehlerParrinello", "DeepPotLocalFrame", "DeepPotSmooth", "GpawLabeler", "LennardJones", "MolecularDynamics",
        "PlainNetwork", "PyscfLabeler", "StillingerWeber", "TbliteLabeler",
    ),
}  # fmt: skip
RENAMED = {f"{room}.{name}": f"knudsen.{room}.{name}" for room, names in _OLD.items() for name in names}
RENAMED |= {f"closure.networks.{name}": f"knudsen.closure.learned.networks.{name}" for name in ("MLP", "ResNet", "Equivariant")}
RENAMED |= {"closure.icnn.ICNN": "knudsen.closure.learned.networks.ICNN"}


def renamed(config: Mapping) -> dict:
    """``config`` with the name of today for its target."""
    return (
        dict(config) | {"_target_": RENAMED.get(config["_target_"], config["_target_"])} if "_target_" in config else dict(config)
    )


def makes(kind: type) -> Callable:
    """Marks a function as a constructor of ``kind``::

        @makes(Case)
        def bump(height=0.1, **options) -> Case: ...

    Configurations may then name it.
    """

    def mark(function: Callable) -> Callable:
        setattr(function, MARK, kind)
        return function

    return mark


def targets(config: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """(where, target) of every ``_target_`` in a configuration, however deep; ``key`` is where `config` stands."""
    if isinstance(config, Mapping):
        if "_target_" in config:
            yield key, config["_target_"]
        for name, value in config.items():
            yield from targets(value, f"{key}.{name}" if key else name)
    elif isinstance(config, list | tuple):
        for value in config:
            yield from targets(value, key)


def judge(target: Any, key: str, named: Collection[str] = ()) -> str:
    """The dotted name that may be imported for a ``_target_``; ``key`` is where the configuration says so, for messages.

    named: the targets that the user has named himself. Raises InputError for any other outside the project.
    """
    if not isinstance(target, str) or not all(part.isidentifier() for part in target.split(".")) or "." not in target:
        raise InputError(f"{key}._target_={target!r}: give a dotted name, package.module.Name")
    target = RENAMED.get(target, target)
    first, *rest = target.split(".")
    if first in sys.stdlib_module_names or any(part.startswith("_") for part in (first, *rest)):
        raise InputError(f"{key}._target_={target}: neither Python's own library nor a private name may be named here")
    if first != OWN and target not in named:
        raise InputError(
            f"{key}._target_={target}: a file may name classes of {OWN} alone; if you trust this one, "
            f"name it on the command line too: {key}._target_={target}"
        )
    return target


def locate(target: str, key: str, base: type | tuple[type, ...], named: Collection[str] = ()) -> Callable:
    """The class named ``target``, or the function marked by :func:`makes`, that gives a ``base``; nothing of it is called.

    key, named: as of :func:`judge`. Raises InputError.
    """
    target = judge(target, key, named)
    module, _, name = target.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (Exception, SystemExit) as error:  # whatever a user's module does wrong, ending the program included
        raise InputError(
            f"{key}._target_={target}: cannot be imported ({type(error).__name__}: {error}); give package.module.Name of an "
            "installed package or of a file in the current directory"
        ) from error
    kind = vars(found).get(MARK) if isinstance(found, FunctionType) else found
    if not (isinstance(kind, type) and issubclass(kind, base)):
        wanted = " or ".join(f"{b.__module__}.{b.__qualname__}" for b in (base if isinstance(base, tuple) else (base,)))
        raise InputError(
            f"{key}._target_={target}: not a subclass of {wanted}, nor a function marked as a constructor of one "
            f"(knudsen.build.makes); name a class that is"
        )
    return found


def build(
    config: Mapping, key: str, base: type | tuple[type, ...], named: Collection[str] = (), **given: Any
) -> Any:  # fmt: skip
    """The object that `config` describes.

    config: mapping with ``_target_`` and the keyword arguments of that target.
    key: where `config` stands (``"case"``, ``"closure.network"``), for messages.
    base, named: see :func:`locate`; given: see :func:`make`.
    Raises InputError, its message naming the key and the remedy.
    """
    options = dict(config)
    if "_target_" not in options:
        raise InputError(f"{key}._target_ is missing; name the class that builds it")
    return make(locate(options.pop("_target_"), key, base, named), options, key, **given)


def make(target: Callable, options: Mapping, key: str, **given: Any) -> Any:
    """``target(**options, **given)``, with every mistake in ``options`` told by its key.

    given: arguments that the program supplies; those the target does not name are left out, so that a case that needs no gas
    need not have one in its signature. A key of ``options`` that the target does not take is the user's error: InputError.
    """
    parameters = inspect.signature(target).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    known = [name for name, p in parameters.items() if p.kind is not p.VAR_KEYWORD and name not in given]
    for name in options:
        if name not in parameters and not takes_any:
            raise InputError(f"{key}.{name}: unknown key; known: {', '.join(known) or 'none'}")
    missing = [
        name
        for name, p in parameters.items()
        if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and name not in options and name not in given
    ]
    if missing:
        raise InputError(f"{key}.{missing[0]}: a value is needed; set {key}.{missing[0]}=...")
    values = dict(options) | {name: value for name, value in given.items() if name in parameters}
    try:
        return target(**values)
    except TypeError as error:  # a text or a list where a number belongs
        raise InputError(
            f"{key}: {target.__qualname__} cannot take these values ({error}); see knudsen --cfg job -p {key}"
        ) from error
    except SystemExit as error:
        raise InputError(f"{key}: {target.__qualname__} ends the program ({error}); let it raise an exception") from error
