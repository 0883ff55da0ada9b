"""Offline training of EncMLC: principal components first, then encoder, decoder and entropy network together; resumable."""

import json
import time
from copy import deepcopy
from dataclasses import dataclass
from math import cos, pi
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from closure import checkpoint as checkpoints
from closure.distributions import NODES
from closure.encoder import fit_components
from closure.labels import KINDS
from closure.networks import MLP
from closure.training import TrainOptions
from kinetic.errors import InputError

SHOCKS = 0.5  # weight of a cell of a shock beside one of a random case
BALANCE = 0.05  # deviations from the Maxwellian larger than this count linearly, not by their square, in the components
HEAT_FLUX = 2.0  # weight of the heat flux's residual beside those of the moments' fluxes and of the components
HUBER = 0.1  # where the loss turns linear, in root mean squares of the residual that moments alone leave


@dataclass
class Samples:
    """One row per labelled cell: components z, int c psi_r (f - M) of their analysis functions, heat flux, scaled gradients of
    (ln rho, u, ln T, z), entropy, weight; number of the trajectory and kind."""

    z: Tensor
    flux: Tensor
    q: Tensor
    slopes: Tensor
    entropy: Tensor
    weight: Tensor
    trajectory: Tensor
    kind: Tensor


def samples(law, data) -> Samples:
    """Fits the law's components to the labels and writes every cell in them."""
    nodes, encoder = law.nodes, law.encoder
    snapshots, n, _ = data.masses.shape
    deviations = _deviations(nodes, data.masses.values).flatten(0, 1)
    kind = torch.tensor(data.kind.values)[:, None].expand(snapshots, n)
    weight = torch.where(kind >= KINDS.index("shock"), SHOCKS, 1.0).double()
    size = (deviations**2 @ ((1 + nodes.c**6 / 15) / nodes.width)).sqrt()
    fit_components(encoder, nodes, deviations, weight.flatten() / (size**2 + BALANCE**2).sqrt())
    law.assemble()
    z = deviations @ encoder.analysis.T
    flux = deviations @ (nodes.c[:, None] * encoder.analysis.T)
    rho, u, T, knudsen = (torch.tensor(data[name].values) for name in ("rho", "u", "T", "knudsen"))
    fields = torch.cat((torch.stack((rho.log(), u, T.log()), 2), z.reshape(snapshots, n, -1)), 2)
    slopes = 0.5 * (fields.roll(-1, 1) - fields.roll(1, 1)) / torch.tensor(data.dx.values)[:, None, None]
    tau, s = knudsen / law.gas.frequency(rho, T), T.sqrt()
    slopes[:, :, 1] /= s
    slopes *= (tau / (1 + tau / law.memory) * s).unsqueeze(2)
    keep = torch.ones(snapshots, n, dtype=torch.bool)
    ends = torch.tensor(data.periodic.values) == 0
    keep[ends, 0] = keep[ends, -1] = False  # their slopes are one-sided
    keep = keep.flatten() & slopes.isfinite().all(2).flatten()
    trajectory = torch.tensor(data.trajectory.values)[:, None].expand(snapshots, n)
    columns = (z, flux, torch.tensor(data.q.values), slopes.flatten(0, 1), torch.tensor(data.entropy.values), weight)
    rows = [column.reshape(len(keep), -1)[keep].float().squeeze(1) for column in columns]
    return Samples(*rows, trajectory.flatten()[keep], kind.flatten()[keep])


def _deviations(nodes, masses) -> Tensor:
    """Masses of f - M at the closure's nodes [..., K], moments 0 to 2 zero, from those of f at the labels' nodes."""
    coarser = nodes.masses(NODES.c.numpy()[:, None], np.ones((NODES.count, 1)))
    masses = torch.tensor(masses).double() @ torch.tensor(coarser)
    variance = nodes.width * (nodes.maxwellian + 1e-3 * nodes.maxwellian.max())
    return nodes.constrain(masses, variance) - nodes.maxwellian


class _Model(nn.Module):
    """What is learned: the closing network, the encoder's rotation, and the entropy h_eta(W)."""

    def __init__(self, law):
        super().__init__()
        self.closing, self.encoder = law.network["closing"].float(), law.network["encoder"]
        self.entropy = MLP(law.moments, 1, width=32, depth=2) if law.entropy else None

    def forward(self, law, table, rows) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Residuals: heat flux [sample], fluxes int c w_k (f - h) [sample, M], components [sample, R], entropy [sample]."""
        A = self.encoder.rotation.float()
        z = table.z[rows]
        W = z @ A.T
        phi = W
        if law.gradients:
            slopes = table.slopes[rows]
            phi = torch.cat((W, slopes[:, :3], slopes[:, 3:] @ A.T), 1)
        guess = law.correction(phi.T.unsqueeze(0))[0].T
        decoded = W @ A + guess - guess @ A.T @ A
        c, synthesis = law.nodes.c, self.encoder.synthesis
        moved = ((c[:, None] * self.encoder.analysis.T).T @ synthesis).float()  # int c psi_r h_s
        cube = (0.5 * c**3 @ synthesis).float()
        entropy = torch.zeros_like(table.q[rows])
        if self.entropy is not None:
            even = W * torch.cat((torch.ones(law.moments // 2), -torch.ones(law.moments - law.moments // 2)))
            entropy = table.entropy[rows] - 0.5 * (self.entropy(W) + self.entropy(even))[:, 0]
        return table.q[rows] - decoded @ cube, (table.flux[rows] - decoded @ moved.T) @ A.T, z - decoded, entropy


def train(law, network_config: dict, data, options: TrainOptions, directory: Path, *, recipe: dict, progress=None) -> dict:
    r"""Fit the law's encoder and network; files, resumption and ``progress`` as :func:`closure.training.train`.

    Loss of a cell, with delta f = f - h:

    .. math:: \ell^2 = 4\,\delta q^2 + \sum_k \Bigl(\int c\,w_k\,\delta f\Bigr)^2 + |\delta z|^2
              + \lambda\,(\eta(f) - h_\eta(W))^2, \qquad \text{loss} = 2 h^2 \bigl(\sqrt{1 + \ell^2/h^2} - 1\bigr)

    (in units of h^2): quadratic for small residuals, linear for large ones. ``law.learn_basis`` trains the encoder with the
    network; without it the moments are those of the first principal components. lambda is ``law.entropy``, eta(f) = int f
    ln(f/M)/rho. Returns {"epochs", "validation_loss", "explained", "heat_flux", "seconds", "cells"}: explained is the share of
    the open components' variance, heat_flux the relative error of q, both on held-out trajectories of random cases.
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
    model = _Model(law)
    for parameter in (law.encoder.free_even, law.encoder.free_odd):
        parameter.requires_grad_(law.learn_basis)
    scale = _set_scales(law, model, table, fit)
    averaged = deepcopy(model)
    free = [p for p in law.encoder.parameters() if p.requires_grad]
    others = [p for name, p in model.named_parameters() if p.requires_grad and not name.startswith("encoder")]
    groups = [{"params": others}] + ([{"params": free, "weight_decay": 0.0}] if free else [])
    optimizer = torch.optim.AdamW(groups, lr=options.learning_rate, weight_decay=options.weight_decay)
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
        for batch in shuffle.split(options.batch):
            fraction = state["step"] / (options.epochs * steps)
            warm = min(1.0, (state["step"] + 1) / min(200, 0.05 * options.epochs * steps))
            for group in optimizer.param_groups:
                group["lr"] = warm * options.learning_rate * (0.01 + 0.99 * 0.5 * (1 + cos(pi * fraction)))
            loss = _loss(law, model, table, batch, scale)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(others, 1.0)
            optimizer.step()
            total += float(loss.detach()) * len(batch)
            state["step"] += 1
            _average(averaged, model, options.average, state["step"])
        state["epoch"] += 1
        _use(law, averaged)
        validation = _validate(law, averaged, table, check, scale)
        state["seconds"] += time.perf_counter() - start
        line = {"epoch": state["epoch"], "train_loss": total / len(fit), **validation, "seconds": state["seconds"]}
        with open(directory / "metrics.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")
        if line["validation_loss"] < state["best"]:
            state |= {"best": line["validation_loss"], "best_epoch": state["epoch"]}
            state |= {name: line[name] for name in ("explained", "heat_flux")}
            checkpoints.save(
                directory / "checkpoint.pt", law, network_config, recipe | {"train": dict(vars(options)), "result": line}
            )
        _use(law, model)
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
            progress(state["epoch"], options.epochs, line["train_loss"], line["validation_loss"])
    return {
        "epochs": state["epoch"],
        "validation_loss": state["best"],
        "explained": state["explained"],
        "heat_flux": state["heat_flux"],
        "seconds": state["seconds"],
        "cells": len(fit),
    }


def _use(law, model) -> None:
    """The law computes with the networks of ``model``."""
    law.network["closing"], law.network["encoder"] = model.closing, model.encoder
    law.assemble()


@torch.no_grad()
def _set_scales(law, model, table, fit) -> float:
    """Root mean squares of inputs and outputs, one for all moments and one for all their gradients, which the encoder may mix;
    returns where the loss turns linear."""
    net, M = law.network["closing"], law.moments
    A = law.encoder.rotation.float()
    net.scale_in[:M] = (table.z[fit] @ A.T).square().mean().sqrt()
    if law.gradients:
        slopes = table.slopes[fit].clamp(-50, 50)
        net.scale_in[M : M + 3] = slopes[:, :3].square().mean(0).sqrt()
        net.scale_in[M + 3 :] = (slopes[:, 3:] @ A.T).square().mean().sqrt()
    net.scale_out.copy_(table.z[fit].square().mean(0).sqrt())
    # what A^T W alone, without a network, leaves
    z = table.z[fit[::7]]
    return HUBER * float((z - z @ A.T @ A).square().sum(1).mean().sqrt())


def _loss(law, model, table, rows, scale) -> Tensor:
    heat, fluxes, components, entropy = model(law, table, rows)
    square = (HEAT_FLUX * heat).square() + fluxes.square().sum(1) + components.square().sum(1) + law.entropy * entropy.square()
    return (table.weight[rows] * 2 * ((1 + square / scale**2).sqrt() - 1)).mean()


@torch.no_grad()
def _validate(law, model, table, check, scale) -> dict[str, float]:
    loss, sums = 0.0, torch.zeros(4, dtype=torch.float64)
    A = model.encoder.rotation.float()
    for rows in check.split(65536):
        loss += float(_loss(law, model, table, rows, scale)) * len(rows)
        rows = rows[table.kind[rows] < KINDS.index("shock")]
        if len(rows) == 0:
            continue
        heat, _, components, _ = model(law, table, rows)
        unknown = table.z[rows] - table.z[rows] @ A.T @ A
        sums += torch.tensor([float(x.double().square().sum()) for x in (heat, table.q[rows], components, unknown)])
    explained, heat_flux = float(1 - sums[2] / sums[3].clamp(min=1e-300)), float((sums[0] / sums[1].clamp(min=1e-300)).sqrt())
    return {"validation_loss": loss / len(check), "explained": explained, "heat_flux": heat_flux}


@torch.no_grad()
def _average(averaged, model, horizon: int, step: int) -> None:
    decay = min(1 - 1 / horizon, step / (step + 10))
    for a, m in zip(averaged.parameters(), model.parameters(), strict=True):
        a.lerp_(m, 1 - decay)
    for a, m in zip(averaged.buffers(), model.buffers(), strict=True):
        a.copy_(m)


@torch.no_grad()
def decoded_masses(law, snapshot) -> Tensor:
    """What the law decodes, [cell, K] masses of h/rho at its nodes, from the moments and gradients of one labelled snapshot."""
    periodic = bool(snapshot.periodic)
    deviations = _deviations(law.nodes, snapshot.masses.values)
    rho, u, T, knudsen = (torch.tensor(snapshot[name].values)[None] for name in ("rho", "u", "T", "knudsen"))
    W = (law.A @ law.encoder.analysis @ deviations.T)[None]
    base = torch.cat((torch.stack((rho.log(), u, T.log()), 1), W), 1)
    tau = (knudsen / law.gas.frequency(rho, T)).unsqueeze(1)
    wide, tau = (torch.cat((x[:, :, -1:], x, x[:, :, :1]), 2) if periodic else x for x in (base, tau))
    phi = law.features(wide, float(snapshot.dx), tau)
    phi = phi[:, :, 1:-1] if periodic else phi
    V = law._complete(base, phi)
    return (law.distribution(V)[0] / V[:, :1].exp())[0].T
