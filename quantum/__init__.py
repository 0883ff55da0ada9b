"""Variational Monte Carlo: Hamiltonians, wavefunctions, Metropolis sampling, local energies, optimisers, references.

Must not know: gases, closures, potentials, experiments.

Public names: Harmonic, Hydrogen, Helium, H2, TFIM, Heisenberg, Hamiltonian, Trial, RBM, Metropolis, minimise, Options, Result,
blocking, InputError, Diverged.
"""

from knudsen.quantum.errors import Diverged, InputError
from knudsen.quantum.hamiltonian import Hamiltonian
from knudsen.quantum.particles import H2, Harmonic, Helium, Hydrogen
from knudsen.quantum.rbm import RBM
from knudsen.quantum.sampler import Metropolis
from knudsen.quantum.spins import TFIM, Heisenberg
from knudsen.quantum.statistics import blocking
from knudsen.quantum.trial import Trial
from knudsen.quantum.vmc import Options, Result, minimise

__all__ = [
    "H2", "RBM", "TFIM", "Diverged", "Hamiltonian", "Harmonic", "Heisenberg", "Helium", "Hydrogen", "InputError", "Metropolis",
    "Options", "Result", "Trial", "blocking", "minimise",
]  # fmt: skip
