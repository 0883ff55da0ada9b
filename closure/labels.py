"""Labelled data for closures: snapshots of kinetic solutions as raw moments, of random waves, discontinuities and shocks."""

from dataclasses import dataclass
from math import pi, sqrt
from pathlib import Path

import numpy as np
import xarray as xr

from kinetic import cases, rankine_hugoniot, simulate, solve_shock
from kinetic.errors import InputError

FORMAT = 1
KINDS = ("wave", "mix", "transition", "equilibrium", "shock", "forming")
SHOCK_KNUDSEN = 0.01
MACH_NUMBERS = (1.2, 1.3, 1.45, 1.6, 1.8, 2, 2.2, 2.5, 2.8, 3.2, 3.6, 4, 4.4, 4.8, 5.2, 5.7, 6.2, 6.8, 7.4, 8, 9)


@dataclass(frozen=True)
class LabelRequest:
    """What to label. All numbers are recorded in the file.

    wave, mix, transition, equilibrium: how many trajectories of each kind of random case; shocks: Mach numbers, each as a steady
    profile and forming from a jump; shock_windows: snapshots cut from each steady profile, at cell widths log-uniform in
    shock_cell_width (upstream mean free paths) and at random offsets.
    cells: cells of a snapshot; refine: kinetic cells per cell; velocity_points: of the kinetic solution (None: its own choice);
    t_end, snapshots: saved times, squares of a uniform ladder (early times dense); order: highest raw moment.
    """

    wave: int = 150
    mix: int = 150
    transition: int = 80
    equilibrium: int = 150
    shocks: tuple[float, ...] = MACH_NUMBERS
    shock_windows: int = 40
    shock_cell_width: tuple[float, float] = (0.1, 0.5)
    cells: int = 100
    refine: int = 3
    velocity_points: int | None = 128
    t_end: float = 0.3
    snapshots: int = 10
    order: int = 10
    seed: int = 0  # random cases use seeds below 1,000,000; evaluation draws from there on

    def __post_init__(self):
        for key in ("wave", "mix", "transition", "equilibrium", "shock_windows"):
            if getattr(self, key) < 0:
                raise InputError(f"label.{key} is {getattr(self, key)}: give a number of at least 0")
        for key in ("cells", "refine", "snapshots", "order"):
            if getattr(self, key) < 1:
                raise InputError(f"label.{key} is {getattr(self, key)}: give a positive number")


def make(
    path: Path, gas, request: LabelRequest, *, workers: int = 1, progress=None, attributes: dict | None = None
) -> xr.Dataset:
    """Label the request and write it to ``path`` (NetCDF, complete or not at all). ``progress(fraction, text)`` as it goes.

    Variables: G [snapshot, moment, cell] and, for D > 1, H; knudsen [snapshot, cell]; dx, time, kind, trajectory, periodic
    [snapshot]. Time in units of the case; raw moments int v^k f dv in units of rho and T = 1.
    """
    report = progress or (lambda fraction, text: None)
    rows = []
    random_kinds = [(kind, getattr(request, kind)) for kind in KINDS[:4]]
    total = sum(n for _, n in random_kinds) + len(request.shocks)
    done, trajectory = 0, 0
    times = tuple(request.t_end * (np.arange(1, request.snapshots + 1) / request.snapshots) ** 2)
    for code, (kind, count) in enumerate(random_kinds):
        chunk = 8 * workers
        for first in range(0, count, chunk):
            seeds = [request.seed + 100_000 * code + i for i in range(first, min(first + chunk, count))]
            fine = request.cells * request.refine
            batch = [getattr(cases, kind)(seed, cells=fine, t_end=request.t_end, save_times=times) for seed in seeds]
            for solution in simulate(batch, _with_velocities(gas, request.velocity_points), workers=workers, order=request.order):
                rows += [(*row, trajectory, True) for row in _snapshots(solution, request, code)]
                trajectory += 1
            done += len(seeds)
            report(done / total, f"{kind} {done}/{total}")
    draw = np.random.default_rng(request.seed)
    for mach in request.shocks:
        profile = solve_shock(gas, mach, order=request.order)
        rows += [(*row, trajectory, False) for row in _shock_windows(profile, gas, mach, request, draw)]
        forming = _forming_shock(gas, mach, request, times)
        rows += [(*row, trajectory, False) for row in _snapshots(forming, request, KINDS.index("forming"))]
        trajectory += 1
        done += 1
        report(done / total, f"shock Mach {mach:g}")
    if not rows:
        raise InputError("label: nothing was asked for: give at least one trajectory or shock")
    data = _dataset(rows, gas, request)
    data.attrs.update(attributes or {})
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".partial")
    data.to_netcdf(
        temporary,
        engine="h5netcdf",
        encoding={name: {"zlib": True, "complevel": 1} for name in data.data_vars if data[name].ndim > 1},
    )
    temporary.replace(path)
    return data


def load(path: Path, gas) -> xr.Dataset:
    """The data set at ``path``; InputError if it is absent, unreadable, of another format or of another gas."""
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such data set: make one with `knudsen experiment=label`, or give train.data")
    try:
        data = xr.load_dataset(path, engine="h5netcdf")
    except Exception as error:
        raise InputError(
            f"{path}: not a readable NetCDF data set ({type(error).__name__}): make it again with experiment=label"
        ) from None
    if data.attrs.get("knudsen_labels") != FORMAT:
        raise InputError(f"{path}: not a label file of format {FORMAT}: make it again with experiment=label")
    if (data.attrs["gas"], data.attrs["omega"]) != (gas.name, str(gas.omega)):
        raise InputError(
            f"{path}: labels of {data.attrs['gas']}, omega {data.attrs['omega']}; gas={gas.name}, omega {gas.omega} needs its own"
        )
    return data


def _with_velocities(gas, points):
    from dataclasses import replace

    return replace(gas, velocity_points=points) if gas.velocity_points is None else gas


def _snapshots(solution, request, code):
    """Every saved time of a kinetic trajectory as block averages."""
    coarse = solution.averaged(request.cells)
    knudsen = np.broadcast_to(coarse.knudsen, request.cells)
    for s in range(len(coarse.t)):
        yield (coarse.G[s], None if coarse.H is None else coarse.H[s], knudsen, coarse.dx, coarse.t[s], code)


def _forming_shock(gas, mach, request, times):
    """A shock that grows from its Rankine-Hugoniot jump: profiles steeper than the steady one, and how the gas answers."""
    ladder = tuple(20 * SHOCK_KNUDSEN * np.array(times) / times[-1])
    cells = request.cells * request.refine
    case = cases.shock(mach, gas, length=40.0, knudsen=SHOCK_KNUDSEN, cells=cells, t_end=ladder[-1], save_times=ladder)
    return simulate([case], gas, order=request.order)[0]


def _shock_windows(profile, gas, mach, request, draw):
    """Cell averages of the profile on windows of ``cells`` uniform cells that cover its steep part at random offsets."""
    path = 16 / 5 / sqrt(2 * pi)
    low, high = request.shock_cell_width
    reach = 4 * sqrt(rankine_hugoniot(mach, gas)[1][2]) + 6 / (mach - 1) ** 0.5
    for _ in range(request.shock_windows):
        width = path * float(np.exp(draw.uniform(np.log(low), np.log(high))))
        centre = path * draw.uniform(-reach, reach)
        x = centre + (np.arange(request.cells) - 0.5 * (request.cells - 1)) * width
        values = profile.sample(x, width=width)
        H = values.get("H")
        knudsen = np.full(request.cells, SHOCK_KNUDSEN)
        yield (values["G"], H, knudsen, width * SHOCK_KNUDSEN, 0.0, KINDS.index("shock"))


def _dataset(rows, gas, request) -> xr.Dataset:
    G, H, knudsen, dx, time, kind, trajectory, periodic = zip(*rows, strict=True)
    keep = request.order + 1
    dims = ("snapshot", "moment", "cell")
    variables = {"G": (dims, np.stack([g[:keep] for g in G]), {"units": "rho T^(k/2)", "long_name": "raw moments of g"})}
    if gas.has_h:
        variables["H"] = (dims, np.stack([h[:keep] for h in H]), {"units": "rho T^(k/2+1)", "long_name": "raw moments of h"})
    variables["knudsen"] = (("snapshot", "cell"), np.stack(knudsen), {"units": "1", "long_name": "Knudsen number"})
    for name, values, units in (
        ("dx", dx, "1"),
        ("time", time, "1"),
        ("kind", kind, "1"),
        ("trajectory", trajectory, "1"),
        ("periodic", periodic, "1"),
    ):
        variables[name] = (
            "snapshot",
            np.array(values, dtype=np.int32 if name in ("kind", "trajectory", "periodic") else float),
            {"units": units},
        )
    described = {f"request_{key}": str(value) for key, value in vars(request).items()}
    return xr.Dataset(
        variables,
        attrs={"knudsen_labels": FORMAT, "gas": gas.name, "omega": str(gas.omega), "kinds": ",".join(KINDS), **described},
    )
