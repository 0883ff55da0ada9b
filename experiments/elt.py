"""Exploration, labeling, training of the closure under study: ``report.md`` with figures, an ensemble of checkpoints."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from omegaconf import DictConfig, OmegaConf
from scipy.stats import spearmanr

from knudsen import closure, elt, kinetic
from knudsen.build import make
from knudsen.closure import checkpoint
from knudsen.closure.learned.herm_mlc import ensemble
from knudsen.closure.training import exploration
from knudsen.closure.training import regression as training
from knudsen.closure.training.epochs import TrainOptions
from knudsen.errors import InputError
from knudsen.experiments import elt_plots, elt_report, elt_run, evaluate, references, setup
from knudsen.experiments.elt_report import Axis, Words
from knudsen.experiments.measure import conserved, rel_l2
from knudsen.experiments.output import Output

RESUMES = "judges"  # the store says which runs may go on
AXES = (Axis(0, r"$\log_{10}$ Knudsen number"), Axis(1, r"$\log_{10}$ departure from equilibrium"))


def run(cfg: DictConfig, output: Output) -> int:
    gas = setup.gas(cfg)
    parts = explorer, indicator, labeler, trainer = of_closure(cfg, gas)
    cases = test_cases(cfg)
    identity = {key: setup.plain(cfg[key]) for key in ("gas", "explore", "label", "train")}
    identity |= {"closure": explorer.closure, "solver": explorer.solver}

    result, store = elt_run.run(cfg, output, *parts, identity)

    for member, law in enumerate(result.models):
        recipe = {"elt": setup.plain(cfg.elt), "identity": identity, "seed": cfg.seed, "member": member}
        checkpoint.save(output.directory / f"checkpoint_{member}.pt", law, explorer.closure["network"], recipe)
    metrics = counts(store, result, explorer.window)
    errors, figures, more = None, {}, share_in_words(metrics)
    if cases:
        truths = exact(cfg, gas, cases, output)
        laws = [ensemble([trainer.load(tree) for tree in i.models]) for i in elt.history(store) if i.models]
        scores = [score(law, cases, truths, explorer.solver) for law in laws]
        errors = {name: [100 * summarise(s)[name] for s in scores] for name in ("mean", "worst")}
        found = correlation(result.models, cases, truths, scores[-1], explorer.window)
        metrics |= {"errors": errors, "rank_correlation": {name: f["rank_correlation"] for name, f in found.items()}}
        figures = {"correlation": elt_plots.correlation_figure(found, "Indicator and true error, unseen cases")}
        more += "\n" + "\n".join(
            f"- rank correlation of indicator and true error, {name}: {f['rank_correlation']:.2f}" for name, f in found.items()
        )
    words = Words(
        f"Exploration, labeling, training of {closure_in_words(explorer)}", "disagreement", "error [%]",
        explored="windows", label_size=explorer.window, label_unit="labelled cells",
    )  # fmt: skip
    print(elt_report.write(output, store, words, AXES, errors, more, figures))
    output.json("metrics.json", metrics)
    output.announce()
    return 0


def of_closure(cfg: DictConfig, gas: kinetic.Gas):
    """The four parts, for the closure under study."""
    name = setup.study_name(cfg)
    kind, options = setup.closure_config(cfg, name)
    if not issubclass(kind, closure.LearnedLaw) or kind.corrects is None:
        raise InputError(f"closure={name}: this experiment trains closure=herm_mlc; other networks train with experiment=train")
    options = {"name": name} | options
    if options.pop("checkpoint") is not None:
        raise InputError("closure.checkpoint: this experiment starts from fresh networks; leave it out")
    explore, train = setup.plain(cfg.explore), setup.plain(cfg.train)
    solver = setup.solver_options(cfg, "moments")
    steps, warm = train.pop("steps"), train.pop("warm")
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise InputError(f"train.steps={steps}: give a positive integer")
    make(TrainOptions, train, "train")  # names a bad key
    closure.untrained(gas, **options)
    return (
        make(exploration.Explorer, explore, "explore", gas=gas, closure=options, solver=solver),
        exploration.Disagreement(),
        make(exploration.Labeler, setup.plain(cfg.label), "label", gas=gas),
        exploration.Trainer(gas, options, steps, train | {"threads": 1}, setup.flag(cfg, "train.warm") and warm),
    )


def test_cases(cfg: DictConfig) -> list[kinetic.Case]:
    """Unseen cases of the standard evaluation, the same for every seed of the run."""
    keys = setup.plain(cfg.test)
    given = {
        "cases": keys["cases"],
        "decades": keys["decades"],
        "seed": 0,
        "late": None,
        "case": {"cells": cfg.explore.cells, "t_end": 0.1},
    }
    if keys["per_decade"] == 0:
        return []
    like = OmegaConf.create(given | {"cases_per_decade": keys["per_decade"]})
    kinds, decades, each = evaluate.settings(like)
    return [case for kind in kinds for case in evaluate.random_cases(like, kind, decades, each)]


def exact(cfg: DictConfig, gas: kinetic.Gas, cases: list[kinetic.Case], output: Output) -> list[kinetic.Trajectory]:
    """Resolved kinetic solutions of the cases, on their cells; kept in ``references/`` and read from there the next time."""
    truths = []
    for kind in dict.fromkeys(case.name for case in cases):  # one velocity grid for each kind
        some = [case for case in cases if case.name == kind]
        fine = [case.at(setup.reference_cells(cfg, case, gas)) for case in some]
        solved = references.solutions(cfg, gas, fine, f"{kind}: kinetic", output.directory / "references")
        truths += [truth.averaged(case.cells) for truth, case in zip(solved, some)]
    return truths


def score(law, cases, truths, solver: dict[str, Any]) -> np.ndarray:
    """[case] relative L2 error of stacked (rho, m, E) at the end; infinite where the law diverged."""
    errors = np.full(len(cases), np.inf)
    for i, (found, truth) in enumerate(zip(closure.simulate(law, cases, **solver), truths)):
        if found.status == "ok":
            stacked = (np.stack(list(conserved(s.rho[-1], s.u[-1], s.T[-1], law.gas.dims).values())) for s in (found, truth))
            errors[i] = rel_l2(*stacked)
    return errors


def summarise(errors: np.ndarray) -> dict[str, float]:
    """mean: over the cases that finish; worst: of all; diverged: how many did not finish."""
    finite = np.isfinite(errors)
    mean = float(errors[finite].mean()) if finite.any() else float("nan")
    return {"mean": mean, "worst": float(errors.max()), "diverged": int(np.sum(~finite))}


def correlation(models, cases, truths, errors: np.ndarray, width: int) -> dict[str, dict[str, Any]]:
    """Indicator and true error: of the closing coefficients in windows of the kinetic solution, and of whole solutions.

    windows: root mean squares over the `width` cells of a window, in the true states at the last time, of the ensemble's
    disagreement and of the error of its mean. cases: mean disagreement in these, and the error of (rho, m, E) of the ensemble's
    own solutions at the end.
    """
    law, disagreements, true = models[0], [], []
    for case, truth in zip(cases, truths):
        phi, target = states(law, case, truth)
        phi, target = (a.reshape(-1, width, a.shape[1]) for a in (phi, target))
        disagreements.append(exploration.cell_disagreement(models, phi).square().mean(1).sqrt().amax(1).numpy())
        with torch.no_grad():
            mean = (
                torch.stack([m.correction(phi.flatten(0, 1).T.unsqueeze(0))[0].T for m in models]).mean(0).reshape(target.shape)
            )
        true.append((mean - target).square().mean(1).sqrt().amax(1).numpy())
    ran = np.isfinite(errors)
    pairs = {
        "windows": (np.concatenate(disagreements), np.concatenate(true)),
        "cases": (np.array([d.mean() for d in disagreements])[ran], errors[ran]),
    }
    return {
        name: {"indicator": x, "error": y, "rank_correlation": float(spearmanr(x, y).statistic)} for name, (x, y) in pairs.items()
    }


def states(law, case: kinetic.Case, truth: kinetic.Trajectory) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs and targets of the network, [cell, input] and [cell, output], in the kinetic states at the end."""
    G = torch.tensor(truth.G[-1:])
    H = None if truth.H is None else torch.tensor(truth.H[-1:])
    U = law.from_moments(G, H)
    knudsen = torch.tensor(np.broadcast_to(case.knudsen, case.cells).copy())[None, None]
    phi = training.features(law, U, case.dx, knudsen, periodic=case.boundary == "periodic")
    V = law.local_variables(U)
    return phi[0].T.float(), (training.true_correction(law, V, G, H) / law.units(V))[0].T.float()


def counts(store: elt.Store, result: elt.Result, window: int) -> dict[str, Any]:
    """What was spent: windows and cells explored and labelled, their fraction, the share of the domain that labels needed."""
    explored = sum(i.explored for i in elt.history(store))
    good = [label for label in result.labels if label.status == "ok"]
    return {
        "finished": result.reason,
        "explored_cells": window * explored,
        "labelled_cells": window * len(good),
        "label_fraction": len(good) / explored,
        "share_computed": float(np.mean([label.value["share"] for label in good])),
        "label_seconds": elt.summary(store.folder)["label_seconds"],
    }


def share_in_words(metrics: dict[str, Any]) -> str:
    return (
        f"- {metrics['labelled_cells']} of {metrics['explored_cells']} explored cells are labelled "
        f"({100 * metrics['label_fraction']:.2g} %); a label's kinetic solution covers on average "
        f"{100 * metrics['share_computed']:.0f} % of the domain"
    )


def closure_in_words(explorer) -> str:
    return f"HermMLC with {explorer.closure['moments']} moments"
