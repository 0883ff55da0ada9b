"""Steady normal shocks: of relaxation models and of Boltzmann gases."""

from knudsen.errors import InputError
from knudsen.kinetic.boltzmann_shock import solve_boltzmann_shock
from knudsen.kinetic.gas import Gas
from knudsen.kinetic.moments import rankine_hugoniot
from knudsen.kinetic.relaxation_shock import solve_relaxation_shock
from knudsen.kinetic.shock_profile import ShockProfile

HIGHEST_MACH = 30.0

__all__ = ["ShockProfile", "solve_shock"]


def solve_shock(gas: Gas, mach: float, *, tolerance: float = 1e-5, order: int = 10) -> ShockProfile:
    """The steady shock, refined until density and temperature, normalised to 0..1, change by less than ``tolerance``.

    order: highest raw moment kept. Boltzmann gases are solved to 1e-4 at best, for Mach numbers up to 6.
    Raises InputError naming ``mach`` (above 1, at most 30), ``tolerance``, or ``gas.velocity_points`` where those given do
    not resolve the end states.
    """
    rankine_hugoniot(mach, gas)  # refuses what is no Mach number
    if mach > HIGHEST_MACH:
        raise InputError(f"mach={mach!r}: shocks are solved for Mach numbers up to {HIGHEST_MACH:g}")
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or not 1e-6 <= tolerance < 1:
        raise InputError(f"tolerance={tolerance!r}: give a number in [1e-6, 1)")
    solve = solve_boltzmann_shock if gas.is_boltzmann else solve_relaxation_shock
    return solve(gas, mach, tolerance=tolerance, order=order)
