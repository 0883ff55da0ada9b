"""Closures in two space dimensions by name."""

from knudsen.closure import registry
from knudsen.closure.plane.fluid import PlaneEuler
from knudsen.closure.plane.grad import PlaneGrad13
from knudsen.closure.plane.hme import PlaneHME
from knudsen.closure.plane.law import PlaneLaw
from knudsen.closure.plane.navier_stokes import PlaneNavierStokesFourier
from knudsen.errors import InputError

LAWS: dict[str, type[PlaneLaw]] = {law.name: law for law in (PlaneEuler, PlaneNavierStokesFourier, PlaneGrad13, PlaneHME)}


def plane_law(name: str, gas) -> PlaneLaw:
    """The closure ``name`` in two space dimensions; InputError where there is none, or none of this gas."""
    kind = registry.find(name)
    if gas.dims == 1:
        raise InputError(f"gas={gas.name}: two space dimensions need D = 2 or 3 velocity dimensions; give gas=bgk_3v")
    name = kind.of(gas).name  # one name may be for several: grad of this gas is grad13
    if name not in LAWS:
        raise InputError(
            f"closure={name}: has no form in two space dimensions, where moments are tensors, not powers of v_x; "
            f"take closure={', '.join(LAWS)}, or solver=kinetic"
        )
    return LAWS[name](gas)
