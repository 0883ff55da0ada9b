r"""Collision models, one file each, behind one small protocol.

A relaxation model is :math:`Q = r\,(\mathcal{M}[f] - f)`: its rate r in units of the frequency nu (which the viscosity
defines, mu = eps p / nu) and its target, an explicit function of v and of the fields (rho, u, T, sigma, q)
of f. ``bgk``, ``shakhov`` and ``es_bgk`` are such models. ``boltzmann`` is the binary collision integral, a functional of f.
"""

from knudsen.kinetic.collisions.bgk import BGK
from knudsen.kinetic.collisions.boltzmann import Boltzmann
from knudsen.kinetic.collisions.es_bgk import EllipsoidalBGK
from knudsen.kinetic.collisions.shakhov import Shakhov

COLLISIONS = {model.name: model for model in (BGK(), Shakhov(), EllipsoidalBGK(), Boltzmann())}

__all__ = ["BGK", "COLLISIONS", "Boltzmann", "EllipsoidalBGK", "Shakhov"]
