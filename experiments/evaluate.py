"""Random cases of every kind and Knudsen decade for a list of closures: ``metrics.json``, tables (Markdown, CSV), figures."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from hydra import compose
from omegaconf import DictConfig

from knudsen import closure, kinetic
from knudsen.build import build
from knudsen.errors import InputError, UnderResolvedWarning
from knudsen.experiments import canonical, evaluation_plots, leaderboard, numbers, plots, references, setup
from knudsen.experiments.measure import conserved, rel_l2
from knudsen.experiments.output import Output, number, table
from knudsen.experiments.progress import bar
from knudsen.experiments.setup import positive
from knudsen.seeds import BLOCK, judged, stream

OPTIONAL = ("cases_per_decade",)
RANDOM = ("wave", "mix", "transition", "equilibrium", "strong")
BOOST = 2.5  # velocity of the moving frame
LARGE, MIDDLE_T = 1.5, 0.9  # amplitudes beyond those of the protocol, about the middle of its range of temperatures


def run(cfg: DictConfig, output: Output) -> int:
    if "canonical" in (setup.plain(cfg.cases) or ()):
        return canonical.run(cfg, output)
    gas = setup.gas(cfg)
    kinds, decades, per_decade = settings(cfg)
    variants = of_variants(cfg, kinds)
    rivals = of_rivals(cfg, gas)
    laws, unable = setup.able_closures(cfg, gas)
    laws, lacking = numbers.expand(cfg, gas, laws)
    unable |= lacking
    options = setup.solver_options(cfg, "moments")
    kept = output.directory / "references" if cfg.reference.keep is None else Path(cfg.reference.keep)

    def reference(cases, text):
        fine = [case.at(setup.reference_cells(cfg, case, gas)) for case in cases]
        return references.solutions(cfg, gas, fine, f"{text}: kinetic", kept)

    first = random_cases(cfg, kinds[0], decades[-1:], 1)[0]
    warm_up(laws, rivals, first, options)
    costs = {name: step_cost(name, laws, rivals, first, options) for name in [*laws, *rivals]}
    metrics: dict[str, dict[str, Any]] = {name: {} for name in [*laws, *rivals]}
    points: dict[str, dict[str, Any]] = {}
    for kind, variant in variants:
        row = kind if variant is None else f"{kind}_{variant}"
        drawn = random_cases(cfg, kind, decades, per_decade)
        cases = [VARIANTS[variant](case) for case in drawn]
        # the same flow seen from a moving frame, or on other cells, needs no reference of its own
        moved = variant == "boosted" and all(moves_by_whole_cells(case) for case in cases)
        truths = reference(drawn if moved or variant == "doubled" else cases, row)
        truths = [t.averaged(c.cells) for t, c in zip(truths, cases)]
        solutions, seconds = {}, {}
        for name in [*laws, *rivals]:
            with bar(f"{row}: {name}", cfg.progress) as progress:
                begin = time.process_time()
                solutions[name] = solve(name, laws, rivals, cases, options, progress)
                seconds[name] = time.process_time() - begin
        late = cfg.late is not None and cfg.late > cfg.case.t_end
        for when, label in ((1, row), (2, f"{row}_late")) if late else ((1, row),):
            points[label] = {}
            for name, found in solutions.items():
                frame = (BOOST if variant == "boosted" else 0.0, moved)
                scored = score(cases, found, truths, gas.dims, len(decades), when, seconds[name], frame)
                if costs[name] is not None:
                    scored[0]["microseconds_per_cell_step"] = costs[name]
                metrics[name][label], points[label][name] = scored

    output.json("metrics.json", metrics)
    header, rows = summary(metrics, decades)
    output.text("errors.md", table(header, rows))
    output.text("errors.csv", leaderboard.as_csv(metrics, decades))
    reduced = gas.dims > 1 and not gas.is_boltzmann  # do the rivals have the reduced pair in place of all velocities?
    board = leaderboard.board(metrics, kinds, decades, setup.plain(cfg.variants), full_grid=reduced)
    cannot = "\n".join(f"- `{name}` cannot: {reason}" for name, reason in unable.items())
    output.text("leaderboard.md", "\n".join(part for part in (in_words(cfg, gas, per_decade, options), board, cannot) if part))
    setting = f"Random cases to t = {cfg.case.t_end:g}, {cfg.case.cells} cells, {plots.gas_in_words(gas)}"
    title = f"{setting}: {plots.models_in_words(list(laws))}"
    output.figure("errors", evaluation_plots.evaluation_figure({kind: points[kind] for kind in kinds}, title))
    output.figure("heat_flux", evaluation_plots.decades_figure(metrics, kinds, decades, f"{setting}: heat flux"))
    output.figure("cost", evaluation_plots.cost_figure(metrics, kinds, f"{setting}: accuracy against cost", reduced))
    if setup.plain(cfg.moments):
        output.figure("moments", numbers.numbers_figure(metrics, laws, kinds, f"{setting}: error against the number of moments"))
    print("\n" + table(header, rows))
    if cannot:
        print(f"gas={gas.name}:\n{cannot}\n")
    output.announce()
    return 0


def solve(name: str, laws, rivals, cases, options, progress=None):
    """All cases with one model: a closure, or the kinetic solver with few velocities."""
    if name in laws:
        return closure.simulate(laws[name], cases, progress=progress, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnderResolvedWarning)  # that is what is being measured
        return kinetic.simulate(cases, rivals[name], progress=progress)


def step_cost(name: str, laws, rivals, case: kinetic.Case, options) -> float | None:
    """CPU microseconds of a cell's step in a compiled loop, without set-up: what a longer run of one case takes more than a short
    one, each the best of three (where the clock sees no difference, set-up counts); None where batches in torch are the way to
    run."""
    if name in laws and laws[name].compiled() is None:
        return None
    runs = [replace(case, t_end=t, save_times=()) for t in (0.2, 1.0)]
    steps, seconds = [0, 0], [np.inf, np.inf]
    for i, run in 3 * list(enumerate(runs)):
        begin = time.process_time()
        steps[i] = solve(name, laws, rivals, [run], options)[0].steps
        seconds[i] = min(seconds[i], time.process_time() - begin)
    more, longer = seconds[1] - seconds[0], steps[1] - steps[0]
    cost = more / longer if more > 0 and longer > 0 else seconds[1] / max(steps[1], 1)
    return 1e6 * cost / case.cells


def warm_up(laws, rivals, case: kinetic.Case, options) -> None:
    """A few steps of every model, so that compiling is not measured."""
    short = replace(case, t_end=1e-3 * case.t_end, save_times=())
    for name in [*laws, *rivals]:
        solve(name, laws, rivals, [short], options)


def in_words(cfg: DictConfig, gas: kinetic.Gas, per_decade: int, options) -> str:
    """What was run, for whoever reads the tables by themselves."""
    late = "" if cfg.late is None else f" and {cfg.late:g}"
    schemes = ", ".join(options[key] for key in ("reconstruction", "flux", "integrator"))
    return (
        f"`gas={gas.name}`, {per_decade} cases per kind and decade of the Knudsen number (`seed={cfg.seed}`, never trained on), "
        f"{cfg.case.cells} cells, t = {cfg.case.t_end:g}{late}, {schemes}. Relative L2 errors in per cent against the kinetic "
        f"solution on {cfg.reference.cells} cells with at least {cfg.reference.velocity_points} velocities. `kinetic_N`: the "
        f"kinetic solver on the same cells with N velocities. Costs are CPU time of one core: compiled loops, and batches in "
        f"torch for closures that have no compiled form.\n"
    )


def _boosted(case: kinetic.Case) -> kinetic.Case:
    return replace(case, u=case.u + BOOST, knudsen=_fine(case), fine_knudsen=None)


def _large(case: kinetic.Case) -> kinetic.Case:
    """Amplitudes 1.5 times those of the protocol: u about 0, T about the middle of its range, densities about their own means."""
    mean = case.rho.mean(axis=1, keepdims=True)
    rho = np.maximum(mean + LARGE * (case.rho - mean), 0.05 * mean)
    T = MIDDLE_T + LARGE * (case.T - MIDDLE_T)
    return replace(case, rho=rho, u=LARGE * case.u, T=T, knudsen=_fine(case), fine_knudsen=None)


def _doubled(case: kinetic.Case) -> kinetic.Case:
    return case.at(2 * case.cells)


def moves_by_whole_cells(case: kinetic.Case) -> bool:
    """Is the way of the moving frame a whole number of cells at every saved time, and the Knudsen number the same everywhere?"""
    way = BOOST * np.array(case.save_times) / case.dx
    return np.ndim(case.knudsen) == 0 and case.boundary == "periodic" and bool(np.all(abs(way - np.round(way)) < 1e-6))


def _fine(case: kinetic.Case):
    return case.knudsen if case.fine_knudsen is None else case.fine_knudsen


VARIANTS = {None: lambda case: case, "boosted": _boosted, "doubled": _doubled, "large": _large}


def of_variants(cfg: DictConfig, kinds: list[str]) -> list[tuple[str, str | None]]:
    """What to run: every kind as it is, then wave and mix in each variant."""
    variants = setup.plain(cfg.variants)
    known = [name for name in VARIANTS if name]
    if not isinstance(variants, list) or not set(variants) <= set(known):
        raise InputError(f"variants={variants}: give a list from {', '.join(known)}")
    return [(kind, None) for kind in kinds] + [(k, v) for v in variants for k in kinds if k in ("wave", "mix")]


def of_rivals(cfg: DictConfig, gas: kinetic.Gas) -> dict[str, kinetic.Gas]:
    """{name: gas with that many velocities} of the kinetic competitors."""
    points = setup.plain(cfg.kinetic_velocities)
    if not isinstance(points, list):
        raise InputError(f"kinetic_velocities={points}: give a list of numbers of velocities, e.g. [16, 32]")
    return {f"kinetic_{n}": replace(gas, velocity_points=n) for n in points}


def settings(cfg: DictConfig) -> tuple[list[str], list[int], int]:
    """(kinds, decades, cases per decade), checked. 8 cases per decade are the protocol's 32 cases of each kind."""
    kinds, decades, per_decade = setup.plain(cfg.cases), setup.plain(cfg.decades), cfg.get("cases_per_decade", 8)
    if not isinstance(kinds, list) or not kinds or not set(kinds) <= set(RANDOM):
        raise InputError(f"cases={kinds}: give a list from {', '.join(RANDOM)}")
    if not isinstance(decades, list) or not decades or not all(isinstance(d, int) for d in decades):
        raise InputError(f"decades={decades}: give a list of integers, the powers of ten at which the Knudsen decades begin")
    if not isinstance(per_decade, int) or not 1 <= per_decade <= BLOCK // len(decades):
        raise InputError(f"cases_per_decade={per_decade}: give an integer from 1 to {BLOCK // len(decades)}")
    if not isinstance(cfg.seed, int) or cfg.seed < 0:
        raise InputError(f"seed={cfg.seed}: give an integer >= 0")
    return kinds, decades, per_decade


def random_cases(cfg: DictConfig, kind: str, decades: Sequence[int], per_decade: int) -> list[kinetic.Case]:
    """`per_decade` cases of `kind` for each decade, in order; Knudsen numbers log-uniform within it (not for transition)."""
    t_end = positive(cfg, "case.t_end")
    late = None if cfg.late is None else positive(cfg, "late")
    times = {"t_end": t_end} if late is None or late <= t_end else {"t_end": late, "save_times": [t_end]}
    options = setup.plain(compose("knudsen", overrides=[f"case={kind}"]).case) | {"cells": cfg.case.cells} | times
    draw = stream(cfg.seed, RANDOM.index(kind))
    cases = []
    for i, decade in enumerate(np.repeat(decades, per_decade)):
        knudsen = float(10 ** draw.uniform(decade, decade + 1))
        own = {"knudsen": knudsen} if "knudsen" in options else {}
        cases.append(build(options | own, f"case={kind}", kinetic.Case, seed=judged(cfg.seed, i)))
    return cases


def score(cases, solutions, truths, dims: int, decades: int, when: int, seconds: float, frame: tuple[float, bool]):
    """(metrics of one closure on one kind at saved time `when`, (Knudsen numbers, errors) of the cases that finished).

    All errors are relative L2 norms. Cases in a moving frame are judged in the frame of the protocol: frame is its velocity, and
    whether the truth is at rest in it. seconds: CPU time of all cases.
    """
    pairs = [fields_at(solution, truth, when, frame) for solution, truth in zip(solutions, truths)]
    ok = np.array([np.isfinite(value["rho"]).all() and np.isfinite(exact["rho"]).all() for value, exact in pairs])
    stacked = [[conserved(s["rho"], s["u"], s["T"], dims) for s in pair] for pair in pairs]
    total = [rel_l2(*(np.stack(list(s.values())) for s in pair)) for pair in stacked]
    errors = np.where(ok, total, np.nan)
    heat_flux, closed = (
        np.array([rel_l2(value[key], exact[key]) if fine and key in value else np.nan for (value, exact), fine in zip(pairs, ok)])
        for key in ("q", "closed")
    )
    knudsen = np.array([np.exp(np.mean(np.log(c.knudsen))) for c in cases])  # of a field: its geometric mean
    one_field = any(np.ndim(c.knudsen) for c in cases)  # every case spans all regimes: there are no decades to tell apart

    def by_decade(values):
        return [None if one_field or np.isnan(part).all() else np.nanmean(part) for part in np.split(values, decades)]

    def mean(values):
        return None if np.isnan(values).all() else np.nanmean(values)

    cell_steps = sum(s.steps * c.cells for s, c in zip(solutions, cases))
    return {
        "mean": mean(errors),
        "max": None if np.isnan(errors).all() else np.nanmax(errors),
        "by_decade": by_decade(errors),
        "heat_flux": mean(heat_flux),
        "heat_flux_by_decade": by_decade(heat_flux),
        "closed_moment": mean(closed),
        "closed_moment_by_decade": by_decade(closed),
        "diverged": int(np.sum(~ok)),
        "n": len(cases),
        "microseconds_per_cell_step": 1e6 * seconds / max(cell_steps, 1),
        "seconds_per_case": seconds / len(cases),
    }, (knudsen[ok], errors[ok])


def fields_at(solution, truth, when: int, frame: tuple[float, bool]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Fields of the solution and of the truth at one saved time: rho, u (of the protocol's frame), T, q and the closed moment."""
    velocity, at_rest = frame
    value, exact = ({"rho": s.rho[when], "u": s.u[when] - velocity, "T": s.T[when], "q": s.q[when]} for s in (solution, truth))
    if solution.closed is not None and solution.closed_order < truth.G.shape[1]:
        value["closed"] = solution.closed[when]
        exact["closed"] = kinetic.moments.hermite_moment(truth.G[when], truth.u[when], truth.T[when], solution.closed_order)
    if at_rest:
        exact["u"] = exact["u"] + velocity
        back = -round(velocity * solution.t[when] / (solution.x[1] - solution.x[0]))
        value = {name: np.roll(field, back) for name, field in value.items()}
    return value, exact


def summary(metrics: dict[str, dict[str, Any]], decades: Sequence[int]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the table: relative L2 errors in per cent."""
    header = [
        "case",
        "closure",
        "mean %",
        "max %",
        *(f"1e{d}..1e{d + 1} %" for d in decades),
        "heat flux %",
        "closed moment %",
        "diverged",
        "us/cell/step",
    ]
    rows = []
    for kind in next(iter(metrics.values())):
        for name, m in ((name, kinds[kind]) for name, kinds in metrics.items()):
            errors = [m["mean"], m["max"], *m["by_decade"], m["heat_flux"], m["closed_moment"]]
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
