"""BoundedEntropy: the exponential family and its dual, and the compiled scheme against exact facts."""

import numpy as np
import pytest
import torch

from knudsen import closure
from knudsen.closure.compiled import bounded_entropy as compiled
from knudsen.closure.laws.exponential import DAMPING, Exponential
from knudsen.errors import InputError
from knudsen.kinetic import Case, cases
from knudsen.kinetic.gas import gas

GAS = gas("bgk_1v")
FAMILY = Exponential(moments=6, nodes=40, spacing=0.45, stretch=5.0, taper=6.5)


@pytest.fixture(scope="module")
def law():
    return closure.build("bounded_entropy", GAS)


def two_streams(cells=40, knudsen=1e3, **changed):
    """Streams of speed 3 that collide in free flight, periodic."""
    rho, u, T = np.ones((1, cells)), np.where(np.arange(cells) < cells // 2, 3.0, -3.0)[None], np.ones((1, cells))
    state = {"rho": rho, "u": u, "T": T, "knudsen": knudsen, "t_end": 0.05} | changed
    return Case("streams", (0.0, 1.0), cells, "periodic", **state)


def moments_of(rho, u, T):
    """(1, 0, 1/2, W) of sums of Maxwellians [component, sample] in their own frames, by integrals that are the nodes' no more."""
    mean = (rho * u).sum(0) / rho.sum(0)
    spread = ((rho * (T + u**2)).sum(0) / rho.sum(0) - mean**2).sqrt()
    x = torch.linspace(-8, 8, 1601, dtype=torch.float64)
    weight = torch.exp(-0.5 * x * x) / torch.exp(-0.5 * x * x).sum()
    c = (u[..., None] + T[..., None].sqrt() * x - mean[:, None]) / spread[:, None]
    return torch.einsum("nmsx,x,ms->sn", FAMILY.functions(c), weight, rho / rho.sum(0))


# The family --------------------------------------------------------------------------------------------------------------------


def test_sums_over_nodes_are_gaussian_integrals():
    for k, exact in ((0, 1), (2, 1), (4, 3), (6, 15), (8, 105)):
        assert float((FAMILY.mass * FAMILY.c**k).sum()) == pytest.approx(exact, rel=1e-9)


def test_functions_are_orthonormal_and_bounded():
    w = FAMILY.values[3:]
    torch.testing.assert_close((w * FAMILY.mass) @ w.T, torch.eye(len(w)).double(), rtol=0, atol=1e-11)
    conserved = torch.stack((torch.ones_like(FAMILY.c), FAMILY.c, FAMILY.c**2))
    assert ((w * FAMILY.mass) @ conserved.T).abs().max() < 1e-11
    far = FAMILY.functions(torch.tensor([-1e4, 1e4]).double())[3:]
    assert far.abs().max() < w.abs().max()


def test_the_dual_finds_the_distribution_with_the_moments():
    """Sums of Maxwellians, mild ones and two streams apart: positive masses with the moments that were asked for."""
    draw = np.random.default_rng(0)
    rho, u, T = (torch.tensor(draw.uniform(*low_high, (2, 50))) for low_high in ((0.2, 1.4), (-1.5, 1.5), (0.4, 1.4)))
    u[:, 0], T[:, 0], rho[:, 0] = torch.tensor([-1.5, 1.5]), 1.0, 1.0
    moments = moments_of(rho, u, T)
    a = FAMILY.solve(moments, DAMPING)
    f = FAMILY.masses(a)
    assert (f >= 0).all()
    left = moments - f @ FAMILY.values.T
    left[:, 3:] -= DAMPING * a[:, 3:]
    assert left.abs().max() < 1e-8


def test_the_dual_has_a_solution_for_moments_that_no_distribution_has():
    moments = torch.tensor([[1.0, 0.0, 0.5, 0.0, -3.0, 0.0, 0.0, 0.0, 0.0]]).double()  # a fourth moment below its least
    f = FAMILY.masses(FAMILY.solve(moments, 1e-2))
    assert (f >= 0).all() and torch.isfinite(f).all()
    torch.testing.assert_close((f @ FAMILY.values[:3].T)[0], moments[0, :3], rtol=0, atol=1e-8)


def test_gradients_pass_through_the_dual():
    moments = moments_of(*(torch.tensor(x)[:, None].double() for x in ([0.7, 0.3], [0.3, -0.7], [0.8, 1.2])))

    def flux(moments):
        a = FAMILY.differentiable(FAMILY.solve(moments, DAMPING), moments, DAMPING)
        return (FAMILY.masses(a) * FAMILY.c * FAMILY.values[8]).sum()

    (slope,) = torch.autograd.grad(flux(moments.requires_grad_()), moments)
    step = torch.zeros_like(moments)
    step[0, 4] = 1e-6
    with torch.no_grad():
        assert float(slope[0, 4]) == pytest.approx(float(flux(moments + step) - flux(moments - step)) / 2e-6, rel=1e-4)


# The compiled scheme -----------------------------------------------------------------------------------------------------------


def test_streams_that_collide_in_free_flight_are_kept(law):
    """Jumps of six thermal speeds: positive, conservative, and two streams where they have met."""
    solution = closure.simulate(law, two_streams())[0]
    assert solution.status == "ok" and solution.schemes == compiled.SCHEMES and (solution.T > 0).all()
    sums = solution.U[:, :3].sum(2)
    np.testing.assert_allclose(sums[-1], sums[0], rtol=0, atol=1e-11)
    met = solution.T[-1, 20]
    assert met == pytest.approx(1 + 9, rel=0.1)  # two streams of speed 3 in one place


def test_a_mirrored_case_has_a_mirrored_solution(law):
    case = cases.wave(1_000_003, cells=40, knudsen=0.5, t_end=0.03)
    mirrored = Case(
        "mirror", case.bounds, 40, "periodic", case.rho[:, ::-1], -case.u[:, ::-1], case.T[:, ::-1], knudsen=0.5, t_end=0.03
    )
    one, two = (closure.simulate(law, c)[0] for c in (case, mirrored))
    np.testing.assert_allclose(two.U[-1][:, ::-1] * law.parity.numpy()[:, None], one.U[-1], rtol=0, atol=1e-9)


def test_both_schemes_solve_the_same_equations(law):
    """A smooth wave: torch's method of lines and the compiled scheme approach each other as the cells are halved, in the mean
    (limiters flatten the crests)."""
    apart = []
    for cells in (32, 64):
        case = cases.sound(GAS, amplitude=0.1, cells=cells, knudsen=0.3, t_end=0.1)
        one = closure.simulate(law, case)[0]
        two = closure.simulate(law, case, compiled=False, reconstruction="muscl", flux="upwind")[0]
        apart.append(np.abs(one.U[-1] - two.U[-1]).mean())
    assert apart[1] < 0.5 * apart[0] and apart[1] < 1e-3


def test_stiff_collisions_end_at_a_maxwellian(law):
    solution = closure.simulate(law, cases.sod(cells=40, knudsen=1e-8, t_end=0.05))[0]
    assert np.abs(solution.U[-1, 3:]).max() < 0.05 * np.abs(solution.U[-1, :3]).max()


@pytest.mark.parametrize("options", [{"moments": 1}, {"nodes": 25}, {"taper": 0.0}])
def test_bad_options_are_named(options):
    with pytest.raises(InputError, match=f"closure.{next(iter(options))}"):
        closure.build("bounded_entropy", GAS, **options)


@pytest.mark.parametrize("name", ["sod", "collision", "blast"])
@pytest.mark.parametrize("knudsen", [1e-3, 10.0])
def test_canonical_flows_are_not_lost(law, name, knudsen):
    solution = closure.simulate(law, getattr(cases, name)(cells=40, knudsen=knudsen))[0]
    assert solution.status == "ok" and not solution.warnings


def test_regularised_moments_are_said(law):
    """A start whose fourth moment is below that of any distribution."""
    case = two_streams(cells=20, u=np.zeros((1, 20)), t_end=1e-3)
    solver = compiled.Rollout(law, 0.45)
    start = law.start(case).numpy()
    start[4] = -3.0
    solver(start, None, case.dx, np.full(20, 1.0), "periodic", [1e-3])
    assert solver.regularised > 0
