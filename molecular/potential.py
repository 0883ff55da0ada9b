"""What every potential is: energies of atoms from the vectors to their neighbours; forces and virial as derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from knudsen.molecular.environment import Environment
from knudsen.molecular.errors import InputError, positive
from knudsen.molecular.networks import DTYPES, Fitting, widths

ENOUGH = 32  # frames that scales are taken from


class Potential(nn.Module):
    r"""Energies of atoms that sum to the energy of a frame,

    .. math:: E = \sum_i \left(\epsilon_{s_i} + E_i(\{D_{ij}\})\right), \qquad
        F_a = \sum_j \frac{\partial E}{\partial D_{aj}} - \sum_i \frac{\partial E}{\partial D_{ia}}, \qquad
        \Xi = -\sum_{ij} D_{ij} \otimes \frac{\partial E}{\partial D_{ij}},

    of vectors :math:`D_{ij} = r_j - r_i` to the neighbours within the cutoff: every potential is invariant to translation.
    A kind of potential is its `descriptors`; a fitting network per species makes energies of them. :math:`\epsilon_s`, the energy
    of each species, is fitted by least squares. In training mode forces can be differentiated by the weights.

    options: everything the class is built with, for checkpoints, among it species (symbols), cutoff [A], fitting (widths) and
    dtype (float32 or float64); features: numbers of a descriptor, or its shape.
    """

    name: ClassVar[str]

    def __init__(self, options: dict[str, Any], features: int | tuple[int, ...], generator: torch.Generator):
        super().__init__()
        species, cutoff, dtype = options["species"], options["cutoff"], options["dtype"]
        if not isinstance(species, (list, tuple)) or not species or len(set(species)) != len(species):
            raise InputError(f"potential.species={species}: give a list of symbols, each once")
        if dtype not in DTYPES:
            raise InputError(f"potential.dtype={dtype}: give float32 or float64")
        fitting = widths("potential.fitting", options["fitting"])
        checked = {"species": list(species), "cutoff": positive("potential.cutoff", cutoff), "fitting": fitting}
        self.options = options | checked
        self.species, self.cutoff = tuple(species), float(cutoff)
        self.fittings = nn.ModuleList(Fitting(features, fitting, generator).to(DTYPES[dtype]) for _ in species)
        self.register_buffer("atom_energy", torch.zeros(len(species), dtype=torch.float64))  # 1e2 eV: too large for float32

    @property
    def dtype(self) -> torch.dtype:
        return DTYPES[self.options["dtype"]]

    def descriptors(self, environment: Environment, vectors: Tensor) -> list[Tensor]:
        """What the atoms of each species see, [atom, features], from vectors [pair, 3]."""
        raise NotImplementedError

    def measure(self, environments: Sequence[Environment]) -> None:
        """Take scales of the descriptors from the training set."""

    def energies(self, environment: Environment, vectors: Tensor) -> Tensor:
        """Energies of atoms without that of their species, [atom], from vectors [pair, 3]."""
        energy = torch.zeros(len(environment.kinds), dtype=self.dtype)
        for c, descriptor in enumerate(self.descriptors(environment, vectors)):
            if len(descriptor):
                energy = energy.index_put((torch.nonzero(environment.kinds == c)[:, 0],), self.fittings[c](descriptor))
        return energy

    @torch.no_grad()
    def prepare(self, environments: Sequence[Environment]) -> None:
        """Take from labelled frames: scales of the inputs, and the energy of each species (least squares)."""
        few = environments[:: -(-len(environments) // ENOUGH)]
        self.measure(few)
        seen = [self.descriptors(e, e.vectors) for e in few]
        for c, fitting in enumerate(self.fittings):
            fitting.measure([descriptors[c] for descriptors in seen])
        self.atom_energy.zero_()
        count = len(self.species)
        composition = torch.stack([torch.bincount(e.kinds, minlength=count).double() for e in environments])
        energy = torch.cat([e.energy - self.energies(e, e.vectors).double().sum() for e in environments])  # no offset to unlearn
        self.atom_energy.copy_(torch.linalg.lstsq(composition, energy[:, None], driver="gelsd").solution[:, 0])

    def forward(self, environment: Environment) -> tuple[Tensor, Tensor, Tensor]:
        """(energy [frame] float64, forces [atom, 3], virial -dE/d(strain) [frame, 3, 3])."""
        atoms, frames = len(environment.frame), len(environment.sizes)
        with torch.enable_grad():
            vectors = environment.vectors.detach().requires_grad_()
            per_atom = self.energies(environment, vectors)
            (gradient,) = torch.autograd.grad(per_atom.sum(), vectors, create_graph=self.training)
        per_atom = per_atom if self.training else per_atom.detach()
        per_atom = per_atom.double() + self.atom_energy[environment.kinds]
        energy = torch.zeros(frames, dtype=torch.float64).index_add(0, environment.frame, per_atom)
        forces = torch.zeros(atoms, 3, dtype=self.dtype)
        forces = forces.index_add(0, environment.i, gradient).index_add(0, environment.j, gradient, alpha=-1)
        strain = environment.vectors[:, :, None] * gradient[:, None, :]
        virial = -torch.zeros(frames, 3, 3, dtype=self.dtype).index_add(0, environment.frame[environment.i], strain)
        return energy, forces, 0.5 * (virial + virial.transpose(1, 2))
