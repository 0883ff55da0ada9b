"""Steady shocks of the classical closures against published thicknesses and the theory of their limits."""

from copy import copy
from functools import cache

import numpy as np
import pytest
import torch

from knudsen import closure, kinetic, solvers
from knudsen.closure.simulation import equilibrium_state

# Normalised inverse thickness lambda1/delta of the Navier-Stokes-Fourier shock, D = 3, Pr = 1, from its ordinary differential
# equation (independent shooting solution, 4 digits): (mach, omega): value.
SLOW = pytest.mark.slow
NSF = {(1.2, 1.0): 0.077613, (2.0, 1.0): 0.273523, (5.5, 1.0): 0.273434, (2.0, 0.81): 0.307226, (2.0, 0.5): 0.371977}


@pytest.mark.parametrize(
    "mach, omega", [pytest.param(*case, marks=SLOW if case in ((1.2, 1.0), (2.0, 0.81)) else []) for case in NSF]
)
def test_nsf_shock_has_the_published_thickness(mach, omega):
    gas = kinetic.gas("bgk_3v", omega=omega)
    shock = closure.solve_shock(closure.build("nsf", gas), gas, mach, cells_per_thickness=50)
    assert shock.status == "ok"
    # second order: (1/50)^2 and the steepest place a few times finer
    assert shock.lambda1_over_delta == pytest.approx(NSF[mach, omega], rel=2e-3)


@cache
def weak(gas_name, name):
    gas = kinetic.gas(gas_name)
    return closure.solve_shock(closure.build(name, gas), gas, 1.4, cells_per_thickness=20)


@pytest.mark.parametrize(
    "gas_name, name",
    [("bgk_1v", "quadrature"), ("bgk_3v", "quadrature"), ("bgk_3v", "grad"), pytest.param("bgk_1v", "grad", marks=SLOW)],
)
def test_weak_shock_conserves_its_fluxes(gas_name, name):
    shock = weak(gas_name, name)
    assert shock.status == "ok"
    mass, momentum = shock.rho * shock.u, shock.rho * (shock.u**2 + shock.T) + shock.sigma
    inside = np.abs(shock.x) < 10 * shock.mean_free_path
    for flux in (mass, momentum):  # cell values of a second-order scheme, (dx/delta)^2 with delta of 7 mean free paths
        assert np.ptp(flux[inside]) < 0.01 * flux[0]


def test_grad13_has_a_subshock_beyond_its_critical_mach_number():
    """No continuous profile above Mach 1.650: the largest slope grows with the resolution there, and does not below."""
    gas = kinetic.gas("bgk_3v")
    law = closure.build("grad", gas)
    steepest = lambda mach, cells: closure.solve_shock(law, gas, mach, cells_per_thickness=cells).lambda1_over_delta  # noqa: E731
    assert steepest(1.4, 40) / weak("bgk_3v", "grad").lambda1_over_delta < 1.03
    assert steepest(3.0, 40) / steepest(3.0, 20) > 1.2


# The same equation integrated from behind the shock (Runge-Kutta of a stiff kind, relative tolerance 1e-10), constant frequency.
WEAK = {1.02: 0.00808, 1.05: 0.01960}


@pytest.mark.parametrize("mach", [1.02, pytest.param(1.05, marks=SLOW)])
def test_a_weak_shock_leaves_its_start(mach):
    """It takes 1/(M - 1)^2 collision times to settle: steps and tolerances are in its units. (The start is a tenth too wide.)"""
    gas = kinetic.gas("bgk_3v")
    shock = closure.solve_shock(closure.build("nsf", gas), gas, mach, cells_per_thickness=40)
    assert shock.status == "ok" and not shock.fallback
    # second order: (1/40)^2 over a strength of M - 1, which the scheme's dissipation is compared with
    assert shock.lambda1_over_delta == pytest.approx(WEAK[mach], rel=0.4 * 40**-2 / (mach - 1))
    assert shock.oscillation < 1e-3 and shock.warnings == ()


@pytest.mark.parametrize(
    "name, mach, omega",
    [
        ("bgk_1v", 1.05, None), ("bgk_1v", 2.0, 1.0), ("bgk_1v", 3.0, 0.5), ("es_bgk_3v", 3.0, 0.81), ("shakhov_3v", 5.5, 0.81),
        pytest.param("es_bgk_3v", 8.0, 0.81, marks=SLOW), pytest.param("shakhov_3v", 8.0, 0.81, marks=SLOW),
    ],
)  # fmt: skip
def test_the_learned_closure_has_steady_shocks_of_every_gas(name, mach, omega):
    """Implicit steps alone reach it: the limiter leaves a resolved profile alone, the network is differentiated in double
    precision, the wave is pinned."""
    gas = kinetic.gas(name, omega=omega)
    profile = kinetic.solve_shock(gas, mach)
    shock = closure.solve_shock(closure.build("herm_mlc", gas), gas, mach, start=profile, cells_per_thickness=30)
    assert shock.status == "ok" and not shock.fallback and shock.iterations <= 40
    assert abs(shock.drift) < 1e-3 * (mach - 1) and shock.residual < 1e-6 * min(1, mach - 1) ** 2
    upstream, _ = kinetic.rankine_hugoniot(mach, gas)
    exact = profile.sample(shock.x, width=shock.x[1] - shock.x[0])
    inside = np.abs(shock.x) < 1.5 * profile.mean_free_path / profile.lambda1_over_delta
    for name, low in zip(("rho", "u", "T"), upstream, strict=True):
        error = (getattr(shock, name) - exact[name])[inside]
        assert np.linalg.norm(error) < 0.01 * np.linalg.norm((exact[name] - low)[inside]), name
    # strong shocks of ES-BGK, whose weights are BGK's, are wider by 4 %
    assert shock.lambda1_over_delta == pytest.approx(profile.lambda1_over_delta, rel=0.02 if mach < 8 else 0.05)


def test_a_search_that_stalls_or_takes_too_long_ends():
    """Patience counts iterations without progress; when time is up three of them are enough."""
    gas = kinetic.gas("bgk_1v")
    law = closure.build("quadrature", gas)
    never = {"measure": lambda U, R: 1.0, "tolerance": 1e-3}
    left, right = (equilibrium_state(law, *state) for state in kinetic.rankine_hugoniot(2.0, gas))
    cells = solvers.Cells(dx=0.1, n=20, knudsen=1.0, boundary=solvers.Boundary("fixed", left, right))
    U = 0.5 * (left + right) + 0.5 * (right - left) * torch.tanh(torch.linspace(-2, 2, 20, dtype=torch.float64))
    solver = solvers.Solver(law, reconstruction="muscl", flux="rusanov")
    for given, iterations in (({"patience": 5}, 5), ({"patience": 5, "max_seconds": 0.0}, 3), ({"max_iterations": 7}, 7)):
        result = solver.steady(U, cells, **never, **given)
        assert (result.status, result.iterations) == ("not_converged", iterations)


def test_a_profile_that_oscillates_says_so():
    shock = copy(weak("bgk_1v", "quadrature"))
    assert shock.oscillation < 0.01 and shock.warnings == ()
    jump = shock.rho[-1] - shock.rho[0]
    shock.rho = shock.rho + 0.05 * jump * np.sin(np.arange(len(shock.rho))) * (shock.x < 0)
    assert "oscillates" in shock.warnings[0] and shock.oscillation > 0.5
    shock.unseen = 0.3
    assert "30 % of the cells" in shock.warnings[0] and len(shock.warnings) == 2


def test_subsonic_shock_is_refused():
    gas = kinetic.gas("bgk_1v")
    with pytest.raises(kinetic.InputError, match="mach"):
        closure.solve_shock(closure.build("nsf", gas), gas, 0.9)
