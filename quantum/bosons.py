"""Wavefunctions of bosons in a trap."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from knudsen.quantum.electrons import dense
from knudsen.quantum.particles import Harmonic


class BosonJastrow(nn.Module):
    r"""A Gaussian times pair correlations, for a > 0.

    .. math:: \log \psi = -a \sum_i r_i^2 + c \sum_{i<j} \frac{r_{ij}^2}{1 + r_{ij}^2}
    """

    def __init__(self, trap: Harmonic):
        super().__init__()
        self.log_a = nn.Parameter(torch.tensor(math.log(0.4), dtype=torch.float64))
        self.c = nn.Parameter(torch.tensor(0.0, dtype=torch.float64))
        first, second = torch.triu_indices(trap.particles, trap.particles, 1)
        self.register_buffer("pairs", torch.stack([first, second]), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        value = -self.log_a.exp() * x.flatten(1).square().sum(1)
        first, second = self.pairs
        r2 = (x[:, first] - x[:, second]).square().sum(-1)
        return value + self.c * (r2 / (1.0 + r2)).sum(1)


class BosonNetwork(nn.Module):
    r"""A Gaussian times exp of a sum of one network over the particles: symmetric in them.

    .. math:: \log \psi = -a \sum_i r_i^2 + \sum_i N(x_i)

    N: tanh between layers of these widths, its last layer 0 at first: bounded, so that psi can be normalised.
    """

    def __init__(self, trap: Harmonic, widths: list[int], generator: torch.Generator):
        super().__init__()
        self.log_a = nn.Parameter(torch.tensor(math.log(0.4), dtype=torch.float64))
        self.network = dense([trap.dimensions, *widths, 1], generator)

    def forward(self, x: Tensor) -> Tensor:
        return -self.log_a.exp() * x.flatten(1).square().sum(1) + self.network(x)[..., 0].sum(1)
