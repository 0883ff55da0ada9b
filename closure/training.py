"""Offline training of HermMLC: regression of the closing coefficients on labelled kinetic states, resumable."""

import json
import time
from copy import deepcopy
from dataclasses import dataclass
from math import cos, pi
from pathlib import Path

import torch
from torch import Tensor

from closure import checkpoint as checkpoints
from closure.samples import Samples
from kinetic.errors import InputError
from solvers import GHOST

HUBER = 0.25  # of the root mean square of the corrections


@dataclass(frozen=True)
class TrainOptions:
    """epochs: passes over the training cells; batch: cells a step; learning_rate: at the start, cosine decay to a hundredth;
    weight_decay: of AdamW; average: time constant of the exponential moving average of the weights, in steps;
    validation: fraction of trajectories held out; patience: epochs without a better validation loss before stopping;
    threads: of torch; seed: of weights, split and order.
    """

    epochs: int = 60
    batch: int = 4096
    learning_rate: float = 2e-3
    weight_decay: float = 0.1
    average: int = 500
    validation: float = 0.1
    patience: int = 15
    threads: int = 2
    seed: int = 0

    def __post_init__(self):
        for key in ("epochs", "batch", "learning_rate", "average", "patience", "threads"):
            if not getattr(self, key) > 0:
                raise InputError(f"train.{key} is {getattr(self, key)}: give a positive number")
        if not 0 < self.validation < 1:
            raise InputError(f"train.validation is {self.validation}: give a fraction between 0 and 1")


def samples(law, data) -> Samples:
    """Inputs and targets of every cell of a label set (``closure.labels``), through the law's own variables and features."""
    if hasattr(law, "samples"):
        return law.samples(data)
    n = law.n
    if data.sizes["moment"] <= 2 * n + 1:
        raise InputError(
            f"closure.moments={law.n_g}: the labels hold moments up to order {data.sizes['moment'] - 1}, {2 * n + 1} is needed"
        )
    parts = []
    for first in range(0, data.sizes["snapshot"], 500):
        part = data.isel(snapshot=slice(first, first + 500))
        G = torch.tensor(part.G.values)
        H = torch.tensor(part.H.values) if law.n_h else None
        knudsen, dx = torch.tensor(part.knudsen.values)[:, None], torch.tensor(part.dx.values)[:, None, None]
        V = law.local_variables(law.from_moments(G, H))
        rho, _, T = law.fluid(law.from_moments(G, H))
        tau = knudsen / law.gas.frequency(rho, T).unsqueeze(1)
        periodic = torch.tensor(part.periodic.values).bool()
        phi = torch.empty(len(G), law.inputs, G.shape[2], dtype=G.dtype)
        for wrapped in (True, False):
            chosen = periodic == wrapped
            if chosen.any():
                phi[chosen] = _features(law, V[chosen], dx[chosen], tau[chosen], wrapped)
        rows = [phi, true_correction(law, V, G, H) / law.units(V)]
        keep = torch.ones(len(G), G.shape[2], dtype=torch.bool)
        keep[~periodic, 0] = keep[~periodic, -1] = False  # their slopes are one-sided
        index = torch.tensor(part.trajectory.values)[:, None].expand(-1, G.shape[2])
        parts.append([row.transpose(1, 2)[keep] for row in rows] + [index[keep]])
    phi, target, trajectory = (torch.cat(column) for column in zip(*parts, strict=True))
    good = phi.isfinite().all(1) & target.isfinite().all(1)
    return Samples(phi[good].float(), target[good].float(), trajectory[good])


def _features(law, V, dx, tau, wrapped):
    if not wrapped:
        return law.features(V, dx, tau)
    V, tau = (torch.cat((value[:, :, -GHOST:], value, value[:, :, :GHOST]), 2) for value in (V, tau))
    return law.features(V, dx, tau)[:, :, GHOST:-GHOST]


def true_correction(law, V: Tensor, G: Tensor, H: Tensor | None) -> Tensor:
    """What a_n and zeta should be beyond the rule, [batch, n_out, cell].

    From the moments beyond the carried ones: a_n from G_{2n+1}, then zeta from H_{n+1}; differences to the rule's moments,
    in which everything known cancels.
    """
    n = law.n
    rho, s = V[:, 0].exp(), (0.5 * V[:, 2]).exp()
    log_b = V[:, n + 2 : 2 * n + 1].sum(1)
    factorial = torch.arange(1, n + 1).prod()
    rule, _ = law._moments(V)
    delta = [(G[:, 2 * n + 1] - rule[:, -1]) / (rho * s ** (2 * n + 1) * log_b.exp() * factorial)]
    if law.n_h:
        i = law.closing[0]
        V = torch.cat((V[:, :i], V[:, i : i + 1] + delta[0].unsqueeze(1), V[:, i + 1 :]), 1)
        _, rule = law._moments(V)
        eta_0 = (law.gas.dims - 1) * V[:, 2 * n + 2].exp()
        norm = (log_b.exp() * factorial).sqrt() * (n + 1) ** 0.5
        delta.append((H[:, n + 1] - rule[:, -1]) / (rho * eta_0 * s ** (n + 1) * norm))
    return torch.stack(delta, 1)


def train(law, network_config: dict, data, options: TrainOptions, directory: Path, *, recipe: dict, progress=None) -> dict:
    """Fit the law's network; writes checkpoint.pt (best so far), metrics.jsonl (one line an epoch) and state.pt (to resume from).

    The same call in the same directory goes on where a stopped one left off.
    ``progress(epoch, epochs, train_loss, validation_loss)`` is called after each epoch.
    Returns {"epochs", "validation_loss", "explained", "seconds", "cells"}: explained is the share of the correction's variance.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    table = samples(law, data)
    last = int(table.trajectory.max()) + 1
    order = torch.randperm(last, generator=torch.Generator().manual_seed(options.seed))
    held_out = torch.isin(table.trajectory, order[: max(1, round(options.validation * last))])
    fit, check = torch.nonzero(~held_out)[:, 0], torch.nonzero(held_out)[:, 0]
    law.network.float()
    _set_scales(law, table, fit)
    model, averaged = law.network, deepcopy(law.network)
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay)
    state = {"epoch": 0, "best": float("inf"), "best_epoch": 0, "seconds": 0.0, "step": 0}
    saved = directory / "state.pt"
    if saved.exists():
        stored = torch.load(saved, weights_only=True)
        if stored["options"] != vars(options):
            raise InputError(f"{saved}: belongs to a run with other train options: choose another hydra.run.dir, or repeat those")
        model.load_state_dict(stored["model"])
        averaged.load_state_dict(stored["averaged"])
        optimizer.load_state_dict(stored["optimizer"])
        state = stored["state"]
    steps = -(-len(fit) // options.batch)
    while state["epoch"] < options.epochs and state["epoch"] - state["best_epoch"] < options.patience:
        start = time.perf_counter()
        shuffle = fit[torch.randperm(len(fit), generator=torch.Generator().manual_seed(options.seed * 1000 + state["epoch"]))]
        total = 0.0
        model.train()
        for batch in shuffle.split(options.batch):
            fraction = state["step"] / (options.epochs * steps)
            warm = min(1.0, (state["step"] + 1) / min(200, 0.05 * options.epochs * steps))
            optimizer.param_groups[0]["lr"] = warm * options.learning_rate * (0.01 + 0.99 * 0.5 * (1 + cos(pi * fraction)))
            loss = _loss(_error(law, table, batch))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += float(loss.detach()) * len(batch)
            state["step"] += 1
            _average(averaged, model, options.average, state["step"])
        state["epoch"] += 1
        law.network = averaged.eval()
        with torch.no_grad():
            validation, explained = _validate(law, table, check)
        state["seconds"] += time.perf_counter() - start
        line = {
            "epoch": state["epoch"],
            "train_loss": total / len(fit),
            "validation_loss": validation,
            "explained": explained,
            "seconds": state["seconds"],
        }
        with open(directory / "metrics.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")
        if validation < state["best"]:
            state["best"], state["best_epoch"], state["explained"] = validation, state["epoch"], explained
            checkpoints.save(
                directory / "checkpoint.pt", law, network_config, recipe | {"train": dict(vars(options)), "result": line}
            )
        law.network = model
        content = {
            "options": dict(vars(options)),
            "model": model.state_dict(),
            "averaged": averaged.state_dict(),
            "optimizer": optimizer.state_dict(),
            "state": state,
        }
        torch.save(content, saved.with_suffix(".partial"))
        saved.with_suffix(".partial").replace(saved)
        if progress:
            progress(state["epoch"], options.epochs, line["train_loss"], validation)
    return {
        "epochs": state["epoch"],
        "validation_loss": state["best"],
        "explained": state["explained"],
        "seconds": state["seconds"],
        "cells": len(fit),
    }


def _set_scales(law, table, fit) -> None:
    """Root mean squares of inputs and outputs over the training cells, without a shift."""
    net = law.network
    if not hasattr(net, "scale_in"):
        return
    net.scale_in.copy_((table.phi[fit].double().clamp(-50, 50) ** 2).mean(0).sqrt().clamp(min=1e-3))
    net.scale_out.copy_((table.target[fit].double().clamp(-5, 5) ** 2).mean(0).sqrt().clamp(min=1e-6))


def _error(law, table, batch) -> Tensor:
    """Error of what the network gives, [row, output], in units of the root mean square of what it is to give."""
    if hasattr(law, "error"):
        return law.error(table.phi[batch], table.target[batch])
    out = law.correction(table.phi[batch].T.unsqueeze(0))[0].T
    return (out - table.target[batch]) / law.network.scale_out


def _loss(error: Tensor) -> Tensor:
    """Huber loss, linear beyond HUBER, so that the many cells near equilibrium count beside the few far from it."""
    return torch.nn.functional.huber_loss(error, torch.zeros_like(error), delta=HUBER) / HUBER


def _validate(law, table, check) -> tuple[float, float]:
    losses, residual, variance = [], 0.0, 0.0
    for batch in check.split(65536):
        error = _error(law, table, batch)
        losses.append(float(_loss(error)) * len(batch))
        target = table.target[batch]
        rule = law.untrained_error(target) if hasattr(law, "error") else target / law.network.scale_out
        residual += float((error**2).sum())
        variance += float((rule**2).sum())
    return sum(losses) / len(check), 1 - residual / variance


@torch.no_grad()
def _average(averaged, model, horizon: int, step: int) -> None:
    decay = min(1 - 1 / horizon, step / (step + 10))
    for a, m in zip(averaged.parameters(), model.parameters(), strict=True):
        a.lerp_(m, 1 - decay)
    for a, m in zip(averaged.buffers(), model.buffers(), strict=True):
        a.copy_(m)
