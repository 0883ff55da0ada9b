"""The binary collision integral: which molecules; the operator itself is computed in ``knudsen.kinetic.spectral``."""

from dataclasses import dataclass
from math import gamma, pi


@dataclass(frozen=True)
class Boltzmann:
    r"""Variable-hard-sphere molecules, isotropic scattering; D = 2, 3; viscosity ~ T^omega.

    .. math:: Q(f)(v) = \int\!\!\int B\,[f' f'_* - f f_*]\, d\sigma\, dv_*, \qquad B = \frac{|g|^\alpha}{|S^{D-1}|}, \qquad
              \alpha = 2 (1 - \omega)

    Maxwell molecules: omega = 1 (stress relaxes at rho/2, heat flux at rho/4 in D = 2, at rho/3 in D = 3);
    hard spheres: omega = 1/2.
    Source: C. Cercignani, The Boltzmann Equation and Its Applications (1988), ch. II; G. A. Bird, Molecular Gas Dynamics (1994),
    sections 2.6 and 3.5.
    """

    name: str = "boltzmann"
    label: str = "Boltzmann"
    dims: tuple[int, ...] = (2, 3)
    free_prandtl: bool = False
    is_binary: bool = True

    def default_prandtl(self, dims: int) -> float:
        """Of the first Sonine approximation, exact for Maxwell molecules: heat-flux rate over stress rate."""
        return 0.5 if dims == 2 else 2.0 / 3.0

    def stress_rate(self, dims: int, omega: float) -> float:
        r"""Relaxation rate of the stress for rho = T = eps = 1, first Sonine approximation (exact for Maxwell molecules).

        .. math:: \frac{1}{2}\, \frac{\langle g^{4 + \alpha} \rangle}{\langle g^4 \rangle}
                  = \frac12\, 4^{\alpha/2}\, \frac{\Gamma(D/2 + 2 + \alpha/2)}{\Gamma(D/2 + 2)} ,

        averages over the relative velocity of two molecules of a Maxwellian.
        """
        alpha = 2 * (1 - omega)
        return 0.5 * 4 ** (alpha / 2) * gamma(dims / 2 + 2 + alpha / 2) / gamma(dims / 2 + 2)

    def kernel_constant(self, dims: int) -> float:
        """1/|S^{D-1}|: B = kernel_constant |g|^alpha."""
        return 1 / (2 * pi) if dims == 2 else 1 / (4 * pi)
