"""Sampling and optimisation against known energies; tolerances are four standard errors."""

import pytest
import torch

from knudsen import quantum
from knudsen.quantum import references

QUICK = {"chains": 256, "samples": 64, "iterations": 0}


def test_gaussian_in_a_trap_has_its_energy_and_variance():
    """a/2 + 1/(8a) and (1/2 - 2 a^2)^2 / (8 a^2): 0.5125 and 0.0253125 at a = 0.4."""
    trap = quantum.Harmonic()
    result = quantum.minimise(trap, quantum.Trial(trap, 0.4), quantum.Options(**QUICK))
    assert abs(result.energy - 0.5125) < 4 * result.energy_error
    assert abs(result.variance - 0.0253125) < 4 * result.variance_error
    assert result.variance_error < 0.002
    assert result.warnings == []


def test_optimised_gaussian_is_the_ground_state():
    trap = quantum.Harmonic(10, 3)
    psi = quantum.Trial(trap, 0.4)
    result = quantum.minimise(trap, psi, quantum.Options(**QUICK | {"iterations": 40}))
    assert result.variance < 1e-10
    assert abs(result.energy - 15) < 1e-6


@pytest.mark.parametrize("hamiltonian", [quantum.TFIM(6), quantum.Heisenberg(6)], ids=lambda h: h.name)
def test_boltzmann_machine_finds_the_ground_state_of_a_ring(hamiltonian):
    psi = quantum.RBM(hamiltonian, density=2)
    result = quantum.minimise(hamiltonian, psi, quantum.Options(**QUICK | {"iterations": 100}))
    assert abs(result.energy - hamiltonian.exact) < 1e-3 * abs(hamiltonian.exact)
    assert result.energy > hamiltonian.exact - 4 * result.energy_error


def test_cut_run_gives_the_same_numbers(tmp_path):
    """Stopped in the optimisation and again in the measurement; bit for bit."""
    ring = quantum.TFIM(4)
    options = quantum.Options(chains=32, iterations=6, samples=6, save_every=2, thermalisation=3)

    class Stop(Exception):
        pass

    def stop_at(limit):
        def progress(fraction, state):
            if fraction >= limit:
                raise Stop

        return progress

    whole = quantum.minimise(ring, quantum.RBM(ring), options)
    for limit in (0.4, 0.8):
        with pytest.raises(Stop):
            quantum.minimise(ring, quantum.RBM(ring), options, tmp_path, progress=stop_at(limit))
        assert (tmp_path / "resume.pt").exists()
    resumed = quantum.minimise(ring, quantum.RBM(ring), options, tmp_path)
    assert (resumed.energies == whole.energies).all() and resumed.history == whole.history
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("hamiltonian", [quantum.Helium(), quantum.H2()], ids=lambda h: h.name)
def test_cusps_leave_the_local_energy_finite(hamiltonian):
    """Where particles meet 1/r cancels: close to a nucleus or to the other electron E_L stays moderate (mean of two opposite
    directions)."""
    generator = torch.Generator().manual_seed(1)
    direction = torch.nn.functional.normalize(torch.randn(64, 3, generator=generator, dtype=torch.float64), dim=1)
    elsewhere = torch.tensor([0.9, 0.3, 0.4], dtype=torch.float64).expand(64, 3)
    for psi in (quantum.Jastrow(hamiltonian), quantum.Network(hamiltonian), quantum.Trial(hamiltonian)):
        for centre in (hamiltonian.nuclei[0].expand(64, 3), elsewhere):
            pairs = [torch.stack([centre + s * 1e-4 * direction, elsewhere], 1) for s in (1, -1)]
            values = sum(hamiltonian.local_energy(psi, x) for x in pairs) / 2
            assert values.abs().max() < 20, "of 1e4 or 2e4 hartree that the potential reaches"


def test_orbitals_are_pyscfs():
    pytest.importorskip("pyscf")
    for hamiltonian, basis in ((quantum.Helium(), "cc-pvtz"), (quantum.H2(), "cc-pvtz")):
        psi = quantum.Slater(hamiltonian, basis)
        solved = references.mean_field(hamiltonian, basis)
        x = torch.randn(50, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
        expected = solved.mol.eval_gto("GTOval_sph", x.numpy()) @ solved.mo_coeff[:, 0]
        assert torch.allclose(psi.orbital(x).abs(), torch.tensor(expected).abs(), rtol=1e-6)


def test_slater_determinant_has_the_hartree_fock_energy():
    pytest.importorskip("pyscf")
    hamiltonian = quantum.H2()
    psi = quantum.Slater(hamiltonian)
    result = quantum.minimise(hamiltonian, psi, quantum.Options(**QUICK | {"chains": 1024, "samples": 40}))
    assert abs(result.energy - psi.energy) < 5 * result.energy_error
    assert result.energy_error < 0.005


def test_network_on_the_jastrow_lowers_energy_and_variance_of_helium():
    """From -2.86 (Jastrow) to below -2.900; exact -2.90372."""
    helium = quantum.Helium()
    result = quantum.minimise(helium, quantum.Network(helium, [8]), quantum.Options(**QUICK | {"iterations": 30}))
    assert helium.exact - 4 * result.energy_error < result.energy < -2.900
    assert result.variance < 0.02 < result.history["variance"][0]


SYMMETRIC = [
    (hamiltonian, kind)
    for hamiltonian in (quantum.TFIM(6), quantum.Heisenberg(shape=[2, 4]), quantum.Heisenberg(5))
    for kind in (quantum.RBM, quantum.Jastrow, quantum.Network, quantum.Trial)
]


@pytest.mark.parametrize(("hamiltonian", "kind"), SYMMETRIC, ids=lambda x: getattr(x, "name", None) or x.__name__)
def test_spin_wavefunctions_have_the_symmetry_of_the_ground_state(hamiltonian, kind):
    """Translations, and s -> -s where the ground state is even."""
    psi = kind(hamiltonian)
    with torch.no_grad():
        generator = torch.Generator().manual_seed(3)
        for p in psi.parameters():
            if p.requires_grad:
                p += 0.2 * torch.randn(p.shape, generator=generator, dtype=p.dtype)
        s = hamiltonian.start(20, generator)
        value = psi(s)
        assert value.is_complex() == (not hamiltonian.real) and value.real.std() > 1e-3
        for shift in hamiltonian.lattice.translations:
            assert torch.allclose(psi(s[:, shift]), value, atol=1e-12)
        if hamiltonian.even:
            assert torch.allclose(psi(-s), value, atol=1e-12)


def test_electrons_and_equal_nuclei_may_be_exchanged():
    molecule = quantum.H2()
    psi = quantum.Network(molecule)
    with torch.no_grad():
        for p in psi.parameters():
            p += 0.1 if p.requires_grad else 0.0
        x = molecule.start(50, torch.Generator().manual_seed(4))
        assert torch.allclose(psi(x), psi(x.flip(1)), atol=1e-12)
        assert torch.allclose(psi(x), psi(x * torch.tensor([1.0, 1.0, -1.0])), atol=1e-12)


def test_adam_finds_the_ground_state_too():
    trap = quantum.Harmonic()
    result = quantum.minimise(trap, quantum.Trial(trap, 0.4), quantum.Options(**QUICK | {"iterations": 100, "method": "adam"}))
    assert abs(result.energy - 0.5) < 1e-3


# Known traps


class Frozen(quantum.Harmonic):
    """A trap whose chains all start at its centre."""

    def start(self, chains, generator):
        return torch.zeros(chains, self.particles, self.dimensions, dtype=torch.float64)


def test_chains_that_do_not_mix_are_doubted_though_their_energy_is_below_the_exact_one():
    """exp(-0.4 x^2) has E_L = 0.4 + 0.18 x^2: chains that never leave the centre find 0.4, below the exact 0.5."""
    trap = Frozen()
    options = quantum.Options(**QUICK | {"thermalisation": 0, "step": 1e-3})
    result = quantum.minimise(trap, quantum.Trial(trap, 0.4), options)
    assert result.energy < 0.45 < trap.exact
    assert any("do not mix" in text for text in result.warnings)
    assert any("below the exact" in text for text in result.warnings)


class FirstExcited(torch.nn.Module):
    """x exp(-x^2/2): an eigenstate of the oscillator, with energy 3/2."""

    def forward(self, x):
        return x[:, 0, 0].abs().log() - 0.5 * x[:, 0, 0] ** 2


def test_no_variance_on_an_excited_state_is_told():
    trap = quantum.Harmonic()
    result = quantum.minimise(trap, FirstExcited(), quantum.Options(**QUICK))
    assert result.variance < 1e-15 and result.energy == pytest.approx(1.5)
    assert any("excited state" in text for text in result.warnings)


class Widening(torch.nn.Module):
    """exp(-a x^2) with a that may have any sign."""

    def __init__(self, a):
        super().__init__()
        self.a = torch.nn.Parameter(torch.tensor(a, dtype=torch.float64))

    def forward(self, x):
        return -self.a * x.flatten(1).square().sum(1)


@pytest.mark.parametrize("a", [-0.1, 0.0])
def test_chains_that_leave_a_free_gaussian_end_the_run(a):
    """For a <= 0 there is nothing to normalise and the chains run away."""
    with pytest.raises(quantum.Diverged, match="cannot be normalised"):
        quantum.minimise(quantum.Harmonic(), Widening(a), quantum.Options(**QUICK))


def test_rare_states_widen_the_error():
    """Deep in the ordered phase states too rare for any sample can hide energy: the error is at least that."""
    ring = quantum.TFIM(6, 0.1)
    result = quantum.minimise(ring, quantum.Trial(ring, 3.0), quantum.Options(**QUICK))
    assert result.energy_error >= 4.0 / result.energies.size
