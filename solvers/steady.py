"""Steady states by pseudo-transient continuation."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from knudsen.solvers.cells import GHOST, Cells, central_slopes

# Step of the finite differences, in units of the basis: far below the differences at which the limiters switch (the square root
# of reconstruction.FLOOR, 1e-5), far above the round-off of U, which may be 1e4 times that of the basis.
DIFFERENCE = 1e-7
GOOD = 0.5  # contraction of Newton's method within a step that the next step aims at
WORST = 1.0  # above it a step is taken back
FLAT = 0.9  # a residual above this part of the least one so far is no progress
HASTE = 3  # iterations without progress that end a search whose time is up
CHUNK = 2**18  # numbers in one batch of perturbed states: small enough for the cache, large enough to hide the call


@dataclass
class SteadyResult:
    """U [1, n, N]; status 'ok', 'not_converged' or 'diverged'; scaled residual norm, iterations, wall seconds; drift: speed of a
    ``pinned`` wave through the cells."""

    U: Tensor
    status: str
    residual: float
    iterations: int
    seconds: float
    drift: float = 0.0


class BandedJacobian:
    r"""dR/dU of a residual R whose cell i depends on cells i - w .. i + w, by coloured finite differences.

    Component k of all cells with equal i mod (2w + 1) is perturbed at once, since their images do not overlap: n (2w + 1)
    perturbed states, evaluated as one batch, whatever the number of cells. Unknowns are ordered cell by cell, which leaves
    n (w + 1) - 1 diagonals on each side. Everything is in the coordinates of a Basis.

    Source: A. R. Curtis, M. J. D. Powell, J. K. Reid, IMA J. Appl. Math. 13 (1974) 117, doi:10.1093/imamat/13.1.117.
    """

    def __init__(self, n: int, N: int, half_width: int):
        self.n, self.N = n, N
        self.colours = min(2 * half_width + 1, N)
        self.bands = n * (half_width + 1) - 1
        # image cell j sees, of each colour, exactly one cell i within its reach
        column, offset = np.meshgrid(np.arange(N), np.arange(-half_width, half_width + 1), indexing="ij")
        inside = (column + offset >= 0) & (column + offset < N)
        i, o = column[inside], offset[inside]
        k_in, k_out = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
        k_in, k_out = k_in.reshape(-1, 1), k_out.reshape(-1, 1)
        self.source = (i % self.colours, k_in, k_out, i + o)  # where the entry stands in the differences
        self.target = (self.bands + o * n + k_out - k_in, i * n + k_in)  # and in LAPACK's band storage

    def evaluate(self, residual, U: Tensor, R: Tensor, basis: Basis) -> np.ndarray:
        """LAPACK band storage [2 bands + 1, n N] of the Jacobian at U [1, n, N] in the basis, where the residual is R."""
        colour = torch.arange(self.N, device=U.device) % self.colours
        masks = (colour == torch.arange(self.colours, device=U.device)[:, None]).to(U.dtype)  # [colours, N]
        identity = torch.eye(self.n, dtype=U.dtype, device=U.device)
        shifts = basis.combine(DIFFERENCE * (masks[:, None, None, :] * identity[None, :, :, None]).reshape(-1, self.n, self.N))
        per_chunk = max(1, CHUNK // (self.n * self.N))
        differences = torch.cat([residual(U + part) - R for part in shifts.split(per_chunk)])
        differences = basis.resolve(differences).reshape(self.colours, self.n, self.n, self.N).cpu().numpy() / DIFFERENCE
        bands = np.zeros((2 * self.bands + 1, self.n * self.N))
        bands[self.target] = differences[self.source]
        return bands

    def factorise(self, jacobian: np.ndarray, dt: float) -> Callable[[Tensor], Tensor]:
        """The solver y -> (1/dt - J)^-1 y, all in the basis, [1, n, N]; LinAlgError where the matrix is singular."""
        from scipy.linalg import lapack  # slow to import, and runs in time do without

        matrix = np.zeros((3 * self.bands + 1, self.n * self.N))  # with room for the pivoting
        matrix[self.bands :] = -jacobian
        matrix[2 * self.bands] += 1 / dt
        factors, pivots, info = lapack.dgbtrf(matrix, self.bands, self.bands, overwrite_ab=True)
        if info != 0:
            raise np.linalg.LinAlgError("singular Jacobian")

        def solve(y: Tensor) -> Tensor:
            right = y[0].T.reshape(-1).cpu().numpy()
            solution, _ = lapack.dgbtrs(factors, self.bands, self.bands, right, pivots)
            return torch.as_tensor(solution.reshape(self.N, self.n).T[None].copy(), dtype=y.dtype, device=y.device)

        return solve


class Basis:
    """Natural coordinates y of the state in every cell, U = P y: what is perturbed, solved for and measured.

    matrix P and its inverse, each [n, n, N] or, where P is diagonal, [n, N]. A state whose components differ by many orders of
    magnitude, or hide one another (raw moments of a fast stream), is well conditioned only in its own frame.
    """

    def __init__(self, matrix: Tensor, inverse: Tensor):
        self.matrix, self.inverse = matrix, inverse

    def combine(self, y: Tensor) -> Tensor:
        """P y, [batch, n, N]."""
        return self._apply(self.matrix, y)

    def resolve(self, U: Tensor) -> Tensor:
        """P^-1 U, [batch, n, N]."""
        return self._apply(self.inverse, U)

    @staticmethod
    def _apply(matrix: Tensor, values: Tensor) -> Tensor:
        return matrix * values if matrix.ndim == 2 else torch.einsum("ijx,bjx->bix", matrix, values)


@torch.no_grad()
def pseudo_transient(
    solver,
    U0: Tensor,
    cells: Cells,
    tolerance: float = 1e-8,
    max_iterations: int = 200,
    half_width: int = 3,
    basis: Basis | None = None,
    time_scale: float = 1.0,
    dt: float | None = None,
    dt_max: float | None = None,
    growth: float = 10.0,
    measure: Callable[[Tensor, Tensor], float] | None = None,
    patience: int | None = None,
    max_seconds: float = np.inf,
    pinned: int | None = None,
    progress=None,
) -> SteadyResult:
    r"""Solve R(U) = -dF/dx + S = 0 by linearised backward Euler steps,

    .. math:: (1/\Delta t_k - J)\,(U_{k+1} - U_k) = R(U_k).

    The next step follows from how linear this one was: a second Newton iteration within it, with the same matrix, would correct
    dU by :math:`(1/\Delta t_k - J)^{-1} (R_{k+1} - \delta U/\Delta t_k)`. Where that is less than half of dU the step grows,
    up to the factor g; where it is more, it shrinks. The measure does not depend on the scaling of the components nor on the
    stiffness of the source, as the norm of the residual does, and lets a moving front move as far as it stays linear.

    solver: supplies residual, max_dt and the law's admissible. U0: [1, n, N]. cells: fixed or outflow boundaries.
    tolerance: on the norm :math:`\tau \sqrt{\mathrm{mean}((P^{-1} R)^2)}`, tau = time_scale, P the basis.
    half_width: cells on each side that the residual of a cell depends on: 2 for MUSCL, 3 with central differences among the
    variables or for WENO5, 4 for both. basis: see :class:`Basis` (default: diagonal, largest \|U\| of the component).
    dt, dt_max: first and largest step (default: 10 explicit steps; 1,000 times what the fastest wave needs through the domain).
    growth: g. progress: called with (iteration, residual, dt). measure: what the tolerance is for, a function of (U, R), where
    the norm of all components is not the point (tails of high moments; a wave that is steady but for a drift).
    patience: the search ends where so many iterations have not lowered what the tolerance is for below FLAT times its least
    value so far (None: it goes on). max_seconds: of CPU time, after which HASTE iterations without progress are enough.

    A step that leaves the admissible states, or whose correction exceeds dU itself, is taken back and dt cut by 10.
    Returns 'ok', 'not_converged' (iterations, patience or time used up, U is the last state) or 'diverged' (no step down to 1e-6
    explicit ones helps, or the start is inadmissible).

    Between two fixed end states a travelling wave may stand anywhere: J is singular in the direction of its translation. dt
    stays finite for that reason: the steps are conservative, so that the wave's place is kept by the conserved totals. Where the
    tails do not quite reach the end states it creeps on for ever, though. pinned: the component whose total over the cells is to
    stay; what is solved is then :math:`R(U) + c\,\partial_x U = 0`, its speed c (``drift`` of the result) an unknown like U.

    Source: C. T. Kelley, D. E. Keyes, SIAM J. Numer. Anal. 35 (1998) 508, doi:10.1137/S0036142996304796;
    step control by simplified Newton iterations: P. Deuflhard, Newton Methods for Nonlinear Problems (2011), sec. 6.4;
    the moving frame: W.-J. Beyn, V. Thuemmler, SIAM J. Appl. Dyn. Syst. 3 (2004) 85, doi:10.1137/030600515, sec. 2.
    """
    if cells.boundary.kind == "periodic":
        raise ValueError("boundary='periodic' has no banded Jacobian: steady needs 'fixed' or 'outflow'")
    if U0.shape[0] != 1:
        raise ValueError(f"U0 holds {U0.shape[0]} problems; steady solves one, [1, components, cells]")
    start = time.perf_counter()
    U = U0
    if basis is None:
        size = U.abs().amax(dim=-1)[0]
        size = torch.where(size > 0, size, size.amax())[:, None].expand(-1, cells.n)
        basis = Basis(size, 1 / size)
    explicit = float(solver.max_dt(U, cells))
    crossing = explicit / solver.cfl * cells.n
    dt = 10 * explicit if dt is None else dt
    dt_max = 1e3 * crossing if dt_max is None else dt_max

    drift = 0.0

    def residual(u: Tensor) -> Tensor:
        return solver.residual(u, cells) + (drift * translation(u) if drift else 0.0)

    def translation(u: Tensor) -> Tensor:
        return central_slopes(cells.pad(u), cells.dx)[..., GHOST:-GHOST]

    def norm(r: Tensor) -> float:
        return time_scale * float((basis.resolve(r) ** 2).mean().sqrt())

    def admissible(u: Tensor) -> bool:
        return bool((solver.law.admissible(u) & torch.isfinite(u).all(dim=1)).all())

    if not admissible(U):
        return SteadyResult(U, "diverged", float("nan"), 0, time.perf_counter() - start)
    R = residual(U)
    size = norm(R)
    jacobian = BandedJacobian(U.shape[1], cells.n, half_width)
    bands = None  # of the Jacobian at U; kept when a step is taken back
    status = "not_converged"
    iterations = least_at = 0
    began = time.process_time()

    def remaining() -> float:
        return size if measure is None else measure(U, R)

    least = left = remaining()
    while left > tolerance and iterations < max_iterations:
        late = time.process_time() - began >= max_seconds
        if iterations - least_at >= min(np.inf if patience is None else patience, HASTE if late else np.inf):
            break
        iterations += 1
        if bands is None:
            bands = jacobian.evaluate(residual, U, R, basis)
        contraction = new_size = float("nan")
        before = drift
        try:
            solve = _pinning(jacobian.factorise(bands, dt), basis, translation(U), pinned)
            step, faster = solve(basis.resolve(R))
            trial = U + basis.combine(step)
            if admissible(trial):
                drift = before + faster
                new_R = residual(trial)
                new_size = norm(new_R)
                # a second Newton iteration with the same matrix, for the residual of the implicit step that the first one left
                correction, _ = solve(basis.resolve(new_R) - step / dt)
                contraction = float(correction.norm() / step.norm())
        except np.linalg.LinAlgError:  # singular for this dt: another one is tried
            pass
        if progress is not None:
            progress(iterations, new_size, dt)
        if not contraction <= WORST:
            drift = before
            dt *= 0.1
            if dt < 1e-6 * explicit:
                status = "diverged"
                break
            continue
        dt = min(dt * min(growth, max(0.1, GOOD / max(contraction, 1e-300))), dt_max)
        U, R, size, bands = trial, new_R, new_size, None
        left = remaining()
        if left < FLAT * least:
            least, least_at = left, iterations
    if left <= tolerance:
        status = "ok"
    return SteadyResult(U, status, left, iterations, time.perf_counter() - start, drift)


def _pinning(solve, basis: Basis, translation: Tensor, pinned: int | None) -> Callable[[Tensor], tuple[Tensor, float]]:
    """y -> (x, c) with (1/dt - J) x = y + c P^-1 translation, c such that the total of component ``pinned`` of P x is zero (0
    where there is none)."""
    if pinned is None:
        return lambda y: (solve(y), 0.0)

    def total(x: Tensor) -> float:
        return float(basis.combine(x)[0, pinned].sum())

    moved = solve(basis.resolve(translation))
    weight = total(moved)
    if not weight:
        raise np.linalg.LinAlgError("nothing to be pinned")

    def pinning(y: Tensor) -> tuple[Tensor, float]:
        x = solve(y)
        c = -total(x) / weight
        return x + c * moved, c

    return pinning
