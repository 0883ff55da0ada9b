"""What every closure promises, for any state and any weights: ``knudsen.testing`` over the registry; and what single ones do."""

from types import MappingProxyType

import numpy as np
import pytest
import torch
from closure_samples import PAIRS, make_law, random_moments

from knudsen import closure
from knudsen.closure import diagnostics
from knudsen.closure.laws.fluid import Euler
from knudsen.closure.laws.frames import scale_moments, shift_moments
from knudsen.closure.simulation import equilibrium_state
from knudsen.errors import InputError
from knudsen.kinetic.gas import GASES, gas
from knudsen.kinetic.moments import maxwellian_moments
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
@pytest.mark.parametrize("moments", [5, 6, 9])
def test_learned_correction_is_zero_at_equilibrium_and_keeps_faces_realizable(gas_name, gradients, moments):
    law = make_law("herm_mlc", gas_name, gradients=gradients, moments=moments)
    assert law.correction(torch.zeros(1, law.inputs, 1)).abs().max() == 0
    U = law.from_moments(*random_moments(law.gas, 16, law.order, seed=3))
    V = law.variables(periodic(16).pad(U), periodic(16))
    a, b = (rows[0] for rows in law._jacobi(V))
    jacobi = torch.diag_embed(a.T) + torch.diag_embed(b.T.sqrt(), 1) + torch.diag_embed(b.T.sqrt(), -1)
    nodes, vectors = torch.linalg.eigh(jacobi)
    weights = vectors[:, 0] ** 2
    assert (weights > 0).all() and (nodes.diff(dim=1) > 0).all()
    following = (weights * nodes**law.n_g).sum(1)  # the closed moment is that of these positive weights
    G, _ = law._moments(V)
    own = scale_moments(shift_moments(G, -V[:, 1]), (-0.5 * V[:, 2]).exp())[0, -1] / V[0, 0].exp()
    torch.testing.assert_close(own, following, rtol=1e-7, atol=1e-7)


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


def extreme_states(law, cells=60):
    """Own-frame moments of mixtures of three gases, densities 1e-3 to 1, temperatures 0.1 to 10, far apart."""
    draw = np.random.default_rng(0)
    rho, u, T = 10 ** draw.uniform(-3, 0, (3, cells)), draw.uniform(-4, 4, (3, cells)), 10 ** draw.uniform(-1, 1, (3, cells))
    G, H = maxwellian_moments(rho, u, T, law.gas, law.order)
    U = law.from_moments(torch.tensor(G.sum(1))[None], None if H is None else torch.tensor(H.sum(1))[None])
    rho, u, T = law.fluid(U)
    return law.rescale(law.boost(U, -u), T.rsqrt()) / rho.unsqueeze(1)


@pytest.mark.parametrize("moments", [6, 8, 9])
def test_the_rule_is_hyperbolic_far_from_equilibrium(moments):
    """The proof in the docstring, at states that it was not made for; and no speed is beyond the bound."""
    law = closure.build("quadrature", gas("bgk_1v"), moments=moments)
    U = extreme_states(law)
    assert float(diagnostics.imaginary_part(law, U).max()) == 0.0
    fastest = diagnostics.speeds(law, U).abs().amax(-1).reshape(-1)
    assert (fastest <= law.max_speed(law.local_variables(U))[0, 0] * (1 + 1e-6)).all()


def test_the_speeds_of_an_even_number_of_moments_interlace_with_the_nodes():
    """One speed below the nodes, two between each pair of them, one above; the nodes themselves are the speeds of h."""
    law = closure.build("quadrature", gas("bgk_3v"), moments=8)
    speeds = diagnostics.speeds(law, extreme_states(law, 20)).real.reshape(20, -1).sort(1).values
    V = law.local_variables(extreme_states(law, 20))
    a, b = (rows[0].T for rows in law._jacobi(V))
    root = b[:, : law.n - 1].sqrt()
    jacobi = torch.diag_embed(a[:, : law.n]) + torch.diag_embed(root, 1) + torch.diag_embed(root, -1)
    nodes = torch.linalg.eigvalsh(jacobi) * (0.5 * V[0, 2]).exp()[:, None]
    # chi's 8 roots and the 4 nodes, in order: root, node, root, root, node, root, ...
    torch.testing.assert_close(speeds[:, 1::3], nodes, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["quadrature", "hme"])
@pytest.mark.parametrize("gas_name", ["shakhov_3v", "es_bgk_3v"])
def test_a_real_gas_relaxes_as_its_kinetic_model_says(gas_name, name):
    """The source is r nu (M - f)/eps of the kinetic solver's own target, integrated over velocities; relax solves it exactly."""
    law = make_law(name, gas_name, moments=6)
    U = law.from_moments(*random_moments(law.gas, 12, law.order))
    rho, u, T, sigma, q = (law.macroscopic(U, None)[key][0].numpy() for key in ("rho", "u", "T", "sigma", "q"))
    v = np.linspace(-25, 25, 1001)
    g, h = law.gas.model.target(rho, u, T, sigma, q, v, 3, law.gas.prandtl)
    M = [(f * v**k).sum(-1) * (v[1] - v[0]) for f, count in ((g, law.n_g), (h, law.n_h)) for k in range(count)]
    expected = law.gas.model.rate(law.gas.prandtl) * (np.stack(M) - U[0].numpy()) / 0.3
    assert np.abs(law.source(U, periodic(12, 0.3))[0].numpy() - expected).max() < 1e-11 * np.abs(expected).max()
    check_closure(law, ["relaxation", "short_relaxation", "euler_limit", "conservation", "galilean", "compiled_form"])


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
