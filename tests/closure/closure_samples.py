"""Laws and states that the closure tests share."""

from functools import partial

import numpy as np
import pytest
import torch

from knudsen import closure
from knudsen.closure.learned.encoder import fit_components
from knudsen.closure.learned.protocol import LearnedLaw
from knudsen.closure.registry import CLOSURES
from knudsen.kinetic.gas import gas
from knudsen.testing import random_moments

__all__ = ["CONVEX", "NETWORK", "PAIRS", "make_enc_mlc", "make_law", "random_moments"]

NETWORK = {"_target_": "knudsen.closure.learned.networks.MLP", "width": 16, "depth": 2}
RIDGES = {"_target_": "knudsen.closure.learned.constitutive.ConvexRidges", "units": 8}
CONVEX = {"_target_": "knudsen.closure.learned.networks.ICNN", "width": 16, "depth": 2}
GASES = ("bgk_1v", "bgk_2v", "bgk_3v", "maxwell_2v")
# Every registered closure on every gas that it is for: a new law is tested by being registered. Quickly without BGK in two
# dimensions: the pair g, h is that of three, the two dimensions those of Maxwell molecules.
PAIRS = [
    pytest.param((name, g), marks=[pytest.mark.slow] if g == "bgk_2v" else [])
    for g in GASES
    for name, law in CLOSURES.items()
    if law.handles(gas(g)) and law.of(gas(g)) is law
]


def make_law(name: str, gas_name: str, **options):
    """A closure; a learned one with random weights large enough to matter, since its promises hold for any weights."""
    if not issubclass(CLOSURES[name], LearnedLaw):
        return closure.build(name, gas(gas_name), **options)
    return SAMPLES.get(name, make_learned)(gas_name, name=name, **options)


def make_learned(gas_name: str, name: str, network=NETWORK, **options):
    torch.manual_seed(1)
    law = closure.untrained(gas(gas_name), name=name, network=network, **options)
    with torch.no_grad():
        for parameter in law.network.parameters():
            parameter *= 2.0
    law.network.double()
    return law


def make_enc_mlc(gas_name: str = "bgk_1v", name: str = "enc_mlc", **options):
    """EncMLC with the principal components of random sums of Maxwellians, a random rotation and random weights."""
    torch.manual_seed(1)
    components = 16 if gas_name == "bgk_1v" else 28  # of two densities
    sizes = {"moments": 6, "components": components, "nodes": 32, "spacing": 0.5, "stretch": 0.15}
    law = closure.untrained(gas(gas_name), name="enc_mlc", network=NETWORK, **sizes | options)
    nodes, dims = law.nodes, law.gas.dims
    draw, v = np.random.default_rng(0), np.linspace(-9, 9, 361)
    rho, u, T = draw.uniform(0.2, 1.4, (3, 400, 1)), draw.uniform(-0.8, 0.8, (3, 400, 1)), draw.uniform(0.4, 1.4, (3, 400, 1))
    parts = rho / np.sqrt(2 * np.pi * T) * np.exp(-((v - u) ** 2) / (2 * T))
    g, h = parts.sum(0), (dims - 1) * (T * parts).sum(0)
    g, h = g / g.sum(1, keepdims=True), h / g.sum(1, keepdims=True)
    u = g @ v
    temperature = ((g @ v**2 + h.sum(1) - u**2) / dims)[:, None]
    c = (v - u[:, None]) / np.sqrt(temperature)
    densities = (g, h / ((dims - 1) * temperature)) if dims > 1 else (g,)
    masses = torch.tensor(np.concatenate([nodes.masses(c, x) for x in densities], 1))
    deviations = nodes.constrain(masses, nodes.width.tile(nodes.densities) * (nodes.maxwellian + 1e-3)) - nodes.maxwellian
    fit_components(law.encoder, nodes, deviations, torch.ones(len(deviations), dtype=torch.float64))
    with torch.no_grad():
        for free in (law.encoder.free_even, law.encoder.free_odd):
            free.copy_(torch.randn_like(free))
        law.network["closing"].scale_out.copy_(law.encoder.variance.sqrt())
    law.network["closing"].double()
    law.assemble()
    return law


# What a learned closure needs beside random weights for a sensible state.
SAMPLES = {"enc_mlc": make_enc_mlc, "entropy_net": partial(make_learned, network=CONVEX)}
SAMPLES["constitutive"] = partial(make_learned, network=RIDGES)
