"""Gases, moments of Maxwellians, jump conditions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knudsen.kinetic import InputError, gas, macroscopic, maxwellian_moments, rankine_hugoniot

ROUND_OFF = 1e-12
names = st.sampled_from(["bgk_1v", "bgk_2v", "bgk_3v"])


@given(names, st.floats(0.01, 10), st.floats(-5, 5), st.floats(0.01, 10))
def test_moments_of_a_maxwellian_hold_its_fields(name, rho, u, T):
    the_gas = gas(name)
    fields = macroscopic(*maxwellian_moments(rho, u, T, the_gas, 4), the_gas)
    scale = rho * (abs(u) + T**0.5) ** 3
    np.testing.assert_allclose([fields[0], fields[0] * fields[1]], [rho, rho * u], rtol=ROUND_OFF)
    found = [fields[2] * rho, fields[3], fields[4]]
    np.testing.assert_allclose(found, [rho * T, 0, 0], atol=100 * ROUND_OFF * max(scale, rho * T + rho * u**2))


def test_raw_moments_against_quadrature():
    v = np.linspace(-12, 12, 4001)
    f = 0.7 / np.sqrt(2 * np.pi * 1.3) * np.exp(-((v - 0.4) ** 2) / 2.6)
    G, H = maxwellian_moments(0.7, 0.4, 1.3, gas("bgk_3v"), 10)
    expected = [(v**k * f).sum() * (v[1] - v[0]) for k in range(11)]
    np.testing.assert_allclose(G, expected, rtol=1e-10)  # the trapezoidal rule is exact here; sums of 10th powers lose digits
    np.testing.assert_allclose(H, 2 * 1.3 * G, rtol=ROUND_OFF)


JUMPS = [("bgk_3v", 5 / 3, (3.639, 10.32)), ("bgk_2v", 2, (2.814, 14.21)), ("bgk_1v", 3, (1.936, 23.18))]


@pytest.mark.parametrize(("name", "gamma", "ratios"), JUMPS)
def test_jump_of_a_mach_5_5_shock(name, gamma, ratios):
    """rho2/rho1 and T2/T1 to the four digits of a gas table, and the three conserved fluxes."""
    the_gas = gas(name)
    assert the_gas.gamma == pytest.approx(gamma)
    before, behind = rankine_hugoniot(5.5, the_gas)
    assert (behind[0], behind[2]) == pytest.approx(ratios, rel=5e-4)
    for flux in (
        lambda rho, u, T: rho * u,
        lambda rho, u, T: rho * (u**2 + T),
        lambda rho, u, T: rho * u * (u**2 + (the_gas.dims + 2) * T),
    ):
        assert flux(*before) == pytest.approx(flux(*behind), rel=ROUND_OFF)


def test_frequency_laws():
    rho, T = np.array([0.5, 2.0]), np.array([4.0, 9.0])
    assert gas("bgk_1v").frequency(rho, T) == pytest.approx([1, 1])
    assert gas("bgk_1v", omega=0.5).frequency(rho, T) == pytest.approx([1, 6])


@pytest.mark.parametrize("mach", [1, 0.5, -3, float("nan"), float("inf"), "fast", None, True])
def test_a_shock_needs_a_mach_number_above_one(mach):
    with pytest.raises(InputError, match="mach"):
        rankine_hugoniot(mach, gas("bgk_1v"))


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"omega": "x"}, "gas.omega"),
        ({"omega": float("nan")}, "gas.omega"),
        ({"velocity_points": 0}, "gas.velocity_points"),
        ({"velocity_points": 10.5}, "gas.velocity_points"),
        ({"velocity_bounds": [1]}, "gas.velocity_bounds"),
        ({"velocity_bounds": [3, -3]}, "gas.velocity_bounds"),
        ({"viscosity": 1}, "gas.viscosity"),
    ],
)
def test_bad_gas_options_name_their_key(options, key):
    with pytest.raises(InputError, match=key):
        gas("bgk_1v", **options)


def test_unknown_gas_lists_the_known_ones():
    with pytest.raises(InputError, match=r"gas='xenon'.*bgk_1v"):
        gas("xenon")
