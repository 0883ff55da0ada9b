"""Cases: the protocol's ranges, block averages, saved times, bad input."""

from dataclasses import replace

import numpy as np
import pytest

from knudsen.kinetic import InputError, cases, gas
from knudsen.kinetic.grid import grid_of_case, star_states

RANDOM = [cases.wave, cases.mix, cases.transition, cases.equilibrium, cases.strong]
SEEDS = range(40)


@pytest.mark.parametrize("make", RANDOM)
def test_random_case_is_a_function_of_its_seed(make):
    a, b, other = make(7), make(7), make(8)
    assert all((getattr(a, key) == getattr(b, key)).all() for key in ("rho", "u", "T"))
    assert not np.array_equal(a.T, other.T) or not np.array_equal(a.rho, other.rho)
    assert np.array_equal(a.knudsen, b.knudsen)
    assert np.array_equal(a.rho, make(7, knudsen=0.5, t_end=0.3, cells=50).rho)


@pytest.mark.parametrize("make", [cases.wave, cases.mix])
def test_mixture_fields_keep_the_ranges_of_the_protocol(make):
    for seed in SEEDS:
        case = make(seed)
        assert case.rho.shape == (2, 600) and case.bounds == (-0.5, 0.5) and case.boundary == "periodic"
        assert 1e-3 <= case.knudsen <= 10
        assert case.u.min() >= -0.6 and case.u.max() <= 0.6 and case.T.min() >= 0.4 and case.T.max() <= 1.4
        total = case.rho.max() / 1.4  # a rho_1, (1 - a) rho_2
        assert 0 < total <= 1


def test_transition_knudsen_field():
    case = cases.transition(0, cells=600)
    assert case.knudsen == pytest.approx(1e-3 + 5 * (np.tanh(1 + 11 * case.x) + np.tanh(1 - 11 * case.x)))


def test_strong_slab():
    for seed in SEEDS:
        case = cases.strong(seed)
        inside = case.rho[0] == 1
        assert 0.4 <= inside.mean() <= 0.6 and case.rho.min() >= 1 / 12 and 0.3 <= case.T.min() and case.T.max() <= 3
        assert (case.u[0] == -case.u[0, ::-1]).all()


@pytest.mark.parametrize("make", RANDOM)
@pytest.mark.parametrize("name", ["bgk_1v", "bgk_3v"])
def test_distribution_has_the_raw_moments(make, name):
    the_gas, case = gas(name), make(3, cells=20, fine=60)
    grid = grid_of_case(case, the_gas)
    f = case.distribution(the_gas, grid)
    G, H = case.raw_moments(the_gas, 6)
    powers = grid.v ** np.arange(7)[:, None] * grid.dv
    np.testing.assert_allclose((powers @ f[0].T)[:3], G[:3], rtol=0, atol=1e-13 * G[2].max())  # exact by construction
    np.testing.assert_allclose(powers @ f[0].T, G, rtol=0, atol=1e-8 * np.abs(G[6]).max())  # tail beyond 7.5 thermal speeds
    if H is not None:
        np.testing.assert_allclose(f[1].sum(-1) * grid.dv, H[0], rtol=1e-12)


def test_blocks_average_the_moments_not_the_fields():
    the_gas, fine = gas("bgk_2v"), cases.mix(1, cells=600)
    coarse = fine.at(100)
    for a, b in zip(fine.raw_moments(the_gas, 5), coarse.raw_moments(the_gas, 5), strict=True):
        np.testing.assert_allclose(a.reshape(6, 100, 6).mean(-1), b, rtol=1e-12, atol=1e-14)


def test_end_time_is_always_saved_and_times_are_sorted():
    assert cases.wave(0, t_end=0.3, save_times=[0.2, 0.1]).save_times == (0.1, 0.2, 0.3)
    assert cases.wave(0, t_end=0.3, save_times=[0.3]).save_times == (0.3,)


def test_shock_case_holds_its_end_states():
    the_gas = gas("bgk_3v")
    case = cases.shock(3.0, the_gas)
    from knudsen.kinetic import rankine_hugoniot

    np.testing.assert_allclose(case.end_states(the_gas), rankine_hugoniot(3.0, the_gas), rtol=1e-12)


@pytest.mark.parametrize("D", [1, 2, 3])
def test_riemann_star_state_of_sod(D):
    """Sod's tube: p* = 0.30313, u* = 0.92745 for gamma = 1.4 (Toro 2009, table 4.2); the others from another exact solver."""
    gamma = {1: 3, 2: 2, 3: 5 / 3}[D]
    exact = {1: (0.60856697289, 0.27290946729), 2: (0.76006242920, 0.28597527821), 3: (0.84119485217, 0.29394518767)}  # u*, p*
    one = np.ones(1)
    u, T_left, T_right = star_states((one, 0 * one, one), (0.125 * one, 0 * one, 0.8 * one), gamma)
    assert u[0] == pytest.approx(exact[D][0], rel=1e-9)
    p = exact[D][1]
    assert T_left[0] == pytest.approx(p ** (1 - 1 / gamma), rel=1e-9)  # isentropic: T = p/rho, rho = p^(1/gamma)
    u, T_left, T_right = star_states((one, 0 * one, one), (0.125 * one, 0 * one, 0.8 * one), 1.4)
    assert u[0] == pytest.approx(0.92745, abs=5e-6)
    assert T_right[0] == pytest.approx(0.30313 / 0.26557, rel=3e-5)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"cells": 7}, "case.cells"),
        ({"cells": 0}, "case.cells"),
        ({"cells": 10.0}, "case.cells"),
        ({"knudsen": 0.0}, "case.knudsen"),
        ({"knudsen": -1.0}, "case.knudsen"),
        ({"knudsen": float("nan")}, "case.knudsen"),
        ({"knudsen": "thin"}, "case.knudsen"),
        ({"knudsen": np.ones(7)}, "case.knudsen"),
        ({"t_end": 0}, "case.t_end"),
        ({"t_end": None}, "case.t_end"),
        ({"save_times": (0.2,)}, "case.save_times"),
        ({"save_times": (0.0,)}, "case.save_times"),
        ({"save_times": 5}, "case.save_times"),
        ({"boundary": "wall"}, "case.boundary"),
        ({"rho": -np.ones(600), "u": np.zeros(600), "T": np.ones(600)}, "case.rho"),
        ({"T": np.zeros((2, 600))}, "case.T"),
        ({"u": np.full((2, 600), np.nan)}, "case.u"),
        ({"rho": np.ones((2, 300))}, "case.rho"),
    ],
)
def test_bad_case_names_its_key(change, key):
    with pytest.raises(InputError, match=key):
        replace(cases.wave(0, knudsen=0.1), **change)


@pytest.mark.parametrize("seed", [-1, 1.5, None, True])
def test_bad_seed(seed):
    with pytest.raises(InputError, match="seed"):
        cases.wave(seed)
