"""Every potential: the symmetries it promises, to round-off; exact derivatives; smoothness where neighbours come and go.
What is not promised is shown to fail."""

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.calculators.calculator import all_changes
from ase.md.verlet import VelocityVerlet
from ase.units import fs
from numpy.testing import assert_allclose

from knudsen.molecular import (
    BehlerParrinello,
    DeepPotLocalFrame,
    DeepPotSmooth,
    InputError,
    PlainNetwork,
    PotentialCalculator,
    PotentialLabeler,
    load_potential,
    save_potential,
)
from knudsen.molecular.deep_pot import switched_inverse
from knudsen.molecular.environment import collate, environment
from knudsen.molecular.moments import coefficients, nodes

SMALL = {"cutoff": 4.0, "fitting": [16, 16], "dtype": "float64"}
SMOOTH = SMALL | {"smooth_from": 1.0, "embedding": [8, 16], "axis": 4}
KINDS = {
    "smooth": (DeepPotSmooth, SMOOTH),
    "smooth, degree 2": (DeepPotSmooth, SMOOTH | {"degree": 2}),
    "local frame": (DeepPotLocalFrame, SMALL | {"neighbours": 24}),
    "Behler-Parrinello": (BehlerParrinello, SMALL | {"radial": 4, "zeta": [1.0, 4.0]}),
    "Behler-Parrinello, open": (BehlerParrinello, SMALL | {"radial": 4, "zeta": [1.0, 4.0], "closed": False}),
    "plain": (PlainNetwork, SMALL | {"neighbours": 24}),
}
CONTINUOUS = ["smooth", "smooth, degree 2", "Behler-Parrinello", "Behler-Parrinello, open"]
every = pytest.mark.parametrize("kind", KINDS)


def potential(kind="smooth", species=("Si", "O"), seed=0, **options):
    """An untrained one, its inputs scaled over displaced crystals, so that it feels what it sees."""
    made, given = KINDS[kind]
    made = made(list(species), seed=seed, **(given | options)).eval()
    frames = []
    for k in range(4):
        atoms = Atoms(["Si", "O"] * 8, np.random.default_rng(k).uniform(0, 6.5, (16, 3)), cell=3 * [6.5], pbc=True)
        frames.append(atoms if "O" in species else Atoms("Si16", atoms.positions, cell=atoms.cell, pbc=True))
    few = [environment(f, made.species, made.cutoff, made.dtype) for f in frames]
    with torch.no_grad():
        made.measure(few)
        for c, fitting in enumerate(made.fittings):
            fitting.measure([made.descriptors(e, e.vectors)[c] for e in few])
    return made


@pytest.fixture
def mixed(disordered):
    """Silicon with every third atom an oxygen, sheared; smaller than twice the cutoff."""
    atoms = disordered("Si", rattle=0.2, tilt=0.1)
    atoms.symbols[::3] = "O"
    return atoms


def label(atoms, model):
    return PotentialLabeler(model)(atoms)


def changes(atoms):
    """The same atoms moved, turned (with a reflection) and renumbered; what that makes of forces."""
    moved = atoms.copy()
    moved.positions += [1.3, -20.7, 0.4]
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    turn *= np.sign(np.linalg.det(turn))
    turned = Atoms(atoms.symbols, atoms.positions @ turn.T, cell=atoms.cell.array @ turn.T, pbc=True)
    order = np.random.default_rng(0).permutation(len(atoms))
    return {
        "translation": (moved, lambda f: f),
        "rotation": (turned, lambda f: f @ turn.T),
        "permutation": (atoms[order], lambda f: f[order]),
    }


@pytest.mark.parametrize("kind", [*CONTINUOUS, "local frame"])
@pytest.mark.parametrize("change", ["translation", "rotation", "permutation"])
def test_symmetries(kind, change, mixed):
    model = potential(kind)
    before = label(mixed, model)
    other, of_forces = changes(mixed)[change]
    after = label(other, model)
    assert_allclose(after.energy, before.energy, rtol=1e-12)
    assert_allclose(after.forces, of_forces(before.forces), atol=1e-10 * np.abs(before.forces).max())


@pytest.mark.parametrize("kind", CONTINUOUS)
def test_reflection(kind, mixed):
    """Energies know no handedness."""
    model, mirror = potential(kind), np.diag([1.0, 1.0, -1.0])
    before = label(mixed, model)
    after = label(Atoms(mixed.symbols, mixed.positions @ mirror, cell=mixed.cell.array @ mirror, pbc=True), model)
    assert_allclose(after.energy, before.energy, rtol=1e-12)
    assert_allclose(after.forces, before.forces @ mirror, atol=1e-10 * np.abs(before.forces).max())


def test_the_plain_network_has_no_symmetry_but_translation(mixed):
    model = potential("plain")
    before = label(mixed, model)
    for change, (other, of_forces) in changes(mixed).items():
        difference = np.abs(label(other, model).forces - of_forces(before.forces)).max() / np.abs(before.forces).max()
        assert difference < 1e-10 if change == "translation" else difference > 0.1


@every
def test_forces_and_stress_are_derivatives(kind, mixed):
    """Central differences, error O(h^2)."""
    model = potential(kind)
    found, h = label(mixed, model), 1e-4
    for a, axis in ((0, 0), (1, 1), (5, 2)):
        energies = []
        for sign in (1, -1):
            moved = mixed.copy()
            moved.positions[a, axis] += sign * h
            energies.append(label(moved, model).energy)
        assert_allclose((energies[1] - energies[0]) / (2 * h), found.forces[a, axis], atol=1e-6 * np.abs(found.forces).max())
    for component, (a, b) in enumerate([(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]):
        energies = []
        for sign in (1, -1):
            strain = np.eye(3)
            strain[a, b] += 0.5 * sign * h
            strain[b, a] += 0.5 * sign * h
            strained = mixed.copy()
            strained.set_cell(mixed.cell.array @ strain, scale_atoms=True)
            energies.append(label(strained, model).energy)
        difference = (energies[0] - energies[1]) / (2 * h * mixed.get_volume())
        assert_allclose(difference, found.stress[component], atol=1e-6 * np.abs(found.stress).max())


@every
def test_training_follows_the_gradient(kind, mixed):
    """The derivative of a loss of forces and energies by every kind of weight, against central differences."""
    model = potential(kind).train()
    one = environment(mixed, model.species, model.cutoff, model.dtype)
    weights = list(model.parameters())
    direction = [torch.randn(w.shape, generator=torch.Generator().manual_seed(k), dtype=w.dtype) for k, w in enumerate(weights)]

    def loss():
        energy, forces, virial = model(one)
        return energy.square().sum() + forces.square().sum() + virial.square().sum()

    def moved(h):
        with torch.no_grad():
            torch._foreach_add_(weights, direction, alpha=h)
        value = loss().item()
        with torch.no_grad():
            torch._foreach_sub_(weights, direction, alpha=h)
        return value

    slope = sum((g * d).sum() for g, d in zip(torch.autograd.grad(loss(), weights), direction)).item()
    h = 1e-5
    assert_allclose(slope, (moved(h) - moved(-h)) / (2 * h), rtol=1e-5)


def test_switch_has_two_continuous_derivatives():
    """s and its derivatives meet at both ends."""
    r = torch.tensor([1.0 - 1e-9, 1.0 + 1e-9, 4.0 - 1e-9, 4.0 + 1e-9], dtype=torch.float64, requires_grad=True)
    s = switched_inverse(r, 1.0, 4.0)
    (first,) = torch.autograd.grad(s.sum(), r, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), r)
    for values in (s, first, second):
        assert_allclose(values[0].item(), values[1].item(), atol=1e-6)
        assert_allclose(values[2:].detach(), 0, atol=1e-6)


@pytest.mark.parametrize("degree", [1, 2])
def test_the_descriptor_is_made_of_powers_of_cosines(degree):
    """D of an atom with two neighbours, as a double sum over both with powers of the cosine between them."""
    model = potential("smooth", species=("Si",), degree=degree)
    angle = 0.7
    atoms = Atoms("Si3", [[0, 0, 0], [2.1, 0, 0], [2.6 * np.cos(angle), 2.6 * np.sin(angle), 0]])
    one = environment(atoms, model.species, model.cutoff, model.dtype)
    found = model.descriptors(one, one.vectors)[0][0].reshape(16, 4)
    with torch.no_grad():
        r = torch.tensor([2.1, 2.6], dtype=torch.float64)
        s = switched_inverse(r, 1.0, 4.0)
        g = model.embeddings[0]((s - model.shift[0, 0]) / model.scale[0, 0]) * s[:, None] / model.mean_neighbours
        cosine = torch.tensor([[1.0, np.cos(angle)], [np.cos(angle), 1.0]], dtype=torch.float64)
        kernel = 1 / model.scale[0, 0] ** 2 + sum((3, 6)[p - 1] * cosine**p for p in range(1, degree + 1)) / model.size[0, 0] ** 2
        assert_allclose(found, (g.T @ kernel @ g)[:, :4], rtol=1e-4)


def test_the_spline_of_the_embedding_is_exact_for_cubics():
    """Its coefficients reproduce x^3 at nodes and between: phi = (1, 4, 1) / 6 at a node, (1, 23, 23, 1) / 48 half-way."""
    x = nodes(4.0, 0.3)
    g = coefficients(torch.as_tensor(x**3)).numpy()
    assert_allclose((g[:-2] + 4 * g[1:-1] + g[2:]) / 6, x[2:-2] ** 3, atol=1e-12)
    assert_allclose((g[:-3] + 23 * g[1:-2] + 23 * g[2:-1] + g[3:]) / 48, (0.5 * (x[2:-3] + x[3:-2])) ** 3, atol=1e-12)


def test_the_spline_of_the_embedding_is_the_network(mixed, monkeypatch):
    """Nodes of half the spacing: forces change by the interpolation's error only."""
    coarse = label(mixed, potential()).forces
    monkeypatch.setattr("knudsen.molecular.deep_pot.SPACING", 1 / 64)
    assert_allclose(label(mixed, potential()).forces, coarse, atol=1e-4 * np.abs(coarse).max())


def crossing(model, x):
    """Forces with a third atom at distance x - 2.2 from one of a pair."""
    return label(Atoms("Si2O", [[0, 0, 0], [2.2, 0, 0], [x, 0.3, 0.0]]), model).forces


def exchange(model, distance):
    """Forces of an atom with two neighbours, the second at `distance`, the first at 2.5."""
    return label(Atoms("Si3", [[0, 0, 0], [2.5, 0, 0], [0, distance, 0]]), model).forces


def edge(x=4.0):
    return 2.2 + np.sqrt(x**2 - 0.3**2)


@pytest.mark.parametrize("kind", CONTINUOUS)
def test_forces_are_continuous_as_atoms_cross_the_cutoff(kind):
    """A third atom enters: forces change by at most the distance; beyond, it is not there."""
    model = potential(kind)
    inside, outside, far = (crossing(model, x) for x in (edge() - 1e-7, edge() + 1e-7, 50.0))
    scale = np.abs(far).max()
    assert_allclose(inside, outside, atol=1e-6 * scale)
    assert np.abs(crossing(model, 4.0) - far).max() > 1e-3 * scale  # and well inside it is felt


@pytest.mark.parametrize("kind", CONTINUOUS)
def test_forces_are_continuous_as_neighbours_change_order(kind):
    """Two neighbours of one atom pass the same distance."""
    model = potential(kind)
    before, after = exchange(model, 2.5 - 1e-7), exchange(model, 2.5 + 1e-7)
    assert_allclose(before, after, atol=1e-5 * np.abs(after).max())


def test_the_local_frame_is_not_continuous():
    """Where neighbours change order the axes turn, and where an atom crosses the cutoff it is there at once: forces jump."""
    model = potential("local frame")
    for forces, at in ((exchange, 2.5), (crossing, edge())):
        before, after = forces(model, at - 1e-7), forces(model, at + 1e-7)
        assert np.abs(before - after).max() > 1e-2 * np.abs(after).max()


def test_the_nearest_neighbours_are_seen_where_places_are_few(mixed):
    """The sorted edition with one place a species sees the nearest of each only."""
    model = potential("local frame", neighbours=1)
    near = Atoms("SiOO", [[0, 0, 0], [1.8, 0, 0], [0, 3.0, 0]])
    farther = Atoms("SiOO", [[0, 0, 0], [1.8, 0, 0], [0, 3.5, 0]])
    d = [model.descriptors(e, e.vectors)[0] for e in (environment(a, model.species, 4.0, model.dtype) for a in (near, farther))]
    assert_allclose(d[0], d[1], atol=1e-15)


@every
@pytest.mark.parametrize("symbols", ["Si", "SiO", "SiOO"])
def test_few_neighbours(kind, symbols):
    """One atom alone, a pair and a straight line: finite energies, forces that sum to zero and lie on the line."""
    atoms = Atoms(symbols, [[0.0, 0, 1.7 * k] for k in range(len(symbols.replace("Si", "S")))])
    found = label(atoms, potential(kind))
    assert np.isfinite(found.energy)
    assert_allclose(found.forces.sum(0), 0, atol=1e-12)
    if kind != "plain":
        assert_allclose(found.forces[:, :2], 0, atol=1e-12)


@pytest.mark.parametrize("closed", [True, False])
def test_symmetry_functions_have_published_values(closed):
    """Three atoms at the corners of an equilateral triangle: G2 = 2 g, G4 of one pair, by hand from eqs. 3 to 5; G5 (Behler
    2011, eq. 9) is G4 without the third side. About 1.5 A angular functions count from there."""
    shape = {"radial": 2, "angular_eta": [0.05], "angular_centre": [0.0, 1.5], "zeta": [2.0], "closed": closed}
    model = BehlerParrinello(["Si"], cutoff=4.0, dtype="float64", **shape)
    sides = 3 if closed else 2
    a = 2.0
    atoms = Atoms("Si3", [[0, 0, 0], [a, 0, 0], [a / 2, a * np.sqrt(3) / 2, 0]])
    one = environment(atoms, ["Si"], 4.0, torch.float64)
    found = model.descriptors(one, one.vectors)[0].numpy()
    cut = 0.5 * (1 + np.cos(np.pi * a / 4.0))
    step = 0.65 * 4.0
    radial = [2 * cut * np.exp(-((a - centre) ** 2) / (2 * step**2)) for centre in (0.8, 3.4)]
    angular = [
        0.5 * (1 + sign * 0.5) ** 2 * np.exp(-0.05 * (2 * (a - centre) ** 2 + (sides - 2) * a**2)) * cut**sides
        for centre in (0.0, 1.5)
        for sign in (1, -1)
    ]
    assert_allclose(found, np.tile(radial + angular, (3, 1)), rtol=1e-12)


def test_energy_is_conserved(disordered):
    """Velocity Verlet, error O(dt^2): a quarter for half the step; forces that are no gradient would drift at any step."""
    spread = []
    for dt in (1.0, 0.5):
        atoms = disordered("Si", rattle=0.02)
        atoms.calc = PotentialCalculator(potential(species=("Si",)))
        rng = np.random.default_rng(0)
        atoms.set_velocities(0.02 * rng.normal(size=(8, 3)))
        totals = []
        dynamics = VelocityVerlet(atoms, dt * fs)
        for _ in range(int(40 / dt)):
            dynamics.run(1)
            totals.append(atoms.get_total_energy())
        spread.append(np.std(totals))
    assert 3.0 < spread[0] / spread[1] < 5.0


@every
def test_batches_are_their_frames(kind, mixed, disordered):
    """Frames of other sizes and species side by side change nothing."""
    model = potential(kind)
    frames = [mixed, disordered("Si", repeat=2, seed=1), Atoms("O2", [[0, 0, 0], [1.2, 0, 0]])]
    batch = collate([environment(f, model.species, model.cutoff, model.dtype) for f in frames])
    with torch.no_grad():
        energy, forces, virial = model(batch)
    labels = [label(f, model) for f in frames]
    assert_allclose(energy, [one.energy for one in labels], rtol=1e-12)
    assert_allclose(forces, np.concatenate([one.forces for one in labels]), atol=1e-12)
    xx = [-v[0, 0].item() / f.get_volume() for v, f in zip(virial, frames[:2])]
    assert_allclose(xx, [one.stress[0] for one in labels[:2]], rtol=1e-9)


@every
def test_single_precision_is_round_off_away(kind, mixed):
    double, single = (label(mixed, potential(kind, dtype=dtype)).forces for dtype in ("float64", "float32"))
    assert_allclose(single, double, atol=1e-4 * np.abs(double).max())


@every
def test_checkpoint_and_calculator_give_the_same_forces(kind, mixed, tmp_path):
    model = potential(kind, seed=3)
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
    "kind, option, value",
    [
        ("smooth", "cutoff", -1),
        ("smooth", "smooth_from", 9.0),
        ("smooth", "axis", 99),
        ("smooth", "degree", 3),
        ("smooth", "embedding", [0]),
        ("smooth", "fitting", "wide"),
        ("smooth", "dtype", "float16"),
        ("smooth", "species", ["Si", "Si"]),
        ("local frame", "neighbours", 0),
        ("plain", "neighbours", [4]),
        ("Behler-Parrinello", "radial", 1),
        ("Behler-Parrinello", "zeta", [0.5]),
        ("Behler-Parrinello", "closed", 1),
        ("Behler-Parrinello", "angular_eta", []),
        ("Behler-Parrinello", "angular_centre", [-1.0]),
        ("Behler-Parrinello", "radial_range", [0.9, 0.2]),
    ],
)
def test_options_are_checked_by_name(kind, option, value):
    made, given = KINDS[kind]
    with pytest.raises(InputError, match=f"potential.{option}"):
        made(**({"species": ["Si", "O"]} | given | {option: value}))


def test_an_unknown_element_is_refused(mixed):
    with pytest.raises(InputError, match="holds O"):
        label(mixed, potential(species=("Si",)))
