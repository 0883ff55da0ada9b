"""The epoch loop of every offline training: minibatches, learning rate, averaged weights, checkpoints, resumption."""

import json
import time
from copy import deepcopy
from dataclasses import dataclass
from math import cos, pi
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from knudsen.closure import checkpoint as checkpoints
from knudsen.errors import InputError
from knudsen.files import Draft


@dataclass(frozen=True)
class TrainOptions:
    """epochs: passes over the training cells; batch: cells a step; learning_rate: at the start, cosine decay to a hundredth;
    weight_decay: of AdamW; average: time constant of the exponential moving average of the weights, in steps;
    posed: weight of the penalty on waves that grow (HermMLC with gradients), ``training.posedness``;
    relative: weight of the loss in units of each cell's distance from equilibrium (HermMLC), beside that in units of all cells';
    validation: fraction of trajectories held out; patience: epochs without a better validation loss before stopping;
    threads: of torch; seed: of split and order, and of whatever a network draws as it trains (the first weights are those of the
    law that is handed in: ``knudsen.closure.untrained(seed=...)``).
    """

    epochs: int = 60
    batch: int = 4096
    learning_rate: float = 2e-3
    weight_decay: float = 0.1
    average: int = 500
    posed: float = 0.0
    relative: float = 0.0
    validation: float = 0.1
    patience: int = 15
    threads: int = 2
    seed: int = 0

    def __post_init__(self):
        for key in ("epochs", "batch", "learning_rate", "average", "patience", "threads"):
            if not getattr(self, key) > 0:
                raise InputError(f"train.{key} is {getattr(self, key)}: give a positive number")
        for key in ("posed", "relative"):
            if not getattr(self, key) >= 0:
                raise InputError(f"train.{key} is {getattr(self, key)}: give a number of at least 0")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise InputError(f"seed={self.seed!r}: give an integer >= 0")
        if not 0 < self.validation < 1:
            raise InputError(f"train.validation is {self.validation}: give a fraction between 0 and 1")


class Task(Protocol):
    """What is learned, from which rows, and how it is judged; ``fit`` knows nothing else of it.

    law: owns what is saved; model: the module that is trained; trajectory [row]: which trajectory a row of the data is of.
    """

    law: object
    model: nn.Module
    trajectory: Tensor

    def prepare(self, rows: Tensor) -> None:
        """Before the first step: scales of inputs and outputs, from the ``rows`` that are fitted."""

    def groups(self) -> list[dict]:
        """Parameter groups of the optimizer; the gradient of the first is clipped to length 1."""

    def use(self, model: nn.Module) -> None:
        """From now on the law computes with ``model``: the one that is trained, or its average."""

    def loss(self, rows: Tensor) -> Tensor:
        """Mean loss of the rows, with the model in use."""

    def validate(self, rows: Tensor) -> dict[str, float]:
        """ "validation_loss", by which the best epoch is chosen, and whatever else is worth recording, with the model in use."""


def fit(task: Task, network_config: dict, options: TrainOptions, directory: Path, *, recipe: dict, progress=None) -> dict:
    """Minimise the task's loss; writes checkpoint.pt (best so far), metrics.jsonl (a line an epoch), state.pt (to resume from).

    The same call in the same directory goes on where a stopped one left off.
    ``progress(epoch, epochs, train_loss, validation_loss)`` is called after each epoch.
    Returns {"epochs", what ``validate`` said of the best, "seconds", "cells"}.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    rows, check = split(task.trajectory, options)
    task.prepare(rows)
    model, averaged = task.model, deepcopy(task.model)
    optimizer = torch.optim.AdamW(task.groups(), lr=options.learning_rate, weight_decay=options.weight_decay)
    clipped = optimizer.param_groups[0]["params"]
    state = {"epoch": 0, "best": {"validation_loss": float("inf")}, "best_epoch": 0, "seconds": 0.0, "step": 0}
    saved = directory / "state.pt"
    if saved.exists():
        stored = torch.load(saved, weights_only=True)
        if stored["options"] != vars(options):
            raise InputError(f"{saved}: belongs to a run with other train options: choose another hydra.run.dir, or repeat those")
        for name, part in (("model", model), ("averaged", averaged), ("optimizer", optimizer)):
            part.load_state_dict(stored[name])
        state = stored["state"]
    total = options.epochs * -(-len(rows) // options.batch)  # steps, if patience lasts
    while state["epoch"] < options.epochs and state["epoch"] - state["best_epoch"] < options.patience:
        start = time.perf_counter()
        shuffle = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(options.seed * 1000 + state["epoch"]))]
        task.use(model.train())
        loss_sum = 0.0
        for batch in shuffle.split(options.batch):
            for group in optimizer.param_groups:
                group["lr"] = options.learning_rate * _schedule(state["step"], total)
            loss = task.loss(batch)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(clipped, 1.0)
            optimizer.step()
            loss_sum += float(loss.detach()) * len(batch)
            state["step"] += 1
            _average(averaged, model, options.average, state["step"])
        state["epoch"] += 1
        task.use(averaged.eval())
        with torch.no_grad():
            found = task.validate(check)
        state["seconds"] += time.perf_counter() - start
        line = {"epoch": state["epoch"], "train_loss": loss_sum / len(rows), **found, "seconds": state["seconds"]}
        with open(directory / "metrics.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")
        if found["validation_loss"] < state["best"]["validation_loss"]:
            state |= {"best": found, "best_epoch": state["epoch"]}
            whole = recipe | {"train": dict(vars(options)), "result": line}
            checkpoints.save(directory / "checkpoint.pt", task.law, network_config, whole)
        content = {"options": dict(vars(options)), "state": state}
        content |= {"model": model.state_dict(), "averaged": averaged.state_dict(), "optimizer": optimizer.state_dict()}
        with Draft(saved) as partial:
            torch.save(content, partial)
        if progress:
            progress(state["epoch"], options.epochs, line["train_loss"], found["validation_loss"])
    task.use(model)
    return {"epochs": state["epoch"], **state["best"], "seconds": state["seconds"], "cells": len(rows)}


def split(trajectory: Tensor, options: TrainOptions) -> tuple[Tensor, Tensor]:
    """Rows to fit and rows to check by: whole trajectories are held out; one alone is both."""
    count = int(trajectory.max()) + 1
    if count == 1:
        rows = torch.arange(len(trajectory))
        return rows, rows
    order = torch.randperm(count, generator=torch.Generator().manual_seed(options.seed))
    held_out = torch.isin(trajectory, order[: min(max(1, round(options.validation * count)), count - 1)])
    return torch.nonzero(~held_out)[:, 0], torch.nonzero(held_out)[:, 0]


def _schedule(step: int, total: int) -> float:
    """Linear warm-up over at most 200 steps, then half a cosine down to a hundredth."""
    warm = min(1.0, (step + 1) / min(200, 0.05 * total))
    return warm * (0.01 + 0.99 * 0.5 * (1 + cos(pi * step / total)))


@torch.no_grad()
def _average(averaged: nn.Module, model: nn.Module, horizon: int, step: int) -> None:
    decay = min(1 - 1 / horizon, step / (step + 10))
    for a, m in zip(averaged.parameters(), model.parameters(), strict=True):
        a.lerp_(m, 1 - decay)
    for a, m in zip(averaged.buffers(), model.buffers(), strict=True):
        a.copy_(m)
