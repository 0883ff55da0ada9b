r"""The Boltzmann collision integral by a fast Fourier method on a velocity lattice.

Must not know: positions, cases, experiments.

Public names: VelocityGridND, operator, CollisionOperator.
"""

from kinetic.spectral.grid import VelocityGridND
from kinetic.spectral.operator import CollisionOperator, operator

__all__ = ["CollisionOperator", "VelocityGridND", "operator"]
