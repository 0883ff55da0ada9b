"""Labelers against other codes, finite differences and the symmetries of space."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from runpy import run_path

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones as AseLennardJones
from ase.neighborlist import neighbor_list
from numpy.testing import assert_allclose

from knudsen.molecular import AseLabeler, InputError, LennardJones, StillingerWeber, label_frames
from knudsen.molecular.neighbours import pairs

LABELERS = {"Ar": LennardJones(), "Si": StillingerWeber()}
RELATIVE = 1e-9  # agreement asked of two codes of the same equations
sw_energy = run_path(str(Path(__file__).with_name("sw_in_numpy.py")))["energy"]


def assert_agree(label, energy, forces, stress) -> None:
    """To RELATIVE of the largest component; forces that cancel by symmetry are round-off of 1 eV/A."""
    assert_allclose(label.energy, energy, rtol=RELATIVE)
    assert_allclose(label.forces, forces, atol=RELATIVE * max(np.abs(forces).max(), 1e-3), rtol=0)
    if stress is not None:
        assert_allclose(label.stress, stress, atol=RELATIVE * np.abs(stress).max(), rtol=0)


def rotation(seed: int = 0) -> np.ndarray:
    """A random proper rotation."""
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return q * np.sign(np.linalg.det(q))


def test_pairs_are_those_of_ase(argon):
    """Another neighbour list; every image, every mix of periodic directions."""
    ours = np.column_stack(pairs(argon, 5.0))
    theirs = np.column_stack(neighbor_list("ijD", argon, 5.0))
    order = [np.lexsort(np.round(p, 6).T + 0.0) for p in (ours, theirs)]
    assert_allclose(ours[order[0]], theirs[order[1]], atol=1e-9)
    assert 2 * len(pairs(argon, 5.0, full=False)[0]) == len(ours)


def test_lennard_jones_agrees_with_ase(argon):
    """ASE's LennardJones: cut at 3 sigma and shifted."""
    argon.calc = AseLennardJones(epsilon=119.8 * units.kB, sigma=3.405)
    stress = argon.get_stress() if argon.cell.rank == 3 else None
    assert_agree(LennardJones()(argon), argon.get_potential_energy(), argon.get_forces(), stress)


def test_lennard_jones_dimer_by_hand():
    """-epsilon at 2^(1/6) sigma; the shift is phi(r_c), here of one pair."""
    dimer = Atoms("Ar2", [[0, 0, 0], [0, 0, 2 ** (1 / 6) * 3.4]])
    plain = LennardJones(epsilon=0.01, sigma=3.4, cutoff=6.8, shift=False)(dimer)
    assert_allclose(plain.energy, -0.01, rtol=1e-14)
    assert_allclose(plain.forces, 0, atol=1e-15)
    assert_allclose(LennardJones(epsilon=0.01, sigma=3.4, cutoff=6.8)(dimer).energy, -0.01 - 0.04 * (2**-12 - 2**-6), rtol=1e-14)


def test_stillinger_weber_crystal_has_the_published_energy():
    """-2 epsilon = -4.3366 eV an atom at a = 5.431 A, without stress (Stillinger and Weber 1985, section II)."""
    label = StillingerWeber()(bulk("Si", "diamond", a=5.431))
    assert_allclose(label.energy / 2, -4.3366, atol=5e-8)
    assert np.abs(label.stress).max() < 1e-4


def test_stillinger_weber_agrees_with_the_paper_term_by_term(silicon):
    if len(silicon) > 8:
        silicon = silicon[:20]  # any configuration will do, and the plain sum is slow
    assert_allclose(StillingerWeber()(silicon).energy, sw_energy(silicon), rtol=RELATIVE)


def test_stillinger_weber_agrees_with_matscipy(disordered):
    """Another code with analytic forces and stress (it takes fully periodic cells larger than twice the cutoff)."""
    manybody = pytest.importorskip("matscipy.calculators.manybody", reason="matscipy is not installed")
    forms = pytest.importorskip("matscipy.calculators.manybody.explicit_forms.stillinger_weber")
    for tilt in (0.0, 0.2):
        atoms = disordered("Si", repeat=2, rattle=0.3, tilt=tilt)
        atoms.calc = manybody.Manybody(**forms.StillingerWeber(forms.Stillinger_Weber_PRB_31_5262_Si))
        assert_agree(StillingerWeber()(atoms), atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress())


@pytest.mark.parametrize("element", LABELERS)
def test_forces_are_the_gradient(element, disordered):
    """Central differences, error O(h^2)."""
    atoms, labeler, h = disordered(element, rattle=0.2, tilt=0.1), LABELERS[element], 1e-4
    forces = labeler(atoms).forces
    for a, axis in ((0, 0), (1, 1), (3, 2)):
        moved = [atoms.copy() for _ in range(2)]
        for sign, copy in zip((1, -1), moved):
            copy.positions[a, axis] += sign * h
        difference = (labeler(moved[1]).energy - labeler(moved[0]).energy) / (2 * h)
        assert_allclose(difference, forces[a, axis], atol=1e-6 * np.abs(forces).max())


@pytest.mark.parametrize("element", LABELERS)
def test_stress_is_the_derivative_by_strain(element, disordered):
    atoms, labeler, h = disordered(element, rattle=0.2, tilt=0.1), LABELERS[element], 1e-5
    stress = labeler(atoms).stress
    for component, (a, b) in enumerate([(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]):
        energies = []
        for sign in (1, -1):
            strain = np.eye(3)
            strain[a, b] += 0.5 * sign * h
            strain[b, a] += 0.5 * sign * h
            strained = atoms.copy()
            strained.set_cell(atoms.cell.array @ strain, scale_atoms=True)
            energies.append(labeler(strained).energy)
        difference = (energies[0] - energies[1]) / (2 * h * atoms.get_volume())
        assert_allclose(difference, stress[component], atol=1e-6 * np.abs(stress).max())


@pytest.mark.parametrize("element", LABELERS)
def test_translation_rotation_and_permutation(element, disordered):
    """To round-off: the energy stays, forces and stress go along."""
    atoms, labeler = disordered(element, repeat=2, tilt=0.1), LABELERS[element]
    label = labeler(atoms)
    scale = np.abs(label.forces).max()

    moved = atoms.copy()
    moved.positions += [1.3, -20.7, 0.4]
    assert_allclose(labeler(moved).energy, label.energy, rtol=1e-13)
    assert_allclose(labeler(moved).forces, label.forces, atol=1e-11 * scale)

    turn = rotation()
    turned = Atoms(atoms.symbols, atoms.positions @ turn.T, cell=atoms.cell.array @ turn.T, pbc=True)
    assert_allclose(labeler(turned).energy, label.energy, rtol=1e-13)
    assert_allclose(labeler(turned).forces, label.forces @ turn.T, atol=1e-11 * scale)
    xx, yy, zz, yz, xz, xy = label.stress
    s = turn @ np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]) @ turn.T
    expected = [s[0, 0], s[1, 1], s[2, 2], s[1, 2], s[0, 2], s[0, 1]]
    assert_allclose(labeler(turned).stress, expected, atol=1e-11 * np.abs(label.stress).max())

    order = np.random.default_rng(0).permutation(len(atoms))
    assert_allclose(labeler(atoms[order]).energy, label.energy, rtol=1e-13)
    assert_allclose(labeler(atoms[order]).forces, label.forces[order], atol=1e-11 * scale)


@pytest.mark.parametrize("element", LABELERS)
def test_a_cell_and_its_copies_are_the_same_crystal(element, disordered):
    """Images of a cell smaller than the cutoff count like atoms of a larger one."""
    atoms, labeler = disordered(element, tilt=0.1), LABELERS[element]
    small, large = labeler(atoms), labeler(atoms * (2, 3, 2))
    assert_allclose(large.energy, 12 * small.energy, rtol=1e-12)
    assert_allclose(large.forces, np.tile(small.forces, (12, 1)), atol=1e-11 * np.abs(small.forces).max())
    assert_allclose(large.stress, small.stress, rtol=1e-9, atol=1e-11 * np.abs(small.stress).max())


def test_any_ase_calculator_labels():
    atoms = bulk("Cu", cubic=True)
    atoms.rattle(0.1, seed=0)
    label = AseLabeler(EMT())(atoms)
    atoms.calc = EMT()
    assert_agree(label, atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress())
    with pytest.raises(InputError, match="EMT"):
        AseLabeler(EMT())(bulk("Si"))


def test_executors_and_pickles_change_nothing(disordered):
    frames = [disordered("Si", rattle=0.1, seed=s) for s in range(3)]
    labeler = pickle.loads(pickle.dumps(StillingerWeber()))
    with ThreadPoolExecutor(2) as executor:
        for one, other in zip(label_frames(labeler, frames, executor), label_frames(StillingerWeber(), frames)):
            assert one.get_potential_energy() == other.get_potential_energy()
            assert np.array_equal(one.get_forces(), other.get_forces())
            assert np.array_equal(one.get_stress(), other.get_stress())


@pytest.mark.parametrize(
    "atoms, says",
    [
        (Atoms("ArNe", [[0, 0, 0], [4, 0, 0]]), "Ne"),
        (Atoms("Ar2", [[0, 0, 0], [np.nan, 0, 0]]), "position"),
        (Atoms("Ar2", np.zeros((2, 3))), "on top of each other"),
        (Atoms("Ar", pbc=True), "cell"),
        (Atoms("Ar", pbc=True, cell=[[5, 0, 0], [5, 0, 0], [0, 0, 5]]), "cell"),
        (Atoms(), "no atoms"),
    ],
)
def test_what_cannot_be_labelled_is_refused_by_frame(atoms, says):
    good = Atoms("Ar2", [[0, 0, 0], [4, 0, 0]])
    with pytest.raises(InputError, match=rf"frame 1: .*{says}"):
        label_frames(LennardJones(), [good, atoms])


@pytest.mark.parametrize("option", ["cutoff", "sigma", "epsilon", "epsilon_over_k"])
@pytest.mark.parametrize("value", [0, -1.0, np.nan, "wide", True])
def test_parameters_are_checked_by_name(option, value):
    with pytest.raises(InputError, match=f"labeler.{option}="):
        LennardJones(**{option: value})


@pytest.mark.parametrize(
    "option, value", [("epsilon", 0), ("a", -1), ("q", -1), ("cosine", 2), ("lam", None), ("elements", ["X1"])]
)
def test_silicon_parameters_are_checked_by_name(option, value):
    with pytest.raises(InputError, match=f"labeler.{option}="):
        StillingerWeber(**{option: value})
