"""Electronic structure: forces and stress are the derivatives of the energy; what cannot be labelled is refused by name."""

import importlib.util
import pickle
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.stress import voigt_6_to_full_3x3_stress

from knudsen import molecular
from knudsen.molecular import dft
from knudsen.molecular.exploration import request
from knudsen.molecular.learning import RequestLabeler

HYDROGEN = Atoms("H2", [[0, 0, 0], [0.1, 0.2, 0.8]], cell=[[3.6, 0, 0], [0.2, 3.6, 0], [0, 0.3, 3.6]], pbc=True)
STEP = 1e-3  # of the differences [A], of the strain [1]
TRUNCATION = 5e-4  # STEP^2 / 6 times a third derivative of some 1e3 eV/A^3, and the energies' own tolerance over STEP [eV/A]
PULAY = 0.02 * units.GPa  # stress of an incomplete basis of 250 eV [eV/A^3]


def available(package, make):
    """The labeler, or a test that skips and says why."""
    if importlib.util.find_spec(package) is None:
        return pytest.param(None, id=package, marks=pytest.mark.skip(reason=f"the package {package} is not installed"))
    return pytest.param(make, id=package)


def silicon():
    atoms = bulk("Si", "diamond", a=5.3)
    atoms.rattle(0.08, seed=1)
    return atoms


LABELERS = [
    available(
        "pyscf",
        lambda: (
            molecular.PyscfLabeler(
                basis="gth-szv", pseudo="gth-pade", xc="lda,vwn", cutoff=700, spacing=10.0, smearing=0.2, tolerance=1e-8
            ),
            HYDROGEN,
        ),
    ),
    available("gpaw", lambda: (molecular.GpawLabeler(cutoff=250, spacing=1.2, tolerance=1e-8), silicon())),
    available("tblite", lambda: (molecular.TbliteLabeler(accuracy=0.01), silicon())),
]


@pytest.mark.parametrize("make", LABELERS)
def test_forces_and_stress_are_derivatives_of_the_energy(make):
    """Along one displacement u and strain e of everything at once: dE = -F.u + V stress:e.

    Plane waves keep their number, and so are another basis, in a strained cell; its share (Pulay stress) is left to the bound.
    """
    labeler, atoms = make()
    rng = np.random.default_rng(0)
    u, strain = rng.normal(size=(2, 3)), rng.normal(size=(3, 3))
    strain = 0.5 * (strain + strain.T)
    label = labeler(atoms)
    expected = -np.sum(label.forces * u) + atoms.get_volume() * np.sum(voigt_6_to_full_3x3_stress(label.stress) * strain)
    cheap = replace(labeler, stress=False) if hasattr(labeler, "stress") else labeler
    energies = []
    for sign in (1, -1):
        moved = atoms.copy()
        moved.positions += sign * STEP * u
        moved.set_cell(moved.cell.array @ (np.eye(3) + sign * STEP * strain), scale_atoms=True)
        energies.append(cheap(moved).energy)
    # the displacement is strained with the cell, a change of second order that the central difference does not see
    slope = (energies[0] - energies[1]) / (2 * STEP)
    bound = TRUNCATION * (np.abs(u).sum() + np.abs(strain).sum())
    if isinstance(labeler, molecular.GpawLabeler):
        bound += PULAY * atoms.get_volume() * np.abs(strain).sum()
    assert slope == pytest.approx(expected, abs=bound)


@pytest.mark.parametrize("make", LABELERS)
def test_labels_do_not_depend_on_what_was_labelled_before(make):
    labeler, atoms = make()
    travelled = pickle.loads(pickle.dumps(labeler))
    other = atoms.copy()
    other.rattle(0.05, seed=5)
    labeler = RequestLabeler(travelled, {"labeler": "test"})
    first = labeler(request(atoms))
    labeler(request(other))
    again = labeler(request(atoms))
    assert again["energy"] == pytest.approx(first["energy"], abs=1e-9)
    np.testing.assert_allclose(again["forces"], first["forces"], atol=1e-8)


def test_density_of_k_points_is_kept_in_larger_cells():
    """n_i >= |b_i| / spacing: twice the cell, half the points."""
    cell = bulk("Si", "diamond", a=5.431, cubic=True)  # |b| = 2 pi / 5.431 = 1.157 1/A
    assert dft.k_points(cell, 0.3) == (4, 4, 4)
    assert dft.k_points(cell * (2, 1, 1), 0.3) == (2, 4, 4)
    assert dft.k_points(cell, 1.2) == (1, 1, 1)


def test_missing_engines_are_named_with_the_remedy(monkeypatch):
    monkeypatch.setattr(dft, "find_spec", lambda name: None)
    for labeler, word in ((molecular.GpawLabeler, "gpaw"), (molecular.PyscfLabeler, "pip"), (molecular.TbliteLabeler, "pip")):
        with pytest.raises(molecular.InputError, match=word):
            labeler()


@pytest.mark.parametrize("make", LABELERS)
@pytest.mark.parametrize("value", [0.0, -1.0, "high"])
def test_bad_numbers_are_named(make, value):
    labeler, _ = make()
    name = "cutoff" if hasattr(labeler, "cutoff") else "accuracy"
    with pytest.raises(molecular.InputError, match=name):
        replace(labeler, **{name: value})


@pytest.mark.parametrize("make", LABELERS[:2])
def test_molecules_without_a_cell_are_refused(make):
    labeler, _ = make()
    with pytest.raises(molecular.InputError, match="periodic"):
        labeler(Atoms("H2", [[0, 0, 0], [0, 0, 0.75]]))
