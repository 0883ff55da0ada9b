"""Euler in two space dimensions: rho, rho u, E, rho v."""

import torch

from knudsen.closure.laws.elementary import TINY, exp, log, maximum
from knudsen.closure.plane.law import PlaneLaw


class PlaneEuler(PlaneLaw):
    r"""The compressible Euler equations in the plane, gamma = (D + 2)/D.

    .. math:: F = (\rho u,\; \rho u^2 + p,\; (E + p)\,u,\; \rho u v)
    """

    name = "euler"
    label = "Euler"
    colour = "#999999"
    components = ("rho", "mx", "E", "my")
    tensors = ((0,), (1, 3), (2,))
    order = 2

    def __init__(self, gas):
        super().__init__(gas)
        self.degrees = torch.tensor((0, 1, 2, 1))

    def boost_of(U, velocity):
        rho, m, E, n = U
        return rho, m + velocity * rho, E + velocity * m + 0.5 * velocity * velocity * rho, n

    def variables_of(U, p):
        rho, m, E, n = U
        rho = maximum(rho, TINY)
        u, v = m / rho, n / rho
        return log(rho), u, log(maximum((2.0 * E / rho - (u * u + v * v)) / p.dims, TINY)), v

    def conserved_of(V, p):
        rho, u, T, v = exp(V[0]), V[1], exp(V[2]), V[3]
        return rho, rho * u, 0.5 * rho * (u * u + v * v + p.dims * T), rho * v

    def flux_of(V, p):
        rho, u, T, v = exp(V[0]), V[1], exp(V[2]), V[3]
        pressure = rho * T
        energy = 0.5 * rho * (u * u + v * v) + (0.5 * p.dims + 1.0) * pressure
        return rho * u, rho * u * u + pressure, u * energy, rho * (u * v)  # the same to the last bit with u and v exchanged

    def wall_flux(self, V, wall, inward):
        """Any wall reflects: Rusanov's flux between the gas and its mirror image, (0, p + rho u^2 -+ s rho u, 0, 0)."""
        U, F = self.conserved(V), self.flux(V)
        none = torch.zeros_like(U[:, :1])
        return torch.cat((none, F[:, 1:2] - inward * self.max_speed(V) * U[:, 1:2], none, none), 1)
