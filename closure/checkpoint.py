"""Checkpoints of learned closures: weights, plain configuration, format; loaded without running any code from the file."""

from collections.abc import Collection, Mapping
from pathlib import Path

import torch

from knudsen.build import build, renamed
from knudsen.closure.learned.herm_mlc import HermMLC
from knudsen.closure.learned.protocol import LearnedLaw
from knudsen.errors import InputError
from knudsen.files import FOREIGN, Draft
from knudsen.kinetic.gas import Gas
from knudsen.kinetic.gas import gas as gas_of_name

FORMAT = 1
SHIPPED = Path(__file__).with_name("weights")
GAS = ("name", "dims", "collision", "omega", "prandtl")  # what a file says of its gas, and of others that it is for


def network_factory(config: dict, named: Collection[str] = ()):
    """(inputs, outputs, **parities) -> module, of {"_target_": "module.Class", **options}: any subclass of torch.nn.Module.

    named: classes from outside the project that the user has named himself, as of ``knudsen.build.judge``.
    """

    def make(inputs: int, outputs: int, **parities) -> torch.nn.Module:
        return build(config, "closure.network", torch.nn.Module, named, inputs=inputs, outputs=outputs, **parities)

    return make


def save(path: Path, law, network_config: dict, recipe: dict) -> None:
    """Write atomically: a reader sees the old file or the new one."""
    content = {
        "format": FORMAT,
        "closure": law.name,
        "gas": _record(law.gas),
        "config": law.options | {"network": dict(network_config)},
        "state": law.network.state_dict(),
        "recipe": recipe,
    }
    with Draft(path) as partial:
        torch.save(content, partial)


def extend(path: Path, gas: Gas) -> None:
    """Say in a file that its weights are for another gas too: where its errors have been measured there. A law that they make
    for that gas has it among its ``notes``."""
    content = torch.load(path, weights_only=True, map_location="cpu")
    content["others"] = [other for other in content.get("others", ()) if other["name"] != gas.name] + [_record(gas)]
    with Draft(path) as partial:
        torch.save(content, partial)


def _record(gas: Gas) -> dict:
    return {key: getattr(gas, key) for key in GAS}


def load(path: Path | list, gas: Gas, kind: type[LearnedLaw] = HermMLC, named: Collection[str] = ()) -> LearnedLaw:
    """The law of class ``kind`` of a checkpoint for a gas; of several checkpoints their ensemble. InputError names the file when
    it is absent, unreadable, of another kind.

    named: networks from outside the project that the user has named himself: the file alone may name none.
    """
    if isinstance(path, list | tuple):
        if not path:
            raise InputError("closure.checkpoint=[]: give one file, or with closure=herm_mlc a list of files")
        return kind.ensemble([load(one, gas, kind, named) for one in path])
    path = Path(path)
    content = read(path)
    key = difference(content["gas"], gas)
    if key and all(difference(other, gas) for other in content["others"]):
        raise InputError(
            f"{path}: checkpoint for gas {content['gas'].name}, but gas={gas.name} has another gas.{key}: "
            "choose the matching closure.checkpoint"
        )
    if content["closure"] != kind.name:
        raise InputError(f"{path}: checkpoint of closure={content['closure']}, but closure={kind.name}: choose the matching one")
    config = dict(content["config"])
    try:
        law = kind(gas, network_factory(config.pop("network"), named), **config)
    except (TypeError, ValueError) as error:  # an InputError is one
        raise InputError(f"{path}: {error}") from None
    try:
        law.network.load_state_dict(content["state"])
    except RuntimeError as error:
        raise InputError(f"{path}: weights do not fit the network it names ({str(error).splitlines()[0]})") from None
    law.network.eval()
    law.assemble()
    law.recipe = content["recipe"]
    if key:
        law.notes = (f"weights of another gas: its network learned in gas={content['gas'].name}",)
    return law


def difference(there: Gas, gas: Gas) -> str | None:
    """In what, if anything, a closure learned in one gas is not for another. The frequency of a relaxation model is none of it:
    the closure takes it from the gas it is run with."""
    return there.difference(gas, but=() if gas.is_boltzmann else ("omega",))


def _gas_of(content: dict) -> Gas:
    """The gas of the labels. Files from before 0.2 have its name alone, and most of them its options among the recipe's."""
    known = content["gas"] if isinstance(content["gas"], Mapping) else content["recipe"].get("gas")
    if not isinstance(known, Mapping):
        return gas_of_name(content["gas"])
    return Gas(**{key: known[key] for key in GAS if key in known})


def read(path: Path) -> dict:
    """What a checkpoint holds: closure, gas, others (gases that it is for too), config (its network by the name of today),
    state, recipe. InputError if the file is absent, unreadable or of another format."""
    if not path.is_file():
        raise InputError(f"{path}: no such checkpoint: train one with experiment=train, or leave closure.checkpoint out")
    try:
        content = torch.load(path, weights_only=True, map_location="cpu")
        found = content["format"]
        if found == FORMAT:
            content["config"]["network"] = renamed(content["config"]["network"])
            others = [Gas(**{key: other[key] for key in GAS}) for other in content.get("others", ())]
            parts = {key: content[key] for key in ("closure", "config", "state", "recipe")}
            content = parts | {"gas": _gas_of(content), "others": others}
    except FOREIGN:
        raise InputError(f"{path}: not a checkpoint of this program: give a file written by experiment=train") from None
    if found != FORMAT:
        raise InputError(
            f"{path}: checkpoint of format {found}, this version reads {FORMAT}: train it again with experiment=train"
        )
    return content


def shipped(gas: Gas, config: dict, name: str) -> Path:
    """The first checkpoint that comes with the package for a gas, a closure and the options given (null fits any), one that
    learned in this gas before those of others; InputError for none."""
    config = {key: value for key, value in config.items() if value is not None}
    others, known = [], []
    for path in sorted(SHIPPED.glob("*.pt")):
        content = read(path)
        differences = [difference(one, gas) for one in (content["gas"], *content["others"])]
        if content["closure"] == name and not all(differences):
            known.append((bool(differences[0]), path, content))
    for _, path, content in sorted(known, key=lambda one: one[:2]):
        if {key: content["config"].get(key) for key in config} == config:
            return path
        others.append(content["config"])
    asked = " ".join(f"closure.{key}={value}" for key, value in config.items() if key != "network")
    leave = ""
    if others:
        differing = [[key for key, value in config.items() if known.get(key) != value] for known in others]
        keys, nearest = min(zip(differing, others), key=lambda pair: len(pair[0]))
        leave = f"shipped: {', '.join(f'{key}={nearest.get(key)}' for key in keys if key != 'network') or 'another network'}; "
        leave += f"leave {', '.join(f'closure.{key}' for key in keys)} out, or "
    raise InputError(
        f"closure.checkpoint: no weights for gas={gas.name} with these closure options are shipped; {leave}"
        f"train them with knudsen experiment=train closure={name} gas={gas.name} {asked}, then give closure.checkpoint=FILE"
    )
