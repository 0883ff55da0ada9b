"""Figures of the standard evaluation: errors against the Knudsen number, the heat flux, accuracy against cost."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps

from knudsen.experiments.leaderboard import microseconds
from knudsen.experiments.looks import Figure, colours, finish, kind_in_words, label
from knudsen.experiments.plots import PAGE

MOST = 8  # closures of a panel: those with the smallest errors


def panels(kinds: Sequence[str], words: Callable[[Any], str] = kind_in_words):
    """A figure as wide as a page, at most three panels side by side, and the panels."""
    columns = 2 if len(kinds) in (2, 4) else min(3, max(len(kinds), 1))
    rows = -(-max(len(kinds), 1) // columns)
    figure = Figure(figsize=(PAGE, 2.3 * rows + (0.3 if rows * columns > len(kinds) else 0.8)))
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    axes = grid.ravel()[: max(len(kinds), 1)]
    for axis in grid.ravel()[len(axes) :]:
        axis.axis("off")
    for axis, kind in zip(axes, kinds):
        axis.set_title(words(kind))
    for axis in axes[-columns:]:
        axis.tick_params(labelbottom=True)
    return figure, axes


def finish_panels(figure: Figure, axes, xlabel: str, ylabel: str, title: str) -> Figure:
    """Labels at the edges, the legend in the free corner of the grid or below, letters, title."""
    columns = len({round(axis.get_subplotspec().colspan.start) for axis in axes})
    for i, axis in enumerate(axes):
        if i + columns >= len(axes):
            axis.set_xlabel(xlabel)
        if i % columns == 0:
            axis.set_ylabel(ylabel)
    entries = {text: handle for axis in axes for handle, text in zip(*axis.get_legend_handles_labels())}
    free = [axis for axis in figure.axes if not axis.axison]
    if free:
        free[0].legend(entries.values(), entries.keys(), loc="center", fontsize=7)
    else:
        figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=4, fontsize=7)
    return finish(figure, title)


def _best(models: Sequence[str], error: Callable[[str], float | None]) -> list[str]:
    """At most `MOST` of the closures, those of the smallest errors, in their order; the kinetic solver is none of them."""
    closures = [model for model in models if not model.startswith("kinetic")]
    ranked = sorted(closures, key=lambda model: np.inf if (e := error(model)) is None or not np.isfinite(e) else e)
    return [model for model in models if model == "kinetic" or model in ranked[:MOST]]


def _shades(models: Sequence[str]) -> dict[str, Any]:
    """Colours of the models; those of the kinetic solver with few velocities are greys, darker the more there are."""
    rivals = sorted((m for m in models if m.startswith("kinetic_")), key=_velocities)
    greys = colormaps["Greys"](np.linspace(0.3, 0.85, len(rivals)))
    return colours([m for m in models if m not in rivals]) | dict(zip(rivals, greys))


def evaluation_figure(points: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]], title: str) -> Figure:
    """Error of every random case against its Knudsen number, one panel per kind. points: {kind: {closure: (knudsen, rel_l2)}}."""
    figure, axes = panels(list(points))
    first = next(iter(points.values()))
    models = _best(list(first), lambda model: float(np.mean([np.nanmean(points[kind][model][1]) for kind in points])))
    for axis, by_closure in zip(axes, points.values()):
        for model, colour in _shades(models).items():
            knudsen, error = by_closure[model]
            axis.loglog(knudsen, 100 * error, "o", ms=3, color=colour, label=label(model))
    return finish_panels(figure, axes, r"Knudsen number $\varepsilon$", r"error of $(\rho, m, E)$ [%]", title)


def decades_figure(metrics: Mapping[str, Mapping[str, Any]], kinds: Sequence[str], decades: Sequence[int], title: str) -> Figure:
    """Mean error of the heat flux in every Knudsen decade, one panel per kind that has decades."""
    kinds = [kind for kind in kinds if any(value is not None for m in metrics.values() for value in m[kind]["by_decade"])]
    figure, axes = panels(kinds)
    centres = [10.0 ** (d + 0.5) for d in decades]

    def mean(model: str) -> float:
        return float(np.mean([np.nan if (e := metrics[model][kind]["heat_flux"]) is None else e for kind in kinds]))

    models = _best(list(metrics), mean)
    for axis, kind in zip(axes, kinds):
        for model, colour in _shades(models).items():
            values = [np.nan if v is None else 100 * v for v in metrics[model][kind]["heat_flux_by_decade"]]
            axis.loglog(centres, values, "o-", ms=3, color=colour, label=label(model))
    return finish_panels(figure, axes, r"Knudsen number $\varepsilon$", "error of the heat flux [%]", title)


def cost_figure(metrics: Mapping[str, Mapping[str, Any]], kinds: Sequence[str], title: str, full_grid: bool) -> Figure:
    """Mean error against CPU time per cell and step, one panel per kind; the lower left is where to be.

    The kinetic solver with few velocities is a line over their number; with ``full_grid`` it is named as what it is for D > 1,
    the reduced pair, and another line says what as many velocities in every coordinate would cost at the kernel's speed.
    """
    figure, axes = panels(kinds)
    rivals = sorted((m for m in metrics if m.startswith("kinetic_")), key=_velocities)
    colour = colours([m for m in metrics if m not in rivals])
    for axis, kind in zip(axes, kinds):
        for model in colour:
            if metrics[model][kind]["mean"] is not None:
                cost, error = microseconds(metrics[model]), 100 * metrics[model][kind]["mean"]
                axis.loglog(cost, error, "o", ms=5, color=colour[model], label=label(model))
        points = [(_velocities(r), microseconds(metrics[r]), 100 * metrics[r][kind]["mean"]) for r in rivals]
        if points:
            n, cost, error = np.array(points).T
            name = "kinetic, reduced pair" if full_grid else "kinetic"
            axis.loglog(cost, error, "s-", ms=3, color="black", label=name)
            if full_grid:
                full = 0.5 * n**2 * cost
                axis.loglog(full, error, "s--", ms=3, color="black", mfc="white", label="kinetic, full grid (estimate)")
            for i in (0, len(n) - 1):
                axis.annotate(f"{n[i]:.0f}", (cost[i], error[i]), xytext=(4, 3), textcoords="offset points", fontsize="x-small")
    return finish_panels(figure, axes, r"CPU time per cell and step [$\mu$s]", r"error of $(\rho, m, E)$ [%]", title)


def cells_figure(points: Mapping[float, Mapping[str, tuple[np.ndarray, np.ndarray]]], title: str) -> Figure:
    """Mean error against the number of cells, a panel per Knudsen number; the kinetic solver on the same cells in black.
    points: {Knudsen number: {model: (cells, relative error)}}."""
    figure, axes = panels(list(points), lambda knudsen: rf"$\varepsilon$ = {knudsen:g}")
    models = _best(list(next(iter(points.values()))), lambda model: float(np.mean([p[model][1].mean() for p in points.values()])))
    for axis, by_model in zip(axes, points.values()):
        for model, colour in _shades(models).items():
            cells, error = by_model[model]
            axis.loglog(cells, 100 * error, "s-" if model == "kinetic" else "o-", ms=3, color=colour, label=label(model))
        axis.set_xticks(cells, [str(n) for n in cells])
        axis.minorticks_off()
    return finish_panels(figure, axes, "cells", r"error of $(\rho, m, E)$ [%]", title)


def growth_figure(growth: Mapping[str, Mapping[str, Any]], title: str) -> Figure:
    """Mean error over the Knudsen numbers against time, a panel per case; a line ends where a run has ended.
    growth: {model: {"growth": {"time", "error": {case: [...]}}}}."""
    names = list(next(iter(growth.values()))["growth"]["error"])
    figure, axes = panels(names)

    def last(model: str) -> float:
        ends = [errors[-1] for errors in growth[model]["growth"]["error"].values()]
        return float(np.mean([np.nan if e is None else e for e in ends]))

    for axis, name in zip(axes, names):
        for model, colour in _shades(_best(list(growth), last)).items():
            of = growth[model]["growth"]
            error = [np.nan if e is None else 100 * e for e in of["error"][name]]
            axis.semilogy(of["time"], error, "s-" if model == "kinetic" else "o-", ms=3, color=colour, label=label(model))
    return finish_panels(figure, axes, "$t$", r"error of $(\rho, m, E)$ [%]", title)


def _velocities(rival: str) -> int:
    return int(rival.rpartition("_")[2])
