"""Figures. The reference is black, every model keeps one colour in all of them, and the error stands under the comparison."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib import colormaps

from knudsen.experiments.looks import Figure, colours, finish, is_learned, label

SYMBOLS = {"rho": r"\rho", "u": "u", "T": "T", "q": "q", "sigma": r"\sigma"}
SYMBOLS |= {"u_y": "u_y", "sigma_xy": r"\sigma_{xy}", "q_y": "q_y"}
WORDS = {"rho": "density", "u": "velocity", "T": "temperature", "q": "heat flux", "sigma": "stress"}
WORDS |= {"u_y": "velocity", "sigma_xy": "shear stress", "q_y": "heat flux"}
PAGE = 6.9  # inches: the width of a page
JUMP = 4.0  # times the kinetic shock's largest slope
FLOOR = 0.01  # per cent: errors below are not told apart
GASES = {"bgk": "BGK", "shakhov": "Shakhov", "es_bgk": "ES-BGK", "hard_sphere": "Boltzmann", "maxwell": "Boltzmann"}


def models_in_words(models: Sequence[str]) -> str:
    return ", ".join(label(m) for m in models)


def gas_in_words(gas: Any) -> str:
    """E.g. 'BGK gas, D = 3, viscosity ~ T^0.81'."""
    model = gas.model.label
    law = "constant frequency" if gas.omega is None else rf"viscosity $\propto T^{{{gas.omega:g}}}$"
    return f"{model} gas, D = {gas.dims}, {law}"


def case_in_words(case: Any) -> str:
    """E.g. 'sod, Knudsen number 0.01, t = 0.15'."""
    low, high = np.min(case.knudsen), np.max(case.knudsen)
    knudsen = f"{low:.3g}" if low == high else f"{low:.3g} to {high:.3g}"
    return f"{case.name}, Knudsen number {knudsen}, t = {case.t_end:g}"


def curves(axis: Any, data: xr.DataArray, x: np.ndarray) -> None:
    """The reference as a broad black line beneath, so that a model that lies on it is seen on it; learned closures dashed."""
    colour = colours(data.model.values)
    for model in data.model.values:
        reference = model == "kinetic"
        axis.plot(
            x,
            data.sel(model=model),
            color=colour[model],
            label=label(model),
            lw=3.2 if reference else 1.6 if is_learned(model) else 1.2,
            ls=(0, (4, 2)) if is_learned(model) else "-",
            zorder=1 if reference else 3 if is_learned(model) else 2,
        )


def _errors(axis: Any, data: xr.DataArray, x: np.ndarray, scale: float, text: str) -> None:
    """Distances to the reference in per cent of `scale`, on a logarithmic axis that ends at `FLOOR`: all models can be read."""
    colour = colours(data.model.values)
    for model in data.model.values[1:]:
        distance = 100 * abs(data.sel(model=model) - data.sel(model="kinetic")) / scale
        axis.semilogy(x, np.maximum(distance, FLOOR), color=colour[model], lw=1.6 if is_learned(model) else 1.1)
    axis.set_ylim(FLOOR, 100)
    axis.set_yticks([0.01, 0.1, 1, 10, 100], ["0.01", "0.1", "1", "10", "100"])
    axis.minorticks_off()
    axis.set_ylabel(text)


def _grid(count: int) -> tuple[Figure, np.ndarray]:
    """A figure as wide as a page with so many panels, two or three side by side."""
    columns = 2 if count <= 4 else 3
    rows = -(-count // columns)
    figure = Figure(figsize=(PAGE, 2.5 * rows))
    axes = np.ravel(figure.subplots(rows, columns, squeeze=False))
    for axis in axes[count:]:
        axis.axis("off")
    return figure, axes[:count]


def _small_table(axis: Any, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    axis.axis("off")
    drawn = axis.table(cellText=rows, colLabels=header, loc="center", cellLoc="center")
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(8)
    drawn.scale(1, 1.25)
    for cell in drawn.get_celld().values():
        cell.set_linewidth(0.3)


def _jumping(data: xr.Dataset) -> set[str]:
    """The models whose profile somewhere is so many times steeper than the kinetic one that it is a jump over some cells."""
    steepest = {name: abs(data[name].differentiate("x")).max("x") for name in ("rho", "u", "T")}
    return {
        model
        for model in data.model.values[1:]
        if any(float(slope.sel(model=model)) > JUMP * float(slope[0]) for slope in steepest.values())
    }


def shock_figure(data: xr.Dataset, rows: Sequence[Sequence[str]] | None = None, title: str = "", points: Any = None) -> Figure:
    """Profiles over x / lambda1, and under them the errors of density and temperature where there are models.

    data: `shock.nc`; rows: model, lambda1/delta, relative errors of rho, u, T in per cent, status, for a table below; points: a
    measured profile (`knudsen.kinetic.MeasuredProfile`).
    """
    panels, heights = [["rho", "u"], ["T", "q"]], [1.5, 1.5]
    if compared := data.sizes["model"] > 1:
        panels, heights = [*panels, ["error_rho", "error_T"]], [*heights, 1]
    if rows:
        panels, heights = [*panels, ["table", "table"]], [*heights, 0.75]
    figure = Figure(figsize=(PAGE, 1.55 * sum(heights) + 0.3))
    axes = figure.subplot_mosaic(panels, height_ratios=heights)
    x = data.x.values
    for name in ("rho", "u", "T", "q"):
        curves(axes[name], data[name], x)
        unit = r" / $(\rho_1 T_1^{3/2})$" if name == "q" else ", normalised"
        axes[name].set_ylabel(f"{WORDS[name]} ${SYMBOLS[name]}${unit}")
    for name, field in (("rho", "rho_n"), ("T", "T_n")):
        if points is not None and field in points.values:
            axes[name].plot(points.x, points.values[field], "o", ms=4, mfc="white", mec="black", zorder=4, label="measured")
    if lost := list(filter(None, data.attrs.get("not_converged", "").split(", "))):
        words = f"no steady profile:\n{models_in_words(lost)}"
        axes["T"].text(0.97, 0.06, words, transform=axes["T"].transAxes, ha="right", fontsize=8)
    handles, _ = axes["rho"].get_legend_handles_labels()
    words = [label(model) + (", with a jump" if model in _jumping(data) else "") for model in data.model.values]
    axes["rho"].legend(handles, [*words, *["measured"] * (len(handles) - len(words))], loc="upper left")
    for name in ("rho", "T") if compared else ():
        _errors(axes[f"error_{name}"], data[name], x, 1.0, f"$|$error of ${SYMBOLS[name]}|$ [% of jump]")
    for name in ("error_rho", "error_T") if compared else ("T", "q"):
        axes[name].set_xlabel(r"$x / \lambda_1$")
    for name in set(axes) - {"rho", "table"}:
        axes[name].sharex(axes["rho"])
    axes["rho"].set_xlim(x[0], x[-1])
    if rows:
        errors = [rf"rel. $L_2$ error of ${s}$ [%]" for s in (r"\rho", "u", "T")]
        _small_table(axes["table"], ["model", r"thickness $\lambda_1/\delta$", *errors, "status"], rows)
    return finish(figure, title)


def comparison_figure(data: xr.Dataset, title: str) -> Figure:
    """Fields of every model at the end time, and under each its error in per cent of the largest value (`comparison.nc`)."""
    figure = Figure(figsize=(PAGE, 7.2))
    axes = figure.subplots(4, 2, sharex=True, height_ratios=[1.8, 1, 1.8, 1])
    pairs = [(axes[row, column], axes[row + 1, column]) for row in (0, 2) for column in (0, 1)]
    for (top, bottom), name in zip(pairs, ("rho", "u", "T", "q")):
        curves(top, data[name], data.x.values)
        top.set_title(f"{WORDS[name]} ${SYMBOLS[name]}$")
        scale = float(abs(data[name].sel(model="kinetic")).max()) or 1.0
        _errors(bottom, data[name], data.x.values, scale, rf"$|$error$|$ [% of max $|{SYMBOLS[name]}|$]")
    for axis in axes[3]:
        axis.set_xlabel("$x$")
    axes[0, 0].legend()
    return finish(figure, title)


def together_figure(solutions: Mapping[str, xr.Dataset], title: str) -> Figure:
    """Fields of several solutions, such as those of several gases, over x."""
    names = [name for name in ("rho", "u", "T", "q") if all(name in data for data in solutions.values())]
    figure, axes = _grid(len(names))
    for axis, name in zip(axes, names):
        for i, (words, data) in enumerate(solutions.items()):
            axis.plot(data.x, data[name], color=f"C{i}", label=words)
        axis.set(xlabel="$x$", title=f"{WORDS[name]} ${SYMBOLS[name]}$")
        if name == names[0]:
            axis.legend()
    return finish(figure, title)


def solution_figure(data: xr.Dataset, title: str) -> Figure:
    """Fields of one model at every saved time, light to dark. data: `solution.nc`."""
    names = [name for name in ("rho", "u", "T", "q", "sigma", "u_y", "sigma_xy", "q_y") if name in data]
    figure, axes = _grid(len(names))
    shades = colormaps["viridis_r"](np.linspace(0.15, 1, data.sizes["time"]))
    for axis, name in zip(axes, names):
        for shade, (_, row) in zip(shades, data[name].groupby("time")):
            axis.plot(data.x, row.squeeze(), color=shade, label=f"$t$ = {float(row.time.squeeze()):g}")
        axis.set(xlabel="$x$", title=f"{WORDS[name]} ${SYMBOLS[name]}$")
        if name == "rho" and data.sizes["time"] <= 8:
            axis.legend()
    return finish(figure, title)


def distribution_figure(data: xr.Dataset, title: str, columns: int = 4) -> Figure:
    """f(x, v), for D > 1 without the transverse velocities, as an image at every kept time. data: `trajectory.nc`, its first."""
    name = "f" if "f" in data else "g"
    f, v = data[name].isel(trajectory=0), data.v.isel(trajectory=0).values
    inside = np.flatnonzero((f > 1e-3 * f.max()).any(("time_f", "x")))
    v, f = v[inside[0] : inside[-1] + 1], f.isel(velocity=slice(inside[0], inside[-1] + 1))
    times = data.time_f.values
    columns = min(columns, times.size)
    figure = Figure(figsize=(1.2 + 2.4 * columns, 0.6 + 2.2 * -(-times.size // columns)))
    axes = figure.subplots(-(-times.size // columns), columns, sharex=True, sharey=True, squeeze=False)
    for axis, time, row in zip(axes.flat, times, f):
        image = axis.pcolormesh(data.x, v, row.T, cmap="magma_r", vmin=0, vmax=float(f.max()), rasterized=True)
        axis.grid(False)
        axis.set_title(f"$t$ = {time:.4g}")
    for axis in axes.flat[times.size :]:
        axis.remove()
    figure.colorbar(image, ax=axes, label=rf"${name}(x, v)$", shrink=0.9)
    for axis in axes[-1]:
        axis.set_xlabel("$x$")
    for axis in axes[:, 0]:
        axis.set_ylabel("$v$")
    return finish(figure, title)


def homogeneous_figure(solution: Any, exact: np.ndarray | None, title: str) -> Figure:
    """f along v_x (other velocities next to zero) at every saved time, over its Maxwellian, and the error or the entropy.

    solution: `knudsen.kinetic.homogeneous.Relaxation`; exact: f of the exact solution at the same times, or None.
    """
    from scipy.signal import resample

    grid, through = solution.grid, tuple(n // 2 for n in solution.grid.points[1:])
    M = grid.maxwellian(*grid.moments(solution.f[-1]))[(slice(None), *through)]
    v, inside = grid.v[0], M > 1e-4 * M.max()
    fine = v[0] + grid.dv[0] / 8 * np.arange(8 * v.size)  # between the nodes f is its trigonometric interpolant
    shown = (fine >= v[inside][0]) & (fine <= v[inside][-1])
    figure = Figure(figsize=(9.6, 3.3))
    left, middle, right = figure.subplots(1, 3)
    shades = colormaps["viridis_r"](np.linspace(0.15, 1, len(solution.t)))
    for i, (shade, t) in enumerate(zip(shades, solution.t)):
        cut = solution.f[(i, slice(None), *through)]
        truth = None if exact is None else exact[(i, slice(None), *through)]
        for axis, over in ((left, np.ones_like(M)), (middle, M)):
            curve = resample(cut, fine.size)[shown] / (1.0 if axis is left else resample(M, fine.size)[shown])
            axis.plot(fine[shown], curve, color=shade, label=f"$t$ = {t:g}")
            if truth is not None:
                name = "exact" if i == len(solution.t) - 1 else None
                axis.plot(v[inside], (truth / over)[inside], "o", ms=2.5, mfc="none", mew=0.6, color="black", label=name)
        if truth is not None and i > 0:
            right.semilogy(v, np.maximum(abs(cut - truth), 1e-16), color=shade)
    if exact is None:
        right.plot(solution.t, solution.entropy, "o-", ms=3, color="black")
        right.set(xlabel="$t$", ylabel=r"entropy $\int f\,\ln f\,dv$")
    else:
        right.set(xlabel="$v_x$", ylabel=r"$|f - f_{\rm exact}|$")
    left.set(xlabel="$v_x$", ylabel="$f$")
    middle.set(xlabel="$v_x$", ylabel=r"$f / M_{\rm end}$")
    if len(solution.t) <= 8:
        left.legend()
    return finish(figure, title)


def channel_figure(data: xr.Dataset, title: str) -> Figure:
    """The fields that the flow moves, across the channel. data: `solution.nc` of a channel."""
    from scipy.interpolate import CubicSpline

    units = {"u_y": r"\sqrt{T_0}", "sigma_xy": "p_0", "q_y": r"(p_0 \sqrt{T_0})", "rho": r"\rho_0", "T": "T_0"}
    units |= {"q": units["q_y"], "sigma": "p_0"}
    change = {name: float(abs(data[name] - (name in ("rho", "T"))).max()) for name in units}
    names = [name for name in units if change[name] > 1e-6 * max(change.values())]
    rows = 1 if len(names) <= 4 else 2
    columns = -(-len(names) // rows)
    figure = Figure(figsize=(max(2.9 * columns, 5.8), 0.4 + 2.7 * rows))
    x = np.linspace(*data.x.values[[0, -1]], 401)
    axes = np.ravel(figure.subplots(rows, columns, squeeze=False))
    for axis, name in zip(axes, names):
        axis.plot(x, CubicSpline(data.x, data[name])(x), color="black")
        axis.set(xlabel="$x$ / $H$", title=f"{WORDS[name]} ${SYMBOLS[name]}$ / ${units[name]}$")
        axis.ticklabel_format(axis="y", style="sci", scilimits=(-2, 3), useOffset=False)
        if np.ptp(data[name].values) < 1e-4 * abs(data[name]).max():  # a constant, seen as one
            axis.set_ylim(sorted((0, 1.5 * float(data[name].mean()))))
    for axis in axes[len(names) :]:
        axis.axis("off")
    return finish(figure, title)


REGION_AXES = {
    "mixture": (r"separation $(u_1 - u_2)/\sqrt{T_1}$", r"temperature ratio $\log_{10}(T_2/T_1)$"),
    "stress": (r"stress $\sigma/p$", r"heat flux $q/(p\sqrt{T})$"),
}


def _imaginary(figure: Figure, axis: Any, x: np.ndarray, y: np.ndarray, values: np.ndarray) -> None:
    """Where the speeds are complex, by how much; white where they are real."""
    values = np.ma.masked_less_equal(np.ma.masked_invalid(values), 0)
    drawn = axis.pcolormesh(x, y, values, cmap="magma_r", vmin=0, vmax=0.5, shading="nearest", rasterized=True)
    axis.grid(False)
    figure.colorbar(drawn, ax=axis, label=r"$\max|\mathrm{Im}\,\lambda|\,/\,\max|\lambda|$", extend="max")


def region_figure(data: xr.Dataset, title: str) -> Figure:
    """Complex characteristic speeds over a plane of states. data: `region.nc`."""
    figure = Figure(figsize=(4.6, 3.6))
    axis = figure.subplots()
    x, y, values = data["first"].values, data["second"].values, data.imaginary_part.values.T
    _imaginary(figure, axis, x, y, values)
    if (values > 0).any() and (values == 0).any():
        axis.contour(x, y, (values > 0).astype(float), [0.5], colors="black", linewidths=1)
    axis.set(xlabel=REGION_AXES[data.attrs["plane"]][0], ylabel=REGION_AXES[data.attrs["plane"]][1])
    return finish(figure, title)


def dispersion_figure(data: xr.Dataset, title: str, dims: int) -> Figure:
    """Damping and frequency over k eps, in units of what they are for long waves; one column a Knudsen number. data:
    `dispersion.nc`."""
    k, numbers, colour = data.wavenumber.values, data.knudsen.values, colours(data.model.values)
    figure = Figure(figsize=(2.6 * len(numbers) + 1.4, 6.2))
    axes = figure.subplots(3, len(numbers), squeeze=False, sharey="row")
    rows = (
        ("sound", "growth", -1.0, 2, r"damping of sound / $k^2\varepsilon T$"),
        ("sound", "frequency", np.sqrt(dims / (dims + 2)), 1, r"frequency of sound / $k\sqrt{\gamma T}$"),
        ("heat", "growth", -1.0, 2, r"damping of heat / $k^2\varepsilon T$"),
    )
    for line, (mode, part, factor, power, text) in zip(axes, rows):
        line[0].set_ylabel(text)
        for axis, eps in zip(line, numbers):
            for model in data.model.values:
                kinetic, learned = model == "kinetic", is_learned(model)
                values = factor * data[part].sel(model=model, mode=mode, knudsen=eps).values / k / (k * eps) ** (power - 1)
                width, dash = 3.2 if kinetic else 1.6 if learned else 1.2, (0, (4, 2)) if learned else "-"
                axis.plot(k * eps, values, color=colour[model], lw=width, ls=dash, label=label(model), zorder=1 if kinetic else 2)
            axis.set(xscale="log", xlim=(0.03, 3))
        line[0].set_ylim((0.6, 1.8) if part == "frequency" else (0, 1.5))
    for axis, eps in zip(axes[0], numbers):
        axis.set_title(f"Knudsen number {eps:g}", fontsize=9)
    for axis in axes[-1]:
        axis.set_xlabel(r"$k\,\varepsilon\sqrt{T}/\nu$")
    axes[0, -1].legend(fontsize=7)
    return finish(figure, title)


def diagnosis_figure(data: xr.Dataset, title: str) -> Figure:
    """Over x and t: complex speeds, and how close the moments are to those of no positive distribution. data: `diagnosis.nc`."""
    figure = Figure(figsize=(8.2, 3.3))
    left, right = figure.subplots(1, 2, sharey=True)
    x, t = data.x.values, data.time.values
    _imaginary(figure, left, x, t, data.imaginary_part.values)
    right.set_facecolor("black")  # not realizable
    least = np.ma.masked_less_equal(np.ma.masked_invalid(data.least_b.values), 0)
    drawn = right.pcolormesh(x, t, least, cmap="viridis", vmin=0, vmax=1, shading="nearest", rasterized=True)
    right.grid(False)
    figure.colorbar(drawn, ax=right, label=r"$\min_k b_k/k$ (black: $\leq 0$, not realizable)")
    left.set(xlabel="$x$", ylabel="$t$", title="characteristic speeds")
    right.set(xlabel="$x$", title="realizability")
    return finish(figure, title)
