"""Draws of the random initial data: fields of the start in D = 3, its stress, and the Knudsen number."""

from pathlib import Path

import numpy as np

from knudsen import kinetic
from knudsen.experiments.plots import SYMBOLS, Figure

KINDS = ("wave", "mix", "transition", "equilibrium", "strong")
COLOURS = ("#0072B2", "#D55E00", "#009E73")  # of the seeds; Okabe and Ito


def figure(seeds=(1, 3, 5), cells=600):
    """One row for each kind, one colour for each seed. Returns a matplotlib figure."""
    gas = kinetic.gas("bgk_3v")
    names = ("rho", "u", "T", "sigma")
    drawn = Figure(figsize=(10, 8.2))
    axes = drawn.subplots(len(KINDS), len(names) + 1, sharex=True)
    for row, kind in zip(axes, KINDS):
        for seed, colour in zip(seeds, COLOURS):
            case = getattr(kinetic.cases, kind)(seed, cells=cells)
            rho, u, T, sigma, _ = kinetic.macroscopic(*case.raw_moments(gas, 3), gas)
            for axis, value in zip(row, (rho, u, T, sigma / (rho * T))):
                axis.plot(case.x, value, color=colour, lw=1.1)
            row[-1].semilogy(case.x, np.broadcast_to(case.knudsen, case.x.shape), color=colour, lw=1.1, label=f"seed {seed}")
        row[0].set_ylabel(kind)
        row[3].set_ylim(-0.01, 0.22)
        row[4].set_ylim(5e-4, 20)
    for axis, name in zip(axes[0], names):
        axis.set_title(r"$\sigma_{xx}/p$" if name == "sigma" else f"${SYMBOLS[name]}$")
    axes[0, 4].set_title(r"$\varepsilon$")
    drawn.legend(*axes[0, 4].get_legend_handles_labels(), loc="outside upper center", ncols=len(seeds))
    for axis in axes[-1]:
        axis.set_xlabel("$x$")
    return drawn


if __name__ == "__main__":
    figure().savefig(Path(__file__).parents[1] / "figures" / "random_data.png", dpi=84)
