"""One case with the kinetic model and every closure: ``comparison.nc`` at the end time (with ``case.save_times`` at all of them),
``metrics.json``, a figure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import xarray as xr
from omegaconf import DictConfig

from knudsen import closure, kinetic
from knudsen.experiments import plots, setup
from knudsen.experiments.measure import conserved_errors
from knudsen.experiments.output import Output, number, table
from knudsen.experiments.progress import bar

SHORT = 1e-9  # of the case's time: one step


def run(cfg: DictConfig, output: Output) -> int:
    gas = setup.gas(cfg)
    case, fine = setup.case_and_reference(cfg, gas)
    laws = setup.closures(cfg, gas)
    options = setup.solver_options(cfg, "moments")
    estimates = setup.estimates(cfg, gas)

    short = replace(case, t_end=SHORT * case.t_end, save_times=())  # compiles what runs next: compiling is not in the seconds
    if not gas.is_boltzmann:  # whose single step is no trifle
        kinetic.simulate(short, gas, transport=cfg.reference.transport, integrator=cfg.reference.integrator)
    truth = setup.reference(cfg, gas, [fine])[0]
    solutions = {"kinetic": truth.averaged(case.cells)}
    for name, law in laws.items():
        closure.simulate(law, [short], **options)
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
        if len(case.save_times) > 1:
            rows = range(1, len(case.save_times) + 1)
            by_time = [conserved_errors(solutions[name], solutions["kinetic"], gas.dims, row)["total"] for row in rows]
            metrics[name]["rel_l2_by_time"] = by_time
    if estimates:
        metrics["kinetic"]["reference_error"] = setup.reference_errors(cfg, gas, [case], [truth])
    for name in set(solutions) - set(delivered):
        metrics[name]["rel_l2"] = dict.fromkeys(("rho", "m", "E", "total"))

    data = dataset({name: solutions[name] for name in delivered}, case, gas)
    output.dataset("comparison.nc", data)
    output.json("metrics.json", metrics)
    title = f"{plots.case_in_words(case)}, {plots.gas_in_words(gas)}: {plots.models_in_words(delivered)}"
    output.figure("comparison", plots.comparison_figure(data.isel(time=-1) if "time" in data.dims else data, title))
    print(report(metrics))
    for key, change in metrics["kinetic"].get("reference_error", {}).items():
        print(f"with half of its {key} the reference changes by {number(change, '.3f', scale=100)} %")
    print(setup.warnings_in_words(metrics), end="")
    output.announce()
    return 0


def dataset(solutions: dict, case: kinetic.Case, gas: kinetic.Gas) -> xr.Dataset:
    """Fields of every model at the end time, over model and x; with more saved times at all of them, over model, time and x."""
    names = ("rho", "u", "T", "q", "sigma") if gas.dims > 1 else ("rho", "u", "T", "q")
    several = len(case.save_times) > 1
    dims, rows = (("model", "time", "x"), slice(1, None)) if several else (("model", "x"), -1)
    fields = {name: (dims, np.stack([np.asarray(getattr(s, name))[rows] for s in solutions.values()])) for name in names}
    fields["knudsen"] = ("x", np.broadcast_to(case.knudsen, case.x.shape).copy())
    coordinates = {"model": list(solutions), "x": case.x} | ({"time": list(case.save_times)} if several else {})
    attributes = {"case": case.name, "boundary": case.boundary} | ({} if several else {"time": case.t_end})
    return xr.Dataset(fields, coordinates, attributes)


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
