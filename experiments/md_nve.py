"""Drift of the energy in dynamics without a thermostat, for each kind of potential: ``nve.nc``, ``metrics.json``, ``nve.png``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import xarray as xr
from ase import Atoms, units
from ase.md.velocitydistribution import Stationary, thermalize_momenta
from ase.md.verlet import VelocityVerlet
from omegaconf import DictConfig

from knudsen import molecular
from knudsen.experiments import md_plots, md_rivals, md_setup, setup
from knudsen.experiments.output import Output, number, table
from knudsen.experiments.progress import bar

MICRO = 1e6
Progress = Callable[[float], None]


def run(cfg: DictConfig, output: Output) -> int:
    labeler = md_setup.labeler(cfg)
    count, held_out = setup.positive(cfg, "frames", int), setup.positive(cfg, "test_frames", int)
    timestep, temperature = setup.positive(cfg, "nve.timestep"), setup.positive(cfg, "nve.temperature")
    steps, every = setup.positive(cfg, "nve.steps", int), setup.positive(cfg, "nve.every", int)
    if steps < 3 * every:
        raise molecular.InputError(f"nve.steps={steps}: give at least three times nve.every={every}")
    for kind in cfg.potentials:
        md_rivals.new(cfg, kind, ["X"], dtype="float64")
    frames = md_rivals.sampled(cfg, labeler, count + held_out)
    energies, metrics = {}, {}
    for kind in cfg.potentials:
        directory = output.directory / "trainings" / kind
        potential, result = md_rivals.trained(cfg, kind, frames[:count], frames[count:], directory, dtype="float64")
        atoms = frames[count].copy()
        atoms.calc = molecular.PotentialCalculator(potential)
        rng = np.random.Generator(np.random.PCG64(cfg.seed))
        with bar(f"{kind}, dynamics", cfg.progress) as progress:
            energies[kind], mean = dynamics(atoms, timestep, temperature, steps, every, rng, progress)
        drift, error, scatter = drift_of(energies[kind], timestep * every)
        errors = {name: result[name] for name in ("force_rmse", "energy_rmse")}
        metrics[kind] = {"drift": drift, "drift_error": error, "fluctuation": scatter, "temperature": mean} | errors
    time = 1e-3 * timestep * every * np.arange(steps // every + 1)
    variables = {kind: ("time", e, {"units": "eV/atom", "long_name": "total energy"}) for kind, e in energies.items()}
    output.dataset("nve.nc", xr.Dataset(variables, {"time": ("time", time, {"units": "ps", "long_name": "time"})}))
    units_of = {"drift": "ueV/atom/ps", "drift_error": "ueV/atom/ps", "fluctuation": "ueV/atom", "temperature": "K"}
    output.json(
        "metrics.json", {"status": "ok", "potentials": metrics, "atoms": len(frames[0]), "units": units_of | molecular.UNITS}
    )
    output.figure("nve", md_plots.nve_figure(time, energies))
    rows = [
        [
            md_plots.NAMES[kind],
            f"{m['drift']:.3g} ± {m['drift_error']:.1g}",
            number(m["fluctuation"], ".3g"),
            number(m["force_rmse"], ".4f"),
        ]
        for kind, m in metrics.items()
    ]
    print(table(["", "drift [ueV/atom/ps]", "fluctuation [ueV/atom]", "force RMSE [eV/A]"], rows))
    output.announce()
    return 0


def dynamics(
    atoms: Atoms, timestep: float, temperature: float, steps: int, every: int, rng: np.random.Generator, progress: Progress
) -> tuple[np.ndarray, float]:
    """Velocity Verlet from Maxwellian velocities: (total energies per atom [eV] every so many steps, mean temperature [K])."""
    thermalize_momenta(atoms, temperature, rng=rng)
    Stationary(atoms)
    verlet = VelocityVerlet(atoms, timestep * units.fs)
    found = [(atoms.get_total_energy() / len(atoms), atoms.get_temperature())]
    for k in range(steps // every):
        verlet.run(every)
        found.append((atoms.get_total_energy() / len(atoms), atoms.get_temperature()))
        progress((k + 1) * every / steps)
    energy, kinetic = np.array(found).T
    return energy, float(kinetic.mean())


def drift_of(energy: np.ndarray, interval: float) -> tuple[float, float, float]:
    """(slope, its standard error, scatter about it) of energies [eV] every `interval` fs, in ueV/ps and ueV.

    The error counts neighbouring residuals as one where they are correlated: blocks of a twentieth of the run.
    """
    time = 1e-3 * interval * np.arange(len(energy))
    slope, offset = np.polyfit(time, MICRO * (energy - energy[0]), 1)
    residual = MICRO * (energy - energy[0]) - slope * time - offset
    blocks = [b.mean() for b in np.array_split(residual, min(20, len(energy)))]
    error = np.std(blocks, ddof=2) / np.sqrt(len(blocks)) / np.std(time)
    return float(slope), float(error), float(np.std(residual))
