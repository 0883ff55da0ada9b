"""What a labeler is, and labelling many configurations."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from ase import Atoms
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.singlepoint import SinglePointCalculator
from ase.stress import full_3x3_to_voigt_6_stress

from knudsen.molecular import neighbours
from knudsen.molecular.errors import InputError


@dataclass(frozen=True)
class Label:
    """Energy [eV], forces [atom, 3] [eV/A] and stress of one configuration.

    stress: (xx, yy, zz, yz, xz, xy) [eV/A^3] = dE/d(strain) / volume, ASE's sign: negative under pressure. None without a volume.
    """

    energy: float
    forces: np.ndarray
    stress: np.ndarray | None


@runtime_checkable
class Labeler(Protocol):
    """A pure function of a configuration, one that can be pickled for an executor. InputError where it cannot label."""

    def __call__(self, atoms: Atoms) -> Label: ...


def from_gradient(atoms: Atoms, energy: float, i: np.ndarray, j: np.ndarray, vectors: np.ndarray, gradient: np.ndarray) -> Label:
    r"""The label of an energy that is a function of pair vectors.

    .. math:: F_a = \sum_{p: i_p = a} g_p - \sum_{p: j_p = a} g_p, \qquad
        \sigma = \frac1V \sum_p D_p \otimes g_p, \qquad g_p = \frac{\partial E}{\partial D_p}

    vectors, gradient: D and g, [pair, 3]. InputError where the energy is not finite: atoms on top of each other.
    """
    forces = np.empty((len(atoms), 3))
    for axis in range(3):
        forces[:, axis] = np.bincount(i, gradient[:, axis], len(atoms)) - np.bincount(j, gradient[:, axis], len(atoms))
    stress = None
    if atoms.cell.rank == 3:
        strain = vectors.T @ gradient
        stress = full_3x3_to_voigt_6_stress(0.5 * (strain + strain.T) / atoms.get_volume())
    return finite(Label(float(energy), forces, stress))


def finite(label: Label) -> Label:
    """`label`, or InputError where a number in it is not finite."""
    if not (np.isfinite(label.energy) and np.isfinite(label.forces).all()):
        raise InputError("energy or forces are not finite; are atoms on top of each other?")
    return label


@contextlib.contextmanager
def inside(folder: str | None) -> Iterator[None]:
    """Work in a folder of this process below `folder`, which is gone afterwards where it stays empty."""
    if folder is None:
        yield
        return
    own = Path(folder) / str(os.getpid())
    own.mkdir(parents=True, exist_ok=True)
    try:
        with contextlib.chdir(own):
            yield
    finally:
        for empty in (own, own.parent):
            with contextlib.suppress(OSError):
                empty.rmdir()


@dataclass(frozen=True)
class AseLabeler:
    """Labels from an ASE calculator, which must give energy and forces; stress where it has it.

    The energy is the one that the forces are derivatives of: the free energy, of an engine that smears occupations.
    folder: where the calculator runs, so that files it writes land there; each process has its own below it. None: where it is.
    """

    calculator: Any
    folder: str | None = None

    def __call__(self, atoms: Atoms) -> Label:
        with inside(self.folder):
            return self._label(atoms.copy())

    def _label(self, atoms: Atoms) -> Label:
        name = type(self.calculator).__name__
        try:
            if hasattr(self.calculator, "reset"):
                self.calculator.reset()
            atoms.calc = self.calculator
            energy, forces = float(atoms.get_potential_energy()), np.array(atoms.get_forces(apply_constraint=False))
            energy = float(self.calculator.results.get("free_energy", energy))
        except Exception as error:  # whatever an engine raises, the configuration has no label
            why = f"{type(error).__name__}: {error}"
            raise InputError(f"{name} gives no energy and forces ({why}); choose another labeler") from error
        stress = None
        if atoms.cell.rank == 3:
            try:
                stress = np.array(atoms.get_stress(apply_constraint=False))
            except (PropertyNotImplementedError, NotImplementedError):
                pass
        return finite(Label(energy, forces, stress))


def label_one(labeler: Labeler, index: int, atoms: Atoms) -> Atoms:
    """A copy of `atoms` that carries its label; InputError names the frame."""
    try:
        neighbours.check(atoms)
        return attach(atoms, labeler(atoms))
    except InputError as error:
        raise InputError(f"frame {index}: {error}") from error


def label_frames(
    labeler: Labeler, frames: Sequence[Atoms], executor: Executor | None = None, progress: Callable[[float], None] | None = None
) -> list[Atoms]:
    """Every frame with its label, in order. executor: any of `concurrent.futures`; progress: told the fraction done."""
    mapped = map if executor is None else executor.map
    done = []
    for labelled in mapped(label_one, [labeler] * len(frames), range(len(frames)), frames):
        done.append(labelled)
        if progress is not None:
            progress(len(done) / len(frames))
    return done


def attach(atoms: Atoms, label: Label) -> Atoms:
    """A copy of `atoms`, without constraints, whose calculator holds `label`."""
    labelled = atoms.copy()
    labelled.set_constraint()
    results = {"energy": label.energy, "forces": label.forces} | ({} if label.stress is None else {"stress": label.stress})
    labelled.calc = SinglePointCalculator(labelled, **results)
    return labelled
