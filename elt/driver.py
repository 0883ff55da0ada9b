"""The loop: explore, score, select, label, train. Every phase leaves a file, and a phase whose file exists is not done again."""

import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import cloudpickle
import numpy as np

from knudsen.elt import tree
from knudsen.elt.errors import EltError
from knudsen.elt.executors import Pool, Serial
from knudsen.elt.history import model_name, selection_name
from knudsen.elt.protocols import Candidate, Explorer, Indicator, Label, Labeler, Trainer, Tree
from knudsen.elt.selection import select
from knudsen.elt.store import SPARE, Store
from knudsen.elt.work import Task, compute_label, train_member
from knudsen.seeds import stream

Observer = Callable[[dict[str, Any]], Any]
SELECTIONS = ("indicator", "weighted", "random")
COUNTS = ("iteration", "explored", "candidates", "beyond", "selected", "mean_score", "max_score")  # of a selection, in the ledger


@dataclass(frozen=True)
class Settings:
    """Of one run.

    selection: ``indicator`` (the farthest from each other between the trust levels), ``weighted`` (drawn between them with
    chances as the square of score times distance, the first labels of distance alone) or ``random`` (uniform among all
    explored: the baseline to beat; candidates then neither bind nor stop it). lower, upper: trust levels of the score.
    batch: labels per iteration;
    first: those of iteration 0 (null: batch). budget: labels in all. iterations: at most so many. stop_fraction: finished when
    candidates are at most this share of the explored. members: models of the ensemble. closest: smallest distance of features
    between labels. seed: of everything random. limit: seconds per label (null: none). deaths: workers that may die of one label.
    retry_failed: compute failed labels again.

    A store remembers members, seed, first and selection; the others may change between starts (more budget, another limit) and
    count from then on.
    """

    selection: str = "indicator"
    lower: float = 0.0
    upper: float = float("inf")
    batch: int = 10
    first: int | None = None
    budget: int = 100
    iterations: int = 10
    stop_fraction: float = 0.0
    members: int = 4
    closest: float = 0.0
    seed: int = 0
    limit: float | None = None
    deaths: int = 3
    retry_failed: bool = False

    def __post_init__(self) -> None:
        if self.selection not in SELECTIONS:
            raise EltError(f"selection={self.selection}: give one of {', '.join(SELECTIONS)}")
        if not self.lower <= self.upper:
            raise EltError(f"lower={self.lower}, upper={self.upper}: give lower <= upper")
        for name in ("batch", "budget", "iterations", "members", "deaths", *(("first",) if self.first is not None else ())):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise EltError(f"{name}={value}: give a positive integer")
        if not 0 <= self.stop_fraction <= 1:
            raise EltError(f"stop_fraction={self.stop_fraction}: give a number from 0 to 1")
        if self.limit is not None and not self.limit > 0:
            raise EltError(f"limit={self.limit}: give seconds > 0, or null for none")
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise EltError(f"seed={self.seed}: give an integer >= 0")


@dataclass
class Result:
    """models: the ensemble; labels: of every request selected, failed ones included, in order; reason: why it finished."""

    models: list[Any]
    labels: list[Label]
    reason: str
    iterations: int


@dataclass
class Loop:
    """The loop as ask and tell: for those who compute labels their own way. `run` does the rest for an executor.

    >>> while requests := loop.ask():                    # doctest: +SKIP
    ...     for key, request in requests.items():
    ...         loop.tell(key, value=compute(request))

    pool: where exploring and training run. observer: called with every event of the ledger, for a live view.
    identity: tree; the rest of what determines the run (a resolved configuration); a store of another identity is refused.
    Use within ``store.lock()`` and ``store.unlock()``; `run` does that too.
    """

    explorer: Explorer
    indicator: Indicator
    labeler_settings: Tree
    trainer: Trainer
    store: Store
    settings: Settings = Settings()
    pool: Pool = field(default_factory=lambda: Pool(Serial()))
    observer: Observer = lambda event: None
    identity: Tree = None

    def __post_init__(self) -> None:
        self.iteration = 0
        self.saved: list[Tree] = []  # the ensemble, as trees
        self.models: list[Any] = []
        self.order: list[str] = []  # keys of all selected requests
        self.features: list[np.ndarray] = []
        self.reason: str | None = None
        self._selection: dict[str, Any] | None = None
        self._labels: dict[str, Label] = {}
        self._lineage = ""  # names all labels that the ensemble has seen, in order: with others it is another ensemble
        self._retried: set[str] = set()
        self._noted: set[str | int] = set()  # labels and iterations whose event the ledger has

    def note(self, event: str, **details: Any) -> None:
        """Record an event and show it."""
        self.observer(self.store.record(event, **details))

    def begin(self) -> None:
        """Note the start; refuse the store of another run. Raises EltError."""
        s = self.settings
        kept = {name: getattr(s, name) for name in ("members", "seed", "first", "selection")}
        mine = tree.decode(tree.encode(kept | {"identity": self.identity}))
        theirs = self.store.checkpoint("run")
        if theirs is None:
            self.store.keep("run", mine)
        elif tree.encode(mine) != tree.encode(theirs):
            raise EltError(f"{self.store.folder}: holds a run with another {_difference(mine, theirs)}; give another folder")
        for entry in self.store.ledger:
            if entry["event"] in ("label", "selected"):
                self._noted.add(entry["key"] if entry["event"] == "label" else entry["iteration"])
            elif entry["event"] == "set_aside":
                self._noted.discard(entry["key"])
        self.note("start", process=os.getpid())

    def ask(self) -> dict[str, Tree]:
        """{key: request} of the labels that the next step needs; empty when the run is finished.

        Selects and trains as far as the labels there are allow, so that the same question again gives the same answer.
        """
        while self.reason is None:
            if self._selection is None:
                self._selection = self._select()
                if self.reason is not None:
                    break
            if missing := self._missing():
                return missing
            self._train()
        return {}

    def tell(
        self, key: str, value: Tree = None, error: str = "", seconds: float = 0.0, worker: str = "", stored: bool = False
    ) -> None:
        """The label of the request named `key`: its value, or why there is none; stored: a worker has put it in the store."""
        if not stored:
            request = self._selection["requests"][self._selection["keys"].index(key)]
            if not error and (name := tree.not_finite(value)):
                value, error = None, f"not finite: {name}"
            label = Label(key, request, "failed" if error else "ok", None if error else value, error, self.labeler_settings)
            self.store.put(label)
        self._note_label(key, error, seconds=round(seconds, 4), worker=worker)

    def _note_label(self, key: str, error: str, **details: Any) -> None:
        self._noted.add(key)
        status = {"status": "failed", "error": error} if error else {"status": "ok"}
        self.note("label", key=key, iteration=self.iteration, **status, **details)

    def result(self) -> Result:
        return Result(self.models, [self._labels[key] for key in self.order], self.reason or "", self.iteration)

    # -- the phases

    def _select(self) -> dict[str, Any]:
        """Explore, score and choose; or what an earlier start chose."""
        name = selection_name(self.iteration)
        s = self.settings
        if self.iteration >= s.iterations:
            return self._finish("iterations")
        room = s.budget - len(self.order)
        if room <= 0:
            return self._finish("budget")
        found = self.store.checkpoint(name)
        if found is None:
            found = self._choose(room)
            self.store.keep(name, found)
            found = tree.decode(tree.encode(found))  # what a later start will read
        if self.iteration not in self._noted:
            self._noted.add(self.iteration)
            self.note("selected", **{name: found[name] for name in COUNTS})
        if self.iteration and s.selection != "random" and found["candidates"] <= s.stop_fraction * found["explored"]:
            return self._finish("candidate fraction")
        if not found["keys"]:
            return self._finish("nothing new to label")
        return found

    def _choose(self, room: int) -> dict[str, Any]:
        s = self.settings
        self.note("explore", iteration=self.iteration)
        rng = stream(s.seed, self.iteration)
        candidates = list(self.explorer.explore(self.models, self.iteration, rng, self._map))
        self.note("score", iteration=self.iteration, explored=len(candidates))
        scores = np.full(len(candidates), s.lower)
        if self.models and candidates:
            scores = np.asarray(self.indicator.score(self.models, candidates), float)
            if scores.shape != (len(candidates),):
                raise EltError(f"the indicator gave scores of shape {scores.shape} for {len(candidates)} candidates")
        keys = [self.key(candidate) for candidate in candidates]
        known = set(self.order)
        new = [i for i, key in enumerate(keys) if key not in known and not (key in known or known.add(key))]
        features = np.array([np.atleast_1d(candidates[i].features) for i in new], float).reshape(len(new), -1)
        count = min(room, (s.first or s.batch) if self.iteration == 0 else s.batch)
        chance = stream(s.seed, self.iteration, 1)
        if s.selection == "random":
            picked = chance.permutation(len(new))[:count]
        else:
            before = np.array(self.features, float).reshape(len(self.features), -1) if self.features else None
            draws = chance if s.selection == "weighted" else None
            picked = select(scores[new], features, count, s.lower, s.upper, before, s.closest, draws).chosen
        chosen = [new[i] for i in picked]
        trusted, beyond = int(np.sum(scores < s.lower)), int(np.sum(~(scores <= s.upper)))
        finite = scores[np.isfinite(scores)]
        with np.errstate(over="ignore"):  # what is beyond single precision is beyond everything
            met = {"features": features.astype(np.float32), "scores": scores[new].astype(np.float32)}
        return {
            "requests": [candidates[i].request for i in chosen],
            "keys": [keys[i] for i in chosen],
            "features": [features[i] for i in picked],
            "scores": scores[chosen],
            "met": met,
            "iteration": self.iteration,
            "explored": len(candidates),
            "candidates": len(candidates) - trusted - beyond,
            "beyond": beyond,
            "selected": len(chosen),
            "mean_score": float(finite.mean()) if self.models and finite.size else None,
            "max_score": float(finite.max()) if self.models and finite.size else None,
        }

    def _map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        """The explorer's map; the observer sees how far it is."""
        return self.pool.map(function, items, lambda done, of: self.observer({"event": "exploring", "done": done, "of": of}))

    def key(self, candidate: Candidate) -> str:
        """The name of a candidate's label. Raises EltError for a request that is no tree."""
        try:
            return tree.key_of({"labeler": self.labeler_settings, "request": candidate.request})
        except TypeError as error:
            raise EltError(f"a request of the explorer, or the settings of the labeler, hold {error}") from error

    def _missing(self) -> dict[str, Tree]:
        missing = {}
        for key, request in zip(self._selection["keys"], self._selection["requests"]):
            if key in self._labels:
                continue
            label = self.store.label(key)
            if label is not None and label.status == "failed" and self.settings.retry_failed and key not in self._retried:
                self.store.forget(key, "failed before")
                label = None
            if label is None:
                self._retried.add(key)
                missing[key] = request
            else:
                self._labels[key] = label
                if key not in self._noted:  # a driver was killed between a worker's file and its own line
                    self._note_label(key, label.error, found=True)
        return missing

    def _train(self) -> None:
        """Train every member on all good labels; members that an earlier start has trained are read."""
        order = [*self.order, *self._selection["keys"]]
        labels = [self._labels[key] for key in order if self._labels[key].status == "ok"]
        if not labels:
            errors = {self._labels[key].error for key in order}
            raise EltError(f"all {len(order)} labels failed ({min(errors)}); mend the labeler and set retry_failed")
        names = [model_name(self.iteration, member) for member in range(self.settings.members)]
        self._lineage = tree.key_of([self._lineage, [label.key for label in labels]])
        kept = [self.store.checkpoint(name) for name in names]
        saved = {m: k["model"] if k is not None and k["of"] == self._lineage else None for m, k in enumerate(kept)}
        todo = [member for member, model in saved.items() if model is None]
        if todo:
            self.note("train", iteration=self.iteration, members=todo, labels=len(labels))
            jobs = [
                cloudpickle.dumps((self.trainer, labels, self.saved[m] if self.saved else None, m, self._seed(m))) for m in todo
            ]
            for i, encoded in self.pool.run(train_member, jobs):
                saved[todo[i]] = tree.decode(encoded)
                self.store.keep(names[todo[i]], {"of": self._lineage, "model": saved[todo[i]]})
                self.note("checkpoint", iteration=self.iteration, member=todo[i])
        self.saved = [saved[member] for member in range(self.settings.members)]
        self.models = [self.trainer.load(model) for model in self.saved]
        self.order, self.features = order, [*self.features, *self._selection["features"]]
        self.iteration, self._selection = self.iteration + 1, None

    def _seed(self, member: int) -> int:
        return int(np.random.SeedSequence([self.settings.seed, self.iteration, member, 1]).generate_state(1)[0])

    def _finish(self, reason: str) -> dict[str, Any]:
        self.reason = reason
        self.note("finished", reason=reason, iterations=self.iteration, labels=len(self.order))
        return {}


def _difference(mine: Tree, theirs: Tree, name: str = "") -> str:
    """The first place where two trees differ, as ``identity.gas=...``."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        for key in sorted({*mine, *theirs}):
            if tree.encode(mine.get(key)) != tree.encode(theirs.get(key)):
                return _difference(mine.get(key), theirs.get(key), f"{name}.{key}".lstrip("."))
    return f"{name}: {theirs!r} there, {mine!r} now"


def run(
    explorer: Explorer,
    indicator: Indicator,
    labeler: Labeler,
    trainer: Trainer,
    store: Store,
    settings: Settings = Settings(),
    executor: Executor | None = None,
    observer: Observer = lambda event: None,
    identity: Tree = None,
) -> Result:
    """Run the loop to its end, from wherever the store says it is. To start again after anything at all, call it again.

    executor: any concurrent.futures.Executor (None: serial); not shut down. The other arguments: see `Loop`.
    Raises EltError: the store is in use, cannot be written, or is another run's; no label succeeded; the workers cannot load
    the labeler, or die however often they are replaced.
    """
    pool = Pool(Serial() if executor is None else executor)
    store.lock()
    try:
        loop = Loop(explorer, indicator, labeler.settings, trainer, store, settings, pool, observer, identity)
        loop.begin()
        while requests := loop.ask():
            label_all(loop, requests, labeler, pool)
        return loop.result()
    finally:
        store.unlock()


def label_all(loop: Loop, requests: dict[str, Tree], labeler: Labeler, pool: Pool) -> None:
    """Compute `requests` on the pool; each worker stores its label, the driver notes it."""
    store, settings = loop.store, loop.settings
    try:
        pickled = cloudpickle.dumps(labeler)
    except Exception as error:
        raise EltError(f"the labeler does not pickle ({error}); keep open files, locks and clients out of it") from error
    session = f"{os.getpid()}-{time.time_ns()}"
    largest = max((store.path(key).stat().st_size for key in loop.order[-1:]), default=0)
    tasks = [
        Task(key, request, pickled, str(store.folder), session, loop.labeler_settings, settings.limit, settings.deaths,
             store.durable, SPARE + 2 * largest)
        for key, request in requests.items()
    ]  # fmt: skip
    loop.note("label_begin", iteration=loop.iteration, labels=len(tasks))
    for _, outcome in pool.run(compute_label, tasks, on_death=lambda text: loop.note("worker_died", error=text)):
        if outcome.status == "unwritten":
            raise EltError(
                f"{store.folder}: a worker cannot write there ({outcome.error}); make room, and run the same command again: "
                "what was finished is kept"
            )
        if outcome.status == "unusable":
            raise EltError(f"{outcome.error}; install its package where the workers run")
        loop.tell(outcome.key, error=outcome.error, seconds=outcome.seconds, worker=outcome.worker, stored=True)
