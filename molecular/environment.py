"""Neighbourhoods of atoms as padded tensors, frames of any size and species batched: what a potential sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from ase import Atoms
from torch import Tensor

from molecular import neighbours
from molecular.errors import InputError

FAR = 1e3  # length of a filler's vector [A], beyond any cutoff


@dataclass(frozen=True)
class Block:
    """Neighbours of species t of all atoms of species c, of every frame.

    centre: index of each atom among all atoms [atom]; neighbour: indices [atom, place]; vectors: D = r_j - r_i [A],
    [atom, place, 3]. Places without a neighbour hold the atom itself and a vector of length `FAR`, where every potential is zero.
    """

    centre: Tensor
    neighbour: Tensor
    vectors: Tensor


@dataclass(frozen=True)
class Environment:
    """Frames one after the other. blocks[c][t]: neighbours of species t of atoms of species c.

    frame: index of each atom's frame [atom]; sizes: atoms of each frame [frame]; labels, where they are known: energy [frame],
    forces [atom, 3].
    """

    blocks: tuple[tuple[Block, ...], ...]
    frame: Tensor
    sizes: Tensor
    energy: Tensor | None = None
    forces: Tensor | None = None


def environment(atoms: Atoms, species: Sequence[str], cutoff: float, dtype: torch.dtype) -> Environment:
    """The neighbourhoods of one frame. InputError for an element that is not among `species`."""
    neighbours.check(atoms)
    symbols = np.array(list(atoms.symbols))
    if others := sorted(set(symbols) - set(species)):
        raise InputError(f"holds {', '.join(others)}, but the potential knows {', '.join(species)} only; train one that does")
    i, j, vectors = neighbours.pairs(atoms, cutoff)
    kinds = np.array([list(species).index(s) for s in symbols])
    blocks = []
    for c in range(len(species)):
        centre = np.flatnonzero(kinds == c)
        blocks.append(tuple(_block(centre, t, kinds, i, j, vectors, dtype) for t in range(len(species))))
    results = {} if atoms.calc is None else atoms.calc.results
    return Environment(
        tuple(blocks),
        torch.zeros(len(atoms), dtype=torch.long),
        torch.tensor([len(atoms)]),
        torch.tensor([float(results["energy"])], dtype=torch.float64) if "energy" in results else None,
        torch.as_tensor(np.asarray(results["forces"]), dtype=dtype) if "forces" in results else None,
    )


def _block(centre, t, kinds, i, j, vectors, dtype) -> Block:
    row = np.full(len(kinds), -1)
    row[centre] = np.arange(len(centre))
    chosen = np.flatnonzero((row[i] >= 0) & (kinds[j] == t))
    rows = row[i[chosen]]  # ascending, as i is
    counts = np.bincount(rows, minlength=len(centre))
    place = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    width = int(counts.max(initial=0))
    neighbour = np.repeat(centre[:, None], width, axis=1)
    padded = np.zeros((len(centre), width, 3))
    padded[..., 0] = FAR
    neighbour[rows, place] = j[chosen]
    padded[rows, place] = vectors[chosen]
    return Block(torch.as_tensor(centre), torch.as_tensor(neighbour), torch.as_tensor(padded, dtype=dtype))


def collate(environments: Sequence[Environment]) -> Environment:
    """Several batches as one."""
    if len(environments) == 1:
        return environments[0]
    starts = np.cumsum([0] + [len(e.frame) for e in environments])
    firsts = np.cumsum([0] + [len(e.sizes) for e in environments])
    count = len(environments[0].blocks)
    blocks = tuple(tuple(_join([e.blocks[c][t] for e in environments], starts) for t in range(count)) for c in range(count))
    labelled = all(e.energy is not None and e.forces is not None for e in environments)
    return Environment(
        blocks,
        torch.cat([e.frame + int(first) for e, first in zip(environments, firsts)]),
        torch.cat([e.sizes for e in environments]),
        torch.cat([e.energy for e in environments]) if labelled else None,
        torch.cat([e.forces for e in environments]) if labelled else None,
    )


def _join(blocks: Sequence[Block], starts) -> Block:
    width = max(b.neighbour.shape[1] for b in blocks)
    centres, indices, vectors = [], [], []
    for block, start in zip(blocks, starts):
        missing = width - block.neighbour.shape[1]
        centre = block.centre + int(start)
        centres.append(centre)
        indices.append(torch.cat([block.neighbour + int(start), centre[:, None].expand(-1, missing)], dim=1))
        filler = block.vectors.new_zeros(len(centre), missing, 3)
        filler[..., 0] = FAR
        vectors.append(torch.cat([block.vectors, filler], dim=1))
    return Block(torch.cat(centres), torch.cat(indices), torch.cat(vectors))
