r"""Slip and jump coefficients: what a wall does to a gas that is otherwise a continuum.

A channel many mean free paths wide is, between its Knudsen layers, exactly the Navier-Stokes-Fourier solution with slip, up to a
term that falls like :math:`\exp(-1.9\, d^{2/3})` with the distance d from the walls in mean free paths.
"""

from dataclasses import dataclass

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
    heat = solve_channel(cases.fourier(gas, **options), gas).heat_flux
    case = cases.creep(gas, **options)
    creep = solve_channel(case, gas)
    bulk = creep.u_y[np.abs(creep.x).argmin()] / case.temperature_gradient  # sigma_T mu/rho0
    conductivity = (gas.dims + 2) / (4 * gas.prandtl)  # kappa T0/(p0 v0 H) = conductivity/delta
    return SlipCoefficients(
        viscous=float(0.5 * (1 / stress - WIDE)),
        thermal=float(bulk * np.sqrt(2) * WIDE),
        jump=float(0.5 * (conductivity / heat - WIDE)),
    )
