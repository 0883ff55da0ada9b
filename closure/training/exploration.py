"""The four parts that exploration-labeling-training asks for, of a learned moment closure: what to run, what is doubtful, the
truth in a window of cells, the fit.

A configuration is a window of cells of a random case at one time. Its label needs the kinetic solution only where particles can
have come from, so it is computed on the window and what lies within reach of it, not on the whole domain.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, log10
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr

from knudsen.closure import registry
from knudsen.closure.laws.quadrature import Quadrature
from knudsen.closure.simulation import case_cells, simulate
from knudsen.closure.training import regression as training
from knudsen.closure.training.epochs import TrainOptions
from knudsen.closure.training.labels import SHOCK_KNUDSEN
from knudsen.elt import Candidate, Label
from knudsen.errors import InputError
from knudsen.kinetic import Case, Gas, cases
from knudsen.kinetic import simulate as simulate_kinetic
from knudsen.kinetic.grid import grid_of_case
from knudsen.seeds import EXPLORED

KINDS = ("wave", "mix", "transition", "equilibrium", "shock")
SHOCK_LENGTH, SHOCK_TIME = 40.0, 4.0  # of a forming shock: domain and duration, in units of eps and eps/nu
MARGIN = 1  # cells beside a window, for the slopes at its ends
TAIL = 6.0  # thermal speeds: what is faster carries 2e-5 of the moments up to order 7, below the solver's own error
EPOCH = 50  # steps: with few labels an epoch is several passes, so that judging and saving do not take longer than training
CHUNKS = 16  # pieces that exploration is cut into, for the workers
FEATURES = ("log10 of the Knudsen number", "distance from equilibrium", "local Knudsen number")  # the first of every candidate


def case_of(spec: dict[str, Any], gas: Gas, cells: int, times: Sequence[float]) -> Case:
    r"""The case that `spec` describes, on `cells` cells, with the saved times `times` (of a shock: in units of the last one).

    spec: ``kind``; random ones: ``seed``, ``knudsen`` (not of ``transition``) and ``amplitude`` A, by which the fields deviate
    more (or less) than the standard evaluation's, so that densities and temperatures stay positive:

    .. math:: \ln\rho \to \overline{\ln\rho} + A (\ln\rho - \overline{\ln\rho}), \quad u \to A u, \quad T \text{ as } \rho ;

    a ``shock`` forms from its jump: ``mach``.
    """
    when = {"t_end": times[-1], "save_times": times}
    if spec["kind"] == "shock":
        return cases.shock(spec["mach"], gas, length=SHOCK_LENGTH, knudsen=SHOCK_KNUDSEN, cells=cells, **when)
    knudsen = {} if spec["kind"] == "transition" else {"knudsen": spec["knudsen"]}
    case = getattr(cases, spec["kind"])(spec["seed"], cells=cells, **knudsen, **when)
    A, rho, T = spec["amplitude"], np.log(case.rho), np.log(case.T)
    centre = [value.mean(axis=1, keepdims=True) for value in (rho, T)]
    rho, T = (np.exp(c + A * (value - c)) for c, value in zip(centre, (rho, T)))
    return replace(case, rho=rho, u=A * case.u, T=T, knudsen=_fine_knudsen(case), fine_knudsen=None)


def _fine_knudsen(case: Case):
    return case.knudsen if case.fine_knudsen is None else case.fine_knudsen


@dataclass(frozen=True)
class Explorer:
    """Runs the current ensemble on random cases and proposes every window of cells at every saved time.

    gas; moments, network: of the closure, as of ``closure.untrained``; cases: so many an iteration; kinds: drawn uniformly from
    these of ``KINDS``; knudsen: log-uniform in this range; amplitude: uniform in this range; mach: log-uniform in this range;
    cells; window: cells of a window, a divisor; times: saved times; solver: options of ``knudsen.solvers.Solver``.

    Each case is run by one member in turn (in iteration 0 by the quadrature closure, which has nothing to learn); windows in
    which it has diverged are not proposed.
    """

    gas: Gas
    closure: dict[str, Any]
    cases: int = 200
    kinds: tuple[str, ...] = KINDS
    knudsen: tuple[float, float] = (1e-3, 10.0)
    amplitude: tuple[float, float] = (0.1, 1.5)
    mach: tuple[float, float] = (1.15, 4.0)
    cells: int = 100
    window: int = 10
    times: tuple[float, ...] = (0.004, 0.016, 0.036, 0.064, 0.1)
    solver: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        if unknown := sorted(set(self.kinds) - set(KINDS)):
            raise InputError(f"explore.kinds: {unknown[0]} is unknown; give a list from {', '.join(KINDS)}")
        if not self.kinds or self.cases < 1:
            raise InputError("explore.cases, explore.kinds: give at least one case, and one kind")
        if self.window < 1 or self.cells % self.window:
            raise InputError(f"explore.window={self.window}: give a divisor of explore.cells={self.cells}")
        for key in ("knudsen", "amplitude", "mach"):
            low, high = getattr(self, key)
            if not 0 < low <= high:
                raise InputError(f"explore.{key}=[{low}, {high}]: give 0 < low <= high")
        if not self.times or list(self.times) != sorted(set(self.times)) or self.times[0] <= 0:
            raise InputError(f"explore.times={list(self.times)}: give increasing positive times")

    def explore(self, models, iteration: int, rng: np.random.Generator, map: Callable) -> list[Candidate]:
        """Candidates of ``cases`` random cases."""
        specs = [self.draw(rng) for _ in range(self.cases)]
        chunks = [
            (self, [(spec, models[i % len(models)] if models else None) for i, spec in enumerate(specs)][k::CHUNKS])
            for k in range(min(CHUNKS, len(specs)))
        ]
        found: list[Any] = [None] * len(specs)
        for k, chunk in enumerate(map(_run_chunk, chunks)):
            found[k::CHUNKS] = chunk
        return [candidate for candidates in found for candidate in candidates]

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        """A random case, as `case_of` reads it."""
        kind = self.kinds[rng.integers(len(self.kinds))]
        if kind == "shock":
            return {"kind": kind, "mach": _log_uniform(rng, *self.mach)}
        spec = {"kind": kind, "seed": int(rng.integers(EXPLORED)), "amplitude": float(rng.uniform(*self.amplitude))}
        return spec if kind == "transition" else spec | {"knudsen": _log_uniform(rng, *self.knudsen)}

    def propose(self, spec: dict[str, Any], law) -> list[Candidate]:
        """Every window of one case, at every time, in states that `law` visits (None: the quadrature closure)."""
        times = [t / self.times[-1] * SHOCK_TIME * SHOCK_KNUDSEN for t in self.times] if spec["kind"] == "shock" else self.times
        case = case_of(spec, self.gas, self.cells, tuple(times))
        rule = Quadrature(self.gas, self.closure["moments"])
        solution = simulate(rule if law is None else law, case, **self.solver)[0]
        law = law or registry.untrained(self.gas, **self.closure)
        last = next((s for s in range(1, len(times) + 1) if not np.isfinite(solution.U[s]).all()), len(times) + 1)
        if last == 1:
            return []
        U, cells = torch.tensor(solution.U[1:last]), case_cells(law, [case])
        phi = training.features(law, U, cells.dx, cells.knudsen, periodic=case.boundary == "periodic").float()
        knudsen = np.broadcast_to(case.knudsen, self.cells)
        candidates = []
        for s, t in enumerate(times[: last - 1]):
            for first in range(0, self.cells, self.window):
                part = slice(first, first + self.window)
                request = {"case": spec, "cells": self.cells, "time": float(t), "first": first, "width": self.window}
                rows = phi[s, :, part].T.contiguous()
                candidates.append(Candidate(request, place(law, rows, knudsen[part]), rows.numpy()))
        return candidates


def _run_chunk(chunk) -> list[list[Candidate]]:
    explorer, items = chunk
    torch.set_num_threads(1)
    return [explorer.propose(spec, law) for spec, law in items]


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def place(law, phi: torch.Tensor, knudsen: np.ndarray) -> np.ndarray:
    """Where a window lies in state space: `FEATURES`, then mean size of every input that the network sees there.

    All of order one, and the same for a state and its mirror image; small inputs are told apart by their logarithm.
    """
    size = torch.log10(1e-3 + phi.square().mean(0).sqrt())
    local = size[len(size) - 3 :].mean() if law.gradients else size.mean()
    return np.array([log10(knudsen.mean()), float(size.mean()), float(local), *size.tolist()])


@dataclass(frozen=True)
class Disagreement:
    """Indicator: how much the members differ about the closing coefficients of a window.

    .. math:: s = \\max_o \\sqrt{\\operatorname{mean}_{cell}\\operatorname{var}_m N_{m,o}(\\phi_{cell})}

    N: the networks' outputs, in units of the span of the closure's speeds (for D > 1 also of h's next coefficient).
    """

    def score(self, models, candidates: Sequence[Candidate]) -> np.ndarray:
        """[candidate]."""
        phi = torch.tensor(np.stack([candidate.data for candidate in candidates]))
        return cell_disagreement(models, phi).square().mean(1).sqrt().amax(1).numpy()


@torch.no_grad()
def cell_disagreement(models, phi: torch.Tensor) -> torch.Tensor:
    """Standard deviation over the ensemble of what the networks say, [window, cell, output], of inputs [window, cell, input]."""
    said = torch.stack([law.correction(phi.flatten(0, 1).T.unsqueeze(0))[0].T for law in models])
    return said.double().std(0, unbiased=False).reshape(*phi.shape[:2], -1)


@dataclass(frozen=True)
class Labeler:
    """The kinetic moments in a window of cells, and in a cell beside it on both sides.

    refine: kinetic cells per cell; velocity_points: at least so many; order: highest raw moment; local: compute only where
    particles of at most TAIL thermal speeds can have come from (False: the whole domain, for comparison).

    A label: G [moment, width + 2], for D > 1 also H; knudsen [width + 2]; dx; share: part of the domain that was computed.
    """

    gas: Gas
    refine: int = 3
    velocity_points: int = 128
    order: int = 10
    local: bool = True

    @property
    def settings(self) -> dict[str, Any]:
        """What determines a label beside its request."""
        bounds = None if self.gas.velocity_bounds is None else list(self.gas.velocity_bounds)
        return vars(self) | {"gas": vars(self.gas) | {"velocity_bounds": bounds}, "tail": TAIL}

    def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        """The label of a window, by the discrete-velocity solver."""
        n, t = request["cells"], request["time"]
        case = case_of(request["case"], self.gas, n * self.refine, (t,))
        grid, wide = (grid_of_case(case, self.gas, **tail) for tail in ({"tail": TAIL}, {}))
        if wide.points < self.velocity_points:
            wide = grid_of_case(case, replace(self.gas, velocity_points=self.velocity_points))
        reach = ceil(grid.fastest * t * n / case.length) + 1
        first, width = request["first"] - MARGIN, request["width"] + 2 * MARGIN
        low, high = first - reach, first + width + reach
        if not self.local or high - low >= n:
            inside, low = case, 0
        else:
            inside = _cut(case, low * self.refine, high * self.refine)
        solution = simulate_kinetic(inside, self.gas, velocity_grid=wide, order=self.order)[0]
        if solution.status != "ok":
            raise ArithmeticError(f"the kinetic solution diverged at (time, cell) {solution.diverged_at}")
        solution = solution.averaged(inside.cells // self.refine)
        index, size = np.arange(first, first + width) - low, solution.x.size
        index = index % size if inside.boundary == "periodic" else np.clip(index, 0, size - 1)
        label = {"G": solution.G[-1][:, index], "knudsen": solution.knudsen[index], "dx": solution.dx}
        label |= {"share": size / n}
        return label if solution.H is None else label | {"H": solution.H[-1][:, index]}


def _cut(case: Case, low: int, high: int) -> Case:
    """Cells low..high-1 of a case, which goes on periodically or, beyond its ends, with its end states."""
    index = np.arange(low * case.refine, high * case.refine)
    index = index % case.fine if case.boundary == "periodic" else np.clip(index, 0, case.fine - 1)
    knudsen = case.knudsen if case.fine_knudsen is None else case.fine_knudsen[index]
    bounds = (case.bounds[0] + low * case.dx, case.bounds[0] + high * case.dx)
    rho, u, T = (value[:, index] for value in (case.rho, case.u, case.T))
    return Case(case.name, bounds, high - low, "outflow", rho, u, T, knudsen, case.t_end, case.save_times)


@dataclass(frozen=True)
class Trainer:
    """Fits one member to the labels, from its last weights on (``warm``) or from fresh ones; the averaged weights at the end of
    the schedule count: the few cases that are held out are too few to choose an epoch by.

    closure: ``name``, ``moments``, ``network`` and other options of ``knudsen.closure.untrained``; options: of
    ``epochs.TrainOptions`` but for ``epochs`` and ``seed``; steps: of the optimizer, however many labels there are.
    """

    gas: Gas
    closure: dict[str, Any]
    steps: int = 2000
    options: dict[str, Any] = field(default_factory=dict)
    warm: bool = True

    def __post_init__(self):
        TrainOptions(**self.options)

    def train(self, labels: Sequence[Label], previous, member: int, seed: int):
        """A closure of the same name, with its network fitted."""
        law = registry.untrained(self.gas, seed=seed, **self.closure)
        if previous is not None and self.warm:
            law.network.load_state_dict(previous.network.state_dict())
        data = dataset(labels)
        options = TrainOptions(**self.options)
        batches = (1 - options.validation) * data.sizes["snapshot"] * (data.sizes["cell"] - 2 * MARGIN) / options.batch
        passes = max(1, round(min(EPOCH, self.steps) / batches))
        epochs = max(1, round(self.steps / (batches * passes)))
        data = data.isel(snapshot=np.tile(np.arange(data.sizes["snapshot"]), passes))
        options = replace(options, epochs=epochs, patience=epochs, seed=seed)
        with tempfile.TemporaryDirectory() as folder:
            training.train(law, self.closure["network"], data, options, Path(folder), recipe={})
            averaged = torch.load(Path(folder) / "state.pt", weights_only=True)["averaged"]
        return self.load({name: value.numpy() for name, value in averaged.items()})

    def save(self, model) -> dict[str, np.ndarray]:
        """The weights."""
        return {name: value.numpy() for name, value in model.network.state_dict().items()}

    def load(self, tree: dict[str, np.ndarray]):
        """The closure with these weights."""
        law = registry.untrained(self.gas, **self.closure)
        law.network.float().load_state_dict({name: torch.tensor(value) for name, value in tree.items()})
        law.network.eval()
        law.assemble()
        return law


def dataset(labels: Sequence[Label]) -> xr.Dataset:
    """Labels as the snapshots that ``training`` reads (``labels.load``); windows of one case count as one
    trajectory, so that none of them is held out while another is trained on."""
    values = [label.value for label in labels]
    names = [repr(sorted(label.request["case"].items())) for label in labels]
    numbers = {name: i for i, name in enumerate(dict.fromkeys(names))}
    variables = {
        name: (("snapshot", "moment", "cell"), np.stack([v[name] for v in values])) for name in ("G", "H") if name in values[0]
    }
    variables["knudsen"] = ("snapshot", "cell"), np.stack([v["knudsen"] for v in values])
    variables["dx"] = "snapshot", np.array([v["dx"] for v in values])
    variables["trajectory"] = "snapshot", np.array([numbers[name] for name in names], np.int32)
    variables |= {name: ("snapshot", np.zeros(len(values), np.int32)) for name in ("periodic", "walled")}
    return xr.Dataset(variables)
