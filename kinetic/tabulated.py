"""Initial data from a user's NetCDF file."""

from pathlib import Path

import numpy as np

from knudsen.build import makes
from knudsen.errors import InputError
from knudsen.kinetic.case import Case

FIELDS = ("rho", "u", "T")
UNIFORM = 1e-6  # largest deviation of a cell width from the mean, relative: what single-precision coordinates leave


@makes(Case)
def tabulated(file, cells=None, *, knudsen=None, t_end=0.1, save_times=()):
    """The case that a NetCDF file describes; finer files are averaged (f, or its moments) over blocks to ``cells``.

    file: dimension ``x`` (uniform cell centres, with its coordinate variable), variables ``rho, u, T``, or for a sum of two
    Maxwellians ``rho_1, u_1, T_1, rho_2, u_2, T_2`` (rho_1, rho_2 the components' densities), optionally ``knudsen``, each [x];
    attribute ``boundary`` = periodic or outflow.
    cells: a divisor of the file's number of cells; None keeps it. knudsen: a number, used when the file has no ``knudsen``.
    Raises InputError that names the file and the key for anything else.
    """
    if file is None:
        raise InputError("case.file is missing: give the path of a NetCDF file with rho, u, T over x")
    path = Path(file)
    data = _load(path)
    x = _coordinate(data, path)
    components = _components(data, path)
    rho, u, T = (np.stack([_variable(data, key, path) for key in keys]) for keys in zip(*components, strict=True))
    boundary = data.attrs.get("boundary")
    if boundary not in ("periodic", "outflow"):
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
    import xarray as xr

    if not path.is_file():
        raise InputError(f"case.file={path}: there is no such file; give the path of a NetCDF file")
    try:
        return xr.load_dataset(path, engine="h5netcdf")
    except Exception as error:  # h5py and xarray raise many kinds for a file that is not NetCDF-4
        kind = type(error).__name__
        raise InputError(f"case.file={path}: not a readable NetCDF-4 file ({kind}); write it with xarray's to_netcdf") from None


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
    width = np.diff(x)
    if not (width > 0).all() or np.abs(width - width.mean()).max() > UNIFORM * width.mean():
        steps = f"the steps run from {width.min():g} to {width.max():g}"
        raise InputError(f"case.file={path}: x must increase in equal steps (cell centres); {steps}")
    return x


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
    try:
        value = np.asarray(array.values, float)
    except (TypeError, ValueError):
        raise InputError(f"case.file={path}: {key} is not numeric; give real numbers") from None
    if not np.isfinite(value).all():
        cell = int(np.argmin(np.isfinite(value)))
        raise InputError(f"case.file={path}: {key} is {value[cell]} in cell {cell}; give finite numbers everywhere")
    return value
