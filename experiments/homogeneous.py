"""A homogeneous gas: ``distribution.nc`` (f over time and velocities), ``metrics.json`` (errors, entropy), a figure."""

from __future__ import annotations

import numpy as np
import xarray as xr
from omegaconf import DictConfig

from knudsen import kinetic
from knudsen.build import build
from knudsen.experiments import plots, setup
from knudsen.experiments.named import named
from knudsen.experiments.output import Output, number, table
from knudsen.experiments.progress import bar
from knudsen.kinetic import homogeneous

AXES = ("vx", "vy", "vz")


def run(cfg: DictConfig, output: Output) -> int:
    gas = setup.gas(cfg)
    case = start(cfg, gas)
    with bar("homogeneous", cfg.progress) as progress:
        solution = homogeneous.relax(case, gas, progress=progress)
    exact = exact_solution(case, solution)
    metrics = measures(solution, exact)
    output.dataset("distribution.nc", dataset(case, solution))
    output.json("metrics.json", metrics)
    title = f"{case.name}, {plots.gas_in_words(gas)}, {' x '.join(map(str, solution.grid.points))} velocities"
    output.figure("distribution", plots.homogeneous_figure(solution, exact, title))
    print("\n" + table(["t", "L1 error", "relative", "entropy"], rows(metrics)))
    cost = f"{metrics['evaluations']} evaluations of {1e3 * metrics['seconds_per_evaluation']:.2f} ms"
    print(f"{cost}, {metrics['seconds']:.2f} s")
    output.announce()
    return 0


def start(cfg: DictConfig, gas: kinetic.Gas) -> homogeneous.HomogeneousCase:
    """The case; of one with positions the mean over its cells. Without a Knudsen number, time counts mean collision times."""
    config = setup.plain(cfg.case)
    if "file" in config and config.get("knudsen") is None:
        config["knudsen"] = 1.0
    kinds = (kinetic.Case, homogeneous.HomogeneousCase)
    case = build(config, "case", kinds, named(), gas=gas, mach=cfg.mach, seed=cfg.seed)
    return homogeneous.from_case(case, gas) if isinstance(case, kinetic.Case) else case


def exact_solution(case, solution):
    """f [time, ...] of the exact solution, or None."""
    return None if case.exact is None else np.stack([case.exact(solution.grid, t) for t in solution.t])


def measures(solution, exact) -> dict:
    """l1_error: int |f - f_exact| dv per saved time; l1_relative: over int f_exact dv (null without an exact solution)."""
    grid, n = solution.grid, len(solution.t)
    absolute = relative = [None] * n
    if exact is not None:
        absolute = grid.integral(abs(solution.f - exact))
        relative = absolute / grid.integral(abs(exact))
    scale = np.array([1.0, *[np.sqrt(2 * solution.invariants[0, -1] / solution.invariants[0, 0])] * grid.dims, 1.0])
    scale *= solution.invariants[0, [0] * (grid.dims + 1) + [-1]]
    drift = abs(solution.invariants - solution.invariants[0]).max(axis=0) / scale
    return {
        "status": "ok",
        "time": solution.t,
        "l1_error": absolute,
        "l1_relative": relative,
        "entropy": solution.entropy,
        "drift": {"mass": drift[0], "momentum": drift[1:-1].max(), "energy": drift[-1]},
        "mean_rate": {
            name: homogeneous.mean_rate(solution.t, values)
            for name, values in (("stress", solution.stress), ("heat_flux", solution.heat_flux))
        },
        "velocity_points": list(grid.points),
        "velocity_bounds": [list(b) for b in grid.bounds],
        "evaluations": solution.evaluations,
        "seconds_per_evaluation": solution.seconds_in_operator / solution.evaluations,
        "seconds": solution.seconds,
    }


def rows(metrics: dict) -> list[list[str]]:
    columns = (metrics[key] for key in ("time", "l1_error", "l1_relative", "entropy"))
    return [[f"{t:g}", number(a, ".2e"), number(r, ".2e"), number(H, ".9f")] for t, a, r, H in zip(*columns)]


def dataset(case, solution) -> xr.Dataset:
    """f over time and velocities, and its moments over time."""
    axes = AXES[: solution.grid.dims]
    D = len(axes)
    rho, u, T = solution.grid.moments(solution.f)
    fields = {
        "f": (("time", *axes), solution.f, {"long_name": "distribution", "units": f"rho_ref T_ref^(-{D}/2)"}),
        "rho": ("time", rho),
        "u": ("time", u[:, 0]),
        "T": ("time", T),
        "sigma": ("time", solution.stress),
        "q": ("time", solution.heat_flux),
        "entropy": ("time", solution.entropy, {"long_name": "int f ln f dv", "units": "rho_ref"}),
    }
    coordinates = {"time": solution.t} | dict(zip(axes, solution.grid.v))
    data = xr.Dataset(fields, coordinates, {"case": case.name, "knudsen": case.knudsen})
    data.time.attrs = {"long_name": "time", "units": "mean collision time over knudsen"}
    for axis in axes:
        data[axis].attrs = {"long_name": f"velocity, {axis[1]} component", "units": "sqrt(T_ref)"}
    return data
