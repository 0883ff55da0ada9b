"""Random cases of every kind and Knudsen decade for a list of closures: ``metrics.json``, tables (Markdown, CSV), a figure."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from hydra import compose
from omegaconf import DictConfig

import closure
import kinetic
from conf.build import build
from experiments import plots, setup
from experiments.measure import conserved_errors, rel_l2
from experiments.output import Output, number, table
from experiments.progress import bar
from kinetic.errors import InputError

OPTIONAL = ("cases_per_decade",)
RANDOM = ("wave", "mix", "transition", "equilibrium", "strong")
FIRST_SEED = 1_000_000  # random cases from here on are for evaluation; training draws below (closure.labels)
SEEDS = 100_000  # for each value of `seed`


def run(cfg: DictConfig, output: Output) -> int:
    gas = setup.gas(cfg)
    kinds, decades, per_decade = settings(cfg)
    laws = setup.closures(cfg, gas)
    options = setup.solver_options(cfg, "moments")

    metrics: dict[str, dict[str, Any]] = {name: {} for name in laws}
    points: dict[str, dict[str, Any]] = {kind: {} for kind in kinds}
    for kind in kinds:
        cases = random_cases(cfg, kind, decades, per_decade)
        fine = [case.at(setup.reference_cells(cfg, case)) for case in cases]
        truths = [t.averaged(c.cells) for t, c in zip(setup.reference(cfg, gas, fine, f"{kind}: kinetic"), cases)]
        for name, law in laws.items():
            with bar(f"{kind}: {name}", cfg.progress) as progress:
                solutions = closure.simulate(law, cases, gas, progress=progress, **options)
            metrics[name][kind], points[kind][name] = score(cases, solutions, truths, gas.dims, len(decades))

    output.json("metrics.json", metrics)
    header, rows = summary(metrics, decades)
    output.text("errors.md", table(header, rows))
    output.text("errors.csv", as_csv(header, rows))
    setting = f"Random cases to t = {cases[0].t_end:g}, {cases[0].cells} cells, {plots.gas_in_words(gas)}"
    title = f"{setting}: {plots.models_in_words(list(laws))}"
    output.figure("errors", plots.evaluation_figure(points, title))
    print("\n" + table(header, rows))
    output.announce()
    return 0


def settings(cfg: DictConfig) -> tuple[list[str], list[int], int]:
    """(kinds, decades, cases per decade), checked. 8 cases per decade are the protocol's 32 cases of each kind."""
    kinds, decades, per_decade = setup.plain(cfg.cases), setup.plain(cfg.decades), cfg.get("cases_per_decade", 8)
    if not isinstance(kinds, list) or not kinds or not set(kinds) <= set(RANDOM):
        raise InputError(f"cases={kinds}: give a list from {', '.join(RANDOM)}")
    if not isinstance(decades, list) or not decades or not all(isinstance(d, int) for d in decades):
        raise InputError(f"decades={decades}: give a list of integers, the powers of ten at which the Knudsen decades begin")
    if not isinstance(per_decade, int) or not 1 <= per_decade <= SEEDS // len(decades):
        raise InputError(f"cases_per_decade={per_decade}: give an integer from 1 to {SEEDS // len(decades)}")
    if not isinstance(cfg.seed, int) or cfg.seed < 0:
        raise InputError(f"seed={cfg.seed}: give an integer >= 0")
    return kinds, decades, per_decade


def random_cases(cfg: DictConfig, kind: str, decades: Sequence[int], per_decade: int) -> list[kinetic.Case]:
    """`per_decade` cases of `kind` for each decade, in order; Knudsen numbers log-uniform within it (not for transition)."""
    options = setup.plain(compose("config", overrides=[f"case={kind}"]).case) | {"cells": cfg.case.cells, "t_end": cfg.case.t_end}
    draw = np.random.default_rng([cfg.seed, RANDOM.index(kind)])
    cases = []
    for i, decade in enumerate(np.repeat(decades, per_decade)):
        knudsen = float(10 ** draw.uniform(decade, decade + 1))
        own = {"knudsen": knudsen} if "knudsen" in options else {}
        cases.append(build(options | own, f"case={kind}", seed=FIRST_SEED + SEEDS * cfg.seed + i))
    return cases


def score(cases, solutions, truths, dims: int, decades: int) -> tuple[dict[str, Any], tuple[np.ndarray, np.ndarray]]:
    """(metrics of one closure on one kind, (Knudsen numbers, errors) of the cases that finished)."""
    ok = np.array([s.status == "ok" and t.status == "ok" for s, t in zip(solutions, truths)])
    errors = np.array([conserved_errors(s, t, dims)["total"] if fine else np.nan for s, t, fine in zip(solutions, truths, ok)])
    heat_flux = [rel_l2(s.q[-1], t.q[-1]) for s, t, fine in zip(solutions, truths, ok) if fine]
    knudsen = np.array([np.exp(np.mean(np.log(c.knudsen))) for c in cases])  # of a field: its geometric mean
    one_field = any(np.ndim(c.knudsen) for c in cases)  # every case spans all regimes: there are no decades to tell apart
    by_decade = [None if one_field or np.isnan(part).all() else np.nanmean(part) for part in np.split(errors, decades)]
    cell_steps = sum(s.steps * c.cells for s, c in zip(solutions, cases))
    return {
        "mean": np.nanmean(errors) if ok.any() else None,
        "max": np.nanmax(errors) if ok.any() else None,
        "by_decade": by_decade,
        "heat_flux": np.mean(heat_flux) if heat_flux else None,
        "diverged": int(sum(s.status == "diverged" for s in solutions)),
        "n": len(cases),
        "microseconds_per_cell_step": 1e6 * sum(s.seconds for s in solutions) / max(cell_steps, 1),
    }, (knudsen[ok], errors[ok])


def summary(metrics: dict[str, dict[str, Any]], decades: Sequence[int]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the table: relative L2 errors in per cent."""
    header = [
        "case",
        "closure",
        "mean %",
        "max %",
        *(f"1e{d}..1e{d + 1} %" for d in decades),
        "heat flux %",
        "diverged",
        "us/cell/step",
    ]
    rows = []
    for kind in next(iter(metrics.values())):
        for name, m in ((name, kinds[kind]) for name, kinds in metrics.items()):
            errors = [m["mean"], m["max"], *m["by_decade"], m["heat_flux"]]
            rows.append(
                [
                    kind,
                    plots.label(name),
                    *(number(e, scale=100) for e in errors),
                    f"{m['diverged']} of {m['n']}",
                    number(m["microseconds_per_cell_step"]),
                ]
            )
    return header, rows


def as_csv(header: list[str], rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()
