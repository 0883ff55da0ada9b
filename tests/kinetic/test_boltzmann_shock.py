"""Steady shocks of Boltzmann gases: exact relations, the same method on a model that another solver solves, limits."""

import numpy as np
import pytest

from knudsen.kinetic import InputError, boltzmann_shock, gas, rankine_hugoniot, solve_shock
from knudsen.kinetic.shock import ShockProfile


def fluxes(shock: ShockProfile):
    """Of mass, momentum and energy, over those of the state upstream."""
    (rho, u, T), D = rankine_hugoniot(shock.mach, shock.gas)[0], shock.gas.dims
    upstream = rho * u, rho * (u**2 + T), rho * u * (u**2 + (D + 2) * T)
    return [a / b for a, b in zip((shock.G[1], shock.G[2], shock.G[3] + shock.H[1]), upstream)]


@pytest.fixture(scope="module", params=["maxwell_2v", "hard_sphere_3v"])
def shock(request):
    return solve_shock(gas(request.param), 2.0) if request.param == "maxwell_2v" else coarse_hard_spheres(2.0)


def coarse_hard_spheres(mach):
    """18 velocities along x and 9 in each half across: two seconds, and the thickness to 0.1 %."""
    ends = np.array(rankine_hugoniot(mach, gas("hard_sphere_3v")))
    low, high = (ends[1, 1] + side * 4.5 * np.sqrt(ends[1, 2]) for side in (-1, 1))
    return solve_shock(gas("hard_sphere_3v", velocity_points=18, velocity_bounds=(low, high)), mach)


def test_mass_momentum_and_energy_flow_through(shock):
    for flux in fluxes(shock):
        np.testing.assert_allclose(flux, 1.0, atol=2e-5)


def test_largest_normal_temperature_follows_from_mass_and_momentum(shock):
    """max Txx = (1 + u1^2)^2 / (4 u1^2), where the mass flux times 2 u is the momentum flux: exact for every collision model."""
    (_, u1, _), (_, _, T2) = rankine_hugoniot(2.0, shock.gas)
    assert shock.Txx_max_over_T2 == pytest.approx((1 + u1**2) ** 2 / (4 * u1**2) / T2, rel=3e-5)


def test_density_is_half_way_at_the_origin_and_rises(shock):
    ends = rankine_hugoniot(2.0, shock.gas)
    assert shock.sample(0.0)["rho"] == pytest.approx(0.5 * (ends[0][0] + ends[1][0]), rel=1e-6)
    assert (np.diff(shock.rho) > -1e-6).all()
    assert shock.separation > 0  # the temperature rises first
    np.testing.assert_allclose((shock.rho[0], shock.T[-1]), (1.0, ends[1][2]), rtol=1e-4)


def test_heat_flows_upstream_and_the_stress_opposes_the_compression(shock):
    assert shock.q.min() < -0.1 and shock.q.max() < 1e-4
    assert shock.sigma.max() > 0.1 and shock.sigma.min() > -1e-4


class ShakhovCollisions:
    """Shakhov's model on the full velocity grid, in the place of the collision integral."""

    def __init__(self, the_gas, grid):
        self.grid, self.gas = grid, gas("shakhov_3v", omega=the_gas.omega)

    def __call__(self, f, rho, u, T):
        c, square = self.grid.speeds - u[:, None], np.tile(self.grid.transverse_square, self.grid.points)
        g, h = self.grid.pair(f)
        c_x = self.grid.v - u[:, None]
        q = 0.5 * (g * c_x**3 + h * c_x).sum(axis=1) * self.grid.along.dv
        a = ((1 - self.gas.prandtl) * q / (5 * rho * T**2))[:, None] * c
        target = self.grid.maxwellian(rho, u, T) * (1 + a * ((c**2 + square) / T[:, None] - 5))
        # the solver's frequency is that of hard spheres: the same equation in another unit of length
        return gas("hard_sphere_3v").frequency(rho, T)[:, None] * (target - f)


def test_full_velocities_reproduce_a_model_that_the_reduced_pair_solves(monkeypatch):
    """Shakhov with omega = 1/2 in three velocity coordinates against the solver of the pair (its own grid, mesh and Newton)."""
    exact = solve_shock(gas("shakhov_3v", omega=0.5), 2.0)
    monkeypatch.setattr(boltzmann_shock, "BinaryCollisions", ShakhovCollisions)
    monkeypatch.setattr(boltzmann_shock, "SONINE", {})
    full = coarse_hard_spheres(2.0)
    assert full.lambda1_over_delta == pytest.approx(exact.lambda1_over_delta, rel=1e-3)
    assert full.separation == pytest.approx(exact.separation, rel=1e-3)
    x = np.linspace(-8, 8, 81)  # in mean free paths
    for key in ("rho", "T", "q"):
        a, b = (one.sample(x * one.mean_free_path)[key] for one in (full, exact))
        assert np.abs(a - b).max() < 1e-3 * np.ptp(b)


def test_weak_shock_is_that_of_navier_stokes_fourier():
    """Steepening against diffusion (Burgers' equation; L. D. Landau, E. M. Lifshitz, Fluid Mechanics, section 93), M -> 1:

    the profile tanh(2 x/delta) with delta = 16 Gamma/((gamma + 1) du), Gamma = (2 (D - 1)/D mu + (gamma - 1) kappa/c_p)/(2 rho).
    """
    the_gas, ratios = gas("maxwell_2v"), []
    for mach in (1.2, 1.1):
        shock = solve_shock(the_gas, mach)
        (_, u1, _), (_, u2, _) = rankine_hugoniot(mach, the_gas)
        mu = the_gas.viscosity(1.0, 1.0)
        diffusivity = 0.5 * (mu + (the_gas.gamma - 1) * mu / the_gas.prandtl)
        thickness = 16 * diffusivity / ((the_gas.gamma + 1) * (u1 - u2))
        ratios.append(shock.mean_free_path / shock.lambda1_over_delta / thickness)
    assert ratios[1] == pytest.approx(1.0, abs=0.01)
    assert abs(ratios[1] - 1) < 0.7 * abs(ratios[0] - 1)


@pytest.mark.slow
def test_hard_spheres_at_mach_3_are_grid_converged_and_overshoot(monkeypatch):
    thickness, overshoot = [], []
    for spacing in (0.9, 0.75):
        monkeypatch.setattr(boltzmann_shock, "SPACING", spacing)
        shock = solve_shock(gas("hard_sphere_3v"), 3.0)
        thickness.append(shock.lambda1_over_delta)
        overshoot.append(shock.T_max_normalised - 1)
    assert thickness[0] == pytest.approx(thickness[1], rel=5e-4)
    np.testing.assert_allclose(overshoot, 7.2e-4, rtol=0.1)  # small, as with any Prandtl number of 2/3


def test_bad_input_is_named():
    with pytest.raises(InputError, match=r"gas\.velocity_points"):
        solve_shock(gas("maxwell_2v", velocity_points=8), 2.0)
    with pytest.raises(InputError, match="mach=9"):
        solve_shock(gas("hard_sphere_3v"), 9.0)
    with pytest.raises(InputError, match="tolerance"):
        solve_shock(gas("hard_sphere_3v"), 2.0, tolerance=0.0)
