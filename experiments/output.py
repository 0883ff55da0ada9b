"""Result files: NetCDF with units and provenance, JSON, text, figures. A file that exists is complete, whatever interrupts the
run."""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from omegaconf import DictConfig, OmegaConf

from knudsen.experiments import datasets
from knudsen.experiments.record import Record
from knudsen.files import Draft


def finite(value: Any) -> Any:
    """`value` ready for JSON: plain types, and null where a number is not finite (JSON knows no NaN)."""
    if isinstance(value, Mapping):
        return {str(k): finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [finite(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Output:
    """The folder of one run. config: kept, resolved, in every file's attributes; record: told of every file that is complete."""

    def __init__(self, directory: Path, config: DictConfig, record: Record | None = None):
        self.directory = Path(directory)
        self.recorded = record is not None
        self.record = record or Record(self.directory, config, {}, [])
        self.titles = bool(OmegaConf.select(config, "figure.title", default=False))
        self.written: list[Path] = []

    def _write(self, name: str, write: Callable[[Path], Any]) -> Path:
        path = self.directory / name
        with Draft(path) as partial:
            write(partial)
        self.written.append(path)
        if self.recorded:
            self.record.wrote(name)
        return path

    def attributes(self) -> dict[str, Any]:
        """Provenance: seed, resolved configuration (YAML), the command that repeats the run, version, commit, versions, host,
        threads, wall and CPU seconds since the run began."""
        return self.record.facts()

    def dataset(self, name: str, data: xr.Dataset) -> Path:
        """Write NetCDF-4. Variables without their own units and long_name get those of `datasets.FIELDS`."""
        datasets.describe(data)
        data = data.assign_attrs(self.attributes() | data.attrs)
        encoding = {name: {"_FillValue": None} for name, v in data.variables.items() if v.dtype.kind == "f"}
        return self._write(name, lambda path: path.write_bytes(data.to_netcdf(engine="h5netcdf", encoding=encoding)))

    def json(self, name: str, data: Mapping) -> Path:
        self.record.noticed(data)
        return self._write(name, lambda path: path.write_text(json.dumps(finite(data), indent=1) + "\n"))

    def file(self, name: str, write: Callable[[Path], Any]) -> Path:
        """Whatever ``write(path)`` writes."""
        return self._write(name, write)

    def text(self, name: str, text: str) -> Path:
        return self._write(name, lambda path: path.write_text(text))

    def figure(self, name: str, figure: Any) -> Path:
        """Write ``name.png`` and ``name.pdf``, laid out and measured once for both: that takes longer than drawing.

        Panels get letters; the title is the caption of the report, and stays in the figure with ``figure.title=true``.
        """
        from knudsen.experiments.looks import finish  # it imports matplotlib: runs without figures owe none

        if caption := figure.get_suptitle():
            self.record.captions[name] = caption
            if not self.titles:
                figure.suptitle("")
        finish(figure)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        box = figure.get_tightbbox().padded(0.1)  # inches
        self._write(f"{name}.pdf", lambda path: figure.savefig(path, bbox_inches=box))
        return self._write(f"{name}.png", lambda path: figure.savefig(path, bbox_inches=box))

    def announce(self) -> None:
        """Say on the terminal where the files are."""
        print("wrote " + ", ".join(path.name for path in self.written) + f" in {self.directory}", flush=True)


def table(header: list[str], rows: list[list[Any]]) -> str:
    """A Markdown table with aligned columns; it reads well on a terminal too."""
    cells = [[str(c) for c in row] for row in [header, *rows]]
    width = [max(len(row[i]) for row in cells) for i in range(len(header))]
    line = [
        "| " + " | ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(row, width))) + " |"
        for row in cells
    ]
    rule = "|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(width)) + "|"
    return "\n".join([line[0], rule, *line[1:]]) + "\n"


def number(value: float | None, format: str = ".2f", scale: float = 1.0) -> str:
    """`value` times `scale`, or a dash where there is none (a model that diverged)."""
    return "-" if value is None or not math.isfinite(value) else f"{scale * value:{format}}"
