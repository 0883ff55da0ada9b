"""Change of frame for raw moments: the Galilean shift and the scaling of the velocity, exact and linear in the moments.

Knows nothing of closures, gases or grids; works on any tensor whose second dimension counts the moments.
"""

import torch
from torch import Tensor


def powers(x: Tensor, n: int) -> Tensor:
    """(1, x, ..., x^(n-1)) along a new dimension 1; x [batch, cell] -> [batch, n, cell]."""
    ladder = x.unsqueeze(1).expand(-1, n - 1, -1) if n > 1 else x.unsqueeze(1)[:, :0]
    return torch.cat((torch.ones_like(x).unsqueeze(1), ladder.cumprod(1)), 1)


def shift_moments(moments: Tensor, velocity: Tensor) -> Tensor:
    r"""Raw moments after every velocity has grown by ``velocity`` (or, with -u, seen from a frame that moves with u).

    .. math:: F_k' = \int (v + u)^k f\,dv = \sum_{j \le k} \binom{k}{j} u^{k-j} F_j

    by Pascal's triangle, n(n-1)/2 multiplications. moments [batch, n, cell], velocity [batch, cell]; same shape returned.
    *Identity* (binomial theorem).
    """
    velocity = velocity.unsqueeze(1)
    rows, current = [moments[:, :1]], moments
    for _ in range(moments.shape[1] - 1):
        current = torch.addcmul(current[:, 1:], velocity, current[:, :-1])
        rows.append(current[:, :1])
    return torch.cat(rows, 1)


def scale_moments(moments: Tensor, scale: Tensor, degree: int = 0) -> Tensor:
    r"""Raw moments after every velocity has been multiplied by ``scale``: F_k -> s^(k + degree) F_k.

    moments [batch, n, cell], scale [batch, cell]. ``degree`` = 2 for moments of the transverse energy density h.
    """
    table = powers(scale, moments.shape[1])
    return moments * table if degree == 0 else moments * table * scale.unsqueeze(1) ** degree


def boost_fluid(U: Tensor, velocity: Tensor) -> Tensor:
    """States [batch, component, cell] after every velocity has grown by ``velocity`` [batch, cell].

    The components are rho, m, E, and others that are counted in the gas's own frame.
    """
    rho, m, E = U[:, 0], U[:, 1], U[:, 2]
    fluid = torch.stack((rho, m + velocity * rho, E + velocity * m + 0.5 * velocity**2 * rho), 1)
    return torch.cat((fluid, U[:, 3:]), 1)
