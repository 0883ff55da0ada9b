"""Labels from electronic structure, with periodic boundary conditions: Kohn-Sham DFT (GPAW, PySCF) and tight binding (tblite).

Each labeler builds its engine anew for every configuration, so that a label depends on nothing but the request.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.stress import full_3x3_to_voigt_6_stress

from knudsen.molecular.errors import InputError, positive
from knudsen.molecular.label import AseLabeler, Label, finite


def _needs(package: str, name: str, remedy: str) -> None:
    if find_spec(package) is None:
        raise InputError(f"labeler={name}: needs the package {package}, which is not installed: {remedy}")


def _periodic(atoms: Atoms, name: str) -> None:
    if not atoms.pbc.all() or atoms.cell.rank != 3:
        raise InputError(f"labeler={name} takes configurations with a cell that is periodic in three directions; give one")


def k_points(atoms: Atoms, spacing: float) -> tuple[int, int, int]:
    r"""Points along each reciprocal vector, :math:`n_i = \lceil |b_i| / \Delta k \rceil`, b with 2 pi; spacing: Delta k [1/A]."""
    lengths = 2 * math.pi * np.linalg.norm(atoms.cell.reciprocal(), axis=1)
    return tuple(max(1, math.ceil(length / spacing - 1e-9)) for length in lengths)


@dataclass(frozen=True)
class GpawLabeler:
    """Kohn-Sham DFT in plane waves with projector augmented waves.

    cutoff: of the plane waves [eV]; xc: functional, e.g. LDA, PBE; spacing: of k-points, grid with the origin [1/A];
    smearing: width of Fermi's distribution [eV]; energies are free energies, of which forces and stress are the derivatives.
    tolerance: largest change of the energy in the last iterations [eV per valence electron].

    Source: J. J. Mortensen et al., J. Chem. Phys. 160, 092503 (2024), doi:10.1063/5.0182685.
    """

    cutoff: float = 340.0
    xc: str = "PBE"
    spacing: float = 0.6
    smearing: float = 0.1
    tolerance: float = 1e-5

    def __post_init__(self) -> None:
        for name in ("cutoff", "spacing", "smearing", "tolerance"):
            positive(f"labeler.{name}", getattr(self, name))
        _needs("gpaw", "gpaw", "see docs/dft.md, or take labeler=pyscf")

    def __call__(self, atoms: Atoms) -> Label:
        from gpaw import GPAW, PW, FermiDirac

        _periodic(atoms, "gpaw")
        calculator = GPAW(
            mode=PW(self.cutoff),
            xc=self.xc,
            kpts={"size": k_points(atoms, self.spacing), "gamma": True},
            occupations=FermiDirac(self.smearing),
            convergence={"energy": self.tolerance},
            symmetry="off",
            txt=None,
        )
        return AseLabeler(calculator)(atoms)


@dataclass(frozen=True)
class PyscfLabeler:
    """Kohn-Sham DFT with Gaussian orbitals and norm-conserving pseudopotentials (Goedecker-Teter-Hutter) on a plane-wave grid.

    basis, pseudo: names of PySCF; xc: functional of libxc; cutoff: of the grid [eV]; spacing, smearing: as of `GpawLabeler`
    (smearing 0: closed shells); tolerance: of the self-consistent energy [eV]; stress: also its six numbers, at about
    the cost of the forces.

    Source: Q. Sun et al., J. Chem. Phys. 153, 024109 (2020), doi:10.1063/5.0006074.
    """

    basis: str = "gth-dzvp"
    pseudo: str = "gth-pbe"
    xc: str = "pbe"
    cutoff: float = 1000.0
    spacing: float = 0.6
    smearing: float = 0.1
    tolerance: float = 1e-7
    stress: bool = True

    def __post_init__(self) -> None:
        for name in ("cutoff", "spacing", "tolerance"):
            positive(f"labeler.{name}", getattr(self, name))
        if self.smearing != 0:
            positive("labeler.smearing", self.smearing)
        _needs("pyscf", "pyscf", "pip install 'knudsen[dft]'")

    def __call__(self, atoms: Atoms) -> Label:
        _periodic(atoms, "pyscf")
        try:
            return finite(self._label(atoms))
        except InputError:
            raise
        except Exception as error:  # whatever the engine raises, the configuration has no label
            raise InputError(f"pyscf gives no energy and forces ({type(error).__name__}: {error})") from error

    def _label(self, atoms: Atoms) -> Label:
        from pyscf.pbc import dft, gto

        cell = gto.Cell(
            atom=list(zip(atoms.symbols, atoms.positions / units.Bohr)), a=atoms.cell.array / units.Bohr, unit="Bohr", verbose=0,
            basis=self.basis, pseudo=self.pseudo, ke_cutoff=self.cutoff / units.Hartree, max_memory=8000,
        )  # fmt: skip
        cell.build(dump_input=False, parse_arg=False)
        field = dft.KRKS(cell, cell.make_kpts(k_points(atoms, self.spacing)), xc=self.xc)
        field.conv_tol = self.tolerance / units.Hartree
        if self.smearing:
            field = field.smearing(self.smearing / units.Hartree, method="fermi")
        field.kernel()
        if not field.converged:
            raise InputError(
                "pyscf: the self-consistent field does not converge; raise labeler.smearing or lower labeler.spacing"
            )
        energy = field.e_free if self.smearing else field.e_tot
        gradient = field.Gradients()
        forces = -np.array(gradient.kernel()) * units.Hartree / units.Bohr
        stress = None
        if self.stress:
            stress = full_3x3_to_voigt_6_stress(np.array(gradient.get_stress()) * units.Hartree / units.Bohr**3)
        return Label(float(energy) * units.Hartree, forces, stress)


@dataclass(frozen=True)
class TbliteLabeler:
    """Extended tight binding, periodic: a quick stand-in for DFT, thousands of times cheaper.

    method: GFN1-xTB or GFN2-xTB; accuracy: of tblite, smaller is tighter; temperature: of the electrons [K].

    Source: C. Bannwarth et al., WIREs Comput. Mol. Sci. 11, e1493 (2021), doi:10.1002/wcms.1493.
    """

    method: str = "GFN1-xTB"
    accuracy: float = 1.0
    temperature: float = 300.0

    def __post_init__(self) -> None:
        for name in ("accuracy", "temperature"):
            positive(f"labeler.{name}", getattr(self, name))
        _needs("tblite", "tblite", "pip install 'knudsen[dft]'")

    def __call__(self, atoms: Atoms) -> Label:
        from tblite.ase import TBLite

        calculator: Any = TBLite(method=self.method, accuracy=self.accuracy, electronic_temperature=self.temperature, verbosity=0)
        return AseLabeler(calculator)(atoms)
