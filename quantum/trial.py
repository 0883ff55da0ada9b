"""Textbook trial functions: one parameter or none, energies known by heart."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from knudsen.quantum.errors import InputError, positive
from knudsen.quantum.hamiltonian import Hamiltonian, Spins
from knudsen.quantum.particles import Harmonic, Helium, Hydrogen, distances, pair_distance


class Trial(nn.Module):
    r"""The textbook's function for each Hamiltonian, with one parameter a > 0.

    harmonic: exp(-a sum r^2), exact for a = 1/2. hydrogen: exp(-a r), exact for a = 1.
    a: its first value; None: the Hamiltonian's. The logarithm of a is optimised, so a stays positive.
    """

    def __init__(self, hamiltonian: Hamiltonian, a: float | None = None):
        super().__init__()
        kind = next((kind for kind in FORMS if isinstance(hamiltonian, kind)), None)
        if kind is None:
            raise InputError(f"wavefunction=trial: none for hamiltonian={hamiltonian.name}; choose jastrow, rbm or network")
        self.form, first = FORMS[kind]
        self.hamiltonian = hamiltonian
        self.log_a = nn.Parameter(
            torch.tensor(math.log(positive("wavefunction.a", first if a is None else a)), dtype=torch.float64)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.form(self.hamiltonian, self.log_a.exp(), x)


def _harmonic(hamiltonian: Harmonic, a: Tensor, x: Tensor) -> Tensor:
    return -a * x.flatten(1).square().sum(1)


def _hydrogen(hamiltonian: Hydrogen, a: Tensor, x: Tensor) -> Tensor:
    return -a * distances(x, hamiltonian.nuclei).flatten(1).sum(1)


def _helium(hamiltonian: Helium, a: Tensor, x: Tensor) -> Tensor:
    r = pair_distance(x)
    return -2.0 * distances(x, hamiltonian.nuclei).flatten(1).sum(1) + 0.5 * r / (1.0 + a * r)


def _neighbours(hamiltonian: Spins, a: Tensor, s: Tensor) -> Tensor:
    i, j = hamiltonian.lattice.bonds.T
    sign = 1.0 if hamiltonian.name == "tfim" else -1.0
    return sign * a * (s[:, i] * s[:, j]).sum(1)


FORMS = {Harmonic: (_harmonic, 0.4), Hydrogen: (_hydrogen, 0.8), Helium: (_helium, 0.15), Spins: (_neighbours, 0.2)}
