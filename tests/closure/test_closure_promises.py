"""What every closure promises, for any state and any weights: ``knudsen.testing`` over the registry; and what single ones do."""

from types import MappingProxyType

import numpy as np
import pytest
import torch
from closure_samples import PAIRS, make_law, random_moments

from knudsen import closure
from knudsen.closure.laws.fluid import Euler
from knudsen.closure.laws.frames import scale_moments, shift_moments
from knudsen.closure.simulation import equilibrium_state
from knudsen.errors import InputError
from knudsen.kinetic.gas import GASES, gas
from knudsen.solvers import Boundary, Cells
from knudsen.testing import PROMISES, check, check_closure


def flux(law, U):
    return law.flux(law.local_variables(U))


def periodic(n, knudsen=0.3):
    return Cells(dx=1 / n, n=n, knudsen=knudsen, boundary=Boundary("periodic"))


@pytest.fixture(scope="module", params=PAIRS, ids=lambda p: f"{p[0]}-{p[1]}")
def registered(request):
    return make_law(*request.param)


@pytest.mark.parametrize("promise", PROMISES)
def test_every_registered_closure_keeps_what_it_promises(registered, promise):
    """Of learned ones with random weights; what only training keeps is asked of the shipped weights."""
    law = registered
    if issubclass(type(law), closure.LearnedLaw) and promise in law.by_training:
        if law.gas.name == "bgk_2v":
            pytest.skip("no weights are shipped for this gas")
        law = closure.build(law.name, law.gas)
    row = check(law, promise)
    assert row.passed is not False, row
    assert (row.passed is None) == (promise in law.excused)


@pytest.mark.parametrize("name", closure.CLOSURES)
def test_excuses_are_for_promises_that_there_are(name):
    law = closure.CLOSURES[name]
    assert set(law.excused) <= set(PROMISES) and all(law.excused.values())


@pytest.mark.parametrize("gas_name", GASES)
@pytest.mark.parametrize("name", closure.CLOSURES)
def test_a_closure_is_for_a_gas_exactly_where_its_constructor_takes_it(name, gas_name):
    law, the_gas = closure.CLOSURES[name], gas(gas_name)
    make = law.of(the_gas) if law.handles(the_gas) else law
    options = {"network": lambda *sizes, **_: torch.nn.Linear(*sizes)} if issubclass(law, closure.LearnedLaw) else {}
    if law.handles(the_gas):
        assert make(the_gas, **options).gas is the_gas
    else:
        with pytest.raises(InputError, match=the_gas.name):
            make(the_gas, **options)
        with pytest.raises(InputError, match=f"closure={name}"):
            closure.build(name, the_gas)


# Laws that break one promise each: what the check must see.


class Leaky(Euler):
    def relax(self, U, tau, cells):
        return 0.99 * U


class Preferred(Euler):
    def flux(self, V):
        return super().flux(V) + torch.stack((0 * V[:, 1], 1e-3 * V[:, 1] ** 2, 0 * V[:, 1]), 1)


class Lopsided(Euler):
    def flux(self, V):
        return super().flux(V) + 1e-6 * torch.stack((V[:, 1] * 0, 0 * V[:, 1], V[:, 0].exp() * (1.5 * V[:, 2]).exp()), 1)


class Unscaled(Euler):
    def flux(self, V):
        return super().flux(V) + 1e-6 * torch.stack((0 * V[:, 1], (2 * V[:, 0]).exp(), 0 * V[:, 1]), 1)


class Lossy(Euler):
    def conserved(self, V):
        return super().conserved(V) * (1 + 1e-6)


class Slow(Euler):
    def max_speed(self, V):
        return 0.5 * super().max_speed(V)


class Growing(Euler):
    def source(self, U, cells):
        return torch.stack((0 * U[:, 0], 1e-3 * U[:, 1], 0 * U[:, 0]), 1)


class Elliptic(Euler):
    def flux(self, V):
        p = (V[:, 0] + V[:, 2]).exp()
        return super().flux(V) - torch.stack((0 * p, 2 * p, 0 * p), 1)  # a pressure that pulls


class Cold(Euler):
    def relax(self, U, tau, cells):
        return torch.stack((U[:, 0], U[:, 1], 0.999 * U[:, 2]), 1)


BREAKS = {
    Leaky: {"conservation", "relaxation", "short_relaxation", "euler_limit"},
    Preferred: {"galilean", "momentum_and_energy_flux"},
    Lopsided: {"momentum_and_energy_flux", "reflection"},
    Unscaled: {"scaling", "momentum_and_energy_flux"},
    Lossy: {"inverse_maps"},
    Slow: {"speed_bound"},
    Growing: {"stability", "relaxation"},
    Elliptic: {"hyperbolicity"},
    Cold: {"relaxation", "conservation", "euler_limit"},
}


@pytest.mark.parametrize("law", BREAKS, ids=lambda law: law.__name__)
def test_a_broken_promise_is_seen(law):
    broken = {row.promise for row in check_closure(law(gas("bgk_1v")), raises=False) if row.passed is False}
    assert BREAKS[law] <= broken
    with pytest.raises(AssertionError, match=f"closure euler, gas bgk_1v: .*{min(BREAKS[law])}"):
        check_closure(law(gas("bgk_1v")))


def test_a_law_excuses_itself_by_name_and_cannot_invent_promises():
    slow = type("Frank", (Slow,), {"excused": MappingProxyType({"speed_bound": "its speeds are too small"})})(gas("bgk_1v"))
    row = next(row for row in check_closure(slow, ["speed_bound"]))
    assert row.passed is None and row.detail == "its speeds are too small"
    with pytest.raises(InputError, match="nothing: no such promise"):
        check_closure(type("Vain", (Euler,), {"excused": {"nothing": "..."}})(gas("bgk_1v")))
    with pytest.raises(InputError, match="nonsense"):
        check_closure(Euler(gas("bgk_1v")), ["nonsense"])


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
