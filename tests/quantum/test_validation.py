"""The defaults reach published and exact energies, each run as the plain command does it: half a minute to two minutes each."""

import pytest

from knudsen import quantum

pytestmark = pytest.mark.slow

SPINS = [
    quantum.TFIM(8), quantum.TFIM(12), quantum.TFIM(20), quantum.TFIM(64), quantum.TFIM(20, 0.5), quantum.TFIM(13, 3.0, False),
    quantum.Heisenberg(12), quantum.Heisenberg(16), quantum.Heisenberg(20), quantum.Heisenberg(9), quantum.Heisenberg(11, False),
    quantum.Heisenberg(shape=[4, 4]),
]  # fmt: skip


def default_run(hamiltonian, psi, **options):
    return quantum.minimise(hamiltonian, psi, quantum.Options(**options))


@pytest.mark.parametrize("hamiltonian", SPINS, ids=lambda h: f"{h.name}-{h.lattice.shape}-{h.lattice.periodic}")
def test_boltzmann_machine_within_a_thousandth(hamiltonian):
    """Exact: Pfeuty 1970, Bethe 1931, diagonalisation."""
    result = default_run(hamiltonian, quantum.RBM(hamiltonian))
    assert hamiltonian.exact - 4 * result.energy_error < result.energy < hamiltonian.exact + 1e-3 * abs(hamiltonian.exact)


def test_ring_of_twenty_is_as_near_as_the_literature():
    """-35.604 with as many hidden units as sites; exact -35.61755."""
    ring = quantum.Heisenberg(20)
    result = default_run(ring, quantum.RBM(ring, density=1))
    assert result.energy < -35.604 + 4 * result.energy_error


def test_correlated_helium_of_the_textbook():
    """-2.878 +- 0.001 for exp(-2 r1 - 2 r2 + r12 / (2 (1 + 0.15 r12))) (Thijssen, Computational Physics, table 12.1)."""
    helium = quantum.Helium()
    result = default_run(helium, quantum.Trial(helium, 0.15), iterations=0, samples=512)
    assert abs(result.energy + 2.878) < 0.001 + 4 * result.energy_error
    assert result.energy_error < 5e-4


@pytest.mark.parametrize(("hamiltonian", "reached"), [(quantum.Helium(), -2.900), (quantum.H2(), -1.170)], ids=["helium", "h2"])
def test_network_of_electrons(hamiltonian, reached):
    """Exact -2.903724 and -1.174476 hartree."""
    result = default_run(hamiltonian, quantum.Network(hamiltonian))
    assert hamiltonian.exact - 4 * result.energy_error < result.energy < reached


@pytest.mark.parametrize("a", [0.8, 0.9])
def test_hydrogen_exponential(a):
    """a^2/2 - a; variance a^2 (1 - a)^2 (its own variance is infinite, from 1/r^4: a tolerance of a fifth)."""
    hydrogen = quantum.Hydrogen()
    result = default_run(hydrogen, quantum.Trial(hydrogen, a), iterations=0, samples=512)
    assert abs(result.energy - (a * a / 2 - a)) < 4 * result.energy_error
    assert result.variance == pytest.approx((a * (1 - a)) ** 2, rel=0.2)
