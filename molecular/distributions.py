"""Radial and angular distribution functions of configurations, and their statistical error from blocks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from knudsen.molecular import neighbours


def radial_distribution(frames: Sequence[Atoms], edges: np.ndarray) -> np.ndarray:
    r"""g(r) of every frame [frame, bin]: pairs in a shell over those of an ideal gas of the same density.

    .. math:: g = \frac{V}{N^2}\, \frac{\#\{i, j: r_{ij} \in \text{shell}\}}{\frac{4\pi}{3} (r_+^3 - r_-^3)}

    edges: of the bins [A]; all periodic images count, so that they may exceed half the cell. One species, or all alike.
    """
    shells = 4 * np.pi / 3 * np.diff(edges**3)
    found = []
    for atoms in frames:
        _, _, vectors = neighbours.pairs(atoms, edges[-1])
        counts, _ = np.histogram(np.linalg.norm(vectors, axis=1), edges)
        found.append(counts / shells * atoms.get_volume() / len(atoms) ** 2)
    return np.array(found)


def angular_distribution(frames: Sequence[Atoms], edges: np.ndarray, cutoff: float) -> np.ndarray:
    """Distribution of the angles between bonds at an atom, of every frame [frame, bin], with unit integral over degrees.

    edges: of the bins [degree], 0 to 180; cutoff: longest bond [A]. Zero where no atom has two bonds.
    """
    found = []
    for atoms in frames:
        i, _, vectors = neighbours.pairs(atoms, cutoff)
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        starts = np.searchsorted(i, np.arange(len(atoms) + 1))
        angles = []
        for begin, end in zip(starts, starts[1:]):
            one, other = np.triu_indices(end - begin, 1)
            cosine = np.sum(unit[begin:end][one] * unit[begin:end][other], axis=1)
            angles.append(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
        counts, _ = np.histogram(np.concatenate(angles), edges)
        found.append(counts / max(counts.sum(), 1) / np.diff(edges))
    return np.array(found)


def block_average(values: np.ndarray, blocks: int) -> tuple[np.ndarray, np.ndarray]:
    r"""(mean, its standard error) over the first axis, whose correlated entries are averaged in `blocks` equal blocks first.

    .. math:: s^2 = \frac{1}{B (B - 1)} \sum_b (\bar y_b - \bar y)^2

    Source: H. Flyvbjerg, H. G. Petersen, J. Chem. Phys. 91, 461 (1989), doi:10.1063/1.457480.
    """
    kept = len(values) - len(values) % blocks
    means = values[:kept].reshape(blocks, -1, *values.shape[1:]).mean(1)
    return means.mean(0), means.std(0, ddof=1) / np.sqrt(blocks)
