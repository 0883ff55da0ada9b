"""Radial and angular distributions of a potential's dynamics beside the labeler's: ``distributions.nc``, figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from ase import Atoms
from omegaconf import DictConfig

from knudsen import molecular
from knudsen.experiments import md_plots, md_setup, setup
from knudsen.experiments.output import Output, number, table
from knudsen.experiments.progress import bar
from knudsen.molecular import distributions
from knudsen.molecular.dynamics import LabelerCalculator, langevin
from knudsen.seeds import stream

KEYS = (("dynamics.equilibration", int), ("dynamics.steps", int), ("dynamics.every", int), ("dynamics.blocks", int),
        ("dynamics.timestep", float), ("dynamics.friction", float), ("radial.most", float), ("radial.bins", int),
        ("angular.cutoff", float), ("angular.bins", int))  # fmt: skip
MODELS = ("labeler", "potential", "labeler again")
VALUES = ("g", "g_error", "p", "p_error")
BOUND = 2.0  # standard errors


def run(cfg: DictConfig, output: Output) -> int:
    for key, kind in KEYS:
        setup.positive(cfg, key, kind)
    if cfg.dynamics.blocks < 2 or cfg.dynamics.steps // cfg.dynamics.every < cfg.dynamics.blocks:
        raise molecular.InputError(f"dynamics.blocks={cfg.dynamics.blocks}: give at least 2, and as many configurations")
    drivers = {"labeler": md_setup.labeler(cfg), "potential": molecular.PotentialLabeler(md_setup.trained_potential(cfg))}
    starts = phases(cfg)
    r = np.linspace(0, cfg.radial.most, cfg.radial.bins + 1)
    theta = np.linspace(0, 180, cfg.angular.bins + 1)
    models = MODELS if cfg.yardstick else MODELS[:2]
    found: dict[str, list] = {name: [] for name in starts}
    with bar("dynamics", cfg.progress) as progress:
        for k, (name, (atoms, temperature)) in enumerate(starts.items()):
            for m, model in enumerate(models):
                rng = stream(cfg.seed, k, m)
                share = (k * len(models) + m, len(starts) * len(models))
                driver = drivers.get(model, drivers["labeler"])
                frames = trajectory(cfg, atoms, temperature, driver, rng, lambda x: progress((share[0] + x) / share[1]))  # noqa: B023
                found[name].append(measured(cfg, frames, r, theta))
    values = {key: np.array([[one[key] for one in by_model] for by_model in found.values()]) for key in VALUES}
    data = dataset(list(starts), models, r, theta, values)
    compared = {name: {model: compare(data.sel(phase=name), model) for model in models[1:]} for name in starts}
    output.dataset("distributions.nc", data)
    output.json("metrics.json", {"status": "ok", "labeler": setup.option("labeler"), "phases": compared})
    output.figure("distributions", md_plots.distributions_figure(data, setup.option("labeler"), setup.option("potential")))
    rows = [
        [name, model, *(number(c[f][key], ".2f") for f in ("radial", "angular") for key in ("chi_squared", "within"))]
        for name, by_model in compared.items()
        for model, c in by_model.items()
    ]
    print(table(["", "beside the labeler", "g(r): mean chi^2", "within 2 s.e.", "angles: mean chi^2", "within 2 s.e."], rows))
    output.announce()
    return 0


def phases(cfg: DictConfig) -> dict[str, tuple[Atoms, float]]:
    """{name: (start, temperature)}."""
    known = molecular.structures(setup.plain(cfg.system.structures))
    found = {}
    for name, phase in setup.plain(cfg.phases).items():
        structure, temperature = phase.get("structure"), phase.get("temperature")
        if structure not in known:
            raise molecular.InputError(f"phases.{name}.structure={structure}: give one of {', '.join(known)}")
        if isinstance(temperature, bool) or not isinstance(temperature, (int, float)) or not temperature > 0:
            raise molecular.InputError(f"phases.{name}.temperature={temperature}: give a positive number [K]")
        found[name] = known[structure], float(temperature)
    return found


def trajectory(
    cfg: DictConfig, start: Atoms, temperature: float, driver: molecular.Labeler, rng: np.random.Generator, progress: Any
) -> list[Atoms]:
    """Configurations of constant-volume dynamics, after equilibration."""
    d, atoms = cfg.dynamics, start.copy()
    atoms.calc = LabelerCalculator(driver)
    dynamics = langevin(atoms, d.timestep, temperature, None, d.friction, rng)
    dynamics.run(d.equilibration)
    frames = []
    for k in range(d.steps // d.every):
        dynamics.run(d.every)
        frames.append(atoms.copy())
        progress((k + 1) / (d.steps // d.every))
    return frames


def measured(cfg: DictConfig, frames: list[Atoms], r: np.ndarray, theta: np.ndarray) -> dict[str, np.ndarray]:
    """`VALUES` of configurations: radial and angular distribution with their standard errors."""
    g = distributions.block_average(distributions.radial_distribution(frames, r), cfg.dynamics.blocks)
    p = distributions.block_average(distributions.angular_distribution(frames, theta, cfg.angular.cutoff), cfg.dynamics.blocks)
    return dict(zip(VALUES, (*g, *p)))


def dataset(
    names: list[str], models: Sequence[str], r: np.ndarray, theta: np.ndarray, values: dict[str, np.ndarray]
) -> xr.Dataset:
    """Distributions with their standard errors, by phase and model, at the middle of their bins."""
    middle = [0.5 * (edges[1:] + edges[:-1]) for edges in (r, theta)]
    texts = {"g": ("radial distribution", "1", "r"), "p": ("distribution of bond angles", "1/degree", "theta")}
    variables = {}
    for name, (text, unit, axis) in texts.items():
        variables[name] = ("phase", "model", axis), values[name], {"long_name": text, "units": unit}
        error = {"long_name": f"standard error of the {text}", "units": unit}
        variables[f"{name}_error"] = ("phase", "model", axis), values[f"{name}_error"], error
    coordinates = {
        "phase": names,
        "model": list(models),
        "r": ("r", middle[0], {"long_name": "distance", "units": "angstrom"}),
        "theta": ("theta", middle[1], {"long_name": "angle", "units": "degree"}),
    }
    return xr.Dataset(variables, coordinates)


def compare(phase: xr.Dataset, model: str = "potential") -> dict[str, dict[str, float]]:
    """Of the difference of a model to the labeler, over the bins where either is known to vary: mean square in its own standard
    errors (1 where the two are the same), share of bins within two of them, and the integral of its absolute value over that of
    the labeler's."""
    found = {}
    for name, key in (("g", "radial"), ("p", "angular")):
        pair = ("labeler", model)
        truth, ours = (phase[name].sel(model=m).values for m in pair)
        errors = np.sqrt(sum(phase[f"{name}_error"].sel(model=m).values ** 2 for m in pair))
        known = errors > 0
        ratio = (ours - truth)[known] / errors[known]
        found[key] = {
            "chi_squared": float(np.mean(ratio**2)),
            "within": float(np.mean(np.abs(ratio) <= BOUND)),
            "relative_difference": float(np.abs(ours - truth).sum() / np.abs(truth).sum()),
        }
    return found
