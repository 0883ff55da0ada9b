"""The restricted Boltzmann machine as a wavefunction of spins."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from knudsen.quantum.errors import InputError, integer
from knudsen.quantum.hamiltonian import Spins


def log_cosh(z: Tensor) -> Tensor:
    """log cosh z, without overflow."""
    if z.is_complex():
        z = torch.where(z.real < 0, -z, z)
        return z + torch.log1p(torch.exp(-2.0 * z)) - math.log(2.0)
    return F.softplus(2.0 * z) - z - math.log(2.0)


def sum_log_cosh(z: Tensor) -> Tensor:
    """The sum of log cosh z over the last axis."""
    if torch.is_grad_enabled() or z.shape[-1] > 1000:
        return log_cosh(z).sum(-1)
    z = torch.where(z.real < 0, -z, z) if z.is_complex() else z.abs()
    # one logarithm for all, which is most of the time; the product is at most 2^n
    return z.sum(-1) + torch.exp(-2.0 * z).add_(1.0).prod(-1).log() - math.log(2.0) * z.shape[-1]


class RBM(nn.Module):
    r"""A restricted Boltzmann machine with the symmetry of the lattice, summed over its hidden units.

    .. math:: \log \psi(s) = \sum_{f, g} \log\cosh\Big(b_f + \sum_i W_{f i}\, s_{g(i)}\Big)

    f: `density` filters; g: the lattice's translations (open lattices: the identity, with density times sites filters).
    There are density times sites hidden units; None: 128 / sites on periodic lattices (2 to 8), 32 / sites on open ones (1 to 4).
    Biases only where the ground state is not even; complex where it is not positive.
    spread: standard deviation of the first weights.
    Source: G. Carleo, M. Troyer, Science 355, 602 (2017), doi:10.1126/science.aag2302.
    """

    def __init__(self, hamiltonian: Spins, density: int | None = None, spread: float = 0.05, seed: int = 0):
        super().__init__()
        if not isinstance(hamiltonian, Spins):
            raise InputError(f"wavefunction=rbm: is for spins; {hamiltonian.name} has none: choose trial, jastrow or network")
        generator = torch.Generator().manual_seed(seed)
        shifts, sites = hamiltonian.lattice.translations, hamiltonian.lattice.sites
        if density is None:  # about as many parameters for every size
            density = min(max(128 // sites, 2), 8) if len(shifts) > 1 else min(max(32 // sites, 1), 4)
        integer("wavefunction.density", density, 1)
        filters = density if len(shifts) > 1 else density * sites
        self.register_buffer("shifts", shifts, persistent=False)
        parts = 1 if hamiltonian.real else 2
        self.weight = nn.Parameter(spread * torch.randn(parts, filters, sites, generator=generator, dtype=torch.float64))
        self.bias = None if hamiltonian.even else nn.Parameter(torch.zeros(parts, filters, 1, dtype=torch.float64))

    def forward(self, s: Tensor) -> Tensor:
        weight = as_number(self.weight)[:, self.shifts].flatten(0, 1)  # [filter * shift, site]
        angle = s.to(weight.dtype) @ weight.T
        if self.bias is not None:
            angle = angle + as_number(self.bias).expand(-1, len(self.shifts)).flatten()
        return sum_log_cosh(angle)


def as_number(parts: Tensor) -> Tensor:
    """[1, ...] real, [2, ...] real and imaginary parts."""
    return parts[0] if len(parts) == 1 else torch.complex(parts[0], parts[1])
