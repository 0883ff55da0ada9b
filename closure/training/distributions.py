"""Labelled distributions: snapshots of kinetic solutions as masses of own-frame velocity nodes, what EncMLC learns from.

Asked for by the same ``LabelRequest`` as moments are (``order`` and ``keep_f`` mean nothing here).
"""

from collections.abc import Callable
from dataclasses import replace
from math import pi, sqrt
from pathlib import Path

import numpy as np
import xarray as xr
from scipy.signal import resample

from knudsen.closure.learned.encoder import Nodes
from knudsen.closure.training.labels import KINDS, SHOCK_KNUDSEN, LabelRequest, forming_shock, random_cases, with_velocities
from knudsen.errors import InputError
from knudsen.files import Draft
from knudsen.kinetic import gas as kinetic_gas
from knudsen.kinetic import rankine_hugoniot, simulate, solve_shock, trajectories
from knudsen.kinetic.grid import VelocityGrid

NAME = "distributions.nc"
FORMAT = 1
MARK = "knudsen_distributions"
NODES = Nodes(count=84, spacing=0.225, stretch=0.3)  # finer than, and as far as, any closure's own: to c = +-27
FINER = 8  # velocities of a Boltzmann gas, as few as its collision integral needs, become so many times as many
FINE = 0.1 / 3  # cells of a steady shock before averaging, in upstream mean free paths


def make(
    path: Path, gas, request: LabelRequest, *, workers: int = 1, progress=None, attributes: Callable[[], dict] = dict
) -> xr.Dataset:
    """Label the request and write it to ``path`` (NetCDF, complete or not at all); returns what :func:`load` does.

    masses [snapshot, cell, node] of f/rho (D > 1: g/rho) at the nodes c = (v - u)/sqrt(T) and, for D > 1, transverse, those of
    h/((D - 1) rho T); rho, u, T, q (in rho T^(3/2)), entropy int f ln(f/M) dv / rho (D > 1: the least that g and h allow),
    knudsen [snapshot, cell]; dx, time, kind, trajectory, periodic, spacing (of a Boltzmann gas's velocities; 0: fine enough)
    [snapshot].
    """
    if gas.is_boltzmann and request.shocks:
        raise InputError(f"label.shocks={list(request.shocks)}: of gas={gas.name} only random cases are labelled; give []")
    report = progress or (lambda fraction, text: None)
    rows, trajectory = [], 0
    total = sum(getattr(request, kind) for kind in KINDS[:4]) + len(request.shocks)
    random, request = with_velocities(gas, request), replace(request, keep_f=())
    for code, kind in enumerate(KINDS[:4]):
        for case in random_cases(request, kind):
            solution = simulate(case, random, keep_f=True, workers=workers, cfl=request.cfl)[0]
            rows += [(*row, code, trajectory, 1) for row in _snapshots(solution, request)]
            trajectory += 1
            report(trajectory / total, kind)
    draw = np.random.default_rng(request.seed)
    for mach in request.shocks:
        rows += [(*row, KINDS.index("shock"), trajectory, 0) for row in _windows(gas, mach, request, draw)]
        if request.forming:
            forming = simulate(forming_shock(mach, gas, request), gas, keep_f=True, workers=workers, cfl=request.cfl)[0]
            rows += [(*row, KINDS.index("forming"), trajectory, 0) for row in _snapshots(forming, request)]
        trajectory += 1
        report(trajectory / total, f"shock Mach {mach:g}")
    data = _dataset(rows, gas, request).assign_attrs(attributes())
    packed = {name: {"zlib": True, "complevel": 1} for name in ("masses", "transverse") if name in data}
    with Draft(path) as partial:
        partial.write_bytes(data.to_netcdf(engine="h5netcdf", encoding=packed))
    return data


def load(path: Path, gas) -> xr.Dataset:
    """The data set at ``path``; InputError if it is absent, unreadable, of another format or of another gas."""
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such data set: leave train.data out, and experiment=train makes it first")
    try:
        data = xr.load_dataset(path, engine="h5netcdf")
    except Exception as error:
        raise InputError(f"{path}: not a readable NetCDF data set ({type(error).__name__}): leave train.data out") from None
    if data.attrs.get(MARK) != FORMAT:
        raise InputError(f"{path}: not a file of labelled distributions of format {FORMAT}: leave train.data out to make one")
    if "gas_dims" not in data.attrs:  # files from before 0.2 know the gas's name and omega
        omega = None if data.attrs["omega"] == "None" else float(data.attrs["omega"])
        data.attrs |= trajectories.gas_attributes(kinetic_gas(data.attrs["gas"], omega=omega))
    trajectories.check_gas(data, path, gas)
    return data


def _snapshots(solution, request):
    """Every saved time of a kinetic solution, averaged to the cells of the request; that of a Boltzmann gas is taken between its
    velocities for the trigonometric polynomial that its collision integral takes it for."""
    f, n, grid = solution.f, request.cells, solution.grid
    coarse = solution.gas.is_boltzmann
    finer = FINER if coarse else 1
    spacing = grid.dv if coarse else 0.0
    grid = VelocityGrid(grid.v[0] + np.arange(finer * grid.points) * grid.dv / finer, grid.dv / finer) if coarse else grid
    f = f.reshape(*f.shape[:2], n, -1, f.shape[3]).mean(axis=3)
    knudsen = solution.knudsen.reshape(n, -1).mean(axis=1)
    for t, one in zip(solution.t, f):
        if np.isfinite(one).all():
            one = resample(one, grid.points, axis=-1) if coarse else one
            yield _own_frame(one, grid, solution.gas.dims), knudsen, solution.dx * request.refine, t, spacing


def _windows(gas, mach, request, draw):
    """Windows of ``cells`` uniform cells that cover the steep part of the steady shock at random offsets."""
    profile = solve_shock(gas, mach)
    path = 16 / 5 / sqrt(2 * pi)
    reach = 4 * sqrt(rankine_hugoniot(mach, gas)[1][2]) + 6 / (mach - 1) ** 0.5
    low, high = (round(width / FINE) for width in request.shock_cell_width)
    half = path * (reach + 0.5 * request.cells * high * FINE) + path
    x = np.arange(-half, half, path * FINE)
    f = steady_distribution(profile, x, gas)
    for _ in range(request.shock_windows):
        ratio = int(np.exp(draw.uniform(np.log(low), np.log(high + 1))))
        first = int((path * draw.uniform(-reach, reach) + half) / (path * FINE)) - request.cells * ratio // 2
        first = min(max(first, 0), len(x) - request.cells * ratio)
        part = f[:, first : first + request.cells * ratio].reshape(len(f), request.cells, ratio, -1).mean(axis=2)
        own, knudsen = _own_frame(part, profile.grid, gas.dims), np.full(request.cells, SHOCK_KNUDSEN)
        yield own, knudsen, ratio * FINE * path * SHOCK_KNUDSEN, 0.0, 0.0


def steady_distribution(profile, x, gas):
    r"""f [1, x, v] (D > 1: g and h) of a steady shock along its characteristics: v df/dx = nu (M - f), M linear between the
    points."""
    fields = profile.sample(x)
    rho, u, T = (fields[name][:, None] for name in ("rho", "u", "T"))
    v = profile.grid.v
    M = rho / np.sqrt(2 * np.pi * T) * np.exp(-((v - u) ** 2) / (2 * T))
    M = np.stack((M, (gas.dims - 1) * T * M)[: 1 + gas.has_h])
    nu = gas.frequency(rho[:, 0], T[:, 0])
    optical = 0.5 * (nu[1:] + nu[:-1]) * np.diff(x)
    f = M.copy()
    for right in (True, False):
        moving = v > 0 if right else v < 0
        pairs = [(i - 1, i) for i in range(1, len(x))] if right else [(i + 1, i) for i in range(len(x) - 2, -1, -1)]
        for before, here in pairs:
            depth = optical[min(before, here)] / np.abs(v[moving])
            decay, mean = np.exp(-depth), -np.expm1(-depth) / depth
            source = M[:, before, moving] * (mean - decay) + M[:, here, moving] * (1 - mean)
            f[:, here, moving] = decay * f[:, before, moving] + source
    return f


def _own_frame(f, grid, dims):
    r"""Masses of the nodes, (g,) or (g, theta), then rho, u, T, q and entropy of distributions f [1 or 2, cell, velocity].

    Of all f with the same g and h the one of largest entropy is a Gaussian of temperature T theta/g across, with

    .. math:: \frac1\rho\int f \ln\frac fM = \int g \Bigl[\ln\frac gM - \frac{D-1}2 \ln\frac\theta g\Bigr] .
    """
    v, dv = grid.v, grid.dv
    G = f[0] @ np.stack([v**k for k in range(3)], axis=1) * dv
    rho, u = G[:, 0], G[:, 1] / G[:, 0]
    energy = G[:, 2] + (f[1].sum(axis=1) * dv if dims > 1 else 0.0)
    T = (energy / rho - u * u) / dims
    c = (v - u[:, None]) / np.sqrt(T)[:, None]
    g = f[0] * dv / rho[:, None]
    densities = (g,) if dims == 1 else (g, f[1] * dv / ((dims - 1) * rho * T)[:, None])
    tiny = np.finfo(float).tiny
    M, *logs = (np.log(np.maximum(x, tiny)) for x in (np.exp(-0.5 * c * c) * dv / np.sqrt(2 * np.pi * T)[:, None], *densities))
    entropy = (g * (logs[0] - M)).sum(axis=1)
    q = 0.5 * (c**3 * g).sum(axis=1)
    if dims > 1:
        entropy -= 0.5 * (dims - 1) * (g * (logs[1] - logs[0])).sum(axis=1)
        q += 0.5 * (dims - 1) * (c * densities[1]).sum(axis=1)
    return tuple(NODES.masses(c, x).astype(np.float32) for x in densities), rho, u, T, q, entropy


def _dataset(rows, gas, request) -> xr.Dataset:
    own, knudsen, dx, time, spacing, kind, trajectory, periodic = zip(*rows, strict=True)
    masses, *fields = zip(*own, strict=True)
    names = {"masses": "masses of f/rho", "transverse": "masses of h/((D - 1) rho T)"}
    units = {"rho": "rho_ref", "u": "sqrt(T_ref)", "T": "T_ref", "q": "rho T^(3/2)", "entropy": "1"}
    variables = {}
    for (name, text), values in zip(names.items(), zip(*masses, strict=True)):
        variables[name] = (("snapshot", "cell", "node"), np.stack(values), {"units": "1", "long_name": text})
    for (name, unit), values in zip(units.items(), fields, strict=True):
        variables[name] = (("snapshot", "cell"), np.stack(values), {"units": unit})
    variables["knudsen"] = (("snapshot", "cell"), np.stack(knudsen), {"units": "1"})
    for name, values in (("dx", dx), ("time", time), ("spacing", spacing)):
        variables[name] = ("snapshot", np.array(values, float), {"units": "of the case"})
    for name, values in (("kind", kind), ("trajectory", trajectory), ("periodic", periodic)):
        variables[name] = ("snapshot", np.array(values, np.int32), {"units": "1"})
    described = {f"request_{key}": str(value) for key, value in vars(request).items()}
    described |= {MARK: FORMAT, "kinds": ",".join(KINDS)} | trajectories.gas_attributes(gas)
    return xr.Dataset(variables, attrs=described)
