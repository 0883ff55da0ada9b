"""Galilean invariance, reflection, scaling, averages."""

from dataclasses import replace

import numpy as np
import pytest

from knudsen.kinetic import cases, gas, simulate
from knudsen.kinetic.grid import VelocityGrid, grid_of_case

SCHEMES = [("muscl", "ars222"), ("weno5", "ars443")]


@pytest.mark.parametrize(("transport", "integrator"), SCHEMES)
def test_reflection(transport, integrator):
    the_gas, case = gas("bgk_2v", velocity_points=40, velocity_bounds=(-9, 9)), cases.mix(6, knudsen=0.1)
    mirrored = replace(case, rho=case.rho[:, ::-1], u=-case.u[:, ::-1], T=case.T[:, ::-1])
    a, b = (simulate(c, the_gas, transport=transport, integrator=integrator)[0] for c in (case, mirrored))
    np.testing.assert_allclose(a.rho[-1], b.rho[-1, ::-1], atol=1e-12)
    np.testing.assert_allclose(a.q[-1], -b.q[-1, ::-1], atol=1e-12)


def test_density_scales_out_of_constant_frequency():
    case = cases.wave(6, knudsen=0.1)
    a, b = (simulate(c, gas("bgk_1v"))[0] for c in (case, replace(case, rho=4.0 * case.rho)))
    np.testing.assert_allclose(4.0 * a.G, b.G, rtol=1e-10, atol=1e-12)


def test_velocity_scale():
    """v -> 2 v, x -> 2 x: the same numbers on a domain of twice the length."""
    case = cases.wave(6, knudsen=0.1)
    scaled = replace(case, bounds=(-1.0, 1.0), u=2 * case.u, T=4 * case.T)
    a, b = (simulate(c, gas("bgk_1v"))[0] for c in (case, scaled))
    np.testing.assert_allclose(4 * a.T, b.T, rtol=1e-10)
    np.testing.assert_allclose(8 * a.q, b.q, atol=1e-10)


def test_galilean_boost_over_a_whole_period():
    """In a frame that moves one domain length in t_end the solution is the same, but for the transport scheme's own error."""
    the_gas, t_end = gas("bgk_1v"), 0.2
    case = cases.wave(11, knudsen=0.05, t_end=t_end, cells=200)
    boosted = replace(case, u=case.u + 1 / t_end)
    grid = grid_of_case(case, the_gas)
    moved = VelocityGrid(grid.v + 1 / t_end, grid.dv)
    a, b, coarse = (
        simulate(c, the_gas, transport="weno5", integrator="ars443", velocity_grid=g)[0]
        for c, g in ((case, grid), (boosted, moved), (case.at(100), grid))
    )
    own = np.abs(coarse.rho[-1] - a.averaged(100).rho[-1]).max()
    assert np.abs(a.rho[-1] - b.rho[-1]).max() < max(own, 1e-5)
    np.testing.assert_allclose(a.T[-1], b.T[-1], atol=1e-3)


def test_averaged_rows_are_averages_of_moments():
    fine = simulate(cases.mix(0, cells=200), gas("bgk_3v"))[0]
    coarse = fine.averaged(50)
    assert coarse.x.size == 50 and coarse.dx == pytest.approx(4 * fine.dx)
    np.testing.assert_allclose(coarse.G, fine.G.reshape(2, 11, 50, 4).mean(-1))
    mean_energy = (fine.rho * (fine.u**2 + 3 * fine.T)).reshape(2, 50, 4).mean(-1)
    np.testing.assert_allclose(coarse.rho * (coarse.u**2 + 3 * coarse.T), mean_energy)


def test_saved_rows():
    solution = simulate(cases.wave(0, t_end=0.1, save_times=(0.03, 0.05)), gas("bgk_1v"))[0]
    assert solution.t.tolist() == [0.0, 0.03, 0.05, 0.1]
    case = cases.wave(0)
    np.testing.assert_allclose(solution.G[0, :3], case.raw_moments(gas("bgk_1v"), 10)[0][:3], atol=1e-12)
