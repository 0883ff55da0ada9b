"""The model of Bhatnagar, Gross and Krook."""

from knudsen.kinetic.collisions.relaxation import RelaxationModel


class BGK(RelaxationModel):
    r"""Relaxation to the local Maxwellian, :math:`Q = \nu (M - f)`; D = 1, 2, 3; Pr = 1.

    Reduced to one velocity: :math:`g \to \rho M_1`, :math:`h \to (D - 1) T \rho M_1`.
    Source: P. L. Bhatnagar, E. P. Gross, M. Krook, Phys. Rev. 94, 511 (1954), doi:10.1103/PhysRev.94.511.
    """

    name, label = "bgk", "BGK"
    free_prandtl = False

    def rate(self, prandtl):
        return 1.0

    def default_prandtl(self, dims):
        return 1.0
