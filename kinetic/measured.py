"""Measured profiles from a table (CSV): normal shocks, or flow between two walls."""

import csv
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path

import numpy as np

from knudsen.errors import InputError

SHIPPED = Path(__file__).parent / "data" / "vhs_argon_shocks.csv"
SHOCK = ("mach", "x_over_lambda1")  # and at least one of:
SHOCK_FIELDS = ("rho_n", "T_n")
CHANNEL = ("flow", "delta", "x_over_H", "value")
FLOWS = ("couette", "fourier", "poiseuille", "creep")
FEWEST = 3  # values of a profile


@dataclass(frozen=True)
class MeasuredProfile:
    """One measured profile. kind: 'shock' or a channel's flow; parameter: its Mach number, or delta.

    x [n]: in upstream mean free paths from mid density, or in H from the middle; values {field: [n], nan where not measured}:
    density ``rho_n`` and temperature ``T_n`` between 0 upstream and 1 downstream; or ``value``, the profile over its drive:
    u_y/U (couette), (T - T0)/dT (fourier), u_y/(xi v0) with xi = -(H/p0) dp/dy or (H/T0) dT/dy (poiseuille, creep).
    """

    kind: str
    parameter: float
    x: np.ndarray = field(repr=False)
    values: dict[str, np.ndarray] = field(repr=False)

    @property
    def name(self) -> str:
        return f"Mach {self.parameter:g}" if self.kind == "shock" else f"{self.kind}, delta = {self.parameter:g}"


def load_profiles(file: Path | str | None = None, only: list[float] | None = None) -> list[MeasuredProfile]:
    """The profiles of a table; None: the shipped shocks of a VHS gas.

    A first line of column names, then a line for each place; lines that begin with # are remarks. Shocks: ``mach``,
    ``x_over_lambda1`` and ``rho_n``, ``T_n`` or both (empty: not measured). Channels: ``flow, delta, x_over_H, value``.
    only: the Mach numbers, or deltas, that are wanted. Raises InputError naming the file, and the line and column where one is
    at fault.
    """
    path = SHIPPED if file is None else Path(file)
    header, rows = _rows(path)
    fields = [name for name in SHOCK_FIELDS if name in header]
    if set(SHOCK) <= set(header) and fields:
        keys, place, kind = ("mach",), "x_over_lambda1", "shock"
    elif set(CHANNEL) <= set(header):
        keys, place, kind, fields = ("flow", "delta"), "x_over_H", None, ["value"]
    else:
        shocks, channels = ", ".join((*SHOCK, "rho_n and/or T_n")), ", ".join(CHANNEL)
        raise InputError(f"data={path}: columns {', '.join(header)}; give {shocks} (shocks) or {channels} (channels)")
    groups: dict[tuple, list] = {}
    for number, row in rows:
        where = f"data={path}, line {number}"
        numbers = {name: _number(row[name], f"{where}, {name}", name in SHOCK_FIELDS) for name in (place, keys[-1], *fields)}
        if kind is None and row["flow"] not in FLOWS:
            raise InputError(f"{where}: flow {row['flow']!r} is unknown; give one of {', '.join(FLOWS)}")
        if not numbers[keys[-1]] > (1.0 if kind else 0.0):
            raise InputError(f"{where}: {keys[-1]}={row[keys[-1]]} must be above {1 if kind else 0}")
        if kind is None and abs(numbers[place]) > 0.5:
            raise InputError(f"{where}: x_over_H={row[place]} lies outside the walls at -0.5 and 0.5")
        groups.setdefault((kind or row["flow"], numbers[keys[-1]]), []).append([numbers[place], *(numbers[f] for f in fields)])
    wanted = {key for key in groups if only is None or key[1] in only}
    if missing := set(only or ()) - {key[1] for key in groups}:
        raise InputError(f"profiles={only}: {min(missing):g} is not in data={path}; there are {sorted({k[1] for k in groups})}")
    profiles = []
    for key in sorted(wanted):
        table = np.array(sorted(groups[key]), float)
        if np.isfinite(table[:, 1:]).sum() < FEWEST:
            raise InputError(f"data={path}: {key[0]} {key[1]:g} has fewer than {FEWEST} values; give more places")
        profiles.append(MeasuredProfile(*key, table[:, 0], dict(zip(fields, table[:, 1:].T, strict=True))))
    return profiles


def _rows(path: Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """Column names, and (line number, {column: text}) of every line that is no remark."""
    if not path.is_file():  # reading a pipe would wait for ever
        raise InputError(f"data={path}: there is no such file; give a CSV table of profiles")
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"data={path}: not a readable text file ({type(error).__name__}); give a CSV table") from None
    lines = [(n, line) for n, line in enumerate(text.splitlines(), 1) if line.strip() and not line.lstrip().startswith("#")]
    if len(lines) < 2:
        raise InputError(f"data={path}: holds no table; give a line of column names and lines of numbers")
    header = [name.strip() for name in next(csv.reader([lines[0][1]]))]
    if len(set(header)) < len(header):
        raise InputError(f"data={path}: a column stands twice in {', '.join(header)}; give each once")
    rows = []
    for number, line in lines[1:]:
        cells = [cell.strip() for cell in next(csv.reader([line]))]
        if len(cells) != len(header):
            raise InputError(f"data={path}, line {number}: {len(cells)} columns where the first line names {len(header)}")
        rows.append((number, dict(zip(header, cells, strict=True))))
    return header, rows


def _number(text: str, where: str, may_lack: bool) -> float:
    if may_lack and not text:
        return float("nan")
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise InputError(f"{where}: {text!r} is not a number; give one" + (", or leave it empty" if may_lack else ""))
    return value
