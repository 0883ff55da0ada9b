"""Gases: the number of velocity dimensions and the collision frequency."""

from dataclasses import dataclass
from math import isfinite

from kinetic.errors import InputError

FEWEST_VELOCITIES = 8  # two more than the unknowns that a discrete Maxwellian must match on each side of its mean


@dataclass(frozen=True)
class Gas:
    r"""A gas with the BGK collision operator :math:`Q = \nu (M - f)`, x one-dimensional, v in ``dims`` dimensions.

    For dims = 2 and 3 the transverse velocities are integrated out (C. K. Chu, Phys. Fluids 8, 12 (1965), doi:10.1063/1.1761077):

    .. math:: g = \int f\, dv_\perp, \qquad h = \int |v_\perp|^2 f\, dv_\perp, \qquad
              g \to \rho M_1, \quad h \to (D - 1)\, T \rho M_1 ,

    which is exact for relaxation models. Units: k_B/m = 1. Transport coefficients: mu = eps p / nu, kappa = (D + 2)/2 mu, Pr = 1.

    name: option name (``bgk_1v``, ``bgk_2v``, ``bgk_3v``); dims: D.
    omega: None for nu = 1, a number for nu = rho T^(1 - omega) (viscosity ~ T^omega).
    velocity_points, velocity_bounds: override of the velocity grid; None means chosen from the states of the case.
    Raises InputError naming ``gas.<key>`` for a bad value.
    """

    name: str
    dims: int
    omega: float | None = None
    velocity_points: int | None = None
    velocity_bounds: tuple[float, float] | None = None

    def __post_init__(self):
        if self.dims not in (1, 2, 3):
            raise InputError(f"gas.dims={self.dims!r}: must be 1, 2 or 3")
        if self.omega is not None and not _is_number(self.omega):
            raise InputError(f"gas.omega={self.omega!r}: give a number (viscosity ~ T^omega), or null for constant frequency")
        points = self.velocity_points
        if points is not None and (isinstance(points, bool) or not isinstance(points, int) or points < FEWEST_VELOCITIES):
            raise InputError(f"gas.velocity_points={points!r}: give an integer >= {FEWEST_VELOCITIES}, or null (from the case)")
        if self.velocity_bounds is not None:
            try:
                low, high = self.velocity_bounds
            except (TypeError, ValueError):
                low = high = None
            if not (_is_number(low) and _is_number(high) and low < high):
                raise InputError(
                    f"gas.velocity_bounds={self.velocity_bounds!r}: give [low, high], low < high, or null (from the case)"
                )
            object.__setattr__(self, "velocity_bounds", (float(low), float(high)))

    @property
    def gamma(self) -> float:
        """Ratio of specific heats (D + 2)/D."""
        return (self.dims + 2) / self.dims

    @property
    def has_h(self) -> bool:
        """Does the distribution carry the transverse energy h beside g?"""
        return self.dims > 1

    def frequency(self, rho, T):
        """Collision frequency nu(rho, T), to be divided by eps; works on numpy arrays and torch tensors."""
        return 1.0 + 0.0 * rho if self.omega is None else rho * T ** (1.0 - self.omega)


def _is_number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


GASES = {"bgk_1v": 1, "bgk_2v": 2, "bgk_3v": 3}


def gas(name: str, **options) -> Gas:
    """The gas of that option name; ``options`` as in :class:`Gas`. Raises InputError for an unknown name or option."""
    if name not in GASES:
        raise InputError(f"gas={name!r} is unknown: choose one of {', '.join(GASES)}")
    unknown = set(options) - {"omega", "velocity_points", "velocity_bounds"}
    if unknown:
        raise InputError(f"gas.{min(unknown)} is unknown: {name} takes omega, velocity_points and velocity_bounds")
    return Gas(name, GASES[name], **options)
