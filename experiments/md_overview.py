"""Potentials of several systems beside each other, on frames they were not trained on: ``metrics.json``, ``overview.png``."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from omegaconf import DictConfig

from knudsen import molecular
from knudsen.experiments import md_plots, setup
from knudsen.experiments.md_evaluate import error, pairs
from knudsen.experiments.output import Output, number, table
from knudsen.experiments.progress import bar

QUANTITIES = ("energy_per_atom", "forces")


def run(cfg: DictConfig, output: Output) -> int:
    systems = setup.plain(cfg.systems)
    if not isinstance(systems, Mapping) or not systems:
        raise molecular.InputError(f"systems={systems}: give '+systems.NAME={{checkpoint: FILE, data: FILE}}' for each")
    loaded = {}
    for name, system in systems.items():
        if not isinstance(system, Mapping) or set(system) != {"checkpoint", "data"}:
            raise molecular.InputError(f"systems.{name}={system}: give {{checkpoint: FILE, data: FILE}}")
        loaded[name] = molecular.load_potential(system["checkpoint"]), molecular.read_frames(system["data"])
    compared, metrics = {}, {}
    for name, (potential, frames) in loaded.items():
        with bar(name, cfg.progress) as progress:
            predicted = molecular.label_frames(molecular.PotentialLabeler(potential), frames, progress=progress)
        found = {quantity: pairs(quantity, frames, predicted) for quantity in QUANTITIES}
        if None in found.values():
            raise molecular.InputError(f"systems.{name}.data={systems[name]['data']}: has frames without energy and forces")
        compared[name] = found
        spread = {"energy_std": np.std(found["energy_per_atom"][0]), "force_rms": np.sqrt(np.mean(found["forces"][0] ** 2))}
        errors = {quantity: error(*both) for quantity, both in found.items()}
        metrics[name] = {"potential": potential.name, "frames": len(frames)} | spread | errors
    output.json("metrics.json", {"status": "ok", "systems": metrics, "units": molecular.UNITS})
    output.figure("overview", md_plots.overview_figure(compared))
    rows = [
        [
            name,
            m["frames"],
            number(m["energy_per_atom"]["rmse"], scale=1e3),
            number(m["energy_std"], scale=1e3),
            number(m["forces"]["rmse"], ".3f"),
            number(m["force_rms"], ".3f"),
        ]
        for name, m in metrics.items()
    ]
    header = ["", "frames", "energy RMSE [meV/atom]", "spread", "force RMSE [eV/A]", "RMS"]
    print(table(header, rows))
    output.announce()
    return 0
