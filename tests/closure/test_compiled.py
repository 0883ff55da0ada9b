"""The compiled loop gives the numbers of the reference solver: same closure, same schemes, same steps."""

import numpy as np
import pytest
import torch
from closure_samples import make_enc_mlc

from knudsen import closure, kinetic
from knudsen.closure.checkpoint import network_factory
from knudsen.closure.compiled import Rollout
from knudsen.closure.compiled.fluxes import FLUXES
from knudsen.closure.compiled.product import BYTES, multiply, padded
from knudsen.closure.compiled.protocol import Mesh
from knudsen.closure.compiled.reconstructions import RECONSTRUCTIONS
from knudsen.closure.laws.quadrature import Quadrature
from knudsen.closure.learned.herm_mlc import HermMLC
from knudsen.closure.learned.networks import Equivariant
from knudsen.closure.simulation import initial_state
from knudsen.errors import InputError
from knudsen.kinetic import cases
from knudsen.solvers import FLUXES as TORCH_FLUXES
from knudsen.solvers import GHOST, INTEGRATORS, Boundary, Cells
from knudsen.solvers import RECONSTRUCTIONS as TORCH_RECONSTRUCTIONS

SCHEMES = ("weno5_thinc", "hll", "ars222")
GASES = ["bgk_1v", "bgk_2v", "bgk_3v", "es_bgk_3v", "maxwell_2v"]
NETWORK = {"_target_": "knudsen.closure.learned.networks.Equivariant", "width": 8, "depth": 2}


def learned(gas, moments=7, **options):
    torch.manual_seed(1)
    law = HermMLC(gas, network_factory(NETWORK), moments=moments, **options)
    law.network.scale_out.fill_(0.1)
    return law


def gas_of(name):
    return kinetic.gas(name, omega=0.7) if name in ("bgk_2v", "bgk_3v") else kinetic.gas(name)


def both(law, case, schemes=SCHEMES, **options):
    reconstruction, flux, integrator = schemes
    assert law.compiled() is not None
    options |= {"reconstruction": reconstruction, "flux": flux, "integrator": integrator}
    return (closure.simulate(law, case, compiled=compiled, **options)[0] for compiled in (True, False))


def assert_same(ours, reference, tolerance):
    assert (ours.status, ours.steps) == (reference.status, reference.steps)
    size = np.abs(reference.U).max(axis=(0, 2), keepdims=True)
    assert np.abs((ours.U - reference.U) / size).max() < tolerance
    for name in ("rho", "u", "T", "q", "sigma", "closed"):
        value, expected = getattr(ours, name), getattr(reference, name)
        if expected is not None:
            assert np.abs(value - expected).max() <= 100 * tolerance * max(1.0, np.abs(expected).max())


def test_every_scheme_has_both_forms():
    assert set(RECONSTRUCTIONS) == set(TORCH_RECONSTRUCTIONS)
    assert set(FLUXES) == set(TORCH_FLUXES)


@pytest.mark.parametrize("name", RECONSTRUCTIONS)
def test_reconstruction(name):
    """Smooth rows, rows with jumps, and rows that are constant but for round-off; half of the cells are coarse."""
    random = np.random.default_rng(0)
    x = np.linspace(0, 1, 40 + 2 * GHOST)
    V = np.stack(
        [np.sin(7 * x), np.where(x > 0.5, 1.0, 0.2) + 0.1 * x, 1 + 1e-13 * random.normal(size=x.size), random.normal(size=x.size)]
    )
    cells = Cells(0.025, 40, torch.tensor(np.where(np.arange(40) < 20, 0.01, 0.1)), Boundary("outflow"))
    expected = TORCH_RECONSTRUCTIONS[name](torch.tensor(V)[None], cells)
    sides = np.empty((2, 4, 41))
    RECONSTRUCTIONS[name](V, cells.knudsen_padded[0, 0].numpy() < cells.dx, sides[0], sides[1])
    np.testing.assert_allclose(sides, torch.cat(expected).numpy(), rtol=0, atol=1e-13)


def closures():
    """(name, gas, flux): every flux on a closure's first gas, one on its others."""
    for name, law in closure.CLOSURES.items():
        if name != "herm_mlc":
            first, *others = [gas for gas in ("bgk_1v", "bgk_3v", "maxwell_2v") if law.handles(kinetic.gas(gas))]
            yield from ((name, first, flux) for flux in FLUXES)
            yield from ((name, gas, "hll") for gas in others)


@pytest.mark.parametrize("name, gas, flux", list(closures()))
def test_every_closure(name, gas, flux):
    """Whatever closure has row functions, by being registered."""
    gas = gas_of(gas)
    try:
        law = closure.build(name, gas).double()  # what the loop computes with, or near it
    except (InputError, ValueError):
        pytest.skip("not for this gas")
    if law.compiled() is None:
        pytest.skip("no compiled form")
    case = cases.mix(3, cells=150, t_end=0.01, save_times=[0.004], knudsen=0.05)  # more cells than a block of columns
    assert_same(*both(law, case, ("muscl", flux, "ars222")), 1e-6 if law.single else 1e-11)


@pytest.mark.parametrize("flux", FLUXES)
@pytest.mark.parametrize("name", GASES)
def test_fluxes(name, flux):
    case = cases.mix(3, cells=40, t_end=0.03, save_times=[0.01], knudsen=0.05)
    assert_same(*both(Quadrature(gas_of(name), 7), case, ("muscl", flux, "ars222")), 1e-11)


@pytest.mark.parametrize("gas", ["bgk_1v", "maxwell_2v"])
def test_explicit_source_of_a_frame_of_each_cell(gas):
    """EncMLC's source by itself, between outflow boundaries."""
    case = cases.riemann((1.0, 0.3, 1.0), (0.5, 0.0, 0.8), cells=40, knudsen=0.3, t_end=0.02)
    assert_same(*both(closure.build("enc_mlc", kinetic.gas(gas)), case, ("muscl", "hll", "ssprk2")), 1e-11)


@pytest.mark.parametrize("flux", ["hll", "upwind"])
@pytest.mark.parametrize("gas, stretch", [("bgk_1v", 0.3), ("bgk_1v", 0.0), ("bgk_3v", 0.3)])
def test_transport_between_frames_far_apart(gas, stretch, flux):
    """Nodes of neighbours that lie many intervals beside a cell's own, and beyond all of them."""
    law, random = make_enc_mlc(gas, stretch=stretch), np.random.default_rng(0)
    rows, n = law.compiled(), 24
    V = 0.05 * random.normal(size=(3, 3 + law.outputs, n + 2 * GHOST))
    V[:, :3] = random.uniform([[-1], [-4], [-2]], [[1], [4], [2]], (3, 3, n + 2 * GHOST))
    left, right = (np.ascontiguousarray(side[:, : n + 1]) for side in V[:2])
    mesh = Mesh(0.01, 0, np.zeros(1), np.zeros(1), np.ones(n + 2 * GHOST))
    rate = np.zeros((len(law.components), n))
    rows.transport(rows.data, mesh, FLUXES[flux], left, right, V[2], rate)
    with torch.no_grad():
        sides = (torch.tensor(side)[None] for side in (left, right, V[2][:, GHOST:-GHOST]))
        expected = law.transport(TORCH_FLUXES[flux], *sides)[0].numpy()
    np.testing.assert_allclose(rate / np.abs(expected).max(1)[:, None], expected / np.abs(expected).max(1)[:, None], atol=1e-11)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows, inner, columns", [(1, 3, 8), (7, 1, 40), (13, 33, 112)])
def test_products_of_small_matrices(rows, inner, columns, dtype):
    """Rows beside the tiles' and one vector beside two; of a table and of its transpose, somewhere in a vector."""
    random, wide = np.random.default_rng(0), padded(columns, BYTES // np.dtype(dtype).itemsize)
    A, b = random.normal(size=(rows, inner)).astype(dtype), random.normal(size=(inner, wide)).astype(dtype)
    for numbers, down, along in ((A, inner, 1), (A.T, 1, rows)):
        c = np.full((rows, wide), np.nan, dtype)
        multiply(np.concatenate(([9.0, 9.0], numbers.ravel())).astype(dtype), 2, down, along, b, c)
        np.testing.assert_allclose(c, A @ b, rtol=0, atol=10 * inner * np.finfo(dtype).eps)


@pytest.mark.parametrize("integrator", INTEGRATORS)
@pytest.mark.parametrize("name", GASES)
def test_integrators(name, integrator):
    case = cases.mix(3, cells=40, t_end=0.03, save_times=[0.01], knudsen=0.3)
    law = Quadrature(gas_of(name), 8 if name == "bgk_1v" else 7)
    assert_same(*both(law, case, ("weno5", "hll", integrator)), 1e-11)


@pytest.mark.parametrize("name", ["bgk_1v", "bgk_3v", "maxwell_2v"])
@pytest.mark.parametrize("options", [{"moments": 9}, {"moments": 6}, {"gradients": False}], ids=["gradients", "even", "local"])
def test_learned(name, options):
    """The network runs in single precision in both; sums are ordered differently."""
    case = cases.transition(2, cells=40, t_end=0.02)
    assert_same(*both(learned(kinetic.gas(name), **options), case), 2e-5)


@pytest.mark.parametrize("boundary", ["outflow", "fixed"])
def test_boundaries(boundary):
    case = cases.riemann((1.0, 0.3, 1.0), (0.3, 0.0, 0.8), cells=40, boundary=boundary, knudsen=0.02, t_end=0.1)
    for law, tolerance in ((Quadrature(kinetic.gas("bgk_3v"), 5), 1e-11), (learned(kinetic.gas("bgk_1v")), 2e-5)):
        assert_same(*both(law, case), tolerance)


def test_a_solution_that_breaks_says_when_and_where():
    """A cell loses its temperature: NaN from there on."""
    law, case = Quadrature(kinetic.gas("bgk_1v"), 7), cases.mix(1, cells=40, t_end=0.05, save_times=[0.01], knudsen=5.0)
    start = initial_state(law, [case])[0]
    start[2, 17] = 0.9 * start[1, 17] ** 2 / start[0, 17]  # two stages reach four cells each
    rollout = Rollout(law.compiled(), law, *SCHEMES, 0.45)
    rows, steps, (time, cell) = rollout(start, None, case.dx, np.full(40, 5.0), "periodic", [0.01, 0.05])
    assert 0 < time < 0.05 and abs(cell - 17) <= 8 and steps >= 1
    assert np.isnan(rows[1:]).all() and np.isfinite(rows[0]).all()


def test_a_law_without_rows_says_so():
    mlp = HermMLC(kinetic.gas("bgk_1v"), network_factory({"_target_": "knudsen.closure.learned.networks.MLP", "width": 8}))
    assert mlp.compiled() is None


class Stiffer(Quadrature):
    """Another formula, no row functions of its own."""

    name = "stiffer"

    def flux(self, V):
        return 1.1 * super().flux(V)


def test_a_subclass_with_another_formula_does_not_inherit_the_compiled_one():
    assert Stiffer(kinetic.gas("bgk_1v")).compiled() is None


def test_equivariant_network_mirrors_exactly():
    """N(P x) = P' N(x) to the last bit, so that the closure need not average over the mirrored input."""
    parity_in, parity_out = torch.tensor([1.0, -1, -1, 1, 1]), torch.tensor([-1.0, 1])
    net = Equivariant(5, 2, parity_in, parity_out, width=12, depth=3)
    x = torch.randn(50, 5, generator=torch.Generator().manual_seed(0))
    assert torch.equal(net(x * parity_in), net(x) * parity_out)
    assert net(x).std(0).min() > 0.01
