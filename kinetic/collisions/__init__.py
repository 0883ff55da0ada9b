r"""Collision models, one file each, behind one small protocol.

A relaxation model (:class:`RelaxationModel`) is :math:`Q = r\,\nu\,(\mathcal{M}[f] - f)`: its rate r in units of the frequency nu
(which the viscosity defines, mu = eps p / nu) and its target, an explicit function of v and of the moments of f. ``bgk``,
``shakhov`` and ``es_bgk`` are such models. ``boltzmann`` is the binary collision integral, a functional of f.
:func:`register` adds a model of one's own to ``COLLISIONS``, under its name.
"""

from knudsen.kinetic.collisions.bgk import BGK
from knudsen.kinetic.collisions.boltzmann import Boltzmann
from knudsen.kinetic.collisions.es_bgk import EllipsoidalBGK
from knudsen.kinetic.collisions.relaxation import RelaxationModel
from knudsen.kinetic.collisions.shakhov import Shakhov

COLLISIONS = {model.name: model for model in (BGK(), Shakhov(), EllipsoidalBGK(), Boltzmann())}

__all__ = ["BGK", "COLLISIONS", "Boltzmann", "EllipsoidalBGK", "RelaxationModel", "Shakhov", "register"]


def register(model: type[RelaxationModel]) -> type[RelaxationModel]:
    """A class decorator: gases may name the model by ``collision``. Raises ValueError where the name is another model's."""
    taken = COLLISIONS.get(model.name)
    if taken is not None and type(taken).__qualname__ != model.__qualname__:
        raise ValueError(f"collision {model.name!r} is {type(taken).__qualname__}'s: give the model another name")
    COLLISIONS[model.name] = model()
    return model
