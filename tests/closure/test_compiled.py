"""The compiled loop gives the numbers of the reference solver: same closure, same schemes, same steps."""

import numpy as np
import pytest
import torch

from knudsen import closure, kinetic
from knudsen.closure.checkpoint import network_factory
from knudsen.closure.compiled import Rollout, log, supports
from knudsen.closure.laws.quadrature import Quadrature
from knudsen.closure.learned.herm_mlc import HermMLC
from knudsen.closure.learned.networks import Equivariant
from knudsen.closure.simulate import initial_state
from knudsen.kinetic import cases

SCHEMES = [
    ("weno5", "rusanov", "ars222"),
    ("muscl", "upwind", "ars222"),
    ("weno5", "upwind", "ars443"),
    ("weno5", "hll", "ars222"),
    ("constant", "rusanov", "ars222"),
    ("weno5_thinc", "hll", "ars222"),
]


def learned(gas, moments=7, **options):
    torch.manual_seed(1)
    factory = network_factory({"_target_": "knudsen.closure.learned.networks.Equivariant", "width": 8, "depth": 2})
    law = HermMLC(gas, factory, moments=moments, **options)
    law.network.scale_out.fill_(0.1)
    return law


def both(law, case, schemes, **options):
    reconstruction, flux, integrator = schemes
    assert supports(law, *schemes)
    options |= {"reconstruction": reconstruction, "flux": flux, "integrator": integrator}
    return (closure.simulate(law, case, compiled=compiled, **options)[0] for compiled in (True, False))


def assert_same(ours, reference, tolerance):
    assert (ours.status, ours.steps) == (reference.status, reference.steps)
    size = np.abs(reference.U).max(axis=(0, 2), keepdims=True)
    assert np.abs((ours.U - reference.U) / size).max() < tolerance
    for name in ("rho", "u", "T", "q", "sigma", "closed"):
        value, expected = getattr(ours, name), getattr(reference, name)
        assert np.abs(value - expected).max() <= 100 * tolerance * max(1.0, np.abs(expected).max())


@pytest.mark.parametrize("schemes", SCHEMES, ids="-".join)
@pytest.mark.parametrize("name", ["bgk_1v", "bgk_2v", "bgk_3v", "maxwell_2v"])
def test_quadrature(name, schemes):
    gas = kinetic.gas(name) if name in ("bgk_1v", "maxwell_2v") else kinetic.gas(name, omega=0.7)
    case = cases.mix(3, cells=40, t_end=0.03, save_times=[0.01], knudsen=0.05)
    assert_same(*both(Quadrature(gas, 7), case, schemes), 1e-11)


@pytest.mark.parametrize("name", ["bgk_1v", "bgk_3v", "maxwell_2v"])
@pytest.mark.parametrize("moments", [7, 9])
def test_learned(name, moments):
    """The network runs in single precision in both; sums are ordered differently."""
    case = cases.transition(2, cells=40, t_end=0.02)
    assert_same(*both(learned(kinetic.gas(name), moments), case, SCHEMES[0]), 2e-5)


@pytest.mark.parametrize("boundary", ["outflow", "fixed"])
def test_boundaries(boundary):
    case = cases.riemann((1.0, 0.3, 1.0), (0.3, 0.0, 0.8), cells=40, boundary=boundary, knudsen=0.02, t_end=0.1)
    for law, tolerance in ((Quadrature(kinetic.gas("bgk_3v"), 5), 1e-11), (learned(kinetic.gas("bgk_1v")), 2e-5)):
        assert_same(*both(law, case, SCHEMES[0]), tolerance)


def test_a_solution_that_breaks_says_when_and_where():
    """A cell loses its temperature: NaN from there on."""
    law, case = Quadrature(kinetic.gas("bgk_1v"), 7), cases.mix(1, cells=40, t_end=0.05, save_times=[0.01], knudsen=5.0)
    start = initial_state(law, [case])[0]
    start[2, 17] = 0.9 * start[1, 17] ** 2 / start[0, 17]  # two stages reach three cells each
    rows, steps, (time, cell) = Rollout(law, *SCHEMES[0], 0.45)(start, None, case.dx, np.full(40, 5.0), "periodic", [0.01, 0.05])
    assert 0 < time < 0.05 and abs(cell - 17) <= 6 and steps >= 1
    assert np.isnan(rows[1:]).all() and np.isfinite(rows[0]).all()


def test_only_laws_and_schemes_with_a_compiled_form():
    gas = kinetic.gas("bgk_1v")
    assert not supports(closure.build("grad", gas), *SCHEMES[0])
    assert not supports(Quadrature(gas), "weno3", "rusanov", "ars222")
    assert not supports(Quadrature(gas), "weno5", "rusanov", "ssprk3")
    mlp = HermMLC(gas, network_factory({"_target_": "knudsen.closure.learned.networks.MLP", "width": 8}))
    assert not supports(mlp, *SCHEMES[0])


def test_logarithm():
    x = np.exp(np.linspace(-700, 700, 4001))
    assert max(abs(log(value) - np.log(value)) / max(abs(np.log(value)), 1) for value in x) < 1e-15


def test_equivariant_network_mirrors_exactly():
    """N(P x) = P' N(x) to the last bit, so that the closure need not average over the mirrored input."""
    parity_in, parity_out = torch.tensor([1.0, -1, -1, 1, 1]), torch.tensor([-1.0, 1])
    net = Equivariant(5, 2, parity_in, parity_out, width=12, depth=3)
    x = torch.randn(50, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(net(x * parity_in), net(x) * parity_out)
    assert net(x).std(0).min() > 0.01
