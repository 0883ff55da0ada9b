"""Reconstructions: exactness, observed orders, bounds, mirror symmetry."""

import math
from functools import cache

import pytest
import torch
from torch.testing import assert_close
from toy_laws import Advection

from knudsen.solvers import GHOST, RECONSTRUCTIONS, Cells, Solver, limiting_above

# The order of the solution in L1 on smooth data. MUSCL is limited to second order by the few cells at extrema.
ORDERS = {"constant": 1, "muscl": 2, "van_leer": 2, "mc": 2, "weno3": 2, "weno5": 5, "weno5_thinc": 5}


def thin(n):
    """Cells on [0, 1] far wider than the mean free path: jumps may be sharpened."""
    return Cells(1 / n, n, knudsen=1e-6)


def sine_averages(n, shift=0.0):
    """Cell averages of 2 + sin(2 pi (x - shift)) on [0, 1], [1, 1, n]."""
    x = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    return (2 + torch.sin(2 * torch.pi * (x - shift)) * math.sin(math.pi / n) / (math.pi / n))[None, None]


@pytest.mark.parametrize("name", RECONSTRUCTIONS)
def test_constant_is_kept_and_faces_are_counted(name):
    n = 9
    V = torch.full((2, 3, n + 2 * GHOST), 0.7, dtype=torch.float64)
    for side in RECONSTRUCTIONS[name](V, thin(n)):
        assert_close(side, torch.full((2, 3, n + 1), 0.7, dtype=torch.float64), rtol=1e-15, atol=0)


@pytest.mark.parametrize("name", [name for name in RECONSTRUCTIONS if ORDERS[name] > 1])
def test_straight_line_is_exact(name):
    n = 9
    V = torch.arange(-GHOST, n + GHOST, dtype=torch.float64)[None, None] + 0.5
    faces = torch.arange(n + 1, dtype=torch.float64)[None, None]
    for side in RECONSTRUCTIONS[name](V, thin(n)):
        assert_close(side, faces, rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", RECONSTRUCTIONS)
def test_mirrored_cells_give_mirrored_faces(name):
    V = torch.rand(2, 2, 10 + 2 * GHOST, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    left, right = RECONSTRUCTIONS[name](V, thin(10))
    mirrored_left, mirrored_right = RECONSTRUCTIONS[name](V.flip(-1), thin(10))
    assert_close(mirrored_left.flip(-1), right, rtol=1e-13, atol=1e-14)
    assert_close(mirrored_right.flip(-1), left, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", RECONSTRUCTIONS)
def test_outermost_ghost_cell_is_not_read(name):
    """It may hold anything: laws fill it without a neighbour (see BalanceLaw.variables)."""
    V = torch.rand(1, 1, 10 + 2 * GHOST, dtype=torch.float64)
    W = V.clone()
    W[..., [0, -1]] = 1e6
    for a, b in zip(RECONSTRUCTIONS[name](V, thin(10)), RECONSTRUCTIONS[name](W, thin(10))):
        assert torch.equal(a, b)


@pytest.mark.parametrize("name", RECONSTRUCTIONS)
def test_observed_order(name):
    """Advected sine against its exact averages; dt ~ dx^(5/3) keeps the third-order stepper's error at fifth order."""
    t, cells = 0.2, (80, 160)
    errors = []
    for n in cells:
        solver = Solver(Advection(), reconstruction=name, integrator="ssprk3", cfl=0.45 * (20 / n) ** (2 / 3))
        U = solver.run(sine_averages(n), thin(n), [t]).U[-1]
        errors.append((U - sine_averages(n, t)).abs().mean().item())
    order = math.log2(errors[0] / errors[1])
    assert order > ORDERS[name] - 0.2, errors  # within 0.2 of the asymptotic order at these numbers of cells


@pytest.mark.parametrize("name", ["constant", "muscl", "van_leer", "mc"])
def test_face_values_lie_between_neighbouring_averages(name):
    V = torch.rand(1, 1, 4000, dtype=torch.float64, generator=torch.Generator().manual_seed(7))
    left, right = RECONSTRUCTIONS[name](V, thin(V.shape[-1] - 2 * GHOST))
    here, there = V[..., GHOST - 1 : -GHOST], V[..., GHOST : 1 - GHOST]
    low, high = torch.minimum(here, there), torch.maximum(here, there)
    for side in (left, right):
        # the floor that keeps MUSCL smooth leaves differences below 1e-5 unlimited
        assert (side >= low - 1e-5).all() and (side <= high + 1e-5).all()


@cache
def loss_of_a_square(name, is_thin):
    n = 200
    x = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    U0 = ((x > 0.25) & (x < 0.75)).double()[None, None]
    cells = thin(n) if is_thin else Cells(1 / n, n)
    return (Solver(Advection(), name).run(U0, cells, [1.0]).U[-1] - U0).abs().mean().item()


@pytest.mark.parametrize("name, error", [("weno5", 0.019), ("weno5_thinc", 0.0148)])
def test_a_square_stays_sharp(name, error):
    """L1 error of an advected square after one period on 200 cells, as the documentation says: about one cell at each edge with
    THINC. Where the Knudsen number says that the gas smooths the edges itself, THINC leaves them to WENO5."""
    assert loss_of_a_square(name, True) == pytest.approx(error, rel=0.1)
    assert loss_of_a_square(name, False) == pytest.approx(loss_of_a_square("weno5", True))


@pytest.mark.parametrize("name", ["muscl", "weno3"])
def test_small_differences_are_not_limited(name):
    """Across the top of a parabola too its faces are exact, which takes the linear scheme; jumps are treated as ever."""
    n = 8
    edges = torch.arange(-GHOST, n + GHOST + 1, dtype=torch.float64) - n / 2
    V = (edges**3 / 3).diff()[None, None]  # averages of x^2
    faces = edges[GHOST : n + GHOST + 1] ** 2
    above = limiting_above(name, torch.full((1, 1, 1), 1e4, dtype=torch.float64))
    for side in above(V, thin(n)):
        assert_close(side[0, 0], faces, rtol=1e-6, atol=1e-6)
    assert max((side[0, 0] - faces).abs().max() for side in RECONSTRUCTIONS[name](V, thin(n))) > 0.05
    jump = torch.rand(1, 1, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    below = limiting_above(name, torch.full((1, 1, 1), 1e-4, dtype=torch.float64))
    for ours, plain in zip(below(jump, thin(32)), RECONSTRUCTIONS[name](jump, thin(32)), strict=True):
        assert_close(ours, plain, rtol=0, atol=1e-3)
    assert limiting_above("weno5", torch.ones(1, 1, 1)) is RECONSTRUCTIONS["weno5"]
