"""Gradients in the flux: stepped implicitly they do not limit the step, and change neither order nor balance."""

import math

import pytest
import torch
from torch.testing import assert_close

from knudsen.solvers import GHOST, Boundary, Cells, Law, Solver
from knudsen.solvers.gradients import EXPLICIT, KEPT, ImplicitGradients


class Telegraph(Law):
    """a_t + b_x = 0, b_t + (a - D b_x - B a_x)_x = -b/eps; V = (a, b, gradient part). Well-posed for D >= |B|."""

    components = ("a", "b")
    gradient_rows = (1,)

    def __init__(self, D=0.3, B=0.2, source=True):
        self.D, self.B, self.source_on = D, B, source

    def local_variables(self, U):
        return torch.cat((U, torch.zeros_like(U[:, :1])), 1)

    def variables(self, U, cells):
        slope = torch.nn.functional.pad(U[..., 2:] - U[..., :-2], (1, 1)) / (2 * cells.dx)
        return torch.cat((U, -self.D * slope[:, 1:] - self.B * slope[:, :1]), 1)

    def conserved(self, V):
        return V[:, :2]

    def flux(self, V):
        return torch.cat((V[:, 1:2], V[:, :1] + V[:, 2:]), 1)

    def max_speed(self, V):
        return torch.ones_like(V[:, :1])

    def rate(self, cells):
        return (1 / cells.knudsen if self.source_on else 0 * cells.knudsen).reshape(1, 1, -1)

    def source(self, U, cells):
        return torch.cat((0 * U[:, :1], -self.rate(cells) * U[:, 1:]), 1)

    def relax(self, U, tau, cells):
        return torch.cat((U[:, :1], U[:, 1:] / (1 + tau * self.rate(cells))), 1)

    def slopes(self, V, cells):
        c = torch.tensor([-self.B, -self.D, 0.0], dtype=V.dtype)
        return c.reshape(1, 1, 3, 1).expand(len(V), -1, -1, V.shape[2])

    def gradient(self, V, cells, slopes):
        return slopes

    def spread_length(self, V, cells):
        return torch.full_like(V[:, :1], self.D)

    def response(self, V):
        return torch.tensor([0.0, 1.0, 0.0], dtype=V.dtype).reshape(1, 3, 1, 1).expand(len(V), -1, -1, V.shape[2])

    def relaxation(self, U, tau, cells):
        return (1 / (1 + tau * self.rate(cells))).expand(len(U), 1, cells.n)

    def exact(self, x, t, k, eps):
        """The wave cos(k x) in a, b = 0, at time t."""
        rate = 1 / eps if self.source_on else 0.0
        M = torch.tensor([[0, -1j * k], [-1j * k - self.B * k**2, -self.D * k**2 - rate]], dtype=torch.complex128)
        amplitude = torch.linalg.matrix_exp(M * t)[:, 0]
        return (amplitude[:, None] * torch.exp(1j * k * x)).real[None]


def start(n):
    x = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    return x, torch.stack((torch.cos(2 * math.pi * x), 0 * x))[None]


@pytest.mark.parametrize("integrator", ("ars222", "ars443"))
@pytest.mark.parametrize("eps", (0.05, 5.0))
def test_second_order_at_the_convective_step(integrator, eps):
    """Diffusion numbers dt D/dx^2 from 4 to 17: an explicit step is unstable from 1 on."""
    law, errors = Telegraph(), []
    for n in (32, 64, 128):
        x, U = start(n)
        result = Solver(law, "weno5", integrator=integrator).run(U, Cells(1 / n, n, eps), [0.2])
        assert result.steps[0] == math.ceil(0.2 * n / 0.45)
        errors.append(float((result.U[-1] - law.exact(x, 0.2, 2 * math.pi, eps)).abs().max()))
    orders = [math.log2(a / b) for a, b in zip(errors, errors[1:])]
    assert min(orders) > 1.8 and errors[-1] < 2e-3


def test_noise_from_cell_to_cell_dies_on_fine_cells():
    n = 128
    U = torch.randn(1, 2, n, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    end = Solver(Telegraph(), "weno5").run(U, Cells(1 / n, n, 10.0), [0.3]).U[-1]
    assert end.diff().norm() < 0.1 * U.diff().norm() and end.norm() < U.norm()


def test_totals_stay_to_round_off():
    n = 64
    U = torch.rand(2, 2, n, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    result = Solver(Telegraph(source=False)).run(U, Cells(1 / n, n, 1.0), [0.5])
    assert (result.U[-1].sum(-1) - U.sum(-1)).abs().max() < max(result.steps) * n * 2.2e-16


def test_an_explicit_integrator_takes_the_steps_that_the_diffusion_allows():
    n = 32
    solver = Solver(Telegraph(), integrator="ssprk3")
    _, U = start(n)
    assert float(solver.max_dt(U, Cells(1 / n, n, 10.0))) == pytest.approx(EXPLICIT / (0.3 * n**2))
    end = solver.run(U, Cells(1 / n, n, 10.0), [0.05]).U[-1]
    assert end.abs().max() < 1


class Overstated(Telegraph):
    """Its slopes are those of more diffusion than there is, and vary with the state."""

    asked = 0

    def slopes(self, V, cells):
        self.asked += 1
        return super().slopes(V, cells) * (1.2 + 0.2 * V[:, None, :1] ** 2)


def test_slopes_of_earlier_steps_change_neither_order_nor_stability():
    law, errors = Overstated(), []
    for n in (32, 64, 128):
        x, U = start(n)
        law.asked = 0
        result = Solver(law, "weno5").run(U, Cells(1 / n, n, 5.0), [0.2])
        assert law.asked == math.ceil(result.steps[0] / KEPT)
        errors.append(float((result.U[-1] - law.exact(x, 0.2, 2 * math.pi, 5.0)).abs().max()))
    assert min(math.log2(a / b) for a, b in zip(errors, errors[1:])) > 1.8 and errors[-1] < 2e-3


def test_what_is_kept_is_each_elements_own():
    """Elements of a batch that leave it at different times come out as they do alone; one needs no implicit gradients at all."""
    x, U = start(32)
    dx = torch.tensor([1 / 32, 1 / 48, 1.0], dtype=U.dtype).reshape(3, 1, 1)
    solver = Solver(Overstated(), "weno5")
    together = solver.run(U.expand(3, -1, -1).clone(), Cells(dx, 32, 5.0), [0.1, 0.4])
    for i in range(3):
        alone = solver.run(U, Cells(float(dx[i]), 32, 5.0), [0.1, 0.4])
        assert alone.steps[0] == together.steps[i]
        assert_close(together.U[:, i], alone.U[:, 0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ("periodic", "outflow", "fixed"))
def test_a_stage_solves_its_equation(kind):
    """U' = U + tau (S + D)(U') to round-off, the law being linear, with every boundary."""
    law, n, dt, a = Telegraph(), 12, torch.full((1, 1, 1), 0.05, dtype=torch.float64), 0.3
    ends = torch.tensor([[[0.3], [-0.2]], [[0.1], [0.5]]], dtype=torch.float64)
    cells = Cells(1 / n, n, 0.2, Boundary(kind, ends[:1], ends[1:]) if kind == "fixed" else Boundary(kind))
    U = torch.rand(1, 2, n, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    implicit = ImplicitGradients(law, law.variables(cells.pad(U), cells), dt, cells, torch.ones(1, dtype=torch.float64))
    new = implicit.resolvent(U, a)
    W = cells.pad(new)[..., GHOST - 1 : n + GHOST + 1]
    y = -(law.D * W[:, 1].diff() + law.B * W[:, 0].diff()) * n
    expected = U + a * dt * law.source(new, cells)
    expected[:, 1] -= a * dt[0] * y.diff() * n
    assert_close(new, expected, rtol=0, atol=1e-13)
    assert_close(implicit.difference[:, 1], y.diff(), rtol=0, atol=1e-11)
