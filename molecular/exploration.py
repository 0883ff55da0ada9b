"""Exploration with molecular dynamics of the current ensemble: Langevin, at sampled temperatures and pressures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from ase import Atoms

from knudsen.elt import Candidate
from knudsen.molecular import neighbours
from knudsen.molecular.calculator import PotentialCalculator
from knudsen.molecular.dynamics import LabelerCalculator, langevin
from knudsen.molecular.environment import collate, environment
from knudsen.molecular.errors import InputError, positive
from knudsen.molecular.label import Labeler

RADII = np.array([2.2, 2.6, 3.0, 3.4, 3.8, 4.4, 5.0])  # of the coordination numbers [A]
WIDTH = 0.15  # over which they count a neighbour [A]
REACH = RADII[-1] + 5 * WIDTH
COLD = 300.0  # below this temperature [K] a share of it says nothing of physics
BLOCK = 16  # frames that the ensemble judges at a time


def request(atoms: Atoms) -> dict[str, np.ndarray]:
    """The configuration as a tree: all that a labeler needs, and nothing else."""
    return {
        "numbers": atoms.numbers,
        "positions": atoms.positions.copy(),
        "cell": atoms.cell.array.copy(),
        "pbc": atoms.pbc.copy(),
    }


def from_request(tree: Mapping[str, Any]) -> Atoms:
    """The configuration of `request`."""
    return Atoms(**{name: tree[name] for name in ("numbers", "positions", "cell", "pbc")})


@torch.no_grad()
def force_deviation(models: Sequence[torch.nn.Module], frames: Sequence[Atoms]) -> np.ndarray:
    r"""Largest standard deviation over the ensemble of the force on any atom, of every frame [frame], eV/A.

    .. math:: \sigma = \max_i \sqrt{\left\langle |F_i - \langle F_i \rangle|^2 \right\rangle}

    NaN where a force is not finite. Source: L. Zhang, D.-Y. Lin, H. Wang, R. Car, W. E, Phys. Rev. Materials 3, 023804 (2019),
    doi:10.1103/PhysRevMaterials.3.023804, eq. 3.
    """
    first = models[0]
    found = []
    for begin in range(0, len(frames), BLOCK):
        part = frames[begin : begin + BLOCK]
        batch = collate([environment(f, first.species, first.cutoff, first.dtype) for f in part])
        forces = np.stack([model(batch)[1].double().numpy() for model in models])
        square = forces.var(axis=0).sum(axis=1)
        starts = np.cumsum([0, *(len(f) for f in part[:-1])])
        found.append(np.sqrt(np.maximum.reduceat(square, starts)))
    return np.concatenate(found) if found else np.empty(0)


def fingerprint(atoms: Atoms) -> np.ndarray:
    """Where a configuration lies: volume per atom^(1/3) [A], then mean and spread over its atoms of smooth coordination numbers
    within `RADII`, each over the radius [1/A], so that no shell outweighs the others."""
    i, _, vectors = neighbours.pairs(atoms, REACH)
    r = np.linalg.norm(vectors, axis=1)
    inside = 1 / (1 + np.exp((r[:, None] - RADII) / WIDTH))
    counts = np.stack([np.bincount(i, column, len(atoms)) for column in inside.T], axis=1) / RADII
    return np.concatenate([[(atoms.get_volume() / len(atoms)) ** (1 / 3)], counts.mean(0), counts.std(0)])


@dataclass(frozen=True)
class MolecularDynamics:
    """Explorer: iteration 0 distorts the structures at random; later ones run dynamics from them, driven by one member of the
    ensemble each, and propose every `every`-th configuration.

    structures: {name: configuration} to start from, each equally often. first: distorted configurations of iteration 0, every
    atom displaced by up to `displacement` [A] and the cell strained by up to `strain`, by shares drawn between 0 and these.
    trajectories: per iteration, of `steps` steps of `timestep` [fs]; temperature: range [K], one trajectory in each of as
    many equal parts. pressure: range [GPa], for the share `constant_pressure` of the trajectories; the rest keep
    their cell. friction: inverse time of the thermostat [1/fs].

    A trajectory is cut short where it leaves physics: atoms nearer than `closest` [A], a kinetic temperature above `hottest`
    times the thermostat's, a volume changed by more than a factor `swollen`, or an ensemble that differs by more than
    `stop` [eV/A]; what came before is proposed, and in the last case the first configuration beyond.
    """

    structures: Mapping[str, Atoms]
    first: int = 200
    displacement: float = 0.4
    strain: float = 0.08
    trajectories: int = 24
    steps: int = 1000
    every: int = 4
    timestep: float = 2.0
    temperature: tuple[float, float] = (50.0, 3000.0)
    pressure: tuple[float, float] = (0.0, 10.0)
    constant_pressure: float = 0.5
    friction: float = 0.01
    closest: float = 1.5
    hottest: float = 4.0
    swollen: float = 2.0
    stop: float = 1.0

    def __post_init__(self) -> None:
        for name in ("first", "trajectories", "steps", "every"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InputError(f"explorer.{name}={value}: give a positive integer")
        for name in ("displacement", "strain", "timestep", "friction", "closest", "hottest", "swollen", "stop"):
            positive(f"explorer.{name}", getattr(self, name))
        for name, least in (("temperature", 0.0), ("pressure", -np.inf)):
            value = getattr(self, name)
            good = isinstance(value, (list, tuple)) and len(value) == 2 and all(isinstance(v, (int, float)) for v in value)
            if not good or not least <= value[0] <= value[1] < np.inf:
                raise InputError(f"explorer.{name}={value}: give [least, most]")
        if not 0 <= self.constant_pressure <= 1:
            raise InputError(f"explorer.constant_pressure={self.constant_pressure}: give a share from 0 to 1")

    def explore(
        self, models: Sequence[torch.nn.Module], iteration: int, rng: np.random.Generator, map: Callable[..., list]
    ) -> list[Candidate]:
        if not models:
            return self.distorted(rng)
        runs = map(_run, [(self, list(models), *plan) for plan in self.plan(rng)])
        return [Candidate(*one) for run in runs for one in run]

    def distorted(self, rng: np.random.Generator) -> list[Candidate]:
        """Structures displaced and strained at random."""
        found = []
        names = list(self.structures)
        for k in range(self.first):
            atoms = self.structures[names[k % len(names)]].copy()
            atoms.set_cell(
                atoms.cell.array @ (np.eye(3) + rng.random() * self.strain * rng.uniform(-1, 1, (3, 3))), scale_atoms=True
            )
            step = rng.normal(size=(len(atoms), 3))
            share = rng.random((len(atoms), 1)) ** (1 / 3)  # uniform in a ball
            atoms.positions += rng.random() * self.displacement * share * step / np.linalg.norm(step, axis=1, keepdims=True)
            found.append(Candidate(request(atoms), fingerprint(atoms)))
        return found

    def plan(self, rng: np.random.Generator) -> list[tuple]:
        """(trajectory, structure, temperature [K], pressure [GPa] or None, seed) of every trajectory."""
        n = self.trajectories
        low, high = self.temperature
        temperatures = low + (high - low) * (rng.permutation(n) + rng.random(n)) / n
        open_cells = rng.permutation(n) < round(self.constant_pressure * n)
        pressures = rng.uniform(*self.pressure, n)
        seeds = rng.integers(2**31, size=n)
        names = list(self.structures)
        turn = rng.integers(len(names))
        return [
            (
                k,
                names[(k + turn) % len(names)],
                float(temperatures[k]),
                float(pressures[k]) if open_cells[k] else None,
                int(seeds[k]),
            )
            for k in range(n)
        ]

    def left_physics(self, atoms: Atoms, temperature: float, volume: float) -> bool:
        """Whether a configuration is none that this temperature, and a start with this volume, lead to."""
        if not (np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()):
            return True
        if not 1 / self.swollen < atoms.get_volume() / volume < self.swollen:
            return True
        near, _, _ = neighbours.pairs(atoms, self.closest, full=False)
        return len(near) > 0 or atoms.get_temperature() > self.hottest * max(temperature, COLD)


def _run(job: tuple) -> list[tuple]:
    """(request, features, deviation) of the configurations of one trajectory."""
    settings, models, number, name, temperature, pressure, seed = job
    torch.set_num_threads(1)
    atoms = settings.structures[name].copy()
    volume = atoms.get_volume()
    atoms.calc = PotentialCalculator(models[number % len(models)])
    rng = np.random.default_rng(seed)
    dynamics = langevin(atoms, settings.timestep, temperature, pressure, settings.friction, rng)
    found: list[tuple] = []
    steps = settings.steps // settings.every
    while len(found) < steps:
        block, left = [], False
        while len(block) < BLOCK and len(found) + len(block) < steps and not left:
            try:
                dynamics.run(settings.every)
                left = settings.left_physics(atoms, temperature, volume)
            except (InputError, FloatingPointError, ValueError):  # the potential, or the cell, is lost
                left = True
            if not left:
                frame = atoms.copy()
                frame.wrap()
                block.append(frame)
        scores = force_deviation(models, block)
        beyond = np.flatnonzero(~(scores <= settings.stop))
        kept = len(block) if not len(beyond) else int(beyond[0]) + 1
        found += [(request(f), fingerprint(f), float(s)) for f, s in zip(block[:kept], scores[:kept])]
        if left or len(beyond):
            break
    return found


def independent(
    explorer: MolecularDynamics,
    drivers: Sequence[Labeler],
    trajectories: int,
    steps: int,
    count: int,
    rng: np.random.Generator,
    progress: Callable[[float], None] = lambda share: None,
) -> list[dict[str, np.ndarray]]:
    """Requests from dynamics of the explorer's structures and temperatures, driven by labelers in turn: `count` from the second
    half of each of `trajectories`, of `steps` steps. One that leaves physics gives those before."""
    found = []
    for number, name, temperature, pressure, seed in replace(explorer, trajectories=trajectories).plan(rng):
        atoms = explorer.structures[name].copy()
        volume = atoms.get_volume()
        atoms.calc = LabelerCalculator(drivers[number % len(drivers)])
        dynamics = langevin(atoms, explorer.timestep, temperature, pressure, explorer.friction, np.random.default_rng(seed))
        at = np.linspace(steps / 2, steps, count + 1)[1:].astype(int)
        for stop in at:
            try:
                dynamics.run(int(stop) - dynamics.nsteps)
            except (InputError, FloatingPointError, ValueError):
                break
            if explorer.left_physics(atoms, temperature, volume):
                break
            found.append(request(atoms))
        progress((number + 1) / trajectories)
    return found
