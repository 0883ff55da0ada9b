"""A penalty on waves that grow, for the training of HermMLC: its equations shall be well-posed in every state of the labels."""

from dataclasses import dataclass

import torch
from torch import Tensor

ROWS = 40_000  # of the labels, at which well-posedness is asked for
BATCH = 192  # of these, drawn anew for every step
WAVES = (1.0, 1e4)  # wave numbers, in 1/(eps_* sqrt T), log-uniform: beyond, what grows does so in proportion to k
MARGIN = 0.002  # of the growth rate, in k sqrt T


class Posedness:
    r"""How fast free waves grow, with the network's part of the closure at states and slopes of the labels.

    A wave :math:`e^{ik(x - st)}` on a state with frozen slopes is an eigenvector of the matrix that shifts the moments and whose
    last rows are :math:`\partial F_r/\partial U + ik\, \partial F_r/\partial(\partial_x U)`; it grows where Im s > 0. The penalty
    is the mean over rows and the sum over waves of max(0, Im s + 0.002), own frame and units of sqrt T. Its derivative is that of
    a simple eigenvalue, :math:`\delta s = l \cdot \delta M r`, with eigenvectors that are not differentiated.
    """

    def __init__(self, law, phi: Tensor, seed: int):
        self.law, self.draw = law, torch.Generator().manual_seed(seed)
        self.phi = phi[torch.randperm(len(phi), generator=self.draw)[:ROWS]]
        self.about = Linear.join([linear(law, rows.double()) for rows in self.phi.split(2000)])

    def __call__(self) -> Tensor:
        rows = torch.randint(len(self.phi), (BATCH,), generator=self.draw)
        A, C = self.last_rows(rows)
        low, high = (torch.tensor(k).log() for k in WAVES)
        k = (low + (high - low) * torch.rand(BATCH, generator=self.draw)).exp()[:, None, None]
        last, rows = self.law.gradient_rows, torch.complex(A.double(), (k * C).double())
        with torch.no_grad():
            M = torch.diag(torch.ones(C.shape[2] - 1, dtype=torch.complex128), 1).repeat(BATCH, 1, 1)
            M[:, last] = rows
            s, right = torch.linalg.eig(M)
            left = torch.linalg.inv(right)[:, :, last]  # [row, wave, last]
        s = s + torch.einsum("nwr,nru,nuw->nw", left, rows - rows.detach(), right)
        return torch.relu(s.imag + MARGIN).clamp(max=1.0).sum(1).mean()

    def last_rows(self, rows) -> tuple[Tensor, Tensor]:
        """Derivatives of the last fluxes by U, and by dU/dx in units of eps_*, each [row, r, u], at these of the states."""
        law, at = self.law, self.about.rows(rows)
        phi = self.phi[rows].clone().requires_grad_()
        out = law.correction(phi.T.unsqueeze(0))[0]
        slopes = torch.stack(
            [torch.autograd.grad(row.sum(), phi, create_graph=True)[0] for row in out], 1
        )  # [row, output, input]
        states = at.J.shape[1] - len(law.moved)
        said = torch.einsum("on,nrou->nru", out, at.by_state)
        A = at.flux + said + torch.einsum("nro,noj,nju->nru", at.by, slopes[:, :, :states], at.J[:, :states])
        return A, torch.einsum("nro,noj,nju->nru", at.by, slopes[:, :, states:], at.J[:, states:])


@dataclass
class Linear:
    """The last fluxes F_r about states, own frame, units of sqrt T_x.

    flux [row, r, u]: the rule's derivatives by U; by [row, r, output]: those by what the network says; by_state [row, r, output,
    u]: these by U; J [row, input, u]: by U, of the network's state inputs and of the variables whose slopes it sees.
    """

    flux: Tensor
    by: Tensor
    by_state: Tensor
    J: Tensor

    def rows(self, chosen) -> "Linear":
        return Linear(*(values[chosen] for values in vars(self).values()))

    @classmethod
    def join(cls, parts) -> "Linear":
        return cls(*(torch.cat(values).float() for values in zip(*(vars(part).values() for part in parts), strict=True)))


def linear(law, phi: Tensor) -> Linear:
    """About the states that inputs phi [row, input] of the network tell of."""
    rows, last, across, inputs = len(phi), list(law.gradient_rows), law.n_g + 1, law.n_g - 3
    V = torch.zeros(1, law.closing[-1] + 1, rows, dtype=torch.float64)
    V[0, 3 : law.n_g] = phi[:, :inputs].T
    V[0, across : across + law.n_h] = phi[:, inputs : inputs + law.n_h].T
    U = law.conserved(V).detach().requires_grad_()
    with torch.enable_grad():
        V = law.local_variables(U)
        states = [V[0, 3 : law.n_g]]
        if law.n_h:
            states += [V[0, across : across + 1] - V[0, 2:3], V[0, across + 1 : across + law.n_h]]
        by = (law.by_closing(V) * law.units(V).unsqueeze(1))[0]
        F = law.flux(V)[0, last]

        def by_U(values):
            return torch.stack([torch.autograd.grad(row.sum(), U, retain_graph=True)[0][0].T for row in values], 1)

        J = by_U(torch.cat([*states, V[0, law.moved]]))
        flux, by_state = by_U(F), by_U(by.flatten(0, 1) + 0 * U[0, :1]).unflatten(1, by.shape[:2])
    return Linear(flux, by.detach().permute(2, 0, 1), by_state, J)
