"""The command in this process: a new interpreter for every run would cost seconds of imports each."""

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from knudsen.experiments.app import main
from knudsen.experiments.output import Output


@dataclass
class Run:
    """What one run left behind."""

    status: int
    text: str
    directory: Path

    @property
    def last_line(self) -> str:
        return self.text.strip().splitlines()[-1]

    def dataset(self, name: str) -> xr.Dataset:
        return xr.load_dataset(self.directory / name, engine="h5netcdf")

    def metrics(self) -> dict:
        return json.loads((self.directory / "metrics.json").read_text())

    def files(self) -> set[str]:
        """Result files: all but the record of the run."""
        found = {p.name for p in self.directory.glob("*") if p.is_file()} if self.directory.exists() else set()
        return found - {"run.json", "report.html"}


@pytest.fixture(scope="session")
def knudsen(tmp_path_factory):
    """knudsen(*overrides, directory=a new one) -> Run."""
    write, drawn = Output.figure, set()

    def figure(output: Output, name: str, full: Figure) -> Path:
        """To draw takes longer than most runs: each kind of figure is drawn once, and then an empty page has its name."""
        kind = name, len(full.axes)
        page = Figure(figsize=(1, 1)) if kind in drawn else full
        drawn.add(kind)
        return write(output, name, page)

    def call(*overrides: str, directory: Path | None = None) -> Run:
        directory = directory or tmp_path_factory.mktemp("run") / "out"
        text = io.StringIO()
        if all("=" in word and not word.startswith(("-", "hydra.")) for word in overrides):
            overrides = ("--run", *overrides)  # Hydra need not compose everything once more to learn that it is no sweep
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
            patch.setattr(Output, "figure", figure)
            patch.setattr("sys.argv", ["knudsen", *overrides, f"hydra.run.dir={directory}"])
            try:
                status = main()
            except SystemExit as leaving:  # argparse, for an option it does not know
                status = leaving.code
        return Run(status, text.getvalue(), directory)

    return call


@pytest.fixture(scope="session")
def start_file(tmp_path_factory):
    """start_file(cells=60, **changes) -> path of initial data in the format of case=tabulated."""

    def write(cells: int = 60, attrs: dict | None = None, drop: tuple[str, ...] = (), **changes) -> Path:
        x = (np.arange(cells) + 0.5) / cells - 0.5
        state = {"rho": 1 + 0.2 * np.sin(2 * np.pi * x), "u": 0.1 * np.cos(2 * np.pi * x), "T": np.ones(cells), "x": x} | changes
        fields = {k: ("x", np.broadcast_to(v, (cells,)).copy()) for k, v in state.items() if k not in drop}
        path = tmp_path_factory.mktemp("start") / "start.nc"
        xr.Dataset(fields, attrs={"boundary": "periodic"} if attrs is None else attrs).set_coords("x").to_netcdf(
            path, engine="h5netcdf"
        )
        return path

    return write
