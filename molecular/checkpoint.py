"""Checkpoints of potentials: weights, plain options, format; loaded without running any code from the file."""

from __future__ import annotations

from pathlib import Path

import torch

from knudsen.files import FOREIGN, Draft
from knudsen.molecular.deep_pot import DeepPotSmooth
from knudsen.molecular.errors import InputError
from knudsen.molecular.ordered import DeepPotLocalFrame, PlainNetwork
from knudsen.molecular.symmetry_functions import BehlerParrinello

FORMAT = 2
POTENTIALS = {kind.name: kind for kind in (DeepPotSmooth, DeepPotLocalFrame, BehlerParrinello, PlainNetwork)}


def save(path: str | Path, potential: torch.nn.Module, recipe: dict) -> None:
    """Write atomically: a reader sees the old file or the new one. recipe: what it was trained from, plain values."""
    content = {
        "format": FORMAT,
        "potential": potential.name,
        "options": potential.options,
        "state": potential.state_dict(),
        "recipe": recipe,
    }
    with Draft(path) as partial:
        torch.save(content, partial)


def load(path: str | Path, name: str | None = None) -> torch.nn.Module:
    """The potential of a checkpoint, ready to evaluate. name: the kind it must be. InputError names the file."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such checkpoint: train one with experiment=md_train")
    try:
        content = torch.load(path, weights_only=True, map_location="cpu")
        found = content["format"]
        kind, options, state = content["potential"], content["options"], content["state"]
    except FOREIGN:
        raise InputError(f"{path}: not a potential's checkpoint: give a file written by experiment=md_train") from None
    if found != FORMAT:
        raise InputError(
            f"{path}: checkpoint of format {found}, this version reads {FORMAT}: train again with experiment=md_train"
        )
    if kind not in POTENTIALS or kind != (name or kind):
        raise InputError(f"{path}: checkpoint of potential={kind}, but potential={name}: choose the matching one")
    potential = POTENTIALS[kind](**options)
    try:
        potential.load_state_dict(state)
    except RuntimeError as error:
        raise InputError(f"{path}: weights do not fit the network it names ({str(error).splitlines()[0]})") from None
    potential.recipe = content.get("recipe")
    return potential.eval()
