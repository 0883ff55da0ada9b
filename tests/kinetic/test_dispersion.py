"""Modes of the linearised BGK equation: published-quality roots, the hydrodynamic limit, where they end."""

import numpy as np
import pytest

from knudsen.kinetic.dispersion import dispersion_function, dispersion_roots

# lambda eps at K = k eps sqrt(T), and the K at which a mode ends: from the determinant evaluated with 50 digits, computed
# independently of this program.
ROOTS = [
    (1, "heat", 0.1, -0.009782308478133238), (1, "heat", 1.0, -0.5582961804561386),
    (1, "sound", 0.01, -9.99667119076977e-5 + 0.01732137304215753j), (1, "sound", 0.5, -0.1834686536204112 + 0.9014957742888856j),
    (2, "sound", 1.0, -0.6512423584179613 + 1.493390378006581j),
    (3, "heat", 0.01, -9.998201262625977e-5), (3, "heat", 0.5, -0.1994748234488235),
    (3, "sound", 0.1, -0.009869239914728688 + 0.1293840941703667j), (3, "sound", 1.0, -0.6551058361413323 + 1.35755977655232j),
]  # fmt: skip
ENDS = [(1, "heat", 1.49118), (1, "sound", 1.47158), (3, "heat", 1.35603), (3, "sound", 1.31176)]


@pytest.mark.parametrize("dims, mode, K, exact", ROOTS)
def test_roots_to_round_off(dims, mode, K, exact):
    found = dispersion_roots([K], dims)[mode][0]
    assert abs(found - exact) < 1e-12 * abs(exact)
    assert abs(dispersion_function(found, K, dims)) < 1e-12


@pytest.mark.parametrize("dims, mode, end", ENDS)
def test_a_mode_ends_where_it_meets_the_continuum(dims, mode, end):
    found = dispersion_roots([end - 1e-3, end + 1e-3], dims)[mode]
    assert np.isfinite(found[0]) and found[0].real > -1 and np.isnan(found[1])


@pytest.mark.parametrize("dims", (1, 2, 3))
def test_long_waves_are_those_of_navier_stokes_and_fourier(dims):
    """To order K^2: heat decays at kappa/(rho c_p), sound at half of (4/3-like stress + (gamma - 1) kappa/c_p); Pr = 1."""
    K, gamma = 1e-3, (dims + 2) / dims
    found = {mode: values[0] for mode, values in dispersion_roots([K], dims).items()}
    stress = 2 * (dims - 1) / dims  # of mu du/dx
    assert found["heat"] == pytest.approx(-(K**2), rel=1e-5)
    assert found["sound"].real == pytest.approx(-0.5 * K**2 * (stress + (gamma - 1) * 1.0), rel=1e-5)
    assert found["sound"].imag == pytest.approx(np.sqrt(gamma) * K, rel=1e-5)
