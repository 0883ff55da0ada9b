"""Exploration, labeling, training: one driver for all that learns from expensive labels, and a store that survives anything.

Must not know: physics, networks, kinetic, closure, molecular.

Public: run, Loop, Settings, Store, Candidate, Label, Explorer, Indicator, Labeler, Trainer, Disagreement, select,
farthest_points, summary, history, EltError; submodule executors.
"""

from elt.driver import Loop, Settings, run
from elt.errors import EltError
from elt.history import history
from elt.ledger import summary
from elt.protocols import Candidate, Explorer, Indicator, Label, Labeler, Trainer
from elt.selection import Disagreement, farthest_points, select
from elt.store import Store

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
