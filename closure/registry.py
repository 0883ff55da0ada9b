"""Closures by name, as the command line names them."""

from contextlib import nullcontext

import torch

from knudsen.build import targets
from knudsen.closure import checkpoint as checkpoints
from knudsen.closure.checkpoint import LEARNED
from knudsen.closure.laws.fluid import Euler, NavierStokesFourier
from knudsen.closure.laws.grad import Grad, Grad13
from knudsen.closure.laws.hme import HME
from knudsen.closure.laws.max_entropy import MaxEntropy
from knudsen.closure.laws.quadrature import Quadrature
from knudsen.errors import InputError

CLOSURES = {law.name: law for law in (Euler, NavierStokesFourier, Grad, Grad13, HME, MaxEntropy, Quadrature)} | LEARNED


def build(name: str, gas, **options):
    """The closure ``name`` for a gas, ready to run.

    ``grad`` is Grad's closure of the gas: any number of moments in D = 1, Grad-13 for D > 1. ``herm_mlc`` and ``enc_mlc`` come
    with trained weights: those of ``checkpoint``, or the shipped ones that fit the other options. A checkpoint of a network from
    outside the project needs that network named in ``network`` too. Raises InputError for an unknown name or option.
    """
    if name not in CLOSURES:
        raise InputError(f"closure={name}: unknown, choose one of {', '.join(CLOSURES)}")
    if name == "grad" and gas.dims > 1:
        return Grad13(gas)
    _check(name, gas)
    if name in LEARNED:
        path = options.pop("checkpoint", None)
        named = {target for _, target in targets(options)}
        return checkpoints.load(path if path is not None else checkpoints.shipped(gas, options, name), gas, name, named)
    try:
        return CLOSURES[name](gas, **options)
    except TypeError as error:
        raise InputError(f"closure={name}: does not take these options ({error})") from None


def supports(name: str, gas) -> bool:
    """Does the closure ``name`` have the collisions of this gas?"""
    law = Grad13 if name == "grad" and gas.dims > 1 else CLOSURES[name]
    return law.handles(gas)


def _check(name: str, gas) -> None:
    if not supports(name, gas):
        able = ", ".join(other for other in ("euler", "nsf", "grad", "quadrature") if supports(other, gas))
        raise InputError(f"closure={name}: it does not have the collisions of gas={gas.name}: take closure={able}")


def untrained(gas, *, network: dict, name: str = "herm_mlc", checkpoint: str | None = None, seed: int | None = None, **options):
    """A learned closure with fresh weights, or those of ``checkpoint`` to go on from; ``network`` as in conf/closure/network.

    seed: of the first weights, which are then the same whatever was drawn before, and leave torch's generator as it was;
    None: they are drawn from that generator.
    """
    if isinstance(checkpoint, list | tuple):
        raise InputError(f"closure.checkpoint={list(checkpoint)}: a training goes on from one file; train the members one by one")
    named = {target for _, target in targets(network)}  # whoever calls this names it
    if checkpoint is not None:
        return checkpoints.load(checkpoint, gas, name, named)
    _check(name, gas)
    try:
        with nullcontext() if seed is None else torch.random.fork_rng(devices=[]):
            if seed is not None:
                torch.manual_seed(seed)
            return LEARNED[name](gas, checkpoints.network_factory(network, named), **options)
    except TypeError as error:
        raise InputError(f"closure={name}: does not take these options ({error})") from None


def training_of(name: str):
    """(labels, training): the modules that make and read a learned closure's labels, and that train it."""
    from knudsen.closure.training import autoencoder as enc_training
    from knudsen.closure.training import distributions, labels
    from knudsen.closure.training import regression as training

    return (distributions, enc_training) if name == "enc_mlc" else (labels, training)
