"""One case with the kinetic model and every closure: ``comparison.nc`` at the end time, ``metrics.json``, a figure."""

from __future__ import annotations

import numpy as np
import xarray as xr
from omegaconf import DictConfig

from knudsen import closure, kinetic
from knudsen.experiments import plots, setup
from knudsen.experiments.measure import conserved_errors
from knudsen.experiments.output import Output, number, table
from knudsen.experiments.progress import bar


def run(cfg: DictConfig, output: Output) -> int:
    gas = setup.gas(cfg)
    case, fine = setup.case_and_reference(cfg, gas)
    laws = setup.closures(cfg, gas)
    options = setup.solver_options(cfg, "moments")

    solutions = {"kinetic": setup.reference(cfg, gas, [fine])[0].averaged(case.cells)}
    for name, law in laws.items():
        with bar(name, cfg.progress) as progress:
            solutions[name] = closure.simulate(law, [case], progress=progress, **options)[0]

    metrics = {name: setup.outcome(s) for name, s in solutions.items()}
    delivered = [name for name, s in solutions.items() if s.status == "ok"]
    if "kinetic" not in delivered:
        output.json("metrics.json", metrics)
        print("the kinetic reference diverged: there is nothing to compare with")
        return setup.DIVERGED
    for name in delivered:
        metrics[name]["rel_l2"] = conserved_errors(solutions[name], solutions["kinetic"], gas.dims)
    for name in set(solutions) - set(delivered):
        metrics[name]["rel_l2"] = dict.fromkeys(("rho", "m", "E", "total"))

    data = dataset({name: solutions[name] for name in delivered}, case, gas)
    output.dataset("comparison.nc", data)
    output.json("metrics.json", metrics)
    title = f"{plots.case_in_words(case)}, {plots.gas_in_words(gas)}: {plots.models_in_words(delivered)}"
    output.figure("comparison", plots.comparison_figure(data, title))
    print(report(metrics))
    output.announce()
    return 0


def dataset(solutions: dict, case: kinetic.Case, gas: kinetic.Gas) -> xr.Dataset:
    """Fields of every model at the end time, over model and x."""
    names = ("rho", "u", "T", "q", "sigma") if gas.dims > 1 else ("rho", "u", "T", "q")
    fields = {name: (("model", "x"), np.stack([np.asarray(getattr(s, name))[-1] for s in solutions.values()])) for name in names}
    fields["knudsen"] = ("x", np.broadcast_to(case.knudsen, case.x.shape).copy())
    return xr.Dataset(
        fields, {"model": list(solutions), "x": case.x}, {"case": case.name, "boundary": case.boundary, "time": case.t_end}
    )


def report(metrics: dict) -> str:
    """The printed table: relative L2 errors in per cent."""
    rows = [
        [
            plots.label(name),
            *(number(m["rel_l2"][key], scale=100) for key in ("rho", "m", "E", "total")),
            number(m["seconds"]),
            setup.status_in_words(m),
        ]
        for name, m in metrics.items()
    ]
    return "\n" + table(["model", "rho %", "m %", "E %", "total %", "seconds", "status"], rows)
