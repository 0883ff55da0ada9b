"""Figures of the standard evaluation: errors against the Knudsen number, the heat flux, accuracy against cost."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps

from knudsen.experiments.leaderboard import microseconds
from knudsen.experiments.plots import Figure, colours, label


def _panels(kinds: Sequence[str]):
    figure = Figure(figsize=(max(3.1 * len(kinds), 6.2) + 1.6, 3.4))
    return figure, figure.subplots(1, max(len(kinds), 1), sharex=True, sharey=True, squeeze=False)[0]


def _legend(figure, axis) -> None:
    """Of all panels, beside them: there are too many models for a free corner."""
    figure.legend(*axis.get_legend_handles_labels(), loc="outside right center", fontsize="small")


def _shades(models: Sequence[str]) -> dict[str, Any]:
    """Colours of the models; those of the kinetic solver with few velocities are greys, darker the more there are."""
    rivals = sorted((m for m in models if m.startswith("kinetic_")), key=_velocities)
    greys = colormaps["Greys"](np.linspace(0.3, 0.85, len(rivals)))
    return colours([m for m in models if m not in rivals]) | dict(zip(rivals, greys))


def evaluation_figure(points: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]], title: str) -> Figure:
    """Error of every random case against its Knudsen number, one panel per kind. points: {kind: {closure: (knudsen, rel_l2)}}."""
    figure, axes = _panels(list(points))
    for axis, (kind, by_closure) in zip(axes, points.items()):
        for model, colour in _shades(list(by_closure)).items():
            knudsen, error = by_closure[model]
            axis.loglog(knudsen, 100 * error, "o", ms=3, color=colour, label=label(model))
        axis.set(title=kind, xlabel=r"Knudsen number $\varepsilon$")
    axes[0].set_ylabel(r"relative $L_2$ error of $(\rho, m, E)$ [%]")
    _legend(figure, axes[0])
    figure.suptitle(title)
    return figure


def decades_figure(metrics: Mapping[str, Mapping[str, Any]], kinds: Sequence[str], decades: Sequence[int], title: str) -> Figure:
    """Mean error of the heat flux in every Knudsen decade, one panel per kind that has decades."""
    kinds = [kind for kind in kinds if any(value is not None for m in metrics.values() for value in m[kind]["by_decade"])]
    figure, axes = _panels(kinds)
    centres = [10.0 ** (d + 0.5) for d in decades]
    for axis, kind in zip(axes, kinds):
        for model, colour in _shades(list(metrics)).items():
            values = [np.nan if v is None else 100 * v for v in metrics[model][kind]["heat_flux_by_decade"]]
            axis.loglog(centres, values, "o-", ms=4, color=colour, label=label(model))
        axis.set(title=kind, xlabel=r"Knudsen number $\varepsilon$")
    axes[0].set_ylabel(r"relative $L_2$ error of the heat flux [%]")
    _legend(figure, axes[0])
    figure.suptitle(title)
    return figure


def cost_figure(metrics: Mapping[str, Mapping[str, Any]], kinds: Sequence[str], title: str, full_grid: bool) -> Figure:
    """Mean error against CPU time per cell and step, one panel per kind; the lower left is where to be.

    The kinetic solver with few velocities is a line over their number; with ``full_grid`` it is named as what it is for D > 1,
    the reduced pair, and another line says what as many velocities in every coordinate would cost at the kernel's speed.
    """
    figure, axes = _panels(kinds)
    rivals = sorted((m for m in metrics if m.startswith("kinetic_")), key=_velocities)
    colour = colours([m for m in metrics if m not in rivals])
    for axis, kind in zip(axes, kinds):
        for model in colour:
            if metrics[model][kind]["mean"] is not None:
                cost, error = microseconds(metrics[model]), 100 * metrics[model][kind]["mean"]
                axis.loglog(cost, error, "o", ms=6, color=colour[model], label=label(model))
        points = [(_velocities(r), microseconds(metrics[r]), 100 * metrics[r][kind]["mean"]) for r in rivals]
        if points:
            n, cost, error = np.array(points).T
            name = "kinetic, reduced pair" if full_grid else "kinetic"
            axis.loglog(cost, error, "s-", ms=3, color="black", label=name)
            if full_grid:
                axis.loglog(
                    0.5 * n**2 * cost, error, "s--", ms=3, color="black", mfc="white", label="kinetic, full grid (estimate)"
                )
            for i in (0, len(n) - 1):
                axis.annotate(f"{n[i]:.0f}", (cost[i], error[i]), xytext=(4, 3), textcoords="offset points", fontsize="x-small")
        axis.set(title=kind, xlabel=r"CPU time per cell and step [$\mu$s]")
    axes[0].set_ylabel(r"relative $L_2$ error of $(\rho, m, E)$ [%]")
    _legend(figure, axes[0])
    figure.suptitle(title)
    return figure


def cells_figure(points: Mapping[float, Mapping[str, tuple[np.ndarray, np.ndarray]]], title: str) -> Figure:
    """Mean error against the number of cells, a panel per Knudsen number; the kinetic solver on the same cells in black.
    points: {Knudsen number: {model: (cells, relative error)}}."""
    figure, axes = _panels(list(points))
    for axis, (knudsen, by_model) in zip(axes, points.items()):
        for model, colour in _shades(list(by_model)).items():
            cells, error = by_model[model]
            axis.loglog(cells, 100 * error, "s-" if model == "kinetic" else "o-", ms=4, color=colour, label=label(model))
        axis.set(title=rf"$\varepsilon$ = {knudsen:g}", xlabel="cells")
        axis.set_xticks(cells, [str(n) for n in cells])
        axis.minorticks_off()
    axes[0].set_ylabel(r"relative $L_2$ error of $(\rho, m, E)$ [%]")
    _legend(figure, axes[0])
    figure.suptitle(title)
    return figure


def growth_figure(growth: Mapping[str, Mapping[str, Any]], title: str) -> Figure:
    """Mean error over the Knudsen numbers against time, a panel per case; a line ends where a run has ended.
    growth: {model: {"growth": {"time", "error": {case: [...]}}}}."""
    names = list(next(iter(growth.values()))["growth"]["error"])
    figure, axes = _panels(names)
    for axis, name in zip(axes, names):
        for model, colour in _shades(list(growth)).items():
            of = growth[model]["growth"]
            error = [np.nan if e is None else 100 * e for e in of["error"][name]]
            axis.semilogy(of["time"], error, "s-" if model == "kinetic" else "o-", ms=3, color=colour, label=label(model))
        axis.set(title=name, xlabel="$t$")
    axes[0].set_ylabel(r"relative $L_2$ error of $(\rho, m, E)$ [%]")
    _legend(figure, axes[0])
    figure.suptitle(title)
    return figure


def _velocities(rival: str) -> int:
    return int(rival.rpartition("_")[2])
