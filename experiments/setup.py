"""From the configuration to the rooms' objects: gas, case, closures, options of the solvers."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from hydra import compose
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from knudsen import closure, kinetic, solvers
from knudsen.build import build, judge, locate, targets
from knudsen.errors import InputError, UnderResolvedWarning
from knudsen.experiments import plugins
from knudsen.experiments.keys import PRIMARY
from knudsen.experiments.measure import conserved_errors
from knudsen.experiments.named import named
from knudsen.experiments.progress import bar
from knudsen.kinetic.case import HomogeneousCase
from knudsen.kinetic.gas import FEWEST_VELOCITIES

DEFAULT_RIVALS = ("grad", "nsf", "euler")
MOST_REFERENCE_CELLS = 200  # of a Boltzmann gas, whose every cell holds a full velocity grid
DIVERGED = 3  # exit status of a run whose only solution, or whose reference, diverged


def plain(node: Any) -> Any:
    """A configuration node as plain dicts, lists and numbers."""
    return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node


def positive(cfg: DictConfig, key: str, kind: type = float) -> Any:
    """The number at `key`, checked."""
    value = OmegaConf.select(cfg, key)
    if isinstance(value, bool) or not isinstance(value, (int, kind)) or not value > 0:
        raise InputError(f"{key}={value}: give a positive {'integer' if kind is int else 'number'}")
    return kind(value)


def flag(cfg: DictConfig, key: str) -> bool:
    """The true or false at `key`, checked."""
    value = OmegaConf.select(cfg, key)
    if not isinstance(value, bool):
        raise InputError(f"{key}={value}: give true or false")
    return value


def gas(cfg: DictConfig) -> kinetic.Gas:
    return build(plain(cfg.gas), "gas", kinetic.Gas, named())


def any_case(cfg: DictConfig, gas: kinetic.Gas, **changed: Any) -> kinetic.Case | kinetic.PlaneCase:
    """The case in one or two space dimensions."""
    kinds = (kinetic.Case, kinetic.PlaneCase, HomogeneousCase)
    case = build(plain(cfg.case) | changed, "case", kinds, named(), gas=gas, mach=cfg.mach, seed=cfg.seed)
    if isinstance(case, HomogeneousCase):
        raise InputError(f"case={option('case')}: has no positions; it belongs to experiment=homogeneous")
    return case


def case(cfg: DictConfig, gas: kinetic.Gas, **changed: Any) -> kinetic.Case:
    case = any_case(cfg, gas, **changed)
    if not isinstance(case, kinetic.Case):
        raise InputError(f"case={option('case')}: has two space dimensions; it belongs to experiment=simulate")
    return case


def option(group: str) -> str:
    """The name of the option chosen for a configuration group, as on the command line."""
    return HydraConfig.get().runtime.choices[group]


def closure_names(cfg: DictConfig, gas: kinetic.Gas) -> list[str]:
    """The closures to run: the list ``closures``, or by default the one under study and its classical rivals.

    Of the default list those that lack the gas's collision model are left out; a closure chosen on the command line is not.
    """
    if cfg.closures is None:
        study = study_name(cfg)
        names = [study, *(name for name in DEFAULT_RIVALS if name != study)]
        return [name for name in names if (name == study and _chosen()) or closure_config(cfg, name)[0].handles(gas)]
    names = plain(cfg.closures)
    names = [names] if isinstance(names, str) else list(names)
    if not names or len(set(names)) < len(names) or "kinetic" in names:
        raise InputError(
            f"closures={names}: give a list of different closures, e.g. [herm_mlc,nsf]; the kinetic model is always there"
        )
    return names


def _chosen() -> bool:
    """Did the command line choose the closure under study?"""
    return any(override.startswith(("closure=", "closure._target_=")) for override in HydraConfig.get().overrides.task)


def study_name(cfg: DictConfig) -> str:
    """The name of the closure under study: of its option file, or of the class that the command line puts in its place."""
    given = any(o.lstrip("+").startswith("closure._target_=") for o in HydraConfig.get().overrides.task)
    if not given:
        return option("closure")
    return closure.register(locate(cfg.closure["_target_"], "closure", closure.MomentLaw, named())).name


def closure_config(cfg: DictConfig, name: str) -> tuple[type[closure.MomentLaw], dict[str, Any]]:
    """The class of closure `name` and its options: those of the command line if it is the one under study, else those of its
    file."""
    study = study_name(cfg)
    options = plain(cfg.closure if name == study else compose(PRIMARY, overrides=[f"closure={name}"]).closure)
    for key, target in targets(options, "closure"):
        judge(target, key, named())
    if name == study:
        overrides = HydraConfig.get().overrides.task
        options = own(options, overrides, "closure")
        if "network" in options:
            options["network"] = own(options["network"], overrides, "closure.network")
    target = options.pop("_target_", None)  # configurations from before 0.2 have none: their options are closures by name
    if target is None:
        return closure.find(name), options
    law = locate(target, "closure", closure.MomentLaw, named())
    return closure.register(law, None if name == vars(law).get("name") else name), options


def own(config: dict[str, Any], overrides: Sequence[str], key: str) -> dict[str, Any]:
    """With a ``_target_`` from the command line, only what is given there: the packaged class's options are not the user's."""
    given = [o.lstrip("+").partition("=")[0] for o in overrides]
    below = {g.removeprefix(f"{key}.").partition(".")[0] for g in given if g.startswith(f"{key}.")}
    below |= {g.removeprefix(f"{key}/") for g in given if g.startswith(f"{key}/")}  # a nested group, closure/network=mlp
    return {k: v for k, v in config.items() if k in below} if f"{key}._target_" in given else config


def law(cfg: DictConfig, name: str, gas: kinetic.Gas) -> closure.MomentLaw:
    """The balance law of closure `name` for `gas`. A network that was not asked for is that of the shipped weights."""
    kind, options = closure_config(cfg, name)
    asked = name == study_name(cfg) and "network" in options and _asks_for_network(cfg, name)
    return closure.build(kind, gas, **options | ({} if asked or "network" not in options else {"network": None}))


def _asks_for_network(cfg: DictConfig, name: str) -> bool:
    """On the command line; or in a saved configuration, whose command line is gone, by a network other than the option's own."""
    hydra = HydraConfig.get()
    if any(o.lstrip("+").startswith(("closure/network=", "closure.network.")) for o in hydra.overrides.task):
        return True
    if hydra.job.config_name == PRIMARY:
        return False
    usual = compose(PRIMARY, overrides=[f"experiment={option('experiment')}", f"closure={name}"]).closure
    return plain(cfg.closure.network) != plain(usual.get("network"))


def solver_options(cfg: DictConfig, name: str) -> dict[str, Any]:
    """The numerical options of solver `name`, checked before anything runs."""
    options = plain(cfg.solver)
    if options.pop("name") != name:
        raise InputError(
            f"solver={option('solver')}: this experiment takes solver={name}; the kinetic reference has its own keys, reference.*"
        )
    options["cfl"] = positive(cfg, "solver.cfl")
    if name == "moments":
        schemes = {key: value for key, value in options.items() if key not in ("compiled", "comoving")}
        solvers.Solver(solvers.Law(), **schemes)  # names an unknown scheme; any law does for that
    return options


def closures(cfg: DictConfig, gas: kinetic.Gas) -> dict[str, Any]:
    """{option name: balance law}; all are built before anything runs, so that a bad name costs no computing."""
    return able_closures(cfg, gas)[0]


def able_closures(cfg: DictConfig, gas: kinetic.Gas) -> tuple[dict[str, Any], dict[str, str]]:
    """({option name: balance law}, {option name: why not}). Only of ``closures=all`` may one be unable: nobody asked for it."""
    if cfg.closures != "all":
        names, study = closure_names(cfg, gas), study_name(cfg)
        if cfg.closures is None and study not in names:
            print(f"{study} is left out of gas={gas.name}: {closure_config(cfg, study)[0].otherwise}")
        return {name: law(cfg, name, gas) for name in names}, {}
    able, unable = {}, {}
    brought = (name for group, name in plugins.found() if group == "closure")
    for name in dict.fromkeys((*closure.CLOSURES, study_name(cfg), *brought)):
        try:
            made = law(cfg, name, gas)
        except (InputError, ValueError) as error:
            unable[name] = str(error)
            continue
        twin = next((other for other, known in able.items() if type(known) is type(made)), None)
        if twin:
            unable[name] = f"with gas={gas.name} it is {twin}"
        else:
            able[name] = made
    return able, unable


def outcome(solution: Any) -> dict[str, Any]:
    """What metrics say of every run: status, seconds, steps, the schemes that made it, whether they are the robust ones that take
    over a case that the chosen ones lose, warnings in words, and for a diverged run when and where."""
    entry = {"status": solution.status, "seconds": solution.seconds, "steps": solution.steps}
    entry |= {"schemes": list(solution.schemes or ()), "fallback": solution.fallback, "warnings": list(solution.warnings)}
    if solution.status == "diverged":
        time, cell = solution.diverged_at
        entry["diverged_at"] = {"time": time, "cell": cell}
    return entry


def status_in_words(metrics: dict[str, Any]) -> str:
    """E.g. 'ok', 'ok, by robust schemes (muscl, rusanov, ars222)', 'diverged at t = 0.031, cell 12'."""
    where = metrics.get("diverged_at")
    if where is not None:
        return f"diverged at t = {where['time']:.3g}, cell {where['cell']}"
    robust = f", by robust schemes ({', '.join(metrics['schemes'])})" if metrics.get("fallback") else ""
    return metrics["status"] + robust


def warnings_in_words(metrics: dict[str, dict[str, Any]]) -> str:
    """A line for every warning of every model, for the terminal."""
    return "".join(f"warning: {name}: {text}\n" for name, entry in metrics.items() for text in entry.get("warnings", ()))


def case_and_reference(cfg: DictConfig, gas: kinetic.Gas) -> tuple[kinetic.Case, kinetic.Case]:
    """The case, and the same start on the reference's finer grid."""
    start = case(cfg, gas)
    return start, start.at(reference_cells(cfg, start, gas))


def reference_cells(cfg: DictConfig, case: kinetic.Case, gas: kinetic.Gas) -> int:
    """The multiple of the case's cells nearest below reference.cells on which its start can be had, but twice its cells at least:
    no model is judged by something as coarse as itself. A Boltzmann gas has up to 200 cells, or the case's own."""
    return case.cells * _parts(cfg, case, gas)[-1]


def _parts(cfg: DictConfig, case: kinetic.Case, gas: kinetic.Gas) -> list[int]:
    """Numbers of parts that a cell of the case can be cut into, up to those of the reference."""
    wanted = positive(cfg, "reference.cells", int)
    least = 1 if gas.is_boltzmann else 2
    most = max(min(wanted, MOST_REFERENCE_CELLS) if gas.is_boltzmann else wanted, least * case.cells) // case.cells
    own = case.refine
    parts = [r for r in range(1, max(most, own) + 1) if own % r == 0 or r % own == 0]
    return [r for r in parts if r <= most or r == next((q for q in parts if q >= least), 1)]


def estimates(cfg: DictConfig, gas: kinetic.Gas) -> bool:
    """Is the reference's own error asked for (``reference_errors``)? Refused where half of its velocities would be too few."""
    asked, least = flag(cfg, "reference.estimate"), 2 * FEWEST_VELOCITIES
    if asked and not gas.is_boltzmann and gas.velocity_points is not None and gas.velocity_points < least:
        raise InputError(
            f"gas.velocity_points={gas.velocity_points}: reference.estimate=true runs with half of them; give at least {least}, "
            "or null (from the case)"
        )
    return asked


def reference_errors(cfg: DictConfig, gas: kinetic.Gas, cases: Sequence[kinetic.Case], truths) -> dict[str, float]:
    """The largest relative L2 change of (rho, m, E) over the cases when the reference has half of its cells (or the next fewer
    that the start allows), and half of its velocities: a bound of its own error, if that at least halves with them."""
    parts = [_parts(cfg, case, gas) for case in cases]
    coarser = [case.at(case.cells * max((r for r in of if 2 * r <= of[-1]), default=1)) for case, of in zip(cases, parts)]
    halves = {"cells": reference(cfg, gas, coarser, "reference, half of the cells")}
    if not gas.is_boltzmann:
        fine = [case.at(reference_cells(cfg, case, gas)) for case in cases]
        halves["velocities"] = reference(cfg, gas, fine, "reference, half of the velocities", velocities=[t.grid for t in truths])
    return {
        key: max(
            conserved_errors(h.averaged(c.cells), t.averaged(c.cells), gas.dims)["total"] for h, t, c in zip(half, truths, cases)
        )
        for key, half in halves.items()
    }


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings about velocities in here: the trajectories keep them, for metrics and terminal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnderResolvedWarning)
        yield


def workers(cfg: DictConfig) -> int:
    """Threads for independent kinetic trajectories; null: one for every core this process may use."""
    if cfg.executor.workers is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return positive(cfg, "executor.workers", int)


def reference(
    cfg: DictConfig, gas: kinetic.Gas, cases: Sequence[kinetic.Case], text: str = "kinetic", velocities: Sequence | None = None
) -> list[kinetic.Trajectory]:
    """Resolved kinetic solutions of all cases, each on its own cells and velocities.

    The velocities are those that the solver chooses for the case on these cells, reference.velocity_points at least. A Boltzmann
    gas keeps its own grids: of the case, or as the gas says. velocities: grids for the cases, of which every other one is taken.
    """
    least = positive(cfg, "reference.velocity_points", int)

    def grid(case, gas):
        own = kinetic.grid_of_case(case, gas)
        if own.points >= least or gas.velocity_points is not None:
            return own
        return kinetic.grid_of_case(case, replace(gas, velocity_points=least, velocity_bounds=own.bounds))

    choose = None if gas.is_boltzmann else grid
    if velocities is not None:
        halved = {
            case: replace(gas, velocity_points=g.points // 2, velocity_bounds=g.bounds) for case, g in zip(cases, velocities)
        }
        choose = lambda case, gas: kinetic.grid_of_case(case, halved[case])  # noqa: E731
    with bar(text, cfg.progress) as progress, quiet():
        return kinetic.simulate(
            cases,
            gas,
            transport=cfg.reference.transport,
            integrator=cfg.reference.integrator,
            velocity_grid=choose,
            cfl=0.9 if gas.is_boltzmann else 0.45,  # half the collision integrals; only velocities that carry nothing move so far
            workers=workers(cfg),
            progress=progress,
        )
