"""The canonical suite: known flows over Knudsen numbers and cells, every closure beside the kinetic solver on the same cells.

``experiment=evaluate cases=[canonical]`` writes ``metrics.json`` (per closure: the whole suite and every run), ``canonical.md``,
``canonical.csv`` (a row per run), the figures ``canonical_cells`` (error against cells) and ``canonical_growth`` (against time).
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from hydra import compose
from omegaconf import DictConfig

from knudsen import closure, kinetic
from knudsen.build import build
from knudsen.errors import InputError
from knudsen.experiments import evaluation_plots, plots, references, setup
from knudsen.experiments.measure import conserved, rel_l2
from knudsen.experiments.output import Output, number, table
from knudsen.experiments.progress import bar

NAMES = tuple(make.__name__ for make in kinetic.cases.CANONICAL)
RULE = "quadrature"  # the untrained closure that a trained one must not be worse than
WORSE = 1.01  # times the rule's error: below it the two are the same
SLOW = 100.0  # times the median of the runs on as many cells: such a run is named
GROWTH_TIMES = 10  # saved times of the growth of the error


def run(cfg: DictConfig, output: Output) -> int:
    gas = setup.gas(cfg)
    names, cells, knudsen, late = settings(cfg)
    laws, unable = setup.able_closures(cfg, gas)
    options = setup.solver_options(cfg, "moments")
    kept = output.directory / "references" if cfg.reference.keep is None else Path(cfg.reference.keep)
    setup.estimates(cfg, gas)  # refused before anything runs
    solvers = {"kinetic": lambda cases: by_kinetics(cases, gas)}
    solvers |= {name: lambda cases, law=law: closure.simulate(law, cases, **options) for name, law in laws.items()}
    warm_up(solvers, make("sod", gas, cells=cells[0], knudsen=knudsen[0]))

    runs: list[dict[str, Any]] = []
    estimates: dict[str, float] = {}
    for name in names:
        finest = [make(name, gas, cells=cells[-1], knudsen=eps) for eps in knudsen]
        truths, estimate = reference(cfg, gas, finest, name, kept)
        estimates |= {f"{name} {key}": value for key, value in estimate.items()}
        for n in cells:
            cases = [make(name, gas, cells=n, knudsen=eps) for eps in knudsen]
            exact = [truth.averaged(n) for truth in truths]
            for model, solver in solvers.items():
                with bar(f"{name}, {n} cells: {model}", cfg.progress):
                    runs += judged(model, solver, cases, exact, gas)
    compare_runs(runs)
    growth = grow(cfg, gas, names, cells[0], knudsen, late, solvers, kept) if late else {}

    metrics = {model: {"canonical": summary(model, runs, cells, knudsen, names) | growth.get(model, {})} for model in solvers}
    if estimates:
        metrics["kinetic"]["canonical"]["reference_error"] = estimates
    output.json("metrics.json", metrics)
    text = tables(metrics, cells, knudsen, names)
    cannot = "\n".join(f"- `{name}` cannot: {reason}" for name, reason in unable.items())
    output.text("canonical.md", "\n".join(part for part in (in_words(cfg, gas, cells, late, estimates), text, cannot) if part))
    output.text("canonical.csv", as_csv(runs))
    setting = f"Canonical suite, {plots.gas_in_words(gas)}"
    output.figure("canonical_cells", evaluation_plots.cells_figure(by_cells(runs, cells, knudsen), setting))
    if growth:
        output.figure("canonical_growth", evaluation_plots.growth_figure(growth, f"{setting}, {cells[0]} cells"))
    print("\n" + text)
    for line in doubts(runs):
        print(line)
    output.announce()
    return 0


def settings(cfg: DictConfig) -> tuple[list[str], list[int], list[float], float | None]:
    """(names of the cases, cells, Knudsen numbers, end of the growth or None), checked."""
    if setup.plain(cfg.cases) != ["canonical"]:
        raise InputError(f"cases={setup.plain(cfg.cases)}: the canonical suite runs by itself; give cases=[canonical]")
    names, cells, knudsen = (setup.plain(cfg.canonical[key]) for key in ("cases", "cells", "knudsen"))
    names = list(NAMES) if names is None else names
    if not isinstance(names, list) or not names or not set(names) <= set(NAMES):
        raise InputError(f"canonical.cases={names}: give a list from {', '.join(NAMES)}, or null for all")
    if not isinstance(cells, list) or not cells or not all(type(n) is int and n > 0 for n in cells):
        raise InputError(f"canonical.cells={cells}: give a list of positive integers, e.g. [100, 200, 400]")
    cells = sorted(set(cells))
    if any(cells[-1] % n for n in cells):
        raise InputError(f"canonical.cells={cells}: the largest must be a multiple of every other, which share its reference")
    if not isinstance(knudsen, list) or not knudsen or not all(isinstance(e, int | float) and e > 0 for e in knudsen):
        raise InputError(f"canonical.knudsen={knudsen}: give a list of positive numbers")
    late = None if cfg.canonical.late is None else setup.positive(cfg, "canonical.late")
    return names, cells, [float(e) for e in knudsen], late


def make(name: str, gas: kinetic.Gas, **changed: Any) -> kinetic.Case:
    """The packaged case of that name with some of its keys changed."""
    options = setup.plain(compose("knudsen", overrides=[f"case={name}"]).case)
    return build(options | changed, f"case={name}", kinetic.Case, gas=gas)


def by_kinetics(cases, gas):
    with setup.quiet():
        return kinetic.simulate(cases, gas)


def warm_up(solvers: Mapping[str, Callable], case: kinetic.Case) -> None:
    """One step of every model, so that compiling is not measured."""
    for solver in solvers.values():
        solver([replace(case, t_end=1e-9, save_times=())])


def reference(cfg, gas, finest, name: str, kept: Path):
    """(resolved solutions, {"cells"|"velocities": largest relative L2 change of (rho, m, E) with half of them}).

    The change with halved cells or velocities bounds the reference's own error, if that falls at all; it is made on request.
    """
    fine = [case.at(setup.reference_cells(cfg, case, gas)) for case in finest]
    truths = references.solutions(cfg, gas, fine, f"{name}: reference", kept)
    if not setup.estimates(cfg, gas):
        return truths, {}
    return truths, setup.reference_errors(cfg, gas, finest, truths)


def judged(model: str, solver, cases, truths, gas: kinetic.Gas) -> list[dict[str, Any]]:
    """A record per case: what was run, its errors at the end, status, its share of the CPU seconds that all took."""
    begin = time.process_time()
    solutions = solver(cases)
    seconds = time.process_time() - begin
    wall = sum(s.seconds for s in solutions)
    records = []
    for case, solution, exact in zip(cases, solutions, truths, strict=True):
        error, heat_flux = errors(solution, exact, -1, gas.dims)
        records.append(
            {"model": model, "case": case.name, "knudsen": case.knudsen, "cells": case.cells, "error": error}
            | {"heat_flux": heat_flux, "seconds": seconds * solution.seconds / wall}
            | {key: value for key, value in setup.outcome(solution).items() if key != "seconds"}
        )
    return records


def errors(solution, exact, when: int, dims: int) -> tuple[float | None, float | None]:
    """Relative L2 errors of (rho, m, E) and of the heat flux at one saved time; None where the solution has ended before."""
    fields = [conserved(s.rho[when], s.u[when], s.T[when], dims) for s in (solution, exact)]
    total = rel_l2(*(np.stack(list(field.values())) for field in fields))
    return (total, rel_l2(solution.q[when], exact.q[when])) if np.isfinite(total) else (None, None)


def compare_runs(runs: list[dict[str, Any]]) -> None:
    """Into every record: the kinetic solver's error on the same cells, what lies ``beyond`` it, worse than the rule?, time over
    the median of the model's runs on as many cells; a run that takes SLOW times that says so among its warnings."""

    def of(model):
        return {(r["case"], r["knudsen"], r["cells"]): r["error"] for r in runs if r["model"] == model}

    kinetics, rule = of("kinetic"), of(RULE)
    for r in runs:
        key, error = (r["case"], r["knudsen"], r["cells"]), r["error"]
        r["kinetic"] = kinetics.get(key)
        r["beyond"] = None if error is None or r["kinetic"] is None else max(error - r["kinetic"], 0.0)
        r["worse_than_rule"] = None if rule.get(key) is None else error is None or bool(error > WORSE * rule[key])
        r["over_median"] = r["seconds"] / float(
            np.median([s["seconds"] for s in runs if (s["model"], s["cells"]) == (r["model"], r["cells"])])
        )
        if r["over_median"] > SLOW:
            slow = f"took {r['over_median']:.0f} times the median of the runs on {r['cells']} cells, {r['steps']} steps"
            r["warnings"] = [*r["warnings"], slow]


def summary(model: str, runs, cells, knudsen, names) -> dict[str, Any]:
    """What the suite says of one model, and all its runs."""
    own = [r for r in runs if r["model"] == model]

    def mean(key, **which):
        values = [r[key] for r in own if r[key] is not None and all(r[k] == v for k, v in which.items())]
        return float(np.mean(values)) if values else None

    def worst(key):
        return max((r for r in own if r[key] is not None), key=lambda r: r[key], default=None)

    def share(which):
        return {f"{name} {eps:g}": value for name in names for eps in knudsen if (value := mean(which, case=name, knudsen=eps))}

    slowest, hard, far = worst("over_median"), worst("error"), worst("beyond")
    steps = sum(r["steps"] * r["cells"] for r in own)
    entry = {key: mean(key) for key in ("error", "beyond", "heat_flux")}
    return {
        "mean": entry["error"],
        "max": None if hard is None else hard["error"],
        "worst": in_short(hard),
        "beyond_mean": entry["beyond"],
        "beyond_max": None if far is None else far["beyond"],
        "beyond_worst": in_short(far),
        "heat_flux": entry["heat_flux"],
        "by_decade": [mean("error", knudsen=eps) for eps in knudsen],
        "by_cells": {str(n): mean("error", cells=n) for n in cells},
        "beyond_by_cells": {str(n): mean("beyond", cells=n) for n in cells},
        "beyond_by_knudsen": {f"{eps:g}": mean("beyond", knudsen=eps) for eps in knudsen},
        "beyond_by_case": {name: mean("beyond", case=name) for name in names},
        "diverged": sum(r["status"] != "ok" for r in own),
        "fallback": sum(r["fallback"] for r in own),
        "worse_than_rule": sum(bool(r["worse_than_rule"]) for r in own),
        "slowest_over_median": slowest["over_median"],
        "slowest": in_short(slowest),
        "seconds_per_case": mean("seconds"),
        "seconds_by_cells": {str(n): mean("seconds", cells=n) for n in cells},
        "microseconds_per_cell_step": 1e6 * sum(r["seconds"] for r in own) / max(steps, 1),
        "n": len(own),
        "runs": [{key: value for key, value in r.items() if key != "model"} for r in own],
    }


def in_short(r: Mapping[str, Any] | None) -> str:
    return "" if r is None else f"{r['case']}, Knudsen {r['knudsen']:g}, {r['cells']} cells"


def grow(cfg, gas, names, cells: int, knudsen, late: float, solvers, kept: Path) -> dict[str, dict[str, Any]]:
    """{model: {"growth": {"time", "error": {case: means over the Knudsen numbers}}}} of the periodic cases, to ``late``.

    A time that some run did not reach has no mean.
    """
    times = [late * (i + 1) / GROWTH_TIMES for i in range(GROWTH_TIMES)]
    growth: dict[str, dict[str, Any]] = {model: {"growth": {"time": times, "error": {}}} for model in solvers}
    for name in names:
        cases = [make(name, gas, cells=cells, knudsen=eps, t_end=late, save_times=times) for eps in knudsen]
        if cases[0].boundary != "periodic":
            continue
        truths = [t.averaged(cells) for t in reference(cfg, gas, cases, f"{name} to t = {late:g}", kept)[0]]
        for model, solver in solvers.items():
            with bar(f"{name} to t = {late:g}: {model}", cfg.progress):
                rows = [
                    [errors(s, exact, when, gas.dims)[0] for when in range(1, len(times) + 1)]
                    for s, exact in zip(solver(cases), truths, strict=True)
                ]
            growth[model]["growth"]["error"][name] = [
                None if any(e is None for e in at) else float(np.mean(at)) for at in zip(*rows, strict=True)
            ]
    return growth if any(of["growth"]["error"] for of in growth.values()) else {}


def tables(metrics: Mapping[str, Any], cells, knudsen, names) -> str:
    """The suite in three tables: all of it, by Knudsen number, by case; errors in per cent, the best closure first."""
    of = {model: metrics[model]["canonical"] for model in metrics}
    models = sorted(of, key=lambda m: (m != "kinetic", of[m]["diverged"] > 0, of[m]["beyond_mean"] or 0.0))

    def per_cent(value):
        return number(value, scale=100)

    header = ["closure", "mean %", "worst %", "beyond kinetic: mean %", "worst %", "where", "heat flux %"]
    header += [
        *(f"{n} cells: beyond %" for n in cells),
        "diverged",
        "robust schemes",
        "worse than rule",
        "slowest/median",
        "CPU s",
    ]
    rows = []
    for m in models:
        e = of[m]
        row = [plots.label(m), *(per_cent(e[key]) for key in ("mean", "max", "beyond_mean", "beyond_max")), e["beyond_worst"]]
        row += [per_cent(e["heat_flux"]), *(per_cent(v) for v in e["beyond_by_cells"].values())]
        row += [f"{e[key]} of {e['n']}" for key in ("diverged", "fallback", "worse_than_rule")]
        rows.append([*row, number(e["slowest_over_median"], ".1f"), number(e["seconds_per_case"])])
    rows[0][3:6] = ["-", "-", of["kinetic"]["worst"]]
    rows[0][-3] = "-"
    by_knudsen = [[plots.label(m), *(per_cent(v) for v in of[m]["by_decade"])] for m in models]
    by_case = [[plots.label(m), *(per_cent(v) for v in of[m]["beyond_by_case"].values())] for m in models if m != "kinetic"]
    parts = {
        "Canonical suite": table(header, rows),
        "Mean error by Knudsen number": table(["closure", *(f"{eps:g} %" for eps in knudsen)], by_knudsen),
        "Mean error beyond the kinetic solver's, by case": table(["closure", *(f"{n} %" for n in names)], by_case),
    }
    return "\n".join(f"**{text}**\n\n{content}" for text, content in parts.items())


def in_words(cfg, gas, cells, late, estimates) -> str:
    """What was run, for whoever reads the tables by themselves."""
    growth = f" Periodic cases also to t = {late:g} on {cells[0]} cells." if late else ""
    said = ""
    if estimates:
        largest = {key: max(v for k, v in estimates.items() if k.endswith(key)) for key in ("cells", "velocities")}
        said = f" With half of its cells it changes by {number(largest['cells'], scale=100)} % at most, with half of its "
        said += f"velocities by {number(largest['velocities'], scale=100)} %."
    of = cfg.reference
    return (
        f"`gas={gas.name}`, the packaged cases at their own end times. Relative L2 errors of (ρ, m, E) in per cent against the "
        f"kinetic solution ({of.transport}, {of.integrator}) on at least {max(of.cells, 2 * cells[-1])} cells with at least "
        f"{of.velocity_points} velocities, more where jumps fly far.{said} Beyond kinetic: above the error of the kinetic solver "
        f"(its defaults) on the same cells, 0 where below. CPU seconds of a whole run, one core, without compiling; "
        f"slowest/median among runs on as many cells.{growth}\n"
    )


def doubts(runs) -> list[str]:
    """Lines for the terminal: every run that diverged, needed robust schemes, or has a warning."""
    lines = []
    for r in runs:
        said = [r["status"]] if r["status"] != "ok" else []
        said += [f"made by robust schemes ({', '.join(r['schemes'])})"] if r["fallback"] else []
        said += r["warnings"]
        if said:
            lines.append(f"{plots.label(r['model'])}, {in_short(r)}: {'; '.join(said)}")
    return lines


def by_cells(runs, cells: Sequence[int], knudsen: Sequence[float]) -> dict[float, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """{Knudsen number: {model: (cells, mean error over the cases)}}."""
    models = list(dict.fromkeys(r["model"] for r in runs))

    def mean(model, eps, n):
        values = [
            r["error"] for r in runs if (r["model"], r["knudsen"], r["cells"]) == (model, eps, n) and r["error"] is not None
        ]
        return np.mean(values) if values else np.nan

    return {eps: {m: (np.array(cells), np.array([mean(m, eps, n) for n in cells])) for m in models} for eps in knudsen}


_COLUMNS = (
    "model",
    "case",
    "knudsen",
    "cells",
    "error",
    "kinetic",
    "beyond",
    "heat_flux",
    "status",
    "fallback",
    "worse_than_rule",
)


def as_csv(runs) -> str:
    """A row per run; errors as fractions."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_COLUMNS, "steps", "seconds", "over_median", "schemes", "warnings"])
    for r in runs:
        values = ["" if r[key] is None else f"{r[key]:.6g}" if isinstance(r[key], float) else r[key] for key in _COLUMNS]
        words = [" ".join(r["schemes"]), "; ".join(r["warnings"])]
        writer.writerow([*values, r["steps"], f"{r['seconds']:.4g}", f"{r['over_median']:.3g}", *words])
    return text.getvalue()
