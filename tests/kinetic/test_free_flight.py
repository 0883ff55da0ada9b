"""Velocities that do not show where molecules fly far: jumps without staircases, waves that do not return; and saying so."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import erf

from knudsen.errors import UnderResolvedWarning
from knudsen.kinetic import Case, cases, gas, simulate
from knudsen.kinetic.grid import MOST, flight_spacing, grid_of_case


def free_sod(x, t):
    """rho, u, T, q of Sod's tube without collisions, D = 1: M_left where v > x/t, M_right below (moments of half Gaussians)."""
    moments = np.zeros((4, x.size))
    for (rho, T), sign in (((1.0, 1.0), 1), ((0.125, 0.8), -1)):
        s, g = x / t, np.exp(-((x / t) ** 2) / (2 * T)) / np.sqrt(2 * np.pi * T)
        part = [0.5 * (1 - sign * erf(s / np.sqrt(2 * T))), sign * T * g]
        for k in (2, 3):
            part.append((k - 1) * T * part[k - 2] + sign * T * s ** (k - 1) * g)
        moments += rho * np.array(part)
    rho, u = moments[0], moments[1] / moments[0]
    T = moments[2] / rho - u**2
    return rho, u, T, 0.5 * (moments[3] - 3 * u * moments[2] + 2 * u**3 * rho)


@pytest.mark.parametrize("transport", ["weno5", "muscl"])
def test_a_jump_in_free_flight_is_smooth(transport):
    """Sod without collisions against the exact solution, integrals of the error (with 52 velocities 2e-2); few leave rays, and
    say so."""
    case = cases.sod(cells=200, knudsen=1e6)
    exact = free_sod(case.x, case.t_end)

    def worst(the_gas):
        solution = simulate(case, the_gas, transport=transport)[0]
        fields = (solution.rho, solution.u, solution.T, solution.q)
        return max(abs(value[-1] - truth).mean() for value, truth in zip(fields, exact, strict=True)), solution

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        error, solution = worst(gas("bgk_1v"))
    assert error < 2e-3 and solution.warnings == ()
    with pytest.warns(UnderResolvedWarning, match="gas.velocity_points="):
        coarse, doubtful = worst(gas("bgk_1v", velocity_points=40))
    assert coarse > 10 * error and "rays" in doubtful.warnings[0]


def test_a_wave_that_has_died_does_not_return():
    """Free flight shears cos kx to exp(-(k t)^2/2) of itself; with spacing dv it would return at t = 2 pi/(k dv)."""
    x = (np.arange(120) + 0.5) / 120 - 0.5
    k, one = 8 * np.pi, np.ones(120)
    case = Case("wave", (-0.5, 0.5), 120, "periodic", 1 + 0.1 * np.cos(k * x), 0 * one, one, 1e6, 2 * np.pi / (k * 0.6))
    mode = simulate(case, gas("bgk_1v"))[0].rho[-1] @ np.exp(-1j * k * x) / 60
    assert abs(mode) < 1e-5
    coarse = replace(gas("bgk_1v"), velocity_points=26, velocity_bounds=(-7.8, 7.8))  # spacing 0.6
    with pytest.warns(UnderResolvedWarning, match="waves return"):
        assert abs(simulate(case, coarse)[0].rho[-1] @ np.exp(-1j * k * x) / 60) > 0.05


def test_velocities_are_as_many_as_collisions_and_cells_ask_for():
    the_gas = gas("bgk_3v")
    points = {eps: grid_of_case(cases.sod(cells=200, knudsen=eps), the_gas).points for eps in (1e-3, 0.1, 10.0)}
    assert points[1e-3] < points[0.1] < points[10.0] < 200  # none more where collisions damp the rays
    jump = cases.sod(cells=200, knudsen=10.0)
    assert flight_spacing(jump, the_gas) * 0.15 == pytest.approx(4 * jump.dx, rel=0.25)  # four cells between two rays
    smooth = cases.sound(the_gas, cells=200, knudsen=10.0)
    assert grid_of_case(smooth, the_gas).points == grid_of_case(replace(smooth, knudsen=1e-3), the_gas).points
    huge = cases.sod(cells=6400, knudsen=10.0)
    assert grid_of_case(huge, the_gas).points <= MOST + 2 and flight_spacing(huge, the_gas) < 18 / MOST
