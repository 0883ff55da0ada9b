"""Steady channels over the rarefaction parameter: flow rates, stress, heat flux of three models, and Couette profiles."""

from pathlib import Path

import numpy as np
from matplotlib import colormaps

from knudsen import kinetic
from knudsen.experiments.plots import GASES, Figure

MODELS = {"bgk_3v": "black", "shakhov_3v": "#D55E00", "es_bgk_3v": "#0072B2"}  # Okabe and Ito
# Linearised BGK, independent numbers at delta = 0.1, 1, 10
TABLE = {
    "poiseuille": (2.03272886, 1.53867956, 2.76864499),
    "creep": (0.69493426, 0.29490037, 0.06607626),
    "couette": (0.522324921, 0.338925151, 0.083112156),
    "fourier": (0.527607221, 0.361562328, 0.099177763),
}
MEASURES = {
    "poiseuille": ("flow_rate", "Poiseuille flow rate $G_P$"),
    "creep": ("flow_rate", "thermal creep flow rate $G_T$"),
    "couette": ("shear_stress", r"shear stress $-P_{xy} / (p_0 U / v_0)$"),
    "fourier": ("heat_flux", r"heat flux $-q / (p_0 v_0 \Delta T / T_0)$"),
}


def solve(case, name, delta):
    gas = kinetic.gas(name)
    return kinetic.solve_channel(getattr(kinetic.cases, case)(gas, delta=delta), gas)


def figure(points=21, profiles=(0.1, 1.0, 10.0)):
    """The four flows from free molecules to the continuum, and Couette profiles of BGK. Returns a matplotlib figure."""
    drawn = Figure(figsize=(9.6, 5.6))
    axes = drawn.subplot_mosaic([["poiseuille", "creep", "u_y"], ["couette", "fourier", "q_y"]])
    deltas = np.geomspace(0.01, 100, points)
    for case, (measure, title) in MEASURES.items():
        for name, colour in MODELS.items():
            values = [getattr(solve(case, name, delta), measure) for delta in deltas]
            axes[case].loglog(deltas, values, color=colour, lw=1.2, label=GASES[kinetic.gas(name).collision])
        axes[case].loglog((0.1, 1, 10), TABLE[case], "o", ms=4.5, mfc="none", color="black", label="BGK, table")
        axes[case].set(xlabel=r"rarefaction parameter $\delta = p_0 H / (\mu v_0)$", title=title)
    for case, ticks in (("poiseuille", (1.5, 2, 3, 5, 10, 20)), ("fourier", (0.01, 0.02, 0.05, 0.1, 0.2, 0.5))):
        axes[case].set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        axes[case].yaxis.minorticks_off()
    axes["poiseuille"].legend()
    for shade, delta in zip(colormaps["viridis_r"](np.linspace(0.25, 1, len(profiles))), profiles):
        flow = solve("couette", "bgk_3v", delta)
        U = 1e-3 * np.sqrt(2)
        axes["u_y"].plot(flow.x, flow.u_y / U, color=shade, label=rf"$\delta$ = {delta:g}")
        axes["q_y"].plot(flow.x, 1e3 * flow.q_y / U, color=shade)
    axes["u_y"].plot([-0.5, 0.5], [-0.5, 0.5], color="#999999", lw=1, ls="--", label="no slip")
    axes["u_y"].set(xlabel="$x$ / $H$", title="Couette flow, BGK: $u_y$ / $U$")
    axes["q_y"].set(xlabel="$x$ / $H$", title="heat flux along the walls: $10^3 q_y$ / $(p_0 U)$")
    axes["u_y"].legend()
    return drawn


if __name__ == "__main__":
    figure().savefig(Path(__file__).parents[1] / "figures" / "channel_rates.png", dpi=100)
