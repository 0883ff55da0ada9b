"""The ellipsoidal model."""

from knudsen.kinetic.collisions.relaxation import RelaxationModel


class EllipsoidalBGK(RelaxationModel):
    r"""Relaxation to an anisotropic Gaussian, frequency Pr nu; D = 2, 3 (in D = 1 there is no stress).

    .. math:: \Lambda = \frac{T}{Pr} I + \left(1 - \frac1{Pr}\right) \Theta, \qquad \Theta = \frac1\rho \int c\,c\,f\,dv

    Reduced: :math:`g \to \rho\, \mathcal N(v; u, \Lambda_{xx})`, :math:`h \to (D - 1) \Lambda_\perp g` with
    :math:`\Lambda_{xx} = T + (1 - 1/Pr)\,\sigma/\rho` and :math:`\Lambda_{xx} + (D - 1) \Lambda_\perp = D\,T`, exact. The stress
    relaxes at nu, the heat flux at Pr nu; f and the entropy keep their signs for Pr >= (D - 1)/D.
    Source: L. H. Holway, Phys. Fluids 9, 1658 (1966), doi:10.1063/1.1761920; P. Andries et al., Eur. J. Mech. B 19, 813 (2000),
    doi:10.1016/S0997-7546(00)01103-1.
    """

    name, label = "es_bgk", "ES-BGK"
    dims = (2, 3)

    def rate(self, prandtl):
        return prandtl

    def lowest_prandtl(self, dims):
        return (dims - 1) / dims  # below, the Gaussian may have no width
