"""Energies to compare with: free fermions, exact diagonalisation (SciPy), Hartree-Fock and full CI (PySCF)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.sparse

from knudsen.quantum.errors import InputError

MOST_STATES = 400_000  # of an exact diagonalisation: some ten seconds


def tfim(hamiltonian: Any) -> float | None:
    """Ground-state energy of the transverse-field Ising model: chains by free fermions, others by diagonalisation."""
    lattice = hamiltonian.lattice
    if len(lattice.shape) == 1:
        return tfim_chain(lattice.sites, hamiltonian.field, lattice.periodic)
    if 2**lattice.sites > MOST_STATES:
        return None
    return lowest(tfim_matrix(lattice.bonds.numpy(), lattice.sites, hamiltonian.field))


def tfim_chain(sites: int, field: float, periodic: bool) -> float:
    r"""-sum of the singular values of the bidiagonal matrix h on the diagonal, 1 beside it.

    Jordan-Wigner fermions: :math:`H = -i \sum_{ij} M_{ij} b_i a_j` of Majorana operators a, b. On the ring the ground state has
    even parity; its fermions are antiperiodic, M is circulant and

    .. math:: E = -\sum_m \sqrt{1 + h^2 + 2 h \cos k_m}, \qquad k_m = \pi (2m + 1 - N)/N .

    Source: E. Lieb, T. Schultz, D. Mattis, Ann. Phys. 16, 407 (1961); P. Pfeuty, Ann. Phys. 57, 79 (1970).
    """
    if periodic:
        k = math.pi * (2 * np.arange(sites) + 1 - sites) / sites
        return -float(np.sum(np.sqrt(np.maximum(1 + field**2 + 2 * field * np.cos(k), 0.0))))
    return -float(np.sum(np.linalg.svd(np.diag(np.full(sites, field)) + np.eye(sites, k=1), compute_uv=False)))


def heisenberg(hamiltonian: Any) -> float | None:
    """Ground-state energy of the Heisenberg model: by diagonalisation, or even rings of any length by Bethe's ansatz."""
    lattice = hamiltonian.lattice
    states = math.comb(lattice.sites, lattice.sites // 2)
    if len(lattice.shape) == 1 and lattice.periodic and lattice.sites % 2 == 0 and lattice.sites > 2:
        return heisenberg_ring(lattice.sites)
    return None if states > MOST_STATES else lowest(heisenberg_matrix(lattice.bonds.numpy(), lattice.sites))


def heisenberg_ring(sites: int) -> float:
    r"""Bethe's equations of the ground state, N even, by iteration.

    .. math:: N \arctan z_j = \pi I_j + \sum_k \arctan\frac{z_j - z_k}{2}, \qquad E = N - \sum_j \frac{8}{1 + z_j^2}

    Source: H. Bethe, Z. Phys. 71, 205 (1931); M. Karbach, K. Hu, G. Mueller, Comput. Phys. 12, 565 (1998), doi:10.1063/1.168740.
    """
    numbers = np.arange(sites // 2) - 0.25 * sites + 0.5
    z = np.tan(math.pi * numbers / sites)
    for _ in range(100_000):
        new = np.tan((math.pi * numbers + np.arctan(0.5 * (z[:, None] - z)).sum(1)) / sites)
        if np.max(np.abs(new - z)) < 1e-14 * np.max(np.abs(z)):
            break
        z = new
    return float(sites - np.sum(8.0 / (1.0 + new**2)))


def tfim_matrix(bonds: np.ndarray, sites: int, field: float) -> scipy.sparse.csr_matrix:
    """-sum z z - h sum x, in the basis of all 2^N states; bit i of a state's number is the spin at site i."""
    states = np.arange(2**sites)
    spins = 1 - 2 * ((states[:, None] >> np.arange(sites)) & 1)
    matrix = scipy.sparse.diags_array(-np.sum(spins[:, bonds[:, 0]] * spins[:, bonds[:, 1]], axis=1).astype(float))
    flips = [scipy.sparse.csr_array((np.full(len(states), -field), (states, states ^ (1 << i)))) for i in range(sites)]
    return sum(flips, start=matrix).tocsr()


def heisenberg_matrix(bonds: np.ndarray, sites: int) -> scipy.sparse.csr_matrix:
    """sum of x x + y y + z z without any change of basis, in the sector of least magnetisation."""
    states = np.arange(2**sites, dtype=np.int64)
    states = states[_bits(states) == sites // 2]
    rows, diagonal = np.arange(len(states)), np.zeros(len(states))
    matrix = scipy.sparse.csr_array((len(states), len(states)))
    for i, j in bonds:
        opposite = ((states >> i) ^ (states >> j)) & 1 == 1
        diagonal += np.where(opposite, -1.0, 1.0)
        columns = np.searchsorted(states, states[opposite] ^ ((1 << int(i)) | (1 << int(j))))
        matrix = matrix + scipy.sparse.csr_array((np.full(len(columns), 2.0), (rows[opposite], columns)), shape=matrix.shape)
    return (matrix + scipy.sparse.diags_array(diagonal)).tocsr()


def _bits(states: np.ndarray) -> np.ndarray:
    return np.bitwise_count(states)


def lowest(matrix: Any) -> float:
    """The lowest eigenvalue of a sparse Hermitian matrix."""
    if matrix.shape[0] <= 64:
        return float(np.linalg.eigvalsh(matrix.toarray())[0])
    start = np.random.default_rng(0).standard_normal(matrix.shape[0])
    return float(scipy.sparse.linalg.eigsh(matrix, k=1, which="SA", v0=start, tol=1e-12, return_eigenvectors=False)[0])


def mean_field(molecule: Any, basis: str) -> Any:
    """PySCF's converged restricted Hartree-Fock object of a molecule of two electrons."""
    try:
        from pyscf import gto, scf
    except ImportError:
        raise InputError("PySCF is not installed, which Hartree-Fock needs: pip install 'knudsen[dft]'") from None
    atoms = [(symbol, tuple(position)) for symbol, position in zip(molecule.symbols, molecule.nuclei.tolist())]
    try:
        made = gto.M(atom=atoms, basis=basis, unit="bohr", spin=molecule.particles % 2, verbose=0)
    except (KeyError, RuntimeError, AssertionError) as error:
        raise InputError(f"wavefunction.basis={basis}: {error}; name a basis of PySCF, e.g. cc-pvtz") from None
    solved = scf.HF(made)
    solved.conv_tol = 1e-12
    solved.kernel()
    return solved


def hartree_fock(molecule: Any, basis: str = "cc-pvtz") -> float:
    """Hartree-Fock energy in a basis [hartree]."""
    return float(mean_field(molecule, basis).e_tot)


def full_ci(molecule: Any, basis: str = "cc-pvtz") -> float:
    """Full configuration interaction: exact in the basis [hartree]."""
    from pyscf import fci

    return float(fci.FCI(mean_field(molecule, basis)).kernel()[0])
