"""Neighbourhoods of atoms as lists of pairs, frames of any size and species batched: what a potential sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from ase import Atoms
from torch import Tensor

from knudsen.molecular import neighbours
from knudsen.molecular.errors import InputError


@dataclass(frozen=True)
class Environment:
    """Frames one after the other.

    kinds: index of each atom's species [atom]; i, j, vectors: every pair within the cutoff, as i-j and as j-i, sorted by i,
    D = r_j - r_i [A], [pair, 3]; frame: index of each atom's frame [atom]; sizes: atoms of each frame [frame]; labels, where
    they are known: energy [frame], forces [atom, 3].
    """

    kinds: Tensor
    i: Tensor
    j: Tensor
    vectors: Tensor
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
    results = {} if atoms.calc is None else atoms.calc.results
    return Environment(
        torch.as_tensor(np.array([list(species).index(s) for s in symbols])),
        torch.as_tensor(i),
        torch.as_tensor(j),
        torch.as_tensor(vectors, dtype=dtype),
        torch.zeros(len(atoms), dtype=torch.long),
        torch.tensor([len(atoms)]),
        torch.tensor([float(results["energy"])], dtype=torch.float64) if "energy" in results else None,
        torch.as_tensor(np.asarray(results["forces"]), dtype=dtype) if "forces" in results else None,
    )


def collate(environments: Sequence[Environment]) -> Environment:
    """Several batches as one."""
    if len(environments) == 1:
        return environments[0]
    atoms = np.cumsum([0] + [len(e.frame) for e in environments])
    frames = np.cumsum([0] + [len(e.sizes) for e in environments])
    labelled = all(e.energy is not None and e.forces is not None for e in environments)
    return Environment(
        torch.cat([e.kinds for e in environments]),
        torch.cat([e.i + int(start) for e, start in zip(environments, atoms)]),
        torch.cat([e.j + int(start) for e, start in zip(environments, atoms)]),
        torch.cat([e.vectors for e in environments]),
        torch.cat([e.frame + int(start) for e, start in zip(environments, frames)]),
        torch.cat([e.sizes for e in environments]),
        torch.cat([e.energy for e in environments]) if labelled else None,
        torch.cat([e.forces for e in environments]) if labelled else None,
    )
