"""Cost of labels and of potentials (energy, forces, virial), neighbour list included, on one core."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk

from knudsen.molecular import (
    BehlerParrinello,
    DeepPotLocalFrame,
    DeepPotSmooth,
    LennardJones,
    PlainNetwork,
    PotentialLabeler,
    StillingerWeber,
)
from knudsen.molecular.environment import environment
from knudsen.molecular.soap import Soap

SYSTEMS = {"lj": (LennardJones(), "Ar", "fcc", 5.26, 5), "sw": (StillingerWeber(), "Si", "diamond", 5.431, 4)}


@pytest.mark.parametrize("name", SYSTEMS)
def test_label(benchmark, name):
    labeler, element, structure, a, repeat = SYSTEMS[name]
    atoms = bulk(element, structure, a=a, cubic=True) * (repeat, repeat, repeat)
    atoms.rattle(0.1, seed=0)
    benchmark.pedantic(labeler, (atoms,), rounds=20, warmup_rounds=1)
    benchmark.extra_info["atoms"] = len(atoms)
    benchmark.extra_info["us_per_atom"] = 1e6 * benchmark.stats.stats.median / len(atoms)


def water() -> Atoms:
    """64 water molecules at random places of a 12.44 A box: as many neighbours as in the liquid."""
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(*3 * [np.arange(4)]), -1).reshape(-1, 3) * 3.11
    molecule = np.array([[0, 0, 0], [0.96, 0, 0], [-0.24, 0.93, 0]])
    positions = (grid[:, None] + molecule + 0.1 * rng.normal(size=(64, 3, 3))).reshape(-1, 3)
    return Atoms("OHH" * 64, positions, cell=3 * [12.44], pbc=True)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_deep_pot(benchmark, dtype):
    torch.set_num_threads(1)
    atoms = water()
    labeler = PotentialLabeler(DeepPotSmooth(["O", "H"], dtype=dtype).eval())
    benchmark.pedantic(labeler, (atoms,), rounds=10, warmup_rounds=1)
    benchmark.extra_info["us_per_atom"] = 1e6 * benchmark.stats.stats.median / len(atoms)


@pytest.mark.parametrize("kind", [DeepPotSmooth, DeepPotLocalFrame, BehlerParrinello, PlainNetwork], ids=lambda kind: kind.name)
def test_potentials_of_silicon(benchmark, kind):
    torch.set_num_threads(1)
    atoms = bulk("Si", "diamond", a=5.431, cubic=True) * (2, 2, 2)
    atoms.rattle(0.1, seed=0)
    labeler = PotentialLabeler(kind(["Si"], cutoff=4.2).eval())
    benchmark.pedantic(labeler, (atoms,), rounds=10, warmup_rounds=1)
    benchmark.extra_info["us_per_atom"] = 1e6 * benchmark.stats.stats.median / len(atoms)


def test_training_step(benchmark):
    """Forward, backward and the optimiser's step, of one frame in single precision, energy and forces in the loss."""
    torch.set_num_threads(1)
    potential = DeepPotSmooth(["O", "H"]).train()
    one = environment(water(), potential.species, potential.cutoff, potential.dtype)
    optimizer = Soap(potential.parameters(), lr=1e-6)

    def step():
        energy, forces, _ = potential(one)
        optimizer.zero_grad()
        (energy.square().sum() + forces.square().mean()).backward(inputs=list(potential.parameters()))
        optimizer.step()

    benchmark.pedantic(step, rounds=20, warmup_rounds=1)
