"""Finished runs of ``experiment=elt`` on the same unseen cases: is the indicator worth more than chance, at equal labels?"""

from __future__ import annotations

import glob
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from omegaconf import DictConfig, OmegaConf
from tqdm import tqdm

import elt
from experiments import elt as kinetic_elt
from experiments import elt_plots, setup
from experiments.elt_run import STORE
from experiments.output import Output, number, table
from kinetic.errors import InputError

QUANTITIES = ("mean", "worst")


def run(cfg: DictConfig, output: Output) -> int:
    gas = setup.gas(cfg)
    folders = run_folders(cfg)
    cases = kinetic_elt.test_cases(cfg)
    truths = kinetic_elt.references(cfg, gas, cases, output)
    found = [evaluated(folder, gas, cases, truths, cfg.progress) for folder in folders]

    kinds = list(dict.fromkeys(case.name for case in cases))
    rows = summary(found, kinds)
    header = ["selection", "runs", "labelled cells", *(f"{name} %" for name in (*QUANTITIES, *kinds)), "diverged"]
    text = table(header, rows)
    output.text("comparison.md", text)
    output.json("metrics.json", {"runs": found})
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


def evaluated(folder: Path, gas: Any, cases: list, truths: list, progress: bool) -> dict[str, Any]:
    """{selection, seed, fraction, labels, mean, worst, by_kind, diverged}; errors in per cent, after every iteration of a run."""
    cfg = OmegaConf.create(yaml.safe_load((folder / ".hydra" / "config.yaml").read_text()))
    store = elt.Store(folder / STORE)
    identity = (store.checkpoint("run") or {}).get("identity")
    if identity is None:
        raise InputError(f"runs: {folder} has not begun; run it first")
    trainer = kinetic_elt.exploration.Trainer(gas, identity["closure"])
    rows: dict[str, list] = {name: [] for name in ("labels", *QUANTITIES, "by_kind", "diverged")}
    past, explored = [i for i in elt.history(store) if i.models], 0
    labels = 0
    for iteration in tqdm(past, desc=folder.name, disable=not progress):
        models = [trainer.load(tree) for tree in iteration.models]
        errors = kinetic_elt.score(models, cases, truths, identity["solver"])
        summary = kinetic_elt.summarise(errors)
        labels, explored = labels + identity["explore"]["window"] * len(iteration.keys), explored + iteration.explored
        rows["labels"].append(labels)
        rows["diverged"].append(summary["diverged"])
        for name in QUANTITIES:
            rows[name].append(100 * summary[name])
        names = np.array([case.name for case in cases])
        rows["by_kind"].append(
            {kind: 100 * kinetic_elt.summarise(errors[:, names == kind])["mean"] for kind in dict.fromkeys(names)}
        )
    fraction = labels / (identity["explore"]["window"] * explored)
    return {"folder": folder.name, "selection": cfg.elt.selection, "seed": cfg.seed, "fraction": fraction} | rows


def summary(found: list[dict[str, Any]], kinds: list[str]) -> list[list[str]]:
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
