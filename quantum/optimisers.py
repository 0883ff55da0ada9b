"""From labelled samples to the next parameters: stochastic reconfiguration and Adam."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

ROWS = 4096  # samples whose derivatives are taken at once


def log_derivatives(psi: nn.Module, x: Tensor) -> Tensor:
    """O_k(x) = d log psi / d theta_k, [sample, parameter], complex where log psi is."""
    parameters = {name: p.detach() for name, p in psi.named_parameters() if p.requires_grad}
    fixed = {name: p.detach() for name, p in psi.named_parameters() if not p.requires_grad}

    def real(theta: dict[str, Tensor], one: Tensor) -> Tensor:
        return torch.func.functional_call(psi, theta | fixed, (one[None],))[0].real

    def imaginary(theta: dict[str, Tensor], one: Tensor) -> Tensor:
        return torch.func.functional_call(psi, theta | fixed, (one[None],))[0].imag

    def jacobian(part: Any) -> Tensor:
        rows = []
        for some in x.split(ROWS):
            gradients = torch.func.vmap(torch.func.grad(part), in_dims=(None, 0))(parameters, some)
            rows.append(torch.cat([g.reshape(len(some), -1) for g in gradients.values()], 1))
        return torch.cat(rows)

    with torch.no_grad():
        is_complex = psi(x[:1]).is_complex()
    return torch.complex(jacobian(real), jacobian(imaginary)) if is_complex else jacobian(real)


def clipped(energy: Tensor, width: float = 5.0) -> Tensor:
    """Local energies no farther from their median than `width` mean absolute deviations: single outliers must not steer."""
    middle = energy.real.median()
    deviation = (energy.real - middle).abs().mean()
    real = energy.real.clamp(middle - width * deviation, middle + width * deviation)
    if not energy.is_complex():
        return real
    return torch.complex(real, energy.imag.clamp(-width * deviation, width * deviation))


def _centred(derivatives: Tensor, energy: Tensor) -> tuple[Tensor, Tensor]:
    """Deviations from the means over sqrt(n), complex ones as twice as many real rows."""
    o, e = derivatives - derivatives.mean(0), energy - energy.mean()
    if o.is_complex():
        o, e = torch.cat([o.real, o.imag]), torch.cat([e.real, e.imag if e.is_complex() else torch.zeros_like(e)])
    elif e.is_complex():
        e = e.real
    return o / len(energy) ** 0.5, e / len(energy) ** 0.5


class StochasticReconfiguration:
    r"""Imaginary time evolution projected on the family of wavefunctions, damped and with memory.

    .. math:: \theta_{t+1} = \theta_t - \eta\, \phi_t, \qquad \phi_t = \mu \phi_{t-1} + (S + \lambda)^{-1} (F - \mu S \phi_{t-1}),

    :math:`S = \mathrm{Re} \langle \bar O^\dagger \bar O \rangle`, :math:`F = \mathrm{Re} \langle \bar O^\dagger \bar E \rangle`,
    bars for deviations from the mean; :math:`\lambda` in units of the mean diagonal element of S. Solved among parameters or
    among samples, whichever are fewer. A step whose length :math:`\sqrt{\delta^T S\, \delta}` (of the state, Fubini-Study)
    exceeds `trust` is shortened to it.

    rate: eta, in inverse energies; shift: lambda; momentum: mu, 0 for plain reconfiguration.
    Source: S. Sorella, Phys. Rev. Lett. 80, 4558 (1998); memory: G. Goldshlager, N. Abrahamsen, L. Lin, J. Comput. Phys. 516,
    113351 (2024).
    """

    def __init__(self, rate: float = 0.05, shift: float = 1e-3, momentum: float = 0.0, trust: float = 0.1):
        self.rate, self.shift, self.momentum, self.trust = rate, shift, momentum, trust
        self.last: Tensor | None = None

    def step(self, derivatives: Tensor, energy: Tensor, fraction: float) -> Tensor:
        """Change of the parameters, [parameter]. fraction: of the rate, for a schedule."""
        o, e = _centred(derivatives, energy)
        last = torch.zeros(o.shape[1], dtype=o.dtype) if self.last is None else self.last
        rest = e - self.momentum * (o @ last)
        ridge = self.shift * o.square().sum() / o.shape[1] + 1e-300
        if o.shape[1] <= o.shape[0]:
            matrix = o.T @ o
            matrix.diagonal().add_(ridge)
            found = _solve(matrix, o.T @ rest)
        else:
            matrix = o @ o.T
            matrix.diagonal().add_(ridge)
            found = o.T @ _solve(matrix, rest)
        self.last = self.momentum * last + found
        change = -fraction * self.rate * self.last
        length = torch.linalg.vector_norm(o @ change).item()
        return change * min(1.0, self.trust / length) if length > 0 else change

    def state(self) -> dict[str, Any]:
        return {"last": self.last}

    def restore(self, state: dict[str, Any]) -> None:
        self.last = state["last"]


def _solve(matrix: Tensor, right: Tensor) -> Tensor:
    """Of a positive definite matrix."""
    return torch.cholesky_solve(right[:, None], torch.linalg.cholesky(matrix))[:, 0]


class Adam:
    """Adam on the gradient 2 F. rate: of the first step, in parameters. Source: D. Kingma, J. Ba, arXiv:1412.6980."""

    def __init__(self, rate: float = 0.01, decay: tuple[float, float] = (0.9, 0.999), epsilon: float = 1e-8):
        self.rate, self.decay, self.epsilon = rate, decay, epsilon
        self.count = 0
        self.moments: list[Tensor] | None = None

    def step(self, derivatives: Tensor, energy: Tensor, fraction: float) -> Tensor:
        """Change of the parameters, [parameter]."""
        o, e = _centred(derivatives, energy)
        gradient = 2.0 * (o.T @ e)
        self.moments = self.moments or [torch.zeros_like(gradient), torch.zeros_like(gradient)]
        self.count += 1
        first, second = (m.mul_(b).add_((1 - b) * g) for m, b, g in zip(self.moments, self.decay, (gradient, gradient**2)))
        first, second = first / (1 - self.decay[0] ** self.count), second / (1 - self.decay[1] ** self.count)
        return -fraction * self.rate * first / (second.sqrt() + self.epsilon)

    def state(self) -> dict[str, Any]:
        return {"count": self.count, "moments": self.moments}

    def restore(self, state: dict[str, Any]) -> None:
        self.count, self.moments = state["count"], state["moments"]


@torch.no_grad()
def move(psi: nn.Module, change: Tensor) -> None:
    """Add `change` to the parameters that are optimised."""
    start = 0
    for p in psi.parameters():
        if p.requires_grad:
            p += change[start : start + p.numel()].view_as(p)
            start += p.numel()
