"""Gas parameters from measured profiles: ``calibration.nc``, ``metrics.json``, a figure of data and fits, a printed table."""

from __future__ import annotations

import math
import time

import numpy as np
import xarray as xr
from hydra import compose
from omegaconf import DictConfig

from knudsen import kinetic
from knudsen.build import build
from knudsen.errors import InputError
from knudsen.experiments import setup
from knudsen.experiments.calibration_plots import calibration_figure
from knudsen.experiments.named import named
from knudsen.experiments.output import Output, number, table
from knudsen.experiments.progress import bar
from knudsen.kinetic.gas import GASES

NAMES = {"omega": "viscosity exponent", "prandtl": "Prandtl number", "accommodation": "accommodation"}


def run(cfg: DictConfig, output: Output) -> int:
    noise = None if cfg.noise is None else setup.positive(cfg, "noise")
    shift, tolerance = setup.flag(cfg, "shift"), setup.positive(cfg, "tolerance")
    only, free = listed(cfg, "profiles"), listed(cfg, "free")
    profiles = kinetic.load_profiles(cfg.data, only)
    found, seconds = {}, {}
    for name, gas in gases(cfg).items():
        began = time.perf_counter()
        with bar(name, cfg.progress) as progress:
            found[name] = kinetic.calibrate(
                profiles, gas, free, noise=noise, shift=shift, tolerance=tolerance,
                progress=lambda n, values: progress(1 - math.exp(-n / (6 * len(profiles))), words(values)),
            )  # fmt: skip
            progress(1.0)
        seconds[name] = time.perf_counter() - began
    output.dataset("calibration.nc", dataset(found))
    output.json("metrics.json", {name: measures(fit) | {"seconds": seconds[name]} for name, fit in found.items()})
    output.figure("calibration", calibration_figure(found))
    print("\n" + report(found))
    output.announce()
    return 0


def listed(cfg, key) -> list | None:
    value = setup.plain(cfg[key])
    value = value if isinstance(value, list) or value is None else [value]
    kind = str if key == "free" else (int, float)
    if value is not None and not all(isinstance(v, kind) and not isinstance(v, bool) for v in value):
        raise InputError(f"{key}={value}: give a list of {'names' if key == 'free' else 'numbers, or null for all'}")
    return value


def gases(cfg: DictConfig) -> dict[str, kinetic.Gas]:
    """{option name: gas}: the list ``gases``, or the gas of the command line."""
    own = setup.option("gas")
    names = setup.plain(cfg.gases) or [own]
    if not isinstance(names, list) or len(set(names)) < len(names):
        raise InputError(f"gases={names}: give a list of different gas options, e.g. [bgk_3v,shakhov_3v]")
    made = {}
    for name in names:
        if name != own and name not in GASES:
            raise InputError(f"gases: {name} is unknown; choose from {', '.join(GASES)}")
        other = cfg.gas if name == own else compose("knudsen", overrides=[f"gas={name}"]).gas
        made[name] = build(setup.plain(other), "gas", kinetic.Gas, named())
    return made


def words(values: dict[str, float]) -> str:
    return ", ".join(f"{name} = {value:.3f}" for name, value in values.items())


def measures(fit: kinetic.Calibration) -> dict:
    return {
        "status": "ok",
        "values": fit.values,
        "errors": fit.errors,
        "at_bound": fit.at_bound,
        "rms": fit.rms,
        "profiles": {
            p.name: {"rms": rms, "shift": float(s), "left_out": fit.left_out.get(p.name)}
            for p, rms, s in zip(fit.profiles, fit.rms_by_profile, fit.shifts)
        },
        "noise": fit.noise,
        "chi2": fit.chi2,
        "probability": fit.probability,
        "fits": fit.fits,
        "solutions": fit.solutions,
    }


def dataset(found: dict[str, kinetic.Calibration]) -> xr.Dataset:
    """Measured values over (profile, place) and fitted curves over (model, profile, point), padded with nan."""
    fits = list(found.values())
    profiles, places = fits[0].profiles, max(p.x.size for p in fits[0].profiles)
    names = list(profiles[0].values)

    def padded(rows):
        return np.stack([np.pad(row, (0, places - row.size), constant_values=np.nan) for row in rows])

    text = {"rho_n": "normalised density", "T_n": "normalised temperature", "value": "profile over its drive"}
    unit = "lambda1" if profiles[0].kind == "shock" else "H"
    variables = {"x_measured": (("profile", "place"), padded([p.x for p in profiles]), {"long_name": "place", "units": unit})}
    variables["x_fitted"] = (("profile", "point"), np.stack(fits[0].curve_x), {"long_name": "place", "units": unit})
    for name in names:
        described = {"long_name": text[name], "units": "1"}
        variables[f"{name}_measured"] = (("profile", "place"), padded([p.values[name] for p in profiles]), described)
        curves = np.stack([[c[name] for c in fit.curves] for fit in fits])
        variables[f"{name}_fitted"] = (("model", "profile", "point"), curves, described)
    for name in fits[0].values:
        what = {"long_name": NAMES[name], "units": "1"}
        variables[name] = ("model", [fit.values[name] for fit in fits], what)
        variables[f"{name}_error"] = ("model", [fit.errors[name] for fit in fits], what)
    return xr.Dataset(variables, {"model": list(found), "profile": [p.name for p in profiles]})


def report(found: dict[str, kinetic.Calibration]) -> str:
    """The parameters with their errors, the misfit in per cent, and the verdict."""
    free = list(next(iter(found.values())).values)
    verdict = {True: "fits", False: "cannot fit", None: "noise unknown"}
    rows = [
        [name, *(f"{f.values[k]:.4f} +- {f.errors[k]:.4f}{' (bound)' if k in f.at_bound else ''}" for k in free),
         number(f.rms, ".3f", 100), number(f.chi2, ".1f"), verdict[f.fits]]
        for name, f in found.items()
    ]  # fmt: skip
    return table(["model", *free, "misfit [%]", "chi2/n", "verdict"], rows)
