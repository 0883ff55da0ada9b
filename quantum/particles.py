"""Hamiltonians of particles in continuous space: harmonic oscillators and the smallest atoms and molecules.

Units: hartree and bohr (oscillators: hbar omega and the oscillator length).
"""

from __future__ import annotations

import torch
from torch import Tensor

from knudsen.quantum.errors import integer, positive
from knudsen.quantum.hamiltonian import Continuum


class Harmonic(Continuum):
    r"""Particles in a harmonic trap that do not see each other: bosons, or a single one.

    .. math:: H = \sum_i \big(-\tfrac12 \nabla_i^2 + \tfrac12 r_i^2\big), \qquad E_0 = \tfrac12 N D

    particles: N; dimensions: D.
    """

    name = "harmonic"
    rate = 0.3

    def __init__(self, particles: int = 1, dimensions: int = 1):
        super().__init__(integer("hamiltonian.particles", particles, 1), integer("hamiltonian.dimensions", dimensions, 1))

    @property
    def exact(self) -> float:
        return 0.5 * self.particles * self.dimensions

    def potential(self, x: Tensor) -> Tensor:
        return 0.5 * x.flatten(1).square().sum(1)


class Molecule(Continuum):
    r"""Electrons about fixed nuclei, in the Born-Oppenheimer approximation.

    .. math::
        H = -\tfrac12 \sum_i \nabla_i^2 - \sum_{iA} \frac{Z_A}{r_{iA}} + \sum_{i<j} \frac1{r_{ij}}
            + \sum_{A<B} \frac{Z_A Z_B}{R_{AB}}

    nuclei: [nucleus, 3]; charges: Z, [nucleus]; electrons: one, or two of opposite spin, whose ground state has no nodes.
    """

    def __init__(self, symbols: list[str], nuclei: list[list[float]], charges: list[float], electrons: int):
        super().__init__(electrons, 3)
        self.symbols = symbols
        self.nuclei = torch.tensor(nuclei, dtype=torch.float64)
        self.charges = torch.tensor(charges, dtype=torch.float64)
        self._repulsion = sum(
            charges[a] * charges[b] / torch.dist(self.nuclei[a], self.nuclei[b]) for a in range(len(charges)) for b in range(a)
        )

    def start(self, chains: int, generator: torch.Generator) -> Tensor:
        home = torch.stack([torch.randperm(len(self.nuclei), generator=generator) for _ in range(chains)])
        home = home[:, torch.arange(self.particles) % len(self.nuclei)]
        return self.nuclei[home] + super().start(chains, generator)

    def potential(self, x: Tensor) -> Tensor:
        value = -(self.charges / distances(x, self.nuclei)).flatten(1).sum(1) + self._repulsion
        return value + (1.0 / pair_distance(x) if self.particles == 2 else 0.0)


def distances(x: Tensor, nuclei: Tensor) -> Tensor:
    """[chain, electron, nucleus]."""
    return torch.linalg.vector_norm(x[..., None, :] - nuclei, dim=-1)


def pair_distance(x: Tensor) -> Tensor:
    """Between two electrons, [chain]."""
    return torch.linalg.vector_norm(x[:, 0] - x[:, 1], dim=-1)


class Hydrogen(Molecule):
    """The hydrogen atom; exact: -1/2 hartree, exp(-r)."""

    name = "hydrogen"
    rate = 0.5

    def __init__(self) -> None:
        super().__init__(["H"], [[0.0, 0.0, 0.0]], [1.0], 1)

    @property
    def exact(self) -> float:
        return -0.5


class Helium(Molecule):
    """The helium atom with an infinitely heavy nucleus.

    Exact: C. Schwartz, Int. J. Mod. Phys. E 15, 877 (2006), doi:10.1142/S0218301306004648 (all digits here).
    """

    name = "helium"

    def __init__(self) -> None:
        super().__init__(["He"], [[0.0, 0.0, 0.0]], [2.0], 2)

    @property
    def exact(self) -> float:
        return -2.903724377034


class H2(Molecule):
    """The hydrogen molecule with fixed nuclei. distance: R [bohr].

    Exact at R = 1.4: K. Pachucki, Phys. Rev. A 82, 032509 (2010), doi:10.1103/PhysRevA.82.032509.
    """

    name = "h2"

    def __init__(self, distance: float = 1.4):
        self.distance = positive("hamiltonian.distance", distance)
        half = 0.5 * self.distance
        super().__init__(["H", "H"], [[0.0, 0.0, -half], [0.0, 0.0, half]], [1.0, 1.0], 2)

    @property
    def exact(self) -> float | None:
        return -1.174475714220 if self.distance == 1.4 else None
