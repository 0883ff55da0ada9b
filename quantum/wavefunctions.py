"""One name for every kind of Hamiltonian: the textbook's trial function, Jastrow, network."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from knudsen.quantum.bosons import BosonJastrow, BosonNetwork
from knudsen.quantum.electrons import CuspOrbital, ElectronJastrow, ElectronNetwork, pade
from knudsen.quantum.errors import InputError, integer, positive
from knudsen.quantum.hamiltonian import Hamiltonian, Spins
from knudsen.quantum.lattice_networks import SpinJastrow, SpinNetwork
from knudsen.quantum.particles import H2, Harmonic, Helium, Hydrogen, Molecule, distances, pair_distance
from knudsen.quantum.spins import TFIM, Heisenberg


def _choose(table: dict[type, Any], hamiltonian: Hamiltonian, name: str) -> Any:
    for kind, entry in table.items():
        if isinstance(hamiltonian, kind):
            return entry
    raise InputError(f"wavefunction={name}: none for {type(hamiltonian).__name__}; name your own with wavefunction._target_=...")


class Trial(nn.Module):
    r"""The textbook's function of each Hamiltonian, with one parameter a > 0.

    harmonic: :math:`e^{-a \sum r^2}`, exact for a = 1/2; hydrogen: :math:`e^{-a r}`, exact for a = 1; helium:
    :math:`e^{-2 r_1 - 2 r_2 + r_{12} / (2 (1 + a r_{12}))}`; h2: a cusp-correct orbital of both nuclei for each electron, times
    the same function of :math:`r_{12}`; tfim: :math:`e^{a \sum s_i s_{i+1}}`; heisenberg: Haldane's and Shastry's state for
    a = 2, in a ring :math:`\prod |\sin(\pi (x_i - x_j) / L)|^a` over pairs of up spins (other lattices: of distances).
    a: its first value; None: the Hamiltonian's. The logarithm of a is optimised, so a stays positive.
    """

    def __init__(self, hamiltonian: Hamiltonian, a: float | None = None):
        super().__init__()
        make, first = _choose(TRIALS, hamiltonian, "trial")
        self.form = make(hamiltonian)
        a = positive("wavefunction.a", first if a is None else a)
        self.log_a = nn.Parameter(torch.tensor(math.log(a), dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return self.form(self.log_a.exp(), x)


def _gaussian(trap: Harmonic):
    return lambda a, x: -a * x.flatten(1).square().sum(1)


def _exponential(atom: Hydrogen):
    return lambda a, x: -a * distances(x, atom.nuclei).flatten(1).sum(1)


def _correlated(molecule: Molecule):
    orbital = CuspOrbital(molecule)
    return lambda a, x: orbital(distances(x, molecule.nuclei)) + pade(pair_distance(x), a)


def _neighbours(model: TFIM):
    i, j = model.lattice.bonds.T
    return lambda a, s: a * (s[:, i] * s[:, j]).sum(1)


def _repelling(model: Heisenberg):
    lattice = model.lattice
    apart = (lattice.positions[:, None] - lattice.positions).double()
    lengths = torch.tensor(lattice.shape, dtype=torch.float64)
    chord = torch.sin(math.pi * apart / lengths) * lengths / math.pi if lattice.periodic else apart
    log = torch.log(chord.square().sum(-1) + torch.eye(lattice.sites)) * 0.5  # the diagonal: log 1 = 0

    def form(a: Tensor, s: Tensor) -> Tensor:
        up = 0.5 * (1.0 + s)
        value = 0.5 * a * ((up @ log) * up).sum(1)
        return value if model.real else torch.complex(value, torch.zeros_like(value))

    return form


TRIALS = {
    Harmonic: (_gaussian, 0.4),
    Hydrogen: (_exponential, 0.8),
    Helium: (_correlated, 0.15),
    H2: (_correlated, 0.4),
    TFIM: (_neighbours, 0.2),
    Heisenberg: (_repelling, 2.0),
}


class Jastrow(nn.Module):
    """Pair correlations: Pade-Jastrow with all cusps (electrons), of every distance (spins), of pairs (bosons)."""

    def __init__(self, hamiltonian: Hamiltonian):
        super().__init__()
        table = {Molecule: ElectronJastrow, Spins: SpinJastrow, Harmonic: BosonJastrow}
        self.form = _choose(table, hamiltonian, "jastrow")(hamiltonian)

    def forward(self, x: Tensor) -> Tensor:
        return self.form(x)


class Network(nn.Module):
    """A feed-forward network with the symmetry of the Hamiltonian. widths: of its layers; seed: of its weights."""

    def __init__(self, hamiltonian: Hamiltonian, widths: list[int] | None = None, seed: int = 0):
        super().__init__()
        table = {Molecule: ElectronNetwork, Spins: SpinNetwork, Harmonic: BosonNetwork}
        kind = _choose(table, hamiltonian, "network")
        widths = WIDTHS[kind] if widths is None else widths
        if not isinstance(widths, (list, tuple)) or not widths:
            raise InputError(f"wavefunction.widths={widths}: give a list of widths, e.g. [32,32]")
        widths = [integer("wavefunction.widths", width, 1) for width in widths]
        self.form = kind(hamiltonian, widths, torch.Generator().manual_seed(seed))

    def forward(self, x: Tensor) -> Tensor:
        return self.form(x)


WIDTHS = {ElectronNetwork: [16, 16], SpinNetwork: [8, 8], BosonNetwork: [16, 16]}
