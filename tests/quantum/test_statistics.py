"""Errors of correlated series against an autoregressive process, whose autocorrelation and error are known."""

import numpy as np
import pytest

from knudsen.quantum import statistics


def autoregressive(memory: float, length: int, chains: int, seed: int = 0) -> np.ndarray:
    """x_t = memory x_(t-1) + noise, variance 1, stationary: tau = (1 + memory)/(1 - memory)."""
    rng = np.random.default_rng(seed)
    series = np.empty((length, chains))
    series[0] = rng.standard_normal(chains)
    for t in range(1, length):
        series[t] = memory * series[t - 1] + np.sqrt(1 - memory**2) * rng.standard_normal(chains)
    return series


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9])
def test_autocorrelation_time_and_error_of_a_known_process(memory):
    series = autoregressive(memory, 1024, 200)
    tau = (1 + memory) / (1 - memory)
    assert statistics.autocorrelation_time(series) == pytest.approx(tau, rel=0.05)
    assert statistics.standard_error(series) == pytest.approx(np.sqrt(tau / series.size), rel=0.1)
    lengths, errors = statistics.blocking(series)
    assert lengths[-1] == 1024 and errors[0] == pytest.approx(np.sqrt(1 / series.size), rel=0.02)


def test_chains_that_disagree_are_found():
    mixed = autoregressive(0.5, 200, 50)
    assert statistics.r_hat(mixed) < 1.01
    assert statistics.r_hat(mixed + np.linspace(0, 3, 50)) > 1.2
    assert statistics.r_hat(mixed + np.linspace(0, 3, 200)[:, None]) > 1.2  # a drift common to all


def test_constant_series_has_no_error_and_no_doubt():
    series = np.full((64, 10), -0.5) + 1e-16 * np.arange(10)
    assert statistics.standard_error(series) < 1e-15
    assert statistics.autocorrelation_time(series) == 1.0
    assert statistics.r_hat(series) == 1.0
