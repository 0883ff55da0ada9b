"""A trained potential as a labeler and as a calculator of ASE."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress

from knudsen.molecular import checkpoint
from knudsen.molecular.dynamics import LabelerCalculator
from knudsen.molecular.environment import environment
from knudsen.molecular.label import Label, finite


@dataclass(frozen=True)
class PotentialLabeler:
    """Labels from a potential, one frame at a time."""

    potential: torch.nn.Module

    def __call__(self, atoms: Atoms) -> Label:
        bare = atoms.copy()  # without a calculator, so that no label is read
        potential = self.potential
        with torch.no_grad():
            energy, forces, virial = potential(environment(bare, potential.species, potential.cutoff, potential.dtype))
        stress = None
        if atoms.cell.rank == 3:
            stress = full_3x3_to_voigt_6_stress(-virial[0].double().numpy() / atoms.get_volume())
        return finite(Label(float(energy[0]), forces.double().numpy(), stress))


class PotentialCalculator(LabelerCalculator):
    """ASE's calculator of a potential: ``atoms.calc = PotentialCalculator("checkpoint.pt")``.

    potential: a file written by training, or a potential. Energy eV, forces eV/A, stress eV/A^3.
    """

    def __init__(self, potential: str | Path | torch.nn.Module, **options):
        loaded = potential if isinstance(potential, torch.nn.Module) else checkpoint.load(potential)
        super().__init__(PotentialLabeler(loaded.eval()), **options)
