"""Cost of a label, neighbour list included: one core; divide by the number of atoms for the cost of one."""

import pytest
from ase.build import bulk

from molecular import LennardJones, StillingerWeber

SYSTEMS = {"lj": (LennardJones(), "Ar", "fcc", 5.26, 5), "sw": (StillingerWeber(), "Si", "diamond", 5.431, 4)}


@pytest.mark.parametrize("name", SYSTEMS)
def test_label(benchmark, name):
    labeler, element, structure, a, repeat = SYSTEMS[name]
    atoms = bulk(element, structure, a=a, cubic=True) * (repeat, repeat, repeat)
    atoms.rattle(0.1, seed=0)
    benchmark.pedantic(labeler, (atoms,), rounds=20, warmup_rounds=1)
    benchmark.extra_info["atoms"] = len(atoms)
    benchmark.extra_info["us_per_atom"] = 1e6 * benchmark.stats.stats.median / len(atoms)
