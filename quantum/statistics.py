"""What a Markov chain's numbers are worth: autocorrelation, error by blocking, agreement between chains.

series: [time, chain] throughout.
"""

from __future__ import annotations

import numpy as np


def autocorrelation_time(series: np.ndarray) -> float:
    r"""Integrated autocorrelation time in units of the series' own steps, 1 for independent samples.

    .. math:: \tau = 1 + 2 \sum_{t=1}^{W} \rho(t), \qquad W \ge 5 \tau

    rho: about the mean of all chains, averaged over them; W: the smallest window that satisfies the condition.
    A series shorter than some 50 tau underestimates it.
    Source: A. Sokal, in Functional Integration (1997), section 3.
    """
    length = len(series)
    deviation = series - series.mean()
    variance = np.mean(deviation**2)
    if length < 2 or variance <= _round_off(series):
        return 1.0
    spectrum = np.abs(np.fft.rfft(deviation, 2 * length, axis=0)) ** 2
    covariance = np.fft.irfft(spectrum.mean(1))[:length] / (length - np.arange(length))
    tau = 2.0 * np.cumsum(covariance / covariance[0]) - 1.0
    enough = np.arange(length) >= 5.0 * tau
    return float(max(tau[np.argmax(enough)] if enough.any() else tau.max(), 1.0))


def blocking(series: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(block lengths 1, 2, 4, ..., the standard error of the mean from blocks of that length).

    It grows with the length until blocks are independent. Chains are independent of each other; blocks do not cross them.
    Source: H. Flyvbjerg, H. G. Petersen, J. Chem. Phys. 91, 461 (1989), doi:10.1063/1.457480.
    """
    lengths, errors = [], []
    blocks = np.asarray(series, float)
    while blocks.size > 1 and len(blocks) > 0:
        lengths.append(2 ** len(lengths))
        errors.append(np.sqrt(blocks.var(ddof=1) / blocks.size))
        if len(blocks) < 2:
            break
        even = len(blocks) // 2 * 2
        blocks = 0.5 * (blocks[0:even:2] + blocks[1:even:2])
    return np.array(lengths), np.array(errors)


def standard_error(series: np.ndarray) -> float:
    """The blocking error at the first block length B with B^3 > 2 n (error(B)/error(1))^4, the longest where none is.

    Source: R. M. Lee et al., Phys. Rev. E 83, 066706 (2011), doi:10.1103/PhysRevE.83.066706.
    """
    lengths, errors = blocking(series)
    if len(errors) == 0:
        return float("nan")
    if errors[0] ** 2 * series.size <= _round_off(series):
        return float(errors[0])
    enough = lengths**3 > 2 * series.size * (errors / errors[0]) ** 4
    return float(errors[np.argmax(enough)] if enough.any() else errors[-1])


def r_hat(series: np.ndarray) -> float:
    """Gelman and Rubin's ratio: the spread of all samples over that inside a chain; 1 where every chain has seen the same.

    Each chain counts as two halves, so that a common drift shows too.
    Source: A. Gelman et al., Bayesian Data Analysis (2013), 11.4.
    """
    half = len(series) // 2
    if half < 2:
        return float("nan")
    halves = np.concatenate([series[:half], series[half : 2 * half]], axis=1)
    inside = halves.var(axis=0, ddof=1).mean()
    if inside + halves.mean(0).var(ddof=1) <= _round_off(series):
        return 1.0
    return float(np.sqrt((half - 1) / half + halves.mean(0).var(ddof=1) / inside)) if inside > 0 else float("inf")


def _round_off(series: np.ndarray) -> float:
    """A variance that is nothing but round-off."""
    return (1e-12 * max(1.0, float(np.abs(series).max()))) ** 2


def v_score(energy: float, variance: float, particles: int) -> float:
    """N Var(E) / E^2 (Heisenberg and Ising models: the mean of all levels is 0). Comparable between systems; 0 for an eigenstate.

    Source: D. Wu et al., Science 386, 296 (2024), doi:10.1126/science.adg9774.
    """
    return particles * variance / energy**2
