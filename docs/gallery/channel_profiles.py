"""Gas between two walls from the fluid limit to free flight: Couette, Fourier and Poiseuille flow and thermal creep."""

from pathlib import Path

import numpy as np

from knudsen import kinetic
from knudsen.experiments.plots import Figure

DELTA = (30.0, 3.0, 1.0, 0.1)  # p0 H/(mu v0): large is dense
PANELS = (  # case, field, what is drawn, in units of the drive
    ("couette", "u_y", "$u_y/U$"),
    ("fourier", "T", r"$(T - T_0)/\Delta T$"),
    ("poiseuille", "u_y", r"$u_y/(\xi_P v_0)$,  $\xi_P = -(H/p_0)\, dp/dy$"),
    ("creep", "u_y", r"$u_y/(\xi_T v_0)$,  $\xi_T = (H/T_0)\, dT/dy$"),
)
COLOURS = ("#0072B2", "#009E73", "#E69F00", "#D55E00")


def profile(name, field, delta, gas):
    """(x, field over the drive): the steady, linear flow of one rarefaction."""
    drive = 1e-3
    flow = kinetic.solve_channel(getattr(kinetic.cases, name)(gas, delta=delta, drive=drive), gas)
    value = (flow.T - 1) / drive if field == "T" else flow.u_y / (np.sqrt(2) * drive)
    return flow.x, value


def figure(delta=DELTA, gas="bgk_3v"):
    """One panel for each flow, one colour for each rarefaction. Returns a matplotlib figure."""
    gas = kinetic.gas(gas)
    drawn = Figure(figsize=(11, 3.3))
    axes = drawn.subplots(1, len(PANELS))
    for axis, (name, field, text) in zip(axes, PANELS):
        for d, colour in zip(delta, COLOURS):
            axis.plot(*profile(name, field, d, gas), color=colour, label=rf"$\delta$ = {d:g}")
        axis.set(title=name, xlabel="$x/H$", ylabel=text, xlim=(-0.5, 0.5))
    for axis in axes[:2]:
        axis.plot([-0.5, 0.5], [-0.5, 0.5], "k:", lw=0.9, label="no slip, no jump")
    drawn.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(delta) + 1)
    return drawn


if __name__ == "__main__":
    figure().savefig(Path(__file__).parents[1] / "figures" / "channel_profiles.png", dpi=90)
