"""Exploration, labeling, training: one driver for all that learns from expensive labels, and a store that survives anything.

Must not know: physics, networks, kinetic, closure, molecular.

Public: run, Loop, Settings, Store, Candidate, Label, Explorer, Indicator, Labeler, Trainer, Disagreement, select,
farthest_points, summary, history, EltError; submodule executors.
"""

from knudsen.elt.driver import Loop, Settings, run
from knudsen.elt.errors import EltError
from knudsen.elt.history import history
from knudsen.elt.ledger import summary
from knudsen.elt.protocols import Candidate, Explorer, Indicator, Label, Labeler, Trainer
from knudsen.elt.selection import Disagreement, farthest_points, select
from knudsen.elt.store import Store

__all__ = [
    "Candidate",
    "Disagreement",
    "EltError",
    "Explorer",
    "Indicator",
    "Label",
    "Labeler",
    "Loop",
    "Settings",
    "Store",
    "Trainer",
    "farthest_points",
    "history",
    "run",
    "select",
    "summary",
]
