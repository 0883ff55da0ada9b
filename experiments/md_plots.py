"""Figures of potentials: learning curves, parity of predictions and labels."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.ticker import NullLocator

from knudsen.experiments.looks import Figure

AXES = {
    "energy_per_atom": "energy [eV/atom]",
    "forces": "force components [eV/Å]",
    "stress": r"stress components [eV/Å$^3$]",
}
COLOURS = {
    "deep_pot_smooth": "#D55E00",
    "behler_parrinello": "#009E73",
    "deep_pot_local_frame": "#0072B2",
    "plain_network": "#888888",
}
NAMES = {
    "deep_pot_smooth": "Deep Potential, smooth",
    "behler_parrinello": "Behler-Parrinello",
    "deep_pot_local_frame": "Deep Potential, local frame",
    "plain_network": "plain network",
}
COLOUR = COLOURS["deep_pot_smooth"]


def learning_figure(lines: Sequence[Mapping[str, Any]], title: str) -> Figure:
    """Validation errors against steps. lines: those of ``metrics.jsonl``."""
    figure = Figure(figsize=(6.4, 2.8))
    axes = figure.subplots(1, 2)
    steps = [line["step"] for line in lines]
    axes[0].loglog(steps, [line["force_rmse"] for line in lines], "o-", ms=3, color=COLOUR)
    axes[0].set(xlabel="step", ylabel="force RMSE [eV/Å]")
    axes[1].loglog(steps, [1e3 * line["energy_rmse"] for line in lines], "o-", ms=3, color=COLOUR)
    axes[1].set(xlabel="step", ylabel="energy RMSE [meV/atom]")
    figure.suptitle(title)
    return figure


def parity_figure(compared: Mapping[str, tuple[np.ndarray, np.ndarray]], title: str) -> Figure:
    """Predictions against labels, one panel per quantity; the black line is equality. compared: {name: (label, prediction)}."""
    figure = Figure(figsize=(3.0 * len(compared), 3.0))
    axes = figure.subplots(1, len(compared), squeeze=False)[0]
    for axis, (name, (label, prediction)) in zip(axes, compared.items()):
        ends = [min(label.min(), prediction.min()), max(label.max(), prediction.max())]
        axis.plot(ends, ends, color="black", lw=0.8)
        axis.plot(label, prediction, ".", ms=2, color=COLOUR, rasterized=True)
        axis.set(xlabel=f"label, {AXES[name]}", ylabel="prediction")
    figure.suptitle(title)
    return figure


def loop_figure(metrics: Mapping[str, Any]) -> Figure:
    """Share of the explored that was labelled so far, and force errors of the ensembles and final potentials against labels."""
    figure = Figure(figsize=(7.0, 3.0))
    left, right = figure.subplots(1, 2)
    iterations = metrics["iterations"]
    labels = np.cumsum([i["labelled"] for i in iterations])
    explored = np.cumsum([i["explored"] for i in iterations])
    left.semilogy(range(len(labels)), 100 * labels / explored, "o-", color=COLOUR)
    left.axhline(0.5, color="black", lw=0.8, ls=":")
    left.set(xlabel="iteration", ylabel="labelled so far [% of explored]", xticks=range(len(labels)))
    known = [k for k, i in enumerate(iterations) if i["error"]]
    right.semilogx(labels[known], [iterations[k]["error"]["force_rmse"] for k in known], "o-", color=COLOUR, label="ensemble")
    for (name, entry), marker, colour in zip(metrics["final"].items(), "s^v", (COLOUR, "#999999", "#0072B2")):
        values = [seed["force_rmse"] for seed in entry["seeds"]]
        right.plot([entry["labels"]] * len(values), values, marker, color=colour, mec="black", mew=0.5, label=f"final: {name}")
    counts = sorted({int(labels[-1]), *(entry["labels"] for entry in metrics["final"].values())})
    right.set_xticks(counts, [str(count) for count in counts])
    right.xaxis.set_minor_locator(NullLocator())
    right.set(xlabel="labels", ylabel="held-out force RMSE [eV/Å]")
    right.set_ylim(0, 1.1 * right.get_ylim()[1])
    right.legend(fontsize=7)
    return figure


def deviation_figure(past: Sequence[Any], lower: float, upper: float) -> Figure:
    """Distribution of the force deviation over what each iteration explored, and the trust levels. past: of ``elt.history``."""
    figure = Figure(figsize=(4.4, 3.2))
    axis = figure.subplots()
    scored = [i for i in past if i.number and np.isfinite(i.met_scores).any()]
    edges = np.geomspace(1e-3, 10, 61)
    for k, i in enumerate(scored):
        share, _ = np.histogram(i.met_scores[np.isfinite(i.met_scores)], edges)
        axis.stairs(
            100 * share / max(share.sum(), 1), edges, color=colormaps["viridis"](k / max(len(scored) - 1, 1)), label=f"{i.number}"
        )
    for level in (lower, upper):
        axis.axvline(level, color="black", lw=0.8, ls=":")
    axis.set(xscale="log", xlabel="force deviation of the ensemble [eV/Å]", ylabel="explored [%]")
    if scored:
        axis.legend(title="iteration", fontsize=7)
    return figure


def distributions_figure(data: Any, labeler: str, potential: str) -> Figure:
    """g(r) above, bond angles below, a column for every phase: the labeler's in black, the potential's in colour, bands of two
    standard errors; data: of experiment=md_rdf."""
    count = data.sizes["phase"]
    figure = Figure(figsize=(2.6 * count + 0.6, 4.8))
    axes = figure.subplots(2, count, squeeze=False)
    for column, name in zip(axes.T, data["phase"].values):
        for axis, variable, x in zip(column, ("g", "p"), ("r", "theta")):
            for model, colour, width, label in (("labeler", "black", 1.6, labeler), ("potential", COLOUR, 0.9, potential)):
                at = data.sel(phase=name, model=model)
                y, error = at[variable].values, at[f"{variable}_error"].values
                axis.fill_between(data[x], y - 2 * error, y + 2 * error, color=colour, alpha=0.3, lw=0)
                axis.plot(data[x], y, color=colour, lw=width, label=label)
        column[0].set(title=str(name), xlabel="r [Å]")
        column[1].set(xlabel="bond angle [degree]", xlim=(30, 180))
    axes[0, 0].set_ylabel("g(r)")
    axes[1, 0].set_ylabel("distribution [1/degree]")
    axes[0, 0].legend()
    return figure


def symmetry_figure(sizes: Sequence[int], errors: Mapping[str, Sequence[Mapping[str, float]]], rms: float) -> Figure:
    """Test errors of forces against the number of training frames. errors: {potential: one for each size}; rms: of the forces."""
    figure = Figure(figsize=(4.2, 3.2))
    axis = figure.subplots()
    for kind, found in errors.items():
        axis.loglog(sizes, [e["force_rmse"] for e in found], "o-", ms=4, color=COLOURS[kind], label=NAMES[kind])
    axis.axhline(rms, color="black", lw=0.8, ls=":")
    axis.annotate("RMS of the forces", (sizes[0], rms), xytext=(0, -9), textcoords="offset points", fontsize="small")
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter("{x:g}")
    axis.set_ylim(bottom=0.5 * min(e["force_rmse"] for found in errors.values() for e in found))
    axis.set(xlabel="training frames", ylabel="force RMSE, test [eV/Å]")
    axis.set_xticks(sizes, [str(size) for size in sizes], minor=False)
    axis.set_xticks([], minor=True)
    axis.legend(loc="lower left")
    return figure


def nve_figure(time: np.ndarray, energies: Mapping[str, np.ndarray]) -> Figure:
    """Change of the total energy in time [ps], on a scale that is linear within 1 ueV an atom and logarithmic beyond."""
    figure = Figure(figsize=(4.6, 3.2))
    axis = figure.subplots()
    for kind, energy in energies.items():
        axis.plot(time, 1e6 * (energy - energy[0]), lw=0.8, color=COLOURS[kind], label=NAMES[kind])
    axis.set_yscale("symlog", linthresh=10)
    axis.set(xlabel="time [ps]", ylabel="change of the total energy [µeV/atom]")
    axis.legend()
    return figure


def overview_figure(systems: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]]) -> Figure:
    """One column for each system: errors of energies against labels, predictions of forces against labels.

    systems: {name: {"energy_per_atom": (label, prediction), "forces": ...}}.
    """
    figure = Figure(figsize=(2.4 * len(systems), 4.6))
    axes = figure.subplots(2, len(systems), squeeze=False)
    for column, (name, compared) in zip(axes.T, systems.items()):
        for axis, (quantity, scale) in zip(column, (("energy_per_atom", 1e3), ("forces", 1.0))):
            label, prediction = compared[quantity]
            rmse = scale * np.sqrt(np.mean((prediction - label) ** 2))
            if quantity == "forces":
                ends = [min(label.min(), prediction.min()), max(label.max(), prediction.max())]
                axis.plot(ends, ends, color="black", lw=0.8)
                axis.plot(label, prediction, ".", ms=1.5, color=COLOUR, rasterized=True)
                axis.set(xlabel="force, label [eV/Å]", title=f"RMSE {rmse:.3f} eV/Å")
            else:
                axis.axhline(0, color="black", lw=0.8)
                axis.plot(1e3 * (label - label.mean()), scale * (prediction - label), ".", ms=3, color=COLOUR)
                axis.set(xlabel="energy, label - mean [meV/atom]", title=f"{name}\nRMSE {rmse:.2f} meV/atom")
            axis.title.set_fontsize("small")
            axis.xaxis.label.set_fontsize("small")
    axes[0, 0].set_ylabel("error [meV/atom]")
    axes[1, 0].set_ylabel("force, potential [eV/Å]")
    return figure
