"""Shocks of hard spheres, from the Boltzmann collision integral, beside the Shakhov and ES-BGK models of the same viscosity."""

from pathlib import Path

import numpy as np

from knudsen import kinetic
from knudsen.experiments.plots import Figure

MODELS = {"hard_sphere_3v": ("hard spheres", "black"), "shakhov_3v": ("Shakhov", "#D55E00"), "es_bgk_3v": ("ES-BGK", "#0072B2")}
FIELDS = {"rho": r"density $\hat\rho$", "T": r"temperature $\hat T$", "q": r"heat flux $q/(\rho_1 T_1^{3/2})$"}


def profiles(mach, x, **hard_spheres):
    """{model: (shock, {field: values at x})}, x in upstream mean free paths, density and temperature from 0 to 1."""
    ends = {"rho": 0, "T": 2}
    found = {}
    for name in MODELS:
        gas = kinetic.gas(name, **hard_spheres) if name == "hard_sphere_3v" else kinetic.gas(name, omega=0.5)
        shock = kinetic.solve_shock(gas, mach)
        values = shock.sample(x * shock.mean_free_path)
        before, behind = kinetic.rankine_hugoniot(mach, gas)
        for key, i in ends.items():
            values[key] = (values[key] - before[i]) / (behind[i] - before[i])
        found[name] = shock, values
    return found


def figure(mach_numbers=(2.0, 3.0), **hard_spheres):
    """Profiles, and beneath them what the models differ by from the hard spheres. Returns a matplotlib figure."""
    drawn = Figure(figsize=(9.6, 3.9 * len(mach_numbers)))
    axes = drawn.subplots(2 * len(mach_numbers), 3, sharex=True, height_ratios=[2, 1] * len(mach_numbers))
    x = np.linspace(-9, 7, 321)
    for row, mach in zip(axes.reshape(len(mach_numbers), 2, 3), mach_numbers):
        found = profiles(mach, x, **hard_spheres)
        _, truth = found["hard_sphere_3v"]
        for top, bottom, (key, text) in zip(*row, FIELDS.items()):
            scale = np.ptp(truth[key])
            for name, (shock, values) in found.items():
                label, colour = MODELS[name]
                model = name != "hard_sphere_3v"
                thickness = rf", $\lambda_1/\delta$ = {shock.lambda1_over_delta:.3f}" if key == "rho" else ""
                top.plot(x, values[key], color=colour, lw=1.2 if model else 3.0, label=label + thickness, zorder=1 + model)
                if model:
                    bottom.plot(x, 100 * (values[key] - truth[key]) / scale, color=colour, lw=1.1)
            top.set_title(f"Mach {mach:g}: {text}")
            bottom.axhline(0, color="black", lw=0.8)
            bottom.set_ylabel("difference [%]")
        row[0, 0].legend(loc="upper left", fontsize=7)
    for axis in axes[-1]:
        axis.set_xlabel(r"$x/\lambda_1$")
    axes[0, 0].set_xlim(x[0], x[-1])
    return drawn


if __name__ == "__main__":
    figure().savefig(Path(__file__).parents[1] / "figures" / "hard_sphere_shock.png", dpi=90)
