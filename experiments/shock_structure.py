"""A stationary normal shock, every model side by side: ``shock.nc``, ``metrics.json``, a figure and a printed table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from omegaconf import DictConfig
from scipy.interpolate import PchipInterpolator

from knudsen import closure, kinetic
from knudsen.errors import InputError
from knudsen.experiments import plots, setup
from knudsen.experiments.measure import rel_l2
from knudsen.experiments.output import Output, number, table
from knudsen.experiments.progress import iterations

NORMALISED = ("rho", "u", "T")
COMPARED, WRITTEN = (
    1.5,
    3.0,
)  # half-widths in density thicknesses: of errors (further out both models are the end states), of files


def run(cfg: DictConfig, output: Output) -> int:
    gas = setup.gas(cfg)
    kinetic.rankine_hugoniot(cfg.mach, gas)  # refuses a Mach number before anything heavy
    window, spacing = check_window(cfg), setup.positive(cfg, "spacing")
    options = setup.solver_options(cfg, "moments")
    schemes = {key: options[key] for key in ("reconstruction", "flux")} | {
        "cells_per_thickness": setup.positive(cfg, "cells_per_thickness"),
        "max_seconds": setup.positive(cfg, "max_seconds"),
    }
    laws = setup.closures(cfg, gas)

    print("kinetic: solving for the steady shock", flush=True)
    profiles = Profiles(gas, cfg.mach, kinetic.solve_shock(gas, cfg.mach))
    shocks = {}
    for name, law in laws.items():
        with iterations(name, cfg.progress) as progress:
            shocks[name] = closure.solve_shock(law, gas, cfg.mach, start=profiles.kinetic, **schemes, progress=progress)

    metrics = {"kinetic": profiles.kinetic_metrics()}
    metrics |= {name: profiles.metrics(shock) for name, shock in shocks.items()}
    delivered = {name: shock for name, shock in shocks.items() if shock.status == "ok"}
    data = profiles.dataset(delivered, positions(profiles, window, spacing))
    data.attrs["not_converged"] = ", ".join(name for name in shocks if name not in delivered)
    output.dataset("shock.nc", data)
    output.json("metrics.json", metrics)
    title = f"Normal shock, Mach {cfg.mach:g}, {plots.gas_in_words(gas)}\n{plots.models_in_words(list(data.model.values))}"
    rows = [row[:5] + row[6:] for row in table_rows(metrics)] if setup.flag(cfg, "figure.table") else None
    output.figure("shock", plots.shock_figure(data, rows, title))
    print("\n" + table(["model", "lambda1/delta", "rho %", "u %", "T %", "seconds", "status"], table_rows(metrics)))
    print(setup.warnings_in_words(metrics), end="")
    output.announce()
    return 0


def check_window(cfg: DictConfig) -> list[float] | None:
    window = setup.plain(cfg.window)
    if window is None:
        return None
    if not (isinstance(window, list) and len(window) == 2 and all(isinstance(w, (int, float)) for w in window)):
        raise InputError(f"window={window}: give [upstream, downstream] ends in mean free paths, or null")
    if not window[0] < 0 < window[1]:
        raise InputError(f"window={window}: the shock is at 0; give ends with upstream < 0 < downstream, or null")
    return window


def positions(profiles: Profiles, window: Sequence[float] | None, spacing: float) -> np.ndarray:
    """x of the files, in lambda1; window: None: some thicknesses to both sides."""
    left, right = window or (-profiles.within(WRITTEN), profiles.within(WRITTEN))
    return np.linspace(left, right, round((right - left) / spacing) + 1)


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

    def within(self, thicknesses: float) -> float:
        """So many density thicknesses delta of the kinetic shock, in whole lambda1."""
        return float(np.ceil(thicknesses / self.kinetic.lambda1_over_delta))

    def metrics(self, shock: closure.ShockSolution) -> dict:
        """Errors on the model's own cells near the shock: cell averages of both, so that no interpolation enters."""
        entry = {"status": shock.status, "seconds": shock.seconds, "lambda1_over_delta": None, "rel_l2": None, "linf": None}
        entry |= {"schemes": list(shock.schemes), "fallback": shock.fallback, "warnings": list(shock.warnings)}
        entry["oscillation"] = shock.oscillation
        if shock.status != "ok":
            return entry
        inside = abs(shock.x) <= self.within(COMPARED) * self.lambda1
        at = shock.x[inside]
        truth = self.kinetic.sample(at, width=at[1] - at[0])
        pairs = {n: (self.normalised(n, getattr(shock, n)[inside]), self.normalised(n, truth[n])) for n in NORMALISED}
        heat_flux = rel_l2(shock.q[inside], truth["q"])
        return entry | {
            "lambda1_over_delta": shock.lambda1_over_delta,
            "rel_l2": {n: rel_l2(*pair) for n, pair in pairs.items()} | {"q": heat_flux},
            "linf": {n: float(abs(model - exact).max()) for n, (model, exact) in pairs.items()},
            "compared": [-self.within(COMPARED), self.within(COMPARED)],
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
            "T_max_normalised": self.kinetic.T_max_normalised,
            "separation": self.kinetic.separation,
            "iterations": self.kinetic.iterations,
            "residual": self.kinetic.residual,
        }

    def dataset(self, shocks: dict, x: np.ndarray) -> xr.Dataset:
        at = x * self.lambda1
        sampled = self.kinetic.sample(at)
        fields = {}
        for name in self.names:
            curves = [sampled[name]]
            for s in shocks.values():  # monotone: an Euler shock must not ring in the drawing; the end states beyond its cells
                curves.append(PchipInterpolator(s.x, getattr(s, name))(np.clip(at, s.x[0], s.x[-1])))
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


def status(m: dict) -> str:
    """E.g. 'ok', 'ok, its profile oscillates', 'not_converged, outside its training'."""
    return ", ".join([m["status"], *(text.partition(":")[0] for text in m.get("warnings", ()))])


def table_rows(metrics: dict) -> list[list[str]]:
    """model, lambda1/delta, errors of rho, u, T in per cent, seconds, status."""
    rows = []
    for name, m in metrics.items():
        errors = m["rel_l2"] or dict.fromkeys(NORMALISED)
        in_per_cent = [number(errors[n], scale=100) for n in NORMALISED]
        rows.append(
            [plots.label(name), number(m["lambda1_over_delta"], ".4f"), *in_per_cent, number(m["seconds"], ".1f"), status(m)]
        )
    return rows
