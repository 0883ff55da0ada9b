"""Steady channels against published and independently computed numbers, exact limits, reciprocity, symmetries, time marching."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from knudsen.kinetic import Gas, InputError, Wall, cases, channel, gas, simulate, slip_coefficients, solve_channel

MODELS = ("bgk_3v", "shakhov_3v", "es_bgk_3v")
FLOWS = ("couette", "fourier", "poiseuille", "creep")

# Linearised BGK, D = 3, diffuse walls, computed independently (analytical discrete ordinates). Couette and Fourier to 9 digits
# (Couette agrees with S. Jiang, L.-S. Luo, J. Comput. Phys. 316, 416 (2016) to 3e-10), G_P and G_T to 1e-5.
TABLE = [
    ("couette", "shear_stress", 0.1, 0.522324921, 1e-8),
    ("couette", "shear_stress", 1.0, 0.338925151, 1e-8),
    ("couette", "shear_stress", 10.0, 0.083112156, 1e-8),
    ("fourier", "heat_flux", 0.1, 0.527607221, 1e-8),
    ("fourier", "heat_flux", 1.0, 0.361562328, 1e-8),
    ("fourier", "heat_flux", 10.0, 0.099177763, 1e-8),
    ("poiseuille", "flow_rate", 0.1, 2.03272886, 2e-5),
    ("poiseuille", "flow_rate", 1.0, 1.53867956, 2e-5),
    ("poiseuille", "flow_rate", 10.0, 2.76864499, 2e-5),
    ("creep", "flow_rate", 0.1, 0.69493426, 2e-5),
    ("creep", "flow_rate", 1.0, 0.29490037, 2e-5),
    ("creep", "flow_rate", 10.0, 0.06607626, 2e-5),
]


@cache
def flow(name, case, delta, **options):
    the_gas = gas(name)
    return solve_channel(getattr(cases, case)(the_gas, delta=delta, **options), the_gas)


@cache
def slip_of(name):
    return slip_coefficients(gas(name))


@pytest.mark.parametrize(("case", "measure", "delta", "expected", "accuracy"), TABLE)
def test_table_of_bgk(case, measure, delta, expected, accuracy):
    assert getattr(flow("bgk_3v", case, delta), measure) == pytest.approx(expected, rel=accuracy)


def test_poiseuille_integral_equation():
    """G_P(0.1) of BGK from the integral equation for u_y, no characteristics and no polynomials.

    Midpoints graded to the walls, singularity subtracted, 200, 400, 800, 1600 points: 2.03271428626, 8538, 8533, 8532.
    """
    assert flow("bgk_3v", "poiseuille", 0.1).flow_rate == pytest.approx(2.03271428532, rel=2e-9)


@pytest.mark.parametrize(
    ("delta", "half_flow", "wall"), [(10.0, 0.105702839, 0.4412246), (1.0, 0.058047075, 0.2518612), (0.1, 0.017144482, 0.0729219)]
)
def test_couette_velocity(delta, half_flow, wall):
    """int u_y/U over half the channel, and u_y/U at the wall; source as of TABLE."""
    couette = flow("bgk_3v", "couette", delta)
    U, right = 1e-3 * np.sqrt(2), couette.x >= 0
    assert couette.u_y[-1] / U == pytest.approx(wall, abs=5e-7)
    assert np.trapezoid(couette.u_y[right], couette.x[right]) / U == pytest.approx(half_flow, rel=2e-3)  # of the trapezoidal rule


@pytest.mark.parametrize(
    ("name", "delta"), [(name, delta) for name in MODELS for delta in (0.1, 1.0, 10.0) if name == "bgk_3v" or delta == 1.0]
)
def test_onsager_reciprocity(name, delta):
    """The heat that a pressure gradient drives is the mass that a temperature gradient drives: Q_P = G_T, for every model."""
    poiseuille, creep = flow(name, "poiseuille", delta), flow(name, "creep", delta)
    assert poiseuille.heat_flow_rate == pytest.approx(creep.flow_rate, rel=1e-7)
    assert creep.heat_flow_rate > 0


@pytest.mark.parametrize(
    ("name", "accommodation"), [("bgk_3v", 1.0), ("bgk_3v", 0.4), ("bgk_2v", 1.0), ("shakhov_3v", 0.4), ("es_bgk_3v", 0.4)]
)
def test_free_molecular_flow(name, accommodation):
    """No collisions: -P_xy = a p0 U/(v0 sqrt pi), -q = a (D + 1)/4 p0 v0 dT/(T0 sqrt pi), a = alpha/(2 - alpha)."""
    options = {"delta": 1e-6, "accommodation": accommodation}
    share = accommodation / (2 - accommodation) / np.sqrt(np.pi)
    assert flow(name, "couette", **options).shear_stress == pytest.approx(share, rel=1e-5)
    heat = share * (gas(name).dims + 1) / 4
    assert flow(name, "fourier", **options).heat_flux == pytest.approx(heat, rel=1e-5)


@pytest.mark.parametrize("name", ["bgk_3v", "es_bgk_3v"])
def test_continuum_limit(name):
    """delta -> infinity: Poiseuille's parabola with slip, G_P = delta/6 + zeta + O(1/delta); Fourier's law with a jump; creep."""
    delta, the_gas = 100.0, gas(name)
    slip = slip_of(name)
    assert flow(name, "poiseuille", delta).flow_rate == pytest.approx(delta / 6 + slip.viscous, abs=2 / delta)
    heat = 5 / (4 * the_gas.prandtl) / (delta + 2 * slip.jump)
    assert flow(name, "fourier", delta).heat_flux == pytest.approx(heat, rel=1e-6)
    assert flow(name, "creep", delta).flow_rate == pytest.approx(slip.thermal / delta, abs=5 / delta**2)


def test_slip_and_jump_of_bgk():
    """Analytical discrete ordinates, 7 to 9 digits."""
    slip = slip_of("bgk_3v")
    assert slip.viscous == pytest.approx(1.016191418, rel=1e-7)
    assert slip.thermal == pytest.approx(0.766322499, rel=2e-6)
    assert slip.jump == pytest.approx(1.3027157, rel=2e-6)


def test_slip_and_jump_follow_the_prandtl_number():
    """ES-BGK has BGK's viscous slip and 1/Pr times its thermal slip, Shakhov 1/Pr times its jump: the same problems."""
    es, shakhov = slip_of("es_bgk_3v"), slip_of("shakhov_3v")
    assert es.viscous == pytest.approx(1.016191418, rel=1e-7)
    assert es.thermal == pytest.approx(1.149483748, rel=5e-6)
    assert shakhov.jump == pytest.approx(1.9540735, rel=2e-6)


@pytest.mark.parametrize("name", ["bgk_3v", "es_bgk_3v"])
def test_a_specular_wall_is_a_plane_of_symmetry(name):
    the_gas = gas(name)
    whole = cases.poiseuille(the_gas, delta=2.0)
    half = replace(whole, bounds=(-0.5, 0.0), walls=(Wall(), Wall(accommodation=0.0)))
    full, part = solve_channel(whole, the_gas), solve_channel(half, the_gas)
    assert part.flow_rate == pytest.approx(2 * full.flow_rate, rel=1e-8)  # the same mean velocity, half the pressure drop over H
    assert part.u_y[-1] == pytest.approx(full.u_y[np.abs(full.x).argmin()], rel=1e-8)
    assert part.q_y[0] == pytest.approx(full.q_y[0], rel=1e-6)


@pytest.mark.parametrize("name", ["shakhov_3v", "es_bgk_3v"])
def test_linear_flow_does_not_know_the_viscosity_law(name):
    expected = flow(name, "fourier", 1.0).heat_flux
    other = gas(name, omega=0.7)
    assert solve_channel(cases.fourier(other, delta=1.0), other).heat_flux == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("case", ["couette", "fourier"])
def test_unit_prandtl_number_is_bgk(case):
    expected = flow("bgk_3v", case, 1.0).T
    for model in ("shakhov", "es_bgk"):
        other = Gas(model, 3, collision=model, prandtl=1.0)
        problem = getattr(cases, case)(other, delta=1.0)
        np.testing.assert_allclose(solve_channel(problem, other).T, expected, rtol=1e-12)


@pytest.mark.parametrize(("case", "delta"), list(zip(FLOWS, (20.0, 0.03, 20.0, 0.03))))
def test_mesh_and_velocities_are_converged(monkeypatch, case, delta):
    usual = flow("shakhov_3v", case, delta)
    monkeypatch.setattr(channel, "GROWTH", 1.35)
    fine = gas("shakhov_3v", velocity_points=160)
    finer = solve_channel(getattr(cases, case)(fine, delta=delta), fine)
    for measure in ("shear_stress", "heat_flux", "flow_rate"):
        if getattr(usual, measure) is not None:
            assert getattr(usual, measure) == pytest.approx(getattr(finer, measure), rel=5e-7)


@pytest.mark.parametrize(("name", "case"), [("bgk_3v", "couette"), ("es_bgk_3v", "couette"), ("shakhov_3v", "fourier")])
def test_nonlinear_flow_conserves_and_turns_linear(name, case):
    the_gas = gas(name, omega=0.81)
    make = getattr(cases, case)
    strong = solve_channel(make(the_gas, delta=3.0, drive=0.8), the_gas, linear=False)
    pressure, heat = strong.rho * strong.T + strong.sigma, strong.q + strong.u_y * strong.sigma_xy
    for constant, scale in ((pressure, 1.0), (strong.sigma_xy, 0.1), (heat, 0.1)):
        assert np.ptp(constant) < 1e-6 * scale
    assert np.trapezoid(strong.rho, strong.x) == pytest.approx(1.0, abs=2e-3)  # of the trapezoidal rule
    assert strong.iterations <= 6
    weak = make(the_gas, delta=3.0, drive=1e-3)
    measure = "shear_stress" if case == "couette" else "heat_flux"
    linear, nonlinear = (getattr(solve_channel(weak, the_gas, linear=kind), measure) for kind in (True, False))
    assert nonlinear == pytest.approx(linear, rel=1e-6)  # drive^2


@pytest.mark.parametrize(("name", "case"), [("es_bgk_3v", "couette"), ("shakhov_3v", "fourier")])
def test_time_marching_ends_on_the_nonlinear_flow(name, case):
    """The discrete-velocity solver on 20 cells: agreement to its own error, largest at the walls where f jumps."""
    the_gas = gas(name, omega=0.81)
    problem = getattr(cases, case)(the_gas, delta=2.0, drive=0.8, cells=20, t_end=16.0)
    marched, steady = simulate([problem], the_gas)[0], solve_channel(problem, the_gas, linear=False)
    fields = [("rho", 5e-3), ("T", 4e-3), ("q", 1e-3), ("sigma", 5e-4)]
    fields += [("u_y", 4e-3), ("sigma_xy", 3e-4)] if case == "couette" else []
    for field, accuracy in fields:
        exact = np.interp(problem.x, steady.x, getattr(steady, field))
        assert np.abs(getattr(marched, field)[-1] - exact).max() < accuracy, field


@pytest.mark.parametrize(("name", "case"), list(zip(("bgk_3v", "shakhov_3v", "es_bgk_3v", "shakhov_3v"), FLOWS)))
def test_plain_iteration_finds_the_same_flow(name, case):
    the_gas = gas(name)
    problem = getattr(cases, case)(the_gas, delta=1.0, accommodation=0.8)
    fast, plain = solve_channel(problem, the_gas), solve_channel(problem, the_gas, acceleration=False)
    assert fast.iterations == 1
    assert plain.iterations > 10
    for field in ("rho", "u_y", "T", "q", "q_y", "sigma", "sigma_xy"):
        scale = max(np.abs(getattr(fast, other)).max() for other in ("u_y", "q")) + np.abs(fast.T - 1).max()
        assert np.abs(getattr(fast, field) - getattr(plain, field)).max() < 1e-8 * scale, field
    np.testing.assert_allclose(plain.wall_density, fast.wall_density, rtol=0, atol=1e-8 * scale)


@pytest.mark.slow
def test_acceleration_at_small_knudsen_number():
    """knudsen = 0.01: thousands of plain sweeps or one solve, the same answer."""
    the_gas = gas("bgk_3v")
    problem = cases.couette(the_gas, delta=100 / np.sqrt(2))
    fast, plain = solve_channel(problem, the_gas), solve_channel(problem, the_gas, acceleration=False)
    assert fast.iterations == 1
    assert plain.iterations > 1000
    assert plain.shear_stress == pytest.approx(fast.shear_stress, rel=1e-8)
    assert np.abs(plain.u_y - fast.u_y).max() < 1e-8 * np.abs(fast.u_y).max()


@pytest.mark.parametrize(
    ("name", "case", "options", "message"),
    [
        ("bgk_1v", "fourier", {}, "gas=bgk_1v"),
        ("maxwell_3v", "couette", {}, "gas=maxwell_3v"),
        ("bgk_3v", "sod", {}, "case=sod"),
        ("bgk_3v", "poiseuille", {"linear": False}, "linear=false"),
        ("bgk_3v", "couette", {"linear": False, "acceleration": False}, "acceleration=false"),
    ],
)
def test_bad_input(name, case, options, message):
    the_gas = gas(name)
    problem = cases.sod() if case == "sod" else getattr(cases, case)(the_gas)
    with pytest.raises(InputError, match=message):
        solve_channel(problem, the_gas, **options)


def test_bad_walls_and_velocities():
    the_gas = gas("bgk_3v")
    with pytest.raises(InputError, match=r"case\.accommodation=0"):
        solve_channel(cases.fourier(the_gas, accommodation=0.0), the_gas)
    bounded = gas("bgk_3v", velocity_bounds=(-8, 8))
    with pytest.raises(InputError, match=r"gas\.velocity_bounds"):
        solve_channel(cases.fourier(the_gas), bounded)
