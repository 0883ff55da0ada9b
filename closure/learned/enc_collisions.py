r"""Collisions of Maxwell molecules as the learned moments of EncMLC see them: exact productions, through a linear decoder.

Knows the components z of an :class:`~closure.encoder.Encoder`, not networks, space or time.
"""

import torch
from torch import Tensor

from knudsen.closure.laws.maxwell import MaxwellMolecules, linear

DEGREE = 6  # of the Hermite moments whose production is that of the molecules
EXACT = 4  # degree of those that are themselves carried, where there is room: one of degree 2, two of 3, two of 4
MOST, SETTLED = 100, 1e-14  # iterations of the implicit step, and the change at which they end


class LearnedCollisions:
    r"""Rates of W = A z under collisions of Maxwell molecules in D = 2, W and z per density.

    With w = H z the Hermite moments w_{a0}, w_{a2} of the pair up to degree 6, and their production P
    (:class:`~closure.maxwell.MaxwellMolecules`, moments of higher powers of v_y taken as zero), the components change by

    .. math:: \dot z = \rho\,[J\,P(w) - \lambda\,(z - J w)], \qquad J = C H^T (H C H^T)^{-1}, \quad H J = 1 :

    whatever the components, the Hermite moments have their productions. J w are the most probable components for given w, C
    the variances of the components over the labels; what w does not see relaxes at one rate lambda, the mean loss of w_{a0},
    w_{a2} of degree 7. z itself is taken to be the most probable for given W, linear: :math:`z = C A^T (A C A^T)^{-1} W`. So

    .. math:: \dot W = \rho\,[-K W + Q(W)],

    K a constant matrix and Q quadratic. Of Hermite moments that W carries exactly (``carried``) the production is that of the
    table: stress and heat flux relax at the rates rho/2 and rho/4.

    ``relax`` solves W' = W + x (-K W' + Q(W')) by iterating on Q, K diagonalised: to round-off where that contracts, which it
    does the faster the larger x, for W' is small then.
    """

    def __init__(self, nodes, encoder):
        n_g, n_h = DEGREE + 1, DEGREE - 1
        self.molecules = MaxwellMolecules(n_g, n_h)
        He = [torch.ones_like(nodes.c), nodes.c]
        for a in range(1, n_g - 1):
            He.append(nodes.c * He[-1] - a * He[-2])
        zero = torch.zeros_like(nodes.c)
        rows = [torch.cat((one, zero)) for one in He] + [torch.cat((-one, one)) for one in He[:n_h]]
        H = torch.stack(rows) @ encoder.synthesis
        parity = torch.tensor([(-1.0) ** a for a in (*range(n_g), *range(n_h))], dtype=H.dtype)
        H = torch.where(parity[:, None] == encoder.parity_z, H, 0.0)
        self.free = list(range(2, n_g)) + [n_g + a for a in range(1, n_h)]  # w_00, w_10 do not change, w_02 = -w_20
        self.H, self.degree = H[self.free], torch.tensor([*range(2, n_g), *range(3, n_h + 2)])
        spread = encoder.variance[:, None] * self.H.T
        self.J = spread @ torch.linalg.pinv(self.H @ spread)  # zero before components are fitted
        loss = linear(DEGREE + 1)
        self.rate = 0.5 * float(loss[0, 0] + loss[1, 1])
        self.variance, self.parity_z, self.parity_W = encoder.variance, encoder.parity_z, encoder.parity_W

    def carried(self, even: int, odd: int) -> tuple[Tensor, Tensor]:
        """Orthonormal columns [R_even, even], [R_odd, odd] of A^T: Hermite moments up to degree ``EXACT``, then the principal
        components of what these leave of z."""
        parts = []
        for sign, count in ((1.0, even), (-1.0, odd)):
            rows = self.parity_z == sign
            chosen = (self.degree <= EXACT) & ((-1.0) ** self.degree == sign)
            known = torch.linalg.qr(self.H[chosen][:, rows].T)[0][:, :count]
            rest = torch.eye(int(rows.sum()), dtype=known.dtype) - known @ known.T
            vectors = torch.linalg.eigh(rest * self.variance[rows] @ rest)[1].flip(1)[:, : count - known.shape[1]]
            parts.append(torch.linalg.qr(torch.cat((known, vectors), 1))[0])
        return parts[0], parts[1]

    def see(self, A: Tensor) -> None:
        """Takes the moments W = A z."""
        spread = self.variance[:, None] * A.T
        seen = self.H @ spread @ torch.linalg.inv(A @ spread)  # w of W
        back = A @ self.J
        self.to_w = torch.zeros(len(self.molecules.hermite), len(A), dtype=A.dtype)
        self.to_w[self.free] = seen
        self.to_w[self.molecules.n_g] = -self.to_w[2]
        self.back = torch.zeros_like(self.to_w).T.contiguous()
        self.back[:, self.free] = back
        rest = torch.eye(len(A), dtype=A.dtype) - back @ seen
        w0 = torch.zeros(1, len(self.to_w), 1, dtype=A.dtype)
        self.linear = torch.autograd.functional.jacobian(self.molecules.production, w0)[0, :, 0, 0, :, 0]
        self.K = self.rate * rest - self.back @ self.linear @ self.to_w
        parity = self.parity_W
        self.K = torch.where(parity[:, None] == parity, self.K, 0.0)
        self.rates, self.vectors = torch.linalg.eig(self.K)
        self.inverse = torch.linalg.inv(self.vectors)

    def quadratic(self, W: Tensor) -> Tensor:
        """Q(W), [batch, M, cell]."""
        w = torch.einsum("wm,bmn->bwn", self.to_w, W)
        Q = self.molecules.production(w) - torch.einsum("vw,bwn->bvn", self.linear, w)
        return torch.einsum("mw,bwn->bmn", self.back, Q)

    def production(self, W: Tensor) -> Tensor:
        """dW/dt per density."""
        return self.quadratic(W) - torch.einsum("ij,bjn->bin", self.K, W)

    def relax(self, W: Tensor, x: Tensor) -> Tensor:
        """The W' that solves W' = W + x production(W'), x = rho tau/eps [batch, cell]."""
        damping = 1 / (1 + x.unsqueeze(1) * self.rates[:, None])

        def resolvent(right):
            own = torch.einsum("ij,bjn->bin", self.inverse, right.to(damping.dtype))
            return torch.einsum("ij,bjn->bin", self.vectors, damping * own).real

        new = resolvent(W)
        for _ in range(MOST):
            last, new = new, resolvent(W + x.unsqueeze(1) * self.quadratic(new))
            if (new - last).abs().max() <= SETTLED * W.abs().max():
                break
        return new
