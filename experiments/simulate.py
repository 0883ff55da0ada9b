"""One case with one model: ``solution.nc`` (row 0 the start, the last row t_end), ``metrics.json``, a figure.

With ``keep_f`` also f(x, v): ``trajectory.nc`` (for ``knudsen.kinetic.load_trajectories``) and its image, ``distribution``.
"""

from __future__ import annotations

import numpy as np
from omegaconf import DictConfig

from knudsen import closure, kinetic
from knudsen.errors import InputError
from knudsen.experiments import cost, datasets, plane, plots, setup
from knudsen.experiments.output import Output
from knudsen.experiments.progress import bar
from knudsen.kinetic import trajectories


def run(cfg: DictConfig, output: Output) -> int:
    gas = setup.gas(cfg)
    case = setup.any_case(cfg, gas)
    if isinstance(case, kinetic.PlaneCase):
        return plane.run(cfg, output, gas, case)
    model, solution = _solve(cfg, gas, case)
    data = datasets.solution(solution, case, gas)
    metrics = {"model": model} | setup.outcome(solution)
    output.json("metrics.json", metrics)
    print(setup.warnings_in_words({model: metrics}), end="")
    if solution.status == "diverged":
        time, cell = solution.diverged_at
        output.dataset("diverged.nc", data.isel(time=np.isfinite(data.rho).all("x")))  # what was saved before
        print(
            f"{model} diverged at t = {time:.6g} in cell {cell} (x = {case.x[cell]:.4g}); diverged.nc holds the times before",
            flush=True,
        )
        return setup.DIVERGED
    output.dataset("solution.nc", data)
    title = f"{plots.case_in_words(case)}, {plots.gas_in_words(gas)}: {plots.label(model)}"
    output.figure("solution", plots.solution_figure(data, title))
    if cfg.keep_f:
        kept = trajectories.dataset([solution], {"boundary": case.boundary})
        output.dataset("trajectory.nc", kept)
        output.figure("distribution", plots.distribution_figure(kept, title))
    how = f"{case.cells} cells, {solution.steps} steps, {solution.seconds:.2f} s, {setup.status_in_words(metrics)}"
    print(f"{model}: {case.name} to t = {case.t_end:g}, {how}")
    output.announce()
    return 0


def _solve(cfg: DictConfig, gas: kinetic.Gas, case: kinetic.Case):
    """(option name of the model, its solution)."""
    if setup.option("solver") == "kinetic":
        options = setup.solver_options(cfg, "kinetic")
        cost.check(case, gas, options["cfl"])
        with bar("kinetic", cfg.progress) as progress, setup.quiet():
            return "kinetic", kinetic.simulate([case], gas, progress=progress, keep_f=setup.plain(cfg.keep_f), **options)[0]
    if cfg.keep_f:
        raise InputError(f"keep_f={cfg.keep_f}: a moment model has no distribution; choose solver=kinetic, or keep_f=false")
    name = setup.study_name(cfg)
    options = setup.solver_options(cfg, "moments")
    law = setup.law(cfg, name, gas)
    cost.check(case, gas, options["cfl"], cost.of_law(law))
    with bar(name, cfg.progress) as progress:
        return name, closure.simulate(law, [case], progress=progress, **options)[0]
