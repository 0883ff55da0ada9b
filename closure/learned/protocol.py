"""What a closure that learns is asked for, beside what every closure is."""

from copy import copy, deepcopy

from torch import Tensor, nn

from knudsen.closure.laws.base import MomentLaw
from knudsen.closure.learned.samples import Samples
from knudsen.errors import InputError


class LearnedLaw(MomentLaw):
    """A closure with a network in it: built as ``law(gas, network, **options)``, saved as weights and plain options.

    network (argument): a constructor (inputs, outputs, parity_in, parity_out) -> torch.nn.Module, asked once.
    network (attribute): the module whose ``state_dict`` is saved and whose parameters are trained.
    options: the keyword arguments it was made with, plain values.
    recipe: what it was trained from, of a loaded one.

    There are two kinds. One that ``corrects`` the rule of another closure (HermMLC that of the quadrature) has ``inputs``,
    ``features(V, dx, tau)``, ``units(V)`` and ``correction(phi)``, and learns what the rule lacks, ``training.samples``: it also
    trains through the solver (``unroll``) and in ``experiment=elt``. Any other supplies ``samples``, ``error`` and
    ``untrained_error``, or a ``training`` of its own.
    """

    labels: str = "knudsen.closure.training.labels"  # the module that makes and loads its labels: NAME, make, load
    training: str = "knudsen.closure.training.regression"  # the module that trains it: train
    corrects: type[MomentLaw] | None = None
    by_training: tuple[str, ...] = ()  # promises (``knudsen.testing``) that trained weights keep, not any weights
    network: nn.Module
    options: dict
    recipe: dict | None = None

    def assemble(self) -> None:
        """Brings what follows from the weights up to date: called after they have been loaded."""

    def double(self) -> "LearnedLaw":
        law = copy(self)
        law.network = deepcopy(self.network).double()
        law.assemble()
        return law

    def samples(self, data) -> Samples:
        """One row per labelled cell of a label set."""
        raise NotImplementedError

    def error(self, phi: Tensor, target: Tensor) -> Tensor:
        """What the network leaves of the samples, [row, output], in units of the root mean square of ``untrained_error``."""
        raise NotImplementedError

    def untrained_error(self, target: Tensor) -> Tensor:
        """What is left without the network, [row, output]."""
        raise NotImplementedError

    @classmethod
    def ensemble(cls, laws: list) -> "LearnedLaw":
        """One law that is the mean of several, trained apart."""
        raise InputError(f"closure.checkpoint: closure={cls.name} makes no ensembles; give one file")
