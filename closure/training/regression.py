"""Offline training of HermMLC: regression of the closing coefficients on labelled kinetic states, resumable."""

from math import factorial
from pathlib import Path

import torch
from torch import Tensor

from knudsen.closure.laws.recurrence import B_FLOOR
from knudsen.closure.learned.samples import Samples
from knudsen.closure.training.epochs import TrainOptions, fit
from knudsen.closure.training.posedness import Posedness
from knudsen.errors import InputError
from knudsen.solvers import GHOST

# Spacing of the velocities in thermal speeds, up to which the moments of order nine of a Boltzmann solution are learned from:
# beyond it they are of the collision integral's aliasing (the median correction grows ten times between 0.55 and 0.7).
RESOLVED = 0.6
LEAST_B = -1.5  # of ln(b_k/k): for the same reason; a positive density that smooth has larger ones
HUBER = 0.25  # of the root mean square of the corrections
NEAREST = 0.01  # to equilibrium, where a distance from it still counts (``distance``)
SEEN = 1e-4  # share of the cells that lie beyond what the recipe calls the largest input


def samples(law, data) -> Samples:
    """Inputs and targets of every cell of a label set (``labels``), through the law's own variables and features."""
    if law.corrects is None:
        return law.samples(data)
    if data.sizes["moment"] <= law.n_g:
        raise InputError(
            f"closure.moments={law.n_g}: the labels hold moments up to order {data.sizes['moment'] - 1}, {law.n_g} is needed"
        )
    parts = []
    for first in range(0, data.sizes["snapshot"], 500):
        part = data.isel(snapshot=slice(first, first + 500))
        G = torch.tensor(part.G.values)
        H = torch.tensor(part.H.values) if law.n_h else None
        knudsen, dx = torch.tensor(part.knudsen.values)[:, None], torch.tensor(part.dx.values)[:, None, None]
        U = law.from_moments(G, H)
        V = law.local_variables(U)
        periodic = torch.tensor(part.periodic.values).bool()
        phi = torch.empty(len(G), law.inputs, G.shape[2], dtype=G.dtype)
        for wrapped in (True, False):
            chosen = periodic == wrapped
            if chosen.any():
                phi[chosen] = features(law, U[chosen], dx[chosen], knudsen[chosen], wrapped)
        rows = [phi, true_correction(law, V, G, H) / law.units(V)]
        keep = torch.ones(len(G), G.shape[2], dtype=torch.bool)
        ends = ~periodic & ~torch.tensor(part.walled.values).bool()  # one-sided slopes, which the solver has at walls alone
        keep[ends, 0] = keep[ends, -1] = False
        if law.gas.is_boltzmann:
            keep &= torch.tensor(part.spacing.values)[:, None] <= RESOLVED * (0.5 * V[:, 2]).exp()
            keep &= (V[:, law.log_b] > LEAST_B).all(1)
        index = torch.tensor(part.trajectory.values)[:, None].expand(-1, G.shape[2])
        parts.append([row.transpose(1, 2)[keep] for row in rows] + [index[keep]])
    phi, target, trajectory = (torch.cat(column) for column in zip(*parts, strict=True))
    good = phi.isfinite().all(1) & target.isfinite().all(1)
    return Samples(phi[good].float(), target[good].float(), trajectory[good])


def features(law, U: Tensor, dx, knudsen: Tensor, periodic: bool) -> Tensor:
    """What the network sees in states U [batch, component, cell], [batch, input, cell]; slopes at ends that are not periodic are
    one-sided. dx, knudsen: numbers or tensors that go with U, [batch, 1, cell or 1]."""
    V = law.local_variables(U)
    rho, _, T = law.fluid(U)
    tau = knudsen / law.gas.frequency(rho, T).unsqueeze(1)
    if not periodic:
        return law.features(V, dx, tau)
    V, tau = (torch.cat((value[:, :, -GHOST:], value, value[:, :, :GHOST]), 2) for value in (V, tau))
    return law.features(V, dx, tau)[:, :, GHOST:-GHOST]


def true_correction(law, V: Tensor, G: Tensor, H: Tensor | None) -> Tensor:
    """What the closing coefficients, a_n or ln b_n and zeta, should be beyond the rule, [batch, n_out, cell].

    From the moments beyond the carried ones: the first from G_N, then zeta from H_{N_h}; differences to the rule's moments,
    in which everything known cancels.
    """
    i = law.n_g
    rho, s = V[:, 0].exp(), (0.5 * V[:, 2]).exp()
    rule, _ = law._moments(V)
    delta = [(G[:, i] - rule[:, -1]) / law.sensitivity(V)]
    if not law.odd:  # G_N is linear in b_n, not in its logarithm
        delta = [delta[0].clamp(min=B_FLOOR - 1).log1p()]
    if law.n_h:
        V = torch.cat((V[:, :i], V[:, i : i + 1] + delta[0].unsqueeze(1), V[:, i + 1 :]), 1)
        _, rule = law._moments(V)
        m = law.n_h
        norm = (V[:, law.log_b].sum(1).exp() * factorial(m - 1)).sqrt() * m**0.5
        eta_0 = (law.gas.dims - 1) * V[:, i + 1].exp()
        delta.append((H[:, m] - rule[:, -1]) / (rho * eta_0 * s**m * norm))
    return torch.stack(delta, 1)


def train(law, network_config: dict, data, options: TrainOptions, directory: Path, *, recipe: dict, progress=None) -> dict:
    """Fit the law's network to its labels; files, resumption and ``progress`` as :func:`knudsen.closure.training.epochs.fit`.

    Returns {"epochs", "validation_loss", "explained", "seconds", "cells"}: explained is the share of the correction's variance.
    """
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    if options.posed and not getattr(law, "gradient_rows", ()):
        raise InputError(f"train.posed={options.posed}: only closure=herm_mlc with closure.gradients=true has gradients to judge")
    if options.relative and law.corrects is None:
        raise InputError(f"train.relative={options.relative}: only closure=herm_mlc has a distance from equilibrium")
    table = samples(law, data)
    if law.corrects is not None:
        recipe = recipe | {"largest": largest(table.phi)}
    return fit(Regression(law, table, options), network_config, options, directory, recipe=recipe, progress=progress)


def largest(phi: Tensor) -> list[float]:
    """What all but SEEN of the rows stay below with each of their inputs [row, input], without its sign."""
    rank = len(phi) - int(SEEN * len(phi))
    return [float(column.abs().kthvalue(rank).values) for column in phi.T]


def distance(law, phi: Tensor) -> Tensor:
    """From equilibrium, [row, 1], as the network sees its inputs [row, input]: their root mean square, 0.01 to 1."""
    return (torch.asinh(phi / law.network.scale_in) ** 2).mean(1, keepdim=True).sqrt().clamp(NEAREST, 1.0)


class Regression:
    """The :class:`~closure.epochs.Task` of closures that learn one target a cell."""

    def __init__(self, law, table: Samples, options: TrainOptions | None = None):
        self.law, self.table, self.trajectory = law, table, table.trajectory
        self.model, self.options, self.posedness = law.network.float(), options, None

    def prepare(self, rows: Tensor) -> None:
        """Root mean squares of inputs and outputs over the training cells, without a shift; weights that a training goes on from
        keep theirs."""
        if self.options is not None and self.options.posed:
            self.posedness = Posedness(self.law, self.table.phi[rows], self.options.seed)
        if self.law.corrects is not None and self.law.recipe is None:
            self.model.scale_in.copy_((self.table.phi[rows].double().clamp(-50, 50) ** 2).mean(0).sqrt().clamp(min=1e-3))
            self.model.scale_out.copy_((self.table.target[rows].double().clamp(-5, 5) ** 2).mean(0).sqrt().clamp(min=1e-6))

    def groups(self) -> list[dict]:
        return [{"params": list(self.model.parameters())}]

    def use(self, model) -> None:
        self.law.network = model

    def loss(self, rows: Tensor) -> Tensor:
        error = scaled_error(self.law, self.table, rows)
        loss = robust_loss(error)
        if self.options is not None and self.options.relative:
            loss = loss + self.options.relative * robust_loss(error / distance(self.law, self.table.phi[rows]))
        return loss if self.posedness is None else loss + self.options.posed * self.posedness()

    def validate(self, rows: Tensor) -> dict[str, float]:
        """Loss, and the share of the correction's variance that is explained."""
        law, table = self.law, self.table
        loss, residual, variance = 0.0, 0.0, 0.0
        for batch in rows.split(65536):
            error = scaled_error(law, table, batch)
            loss += float(robust_loss(error)) * len(batch)
            target = table.target[batch]
            rule = law.untrained_error(target) if law.corrects is None else target / law.network.scale_out
            residual += float((error**2).sum())
            variance += float((rule**2).sum())
        explained = 1 - residual / variance if variance else float(residual == 0)  # all held out may be in equilibrium
        return {"validation_loss": loss / len(rows), "explained": explained}


def scaled_error(law, table, batch) -> Tensor:
    """Error of what the network gives, [row, output], in units of the root mean square of what it is to give."""
    if law.corrects is None:
        return law.error(table.phi[batch], table.target[batch])
    out = law.correction(table.phi[batch].T.unsqueeze(0))[0].T
    return (out - table.target[batch]) / law.network.scale_out


def robust_loss(error: Tensor) -> Tensor:
    """Huber loss, linear beyond HUBER, so that the many cells near equilibrium count beside the few far from it."""
    return torch.nn.functional.huber_loss(error, torch.zeros_like(error), delta=HUBER) / HUBER
