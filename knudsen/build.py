"""Objects from configurations: ``{_target_: dotted.name, key: value, ...}`` -> ``dotted.name(key=value, ...)``.

A configuration may come from anywhere, so a target is looked up only where it is expected: in this project, torch and ase;
or, where the caller states the base class of what it wants (a network), in any importable module that holds a subclass of it.
"""

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

from knudsen.errors import InputError

PREFIXES = ("knudsen", "torch", "ase")
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


def _import(target: str, key: str) -> Any:
    """The object with dotted name `target`."""
    module, _, name = target.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"{key}._target_={target}: cannot be imported ({error}); give package.module.Name of an installed package "
            "or of a file in the current directory"
        ) from error


def locate(target: str, key: str, base: type | None = None) -> Any:
    """The class or function named `target`; `key` is where the configuration says so, for messages.

    base: the class the target must be a subclass of. With it any importable module will do; without, only `PREFIXES`.
    Raises InputError.
    """
    if not isinstance(target, str) or "." not in target:
        raise InputError(f"{key}._target_={target!r}: give a dotted name, package.module.Name")
    target = RENAMED.get(target, target)
    if base is None and target.partition(".")[0] not in PREFIXES:
        raise InputError(f"{key}._target_={target}: only {', '.join(PREFIXES)} may be named here")
    found = _import(target, key)
    if base is not None and not (isinstance(found, type) and issubclass(found, base)):
        raise InputError(
            f"{key}._target_={target}: not a subclass of {base.__module__}.{base.__qualname__}; name a class that is"
        )
    return found


def build(config: Mapping, key: str, base: type | None = None, **given: Any) -> Any:
    """The object that `config` describes.

    config: mapping with ``_target_`` and the keyword arguments of that target.
    key: where `config` stands (``"case"``, ``"closure.network"``), for messages.
    base: see `locate`.
    given: arguments that the program supplies; those the target does not name are left out, so that a case that needs no gas
        need not have one in its signature. A key of `config` that the target does not take is the user's error.
    Raises InputError, its message naming the key and the remedy.
    """
    options = dict(config)
    if "_target_" not in options:
        raise InputError(f"{key}._target_ is missing; name the class or function that builds it")
    target = locate(options.pop("_target_"), key, base)
    parameters = inspect.signature(target).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    known = [name for name, p in parameters.items() if p.kind is not p.VAR_KEYWORD and name not in given]
    for name in options:
        if name not in parameters and not takes_any:
            raise InputError(f"{key}.{name}: unknown key; known: {', '.join(known)}")
    missing = [
        name
        for name, p in parameters.items()
        if p.default is p.empty and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and name not in options and name not in given
    ]
    if missing:
        raise InputError(f"{key}.{missing[0]}: a value is needed; set {key}.{missing[0]}=...")
    options |= {name: value for name, value in given.items() if name in parameters}
    try:
        return target(**options)
    except TypeError as error:  # a text or a list where a number belongs
        raise InputError(
            f"{key}: {target.__qualname__} cannot take these values ({error}); see knudsen --cfg job -p {key}"
        ) from error
