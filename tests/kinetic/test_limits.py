"""Euler limit, free flight, small waves: solutions known exactly, reached with one convective time step."""

import numpy as np
import pytest

from knudsen.kinetic import cases, gas, simulate
from knudsen.kinetic.case import Case

# Exact states between the waves of Sod's tube (u*, p*, rho left and right of the contact, right shock speed), D = 1, 2, 3
SOD_EULER = {
    1: (0.60856697289031, 0.2729094672856128, 0.6486436943818634, 0.17070363865785762, 2.2730049442466695),
    2: (0.7600624292013775, 0.2859752782098273, 0.5347665642220233, 0.2043443363250697, 1.9574737133657576),
    3: (0.8411948521688083, 0.29394518766601785, 0.4796890587209175, 0.229805749311947, 1.8444733670538207),
}
# Collisionless state at x = 0 from the half-space moments of the two Maxwellians: rho, u, T, sigma, q
SOD_FREE = {
    1: (0.5625, 0.6299363155513128, 0.5809580161274147, 0.0, -0.01582887429346716),
    2: (0.5625, 0.6299363155513128, 0.7793678969525963, -0.11160555796416466, -0.0074314620308895685),
    3: (0.5625, 0.6299363155513128, 0.8455045238943235, -0.1488074106188862, 0.0009659502316880508),
}


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_sod_takes_the_same_steps_at_every_knudsen_number(dims):
    the_gas = gas(f"bgk_{dims}v", velocity_points=60)  # by itself it takes more, and other ends, where flight is free
    solutions = [simulate(cases.sod(knudsen=k, cells=100), the_gas)[0] for k in (1e-6, 1e-4, 1e-2, 1.0, 10.0)]
    assert all(solution.status == "ok" for solution in solutions)
    assert len({solution.steps for solution in solutions}) == 1


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_sod_at_small_knudsen_number_is_the_euler_solution(dims):
    """Plateaus to half a per cent: a second-order scheme on 400 cells leaves undershoots of that size at the contact."""
    u, p, rho_left, rho_right, shock = SOD_EULER[dims]
    solution = simulate(cases.sod(knudsen=1e-6, cells=400), gas(f"bgk_{dims}v"))[0]
    speed = solution.x / 0.15
    left = np.abs(speed - (u - 0.25 * (shock - u))) < 0.05
    right = np.abs(speed - (u + 0.5 * (shock - u))) < 0.05
    for region, density in ((left, rho_left), (right, rho_right)):
        np.testing.assert_allclose(solution.rho[-1, region], density, rtol=5e-3)
        np.testing.assert_allclose(solution.u[-1, region], u, rtol=5e-3)
        np.testing.assert_allclose((solution.rho * solution.T)[-1, region], p, rtol=5e-3)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_sod_in_free_flight(dims):
    """x = 0 to the midpoint rule's error for half a Maxwellian, dv^2/24 with 256 velocities, times at most 4 from u = m/rho.

    A twentieth of the domain is enough: without collisions every velocity has its own undisturbed state upwind.
    """
    case = cases.sod(knudsen=1e7, bounds=(-0.025, 0.025), cells=40)
    solution = simulate(case, gas(f"bgk_{dims}v", velocity_points=256))[0]
    middle = [getattr(solution, key)[-1, 19:21].mean() for key in ("rho", "u", "T", "sigma", "q")]
    np.testing.assert_allclose(middle, SOD_FREE[dims], atol=4 * solution.grid.dv**2 / 24)


# Eigenvalues of the linearised BGK equation (dispersion determinant at 50 digits): D, K = k eps sqrt(T0), eps lambda
SOUND = [
    (1, 0.1, -0.009704557416644608 - 0.1739809452791822j),
    (1, 0.5, -0.1834686536204112 - 0.9014957742888856j),
    (1, 1.0, -0.5588181549013388 - 1.843095703318991j),
    pytest.param(2, 0.5, -0.2053054906718191 - 0.7277616932132625j, marks=pytest.mark.slow),
    (3, 0.1, -0.009869239914728688 - 0.1293840941703667j),
    (3, 0.5, -0.2062235886245546 - 0.6634806422791649j),
    pytest.param(3, 1.0, -0.6551058361413323 - 1.35755977655232j, marks=pytest.mark.slow),
]
THERMAL = [
    (1, 0.5, -0.1875928103300105),
    pytest.param(2, 0.5, -0.1952482979067579, marks=pytest.mark.slow),
    pytest.param(3, 0.5, -0.1994748234488235, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("dims", "K", "exact"), SOUND + THERMAL)
def test_small_waves_decay_and_oscillate_as_the_linear_theory_says(dims, K, exact):
    """Within 1e-4 of |lambda|: the amplitude 1e-4 squared, WENO5 on 64 cells and ARS(4,4,3) are below that."""
    cells, amplitude, eps = 64, 1e-4, K / (2 * np.pi)
    x = (np.arange(cells) + 0.5) / cells - 0.5
    wave = amplitude * np.cos(2 * np.pi * x)
    t_end = min(6 * np.pi * eps / max(abs(np.imag(exact)), 0.3), 12 * eps / abs(np.real(exact)))
    rho, u, T = 1 + wave, np.sqrt((dims + 2) / dims) * wave, 1 + 2 / dims * wave
    if np.imag(exact) == 0:
        rho, u, T = 1 - wave, 0 * wave, 1 + wave  # constant pressure
    case = Case("ripple", (-0.5, 0.5), cells, "periodic", rho, u, T, eps, t_end, tuple(np.linspace(0, t_end, 121)[1:]))
    the_gas = gas(f"bgk_{dims}v", velocity_points=96 if K > 0.4 else 48)
    solution = simulate(case, the_gas, transport="weno5", integrator="ars443", order=3)[0]
    energy = solution.G[:, 2] + (0 if solution.H is None else solution.H[:, 0])
    signal = np.stack([solution.G[:, 0], solution.G[:, 1], energy]) @ np.exp(-2j * np.pi * x)  # [3, S]: three modes live here
    after, later = signal[:, 40:-1], signal[:, 41:]  # the continuous spectrum has decayed
    propagator = later @ np.linalg.pinv(after, rcond=1e-9)
    found = np.log(np.linalg.eigvals(propagator)) / solution.t[1] * eps
    assert np.abs(found - exact).min() < 1e-4 * abs(exact)


def test_sod_is_a_function_of_x_and_t_over_knudsen():
    one = simulate(cases.sod(knudsen=0.01, t_end=0.15), gas("bgk_1v"))[0]
    tenth = simulate(cases.sod(knudsen=0.001, t_end=0.015, bounds=(-0.05, 0.05)), gas("bgk_1v"))[0]
    np.testing.assert_allclose(one.G, tenth.G, rtol=0, atol=1e-10)


def test_knudsen_field_of_one_value_is_the_number():
    number = simulate(cases.mix(2, knudsen=0.3), gas("bgk_2v"))[0]
    field = simulate(cases.mix(2, knudsen=np.full(100, 0.3)), gas("bgk_2v"))[0]
    np.testing.assert_allclose(field.G, number.G, rtol=0, atol=1e-13)
