"""Stillinger-Weber energy term by term from the paper's equations 2.3 to 2.6, over explicit images; slow and plain."""

import itertools

import numpy as np
from ase.geometry import complete_cell

EPSILON, SIGMA = 2.1683, 2.0951
A, B, P, Q, RANGE, LAMBDA, GAMMA = 7.049556277, 0.6022245584, 4, 0, 1.80, 21.0, 1.20


def pair(r):
    """phi_2(r); r in units of sigma."""
    return A * (B * r**-P - r**-Q) * np.exp(1 / (r - RANGE)) if r < RANGE else 0.0


def triplet(a, b):
    """phi_3 of the angle between a and b, vectors from the atom at its vertex."""
    r, s = np.linalg.norm(a), np.linalg.norm(b)
    if r >= RANGE or s >= RANGE:
        return 0.0
    return LAMBDA * np.exp(GAMMA / (r - RANGE) + GAMMA / (s - RANGE)) * (a @ b / (r * s) + 1 / 3) ** 2


def energy(atoms) -> float:
    """Energy [eV] of a configuration whose cutoff reaches no further than `reach` cells."""
    reach = 3
    atoms = atoms.copy()
    atoms.wrap()
    cell = complete_cell(atoms.cell)
    shifts = [np.array(s) @ cell for s in itertools.product(*(range(-reach, reach + 1) if p else [0] for p in atoms.pbc))]
    images = (atoms.positions[None] + np.array(shifts)[:, None]).reshape(-1, 3)
    total = 0.0
    for position in atoms.positions:
        vectors = (images - position) / SIGMA
        distances = np.linalg.norm(vectors, axis=1)
        near = vectors[(distances > 1e-8) & (distances < RANGE)]
        total += 0.5 * sum(pair(np.linalg.norm(v)) for v in near)
        total += sum(triplet(a, b) for a, b in itertools.combinations(near, 2))
    return EPSILON * total
