"""Tables of the standard evaluation, from its metrics alone: Markdown for reading, CSV for everything else."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from knudsen.experiments.output import number, table
from knudsen.experiments.plots import label

Metrics = Mapping[str, Mapping[str, Mapping[str, Any]]]
VARIANT_KINDS = ("wave", "mix")


def board(metrics: Metrics, kinds: Sequence[str], decades: Sequence[int], variants: Sequence[str], full_grid: bool) -> str:
    """All tables, in the order of interest; errors are relative L2 norms in per cent, mean / worst where there are two."""
    names = sorted(metrics, key=lambda name: _rank(metrics[name], kinds))
    late = any(f"{kind}_late" in metrics[names[0]] for kind in kinds)
    parts = [("(ρ, m, E), mean / worst", _overview(metrics, names, kinds, ""))]
    if late:
        parts.append(("(ρ, m, E) at the later time, mean / worst", _overview(metrics, names, kinds, "_late")))
    with_decades = [kind for kind in kinds if any(v is not None for v in metrics[names[0]][kind]["by_decade"])]
    for key, text in (
        ("by_decade", "(ρ, m, E)"),
        ("heat_flux_by_decade", "Heat flux"),
        ("closed_moment_by_decade", "Closed moment"),
    ):
        if with_decades:
            parts.append((f"{text} by decade of the Knudsen number, mean", _decades(metrics, names, with_decades, decades, key)))
    if variants:
        parts.append(("Variants, (ρ, m, E), mean", _variants(metrics, names, kinds, variants)))
    rivals = [name for name in names if name.startswith("kinetic_")]
    if len(rivals) > 1:
        parts.append(("Cost at equal error", _costs(metrics, names, rivals, kinds, full_grid)))
    return "\n".join(f"**{text}**\n\n{content}" for text, content in parts)


def _rank(of: Mapping[str, Mapping[str, Any]], kinds: Sequence[str]) -> tuple[int, float]:
    """Fewest diverged runs do not come first: the smallest mean error over the kinds does; without any, last."""
    means = [of[kind]["mean"] for kind in kinds]
    return (1, 0.0) if any(m is None for m in means) else (0, float(np.mean(means)))


def _overview(metrics, names, kinds, when) -> str:
    rows = []
    for name in names:
        entries = [metrics[name][kind + when] for kind in kinds]
        cells = [f"{number(m['mean'], scale=100)} / {number(m['max'], scale=100)}" for m in entries]
        failed = f"{sum(m['diverged'] for m in entries)} of {sum(m['n'] for m in entries)}"
        rows.append([label(name), *cells, failed, number(microseconds(metrics[name]))])
    return table(["closure", *kinds, "diverged", "us/cell/step"], rows)


def _decades(metrics, names, kinds, decades, key) -> str:
    header = ["closure", *(f"{kind} 1e{d}..1e{d + 1}" for kind in kinds for d in decades)]
    rows = []
    for name in names:
        values = [value for kind in kinds for value in metrics[name][kind][key]]
        if any(value is not None for value in values):
            rows.append([label(name), *(number(value, scale=100) for value in values)])
    return table(header, rows)


def _variants(metrics, names, kinds, variants) -> str:
    chosen = [kind for kind in kinds if kind in VARIANT_KINDS]
    rows = [
        [
            label(name),
            *(number(metrics[name][k + v]["mean"], scale=100) for k in chosen for v in ("", *(f"_{v}" for v in variants))),
        ]
        for name in names
    ]
    return table(["closure", *(k if not v else v for k in chosen for v in ("", *variants))], rows)


def microseconds(of: Mapping[str, Mapping[str, Any]]) -> float:
    """The smallest cost per cell and step of one model over all kinds: the least disturbed measurement."""
    return min(entry["microseconds_per_cell_step"] for entry in of.values())


def _costs(metrics, names, rivals, kinds, full_grid) -> str:
    header = ["closure", "case", "error %", "us/cell/step", "kinetic: velocities", "us/cell/step", "closure is"]
    header += ["full grid: us/cell/step", "closure is"] if full_grid else []
    header += ["whole case: CPU ms", "kinetic: CPU ms", "closure is"]
    rows = []
    for name in names:
        for kind in kinds:
            if name in rivals or metrics[name][kind]["mean"] is None:
                continue
            error, own = metrics[name][kind]["mean"], microseconds(metrics[name])
            row = [label(name), kind, number(error, scale=100), number(own, ".3f")]
            points = at_equal_error(metrics, rivals, kind, error)
            if points is None:
                rows.append(row + ["none as good"] + ["-"] * (len(header) - len(row) - 1))
                continue
            velocities, pair = points
            row += [number(velocities, ".0f"), number(pair, ".3f"), f"{number(pair / own)} x as fast"]
            if full_grid:  # 1 density of N^3 velocities instead of 2 of N
                full = 0.5 * velocities**2 * pair
                row += [number(full, ".1f"), f"{number(full / own, '.0f')} x as fast"]
            whole = metrics[name][kind]["seconds_per_case"]
            rival = at_equal_error(metrics, rivals, kind, error, lambda of: of[kind]["seconds_per_case"])[1]  # noqa: B023 (at once)
            row += [number(1e3 * whole), number(1e3 * rival), f"{number(rival / whole)} x as fast"]
            rows.append(row)
    return table(header, rows)


def at_equal_error(
    metrics: Metrics, rivals: Sequence[str], kind: str, error: float, cost: Callable[[Mapping], float] = microseconds
) -> tuple[float, float] | None:
    """(velocities, cost) with which the kinetic solver on the same cells has this error: power laws between the numbers of
    velocities that were run; None if even the most are worse, the fewest if even those are better.

    cost: of the metrics of one model; microseconds per cell and step, or the CPU seconds of a whole case.
    """
    points = sorted((int(r.rpartition("_")[2]), metrics[r][kind]["mean"], cost(metrics[r])) for r in rivals)
    points = [p for p in points if p[1] is not None]
    if not points or min(p[1] for p in points) > error:
        return None
    if points[0][1] <= error:
        return points[0][0], points[0][2]
    for (n0, e0, c0), (n1, e1, c1) in zip(points, points[1:]):
        if e1 <= error:
            part = math.log(e0 / error) / math.log(e0 / e1)
            return n0 * (n1 / n0) ** part, c0 * (c1 / c0) ** part
    return None


def as_csv(metrics: Metrics, decades: Sequence[int]) -> str:
    """Every number of the metrics, a row per case and closure; errors in per cent."""
    lists = {key: [f"{key.removesuffix('by_decade')}1e{d}..1e{d + 1}" for d in decades] for key in _LISTS}
    header = ["case", "closure", *(f"{key} %" for key in _NUMBERS)]
    header += [f"{name} %" for names in lists.values() for name in names] + list(_COUNTS)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for kind in next(iter(metrics.values())):
        for name, of in metrics.items():
            entry = of[kind]
            errors = [entry[key] for key in _NUMBERS] + [value for key in lists for value in entry[key]]
            errors = ["" if e is None or not math.isfinite(e) else f"{100 * e:.4g}" for e in errors]
            writer.writerow([kind, name, *errors, *(f"{entry[key]:.4g}" for key in _COUNTS)])
    return text.getvalue()


_NUMBERS = ("mean", "max", "heat_flux", "closed_moment")
_LISTS = ("by_decade", "heat_flux_by_decade", "closed_moment_by_decade")
_COUNTS = ("diverged", "n", "microseconds_per_cell_step", "seconds_per_case")
