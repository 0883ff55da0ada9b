"""Training of a potential on energies and forces."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ase import Atoms

from knudsen.files import FOREIGN, Draft
from knudsen.molecular import checkpoint
from knudsen.molecular.environment import Environment, collate, environment
from knudsen.molecular.errors import InputError, positive
from knudsen.molecular.soap import Soap

RESUME = "resume.pt"


@dataclass(frozen=True)
class TrainOptions:
    r"""How a potential is trained: the optimiser SOAP, a learning rate that rises over the first hundredth of the steps and falls
    linearly from there to the last, and the loss

    .. math:: L = p_e\, \frac{(\hat E - E)^2}{N} + p_f\, \frac{|\hat F - F|^2}{3N}, \qquad p = (1 - x)\, p_{first} + x\, p_{last},

    the mean over the frames of a batch; x is the fraction of the steps done, so forces lead and energies follow.

    Source: L. Zhang et al., Phys. Rev. Lett. 120, 143001 (2018), doi:10.1103/PhysRevLett.120.143001, eq. 3.
    """

    steps: int = 4000
    batch: int = 1
    learning_rate: float = 2e-3
    last_learning_rate: float = 1e-5
    energy_weight: tuple[float, float] = (0.02, 20.0)
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
    prepare: bool = True,
) -> dict[str, Any]:
    """Train `potential` in place. Writes ``checkpoint.pt`` and ``metrics.jsonl`` every `log_every` steps, and last.

    A training that was cut goes on from there when it is called again with the same directory, options and recipe, and gives the
    same bits as one that was not cut; what it needs for that, ``resume.pt``, is removed at the end.
    progress: told the step and the last validation errors. prepare: take scales and atomic energies from the training set;
    false for a potential that was trained before. Returns the final errors of validation, steps and seconds.
    """
    if not training or not validation:
        raise InputError(f"{len(training)} frames to train on, {len(validation)} to validate with: give at least one of each")
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    data, held_out = environments(potential, training), environments(potential, validation)
    weights = list(potential.parameters())
    optimizer = Soap(weights, lr=options.learning_rate)
    draw = np.random.Generator(np.random.PCG64(options.seed))
    now = {"step": 0, "order": [], "lines": [], "seconds": 0.0, "cpu_seconds": 0.0, "asked": _asked(potential, options, recipe)}
    if not _restore(directory / RESUME, now, potential, optimizer, draw) and prepare:
        potential.prepare(data)
    state = now["lines"][-1] if now["lines"] else {}
    start, cpu = time.perf_counter() - now["seconds"], time.process_time() - now["cpu_seconds"]
    order = now["order"]
    for step in range(now["step"] + 1, options.steps + 1):
        potential.train()
        done = (step - 1) / options.steps
        rate = options.learning_rate + (options.last_learning_rate - options.learning_rate) * done
        optimizer.param_groups[0]["lr"] = rate * min(1.0, step / (0.01 * options.steps))
        while len(order) < options.batch:
            order += draw.permutation(len(data)).tolist()
        chosen, order = order[: options.batch], order[options.batch :]
        loss = _loss(potential, collate([data[k] for k in chosen]), options, done)
        optimizer.zero_grad()
        loss.backward(inputs=weights)
        optimizer.step()
        if step % options.log_every == 0 or step == options.steps:
            potential.eval()
            state = {"step": step, "learning_rate": rate, **errors(potential, held_out)}
            now |= {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu}
            state |= {"seconds": now["seconds"], "cpu_seconds": now["cpu_seconds"]}
            if not np.isfinite(state["force_rmse"]):
                raise InputError(f"train.learning_rate={options.learning_rate}: training diverged at step {step}; lower it")
            now |= {"step": step, "order": order, "lines": [*now["lines"], state]}
            _write(directory / "metrics.jsonl", "".join(json.dumps(line) + "\n" for line in now["lines"]))
            checkpoint.save(directory / "checkpoint.pt", potential, recipe or {})
            _write(directory / RESUME, _snapshot(now, potential, optimizer, draw))
        if progress is not None:
            progress(step, state)
    (directory / RESUME).unlink(missing_ok=True)
    return state


def _asked(potential: torch.nn.Module, options: TrainOptions, recipe: dict[str, Any] | None) -> str:
    """What a training must share with one that it continues."""
    return json.dumps([potential.name, potential.options, asdict(options), recipe], default=str)


def _snapshot(now: dict, potential: torch.nn.Module, optimizer: Soap, draw: np.random.Generator) -> dict[str, Any]:
    drawn = json.dumps(draw.bit_generator.state)
    return now | {"potential": potential.state_dict(), "optimizer": optimizer.state_dict(), "draw": drawn}


def _restore(path: Path, now: dict, potential: torch.nn.Module, optimizer: Soap, draw: np.random.Generator) -> bool:
    """Take up where `path` was written, if it is there and was written by the same training."""
    if not path.is_file():
        return False
    try:
        found = torch.load(path, weights_only=True)
        if found["asked"] != now["asked"]:
            return False
    except FOREIGN:
        return False
    potential.load_state_dict(found.pop("potential"))
    optimizer.load_state_dict(found.pop("optimizer"))
    draw.bit_generator.state = json.loads(found.pop("draw"))
    now |= found
    return True


def _write(path: Path, content: str | dict) -> None:
    """Atomically."""
    with Draft(path) as partial:
        if isinstance(content, str):
            partial.write_text(content)
        else:
            torch.save(content, partial)


def _loss(potential: torch.nn.Module, batch: Environment, options: TrainOptions, done: float) -> torch.Tensor:
    energy, forces, _ = potential(batch)
    by_energy, by_force = (first + (last - first) * done for first, last in (options.energy_weight, options.force_weight))
    energies = ((energy - batch.energy) ** 2 / batch.sizes).mean()
    per_atom = (forces - batch.forces).square().mean(1).double()
    per_frame = torch.zeros_like(energy).index_add(0, batch.frame, per_atom) / batch.sizes
    return by_energy * energies + by_force * per_frame.mean()
