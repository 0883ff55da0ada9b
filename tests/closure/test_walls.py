"""Closures between walls: what leaves the gas, what the walls let through, steady states, conservation."""

from dataclasses import replace
from math import erfc, exp, pi, sqrt

import numpy as np
import pytest
import torch

from knudsen import closure, kinetic
from knudsen.closure.laws.walls import leaving_flux
from knudsen.closure.simulation import case_cells, initial_state
from knudsen.errors import InputError
from knudsen.kinetic import Case, Wall, cases
from knudsen.kinetic.moments import maxwellian_moments
from knudsen.kinetic.slip import jump_coefficient
from knudsen.solvers import GHOST, Boundary, Solver

X = (np.arange(24) + 0.5) / 24 - 0.5
PAIRS = [
    ("euler", "bgk_1v"), ("nsf", "bgk_1v"), ("nsf", "shakhov_3v"), ("grad", "bgk_1v"), ("grad13", "bgk_2v"), ("hme", "bgk_3v"),
    ("max_entropy", "bgk_1v"), ("quadrature", "bgk_1v"), ("quadrature", "maxwell_2v"), ("herm_mlc", "bgk_3v"),
    ("gradient_net", "bgk_1v"), ("entropy_net", "bgk_1v"),
]  # fmt: skip


def law_of(name, gas):
    return closure.build(name, kinetic.gas(gas)).double()


def between(left, right, knudsen=0.3, t_end=0.02, mirrored=False):
    """Smooth gas between two walls, or what a mirror shows of it."""
    rho, u, T = 1 + 0.2 * np.sin(4 * X), 0.2 * np.cos(5 * X + 1), 1 + 0.2 * np.cos(3 * X)
    if mirrored:
        rho, u, T, left, right = rho[::-1], -u[::-1], T[::-1], right, left
    return Case("between", (-0.5, 0.5), 24, "walls", rho, u, T, knudsen, t_end, walls=(left, right))


def rate_of(law, case):
    """-dF/dx + S and the case's cells."""
    U, cells = initial_state(law, [case]), case_cells(law, [case])
    with torch.no_grad():
        return Solver(law).residual(U, cells), U, cells


@pytest.mark.parametrize(("name", "gas"), PAIRS)
def test_gas_at_rest_between_walls_of_its_temperature_stays_at_rest(name, gas):
    law, one = law_of(name, gas), np.ones(24)
    wall = Wall(temperature=1.7, accommodation=0.6)
    case = Case("rest", (-0.5, 0.5), 24, "walls", 1.3 * one, 0 * one, 1.7 * one, 0.1, 1.0, walls=(wall, wall))
    rate, U, cells = rate_of(law, case)
    assert rate.abs().max() < 1e-10 * U.abs().max() / float(cells.dx)


@pytest.mark.parametrize(("name", "gas"), PAIRS)
def test_a_mirror_shows_the_same_flow(name, gas):
    law, walls = law_of(name, gas), (Wall(0.7, accommodation=0.8), Wall(1.5))
    rate, _, _ = rate_of(law, between(*walls))
    mirrored, _, _ = rate_of(law, between(*walls, mirrored=True))
    assert torch.allclose(
        mirrored.flip(2), law.parity.to(rate.dtype)[:, None] * rate, rtol=0, atol=1e-8 * float(rate.abs().max())
    )


@pytest.mark.parametrize(("name", "gas"), PAIRS)
def test_mass_stays_and_energy_is_what_the_walls_let_through(name, gas):
    law = law_of(name, gas)
    rate, U, cells = rate_of(law, between(Wall(0.7, accommodation=0.8), Wall(1.5)))
    size = float(rate.abs().max())
    assert abs(rate[0, 0].sum()) < 1e-12 * size
    specular, _, _ = rate_of(law, between(Wall(0.7, accommodation=0.0), Wall(1.5, accommodation=0.0)))
    assert abs(law.energy(specular).sum()) < 1e-12 * size
    if name != "nsf":  # whose heat is part of the source
        with torch.no_grad():
            V = law.variables(cells.pad(U), cells)
            V_l, V_r = Solver(law).reconstruct(V, cells)
            left = law.wall_flux(V_r[..., :1], cells.boundary.left, 1)
            right = law.wall_flux(V_l[..., -1:], cells.boundary.right, -1)
        gain = float(law.energy(left - right)) / float(cells.dx)
        assert abs(float(law.energy(rate).sum()) - gain) < 1e-11 * size


@pytest.mark.parametrize("u", [-0.8, 0.0, 0.5])
def test_half_range_flux_of_a_maxwellian_is_exact(u):
    T, rho = 1.6, 0.7
    G, H = maxwellian_moments(np.full((1, 1), rho), u, T, kinetic.gas("bgk_3v"), 9)
    out, transverse = leaving_flux(torch.tensor(G[:, 0])[None], torch.tensor(H[:6, 0])[None], torch.tensor([[5.0]]))
    a = u / sqrt(T)
    mass = rho * (0.5 * u * erfc(a / sqrt(2)) - sqrt(T / (2 * pi)) * exp(-0.5 * a * a))  # int_{v < 0} v f dv
    momentum = rho * (T + u * u) * 0.5 * erfc(a / sqrt(2)) - rho * u * sqrt(T / (2 * pi)) * exp(-0.5 * a * a)
    assert out[0, :2, 0].tolist() == pytest.approx([mass, momentum], rel=1e-12)
    assert transverse[0, 0, 0] == pytest.approx(2 * T * mass, rel=1e-12)


def test_free_flight_between_walls_is_known_exactly():
    """Two half Maxwellians, of walls of temperatures 1 and 10: the flux of those that leave is theirs."""
    T, rho = np.array([1.0, 10.0]), np.array([1.0, 1 / sqrt(10)])  # of the ones that move to the left and to the right
    even = np.array(
        [1.0, 1.0, 3.0, 15.0, 105.0]
    )  # int x^2k, over the whole line; odd: twice int_0 x^(2k+1) = 2^k k! 2/sqrt(2 pi)
    odd = np.array([1.0, 2.0, 8.0, 48.0, 384.0]) * 2 / sqrt(2 * pi)
    x = np.stack((even, odd), 1).ravel()
    k = np.arange(10)
    halves = 0.5 * rho[:, None] * T[:, None] ** (0.5 * k) * x * np.array([(-1.0) ** k, np.ones(10)])
    transverse = 2 * T[:, None] * halves
    g, h = (torch.tensor(m.sum(0))[None, :, None] for m in (halves, transverse))
    out, out_h = leaving_flux(g, h[:, :6], torch.tensor([[5.0]]))
    assert np.allclose(out[0, :, 0], halves[0, 1:], rtol=1e-8)
    assert np.allclose(out_h[0, :, 0], transverse[0, 1:6], rtol=1e-8)


def test_ghost_cells_lie_on_the_line_of_the_gas_and_never_mirror_it():
    law = law_of("quadrature", "bgk_1v")
    case = between(Wall(), Wall())
    U, cells = initial_state(law, [case]), case_cells(law, [case])
    V = law.local_variables(cells.pad(U))[0]
    step = V[:, GHOST] - V[:, GHOST + 1]
    assert torch.allclose(V[:, GHOST - 1], V[:, GHOST] + step)
    assert torch.allclose(V[:, GHOST - 2], V[:, GHOST] + 2 * step)
    assert torch.allclose(V[:, 0], V[:, GHOST - 2])
    steep = torch.cat((4 * U[..., :1], U[..., 1:]), -1)
    assert torch.allclose(cells.pad(steep)[..., 0], steep[..., 0])


def test_fluid_between_walls_jumps():
    """Navier-Stokes-Fourier: q = kappa dT/(H + 2 zeta l), kappa = 5/2 mu, l = mu v0/p, linear flow."""
    gas, delta = kinetic.gas("bgk_3v"), 2.0
    case = cases.fourier(gas, delta=delta, cells=24, t_end=12.0)
    heat = -closure.simulate(closure.build("nsf", gas), case)[0].q[-1].mean() / (sqrt(2) * 1e-3)
    assert heat == pytest.approx(1.25 / (delta + 2 * jump_coefficient(gas, 1.0)), rel=1e-3)
    # zeta_T of BGK: F. Sharipov, J. Phys. Chem. Ref. Data 40 (2011) 023101, table 5
    assert jump_coefficient(gas, 1.0) == pytest.approx(1.30272, abs=1e-5)


@pytest.mark.parametrize(("name", "tolerance"), [("herm_mlc", 0.005), ("quadrature", 0.02), ("grad13", 0.05)])
def test_heat_flux_between_walls(name, tolerance):
    """Linear Fourier flow of BGK at delta = 1: 0.361562 (linearised BGK by analytical discrete ordinates: R. D. M. Garcia,
    C. E. Siewert). Kept from one Knudsen layer to the other."""
    gas = kinetic.gas("bgk_3v")
    solution = closure.simulate(closure.build(name, gas), cases.fourier(gas, delta=1.0, cells=24, t_end=10.0))[0]
    heat = -solution.q[-1] / (sqrt(2) * 1e-3)
    assert heat.mean() == pytest.approx(0.361562, rel=tolerance)
    assert np.ptp(heat) < 0.02 * heat.mean()
    assert abs(solution.rho[-1].sum() / 24 - 1) < 1e-12


@pytest.mark.parametrize(("name", "gas"), PAIRS)
def test_compiled_walls_are_those_of_the_reference(name, gas):
    law, case = law_of(name, gas), between(Wall(0.7, accommodation=0.8), Wall(1.5))
    assert law.compiled() is not None
    ours, reference = (closure.simulate(law, case, compiled=compiled)[0] for compiled in (True, False))
    assert (ours.status, ours.steps) == (reference.status, reference.steps) == ("ok", ours.steps)
    size = np.abs(reference.U).max(axis=(0, 2), keepdims=True)
    single = name in ("herm_mlc", "entropy_net", "gradient_net")  # the precision of compiled networks
    assert np.abs((ours.U - reference.U) / size).max() < (1e-5 if single else 1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_random_gas_between_walls_is_not_lost(seed):
    law, case = law_of("quadrature", "bgk_1v"), cases.enclosed(seed, cells=50, t_end=0.2)
    solution = closure.simulate(law, case)[0]
    assert solution.status == "ok"
    assert abs(solution.rho[-1].sum() / solution.rho[0].sum() - 1) < 1e-13


def test_walls_are_part_of_a_batch():
    """Cases of other walls side by side are what they are alone."""
    law = law_of("quadrature", "bgk_1v")
    some = [between(Wall(0.7), Wall(1.5)), between(Wall(1.2, accommodation=0.5), Wall(0.8))]
    together = closure.simulate(law, some, compiled=False)
    for case, ours in zip(some, together, strict=True):
        assert np.allclose(closure.simulate(law, case, compiled=False)[0].U, ours.U, rtol=1e-11, atol=1e-11)


def test_bad_input():
    moving = replace(between(Wall(), Wall()), walls=(Wall(velocity=0.1), Wall()))
    with pytest.raises(InputError, match=r"case=between.*shear"):
        closure.simulate(law_of("quadrature", "bgk_3v"), moving)
    with pytest.raises(InputError, match=r"closure=enc_mlc has no walls"):
        closure.simulate(law_of("enc_mlc", "bgk_1v"), between(Wall(), Wall()))
    with pytest.raises(InputError, match=r"no walls"):
        closure.simulate(
            closure.learned.constitutive.Constitutive(kinetic.gas("bgk_3v"), closure.learned.constitutive.ConvexRidges),
            between(Wall(), Wall()),
        )
    with pytest.raises(InputError, match=r"case\.temperatures"):
        cases.fourier(kinetic.gas("bgk_3v"), temperatures=[1.0])
    with pytest.raises(ValueError, match="walls"):
        Boundary("walls")
