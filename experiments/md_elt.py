"""Exploration, labeling, training of a potential: ``report.md``, ``checkpoint.pt``, ``labels.extxyz``, ``metrics.json``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from omegaconf import DictConfig

from knudsen import elt, molecular
from knudsen.build import build, make
from knudsen.elt import executors
from knudsen.experiments import elt_report, elt_run, md_plots, md_setup, setup
from knudsen.experiments.elt_report import Axis, Words
from knudsen.experiments.named import named
from knudsen.experiments.output import Output, number, table
from knudsen.experiments.progress import bar
from knudsen.molecular import exploration, learning
from knudsen.seeds import stream

RESUMES = "judges"  # the store says which runs may go on
AXES = (Axis(0, "(volume per atom)$^{1/3}$ [Å]"), Axis(3, "neighbours within 3 Å, per Å"))
IDENTITY = ("system", "labeler", "potential", "explorer", "train")  # what determines the labels and models of a store
DRIVERS = ("labeler", "ensemble")  # of the held-out dynamics
MINE = 20  # keeps the streams of random numbers apart from the driver's


def run(cfg: DictConfig, output: Output) -> int:
    starts = molecular.structures(setup.plain(cfg.system.structures))
    explorer = build(setup.plain(cfg.explorer), "explorer", elt.Explorer, named(), structures=starts)
    settings = {"labeler": setup.plain(cfg.labeler)}
    labeler = molecular.RequestLabeler(md_setup.labeler(cfg), settings)
    trainer, final = trainers(cfg, starts)
    if cfg.held_out.driver not in DRIVERS:
        raise molecular.InputError(f"held_out.driver={cfg.held_out.driver}: give one of {', '.join(DRIVERS)}")
    counts = [setup.positive(cfg, f"held_out.{name}", int) for name in ("trajectories", "steps", "frames")]
    times, seeds = cfg.compare.times, setup.positive(cfg, "compare.seeds", int) if cfg.compare.times is not None else 1
    store = elt.Store(output.directory / elt_run.STORE)
    recorded = Recorded(explorer, store, 0 if times is None else times * cfg.elt.budget)
    identity = {name: setup.plain(cfg[name]) for name in IDENTITY}
    result, store = elt_run.run(cfg, output, recorded, molecular.ForceDeviation(), labeler, trainer, identity)
    labels = learning.frames(result.labels)

    test = held_out(cfg, counts, store, explorer, labeler, result.models)
    past = elt.history(store)
    by_iteration = [error(test, [trainer.load(m) for m in i.models]) if i.models else None for i in past]
    sets = {"labelled": labels}
    if times is not None:
        pool = drawn(cfg, store, recorded.most, labeler, times * len(labels))
        sets |= {"random, as many": pool[: len(labels)], f"random, {times} times as many": pool}
    potentials = finals(cfg, store, final, sets, seeds)
    compared = {name: [error(test, [potential]) for potential in made] for name, made in potentials.items()}

    chosen = potentials["labelled"][0]
    recipe = {name: setup.plain(cfg[name]) for name in (*IDENTITY, "elt", "seed")}
    output.file("checkpoint.pt", lambda path: molecular.save_potential(path, chosen, recipe))
    output.file("labels.extxyz", lambda path: molecular.write_frames(path, labels))
    explored = sum(i.explored for i in past)
    rms = np.sqrt(np.mean(np.concatenate([f.get_forces() for f in test]) ** 2))
    metrics = {
        "status": "ok",
        "reason": result.reason,
        "explored": explored,
        "labelled": len(labels),
        "labelled_fraction": len(labels) / explored,
        "held_out": {"frames": len(test), "force_rms": rms},
        "iterations": [
            {"explored": i.explored, "candidates": i.candidates, "beyond": i.beyond, "labelled": len(i.keys), "error": e}
            for i, e in zip(past, by_iteration)
        ],
        "final": {name: {"labels": len(sets[name]), "seeds": e} for name, e in compared.items()},
        "units": molecular.UNITS,
    }
    output.json("metrics.json", metrics)
    words = Words(
        title=f"{setup.option('system')}, labelled by {setup.option('labeler')}", score="force deviation [eV/Å]",
        error="force RMSE [eV/Å]",
    )  # fmt: skip
    errors = {"mean": [e and e["force_rmse"] for e in by_iteration], "worst": [e and e["worst_force_rmse"] for e in by_iteration]}
    text = comparison(metrics)
    figures = {"loop": md_plots.loop_figure(metrics), "trust": md_plots.deviation_figure(past, cfg.elt.lower, cfg.elt.upper)}
    elt_report.write(output, store, words, AXES, errors, text, figures)
    print(text)
    output.announce()
    return 0


def trainers(cfg: DictConfig, starts: dict[str, Atoms]) -> tuple[molecular.PotentialTrainer, molecular.PotentialTrainer]:
    """Of the ensemble, and of the final potentials."""
    options = setup.plain(cfg.potential)
    options.pop("_target_")
    if options.get("species") is None:
        options["species"] = sorted({symbol for atoms in starts.values() for symbol in atoms.symbols})
    kind = md_setup.new_potential(cfg, list(starts.values())).name  # names a bad key before anything is computed
    first, later, final = (
        make(molecular.TrainOptions, {"log_every": 10**9} | setup.plain(cfg.train[name]), f"train.{name}")
        for name in ("first", "later", "final")
    )
    return molecular.PotentialTrainer(kind, options, first, later), molecular.PotentialTrainer(kind, options, final, final)


@dataclass(frozen=True)
class Recorded:
    """An explorer of whose configurations the store keeps at most `most` per iteration, drawn at random."""

    explorer: elt.Explorer
    store: elt.Store
    most: int

    def explore(self, models, iteration, rng, map):
        candidates = self.explorer.explore(models, iteration, rng, map)
        chosen = stream(MINE, iteration).permutation(len(candidates))[: self.most]
        kept = {"explored": len(candidates), "requests": [candidates[k].request for k in chosen]}
        self.store.keep(sample_name(iteration), kept)
        return candidates


def sample_name(iteration: int) -> str:
    return f"{iteration:04d}-sample"


def cached(store: elt.Store, name: str, requests: list[Any], labeler: molecular.RequestLabeler, shown: bool) -> list[Atoms]:
    """`requests` labelled, or as an earlier start has labelled them."""
    known = store.checkpoint(name)
    if known is None:
        known = []
        with bar(name, shown) as progress:
            for k, request in enumerate(requests):
                known.append(elt.Label("", request, "ok", labeler(request)).__dict__)
                progress((k + 1) / len(requests))
        store.keep(name, known)
    return learning.frames([elt.Label(**label) for label in known])


def drawn(cfg: DictConfig, store: elt.Store, most: int, labeler: molecular.RequestLabeler, count: int) -> list[Atoms]:
    """`count` labelled configurations drawn at random from all that were explored."""
    rng = stream(MINE, cfg.seed)
    samples = []
    while (sample := store.checkpoint(sample_name(len(samples)))) is not None:
        samples.append(sample)
    explored = [sample["explored"] for sample in samples]
    shares = rng.multivariate_hypergeometric(explored, min(count, sum(explored)))
    requests = [request for sample, share in zip(samples, shares) for request in sample["requests"][:share]]
    order = rng.permutation(len(requests))
    return cached(store, f"random-{count}", [requests[k] for k in order], labeler, cfg.progress)


def held_out(
    cfg: DictConfig,
    counts: list[int],
    store: elt.Store,
    explorer: molecular.MolecularDynamics,
    labeler: molecular.RequestLabeler,
    models: list[Any],
) -> list[Atoms]:
    """Labelled configurations of dynamics that no training saw: the labeler's own, or the final ensemble's."""
    name = "held-out-" + "-".join(map(str, counts))
    requests = []
    if store.checkpoint(name) is None:
        with bar("held-out dynamics", cfg.progress) as progress:
            drivers = [labeler.labeler] if cfg.held_out.driver == "labeler" else [molecular.PotentialLabeler(m) for m in models]
            requests = exploration.independent(explorer, drivers, *counts, stream(MINE + 1, cfg.seed), progress)
    return cached(store, name, requests, labeler, cfg.progress)


def finals(
    cfg: DictConfig, store: elt.Store, trainer: molecular.PotentialTrainer, sets: dict[str, list[Atoms]], seeds: int
) -> dict[str, list[Any]]:
    """{name: potentials trained from scratch on these frames, one for each seed}; those an earlier start trained are read."""
    files = {
        (name, seed): f"final-{name.replace(' ', '-').replace(',', '')}-{len(frames)}-{seed}"
        for name, frames in sets.items()
        for seed in range(seeds)
    }
    missing = [key for key, file in files.items() if store.checkpoint(file) is None]
    with executors.make(**setup.plain(cfg.executor)) as executor, bar("final trainings", cfg.progress) as progress:
        jobs = [(trainer, sets[name], seed) for name, seed in missing]
        for k, saved in executors.Pool(executor).run(_fitted, jobs):
            store.keep(files[missing[k]], saved)
            progress((k + 1) / len(jobs))
    return {name: [trainer.load(store.checkpoint(files[name, seed])) for seed in range(seeds)] for name in sets}


def _fitted(job: tuple) -> Any:
    """(trainer, frames, seed) -> the potential as a tree."""
    trainer, frames, seed = job
    return trainer.save(trainer.fit(frames, None, seed))


def error(test: list[Atoms], potentials: list[Any]) -> dict[str, float]:
    """Force and energy RMSE, mean over the potentials, and the largest force RMSE of a configuration."""
    force, energy = [], []
    for potential in potentials:
        labels = [molecular.PotentialLabeler(potential)(frame) for frame in test]
        force.append([np.mean((a.forces - f.get_forces()) ** 2) for a, f in zip(labels, test)])
        energy.append([((a.energy - f.get_potential_energy()) / len(f)) ** 2 for a, f in zip(labels, test)])
    atoms = [len(f) for f in test]
    return {
        "force_rmse": float(np.mean(np.sqrt(np.average(force, axis=1, weights=atoms)))),
        "worst_force_rmse": float(np.sqrt(np.max(np.mean(force, axis=0)))),
        "energy_rmse": float(np.mean(np.sqrt(np.mean(energy, axis=1)))),
    }


def comparison(metrics: dict[str, Any]) -> str:
    """The final potentials as Markdown."""
    rows = []
    for name, entry in metrics["final"].items():
        values = [[seed[key] for seed in entry["seeds"]] for key in ("force_rmse", "worst_force_rmse", "energy_rmse")]
        spread = " ".join(number(v, ".3f") for v in values[0])
        rows.append([name, entry["labels"], number(np.mean(values[0]), ".3f"), spread, number(np.mean(values[1]), ".3f"),
                     number(np.mean(values[2]), ".2f", scale=1e3)])  # fmt: skip
    header = [
        "trained from scratch on",
        "labels",
        "force RMSE [eV/Å]",
        "each seed",
        "worst configuration",
        "energy RMSE [meV/atom]",
    ]
    h = metrics["held_out"]
    share = 100 * metrics["labelled_fraction"]
    return (
        f"## Final potentials\n\n{h['frames']} held-out configurations, force rms {h['force_rms']:.2f} eV/Å; "
        f"{metrics['labelled']} of {metrics['explored']} explored configurations labelled ({share:.2g} %).\n\n"
        f"{table(header, rows)}"
    )
