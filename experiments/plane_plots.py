"""Figures of cases of two space dimensions."""

from typing import Any

import numpy as np
import xarray as xr

from knudsen.experiments.looks import Figure, finish

PANELS = {"rho": r"density $\rho$", "T": "temperature $T$", "speed": r"speed $|(u, v)|$, stream lines",
          "heat": r"heat flux $|q|$, its direction"}  # fmt: skip


def case_in_words(case: Any) -> str:
    """E.g. 'cavity, Knudsen number 0.1, steady'."""
    return f"{case.name}, Knudsen number {case.knudsen:.3g}, " + ("steady" if case.steady else f"t = {case.t_end:g}")


def fields_figure(data: xr.Dataset, title: str) -> Figure:
    """Density, temperature, speed with stream lines, heat flux with arrows at the last time, and cuts through the middle. data:
    `solution.nc` of a case of two space dimensions."""
    last = data.isel(time=-1)
    x, y = data.x.values, data.y.values
    values = {name: last[name].values for name in ("rho", "u", "v", "T", "qx", "qy")}
    values |= {"speed": np.hypot(values["u"], values["v"]), "heat": np.hypot(values["qx"], values["qy"])}
    figure = Figure(figsize=(9.6, 5.6))
    axes = figure.subplots(2, 3)
    for axis, (name, text) in zip(axes[:, :2].ravel(), PANELS.items(), strict=True):
        image = axis.pcolormesh(x, y, values[name], shading="nearest", cmap="viridis", rasterized=True)
        figure.colorbar(image, ax=axis)
        axis.set(title=text, xlabel="$x$", ylabel="$y$", aspect="equal")
        axis.grid(False)
    lines = {"color": "white", "linewidth": 0.6, "arrowsize": 0.6, "density": 0.9}
    even_x, even_y = np.linspace(x[0], x[-1], x.size), np.linspace(y[0], y[-1], y.size)
    for axis, along, up in ((axes[1, 0], "u", "v"), (axes[1, 1], "qx", "qy")):
        if np.hypot(values[along], values[up]).max() > 1e-12:
            axis.streamplot(even_x, even_y, values[along], values[up], **lines)
    upright, level = last.isel(x=x.size // 2), last.isel(y=y.size // 2)
    axes[0, 2].plot(level.x, level["T"], label=f"$T(x)$, $y$ = {float(level.y):.3g}")
    axes[0, 2].plot(upright.y, upright["T"], label=f"$T(y)$, $x$ = {float(upright.x):.3g}")
    axes[1, 2].plot(upright.y, upright["u"], label=f"$u(y)$, $x$ = {float(upright.x):.3g}")
    axes[1, 2].plot(level.x, level["v"], label=f"$v(x)$, $y$ = {float(level.y):.3g}")
    axes[0, 2].set(title="temperature, cuts", xlabel="$x$, $y$")
    axes[1, 2].set(title="velocity, cuts", xlabel="$x$, $y$")
    for axis in axes[:, 2]:
        axis.legend()
    return finish(figure, title)
