r"""Slip and jump coefficients: what a wall does to a gas that is otherwise a continuum.

A channel many mean free paths wide is, between its Knudsen layers, exactly the Navier-Stokes-Fourier solution with slip, up to a
term that falls like :math:`\exp(-1.9\, d^{2/3})` with the distance d from the walls in mean free paths.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from knudsen.kinetic import cases
from knudsen.kinetic.channel import solve_channel
from knudsen.kinetic.gas import Gas

WIDE = 80.0  # rarefaction parameter of the channels


@dataclass(frozen=True)
class SlipCoefficients:
    r"""Coefficients of the boundary conditions at a wall, n into the gas, :math:`\ell = \mu v_0/p`, :math:`v_0 = \sqrt{2 T}`:

    .. math:: u_y - u_w = \zeta\, \ell\, \frac{\partial u_y}{\partial n} + \sigma_T\, \frac{\mu}{\rho T}\,
              \frac{\partial T}{\partial y}, \qquad T - T_w = \zeta_T\, \ell\, \frac{\partial T}{\partial n} .

    viscous: zeta; thermal: sigma_T (thermal creep); jump: zeta_T.
    """

    viscous: float
    thermal: float
    jump: float


def slip_coefficients(gas: Gas, accommodation: float = 1.0) -> SlipCoefficients:
    """Of a relaxation model with D = 2 or 3 at a wall of that accommodation coefficient, right to about 1e-6.

    Raises InputError naming ``gas`` or ``case.accommodation``.
    Source of the method: C. Cercignani, The Boltzmann Equation and Its Applications (1988), ch. V; the values for BGK:
    F. Sharipov, J. Phys. Chem. Ref. Data 40, 023101 (2011), doi:10.1063/1.3580290.
    """
    options = {"delta": WIDE, "accommodation": accommodation}
    stress = solve_channel(cases.couette(gas, **options), gas).shear_stress
    case = cases.creep(gas, **options)
    creep = solve_channel(case, gas)
    bulk = creep.u_y[np.abs(creep.x).argmin()] / case.temperature_gradient  # sigma_T mu/rho0
    return SlipCoefficients(
        viscous=float(0.5 * (1 / stress - WIDE)),
        thermal=float(bulk * np.sqrt(2) * WIDE),
        jump=_jump(gas, accommodation),
    )


@lru_cache
def slip_of(gas: Gas, accommodation: float) -> SlipCoefficients:
    r"""Of any gas: :func:`slip_coefficients` of relaxation models with D = 2 or 3, for others Maxwell's estimates
    :math:`\zeta = \frac{2 - \alpha}{\alpha}\,\frac{\sqrt\pi}2`, :math:`\sigma_T = \frac34` and
    :func:`jump_coefficient`; at a specular wall the gas slips and its temperature jumps freely."""
    if accommodation == 0:
        return SlipCoefficients(np.inf, 0.0, np.inf)
    if gas.is_boltzmann or gas.dims == 1:
        share = (2 - accommodation) / accommodation
        return SlipCoefficients(share * np.sqrt(np.pi) / 2, 0.75, jump_coefficient(gas, accommodation))
    return slip_coefficients(gas, accommodation)


def jump_coefficient(gas: Gas, accommodation: float) -> float:
    r"""zeta_T of any gas: right to about 1e-6 for a relaxation model with D = 2 or 3, for others Maxwell's estimate

    .. math:: \zeta_T = \frac{2 - \alpha}{\alpha}\,\frac{\sqrt\pi\,(D + 2)}{2 (D + 1)\,Pr}

    (15 % too small for BGK in D = 3); infinite at a specular wall. Source: J. C. Maxwell, Phil. Trans. R. Soc. 170, 231 (1879):
    the gas that comes to the wall is taken to be that of the interior.
    """
    if accommodation == 0:
        return np.inf
    if gas.is_boltzmann or gas.dims == 1:
        return (2 - accommodation) / accommodation * np.sqrt(np.pi) * (gas.dims + 2) / (2 * (gas.dims + 1) * gas.prandtl)
    return _jump(gas, accommodation)


@lru_cache
def _jump(gas: Gas, accommodation: float) -> float:
    heat = solve_channel(cases.fourier(gas, delta=WIDE, accommodation=accommodation), gas).heat_flux
    conductivity = (gas.dims + 2) / (4 * gas.prandtl)  # kappa T0/(p0 v0 H) = conductivity/delta
    return float(0.5 * (conductivity / heat - WIDE))
