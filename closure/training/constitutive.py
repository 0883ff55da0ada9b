"""Training of the constitutive closure: on measured shocks, whose constant fluxes give stress and heat flux, or on labels."""

import json
import time
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from scipy.interpolate import CubicSpline

from knudsen.closure import checkpoint as checkpoints
from knudsen.closure.training import labels
from knudsen.closure.training.epochs import TrainOptions
from knudsen.errors import InputError
from knudsen.files import Draft
from knudsen.kinetic import load_profiles, macroscopic, rankine_hugoniot
from knudsen.kinetic.measured import SHIPPED, MeasuredProfile
from knudsen.solvers import central_slopes

NAME, make = labels.NAME, labels.make
PLACES = 81  # at which a measured profile is read, between its first and its last value
ROWS = 20_000  # of kinetic labels: as many cells, spread evenly
PASSES = 25  # of the optimiser in an epoch
ROBUST = 0.05  # slopes in units of the jump a mean free path: errors beyond it count linearly
RANGE = 3.0  # of |a|, |b|, |c|: cells with larger gradients are not learned from
COLUMNS = ("a", "b", "c", "sigma", "q", "weight_a", "weight_b")
STIFFNESS = 1e-7  # weight of the squared curvature of the potential, over that of Navier-Stokes-Fourier, in the loss
BOX, POINTS = (0.7, 0.5, 0.3), 500  # |a|, |b|, |c| within which it is looked at, and random places there
LEAST = 5  # values of density and of temperature in a profile


def load(file: Path, gas) -> xr.Dataset:
    """Rows (gradients a, b, c; sigma/p; q/(p sqrt T); weights of errors in a and in b; trajectory) of a table of measured shocks
    (``kinetic.load_profiles``, a file *.csv), or of labels that experiment=label has made."""
    if Path(file).suffix != ".csv":
        return of_labels(labels.load(file, gas), gas)
    profiles = load_profiles(file)
    if any(p.kind != "shock" for p in profiles):
        raise InputError(
            f"train.data={file}: the constitutive closure learns from normal shocks; give mach, x_over_lambda1, rho_n, T_n"
        )
    parts = [of_shock(p, gas, file) for p in profiles]
    return _rows([np.concatenate(c) for c in zip(*parts)], np.repeat(np.arange(len(parts)), [len(p[0]) for p in parts]))


def of_shock(profile: MeasuredProfile, gas, file=SHIPPED) -> tuple[np.ndarray, ...]:
    r"""The columns of a measured shock of the gas's viscosity law.

    Between the places the logit of the density, and the logarithm of (T_n - rho_n)/(rho_n (1 - rho_n)), are cubic splines (both
    are nearly straight lines). Then, with the constant fluxes j of mass, P of momentum and H of energy,

    .. math:: u = j/\rho, \quad \sigma = P - \rho u^2 - \rho T, \quad
              q = H - u \left(\tfrac12 \rho u^2 + \tfrac{D+2}{2} \rho T + \sigma\right) .

    weight: what an error of a, or b, makes of the slope of the normalised density, or temperature, per mean free path.
    """
    x, values = profile.x, [profile.values.get(k, np.full(profile.x.size, np.nan)) for k in ("rho_n", "T_n")]
    known = np.isfinite(values).all(0)
    x, (n, t) = x[known], (v[known] for v in values)
    if len(x) < LEAST or not np.all(np.diff(x) > 0):
        raise InputError(f"train.data={file}: {profile.name} needs {LEAST} different places with density and temperature")
    if not (np.all((n > 0) & (n < 1)) and np.all(t > n)):
        raise InputError(f"train.data={file}: {profile.name} needs 0 < rho_n < 1 and T_n > rho_n at every place")
    ln, at = np.log(n / (1 - n)), x
    if not np.any(x == 0):  # where the density is half-way
        ln, at = np.insert(ln, np.searchsorted(x, 0.0), 0.0), np.insert(x, np.searchsorted(x, 0.0), 0.0)
    logit = CubicSpline(at, ln, bc_type="natural")
    lead = CubicSpline(x, np.log((t - n) / (n * (1 - n))), bc_type="natural")
    places = np.linspace(x[0], x[-1], PLACES)
    n = 1 / (1 + np.exp(-logit(places)))
    w = np.exp(lead(places))
    n_x = n * (1 - n) * logit(places, 1)
    t, t_x = n + w * n * (1 - n), n_x + w * n * (1 - n) * lead(places, 1) + w * (1 - 2 * n) * n_x

    (rho1, u1, T1), (rho2, _, T2) = rankine_hugoniot(profile.parameter, gas)
    path = 16 / 5 * gas.viscosity(rho1, T1) / (rho1 * np.sqrt(2 * np.pi * T1))
    rho, T, D = rho1 + (rho2 - rho1) * n, T1 + (T2 - T1) * t, gas.dims
    rho_x, T_x = (rho2 - rho1) * n_x / path, (T2 - T1) * t_x / path
    j, P = rho1 * u1, rho1 * (u1**2 + T1)
    u = j / rho
    sigma = P - rho * u**2 - rho * T
    q = j * (0.5 * u1**2 + 0.5 * (D + 2) * T1) - u * (0.5 * rho * u**2 + 0.5 * (D + 2) * rho * T + sigma)
    tau = gas.viscosity(rho, T) / (rho * T)
    a, b, c = -tau * u * rho_x / rho, tau * T_x / np.sqrt(T), tau * np.sqrt(T) * rho_x / rho
    weight_a, weight_b = rho * path / (tau * u * (rho2 - rho1)), np.sqrt(T) * path / (tau * (T2 - T1))
    return a, b, c, sigma / (rho * T), q / (rho * T**1.5), weight_a, weight_b


def of_labels(data: xr.Dataset, gas) -> xr.Dataset:
    """The columns of kinetic snapshots, by central differences within each; errors count in units of the root mean square of a,
    and of b, halved."""
    cells = data.sizes["cell"] - 2
    every = max(1, data.sizes["snapshot"] * cells // ROWS)
    rho, u, T, sigma, q = macroscopic(*(data[k].values.swapaxes(0, 1) if k in data else None for k in ("G", "H")), gas)
    tau, dx = data.knudsen.values / gas.frequency(rho, T), torch.tensor(data.dx.values[:, None])

    def slope(y):
        return central_slopes(torch.tensor(y), dx)[:, 1:-1].numpy()

    inner = (slice(None), slice(1, -1))
    tau, s, p = tau[inner], np.sqrt(T[inner]), (rho * T)[inner]
    columns = [tau * slope(u), tau * s * slope(np.log(T)), tau * s * slope(np.log(rho)), sigma[inner] / p, q[inner] / (p * s)]
    columns = [column.ravel()[::every] for column in columns]
    trajectory = np.repeat(data.trajectory.values, cells)[::every]
    good = np.isfinite(columns).all(0) & (np.abs(columns[:3]).max(0) < RANGE)
    columns = [column[good] for column in columns]
    weights = [np.full(good.sum(), 2 * ROBUST / np.sqrt(np.mean(column**2) + 1e-12)) for column in columns[:2]]
    return _rows([*columns, *weights], trajectory[good], data.attrs)


def _rows(columns, trajectory, attributes=None) -> xr.Dataset:
    variables = {name: ("row", column) for name, column in zip(COLUMNS, columns, strict=True)}
    return xr.Dataset(variables | {"trajectory": ("row", trajectory)}, attrs=attributes or {})


def slope_errors(law, rows: dict[str, torch.Tensor]) -> torch.Tensor:
    """What is wrong with the gradients that the closure takes to make the known stress and heat flux, weighted, [row, 2]: to
    first order (Newton's step), which is the error of a shock's slopes."""
    X = torch.stack((rows["a"], rows["b"]), -1)
    gradient, hessian = law.derivatives(X, rows["c"])
    defect = gradient + torch.stack((rows["sigma"], rows["q"]), -1)
    step = torch.linalg.solve(hessian, defect.unsqueeze(-1)).squeeze(-1)
    return step * torch.stack((rows["weight_a"], rows["weight_b"]), -1)


def train(law, network_config: dict, data, options: TrainOptions, directory: Path, *, recipe: dict, progress=None) -> dict:
    """Least squares (smoothed absolute values beyond ROBUST) of the slope errors, all rows at once, by L-BFGS. The curvature of
    the potential is kept small where there are no data: a stress that jumps at a small change of the gradient is stiff.

    Writes checkpoint.pt and metrics.jsonl (a line an epoch of PASSES iterations), and ends where an epoch no longer helps. Of the
    options it reads epochs, threads and seed. Returns {"epochs", "validation_loss", "slope_error", "curvature", "seconds",
    "cells"}; the loss is that of all rows: profiles are too few to keep any back, and leaving one out is the reader's check.
    """
    began, directory = time.perf_counter(), Path(directory)
    torch.set_num_threads(options.threads)
    rows = {name: torch.tensor(data[name].values, dtype=torch.float64) for name in COLUMNS}
    network = law.network.double()
    optimiser = torch.optim.LBFGS(
        network.parameters(), max_iter=PASSES, max_eval=2 * PASSES, history_size=50, line_search_fn="strong_wolfe",
        tolerance_grad=1e-10, tolerance_change=1e-13,
    )  # fmt: skip

    draw = torch.rand(POINTS, 3, generator=torch.Generator().manual_seed(options.seed), dtype=torch.float64)
    anywhere = (2 * draw - 1) * torch.tensor(BOX)

    def parts():
        misfit = ROBUST**2 * ((1 + (slope_errors(law, rows) / ROBUST) ** 2).sqrt() - 1).mean()
        _, hessian = law.derivatives(anywhere[:, :2], anywhere[:, 2])
        curvature = (torch.diagonal(hessian, dim1=-2, dim2=-1) / law.nsf).mean(-1)
        return misfit, (curvature**2).mean()

    def loss():
        optimiser.zero_grad()
        misfit, curvature = parts()
        value = misfit + STIFFNESS * curvature
        value.backward()
        return value

    history = []
    for epoch in range(1, options.epochs + 1):
        optimiser.step(loss)
        with torch.no_grad():
            error, (misfit, curvature) = slope_errors(law, rows), map(float, parts())
            value = misfit + STIFFNESS * curvature
        if not np.isfinite(value):
            raise InputError(f"seed={options.seed}: the training diverged; give another seed")
        entry = {"validation_loss": value, "slope_error": float((error**2).mean().sqrt()), "curvature": curvature**0.5}
        history.append({"epochs": epoch} | entry)
        if progress is not None:
            progress(epoch, options.epochs, value, value)
        if epoch > 2 and value > (1 - 1e-4) * history[-3]["validation_loss"]:
            break
    outcome = history[-1] | {"seconds": time.perf_counter() - began, "cells": len(rows["a"])}
    with Draft(directory / "metrics.jsonl") as partial:
        partial.write_text("".join(json.dumps(line) + "\n" for line in history))
    checkpoints.save(directory / "checkpoint.pt", law, network_config, recipe | {"train": vars(options), "result": outcome})
    return outcome
