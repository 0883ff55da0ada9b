"""Laws and states that the closure tests share."""

import numpy as np
import torch

import closure
from closure.registry import CLOSURES
from kinetic.gas import gas
from kinetic.moments import maxwellian_moments

NETWORK = {"_target_": "closure.networks.MLP", "width": 16, "depth": 2}
ONE_VELOCITY = ("grad", "max_entropy")
PAIRS = [
    (name, g)
    for g in ("bgk_1v", "bgk_2v", "bgk_3v")
    for name in CLOSURES
    if (name, g) != ("grad13", "bgk_1v") and (name not in ONE_VELOCITY or g == "bgk_1v")
]


def make_law(name: str, gas_name: str, **options):
    """A closure; the learned one with random weights large enough to matter, since its promises hold for any weights."""
    if name != "herm_mlc":
        return closure.build(name, gas(gas_name), **options)
    torch.manual_seed(1)
    law = closure.untrained(gas(gas_name), network=NETWORK, **options)
    with torch.no_grad():
        for parameter in law.network.parameters():
            parameter *= 2.0
    law.network.double()
    return law


def random_moments(gas_, cells: int, order: int, seed: int = 0):
    """Raw moments of sums of three Maxwellians, hence of positive distributions: G, H [1, order + 1, cells]."""
    draw = np.random.default_rng(seed)
    rho, u, T = draw.uniform(0.2, 1.4, (3, cells)), draw.uniform(-0.8, 0.8, (3, cells)), draw.uniform(0.4, 1.4, (3, cells))
    G, H = maxwellian_moments(rho, u, T, gas_, order)
    return torch.tensor(G.sum(1))[None], None if H is None else torch.tensor(H.sum(1))[None]
