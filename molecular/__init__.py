"""Molecular models: labelers (energies, forces, stress of atomic configurations), data sets, potentials and their training.

Units of ASE: eV, angstrom, amu. Must not know: kinetic, closure, solvers, experiments.

Public names: Label, Labeler, LennardJones, StillingerWeber, AseLabeler, label_frames, read_frames, write_frames, read_deepmd,
write_deepmd, split, UNITS, InputError, GpawLabeler, PyscfLabeler, TbliteLabeler, structures; with torch, imported on first
use: Potential, DeepPotSmooth, DeepPotLocalFrame, BehlerParrinello, PlainNetwork, PotentialLabeler, PotentialCalculator, train,
TrainOptions, save_potential, load_potential, ForceDeviation, MolecularDynamics, PotentialTrainer, RequestLabeler.
"""

from importlib import import_module

from molecular.data import UNITS, read_deepmd, read_frames, split, write_deepmd, write_frames
from molecular.dft import GpawLabeler, PyscfLabeler, TbliteLabeler
from molecular.errors import InputError
from molecular.label import AseLabeler, Label, Labeler, label_frames
from molecular.lennard_jones import LennardJones
from molecular.stillinger_weber import StillingerWeber
from molecular.structures import structures

_LAZY = {
    "BehlerParrinello": ("molecular.symmetry_functions", "BehlerParrinello"),
    "DeepPotLocalFrame": ("molecular.ordered", "DeepPotLocalFrame"),
    "ForceDeviation": ("molecular.learning", "ForceDeviation"),
    "MolecularDynamics": ("molecular.exploration", "MolecularDynamics"),
    "PotentialTrainer": ("molecular.learning", "PotentialTrainer"),
    "RequestLabeler": ("molecular.learning", "RequestLabeler"),
    "DeepPotSmooth": ("molecular.deep_pot", "DeepPotSmooth"),
    "PlainNetwork": ("molecular.ordered", "PlainNetwork"),
    "Potential": ("molecular.potential", "Potential"),
    "PotentialCalculator": ("molecular.calculator", "PotentialCalculator"),
    "PotentialLabeler": ("molecular.calculator", "PotentialLabeler"),
    "TrainOptions": ("molecular.training", "TrainOptions"),
    "load_potential": ("molecular.checkpoint", "load"),
    "save_potential": ("molecular.checkpoint", "save"),
    "train": ("molecular.training", "train"),
}

__all__ = [
    "UNITS",
    "AseLabeler",
    "GpawLabeler",
    "InputError",
    "Label",
    "Labeler",
    "LennardJones",
    "PyscfLabeler",
    "StillingerWeber",
    "TbliteLabeler",
    "label_frames",
    "read_deepmd",
    "read_frames",
    "split",
    "structures",
    "write_deepmd",
    "write_frames",
    *_LAZY,
]


def __getattr__(name):
    if name in _LAZY:
        module, attribute = _LAZY[name]
        return getattr(import_module(module), attribute)
    raise AttributeError(f"module 'molecular' has no attribute {name!r}")
