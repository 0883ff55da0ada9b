"""Exploration: where it starts, what drives it, when it stops; and what the ensemble says of what it meets."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from ase import units
from scipy.optimize import brentq

from knudsen import elt, molecular
from knudsen.molecular import exploration, neighbours
from knudsen.molecular.dynamics import LabelerCalculator, langevin
from knudsen.molecular.learning import frames as labelled_frames
from knudsen.molecular.structures import random_packing

SHAPE = {"embedding": [4, 8], "axis": 4, "fitting": [12]}
SMALL = {"species": ["Si"], "cutoff": 4.2, "smooth_from": 2.0, "dtype": "float64"} | SHAPE
CRYSTALS = {
    "diamond": {"basis": [[0, 0, 0]], "spacegroup": 227, "cell": [5.431, 5.431, 5.431, 90, 90, 90]},
    "beta_tin": {"basis": [[0, 0, 0]], "spacegroup": 141, "cell": [4.81, 4.81, 2.65, 90, 90, 90], "repeat": [1, 1, 2]},
    "simple_cubic": {"basis": [[0, 0, 0]], "spacegroup": 221, "cell": [2.6, 2.6, 2.6, 90, 90, 90], "repeat": [2, 2, 2]},
}


def silicon(**crystals):
    return molecular.structures({name: {"kind": "crystal", "symbols": ["Si"]} | c for name, c in (crystals or CRYSTALS).items()})


def ensemble(count=3):
    return [molecular.DeepPotSmooth(**SMALL, seed=seed).eval() for seed in range(count)]


def serial_map(function, items):
    return [function(item) for item in items]


@pytest.mark.parametrize(("name", "atoms", "reach", "neighbours_each"), [
    ("diamond", 8, 2.6, 4), ("beta_tin", 8, 2.75, 6), ("simple_cubic", 8, 2.7, 6)])  # fmt: skip
def test_crystals_have_the_coordination_of_their_lattice(name, atoms, reach, neighbours_each):
    """Diamond 4; beta-tin 4 + 2 (a c/a of 0.55 makes them alike); simple cubic 6."""
    found = silicon()[name]
    i, _, _ = neighbours.pairs(found, reach)
    assert len(found) == atoms
    assert (np.bincount(i, minlength=len(found)) == neighbours_each).all()


def test_vacancies_leave_atoms_with_a_neighbour_missing():
    (found,) = silicon(vacancy=CRYSTALS["diamond"] | {"repeat": [2, 1, 1], "vacancies": 1}).values()
    i, _, _ = neighbours.pairs(found, 2.6)
    assert sorted(np.bincount(i, minlength=15)) == [3] * 4 + [4] * 11


def test_random_packings_keep_their_distance():
    found = random_packing({"Si": 20, "O": 4}, volume=19.0, closest=2.0)
    assert found.get_chemical_formula() == "O4Si20"
    assert found.get_volume() == pytest.approx(24 * 19.0)
    assert len(neighbours.pairs(found, 2.0 - 1e-9)[0]) == 0
    with pytest.raises(molecular.InputError, match="closest"):
        random_packing({"Si": 20}, volume=8.0, closest=2.6)


def test_wrong_structures_are_named():
    with pytest.raises(molecular.InputError, match=r"structures\.a\.kind=glass"):
        molecular.structures({"a": {"kind": "glass"}})
    with pytest.raises(molecular.InputError, match=r"structures\.a.*spacegroup=500"):
        silicon(a=CRYSTALS["diamond"] | {"spacegroup": 500})
    with pytest.raises(molecular.InputError, match="colour"):
        silicon(a=CRYSTALS["diamond"] | {"colour": 1})


def test_pressure_compresses_as_the_equation_of_state_says():
    """At 40 K the mean volume under 12 GPa is that at which -dE/dV = 12 GPa, within thermal expansion (below 0.5 %)."""
    sw = molecular.StillingerWeber()
    atoms = silicon(diamond=CRYSTALS["diamond"])["diamond"]

    def scaled(factor):
        copy = atoms.copy()
        copy.set_cell(atoms.cell.array * factor, scale_atoms=True)
        return copy

    def pressure(factor):
        return -sw(scaled(factor)).stress[:3].mean() / units.GPa

    expected = atoms.get_volume() * brentq(lambda factor: pressure(factor) - 12.0, 0.9, 1.0) ** 3
    run = scaled(1.0)
    run.calc = LabelerCalculator(sw)
    dynamics = langevin(run, 3.0, 40.0, 12.0, 0.02, np.random.default_rng(0))
    dynamics.run(600)
    volumes = []
    for _ in range(300):
        dynamics.run(2)
        volumes.append(run.get_volume())
    assert np.mean(volumes) == pytest.approx(expected, rel=0.01)
    assert expected < 0.93 * atoms.get_volume()


def test_deviation_is_the_largest_of_any_atom():
    """Against the formula, on frames of several sizes at once; an ensemble of copies never disagrees."""
    models = ensemble()
    frames = list(silicon().values())
    for k, frame in enumerate(frames):
        frame.rattle(0.1, seed=k)
    forces = [np.stack([molecular.PotentialLabeler(m)(frame).forces for m in models]) for frame in frames]
    expected = [np.sqrt(((f - f.mean(0)) ** 2).sum(2).mean(0)).max() for f in forces]
    np.testing.assert_allclose(exploration.force_deviation(models, frames), expected, rtol=1e-10)
    np.testing.assert_allclose(exploration.force_deviation([models[0]] * 3, frames), 0.0, atol=1e-14)


def test_fingerprints_see_neither_rotation_nor_order():
    atoms = silicon()["beta_tin"]
    atoms.rattle(0.1, seed=0)
    turned = atoms[np.random.default_rng(0).permutation(len(atoms))]
    turned.rotate(40, (1, 2, 3), rotate_cell=True)
    np.testing.assert_allclose(exploration.fingerprint(turned), exploration.fingerprint(atoms), atol=1e-12)


@pytest.fixture
def explorer():
    return molecular.MolecularDynamics(silicon(), first=12, trajectories=6, steps=12, every=3, stop=1e6)


def test_exploration_is_repeated_by_its_seed_alone(explorer):
    models = ensemble()
    first, again, other = (explorer.explore(models, 1, np.random.default_rng(seed), serial_map) for seed in (1, 1, 2))
    assert [c.data for c in first] == [c.data for c in again]
    assert all(np.array_equal(a.request["positions"], b.request["positions"]) for a, b in zip(first, again))
    assert [c.data for c in first] != [c.data for c in other]
    assert len(first) == 6 * 12 / 3


def test_every_structure_and_temperature_is_visited(explorer):
    plan = replace(explorer, trajectories=12, temperature=(50, 3050)).plan(np.random.default_rng(0))
    names, temperatures, pressures = ([p[k] for p in plan] for k in (1, 2, 3))
    assert {name: names.count(name) for name in names} == dict.fromkeys(CRYSTALS, 4)
    np.testing.assert_array_equal(np.floor((np.sort(temperatures) - 50) / 250), np.arange(12))  # one in each twelfth
    assert pressures.count(None) == 6
    assert all(0 <= p <= 10 for p in pressures if p is not None)


def test_distortions_stay_within_their_bounds(explorer):
    still = replace(explorer, strain=1e-12, displacement=0.3)
    found = still.explore([], 0, np.random.default_rng(0), serial_map)
    starts = list(explorer.structures.values())
    moves = [np.linalg.norm(c.request["positions"] - starts[k % 3].positions, axis=1).max() for k, c in enumerate(found)]
    assert 0.1 < max(moves) <= 0.3
    assert len(found) == 12


def test_trajectories_end_where_they_leave_physics(explorer):
    """The first configuration beyond the ensemble's knowledge is the last; atoms too near, or too hot, are never proposed."""
    models = ensemble()
    beyond = replace(explorer, stop=1e-9).explore(models, 1, np.random.default_rng(0), serial_map)
    assert len(beyond) == explorer.trajectories
    assert replace(explorer, closest=3.0).explore(models, 1, np.random.default_rng(0), serial_map) == []
    frozen = replace(explorer, hottest=1e-3).explore(models, 1, np.random.default_rng(0), serial_map)
    assert frozen == []


@pytest.mark.parametrize("key", ["first", "steps", "timestep", "stop", "temperature", "pressure", "constant_pressure"])
def test_bad_settings_of_the_explorer_are_named(explorer, key):
    with pytest.raises(molecular.InputError, match=f"explorer.{key}"):
        replace(explorer, **{key: -3})


def label(atoms, key="a"):
    found = molecular.RequestLabeler(molecular.StillingerWeber(), {})(exploration.request(atoms))
    return elt.Label(key, exploration.request(atoms), "ok", found)


def test_labels_become_frames_with_the_labelers_numbers():
    atoms = silicon()["diamond"]
    atoms.rattle(0.1, seed=3)
    failed = elt.Label("b", exploration.request(atoms), "failed", error="why")
    (frame,) = labelled_frames([label(atoms), failed])
    truth = molecular.StillingerWeber()(atoms)
    assert frame.get_potential_energy() == truth.energy
    np.testing.assert_array_equal(frame.get_forces(), truth.forces)
    np.testing.assert_array_equal(frame.get_stress(), truth.stress)


def test_trained_members_survive_their_tree_and_go_on_from_it():
    """Saved and loaded, a member predicts the same bits; trained on, it starts where it was, its scales untouched."""
    atoms = silicon()["diamond"]
    labels = []
    for k in range(4):
        copy = atoms.copy()
        copy.rattle(0.15, seed=k)
        labels.append(label(copy, str(k)))
    quick = molecular.TrainOptions(steps=15, batch=2)
    crawl = molecular.TrainOptions(steps=1, learning_rate=1e-12, last_learning_rate=1e-12)
    trainer = molecular.PotentialTrainer("deep_pot_smooth", SMALL, quick, crawl)
    model = trainer.train(labels, None, 0, seed=5)
    loaded = trainer.load(elt.tree.decode(elt.tree.encode(trainer.save(model))))
    assert exploration.force_deviation([model, loaded], [atoms]) == 0.0
    went_on = trainer.train(labels[:1], loaded, 0, seed=6)
    for name, value in trainer.load(trainer.save(model)).state_dict().items():
        torch.testing.assert_close(went_on.state_dict()[name], value, rtol=0, atol=1e-10)
