"""Small balance laws with exact solutions, on which every scheme is tested."""

import math

import torch

from knudsen.solvers import Law


class Advection(Law):
    """u_t + c u_x = 0."""

    components = ("u",)

    def __init__(self, c=1.0):
        self.c = c

    def flux(self, V):
        return self.c * V

    def max_speed(self, V):
        return torch.full_like(V, abs(self.c))

    def speeds(self, V):
        return torch.full_like(V, self.c), torch.full_like(V, self.c)


class Burgers(Law):
    """u_t + (u^2/2)_x = 0; positive: only u > 0 is admissible."""

    components = ("u",)

    def __init__(self, positive=False):
        self.positive = positive

    def flux(self, V):
        return 0.5 * V * V

    def max_speed(self, V):
        return V.abs()

    def admissible(self, U):
        return (U[:, 0] > 0) if self.positive else super().admissible(U)


class Acoustics(Law):
    """p_t + K u_x = 0, u_t + p_x / rho = 0, with the exact modulus of the matrix; V = (p / K, u)."""

    components = ("p", "u")

    def __init__(self, K=4.0, rho=0.25):
        self.K, self.rho = K, rho
        self.c = math.sqrt(K / rho)

    def variables(self, U, cells):
        return torch.cat((U[:, :1] / self.K, U[:, 1:]), dim=1)

    def conserved(self, V):
        return torch.cat((V[:, :1] * self.K, V[:, 1:]), dim=1)

    def flux(self, V):
        return torch.cat((self.K * V[:, 1:], self.K / self.rho * V[:, :1]), dim=1)

    def max_speed(self, V):
        return torch.full_like(V[:, :1], self.c)

    def upwind(self, V_l, V_r):
        return self.c * self.conserved(V_r - V_l)  # both speeds are +-c: |A| = c I


class JinXin(Law):
    """u_t + v_x = 0, v_t + a^2 u_x = (f(u) - v)/Kn; relaxes to u_t + f(u)_x = 0 (doi:10.1002/cpa.3160480303)."""

    components = ("u", "v")

    def __init__(self, a=1.5, f=lambda u: 0.5 * u * u):
        self.a, self.f = a, f

    def flux(self, V):
        return torch.cat((V[:, 1:], self.a**2 * V[:, :1]), dim=1)

    def max_speed(self, V):
        return torch.full_like(V[:, :1], self.a)

    def source(self, U, cells):
        u, v = U[:, :1], U[:, 1:]
        return torch.cat((torch.zeros_like(u), (self.f(u) - v) / cells.knudsen), dim=1)

    def relax(self, U, tau, cells):
        u, v = U[:, :1], U[:, 1:]
        return torch.cat((u, self.f(u) + (v - self.f(u)) / (1 + tau / cells.knudsen)), dim=1)


class ViscousBurgers(Burgers):
    """u_t + (u^2/2 - Kn u_x)_x = 0, the gradient among the variables: V = (u, Kn u_x)."""

    def variables(self, U, cells):
        gradient = torch.zeros_like(U)
        gradient[..., 1:-1] = (U[..., 2:] - U[..., :-2]) / (2 * cells.dx)
        return torch.cat((U, cells.knudsen_padded * gradient), dim=1)

    def conserved(self, V):
        return V[:, :1]

    def flux(self, V):
        return 0.5 * V[:, :1] ** 2 - V[:, 1:]

    def max_speed(self, V):
        return V[:, :1].abs()


LAWS = {
    "advection": Advection(),
    "advection_left": Advection(-0.7),
    "burgers": Burgers(),
    "acoustics": Acoustics(),
    "jin_xin": JinXin(),
    "viscous_burgers": ViscousBurgers(),
}
