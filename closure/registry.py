"""Closures by name, as the command line names them; those of users and of other packages register here."""

from contextlib import nullcontext
from importlib import import_module
from importlib.metadata import entry_points
from types import ModuleType

import torch

from knudsen.build import make, targets
from knudsen.closure import checkpoint as checkpoints
from knudsen.closure.laws.base import MomentLaw
from knudsen.closure.laws.bounded_entropy import BoundedEntropy
from knudsen.closure.laws.fluid import Euler, NavierStokesFourier
from knudsen.closure.laws.grad import Grad, Grad13
from knudsen.closure.laws.hme import HME
from knudsen.closure.laws.max_entropy import MaxEntropy
from knudsen.closure.laws.quadrature import Quadrature
from knudsen.closure.learned.constitutive import Constitutive
from knudsen.closure.learned.enc_mlc import EncMLC
from knudsen.closure.learned.entropy_net import EntropyNet
from knudsen.closure.learned.gradient_net import GradientNet
from knudsen.closure.learned.herm_mlc import HermMLC
from knudsen.closure.learned.protocol import LearnedLaw
from knudsen.errors import InputError

GROUP = "knudsen.closures"  # of the entry points by which other packages bring closures
CLASSICAL = (Euler, NavierStokesFourier, Grad, Grad13, HME, MaxEntropy, BoundedEntropy, Quadrature)
CLOSURES: dict[str, type[MomentLaw]] = {
    law.name: law for law in (*CLASSICAL, HermMLC, EncMLC, GradientNet, EntropyNet, Constitutive)
}  # fmt: skip

PLAIN_NETWORK = {"_target_": "knudsen.closure.learned.networks.MLP"}  # stands in where only the other options matter


def register(law: type[MomentLaw], name: str | None = None) -> type[MomentLaw]:
    """Make a closure known under its own name, or another; returns it, so that it serves as a decorator.

    Raises InputError unless it is a subclass of ``MomentLaw`` with a name that no other closure has.
    """
    if not (isinstance(law, type) and issubclass(law, MomentLaw)):
        raise InputError(f"closure: {law!r} is no closure; derive a class from knudsen.closure.MomentLaw")
    name = name or vars(law).get("name")
    if not isinstance(name, str) or not name.isidentifier() or name == "kinetic":
        raise InputError(f'closure: {law.__qualname__} has no name of its own; give the class one, e.g. name = "my_law"')
    known = CLOSURES.setdefault(name, law)
    if (known.__module__, known.__qualname__) != (law.__module__, law.__qualname__):
        raise InputError(f"closure: {name} is {known.__module__}.{known.__qualname__}; give {law.__qualname__} another name")
    CLOSURES[name] = law  # the same class, perhaps imported anew
    return law


def find(name: str | type[MomentLaw]) -> type[MomentLaw]:
    """The class of a closure: registered, or brought by another package (entry point ``knudsen.closures``). InputError else."""
    if isinstance(name, type):
        return name
    if name not in CLOSURES:
        for point in entry_points(group=GROUP, name=name):
            register(point.load(), name)
    if name not in CLOSURES:
        raise InputError(f"closure={name}: unknown, choose one of {', '.join(CLOSURES)}")
    return CLOSURES[name]


def build(name: str | type[MomentLaw], gas, **options) -> MomentLaw:
    """The closure ``name``, or of a class, for a gas, ready to run.

    ``grad`` is Grad's closure of the gas: any number of moments in D = 1, Grad-13 for D > 1. Learned closures come with trained
    weights: those of ``checkpoint``, or the shipped ones that fit the other options. A checkpoint of a network from outside the
    project needs that network named in ``network`` too. Raises InputError for an unknown name or option.
    """
    law = _checked(name, gas)
    if issubclass(law, LearnedLaw):
        path, named = options.pop("checkpoint", None), {target for _, target in targets(options)}
        if path is None:
            path = _shipped(law, gas, options)
        return checkpoints.load(path, gas, law, named)
    if law.of(gas) is not law:  # another class by that name, which does not have its options
        law, options = law.of(gas), {}
    return make(law, options, "closure", gas=gas)


def _shipped(law: type[LearnedLaw], gas, options: dict):
    """The shipped weights that fit; options that no weights could have are refused for what they are."""
    try:
        return checkpoints.shipped(gas, options, law.name)
    except InputError:
        chosen = {key: value for key, value in options.items() if key != "network"}
        untrained(gas, network=options.get("network") or PLAIN_NETWORK, name=law, **chosen)
        raise


def supports(name: str | type[MomentLaw], gas) -> bool:
    """Is the closure for this gas: its collisions, its velocity dimensions?"""
    return find(name).handles(gas)


def _checked(name, gas) -> type[MomentLaw]:
    law = find(name)
    if not law.handles(gas):
        able = ", ".join(other for other, rival in CLOSURES.items() if rival.handles(gas) and not issubclass(rival, LearnedLaw))
        raise InputError(
            f"closure={law.name}: not for the collisions and velocity dimensions of gas={gas.name}: take closure={able}"
        )
    return law


def untrained(
    gas, *, network: dict, name: str | type[LearnedLaw] = "herm_mlc", checkpoint: str | None = None, seed: int | None = None,
    **options,
) -> LearnedLaw:  # fmt: skip
    """A learned closure with fresh weights, or those of ``checkpoint`` to go on from; ``network`` as in conf/closure/network.

    seed: of the first weights, which are then the same whatever was drawn before, and leave torch's generator as it was;
    None: they are drawn from that generator.
    """
    if isinstance(checkpoint, list | tuple):
        raise InputError(f"closure.checkpoint={list(checkpoint)}: a training goes on from one file; train the members one by one")
    law = _checked(name, gas)
    if not issubclass(law, LearnedLaw):
        raise InputError(f"closure={law.name}: has nothing to learn; train one with a network, e.g. closure=herm_mlc")
    named = {target for _, target in targets(network)}  # whoever calls this names it
    if checkpoint is not None:
        return checkpoints.load(checkpoint, gas, law, named)
    with nullcontext() if seed is None else torch.random.fork_rng(devices=[]):
        if seed is not None:
            torch.manual_seed(seed)
        return make(law, options, "closure", gas=gas, network=checkpoints.network_factory(network, named))


def training_of(name: str | type[LearnedLaw]) -> tuple[ModuleType, ModuleType]:
    """(labels, training): the modules that make and read a learned closure's labels, and that train it."""
    law = find(name)
    return import_module(law.labels), import_module(law.training)
