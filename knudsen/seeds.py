"""Which seeds random cases have: what a closure is judged by it was never trained on. And streams that do not meet.

=====================  ==============================================================================================
from 0                 labels for training, a block for each of the five kinds of random cases (`labelled`)
below 600,000          exploration draws among these (`EXPLORED`)
from 900,000           states at which closures are linearised (`LINEARISED`)
from 1,000,000         evaluation, a block for each value of ``seed`` (`judged`)
=====================  ==============================================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

BLOCK = 100_000
EXPLORED = 600_000
LINEARISED = 900_000
JUDGED = 1_000_000
LAST_LABELLED = JUDGED - 5 * BLOCK  # the largest ``label.seed``: five kinds follow it


def labelled(seed: int, kind: int, i: int) -> int:
    """The seed of random case i of a kind (0..4) in a set of labels."""
    return seed + BLOCK * kind + i


def judged(seed: int, i: int) -> int:
    """The seed of random case i of an evaluation."""
    return JUDGED + BLOCK * seed + i


def stream(*numbers: int) -> np.random.Generator:
    """Random numbers of their own for each list of non-negative integers, such as (seed, purpose, index)."""
    from numpy.random import default_rng

    return default_rng(list(numbers))
