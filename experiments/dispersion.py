"""Sound and heat waves of every closure against the exact kinetic modes: ``dispersion.nc``, ``metrics.json``, a figure."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from omegaconf import DictConfig

from knudsen import kinetic
from knudsen.closure import diagnostics
from knudsen.closure.simulation import equilibrium_state
from knudsen.errors import InputError
from knudsen.experiments import plots, setup
from knudsen.experiments.output import Output, number, table
from knudsen.experiments.progress import bar
from knudsen.kinetic.dispersion import MODES, dispersion_roots
from knudsen.seeds import LINEARISED

SHORT = 1e5  # wave number of the shortest waves that are looked at for growth
CELLS = (50, 200, 800)  # of a unit length: the grids whose step is looked at
LONGEST = 1.0  # largest k eps of the mean error


def run(cfg: DictConfig, output: Output) -> int:
    gas = setup.gas(cfg)
    if gas.collision != "bgk":
        raise InputError(f"gas={gas.name}: the exact modes are those of a BGK gas: take gas=bgk_1v, bgk_2v or bgk_3v")
    knudsen, k = numbers(cfg, "knudsen"), wavenumbers(cfg)
    laws = setup.closures(cfg, gas)
    options, states = setup.solver_options(cfg, "moments"), cfg.states
    if isinstance(states, bool) or not isinstance(states, int) or states < 0:
        raise InputError(f"states={states}: give a whole number of at least 0")

    roots = {"kinetic": kinetic_roots(gas, knudsen, k)}
    metrics = {"kinetic": {"max_growth": float(np.nanmax(roots["kinetic"].real)), "max_growth_states": None, "rel_error": 0.0}}
    for name, law in laws.items():
        with bar(name, cfg.progress) as progress:
            found = [diagnostics.modes(law, eps, k) for eps in knudsen]
            roots[name] = np.stack([[modes[mode] for modes in found] for mode in MODES])
            progress(0.3)
            metrics[name] = stability(law, knudsen, states, options)
            metrics[name]["rel_error"] = mean_error(roots[name], roots["kinetic"], knudsen, k)
            progress(1.0)

    data = dataset(roots, knudsen, k)
    output.dataset("dispersion.nc", data)
    output.json("metrics.json", metrics)
    output.figure("dispersion", plots.dispersion_figure(data, f"waves at rest, {plots.gas_in_words(gas)}", gas.dims))
    text = report(metrics, roots, knudsen, k)
    output.text("dispersion.md", text)
    print("\n" + text)
    output.announce()
    return 0


def numbers(cfg: DictConfig, key: str) -> list[float]:
    """One or more positive numbers, increasing."""
    values = setup.plain(cfg[key])
    values = values if isinstance(values, list) else [values]
    good = all(isinstance(v, int | float) and not isinstance(v, bool) and np.isfinite(v) and v > 0 for v in values)
    if not values or not good or sorted(set(values)) != values:
        raise InputError(f"{key}={values}: give positive numbers, increasing, e.g. [0.01,0.1,1]")
    return [float(v) for v in values]


def wavenumbers(cfg: DictConfig) -> np.ndarray:
    ends, count = numbers(cfg, "wavenumbers"), setup.positive(cfg, "waves", int)
    if len(ends) != 2:
        raise InputError(f"wavenumbers={ends}: give the smallest and the largest, e.g. [0.1,1000]")
    if not 2 <= count <= 2000:
        raise InputError(f"waves={count}: choose 2 to 2000")
    return np.geomspace(*ends, count)


def kinetic_roots(gas: kinetic.Gas, knudsen: list[float], k: np.ndarray) -> np.ndarray:
    """lambda [mode, knudsen, wavenumber] of the BGK equation, NaN where a mode has gone into the continuum."""
    found = [dispersion_roots(eps * k, gas.dims) for eps in knudsen]  # frequency 1/eps: nu = 1 at rho = T = 1 for every omega
    return np.stack([[roots[mode] / eps for roots, eps in zip(found, knudsen)] for mode in MODES])


def stability(law: Any, knudsen: list[float], states: int, options: dict) -> dict[str, Any]:
    """What no wave may do: grow at rest, grow without bound at states of the closure's own runs, grow by the solver's step."""
    k, at_rest = np.geomspace(1, SHORT, 60), equilibrium_state(law, 1.0, 0.0, 1.0)[:, :, 0]
    result = {"max_growth": max(float(diagnostics.growth(law, at_rest, eps, k).max()) for eps in knudsen)}
    result |= {"max_growth_states": None, "unbounded_share": None}
    if states:
        cases = [kinetic.cases.mix(LINEARISED + seed, t_end=0.1) for seed in range(states)]
        U, slope, eps = diagnostics.visited(law, cases, **options)
        rate = diagnostics.growth(law, U, eps, [SHORT], slope, mixing=False)[:, 0] / SHORT
        result["max_growth_states"] = float(rate.max())
        result["unbounded_share"] = float((rate > diagnostics.BOUNDED).double().mean())
    schemes = {key: value for key, value in options.items() if key in ("reconstruction", "flux", "integrator", "cfl")}
    result["spectral_radius"] = max(diagnostics.amplification(law, n, eps, **schemes) for n in CELLS for eps in knudsen)
    return result


def mean_error(values: np.ndarray, exact: np.ndarray, knudsen: list[float], k: np.ndarray) -> float:
    """Mean of abs(lambda - kinetic lambda) / abs(kinetic lambda) over modes and waves of k eps <= 1."""
    there = np.isfinite(exact) & (np.multiply.outer(knudsen, k) <= LONGEST)
    return float(np.mean(abs(values - exact)[there] / abs(exact)[there]))


def dataset(roots: dict[str, np.ndarray], knudsen: list[float], k: np.ndarray) -> xr.Dataset:
    dims = ("model", "mode", "knudsen", "wavenumber")
    values = np.stack(list(roots.values()))
    words = ("Re lambda of exp(i k x + lambda t)", "Im lambda of exp(i k x + lambda t)")
    fields = {
        name: (dims, part, {"units": "sqrt(T_ref) / length", "long_name": text})
        for name, part, text in zip(("growth", "frequency"), (values.real, values.imag), words)
    }
    k = ("wavenumber", k, {"units": "1 / length", "long_name": "wave number k"})
    return xr.Dataset(fields, {"model": list(roots), "mode": list(MODES), "knudsen": knudsen, "wavenumber": k})


def report(metrics: dict, roots: dict[str, np.ndarray], knudsen: list[float], k: np.ndarray) -> str:
    """Errors of damping (D) and frequency (F) in per cent at k eps = 0.1, 0.5, 1, the worst over the Knudsen numbers that have
    such a wave."""
    rows = []
    for name, values in roots.items():
        if name == "kinetic":
            continue
        row = [plots.label(name)]
        for K in (0.1, 0.5, 1.0):
            worst = {"heat D": 0.0, "sound D": 0.0, "sound F": 0.0}
            for i, eps in enumerate(knudsen):
                if not k[0] <= K / eps <= k[-1]:
                    continue
                j = abs(np.log(k * eps / K)).argmin()
                (heat, sound), (heat_0, sound_0) = values[:, i, j], roots["kinetic"][:, i, j]
                errors = (heat.real / heat_0.real, sound.real / sound_0.real, sound.imag / sound_0.imag)
                worst = {key: max(worst[key], abs(e - 1)) for key, e in zip(worst, errors)}
            row += [number(value, ".2f", 100) for value in worst.values()]
        m = metrics[name]
        share = m["unbounded_share"]
        row += [f"{m['max_growth']:.1e}", "-" if share is None else number(share, ".1f", 100), f"{m['spectral_radius']:.4f}"]
        rows.append(row)
    header = ["model", *(f"{what} % at {K}" for K in (0.1, 0.5, 1) for what in ("heat D", "sound D", "sound F"))]
    return table([*header, "growth at rest", "states with growth ~ k %", "radius of a step"], rows)
