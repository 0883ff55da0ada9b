"""From the configuration to the molecular room's objects: frames, labelers, potentials."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from knudsen import molecular
from knudsen.build import build
from knudsen.experiments.named import named
from knudsen.experiments.setup import option, plain
from knudsen.molecular.label import inside

if TYPE_CHECKING:
    from torch import nn


def frames(cfg: DictConfig, with_labels: bool = False) -> list[Atoms]:
    """The configurations of ``system.data``, a path or a list of paths; with_labels: each must have energy and forces."""
    data = plain(cfg.system.data)
    paths = [data] if isinstance(data, str) else data
    if not isinstance(paths, list) or not paths or not all(isinstance(path, str) for path in paths):
        raise molecular.InputError(f"system.data={data}: give a file of configurations, e.g. system.data=in.extxyz")
    read = (labelled(molecular.read_frames(path), path) if with_labels else molecular.read_frames(path) for path in paths)
    return [frame for part in read for frame in part]


def labeler(cfg: DictConfig) -> molecular.Labeler:
    """The labeler chosen; a calculator of ASE is wrapped as one, and writes what it writes into the folder of the run."""
    options = {key: _absolute(value) for key, value in plain(cfg.labeler).items()}
    folder = str(Path(HydraConfig.get().runtime.output_dir).resolve() / "calculator")
    with inside(folder if str(options.get("_target_")).startswith("ase.") else None):
        built = build(options, "labeler", (molecular.Labeler, BaseCalculator), named())
    return molecular.AseLabeler(built, folder) if isinstance(built, BaseCalculator) else built


def _absolute(value: Any) -> Any:
    """A path as it is meant from where the command was typed."""
    is_path = isinstance(value, str) and {".", "/"} & set(value) and Path(value).exists()
    return str(Path(value).resolve()) if is_path else value


def labelled(frames: list[Atoms], source: Any) -> list[Atoms]:
    """`frames`, all with energy and forces; InputError names the file and the frame as it stands there."""
    try:
        molecular.check_labelled(frames)
    except molecular.InputError as error:
        raise molecular.InputError(f"{source}: {error}") from error
    return frames


def new_potential(cfg: DictConfig, training: list[Atoms]) -> nn.Module:
    """An untrained potential; without ``potential.species`` for the elements of the training frames, in alphabetical order."""
    from torch import nn

    options = plain(cfg.potential)
    if options.get("species") is None:
        options["species"] = sorted({symbol for frame in training for symbol in frame.symbols})
    return build(options, "potential", nn.Module, named(), seed=cfg.seed)


def trained_potential(cfg: DictConfig) -> Any:
    """The potential of ``checkpoint``; options given on the command line must be those it was trained with."""
    if not isinstance(cfg.checkpoint, str):
        raise molecular.InputError(f"checkpoint={cfg.checkpoint}: give a file written by experiment=md_train")
    potential = molecular.load_potential(cfg.checkpoint, option("potential"))
    given = plain(cfg.potential)
    for override in HydraConfig.get().overrides.task:
        key = override.lstrip("+").partition("=")[0]
        name = key.removeprefix("potential.")
        if key != name and given[name] != potential.options.get(name):
            raise molecular.InputError(
                f"{key}={given[name]}: {cfg.checkpoint} was trained with {potential.options.get(name)}; leave the key out"
            )
    return potential
