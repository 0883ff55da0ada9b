"""Shakhov's model."""

from knudsen.kinetic.collisions.relaxation import RelaxationModel


class Shakhov(RelaxationModel):
    r"""Relaxation to a Maxwellian with part of the heat flux, any Prandtl number; D = 1, 2, 3; frequency nu.

    .. math:: \mathcal{S} = M \left[1 + a\, c_x \left(\frac{c^2}{T} - (D + 2)\right)\right], \qquad
              a = \frac{(1 - Pr)\, q}{(D + 2)\, p\, T}

    for a heat flux q along x. Reduced: :math:`g \to \rho M_1 [1 + a c (c^2/T - 3)]`,
    :math:`h \to (D - 1) T \rho M_1 [1 + a c (c^2/T - 1)]`, exact. The stress relaxes at nu, the heat flux at Pr nu. The target
    may be negative far out.
    Source: E. M. Shakhov, Fluid Dyn. 3, 95 (1968), doi:10.1007/BF01029546.
    """

    name, label = "shakhov", "Shakhov"

    def rate(self, prandtl):
        return 1.0
