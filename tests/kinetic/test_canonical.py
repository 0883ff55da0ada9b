"""Canonical flows against what is known exactly: Riemann problems of the Euler equations, waves of the linearised kinetic one."""

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.optimize import brentq

from knudsen import kinetic
from knudsen.kinetic import cases

RIEMANN = {
    "sod": ((1.0, 0.0, 1.0), (0.125, 0.0, 0.8)),
    "lax": ((0.445, 0.698, 3.528 / 0.445), (0.5, 0.0, 0.571 / 0.5)),
    "expansion": ((1.0, -1.0, 1.0), (1.0, 1.0, 1.0)),
    "collision": ((1.0, 1.5, 1.0), (1.0, -1.5, 1.0)),
    "cold_hot": ((4.0, 0.0, 0.25), (1.0, 0.0, 1.0)),
    "near_vacuum": ((1.0, 0.0, 1.0), (0.01, 0.0, 1.0)),
}


def exact_riemann(left, right, gamma, xi):
    """rho, u, p of the Euler Riemann problem at x/t = xi (no vacuum). Source: E. F. Toro, Riemann Solvers (2009), chapter 4."""
    g1, g2 = (gamma - 1) / (gamma + 1), (gamma - 1) / 2
    (r_l, u_l, p_l), (r_r, u_r, p_r) = ((r, u, r * T) for r, u, T in (left, right))
    a_l, a_r = np.sqrt(gamma * p_l / r_l), np.sqrt(gamma * p_r / r_r)

    def curve(p, r, p0, a):
        if p > p0:
            return (p - p0) * np.sqrt((1 - g1) / r / (p + g1 * p0))
        return a / g2 * ((p / p0) ** (g2 / gamma) - 1)

    p = brentq(lambda p: curve(p, r_l, p_l, a_l) + curve(p, r_r, p_r, a_r) + u_r - u_l, 1e-12, 1e3)
    u = u_l - curve(p, r_l, p_l, a_l)

    def side(xi, r, u0, p0, a, u_star):
        """Of the left side; the right one is its mirror image."""
        if p > p0:
            front = u0 - a * np.sqrt((gamma + 1) / (2 * gamma) * p / p0 + g2 / gamma)
            return (r, u0, p0) if xi < front else (r * (p / p0 + g1) / (g1 * p / p0 + 1), u_star, p)
        behind = a * (p / p0) ** (g2 / gamma)
        if xi < u0 - a:
            return r, u0, p0
        if xi > u_star - behind:
            return r * (p / p0) ** (1 / gamma), u_star, p
        sound = (1 - g1) * a + g1 * (u0 - xi)
        return r * (sound / a) ** (1 / g2), xi + sound, p0 * (sound / a) ** (gamma / g2)

    rows = []
    for s in xi:
        if s < u:
            rows.append(side(s, r_l, u_l, p_l, a_l, u))
        else:
            density, velocity, pressure = side(-s, r_r, -u_r, p_r, a_r, -u)
            rows.append((density, -velocity, pressure))
    return np.array(rows).T


@pytest.mark.parametrize("name", RIEMANN)
@pytest.mark.parametrize("dims", [1, pytest.param(2, marks=pytest.mark.slow), 3])
def test_at_small_knudsen_numbers_a_riemann_problem_is_eulers(name, dims):
    """The conserved fields' error is an area: a few cells, which contact and shock are smeared over, times what jumps there.
    Where a field does not jump, half of the density's jump: a contact that begins to smear sends sound away."""
    gas = kinetic.gas(f"bgk_{dims}v")
    case = getattr(cases, name)(cells=200, knudsen=1e-5)
    solution = kinetic.simulate(case, gas)[0]
    assert solution.status == "ok"
    rho, u, T = solution.rho[-1], solution.u[-1], solution.T[-1]
    fine = (np.arange(2000) + 0.5) / 2000 - 0.5
    r, w, p = exact_riemann(*RIEMANN[name], gas.gamma, fine / case.t_end)
    for value, exact in ((rho, r), (rho * u, r * w), (rho * (u**2 + dims * T), r * w**2 + dims * p)):
        truth = exact.reshape(200, 10).mean(-1)
        assert abs(value - truth).sum() < 3.0 * max(np.ptp(truth), 0.5 * np.ptp(r))


def linear_amplitudes(start, gas, k, knudsen, t):
    """Amplitudes of rho, u, T, q at time t of the linearised BGK equation (nu = 1) about (1, 0, 1), whose Maxwellian start has
    the amplitudes ``start`` of rho, u, T times exp(i k x): the exponential of its matrix on a velocity grid (pair g, h)."""
    dv, D = 0.2, gas.dims
    v = (np.arange(-50, 50) + 0.5) * dv
    M = np.exp(-(v**2) / 2) / np.sqrt(2 * np.pi)
    g = np.stack([M, v * M, (v**2 - 1) / 2 * M])  # of unit rho, u, T
    h = (D - 1) * np.stack([M, v * M, ((v**2 - 1) / 2 + 1) * M])
    shape = np.hstack([g, h])
    zero = np.zeros_like(v)
    rho, u = np.hstack([zero + dv, zero]), np.hstack([v * dv, zero])
    T = np.hstack([v**2 * dv, zero + dv]) / D - rho  # D (rho + T) = int v^2 g + int h
    fields = np.stack([rho, u, T])
    q = 0.5 * np.hstack([(v**3 - (D + 2) * v) * dv, v * dv])  # q = 1/2 int (v^3 g + v h) - (D + 2)/2 u
    matrix = (shape.T @ fields - np.eye(2 * v.size)) / knudsen - 1j * k * np.diag(np.hstack([v, v]))
    f = expm(matrix * t) @ (np.asarray(start) @ shape)
    return np.concatenate([fields @ f, [q @ f]])


@pytest.mark.parametrize("knudsen", [0.01, 0.1, 1.0])
@pytest.mark.parametrize("dims", [1, 2, 3])
@pytest.mark.parametrize("name", ["sound", "entropy"])
def test_small_waves_follow_the_linearised_equation(name, dims, knudsen):
    gas, amplitude, t = kinetic.gas(f"bgk_{dims}v"), 1e-5, 0.2
    options = {"amplitude": amplitude, "knudsen": knudsen, "cells": 60, "t_end": t}
    case = cases.sound(gas, **options) if name == "sound" else cases.entropy(velocity=0.5, **options)
    start = (1, np.sqrt(gas.gamma), gas.gamma - 1) if name == "sound" else (1, 0, -1)
    carried = 0.0 if name == "sound" else 0.5 * t
    solution = kinetic.simulate(case, gas, transport="weno5", integrator="ars443")[0]
    k = 2 * np.pi
    expected = linear_amplitudes(start, gas, k, knudsen, t) * np.exp(-1j * k * carried) / 1j  # of sin
    basis = np.exp(-1j * k * case.x) * 2 / case.cells
    found = np.array([getattr(solution, f)[-1] @ basis for f in ("rho", "u", "T", "q")]) / amplitude
    assert abs(found - expected).max() < 1e-3  # the cell averages of a wave are 1 - (k dx)^2/24 = 1 - 5e-4 of it


def test_the_shock_of_shu_and_osher_goes_as_far_in_every_gas():
    for dims in (1, 2, 3):
        gas = kinetic.gas(f"bgk_{dims}v")
        case = cases.shu_osher(gas, cells=100, knudsen=1e-4)
        solution = kinetic.simulate(case, gas)[0]
        front = case.x[np.flatnonzero(solution.T[-1] > 0.5 * solution.T[-1].max())[-1]]
        assert front == pytest.approx(-0.4 + 1.8 / 10 * 3 * np.sqrt(1.4), abs=2 * case.dx)


@pytest.mark.parametrize("make", cases.CANONICAL, ids=lambda make: make.__name__)
def test_a_start_on_finer_cells_is_the_same_start(make):
    """Averages over the coarse cells agree to round-off: a reference on finer cells solves the same problem."""
    gas = kinetic.gas("bgk_3v")
    given = {"gas": gas} if "gas" in make.__annotations__ else {}
    case = make(cells=25, **given)
    G, H = case.raw_moments(gas, 4)
    for cells in (50, 100, 2 * case.fine):
        for coarse, fine in zip((G, H), case.at(cells).raw_moments(gas, 4), strict=True):
            np.testing.assert_allclose(fine.reshape(5, 25, -1).mean(-1), coarse, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("make", "options", "key"),
    [
        (cases.expansion, {"speed": -1.0}, "case.speed"),
        (cases.blast, {"temperature": 0.0}, "case.temperature"),
        (cases.entropy, {"amplitude": 1.0}, "case.amplitude"),
        (cases.entropy, {"velocity": "fast"}, "case.velocity"),
        (cases.hot_spot, {"width": 0}, "case.width"),
        (cases.dense_blob, {"cells": 0}, "case.cells"),
        (cases.entropy, {"waves": 0}, "case.waves"),
        (cases.near_vacuum, {"density": None}, "case.density"),
    ],
)
def test_bad_value_names_its_key(make, options, key):
    with pytest.raises(kinetic.InputError, match=key):
        make(**options)
