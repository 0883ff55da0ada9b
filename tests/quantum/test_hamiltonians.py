"""Hamiltonians and local energies against energies known in closed form and published ones."""

import itertools
import math

import numpy as np
import pytest
import torch

from knudsen import quantum
from knudsen.quantum import references
from knudsen.quantum.hamiltonian import kinetic_energy

SPINS = [
    quantum.TFIM(5, 0.7), quantum.TFIM(4, 1.3, periodic=False), quantum.TFIM(shape=[2, 3]), quantum.Heisenberg(6),
    quantum.Heisenberg(5), quantum.Heisenberg(5, periodic=False), quantum.Heisenberg(shape=[3, 3]),
    quantum.Heisenberg(shape=[2, 4]),
]  # fmt: skip


def every_state(hamiltonian):
    """All configurations of the sampled sector."""
    states = torch.tensor(list(itertools.product([1.0, -1.0], repeat=hamiltonian.particles)), dtype=torch.float64)
    return states if hamiltonian.name == "tfim" else states[(states > 0).sum(1) == hamiltonian.particles // 2]


@pytest.mark.parametrize("hamiltonian", SPINS, ids=lambda h: f"{h.name}-{h.lattice.shape}-{h.lattice.periodic}")
def test_connected_elements_are_the_hamiltonian_in_marshalls_basis(hamiltonian):
    """Hermitian, with the lowest level of the matrix built bond by bond without any change of basis."""
    states = every_state(hamiltonian)
    number = {tuple(s.tolist()): k for k, s in enumerate(states)}
    matrix = np.diag(hamiltonian.diagonal(states).numpy()).astype(complex)
    for row, other, element in zip(*(part.tolist() for part in hamiltonian.connected(states))):
        matrix[row, number[tuple(other)]] += element
    assert np.abs(matrix - matrix.conj().T).max() < 1e-14
    bonds, sites = hamiltonian.lattice.bonds.numpy(), hamiltonian.particles
    plain = (
        references.tfim_matrix(bonds, sites, hamiltonian.field)
        if hamiltonian.name == "tfim"
        else references.heisenberg_matrix(bonds, sites)
    )
    assert np.linalg.eigvalsh(matrix)[0] == pytest.approx(np.linalg.eigvalsh(plain.toarray())[0], abs=1e-12)
    if hamiltonian.real:  # Perron-Frobenius: a positive ground state
        off_diagonal = matrix - np.diag(np.diag(matrix))
        assert off_diagonal.real.max() <= 0 and np.abs(off_diagonal.imag).max() == 0


@pytest.mark.parametrize("sites", [3, 4, 6, 7])
@pytest.mark.parametrize("field", [0.0, 0.5, 1.0, 2.3])
@pytest.mark.parametrize("periodic", [True, False])
def test_free_fermions_give_the_lowest_level_of_the_ising_chain(sites, field, periodic):
    chain = quantum.TFIM(sites, field, periodic)
    matrix = references.tfim_matrix(chain.lattice.bonds.numpy(), sites, field)
    assert chain.exact == pytest.approx(np.linalg.eigvalsh(matrix.toarray())[0], abs=1e-12)


def test_critical_ising_ring():
    """E = -2 / sin(pi / 2N) (Pfeuty 1970)."""
    for sites in (8, 12, 20, 64):
        assert quantum.TFIM(sites).exact == pytest.approx(-2 / math.sin(math.pi / (2 * sites)), rel=1e-14)


def test_bethes_ansatz_agrees_with_diagonalisation():
    for sites in (4, 6, 12):
        matrix = references.heisenberg_matrix(quantum.Heisenberg(sites).lattice.bonds.numpy(), sites)
        assert quantum.Heisenberg(sites).exact == pytest.approx(references.lowest(matrix), abs=1e-11)
    assert quantum.Heisenberg(20).exact == pytest.approx(-35.617546119506, abs=1e-11)  # diagonalisation, published
    assert quantum.Heisenberg(shape=[4, 4]).exact == pytest.approx(-44.9139328, abs=1e-6)  # four times -0.7017802 a site


def test_kinetic_energy_of_a_gaussian_and_of_a_plane_exponential():
    """(-1/2) laplacian: of exp(-a r^2), a D N - 2 a^2 r^2; of exp(k x), -k^2/2."""
    x = torch.randn(64, 3, 2, dtype=torch.float64)
    r2 = x.flatten(1).square().sum(1)
    assert torch.allclose(kinetic_energy(lambda y: -0.3 * y.flatten(1).square().sum(1), x), 0.3 * 6 - 2 * 0.09 * r2)
    assert torch.allclose(kinetic_energy(lambda y: 0.7 * y[:, 0, 0], x), torch.full((64,), -0.245, dtype=torch.float64))


def test_local_energy_of_the_exact_states_is_their_energy_everywhere():
    x = torch.randn(200, 1, 3, dtype=torch.float64)
    hydrogen = quantum.Hydrogen()
    assert torch.allclose(hydrogen.local_energy(quantum.Trial(hydrogen, 1.0), x), torch.tensor(-0.5, dtype=torch.float64))
    trap = quantum.Harmonic(10, 3)
    x = torch.randn(200, 10, 3, dtype=torch.float64)
    assert torch.allclose(trap.local_energy(quantum.Trial(trap, 0.5), x), torch.tensor(15.0, dtype=torch.float64))


@pytest.mark.parametrize("make", [
    lambda: quantum.TFIM(1), lambda: quantum.TFIM(8, -1.0), lambda: quantum.TFIM(8, periodic="yes"),
    lambda: quantum.TFIM(shape=4), lambda: quantum.Heisenberg(shape=[1, 4]), lambda: quantum.H2(0.0), lambda: quantum.Harmonic(0),
])  # fmt: skip
def test_bad_values_are_named(make):
    with pytest.raises(quantum.InputError, match=r"hamiltonian\.\w+=.*: give"):
        make()
