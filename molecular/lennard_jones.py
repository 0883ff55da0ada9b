"""Lennard-Jones: the pair potential of argon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import Atoms, units

from knudsen.compile import compiled
from knudsen.molecular import neighbours
from knudsen.molecular.errors import InputError, positive
from knudsen.molecular.label import Label, from_gradient


@compiled
def _kernel(vectors, epsilon, sigma, cutoff, shift):
    """Energy of all pairs, and its gradient with respect to each pair vector."""
    energy = 0.0
    gradient = np.zeros_like(vectors)
    for p in range(len(vectors)):
        x, y, z = vectors[p]
        square = x * x + y * y + z * z
        if square > cutoff * cutoff or square == 0.0:
            if square == 0.0:
                energy = np.inf
            continue
        s6 = (sigma * sigma / square) ** 3
        energy += 4.0 * epsilon * (s6 * s6 - s6) - shift
        slope = -24.0 * epsilon * (2.0 * s6 * s6 - s6) / square  # (dphi/dr) / r
        for axis in range(3):
            gradient[p, axis] = slope * vectors[p, axis]
    return energy, gradient


@dataclass(frozen=True)
class LennardJones:
    r"""Lennard-Jones labels, truncated at a cutoff.

    .. math:: E = \sum_{i<j,\; r_{ij} \le r_c} \phi(r_{ij}) - \phi_c, \qquad
        \phi(r) = 4\epsilon \left[(\sigma/r)^{12} - (\sigma/r)^6\right]

    The sum runs over all periodic images. Forces and stress are those of the truncated potential, without a tail correction;
    the force jumps at the cutoff.

    epsilon_over_k: well depth over Boltzmann's constant (that of `ase.units`) [K].
    epsilon: well depth [eV]; None: from epsilon_over_k.
    sigma: distance of zero energy [A].
    cutoff: r_c [A]; None: 3 sigma, as ASE's LennardJones has it.
    shift: phi_c = phi(r_c), so that the energy is continuous: ASE's LennardJones, and LAMMPS's lj/cut with ``pair_modify shift
        yes``; without it phi_c = 0, LAMMPS's lj/cut as it is. Forces and stress do not depend on it.
    elements: symbols it may be used for; None: any, all alike.

    Source: L. Verlet, Phys. Rev. 159, 98 (1967), doi:10.1103/PhysRev.159.98 (argon: 119.8 K and 3.405 A).
    """

    epsilon_over_k: float = 119.8
    epsilon: float | None = None
    sigma: float = 3.405
    cutoff: float | None = None
    shift: bool = True
    elements: tuple[str, ...] | None = ("Ar",)

    def __post_init__(self) -> None:
        epsilon = positive("labeler.epsilon_over_k", self.epsilon_over_k) * units.kB
        if self.epsilon is not None:
            epsilon = positive("labeler.epsilon", self.epsilon)
        sigma = positive("labeler.sigma", self.sigma)
        cutoff = 3.0 * sigma if self.cutoff is None else positive("labeler.cutoff", self.cutoff)
        if not isinstance(self.shift, bool):
            raise InputError(f"labeler.shift={self.shift}: give true or false")
        values = {"epsilon": epsilon, "sigma": sigma, "cutoff": cutoff, "elements": element_list(self.elements)}
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __call__(self, atoms: Atoms) -> Label:
        check_elements(atoms, self.elements, "lj")
        i, j, vectors = neighbours.pairs(atoms, self.cutoff, full=False)
        s6 = (self.sigma / self.cutoff) ** 6
        shift = 4.0 * self.epsilon * (s6 * s6 - s6) if self.shift else 0.0
        energy, gradient = _kernel(vectors, self.epsilon, self.sigma, self.cutoff, shift)
        return from_gradient(atoms, energy, i, j, vectors, gradient)


def element_list(elements) -> tuple[str, ...] | None:
    """The symbols a labeler takes, as a tuple; InputError where they are no list of elements."""
    from ase.data import chemical_symbols

    if elements is None:
        return None
    listed = (elements,) if isinstance(elements, str) else elements
    if not isinstance(listed, (list, tuple)) or not listed or not all(e in chemical_symbols[1:] for e in listed):
        raise InputError(f"labeler.elements={elements}: give a list of chemical symbols, e.g. [Ar]")
    return tuple(listed)


def check_elements(atoms: Atoms, elements: tuple[str, ...] | None, name: str) -> None:
    """InputError where a configuration holds an element the labeler has no parameters for."""
    if elements is not None and (others := sorted(set(atoms.symbols) - set(elements))):
        raise InputError(
            f"holds {', '.join(others)}, but labeler={name} has parameters for {', '.join(elements)} only; "
            "choose another labeler, or set labeler.elements"
        )
