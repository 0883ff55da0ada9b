"""Which candidates are worth a label: between the trust levels, within the budget, and unlike each other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from knudsen.elt.protocols import Candidate


@dataclass(frozen=True)
class Disagreement:
    """Indicator: how much the members of the ensemble differ about a candidate.

    .. math:: s(c) = \\max_i \\sqrt{\\operatorname{mean}_m\\,(y_{m,i} - \\bar y_i)^2}

    predict: predict(model, candidate) -> array y of one shape for all members.
    """

    predict: Callable[[Any, Candidate], Any]

    def score(self, models: Sequence[Any], candidates: Sequence[Candidate]) -> np.ndarray:
        """[candidate]: the largest standard deviation over the ensemble of any component."""
        scores = np.empty(len(candidates))
        for i, candidate in enumerate(candidates):
            scores[i] = np.max(np.std([np.asarray(self.predict(model, candidate), float) for model in models], axis=0))
        return scores


def farthest_points(features: np.ndarray, count: int, known: np.ndarray | None = None, closest: float = 0.0) -> list[int]:
    """Greedy farthest-point choice: each next point is the one whose nearest neighbour among those taken is farthest.

    features: [point, feature]; known: [point, feature] already taken before (none: the choice starts at point 0).
    count: at most so many; closest: stop where the farthest is nearer than this, or a copy of one taken.
    Returns indices in the order of choice, ties to the lowest. The largest gap it leaves is at most twice the smallest possible.

    Source: T. F. Gonzalez, Theor. Comput. Sci. 38, 293 (1985), doi:10.1016/0304-3975(85)90224-5.
    """
    points = np.asarray(features, float).reshape(len(features), -1)
    nearest = np.full(len(points), np.inf)
    for taken in () if known is None else np.asarray(known, float).reshape(len(known), -1):
        np.minimum(nearest, np.linalg.norm(points - taken, axis=1), out=nearest)
    chosen: list[int] = []
    while len(chosen) < min(count, len(points)):
        best = int(np.argmax(nearest))
        if not nearest[best] > 0 or nearest[best] < closest:
            break
        chosen.append(best)
        np.minimum(nearest, np.linalg.norm(points - points[best], axis=1), out=nearest)
    return chosen


def weighted_points(
    features: np.ndarray,
    scores: np.ndarray,
    count: int,
    rng: np.random.Generator,
    known: np.ndarray | None = None,
    closest: float = 0.0,
) -> list[int]:
    """At most `count` points, drawn one after another with chances as (s d)^2: s the score, d the distance to the nearest one
    taken before.

    What is met often is drawn often, what is doubtful more often, and next to what is taken nothing: the choice is dense where
    errors are made, and yet of unlike points, while `farthest_points` looks at the extremes alone. features, known, closest: as
    there; scores: [point] >= 0 (others than finite: never drawn; all zero: taken as equal); with nothing known the first is drawn
    with chances as s^2. Returns indices in the order of choice.

    Source: the seeding of k-means++, D. Arthur, S. Vassilvitskii, SODA 2007, 1027, with points weighted by s^2.
    """
    points, scores = np.asarray(features, float).reshape(len(features), -1), np.asarray(scores, float)
    weights = np.where(np.isfinite(scores), scores, 0.0) ** 2 if np.any(scores) else np.ones(len(points))
    square = np.full(len(points), np.inf)  # d^2; infinite for all while nothing is taken
    for taken in () if known is None else np.asarray(known, float).reshape(len(known), -1):
        np.minimum(square, ((points - taken) ** 2).sum(axis=1), out=square)
    chosen: list[int] = []
    while len(chosen) < min(count, len(points)):
        chances = weights * np.where(np.isinf(square), 1.0, np.where(square < closest**2, 0.0, square))
        if not chances.sum() > 0:
            break
        best = int(rng.choice(len(points), p=chances / chances.sum()))
        np.minimum(square, ((points - points[best]) ** 2).sum(axis=1), out=square)
        chosen.append(best)
    return chosen


@dataclass(frozen=True)
class Selection:
    """chosen: indices, in the order they will be labelled. Counts of all, of those between the trust levels, of those above."""

    chosen: list[int]
    explored: int
    candidates: int
    beyond: int


def select(
    scores: np.ndarray,
    features: np.ndarray,
    count: int,
    lower: float = 0.0,
    upper: float = np.inf,
    known: np.ndarray | None = None,
    closest: float = 0.0,
    chance: np.random.Generator | None = None,
) -> Selection:
    """At most `count` candidates with lower <= score <= upper, as unlike each other and the `known` ones as can be.

    scores: [candidate]; below `lower` the models are trusted, above `upper` (or NaN) the configuration itself is not: it is
    where models have gone astray. features: [candidate, feature]. With no `known` points the choice starts at the largest score.
    chance: with it the choice is that of `weighted_points` instead of `farthest_points`.
    """
    scores = np.asarray(scores, float)
    inside = np.flatnonzero((scores >= lower) & (scores <= upper))
    inside = inside[np.argsort(-scores[inside], kind="stable")]  # ties of distance go to the larger score
    points = np.asarray(features, float)[inside]
    if not len(inside):
        picked = []
    elif chance is None:
        picked = farthest_points(points, count, known, closest)
    else:
        picked = weighted_points(points, scores[inside], count, chance, known, closest)
    beyond = int(np.count_nonzero(~(scores <= upper)))
    return Selection([int(inside[i]) for i in picked], len(scores), len(inside), beyond)
