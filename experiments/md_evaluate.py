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
    warnings = doubts(frames)
    metrics = {"status": "ok", "potential": setup.option("potential"), "frames": len(frames), "atoms": atoms} | errors
    metrics |= {"warnings": warnings}
    output.json(
        "metrics.json", metrics | {"seconds": seconds, "microseconds_per_atom": 1e6 * seconds / atoms, "units": molecular.UNITS}
    )
    if compared:
        output.figure("parity", md_plots.parity_figure(compared, potential.name))
        rows = [[QUANTITIES[n], number(errors[n]["rmse"], scale=1e3), number(errors[n]["mae"], scale=1e3)] for n in compared]
        print(table(["", "RMSE", "MAE"], rows))
    print("".join(f"warning: {text}\n" for text in warnings), end="")
    print(f"{potential.name}: {len(frames)} frames, {atoms} atoms, {1e6 * seconds / atoms:.0f} us an atom")
    output.announce()
    return 0


def key_of(name: str) -> str:
    return "energy" if name == "energy_per_atom" else name


def has(frame: Atoms, name: str) -> bool:
    return frame.calc is not None and key_of(name) in frame.calc.results


def pairs(name: str, frames: list[Atoms], predicted: list[Atoms]) -> tuple[np.ndarray, np.ndarray] | None:
    """(label, prediction) of every number of a quantity, flat, in the frames that have it; None where none has."""
    both = [(f, p) for f, p in zip(frames, predicted) if has(f, name) and has(p, name)]
    if not both:
        return None
    scale = [1 / len(f) if name == "energy_per_atom" else 1.0 for f, _ in both]
    flat = ([s * np.ravel(pair[i].calc.results[key_of(name)]) for s, pair in zip(scale, both)] for i in (0, 1))
    label, prediction = (np.concatenate(values) for values in flat)
    return label, prediction


def doubts(frames: list[Atoms]) -> list[str]:
    """What of the labels was not compared, in words."""
    found = []
    for name in QUANTITIES:
        without = [k for k, frame in enumerate(frames) if not has(frame, name)]
        if 0 < len(without) < len(frames):
            found.append(f"{key_of(name)}: {len(without)} of {len(frames)} frames have no label (the first: frame {without[0]})")
    others = {label for frame in frames for label in molecular.foreign_labels(frame)}
    if others:
        found.append(f"not read as labels: {', '.join(sorted(others))}; the names that are: energy, forces, stress, virial")
    return found


def error(label: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    """RMSE and MAE, in the unit of the quantity."""
    difference = prediction - label
    return {"rmse": np.sqrt(np.mean(difference**2)), "mae": np.mean(np.abs(difference))}
