"""Radial and angular distributions of a potential's dynamics beside the labeler's: ``distributions.nc``, figure."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from ase import Atoms
from omegaconf import DictConfig

import molecular
from experiments import md_plots, md_setup, setup
from experiments.output import Output, number, table
from experiments.progress import bar
from molecular import distributions
from molecular.dynamics import LabelerCalculator, langevin

KEYS = (("dynamics.equilibration", int), ("dynamics.steps", int), ("dynamics.every", int), ("dynamics.blocks", int),
        ("dynamics.timestep", float), ("dynamics.friction", float), ("radial.most", float), ("radial.bins", int),
        ("angular.cutoff", float), ("angular.bins", int))  # fmt: skip
MODELS = ("labeler", "potential")
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
    shape = (len(starts), len(MODELS))
    values = {name: np.zeros((*shape, n)) for name, n in (("g", len(r) - 1), ("g_error", len(r) - 1), ("p", len(theta) - 1),
                                                         ("p_error", len(theta) - 1))}  # fmt: skip
    with bar("dynamics", cfg.progress) as progress:
        for k, (atoms, temperature) in enumerate(starts.values()):
            for m, model in enumerate(MODELS):
                rng = np.random.default_rng([cfg.seed, k, m])
                share = (k * len(MODELS) + m, len(starts) * len(MODELS))
                frames = trajectory(cfg, atoms, temperature, drivers[model], rng, lambda x: progress((share[0] + x) / share[1]))  # noqa: B023
                g = distributions.radial_distribution(frames, r)
                p = distributions.angular_distribution(frames, theta, cfg.angular.cutoff)
                values["g"][k, m], values["g_error"][k, m] = distributions.block_average(g, cfg.dynamics.blocks)
                values["p"][k, m], values["p_error"][k, m] = distributions.block_average(p, cfg.dynamics.blocks)
    data = dataset(list(starts), r, theta, values)
    compared = {name: compare(data.sel(phase=name)) for name in starts}
    output.dataset("distributions.nc", data)
    output.json("metrics.json", {"status": "ok", "labeler": setup.option("labeler"), "phases": compared})
    output.figure("distributions", md_plots.distributions_figure(data, setup.option("labeler"), setup.option("potential")))
    rows = [
        [name, *(number(c[f][key], ".2f") for f in ("radial", "angular") for key in ("chi_squared", "within"))]
        for name, c in compared.items()
    ]
    print(table(["", "g(r): mean chi^2", "within 2 s.e.", "angles: mean chi^2", "within 2 s.e."], rows))
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


def dataset(names: list[str], r: np.ndarray, theta: np.ndarray, values: dict[str, np.ndarray]) -> xr.Dataset:
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
        "model": list(MODELS),
        "r": ("r", middle[0], {"long_name": "distance", "units": "angstrom"}),
        "theta": ("theta", middle[1], {"long_name": "angle", "units": "degree"}),
    }
    return xr.Dataset(variables, coordinates)


def compare(phase: xr.Dataset) -> dict[str, dict[str, float]]:
    """Of the difference, over the bins where either is known to vary: mean square in its own standard errors (1 where the two
    are the same), share of bins within two of them, and the integral of its absolute value over that of the labeler's."""
    found = {}
    for name, key in (("g", "radial"), ("p", "angular")):
        truth, ours = (phase[name].sel(model=m).values for m in MODELS)
        errors = np.sqrt(sum(phase[f"{name}_error"].sel(model=m).values ** 2 for m in MODELS))
        known = errors > 0
        ratio = (ours - truth)[known] / errors[known]
        found[key] = {
            "chi_squared": float(np.mean(ratio**2)),
            "within": float(np.mean(np.abs(ratio) <= BOUND)),
            "relative_difference": float(np.abs(ours - truth).sum() / np.abs(truth).sum()),
        }
    return found
