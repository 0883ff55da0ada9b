"""Time integrators: tableaux, observed orders, asymptotic preservation."""

import cmath
import math

import numpy as np
import pytest
import torch
from toy_laws import JinXin

from knudsen.solvers import INTEGRATORS, Cells, Solver

IMEX = [name for name, tableau in INTEGRATORS.items() if tableau.implicit]
A, C, N = 1.5, 1.0, 16
X = 2 * torch.pi * torch.arange(N, dtype=torch.float64) / N


def square(rows, stages):
    return np.array([[*row, *[0.0] * (stages - len(row))] for row in rows])


@pytest.mark.parametrize("name", INTEGRATORS)
def test_order_conditions(name):
    """Orders 1-3 of each tableau and of their coupling: b c^k = 1/(k+1), b A c = 1/6 (Ascher, Ruuth, Spiteri 1997)."""
    tableau = INTEGRATORS[name]
    stages = len(tableau.explicit)
    pair = [square(tableau.explicit, stages)] + ([square(tableau.implicit, stages)] if tableau.implicit else [])
    for matrix in pair:
        weights = matrix[-1]  # globally stiffly accurate: the last stage is the step
        assert weights.sum() == pytest.approx(1, abs=1e-15)
        for a in pair:
            c = a.sum(axis=1)
            assert weights @ c == pytest.approx(1 / 2, abs=1e-14)
            if tableau.order >= 3:
                assert weights @ c**2 == pytest.approx(1 / 3, abs=1e-14)
                for b in pair:
                    assert weights @ (b @ c) == pytest.approx(1 / 6, abs=1e-14)


def slow_mode(solver, cells):
    """Rate and eigenvector of the mode exp(i x) of the semi-discrete system that survives Kn -> 0.

    The linear operator is applied to cos x and sin x of each component: its symbol is a complex 2 x 2 matrix M, whose slow
    eigenvalue is det M / (the fast one), without cancellation at small Knudsen numbers.
    """
    M = np.empty((2, 2), complex)
    for k in range(2):
        U = torch.zeros(2, 2, N, dtype=torch.float64)
        U[0, k], U[1, k] = torch.cos(X), torch.sin(X)
        R = solver.residual(U, cells)
        M[:, k] = (R[0] + 1j * R[1])[:, 0].numpy()  # at x = 0, where exp(i x) = 1
    trace, det = M[0, 0] + M[1, 1], M[0, 0] * M[1, 1] - M[0, 1] * M[1, 0]
    root = cmath.sqrt(trace**2 / 4 - det)
    fast = max(trace / 2 + root, trace / 2 - root, key=abs)
    slow = det / fast
    return slow, np.array([1, (slow - M[0, 0]) / M[0, 1]])


def errors_on_slow_mode(name, knudsen, counts):
    """Linear Jin-Xin on the slow mode until t = 1, first-order upwind in space (linear), exact in time by its eigenvalue."""
    cells = Cells(2 * math.pi / N, N, knudsen=knudsen)
    solver = Solver(JinXin(A, f=lambda u: C * u), reconstruction="constant", integrator=name)
    rate, vector = slow_mode(solver, cells)
    wave = torch.as_tensor(vector)[:, None] * torch.exp(1j * X)
    errors = []
    for steps in counts:
        U = wave.real[None]
        for _ in range(steps):
            U = solver.step(U, 1 / steps, cells)
        errors.append((U[0] - (wave * cmath.exp(rate)).real).abs().max().item())
    return errors


@pytest.mark.parametrize(
    "name, knudsen", [(name, kn) for name in INTEGRATORS for kn in (10.0, 1.0, 1e-8) if kn >= 1 or name in IMEX]
)
def test_observed_order(name, knudsen):
    coarse, fine = errors_on_slow_mode(name, knudsen, (32, 64))
    assert math.log2(coarse / fine) == pytest.approx(INTEGRATORS[name].order, abs=0.05)


@pytest.mark.parametrize("knudsen", [1e-1, 1e-2, 1e-3, 1e-4])
@pytest.mark.parametrize("name", IMEX)
def test_second_order_error_bound_where_step_and_relaxation_time_compare(name, knudsen):
    """Where dt ~ Kn every such scheme loses order (stage order one): ARS(2,2,2) little, ARS(4,4,3) down to second.

    Uniform second order means error <= C dt^2 for all Kn. C is that of ARS(2,2,2) where it is regular, at Kn = 1.
    """
    counts = (16, 32, 64, 128, 256)
    (bound,) = errors_on_slow_mode("ars222", 1.0, counts[:1])
    for steps, error in zip(counts, errors_on_slow_mode(name, knudsen, counts)):
        assert error <= bound * (counts[0] / steps) ** 2


@pytest.mark.parametrize("name", IMEX)
def test_stiff_limit_is_the_equilibrium_law(name):
    """A start far from equilibrium lands within O(Kn) of v = f(u) in one convective step (L-stable, stiffly accurate)."""
    law = JinXin(A)
    distance = []
    for knudsen in (1e-8, 1e-10):
        U = torch.stack([torch.sin(X), 2 + torch.cos(X)])[None]
        U = Solver(law, integrator=name).step(U, 0.05, Cells(2 * math.pi / N, N, knudsen=knudsen))
        distance.append((U[:, 1] - law.f(U[:, 0])).abs().max().item())
    assert distance[0] == pytest.approx(100 * distance[1], rel=1e-3)
    assert distance[0] < 100 * 1e-8 / 0.05  # a few Kn/dt of a deviation of order 3, not dt
