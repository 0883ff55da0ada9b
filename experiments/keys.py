"""Every key of a run, whether its experiment reads it or not, against the option files: does it exist, is it of the right kind?

What a key may be is told by its default: true or false, a number, a text, a list, a map. Where the default is ``null`` the table
`KINDS` says it. What a number means is the business of whoever reads it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from omegaconf import DictConfig, OmegaConf

from knudsen.errors import InputError

CONF = Path(__file__).parent.parent / "conf"
PRIMARY = "knudsen"  # the option file that all begins with

NUMBER, INTEGER, TEXT, LIST, FLAG, MAP = "a number", "an integer", "a text", "a list", "true or false", "a map {key: value}"
# Of keys whose default is null: what else they may be; of others: what they may be beside what their default is.
KINDS: dict[str, tuple[str, ...]] = {
    "canonical.cases": (LIST,), "case.cells": (INTEGER, LIST), "case.file": (TEXT,), "case.knudsen": (NUMBER,),
    "case.t_end": (NUMBER,), "case.temperatures": (LIST,), "checkpoint": (TEXT,), "closure.checkpoint": (TEXT, LIST),
    "closure.components": (INTEGER,), "closure.moments": (INTEGER,), "closures": (LIST, TEXT), "data": (TEXT,),
    "elt.limit": (NUMBER,), "executor.address": (TEXT,), "executor.workers": (INTEGER,), "gas.omega": (NUMBER,),
    "gas.prandtl": (NUMBER,), "gas.velocity_bounds": (LIST,), "gas.velocity_points": (INTEGER,), "gases": (LIST, TEXT),
    "hamiltonian.shape": (LIST,), "keep_f": (LIST,), "late": (NUMBER,), "labeler.cutoff": (NUMBER,),
    "labeler.epsilon": (NUMBER,), "labeler.elements": (TEXT,), "potential.neighbours": (LIST,),
    "potential.species": (LIST,), "profiles": (LIST, NUMBER), "reference.keep": (TEXT,), "runs": (LIST, TEXT),
    "store": (TEXT,), "system.data": (TEXT, LIST), "train.data": (TEXT,), "train.validation": (TEXT,),
    "vmc.rate": (NUMBER,), "vmc.step": (NUMBER,), "wavefunction.a": (NUMBER,), "wavefunction.density": (NUMBER,),
    "wavefunction.widths": (LIST,), "window": (LIST,),
}  # fmt: skip
# Of what makes arrays, by the last part of a key: the most that any run takes.
LARGEST = {
    "batch": 10**8, "bins": 10**6, "cells": 10**7, "chains": 10**7, "depth": 1000, "dims": 3, "members": 1000, "moments": 1000,
    "nodes": 10**4, "order": 1000, "per_decade": 10**5, "points": 10**5, "refine": 10**4, "sites": 10**5, "snapshots": 10**5,
    "threads": 10**4, "units": 10**5, "velocity_points": 10**5, "waves": 10**6, "width": 10**5, "workers": 10**4,
}  # fmt: skip
FREE = ("systems", "potentials", "phases", "structure", "system.structures", "executor.options")  # maps of the user's own names
OPEN = {("labeler", "ase")}  # options that take more keys than their file has


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """YAML as Hydra reads it: 1e-3 is a number."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)  # fmt: skip


def check(cfg: DictConfig, overrides: Sequence[str], choices: Mapping[str, str], optional: Iterable[str] = ()) -> None:
    """InputError where an override names a key that is none, or gives it what it cannot be.

    choices: {group: option}, as Hydra records them; optional: keys that the experiment takes with a ``+``.
    """
    known = defaults(choices)
    tops = {key.partition(".")[0] for key in known} | {group.partition("/")[0] for group in choices} | {*optional}
    theirs = {o.lstrip("+").partition("._target_=")[0] for o in overrides if "._target_=" in o}  # classes of the user's choice
    theirs |= {group.replace("/", ".") for group, name in choices.items() if name and not _file(group, name).is_file()}
    for override in overrides:
        key = override.partition("=")[0]
        if override.startswith("~") or "/" in key or key.lstrip("+") in choices or key.endswith("_target_"):
            continue
        added, key = key.startswith("+"), key.lstrip("+")
        value = OmegaConf.select(cfg, key, throw_on_missing=False)
        value = OmegaConf.to_container(value) if OmegaConf.is_config(value) else value
        _check_size(key, value)
        if key in known:
            if not _below(key, theirs):
                _check_kind(key, value, known[key])
        elif added and not _taken(key, tops, theirs, choices, optional):
            near = [k for k in known if k.rpartition(".")[0] == key.rpartition(".")[0] and not k.endswith("_target_")]
            words = f"known: {', '.join(near)}" if near and "." in key else f"this experiment takes with a +: {_listed(optional)}"
            raise InputError(f"{key}: unknown key{did_you_mean(key, known)}; {words}")
    seed = cfg.get("seed", 0)  # which experiments hand on as it is
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise InputError(f"seed={seed}: give an integer from 0 to 2^63 - 1")


def check_options(overrides: Sequence[str]) -> None:
    """InputError where a group is given several options, which Hydra would merge into one."""
    for override in overrides:
        group, _, option = override.lstrip("+").partition("=")
        if option.startswith("[") and (CONF / group).is_dir():
            names = ",".join(name.strip() for name in option.strip("[]").split(","))
            raise InputError(f"{override}: give one option; for a run with each: knudsen -m {group}={names}")


def defaults(choices: Mapping[str, str]) -> dict[str, Any]:
    """{key: default} of the project's own option files in use, maps too; the experiment's come last, as it may change others'."""
    found = dict(_keys_of(CONF / f"{PRIMARY}.yaml", ""))
    for group, name in sorted(choices.items(), key=lambda item: item[0] == "experiment"):
        if name and not group.startswith("hydra/") and _file(group, name).is_file():
            found |= _keys_of(_file(group, name), "" if group == "experiment" else group.replace("/", "."))
    return found


@cache
def _keys_of(file: Path, prefix: str) -> dict[str, Any]:
    content = yaml.load(file.read_text(), _Loader) or {}
    found: dict[str, Any] = {}
    for entry in content.pop("defaults", ()):
        if isinstance(entry, str) and entry != "_self_" and (other := file.with_name(f"{entry}.yaml")).is_file():
            found |= _keys_of(other, prefix)  # another file of the same group, such as label in train
    content.pop("hydra", None)
    waiting = [(f"{prefix}.{key}" if prefix else str(key), value) for key, value in content.items()]
    while waiting:
        key, value = waiting.pop(0)
        found[key] = value
        if isinstance(value, dict):
            waiting += [(f"{key}.{name}", below) for name, below in value.items()]
    return found


def every_key() -> dict[str, Any]:
    """The keys of all option files."""
    found: dict[str, Any] = {}
    for file in sorted(CONF.rglob("*.yaml")):
        group = file.parent.relative_to(CONF).as_posix()
        found |= _keys_of(file, "" if group in (".", "experiment") else group.replace("/", "."))
    return found


def did_you_mean(word: str, known: Collection[str]) -> str:
    """' (did you mean ...?)', or nothing where nothing known is near."""
    near = [] if word in known else get_close_matches(word, known, 3, 0.6)
    return f" (did you mean {' or '.join(near)}?)" if near else ""


def _file(group: str, name: str) -> Path:
    return CONF / group.partition("@")[0] / f"{name}.yaml"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def _below(key: str, places: Collection[str]) -> bool:
    return any(key == place or key.startswith(f"{place}.") for place in places)


def _taken(key: str, tops: set[str], theirs: set[str], choices: Mapping[str, str], optional: Iterable[str]) -> bool:
    """May this key be added?"""
    top = key.partition(".")[0]
    open_groups = {group for group, name in OPEN if choices.get(group) == name}
    return key in optional or _below(key, (*FREE, *open_groups)) or (top in tops and _below(key, theirs))


def _check_size(key: str, value: Any) -> None:
    largest = LARGEST.get(key.rpartition(".")[2])
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, float) and math.isnan(one):
            raise InputError(f"{key}={one}: not a number; give one")
        if largest and isinstance(one, (int, float)) and one > largest:
            raise InputError(f"{key}={one}: too large; at most {largest}")


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return FLAG
    if isinstance(value, (int, float)):
        return NUMBER
    return LIST if isinstance(value, list) else MAP if isinstance(value, dict) else TEXT


def _check_kind(key: str, value: Any, default: Any) -> None:
    if value is None or (default is None and key not in KINDS) or (default == "???" and key not in KINDS):
        return
    allowed = KINDS.get(key, ())
    if default is not None and default != "???":
        allowed = (_kind(default), *allowed)
    if LIST in allowed and isinstance(default, list) and default:
        allowed += (_kind(default[0]),)  # a list of one may be written without brackets
    kind = _kind(value)
    fits = kind in allowed or (kind == NUMBER and INTEGER in allowed and float(value).is_integer())
    if not fits:
        way = "; one run for each of several values: knudsen -m " + key + "=A,B" if kind == LIST else ""
        raise InputError(f"{key}={_short(value)}: give {' or '.join(dict.fromkeys(allowed))}{way}")
    if kind == LIST and isinstance(default, list) and default:
        wanted = _kind(default[0])
        if any(_kind(one) != wanted for one in value):
            raise InputError(f"{key}={_short(value)}: give a list, each element {wanted}, such as {default[0]}")


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 80 else text[:77] + "..."
