"""Maxwell molecules in two velocity dimensions: what collisions do to moments, against the collision integral itself."""

from math import comb

import numpy as np
import pytest
import torch
from closure_samples import make_law, random_moments
from numpy.polynomial.hermite_e import hermeval

from knudsen import closure, kinetic
from knudsen.closure.laws.maxwell import index, linear, production
from knudsen.errors import InputError
from knudsen.experiments.measure import conserved_errors
from knudsen.kinetic import spectral
from knudsen.solvers import Boundary, Cells

GAS = kinetic.gas("maxwell_2v")


def products(degree, w):
    """The production of w[degree] of all moments w, by the tables."""
    return sum(np.einsum("rij,i,j->r", table, w[n], w[degree - n]) for n, table in production(degree).items())


def test_productions_are_those_of_the_collision_integral():
    """Far from equilibrium, every moment up to degree 6; the spectral operator on 48 x 24 velocities is good to 1e-6."""
    half, n = 9.0, 48
    grid = spectral.VelocityGridND((n, n // 2), ((-half, half), (0.0, half)), even=True)
    dv = 2 * half / n
    x, y = (np.arange(n) + 0.5) * dv - half, (np.arange(n // 2) + 0.5) * dv
    states = ((0.5, -0.9, 0.7, 0.9), (0.6, 0.4, 1.2, 0.8), (0.2, 1.1, 0.6, 1.3))  # density, velocity, temperatures along, across
    f = sum(
        rho / (2 * np.pi * (T_x * T_y) ** 0.5) * np.exp(-((x[:, None] - u) ** 2) / (2 * T_x) - y**2 / (2 * T_y))
        for rho, u, T_x, T_y in states
    )

    def hermite(f):
        he = [(hermeval(x, [0] * k + [1]), hermeval(y, [0] * k + [1])) for k in range(7)]
        return [2 * dv**2 * np.array([he[a][0] @ f @ he[b][1] for a, b in index(degree)]) for degree in range(7)]

    w, exact = hermite(f), hermite(spectral.operator(GAS, grid)(f))
    for degree in range(7):
        np.testing.assert_allclose(products(degree, w), exact[degree], atol=3e-6 * 3**degree)


@pytest.mark.parametrize("degree", range(2, 9))
def test_linear_rates(degree):
    """1 - 2^(1-n) C(n, p) (Bobylev 1988); among them 0 for the energy, 1/2 for the stress, 1/4 for the heat flux (physics.md)."""
    rates = np.sort(np.linalg.eigvals(linear(degree)).real)
    expected = sorted(1 - 2.0 ** (1 - degree) * comb(degree, p) for p in range(degree // 2 + 1))
    np.testing.assert_allclose(rates, expected, atol=1e-12)


def test_fourth_moments_follow_the_exact_nonlinear_solution():
    """BKW: in D = 2 with T = 1, <v^4> = 8 K (2 - K), K = 1 - exp(-t/8)/2, which gives its moments of degree four."""
    K = 0.6
    fourth = 8 * K * (2 - K)  # <|v|^4>; isotropic: <x^4> = 3/8, <x^2 y^2> = 1/8 of it
    w4 = np.array([3 / 8 * fourth - 3, fourth / 8 - 1, 3 / 8 * fourth - 3])
    rate = 8 * (2 - 2 * K) * (1 - K) / 8  # d<|v|^4>/dt, dK/dt = (1 - K)/8
    w = [np.array([1.0]), np.zeros(1), np.zeros(2), np.zeros(2), w4]
    np.testing.assert_allclose(products(4, w), np.array([3 / 8, 1 / 8, 3 / 8]) * rate, atol=1e-12)


def test_stress_and_heat_flux_decay_at_their_exact_rates():
    """A uniform gas, any state: sigma ~ exp(-rho t/2), q ~ exp(-rho t/4), for eps = 1."""
    law = make_law("quadrature", "maxwell_2v")
    U = law.from_moments(*random_moments(GAS, 5, law.order))
    cells = Cells(dx=0.2, n=5, knudsen=1.0, boundary=Boundary("periodic"))
    before, rho = law.macroscopic(U, cells), U[:, 0]
    h = 1e-3
    late, early = (law.macroscopic(U + step * law.source(U, cells), cells) for step in (h, -h))
    for name, rate in (("sigma", 0.5), ("q", 0.25)):
        torch.testing.assert_close((late[name] - early[name]) / (2 * h), -rate * rho * before[name], rtol=1e-9, atol=1e-10)


def test_closure_approaches_navier_stokes_fourier():
    """Smooth flow: sigma = -mu du/dx, q = -kappa dT/dx with mu = 2 eps T, kappa = 8 eps T (physics.md), up to order eps."""
    law, fluid, difference = closure.build("quadrature", GAS), closure.build("nsf", GAS), []
    for knudsen in (1e-3, 5e-4, 2.5e-4):
        case = kinetic.cases.equilibrium(5, cells=100, t_end=0.05, knudsen=knudsen)
        a, b = (closure.simulate(one, case)[0] for one in (law, fluid))
        difference.append(
            [np.linalg.norm(getattr(a, n)[-1] - getattr(b, n)[-1]) / np.linalg.norm(getattr(b, n)[-1]) for n in ("sigma", "q")]
        )
    difference = np.array(difference)
    assert (difference[1:] < 0.65 * difference[:-1]).all() and (difference[-1] < 0.05).all()


def test_shipped_weights_beat_the_rule_they_correct():
    """Against the collision integral on the same 50 cells, seeds that training never saw."""
    gas = kinetic.gas("maxwell_2v", velocity_points=22)
    chosen = [kinetic.cases.wave(1_500_000, cells=50, knudsen=0.3), kinetic.cases.mix(1_500_001, cells=50, knudsen=1.0)]
    exact = kinetic.simulate(chosen, gas, cfl=0.9)
    error = {}
    for name in ("quadrature", "herm_mlc"):
        solutions = closure.simulate(closure.build(name, gas), chosen)
        error[name] = [conserved_errors(s, k, 2)["total"] for s, k in zip(solutions, exact, strict=True)]
    assert sum(error["herm_mlc"]) < 0.6 * sum(error["quadrature"]) and max(error["herm_mlc"]) < 0.02


def test_only_gases_whose_collisions_are_known_are_taken():
    with pytest.raises(InputError, match=r"closure=quadrature: .*hard_sphere_3v"):
        closure.build("quadrature", kinetic.gas("hard_sphere_3v"))
    with pytest.raises(InputError, match=r"closure=quadrature: .*maxwell_3v"):
        closure.build("quadrature", kinetic.gas("maxwell_3v"))
    with pytest.raises(InputError, match=r"closure=herm_mlc: .*maxwell_3v"):
        closure.untrained(kinetic.gas("maxwell_3v"), network={"_target_": "knudsen.closure.learned.networks.MLP"})
