"""Where closures stop being hyperbolic and realizable: published regions, exact states."""

import numpy as np
import pytest
import torch
from closure_samples import make_law, random_moments

from knudsen import closure, kinetic
from knudsen.closure import diagnostics
from knudsen.closure.simulation import case_cells, equilibrium_state, initial_state
from knudsen.errors import InputError
from knudsen.kinetic import cases

# sigma/p and the largest q/(p sqrt T) up to which Grad's 13-moment system in slab geometry is hyperbolic: rows of a table
# computed independently of this program, from the characteristic polynomial, on a grid of 0.002.
GRAD13 = [(-0.9, None), (-0.75, 0.06), (-0.5, 0.304), (-0.2, 0.516), (0.0, 0.632), (0.3, 0.78), (1.0, 1.062), (2.0, 1.386)]


@pytest.mark.parametrize("stress, heat_flux", GRAD13)
def test_region_of_grad_13(stress, heat_flux):
    limit = diagnostics.grad13_limit(make_law("grad13", "bgk_3v"), stress)
    assert limit is None if heat_flux is None else limit == pytest.approx(heat_flux, abs=2e-3)


def test_speeds_at_equilibrium_are_the_closures_own(law, state):
    """Of every closure on every gas: the eigenvalues found are those it upwinds along, in whatever frame."""
    if law.transport is not None:
        pytest.skip("upwinds through its decoder, not along characteristics at equilibrium")
    rho, u, T = (value[:, :1] for value in law.fluid(state))
    U = equilibrium_state(law, float(rho), float(u), float(T))
    found = np.sort(diagnostics.speeds(law, U)[0, 0].real.numpy())
    np.testing.assert_allclose(found, np.sort(law.characteristics[0].numpy()), atol=1e-5)


def test_realizable_states_are_found_realizable_and_beams_on_the_edge():
    """A mixture of Maxwellians has positive b_k; two beams have b_2 = 0; a fourth moment below q^2 + 1 has b_2 < 0."""
    law = make_law("grad", "bgk_1v", moments=5)
    assert law.least_b(law.from_moments(*random_moments(law.gas, 30, 4))).min() > 0
    moments = torch.tensor([[1, 0, 1, 0, 1], [1, 0, 1, 0, 0.9], [1, 0, 1, 0, 3]], dtype=torch.float64)
    least = law.least_b(moments.T[None])[0]
    np.testing.assert_allclose(least, [0, -0.05, 1], atol=1e-12)


def test_grad_turns_complex_between_two_beams_and_the_quadrature_closure_does_not():
    """A symmetric pair of Maxwellians far apart: Grad's closure turns complex, that of Fox and Laurent is proved not to."""
    values = {name: diagnostics.region(make_law(name, "bgk_1v"), points=9)[2] for name in ("grad", "quadrature", "hme")}
    assert values["grad"][0, 4] == 0 and values["grad"][-1, 4] > 0.05  # at rest; separation 8, equal temperatures
    assert values["quadrature"].max() == 0 and values["hme"].max() == 0


def test_a_closure_with_gradient_inputs_is_seen_with_them():
    """Gradients held fixed: with the network's weights at zero the speeds are the rule's; with them, they are not."""
    law = make_law("herm_mlc", "bgk_1v")
    case = cases.wave(3, cells=24, knudsen=0.1, fine=600)
    U, cells = initial_state(law, [case]), case_cells(law, [case])
    rule = diagnostics.speeds(make_law("quadrature", "bgk_1v"), U).real.sort(2).values
    assert (diagnostics.speeds(law, U, cells).real.sort(2).values - rule).abs().max() > 1e-4
    with torch.no_grad():
        for parameter in law.network.parameters():
            parameter.zero_()
    torch.testing.assert_close(diagnostics.speeds(law, U, cells).real.sort(2).values, rule, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("plane, word", [("stress", "bgk_3v"), ("nonsense", "mixture or stress")])
def test_bad_planes_are_named(plane, word):
    with pytest.raises(InputError, match=f"plane={plane}.*{word}"):
        diagnostics.region(make_law("grad", "bgk_1v"), plane)


def test_kinetic_mixture_states_have_the_density_velocity_and_temperature_of_their_parts():
    gas = kinetic.gas("bgk_3v")
    law = closure.build("quadrature", gas)
    d, r = torch.tensor([2.0]).double(), torch.tensor([3.0]).double()
    rho, u, T = law.fluid(diagnostics.mixture(law, d, r))
    assert float(rho) == pytest.approx(1) and float(u) == pytest.approx(0, abs=1e-12)
    assert float(T) == pytest.approx(2 + (2.0 / 2) ** 2 / 3)  # mean temperature and the kinetic energy of the parts
