r"""The Boltzmann collision integral by a fast Fourier method on a velocity lattice.

Must not know: positions, cases, experiments.

Public names: VelocityGridND, operator, CollisionOperator.
"""

from knudsen.kinetic.spectral.boltzmann import CollisionOperator, operator
from knudsen.kinetic.spectral.grid import VelocityGridND

__all__ = ["CollisionOperator", "VelocityGridND", "operator"]
