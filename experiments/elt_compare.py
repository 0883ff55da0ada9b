"""Finished runs of ``experiment=elt`` on the same unseen cases: is the indicator worth more than chance, at equal labels?"""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from omegaconf import DictConfig, OmegaConf
from tqdm import tqdm

from knudsen import elt
from knudsen.closure.learned.herm_mlc import ensemble
from knudsen.errors import InputError
from knudsen.experiments import elt as kinetic_elt
from knudsen.experiments import elt_plots, setup
from knudsen.experiments.elt_run import STORE
from knudsen.experiments.output import Output, number, table

QUANTITIES = ("mean", "worst")
BASELINE = "random"
EVERYTHING = "all of random cases"  # runs that labelled all they explored: trajectories drawn at random


def run(cfg: DictConfig, output: Output) -> int:
    gas = setup.gas(cfg)
    folders = run_folders(cfg)
    cases = kinetic_elt.test_cases(cfg)
    truths = kinetic_elt.exact(cfg, gas, cases, output)
    found, pairs = zip(*(evaluated(folder, gas, cases, truths, cfg.progress) for folder in folders))

    kinds = list(dict.fromkeys(case.name for case in cases))
    rows = summary(found, kinds)
    header = ["selection", "runs", "labelled cells", *(f"{name} %" for name in (*QUANTITIES, *kinds)), "diverged"]
    text = table(header, rows) + "\n" + differences_table(found) + in_words(found)
    output.text("comparison.md", text)
    output.json("metrics.json", {"runs": found, "smaller_than_random": differences(found)})
    output.figure("correlation", elt_plots.correlation_figure(pairs[0], f"{found[0]['folder']}: indicator and true error"))
    output.figure("comparison", elt_plots.comparison_figure(found, f"{len(cases)} unseen cases"))
    print(text)
    output.announce()
    return 0


def run_folders(cfg: DictConfig) -> list[Path]:
    """The folders that ``runs`` names, as a list of paths or patterns."""
    given = setup.plain(cfg.runs)
    patterns = [given] if isinstance(given, str) else list(given)
    folders = [Path(f) for pattern in patterns for f in sorted(glob.glob(str(pattern)))]
    for folder in folders:
        if not (folder / STORE / "ledger.jsonl").is_file() or not (folder / ".hydra" / "config.yaml").is_file():
            raise InputError(f"runs: {folder} is no folder of experiment=elt; name finished runs")
    if not folders:
        raise InputError(f"runs={given}: no such folders; name those of finished runs of experiment=elt")
    return folders


def evaluated(folder: Path, gas: Any, cases: list, truths: list, progress: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """What became of one run: ({selection, seed, fraction, rank_correlation, and after every iteration labels, mean, worst,
    by_kind, diverged; errors in per cent}, the last ensemble's indicator and true error, as of `elt.correlation`)."""
    cfg = OmegaConf.create(yaml.safe_load((folder / ".hydra" / "config.yaml").read_text()))
    store = elt.Store(folder / STORE)
    identity = store.checkpoint("run")["identity"]
    trainer = kinetic_elt.exploration.Trainer(gas, identity["closure"])
    rows: dict[str, list] = {name: [] for name in ("labels", *QUANTITIES, "by_kind", "diverged")}
    past = [i for i in elt.history(store) if i.models]
    if not past:
        raise InputError(f"runs: {folder} has trained no ensemble yet; run it first")
    labels = explored = 0
    for iteration in tqdm(past, desc=folder.name, disable=not progress):
        models = [trainer.load(tree) for tree in iteration.models]
        errors = kinetic_elt.score(ensemble(models), cases, truths, identity["solver"])
        summary = kinetic_elt.summarise(errors)
        labels, explored = labels + identity["explore"]["window"] * len(iteration.keys), explored + iteration.explored
        rows["labels"].append(labels)
        rows["diverged"].append(summary["diverged"])
        for name in QUANTITIES:
            rows[name].append(100 * summary[name])
        names = np.array([case.name for case in cases])
        rows["by_kind"].append(
            {kind: 100 * kinetic_elt.summarise(errors[names == kind])["mean"] for kind in dict.fromkeys(names)}
        )
    fraction = labels / (identity["explore"]["window"] * explored)
    pairs = kinetic_elt.correlation(models, cases, truths, errors, identity["explore"]["window"])
    selection = cfg.elt.selection if fraction < 1 else EVERYTHING
    about = {"folder": folder.name, "selection": selection, "seed": cfg.seed, "fraction": fraction}
    about["rank_correlation"] = {name: pair["rank_correlation"] for name, pair in pairs.items()}
    return about | rows, pairs


def summary(found: Sequence[dict[str, Any]], kinds: list[str]) -> list[list[str]]:
    """Rows of the table: mean over the seeds and, after a +-, their standard deviation, for every number of labelled cells."""
    rows = []
    for selection in dict.fromkeys(f["selection"] for f in found):
        some = [f for f in found if f["selection"] == selection]
        for k in range(min(len(f["labels"]) for f in some)):
            values = [[f[name][k] for f in some] for name in QUANTITIES]
            values += [[f["by_kind"][k][kind] for f in some] for kind in kinds]
            rows.append(
                [
                    selection,
                    len(some),
                    round(np.mean([f["labels"][k] for f in some])),
                    *(f"{number(np.mean(v))} +- {number(np.std(v))}" for v in values),
                    sum(f["diverged"][k] for f in some),
                ]
            )
    return rows


def differences(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """How much smaller the errors are than those of random windows of the same seed, for every other selection and number of
    labelled cells: mean over the seeds, its standard error, and in how many seeds they are smaller."""
    base, rows = {f["seed"]: f for f in found if f["selection"] == BASELINE}, []
    for selection in dict.fromkeys(f["selection"] for f in found):
        pairs = [(f, base[f["seed"]]) for f in found if f["selection"] == selection and f["seed"] in base]
        if selection == BASELINE or len(pairs) < 2:
            continue
        for k in range(min(len(f["labels"]) for pair in pairs for f in pair)):
            row = {"selection": selection, "seeds": len(pairs), "labels": round(np.mean([f["labels"][k] for f, _ in pairs]))}
            for name in QUANTITIES:
                smaller = np.array([b[name][k] - f[name][k] for f, b in pairs])
                row[name] = {
                    "difference": smaller.mean(),
                    "standard_error": smaller.std(ddof=1) / len(pairs) ** 0.5,
                    "smaller_in": int(np.sum(smaller > 0)),
                }
            rows.append(row)
    return rows


def differences_table(found: Sequence[dict[str, Any]]) -> str:
    """`differences` as Markdown; nothing where there is nothing to compare."""
    rows = [
        [row["selection"], row["seeds"], row["labels"]]
        + [
            f"{number(row[name]['difference'])} +- {number(row[name]['standard_error'])} ({row[name]['smaller_in']})"
            for name in QUANTITIES
        ]
        for row in differences(found)
    ]
    header = ["smaller than random", "seeds", "labelled cells", *(f"{name} % (in so many seeds)" for name in QUANTITIES)]
    return table(header, rows) + "\n" if rows else ""


def in_words(found: Sequence[dict[str, Any]]) -> str:
    """Labelled fraction and rank correlation of indicator and true error, for every selection."""
    lines = []
    for selection in dict.fromkeys(f["selection"] for f in found):
        some = [f for f in found if f["selection"] == selection]
        line = f"- {selection}: {100 * np.mean([f['fraction'] for f in some]):.2g} % of the explored cells labelled; "
        line += "rank correlation of indicator and true error of the last ensembles: "
        for name in some[0]["rank_correlation"]:
            values = [f["rank_correlation"][name] for f in some]
            line += f"{name} {np.mean(values):.2f} ({min(values):.2f} to {max(values):.2f}), "
        lines.append(line.rstrip(", "))
    return "\n".join(lines) + "\n"
