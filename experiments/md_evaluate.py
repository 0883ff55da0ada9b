"""A trained potential on configurations: ``predictions.extxyz``, ``metrics.json`` (errors where labels are known), parity."""

from __future__ import annotations

import time

import numpy as np
from ase import Atoms
from omegaconf import DictConfig

from knudsen import molecular
from knudsen.experiments import md_plots, md_setup, setup
from knudsen.experiments.output import Output, number, table
from knudsen.experiments.progress import bar

NAME = "predictions.extxyz"
QUANTITIES = {
    "energy_per_atom": "energy [meV/atom]",
    "forces": "force components [meV/A]",
    "stress": "stress components [meV/A^3]",
}


def run(cfg: DictConfig, output: Output) -> int:
    potential = md_setup.trained_potential(cfg)
    frames = md_setup.frames(cfg)
    start = time.perf_counter()
    with bar("predictions", cfg.progress) as progress:
        predicted = molecular.label_frames(molecular.PotentialLabeler(potential), frames, progress=progress)
    atoms = sum(len(frame) for frame in frames)
    seconds = time.perf_counter() - start
    compared = {name: pair for name in QUANTITIES if (pair := pairs(name, frames, predicted)) is not None}
    errors = {name: None if name not in compared else error(*compared[name]) for name in QUANTITIES}
    output.file(NAME, lambda path: molecular.write_frames(path, predicted))
    metrics = {"status": "ok", "potential": setup.option("potential"), "frames": len(frames), "atoms": atoms} | errors
    output.json(
        "metrics.json", metrics | {"seconds": seconds, "microseconds_per_atom": 1e6 * seconds / atoms, "units": molecular.UNITS}
    )
    if compared:
        output.figure("parity", md_plots.parity_figure(compared, potential.name))
        rows = [[QUANTITIES[n], number(errors[n]["rmse"], scale=1e3), number(errors[n]["mae"], scale=1e3)] for n in compared]
        print(table(["", "RMSE", "MAE"], rows))
    print(f"{potential.name}: {len(frames)} frames, {atoms} atoms, {1e6 * seconds / atoms:.0f} us an atom")
    output.announce()
    return 0


def pairs(name: str, frames: list[Atoms], predicted: list[Atoms]) -> tuple[np.ndarray, np.ndarray] | None:
    """(label, prediction) of every number of a quantity, flat; None where a frame lacks it."""
    key = "energy" if name == "energy_per_atom" else name
    if not all(f.calc is not None and key in f.calc.results and key in p.calc.results for f, p in zip(frames, predicted)):
        return None
    scale = [1 / len(f) if name == "energy_per_atom" else 1.0 for f in frames]
    both = ([s * np.ravel(f.calc.results[key]) for s, f in zip(scale, set_)] for set_ in (frames, predicted))
    label, prediction = (np.concatenate(values) for values in both)
    return label, prediction


def error(label: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    """RMSE and MAE, in the unit of the quantity."""
    difference = prediction - label
    return {"rmse": np.sqrt(np.mean(difference**2)), "mae": np.mean(np.abs(difference))}
