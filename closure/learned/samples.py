"""What a training learns from."""

from dataclasses import dataclass

from torch import Tensor


@dataclass
class Samples:
    """One row per labelled cell: network inputs, targets, trajectory numbers.

    Most laws learn a correction to their rule (``training.samples``). One that learns something else brings its own
    ``samples(data)`` and judges them: ``error(phi, target)`` and, without its network, ``untrained_error(target)``, [row, output]
    in units of the root mean square of the latter.
    """

    phi: Tensor
    target: Tensor
    trajectory: Tensor
