"""Steady states: exact relaxation and viscous shock profiles, honest failure."""

import numpy as np
import pytest
import torch
from toy_laws import Burgers, JinXin, ViscousBurgers

from knudsen.solvers import RECONSTRUCTIONS, Basis, Boundary, Cells, Solver

# MUSCL, WENO3 and WENO5 have derivatives everywhere; the others switch, on which Newton's method may hang
SMOOTH = ["constant", "muscl", "weno3", "weno5"]  # no switches

# u = -tanh(x/w): Jin-Xin a^2 u_x = (u^2 - 1)/(2 Kn), so w = 2 a^2 Kn; viscous Burgers Kn u_x = (u^2 - 1)/2, so w = 2 Kn
LAWS = {"jin_xin": (JinXin(1.5), 2 * 1.5**2), "viscous_burgers": (ViscousBurgers(), 2.0)}


def shock(name, n, knudsen=0.1, widths=20, start_width=1.0, shift=0.0):
    """Start, exact averages of u, cells: a domain of `widths` profile widths between the states 1 and -1."""
    law, width = LAWS[name]
    width = width * knudsen
    dx = widths * width / n
    faces = (torch.arange(n + 1, dtype=torch.float64) - n / 2) * dx

    def averages(w):
        z = ((faces - shift * dx) / w).abs()
        return -w * (z + torch.log1p(torch.exp(-2 * z))).diff() / dx  # the integral of tanh is log cosh

    parts = len(law.components)
    U = torch.stack([averages(width * start_width), torch.full((n,), 0.5, dtype=torch.float64)])[None, :parts]
    left, right = (torch.tensor([u, 0.5], dtype=torch.float64)[None, :parts, None] for u in (1.0, -1.0))
    return law, U, averages(width), Cells(dx, n, knudsen, Boundary("fixed", left, right))


@pytest.mark.parametrize("start_width", [1.0, 0.02, 5.0])
@pytest.mark.parametrize("reconstruction", SMOOTH)
@pytest.mark.parametrize("name", LAWS)
def test_shock_profile_converges_from_any_width(name, reconstruction, start_width):
    law, U, _, cells = shock(name, 200, start_width=start_width)
    solver = Solver(law, reconstruction)
    result = solver.steady(U, cells, half_width=4 if reconstruction == "weno5" else 3)
    assert result.status == "ok" and result.residual < 1e-8 and result.iterations <= 50
    # the place: sum(u) = 0 on the symmetric domain; each cell of drift would change it by 2
    assert abs(result.U[0, 0].sum().item()) < 0.05


@pytest.mark.parametrize(
    "name, reconstruction, order",
    [
        ("jin_xin", "constant", 1),
        ("jin_xin", "muscl", 2),
        ("jin_xin", "weno3", 2),
        ("jin_xin", "weno5", 2),  # not 5: the source of an average is not the average of the source
        ("viscous_burgers", "constant", 1),
        ("viscous_burgers", "weno5", 2),  # the central difference
    ],
)
def test_shock_profile_has_the_order_of_the_scheme(name, reconstruction, order):
    """Fitted over 50 to 400 cells against exact cell averages."""
    errors, sizes = [], (50, 100, 200, 400)
    for n in sizes:
        law, U, exact, cells = shock(name, n)
        result = Solver(law, reconstruction).steady(U, cells, half_width=4 if reconstruction == "weno5" else 3)
        assert result.status == "ok"
        errors.append((result.U[0, 0] - exact).abs().mean().item())
    fitted = -np.polyfit(np.log(sizes), np.log(errors), 1)[0]
    assert fitted > order - 0.2, errors


def test_profile_stays_where_its_conserved_total_puts_it():
    """Started 3.3 cells off centre, it is found 3.3 cells off centre: sum(u) = 2 shift."""
    law, U, _, cells = shock("jin_xin", 200, shift=3.3)
    result = Solver(law, "weno5").steady(U, cells)
    assert result.status == "ok"
    assert result.U[0, 0].sum().item() / 2 == pytest.approx(3.3, abs=0.01)


@pytest.mark.parametrize("name", LAWS)
def test_steady_state_is_what_time_marching_reaches(name):
    law, U, _, cells = shock(name, 24, widths=8, start_width=2)
    solver = Solver(law, "weno5")
    marched = solver.run(U, cells, [30.0]).U[-1]
    steady = solver.steady(marched, cells, tolerance=1e-10)
    assert steady.iterations <= 4
    assert (steady.U - marched).abs().max() < 1e-6


def test_basis_changes_the_coordinates_not_the_solution():
    """A full basis per cell, and the same law in badly scaled units with the basis that undoes them."""
    law, U, _, cells = shock("jin_xin", 100, start_width=2)
    solver = Solver(law, "weno5")
    plain = solver.steady(U, cells, tolerance=1e-10)
    x = torch.linspace(-1, 1, cells.n, dtype=torch.float64)
    one = torch.ones_like(x)
    P = torch.stack([torch.stack([one, 0.5 * x]), torch.stack([x, 2 * one])])  # [n, n, N]
    inverse = torch.linalg.inv(P.permute(2, 0, 1)).permute(1, 2, 0)
    y = torch.rand(3, 2, cells.n, dtype=torch.float64)
    basis = Basis(P, inverse)
    assert (basis.resolve(basis.combine(y)) - y).abs().max() < 1e-14
    result = solver.steady(U, cells, tolerance=1e-10, basis=basis)
    assert result.status == "ok"
    # both stop at a residual of 1e-10; translation, the softest mode, is fixed by the conserved total alone
    assert (result.U - plain.U).abs().max() < 1e-4


def test_a_pinned_wave_stays_and_tells_its_speed():
    """Between 1.1 and -1 the wave moves at (1.1 - 1)/2, the mean of its ends (Rankine-Hugoniot, flux u^2/2; Burgers' profile is
    steady in that frame). Pinned, its total stays to round-off, and the speed is found with it."""
    law, U, _, cells = shock("viscous_burgers", 200, widths=16, shift=3.3)
    ends = (cells.boundary.left + 0.1, cells.boundary.right)
    U = -1 + 1.05 * (U + 1)
    cells = Cells(cells.dx, cells.n, cells.knudsen, Boundary("fixed", *ends))
    result = Solver(law, "weno3").steady(U, cells, tolerance=1e-9, pinned=0)
    assert result.status == "ok" and result.iterations <= 20
    assert result.drift == pytest.approx(0.05, rel=1e-3)
    assert (result.U - U).sum().abs() < 1e-9
    free = Solver(law, "weno3").steady(U, cells, tolerance=1e-9)  # it is steady at the end of the domain alone
    assert (free.U - U).sum() > 0.5 * cells.n


def test_stiff_source():
    """Kn far below dx: the shock is a jump between the same states, the steps stay few."""
    law, U, _, cells = shock("jin_xin", 100, knudsen=1e-6, widths=1e5)
    result = Solver(law, "weno5").steady(U, cells)
    assert result.status == "ok" and result.iterations <= 50


def test_failure_is_reported():
    law, U, _, cells = shock("jin_xin", 100, start_width=3)
    solver = Solver(law, "weno5")
    short = solver.steady(U, cells, max_iterations=2)
    assert short.status == "not_converged" and short.iterations == 2 and short.residual > 1e-8
    start = U[:, :1] * 0 - 1
    bad = Solver(Burgers(positive=True)).steady(start, Cells(cells.dx, cells.n, boundary=Boundary("outflow")))
    assert bad.status == "diverged" and bad.iterations == 0


class Runaway(Burgers):
    """u_t = 1 with 0 < u < 2: no steady state, every large step leaves the admissible states."""

    def source(self, U, cells):
        return torch.ones_like(U)

    def admissible(self, U):
        return ((U > 0) & (U < 2)).all(dim=1)


def test_no_steady_state_ends_as_diverged():
    n = 30
    U = torch.ones(1, 1, n, dtype=torch.float64)
    result = Solver(Runaway()).steady(U, Cells(1 / n, n, boundary=Boundary("outflow")))
    assert result.status == "diverged" and result.iterations < 200


def test_registered_reconstructions_are_sorted_into_smooth_and_switching():
    assert set(SMOOTH) | {"van_leer", "mc", "weno5_thinc"} == set(RECONSTRUCTIONS)
