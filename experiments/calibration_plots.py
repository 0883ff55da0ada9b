"""The figure of experiment=calibrate."""

from typing import Any

from scipy.interpolate import CubicSpline

from knudsen.experiments.looks import Figure
from knudsen.experiments.plots import GASES

SYMBOLS = {"omega": r"$\omega$", "prandtl": "Pr", "accommodation": r"$\alpha$"}


def calibration_figure(found: dict[str, Any]) -> Figure:
    """Measured profiles (dots) and those of the fitted gases, the misfit beneath; {gas: Calibration}."""
    profiles = next(iter(found.values())).profiles
    fields = list(profiles[0].values)
    figure = Figure(figsize=(2.6 * len(profiles) + 0.8, 2 + 2 * len(fields)))
    axes = figure.subplots(2 * len(fields), len(profiles), sharex="col", squeeze=False, height_ratios=[2, 1] * len(fields))
    names = {"rho_n": r"density $\hat\rho$", "T_n": r"temperature $\hat T$", "value": "profile / drive"}
    shades = dict(zip(found, ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")))
    for column, profile in enumerate(profiles):
        for row, name in enumerate(fields):
            top, bottom = axes[2 * row : 2 * row + 2, column]
            top.plot(profile.x, profile.values[name], "o", color="black", ms=3, label="measured", zorder=3)
            for gas, fit in found.items():
                x, curve = fit.curve_x[column], fit.curves[column][name]
                text = ", ".join(f"{SYMBOLS.get(k, k)} = {v:.3f}" for k, v in fit.values.items())
                top.plot(x, curve, color=shades[gas], label=f"{GASES.get(gas.rpartition('_')[0], gas)}: {text}")
                misfit = 100 * (CubicSpline(x, curve)(profile.x) - profile.values[name])
                bottom.plot(profile.x, misfit, ".-", color=shades[gas], lw=0.8)
            bottom.axhline(0, color="black", lw=0.6)
            if column == 0:
                top.set_ylabel(names[name])
                bottom.set_ylabel("misfit [%]")
        axes[0, column].set_title(profile.name)
        axes[-1, column].set_xlabel(r"$x/\lambda_1$" if profile.kind == "shock" else "$x/H$")
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure
