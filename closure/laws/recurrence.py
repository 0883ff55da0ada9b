r"""Moments and the three-term recurrence of their orthogonal polynomials, in both directions.

A density g >= 0 with moments m_k has monic orthogonal polynomials P_{k+1} = (x - a_k) P_k - b_k P_{k-1}. The map
(m_0..m_{2n}) <-> (m_0, a_0..a_{n-1}, b_1..b_n) is one to one, and the moments are those of a positive density exactly when all
b_k > 0: any numbers a_k and any positive b_k are a realizable state.

Sources: W. Gautschi, Orthogonal Polynomials (2004), section 2.1.7 (Chebyshev's algorithm);
Fox and Laurent, SIAM J. Appl. Math. 82 (2022) 750, doi:10.1137/20M1366009 (its use for moment closures).
"""

import torch
from torch import Tensor

# A moment vector on the edge of realizability (b_k -> 0) is read as if b_k were this small (own-frame units): the moments
# themselves are untouched, so conservation is too.
B_FLOOR = 1e-5
# Networks of recurrence coefficients are asked for |a_k| <= A_LIMIT and B_LIMIT <= b_k/k <= 1/B_LIMIT only.
A_LIMIT, B_LIMIT = 100.0, 1e-4


def recurrence_from_moments(m: Tensor) -> tuple[Tensor, Tensor]:
    """Chebyshev's algorithm: moments m_0..m_{2n} [batch, 2n+1, cell] -> a_0..a_{n-1} [batch, n, cell], b_1..b_n [batch, n, cell].

    Of an even number, m_0..m_{2n-1}, all but b_n. Not guarded: b_k <= 0 comes out as it is when the moments are not realizable.
    """
    n = (m.shape[1] - 1) // 2
    previous, current = torch.zeros_like(m), m
    a, b = [m[:, 1] / m[:, 0]], []
    for _ in range(n):
        # current holds sigma_{k, l} for l = k .. 2n-k, k steps before; one column is lost on each side per step.
        following = current[:, 2:] - a[-1].unsqueeze(1) * current[:, 1:-1]
        if b:
            following = following - b[-1].unsqueeze(1) * previous[:, 2:-2]
        b.append(following[:, 0] / current[:, 0])
        if following.shape[1] > 1:
            a.append(following[:, 1] / following[:, 0] - current[:, 1] / current[:, 0])
        previous, current = current, following
    return torch.stack(a, 1), torch.stack(b, 1)


def jacobi_powers(a: Tensor, root_b: Tensor) -> list[Tensor]:
    """J^j e_0 for j = 0..n, J the symmetric (n+1) x (n+1) Jacobi matrix: diagonal a_0..a_n, off-diagonal sqrt(b_1)..sqrt(b_n).

    a [batch, n+1, cell], root_b [batch, n, cell]; every vector [batch, n+1, cell]. With p_j = J^j e_0 the moments are
    m_{i+j} = m_0 p_i . p_j.
    """
    e = torch.zeros_like(a)
    e[:, 0] = 1.0
    vectors = [e]
    for _ in range(a.shape[1] - 1):
        vectors.append(apply_jacobi(a, root_b, vectors[-1]))
    return vectors


def apply_jacobi(a: Tensor, root_b: Tensor, p: Tensor) -> Tensor:
    """J p for the Jacobi matrix of ``jacobi_powers``; all [batch, n+1, cell] but root_b [batch, n, cell]."""
    zero = torch.zeros_like(p[:, :1])
    return a * p + torch.cat((zero, root_b * p[:, :-1]), 1) + torch.cat((root_b * p[:, 1:], zero), 1)


def expand(h: Tensor, a: Tensor, b: Tensor) -> Tensor:
    r"""Coefficients eta_k = <h, P_k> / sqrt(b_1 ... b_k) of a second density in the orthonormal polynomials of the first.

    h: its moments h_0..h_{m-1} [batch, m, cell]; a, b: the recurrence of the first (at least m-1 of each). Returns [batch,
    m, cell]. Inverse: h_j = p_j . eta with p_j of ``jacobi_powers``, j < m.
    """
    rows, previous, norm = [h[:, 0]], None, torch.ones_like(h[:, 0])
    current = h
    for k in range(1, h.shape[1]):
        following = current[:, 1:] - a[:, k - 1 : k] * current[:, :-1]
        if previous is not None:
            following = following - b[:, k - 2 : k - 1] * previous[:, :-2]
        norm = norm * b[:, k - 1]
        rows.append(following[:, 0] / norm.sqrt())
        previous, current = current, following
    return torch.stack(rows, 1)
