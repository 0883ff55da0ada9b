"""Which candidates are worth a label: between the trust levels, within the budget, and unlike each other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from elt.protocols import Candidate


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


def cluster_points(
    features: np.ndarray, weights: np.ndarray, count: int, known: np.ndarray | None = None, closest: float = 0.0
) -> list[int]:
    r"""Greedy choice from the largest clusters: every point belongs to the nearest of those taken, the next point taken is
    that of the largest w d^2 in the cluster of the largest

    .. math:: \sum_{i \in \text{cluster}} w_i d_i^2, \qquad d_i \text{ the distance to what is taken.}

    What is met often and doubtful counts often, and what is near to something taken counts little, so the choice is dense where
    errors are made, and yet of unlike points; `farthest_points` looks at the extremes alone. features, known, closest: as there.
    weights: [point] >= 0 (others than finite: never chosen); with nothing known the choice starts at the largest. Returns
    indices in the order of choice.

    Source: the largest-cluster, maximum-distance rule of D. Holzmueller, V. Zaverkin, J. Kaestner, I. Steinwart,
    J. Mach. Learn. Res. 24 (164), 1 (2023), here with weights.
    """
    points, weights = np.asarray(features, float).reshape(len(features), -1), np.asarray(weights, float)
    weights = np.where(np.isfinite(weights), weights, 0.0)
    square, cluster, taken = np.full(len(points), np.inf), np.zeros(len(points), int), 0

    def take(point: np.ndarray) -> None:
        nonlocal taken
        distance = ((points - point) ** 2).sum(axis=1)
        nearer = distance < square
        square[nearer], cluster[nearer] = distance[nearer], taken
        taken += 1

    for point in () if known is None else np.asarray(known, float).reshape(len(known), -1):
        take(point)
    chosen: list[int] = []
    while len(chosen) < min(count, len(points)):
        gain = weights.copy()
        if taken:
            gain = np.where(square < max(closest, 0.0) ** 2, 0.0, weights * square)
            gain[cluster != np.argmax(np.bincount(cluster, gain))] = 0.0
        best = int(np.argmax(gain))
        if not gain[best] > 0:
            break
        chosen.append(best)
        take(points[best])
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
    weights: np.ndarray | None = None,
) -> Selection:
    """At most `count` candidates with lower <= score <= upper, as unlike each other and the `known` ones as can be.

    scores: [candidate]; below `lower` the models are trusted, above `upper` (or NaN) the configuration itself is not: it is
    where models have gone astray. features: [candidate, feature]. With no `known` points the choice starts at the largest score.
    weights: [candidate]; with them the choice is that of `cluster_points` instead of `farthest_points`.
    """
    scores = np.asarray(scores, float)
    inside = np.flatnonzero((scores >= lower) & (scores <= upper))
    inside = inside[np.argsort(-scores[inside], kind="stable")]  # ties of distance go to the larger score
    points = np.asarray(features, float)[inside]
    if not len(inside):
        picked = []
    elif weights is None:
        picked = farthest_points(points, count, known, closest)
    else:
        picked = cluster_points(points, np.asarray(weights, float)[inside], count, known, closest)
    beyond = int(np.count_nonzero(~(scores <= upper)))
    return Selection([int(inside[i]) for i in picked], len(scores), len(inside), beyond)
