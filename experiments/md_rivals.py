"""What comparisons of kinds of potentials share: frames from a labeler's own dynamics, and one training of each kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms
from omegaconf import DictConfig

from knudsen import molecular
from knudsen.build import make
from knudsen.experiments import setup
from knudsen.experiments.progress import bar
from knudsen.molecular import checkpoint
from knudsen.molecular.dynamics import LabelerCalculator, langevin


def start(cfg: DictConfig) -> Atoms:
    """The structure that dynamics start from."""
    return molecular.structures({"structure": setup.plain(cfg.structure)})["structure"]


def sampled(cfg: DictConfig, labeler: molecular.Labeler, frames: int) -> list[Atoms]:
    """Labelled frames of Langevin dynamics with the labeler's forces: ``sampling.every`` steps apart, the first after
    ``sampling.settle`` steps."""
    rng = np.random.Generator(np.random.PCG64(cfg.seed))
    every, settle = setup.positive(cfg, "sampling.every", int), setup.positive(cfg, "sampling.settle", int)
    timestep, friction = setup.positive(cfg, "sampling.timestep"), setup.positive(cfg, "sampling.friction")
    atoms = start(cfg)
    atoms.calc = LabelerCalculator(labeler)
    dynamics = langevin(atoms, timestep, setup.positive(cfg, "sampling.temperature"), None, friction, rng)
    found = []
    with bar("dynamics", cfg.progress) as progress:
        for k in range(frames):
            dynamics.run(settle if k == 0 else every)
            found.append(atoms.copy())
            progress((k + 1) / frames)
    return molecular.label_frames(labeler, found)


def trained(
    cfg: DictConfig, kind: str, training: Sequence[Atoms], test: Sequence[Atoms], directory: Path, **changed: Any
) -> tuple[torch.nn.Module, dict[str, Any]]:
    """A potential of a kind, with the options of ``potentials``, trained on frames; its errors on others."""
    potential = new(cfg, kind, sorted({s for frame in training for s in frame.symbols}), **changed)
    options = make(molecular.TrainOptions, setup.plain(cfg.train), "train", seed=cfg.seed)
    with bar(f"{kind}, {len(training)} frames", cfg.progress) as progress:
        result = molecular.train(
            potential, training, test, options, directory, progress=lambda step, _: progress(step / options.steps)
        )
    return potential.eval(), result


def new(cfg: DictConfig, kind: str, species: Sequence[str], **changed: Any) -> torch.nn.Module:
    options = setup.plain(cfg.potentials[kind])
    if kind not in checkpoint.POTENTIALS or not isinstance(options, Mapping):
        raise molecular.InputError(f"potentials.{kind}: give options of one of {', '.join(checkpoint.POTENTIALS)}")
    options = {"species": list(species)} | dict(options) | changed
    return make(checkpoint.POTENTIALS[kind], options, f"potentials.{kind}", seed=cfg.seed)
