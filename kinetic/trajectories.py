"""Trajectories as NetCDF-4 files with coordinates, units and provenance: written whole or not at all, refused if they do not fit.

A file holds trajectories of one gas on one grid x and at the same saved times:

    G, H    [trajectory, time, moment, x]           raw moments int v^k f dv and (D > 1) int v^k |v_perp|^2 f dv, always
    K, Y, L [trajectory, time, moment, x]           of a gas with shear, int v^k (v_y, v_y^2, v_y |v_perp|^2) f dv
    f       [trajectory, time_f, x, velocity]       the distribution at chosen times, if kept (D > 1: g, h; shear: also k, y, l)
    v       [trajectory, velocity]                  its velocities; where a grid has fewer, it is continued and f is zero there
    knudsen [trajectory, x];  case, seed, steps, seconds, velocity_points, dv, diverged_time, diverged_cell [trajectory]

Attributes: format number, package version, every option of the gas, and whatever the writer adds (configuration, seed).
"""

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import h5py
import numpy as np
import xarray as xr

from knudsen.errors import InputError
from knudsen.files import Draft
from knudsen.kinetic.gas import Gas
from knudsen.kinetic.grid import VelocityGrid
from knudsen.kinetic.trajectory import Trajectory

FORMAT = 1
MARK = "knudsen_trajectories"  # the attribute that holds the format number
NEVER = np.inf  # diverged_time of a trajectory that did not diverge
ROUND_OFF = 1e-10  # of the kept f's moments against the kept moments, relative
DESCRIBED = {  # name: dimensions, unit, long name; references are the case's own
    "G": (("trajectory", "time", "moment", "x"), "rho_ref T_ref^(moment/2)", "raw moments of the distribution"),
    "H": (("trajectory", "time", "moment", "x"), "rho_ref T_ref^(moment/2 + 1)", "raw moments weighted with the transverse v^2"),
    "K": (("trajectory", "time", "moment", "x"), "rho_ref T_ref^((moment + 1)/2)", "raw moments weighted with v_y"),
    "Y": (("trajectory", "time", "moment", "x"), "rho_ref T_ref^(moment/2 + 1)", "raw moments weighted with v_y^2"),
    "L": (("trajectory", "time", "moment", "x"), "rho_ref T_ref^((moment + 3)/2)", "raw moments weighted as l"),
    "f": (("trajectory", "time_f", "x", "velocity"), "rho_ref / sqrt(T_ref)", "distribution function"),
    "g": (("trajectory", "time_f", "x", "velocity"), "rho_ref / sqrt(T_ref)", "distribution without the transverse velocities"),
    "h": (("trajectory", "time_f", "x", "velocity"), "rho_ref sqrt(T_ref)", "as g, weighted with the transverse v^2"),
    "k": (("trajectory", "time_f", "x", "velocity"), "rho_ref", "as g, weighted with v_y"),
    "y": (("trajectory", "time_f", "x", "velocity"), "rho_ref sqrt(T_ref)", "as g, weighted with v_y^2"),
    "l": (("trajectory", "time_f", "x", "velocity"), "rho_ref T_ref", "as g, weighted with v_y and transverse v^2"),
    "v": (("trajectory", "velocity"), "sqrt(T_ref)", "velocity (midpoints)"),
    "dv": (("trajectory",), "sqrt(T_ref)", "spacing of the velocities"),
    "velocity_points": (("trajectory",), "1", "number of velocities of the solution"),
    "knudsen": (("trajectory", "x"), "1", "Knudsen number"),
    "case": (("trajectory",), "1", "name of the case"),
    "seed": (("trajectory",), "1", "what the start was drawn from; -1: not drawn"),
    "steps": (("trajectory",), "1", "time steps taken"),
    "seconds": (("trajectory",), "s", "wall time"),
    "diverged_time": (("trajectory",), "length / sqrt(T_ref)", "time of divergence, NaN from then on; inf: never"),
    "diverged_cell": (("trajectory",), "1", "cell of divergence; -1: none"),
    "account": (("trajectory",), "1", "JSON of the schemes that made it, fallback, warnings"),
    "trajectory": (("trajectory",), "1", "number of the trajectory"),
    "time": (("time",), "length / sqrt(T_ref)", "time"),
    "time_f": (("time_f",), "length / sqrt(T_ref)", "times at which the distribution is kept"),
    "moment": (("moment",), "1", "power k of the velocity"),
    "x": (("x",), "length of the case", "position (cell centres)"),
}
ALWAYS = ("v", "dv", "velocity_points", "knudsen", "case", "seed", "steps", "seconds", "diverged_time", "diverged_cell")
COORDINATES = ("trajectory", "time", "moment", "x")
OPTIONS = ("dims", "collision", "omega", "prandtl")  # of a gas, what its solutions depend on


def save_trajectories(path, trajectories: Sequence[Trajectory], *, attributes: Mapping | None = None) -> xr.Dataset:
    """Write trajectories of one gas, grid and list of saved times to ``path``; returns what was written.

    The file appears when it is complete. attributes: added to the file's. Raises InputError where the trajectories differ.
    """
    data = dataset(trajectories, attributes)
    write(path, {None: data})
    return data


def load_trajectories(path, gas: Gas | None = None, *, group: str | None = None) -> list[Trajectory]:
    """The trajectories of a file; with ``gas``, only if they are solutions of that gas.

    group: of a file that holds several sets. Raises InputError, naming the file and the remedy, if it is absent, unreadable,
    of another format or gas, incomplete, or not a set of kinetic solutions (wrong shapes, NaN, densities that are not positive,
    a distribution that does not have the moments beside it).
    """
    data = read(path, group)
    check(data, path, gas)
    moments, names = _fields(data.attrs)
    kept = names[0] in data
    solutions = []
    for i in range(data.sizes["trajectory"]):
        row = {name: data[name].values[i] for name in (*ALWAYS, *moments)}
        points, failed = int(row["velocity_points"]), row["diverged_time"] < NEVER
        solutions.append(
            Trajectory(
                t=data.time.values, x=data.x.values, dx=float(data.attrs["dx"]), G=row["G"], H=row.get("H"), gas=gas_of(data),
                knudsen=row["knudsen"], grid=VelocityGrid(row["v"][:points], float(row["dv"])), steps=int(row["steps"]),
                seconds=float(row["seconds"]), status="diverged" if failed else "ok",
                diverged_at=(float(row["diverged_time"]), int(row["diverged_cell"])) if failed else None,
                f=np.stack([data[name].values[i, :, :, :points] for name in names], axis=1) if kept else None,
                t_f=data.time_f.values if kept else None, case=str(row["case"]),
                seed=None if row["seed"] < 0 else int(row["seed"]),
                transverse=np.stack([row[name] for name in moments[2:]], axis=1) if moments[2:] else None,
                **(_account(data.account.values[i], path) if "account" in data else {}),
            )
        )  # fmt: skip
    return solutions


def _account(text, path) -> dict:
    """What a trajectory says of how it was made; files from before 0.2 say nothing."""
    try:
        schemes, fallback, warnings = json.loads(str(text))
        return {
            "schemes": schemes and tuple(map(str, schemes)),
            "fallback": bool(fallback),
            "warnings": tuple(map(str, warnings)),
        }
    except (ValueError, TypeError):
        raise InputError(f"{path}: account cannot be read; make it again with knudsen experiment=label") from None


def dataset(trajectories: Sequence[Trajectory], attributes: Mapping | None = None) -> xr.Dataset:
    """Trajectories of one gas, grid and list of saved times as one data set (see the head of this file)."""
    first = trajectories[0] if trajectories else None
    if first is None:
        raise InputError("trajectories: there are none to save")
    for other in trajectories:
        for name in ("x", "t", "gas", "t_f"):
            if not np.array_equal(getattr(first, name), getattr(other, name)):
                what = "one file holds one gas, grid and list of times"
                raise InputError(f"trajectories: {what}, but {name} differs: save them apart")
        if (first.transverse is None) != (other.transverse is None):
            raise InputError("trajectories: shear differs, one file holds trajectories with or without: save them apart")
    most = max(t.grid.points for t in trajectories)
    values = {
        "v": [t.grid.v[0] + t.grid.dv * np.arange(most) for t in trajectories],
        "dv": [t.grid.dv for t in trajectories],
        "velocity_points": [t.grid.points for t in trajectories],
        "knudsen": [np.broadcast_to(t.knudsen, t.x.shape) for t in trajectories],
        "case": [t.case for t in trajectories],
        "seed": [-1 if t.seed is None else t.seed for t in trajectories],
        "steps": [t.steps for t in trajectories],
        "seconds": [t.seconds for t in trajectories],
        "diverged_time": [t.diverged_at[0] if t.diverged_at else NEVER for t in trajectories],
        "diverged_cell": [t.diverged_at[1] if t.diverged_at else -1 for t in trajectories],
        "account": [json.dumps([t.schemes, t.fallback, t.warnings]) for t in trajectories],
        "trajectory": range(len(trajectories)),
        "time": first.t,
        "moment": range(first.G.shape[1]),
        "x": first.x,
    }
    for row, t in zip(values["v"], trajectories):
        row[: t.grid.points] = t.grid.v
    shear = first.transverse is not None
    attrs = {MARK: FORMAT, "version": version("knudsen"), "dx": first.dx, "shear": int(shear)} | gas_attributes(first.gas)
    moments, names = _fields(attrs)
    for i, name in enumerate(moments):
        values[name] = [(t.G, t.H)[i] if i < 2 else t.transverse[:, i - 2] for t in trajectories]
    if first.f is not None:
        values["time_f"] = first.t_f
        for i, name in enumerate(names):
            values[name] = [np.pad(t.f[:, i], ((0, 0), (0, 0), (0, most - t.grid.points))) for t in trajectories]
    variables = {name: _variable(name, value) for name, value in values.items()}
    return xr.Dataset(variables, attrs=attrs | dict(attributes or {}))


def gas_attributes(gas: Gas) -> dict:
    """Every option of a gas as attributes of a file: ``gas`` (its name), ``gas_omega``, ...; what is not set is "null"."""
    options = vars(gas) | {"velocity_bounds": None if gas.velocity_bounds is None else list(gas.velocity_bounds)}
    named = {"gas" if key == "name" else f"gas_{key}": value for key, value in options.items()}
    return {key: "null" if value is None else value for key, value in named.items()}


def gas_of(data: xr.Dataset) -> Gas:
    """The gas that the attributes describe."""
    plain = {key: None if isinstance(value, str) and value == "null" else value for key, value in data.attrs.items()}
    points, bounds = plain["gas_velocity_points"], plain["gas_velocity_bounds"]
    omega, prandtl = (None if plain[key] is None else float(plain[key]) for key in ("gas_omega", "gas_prandtl"))
    return Gas(
        plain["gas"], int(plain["gas_dims"]), omega, None if points is None else int(points),
        None if bounds is None else tuple(map(float, bounds)), plain["gas_collision"], prandtl,
    )  # fmt: skip


def check_gas(data: xr.Dataset, path, gas: Gas) -> None:
    """InputError if the file's solutions are of another gas: dimensions, collision model, viscosity or Prandtl number."""
    there = gas_of(data)
    if key := there.difference(gas):
        found, wanted = (gas_attributes(one)[f"gas_{key}"] for one in (there, gas))
        raise InputError(
            f"{path}: holds gas={there.name} with gas.{key}={found}, but gas={gas.name} has gas.{key}={wanted}: "
            "give the gas of the file, or make the file again for this gas"
        )


def write(path, groups: Mapping[str | None, xr.Dataset]) -> None:
    """Write data sets, None at the root and the others as groups, compressed.

    A group's dimensions have the first word of its name before theirs (riemann_time): a group inherits those of the root, and
    ``xarray.open_datatree`` refuses a file where they disagree.
    """
    named = {f"/{group or ''}": data.rename({d: _prefix(group) + d for d in data.dims}) for group, data in groups.items()}
    encoding = {name: _encoding(data) for name, data in named.items()}
    with Draft(path) as partial:
        partial.write_bytes(xr.DataTree.from_dict(named).to_netcdf(engine="h5netcdf", encoding=encoding))


def _prefix(group: str | None) -> str:
    return "" if group is None else f"{group.split('_')[0]}_"


def read(path, group: str | None = None) -> xr.Dataset:
    """A data set of the file; InputError if there is none, or it cannot be read to its end."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; make one with knudsen experiment=label, or give another path")
    try:
        h5py.File(path, "r").close()  # says in one exception what is no HDF5, where h5netcdf leaves a half-made object behind
        data = xr.load_dataset(path, engine="h5netcdf", group=group)
    except Exception as error:  # h5py and xarray raise many kinds for what is not NetCDF-4, or not all of it
        what = "not a readable NetCDF-4 file" if group is None else f"no readable group {group}"
        raise InputError(f"{path}: {what} ({type(error).__name__}); make it again with knudsen experiment=label") from None
    return data.rename({name: name.removeprefix(_prefix(group)) for name in data.dims})


def check(data: xr.Dataset, path, gas: Gas | None = None) -> None:
    """InputError unless the data set is of this format, complete, and made of kinetic solutions (of ``gas``)."""

    def refuse(what):
        raise InputError(f"{path}: {what}; make it again with knudsen experiment=label")

    found = data.attrs.get(MARK)
    if found is None:
        refuse("not a file of kinetic trajectories")
    if found != FORMAT:
        refuse(f"trajectories of format {found}, this version reads format {FORMAT}")
    missing = {f"gas_{key}" for key in (*OPTIONS, "velocity_points", "velocity_bounds")} | {"gas", "dx", "shear"}
    if missing := sorted(missing - set(data.attrs)):
        refuse(f"no attribute {', '.join(missing)}")
    try:
        gas_of(data)
    except (InputError, TypeError, ValueError) as error:
        refuse(f"its gas cannot be understood ({error})")
    if gas is not None:
        check_gas(data, path, gas)
    moments, names = _fields(data.attrs)
    expected = (*COORDINATES, *ALWAYS, *moments)
    if "time_f" in data.variables or any(name in data.variables for name in names):
        expected += ("time_f", *names)
    if missing := [name for name in expected if name not in data.variables]:
        refuse(f"no variable {', '.join(missing)}")
    for name in expected:
        if data[name].dims != DESCRIBED[name][0] or not data[name].size:
            refuse(f"{name} has the dimensions {data[name].dims} of sizes {data[name].shape}, not {DESCRIBED[name][0]}")
        if name != "case" and data[name].dtype.kind not in "fiu":
            refuse(f"{name} is not numeric")
    alive = _alive(data)
    for name in expected:
        values = data[name].values
        good = True if name == "case" else ~np.isnan(values) if name == "diverged_time" else np.isfinite(values)
        if name in moments:
            good |= ~alive[:, :, None, None]
        elif name in names:
            good |= ~alive[:, np.isin(data.time, data.time_f), None, None]
        if not np.all(good):
            refuse(f"{name} has values that are not finite (NaN)")
    for name in ("x", "time", "time_f"):
        if name in expected and not (np.diff(data[name]) > 0).all():
            refuse(f"{name} does not increase")
    dx = float(data.attrs["dx"])
    if not 0 < dx < np.inf or np.abs(np.diff(data.x.values) - dx).max(initial=0) > 1e-4 * dx:
        refuse(f"dx={dx:g} is not the distance of its x")
    if data.sizes["moment"] < 4 or (data.moment != np.arange(data.sizes["moment"])).any():
        refuse("moment must count 0, 1, 2, 3, ...")
    if not (data.knudsen > 0).all() or not (data.G.values[:, :, 0][alive] > 0).all():
        refuse("a Knudsen number or a density is not positive")
    if not ((data.velocity_points > 0) & (data.velocity_points <= data.sizes["velocity"])).all():
        refuse("velocity_points does not fit the velocities")
    if names[0] in expected:
        _check_distribution(data, moments, names, alive, refuse)


def _check_distribution(data, moments, names, alive, refuse):
    """Kept distributions must have the kept moments."""
    at = np.isin(data.time, data.time_f)
    if at.sum() != data.sizes["time_f"]:
        refuse("time_f is not a part of time")
    for name, moment in zip(names, moments):
        for i in range(data.sizes["trajectory"]):
            now = alive[i, at]
            v, dv = data.v.values[i], float(data.dv[i])
            for k in (0, 1, 2):
                kept = data[moment].values[i, at, k][now]
                error = np.abs(data[name].values[i][now] @ v**k * dv - kept).max(initial=0)
                if error > ROUND_OFF * np.abs(kept).max(initial=1):
                    refuse(f"{name} of trajectory {i} does not have the moments {moment} beside it")


def _alive(data):
    """[trajectory, time] saved before the solution diverged, if it did."""
    return data.time.values < data.diverged_time.values[:, None]


def _fields(attributes):
    """Names of (the raw moments, the distributions) that a file with these attributes holds."""
    count = 1 if attributes["gas_dims"] == 1 else 5 if attributes["shear"] else 2
    return ("G", "H", "K", "Y", "L")[:count], ("f",) if count == 1 else ("g", "h", "k", "y", "l")[:count]


def _variable(name, values):
    dims, units, long_name = DESCRIBED[name]
    array = np.array(list(values), dtype=object) if name in ("case", "account") else np.stack([np.asarray(v) for v in values])
    return dims, array, {"units": units, "long_name": long_name}


def _encoding(data):
    """Compressed, one trajectory a chunk; no fill values: a file that exists has every value."""
    encoding = {}
    for name, variable in data.variables.items():
        if variable.dtype.kind == "f":
            encoding[name] = {"_FillValue": None}
            if variable.ndim > 1 and variable.size:
                encoding[name] |= {"zlib": True, "complevel": 1, "shuffle": True, "chunksizes": (1, *variable.shape[1:])}
    return encoding
