"""Configurations with energy, forces and stress from a labeler: ``labels.extxyz`` (same frames, same order), ``metrics.json``."""

from __future__ import annotations

import time

import numpy as np
from omegaconf import DictConfig

from knudsen import molecular
from knudsen.experiments import md_setup, setup
from knudsen.experiments.output import Output
from knudsen.experiments.progress import bar

NAME = "labels.extxyz"


def run(cfg: DictConfig, output: Output) -> int:
    labeler = md_setup.labeler(cfg)
    frames = md_setup.frames(cfg)
    start = time.perf_counter()
    with bar("labels", cfg.progress) as progress:
        try:
            labelled = molecular.label_frames(labeler, frames, progress=progress)
        except molecular.InputError as error:
            raise molecular.InputError(f"{cfg.system.data}: {error}") from error
    seconds = time.perf_counter() - start
    atoms = sum(len(frame) for frame in frames)
    per_atom = np.array([frame.get_potential_energy() / len(frame) for frame in labelled])
    forces = np.concatenate([frame.get_forces() for frame in labelled])
    output.file(NAME, lambda path: molecular.write_frames(path, labelled))
    output.json(
        "metrics.json",
        {
            "status": "ok",
            "labeler": setup.option("labeler"),
            "frames": len(frames),
            "atoms": atoms,
            "energy_per_atom": {"mean": per_atom.mean(), "std": per_atom.std()},
            "force_rms": np.sqrt(np.mean(forces**2)),
            "seconds": seconds,
            "units": molecular.UNITS,
        },
    )
    rate = f"{1e6 * seconds / atoms:.1f} us an atom"
    print(f"{setup.option('labeler')}: {len(frames)} frames, {atoms} atoms, {seconds:.2f} s ({rate})")
    output.announce()
    return 0
