"""Training of a potential on energies and forces."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms

from molecular import checkpoint
from molecular.environment import Environment, collate, environment
from molecular.errors import InputError, positive


@dataclass(frozen=True)
class TrainOptions:
    r"""How a potential is trained: Adam, a learning rate that decays exponentially from the first to the last step, and the loss

    .. math:: L = p_e\, \frac{(\hat E - E)^2}{N} + p_f\, \frac{|\hat F - F|^2}{3N}, \qquad
        p = p_{last} + (p_{first} - p_{last})\, \frac{\eta}{\eta_{first}},

    the mean over the frames of a batch; :math:`\eta` is the learning rate, so forces lead and energies follow.

    Source: L. Zhang et al., Phys. Rev. Lett. 120, 143001 (2018), doi:10.1103/PhysRevLett.120.143001, eq. 3, with the weights
    of DeePMD-kit.
    """

    steps: int = 4000
    batch: int = 1
    learning_rate: float = 3e-3
    last_learning_rate: float = 1e-5
    energy_weight: tuple[float, float] = (0.02, 1.0)
    force_weight: tuple[float, float] = (1000.0, 1.0)
    log_every: int = 100
    threads: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "log_every", "threads"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InputError(f"train.{name}={value}: give a positive integer")
        for name in ("learning_rate", "last_learning_rate"):
            positive(f"train.{name}", getattr(self, name))
        for name in ("energy_weight", "force_weight"):
            value = getattr(self, name)
            if not isinstance(value, (list, tuple)) or len(value) != 2:
                raise InputError(f"train.{name}={value}: give [first, last]")
            for weight in value:
                positive(f"train.{name}", weight)


def environments(potential: torch.nn.Module, frames: Sequence[Atoms]) -> list[Environment]:
    """Neighbourhoods of labelled frames; InputError where one has no energy or forces."""
    made = []
    for k, frame in enumerate(frames):
        try:
            made.append(environment(frame, potential.species, potential.cutoff, potential.dtype))
        except InputError as error:
            raise InputError(f"frame {k}: {error}") from error
        if made[-1].energy is None or made[-1].forces is None:
            raise InputError(f"frame {k}: has no energy and forces; label it first, e.g. with experiment=md_label")
    return made


@torch.no_grad()
def errors(potential: torch.nn.Module, data: Sequence[Environment]) -> dict[str, float]:
    """RMSE of the energy per atom [eV] and of force components [eV/A]."""
    energy, force = [], []
    for one in data:
        e, f, _ = potential(one)
        energy.append(((e - one.energy) / one.sizes).numpy())
        force.append((f - one.forces).double().square().mean().item() * len(f))
    atoms = sum(len(one.frame) for one in data)
    return {"energy_rmse": float(np.sqrt(np.mean(np.square(energy)))), "force_rmse": float(np.sqrt(sum(force) / atoms))}


def train(
    potential: torch.nn.Module,
    training: Sequence[Atoms],
    validation: Sequence[Atoms],
    options: TrainOptions,
    directory: str | Path,
    recipe: dict[str, Any] | None = None,
    progress: Callable[[int, dict[str, float]], None] | None = None,
) -> dict[str, Any]:
    """Train `potential` in place. Writes ``checkpoint.pt`` and ``metrics.jsonl`` every `log_every` steps, and last.

    progress: told the step and the last validation errors. Returns the final errors of validation, steps and seconds.
    """
    if not training or not validation:
        raise InputError(f"{len(training)} frames to train on, {len(validation)} to validate with: give at least one of each")
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    data, held_out = environments(potential, training), environments(potential, validation)
    potential.prepare(data)
    optimizer = torch.optim.Adam(potential.parameters(), lr=options.learning_rate)
    ratio = options.last_learning_rate / options.learning_rate
    draw = np.random.Generator(np.random.PCG64(options.seed))
    order: list[int] = []
    start, cpu, state = time.perf_counter(), time.process_time(), {}
    log = directory / "metrics.jsonl"
    log.write_text("")
    for step in range(1, options.steps + 1):
        potential.train()
        decay = ratio ** ((step - 1) / options.steps)
        optimizer.param_groups[0]["lr"] = options.learning_rate * decay
        while len(order) < options.batch:
            order += draw.permutation(len(data)).tolist()
        chosen, order = order[: options.batch], order[options.batch :]
        loss = _loss(potential, collate([data[k] for k in chosen]), options, decay)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % options.log_every == 0 or step == options.steps:
            potential.eval()
            state = {"step": step, "learning_rate": options.learning_rate * decay, **errors(potential, held_out)}
            state |= {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu}
            if not np.isfinite(state["force_rmse"]):
                raise InputError(f"train.learning_rate={options.learning_rate}: training diverged at step {step}; lower it")
            with log.open("a") as file:
                file.write(json.dumps(state) + "\n")
            checkpoint.save(directory / "checkpoint.pt", potential, recipe or {})
        if progress is not None:
            progress(step, state)
    return state


def _loss(potential: torch.nn.Module, batch: Environment, options: TrainOptions, decay: float) -> torch.Tensor:
    energy, forces, _ = potential(batch)
    by_energy, by_force = (last + (first - last) * decay for first, last in (options.energy_weight, options.force_weight))
    energies = ((energy - batch.energy) ** 2 / batch.sizes).mean()
    per_atom = (forces - batch.forces).square().mean(1).double()
    per_frame = torch.zeros_like(energy).index_add(0, batch.frame, per_atom) / batch.sizes
    return by_energy * energies + by_force * per_frame.mean()
