"""Steady shocks against published and independently computed thicknesses, exact identities, and time marching."""

from functools import cache

import numpy as np
import pytest

from knudsen.kinetic import Gas, InputError, cases, gas, rankine_hugoniot, simulate, solve_shock

# lambda1/delta from integration along characteristics with Anderson acceleration: gas, Mach, omega (None: constant frequency),
# value, its accuracy (0.01 % for BGK at Mach 5.5, 0.5 % elsewhere; for ES-BGK its own momentum flux drifts by 3e-4)
THICKNESS = [
    ("bgk_1v", 2.0, None, 0.17536, 5e-3),
    ("bgk_1v", 2.0, 1.0, 0.21108, 5e-3),
    ("bgk_3v", 2.0, None, 0.16720, 5e-3),
    ("bgk_3v", 5.5, None, 0.10532, 1e-4),
    ("bgk_3v", 2.0, 0.5, 0.33977, 5e-3),
    ("bgk_3v", 5.5, 0.5, 0.63252, 1e-4),
    ("bgk_3v", 2.0, 0.81, 0.28344, 5e-3),
    ("bgk_3v", 5.5, 0.81, 0.31853, 1e-4),
    ("bgk_3v", 2.0, 1.0, 0.25392, 5e-3),
    ("bgk_3v", 5.5, 1.0, 0.20945, 1e-4),
    ("shakhov_3v", 2.0, 0.5, 0.27868, 5e-3),
    ("shakhov_3v", 5.5, 0.5, 0.51899, 5e-3),
    ("shakhov_3v", 2.0, 0.81, 0.22862, 5e-3),
    ("shakhov_3v", 5.5, 0.81, 0.25321, 5e-3),
    ("es_bgk_3v", 5.5, 0.81, 0.29758, 1e-2),
]
MODELS = [("bgk", D) for D in (1, 2, 3)] + [("shakhov", D) for D in (1, 2, 3)] + [("es_bgk", D) for D in (2, 3)]


@cache
def steady(name, mach, omega):
    return solve_shock(gas(name, omega=omega), mach)


def model_gas(model, dims, **options):
    return Gas(f"{model}_{dims}v", dims, collision=model, **options)


@pytest.mark.parametrize(("name", "mach", "omega", "expected", "accuracy"), THICKNESS)
def test_density_thickness(name, mach, omega, expected, accuracy):
    assert steady(name, mach, omega).lambda1_over_delta == pytest.approx(expected, rel=accuracy)


@pytest.mark.parametrize(
    ("model", "dims", "mach"),
    [  # every model with every number of velocities at one Mach number, in three dimensions at all
        pytest.param(*which, mach, marks=[] if mach == 2.0 or which[1] == 3 else pytest.mark.slow)
        for which in MODELS
        for mach in (1.05, 2.0, 8.0)
    ],
)
def test_fluxes_are_constant_and_the_longitudinal_temperature_peaks_where_it_must(model, dims, mach):
    """T_xx = (P - m u)/rho, m and P constant: a parabola in u, largest at u = (1 + u1^2)/(2 u1) if the shock gets there."""
    the_gas = model_gas(model, dims, omega=0.5)
    shock = solve_shock(the_gas, mach)
    heat = shock.G[3] + (0 if shock.H is None else shock.H[1])
    for flux in (shock.G[1], shock.G[2], heat):
        assert np.ptp(flux) < 1e-5 * flux[0]
    (_, u1, _), (_, u2, T2) = rankine_hugoniot(mach, the_gas)
    u_peak = max((1 + u1**2) / (2 * u1), u2)
    exact = u_peak * (1 + u1**2 - u1 * u_peak) / u1
    assert shock.Txx_max_over_T2 * T2 == pytest.approx(exact, rel=1e-5)
    assert shock.change < 1e-5
    np.testing.assert_allclose([shock.rho[0], shock.rho[-1]], [1, u1 / u2], rtol=1e-5)
    assert np.interp(0, shock.x, shock.rho) == pytest.approx(0.5 * (1 + u1 / u2))


@pytest.mark.parametrize(("mach", "expected"), [(2.0, 1.060652), (5.5, 1.270027), (8.0, 1.301692)])
def test_longitudinal_temperature_of_three_dimensions(mach, expected):
    """Txx_max/T2 of any shock with D = 3 that conserves mass and momentum."""
    assert solve_shock(gas("bgk_3v"), mach).Txx_max_over_T2 == pytest.approx(expected, rel=1e-6)


def test_velocity_grid_and_mesh_are_converged():
    usual = solve_shock(gas("bgk_1v"), 3.0)
    finer = solve_shock(gas("bgk_1v", velocity_points=2 * usual.grid.points), 3.0, tolerance=1e-6)
    assert usual.lambda1_over_delta == pytest.approx(finer.lambda1_over_delta, rel=1e-5)


@pytest.mark.parametrize(("model", "dims"), MODELS)
def test_weak_shock_is_the_navier_stokes_fourier_tanh(model, dims):
    r"""M -> 1: Burgers' thickness of the NSF equations (L. D. Landau, E. M. Lifshitz, Fluid Mechanics, section 93).

    mu = eps p/nu (none for D = 1), kappa = (D + 2)/2 mu/Pr. The correction is of the order of M - 1.
    """
    the_gas, mach, D = model_gas(model, dims), 1.01, dims
    gamma, viscosity, kappa = the_gas.gamma, 2 * (D - 1) / D, 0.5 * (D + 2) / the_gas.prandtl
    diffusivity = viscosity + kappa * (2 / D - 2 / (D + 2))  # of sound: longitudinal viscosity + kappa (1/c_v - 1/c_p)
    shock = solve_shock(the_gas, mach)
    (_, u1, _), (_, u2, _) = rankine_hugoniot(mach, the_gas)
    # u_t + (gamma + 1)/2 u u_x = diffusivity/2 u_xx between u1 and u2
    delta = 4 * diffusivity / (0.5 * (gamma + 1) * (u1 - u2))
    assert shock.mean_free_path / shock.lambda1_over_delta == pytest.approx(delta, rel=2 * (mach - 1))


@pytest.mark.parametrize(("name", "expected"), [("es_bgk_3v", 1.00784), ("shakhov_3v", 1.00866), ("bgk_3v", 1.0)])
def test_temperature_overshoot(name, expected):
    """Largest normalised temperature at Mach 5.5, same source as THICKNESS; BGK has no overshoot (Pr = 1)."""
    assert steady(name, 5.5, 0.81).T_max_normalised == pytest.approx(expected, abs=4e-4)


@pytest.mark.parametrize(("name", "expected"), [("bgk_3v", 1.01969), ("shakhov_3v", 1.57051)])
def test_temperature_leads_density(name, expected):
    """Distance of the half-way points at Mach 2 in mean free paths, same source as THICKNESS."""
    assert steady(name, 2.0, 0.81).separation == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("model", ["shakhov", "es_bgk"])
def test_unit_prandtl_number_is_bgk(model):
    expected = solve_shock(gas("bgk_3v", omega=0.81), 4.0).lambda1_over_delta
    assert solve_shock(model_gas(model, 3, omega=0.81, prandtl=1.0), 4.0).lambda1_over_delta == pytest.approx(expected, rel=1e-9)


def test_time_marching_ends_on_the_steady_profile():
    """The discrete-velocity solver, second order with dx = 0.4: agreement to its own error."""
    the_gas = gas("bgk_1v")
    case = cases.shock(2.0, the_gas, length=60.0, cells=150, t_end=40.0)
    marched = simulate(case, the_gas)[0]
    steady = solve_shock(the_gas, 2.0)
    rho2 = rankine_hugoniot(2.0, the_gas)[1][0]
    centre = np.interp(0.5 * (1 + rho2), marched.rho[-1], case.x)
    sampled = steady.sample(case.x - centre, width=case.dx)
    assert np.abs(marched.rho[-1] - sampled["rho"]).max() < 5e-3 * (rho2 - 1)


def test_samples_interpolate_and_average():
    shock = solve_shock(gas("bgk_3v"), 3.0)
    at_nodes = shock.sample(shock.x)
    for key in ("rho", "u", "T", "q", "sigma"):
        np.testing.assert_allclose(at_nodes[key], getattr(shock, key), atol=1e-9)
    x = np.linspace(-20, 20, 11)
    fine = x[:, None] + 0.4 * (np.arange(400) + 0.5) / 400 - 0.2
    np.testing.assert_allclose(shock.sample(x, width=0.4)["G"], shock.sample(fine)["G"].mean(-1), rtol=1e-5)
    far = shock.sample(np.array([-1e4, 1e4]), width=1.0)
    np.testing.assert_allclose(far["rho"], [shock.rho[0], shock.rho[-1]], rtol=1e-9)


@pytest.mark.parametrize("mach", [1.0, 0.3, -2, float("nan"), 31.0, 1e9, "fast"])
def test_bad_mach_number(mach):
    with pytest.raises(InputError, match="mach"):
        solve_shock(gas("bgk_3v"), mach)


def test_too_few_velocities_are_refused():
    with pytest.raises(InputError, match=r"gas\.velocity_points"):
        solve_shock(gas("bgk_1v", velocity_points=20), 5.5)


def test_a_node_at_zero_velocity_is_moved():
    usual = solve_shock(gas("bgk_1v"), 2.0)
    low = solve_shock(gas("bgk_1v", velocity_points=81, velocity_bounds=(-15, 15)), 2.0)
    assert low.lambda1_over_delta == pytest.approx(usual.lambda1_over_delta, rel=1e-4)
