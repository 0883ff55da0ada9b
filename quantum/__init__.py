"""Variational Monte Carlo: Hamiltonians, wavefunctions, Metropolis sampling, local energies, optimisers, references.

Must not know: gases, closures, potentials, experiments.

Public names: Hamiltonian, Harmonic, Hydrogen, Helium, H2, TFIM, Heisenberg; Trial, Jastrow, Network, RBM, Slater; Metropolis,
minimise, Options, Result, blocking; InputError, Diverged.
"""

from knudsen.quantum.boltzmann import RBM
from knudsen.quantum.electrons import Slater
from knudsen.quantum.errors import Diverged, InputError
from knudsen.quantum.hamiltonian import Hamiltonian
from knudsen.quantum.particles import H2, Harmonic, Helium, Hydrogen
from knudsen.quantum.sampler import Metropolis
from knudsen.quantum.spins import TFIM, Heisenberg
from knudsen.quantum.statistics import blocking
from knudsen.quantum.vmc import Options, Result, minimise
from knudsen.quantum.wavefunctions import Jastrow, Network, Trial

__all__ = [
    "H2", "RBM", "TFIM", "Diverged", "Hamiltonian", "Harmonic", "Heisenberg", "Helium", "Hydrogen", "InputError", "Jastrow",
    "Metropolis", "Network", "Options", "Result", "Slater", "Trial", "blocking", "minimise",
]  # fmt: skip
