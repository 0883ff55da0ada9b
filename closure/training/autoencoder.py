"""Offline training of EncMLC: principal components first, then encoder, decoder and entropy network together; resumable."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from knudsen.closure.learned.encoder import fit_components
from knudsen.closure.learned.networks import MLP
from knudsen.closure.training.distributions import NODES
from knudsen.closure.training.epochs import TrainOptions, fit
from knudsen.closure.training.labels import KINDS
from knudsen.closure.training.regression import RESOLVED
from knudsen.errors import InputError
from knudsen.solvers import central_slopes

SHOCKS = 0.5  # weight of a cell of a shock beside one of a random case
BALANCE = 0.05  # deviations from the Maxwellian larger than this count linearly, not by their square, in the components
HEAT_FLUX = 2.0  # weight of the heat flux's residual beside those of the moments' fluxes and of the components
HUBER = 0.1  # where the loss turns linear, in root mean squares of the residual that moments alone leave


@dataclass
class Samples:
    """One row per labelled cell: components z, int c psi_r (f - M) of their analysis functions, heat flux, scaled gradients of
    (ln rho, u, ln T, z), entropy, weight; number of the trajectory and kind. (D > 1: f stands for g and theta.)"""

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
    deviations = _deviations(nodes, data).flatten(0, 1)
    kind = torch.tensor(data.kind.values)[:, None].expand(snapshots, n)
    weight = torch.where(kind >= KINDS.index("shock"), SHOCKS, 1.0).double()
    size = (deviations**2 @ nodes.metric).sqrt()
    resolved = _resolved(data)
    if not resolved.any():
        raise InputError("gas.velocity_points: too few for every labelled cell; label with more, or null to choose them")
    fit_components(encoder, nodes, deviations, resolved.flatten() * weight.flatten() / (size**2 + BALANCE**2).sqrt())
    law.choose_basis()
    z = deviations @ encoder.analysis.T
    flux = deviations @ (nodes.c.tile(nodes.densities)[:, None] * encoder.analysis.T)
    rho, u, T, knudsen = (torch.tensor(data[name].values) for name in ("rho", "u", "T", "knudsen"))
    fields = torch.cat((torch.stack((rho.log(), u, T.log()), 2), z.reshape(snapshots, n, -1)), 2)
    dx = torch.tensor(data.dx.values)[:, None, None]
    slopes = central_slopes(fields.transpose(1, 2), dx, periodic=True).transpose(1, 2)
    tau, s = knudsen / law.gas.frequency(rho, T), T.sqrt()
    slopes[:, :, 1] /= s
    slopes *= (tau / (1 + tau / law.memory) * s).unsqueeze(2)
    keep = torch.ones(snapshots, n, dtype=torch.bool)
    ends = torch.tensor(data.periodic.values) == 0
    keep[ends, 0] = keep[ends, -1] = False  # their slopes are one-sided
    keep = (keep & resolved).flatten() & slopes.isfinite().all(2).flatten()
    trajectory = torch.tensor(data.trajectory.values)[:, None].expand(snapshots, n)
    columns = (z, flux, torch.tensor(data.q.values), slopes.flatten(0, 1), torch.tensor(data.entropy.values), weight)
    rows = [column.reshape(len(keep), -1)[keep].float().squeeze(1) for column in columns]
    return Samples(*rows, trajectory.flatten()[keep], kind.flatten()[keep])


def _resolved(data) -> Tensor:
    """Are a cell's velocities fine enough for what is learned of it? [snapshot, cell]"""
    T_x = torch.tensor(data["T"].values * (data.masses.values @ NODES.c.numpy() ** 2))
    spacing = torch.tensor(data.spacing.values if "spacing" in data else np.zeros(data.sizes["snapshot"]))
    return spacing[:, None] <= RESOLVED * T_x.clamp(min=0).sqrt()


def _deviations(nodes, data) -> Tensor:
    """Masses of F - F_M at the closure's nodes [..., P K], conserved sums zero, from the labels' masses of g and theta."""
    coarser = torch.tensor(nodes.masses(NODES.c.numpy()[:, None], np.ones((NODES.count, 1))))
    names = ("masses", "transverse")[: nodes.densities]
    masses = torch.cat([torch.tensor(data[name].values).double() @ coarser for name in names], -1)
    variance = nodes.width.tile(nodes.densities) * (nodes.maxwellian + 1e-3 * nodes.maxwellian.max())
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
        c, synthesis = law.nodes.c.tile(law.nodes.densities), self.encoder.synthesis
        moved = ((c[:, None] * self.encoder.analysis.T).T @ synthesis).float()  # int c psi_r h_s
        heat = (0.5 * law.nodes.heat @ synthesis).float()
        entropy = torch.zeros_like(table.q[rows])
        if self.entropy is not None:
            even = W * torch.cat((torch.ones(law.moments // 2), -torch.ones(law.moments - law.moments // 2)))
            entropy = table.entropy[rows] - 0.5 * (self.entropy(W) + self.entropy(even))[:, 0]
        return table.q[rows] - decoded @ heat, (table.flux[rows] - decoded @ moved.T) @ A.T, z - decoded, entropy


def train(law, network_config: dict, data, options: TrainOptions, directory: Path, *, recipe: dict, progress=None) -> dict:
    r"""Fit the law's encoder and network; files, resumption and ``progress`` as :func:`knudsen.closure.training.epochs.fit`.

    Loss of a cell, with delta f = f - h:

    .. math:: \ell^2 = 4\,\delta q^2 + \sum_k \Bigl(\int c\,w_k\,\delta f\Bigr)^2 + |\delta z|^2
              + \lambda\,(\eta(f) - h_\eta(W))^2, \qquad \text{loss} = 2 h^2 \bigl(\sqrt{1 + \ell^2/h^2} - 1\bigr)

    (in units of h^2): quadratic for small residuals, linear for large ones. ``law.learn_basis`` trains the encoder with the
    network; without it the moments are those of the first principal components. lambda is ``law.entropy``, eta(f) = int f
    ln(f/M)/rho (D > 1: the least that the pair g, h allows). Returns {"epochs", "validation_loss", "explained", "heat_flux",
    "seconds", "cells"}: explained is the share of the open components' variance, heat_flux the relative error of q, both on
    held-out trajectories of random cases.
    """
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    return fit(Autoencoder(law, samples(law, data)), network_config, options, directory, recipe=recipe, progress=progress)


class Autoencoder:
    """The :class:`~closure.epochs.Task` of encoder, decoder and entropy network."""

    def __init__(self, law, table: Samples):
        self.law, self.table, self.trajectory = law, table, table.trajectory
        self.model = self.using = _Model(law)
        for parameter in self._free():
            parameter.requires_grad_(law.learn_basis)

    def _free(self) -> list[nn.Parameter]:
        return [self.model.encoder.free_even, self.model.encoder.free_odd]

    @torch.no_grad()
    def prepare(self, rows: Tensor) -> None:
        """Root mean squares of inputs and outputs, one for all moments and one for all their gradients, which the encoder may
        mix; and where the loss turns linear."""
        net, table, M = self.model.closing, self.table, self.law.moments
        A = self.law.encoder.rotation.float()
        net.scale_in[:M] = (table.z[rows] @ A.T).square().mean().sqrt()
        if self.law.gradients:
            slopes = table.slopes[rows].clamp(-50, 50)
            net.scale_in[M : M + 3] = slopes[:, :3].square().mean(0).sqrt()
            net.scale_in[M + 3 :] = (slopes[:, 3:] @ A.T).square().mean().sqrt()
        net.scale_out.copy_(table.z[rows].square().mean(0).sqrt())
        z = table.z[rows[::7]]
        self.scale = HUBER * float((z - z @ A.T @ A).square().sum(1).mean().sqrt())  # what A^T W alone, without a network, leaves

    def groups(self) -> list[dict]:
        """The networks, and the encoder's free numbers, whose length means nothing."""
        others = [p for name, p in self.model.named_parameters() if not name.startswith("encoder")]
        return [{"params": others}] + ([{"params": self._free(), "weight_decay": 0.0}] if self.law.learn_basis else [])

    def use(self, model) -> None:
        self.using = model
        self.law.network["closing"], self.law.network["encoder"] = model.closing, model.encoder
        self.law.assemble()

    def loss(self, rows: Tensor) -> Tensor:
        heat, fluxes, components, entropy = self.using(self.law, self.table, rows)
        square = (HEAT_FLUX * heat).square() + fluxes.square().sum(1) + components.square().sum(1)
        square = square + self.law.entropy * entropy.square()
        return (self.table.weight[rows] * 2 * ((1 + square / self.scale**2).sqrt() - 1)).mean()

    def validate(self, rows: Tensor) -> dict[str, float]:
        """Loss of all rows; of random cases the share of the open components' variance explained, and the heat flux's error."""
        table, loss, sums = self.table, 0.0, torch.zeros(4, dtype=torch.float64)
        A = self.using.encoder.rotation.float()
        for batch in rows.split(65536):
            loss += float(self.loss(batch)) * len(batch)
            batch = batch[table.kind[batch] < KINDS.index("shock")]
            if len(batch) == 0:
                continue
            heat, _, components, _ = self.using(self.law, table, batch)
            unknown = table.z[batch] - table.z[batch] @ A.T @ A
            sums += torch.tensor([float(x.double().square().sum()) for x in (heat, table.q[batch], components, unknown)])
        explained, heat_flux = float(1 - sums[2] / sums[3].clamp(min=1e-300)), float((sums[0] / sums[1].clamp(min=1e-300)).sqrt())
        return {"validation_loss": loss / len(rows), "explained": explained, "heat_flux": heat_flux}


@torch.no_grad()
def decoded_masses(law, snapshot) -> Tensor:
    """What the law decodes, masses [cell, P K] at its nodes, from the moments and gradients of one labelled snapshot."""
    periodic = bool(snapshot.periodic)
    deviations = _deviations(law.nodes, snapshot)
    rho, u, T, knudsen = (torch.tensor(snapshot[name].values)[None] for name in ("rho", "u", "T", "knudsen"))
    W = (law.A @ law.encoder.analysis @ deviations.T)[None]
    base = torch.cat((torch.stack((rho.log(), u, T.log()), 1), W), 1)
    tau = (knudsen / law.gas.frequency(rho, T)).unsqueeze(1)
    wide, tau = (torch.cat((x[:, :, -1:], x, x[:, :, :1]), 2) if periodic else x for x in (base, tau))
    phi = law.features(wide, float(snapshot.dx), tau)
    phi = phi[:, :, 1:-1] if periodic else phi
    V = law._complete(base, phi)
    return (law.distribution(V)[0] / V[:, :1].exp())[0].T
