"""Figures of exploration-labeling-training of closures."""

from collections.abc import Mapping
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from experiments import plots  # noqa: F401 (sets the style)

LABELS = {
    "windows": ("disagreement on the closing coefficient", "its true error"),
    "cases": ("mean disagreement along the solution", r"relative $L_2$ error of $(\rho, m, E)$"),
}


def correlation_figure(found: Mapping[str, Mapping[str, Any]], title: str) -> Figure:
    """True error against the indicator, logarithmic, a panel for windows and one for whole cases, with the rank correlations."""
    figure, axes = plt.subplots(1, len(found), figsize=(3.7 * len(found), 3.4))
    for axis, (name, f) in zip(np.atleast_1d(axes), found.items()):
        x, y = np.asarray(f["indicator"]), np.asarray(f["error"])
        axis.loglog(x, y, ".", ms=3 if len(x) > 200 else 6, alpha=0.4 if len(x) > 200 else 0.9, color="#0072B2")
        axis.set(xlabel=LABELS[name][0], ylabel=LABELS[name][1])
        axis.set_title(f"{len(x)} {name}, rank correlation {f['rank_correlation']:.2f}")
    figure.suptitle(title)
    return figure
