"""Where a closure stops being hyperbolic, and where its moments are those of no positive distribution."""

import torch
from torch import Tensor

from knudsen.closure.laws.grad import Grad13
from knudsen.closure.laws.raw import RawMomentLaw
from knudsen.closure.laws.recurrence import recurrence_from_moments
from knudsen.errors import InputError
from knudsen.solvers import Cells

COMPLEX = 1e-6  # imaginary parts below it, in units of the largest speed, are round-off


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


def least_b(law, U: Tensor) -> Tensor:
    r"""The least b_k/k of the recurrence coefficients of g (and of h), scaled by the temperature, [batch, cell].

    The moments are those of a positive distribution where it is positive, which is the same as positive Hankel determinants
    (Gautschi 2004, theorem 1.2); 1 at equilibrium. For closures that carry raw moments; others give the directional temperatures.
    """
    rho, u, T = law.fluid(U)
    if isinstance(law, RawMomentLaw):
        own = law.rescale(law.boost(U, -u), T.clamp(min=torch.finfo(U.dtype).tiny).rsqrt())
        least = _least(own[:, : law.n_g])
        return torch.minimum(least, torch.minimum(_least(own[:, law.n_g :]), own[:, law.n_g])) if law.n_h else least
    if isinstance(law, Grad13):
        T_x = law.boost(U, -u)[:, 3] / (rho * T)
        return torch.minimum(T_x, (law.gas.dims - T_x) / (law.gas.dims - 1))
    return torch.where((rho > 0) & (T > 0), 1.0, -1.0)


def _least(m: Tensor) -> Tensor:
    """Of m_0..m_{2n} (an even number of moments: without the last), [batch, cell]; -inf after the first b_k <= 0."""
    odd = m.shape[1] - (m.shape[1] + 1) % 2
    if odd < 3:
        return m[:, 0]
    _, b = recurrence_from_moments(m[:, :odd])
    b = b / torch.arange(1, b.shape[1] + 1, dtype=m.dtype)[:, None]
    return b.nan_to_num(-torch.inf).amin(1)


def grad13_state(law: Grad13, stress: Tensor, heat_flux: Tensor) -> Tensor:
    """Grad-13 at rest with rho = T = 1, sigma/p and q/(p sqrt T) [cell] -> [1, 5, cell]."""
    one = torch.ones_like(stress)
    return torch.stack((one, 0 * one, 0.5 * law.gas.dims * one, 1 + stress, heat_flux))[None]


def grad13_limit(law: Grad13, stress: float, step: float = 1e-3, most: float = 3.0) -> float | None:
    """The largest q/(p sqrt T) up to which the system is hyperbolic from q = 0 on, to ``step``; None where it is not at q = 0."""
    q = torch.arange(0, most, step, dtype=torch.float64)
    real = imaginary_part(law, grad13_state(law, torch.full_like(q, stress), q))[0] == 0
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
        if not isinstance(law, Grad13):
            raise InputError("plane=stress: sigma and q are a whole state of Grad-13 only: take closure=grad, gas=bgk_3v")
        x, y = torch.linspace(-1, 1.9, points).double(), torch.linspace(-1.5, 1.5, points).double()
        make = grad13_state
    elif plane == "mixture":
        x, y = torch.linspace(0, 8, points).double(), torch.linspace(-2, 2, points).double()
        make = lambda law, d, r: mixture(law, d, 10**r)  # noqa: E731
    else:
        raise InputError(f"plane={plane}: choose mixture or stress")
    X, Y = torch.meshgrid(x, y, indexing="ij")
    values = imaginary_part(law, make(law, X.reshape(-1), Y.reshape(-1)))
    return x, y, values.reshape(points, points)
