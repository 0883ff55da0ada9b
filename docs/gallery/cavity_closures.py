"""A lid-driven cavity by the kinetic equation and by closures: temperature, heat flux and velocity."""

from pathlib import Path

import numpy as np

from knudsen import closure, kinetic
from knudsen.experiments.plots import Figure

MODELS = {"kinetic": "kinetic", "nsf": "NSF", "hme": "HME-13"}


def flows(cells=32, knudsen=0.1, models=tuple(MODELS)):
    """{model: fields [y, x]} of the steady flow, and the case."""
    gas, case = kinetic.gas("bgk_3v"), kinetic.plane_cases.cavity(cells=(cells, cells), knudsen=knudsen, lid=0.15)
    found = {}
    for model in models:
        if model == "kinetic":
            found[model] = kinetic.solve_plane(case, gas).fields
        else:
            flow = closure.simulate_plane(closure.plane_law(model, gas), case)
            found[model] = {name: rows[0] for name, rows in flow.fields.items()}
    return found, case


def figure(cells=32, knudsen=0.1):
    """Temperature with lines of heat flux for each model, and the velocity on the two lines through the middle."""
    found, case = flows(cells, knudsen)
    drawn = Figure(figsize=(13, 3.4))
    *axes, cut = drawn.subplots(1, len(found) + 1)
    reach = max(np.abs(fields["T"] - 1).max() for fields in found.values())
    for axis, (model, fields) in zip(axes, found.items(), strict=True):
        image = axis.pcolormesh(case.x, case.y, fields["T"] - 1, cmap="RdBu_r", vmin=-reach, vmax=reach, rasterized=True)
        axis.streamplot(case.x, case.y, fields["qx"], fields["qy"], color="k", linewidth=0.6, arrowsize=0.7, density=0.9)
        axis.set(title=MODELS[model], xlabel="$x$", ylabel="$y$", aspect="equal")
        axis.grid(False)
    drawn.colorbar(image, ax=axes, label="$T - 1$")
    middle = slice(cells // 2 - 1, cells // 2 + 1)
    for (model, fields), style in zip(found.items(), ("k-", "C1--", "C0-."), strict=True):
        cut.plot(fields["u"][:, middle].mean(1), case.y, style, label=MODELS[model])
    cut.set(xlabel="$u(0, y)$", ylabel="$y$")
    cut.legend()
    drawn.suptitle(f"Lid-driven cavity, Knudsen number {knudsen:g}: temperature and lines of heat flux")
    return drawn


if __name__ == "__main__":
    figure().savefig(Path(__file__).parents[1] / "figures" / "cavity_closures.png", dpi=80)
