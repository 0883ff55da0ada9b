"""What every exploration-labeling-training experiment shares: settings, executor, the store in the run's folder, live view."""

from __future__ import annotations

import sys
from typing import Any

from omegaconf import DictConfig
from tqdm import tqdm

from knudsen import elt
from knudsen.elt import executors
from knudsen.errors import InputError
from knudsen.experiments import setup
from knudsen.experiments.output import Output, number
from knudsen.experiments.progress import INTERVAL

STORE = "store"  # folder of labels, checkpoints and ledger, in the run's own


def settings(cfg: DictConfig) -> elt.Settings:
    """The keys ``elt.*`` and the seed as settings of the driver."""
    keys = setup.plain(cfg.elt)
    known = set(elt.Settings.__dataclass_fields__) - {"seed"}
    if unknown := sorted(set(keys) - known):
        raise InputError(f"elt.{unknown[0]}: unknown key; known: {', '.join(sorted(known))}")
    try:
        return elt.Settings(**keys, seed=cfg.seed)
    except TypeError as error:
        raise InputError(f"elt: cannot take these values ({error}); see knudsen --cfg job -p elt") from error
    except elt.EltError as error:
        raise InputError(f"elt.{error}") from error


def run(
    cfg: DictConfig,
    output: Output,
    explorer: elt.Explorer,
    indicator: elt.Indicator,
    labeler: elt.Labeler,
    trainer: elt.Trainer,
    identity: Any,
) -> tuple[elt.Result, elt.Store]:
    """Drive the loop to its end with ``executor=`` and ``elt.*``, from wherever the store in the run's folder says it is.

    identity: the rest of what determines the run (plain configuration); a store of another identity is refused.
    The same command with the same hydra.run.dir goes on after anything.
    """
    chosen = settings(cfg)
    store = elt.Store(output.directory / STORE)
    with executors.make(**setup.plain(cfg.executor)) as executor, LiveView(cfg.progress, elt.summary(store.folder)) as view:
        result = elt.run(explorer, indicator, labeler, trainer, store, chosen, executor, view, identity)
    return result, store


class LiveView:
    """Observer of ``elt.run``: a bar per phase, with counts of explored, candidates, labelled, failed, and the error estimate.

    The error estimate is the mean score of what was explored last: what the ensemble thinks of itself.
    before: ``knudsen.elt.summary`` of the store, where a run goes on.
    """

    def __init__(self, shown: bool, before: dict[str, Any]):
        self.shown = shown
        past = before["iterations"]
        self.counts = {"explored": sum(i["explored"] for i in past), "candidates": past[-1]["candidates"] if past else 0}
        self.counts |= {"labelled": before["labelled"], "failed": before["failed"]}
        self.estimate: float | None = past[-1]["mean_score"] if past else None
        self.iteration = 0
        self._bar: tqdm | None = None

    def __enter__(self) -> LiveView:
        return self

    def __exit__(self, *_: Any) -> None:
        self._phase(None, 0)

    def __call__(self, event: dict[str, Any]) -> None:
        getattr(self, f"_{event['event']}", lambda event: None)(event)

    def state(self) -> str:
        """The counts in words."""
        return ", ".join(
            [f"{name} {count}" for name, count in self.counts.items()] + [f"error estimate {number(self.estimate, '.3g')}"]
        )

    def _phase(self, name: str | None, total: int) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar = None
        if name is not None:
            self._bar = tqdm(
                total=total, desc=f"iteration {self.iteration}: {name:<7}", disable=not self.shown, mininterval=INTERVAL,
                bar_format="{desc} {n_fmt:>4}/{total_fmt:<4} |{bar:20}| {elapsed} {postfix}", file=sys.stderr,
            )  # fmt: skip
            self._bar.set_postfix_str(self.state())

    def _advance(self, to: int | None = None) -> None:
        if self._bar is not None:
            self._bar.set_postfix_str(self.state(), refresh=False)
            self._bar.update(1 if to is None else to - self._bar.n)

    def _explore(self, event: dict[str, Any]) -> None:
        self.iteration = event["iteration"]
        self._phase("explore", 1)

    def _exploring(self, event: dict[str, Any]) -> None:
        if self._bar is not None:
            self._bar.total = event["of"]
            self._advance(event["done"])

    def _score(self, event: dict[str, Any]) -> None:
        self._phase("score", event["explored"])

    def _selected(self, event: dict[str, Any]) -> None:
        self.iteration = event["iteration"]
        self.counts["explored"] += event["explored"]
        self.counts["candidates"] = event["candidates"]
        if event["mean_score"] is not None:
            self.estimate = event["mean_score"]
        if self._bar is not None:
            self._advance(self._bar.total)

    def _label_begin(self, event: dict[str, Any]) -> None:
        self._phase("label", event["labels"])

    def _label(self, event: dict[str, Any]) -> None:
        self.counts["failed" if event["status"] == "failed" else "labelled"] += 1
        self._advance()

    def _train(self, event: dict[str, Any]) -> None:
        self._phase("train", len(event["members"]))

    def _checkpoint(self, event: dict[str, Any]) -> None:
        self._advance()

    def _finished(self, event: dict[str, Any]) -> None:
        self._phase(None, 0)
