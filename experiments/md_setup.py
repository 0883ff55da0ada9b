"""From the configuration to the molecular room's objects: frames, labelers."""

from __future__ import annotations

from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from omegaconf import DictConfig

import molecular
from conf.build import build
from experiments.setup import option, plain


def frames(cfg: DictConfig) -> list[Atoms]:
    """The configurations of ``system.data``."""
    if not isinstance(cfg.system.data, str):
        raise molecular.InputError(f"system.data={cfg.system.data}: give a file of configurations, e.g. system.data=in.extxyz")
    return molecular.read_frames(cfg.system.data)


def labeler(cfg: DictConfig) -> molecular.Labeler:
    """The labeler chosen; a calculator of ASE is wrapped as one."""
    built = build(plain(cfg.labeler), "labeler")
    if isinstance(built, BaseCalculator):
        return molecular.AseLabeler(built)
    if not callable(built):
        kind = type(built).__name__
        raise molecular.InputError(f"labeler={option('labeler')}: {kind} is no labeler; name one, or a calculator of ASE")
    return built
