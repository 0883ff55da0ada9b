"""Stillinger-Weber: silicon, with a three-body term that favours the tetrahedral angle."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from knudsen.compile import compiled
from knudsen.molecular import neighbours
from knudsen.molecular.errors import InputError, positive
from knudsen.molecular.label import Label, from_gradient
from knudsen.molecular.lennard_jones import check_elements, element_list


@compiled
def _kernel(starts, vectors, two, three, p, q, sigma, gamma, cutoff, cosine):
    """Energy, and its gradient with respect to the vector of every directed pair. starts: first pair of each atom, and the end.

    two, three: strengths (A epsilon, B) and (lambda epsilon).
    """
    energy = 0.0
    count = len(vectors)
    gradient = np.zeros_like(vectors)
    r = np.empty(count)
    decay = np.empty(count)  # exp(gamma sigma / (r - a sigma)), the three-body cutoff function
    slope = np.empty(count)  # minus its logarithmic derivative
    strength, repulsion = two
    for e in range(count):
        r[e] = math.sqrt(vectors[e, 0] ** 2 + vectors[e, 1] ** 2 + vectors[e, 2] ** 2)
        if r[e] == 0.0:
            return np.inf, gradient
        if r[e] >= cutoff:
            continue
        x = sigma / (r[e] - cutoff)
        decay[e] = math.exp(gamma * x)
        slope[e] = gamma * x * x / sigma
        high, low = repulsion * (sigma / r[e]) ** p, (sigma / r[e]) ** q
        pair = strength * math.exp(x)
        energy += 0.5 * pair * (high - low)  # every pair is here twice
        change = 0.5 * pair * ((q * low - p * high) / r[e] - (high - low) * x * x / sigma)
        for axis in range(3):
            gradient[e, axis] += change * vectors[e, axis] / r[e]
    for atom in range(len(starts) - 1):
        for e in range(starts[atom], starts[atom + 1]):
            if r[e] >= cutoff:
                continue
            for f in range(e + 1, starts[atom + 1]):
                if r[f] >= cutoff:
                    continue
                dot = vectors[e, 0] * vectors[f, 0] + vectors[e, 1] * vectors[f, 1] + vectors[e, 2] * vectors[f, 2]
                c = dot / (r[e] * r[f])
                weight = three * decay[e] * decay[f]
                value = weight * (c - cosine) ** 2
                turn = 2.0 * weight * (c - cosine)
                energy += value
                for axis in range(3):
                    u_e, u_f = vectors[e, axis] / r[e], vectors[f, axis] / r[f]
                    gradient[e, axis] += turn * (u_f - c * u_e) / r[e] - value * slope[e] * u_e
                    gradient[f, axis] += turn * (u_e - c * u_f) / r[f] - value * slope[f] * u_f
    return energy, gradient


@dataclass(frozen=True)
class StillingerWeber:
    r"""Stillinger-Weber labels for silicon.

    .. math:: E = \sum_{i<j} \phi_2(r_{ij}) + \sum_i \sum_{j<k} \phi_3(r_{ij}, r_{ik}, \theta_{jik})

    .. math:: \phi_2 = A \epsilon \left[B (\sigma/r)^p - (\sigma/r)^q\right] e^{\sigma/(r - a\sigma)}, \qquad
        \phi_3 = \lambda \epsilon\, (\cos\theta - \cos\theta_0)^2\,
        e^{\gamma\sigma/(r_{ij} - a\sigma)} e^{\gamma\sigma/(r_{ik} - a\sigma)}

    Both vanish with all derivatives at the cutoff :math:`a \sigma`. epsilon [eV] and sigma [A] set the scales; the diamond
    crystal at its equilibrium, a = 5.431 A, has -2 epsilon an atom. A: strength; B: repulsion; lam: lambda; cosine: cos theta_0.

    Source: F. H. Stillinger, T. A. Weber, Phys. Rev. B 31, 5262 (1985), doi:10.1103/PhysRevB.31.5262, eqs. 2.3 to 2.6.
    """

    epsilon: float = 2.1683
    sigma: float = 2.0951
    A: float = 7.049556277
    B: float = 0.6022245584
    p: float = 4.0
    q: float = 0.0
    a: float = 1.80
    lam: float = 21.0
    gamma: float = 1.20
    cosine: float = -1.0 / 3.0
    elements: tuple[str, ...] | None = ("Si",)

    def __post_init__(self) -> None:
        for name in ("epsilon", "sigma", "A", "B", "p", "a", "gamma"):
            object.__setattr__(self, name, positive(f"labeler.{name}", getattr(self, name)))
        for name, least, most in (("q", 0.0, math.inf), ("lam", 0.0, math.inf), ("cosine", -1.0, 1.0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
                raise InputError(f"labeler.{name}={value}: give a number from {least:g} to {most:g}")
            object.__setattr__(self, name, float(value))
        object.__setattr__(self, "elements", element_list(self.elements))

    @property
    def cutoff(self) -> float:
        """Range of both terms, a sigma [A]."""
        return self.a * self.sigma

    def __call__(self, atoms: Atoms) -> Label:
        check_elements(atoms, self.elements, "sw")
        i, j, vectors = neighbours.pairs(atoms, self.cutoff)
        starts = np.searchsorted(i, np.arange(len(atoms) + 1))
        strengths = (self.A * self.epsilon, self.B), self.lam * self.epsilon
        shape = self.p, self.q, self.sigma, self.gamma, self.cutoff, self.cosine
        energy, gradient = _kernel(starts, vectors, *strengths, *shape)
        return from_gradient(atoms, energy, i, j, vectors, gradient)
