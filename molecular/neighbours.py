"""Pairs of atoms within a cutoff, with all images: any cell, any mix of periodic directions, cells smaller than the cutoff."""

from __future__ import annotations

import numpy as np
from ase import Atoms
from ase.geometry import complete_cell
from vesin import NeighborList

from knudsen.molecular.errors import InputError

FARTHEST = 1e6  # [A]
THINNEST = 0.1  # [A] between the faces of a periodic cell: thinner ones have more images than there is room for


def pairs(atoms: Atoms, cutoff: float, full: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(i, j, D): indices and vectors D = r_j - r_i (with the image's shift) [pair, 3], angstrom, |D| <= cutoff; sorted by i.

    full: every pair as i-j and as j-i; otherwise once. An atom is a neighbour of its own images.
    """
    cell = complete_cell(atoms.cell)
    found = NeighborList(cutoff=float(cutoff), full_list=full, sorted=True, n_threads=1).compute(
        atoms.positions, cell, np.asarray(atoms.pbc), "ijD"
    )
    return found[0].astype(np.int64), found[1].astype(np.int64), np.ascontiguousarray(found[2]).reshape(-1, 3)


def check(atoms: Atoms) -> None:
    """InputError where positions or cell cannot be computed with."""
    if len(atoms) == 0:
        raise InputError("has no atoms; leave it out")
    if not np.isfinite(atoms.positions).all():
        raise InputError("a position is not a finite number; correct it")
    if not np.isfinite(atoms.cell.array).all():
        raise InputError("the cell is not finite; correct it")
    if max(np.abs(atoms.positions).max(), np.abs(atoms.cell.array).max()) > FARTHEST:
        raise InputError(f"a position or cell vector is longer than {FARTHEST:g} A; correct it")
    periodic = atoms.cell.array[np.asarray(atoms.pbc)]
    if atoms.pbc.any() and not np.linalg.svd(periodic, compute_uv=False).min() > 1e-6:
        raise InputError("is periodic along vectors that span no space; give a cell, or pbc=F")
    heights = 1 / np.linalg.norm(np.linalg.pinv(periodic), axis=0) if atoms.pbc.any() else np.array([np.inf])
    if heights.min() < THINNEST:
        raise InputError(f"the cell is {heights.min():.3g} A thin; give one of at least {THINNEST:g} A")
