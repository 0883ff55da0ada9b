"""Sod's tube in phase space from free flight to the fluid limit: f(x, v) over time, and as an animation."""

from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.colors import ListedColormap, PowerNorm

from knudsen import kinetic
from knudsen.experiments.plots import Figure

KNUDSEN = (10.0, 0.03, 0.001)
NORM = PowerNorm(0.5, vmin=0.0, vmax=0.42)  # the thin gas on the right has an eighth of the density


def solve(times, cells, velocities):
    """One trajectory for each Knudsen number; enough velocities that single ones do not show (dv t < dx)."""
    gas = kinetic.gas("bgk_1v", velocity_points=velocities, velocity_bounds=(-8.0, 8.0))
    cases = [kinetic.cases.sod(knudsen=eps, cells=cells, t_end=times[-1], save_times=times[1:]) for eps in KNUDSEN]
    return kinetic.simulate(cases, gas, keep_f=times)


def image(axis, trajectory, index, colours="magma_r"):
    return axis.pcolormesh(trajectory.x, trajectory.grid.v, trajectory.f[index, 0].T, cmap=colours, norm=NORM, rasterized=True)


def figure(times=(0.0, 0.05, 0.1, 0.2), cells=300, velocities=320):
    """Rows: Knudsen numbers, with the density beneath the last; columns: times. Returns a matplotlib figure."""
    drawn = Figure(figsize=(9, 6.4))
    axes = drawn.subplots(len(KNUDSEN) + 1, len(times), sharex=True, sharey="row")
    styles = (("#D55E00", "-"), ("#0072B2", "-"), ("black", "--"))
    for row, trajectory, eps, (colour, style) in zip(axes, solve(times, cells, velocities), KNUDSEN, styles):
        for i, axis in enumerate(row):
            shown = image(axis, trajectory, i)
            axis.set_ylim(-3.6, 3.6)
            axis.grid(False)
            axes[-1, i].plot(trajectory.x, trajectory.rho[i], color=colour, ls=style, label=rf"$\varepsilon$ = {eps:g}")
        row[0].set_ylabel(rf"$v$     ($\varepsilon$ = {eps:g})")
    for axis, time in zip(axes[0], times):
        axis.set_title(f"$t$ = {time:g}")
    axes[-1, 0].set_ylabel(r"density $\rho$")
    axes[-1, 0].legend(loc="center right", fontsize=7, handlelength=1.2)
    for axis in axes[-1]:
        axis.set_xlabel("$x$")
    drawn.colorbar(shown, ax=axes[:-1], label="$f(x, v)$", ticks=[0, 0.02, 0.1, 0.2, 0.4])
    return drawn


def animation(path, frames=41, cells=200, velocities=200, t_end=0.2):
    """Writes a GIF of the three Knudsen numbers side by side, their densities beneath."""
    times = tuple(np.linspace(0, t_end, frames))
    trajectories = solve(times, cells, velocities)
    levels = ListedColormap(colormaps["magma_r"](np.linspace(0, 1, 28)))  # few colours: a small file
    drawn = Figure(figsize=(7.2, 3.6))
    axes = drawn.subplots(2, len(KNUDSEN), sharex=True, sharey="row", height_ratios=[2, 1])
    meshes, lines = [], []
    for (top, bottom), trajectory, eps in zip(axes.T, trajectories, KNUDSEN):
        top.grid(False)
        top.set(title=rf"$\varepsilon$ = {eps:g}", ylim=(-3.6, 3.6))
        meshes.append(image(top, trajectory, 0, levels))
        bottom.set(xlabel="$x$", ylim=(0, 1.1))
        lines += bottom.plot(trajectory.x, trajectory.rho[0], color="black")
    axes[0, 0].set_ylabel("$v$")
    axes[1, 0].set_ylabel(r"$\rho$")
    clock = drawn.suptitle("")

    def show(i):
        for mesh, line, trajectory in zip(meshes, lines, trajectories):
            mesh.set_array(trajectory.f[i, 0].T)
            line.set_ydata(trajectory.rho[i])
        clock.set_text(f"$f(x, v)$ and density, $t$ = {times[i]:.3f}")

    FuncAnimation(drawn, show, frames).save(path, PillowWriter(fps=10), dpi=80)


if __name__ == "__main__":
    figures = Path(__file__).parents[1] / "figures"
    figure().savefig(figures / "phase_space.png", dpi=100)
    animation(figures / "phase_space.gif")
