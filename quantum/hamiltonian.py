"""What a Hamiltonian is to variational Monte Carlo, and what all in continuous space, or all of spins, share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

LogPsi = Callable[[Tensor], Tensor]  # configurations [chain, ...] -> log psi [chain], real or complex


MOVES = 4  # of each particle in a sweep
ROWS = 2048  # configurations evaluated at once: larger batches leave the cache and gain nothing


class Hamiltonian(ABC):
    r"""A Hamiltonian, its configurations x, and the moves that sample them.

    name: as on the command line. particles: particles or sites, the N of the V-score. exact: ground-state energy, None where
    nobody knows it. real: whether the ground state may be taken real and positive in the basis used. rate: a step of the
    optimisation in imaginary time that suits the gaps of its spectrum. clip: whether single local energies far out, as where
    particles meet, must be kept from steering it. unseen: energy by which a state too rare to be sampled can stand out.
    scale: first proposal scale, None for moves that have none. extent: coordinates beyond which a chain has escaped, None where
    it cannot.
    sweep: proposals that make one sweep. Every proposal is symmetric, q(x -> y) = q(y -> x).
    """

    name: str
    particles: int
    real: bool = True
    rate: float = 0.05
    clip: bool = False
    unseen: float = 0.0
    scale: float | None = None
    extent: float | None = None
    sweep: int

    @property
    @abstractmethod
    def exact(self) -> float | None: ...

    @abstractmethod
    def start(self, chains: int, generator: torch.Generator) -> Tensor:
        """Dispersed starting configurations [chain, ...]."""

    @abstractmethod
    def propose(self, x: Tensor, scale: float, generator: torch.Generator) -> Tensor:
        """One symmetric move of every chain."""

    @abstractmethod
    def local_energy(self, psi: LogPsi, x: Tensor) -> Tensor:
        r"""E(x) = (H psi)(x) / psi(x), [chain]."""


class Continuum(Hamiltonian):
    r"""Particles of unit mass in continuous space, configurations [chain, particle, dimension].

    .. math:: E(x) = -\tfrac12 \big(\nabla^2 \log|\psi| + |\nabla \log|\psi||^2\big) + V(x)

    Moves: one particle by a Gaussian, its width tuned to an acceptance of a half.
    """

    rate = 0.1
    clip = True
    scale = 1.0
    extent = 1e3

    def __init__(self, particles: int, dimensions: int):
        self.particles, self.dimensions = particles, dimensions
        self.sweep = MOVES * particles

    @abstractmethod
    def potential(self, x: Tensor) -> Tensor:
        """V(x), [chain]."""

    def start(self, chains: int, generator: torch.Generator) -> Tensor:
        shape = (chains, self.particles, self.dimensions)
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    def propose(self, x: Tensor, scale: float, generator: torch.Generator) -> Tensor:
        moved = torch.randint(self.particles, (len(x), 1, 1), generator=generator).expand(-1, 1, self.dimensions)
        return x.scatter_add(1, moved, scale * torch.randn(moved.shape, generator=generator, dtype=x.dtype))

    def local_energy(self, psi: LogPsi, x: Tensor) -> Tensor:
        return kinetic_energy(psi, x) + self.potential(x)


def kinetic_energy(psi: LogPsi, x: Tensor) -> Tensor:
    r"""-(1/2) (nabla^2 log psi + |nabla log psi|^2), [chain]; x: [chain, particle, dimension].

    The gradient by reverse mode (chains are independent, so that of the sum over them holds each one's own), and the diagonal
    of the Hessian by reverse mode again, a coordinate at a time: a third of the time of forward over reverse mode in one batch.
    """
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(psi(x).sum(), x, create_graph=True, materialize_grads=True)
        laplacian = torch.zeros(len(x), dtype=x.dtype)
        if gradient.requires_grad:  # else log psi is linear
            for k, slope in enumerate(gradient.flatten(1).unbind(1)):
                (second,) = torch.autograd.grad(slope.sum(), x, retain_graph=True, materialize_grads=True)
                laplacian += second.flatten(1)[:, k]
    return -0.5 * (laplacian + gradient.detach().flatten(1).square().sum(1))


class Spins(Hamiltonian):
    r"""Spins 1/2 on a lattice, configurations [chain, site] of +1 and -1 (eigenvalues of Pauli's sigma^z).

    .. math:: E(s) = \sum_{s'} H_{s s'}\, \psi(s') / \psi(s)

    even: whether the ground state is the same for s and -s.
    """

    even: bool

    def __init__(self, lattice):
        self.lattice = lattice
        self.particles = self.sweep = lattice.sites

    @abstractmethod
    def diagonal(self, s: Tensor) -> Tensor:
        """H_ss, [chain]."""

    @abstractmethod
    def connected(self, s: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """All s' != s with H_ss' != 0: (chain they belong to [k], s' [k, site], H_ss' [k])."""

    @torch.no_grad()
    def local_energy(self, psi: LogPsi, s: Tensor) -> Tensor:
        rows = max(1, ROWS // len(self.lattice.bonds))
        return torch.cat([self._local_energy(psi, part) for part in s.split(rows)])

    def _local_energy(self, psi: LogPsi, s: Tensor) -> Tensor:
        chain, others, elements = self.connected(s)
        ratios = torch.exp(psi(others) - psi(s)[chain])
        terms = elements * ratios
        return self.diagonal(s).to(terms.dtype).index_add(0, chain, terms)
