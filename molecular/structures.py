"""Structures from which exploration starts: crystals with defects, and random packings for liquids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ase import Atoms

from knudsen.molecular.errors import InputError, positive

ATTEMPTS = 20_000  # to place one atom of a random packing


def crystal(
    symbols: Sequence[str],
    basis: Sequence[Sequence[float]],
    spacegroup: int,
    cell: Sequence[float],
    repeat: Sequence[int] = (1, 1, 1),
    vacancies: int = 0,
    seed: int = 0,
) -> Atoms:
    """A crystal by its space group.

    symbols: of the inequivalent atoms; basis: their fractional coordinates; spacegroup: number of the International Tables
    (first setting); cell: a, b, c [A], alpha, beta, gamma [degrees]; repeat: conventional cells along each vector;
    vacancies: atoms taken out at random.
    """
    from ase.spacegroup import crystal as spacegroup_crystal  # brings half of scipy

    try:
        atoms = spacegroup_crystal(list(symbols), [tuple(b) for b in basis], spacegroup=spacegroup, cellpar=list(cell))
    except Exception as error:  # ASE raises many kinds for a wrong group, basis or cell
        raise InputError(f"no crystal of spacegroup={spacegroup}, cell={cell} ({error}); correct them") from error
    atoms *= tuple(repeat)
    if not 0 <= vacancies < len(atoms):
        raise InputError(f"vacancies={vacancies}: give an integer from 0 to {len(atoms) - 1}")
    removed = np.random.default_rng(seed).permutation(len(atoms))[:vacancies]
    del atoms[sorted(removed.tolist())]
    return Atoms(atoms.symbols, atoms.positions, cell=atoms.cell, pbc=True)


def random_packing(counts: Mapping[str, int], volume: float, closest: float, seed: int = 0) -> Atoms:
    """Atoms at random in a cube, none nearer than `closest` [A]: a liquid, once it has been heated.

    counts: atoms of each symbol; volume: per atom [A^3]. InputError where so many do not fit.
    """
    symbols = [symbol for symbol, count in counts.items() for _ in range(count)]
    length = (len(symbols) * positive("volume", volume)) ** (1 / 3)
    rng = np.random.default_rng(seed)
    placed = np.empty((0, 3))
    for _ in range(ATTEMPTS):
        if len(placed) == len(symbols):
            break
        trial = length * rng.random((1, 3))
        apart = trial - placed
        if not len(placed) or np.linalg.norm(apart - length * np.round(apart / length), axis=1).min() >= closest:
            placed = np.concatenate([placed, trial])
    if len(placed) < len(symbols):
        raise InputError(f"closest={closest}: {len(symbols)} atoms do not fit with volume={volume} each; lower it")
    return Atoms(symbols, placed, cell=[length] * 3, pbc=True)


KINDS = {"crystal": crystal, "random": random_packing}


def structures(descriptions: Mapping[str, Mapping[str, Any]], key: str = "system.structures") -> dict[str, Atoms]:
    """Structures by name from {name: {kind: crystal | random, its arguments}}. InputError names the key."""
    if not isinstance(descriptions, Mapping) or not descriptions:
        raise InputError(f"{key}={descriptions}: give structures by name, e.g. system=silicon")
    made = {}
    for name, description in descriptions.items():
        options = dict(description) if isinstance(description, Mapping) else {}
        kind = options.pop("kind", None)
        if kind not in KINDS:
            raise InputError(f"{key}.{name}.kind={kind}: give one of {', '.join(KINDS)}")
        try:
            made[name] = KINDS[kind](**options)
        except TypeError as error:
            raise InputError(f"{key}.{name}: cannot take these values ({error})") from error
        except InputError as error:
            raise InputError(f"{key}.{name}: {error}") from error
    return made
