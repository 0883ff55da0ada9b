"""What a store knows of a run's iterations: what was met, what was chosen, which models came of it."""

from dataclasses import dataclass

import numpy as np

from knudsen.elt.protocols import Tree
from knudsen.elt.store import Store


@dataclass(frozen=True)
class Iteration:
    """One iteration of a run.

    explored, candidates, beyond: how many; met_features [explored, feature], met_scores [explored]: of the distinct ones that
    were explored and had no label (in iteration 0 there are no models to score with); features, scores, keys: of those selected.
    models: the ensemble trained on them and all before, as `Trainer.save` gave it; empty if the run stopped before.
    """

    number: int
    explored: int
    candidates: int
    beyond: int
    met_features: np.ndarray
    met_scores: np.ndarray
    features: np.ndarray
    scores: np.ndarray
    keys: list[str]
    models: list[Tree]


def history(store: Store) -> list[Iteration]:
    """The iterations of the run in `store`, oldest first, as far as it has come."""
    run, found = store.checkpoint("run"), []
    while run is not None and (selection := store.checkpoint(selection_name(len(found)))) is not None:
        number, s = len(found), selection
        kept = [store.checkpoint(model_name(number, member)) for member in range(run["members"])]
        features = np.array(s["features"], float).reshape(len(s["keys"]), s["met"]["features"].shape[1])
        found.append(
            Iteration(
                number, s["explored"], s["candidates"], s["beyond"], s["met"]["features"], s["met"]["scores"], features,
                np.asarray(s["scores"]), s["keys"], [] if None in kept else [k["model"] for k in kept],
            )
        )  # fmt: skip
    return found


def selection_name(iteration: int) -> str:
    """The checkpoint of what an iteration chose."""
    return f"{iteration:04d}-selection"


def model_name(iteration: int, member: int) -> str:
    """The checkpoint of a member of an iteration's ensemble."""
    return f"{iteration:04d}-model-{member:02d}"
