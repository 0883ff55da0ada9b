"""What is done with runs that are there: ``knudsen list``, ``show``, ``rerun``, ``plot``; and the summary of a sweep."""

from __future__ import annotations

import argparse
import csv
import json
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from knudsen.errors import InputError
from knudsen.experiments import record, report
from knudsen.experiments.paths import PATHS
from knudsen.files import Draft

STYLES = {  # matplotlib settings; inches of a whole figure's width
    "plain": ({}, None),
    "paper": ({"font.size": 8, "axes.labelsize": 8, "axes.titlesize": 8, "legend.fontsize": 7, "lines.linewidth": 1.0}, 6.9),
    "slides": (
        {"font.size": 14, "axes.labelsize": 14, "axes.titlesize": 14, "legend.fontsize": 12, "lines.linewidth": 2.2},
        13.3,
    ),
}


def command(name: str, arguments: Sequence[str], run: Callable[[list[str]], int]) -> int:
    """``knudsen NAME arguments``; run: the command line itself, for ``rerun``."""
    parser = argparse.ArgumentParser(prog=f"knudsen {name}", description=COMMANDS[name][1])
    return COMMANDS[name][0](parser, list(arguments), run)


def folder_of(text: str) -> Path:
    """A run's folder, or a file in it."""
    path = Path(text)
    return path if path.is_dir() else path.parent


def recorded(text: str) -> dict[str, Any]:
    folder = folder_of(text)
    found = record.read(folder)
    if found is None:
        raise InputError(f"{text}: no run here (no {record.NAME}); knudsen list shows those there are")
    return found


def below(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Every run below a folder, oldest first; what cannot be read is left out."""
    found = []
    for path in folder.rglob(record.NAME):
        try:
            one = record.read(path.parent)
        except InputError:
            continue
        found.append((path.parent, one))
    return sorted(found, key=lambda item: item[1]["started"])


def status_of(facts: dict[str, Any]) -> str:
    """The status; a run whose process is gone is no longer running."""
    if facts["status"] == "running" and not os.path.exists(f"/proc/{facts.get('process')}") and os.path.isdir("/proc/self"):
        return "killed"
    return facts["status"]


def list_runs(parser, arguments, run) -> int:
    parser.add_argument("folder", nargs="?", default="outputs", help="searched with all below it (outputs)")
    folder = Path(parser.parse_args(arguments).folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; give the one your runs are in: knudsen list FOLDER")
    rows = []
    for path, facts in below(folder):
        changes = shlex.join(o for o in facts["overrides"] if not o.startswith(("experiment=", "progress=")))
        when = facts["started"].replace("T", " ")[:16]
        rows.append([str(path), facts["experiment"], status_of(facts), when, f"{facts['wall_seconds']:.1f}", changes])
    from knudsen.experiments.output import table

    print(table(["run", "experiment", "status", "started", "seconds", "changes"], rows) if rows else f"no runs in {folder}")
    return 0


def show(parser, arguments, run) -> int:
    parser.add_argument("run", help="its folder")
    given = parser.parse_args(arguments).run
    facts, folder = recorded(given), folder_of(given)
    print(f"{facts['experiment']}: {report.status_in_words(facts | {'status': status_of(facts)})}")
    print(f"{facts['command']}\n")
    for name in ("started", "wall_seconds", "cpu_seconds", "seed", "host", "threads", "commit", "versions", "files"):
        value = facts.get(name, "-")
        print(f"  {name:<13}{', '.join(value) if isinstance(value, list) else report.short(value)}")
    for warning in facts["warnings"]:
        print(f"warning: {warning}")
    if (folder / "metrics.json").is_file():
        from knudsen.experiments.output import table

        header, rows = report.rows_of(json.loads((folder / "metrics.json").read_text()))
        if len(header) > 2:
            header, *rows = [list(column) for column in zip(*[header, *rows])]
        print("\n" + table(header, [[report.short(cell) for cell in row] for row in rows[: report.MOST]]))
    return 0


def rerun(parser, arguments, run) -> int:
    parser.add_argument("run", help="its folder")
    parser.add_argument("changes", nargs="*", help="key=value, beside those of the run")
    given = parser.parse_args(arguments)
    facts = recorded(given.run)
    here, there = record.version_and_commit(), (facts["version"], facts.get("commit", ""))
    if here != there:
        print(f"note: the run was made by knudsen {' '.join(there)}; this is {' '.join(here)}", file=sys.stderr)
    return run([*(_from(facts["working_directory"], o) for o in facts["overrides"]), *given.changes])


def _from(directory: str, override: str) -> str:
    """A path in an override as it was meant where the command was typed."""
    key, _, value = override.partition("=")
    if key.lstrip("+") in PATHS and not value.startswith(("/", "[")):
        path = Path(directory) / value.strip("'\"")
        return f"{key}={path}" if path.exists() else override
    return override


def plot(parser, arguments, run) -> int:
    parser.add_argument("run", help="its folder")
    parser.add_argument("--style", choices=list(STYLES), default="plain", help="paper: small type; slides: large type")
    parser.add_argument("--title", action="store_true", help="with a title")
    parser.add_argument("--width", type=float, help="inches")
    parser.add_argument("--height", type=float, help="inches")
    parser.add_argument("--dpi", type=float, default=300, help="of pixels (300)")
    parser.add_argument("--format", default="pdf", choices=("pdf", "svg", "png"), help="pdf and svg are vector graphics")
    given = parser.parse_args(arguments)
    facts, folder = recorded(given.run), folder_of(given.run)
    for name in ("width", "height", "dpi"):
        value = getattr(given, name)
        if value is not None and not 0 < value < 10_000:
            raise InputError(f"--{name}={value:g}: give a positive number")
    import matplotlib
    import xarray as xr

    from knudsen.experiments import plots

    settings, width = STYLES[given.style]
    for file, draw in figures(facts, folder, given.title, plots).items():
        with matplotlib.rc_context(settings):
            figure = draw(xr.load_dataset(folder / file, engine="h5netcdf"))
            old = figure.get_size_inches()
            wide = given.width or width or old[0]
            figure.set_size_inches(wide, given.height or old[1] * wide / old[0])
            target = folder / f"{Path(file).stem}_{given.style}.{given.format}"
            with Draft(target) as partial:
                figure.savefig(partial, dpi=given.dpi)
            print(f"wrote {target}")
    return 0


def figures(facts: dict[str, Any], folder: Path, title: bool, plots) -> dict[str, Callable]:
    """{NetCDF file: what draws it} of the experiments whose figures are made of their files alone."""
    from knudsen.experiments import plane_plots

    words = f"{facts['experiment']}: {', '.join(facts['overrides'][1:4])}" if title else ""
    known: dict[str, dict[str, Callable]] = {
        "simulate": {
            "solution.nc": lambda d: (plane_plots.fields_figure if "y" in d.dims else plots.solution_figure)(d, words),
            "trajectory.nc": lambda d: plots.distribution_figure(d, words),
        },
        "compare": {"comparison.nc": lambda d: plots.comparison_figure(d.isel(time=-1) if "time" in d.dims else d, words)},
        "shock_structure": {"shock.nc": lambda d: plots.shock_figure(d, None, words)},
        "channel": {"solution.nc": lambda d: plots.channel_figure(d, words)},
    }  # fmt: skip
    found = {file: draw for file, draw in known.get(facts["experiment"], {}).items() if (folder / file).is_file()}
    if not found:
        raise InputError(f"{folder}: nothing to draw again; that is done for finished runs of {', '.join(known)}")
    return found


def summarise_sweep(folder: Path) -> None:
    """``sweep.csv``: a row for each run and model; with one number varied a figure, too; ``report.html`` of the whole."""
    runs = [(path, facts) for path, facts in below(folder) if path.parent == folder]
    if not runs:
        return
    runs.sort(key=lambda item: int(item[0].name.partition("_")[0]) if item[0].name.partition("_")[0].isdigit() else 0)
    varied = _varied([facts for _, facts in runs])
    rows = []
    for path, facts in runs:
        given = {key: _value(facts, key) for key in varied}
        metrics = json.loads((path / "metrics.json").read_text()) if (path / "metrics.json").is_file() else {}
        header, of_models = report.rows_of(metrics) if metrics and isinstance(metrics, dict) else ([""], [[""]])
        names = header[1:]
        if header[1:] == ["value"]:  # one row of numbers
            names, of_models = [row[0] for row in of_models], [["", *(row[1] for row in of_models)]]
        for model, *values in of_models:
            rows.append({"run": path.name, **given, "model": model} | dict(zip(names, values)) | {"status": facts["status"]})
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with Draft(folder / "sweep.csv") as partial, open(partial, "w", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    files = ["sweep.csv"]
    if figure := _sweep_figure(varied, rows):
        with Draft(folder / "sweep.png") as partial:
            figure.savefig(partial)
        files.append("sweep.png")
    first = runs[0][1]
    whole = {
        **first, "status": max((facts["status"] for _, facts in runs), key=lambda s: s != "ok"), "reason": "",
        "command": shlex.join(["knudsen", *sys.argv[1:]]), "files": files,
        "warnings": [f"{path.name}: {w}" for path, facts in runs for w in facts["warnings"]],
        "wall_seconds": sum(f["wall_seconds"] for _, f in runs), "cpu_seconds": sum(f["cpu_seconds"] for _, f in runs),
        "config": "\n".join(f"{path.name}: {facts['command']}" for path, facts in runs),
    }  # fmt: skip
    with Draft(folder / report.NAME) as partial:
        partial.write_text(report.page(whole, folder))
    print(f"wrote {', '.join([*files, report.NAME])} in {folder}", flush=True)


def _varied(runs: Sequence[dict[str, Any]]) -> list[str]:
    """The overrides that differ among runs."""
    keys = dict.fromkeys(o.partition("=")[0] for facts in runs for o in facts["overrides"])
    return [key for key in keys if len({_value(facts, key) for facts in runs}) > 1]


def _value(facts: dict[str, Any], key: str) -> Any:
    texts = [o.partition("=")[2] for o in facts["overrides"] if o.partition("=")[0] == key]
    try:
        return float(texts[-1])
    except (ValueError, IndexError):
        return texts[-1] if texts else ""


QUANTITIES = {
    "mach": "Mach number", "case.knudsen": "Knudsen number", "case.cells": "cells", "case.t_end": "end time", "seed": "seed",
    "case.delta": r"$\delta$", "gas.omega": r"viscosity exponent $\omega$", "closure.moments": "moments",
    "lambda1_over_delta": r"$\lambda_1/\delta$", "rel_l2.total": r"relative $L_2$ error of $(\rho, m, E)$",
    "rel_l2.rho": r"relative $L_2$ error of $\rho$", "heat_flux": "heat flux", "shear_stress": "shear stress",
    "flow_rate": "flow rate", "validation_loss": "validation loss",
}  # fmt: skip


def _sweep_figure(varied: Sequence[str], rows: Sequence[dict[str, Any]]):
    """The first quantities over the one number that varies, a line for each model."""
    if len(varied) != 1 or not all(isinstance(row[varied[0]], float) for row in rows):
        return None
    key = varied[0]
    wanted = (
        "lambda1_over_delta",
        "rel_l2.total",
        "rel_l2.rho",
        "heat_flux",
        "shear_stress",
        "flow_rate",
        "energy",
        "validation_loss",
    )
    numbers = {name for row in rows for name, value in row.items() if isinstance(value, float)} - {key, "seconds"}
    names = [name for name in wanted if name in numbers][:3] or sorted(numbers)[:3]
    if not names:
        return None
    from knudsen.experiments.looks import Figure, colours, finish, label

    figure = Figure(figsize=(3.2 * len(names), 2.8))
    models = list(dict.fromkeys(row["model"] for row in rows))
    colour = colours([m for m in models if m])
    for axis, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names):
        for model in models:
            points = sorted((row[key], row[name]) for row in rows if row["model"] == model and isinstance(row.get(name), float))
            if points:
                axis.plot(*zip(*points), "o-", ms=3, color=colour.get(model, "black"), label=label(model) if model else None)
        values = [row[key] for row in rows]
        if min(values) > 0 and max(values) > 20 * min(values):
            axis.set_xscale("log")
        axis.set(xlabel=QUANTITIES.get(key, key), ylabel=QUANTITIES.get(name, name))
    if len(models) > 1:
        axis.legend()
    return finish(figure)


COMMANDS: dict[str, tuple[Callable, str]] = {
    "list": (list_runs, "The runs below a folder."),
    "show": (show, "What a run was, and its metrics."),
    "rerun": (rerun, "The command of a run again, into a new folder."),
    "plot": (plot, "The figure of a run again, from its files."),
}
