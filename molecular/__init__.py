"""Molecular models: labelers (energies, forces, stress of atomic configurations) and data sets. Units of ASE: eV, angstrom, amu.

Must not know: kinetic, closure, solvers, experiments.

Public names: Label, Labeler, LennardJones, StillingerWeber, AseLabeler, label_frames, read_frames, write_frames, read_deepmd,
write_deepmd, split, UNITS, InputError.
"""

from molecular.data import UNITS, read_deepmd, read_frames, split, write_deepmd, write_frames
from molecular.errors import InputError
from molecular.label import AseLabeler, Label, Labeler, label_frames
from molecular.lennard_jones import LennardJones
from molecular.stillinger_weber import StillingerWeber

__all__ = [
    "UNITS",
    "AseLabeler",
    "InputError",
    "Label",
    "Labeler",
    "LennardJones",
    "StillingerWeber",
    "label_frames",
    "read_deepmd",
    "read_frames",
    "split",
    "write_deepmd",
    "write_frames",
]
