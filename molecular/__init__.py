"""Molecular models: labelers (energies, forces, stress of atomic configurations), data sets, potentials and their training.

Units of ASE: eV, angstrom, amu. Must not know: kinetic, closure, solvers, experiments.

Public names: Label, Labeler, LennardJones, StillingerWeber, AseLabeler, label_frames, read_frames, write_frames, read_deepmd,
write_deepmd, split, UNITS, InputError, GpawLabeler, PyscfLabeler, TbliteLabeler, structures; with torch, imported on first
use: Potential, DeepPotSmooth, DeepPotLocalFrame, BehlerParrinello, PlainNetwork, PotentialLabeler, PotentialCalculator, train,
TrainOptions, save_potential, load_potential, ForceDeviation, MolecularDynamics, PotentialTrainer, RequestLabeler.
"""

from knudsen.errors import InputError
from knudsen.lazy import attach
from knudsen.molecular.structures import structures

__getattr__, __dir__, lazy = attach(
    __name__,
    {
        "AseLabeler": "label",
        "BehlerParrinello": "symmetry_functions",
        "DeepPotLocalFrame": "ordered",
        "DeepPotSmooth": "deep_pot",
        "ForceDeviation": "learning",
        "GpawLabeler": "dft",
        "Label": "label",
        "Labeler": "label",
        "LennardJones": "lennard_jones",
        "MolecularDynamics": "exploration",
        "PlainNetwork": "ordered",
        "Potential": "potential",
        "PotentialCalculator": "calculator",
        "PotentialLabeler": "calculator",
        "PotentialTrainer": "learning",
        "PyscfLabeler": "dft",
        "RequestLabeler": "learning",
        "StillingerWeber": "stillinger_weber",
        "TbliteLabeler": "dft",
        "TrainOptions": "training",
        "UNITS": "data",
        "check_labelled": "data",
        "foreign_labels": "data",
        "label_frames": "label",
        "load_potential": "checkpoint:load",
        "read_deepmd": "data",
        "read_frames": "data",
        "save_potential": "checkpoint:save",
        "split": "data",
        "train": "training",
        "write_deepmd": "data",
        "write_frames": "data",
    },
)
__all__ = ["InputError", "structures", *lazy]
