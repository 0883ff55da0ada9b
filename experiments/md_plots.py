"""Figures of potentials: learning curves, parity of predictions and labels."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.plots import plt

AXES = {
    "energy_per_atom": "energy [eV/atom]",
    "forces": "force components [eV/Å]",
    "stress": r"stress components [eV/Å$^3$]",
}
COLOUR = "#D55E00"


def learning_figure(lines: Sequence[Mapping[str, Any]], title: str) -> Figure:
    """Validation errors against steps. lines: those of ``metrics.jsonl``."""
    figure = plt.figure(figsize=(6.4, 2.8))
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
    figure = plt.figure(figsize=(3.0 * len(compared), 3.0))
    axes = figure.subplots(1, len(compared), squeeze=False)[0]
    for axis, (name, (label, prediction)) in zip(axes, compared.items()):
        ends = [min(label.min(), prediction.min()), max(label.max(), prediction.max())]
        axis.plot(ends, ends, color="black", lw=0.8)
        axis.plot(label, prediction, ".", ms=2, color=COLOUR, rasterized=True)
        axis.set(xlabel=f"label, {AXES[name]}", ylabel="prediction")
    figure.suptitle(title)
    return figure
