"""Where a closure loses hyperbolicity and realizability: in its states (``region.nc``) and along a run (``diagnosis.nc``)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
import xarray as xr
from omegaconf import DictConfig

from knudsen import closure
from knudsen.closure import diagnostics
from knudsen.closure.simulation import case_cells
from knudsen.experiments import plots, setup
from knudsen.experiments.output import Output
from knudsen.experiments.progress import bar


def run(cfg: DictConfig, output: Output) -> int:
    gas = setup.gas(cfg)
    case = setup.case(cfg, gas)
    case = replace(case, save_times=tuple(np.linspace(0, case.t_end, setup.positive(cfg, "times", int) + 1)[1:]))
    name = setup.study_name(cfg)
    options = setup.solver_options(cfg, "moments")
    law = setup.law(cfg, name, gas)
    plane, points = cfg.plane, setup.positive(cfg, "points", int)
    region = region_dataset(law, plane, points)
    with bar(name, cfg.progress) as progress:
        solution = closure.simulate(law, [case], progress=progress, **options)[0]
    run_data = diagnosis(law, case, solution)

    metrics = {"closure": name} | setup.outcome(solution)
    metrics |= {"complex_share_of_region": float((region.imaginary_part > 0).mean())}
    metrics |= {"complex_share_of_run": float((run_data.imaginary_part > 0).mean()), "least_b": float(run_data.least_b.min())}
    output.json("metrics.json", metrics)
    output.dataset("region.nc", region)
    output.dataset("diagnosis.nc", run_data)
    title = f"{plots.label(name)}, {plots.gas_in_words(gas)}"
    output.figure("region", plots.region_figure(region, title))
    output.figure("diagnosis", plots.diagnosis_figure(run_data, f"{title}: {plots.case_in_words(case)}"))
    print(f"{name}: complex speeds in {100 * metrics['complex_share_of_region']:.1f} % of the plane {plane}, ", end="")
    print(f"{100 * metrics['complex_share_of_run']:.1f} % of the run; least b_k/k {metrics['least_b']:.3g}; {solution.status}")
    output.announce()
    return 0


def region_dataset(law, plane: str, points: int) -> xr.Dataset:
    """The imaginary part of the speeds over two coordinates of the state; its edge for Grad-13 as ``limit``."""
    x, y, values = diagnostics.region(law, plane, points)
    words = {
        "mixture": ("separation of two Maxwellians / sqrt(T1)", "log10 T2/T1"),
        "stress": ("sigma / p", "q / (p sqrt T)"),
    }[plane]
    text = {"units": "1", "long_name": "largest |Im| over largest modulus of the characteristic speeds"}
    return xr.Dataset(
        {"imaginary_part": (("first", "second"), values.numpy(), text)},
        {"first": ("first", x.numpy(), {"long_name": words[0]}), "second": ("second", y.numpy(), {"long_name": words[1]})},
        {"plane": plane},
    )


def diagnosis(law, case, solution) -> xr.Dataset:
    """The imaginary part and the least b_k/k over time and x, up to where the run diverged."""
    rows = np.isfinite(solution.U).all((1, 2))
    U, cells = torch.tensor(solution.U[rows]), case_cells(law, [case])
    values = [torch.cat([diagnostics.imaginary_part(law, u[None], cells) for u in U]), law.least_b(U)]
    names = (
        ("imaginary_part", "largest |Im| over largest modulus of the characteristic speeds"),
        ("least_b", "least b_k/k: not realizable where <= 0"),
    )
    fields = {name: (("time", "x"), v.numpy(), {"units": "1", "long_name": text}) for (name, text), v in zip(names, values)}
    return xr.Dataset(fields, {"time": solution.t[rows], "x": solution.x}, {"case": case.name, "status": solution.status})
