"""The smooth Deep Potential: symmetries to round-off, exact derivatives, smoothness where neighbours come and change order."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.calculators.calculator import all_changes
from ase.md.verlet import VelocityVerlet
from ase.units import fs
from numpy.testing import assert_allclose

from molecular import DeepPotSmooth, InputError, PotentialCalculator, PotentialLabeler, load_potential, save_potential
from molecular.deep_pot import switched_inverse
from molecular.environment import collate, environment

SMALL = {"cutoff": 4.0, "smooth_from": 1.0, "embedding": [8, 16], "axis": 4, "fitting": [16, 16], "dtype": "float64"}


def potential(species=("Si", "O"), seed=0, **options) -> DeepPotSmooth:
    return DeepPotSmooth(list(species), seed=seed, **(SMALL | options)).eval()


@pytest.fixture
def mixed(disordered):
    """Silicon with every third atom an oxygen, sheared; smaller than twice the cutoff."""
    atoms = disordered("Si", rattle=0.2, tilt=0.1)
    atoms.symbols[::3] = "O"
    return atoms


def label(atoms, model=None):
    return PotentialLabeler(model or potential())(atoms)


def test_translation_rotation_and_permutation(mixed):
    before = label(mixed)
    scale = np.abs(before.forces).max()
    moved = mixed.copy()
    moved.positions += [1.3, -20.7, 0.4]
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))  # proper or not: the energy knows no handedness
    turned = Atoms(mixed.symbols, mixed.positions @ turn.T, cell=mixed.cell.array @ turn.T, pbc=True)
    order = np.random.default_rng(0).permutation(len(mixed))
    for other, forces in (
        (moved, before.forces),
        (turned, before.forces @ turn.T),
        (mixed[order], before.forces[order]),
    ):
        after = label(other)
        assert_allclose(after.energy, before.energy, rtol=1e-13)
        assert_allclose(after.forces, forces, atol=1e-11 * scale)


def test_forces_and_stress_are_derivatives(mixed):
    """Central differences, error O(h^2)."""
    found, h = label(mixed), 1e-4
    for a, axis in ((0, 0), (1, 1), (5, 2)):
        energies = []
        for sign in (1, -1):
            moved = mixed.copy()
            moved.positions[a, axis] += sign * h
            energies.append(label(moved).energy)
        assert_allclose((energies[1] - energies[0]) / (2 * h), found.forces[a, axis], atol=1e-6 * np.abs(found.forces).max())
    for component, (a, b) in enumerate([(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]):
        energies = []
        for sign in (1, -1):
            strain = np.eye(3)
            strain[a, b] += 0.5 * sign * h
            strain[b, a] += 0.5 * sign * h
            strained = mixed.copy()
            strained.set_cell(mixed.cell.array @ strain, scale_atoms=True)
            energies.append(label(strained).energy)
        difference = (energies[0] - energies[1]) / (2 * h * mixed.get_volume())
        assert_allclose(difference, found.stress[component], atol=1e-6 * np.abs(found.stress).max())


def test_switch_has_two_continuous_derivatives():
    """s and its derivatives meet at both ends."""
    r = torch.tensor([1.0 - 1e-9, 1.0 + 1e-9, 4.0 - 1e-9, 4.0 + 1e-9], dtype=torch.float64, requires_grad=True)
    s = switched_inverse(r, 1.0, 4.0)
    (first,) = torch.autograd.grad(s.sum(), r, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), r)
    for values in (s, first, second):
        assert_allclose(values[0].item(), values[1].item(), atol=1e-6)
        assert_allclose(values[2:].detach(), 0, atol=1e-6)


def test_forces_are_continuous_as_atoms_cross_the_cutoff():
    """A third atom enters: forces change by O(distance cubed), energies more slowly still; beyond, it is not there."""
    model = potential()

    def at(x):
        return label(Atoms("Si2O", [[0, 0, 0], [2.2, 0, 0], [x, 0.0, 0.0]]), model)

    inside, outside, far = at(4.0 + 2.2 - 1e-4), at(4.0 + 2.2 + 1e-4), at(50.0)
    assert_allclose(inside.forces, outside.forces, atol=1e-9)
    assert_allclose(outside.energy, far.energy, rtol=1e-14)
    assert np.abs(at(4.0).forces - far.forces).max() > 1e-6  # and well inside it is felt


def test_forces_are_continuous_as_neighbours_change_order():
    """Two neighbours of one atom pass the same distance: what a potential that sorts them cannot do."""
    model = potential()

    def at(distance):
        return label(Atoms("Si3", [[0, 0, 0], [2.5, 0, 0], [0, distance, 0]]), model).forces

    assert_allclose(at(2.5 + 1e-7), at(2.5 - 1e-7), atol=1e-5 * np.abs(at(2.5)).max())


def test_energy_is_conserved(disordered):
    """Velocity Verlet, error O(dt^2): a quarter for half the step; forces that are no gradient would drift at any step."""
    spread = []
    for dt in (1.0, 0.5):
        atoms = disordered("Si", rattle=0.02)
        atoms.calc = PotentialCalculator(potential(("Si",)))
        rng = np.random.default_rng(0)
        atoms.set_velocities(0.02 * rng.normal(size=(8, 3)))
        totals = []
        dynamics = VelocityVerlet(atoms, dt * fs)
        for _ in range(int(40 / dt)):
            dynamics.run(1)
            totals.append(atoms.get_total_energy())
        spread.append(np.std(totals))
    assert 3.0 < spread[0] / spread[1] < 5.0


def test_batches_are_their_frames(mixed, disordered):
    """Frames of other sizes and species side by side change nothing."""
    model = potential()
    frames = [mixed, disordered("Si", repeat=2, seed=1), Atoms("O2", [[0, 0, 0], [1.2, 0, 0]])]
    batch = collate([environment(f, model.species, model.cutoff, model.dtype) for f in frames])
    with torch.no_grad():
        energy, forces, virial = model(batch)
    labels = [label(f, model) for f in frames]
    assert_allclose(energy, [one.energy for one in labels], rtol=1e-12)
    assert_allclose(forces, np.concatenate([one.forces for one in labels]), atol=1e-12)
    xx = [-v[0, 0].item() / f.get_volume() for v, f in zip(virial, frames[:2])]
    assert_allclose(xx, [one.stress[0] for one in labels[:2]], rtol=1e-9)


def test_single_precision_is_round_off_away(mixed):
    double, single = label(mixed, potential()).forces, label(mixed, potential(dtype="float32")).forces
    assert_allclose(single, double, atol=1e-4 * np.abs(double).max())


def test_checkpoint_and_calculator_give_the_same_forces(mixed, tmp_path):
    model = potential(seed=3)
    save_potential(tmp_path / "checkpoint.pt", model, {"from": "a test"})
    calculator = PotentialCalculator(tmp_path / "checkpoint.pt")
    mixed.calc = calculator
    expected = label(mixed, model)
    assert mixed.get_potential_energy() == expected.energy
    assert np.array_equal(mixed.get_forces(), expected.forces)
    assert np.array_equal(mixed.get_stress(), expected.stress)
    assert load_potential(tmp_path / "checkpoint.pt").recipe == {"from": "a test"}
    calculator.calculate(mixed, ["energy"], all_changes)
    assert calculator.results["free_energy"] == expected.energy


def test_bad_checkpoints_are_refused_by_name(tmp_path):
    model = potential()
    save_potential(tmp_path / "good.pt", model, {})
    content = torch.load(tmp_path / "good.pt", weights_only=True)
    torch.save(content | {"format": 99}, tmp_path / "newer.pt")
    torch.save(content | {"state": {}}, tmp_path / "hollow.pt")
    (tmp_path / "junk.pt").write_bytes(b"not a file" * 99)
    for name in ("newer.pt", "hollow.pt", "junk.pt", "absent.pt"):
        with pytest.raises(InputError, match=name):
            load_potential(tmp_path / name)
    with pytest.raises(InputError, match="potential=behler"):
        load_potential(tmp_path / "good.pt", "behler")


@pytest.mark.parametrize(
    "option, value",
    [("cutoff", -1), ("smooth_from", 9.0), ("axis", 99), ("embedding", [0]), ("fitting", "wide"), ("dtype", "float16")],
)
def test_options_are_checked_by_name(option, value):
    with pytest.raises(InputError, match=f"potential.{option}"):
        potential(**{option: value})


def test_an_unknown_element_is_refused(mixed):
    with pytest.raises(InputError, match="holds O"):
        label(mixed, potential(("Si",)))
