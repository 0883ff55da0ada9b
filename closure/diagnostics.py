"""Where a closure stops being hyperbolic or well-posed, where its step is unstable, and where its moments are those of no
positive distribution."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from knudsen.errors import InputError
from knudsen.solvers import GHOST, Boundary, Cells, Solver, central_slopes
from knudsen.solvers.fluxes import mean_flux

COMPLEX = 1e-6  # imaginary parts below it, in units of the largest speed, are round-off
BOUNDED = 1e-3  # growth rates below this part of a large wave number (in units of sqrt T) count as bounded


def jacobian(law, U: Tensor, cells: Cells | None = None) -> Tensor:
    r"""Matrix A of the quasi-linear system dU/dt + A dU/dx = S in every cell, [batch, cell, n, n], products included.

    U [batch, n, cell]: the closure's moments. cells: where the closure sees gradients these are taken on them and held fixed (the
    part they drive is of second order in space); None: the closing terms at their local rule.
    """
    U = U.detach().requires_grad_()
    with torch.enable_grad():
        V = law.local_variables(U) if cells is None else _interior(law.variables(cells.pad(U), cells), U)
        F = law.flux(V)
        if law.product is not None:
            F = F + law.product(V.detach(), V)
        # Central differences join cell i to i - 1 and i + 1: of every third cell alone, the derivative by its own state is left.
        colours = 1 if cells is None else 3
        A = torch.zeros(U.shape[0], U.shape[2], U.shape[1], U.shape[1], dtype=U.dtype)
        for colour in range(colours):
            for k in range(U.shape[1]):
                (row,) = torch.autograd.grad(F[:, k, colour::colours].sum(), U, retain_graph=True)
                A[:, colour::colours, k] = row.transpose(1, 2)[:, colour::colours]
    return A


def _interior(V: Tensor, U: Tensor) -> Tensor:
    ghosts = (V.shape[-1] - U.shape[-1]) // 2
    return V[..., ghosts : V.shape[-1] - ghosts]


@torch.no_grad()
def speeds(law, U: Tensor, cells: Cells | None = None) -> Tensor:
    """Characteristic speeds, the complex eigenvalues of ``jacobian``, [batch, cell, n], in the own frame and units of sqrt(T).

    States with NaN, or without a positive density and temperature, have NaN.
    """
    A = jacobian(law, U, cells)
    rho, u, T = law.fluid(U)
    s = T.clamp(min=torch.finfo(U.dtype).tiny).sqrt()
    # Similar matrix in the own frame, its components of like size: raw moments of a fast stream are ill-conditioned.
    n = U.shape[1]
    unit = torch.eye(n, dtype=U.dtype)
    result = torch.full((*A.shape[:3],), torch.nan, dtype=torch.complex128)
    for b in range(U.shape[0]):
        columns = unit.unsqueeze(2).expand(-1, -1, U.shape[2])
        out = law.boost(law.rescale(columns, s[b].expand(n, -1)), u[b].expand(n, -1))  # [unit vector, component, cell]
        back = law.rescale(law.boost(columns, -u[b].expand(n, -1)), 1 / s[b].expand(n, -1))
        own = back.permute(2, 1, 0) @ A[b] @ out.permute(2, 1, 0)
        good = own.isfinite().all(-1).all(-1) & (rho[b] > 0) & (T[b] > 0)
        result[b, good] = (torch.linalg.eigvals(own[good]) - u[b, good, None]) / s[b, good, None]
    return result


def imaginary_part(law, U: Tensor, cells: Cells | None = None) -> Tensor:
    """Largest |Im| of the speeds over the largest modulus, [batch, cell]: 0 where hyperbolic, NaN where undefined."""
    values = speeds(law, U, cells)
    share = values.imag.abs().amax(2) / values.abs().amax(2)
    return torch.where(share < COMPLEX, 0.0, share)


def grad13_limit(law, stress: float, step: float = 1e-3, most: float = 3.0) -> float | None:
    """The largest q/(p sqrt T) up to which the system is hyperbolic from q = 0 on, to ``step``; None where it is not at q = 0."""
    q = torch.arange(0, most, step, dtype=torch.float64)
    real = imaginary_part(law, law.stressed(torch.full_like(q, stress), q))[0] == 0
    if not real[0]:
        return None
    return float(q[int((~real).to(torch.int8).argmax()) - 1]) if not real.all() else most


def mixture(law, separation: Tensor, ratio: Tensor) -> Tensor:
    """Two Maxwellians of equal density, velocities +-separation/2 and temperatures 1 and ratio [cell]; [1, n, cell]."""
    from knudsen.kinetic.moments import maxwellian_moments

    d, r = separation.numpy(), ratio.numpy()
    parts = [maxwellian_moments(0 * d + 0.5, u, T, law.gas, law.order) for u, T in ((0.5 * d, 0 * d + 1), (-0.5 * d, r))]
    G = torch.tensor(parts[0][0] + parts[1][0])[None]
    H = torch.tensor(parts[0][1] + parts[1][1])[None] if law.gas.has_h else None
    return law.from_moments(G, H)


def region(law, plane: str = "mixture", points: int = 81) -> tuple[Tensor, Tensor, Tensor]:
    """Two coordinates and the imaginary part on a grid of states, [points], [points], [points, points].

    plane: ``mixture``: separation 0..8 of two Maxwellians, logarithm of their temperature ratio -2..2 (base 10), any closure;
    ``stress``: sigma/p -1..1.9 and q/(p sqrt T) -1.5..1.5, closure grad13.
    """
    if plane == "stress":
        x, y = torch.linspace(-1, 1.9, points).double(), torch.linspace(-1.5, 1.5, points).double()
        make = law.stressed
    elif plane == "mixture":
        x, y = torch.linspace(0, 8, points).double(), torch.linspace(-2, 2, points).double()
        make = lambda d, r: mixture(law, d, 10**r)  # noqa: E731
    else:
        raise InputError(f"plane={plane}: choose mixture or stress")
    X, Y = torch.meshgrid(x, y, indexing="ij")
    values = imaginary_part(law, make(X.reshape(-1), Y.reshape(-1)))
    return x, y, values.reshape(points, points)


# Well-posedness --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LinearSystem:
    r"""A closure linearised about a state and, where it has one, a slope:

    .. math:: \partial_t U' = -A\,\partial_x U' + D\,\partial_{xx} U' + R\,U' .

    A, D, R: [batch, n, n], with everything that the closure has of them: gradients in the flux, mixing, an implicit diffusion;
    collisions. With a slope the coefficients are frozen: terms of order zero that stem from their variation are left out.
    """

    A: Tensor
    D: Tensor
    R: Tensor

    def symbol(self, k) -> Tensor:
        """R - i k A - k^2 D for wave numbers k [K], [batch, K, n, n]: its eigenvalues are the growth rates + i frequencies."""
        k = torch.as_tensor(k, dtype=torch.float64).reshape(-1, 1, 1)
        A, D, R = (m.unsqueeze(1) for m in (self.A, self.D, self.R))
        return R - 1j * k * A - k**2 * D


def linearise(law, U: Tensor, knudsen, slope: Tensor | None = None, mixing: bool = True) -> LinearSystem:
    """The system of ``law`` about the states U [batch, n] with slopes dU/dx ``slope`` [batch, n] (None: uniform states).

    knudsen: a number or one per state. mixing: with the law's own ``diffusivity``; without it the bare closure is seen.
    """
    # Uniform states have no scale: the differences are exact for polynomials of second degree, whatever the cell width.
    dx = 1.0 if slope is None else 1e-4
    cells = 2 * GHOST + 1
    offset = dx * (torch.arange(cells, dtype=torch.float64) - GHOST)
    U = (U.detach()[:, :, None] + (0 * U if slope is None else slope)[:, :, None] * offset).requires_grad_()
    grid = Cells(dx, cells, torch.as_tensor(knudsen, dtype=torch.float64).reshape(-1, 1, 1), Boundary("periodic"))
    with torch.enable_grad():
        V = law.variables(grid.pad(U), grid)
        if law.transport is None:
            F = law.flux(V)
            if law.product is not None:
                F = F + law.product(V.detach(), V)
            flux = _derivatives(F[..., 2 * GHOST], U)
            A, D = flux.sum(-1), -(flux * offset).sum(-1)
            R = torch.zeros_like(A)
        else:  # its cells move with the gas: dU/dt with the means of two cells on both sides of their face
            face = 0.5 * (V[..., GHOST - 1 : -GHOST] + V[..., GHOST : V.shape[-1] - GHOST + 1])
            rate = law.transport(mean_flux, face, face, V[..., GHOST:-GHOST])[..., GHOST] / dx
            rate = _derivatives(rate, U)
            A, D, R = -(rate * offset).sum(-1), 0.5 * (rate * offset**2).sum(-1), torch.zeros_like(rate[..., 0])
        S = law.source(U, grid)[..., GHOST]
        if S.requires_grad:
            S = _derivatives(S, U)
            A, D, R = A - (S * offset).sum(-1), D + 0.5 * (S * offset**2).sum(-1), R + S.sum(-1)
    if mixing and law.diffusivity is not None:
        D = D + law.diffusivity(V.detach(), grid)[:, :, 2 * GHOST, None] * torch.eye(D.shape[-1], dtype=D.dtype)
    return LinearSystem(A.detach(), D.detach(), R.detach())


def _derivatives(out: Tensor, U: Tensor) -> Tensor:
    """d out[b, i] / d U[b, j, cell], [b, i, j, cell]."""
    return torch.stack([torch.autograd.grad(row.sum(), U, retain_graph=True)[0] for row in out.unbind(1)], 1)


def growth(law, U: Tensor, knudsen, k, slope: Tensor | None = None, mixing: bool = True) -> Tensor:
    """Largest growth rate over the modes of wave number k [K], [batch, K]: at most 0 at rest where the closure is stable."""
    return torch.linalg.eigvals(linearise(law, U, knudsen, slope, mixing).symbol(k)).real.amax(-1)


def unbounded(law, U: Tensor, knudsen, slope: Tensor, k: float = 1e5) -> Tensor:
    """States at which short waves grow at a rate proportional to k: the bare closure (without mixing) is ill-posed there,
    bool [batch]."""
    return growth(law, U, knudsen, [k], slope, mixing=False)[:, 0] > BOUNDED * k


def interlacing(law, U: Tensor, knudsen, slope: Tensor | None = None) -> tuple[Tensor, Tensor]:
    r"""Are the speeds real, and how fast does each characteristic wave decay? bool [batch]; [batch, n], the fastest wave first.

    The damping of wave i is k^2 times :math:`d_i = l_i D r_i / l_i r_i`, l_i and r_i the eigenvectors of A. A gradient in the
    flux of the last moment alone, C(s) = sum_k s^k dF_N/d(dG_k/dx), gives free waves Q(s) = i k C(s), Q the characteristic
    polynomial of A, and d_i = -C(s_i)/Q'(s_i): no wave of any k grows exactly where the speeds s_i are real and all d_i >= 0,
    that is where the roots of C lie between those of Q.
    """
    system = linearise(law, U, knudsen, slope, mixing=False)
    speeds, right = torch.linalg.eig(system.A)
    left = torch.linalg.inv(right)
    damping = torch.einsum("bij,bjk,bki->bi", left, system.D.to(left.dtype), right).real
    order = speeds.real.argsort(1, descending=True)
    real = (speeds.imag.abs().amax(1) < COMPLEX * speeds.abs().amax(1).clamp(min=1e-12)) | (speeds.imag.abs().amax(1) < 1e-12)
    return real, damping.gather(1, order)


def amplification(law, n: int, knudsen: float, window: int = 64, **schemes) -> float:
    """Spectral radius of one step of the solver on ``n`` cells of a unit length, linearised at rest: at most 1 if stable.

    Of all waves that fit into ``window`` periodic cells. schemes: reconstruction, flux, integrator, cfl of the solver.
    """
    from knudsen.closure.simulation import equilibrium_state

    solver, cells = Solver(law, **schemes), Cells(1 / n, window, knudsen, Boundary("periodic"))
    U = equilibrium_state(law, 1.0, 0.0, 1.0).expand(1, -1, window).clone()
    dt = solver.max_dt(U, cells).detach()
    with torch.enable_grad():
        U.requires_grad_()
        step = _derivatives(solver.step(U, dt, cells)[..., window // 2], U)[0]
    phase = 2 * torch.pi * torch.arange(window // 2 + 1, dtype=torch.float64)[:, None] / window
    waves = torch.exp(1j * phase * (torch.arange(window) - window // 2))
    return float(torch.linalg.eigvals(torch.einsum("kc,ijc->kij", waves, step.to(waves.dtype))).abs().max())


def visited(law, cases, every: int = 8, **options) -> tuple[Tensor, Tensor, Tensor]:
    """States, slopes [sample, n] and Knudsen numbers [sample] that the closure meets at the end of its own runs of ``cases``."""
    from knudsen.closure.simulation import simulate

    U, slopes, knudsen = [], [], []
    for case, solution in zip(cases, simulate(law, cases, **options), strict=True):
        rows = torch.tensor(solution.U[-1])
        if rows.isfinite().all():
            U.append(rows[:, 1:-1:every].T)
            slopes.append(central_slopes(rows, case.dx)[:, 1:-1:every].T)
            knudsen.append(torch.tensor(np.broadcast_to(case.knudsen, case.cells)[1:-1:every].copy(), dtype=torch.float64))
    return torch.cat(U), torch.cat(slopes), torch.cat(knudsen)


def modes(law, knudsen: float, k) -> dict[str, np.ndarray]:
    """lambda of the ``heat`` and the ``sound`` mode (Im > 0) at rest, rho = T = 1, for wave numbers k [K] > 0, complex [K].

    Each is followed from long waves on, where it is nearly 0 or i sqrt(gamma) k: at every step the eigenvalue nearest to where
    the last two point.
    """
    from knudsen.closure.simulation import equilibrium_state

    k = np.asarray(k, dtype=float)
    path = np.unique(np.concatenate((np.geomspace(min(1e-2 / knudsen, k.min()), max(k.max(), 2e-2 / knudsen), 400), k)))
    at_rest = equilibrium_state(law, 1.0, 0.0, 1.0)[:, :, 0]
    values = torch.linalg.eigvals(linearise(law, at_rest, knudsen).symbol(path)[0]).numpy()
    wanted, found = np.searchsorted(path, k), {}
    for mode, speed in (("heat", 0.0), ("sound", np.sqrt((law.gas.dims + 2) / law.gas.dims))):
        followed = np.empty(len(path), complex)
        for i, near in enumerate(path):
            guess = 1j * speed * near - knudsen * near**2
            if i > 1:
                step = max(path[i - 1] - path[i - 2], 1e-9 * near)
                guess = followed[i - 1] + (followed[i - 1] - followed[i - 2]) * min((near - path[i - 1]) / step, 3.0)
            followed[i] = values[i][abs(values[i] - guess).argmin()]
        found[mode] = followed[wanted]
    return found
