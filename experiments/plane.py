"""A case of two space dimensions with one model: ``solution.nc`` (time, y, x), ``metrics.json``, a figure."""

from __future__ import annotations

import sys
from typing import Any

from omegaconf import DictConfig

from knudsen import closure, kinetic, ranks
from knudsen.errors import InputError
from knudsen.experiments import cost, datasets, plane_plots, plots, setup
from knudsen.experiments.output import Output
from knudsen.experiments.progress import bar, iterations


def run(cfg: DictConfig, output: Output, gas: kinetic.Gas, case: kinetic.PlaneCase) -> int:
    model, metrics, data, how = (_kinetic if setup.option("solver") == "kinetic" else _moments)(cfg, gas, case)
    metrics = {"model": model} | metrics
    output.json("metrics.json", metrics)
    print(setup.warnings_in_words({model: metrics}), end="")
    if metrics["status"] == "diverged":
        print(f"{model} {setup.status_in_words(metrics)}", flush=True)
        return setup.DIVERGED
    output.dataset("solution.nc", data)
    title = f"{plane_plots.case_in_words(case)}, {plots.gas_in_words(gas)}"
    title += "" if model == "kinetic" else f": {plots.label(model)}"
    output.figure("solution", plane_plots.fields_figure(data, title))
    nx, ny = case.cells
    print(f"{model}: {case.name}, {nx} x {ny} cells, {how}, {metrics['seconds']:.1f} s, {metrics['status']}")
    output.announce()
    return 0 if metrics["status"] == "ok" else setup.DIVERGED


def _moments(cfg: DictConfig, gas: kinetic.Gas, case: kinetic.PlaneCase):
    if cfg.keep_f:
        raise InputError(f"keep_f={cfg.keep_f}: a moment model has no distribution; give keep_f=false")
    options = setup.solver_options(cfg, "moments")
    options.pop("comoving")  # a periodic square has no one velocity along the axes that cells could have
    law = closure.plane_law(setup.study_name(cfg), gas)
    if case.steady:
        _state_factors(case, law)
    if not case.steady:
        with bar(law.name, cfg.progress) as report:
            found = closure.simulate_plane(law, case, progress=report, **options)
        return law.name, setup.outcome(found), datasets.plane(found), f"{found.steps} steps to t = {case.t_end:g}"
    with iterations(law.name, cfg.progress) as report:
        found = closure.simulate_plane(law, case, progress=lambda residuals: report(len(residuals), residuals[-1]), **options)
    residual = found.residuals[-1] if found.residuals else float("nan")
    metrics = setup.outcome(found) | {"residual": residual, "walls": found.walls}
    return law.name, metrics, datasets.plane(found), f"{found.steps} steps, residual {residual:.1e}"


def _state_factors(case: kinetic.PlaneCase, law: Any) -> None:
    """The memory of the factors of a steady flow's linear systems, on the terminal before they are made; InputError where there
    is not as much."""
    (nx, ny), needed, there = case.cells, closure.plane_memory(law, case), cost.memory()
    what = f"{nx} x {ny} cells with {len(law.components)} moments need {needed / 2**30:.2g} GiB"
    if needed > there:
        raise InputError(
            f"case.cells=[{nx},{ny}]: {what}, this machine has {there / 2**30:.1f}; take fewer cells, or case.steady=false"
        )
    print(f"{case.name}: {what}", file=sys.stderr, flush=True)


def _kinetic(cfg: DictConfig, gas: kinetic.Gas, case: kinetic.PlaneCase):
    options = _options(cfg)
    velocities = kinetic.plane_velocities(case, gas)
    _state_cost(case, gas, velocities, options["cfl"])
    if case.steady:
        metrics, data, how = _steady(cfg, case, gas, velocities)
    else:
        metrics, data, how = _march(cfg, case, gas, velocities, options)
    return "kinetic", metrics | {"velocities": velocities.name}, data, f"{velocities.name}, {how}"


def _options(cfg: DictConfig) -> dict[str, Any]:
    if cfg.keep_f:
        raise InputError(f"keep_f={cfg.keep_f}: f of a case of two space dimensions is not kept; give keep_f=false")
    return setup.solver_options(cfg, "kinetic")


def _state_cost(case: kinetic.PlaneCase, gas: kinetic.Gas, velocities: Any, cfl: float) -> None:
    """The memory, and of long marches the time, on the terminal before anything starts; InputError where this machine has not as
    much memory."""
    needed, there = kinetic.plane_memory(case, gas, velocities) * ranks.share(), cost.memory()
    nx, ny = case.cells
    what = f"{nx} x {ny} cells with {velocities.points} velocities need {needed / 2**30:.2g} GiB"
    if needed > there:
        raise InputError(
            f"case.cells=[{nx},{ny}]: {what}, this machine has {there / 2**30:.1f}; take fewer cells or gas.velocity_points"
        )
    if not case.steady:
        dx, dy = case.spacing
        steps = case.t_end * float((abs(velocities.vx) / dx + abs(velocities.vy) / dy).max()) / cfl
        seconds = steps * nx * ny * velocities.points * (gas.dims - 1) / cost.RATE / ranks.size()
        what += f", {steps:.2g} steps" + (f": about {cost.in_words(seconds)}" if seconds > cost.LONG else "")
    print(f"{case.name}: {what}", file=sys.stderr, flush=True)


def _steady(cfg, case, gas, velocities):
    with iterations("kinetic", cfg.progress) as report, setup.quiet():
        flow = kinetic.solve_plane(
            case, gas, velocities=velocities, progress=lambda residuals, _: report(len(residuals), residuals[-1])
        )
    metrics = {
        "status": flow.status,
        "seconds": flow.seconds,
        "iterations": flow.iterations,
        "residual": flow.residual,
        "coarse_sweeps": flow.coarse_sweeps,
    }
    metrics |= {"schemes": list(flow.schemes), "fallback": False, "warnings": list(flow.warnings), "walls": flow.walls}
    return metrics, datasets.steady_plane(flow), f"{flow.iterations} sweeps, residual {flow.residual:.1e}"


def _march(cfg, case, gas, velocities, options):
    with bar("kinetic", cfg.progress) as report, setup.quiet():
        options |= {"velocity_grid": velocities}
        found = ranks.together(kinetic.simulate, case, gas, here={"progress": report}, **options)[0]
    return setup.outcome(found), datasets.plane(found), f"{found.steps} steps to t = {case.t_end:g}"
