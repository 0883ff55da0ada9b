"""Solutions as data sets of xarray, with units: the same for the kinetic and for every moment solver."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

# Every variable the files hold: (long name, unit). Units: k_B/m = 1; references are the case's own.
FIELDS = {
    "rho": ("density", "rho_ref"),
    "u": ("velocity", "sqrt(T_ref)"),
    "T": ("temperature", "T_ref"),
    "q": ("heat flux", "rho_ref T_ref^(3/2)"),
    "sigma": ("stress deviator xx", "rho_ref T_ref"),
    "closed": ("closed moment, T^(k/2) W_k", "rho_ref T_ref^(k/2)"),
    "spread": ("standard deviation of the closed moment among the members of the ensemble", "rho_ref T_ref^(k/2)"),
    "u_y": ("velocity along y", "sqrt(T_ref)"),
    "sigma_xy": ("shear stress", "rho_ref T_ref"),
    "q_y": ("heat flux along y", "rho_ref T_ref^(3/2)"),
    "v": ("velocity along y", "sqrt(T_ref)"),
    "qx": ("heat flux along x", "rho_ref T_ref^(3/2)"),
    "qy": ("heat flux along y", "rho_ref T_ref^(3/2)"),
    "sigma_xx": ("stress deviator xx", "rho_ref T_ref"),
    "sigma_yy": ("stress deviator yy", "rho_ref T_ref"),
    "x": ("position", "length of the case"),
    "y": ("position along y", "length of the case"),
    "time": ("time", "length / sqrt(T_ref)"),
    "knudsen": ("Knudsen number", "1"),
}


def describe(data: xr.Dataset) -> xr.Dataset:
    """Variables without their own units and long_name get those of `FIELDS`; changes `data`, and returns it."""
    for variable in data.variables:
        if variable in FIELDS:
            long_name, units = FIELDS[variable]
            data[variable].attrs = {"long_name": long_name, "units": units} | data[variable].attrs
    return data


def solution(found: Any, case: Any, gas: Any) -> xr.Dataset:
    """Fields over time and x; the Knudsen number, the stress for D > 1, what shear adds where the gas moves along y."""
    names = ("rho", "u", "T", "q", "sigma") if gas.dims > 1 else ("rho", "u", "T", "q")
    if case.has_shear:
        names += ("u_y", "sigma_xy", "q_y")
    if getattr(found, "spread", None) is not None:
        names += ("closed", "spread")
    fields = {name: (("time", "x"), np.asarray(getattr(found, name))) for name in names}
    fields["knudsen"] = ("x", np.broadcast_to(case.knudsen, case.x.shape).copy())
    return xr.Dataset(
        fields,
        {"time": np.asarray(found.t), "x": case.x},
        {"case": case.name, "boundary": case.boundary, "status": found.status},
    )


def channel(flow: Any) -> xr.Dataset:
    """The fields of a steady flow over x, the nodes of the solver, graded to both walls."""
    names = ("rho", "u_y", "T", "q", "q_y", "sigma", "sigma_xy", "sigma_yy")
    return xr.Dataset({name: ("x", getattr(flow, name)) for name in names}, {"x": flow.x}, {"case": flow.case.name})


def plane(found: Any) -> xr.Dataset:
    """The fields of two space dimensions over time, y, x."""
    return _plane(found.fields, found.t, found.case, found.status)


def steady_plane(flow: Any) -> xr.Dataset:
    """As ``plane``, of a steady flow: one row, at time infinity."""
    return _plane({name: values[None] for name, values in flow.fields.items()}, [np.inf], flow.case, flow.status)


def _plane(fields: Any, time: Any, case: Any, status: str) -> xr.Dataset:
    data = xr.Dataset(
        {name: (("time", "y", "x"), values) for name, values in fields.items()} | {"knudsen": case.knudsen},
        {"time": np.asarray(time, float), "y": case.y, "x": case.x},
        {"case": case.name, "sides": ", ".join(s if isinstance(s, str) else "wall" for s in case.sides), "status": status},
    )
    data.u.attrs = {"long_name": "velocity along x", "units": "sqrt(T_ref)"}
    return data
