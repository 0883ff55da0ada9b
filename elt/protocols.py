"""What the driver asks of its four parts, and what passes between them.

Everything random comes from the seeds handed in, so that a run that was killed and started again repeats itself bit for bit.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

Tree = Any  # see elt.tree: plain values, arrays, lists and dicts of them
Map = Callable[[Callable[[Any], Any], Iterable[Any]], list[Any]]


@dataclass(frozen=True)
class Candidate:
    """One configuration that could be labelled.

    request: tree; all that the labeler needs, and nothing else: equal requests are the same label.
    features: [feature]; where it lies, for the choice of a diverse subset. Distances between candidates are Euclidean in these.
    data: anything the indicator needs to score it; not kept.
    """

    request: Tree
    features: np.ndarray
    data: Any = None


@dataclass(frozen=True)
class Label:
    """What is known of one request. key: its name; status: ``"ok"`` or ``"failed"``; value: tree (None if failed); error: why;
    settings: the labeler's."""

    key: str
    request: Tree
    status: str
    value: Tree = None
    error: str = ""
    settings: Tree = field(default=None, repr=False)


@runtime_checkable
class Explorer(Protocol):
    """Proposes configurations, running the current models where that helps."""

    def explore(self, models: Sequence[Any], iteration: int, rng: np.random.Generator, map: Map) -> Sequence[Candidate]:
        """Candidates of this iteration, in an order that depends on the arguments alone.

        models: the ensemble, empty in iteration 0. rng: the only source of chance.
        map: map(function, items) -> list, on the executor's workers; function and items must pickle.
        """


@runtime_checkable
class Indicator(Protocol):
    """Says how little the ensemble knows about a candidate."""

    def score(self, models: Sequence[Any], candidates: Sequence[Candidate]) -> np.ndarray:
        """[candidate]: larger is less known; not called while there are no models. NaN counts as beyond the upper trust level."""


@runtime_checkable
class Labeler(Protocol):
    """The expensive truth: pure (equal requests, equal labels) and picklable; it runs on the workers.

    settings: tree; what determines a label beside its request (method, resolution, version): of other settings, another label.
    """

    settings: Tree

    def __call__(self, request: Tree) -> Tree:
        """The label of `request`. Raising, or a number that is not finite, makes a failed label: recorded, not trained on."""


@runtime_checkable
class Trainer(Protocol):
    """Fits one member of the ensemble. It runs on a worker and must pickle."""

    def train(self, labels: Sequence[Label], previous: Any | None, member: int, seed: int) -> Any:
        """A model. labels: all good ones, oldest first. previous: this member's last model (None at first), for a warm start."""

    def save(self, model: Any) -> Tree:
        """The model as a tree."""

    def load(self, tree: Tree) -> Any:
        """The model of `save`. The driver and the explorer only ever see models that went through both."""
