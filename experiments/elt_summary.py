"""What the ledger of an exploration-labeling-training run says, whether it goes on, is finished or was killed."""

from __future__ import annotations

from pathlib import Path

from omegaconf import DictConfig

from knudsen import elt
from knudsen.errors import InputError
from knudsen.experiments import elt_report
from knudsen.experiments.elt_run import STORE
from knudsen.experiments.output import Output


def run(cfg: DictConfig, output: Output) -> int:
    given = Path(str(cfg.store))
    folder = next((f for f in (given, given / STORE) if (f / "ledger.jsonl").is_file()), None)
    if folder is None:
        raise InputError(f"store={cfg.store}: holds no ledger.jsonl; give the folder of a run of experiment=elt or md_elt")
    summary = elt.summary(folder)
    print(elt_report.summary_in_words(summary))
    print(elt_report.summary_table(summary))
    output.json("summary.json", summary)
    return 0
