"""Distribution functions against what is known of crystals, the ideal gas and correlated noise."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from knudsen.molecular.distributions import angular_distribution, block_average, radial_distribution

DEGREES = np.concatenate([[0.0], np.arange(0.5, 180.0), [180.0]])  # no edge at 90 degrees


def neighbours_within(atoms, g, edges, reach):
    """Integral of 4 pi r^2 n g."""
    shells = 4 * np.pi / 3 * np.diff(edges**3)
    return np.sum((g * shells)[edges[1:] <= reach + 1e-9]) * len(atoms) / atoms.get_volume()


def test_crystal_shells_hold_their_neighbours():
    """Diamond: 4, 12, 12, 6 atoms at sqrt(3)/4, 1/sqrt(2), sqrt(11)/4, 1 lattice constants, also beyond half a small cell."""
    atoms, a = bulk("Si", "diamond", a=5.4), 5.4
    edges = np.linspace(0, 6.0, 121)
    (g,) = radial_distribution([atoms], edges)
    counts = [neighbours_within(atoms, g, edges, reach) for reach in (2.5, 4.0, 4.6, 5.5)]
    np.testing.assert_allclose(counts, np.cumsum([4, 12, 12, 6]), rtol=1e-12)
    assert g[np.searchsorted(edges, a * np.sqrt(3) / 4) - 1] > 0


def test_ideal_gas_has_no_structure():
    """g = 1 within five standard errors of its own shells' Poisson noise."""
    rng = np.random.default_rng(0)
    frames = [Atoms("Ar200", 20 * rng.random((200, 3)), cell=[20] * 3, pbc=True) for _ in range(20)]
    edges = np.linspace(0, 9, 10)
    g = radial_distribution(frames, edges).mean(0)
    pairs = 20 * 200 * 199 / 2 * 4 * np.pi / 3 * np.diff(edges**3) / 20**3
    assert (np.abs(g - 199 / 200) < 5 / np.sqrt(pairs)).all()


@pytest.mark.parametrize(("structure", "a", "reach", "expected"), [
    ("diamond", 5.431, 2.6, {109.47: 1.0}), ("sc", 2.6, 2.7, {90.0: 12 / 15, 180.0: 3 / 15})])  # fmt: skip
def test_crystals_have_their_bond_angles(structure, a, reach, expected):
    (p,) = angular_distribution([bulk("Si", structure, a=a, cubic=True)], DEGREES, reach)
    share = p * np.diff(DEGREES)
    assert share.sum() == pytest.approx(1.0)
    for angle, weight in expected.items():
        assert share[round(angle)] == pytest.approx(weight)


def test_angles_of_lonely_atoms_are_none():
    assert not angular_distribution([Atoms("Ar2", [[0, 0, 0], [0, 0, 3]], cell=[20] * 3, pbc=True)], DEGREES, 4.0).any()


def test_blocks_see_through_correlations():
    """AR(1) noise of correlation 0.9: the mean's error is sqrt((1 + 0.9) / (1 - 0.9)) = 4.36 times the naive one."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(20_000, 50))
    series = np.empty_like(noise)
    series[0] = noise[0] / np.sqrt(1 - 0.81)
    for k in range(1, len(series)):
        series[k] = 0.9 * series[k - 1] + noise[k]
    _, error = block_average(series, 20)
    naive = series.std(0) / np.sqrt(len(series))
    assert np.sqrt(np.mean((error / naive) ** 2)) == pytest.approx(np.sqrt(1.9 / 0.1), rel=0.1)  # 950 degrees of freedom: 2.3 %
