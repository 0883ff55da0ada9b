"""Configurations of every kind: crystals and clusters, slabs, tilted cells, cells smaller than the cutoff."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk


def crystal(element: str, repeat: int = 1, rattle: float = 0.1, tilt: float = 0.0, seed: int = 0) -> Atoms:
    """Argon (fcc) or silicon (diamond), displaced and sheared at random."""
    structure, a = {"Ar": ("fcc", 5.26), "Si": ("diamond", 5.431)}[element]
    atoms = bulk(element, structure, a=a, cubic=True) * (repeat, repeat, repeat)
    atoms.rattle(rattle, seed=seed)
    shear = np.eye(3) + tilt * np.random.default_rng(seed).uniform(-1, 1, (3, 3))
    atoms.set_cell(atoms.cell.array @ shear, scale_atoms=True)
    return atoms


def with_pbc(atoms: Atoms, pbc) -> Atoms:
    atoms.pbc = pbc
    return atoms


def configurations(element: str) -> dict[str, Atoms]:
    pair = Atoms(element * 2, [[0, 0, 0], [0.3, 2.3 if element == "Si" else 3.6, 0.4]])
    wire = crystal(element, 2)
    wire.set_cell([0, 0, wire.cell[2, 2]])
    scattered = crystal(element, 2)
    scattered.positions += np.random.default_rng(1).integers(-3, 4, (len(scattered), 3)) @ scattered.cell.array
    return {
        "crystal": crystal(element, 2),
        "tilted": crystal(element, 2, tilt=0.2),
        "smaller than the cutoff": crystal(element, 1, tilt=0.1),
        "primitive": bulk(element, "fcc" if element == "Ar" else "diamond", a=5.0),
        "dimer": pair,
        "cluster": with_pbc(crystal(element, 2), False),
        "slab": with_pbc(crystal(element, 2, tilt=0.1), (True, True, False)),
        "wire": with_pbc(wire, (False, False, True)),
        "outside its cell": scattered,
    }


@pytest.fixture(params=list(configurations("Si")))
def kind(request):
    return request.param


@pytest.fixture
def argon(kind):
    return configurations("Ar")[kind]


@pytest.fixture
def silicon(kind):
    return configurations("Si")[kind]


@pytest.fixture
def disordered():
    """disordered(element, **options): one displaced crystal, for tests of one configuration."""
    return crystal
