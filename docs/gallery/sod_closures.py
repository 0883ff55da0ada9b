"""Sod's tube from the fluid limit to free flight: the kinetic solution and what each closure makes of it."""

from pathlib import Path

import numpy as np
import xarray as xr
from hydra import compose, initialize_config_module

from knudsen import closure, kinetic
from knudsen.experiments import plots
from knudsen.experiments.measure import conserved_errors
from knudsen.experiments.setup import plain

KNUDSEN = (1e-3, 1e-2, 0.1, 1.0)
MODELS = ("herm_mlc", "quadrature", "grad", "nsf", "euler")
FIELDS = ("rho", "T", "q")


def build(name, gas):
    """The closure with the options of its configuration file, learned ones with the shipped weights."""
    with initialize_config_module("knudsen.conf", version_base="1.3"):
        options = plain(compose("knudsen", overrides=[f"closure={name}"]).closure)
    return closure.build(name, gas, **{key: value for key, value in options.items() if key != "_target_"})


def solve(knudsen, cells, models):
    """For each Knudsen number (fields of every model over model and x at t = 0.15, {model: error of (rho, m, E)})."""
    gas = kinetic.gas("bgk_1v")
    fine = kinetic.gas("bgk_1v", velocity_points=400, velocity_bounds=(-8.0, 8.0))
    truth = kinetic.simulate([kinetic.cases.sod(knudsen=eps, cells=3 * cells) for eps in knudsen], fine)
    cases = [kinetic.cases.sod(knudsen=eps, cells=cells) for eps in knudsen]  # one batch: what a step costs is mostly overhead
    solutions = {"kinetic": [t.averaged(cells) for t in truth]}
    solutions |= {name: closure.simulate(build(name, gas), cases) for name in models}
    for i, case in enumerate(cases):
        ok = {name: batch[i] for name, batch in solutions.items() if batch[i].status == "ok"}
        fields = {name: (("model", "x"), np.stack([np.asarray(getattr(s, name))[-1] for s in ok.values()])) for name in FIELDS}
        errors = {name: conserved_errors(s, ok["kinetic"], gas.dims)["total"] for name, s in ok.items() if name != "kinetic"}
        yield xr.Dataset(fields, {"model": list(ok), "x": case.x}), errors


def figure(knudsen=KNUDSEN, cells=100, models=MODELS):
    """Columns: Knudsen numbers; rows: density, temperature, heat flux and the errors. Returns a matplotlib figure."""
    drawn = plots.Figure(figsize=(2.7 * len(knudsen), 7.6))
    axes = drawn.subplots(len(FIELDS) + 1, len(knudsen), sharey="row", squeeze=False)
    for column, eps, (data, errors) in zip(axes.T, knudsen, solve(knudsen, cells, models)):
        for axis, name in zip(column, FIELDS):
            plots.curves(axis, data[name], data.x.values)
            axis.sharex(column[0])
        colours = plots.colours(list(errors))
        column[-1].bar(range(len(errors)), [100 * e for e in errors.values()], color=[colours[name] for name in errors])
        column[-1].set_xticks(range(len(errors)), [plots.label(name) for name in errors], rotation=60)
        column[-1].set_yscale("log")
        column[0].set_title(rf"$\varepsilon$ = {eps:g}")
        column[len(FIELDS) - 1].set_xlabel("$x$")
    for axis, name in zip(axes[:, 0], FIELDS):
        axis.set_ylabel(f"{plots.WORDS[name]} ${plots.SYMBOLS[name]}$")
    axes[-1, 0].set_ylabel(r"error of $(\rho, m, E)$ [%]")
    axes[0, -1].legend()
    return drawn


if __name__ == "__main__":
    figure().savefig(Path(__file__).parents[1] / "figures" / "sod_closures.png", dpi=90)
