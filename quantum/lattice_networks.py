"""Wavefunctions of spins: pair correlations, a feed-forward network, both with the translations of the lattice."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from knudsen.quantum.boltzmann import as_number, log_cosh
from knudsen.quantum.hamiltonian import Spins


class SpinJastrow(nn.Module):
    r"""Pair correlations of spins at any distance.

    .. math:: \log \psi = \sum_{i<j} v_{ij}\, s_i s_j

    v: one number for all pairs that a translation takes into each other; complex where the ground state is not positive.
    """

    def __init__(self, hamiltonian: Spins):
        super().__init__()
        sites, shifts = hamiltonian.lattice.sites, hamiltonian.lattice.translations
        first, second = torch.triu_indices(sites, sites, 1)
        images = torch.stack([_pair_number(shift[first], shift[second], sites) for shift in shifts])
        _, kind = torch.unique(images.min(0).values, return_inverse=True)
        self.register_buffer("kind", kind, persistent=False)
        self.register_buffer("pairs", torch.stack([first, second]), persistent=False)
        self.v = nn.Parameter(torch.zeros(1 if hamiltonian.real else 2, int(kind.max()) + 1, dtype=torch.float64))

    def forward(self, s: Tensor) -> Tensor:
        first, second = self.pairs
        v = as_number(self.v)[self.kind]
        return (s[:, first] * s[:, second]).to(v.dtype) @ v


def _pair_number(i: Tensor, j: Tensor, sites: int) -> Tensor:
    return torch.minimum(i, j) * sites + torch.maximum(i, j)


class SpinNetwork(nn.Module):
    r"""A feed-forward network, summed over the translations of the lattice.

    .. math:: \log \psi = \sum_g w \cdot h(g s), \qquad h_0 = \log\cosh(W_0\, g s), \quad h_k = \tanh(W_k h_{k-1} + b_k)

    The first layer is even in s where the ground state is, has a bias where it is not; a complex log psi is two real outputs.
    widths: of the layers; open lattices have widths[0] times sites units in the first.
    """

    def __init__(self, hamiltonian: Spins, widths: list[int], generator: torch.Generator):
        super().__init__()
        lattice = hamiltonian.lattice
        self.register_buffer("shifts", lattice.translations, persistent=False)
        first = widths[0] * (1 if len(lattice.translations) > 1 else lattice.sites)
        widths = [lattice.sites, first, *widths[1:], 1 if hamiltonian.real else 2]
        spread = [0.1, *(1.0 / math.sqrt(width) for width in widths[1:-2]), 0.1]
        self.weights = nn.ParameterList(
            size * torch.randn(inputs, outputs, generator=generator, dtype=torch.float64)
            for size, inputs, outputs in zip(spread, widths, widths[1:])
        )
        self.biases = nn.ParameterList(torch.zeros(width, dtype=torch.float64) for width in widths[1:-1])
        self.biases[0].requires_grad_(not hamiltonian.even)

    def forward(self, s: Tensor) -> Tensor:
        h = log_cosh(s[:, self.shifts] @ self.weights[0] + self.biases[0])
        for weight, bias in zip(self.weights[1:-1], self.biases[1:]):
            h = torch.tanh(h @ weight + bias)
        out = (h @ self.weights[-1]).sum(1)
        return out[:, 0] if out.shape[1] == 1 else torch.complex(out[:, 0], out[:, 1])
