"""Numerical fluxes: consistency, reflection, upwinding."""

import pytest
import torch
from torch.testing import assert_close
from toy_laws import LAWS, Acoustics, Advection

from knudsen.solvers import FLUXES, GHOST, BalanceLaw, Cells

ROUND_OFF = 1e-14


def random_variables(law, seed=0, n=20):
    U = torch.rand(2, len(law.components), n, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)) + 0.5
    cells = Cells(1 / n, n)
    return law.variables(cells.pad(U), cells)[..., GHOST:-GHOST]


@pytest.mark.parametrize("name", LAWS)
def test_toy_laws_keep_the_contract(name):
    law = LAWS[name]
    assert isinstance(law, BalanceLaw)
    U = torch.rand(2, len(law.components), 10, dtype=torch.float64)
    cells = Cells(0.1, 10, knudsen=0.3)
    padded = cells.pad(U)
    assert_close(law.conserved(law.variables(padded, cells)), padded, rtol=ROUND_OFF, atol=0)
    tau = torch.full((2, 1, 1), 0.7, dtype=torch.float64)
    after = law.relax(U, tau, cells)
    assert_close(after, U + tau * law.source(after, cells), rtol=ROUND_OFF, atol=ROUND_OFF)


@pytest.mark.parametrize("flux", FLUXES)
@pytest.mark.parametrize("name", LAWS)
def test_flux_is_consistent(flux, name):
    law = LAWS[name]
    V = random_variables(law)
    assert_close(FLUXES[flux](V, V, law), law.flux(V), rtol=ROUND_OFF, atol=0)


@pytest.mark.parametrize("flux", FLUXES)
@pytest.mark.parametrize("c", [1.0, -0.7])
def test_flux_takes_the_upwind_state(flux, c):
    """For one speed every dissipation |c| (u_r - u_l) is exact upwinding."""
    law = Advection(c)
    left, right = random_variables(law, 1), random_variables(law, 2)
    assert_close(FLUXES[flux](left, right, law), law.flux(left if c > 0 else right), rtol=ROUND_OFF, atol=ROUND_OFF)


@pytest.mark.parametrize("flux", FLUXES)
def test_acoustic_flux_is_the_exact_riemann_solution(flux):
    """Both speeds are +-c, so that |A| = c I: p* = (p_l + p_r)/2 - Z (u_r - u_l)/2 and the like (LeVeque 2002, eq. 3.30)."""
    law = Acoustics()
    left, right = random_variables(law, 3), random_variables(law, 4)
    (p_l, u_l), (p_r, u_r) = (law.conserved(V).unbind(1) for V in (left, right))
    Z = law.rho * law.c
    p, u = 0.5 * (p_l + p_r) - 0.5 * Z * (u_r - u_l), 0.5 * (u_l + u_r) - 0.5 * (p_r - p_l) / Z
    assert_close(FLUXES[flux](left, right, law), torch.stack((law.K * u, p / law.rho), dim=1), rtol=ROUND_OFF, atol=ROUND_OFF)
