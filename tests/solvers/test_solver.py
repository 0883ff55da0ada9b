"""The driver: conservation, symmetry, independence of batch elements, saved times, divergence, boundaries, gradients."""

import itertools
import math

import pytest
import torch
from torch.testing import assert_close
from toy_laws import LAWS, Acoustics, Advection, Burgers, JinXin, ViscousBurgers

from knudsen.solvers import FLUXES, INTEGRATORS, RECONSTRUCTIONS, Boundary, Cells, Solver, central_slopes

PLAIN = ("weno5_thinc", "hll", "ars222")
SCHEMES = [  # two parts other than the default ones are enough: the rest of the product is slow
    pytest.param(*schemes, marks=[] if sum(a != b for a, b in zip(schemes, PLAIN)) < 3 else pytest.mark.slow)
    for schemes in itertools.product(RECONSTRUCTIONS, FLUXES, INTEGRATORS)
]


def rough_start(law, n, batch=2, seed=0):
    """Smooth and discontinuous, positive, [batch, components, n]."""
    generator = torch.Generator().manual_seed(seed)
    x = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    phase = torch.rand(batch, len(law.components), 1, dtype=torch.float64, generator=generator)
    return 1.5 + 0.5 * torch.sin(2 * torch.pi * (x + phase)) + 0.3 * (x > phase)


@pytest.mark.parametrize("reconstruction, flux, integrator", SCHEMES)
def test_conserved_totals_stay(reconstruction, flux, integrator):
    """u has no source: its total changes by round-off, growing like a random walk at worst linearly with the steps."""
    law, n, steps = JinXin(2.5), 30, 30
    cells = Cells(1 / n, n, knudsen=0.5)
    solver = Solver(law, reconstruction, flux, integrator)
    U = rough_start(law, n)
    before = U[:, 0].sum(-1)
    for _ in range(steps):
        U = solver.step(U, 0.3 * cells.dx / law.a, cells)
    assert torch.isfinite(U).all()
    assert ((U[:, 0].sum(-1) - before) / before).abs().max() < steps * 2.2e-16


@pytest.mark.parametrize("steps", [1_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_conserved_total_stays_over_many_steps(steps):
    law, n = JinXin(2.5), 16
    cells, solver = Cells(1 / n, n, knudsen=1e-3), Solver(law)
    U = rough_start(law, n, 1)
    before = U[:, 0].sum()
    for _ in range(steps):
        U = solver.step(U, 0.4 * cells.dx / law.a, cells)
    assert ((U[:, 0].sum() - before) / before).abs() < steps * 1e-16


@pytest.mark.parametrize("integrator", INTEGRATORS)
def test_conserved_totals_stay_with_gradients_among_the_variables(integrator):
    """WENO5 on central differences reads four ghost cells: a wrong one would break the balance across the periodic seam."""
    law, n = ViscousBurgers(), 30
    cells = Cells(1 / n, n, knudsen=1e-3)
    result = Solver(law, "weno5", integrator=integrator).run(rough_start(law, n), cells, [0.1])
    drift = (result.U[-1] - result.U[0]).sum((1, 2)).abs()
    assert drift.max() < max(result.steps) * 2.2e-16 * 1.5 * n


@pytest.mark.parametrize("reconstruction, flux, integrator", SCHEMES)
def test_reflection(reconstruction, flux, integrator):
    """x -> -x, u -> -u leaves Burgers' equation as it is."""
    law, n = Burgers(), 32
    solver, cells = Solver(law, reconstruction, flux, integrator), Cells(1 / n, n)
    U = rough_start(law, n) - 1.6
    after = solver.run(U, cells, [0.2]).U[-1]
    mirrored = solver.run(-U.flip(-1), cells, [0.2]).U[-1]
    assert_close(-mirrored.flip(-1), after, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", LAWS)
def test_an_element_does_not_feel_its_company(name):
    """Alone or in a batch of others with their own steps, times and Knudsen numbers: the same to round-off."""
    law, n, batch = LAWS[name], 40, 4
    U = rough_start(law, n, batch) * torch.tensor([0.1, 0.5, 0.6, 0.4], dtype=torch.float64)[:, None, None]
    knudsen = torch.tensor([1e-3, 1e-2, 1e-3, 2e-3], dtype=torch.float64)[:, None, None].expand(-1, 1, n)
    times, solver = [0.03, 0.1], Solver(law)
    together = solver.run(U, Cells(1 / n, n, knudsen), times)
    for b in range(batch):
        alone = solver.run(U[b : b + 1], Cells(1 / n, n, knudsen[b : b + 1]), times)
        assert alone.steps[0] == together.steps[b]
        assert_close(alone.U[:, 0], together.U[:, b], rtol=1e-13, atol=1e-13)


def test_widths_of_their_own():
    """dx may differ between elements: twice the domain in twice the time is the same solution of Burgers' equation."""
    n = 40
    U = rough_start(Burgers(), n, 1)
    widths = torch.tensor([1 / n, 2 / n], dtype=torch.float64)[:, None, None]
    result = Solver(Burgers()).run(U.expand(2, -1, -1), Cells(widths, n), [0.1, 0.2])
    assert_close(result.U[1, 0], result.U[2, 1], rtol=0, atol=1e-2)  # other steps: time error
    assert result.steps[0] > result.steps[1]


def test_saved_times_are_exact():
    """Acoustics: right-going wave p = Z u moves by c t; every saved row against the exact solution at its time."""
    law, n = Acoustics(), 200
    x = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    times = [0.013, 0.1, 0.101, 0.25]

    def exact(t):
        u = torch.sin(2 * torch.pi * (x - law.c * t))
        return torch.stack((law.rho * law.c * u, u))[None]

    result = Solver(law, "weno5", integrator="ars443", cfl=0.3).run(exact(0), Cells(1 / n, n), times)
    assert result.U.shape == (5, 1, 2, n) and result.status == ["ok"] and result.diverged_at == [None]
    for t, U in zip([0, *times], result.U):
        assert (U - exact(t)).abs().max() < 1e-4  # third order in time: (2 pi c dt)^3 / 24 per step, summed


def test_dissipation_of_rusanov_is_monotone_at_a_jump():
    n = 100
    U = torch.where(torch.arange(n) < 50, 1.0, 0.0).double()[None, None]
    result = Solver(Burgers(), "constant", "rusanov", "ssprk2").run(U, Cells(1 / n, n, boundary=Boundary("outflow")), [0.4])
    U = result.U[-1, 0, 0]
    assert (U.diff() <= 1e-15).all()
    # the shock moves at (u_l + u_r)/2 = 1/2: the total grows by the flux difference 1/2 over 0.4
    assert U.sum().item() / n == pytest.approx(0.5 + 0.2, abs=1e-12)


@pytest.mark.parametrize("reconstruction", RECONSTRUCTIONS)
def test_boundaries(reconstruction):
    """A constant stays with every boundary; a fixed state flows in; an outflow lets it go."""
    n, law = 20, Advection()
    solver = Solver(law, reconstruction)
    one = torch.ones(1, 1, n, dtype=torch.float64)
    fixed = Boundary("fixed", left=2 * one[..., :1], right=one[..., :1])
    for boundary in (Boundary(), Boundary("outflow")):
        assert_close(solver.run(one, Cells(1 / n, n, boundary=boundary), [0.5]).U[-1], one, rtol=1e-14, atol=0)
    after = solver.run(one, Cells(1 / n, n, boundary=fixed), [3.0]).U[-1]
    assert_close(after, 2 * one, rtol=1e-6, atol=0)
    bump = 2 * one + (torch.arange(n) == 5)
    after = solver.run(bump, Cells(1 / n, n, boundary=Boundary("outflow")), [3.0])
    assert_close(after.U[-1], 2 * one, rtol=1e-6, atol=0)


def test_central_slopes():
    """Exact for parabolas inside and for straight lines at the ends; on a ring with the symbol of central differences."""
    n, dx = 12, torch.tensor([[0.1], [0.3]], dtype=torch.float64)
    x = (torch.arange(n, dtype=torch.float64) + 0.5) * dx
    assert_close(central_slopes(2 - 3 * x + x * x, dx)[:, 1:-1], (-3 + 2 * x)[:, 1:-1])
    assert_close(central_slopes(2 - 3 * x, dx), torch.full_like(x, -3))
    k = 2 * math.pi / (n * dx)
    wave = central_slopes(torch.sin(k * x), dx, periodic=True)
    assert_close(wave, torch.sin(k * dx) / dx * torch.cos(k * x))


def test_knudsen_field_relaxes_each_cell_at_its_own_rate():
    """v -> f(u) at rate 1/Kn where u = 0 and v are constant in patches far apart: exp(-t/Kn)."""
    law, n = JinXin(1e-8, f=lambda u: 0 * u), 16
    knudsen = torch.linspace(0.5, 2, n, dtype=torch.float64)
    U = torch.stack((torch.zeros(n), torch.ones(n)))[None].double()
    cells = Cells(1.0, n, knudsen)
    solver = Solver(law, integrator="ars443")
    for _ in range(100):
        U = solver.step(U, 0.01, cells)
    assert_close(U[0, 1], torch.exp(-1 / knudsen), rtol=1e-6, atol=0)  # third order: (dt/Kn)^3 = 8e-6 times 1/24


class Blowup(Burgers):
    """u_t = u^2: infinite at t = 1/u."""

    def source(self, U, cells):
        return U * U

    def max_speed(self, V):
        return V.abs() + 1


def test_divergence_is_reported_and_disturbs_nobody():
    n = 20
    U = torch.ones(3, 1, n, dtype=torch.float64)
    U[1, 0, 7] = -1.0  # inadmissible at once
    solver = Solver(Burgers(positive=True))
    result = solver.run(U, Cells(1 / n, n), [0.1, 0.2])
    assert result.status == ["ok", "diverged", "ok"]
    assert result.diverged_at == [None, (0.0, 7), None] and result.steps[1] == 0
    assert torch.isnan(result.U[1:, 1]).all() and torch.equal(result.U[1, 0], result.U[1, 2])


def test_blow_up_is_reported_with_its_time():
    n = 8
    start = torch.tensor([1.0, 0.1], dtype=torch.float64)[:, None, None].expand(2, 1, n)
    result = Solver(Blowup(), integrator="ssprk2").run(start, Cells(1 / n, n), [0.5, 2.0])
    assert result.status == ["diverged", "ok"]
    t, cell = result.diverged_at[0]
    assert t == pytest.approx(1.0, abs=0.05) and 0 <= cell < n  # u = 1/(1 - t) has grown a thousandfold
    assert torch.isfinite(result.U[1]).all() and torch.isnan(result.U[2, 0]).all() and torch.isfinite(result.U[2, 1]).all()
    assert result.U[2, 1].mean().item() == pytest.approx(0.1 / (1 - 0.2), rel=1e-3)


class Steered(JinXin):
    """Jin-Xin with a parameter in its flux."""

    def __init__(self, theta):
        super().__init__(2.0, f=lambda u: theta * u * u)


@pytest.mark.parametrize("reconstruction", ["muscl", "weno3", "weno5"])
def test_gradient_through_run_is_the_derivative_of_the_discrete_solution(reconstruction):
    """Against central differences; run's steps are locally constant in the state, so that nothing is left out."""
    n = 8
    cells = Cells(1 / n, n, knudsen=0.05)
    start = rough_start(JinXin(), n, 1)

    def final(theta, U0):
        return Solver(Steered(theta), reconstruction).run(U0, cells, [0.05, 0.1]).U[1:]

    theta = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(final, (theta, start.requires_grad_()), eps=1e-6, atol=1e-6)


def test_nothing_is_recorded_without_gradients():
    theta = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    n = 8
    with torch.no_grad():
        result = Solver(Steered(theta)).run(rough_start(JinXin(), n), Cells(1 / n, n), [0.1])
    assert not result.U.requires_grad


def test_progress_reaches_one():
    seen = []
    n = 16
    Solver(Advection()).run(rough_start(Advection(), n), Cells(1 / n, n), [0.1], progress=seen.append)
    assert seen == sorted(seen) and seen[-1] == 1


def test_single_precision():
    n = 20
    U = rough_start(JinXin(), n).float()
    solver, cells = Solver(JinXin()), Cells(1 / n, n, knudsen=0.1)
    single, double = (solver.run(start, cells, [0.1]).U[-1] for start in (U, U.double()))
    assert single.dtype == torch.float32
    assert_close(single.double(), double, rtol=1e-5, atol=1e-5)  # some tens of steps at 6e-8


@pytest.mark.parametrize(
    "build, words",
    [
        (lambda: Solver(Advection(), reconstruction="weno9"), ("reconstruction", "weno9", "weno5")),
        (lambda: Solver(Advection(), flux="roe"), ("flux", "roe", "rusanov")),
        (lambda: Solver(Advection(), integrator="rk4"), ("integrator", "rk4", "ars222")),
        (lambda: Solver(Advection(), cfl=1.5), ("cfl", "1.5")),
        (lambda: Boundary("wall"), ("boundary", "wall", "periodic")),
        (lambda: Boundary("fixed"), ("fixed", "left")),
        (lambda: Cells(-1.0, 10), ("dx",)),
        (lambda: Cells(1.0, 3), ("n=3",)),
        (lambda: Cells(1.0, 10, knudsen=0.0), ("knudsen",)),
        (lambda: Cells(1.0, 10, knudsen=torch.ones(7)), ("knudsen", "7")),
        (lambda: Solver(Advection()).run(torch.ones(1, 1, 10), Cells(1.0, 10), [0.2, 0.1]), ("times",)),
        (lambda: Solver(Advection()).run(torch.ones(1, 2, 10), Cells(1.0, 10), [0.1]), ("U0", "1 components")),
        (lambda: Solver(Advection()).steady(torch.ones(1, 1, 10), Cells(1.0, 10)), ("boundary", "periodic")),
        (lambda: Solver(Advection()).steady(torch.ones(2, 1, 10), Cells(1.0, 10, boundary=Boundary("outflow"))), ("U0", "2")),
    ],
)
def test_bad_options_are_named(build, words):
    with pytest.raises(ValueError) as error:
        build()
    assert all(word in str(error.value) for word in words)


def test_cost_per_step_does_not_hide_a_loop_over_the_batch():
    """A batch of 64 needs far less than 64 times the time of one (small operations dominate): here less than 16."""
    n = 50
    one, many = rough_start(Burgers(), n, 1), rough_start(Burgers(), n, 64)
    solver, cells = Solver(Burgers()), Cells(1 / n, n)
    cost = [min(solver.run(U, cells, [0.2]).seconds for _ in range(3)) for U in (one, many)]
    assert cost[1] < 16 * cost[0] and math.isfinite(cost[0])


@pytest.mark.parametrize("n, t", [(20, 0.5), (40, 0.5), (200, 0.1)])
def test_diffusion_of_a_sine(n, t):
    """A sine that is carried along and diffuses decays like exp(-D k^2 t), to second order; on fine cells steps obey D, too."""

    class Diffusive(Advection):
        def diffusivity(self, V, cells):
            return torch.full_like(V, 0.02)

    x = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    result = Solver(Diffusive(), integrator="ssprk3").run(torch.sin(2 * torch.pi * x)[None, None], Cells(1 / n, n), [t])
    exact = math.exp(-0.02 * (2 * math.pi) ** 2 * t) * torch.sin(2 * torch.pi * (x - t))
    assert (result.U[-1, 0, 0] - exact).abs().max() < 4 / n**2
    assert result.U[-1].sum().abs() < 1e-11
