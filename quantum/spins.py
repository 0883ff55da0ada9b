"""Spin models on chains and rectangles: transverse-field Ising and Heisenberg."""

from __future__ import annotations

import cmath
import itertools
import math
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from knudsen.quantum import references
from knudsen.quantum.errors import InputError, flag, integer
from knudsen.quantum.hamiltonian import Spins


class Lattice:
    """A hypercubic lattice. shape: sites along each direction; periodic: in all of them.

    bonds: [bond, 2], each site and its next in every direction; axes: [bond], the direction. A periodic direction of two sites
    has two bonds, as the sum over i of (i, i + 1) says. translations: [shift, site], the permutations that leave it as it is.
    """

    def __init__(self, shape: list[int], periodic: bool):
        self.shape, self.periodic = tuple(shape), periodic
        self.sites = math.prod(shape)
        self.positions = torch.tensor(list(itertools.product(*(range(length) for length in shape))))
        strides = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
        self._strides, self._lengths = torch.tensor(strides), torch.tensor(shape)
        bonds, axes = [], []
        for axis, length in enumerate(shape):
            step = torch.zeros(len(shape), dtype=torch.int64)
            step[axis] = 1
            first = torch.arange(self.sites)
            if not periodic:
                first = first[self.positions[:, axis] < length - 1]
            bonds.append(torch.stack([first, self._site(self.positions[first] + step)], 1))
            axes.append(torch.full((len(first),), axis))
        self.bonds, self.axes = torch.cat(bonds), torch.cat(axes)
        shifts = self.positions if periodic else self.positions[:1]
        self.translations = torch.stack([self._site(self.positions + shift) for shift in shifts])

    def _site(self, position: Tensor) -> Tensor:
        return ((position % self._lengths) * self._strides).sum(1)


def lattice(sites: Any, shape: Any, periodic: Any) -> Lattice:
    """Of the keys ``hamiltonian.sites`` or ``hamiltonian.shape``, and ``hamiltonian.periodic``."""
    flag("hamiltonian.periodic", periodic)
    if shape is None:
        return Lattice([integer("hamiltonian.sites", sites, 2)], periodic)
    if not isinstance(shape, (list, tuple)) or not 1 <= len(shape) <= 3:
        raise InputError(f"hamiltonian.shape={shape}: give the lengths of a chain or rectangle, e.g. [4,4]")
    return Lattice([integer("hamiltonian.shape", length, 2) for length in shape], periodic)


class TFIM(Spins):
    r"""The transverse-field Ising model, ferromagnetic, with Pauli matrices.

    .. math:: H = -\sum_{\langle ij \rangle} \sigma^z_i \sigma^z_j - h \sum_i \sigma^x_i

    sites: of a chain; or shape: of a rectangle. field: h >= 0; critical at 1 (infinite chain). periodic: else open.
    Moves: single flips. The ground state is positive and even.
    Source: P. Pfeuty, Ann. Phys. 57, 79 (1970), doi:10.1016/0003-4916(70)90270-8.
    """

    name = "tfim"
    unseen = 4.0  # two broken bonds
    even = True

    def __init__(self, sites: int = 12, field: float = 1.0, periodic: bool = True, shape: list[int] | None = None):
        super().__init__(lattice(sites, shape, periodic))
        if isinstance(field, bool) or not isinstance(field, (int, float)) or not 0 <= field < math.inf:
            raise InputError(f"hamiltonian.field={field}: give a number of at least 0 (-h has the same spectrum)")
        self.field = float(field)

    @cached_property
    def exact(self) -> float | None:
        return references.tfim(self)

    def start(self, chains: int, generator: torch.Generator) -> Tensor:
        return 2.0 * torch.randint(2, (chains, self.particles), generator=generator).double() - 1.0

    def propose(self, s: Tensor, scale: float, generator: torch.Generator) -> Tensor:
        site = torch.randint(self.particles, (len(s), 1), generator=generator)
        return s.scatter(1, site, -s.gather(1, site))

    def diagonal(self, s: Tensor) -> Tensor:
        i, j = self.lattice.bonds.T
        return -(s[:, i] * s[:, j]).sum(1)

    def connected(self, s: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        flips = 1.0 - 2.0 * torch.eye(self.particles, dtype=s.dtype)
        others = (s[:, None] * flips).flatten(0, 1)
        chain = torch.arange(len(s)).repeat_interleave(self.particles)
        return chain, others, torch.full((len(others),), -self.field, dtype=s.dtype)


class Heisenberg(Spins):
    r"""The antiferromagnetic Heisenberg model with Pauli matrices (four times the energy in spin operators).

    .. math:: H = \sum_{\langle ij \rangle} (\sigma^x_i \sigma^x_j + \sigma^y_i \sigma^y_j + \sigma^z_i \sigma^z_j)

    sites: of a chain; or shape: of a rectangle. periodic: else open. Sampled in the sector of least magnetisation, 0 or one spin.
    Moves: exchange of two opposite spins, half of them neighbours, half anywhere.

    Marshall's rule is a change of basis: :math:`\psi \to \psi\, e^{i \sum_d q_d x_d}`, x the sum of the positions of the up
    spins. With :math:`q_d = \pi` on bipartite lattices every off-diagonal element becomes -2 and the ground state is
    positive. A periodic direction of odd length L is frustrated: there :math:`q_d = \pi (L+1)/L`, the next momentum that fits,
    leaves :math:`-2 e^{\pm i \pi/L}`, and wavefunctions have to be complex.
    Source: W. Marshall, Proc. R. Soc. A 232, 48 (1955), doi:10.1098/rspa.1955.0200.
    """

    name = "heisenberg"
    unseen = 4.0

    def __init__(self, sites: int = 12, periodic: bool = True, shape: list[int] | None = None):
        super().__init__(lattice(sites, shape, periodic))
        self.even = self.particles % 2 == 0
        twists = [math.pi / length if periodic and length % 2 else 0.0 for length in self.lattice.shape]
        self.real = not any(twists)
        hops = torch.tensor([-2.0 * cmath.exp(1j * twist) for twist in twists], dtype=torch.complex128)
        self._hop = (hops.real if self.real else hops)[self.lattice.axes]

    @cached_property
    def exact(self) -> float | None:
        return references.heisenberg(self)

    def start(self, chains: int, generator: torch.Generator) -> Tensor:
        order = torch.rand(chains, self.particles, generator=generator).argsort(1)
        return torch.where(order < self.particles // 2, 1.0, -1.0).double()

    def propose(self, s: Tensor, scale: float, generator: torch.Generator) -> Tensor:
        chains = len(s)
        near = self.lattice.bonds[torch.randint(len(self.lattice.bonds), (chains,), generator=generator)]
        far = torch.randint(self.particles, (chains, 2), generator=generator)
        pair = torch.where(torch.rand(chains, 1, generator=generator) < 0.5, near, far)
        return s.scatter(1, pair, s.gather(1, pair.flip(1)))

    def diagonal(self, s: Tensor) -> Tensor:
        i, j = self.lattice.bonds.T
        return (s[:, i] * s[:, j]).sum(1)

    def connected(self, s: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        i, j = self.lattice.bonds.T
        chain, bond = torch.nonzero(s[:, i] != s[:, j], as_tuple=True)
        others, pair = s[chain], self.lattice.bonds[bond]
        others = others.scatter(1, pair, others.gather(1, pair.flip(1)))
        elements = self._hop[bond]
        if not self.real:  # the phase runs with the up spin: forward along the bond, or back
            elements = torch.where(s[chain, i[bond]] > 0, elements, elements.conj())
        return chain, others, elements
