"""Walls that bound the gas on the left and on the right."""

from dataclasses import dataclass
from math import isfinite

from knudsen.errors import InputError


@dataclass(frozen=True)
class Wall:
    r"""A plane wall at rest in x: of the molecules that hit it the share alpha is re-emitted diffusely, the rest specularly.

    .. math:: f(v) = \alpha\, n_w\, M[1, u_w, T_w](v) + (1 - \alpha)\, f(v - 2 v_x e_x) \quad (v \text{ into the gas}),
              \qquad \int v_x f\, dv = 0

    The last condition (no molecule stays) fixes n_w. Source: J. C. Maxwell, Phil. Trans. R. Soc. 170, 231 (1879),
    doi:10.1098/rstl.1879.0067; C. Cercignani, The Boltzmann Equation and Its Applications (1988), ch. III.

    temperature: T_w; velocity: tangential, u_w along y; accommodation: alpha in 0 (specular) to 1 (diffuse).
    Raises InputError naming ``case.walls``.
    """

    temperature: float = 1.0
    velocity: float = 0.0
    accommodation: float = 1.0

    def __post_init__(self):
        for key in ("temperature", "velocity", "accommodation"):
            value = getattr(self, key)
            if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
                raise InputError(f"case.walls: {key}={value!r}: give a finite number")
        if not self.temperature > 0:
            raise InputError(f"case.walls: temperature={self.temperature:g} must be positive")
        if not 0 <= self.accommodation <= 1:
            raise InputError(f"case.walls: accommodation={self.accommodation:g} must lie in 0 (specular) to 1 (diffuse)")
