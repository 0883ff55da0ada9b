"""Langevin dynamics with any labeler: of a potential or of the truth itself."""

from __future__ import annotations

import warnings
from typing import ClassVar

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import Calculator, all_changes
from ase.md.langevinbaoab import LangevinBAOAB
from ase.md.velocitydistribution import thermalize_momenta

from knudsen.molecular.label import Labeler

BAROSTAT = 500  # steps of its period


class LabelerCalculator(Calculator):
    """ASE's calculator of a labeler: energy eV, forces eV/A, stress eV/A^3 where there is a volume."""

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "forces", "stress"]

    def __init__(self, labeler: Labeler, **options):
        super().__init__(**options)
        self.labeler = labeler

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        label = self.labeler(self.atoms)
        self.results = {"energy": label.energy, "free_energy": label.energy, "forces": label.forces}
        if label.stress is not None:
            self.results["stress"] = label.stress


def langevin(
    atoms: Atoms, timestep: float, temperature: float, pressure: float | None, friction: float, rng: np.random.Generator
) -> LangevinBAOAB:
    """ASE's Langevin dynamics (BAOAB) of `atoms`, whose calculator is set, from Maxwellian velocities; at constant isotropic
    pressure where one is given. timestep [fs], temperature [K], pressure [GPa], friction [1/fs].

    Source: B. Leimkuhler, C. Matthews, J. Chem. Phys. 138, 174102 (2013), doi:10.1063/1.4802990.
    """
    thermalize_momenta(atoms, temperature, rng=rng)
    options = {}
    if pressure is not None:
        options = {"externalstress": -pressure * units.GPa, "hydrostatic": True, "P_tau": BAROSTAT * timestep * units.fs}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Using heuristic P_mass")
        return LangevinBAOAB(atoms, timestep * units.fs, temperature_K=temperature, T_tau=units.fs / friction, rng=rng, **options)
