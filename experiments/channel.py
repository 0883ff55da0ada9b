"""A steady flow between two walls: ``solution.nc`` (fields at the solver's nodes), ``metrics.json``, a figure."""

from __future__ import annotations

from omegaconf import DictConfig

from knudsen import kinetic
from knudsen.experiments import datasets, plots, setup
from knudsen.experiments.output import Output, number, table

MEASURES = {
    "shear_stress": "shear stress -P_xy/(p0 U/v0)",
    "heat_flux": "heat flux -q/(p0 v0 dT/T0)",
    "flow_rate": "flow rate",
    "heat_flow_rate": "heat flow along y",
}


def run(cfg: DictConfig, output: Output) -> int:
    gas = setup.gas(cfg)
    case = setup.case(cfg, gas)
    flow = kinetic.solve_channel(case, gas, linear=setup.flag(cfg, "linear"), acceleration=setup.flag(cfg, "acceleration"))
    results = {name: getattr(flow, name) for name in MEASURES if getattr(flow, name) is not None}
    output.json("metrics.json", {"status": "ok"} | results | {n: getattr(flow, n) for n in ("iterations", "seconds", "residual")})
    output.dataset("solution.nc", datasets.channel(flow))
    rows = [[MEASURES[name], number(value, ".8f")] for name, value in results.items()]
    kind = "linearised" if cfg.linear else "nonlinear"
    title = f"{case.name}, {kind}, $\\delta$ = {cfg.case.delta:g}, drive {cfg.case.drive:g}, {plots.gas_in_words(gas)}"
    output.figure("solution", plots.channel_figure(datasets.channel(flow), title))
    print(f"{case.name}, delta = {cfg.case.delta:g}: {flow.iterations} iterations, {flow.seconds:.2f} s\n")
    print(table(["", "value"], rows))
    output.announce()
    return 0
