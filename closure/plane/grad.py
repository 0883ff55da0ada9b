"""Grad's thirteen moments in two space dimensions (nine of them there), their collisions and their walls."""

from math import pi

import torch
from torch import Tensor

from knudsen.closure.laws.elementary import TINY, exp, log, maximum, sqrt
from knudsen.closure.laws.grad import Parameters
from knudsen.closure.plane.law import PlaneLaw


def _boosted(U, a, b):
    """With every velocity increased by (a, b); sums in an order that makes it the same to the last bit with x and y exchanged."""
    rho, m, E, xx, qx, n, xy, yy, qy = U
    along, half = a * m + b * n, 0.5 * (a * a + b * b)
    energy = E + along + half * rho
    return (
        rho,
        m + a * rho,
        energy,
        xx + 2.0 * a * m + a * a * rho,
        qx + a * xx + b * xy + half * m + a * energy,
        n + b * rho,
        xy + (a * n + b * m) + a * b * rho,
        yy + 2.0 * b * n + b * b * rho,
        qy + b * yy + a * xy + half * n + b * energy,
    )


def _own(U):
    """u, v and the moments in the gas's own frame."""
    u, v = U[1] / U[0], U[5] / U[0]
    return u, v, _boosted(U, -u, -v)


def _decay(U, of_stress, of_heat, p):
    """What the moments lose where sigma and q lose these parts of themselves."""
    u, v, own = _own(U)
    pressure = 2.0 * own[2] / p.dims
    xx, xy, yy = of_stress * (own[3] - pressure), of_stress * own[6], of_stress * (own[7] - pressure)
    zero = 0.0 * pressure
    return zero, zero, zero, xx, u * xx + v * xy + of_heat * own[4], zero, xy, yy, u * xy + v * yy + of_heat * own[8]


class PlaneGrad13(PlaneLaw):
    r"""Grad's thirteen moments in the plane: rho, u, v, T, the stress and the heat flux; D = 2 or 3.

    Carried: rho, m, E, :math:`P_{ij} = \int v_i v_j f`, :math:`Q_i = \int v_i \tfrac{|v|^2}{2} f`. The unknown fluxes in the
    gas's own frame:

    .. math:: \int c_i c_j c_k f = \tfrac{2}{D+2}\,(q_i \delta_{jk} + q_j \delta_{ik} + q_k \delta_{ij}), \qquad
              \int c_i c_j \tfrac{|c|^2}{2} f = \tfrac{D+2}{2}\, pT\,\delta_{ij} + \tfrac{D+4}{2}\, T \sigma_{ij}

    In D = 3 :math:`\sigma_{zz} = -\sigma_{xx} - \sigma_{yy}`; in D = 2 :math:`\sigma_{yy} = -\sigma_{xx}`, of which both are
    carried. Collisions relax sigma at the rate nu/eps and q at Pr nu/eps. Not hyperbolic far from equilibrium.

    At walls its molecules leave as of Grad's distribution,

    .. math:: f = M\,\Big[1 + \frac{\sigma_{ij} c_i c_j}{2pT}
              + \frac{2\,q_i c_i}{(D+2)\,pT} \Big(\frac{c^2}{2T} - \frac{D+2}{2}\Big)\Big],

    a Maxwellian of the wall (and mirrored ones) come back, and no mass passes.
    Source: H. Grad, Comm. Pure Appl. Math. 2 (1949) 331, doi:10.1002/cpa.3160020403, sections 4 and 5.
    """

    name = "grad13"
    label = "Grad-13"
    colour = "#56B4E9"
    components = ("rho", "mx", "E", "Pxx", "Qx", "my", "Pxy", "Pyy", "Qy")
    tensors = ((0,), (1, 5), (2,), (3, 6, 7), (4, 8))
    order = 3
    robust = ({"reconstruction": "muscl", "flux": "rusanov"}, {"reconstruction": "constant", "flux": "rusanov"})

    def __init__(self, gas):
        super().__init__(gas, Parameters(float(gas.dims), float(gas.prandtl)))
        self.degrees = torch.tensor((0, 1, 2, 2, 3, 1, 2, 2, 3))

    def boost_of(U, velocity):
        return _boosted(U, velocity, 0.0 * velocity)

    def variables_of(U, p):
        u, v, own = _own(U)
        rho = maximum(own[0], TINY)
        T = maximum(2.0 * own[2] / (rho * p.dims), TINY)
        pressure = rho * T
        heat = pressure * sqrt(T)
        return (
            log(rho), u, log(T), own[3] / pressure - 1.0, own[4] / heat,
            v, own[6] / pressure, own[7] / pressure - 1.0, own[8] / heat,
        )  # fmt: skip

    def conserved_of(V, p):
        rho, T = exp(V[0]), exp(V[2])
        pressure = rho * T
        heat, zero = pressure * sqrt(T), 0.0 * pressure
        own = (
            rho, zero, 0.5 * p.dims * pressure, pressure * (1.0 + V[3]), V[4] * heat,
            zero, pressure * V[6], pressure * (1.0 + V[7]), V[8] * heat,
        )  # fmt: skip
        return _boosted(own, V[1], V[5])

    def flux_of(V, p):
        rho, u, T, v, D = exp(V[0]), V[1], exp(V[2]), V[5], p.dims
        pressure = rho * T
        heat, zero, third = pressure * sqrt(T), 0.0 * pressure, 2.0 / (D + 2.0)
        xx, xy, qx, qy = pressure * (1.0 + V[3]), pressure * V[6], V[4] * heat, V[8] * heat
        U = _boosted((rho, zero, 0.5 * D * pressure, xx, qx, zero, xy, pressure * (1.0 + V[7]), qy), u, v)
        # own-frame moments of c_x times what is carried, seen from the lab; then u times what is carried
        fourth = T * (0.5 * (D + 4.0) * xx - pressure)
        own = zero, xx, qx, 3.0 * third * qx, fourth, xy, third * qy, third * qx, 0.5 * (D + 4.0) * T * xy
        F = _boosted(own, u, v)
        return (
            F[0] + u * U[0], F[1] + u * U[1], F[2] + u * U[2], F[3] + u * U[3], F[4] + u * U[4],
            F[5] + u * U[5], F[6] + u * U[6], F[7] + u * U[7], F[8] + u * U[8],
        )  # fmt: skip

    def relax_of(U, w, p):
        heat = p.prandtl * w
        lost = _decay(U, w / (1.0 + w), heat / (1.0 + heat), p)
        return (
            U[0], U[1], U[2], U[3] - lost[3], U[4] - lost[4], U[5], U[6] - lost[6], U[7] - lost[7], U[8] - lost[8],
        )  # fmt: skip

    def source_of(U, rate, p):
        lost = _decay(U, rate, p.prandtl * rate, p)
        zero = 0.0 * rate
        return zero, zero, zero, -lost[3], -lost[4], zero, -lost[6], -lost[7], -lost[8]

    def fields(self, U, plane):
        rho, _, T = self.fluid(U)
        _, _, own = _own(U.unbind(1))
        stress = {"sigma_xx": own[3] - rho * T, "sigma_xy": own[6], "sigma_yy": own[7] - rho * T}
        return super().fields(U, plane) | stress | {"qx": own[4], "qy": own[8]}

    def wall_flux(self, V, wall, inward):
        temperature, accommodation, velocity = (wall[:, k] for k in range(3))
        parity = self.parity.to(V.dtype)[:, None]
        if inward < 0:
            V = parity * V  # ln rho, u, ln T, sigma, q: signs are those of the moments
        out = self._leaving(V)
        still = torch.zeros_like(V)
        still[:, 2], still[:, 5] = temperature.log().expand_as(V[:, 2]), velocity.expand_as(V[:, 5])
        comes = -parity * self._leaving(still)  # mirrored
        density = -out[:, :1] / comes[:, :1]
        F = out + accommodation[:, None] * density * comes - (1 - accommodation[:, None]) * parity * out
        F = torch.cat((torch.zeros_like(F[:, :1]), F[:, 1:]), 1)
        return F if inward > 0 else -parity * F

    def _leaving(self, V: Tensor) -> Tensor:
        r""":math:`\int_{v_x < 0} v_x\,\psi f\,dv` of Grad's f for all that is carried, [batch, component, face]."""
        D = self.gas.dims
        rho, u, T = V[:, 0].exp(), V[:, 1], V[:, 2].exp()
        s = T.sqrt()
        # c_x = s z below z = -u/s: integrals of z^k times the normal density, k = 0..7
        edge = -u / s
        J = [0.5 * torch.erfc(-edge / 2**0.5), -torch.exp(-0.5 * edge * edge) / (2 * pi) ** 0.5]
        for k in range(2, 8):
            J.append((k - 1) * J[k - 2] + edge ** (k - 1) * J[1])
        xx, qx, xy, yy, qy = V[:, 3], V[:, 4], V[:, 6], V[:, 7], V[:, 8]
        third = 2 / (D + 2)
        # f integrated across with 1, c_y^2, c_perp^2 (even) or c_y, c_y c_perp^2 (odd), in units of s: coefficients of z^k
        zero, one = torch.zeros_like(u), torch.ones_like(u)
        zz, rest = -xx - yy if D > 2 else zero, D - 1
        even = {
            "1": (one + 0.5 * (yy + zz), 0.5 * third * qx * (rest - (D + 2)), 0.5 * xx, 0.5 * third * qx),
            "yy": (
                one + 0.5 * (3 * yy + zz), 0.5 * third * qx * (rest + 2 - (D + 2)), 0.5 * xx, 0.5 * third * qx,
            ),
            "perp": (
                rest * one + 0.5 * (rest + 2) * (yy + zz), 0.5 * third * qx * (rest * (rest + 2) - rest * (D + 2)),
                0.5 * rest * xx, 0.5 * third * rest * qx,
            ),
        }  # fmt: skip
        odd = {
            "y": (0.5 * third * qy * (rest + 2 - (D + 2)), xy, 0.5 * third * qy),
            "yperp": (0.5 * third * qy * ((rest + 2) * (rest + 4) - (rest + 2) * (D + 2)), (rest + 2) * xy,
                      0.5 * third * (rest + 2) * qy),
        }  # fmt: skip

        def half(power, name):
            """int z^power c_across f over the molecules that leave, times the powers of s."""
            coefficients = even[name] if name in even else odd[name]
            return sum(c * J[k + power] for k, c in enumerate(coefficients))

        def moments(power):
            """c_x^power times what is carried, own frame."""
            perp = half(power, "perp")
            return (
                half(power, "1"), s * half(power + 1, "1"), 0.5 * T * (half(power + 2, "1") + perp), T * half(power + 2, "1"),
                0.5 * s * T * (half(power + 3, "1") + half(power + 1, "perp")), s * half(power, "y"), T * half(power + 1, "y"),
                T * half(power, "yy"), 0.5 * s * T * (half(power + 2, "y") + half(power, "yperp")),
            )  # fmt: skip

        still, moving = _boosted(moments(0), u, V[:, 5]), _boosted(moments(1), u, V[:, 5])
        return torch.stack([rho * (u * a + s * b) for a, b in zip(still, moving, strict=True)], 1)
