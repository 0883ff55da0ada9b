"""Training through the solver: the network is judged by where its own solution goes, not by single states."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from knudsen.closure.training import regression as training
from knudsen.closure.training.epochs import TrainOptions, fit, split
from knudsen.errors import InputError
from knudsen.solvers import Cells, Solver

SCHEME = "weno5"  # smooth: a slope does not know of switches


@dataclass(frozen=True)
class UnrollOptions:
    """passes: over the runs, 0: no such training; span: saved times that a run goes through; group: trajectories run at once;
    coarsen: the grids, as numbers of label cells averaged into one; learning_rate: at the start, cosine decay to a hundredth;
    anchor: weight of the regression's loss beside that of the runs; longest: time of a run at most.
    """

    passes: int = 0
    span: int = 1
    group: int = 16
    coarsen: tuple[int, ...] = (1,)
    learning_rate: float = 1e-4
    anchor: float = 1.0
    longest: float = 0.03

    def __post_init__(self):
        for key in ("span", "group", "learning_rate", "longest"):
            if not getattr(self, key) > 0:
                raise InputError(f"unroll.{key} is {getattr(self, key)}: give a positive number")
        for key in ("passes", "anchor"):
            if not getattr(self, key) >= 0:
                raise InputError(f"unroll.{key} is {getattr(self, key)}: give a number of at least 0")
        if not isinstance(self.coarsen, list | tuple) or not all(isinstance(k, int) and k > 0 for k in self.coarsen):
            raise InputError(f"unroll.coarsen is {self.coarsen}: give a list of positive integers")


def tune(
    law, network_config: dict, data, regression: TrainOptions, options: UnrollOptions, directory: Path, *, recipe: dict,
    progress=None,
) -> dict:  # fmt: skip
    """Go on from the law's weights; files, resumption and ``progress`` as :func:`knudsen.closure.training.epochs.fit`.

    regression: its options, of which batch (of the anchor), weight decay, held-out fraction, threads and seed serve here too.
    Returns {"epochs", "validation_loss" (mean relative error at the ends of the held-out runs), "before" (the same of the weights
    it began with), "seconds", "cells" (runs)}.
    """
    torch.set_num_threads(regression.threads)
    task = Unrolled(law, data, regression, options)
    settings = replace(
        regression, epochs=options.passes, batch=1, learning_rate=options.learning_rate, average=20, patience=options.passes
    )
    _, held_out = split(task.trajectory, settings)
    with torch.no_grad():
        before = task.validate(held_out)["validation_loss"]
    result = fit(task, network_config, settings, directory, recipe=recipe | {"unroll": dict(vars(options))}, progress=progress)
    return result | {"before": before}


class Unrolled:
    r"""The :class:`~closure.epochs.Task` of running the law from one labelled state to later ones,

    .. math:: L = \mathrm{mean} \frac{\lVert (\rho, m, E) - (\rho, m, E)_{kin} \rVert}{\lVert (\rho, m, E)_{kin} \rVert}
              \, \Big/ \, L_0 + \lambda\, L_{regression} / L_{regression, 0} ,

    the mean over the runs of a group and the saved times they pass, through ``knudsen.solvers.Solver`` with WENO5; each
    part in units of what it was at first. A row is a group of periodic trajectories, from one of their saved times, on one grid.
    """

    def __init__(self, law, data, regression: TrainOptions, options: UnrollOptions):
        self.law, self.model, self.options = law, law.network.float(), options
        self.solver = Solver(law, SCHEME)
        for parameter in self.model.parameters():  # the sensitivity of a long run may overflow: that run then teaches nothing
            parameter.register_hook(lambda slope: torch.nan_to_num(slope, 0.0, 0.0, 0.0))
        self.draw = torch.Generator().manual_seed(regression.seed)
        grids = [coarser(data, k) for k in options.coarsen]
        self.rows, self.trajectory = self._runs(grids)
        if not self.rows:
            raise InputError("unroll: the labels hold no periodic trajectories with saved times to run between")
        shocks = data.isel(snapshot=data.periodic.values == 0)
        tables = [training.samples(law, grid.isel(snapshot=grid.periodic.values == 1)) for grid in grids]
        tables += [training.samples(law, shocks)] if shocks.sizes["snapshot"] else []
        self.table = training.Samples(*(torch.cat([getattr(t, key) for t in tables]) for key in ("phi", "target", "trajectory")))
        self.batch = regression.batch
        self.first: tuple[float, float] | None = None

    def _runs(self, grids) -> tuple[list, Tensor]:
        """(start, ends, times, cells) of every row, and the group it is of."""
        rows, groups = [], []
        for data in grids:
            number, time = torch.tensor(data.trajectory.values), torch.tensor(data.time.values)
            periodic = torch.tensor(data.periodic.values).bool()
            members = torch.unique(number[periodic])
            members = members[torch.randperm(len(members), generator=torch.Generator().manual_seed(0))]
            for group, chosen in enumerate(members.split(self.options.group)):
                at = [torch.nonzero(number == k)[:, 0] for k in chosen]
                at = [index[time[index].argsort()] for index in at]
                saved = min(len(index) for index in at)
                for j in range(saved - self.options.span):
                    index = torch.stack([i[j : j + self.options.span + 1] for i in at], 1)  # [1 + span, trajectory]
                    times = time[index[:, 0]] - time[index[0, 0]]
                    together = torch.equal(time[index], time[index[:, :1]].expand_as(index))
                    if float(times[-1]) > self.options.longest or not together:
                        continue
                    some = data.isel(snapshot=index.flatten().numpy())
                    G = torch.tensor(some.G.values)
                    H = torch.tensor(some.H.values) if self.law.n_h else None
                    U = self.law.from_moments(G, H).unflatten(0, index.shape)
                    knudsen = torch.tensor(some.knudsen.values[: len(chosen)])[:, None]
                    dx = torch.tensor(some.dx.values[: len(chosen)])[:, None, None]
                    rows.append((U[0], U[1:], times[1:].tolist(), Cells(dx=dx, n=U.shape[-1], knudsen=knudsen)))
                    groups.append(group)
        return rows, torch.tensor(groups)

    def prepare(self, rows: Tensor) -> None:
        """The scales are those of the regression."""

    def groups(self) -> list[dict]:
        return [{"params": list(self.model.parameters())}]

    def use(self, model) -> None:
        self.law.network = model

    def loss(self, rows: Tensor) -> Tensor:
        batch = torch.randint(len(self.table.phi), (self.batch,), generator=self.draw)
        anchor = training.robust_loss(training.scaled_error(self.law, self.table, batch))
        errors = torch.stack([self.error(row) for row in rows.tolist()]).mean()
        if self.first is None:
            self.first = (float(errors.detach()), float(anchor.detach()))
        return errors / self.first[0] + self.options.anchor * anchor / self.first[1]

    def error(self, row: int) -> Tensor:
        """Mean relative error of (rho, m, E) at the saved times of one row."""
        start, ends, times, cells = self.rows[row]
        result = self.solver.run(start, cells, times)
        ours, theirs = (torch.stack((U[:, :, 0], U[:, :, 1], self._energy(U)), 2) for U in (result.U[1:], ends))
        error = (ours - theirs).flatten(2).norm(dim=2) / theirs.flatten(2).norm(dim=2)
        return error[:, [status == "ok" for status in result.status]].mean()

    def _energy(self, U: Tensor) -> Tensor:
        return torch.stack([self.law.energy(row) for row in U])

    def validate(self, rows: Tensor) -> dict[str, float]:
        return {"validation_loss": float(torch.stack([self.error(row) for row in rows.tolist()]).mean())}


def coarser(data, factor: int):
    """Snapshots of a label set with ``factor`` cells averaged into one."""
    if factor == 1:
        return data
    if data.sizes["cell"] % factor:
        raise InputError(f"unroll.coarsen={factor}: does not divide the {data.sizes['cell']} cells of the labels")
    return data.coarsen(cell=factor).mean().assign(dx=data.dx * factor)
