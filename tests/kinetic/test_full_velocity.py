"""Boltzmann gases in x on the full velocity grid: conservation, limits, relaxation rates, symmetry, every Knudsen number."""

import threading

import numpy as np
import pytest
from scipy.linalg import expm

from knudsen.kinetic import Case, InputError, cases, gas, simulate
from knudsen.kinetic.full_velocity import FullGrid, FullVelocityRun
from knudsen.kinetic.grid import VelocityGrid, grid_of_case

WAVE = 2 * np.pi


def coarse(name="maxwell_2v", points=18, **options):
    return gas(name, velocity_points=points, **options)


def totals(solution):
    """Mass, momentum, energy (twice) at every saved time, and their scales."""
    G, H = solution.G, solution.H
    values = np.stack([G[:, 0].sum(-1), G[:, 1].sum(-1), (G[:, 2] + H[:, 0]).sum(-1)])
    mass, _, energy = values[:, 0]
    return values, np.array([mass, np.sqrt(mass * energy), energy])


def small_wave(cells, knudsen, t_end, state, amplitude=1e-4):
    """A cosine of the fields (rho, u, T) ``state`` on (1, 0, 1)."""
    x = (np.arange(cells) + 0.5) / cells - 0.5
    rho, u, T = (base + amplitude * part * np.cos(WAVE * x) for base, part in zip((1, 0, 1), state))
    return Case("small wave", (-0.5, 0.5), cells, "periodic", rho, u, T, knudsen, t_end)


def fourier_amplitudes(solution, amplitude=1e-4):
    fields = (solution.rho, solution.u, solution.T)
    return np.array([2 * np.mean(a[-1] * np.exp(-1j * WAVE * solution.x)) for a in fields]) / amplitude


def navier_stokes_fourier(the_gas, knudsen, t, state):
    """Fourier amplitudes of the linearised equations, rho = T = 1: mu = eps/nu, kappa = (D + 2)/2 mu/Pr."""
    D, mu, k = the_gas.dims, knudsen / the_gas.frequency(1.0, 1.0), WAVE
    kappa = 0.5 * (D + 2) * mu / the_gas.prandtl
    A = np.array([[0, -1j * k, 0], [-1j * k, -2 * (D - 1) / D * mu * k**2, -1j * k], [0, -2j / D * k, -2 / D * kappa * k**2]])
    return expm(A * t) @ np.array(state, complex)


@pytest.mark.parametrize("dims", [2, 3])
def test_bgk_on_the_full_grid_is_bgk_of_the_reduced_pair(dims):
    """Two schemes of order two in time (the penalty rate is not the collision rate): their difference falls fourfold."""
    differences = []
    for cells in (8, 16):
        case, the_gas = small_wave(cells, 0.1, 0.2, (1.0, 0.5, -0.6)), gas(f"bgk_{dims}v", velocity_points=20)
        along = grid_of_case(case, the_gas)
        grid = FullGrid(along, VelocityGrid((np.arange(-10, 10) + 0.5) * along.dv, along.dv), dims)
        full = FullVelocityRun(case, the_gas, "weno5", "ars222", 0.45, grid, 4, False)(threading.Event())
        pair = simulate(case, the_gas, transport="weno5", velocity_grid=grid.along)[0]
        difference = [np.abs(getattr(full, key) - getattr(pair, key))[-1].max() for key in ("rho", "u", "T", "q", "sigma")]
        differences.append(np.array(difference) / 1e-4)
    assert differences[1].max() < 0.02
    assert (differences[1] < differences[0] / 2.5).all()


@pytest.mark.parametrize(
    ("name", "make", "knudsen"),
    [
        ("maxwell_2v", cases.mix, 1e-7),
        ("maxwell_2v", cases.mix, 1e-3),
        ("maxwell_2v", cases.wave, 10.0),
        ("maxwell_2v", cases.transition, None),
        ("hard_sphere_3v", cases.mix, 1e-2),
    ],
)
def test_mass_momentum_and_energy_are_conserved(name, make, knudsen):
    points, cells = (18, 20) if name == "maxwell_2v" else (12, 5)
    case = make(2, cells=cells, t_end=0.1, **({} if knudsen is None else {"knudsen": knudsen}))
    solution = simulate(case, coarse(name, points))[0]
    values, scale = totals(solution)
    assert solution.status == "ok"
    assert (np.abs(values[:, -1] - values[:, 0]) / scale < 1e-12).all()


@pytest.mark.parametrize("make", [cases.wave, cases.mix])
def test_one_convective_step_serves_every_knudsen_number(make):
    solutions = [simulate(make(3, cells=20, t_end=0.1, knudsen=eps), coarse())[0] for eps in (1e-8, 1e-5, 1e-3, 0.1, 10.0)]
    assert all(solution.status == "ok" for solution in solutions)
    assert len({solution.steps for solution in solutions}) == 1
    collisional = solutions[0]
    assert np.abs(collisional.q[-1]).max() < 1e-4  # the layer at the start is gone: a local Maxwellian
    assert np.abs(collisional.sigma[-1]).max() < 1e-4


@pytest.mark.parametrize("state", [(-1.0, 0.0, 1.0), (1.0, 2**0.5, 1.0)], ids=["thermal", "sound"])
def test_small_knudsen_numbers_approach_navier_stokes_fourier(state):
    """mu = 2 eps T, kappa = 8 eps T; what is left is of second order in eps (Burnett)."""
    errors = []
    for eps in (4e-3, 2e-3):
        solution = simulate(small_wave(24, eps, 0.15, state), coarse(), transport="weno5")[0]
        expected = navier_stokes_fourier(solution.gas, eps, 0.15, state)
        errors.append(np.linalg.norm(fourier_amplitudes(solution) - expected) / np.linalg.norm(expected))
    assert errors[1] < 5e-3
    assert errors[1] < errors[0] / 3


def test_euler_limit_is_that_of_another_gas():
    """For eps -> 0 nothing of the molecules remains: a Riemann problem of Maxwell molecules and of BGK differ by less than either
    from the fluid."""
    case = cases.riemann((1.0, 0.0, 1.0), (0.5, 0.0, 0.8), knudsen=1e-7, cells=24)
    boltzmann, bgk = simulate(case, coarse(points=20))[0], simulate(case, gas("bgk_2v"))[0]
    fine = simulate(cases.riemann((1.0, 0.0, 1.0), (0.5, 0.0, 0.8), knudsen=1e-7, cells=240), gas("bgk_2v"))[0].averaged(24)
    for key in ("rho", "u", "T"):
        error, difference = (np.abs(getattr(a, key) - getattr(bgk, key))[-1].mean() for a in (fine, boltzmann))
        assert difference < 0.5 * error


@pytest.mark.parametrize(("name", "points", "rates"), [("maxwell_2v", 24, (1 / 2, 1 / 4)), ("maxwell_3v", 20, (1 / 2, 1 / 3))])
def test_uniform_maxwell_gas_relaxes_at_the_exact_rates(name, points, rates):
    """Stress and heat flux of Maxwell molecules decay exponentially from any start: to 0.1 %, of order two in the step."""
    measured = []
    for cfl in (0.4, 0.2) if name == "maxwell_2v" else (0.4,):  # in D = 3 the velocities' error remains
        rho, u, T = np.array([[0.7], [0.5]]), np.array([[0.5], [-0.7]]), np.array([[0.9], [1.1]])
        case = Case("uniform", (0.0, 4.0), 4, "periodic", *(np.repeat(a, 4, axis=1) for a in (rho, u, T)), 0.8, 1.0)
        solution = simulate(case, coarse(name, points), cfl=cfl)[0]
        measured.append([-np.log(a[-1, 0] / a[0, 0]) * 0.8 / 1.2 for a in (solution.sigma, solution.q)])
    errors = np.abs(np.array(measured) / rates - 1)
    assert errors.max() < 1e-3
    assert (errors[-1] <= errors[0] / 3 ** (len(errors) - 1)).all()


def test_reflection_maps_solutions_to_solutions():
    case = cases.mix(5, cells=16, t_end=0.05, knudsen=0.05)
    mirrored = Case("mirror", case.bounds, 16, "periodic", case.rho[:, ::-1], -case.u[:, ::-1], case.T[:, ::-1], 0.05, 0.05)
    one, other = (simulate(c, gas("maxwell_2v", velocity_points=18, velocity_bounds=(-7.0, 7.0)))[0] for c in (case, mirrored))
    np.testing.assert_allclose(other.rho[-1, ::-1], one.rho[-1], rtol=1e-11)
    np.testing.assert_allclose(other.u[-1, ::-1], -one.u[-1], atol=1e-11)
    np.testing.assert_allclose(other.q[-1, ::-1], -one.q[-1], atol=1e-11)


@pytest.mark.parametrize("boundary", ["outflow", "fixed"])
def test_a_gas_at_rest_stays_at_rest(boundary):
    case = cases.riemann((1.0, 0.2, 1.0), (1.0, 0.2, 1.0), boundary=boundary, cells=6, knudsen=0.01, t_end=0.1)
    solution = simulate(case, coarse("maxwell_3v", 12))[0]
    np.testing.assert_allclose(solution.rho[-1], 1.0, rtol=1e-8)  # the quadrature error of 12 velocities
    np.testing.assert_allclose(solution.T[-1], 1.0, rtol=1e-8)


def test_workers_change_nothing_and_f_has_the_moments_beside_it():
    two = [cases.wave(seed, cells=8, t_end=0.04, knudsen=0.1) for seed in (0, 1)]
    alone, together = (simulate(two, coarse(), workers=n, keep_f=True) for n in (1, 2))
    for a, b in zip(alone, together):
        np.testing.assert_allclose(a.G, b.G, rtol=0, atol=1e-11 * abs(a.G).max())  # sums are reordered, as the memory lies
        assert a.f.shape == (2, 2, 8, a.grid.points)
        np.testing.assert_allclose(a.f.sum(-1) * a.grid.dv, np.stack([a.G[:, 0], a.H[:, 0]], axis=1), rtol=1e-12)


def test_a_solution_that_diverges_says_so(monkeypatch):
    monkeypatch.setattr(
        "knudsen.kinetic.full_velocity.BinaryCollisions.__call__", lambda self, f, rho, u, T: np.full_like(f, np.nan)
    )
    solution = simulate(cases.wave(0, cells=8, t_end=0.04, knudsen=0.1), coarse())[0]
    assert solution.status == "diverged"
    time, cell = solution.diverged_at
    assert 0 < time <= 0.04 and 0 <= cell < 8
    assert np.isnan(solution.rho[-1]).all() and np.isfinite(solution.rho[0]).all()


def test_a_state_that_the_velocities_cannot_hold_ends_the_run():
    solution = simulate(cases.sod(knudsen=1e-7, cells=30), coarse(points=10))[0]
    assert solution.status == "diverged"


def test_bad_input_is_named():
    case = cases.wave(0, cells=8)
    with pytest.raises(InputError, match="gas=maxwell_3v takes no walls"):
        simulate(cases.couette(gas("bgk_3v"), delta=1.0), gas("maxwell_3v"))
    with pytest.raises(InputError, match=r"gas\.velocity_bounds"):
        simulate(case, gas("maxwell_2v", velocity_bounds=(0.5, 8.0)))
    with pytest.raises(InputError, match=r"solver\.transport"):
        simulate(case, coarse(), transport="upwind")
