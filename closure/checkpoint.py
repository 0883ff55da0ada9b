"""Checkpoints of learned closures: weights, plain configuration, format; loaded without running any code from the file."""

import pickle
from collections.abc import Collection
from pathlib import Path

import torch

from knudsen.build import build, renamed
from knudsen.closure.learned.enc_mlc import EncMLC
from knudsen.closure.learned.entropy_net import EntropyNet
from knudsen.closure.learned.gradient_net import GradientNet
from knudsen.closure.learned.herm_mlc import HermMLC, ensemble
from knudsen.errors import InputError
from knudsen.files import Draft

FORMAT = 1
SHIPPED = Path(__file__).with_name("weights")
LEARNED = {law.name: law for law in (HermMLC, EncMLC, GradientNet, EntropyNet)}


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
        "gas": law.gas.name,
        "config": law.options | {"network": dict(network_config)},
        "state": law.network.state_dict(),
        "recipe": recipe,
    }
    with Draft(path) as partial:
        torch.save(content, partial)


def load(path: Path | list, gas, name: str = "herm_mlc", named: Collection[str] = ()):
    """Closure ``name`` of a checkpoint for a gas; of several checkpoints their ensemble. InputError names the file when it is
    absent, unreadable, of another kind.

    named: networks from outside the project that the user has named himself: the file alone may name none.
    """
    if isinstance(path, list | tuple):
        if not path or name != HermMLC.name:
            raise InputError(f"closure.checkpoint={list(path)}: give one file, or with closure=herm_mlc a list of files")
        laws = [load(one, gas, name, named) for one in path]
        try:
            return ensemble(laws)
        except ValueError as error:
            raise InputError(f"closure.checkpoint: {error}; give files of one kind") from None
    path = Path(path)
    content = read(path)
    if content["gas"] != gas.name:
        raise InputError(
            f"{path}: checkpoint for gas {content['gas']}, but gas={gas.name}: choose the matching closure.checkpoint"
        )
    if content["closure"] != name:
        raise InputError(f"{path}: checkpoint of closure={content['closure']}, but closure={name}: choose the matching one")
    config = dict(content["config"])
    try:
        law = LEARNED[name](gas, network_factory(config.pop("network"), named), **config)
    except (TypeError, ValueError) as error:  # an InputError is one
        raise InputError(f"{path}: {error}") from None
    try:
        law.network.load_state_dict(content["state"])
    except RuntimeError as error:
        raise InputError(f"{path}: weights do not fit the network it names ({str(error).splitlines()[0]})") from None
    law.network.eval()
    law.assemble()
    law.recipe = content["recipe"]
    return law


def read(path: Path) -> dict:
    """What a checkpoint holds: format, closure, gas, config (its network by the name of today), state, recipe. InputError if the
    file is absent, unreadable or of another format."""
    if not path.exists():
        raise InputError(f"{path}: no such checkpoint: train one with experiment=train, or leave closure.checkpoint out")
    try:
        content = torch.load(path, weights_only=True, map_location="cpu")
        found = content["format"]
        if found == FORMAT:
            content["config"]["network"] = renamed(content["config"]["network"])
            content = {key: content[key] for key in ("closure", "gas", "config", "state", "recipe")}
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError, ValueError, IsADirectoryError):
        raise InputError(f"{path}: not a checkpoint of this program: give a file written by experiment=train") from None
    if found != FORMAT:
        raise InputError(
            f"{path}: checkpoint of format {found}, this version reads {FORMAT}: train it again with experiment=train"
        )
    return content


def shipped(gas, config: dict, name: str = "herm_mlc") -> Path:
    """The first checkpoint that comes with the package for a gas, a closure and the options given (null fits any); InputError
    for none."""
    config = {key: value for key, value in config.items() if value is not None}
    for path in sorted(SHIPPED.glob("*.pt")):
        content = read(path)
        given = {key: content["config"].get(key) for key in config}
        if (content["closure"], content["gas"], given) == (name, gas.name, config):
            return path
    raise InputError(
        f"closure.checkpoint: no weights for gas={gas.name} with these closure options are shipped: train them with "
        f"experiment=train closure={name} gas={gas.name} and the same options, then give closure.checkpoint=FILE"
    )
