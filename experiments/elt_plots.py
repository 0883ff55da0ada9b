"""Figures of exploration-labeling-training of closures."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from knudsen.experiments.looks import Figure

COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7")
LABELS = {
    "windows": ("disagreement on the closing coefficient", "its true error"),
    "cases": ("mean disagreement in the true states", r"relative $L_2$ error of $(\rho, m, E)$"),
}


def correlation_figure(found: Mapping[str, Mapping[str, Any]], title: str) -> Figure:
    """True error against the indicator, logarithmic, a panel for windows and one for whole cases, with the rank correlations."""
    figure = Figure(figsize=(3.7 * len(found), 3.4))
    axes = figure.subplots(1, len(found))
    for axis, (name, f) in zip(np.atleast_1d(axes), found.items()):
        x, y = np.asarray(f["indicator"]), np.asarray(f["error"])
        axis.loglog(x, y, ".", ms=3 if len(x) > 200 else 6, alpha=0.4 if len(x) > 200 else 0.9, color="#0072B2")
        axis.set(xlabel=LABELS[name][0], ylabel=LABELS[name][1])
        axis.set_title(f"{len(x)} {name}, rank correlation {f['rank_correlation']:.2f}")
    figure.suptitle(title)
    return figure


def comparison_figure(found: Sequence[Mapping[str, Any]], title: str) -> Figure:
    """Mean and worst error against labelled cells: every run thin, the mean over the seeds of every selection thick."""
    figure = Figure(figsize=(7.4, 3.4))
    axes = figure.subplots(1, 2)
    for selection, colour in zip(dict.fromkeys(f["selection"] for f in found), COLOURS):
        some = [f for f in found if f["selection"] == selection]
        length = min(len(f["labels"]) for f in some)
        labels = np.mean([f["labels"][:length] for f in some], axis=0)
        for axis, name in zip(axes, ("mean", "worst")):
            for f in some:
                axis.plot(f["labels"], f[name], "-", lw=0.6, alpha=0.5, color=colour)
            axis.plot(labels, np.mean([f[name][:length] for f in some], axis=0), "o-", color=colour, label=selection)
    for axis, name in zip(axes, ("mean", "worst")):
        axis.set(xlabel="labelled cells", ylabel=rf"{name} relative $L_2$ error of $(\rho, m, E)$ [%]")
        axis.set_title(f"{name} over the cases")
    axes[0].legend(title="selection")
    figure.suptitle(title)
    return figure
