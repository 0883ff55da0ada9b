"""Molecular models: labelers (energies, forces, stress of atomic configurations), data sets, potentials and their training.

Units of ASE: eV, angstrom, amu. Must not know: kinetic, closure, solvers, experiments.

Public names: Label, Labeler, LennardJones, StillingerWeber, AseLabeler, label_frames, read_frames, write_frames, read_deepmd,
write_deepmd, split, UNITS, InputError, GpawLabeler, PyscfLabeler, TbliteLabeler, structures; with torch, imported on first
use: Potential, DeepPotSmooth, DeepPotLocalFrame, BehlerParrinello, PlainNetwork, PotentialLabeler, PotentialCalculator, train,
TrainOptions, save_potential, load_potential, ForceDeviation, MolecularDynamics, PotentialTrainer, RequestLabeler.
"""

from importlib import import_module

from knudsen.molecular.data import UNITS, read_deepmd, read_frames, split, write_deepmd, write_frames
from knudsen.molecular.dft import GpawLabeler, PyscfLabeler, TbliteLabeler
from knudsen.molecular.errors import InputError
from knudsen.molecular.label import AseLabeler, Label, Labeler, label_frames
from knudsen.molecular.lennard_jones import LennardJones
from knudsen.molecular.stillinger_weber import StillingerWeber
from knudsen.molecular.structures import structures

_LAZY = {
    "BehlerParrinello": ("knudsen.molecular.symmetry_functions", "BehlerParrinello"),
    "DeepPotLocalFrame": ("knudsen.molecular.ordered", "DeepPotLocalFrame"),
    "ForceDeviation": ("knudsen.molecular.learning", "ForceDeviation"),
    "MolecularDynamics": ("knudsen.molecular.exploration", "MolecularDynamics"),
    "PotentialTrainer": ("knudsen.molecular.learning", "PotentialTrainer"),
    "RequestLabeler": ("knudsen.molecular.learning", "RequestLabeler"),
    "DeepPotSmooth": ("knudsen.molecular.deep_pot", "DeepPotSmooth"),
    "PlainNetwork": ("knudsen.molecular.ordered", "PlainNetwork"),
    "Potential": ("knudsen.molecular.potential", "Potential"),
    "PotentialCalculator": ("knudsen.molecular.calculator", "PotentialCalculator"),
    "PotentialLabeler": ("knudsen.molecular.calculator", "PotentialLabeler"),
    "TrainOptions": ("knudsen.molecular.training", "TrainOptions"),
    "load_potential": ("knudsen.molecular.checkpoint", "load"),
    "save_potential": ("knudsen.molecular.checkpoint", "save"),
    "train": ("knudsen.molecular.training", "train"),
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
