"""Variational Monte Carlo: ``energy.nc``, ``metrics.json``, ``report.md``, ``wavefunction.pt``, the convergence."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import xarray as xr
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from knudsen import quantum
from knudsen.build import build, make
from knudsen.experiments import setup
from knudsen.experiments.looks import Figure
from knudsen.experiments.named import named
from knudsen.experiments.output import Output, number, table
from knudsen.experiments.progress import bar

RESUMES = "same"  # the same run goes on where it stopped
UNITS = {"harmonic": "hbar omega", "tfim": "coupling", "heisenberg": "coupling"}
COLOUR = "#D55E00"


def run(cfg: DictConfig, output: Output) -> int:
    hamiltonian = build(setup.plain(cfg.hamiltonian), "hamiltonian", quantum.Hamiltonian, named())
    options = make(quantum.Options, setup.plain(cfg.vmc), "vmc", seed=cfg.seed)
    keys = setup.own(setup.plain(cfg.wavefunction), HydraConfig.get().overrides.task, "wavefunction")
    torch.manual_seed(cfg.seed)  # of a user's module, which may draw its weights from the global generator
    psi = build(keys, "wavefunction", torch.nn.Module, named(), hamiltonian=hamiltonian, seed=cfg.seed).double()
    recipe = {name: setup.plain(cfg[name]) for name in ("hamiltonian", "wavefunction")}
    title = f"{setup.option('hamiltonian')}, {setup.option('wavefunction')}"
    try:
        with bar(setup.option("hamiltonian"), cfg.progress) as progress:
            result = quantum.minimise(hamiltonian, psi, options, output.directory, recipe, progress)
    except quantum.Diverged as error:
        output.json("metrics.json", {"status": "diverged", "reason": str(error), "exact": hamiltonian.exact})
        print(f"{title} diverged: {error}", flush=True)
        return setup.DIVERGED
    metrics = measured(result, hamiltonian)
    unit = UNITS.get(hamiltonian.name, "hartree")
    output.dataset("energy.nc", dataset(result, hamiltonian, unit))
    output.json("metrics.json", metrics)
    output.file("wavefunction.pt", lambda path: torch.save({"recipe": recipe, "state": psi.state_dict()}, path))
    output.text("report.md", report(metrics, result, options, title))
    output.figure("convergence", convergence_figure(result, hamiltonian.exact, title, unit))
    exact = "" if hamiltonian.exact is None else f", exact {hamiltonian.exact:.6f}"
    print(f"{title}: E = {result.energy:.6f} ± {result.energy_error:.1g} {unit}{exact}, variance {result.variance:.2g}")
    for warning in result.warnings:
        print(f"warning: {warning}")
    output.announce()
    return 0


def measured(result: quantum.Result, hamiltonian: quantum.Hamiltonian) -> dict[str, Any]:
    """``metrics.json``."""
    exact = hamiltonian.exact
    names = (
        "energy",
        "energy_error",
        "variance",
        "variance_error",
        "v_score",
        "acceptance",
        "autocorrelation",
        "thermalisation",
        "r_hat",
        "step",
    )
    return {name: getattr(result, name) for name in names} | {
        "exact": exact,
        "relative_error": None if exact is None else (result.energy - exact) / abs(exact),
        "status": "doubtful" if result.warnings else "ok",
        "warnings": result.warnings,
        "phases": result.phases,
        "seconds": result.seconds,
    }


def dataset(result: quantum.Result, hamiltonian: quantum.Hamiltonian, unit: str) -> xr.Dataset:
    """The optimisation by iteration, the measurement by sample (mean over the chains), its error by block length."""
    history = {name: np.array(values) for name, values in result.history.items()}
    lengths, errors = quantum.blocking(result.energies)
    units = {"energy": unit, "error": unit, "variance": f"({unit})^2", "acceptance": "1"}
    words = {
        "energy": "energy",
        "error": "standard error",
        "variance": "variance of the local energy",
        "acceptance": "acceptance",
    }
    data = {name: ("iteration", values, {"units": units[name], "long_name": words[name]}) for name, values in history.items()}
    data |= {
        "sample_energy": (
            "sample",
            result.energies.mean(1),
            {"units": unit, "long_name": "measured energy, mean over the chains"},
        ),
        "block_error": ("block_length", errors, {"units": unit, "long_name": "error of the energy from blocks of this length"}),
        "final_energy": ((), result.energy, {"units": unit, "long_name": "measured energy"}),
        "final_error": ((), result.energy_error, {"units": unit, "long_name": "its standard error"}),
        "exact": ((), np.nan if hamiltonian.exact is None else hamiltonian.exact, {"units": unit, "long_name": "exact energy"}),
    }
    coordinates = {
        "iteration": ("iteration", np.arange(len(history["energy"])), {"units": "1", "long_name": "iteration"}),
        "sample": ("sample", np.arange(len(result.energies)), {"units": "1", "long_name": "sample"}),
        "block_length": ("block_length", lengths, {"units": "samples", "long_name": "length of a block"}),
    }
    return xr.Dataset(data, coordinates, {"hamiltonian": hamiltonian.name})


def report(metrics: dict[str, Any], result: quantum.Result, options: quantum.Options, title: str) -> str:
    """``report.md``: the energy, and the run as exploration, labeling, training."""
    header = ["energy", "error", "exact", "variance", "V-score", "acceptance", "autocorrelation [sweeps]", "R-hat"]
    row = [number(metrics[k], f) for k, f in zip(
        ("energy", "energy_error", "exact", "variance", "v_score", "acceptance", "autocorrelation", "r_hat"),
        (".6f", ".1g", ".6f", ".3g", ".3g", ".2f", ".1f", ".4f"))]  # fmt: skip
    phases = [
        ["exploration", "Metropolis sampling of the squared wavefunction", f"{options.chains} chains"],
        [
            "labeling",
            "the local energy of every sample",
            f"{len(result.history['energy'])} + {len(result.energies)} labels a chain",
        ],
        [
            "training",
            {"sr": "stochastic reconfiguration", "adam": "Adam"}[options.method],
            f"{len(result.history['energy'])} steps",
        ],
    ]
    rows = [[*phase, f"{metrics['phases'][phase[0]]:.1f}"] for phase in phases]
    doubts = "".join(f"\n**Doubtful**: {warning}.\n" for warning in result.warnings)
    return (
        f"# {title}\n\n{table(header, [row])}{doubts}\n"
        f"## Exploration, labeling, training\n\n{table(['phase', 'what it is here', 'how much', 'seconds'], rows)}\n"
        f"Thermalised for {metrics['thermalisation']} sweeps with the final wavefunction before the energy was measured.\n\n"
        "![Convergence](convergence.png)\n"
    )


def convergence_figure(result: quantum.Result, exact: float | None, title: str, unit: str) -> Figure:
    """Energy and variance against iterations, the measured energy at the right; errors against the length of blocks."""
    figure = Figure(figsize=(9.0, 3.1))
    energy, spread, blocks = figure.subplots(1, 3, width_ratios=[1.5, 1, 1])
    steps = np.arange(len(result.history["energy"]))
    if len(steps):
        mean, error = np.array(result.history["energy"]), np.array(result.history["error"])
        energy.fill_between(steps, mean - error, mean + error, color=COLOUR, alpha=0.3, lw=0)
        energy.plot(steps, mean, color=COLOUR, lw=1.0, label="optimisation")
        spread.semilogy(steps, np.maximum(result.history["variance"], 1e-32), color=COLOUR, lw=1.0)
        late = np.concatenate([mean[len(mean) // 8 :], [result.energy]] + ([] if exact is None else [[exact]]))
        margin = 0.1 * (late.max() - late.min()) or 1.0
        energy.set_ylim(late.min() - margin, late.max() + margin)
    at = len(steps) * 1.03 + 1
    energy.errorbar([at], [result.energy], [result.energy_error], fmt="o", ms=3, color="#0072B2", label="measured")
    spread.semilogy([at], [max(result.variance, 1e-32)], "o", ms=3, color="#0072B2")
    if exact is not None:
        energy.axhline(exact, color="black", lw=0.9, label="exact")
    energy.set(xlabel="iteration", ylabel=f"energy [{unit}]")
    energy.legend()
    spread.set(xlabel="iteration", ylabel="variance of the local energy")
    lengths, errors = quantum.blocking(result.energies)
    blocks.semilogx(lengths, errors, "o-", ms=3, color="#0072B2")
    blocks.axhline(result.energy_error, color="black", lw=0.8, ls="--", label="the error given")
    blocks.set_ylim(0.0, 1.3 * max(errors.max(), result.energy_error, 1e-16))
    blocks.legend()
    blocks.set(xlabel="length of blocks [samples]", ylabel="standard error")
    figure.suptitle(title)
    return figure
