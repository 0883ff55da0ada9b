"""EncMLC: what it promises for any weights, its method of lines against exact free flight, labels, training, checkpoints."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from closure_samples import NETWORK, make_law

from knudsen import closure
from knudsen.closure import checkpoint
from knudsen.closure.learned.encoder import Nodes
from knudsen.closure.simulation import case_cells, equilibrium_state, initial_state
from knudsen.closure.training import autoencoder as enc_training
from knudsen.closure.training import distributions
from knudsen.closure.training.epochs import TrainOptions
from knudsen.closure.training.labels import LabelRequest
from knudsen.errors import InputError
from knudsen.kinetic import Case, cases, simulate, solve_shock
from knudsen.kinetic import simulate as kinetic_simulate
from knudsen.kinetic.gas import gas
from knudsen.solvers import GHOST, Boundary, Cells, Solver

GAS = gas("bgk_1v")
SIZES = {"moments": 6, "components": 16, "nodes": 32, "spacing": 0.5, "stretch": 0.15}
REQUEST = LabelRequest(
    wave=4, mix=2, transition=1, equilibrium=1, shocks=(2.0,), shock_windows=2, cells=20, refine=1, velocity_points=None,
    t_end=0.1, snapshots=3,
)  # fmt: skip
OPTIONS = TrainOptions(epochs=6, batch=64, learning_rate=1e-2, average=10, threads=1)


def mixtures(n, seed=0):
    """Densities, velocities, temperatures [3, n] of n sums of three Maxwellians."""
    draw = np.random.default_rng(seed)
    return draw.uniform(0.2, 1.4, (3, n)), draw.uniform(-0.8, 0.8, (3, n)), draw.uniform(0.4, 1.4, (3, n))


def random_case(cells=24, seed=0, knudsen=0.3, **fields):
    """Smooth periodic sums of three Maxwellians."""
    rho, u, T = mixtures(1, seed)
    wave = np.sin(2 * np.pi * (np.arange(cells) + 0.5) / cells + np.arange(3)[:, None])
    state = {"rho": rho * (1 + 0.3 * wave), "u": u + 0.3 * wave[::-1], "T": T * (1 - 0.3 * wave)} | fields
    return Case("mixture", (0.0, 1.0), cells, "periodic", **state, knudsen=knudsen, t_end=0.1)


@pytest.fixture(scope="module", params=["bgk_1v", "bgk_3v", "maxwell_2v"])
def law(request):
    return make_law("enc_mlc", request.param)


def pair_of(law, case, v):
    """g [cell, velocity] and, for D > 1, h of a case's Maxwellians (one cell of it a fine cell)."""
    rho, u, T = (value[..., None] for value in (case.rho, case.u, case.T))
    g = rho / np.sqrt(2 * np.pi * T) * np.exp(-((v - u) ** 2) / (2 * T))
    return [part.sum(0) for part in (g, (law.gas.dims - 1) * T * g)[: law.nodes.densities]]


def own_masses(law, pair, T, weight):
    """g and theta = h/((D - 1) T) in one list, as masses [cell, velocity]."""
    return [part * weight / unit for part, unit in zip(pair, (1.0, (law.gas.dims - 1) * T), strict=False)]


def cells_of(n, knudsen=0.3):
    return Cells(dx=1 / n, n=n, knudsen=knudsen, boundary=Boundary("periodic"))


def state(law, **options):
    case = random_case(**options)
    return initial_state(law, [case]), case_cells(law, [case])


# The basis ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stretch", [0.0, 0.3])
def test_nodes_keep_the_moments_of_a_distribution(stretch):
    """Cubic splines: sums over the nodes are the integrals of 1, c, c^2, c^3, to the interpolation error of the stretched c^3."""
    nodes = Nodes(40, 0.45, stretch)
    v = np.linspace(-6, 6, 601)
    g = np.exp(-0.5 * (v - 0.4) ** 2) + 0.3 * np.exp(-2 * (v + 1.5) ** 2)
    masses = torch.tensor(nodes.masses(v[None], g[None]))[0]
    for k in range(4):
        exact = (v**k * g).sum()
        bound = 1e-12 if stretch == 0 else (3 * stretch * 0.45) ** 4 / 100  # 5/384 h^4 of the fourth derivative of sinh^3
        assert float((masses * nodes.c**k).sum()) == pytest.approx(exact, rel=bound, abs=bound * np.abs(v**k * g).sum())
    M = nodes.maxwellian
    torch.testing.assert_close(torch.stack([(M * nodes.c**k).sum() for k in range(3)]), torch.tensor([1.0, 0, 1]).double())


def test_splines_are_interpolants_and_integrals_are_deposits():
    nodes = Nodes(32, 0.5, 0.15)
    values = torch.stack((torch.exp(-0.5 * nodes.c**2), nodes.c * torch.exp(-0.3 * nodes.c**2)))
    torch.testing.assert_close(nodes.evaluate(values, nodes.c), values, rtol=0, atol=1e-13)
    x = torch.linspace(-5, 5, 1001, dtype=torch.float64)
    exact = torch.stack((torch.exp(-0.5 * x**2), x * torch.exp(-0.3 * x**2)))
    assert (nodes.evaluate(values, x) - exact).abs().max() < 0.5**4 / 24  # h^4/24 max|g''''|, 3 and 5 here
    step = 1e-5
    slope = (nodes.evaluate(values, nodes.c + step) - nodes.evaluate(values, nodes.c - step)) / (2 * step)
    torch.testing.assert_close(nodes.slopes(values), slope, rtol=1e-7, atol=1e-8)
    assert nodes.evaluate(values, torch.tensor([-99.0, 99.0]).double()).abs().max() == 0


def test_encoding_the_decoded_moments_gives_them_back(law):
    """For any output of the network: W to round-off, and (1, 0, 1) as the moments of the decoded f in its own frame."""
    U, cells = state(law)
    V = law.variables(cells.pad(U), cells)[:, :, GHOST:-GHOST]
    torch.testing.assert_close(law.conserved(V), U, rtol=1e-9, atol=1e-10)
    h, v = law.distribution(V)
    own = torch.einsum("mk,bkn->bmn", law.A @ law.encoder.analysis, h) - law.shift[:, None] * U[:, :1]
    torch.testing.assert_close(own, U[:, 3:], rtol=1e-9, atol=1e-11)
    fluid = law._fluid_moments(h, v, law.fluid(U)[2].unsqueeze(1))
    torch.testing.assert_close(fluid, U[:, :3], rtol=1e-9, atol=1e-10)  # an eigensolver's round-off times c^2


def test_moments_of_a_start_are_the_integrals_of_its_distribution(law):
    case = random_case(12)
    U = law.start(case)
    v = torch.linspace(-9, 9, 20001, dtype=torch.float64)
    _, mean, temperature = (value[0][:, None] for value in law.fluid(U[None]))
    W, w, c = -law.shift[:, None] * U[:1], law.A @ law.encoder.analysis, ((v - mean) / temperature.sqrt()).flatten()
    pair = own_masses(law, pair_of(law, case, v.numpy()), temperature.numpy(), float(v[1] - v[0]))
    for values, masses in zip(w.split(law.nodes.count, 1), pair, strict=True):
        W = W + (law.nodes.evaluate(values, c).reshape(law.moments, *masses.shape) * torch.tensor(masses)).sum(2)
    torch.testing.assert_close(U[3:], W, rtol=1e-5, atol=2e-6)  # 281 velocities for a spline, fourth order in their spacing


# The promises ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flux", ["upwind", "rusanov"])
def test_transport_is_that_of_free_flight(law, flux):
    """With the true components in place of the network's, dU/dt of the scheme converges to that of f(x - v t, v)."""
    errors = []
    for n in (32, 64):
        case = random_case(n)
        rate = (free_flight(law, case, 1e-4)[0] - free_flight(law, case, -1e-4)[0]) / 2e-4
        U, z = free_flight(law, case, 0.0)
        cells = case_cells(law, [case])
        V = torch.cat((law.local_variables(cells.pad(U))[:, :3], cells.pad(z)), 1)
        got = Solver(law, flux=flux)._flux_difference(V, cells) / cells.dx
        errors.append(((got - rate).square().sum(2) / rate.square().sum(2)).sqrt()[0])
    coarse, fine = errors
    assert fine[:3].max() < 0.4 * coarse[:3].max()  # second order in x
    assert fine[3:].max() < 0.1  # what R components leave of f


def free_flight(law, case, t):
    """Exact moments and components of f0(x - v t, v), shifted by its Fourier series in x."""
    n, v = case.cells, np.linspace(-9, 9, 361)
    dv = v[1] - v[0]
    k = 2 * np.pi * np.fft.fftfreq(n, 1 / n)
    shift = np.exp(-1j * k[:, None] * v * t)
    pair = [np.fft.ifft(np.fft.fft(part, axis=0) * shift, axis=0).real for part in pair_of(law, case, v)]
    energy = (pair[0] * v**2 + (pair[1] if len(pair) > 1 else 0)).sum(1)
    U = torch.tensor(np.stack((pair[0].sum(1), (pair[0] * v).sum(1), 0.5 * energy)) * dv)[None]
    density, mean, temperature = law.fluid(U)
    c = (torch.tensor(v) - mean[0][:, None]) / temperature[0].sqrt()[:, None]
    masses = [torch.tensor(part) for part in own_masses(law, pair, temperature[0][:, None].numpy(), dv)]
    deposited = law.nodes.deposit(c.T[None], torch.cat([part.T for part in masses])[None])
    W = torch.einsum("mk,bkn->bmn", law.w, deposited) - law.shift[:, None] * density
    F = torch.cat([torch.tensor(law.nodes.masses(c.numpy(), (part / density[0][:, None]).numpy())) for part in masses], 1)
    z = (F - law.nodes.maxwellian) @ law.encoder.analysis.T
    return torch.cat((U, W), 1), z.T[None]


def test_right_hand_side_is_galilean(law):
    """Seen from a frame that moves with -w: dU/dt + w dU/dx the flux in that frame is the boosted one and w U."""
    U, cells = state(law)
    w = torch.full_like(U[:, 0], 0.6)
    boosted = law.boost(U, w)
    V, V_b = (law.variables(cells.pad(x), cells)[:, :, GHOST:-GHOST] for x in (U, boosted))
    torch.testing.assert_close(V_b[:, 3:], V[:, 3:], rtol=1e-10, atol=1e-11)  # the closing terms see own-frame numbers alone
    expected = law.boost(law.flux(V), w) + w.unsqueeze(1) * boosted
    torch.testing.assert_close(law.flux(V_b), expected, rtol=1e-9, atol=1e-10)


def test_right_hand_side_scales_with_density_and_velocity(law):
    """f -> 2.5 f (with eps -> 2.5 eps where collisions go with the density); v -> 1.7 v with eps -> eps/1.7 and the memory in the
    units of time: all rates by 1.7. All eps lie below dx, which the sharp reconstruction asks and no scaling leaves alone."""
    case = random_case(knudsen=0.01)
    solver = Solver(law)
    U, cells = initial_state(law, [case]), case_cells(law, [case])
    R = solver.residual(U, cells)
    denser = case_cells(law, [case if law.gas.omega is None else replace(case, knudsen=2.5 * 0.01)])
    torch.testing.assert_close(solver.residual(2.5 * U, denser), 2.5 * R, rtol=1e-9, atol=1e-9)
    faster = replace(case, u=1.7 * case.u, T=1.7**2 * case.T, knudsen=0.01 / 1.7)
    s = torch.tensor([1, 1.7, 1.7**2] + [1] * law.moments, dtype=torch.float64)[:, None]  # W are counted in units of T
    memory, law.memory = law.memory, law.memory / 1.7
    got = solver.residual(initial_state(law, [faster]), case_cells(law, [faster]))
    law.memory = memory
    torch.testing.assert_close(got, 1.7 * s * R, rtol=1e-6, atol=1e-6)  # what the limiter's absolute floor of 1e-10 leaves


def test_right_hand_side_is_reflected_with_the_gas(law):
    U, cells = state(law)
    solver = Solver(law)
    once = solver.residual(U, cells)
    parity = law.parity[:, None]
    mirrored = (solver.residual((parity * U).flip(2), cells) * parity).flip(2)
    assert ((mirrored - once) / once.abs().amax(2, keepdim=True)).abs().max() < 1e-10


def test_relaxation_is_exact_and_ends_at_the_maxwellian(law):
    U, _ = state(law)
    tau = torch.full((1, 1, 1), 0.05)
    cells = cells_of(24)
    after = law.relax(U, tau, cells)
    torch.testing.assert_close(after, U + tau * law.source(after, cells), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(after[:, :3], U[:, :3], rtol=0, atol=0)
    stiff = law.relax(U, torch.ones(1, 1, 1), cells_of(24, knudsen=1e-14))
    assert stiff[:, 3:].abs().max() < 1e-13
    rho, u, T = law.fluid(U)
    p = rho * T
    euler = torch.stack((rho * u, rho * u**2 + p, u * (0.5 * rho * u**2 + (0.5 * law.gas.dims + 1) * p)), 1)
    torch.testing.assert_close(law.flux(law.local_variables(stiff))[:, :3], euler, rtol=1e-9, atol=1e-9)
    assert law.macroscopic(stiff, None)["q"].abs().max() < 1e-12


def relaxing_law():
    """Maxwell molecules, with the moments that training carries."""
    law = make_law("enc_mlc", "maxwell_2v", moments=8)
    law.choose_basis()
    return law


def test_stress_and_heat_flux_of_maxwell_molecules_relax_at_their_exact_rates():
    """Ikenberry and Truesdell: d sigma/dt = -rho sigma/(2 eps), dq/dt = -rho q/(4 eps), D = 2, whatever else there is."""
    law = relaxing_law()
    U, cells = initial_state(law, [random_case()]), cells_of(24)
    before, rate = (law.macroscopic(x, None) for x in (U, torch.cat((U[:, :3], law.source(U, cells)[:, 3:]), 1)))
    for name, exact in (("sigma", 0.5), ("q", 0.25)):
        assert before[name].abs().max() > 1e-2
        torch.testing.assert_close(rate[name], -exact * U[:, 0] / 0.3 * before[name], rtol=1e-9, atol=1e-10)


def test_hermite_moments_of_maxwell_molecules_have_their_productions():
    """Of the most probable pair for given W: H zdot = P(w), the table of ``closure.laws.maxwell``, for every degree up to six."""
    law = relaxing_law()
    m, W = law.molecules, 0.1 * torch.randn(1, law.moments, 50, generator=torch.Generator().manual_seed(0)).double()
    w = torch.einsum("wm,bmn->bwn", m.to_w, W)
    rates = torch.einsum("rw,bwn->brn", m.J, m.molecules.production(w)[:, m.free])
    torch.testing.assert_close(torch.einsum("wr,brn->bwn", m.H, rates), m.molecules.production(w)[:, m.free], rtol=0, atol=1e-9)
    assert m.rates.real.min() > 0.2 and m.rates.abs().max() < 1  # between the slowest loss of all, 1/4, and that of no gain


def test_implicit_collisions_of_maxwell_molecules_are_solved():
    law = relaxing_law()
    U = initial_state(law, [random_case()])
    W = U[:, 3:] / U[:, :1]
    for x in (1e-3, 0.3, 10.0, 1e5):
        x = torch.full((1, 24), x, dtype=torch.float64)
        after = law.molecules.relax(W, x)
        torch.testing.assert_close(after, W + x.unsqueeze(1) * law.molecules.production(after), rtol=1e-9, atol=1e-10)


def test_a_uniform_maxwellian_is_at_rest_and_its_moments_vanish(law):
    U = equilibrium_state(law, 0.7, 0.4, 1.3).expand(-1, -1, 10).contiguous()
    assert U[:, 3:].abs().max() < 1e-12
    assert law.correction(torch.zeros(1, law.inputs, 1)).abs().max() == 0
    assert Solver(law).residual(U, cells_of(10)).abs().max() < 1e-10


def drift(law, steps):
    case = cases.wave(3, cells=20, knudsen=0.05, fine=600)
    U, cells = initial_state(law, [case]), case_cells(law, [case])
    before = U[0, :3].sum(1)
    solver = Solver(law)
    dt = 0.5 * solver.max_dt(U, cells)
    with torch.no_grad():
        for _ in range(steps):
            U = solver.step(U, dt, cells)
    return float(((U[0, :3].sum(1) - before) / before[[0, 0, 2]]).abs().max())


@pytest.mark.parametrize("name", ["bgk_1v", "maxwell_2v"])
def test_mass_momentum_and_energy_are_conserved(name):
    assert drift(shipped(name), 100) < 1e-13


@pytest.mark.slow
def test_conservation_over_ten_thousand_steps():
    assert drift(shipped(), 10_000) < 1e-12


@pytest.mark.parametrize(
    "options, word",
    [
        ({"moments": 1}, "moments"), ({"components": 6}, "components"), ({"nodes": 31}, "nodes"), ({"spacing": 0.0}, "spacing"),
        ({"stretch": -1.0}, "stretch"), ({"memory": 0.0}, "memory"), ({"bogus": 1}, "bogus"),
    ],
)  # fmt: skip
def test_bad_options_are_named(options, word):
    with pytest.raises(ValueError, match=word):
        closure.untrained(GAS, name="enc_mlc", network=NETWORK, **SIZES | options)


# Labels, training, checkpoints -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def label_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("labels") / distributions.NAME
    distributions.make(path, GAS, REQUEST)
    return path


def test_labels_are_distributions_in_their_own_frame(label_file):
    data = distributions.load(label_file, GAS)
    assert data.sizes == {"snapshot": 8 * 4 + 2 + 4, "cell": 20, "node": distributions.NODES.count}
    c = distributions.NODES.c.numpy()
    for k, moment in ((0, 1.0), (1, 0.0), (2, 1.0)):
        assert np.abs((data.masses * c**k).sum("node") - moment).max() < 1e-3  # h^4 of the spline through c^2, single precision
    np.testing.assert_allclose(0.5 * (data.masses * c**3).sum("node"), data.q, atol=2e-3)
    assert (data.entropy > -1e-6).all()  # Gibbs' inequality, to the discrete velocities' error
    assert set(np.unique(data.kind)) == {0, 1, 2, 3, 4, 5}


@pytest.mark.parametrize("name", ["bgk_1v", "bgk_3v"])
def test_steady_shocks_distribution_has_the_profiles_moments(name):
    profile = solve_shock(gas(name), 2.0)
    x = np.linspace(-60, 60, 6001)
    pair = distributions.steady_distribution(profile, x, gas(name))
    exact = profile.sample(x)
    v, dv = profile.grid.v, profile.grid.dv
    for f, moments, order in zip(pair, (exact["G"], exact["H"]), (4, 2), strict=False):
        for k in range(order):  # M linear between points 0.02 apart: second order
            assert np.abs((f * v**k).sum(1) * dv - moments[k]).max() < 2e-4 * np.abs(moments[k]).max()


def fresh(**options):
    torch.manual_seed(0)
    return closure.untrained(GAS, name="enc_mlc", network=NETWORK, **SIZES | options)


@pytest.mark.parametrize("options", [{}, {"learn_basis": True}, {"entropy": 0.1, "gradients": False}])
def test_training_learns_and_its_checkpoint_comes_back(label_file, tmp_path, options):
    law, data = fresh(**options), distributions.load(label_file, GAS)
    result = enc_training.train(law, NETWORK, data, OPTIONS, tmp_path, recipe={"seed": 0})
    losses = [json.loads(line)["train_loss"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert len(losses) == result["epochs"] and losses[-1] < 0.9 * losses[0]
    again = closure.build("enc_mlc", GAS, checkpoint=tmp_path / "checkpoint.pt")
    assert again.options == SIZES | {"learn_basis": False, "entropy": 0.0, "gradients": True, "memory": 0.2} | options
    torch.testing.assert_close(again.A @ again.A.T, torch.eye(6).double(), rtol=0, atol=1e-6)
    first_components = torch.block_diag(torch.eye(8)[:3], torch.eye(8)[:3]).double()
    assert ((again.A - first_components).abs().max() < 1e-12) == (not again.learn_basis)
    assert (tmp_path / "checkpoint.pt").stat().st_size < 2e6


def test_a_stopped_training_goes_on_to_the_same_end(label_file, tmp_path):
    data = distributions.load(label_file, GAS)
    whole = enc_training.train(fresh(), NETWORK, data, OPTIONS, tmp_path / "whole", recipe={})

    class Stop(Exception):
        pass

    def stop(epoch, *_):
        if epoch == 2:
            raise Stop

    with pytest.raises(Stop):
        enc_training.train(fresh(), NETWORK, data, OPTIONS, tmp_path / "stopped", recipe={}, progress=stop)
    resumed = enc_training.train(fresh(), NETWORK, data, OPTIONS, tmp_path / "stopped", recipe={})
    assert resumed["validation_loss"] == whole["validation_loss"]
    a, b = (torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)["state"] for name in ("whole", "stopped"))
    assert all(torch.equal(a[key], b[key]) for key in a)


MAXWELL = replace(gas("maxwell_2v"), velocity_points=24)
FEW = replace(REQUEST, wave=2, mix=1, transition=0, equilibrium=1, shocks=(), cfl=0.9, t_end=0.02)


def test_maxwell_molecules_are_labelled_and_learned(tmp_path):
    """Labels have moments 0, 1, 2 and the heat flux of the solution; training carries the Hermite moments that relax exactly."""
    data = distributions.make(tmp_path / distributions.NAME, MAXWELL, FEW)
    c = distributions.NODES.c.numpy()
    assert data.sizes == {"snapshot": 4 * 4, "cell": 20, "node": distributions.NODES.count} and (data.spacing > 0).all()
    for moment, exact in ((data.masses, 1.0), (data.masses * c, 0.0), (data.masses * c**2 + data.transverse, 2.0)):
        assert np.abs(moment.sum("node") - exact).max() < 1e-3
    assert data.masses.min() > -1e-2 * data.masses.max()  # taken between the velocities, not a comb of them
    law = closure.untrained(MAXWELL, name="enc_mlc", network=NETWORK, **SIZES | {"components": 28})
    enc_training.train(law, NETWORK, data, replace(OPTIONS, epochs=2), tmp_path, recipe={})
    again = closure.build("enc_mlc", MAXWELL, checkpoint=tmp_path / "checkpoint.pt")
    for functional in (again.heat, again.normal):  # in the span of the moments
        torch.testing.assert_close(again.A.T @ (again.A @ functional), functional, rtol=1e-8, atol=1e-8)


def test_shocks_of_maxwell_molecules_are_not_labelled(tmp_path):
    with pytest.raises(InputError, match=r"label\.shocks"):
        distributions.make(tmp_path / distributions.NAME, MAXWELL, REQUEST)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("forming", [True, False])
def test_labels_of_shocks_heed_forming_and_cfl(tmp_path, monkeypatch, forming):
    seen = []

    def simulate(*arguments, **options):
        seen.append(options["cfl"])
        return kinetic_simulate(*arguments, **options)

    monkeypatch.setattr(distributions, "simulate", simulate)
    sizes = {"wave": 1, "mix": 0, "transition": 0, "equilibrium": 0, "shocks": (1.6,), "shock_windows": 1, "snapshots": 1}
    request = replace(REQUEST, **sizes, refine=1, forming=forming, cfl=0.3)
    data = distributions.make(tmp_path / distributions.NAME, GAS, request)
    assert (distributions.KINDS.index("forming") in data.kind) == forming
    assert seen == [0.3] * (1 + forming)


def test_labels_of_too_few_velocities_are_refused(tmp_path):
    few = replace(MAXWELL, velocity_points=12)
    data = distributions.make(tmp_path / distributions.NAME, few, replace(FEW, wave=0, mix=0))
    law = closure.untrained(few, name="enc_mlc", network=NETWORK, **SIZES | {"components": 28})
    with pytest.raises(InputError, match=r"gas\.velocity_points"):
        enc_training.samples(law, data)


def test_checkpoints_of_another_closure_are_refused(tmp_path):
    checkpoint.save(tmp_path / "enc.pt", fresh(), NETWORK, {})
    with pytest.raises(InputError, match=r"enc\.pt.*enc_mlc"):
        closure.build("herm_mlc", GAS, checkpoint=tmp_path / "enc.pt")


def test_labels_of_moments_are_refused(label_file, tmp_path):
    with pytest.raises(InputError, match="bgk_3v"):
        distributions.load(label_file, gas("bgk_3v"))
    (tmp_path / "junk.nc").write_bytes(b"junk" * 100)
    for name in ("junk.nc", "absent.nc"):
        with pytest.raises(InputError, match=name):
            distributions.load(tmp_path / name, GAS)


# The shipped weights -----------------------------------------------------------------------------------------------------------


def shipped(name="bgk_1v"):
    return closure.build("enc_mlc", gas(name))


def conserved(solution, dims):
    rho, u, T = solution.rho[-1], solution.u[-1], solution.T[-1]
    return np.stack((rho, rho * u, 0.5 * rho * (u * u + dims * T)))


@pytest.mark.parametrize("name", ["bgk_1v", "bgk_3v", "maxwell_2v"])
def test_shipped_weights_beat_grad_with_as_many_moments(name):
    """D > 1: Grad-13, whose moments in slab geometry are five."""
    g = gas(name)
    cells, fine, options = (100, 300, {}) if not g.is_boltzmann else (50, 50, {"transport": "weno5", "cfl": 0.9})
    case = cases.mix(1_500_001, knudsen=1.0).at(cells)
    truth = conserved(simulate(case.at(fine), g, **options)[0].averaged(cells), g.dims)
    error = {}
    for law in (closure.build("grad", g, **({"moments": 9} if g.dims == 1 else {})), shipped(name)):
        found = conserved(closure.simulate(law, case)[0], g.dims)
        error[law.name] = np.linalg.norm(found - truth) / np.linalg.norm(truth)
    grad, enc_mlc = error.values()
    assert enc_mlc < 0.5 * grad


def test_every_shipped_file_is_a_closure_with_its_recipe():
    files = sorted(checkpoint.SHIPPED.glob("*.pt"))
    names = set()
    for path in files:
        content = torch.load(path, weights_only=True)
        law = closure.build(content["closure"], checkpoint.read(path)["gas"], checkpoint=path)
        assert {"label", "train", "result", "seed"} <= set(law.recipe), path.name
        assert path.name in (checkpoint.SHIPPED / "README.md").read_text()  # the command that makes it
        names.add(law.name)
    assert names == {name for name, law in closure.CLOSURES.items() if issubclass(law, closure.LearnedLaw)}
