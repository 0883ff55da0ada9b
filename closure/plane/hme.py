"""Hyperbolic moment equations in two space dimensions: Grad's thirteen moments, regularised."""

import torch

from knudsen.closure.laws.elementary import exp, sqrt
from knudsen.closure.plane.grad import PlaneGrad13


class PlaneHME(PlaneGrad13):
    r"""Grad's thirteen moments with real speeds in every state, along every direction.

    Grad's equations are not hyperbolic however near to equilibrium. Here of :math:`\partial_x f` only that part counts which is
    itself of Grad's form, a Maxwellian times 1, c, cc, c |c|^2; with :math:`w = \partial_x (u, v)`, :math:`\tau = \sigma w` the
    rest would give (and so on along y)

    .. math:: R_{ij} &= \sigma_{ij} w_x + \sigma_{jx} w_i + \sigma_{ix} w_j
                       - \tfrac{2}{D+2}\,(\delta_{ij} \tau_x + \delta_{ix} \tau_j + \delta_{jx} \tau_i), \\
              R_i &= \tfrac{D+4}{2}\,\sigma_{ix}\,\partial_x T + \tfrac{D+4}{D+2}\,(q_x w_i + q_i w_x)
                     + \tfrac{2}{D+2}\,\delta_{ix}\, q \cdot w,

    and is left out: :math:`\partial_t P_{ij} + \partial_x F - R_{ij} = S`, for Q_i less :math:`R_i + u_j R_{ij}`. All of it is of
    second order in the Knudsen number. The speeds are u + sqrt(T) times those of Grad's equations at rest: the system is similar
    to that of multiplication by v in the space of these functions, which is symmetric.
    Sources: Z. Cai, Y. Fan, R. Li, Kinet. Relat. Models 7 (2014) 415, doi:10.3934/krm.2014.7.415 (Grad-13 is not hyperbolic);
    Comm. Pure Appl. Math. 67 (2014) 464, doi:10.1002/cpa.21472 (the regularisation).
    """

    name = "hme"
    label = "HME-13"
    colour = "#332288"

    @staticmethod
    def product_of(V_l, V_r, p):
        """-R for all that is carried, of the mean of two states and their differences."""
        D, middle_T = p.dims, exp(0.5 * (V_l[2] + V_r[2]))
        pressure, u, v = exp(0.5 * (V_l[0] + V_r[0])) * middle_T, 0.5 * (V_l[1] + V_r[1]), 0.5 * (V_l[5] + V_r[5])
        half, heat = 0.5 * pressure, 0.5 * pressure * sqrt(middle_T)
        xx, xy, yy = half * (V_l[3] + V_r[3]), half * (V_l[6] + V_r[6]), half * (V_l[7] + V_r[7])
        qx, qy = heat * (V_l[4] + V_r[4]), heat * (V_l[8] + V_r[8])
        a, b, dT = V_r[1] - V_l[1], V_r[5] - V_l[5], exp(V_r[2]) - exp(V_l[2])
        third, ratio = 2.0 / (D + 2.0), (D + 4.0) / (D + 2.0)
        along, across = third * (xx * a + xy * b), third * (xy * a + yy * b)
        r_xx, r_xy, r_yy = 3.0 * (xx * a - along), 2.0 * xy * a + xx * b - across, yy * a + 2.0 * xy * b - along
        r_x = 0.5 * (D + 4.0) * xx * dT + 2.0 * ratio * qx * a + third * (qx * a + qy * b)
        r_y = 0.5 * (D + 4.0) * xy * dT + ratio * (qx * b + qy * a)
        zero = 0.0 * dT
        return (
            zero, zero, zero, -r_xx, -(r_x + u * r_xx + v * r_xy), zero, -r_xy, -r_yy, -(r_y + u * r_xy + v * r_yy),
        )  # fmt: skip

    def product(self, V_l, V_r):
        return torch.stack(self.product_of(V_l.unbind(1), V_r.unbind(1), self.parameters), 1)

    def rows(self):
        from knudsen.closure.compiled.plane import product_row  # compiled code only where it is needed

        return super().rows()._replace(product=product_row(self.product_of, type(self.parameters), len(self.components)))
