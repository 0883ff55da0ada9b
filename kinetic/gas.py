"""Gases: velocity dimensions, collision model, collision frequency."""

from dataclasses import dataclass
from math import isfinite

from knudsen.errors import InputError
from knudsen.kinetic.collisions import COLLISIONS
from knudsen.shown import as_table

FEWEST_VELOCITIES = 8  # two more than the unknowns that a discrete Maxwellian must match on each side of its mean


@dataclass(frozen=True, repr=False)
class Gas:
    r"""A gas of point particles: its velocity dimensions and its collision model, x one-dimensional.

    With a relaxation model (``bgk``, ``shakhov``, ``es_bgk``) and dims = 2 or 3 the transverse velocities are integrated out
    (C. K. Chu, Phys. Fluids 8, 12 (1965), doi:10.1063/1.1761077), exactly:

    .. math:: g = \int f\, dv_\perp, \qquad h = \int |v_\perp|^2 f\, dv_\perp .

    With ``boltzmann`` f lives on the full D-dimensional velocity grid. Units: k_B/m = 1.
    Transport coefficients: mu = eps p / nu, kappa = (D + 2)/2 mu / Pr.

    name: option name; dims: D; collision: name of the model in ``knudsen.kinetic.collisions.COLLISIONS``.
    omega: viscosity ~ T^omega, nu = rho T^(1 - omega); None, for relaxation models only, is nu = 1. For ``boltzmann`` it names
    the molecules (1 Maxwell, 1/2 hard spheres), and nu carries the factor ``Boltzmann.stress_rate``.
    prandtl: None means the model's own (1 for BGK, which has no other; 2/3; what the molecules have).
    velocity_points, velocity_bounds: override of the velocity grid (per coordinate); None: chosen from the states of the case.
    Raises InputError naming ``gas.<key>`` for a bad value.
    """

    name: str
    dims: int
    omega: float | None = None
    velocity_points: int | None = None
    velocity_bounds: tuple[float, float] | None = None
    collision: str = "bgk"
    prandtl: float | None = None

    def __post_init__(self):
        if self.collision not in COLLISIONS:
            raise InputError(f"gas.collision={self.collision!r} is unknown: choose one of {', '.join(COLLISIONS)}")
        model = COLLISIONS[self.collision]
        if self.dims not in model.dims:
            raise InputError(f"gas.dims={self.dims!r}: {self.collision} exists in {', '.join(map(str, model.dims))} dimensions")
        if self.omega is not None and not _is_number(self.omega):
            raise InputError(f"gas.omega={self.omega!r}: give a number (viscosity ~ T^omega), or null for constant frequency")
        if self.is_boltzmann and (self.omega is None or not 0.5 <= self.omega <= 1.0):
            raise InputError(f"gas.omega={self.omega!r}: molecules need 0.5 (hard spheres) to 1 (Maxwell molecules)")
        self._set_prandtl(model)
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

    def __repr__(self) -> str:
        velocities = "" if self.velocity_points is None else f", {self.velocity_points} velocities"
        return f"<Gas {self.name}: {', '.join(self._in_words().values())}{velocities}>"

    def _repr_html_(self) -> str:
        return as_table(f"Gas {self.name}", self._in_words())

    def _in_words(self) -> dict[str, str]:
        law = "constant frequency" if self.omega is None else f"viscosity ~ T^{self.omega:g}"
        words = {"collisions": self.model.label, "velocities": f"D = {self.dims}", "law": law}
        return words | {"Prandtl number": f"Pr = {self.prandtl:.4g}"}

    def _set_prandtl(self, model):
        own = model.default_prandtl(self.dims)
        if self.prandtl is None:
            object.__setattr__(self, "prandtl", own)
            return
        if not model.free_prandtl:
            if self.prandtl == own:
                return
            raise InputError(f"gas.prandtl={self.prandtl!r}: {self.collision} has its own, {own:g}; leave the key null")
        lowest = model.lowest_prandtl(self.dims)
        if not _is_number(self.prandtl) or not self.prandtl > 0 or self.prandtl < lowest - 1e-12:
            wanted = f"a number of at least {lowest:g}" if lowest else "a positive number"
            raise InputError(f"gas.prandtl={self.prandtl!r}: give {wanted} for {self.collision} with dims={self.dims}")
        object.__setattr__(self, "prandtl", float(self.prandtl))

    @property
    def gamma(self) -> float:
        """Ratio of specific heats (D + 2)/D."""
        return (self.dims + 2) / self.dims

    @property
    def has_h(self) -> bool:
        """Does the solution carry the transverse energy h beside g?"""
        return self.dims > 1

    @property
    def is_boltzmann(self) -> bool:
        """Is f a function of the full velocity, and Q the binary collision integral?"""
        return self.model.is_binary

    @property
    def model(self):
        """The collision model, of ``knudsen.kinetic.collisions``."""
        return COLLISIONS[self.collision]

    def difference(self, other: "Gas", *, but: tuple[str, ...] = ()) -> str | None:
        """The first of dims, collision, prandtl, omega in which two gases differ, None if they are the same gas: whatever their
        names and velocity grids, their solutions are the same.

        but: keys that do not count. A closure of a relaxation model takes the frequency from its gas, so that ``omega`` may be
        another than that of the labels it learned from; molecules are told by it.
        """
        for key in ("dims", "collision", "prandtl", "omega"):
            if key not in but and getattr(self, key) != getattr(other, key):
                return key
        return None

    def frequency(self, rho, T):
        """nu(rho, T) = eps p / mu, the rate (over eps) at which stress relaxes; works on numpy arrays and torch tensors."""
        if self.omega is None:
            return 1.0 + 0.0 * rho
        return self.model.stress_rate(self.dims, self.omega) * rho * T ** (1.0 - self.omega)

    def viscosity(self, rho, T):
        """mu/eps = p / nu."""
        return rho * T / self.frequency(rho, T)


def _is_number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


GASES = {
    "bgk_1v": {"dims": 1},
    "bgk_2v": {"dims": 2},
    "bgk_3v": {"dims": 3},
    "shakhov_3v": {"dims": 3, "collision": "shakhov"},
    "es_bgk_3v": {"dims": 3, "collision": "es_bgk"},
    "maxwell_2v": {"dims": 2, "collision": "boltzmann", "omega": 1.0},
    "maxwell_3v": {"dims": 3, "collision": "boltzmann", "omega": 1.0},
    "hard_sphere_3v": {"dims": 3, "collision": "boltzmann", "omega": 0.5},
}


def gas(name: str, **options) -> Gas:
    """The gas of that option name; ``options`` as in :class:`Gas`. Raises InputError for an unknown name or option."""
    if name not in GASES:
        raise InputError(f"gas={name!r} is unknown: choose one of {', '.join(GASES)}")
    known = ("omega", "velocity_points", "velocity_bounds", "prandtl")
    unknown = set(options) - set(known)
    if unknown:
        raise InputError(f"gas.{min(unknown)} is unknown: {name} takes {', '.join(known)}")
    return Gas(name, **(GASES[name] | options))
