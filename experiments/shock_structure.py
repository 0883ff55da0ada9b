"""A stationary normal shock, every model side by side: ``shock.nc``, ``metrics.json``, a figure and a printed table."""

from __future__ import annotations

import numpy as np
import xarray as xr
from omegaconf import DictConfig
from scipy.interpolate import PchipInterpolator

import closure
import kinetic
from experiments import plots, setup
from experiments.measure import rel_l2
from experiments.output import Output, number, table
from experiments.progress import iterations
from kinetic.errors import InputError

NORMALISED = ("rho", "u", "T")


def run(cfg: DictConfig, output: Output) -> int:
    gas = setup.gas(cfg)
    x = positions(cfg)
    laws = setup.closures(cfg, gas)
    options = setup.solver_options(cfg, "moments")
    schemes = {
        "reconstruction": options["reconstruction"],
        "flux": options["flux"],
        "cells_per_path": setup.positive(cfg, "cells_per_path"),
    }
    kinetic_shock = kinetic.solve_shock(gas, cfg.mach)
    shocks = {}
    for name, law in laws.items():
        with iterations(name, cfg.progress) as progress:
            shocks[name] = closure.solve_shock(law, cfg.mach, progress=progress, **schemes)

    profiles = Profiles(gas, cfg.mach, kinetic_shock)
    metrics = {"kinetic": profiles.kinetic_metrics()} | {name: profiles.metrics(shock, x) for name, shock in shocks.items()}
    delivered = {name: shock for name, shock in shocks.items() if shock.status == "ok"}
    data = profiles.dataset(delivered, x)
    output.dataset("shock.nc", data)
    output.json("metrics.json", metrics)
    title = f"Normal shock, Mach {cfg.mach:g}, {plots.gas_in_words(gas)}\n{plots.models_in_words(list(data.model.values))}"
    rows = table_rows({name: metrics[name] for name in data.model.values})
    output.figure("shock", plots.shock_figure(data, [row[:1] + row[4:5] + row[1:4] for row in rows], title))
    print("\n" + table(["model", "rho %", "u %", "T %", "lambda1/delta", "seconds", "status"], table_rows(metrics)))
    output.announce()
    return 0


def positions(cfg: DictConfig) -> np.ndarray:
    """Where the profiles are written, in lambda1: window, in steps of about `spacing`."""
    window = setup.plain(cfg.window)
    if not (
        isinstance(window, list)
        and len(window) == 2
        and all(isinstance(w, (int, float)) for w in window)
        and window[0] < 0 < window[1]
    ):
        raise InputError(f"window={window}: give [upstream, downstream] ends in mean free paths with upstream < 0 < downstream")
    return np.linspace(*window, round((window[1] - window[0]) / setup.positive(cfg, "spacing")) + 1)


class Profiles:
    """Profiles of all models in common terms: x in lambda1, rho, u, T from 0 upstream to 1 downstream, q in rho1 T1^(3/2)."""

    def __init__(self, gas: kinetic.Gas, mach: float, kinetic_shock: kinetic.ShockProfile):
        self.kinetic = kinetic_shock
        self.lambda1 = kinetic_shock.mean_free_path
        self.ends = dict(zip(NORMALISED, zip(*kinetic.rankine_hugoniot(mach, gas))))
        self.names = ("rho", "u", "T", "q", "sigma") if gas.dims > 1 else ("rho", "u", "T", "q")

    def normalised(self, name: str, values: np.ndarray) -> np.ndarray:
        if name not in self.ends:
            return values
        upstream, downstream = self.ends[name]
        return (values - upstream) / (downstream - upstream)

    def metrics(self, shock: closure.ShockSolution, x: np.ndarray) -> dict:
        """Errors on the model's own cells within the window: cell averages of both, so that no interpolation enters."""
        entry = {"status": shock.status, "seconds": shock.seconds, "lambda1_over_delta": None, "rel_l2": None, "linf": None}
        if shock.status != "ok":
            return entry
        inside = (shock.x >= x[0] * self.lambda1) & (shock.x <= x[-1] * self.lambda1)
        at = shock.x[inside]
        truth = self.kinetic.sample(at, width=at[1] - at[0])
        pairs = {n: (self.normalised(n, getattr(shock, n)[inside]), self.normalised(n, truth[n])) for n in NORMALISED}
        heat_flux = rel_l2(shock.q[inside], truth["q"])
        return entry | {
            "lambda1_over_delta": shock.lambda1_over_delta,
            "rel_l2": {n: rel_l2(*pair) for n, pair in pairs.items()} | {"q": heat_flux},
            "linf": {n: float(abs(model - exact).max()) for n, (model, exact) in pairs.items()},
            "cell_width": float(at[1] - at[0]) / self.lambda1,
        }

    def kinetic_metrics(self) -> dict:
        zero = dict.fromkeys(NORMALISED, 0.0)
        return {
            "status": "ok",
            "seconds": self.kinetic.seconds,
            "lambda1_over_delta": self.kinetic.lambda1_over_delta,
            "rel_l2": zero | {"q": 0.0},
            "linf": zero,
            "Txx_max_over_T2": self.kinetic.Txx_max_over_T2,
            "iterations": self.kinetic.iterations,
            "residual": self.kinetic.residual,
        }

    def dataset(self, shocks: dict, x: np.ndarray) -> xr.Dataset:
        at = x * self.lambda1
        sampled = self.kinetic.sample(at)
        fields = {}
        for name in self.names:
            curves = [sampled[name], *(PchipInterpolator(s.x, getattr(s, name), extrapolate=False)(at) for s in shocks.values())]
            fields[name] = (("model", "x"), np.stack([self.normalised(name, c) for c in curves]))
        data = xr.Dataset(fields, {"model": ["kinetic", *shocks], "x": x})
        data.x.attrs = {"long_name": "position; 0 where the density is half-way", "units": "upstream mean free path lambda1"}
        for name in NORMALISED:
            data[name].attrs = {
                "long_name": {"rho": "density", "u": "velocity", "T": "temperature"}[name] + ", 0 upstream, 1 downstream",
                "units": "1",
            }
        data.q.attrs = {"long_name": "heat flux", "units": "rho1 T1^(3/2)"}
        if "sigma" in data:
            data.sigma.attrs = {"long_name": "stress deviator xx", "units": "rho1 T1"}
        return data


def table_rows(metrics: dict) -> list[list[str]]:
    """model, errors of rho, u, T in per cent, lambda1/delta, seconds, status."""
    rows = []
    for name, m in metrics.items():
        errors = m["rel_l2"] or dict.fromkeys(NORMALISED)
        rows.append(
            [
                plots.label(name),
                *(number(errors[n], scale=100) for n in NORMALISED),
                number(m["lambda1_over_delta"], ".4f"),
                number(m["seconds"], ".1f"),
                m["status"],
            ]
        )
    return rows
