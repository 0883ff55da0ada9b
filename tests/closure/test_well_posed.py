"""Closures as systems of differential equations: their symbols against exact ones, waves that may not grow, stable steps."""

import numpy as np
import pytest
import torch
from closure_samples import make_law, random_moments

from knudsen import closure, kinetic
from knudsen.closure import diagnostics
from knudsen.closure.laws.quadrature import Quadrature
from knudsen.closure.simulation import equilibrium_state
from knudsen.closure.training.posedness import Posedness
from knudsen.kinetic.dispersion import dispersion_roots
from knudsen.solvers import Boundary, Cells


def at_rest(law):
    return equilibrium_state(law, 1.0, 0.0, 1.0)[:, :, 0]


def assert_same_spectrum(found, exact):
    distance = abs(np.subtract.outer(found, exact))
    assert len(found) == len(exact) and distance.min(0).max() < 1e-8 and distance.min(1).max() < 1e-8


@pytest.mark.parametrize("gas", ("bgk_1v", "bgk_3v"))
def test_symbol_of_navier_stokes_fourier_is_the_textbooks(gas):
    """Its implicit diffusion included: matrix of the linearised equations in (rho, u, T), kappa = (D + 2)/2 mu, any k."""
    law, eps, k = make_law("nsf", gas), 0.3, 2.5
    dims = law.gas.dims
    stress, conduction = 2 * (dims - 1) / dims * eps, (dims + 2) / dims * eps
    exact = np.array([[0, -1j * k, 0], [-1j * k, -(k**2) * stress, -1j * k], [0, -2j * k / dims, -(k**2) * conduction]])
    found = torch.linalg.eigvals(diagnostics.linearise(law, at_rest(law), eps).symbol([k]))[0, 0].numpy()
    assert_same_spectrum(found, np.linalg.eigvals(exact))


@pytest.mark.parametrize("moments", (5, 8))
def test_symbol_of_grad_is_that_of_hermite_coefficients(moments):
    """dw_n/dt = -ik (w_{n+1} sqrt(n+1) + w_{n-1} sqrt n) - w_n/eps, n >= 3, in orthonormal Hermite functions."""
    law, eps, k = make_law("grad", "bgk_1v", moments=moments), 0.2, 3.0
    root = np.sqrt(np.arange(1, moments))
    exact = -1j * k * (np.diag(root, 1) + np.diag(root, -1)) - np.diag([0.0] * 3 + [1 / eps] * (moments - 3))
    found = torch.linalg.eigvals(diagnostics.linearise(law, at_rest(law), eps).symbol([k]))[0, 0].numpy()
    assert_same_spectrum(found, np.linalg.eigvals(exact))


@pytest.mark.parametrize("name, gas", [("grad", "bgk_1v"), ("hme", "bgk_3v"), ("quadrature", "bgk_3v"), ("enc_mlc", "bgk_1v")])
def test_modes_of_long_waves_are_the_kinetic_ones(name, gas):
    """Grad's and the rule's nine moments are exact to order K^4; non-conservative products and moving frames are seen too."""
    law, eps = closure.build(name, kinetic.gas(gas)), 0.1
    K = np.array([0.02, 0.05])
    found, exact = diagnostics.modes(law, eps, K / eps), dispersion_roots(K, law.gas.dims)
    for mode, values in found.items():
        np.testing.assert_allclose(values * eps, exact[mode], rtol=2e-2 if name == "enc_mlc" else 2e-3 if name == "hme" else 2e-5)


@pytest.mark.parametrize("name", ("euler", "nsf", "grad", "quadrature", "herm_mlc"))
@pytest.mark.parametrize("gas", ("bgk_1v", "bgk_3v"))
def test_no_wave_grows_at_rest(name, gas):
    """Shipped weights where there are some; every wave number, Knudsen numbers from small to free flight."""
    law = closure.build(name, kinetic.gas(gas))
    k = np.geomspace(1, 1e5, 25)
    for eps in (1e-3, 0.1, 10):
        assert diagnostics.growth(law, at_rest(law), eps, k).max() < 1e-6


@pytest.mark.parametrize("name", ("euler", "nsf", "quadrature"))
def test_the_step_is_stable_at_rest(name):
    law = closure.build(name, kinetic.gas("bgk_1v"))
    for n, eps in ((50, 10), (200, 0.1), (800, 1)):
        assert diagnostics.amplification(law, n, eps) < 1.001


@pytest.mark.parametrize("gas", ("bgk_1v", "bgk_3v", "maxwell_2v"))
def test_learned_gradients_do_not_limit_the_step(gas):
    """Shipped weights: diffusion numbers of the convective step of 0.3 and 30."""
    law = closure.build("herm_mlc", kinetic.gas(gas))
    assert law.gradient_rows
    for n, eps in ((50, 0.1), (800, 10)):
        assert diagnostics.amplification(law, n, eps) < 1.001


@pytest.mark.parametrize("gas", ("bgk_1v", "bgk_3v"))
def test_coefficients_of_the_gradients_are_the_derivatives_of_the_flux(gas):
    """c dV/dU: what a slope of U changes in the last fluxes, at a state away from rest, of random weights."""
    law = make_law("herm_mlc", gas)
    n, dx, mid = 11, 1e-3, 10
    U = law.from_moments(*random_moments(law.gas, 1, law.order)).expand(1, -1, n).clone().requires_grad_()
    cells = Cells(dx, n, 0.3, Boundary("periodic"))
    V = law.variables(cells.pad(U), cells)
    F, rest = law.flux(V), V.detach()
    M = torch.autograd.functional.jacobian(lambda u: law.local_variables(u[None, :, None])[0, :, 0], U[0, :, 0].detach())
    np.testing.assert_allclose(M[:, list(law.gradient_rows)], law.response(rest)[0, :, :, mid], rtol=1e-6, atol=1e-9)
    tau = law._tau(rest, cells)
    phi = law.features(rest, dx, tau)
    c = law.by_slopes(rest, phi, tau, law.slopes(rest, cells))[0, :, :, mid].detach()
    for r, row in enumerate(law.gradient_rows):
        by = torch.autograd.grad(F[0, row, mid], U, retain_graph=True)[0][0]
        slope = dx * (by[:, mid - 4] - by[:, mid - 6])  # of the two neighbours
        np.testing.assert_allclose(c[r] @ M, slope, rtol=1e-6, atol=1e-8 * float(slope.abs().max()))


class Gradient(Quadrature):
    """The rule with a gradient of the moments in the last flux: dF_N = -strength sum_k c_k dG_k/dx."""

    def __init__(self, gas, c):
        super().__init__(gas, 5)
        self.c = torch.as_tensor(c)

    def variables(self, U, cells):
        V = self.local_variables(U)
        slope = torch.nn.functional.pad(U[..., 2:] - U[..., :-2], (1, 1)) / (2 * cells.dx)
        term = torch.einsum("k,bkn->bn", self.c, slope) / self.sensitivity(V)
        return torch.cat((V[:, :-1], V[:, -1:] + term[:, None]), 1)


def test_a_gradient_is_well_posed_exactly_where_its_roots_interlace_the_speeds():
    """C = -sum_i h_i Q(s)/(s - s_i) with all h_i > 0 damps every wave; with one h_i < 0 some wave grows; the diagnostics find the
    h_i that were put in."""
    gas = kinetic.gas("bgk_1v")
    rule = Quadrature(gas, 5)
    s = np.sort(diagnostics.speeds(rule, at_rest(rule)[:, :, None])[0, 0].real.numpy())[::-1]
    for h in ([1.0, 0.5, 2.0, 0.3, 0.7], [1.0, 0.5, -0.2, 0.3, 0.7]):
        C = -sum(h[i] * np.poly(np.delete(s, i)) for i in range(5))[::-1]
        law = Gradient(gas, C.copy())
        real, damping = diagnostics.interlacing(law, at_rest(law), 1.0)
        assert bool(real[0])
        np.testing.assert_allclose(damping[0], h, rtol=1e-6)
        rate = diagnostics.growth(law, at_rest(law), 1e9, np.geomspace(0.1, 1e4, 40), mixing=False).max()
        assert (rate < 1e-6) == (min(h) > 0)


def test_states_that_a_run_visits_are_those_of_its_end():
    law = closure.build("quadrature", kinetic.gas("bgk_1v"))
    case = kinetic.cases.wave(3, cells=40, knudsen=0.1, fine=600, t_end=0.05)
    U, slope, eps = diagnostics.visited(law, [case])
    end = closure.simulate(law, [case])[0].U[-1]
    np.testing.assert_allclose(U[1], end[:, 9], rtol=1e-12)
    np.testing.assert_allclose(slope[1], (end[:, 10] - end[:, 8]) * 40 / 2, rtol=1e-12)
    assert (eps == 0.1).all()
    assert not diagnostics.unbounded(law, U, eps, slope).any()


@pytest.mark.parametrize("gas", ("bgk_1v", "bgk_3v"))
def test_the_penalty_of_training_sees_the_closure_as_it_is(gas):
    """Last rows of the system about states far from equilibrium (random weights) against the law's own linearisation; and the
    penalty is 0 exactly where no wave grows."""
    network = {"_target_": "knudsen.closure.learned.networks.Equivariant", "width": 8}
    law = closure.untrained(kinetic.gas(gas), network=network, seed=1)
    phi = torch.zeros(6, law.inputs)
    phi[:, : law.inputs - len(law.moved)] = 0.2 * torch.randn(6, law.inputs - len(law.moved), generator=torch.manual_seed(2))
    posedness = Posedness(law, phi, 0)
    phi, n = posedness.phi.double(), law.n
    V = torch.zeros(1, 3 * n + 4 if law.n_h else 2 * n + 2, 6, dtype=torch.float64)
    V[0, 3 : 2 * n + 1] = phi[:, : 2 * n - 2].T
    if law.n_h:
        V[0, 2 * n + 2 : 3 * n + 3] = phi[:, 2 * n - 2 : 3 * n - 1].T
    system = diagnostics.linearise(law, law.conserved(V)[0].T, 0.1, mixing=False)
    A, C = posedness.last_rows(torch.arange(6))
    reach = 0.1 / (1 + 0.1 / law.memory)
    np.testing.assert_allclose(A.detach(), system.A[:, law.gradient_rows], rtol=0, atol=1e-6 * float(A.detach().abs().max()))
    np.testing.assert_allclose(-reach * C.detach(), system.D[:, law.gradient_rows], rtol=0, atol=3e-6)  # round-off
    with torch.no_grad():
        for parameter in law.network.parameters():
            parameter *= 100.0
    assert float(posedness().detach()) > 0.1
    rule = torch.zeros_like(phi)
    with torch.no_grad():
        for parameter in law.network.parameters():
            parameter *= 0.0
    assert float(Posedness(law, rule.float(), 0)().detach()) < 0.002 * len(law.components) + 1e-6  # the margin alone
