"""Initial data from a user's NetCDF file."""

import re
from pathlib import Path

import numpy as np

from knudsen.build import makes
from knudsen.errors import InputError
from knudsen.kinetic.case import Case

FIELDS = ("rho", "u", "T")
UNIFORM = 1e-4  # of a cell: how far a centre may lie from where equal steps put it, beside its rounding
COARSE = 0.05  # of a cell: more rounding than this says nothing about the steps
DIMENSIONAL = frozenset(
    "m cm mm um µm nm km kg g mg s ms us µs ns min h hour hours day days second seconds metre metres meter meters kelvin K degC "
    "Pa hPa kPa bar mbar atm torr Torr J eV mol molecules since".split()
)  # words of units that a dimensionless case cannot have


@makes(Case)
def tabulated(file, cells=None, *, knudsen=None, t_end=0.1, save_times=()):
    """The case that a NetCDF file describes; finer files are averaged (f, or its moments) over blocks to ``cells``.

    file: NetCDF-4 or NetCDF-3 with dimension ``x`` (uniform cell centres, up or down, with its coordinate variable), variables
    ``rho, u, T``, or for a sum of two Maxwellians ``rho_1, u_1, T_1, rho_2, u_2, T_2`` (rho_1, rho_2 the components' densities),
    optionally ``knudsen``, each [x], packed or not; attribute ``boundary`` = periodic or outflow. Everything in units of the
    case, k_B/m = 1: a file in metres and kelvin is refused.
    cells: a divisor of the file's number of cells; None keeps it. knudsen: a number, used when the file has no ``knudsen``; a
    length in the file's unit of x.
    Raises InputError that names the file and the key for anything else.
    """
    if file is None:
        raise InputError("case.file is missing: give the path of a NetCDF file with rho, u, T over x")
    path = Path(file)
    data = _load(path)
    x = _coordinate(data, path)
    if x.size > 1 and x[0] > x[-1]:
        data, x = data.isel(x=slice(None, None, -1)), x[::-1]
    components = _components(data, path)
    rho, u, T = (np.stack([_variable(data, key, path) for key in keys]) for keys in zip(*components, strict=True))
    boundary = data.attrs.get("boundary")
    if not isinstance(boundary, str) or boundary not in ("periodic", "outflow"):
        found = "is missing" if boundary is None else f"is {boundary!r}"
        raise InputError(f"case.file={path}: the attribute boundary {found}; set it to periodic or outflow")
    if "knudsen" in data:
        knudsen = _variable(data, "knudsen", path)
    elif knudsen is None:
        raise InputError(f"case.file={path}: no variable knudsen; add it to the file, or give a number as case.knudsen")
    cells = x.size if cells is None else cells
    if isinstance(cells, bool) or not isinstance(cells, int | np.integer) or cells < 1 or x.size % cells:
        raise InputError(f"case.cells={cells!r}: must divide the {x.size} cells of case.file={path}; give a divisor of it")
    half = 0.5 * (x[-1] - x[0]) / (x.size - 1) if x.size > 1 else 0.5  # one cell, of a homogeneous gas: unit width
    return Case("tabulated", (x[0] - half, x[-1] + half), int(cells), boundary, rho, u, T, knudsen, t_end, save_times)


def _load(path):
    import h5py
    import xarray as xr

    if not path.is_file():
        raise InputError(f"case.file={path}: there is no such file; give the path of a NetCDF file")
    with open(path, "rb") as file:
        start = file.read(4)
    if start[:3] == b"CDF" and start[3] not in (1, 2):
        raise InputError(f"case.file={path}: NetCDF of kind CDF-{start[3]}; convert it: nccopy -k nc4 {path.name} new.nc")
    engine = "scipy" if start[:3] == b"CDF" else "h5netcdf"
    try:  # times stay numbers: units that look like dates must not change what is read
        if engine == "h5netcdf":
            h5py.File(path, "r").close()  # says in one exception what is no HDF5, where h5netcdf leaves a half-made object behind
        return xr.load_dataset(path, engine=engine, decode_times=False, decode_timedelta=False)
    except Exception as error:  # h5py, scipy and xarray raise many kinds for what is not NetCDF
        kind = type(error).__name__
        raise InputError(f"case.file={path}: not a readable NetCDF file ({kind}); write it with xarray's to_netcdf") from None


def _coordinate(data, path):
    if "x" not in data.dims:
        raise InputError(f"case.file={path}: no dimension x; give every variable over the dimension x")
    if "x" not in data.variables:
        raise InputError(f"case.file={path}: no coordinate variable x; add the cell centres as x(x)")
    x = _finite(data["x"], "x", path)
    if x.size == 0:
        raise InputError(f"case.file={path}: x is empty; give at least one cell")
    if x.size == 1:
        return x
    step = (x[-1] - x[0]) / (x.size - 1)
    off = np.abs(x - np.linspace(x[0], x[-1], x.size)).max()  # from equal steps
    rounding = _rounding(data["x"], x)
    if not step or off > UNIFORM * abs(step) + 2 * rounding:
        width = np.diff(x)
        steps = f"the steps run from {width.min():g} to {width.max():g}"
        raise InputError(f"case.file={path}: x must increase (or decrease) in equal steps (cell centres); {steps}")
    if rounding > COARSE * abs(step):
        raise InputError(
            f"case.file={path}: x is stored too coarsely, steps of {abs(step):g} are rounded by up to {rounding:.2g}; "
            "store it in double precision"
        )
    return x


def _rounding(variable, x):
    """The largest error of a coordinate by how it is stored: its precision, or the steps of packed integers."""
    stored = variable.encoding.get("dtype", variable.dtype)
    if "scale_factor" in variable.encoding:
        packed = 0.5 * abs(float(variable.encoding["scale_factor"])) if np.dtype(stored).kind in "iu" else 0.0
        return packed + float(np.finfo(np.float32).eps) * np.abs(x).max()
    kind = np.dtype(stored)
    return 0.5 * float(np.finfo(kind).eps) * np.abs(x).max() if kind.kind == "f" else 0.0


def _components(data, path):
    plain, two = [FIELDS], [tuple(f"{key}_{i}" for key in FIELDS) for i in (1, 2)]
    has_plain, has_two = (any(key in data for keys in names for key in keys) for names in (plain, two))
    if has_plain and has_two:
        raise InputError(f"case.file={path}: has both rho, u, T and rho_1, ..., T_2; keep one of the two sets")
    names = two if has_two else plain
    missing = [key for keys in names for key in keys if key not in data]
    if missing:
        remedy = "give rho, u, T (or rho_1, u_1, T_1, rho_2, u_2, T_2) over x"
        raise InputError(f"case.file={path}: no variable {', '.join(missing)}; {remedy}")
    return names


def _variable(data, key, path):
    if data[key].dims != ("x",):
        raise InputError(f"case.file={path}: {key} has the dimensions {data[key].dims}; give it over x alone")
    value = _finite(data[key], key, path)
    if not key.startswith("u") and not (value > 0).all():
        raise InputError(f"case.file={path}: {key} must be positive; it is {value.min():g} in cell {int(value.argmin())}")
    return value


def _finite(array, key, path):
    if array.dtype.kind not in "fiu":
        what = {"c": "complex", "b": "true and false"}.get(array.dtype.kind, "not numeric")
        raise InputError(f"case.file={path}: {key} is {what}; give real numbers")
    units = array.attrs.get("units", "")
    if DIMENSIONAL & set(re.findall(r"[^\W\d_]+", str(units))):
        raise InputError(
            f"case.file={path}: {key} has the units {units!r}; divide every variable by a reference (k_B/m = 1: T_ref, rho_ref, "
            "sqrt(k_B T_ref/m), and a length for x and the Knudsen number) and remove the attribute units, or set it to 1"
        )
    value = np.asarray(array.values, float)
    if not np.isfinite(value).all():
        cell = int(np.argmin(np.isfinite(value)))
        raise InputError(f"case.file={path}: {key} is {value[cell]} in cell {cell}; give finite numbers everywhere")
    return value
