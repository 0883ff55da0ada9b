"""The package from Python, for notebooks and programs: ``import knudsen as kn``.

::

    gas = kn.gas("shakhov_3v", omega=0.81)
    case = kn.cases.sod(knudsen=0.1)
    kn.solve(case, gas)                  # the kinetic equation
    kn.solve(case, gas, "grad")          # a closure
    kn.compare(case, gas, ["grad", law])  # several; or {name: closure} with names of your own

Every function returns an ``xarray.Dataset`` with units and says in its attributes how it was made. Each uses one thread unless
``threads`` says otherwise. Units: k_B/m = 1, references are the case's own. Mistakes raise ``knudsen.errors.InputError``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

from knudsen.errors import InputError
from knudsen.kinetic import Case, Gas, PlaneCase, cases, gas

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from knudsen.closure import MomentLaw
    from knudsen.kinetic import MeasuredProfile

    Closures: TypeAlias = Iterable[str | MomentLaw] | Mapping[str, str | MomentLaw]  # a mapping gives them names of its own

__all__ = ["Case", "cases", "channel", "compare", "gas", "plot", "shock", "solve", "sweep"]

KINETIC = "kinetic"
JOIN: Any = {"data_vars": "all", "coords": "minimal", "compat": "override", "join": "exact"}
FINER = 3  # times the cells of a case has the kinetic solution that closures are compared with


def solve(
    case: Case | PlaneCase, gas: Gas, closure: str | MomentLaw | None = None, *, threads: int = 1, progress: bool = False,
    **options: Any,
) -> xr.Dataset:  # fmt: skip
    """The case over time: fields over ``time`` and ``x``, row 0 the start, the last at ``case.t_end``.

    closure: None: the kinetic equation, by the discrete-velocity solver; a name (``"nsf"``, ``"herm_mlc"`` with its shipped
    weights, ...) or a law (``knudsen.closure.build(name, gas, ...)``): the moment solver.
    options: of :func:`knudsen.kinetic.simulate` (transport, integrator, cfl, ...) or :func:`knudsen.closure.simulate`
    (reconstruction, flux, integrator, cfl, ...).
    A case of two space dimensions (``knudsen.kinetic.plane_cases``) has fields over ``time``, ``y`` and ``x``; of a steady one
    there is one row, at time infinity, and the options are of :func:`knudsen.kinetic.solve_plane`. Its closures are those of
    ``knudsen.closure.plane_law``.
    A solution that diverges says so in ``attrs["status"]``, and is NaN from there on.
    """
    from knudsen.experiments import datasets

    _check_threads(threads)
    if isinstance(case, PlaneCase):
        return _in_plane(case, gas, closure, threads, progress, options)
    if closure is None:
        found, model = _kinetic(case, gas, threads, progress, options), KINETIC
    else:
        law = _law(closure, gas, threads)
        from knudsen.closure import simulate

        found, model = simulate(law, [case], **options)[0], law.name
    data = datasets.describe(datasets.solution(found, case, gas))
    return data.assign_attrs(_made(model, gas, found))


def _in_plane(
    case: PlaneCase, gas: Gas, closure: str | MomentLaw | None, threads: int, progress: bool, options: Mapping[str, Any]
) -> xr.Dataset:
    from knudsen.experiments import datasets

    found: Any
    if closure is not None:
        import torch

        from knudsen.closure import plane_law, simulate_plane

        torch.set_num_threads(threads)
        law: Any = plane_law(closure, gas) if isinstance(closure, str) else closure
        found, model = simulate_plane(law, case, **options), law.name
    elif case.steady:
        from knudsen.kinetic import solve_plane

        found, model = solve_plane(case, gas, **options), KINETIC
    else:
        found, model = _kinetic(case, gas, threads, progress, options), KINETIC
    data = datasets.steady_plane(found) if closure is None and case.steady else datasets.plane(found)
    return datasets.describe(data).assign_attrs(_made(model, gas, found))


def compare(case: Case, gas: Gas, closures: Closures, *, threads: int = 1, progress: bool = False, **options: Any) -> xr.Dataset:
    """The kinetic solution and every closure over ``model``, ``time`` and ``x``; the first model is ``kinetic``.

    The kinetic solution is made on three times the case's cells and averaged to them; options: of
    :func:`knudsen.closure.simulate`.
    ``rel_l2`` [model, time]: relative L2 error of (rho, m, E) stacked.
    """
    import numpy as np
    import xarray as xr

    from knudsen.experiments import datasets
    from knudsen.experiments.measure import conserved_errors

    _check_threads(threads)
    laws = _laws(closures, gas, threads)
    names = [KINETIC, *laws]
    from knudsen.closure import simulate

    truth = _kinetic(case.at(FINER * case.cells), gas, threads, progress, {}).averaged(case.cells)
    found = [truth, *(simulate(law, [case], **options)[0] for law in laws.values())]
    parts = [datasets.solution(one, case, gas) for one in found]
    shared = [name for name in parts[0].data_vars if all(name in part for part in parts)]
    moving = [name for name in shared if "time" in parts[0][name].dims]
    data = xr.concat([part[moving] for part in parts], "model", combine_attrs="override", **JOIN).assign(knudsen=parts[0].knudsen)
    errors = [
        [0.0 if one is truth else _error(conserved_errors, one, truth, gas, i) for i in range(len(truth.t))] for one in found
    ]
    data = data.assign_coords(model=names).assign(rel_l2=(("model", "time"), np.array(errors)))
    data.rel_l2.attrs = {"long_name": "relative L2 error of density, momentum and energy", "units": "1"}
    made = _made(", ".join(names), gas, truth) | {"status": ", ".join(one.status for one in found)}
    made["warnings"] = "; ".join(f"{name}: {warning}" for name, one in zip(names, found) for warning in one.warnings)
    return datasets.describe(data).assign_attrs(made)


def shock(
    gas: Gas, mach: float, models: Closures = (), *, window: tuple[float, float] | None = None, spacing: float = 0.1,
    threads: int = 1,
) -> xr.Dataset:  # fmt: skip
    """The steady normal shock over ``model`` and ``x``, in upstream mean free paths; rho, u, T from 0 upstream to 1 downstream.

    models: closures beside the kinetic profile, which comes first; window: the ends of x, upstream and downstream of 0; None:
    some thicknesses to both sides. ``lambda1_over_delta`` [model]: the mean free path times the largest slope of the density.
    A closure without a steady profile is left out, ``attrs["not_converged"]`` names it.
    """
    from knudsen.experiments import datasets
    from knudsen.experiments.shock_structure import Profiles, positions

    _check_threads(threads)
    if window is not None and not window[0] < 0 < window[1]:
        raise InputError(f"window={window}: the shock is at 0; give (upstream, downstream) with upstream < 0 < downstream")
    from knudsen.kinetic import solve_shock

    laws = _laws(models, gas, threads)
    profiles = Profiles(gas, mach, solve_shock(gas, mach))
    found = {}
    if laws:
        from knudsen import closure

        found = {name: closure.solve_shock(law, gas, mach, start=profiles.kinetic) for name, law in laws.items()}
    good = {name: one for name, one in found.items() if one.status == "ok"}
    data = datasets.describe(profiles.dataset(good, positions(profiles, window, spacing)))
    thickness = [profiles.kinetic.lambda1_over_delta, *(one.lambda1_over_delta for one in good.values())]
    data = data.assign(lambda1_over_delta=("model", thickness))
    data.lambda1_over_delta.attrs = {"long_name": "mean free path over density thickness", "units": "1"}
    lost = ", ".join(name for name in found if name not in good)
    return data.assign_attrs({"mach": mach, "gas": gas.name, "not_converged": lost})


def channel(case: Case, gas: Gas, *, linear: bool = True) -> xr.Dataset:
    """The steady flow of ``kn.cases.couette``, ``fourier``, ``poiseuille`` or ``creep`` between its walls, over ``x``.

    ``attrs``: shear_stress, heat_flux, flow_rate, heat_flow_rate, as far as the flow has them (docs: flows between two walls).
    """
    from knudsen.experiments import datasets
    from knudsen.kinetic import solve_channel

    flow = solve_channel(case, gas, linear=linear)
    measures = ("shear_stress", "heat_flux", "flow_rate", "heat_flow_rate")
    found = {name: float(value) for name in measures if (value := getattr(flow, name)) is not None}
    return datasets.describe(datasets.channel(flow)).assign_attrs(found | {"gas": gas.name, "iterations": flow.iterations})


def sweep(run: Callable[..., xr.Dataset], **values: Sequence[Any]) -> xr.Dataset:
    """``run(key=value, ...)`` for every combination, in one data set with a dimension for each key::

        kn.sweep(lambda knudsen: kn.solve(kn.cases.sod(knudsen=knudsen), gas), knudsen=[0.01, 0.1, 1])

    All runs must have the same coordinates.
    """
    import xarray as xr

    if not values or not all(len(of) for of in values.values()):
        raise InputError("sweep: give at least one key with a list of values, such as knudsen=[0.01, 0.1]")
    keys = list(values)
    runs = {point: run(**dict(zip(keys, point))).drop_vars(keys, errors="ignore") for point in product(*values.values())}

    def joined(point: tuple, left: Sequence[str]) -> xr.Dataset:
        if not left:
            return runs[point]
        parts = [joined((*point, value), left[1:]) for value in values[left[0]]]
        return xr.concat(parts, xr.Variable(left[0], list(values[left[0]])), combine_attrs="drop_conflicts", **JOIN)

    try:
        return joined((), keys)
    except ValueError as error:
        raise InputError(f"sweep: the runs do not fit together ({error}); give them the same x and times") from error


def plot(data: xr.Dataset | Mapping[str, xr.Dataset], title: str = "", *, points: MeasuredProfile | None = None) -> Figure:
    """The figure of what :func:`solve`, :func:`compare`, :func:`shock` or :func:`channel` returned.

    Several solutions, such as those of several gases, in one figure: ``kn.plot({"BGK": a, "Shakhov": b})``, at their last times.
    points: measured values of a shock (of ``knudsen.kinetic.load_profiles``), drawn over it.
    ``.savefig("figure.pdf")`` of what it returns writes a file.
    """
    import xarray as xr

    from knudsen.experiments import plots

    if not isinstance(data, xr.Dataset):
        return plots.together_figure({name: _last(one) for name, one in data.items()}, title)
    if "lambda1_over_delta" in data and "x" in data.dims:
        return plots.shock_figure(data, title=title, points=points)
    if "model" in data.dims and "x" in data.dims:
        return plots.comparison_figure(_last(data), title)
    if "y" in data.dims:
        from knudsen.experiments import plane_plots

        return plane_plots.fields_figure(data, title)
    if "time" in data.dims:
        return plots.solution_figure(data, title)
    if "u_y" in data:
        return plots.channel_figure(data, title)
    raise InputError("plot: not what solve, compare, shock or channel return; give one of these, or a dict of them")


def _last(data: xr.Dataset) -> xr.Dataset:
    return data.isel(time=-1) if "time" in data.dims else data


def _kinetic(case: Case | PlaneCase, gas: Gas, threads: int, progress: bool, options: Mapping[str, Any]):
    from knudsen.kinetic import simulate

    return simulate([case], gas, workers=threads, progress=progress, **options)[0]


def _law(closure: str | MomentLaw, gas: Gas, threads: int) -> MomentLaw:
    import torch

    from knudsen.closure import build

    torch.set_num_threads(threads)
    return build(closure, gas) if isinstance(closure, str) else closure


def _laws(closures: Closures, gas: Gas, threads: int) -> dict[str, MomentLaw]:
    """The laws by the names that results give them."""
    if isinstance(closures, Mapping):
        named = {name: _law(closure, gas, threads) for name, closure in closures.items()}
        if KINETIC in named:
            raise InputError(f"closures: {KINETIC} is the name of the kinetic solution; give another")
        return named
    laws = [_law(closure, gas, threads) for closure in closures]
    named = {law.name: law for law in laws}
    if len(named) < len(laws):
        names = ", ".join(law.name for law in laws)
        raise InputError(f"closures: {names}: give different ones, or names for them: {{name: closure, ...}}")
    return named


def _error(conserved_errors, one, truth, gas: Gas, row: int) -> float:
    return float(conserved_errors(one, truth, gas.dims, row)["total"])


def _made(model: str, gas: Gas, found: Any) -> dict[str, Any]:
    warnings = "; ".join(found.warnings)
    schemes = ", ".join(found.schemes or ())
    return {
        "model": model,
        "gas": gas.name,
        "seconds": found.seconds,
        "steps": found.steps,
        "schemes": schemes,
        "warnings": warnings,
    }


def _check_threads(threads: int) -> None:
    if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
        raise InputError(f"threads={threads!r}: give a positive integer")
