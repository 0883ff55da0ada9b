"""Sampling and optimisation against known energies; tolerances are four standard errors."""

import pytest

from knudsen import quantum

QUICK = {"chains": 256, "samples": 64, "iterations": 0}


def test_gaussian_in_a_trap_has_its_energy_and_variance():
    """a/2 + 1/(8a) and (1/2 - 2 a^2)^2 / (8 a^2): 0.5125 and 0.0253125 at a = 0.4."""
    trap = quantum.Harmonic()
    result = quantum.minimise(trap, quantum.Trial(trap, 0.4), quantum.Options(**QUICK))
    assert abs(result.energy - 0.5125) < 4 * result.energy_error
    effective = result.energies.size / result.autocorrelation
    kurtosis = ((result.energies - result.energy) ** 4).mean() / result.variance**2
    assert abs(result.variance - 0.0253125) < 4 * result.variance * ((kurtosis - 1) / effective) ** 0.5
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
