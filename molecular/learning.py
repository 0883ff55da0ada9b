"""Indicator, labeler and trainer of molecular models, for exploration, labeling, training (`elt`)."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from ase import Atoms

from knudsen import elt
from knudsen.molecular import checkpoint
from knudsen.molecular.exploration import force_deviation, from_request
from knudsen.molecular.label import Label, Labeler, attach
from knudsen.molecular.training import TrainOptions, train


@dataclass(frozen=True)
class ForceDeviation:
    """Indicator: largest over atoms of the ensemble's standard deviation of the force [eV/A]; the explorer's own figure where
    it has judged a configuration already."""

    def score(self, models: Sequence[torch.nn.Module], candidates: Sequence[elt.Candidate]) -> np.ndarray:
        """[candidate]."""
        scores = np.array([np.nan if c.data is None else c.data for c in candidates], float)
        todo = [k for k, c in enumerate(candidates) if c.data is None]
        scores[todo] = force_deviation(models, [from_request(candidates[k].request) for k in todo])
        return scores


@dataclass(frozen=True)
class RequestLabeler:
    """A labeler of the molecular room as one of the loop. settings: what determines its labels, plain values."""

    labeler: Labeler
    settings: Any

    def __call__(self, request: Any) -> dict[str, Any]:
        """{energy [eV], forces [eV/A], stress [eV/A^3] or None} of a configuration."""
        label = self.labeler(from_request(request))
        return {"energy": label.energy, "forces": label.forces, "stress": label.stress}


def frames(labels: Sequence[elt.Label]) -> list[Atoms]:
    """Labels of the loop as labelled configurations; failed ones are left out."""
    return [
        attach(from_request(label.request), Label(label.value["energy"], label.value["forces"], label.value["stress"]))
        for label in labels
        if label.status == "ok"
    ]


@dataclass(frozen=True)
class PotentialTrainer:
    """Trainer: members differ by their initial weights and the order of their batches.

    kind: name of the potential, e.g. ``deep_pot_smooth``; options: its arguments. first: training of iteration 0;
    later: that of the others, which goes on from the member's last weights, scales and atomic energies.
    """

    kind: str
    options: dict[str, Any] = field(default_factory=dict)
    first: TrainOptions = field(default_factory=TrainOptions)
    later: TrainOptions = field(default_factory=TrainOptions)

    def train(self, labels: Sequence[elt.Label], previous: torch.nn.Module | None, member: int, seed: int) -> torch.nn.Module:
        """The member trained on all labels."""
        return self.fit(frames(labels), previous, seed)

    def fit(self, configurations: Sequence[Atoms], previous: torch.nn.Module | None, seed: int) -> torch.nn.Module:
        """A potential trained on labelled configurations."""
        potential = previous or checkpoint.POTENTIALS[self.kind](**self.options, seed=seed)
        settings = replace(self.first if previous is None else self.later, seed=seed)
        with tempfile.TemporaryDirectory() as scratch:
            train(potential, configurations, configurations[-1:], settings, scratch, prepare=previous is None)
        return potential.eval()

    def save(self, model: torch.nn.Module) -> dict[str, Any]:
        """{kind, options, state}: the weights as arrays."""
        return {
            "kind": model.name,
            "options": dict(model.options),
            "state": {name: value.numpy() for name, value in model.state_dict().items()},
        }

    def load(self, tree: dict[str, Any]) -> torch.nn.Module:
        """The potential of `save`, ready to evaluate."""
        potential = checkpoint.POTENTIALS[tree["kind"]](**tree["options"])
        potential.load_state_dict({name: torch.as_tensor(np.array(value)) for name, value in tree["state"].items()})
        return potential.eval()
