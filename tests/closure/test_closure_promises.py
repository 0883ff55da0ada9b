"""What every closure promises, for any state and any weights: identities to round-off."""

import numpy as np
import pytest
import torch
from closure_samples import make_law, random_moments

from knudsen.closure.laws.frames import scale_moments, shift_moments
from knudsen.closure.simulation import equilibrium_state
from knudsen.kinetic.gas import gas
from knudsen.kinetic.moments import maxwellian_moments
from knudsen.solvers import Boundary, Cells, Solver
from knudsen.solvers.fluxes import FLUXES

ROUND_OFF = {"rtol": 1e-9, "atol": 1e-9}  # moments of order eight of velocities up to four: 1e-16 times 4^8, and the inverse map


def flux(law, U):
    return law.flux(law.local_variables(U))


def periodic(n, knudsen=0.3):
    return Cells(dx=1 / n, n=n, knudsen=knudsen, boundary=Boundary("periodic"))


def reflect(law, U):
    return U * law.parity[:, None]


def test_variables_and_conserved_moments_are_inverse_maps(law, state):
    torch.testing.assert_close(law.conserved(law.local_variables(state)), state, **ROUND_OFF)


@pytest.mark.parametrize("flux_name", FLUXES)
def test_numerical_flux_is_consistent(law, state, flux_name):
    V = law.local_variables(state)
    torch.testing.assert_close(FLUXES[flux_name](V, V, law), law.flux(V), **ROUND_OFF)


def test_mass_flux_is_the_momentum_and_energy_flux_holds_the_heat_flux(law, state):
    F = flux(law, state)
    torch.testing.assert_close(F[:, 0], state[:, 1], **ROUND_OFF)
    if law.name == "nsf":
        return  # its stress and heat flux are part of the implicit diffusion
    fields = law.macroscopic(state, None)
    rho, u, T, sigma, q = (fields[name] for name in ("rho", "u", "T", "sigma", "q"))
    energy = law.energy(F) if law.name not in ("euler", "grad13") else F[:, 2]
    torch.testing.assert_close(F[:, 1], rho * u**2 + rho * T + sigma, **ROUND_OFF)
    torch.testing.assert_close(energy, u * (law.energy(state) + rho * T + sigma) + q, **ROUND_OFF)


def test_flux_is_galilean(law, state):
    """Seen from a frame that moves with -w the flux is B(w) (F + w U): no preferred frame."""
    w = torch.full_like(state[:, 0], 0.6)
    boosted = law.boost(state, w)
    expected = law.boost(flux(law, state), w) + w.unsqueeze(1) * boosted
    torch.testing.assert_close(flux(law, boosted), expected, rtol=1e-8, atol=1e-8)


def test_flux_scales_with_density_and_velocity(law, state):
    torch.testing.assert_close(flux(law, 2.5 * state), 2.5 * flux(law, state), **ROUND_OFF)
    s = torch.full_like(state[:, 0], 1.7)
    expected = 1.7 * law.rescale(flux(law, state), s)
    torch.testing.assert_close(flux(law, law.rescale(state, s)), expected, rtol=1e-8, atol=1e-8)


def test_hll_upwinds_a_supersonic_stream(law, state):
    """With every wave going to the right the flux is that of the left side alone, whatever stands on the right."""
    V = law.local_variables(law.boost(state, torch.full_like(state[:, 0], 20.0)))
    left, right = V[..., :6], V[..., 6:]
    if law.product is not None:  # there HLL is Rusanov's flux
        torch.testing.assert_close(FLUXES["hll"](left, right, law), FLUXES["rusanov"](left, right, law), **ROUND_OFF)
    elif law.transport is None:
        torch.testing.assert_close(FLUXES["hll"](left, right, law), law.flux(left), rtol=1e-12, atol=0)


def test_right_hand_side_is_reflected_with_the_gas(law):
    """x -> -x, v -> -v: with every gradient input, exactly."""
    U = law.from_moments(*random_moments(law.gas, 24, law.order, seed=2))
    cells = periodic(24)
    solver = Solver(law)
    once = solver.residual(U, cells)
    mirrored = solver.residual(reflect(law, U).flip(2), cells)
    scale = once.abs().amax(2, keepdim=True)
    assert ((reflect(law, mirrored).flip(2) - once) / scale).abs().max() < 1e-9


def test_relaxation_solves_its_implicit_equation_and_conserves(law, state):
    cells = periodic(12)
    tau = torch.full((1, 1, 1), 0.05)
    after = law.relax(state, tau, cells)
    if law.name == "nsf":  # fixed-point iteration of the coefficients: the remainder is of third order in tau
        tau = tau * 1e-3
        after = law.relax(state, tau, cells)
        assert (after - state - tau * law.source(after, cells)).abs().max() < 1e-4 * (after - state).abs().max()
    else:
        torch.testing.assert_close(after, state + tau * law.source(after, cells), rtol=1e-12, atol=1e-12)
    for quantity in (lambda U: U[:, 0], lambda U: U[:, 1], law.energy):
        torch.testing.assert_close(quantity(after).sum(), quantity(state).sum(), rtol=1e-14, atol=1e-13)


def test_stiff_relaxation_ends_at_the_maxwellian(law, state):
    """The Euler limit: with tau nu / eps -> infinity every moment is the Maxwellian's, and the flux Euler's."""
    if law.name == "nsf":
        return
    after = law.relax(state, torch.full((1, 1, 1), 1.0), periodic(12, knudsen=1e-14))
    rho, u, T = (value[0].numpy() for value in law.fluid(state))
    G, H = maxwellian_moments(rho, u, T, law.gas, law.order)
    maxwellian = law.from_moments(torch.tensor(G)[None], None if H is None else torch.tensor(H)[None])
    torch.testing.assert_close(after, maxwellian, rtol=1e-9, atol=1e-9)
    fields = law.macroscopic(after, periodic(12, knudsen=1e-14))
    assert max(fields["q"].abs().max(), fields["sigma"].abs().max()) < 1e-9


def test_a_uniform_maxwellian_is_at_rest(law):
    G, H = random_moments(law.gas, 1, law.order)
    one = law.from_moments(G, H)
    rho, u, T = (float(value) for value in law.fluid(one))
    U = equilibrium_state(law, rho, u, T).expand(-1, -1, 10).contiguous()
    size = torch.maximum(U.abs(), U[:, :1]).amax(2)  # moments that vanish: in units of the density
    assert (Solver(law).residual(U, periodic(10)).abs().amax(2) / size).max() < 1e-10


@pytest.mark.parametrize("gradients", [True, False])
@pytest.mark.parametrize("gas_name", ["bgk_1v", "bgk_2v", "bgk_3v"])
@pytest.mark.parametrize("moments", [5, 7, 9])
def test_learned_correction_is_zero_at_equilibrium_and_keeps_faces_realizable(gas_name, gradients, moments):
    law = make_law("herm_mlc", gas_name, gradients=gradients, moments=moments)
    assert law.correction(torch.zeros(1, law.inputs, 1)).abs().max() == 0
    U = law.from_moments(*random_moments(law.gas, 16, law.order, seed=3))
    V = law.variables(periodic(16).pad(U), periodic(16))
    a = torch.cat((torch.zeros_like(V[:, :1]), V[:, 3 : law.n + 2], V[:, 2 * law.n + 1 : 2 * law.n + 2]), 1)[0]
    b = torch.cat((torch.ones_like(V[:, :1]), law.k * V[:, law.n + 2 : 2 * law.n + 1].exp()), 1)[0]
    jacobi = torch.diag_embed(a.T) + torch.diag_embed(b.T.sqrt(), 1) + torch.diag_embed(b.T.sqrt(), -1)
    nodes, vectors = torch.linalg.eigh(jacobi)
    weights = vectors[:, 0] ** 2
    assert (weights > 0).all() and (nodes.diff(dim=1) > 0).all()
    ninth = (weights * nodes ** (2 * law.n + 1)).sum(1)  # the closed moment is that of these positive weights
    G, _ = law._moments(V)
    own = scale_moments(shift_moments(G, -V[:, 1]), (-0.5 * V[:, 2]).exp())[0, -1] / V[0, 0].exp()
    torch.testing.assert_close(own, ninth, rtol=1e-7, atol=1e-7)


def test_characteristic_speeds_are_the_published_ones():
    """Grad 13: +-0.812975, +-2.130510 sqrt(T) (H. Grad 1949); Grad in D = 1: the roots of He_n; quadrature: Fox and
    Laurent (2022).
    """
    speeds = lambda name, g, **o: np.sort(make_law(name, g, **o).characteristics[0].numpy())  # noqa: E731
    np.testing.assert_allclose(speeds("grad13", "bgk_3v"), [-2.130510, -0.812975, 0, 0.812975, 2.130510], atol=1e-6)
    for n in (4, 6, 9):
        roots = np.polynomial.hermite_e.hermeroots([0] * n + [1])
        np.testing.assert_allclose(speeds("grad", "bgk_1v", moments=n), roots, atol=1e-8)
    np.testing.assert_allclose(speeds("euler", "bgk_3v"), np.array([-1, 0, 1]) * np.sqrt(5 / 3), atol=1e-12)
    # He_4 and x He_4 - (9/4) 4 He_3 = x^5 - 15 x^3 + 30 x
    both = np.concatenate((np.polynomial.hermite_e.hermeroots([0, 0, 0, 0, 1]), np.roots([1, 0, -15, 0, 30, 0]).real))
    np.testing.assert_allclose(speeds("quadrature", "bgk_1v"), np.sort(both), atol=1e-7)


def test_speed_bound_is_exact_at_equilibrium_and_never_below_a_node(gas_name="bgk_1v"):
    law = make_law("quadrature", gas_name)
    U = law.from_moments(*random_moments(gas(gas_name), 50, law.order, seed=5))
    rest = law.local_variables(equilibrium_state(law, 1.0, 0.0, 1.0))
    assert abs(float(law.max_speed(rest)) - float(law.characteristics[0].abs().max())) < 1e-6
    for i in range(50):  # the largest true characteristic speed, from the flux Jacobian
        one = U[:, :, i : i + 1]
        jacobian = torch.autograd.functional.jacobian(lambda x: flux(law, x)[0, :, 0], one)[:, 0, :, 0]
        speed = torch.linalg.eigvals(jacobian).real.abs().max()
        assert speed <= float(law.max_speed(law.local_variables(one))) * (1 + 1e-6)
