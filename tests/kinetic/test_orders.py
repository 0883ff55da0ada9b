"""Orders of convergence in space and time, for every registered scheme."""

from itertools import pairwise

import numpy as np
import pytest

from knudsen.kinetic import gas, simulate
from knudsen.kinetic.case import Case
from knudsen.kinetic.run import INTEGRATORS
from knudsen.kinetic.simulation import TRANSPORTS


def smooth(cells, knudsen, t_end):
    x = (np.arange(cells) + 0.5) / cells - 0.5
    rho, u, T = 1 + 0.2 * np.sin(2 * np.pi * x), 0.3 + 0.1 * np.cos(2 * np.pi * x), 1 - 0.1 * np.sin(2 * np.pi * x)
    return Case("smooth", (-0.5, 0.5), cells, "periodic", rho, u, T, knudsen, t_end)


def error(a, b):
    return np.abs(a.G[-1, :3] - b.G[-1, :3]).mean()


# The limiter clips smooth extrema: MUSCL stays a little below its formal order 2.
@pytest.mark.parametrize(("transport", "cells", "at_least"), [("muscl", (27, 81, 243, 729), 1.8), ("weno5", (27, 81, 243), 4.0)])
@pytest.mark.parametrize("knudsen", [1e-2, 1.0])
def test_order_in_space(transport, cells, at_least, knudsen):
    """Point values: the centres of n cells are those of every third of 3 n. The time error is kept below by dt ~ dx^(order/3)."""
    the_gas, solutions = gas("bgk_1v", velocity_points=48), []
    for n in cells:
        cfl = 0.4 * min(1.0, (27 / n) ** (TRANSPORTS[transport] / 3 - 1))
        solutions.append(simulate(smooth(n, knudsen, 0.05), the_gas, transport=transport, integrator="ars443", cfl=cfl)[0])
    errors = [np.abs(fine.G[-1, :3, 1::3] - coarse.G[-1, :3]).mean() for coarse, fine in pairwise(solutions)]
    order = np.log(errors[0] / errors[-1]) / np.log(cells[-2] / cells[0])
    assert order > at_least


@pytest.mark.parametrize("knudsen", [1e-2, 1e-3, 1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize("integrator", INTEGRATORS)
def test_order_in_time(integrator, knudsen):
    """Full order at both ends of the range; ARS(4,4,3) falls to 2 where eps ~ dt.

    Source of the reduction: S. Boscarino, SIAM J. Numer. Anal. 45, 1600 (2007), doi:10.1137/060656929.
    """
    the_gas = gas("bgk_1v", velocity_points=32)  # WENO5, because a limiter is not smooth in time
    reference, coarse, fine = (
        simulate(smooth(40, knudsen, 0.1), the_gas, transport="weno5", integrator=integrator, cfl=cfl)[0]
        for cfl in (0.02, 0.8, 0.4)
    )
    formal = INTEGRATORS[integrator].order
    expected = 2 if 1e-5 < knudsen < 1e-2 else formal
    assert np.log2(error(coarse, reference) / error(fine, reference)) > expected - 0.1


@pytest.mark.parametrize("integrator", INTEGRATORS)
def test_tables_are_consistent(integrator):
    """Row sums agree, the order conditions hold, the last stage is the step."""
    scheme = INTEGRATORS[integrator]
    E, A = scheme.arrays()
    c = E.sum(1)
    np.testing.assert_allclose(A.sum(1), c, atol=1e-15)
    for b in (E[-1], A[-1]):
        assert b.sum() == pytest.approx(1)
        assert b @ c == pytest.approx(1 / 2)
        if scheme.order == 3:
            assert b @ c**2 == pytest.approx(1 / 3)
            assert b @ E @ c == pytest.approx(1 / 6) and b @ A @ c == pytest.approx(1 / 6)
