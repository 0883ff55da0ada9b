"""Labelled data: kinetic trajectories of random waves, discontinuities and shocks, and their snapshots for training.

One file in the format of ``kinetic.trajectories``: the random cases at its root, in the group ``forming`` the shocks that form
from their jump, in the group ``steady`` windows cut from steady shocks, in ``riemann`` states that meet, in ``enclosed`` gas
between walls. With ``omegas`` these four are of gases of several viscosity laws, and a group has the exponent in its name.
:func:`load` gives all of them as one list of snapshots.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil, sqrt
from pathlib import Path

import numpy as np
import xarray as xr

from knudsen.errors import InputError
from knudsen.kinetic import cases, macroscopic, rankine_hugoniot, simulate, solve_shock, trajectories
from knudsen.kinetic.boltzmann_shock import velocities
from knudsen.seeds import labelled

NAME = "labels.nc"
FORMAT = 2
MARK = "knudsen_labels"
KINDS = ("wave", "mix", "transition", "equilibrium", "shock", "forming", "riemann", "enclosed")
SHOCK_KNUDSEN = 0.01
FINE_START = 1200  # cells at least that a bell is averaged from
MACH_NUMBERS = (  # geometric, 1.15 to 9.5
    1.15, 1.21, 1.27, 1.34, 1.41, 1.49, 1.57, 1.65, 1.74, 1.83, 1.92, 2.03, 2.13, 2.25,
    2.36, 2.49, 2.62, 2.76, 2.91, 3.06, 3.22, 3.39, 3.57, 3.76, 3.96, 4.17, 4.39, 4.62,
    4.86, 5.12, 5.39, 5.68, 5.98, 6.29, 6.62, 6.97, 7.34, 7.73, 8.14, 8.57, 9.02, 9.5,
)  # fmt: skip


@dataclass(frozen=True)
class LabelRequest:
    """What to label. All numbers are recorded in the file.

    wave, mix, transition, equilibrium: how many trajectories of each kind of random case; shocks: Mach numbers, each as a steady
    profile and, with ``forming``, as it forms from a jump; shock_windows: snapshots cut from each steady profile, at cell
    widths log-uniform in shock_cell_width (upstream mean free paths) and at random offsets.
    riemann: how many trajectories of two states that meet, slabs and bells of other gas (``riemann_case``); enclosed: of gas
    between walls (``enclosed_case``); omegas: viscosity laws (``Gas.omega``, None: constant frequency) of these and of the
    shocks, in turn; empty: the gas's own.
    cells: cells of a snapshot; refine: kinetic cells per cell; velocity_points: of relaxation models (None: their own choice);
    cfl: of the kinetic solver, largest |v| dt/dx;
    t_end, snapshots: saved times, squares of a uniform ladder (early times dense); order: highest raw moment;
    keep_f: times, added to the saved ones, at which the distribution of the random cases is kept too.
    """

    wave: int = 300
    mix: int = 300
    transition: int = 150
    equilibrium: int = 250
    shocks: tuple[float, ...] = MACH_NUMBERS
    forming: bool = True
    shock_windows: int = 40
    shock_cell_width: tuple[float, float] = (0.1, 0.5)
    riemann: int = 0
    enclosed: int = 0
    omegas: tuple[float | None, ...] = ()
    cells: int = 100
    refine: int = 3
    velocity_points: int | None = 128
    cfl: float = 0.45
    t_end: float = 0.3
    snapshots: int = 10
    order: int = 10
    seed: int = 0  # random cases use seeds below 1,000,000; evaluation draws from there on
    keep_f: tuple[float, ...] = ()

    def __post_init__(self):
        for key in ("wave", "mix", "transition", "equilibrium", "shock_windows", "riemann", "enclosed"):
            if getattr(self, key) < 0:
                raise InputError(f"label.{key} is {getattr(self, key)}: give a number of at least 0")
        if not 0 < self.cfl <= 1:
            raise InputError(f"label.cfl is {self.cfl}: give a number above 0, at most 1")
        for key in ("cells", "refine", "snapshots", "order"):
            if getattr(self, key) < 1:
                raise InputError(f"label.{key} is {getattr(self, key)}: give a positive number")
        if not isinstance(self.keep_f, list | tuple) or not all(0 <= t <= self.t_end for t in self.keep_f):
            raise InputError(f"label.keep_f={self.keep_f}: give a list of times from 0 to label.t_end={self.t_end:g}")
        known = isinstance(self.omegas, list | tuple) and all(o is None or isinstance(o, int | float) for o in self.omegas)
        if not known or len(set(self.omegas)) < len(self.omegas):
            raise InputError(f"label.omegas={self.omegas}: give a list of different exponents of the viscosity, null among them")
        if not any(getattr(self, kind) for kind in (*KINDS[:4], "riemann", "enclosed")) and not self.shocks:
            raise InputError("label: nothing was asked for: give at least one trajectory or shock")

    @property
    def ladder(self) -> np.ndarray:
        """[snapshots] saved times of every trajectory, the start left out."""
        return self.t_end * (np.arange(1, self.snapshots + 1) / self.snapshots) ** 2

    @property
    def f_times(self) -> list[float]:
        """keep_f, and where it means a time of the ladder, that time to the last digit."""
        ladder = np.concatenate([[0.0], self.ladder])
        nearest = [float(ladder[np.abs(ladder - t).argmin()]) for t in self.keep_f]
        return sorted({near if abs(near - t) < 1e-9 * self.t_end else float(t) for near, t in zip(nearest, self.keep_f)})

    @property
    def times(self) -> tuple[float, ...]:
        """Saved times of the random cases: the ladder, and where f is kept."""
        return tuple(sorted({*self.ladder.tolist(), *self.f_times} - {0.0}))


def make(
    path: Path, gas, request: LabelRequest, *, workers: int = 1, progress=None, attributes: Callable[[], dict] = dict
) -> xr.Dataset:
    """Label the request and write it to ``path`` (NetCDF, complete or not at all); returns its snapshots, as :func:`load`.

    progress: called with (fraction, text) as it goes; attributes: the file's further
    attributes, asked for at the end. Any number of workers makes the same bits.
    """
    report = progress or (lambda fraction, text: None)
    described = {f"request_{key}": str(value) for key, value in vars(request).items()}
    total = sum(getattr(request, kind) for kind in KINDS[:4]) + len(request.shocks) + request.riemann + request.enclosed

    random = _random(gas, request, workers, lambda done, kind: report(done / total, kind))
    groups = {}
    if request.shocks:
        groups = _shocks(gas, request, workers, len(random), lambda i, text: report((len(random) + i) / total, text))
    first = len(random) + len(request.shocks)
    for kind in VARIED:
        groups |= _varied(kind, gas, request, workers, first, lambda i, kind=kind, n=first: report((n + i) / total, kind))
        first += getattr(request, kind)
    described |= {MARK: FORMAT, "kinds": ",".join(KINDS), "groups": ",".join(groups), "boundary": "periodic"}
    described |= attributes() | {"seed": request.seed}
    start = trajectories.dataset(random) if random else xr.Dataset(attrs=trajectories.gas_attributes(gas))
    groups = {None: start.assign_attrs(described)} | groups
    trajectories.write(path, groups)
    return _snapshots(groups)


def load(path: Path, gas) -> xr.Dataset:
    """All snapshots of a label file: G [snapshot, moment, cell] and, for D > 1, H; knudsen [snapshot, cell];
    dx, time, kind (number in ``KINDS``), trajectory, periodic, walled (its ends are walls), spacing (of the velocities; 0: fine
    enough) [snapshot].

    InputError, naming the file and the remedy, if it is absent, unreadable, of another format or gas, or not sound.
    """
    root = trajectories.read(path)
    if root.attrs.get(MARK) != FORMAT:
        raise InputError(f"{path}: not a label file of format {FORMAT}: make it again with knudsen experiment=label")
    trajectories.check_gas(root, path, gas)
    groups = {None: root}
    groups |= {name: trajectories.read(path, name) for name in root.attrs["groups"].split(",") if name}
    for name, data in groups.items():
        if name != "steady" and data.variables:
            trajectories.check(data, path, gas if _OMEGA not in (name or "") else None)
    if "steady" in groups:
        _check_steady(groups["steady"], path, gas)
    return _snapshots(groups)


def _check_steady(data, path, gas):
    for name in ("G", *(("H",) if gas.has_h else ()), "knudsen", "dx", "trajectory"):
        if name not in data or not np.isfinite(data[name]).all():
            problem = "has values that are not finite" if name in data else "is missing"
            raise InputError(f"{path}: {name} of the group steady {problem}: make it again with knudsen experiment=label")


def with_velocities(gas, request: LabelRequest):
    """The gas with the velocities of the request; a Boltzmann gas, which has them in every coordinate, with its own choice."""
    free = gas.velocity_points is None and not gas.is_boltzmann
    return replace(gas, velocity_points=request.velocity_points) if free else gas


def random_cases(request: LabelRequest, kind: str) -> list:
    """The random cases of one of the first four ``KINDS``, on the kinetic solver's cells."""
    code, options = KINDS.index(kind), {"cells": request.cells * request.refine, "t_end": request.t_end}
    seeds = [labelled(request.seed, code, i) for i in range(getattr(request, kind))]
    return [getattr(cases, kind)(seed, save_times=request.times, **options) for seed in seeds]


def forming_shock(mach: float, gas, request: LabelRequest):
    """A jump that becomes a steady shock, on the kinetic solver's cells: the case, saved at times of the request's ladder."""
    ladder = 20 * SHOCK_KNUDSEN * request.ladder / request.t_end
    options = {"cells": request.cells * request.refine, "t_end": ladder[-1], "save_times": tuple(ladder)}
    return cases.shock(mach, gas, length=40.0, knudsen=SHOCK_KNUDSEN, **options)


_OMEGA = "_omega_"  # in the name of a group, before the exponent of the gas's viscosity


def gases(gas, request: LabelRequest) -> dict[str, object]:
    """The gas of each viscosity law of the request, by what it adds to the name of a group."""
    return {f"{_OMEGA}{omega}": replace(gas, omega=omega) for omega in request.omegas} or {"": gas}


def riemann_case(seed: int, cells: int, times: tuple[float, ...]):
    r"""States that meet, of more than the standard evaluation's range, in a domain of length L: a case and L.

    Two states (half of the cases), a slab, or a bell :math:`e^{-(x/w)^2}` of other gas. Ratios of densities log-uniform up to 12,
    for one in five to 100, of temperatures to 10; the hotter gas has T = 0.7 to 3. Two states approach or recede, by up to 3.2
    and 2.2, in six of ten cases, and in three of ten one of them carries waves. Knudsen number log-uniform in 1e-3..10, L in
    0.2..2: times (of the case, in units of L) and cells go with it. Local Maxwellians, open ends.
    """
    draw = np.random.default_rng(seed)

    def log_uniform(low, high):
        return float(np.exp(draw.uniform(np.log(low), np.log(high))))

    knudsen, length = log_uniform(1e-3, 10.0), log_uniform(0.2, 2.0)
    most = 100.0 if draw.random() < 0.2 else 12.0
    density, temperature = log_uniform(1 / most, most), log_uniform(0.1, 10.0)
    hot, shape = log_uniform(0.7, 3.0), draw.choice(["step", "step", "slab", "bell"])
    speed = draw.uniform(-2.2, 3.2) if draw.random() < 0.6 else 0.0
    waves, height = draw.integers(2, 9), draw.uniform(0, 0.4) if draw.random() < 0.3 else 0.0
    phase, width = draw.uniform(0, 2 * np.pi), log_uniform(0.04, 0.25)
    fine = cells * ceil(FINE_START / cells)
    x = (np.arange(fine) + 0.5) / fine - 0.5
    inside = {"step": x < 0, "slab": abs(x) < width, "bell": np.exp(-((x / (0.7 * width)) ** 2))}[shape]
    inside = np.repeat(inside.reshape(cells, -1)[:, :1], fine // cells, 1).ravel() if shape != "bell" else inside
    rho, T = density ** (inside - 0.5), temperature**inside
    u = speed * (inside - 0.5) if shape == "step" else np.zeros(fine)
    rho = rho * (1 + height * np.where(inside < 0.5, np.sin(2 * np.pi * waves * x + phase), 0.0))
    bounds = (-0.5 * length, 0.5 * length)
    t = tuple(length * time for time in times)
    return cases.Case("riemann", bounds, cells, "outflow", rho, u, T * hot / T.max(), knudsen, t[-1], t, int(seed)), length


def enclosed_case(seed: int, cells: int, times: tuple[float, ...]):
    """Gas between diffuse walls of temperatures log-uniform in 0.25..4: in half of the cases uniform and at rest, in the others
    as in ``cases.enclosed``; Knudsen number log-uniform in 1e-3..10. The case and its length, 1."""
    case = cases.enclosed(seed, cells=cells, t_end=times[-1], save_times=times)
    if np.random.default_rng([seed, 2]).random() < 0.5:
        case = replace(case, rho=np.ones(cells), u=np.zeros(cells), T=np.ones(cells))
    return case, 1.0


# Kinds of several viscosity laws: what makes a case and its length of a seed, what ends it, and the last time
VARIED = {"riemann": (riemann_case, "outflow", 0.15), "enclosed": (enclosed_case, "walls", 1.0)}


def _varied(kind, gas, request, workers, first, report: Callable) -> dict[str, xr.Dataset]:
    """Groups of a kind, one for each viscosity law; x, t and Knudsen number in units of a case's length, which stands beside.

    first: number of the trajectory that the first one counts as.
    """
    make, boundary, last = VARIED[kind]
    times = tuple(last * request.ladder / request.t_end)
    before = request.riemann if kind == "enclosed" else 0  # both have seeds of one block
    groups, batch, every, count = {}, 16 * workers, gases(gas, request), getattr(request, kind)
    for k, (name, own) in enumerate(every.items()):
        numbers = range(k, count, len(every))
        drawn = [make(labelled(request.seed, 4, before + i), request.cells * request.refine, times) for i in numbers]
        solved = []
        for begin in range(0, len(drawn), batch):
            starts = [case for case, _ in drawn[begin : begin + batch]]
            solved += simulate(starts, with_velocities(own, request), workers=workers, order=request.order, cfl=request.cfl)
            report(k * len(numbers) + len(solved))
        lengths = [length for _, length in drawn]
        scaled = [
            replace(s, t=np.array([0.0, *times]), x=s.x / L, dx=s.dx / L, knudsen=np.broadcast_to(s.knudsen, s.x.shape) / L)
            for s, L in zip((s.averaged(request.cells) for s in solved), lengths, strict=True)
        ]
        scaled = [replace(s, x=scaled[0].x, dx=scaled[0].dx) for s in scaled]  # the same but for rounding
        if scaled:
            data = trajectories.dataset(scaled, {"boundary": boundary})
            data["length"] = "trajectory", np.array(lengths), {"units": "length of the case", "long_name": "length of the domain"}
            groups[f"{kind}{name}"] = _numbered(data, [first + i for i in numbers])
    return groups


def _numbered(data, numbers):
    data["number"] = "trajectory", np.array(numbers, np.int32), {"units": "1", "long_name": "counts as this trajectory"}
    return data


def _random(gas, request, workers, report: Callable) -> list:
    """Trajectories of the random cases, on the cells of the request."""
    gas, solutions, batch = with_velocities(gas, request), [], 32 * workers
    for kind in KINDS[:4]:
        every = random_cases(request, kind)
        for first in range(0, len(every), batch):
            starts = every[first : first + batch]
            done, count = len(solutions), len(starts)
            solved = simulate(
                starts, gas, workers=workers, order=request.order, cfl=request.cfl, keep_f=request.f_times,
                progress=lambda part, done=done, count=count, kind=kind: report(done + part * count, kind),
            )  # fmt: skip
            solutions += [solution.averaged(request.cells) for solution in solved]
    return solutions


def _shocks(gas, request, workers, first, report: Callable) -> dict[str, xr.Dataset]:
    """Group ``steady``: windows of the profiles; groups ``forming``, if asked for: steeper ones, and how the gas answers.

    first: number of the trajectory that the first shock counts as.
    """
    every = gases(gas, request)
    draw, windows, starts = np.random.default_rng(request.seed), [], {name: {} for name in every}
    for i, mach in enumerate(request.shocks):
        report(i, f"shock Mach {mach:g}")
        name = list(every)[i % len(every)]
        own = every[name]
        profile = solve_shock(_with_fine_velocities(own, mach), mach, order=request.order)
        windows += [(*row, first + i, mach) for row in _windows(profile, own, gas, mach, request, draw)]
        starts[name][first + i] = forming_shock(mach, own, request), mach
    report(len(request.shocks), "shocks")
    groups = {}
    for name, members in starts.items() if request.forming else ():
        shocks, mach = zip(*members.values(), strict=True) if members else ((), ())
        solved = simulate(shocks, every[name], workers=workers, order=request.order, cfl=request.cfl)
        if solved:
            data = trajectories.dataset([solution.averaged(request.cells) for solution in solved], {"boundary": "fixed"})
            data["mach"] = ("trajectory", np.array(mach, float), {"units": "1", "long_name": "Mach number"})
            groups[f"forming{name}"] = _numbered(data, list(members))
    return groups | {"steady": _steady(windows, gas, request)}


def _with_fine_velocities(gas, mach):
    """A Boltzmann gas with half as many velocities again as its shock takes by itself: what does for the fields is too coarse for
    moments of order nine."""
    if not gas.is_boltzmann:
        return gas
    free = replace(gas, velocity_points=None, velocity_bounds=None)
    return replace(free, velocity_points=ceil(1.5 * velocities(free, np.array(rankine_hugoniot(mach, gas))).points))


def _windows(profile, own, gas, mach, request, draw):
    """Cell averages of the profile of the gas ``own`` on windows of ``cells`` uniform cells that cover its steep part at random
    offsets; Knudsen numbers at which ``gas`` collides as often."""
    path = profile.mean_free_path
    low, high = request.shock_cell_width
    reach = 4 * sqrt(rankine_hugoniot(mach, gas)[1][2]) + 6 / (mach - 1) ** 0.5
    for _ in range(request.shock_windows):
        width = path * float(np.exp(draw.uniform(np.log(low), np.log(high))))
        centre = path * draw.uniform(-reach, reach)
        x = centre + (np.arange(request.cells) - 0.5 * (request.cells - 1)) * width
        values = profile.sample(x, width=width)
        knudsen = _counted_in(gas, own, SHOCK_KNUDSEN, values["G"], values["H"])
        yield values["G"], values["H"], np.broadcast_to(knudsen, x.shape), width * SHOCK_KNUDSEN


def _steady(windows, gas, request) -> xr.Dataset:
    """Windows as a data set over window, moment, cell."""
    keep, cells = request.order + 1, request.cells
    G, H, knudsen, dx, trajectory, mach = zip(*windows) if windows else ((), (), (), (), (), ())
    moments, shape = ("window", "moment", "cell"), (-1, keep, cells)

    def of(name, values):
        _, units, long_name = trajectories.DESCRIBED[name]
        return moments, np.reshape([v[:keep] for v in values], shape), {"units": units, "long_name": long_name}

    variables = {"G": of("G", G)} | ({"H": of("H", H)} if gas.has_h else {})
    knudsen = np.reshape(knudsen, (-1, cells))
    variables["knudsen"] = ("window", "cell"), knudsen, {"units": "1", "long_name": "Knudsen number"}
    variables["dx"] = "window", np.array(dx, float), {"units": "length of the case", "long_name": "cell width"}
    variables["mach"] = "window", np.array(mach, float), {"units": "1", "long_name": "Mach number"}
    variables["trajectory"] = "window", np.array(trajectory, np.int32), {"units": "1", "long_name": "counts as this trajectory"}
    return xr.Dataset(variables, attrs=trajectories.gas_attributes(gas))


def _counted_in(gas, own, knudsen, G, H):
    """Knudsen numbers at which ``gas`` collides as often as ``own`` does at ``knudsen``; G, H: raw moments [moment, ...]."""
    if own.omega == gas.omega:
        return knudsen
    rho, _, T, _, _ = macroscopic(G, H if gas.has_h else None, gas)
    return knudsen * gas.frequency(rho, T) / own.frequency(rho, T)


def _snapshots(groups: dict) -> xr.Dataset:
    """Every saved time of every trajectory and every window, in the order of the trajectories they count to."""
    root, parts = groups[None], []
    gas = trajectories.gas_of(root)
    first = root.sizes.get("trajectory", 0)
    if "steady" in groups:
        steady = groups["steady"]
        n = steady.sizes["window"]
        parts.append(
            {name: steady[name].values for name in ("G", "H", "knudsen", "dx", "trajectory") if name in steady}
            | {"time": np.zeros(n), "kind": np.full(n, KINDS.index("shock"))}
            | {name: np.zeros(n) for name in ("periodic", "walled", "spacing")}
        )
    for name, data in groups.items():
        if name == "steady" or not data.variables:
            continue
        n, S, own = data.sizes["trajectory"], data.sizes["time"], trajectories.gas_of(data)
        part = {name: data[name].values.reshape(n * S, *data[name].shape[2:]) for name in ("G", "H") if name in data}
        kind = [KINDS.index("forming" if name == "shock" else name) for name in data["case"].values]
        length = data["length"].values if "length" in data else np.ones(n)
        each = {"knudsen": data.knudsen.values * length[:, None], "spacing": data.dv.values, "kind": np.array(kind)}
        each |= {"dx": data.attrs["dx"] * length, "length": length}
        each["trajectory"] = data["number"].values if "number" in data else (0 if name is None else first) + np.arange(n)
        part |= {name: np.repeat(value, S, axis=0) for name, value in each.items()}
        part["time"] = np.tile(data.time.values, n) * part.pop("length")
        if own != gas:
            part["knudsen"] = _counted_in(
                gas, own, part["knudsen"], part["G"].swapaxes(0, 1), part.get("H", part["G"]).swapaxes(0, 1)
            )
        part |= {"periodic": np.full(n * S, int(name is None)), "walled": part["kind"] == KINDS.index("enclosed")}
        parts.append(part)
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(columns["trajectory"], kind="stable")
    order = order[np.isfinite(columns["G"][order]).all(axis=(1, 2))]  # a trajectory that diverged counts up to there
    dims = {"G": ("snapshot", "moment", "cell"), "H": ("snapshot", "moment", "cell"), "knudsen": ("snapshot", "cell")}
    whole = ("kind", "trajectory", "periodic", "walled")
    return xr.Dataset(
        {
            name: (dims.get(name, ("snapshot",)), values[order].astype(np.int32) if name in whole else values[order])
            for name, values in columns.items()
        },
        attrs=root.attrs,
    )
