"""Euler and Navier-Stokes-Fourier: the closures that carry rho, rho u and E only."""

from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor

from knudsen.closure.laws.elementary import TINY, exp, log, maximum
from knudsen.closure.laws.plain import PlainLaw
from knudsen.kinetic.collisions import COLLISIONS
from knudsen.kinetic.slip import jump_coefficient
from knudsen.solvers import GHOST
from knudsen.solvers.cells import closed


class Euler(PlainLaw):
    r"""The compressible Euler equations with gamma = (D + 2)/D: no stress, no heat flux.

    .. math:: \partial_t(\rho, \rho u, E) + \partial_x(\rho u, \rho u^2 + p, (E + p)u) = 0

    The exact limit of the kinetic equation for eps -> 0; in D = 1 it is Grad's closure W_3 = 0.
    """

    name = "euler"
    label = "Euler"
    colour = "#999999"
    collisions = tuple(COLLISIONS)
    components = ("rho", "m", "E")
    order = 2

    def __init__(self, gas):
        super().__init__(gas)
        self.degrees = torch.arange(3)

    def variables_of(U, p):
        rho, m, E = U
        u = m / rho
        return log(maximum(rho, TINY)), u, log(maximum((2.0 * E / rho - u * u) / p.dims, TINY))

    def conserved_of(V, p):
        rho, u, T = exp(V[0]), V[1], exp(V[2])
        return rho, rho * u, 0.5 * rho * (u * u + p.dims * T)

    def flux_of(V, p):
        rho, u, T = exp(V[0]), V[1], exp(V[2])
        pressure = rho * T
        return rho * u, rho * u * u + pressure, u * (0.5 * rho * u * u + (0.5 * p.dims + 1.0) * pressure)

    def rows(self):
        from knudsen.closure.compiled import plain  # compiled code only where it is needed

        return plain.rows_of(self)._replace(wall=plain.fluid_wall)

    def wall_flux(self, V, wall, inward):
        """Any wall reflects: Rusanov's flux between the gas and its mirror image, (0, p + rho u^2 -+ s rho u, 0)."""
        U, F = self.conserved(V), self.flux(V)
        none = torch.zeros_like(U[:, :1])
        return torch.cat((none, F[:, 1:2] - inward * self.max_speed(V) * U[:, 1:2], none), 1)

    def macroscopic(self, U, cells):
        rho, u, T = self.fluid(U)
        return {"rho": rho, "u": u, "T": T, "sigma": torch.zeros_like(T), "q": torch.zeros_like(T)}

    @property
    def closed_order(self):
        return 3 if self.gas.dims == 1 else None  # for D > 1 stress and heat flux are closed together

    def closed_moment(self, U, cells):
        return 2 * self.macroscopic(U, cells)["q"]

    def from_moments(self, G, H):
        E = G[:, 2] if H is None else G[:, 2] + H[:, 0]
        return torch.stack((G[:, 0], G[:, 1], 0.5 * E), 1)


class FluidParameters(NamedTuple):
    """What the plain functions of Navier-Stokes-Fourier read."""

    dims: float
    prandtl: float


class NavierStokesFourier(Euler):
    r"""Navier-Stokes-Fourier with the gas's transport coefficients (first Chapman-Enskog order).

    .. math:: \sigma = -\tfrac{2(D-1)}{D}\,\mu\,\partial_x u, \quad q = -\kappa\,\partial_x T, \quad
              \mu = \varepsilon p/\nu, \quad \kappa = \tfrac{D+2}{2}\,\mu/Pr

    The diffusion is the stiff part S(U): it is solved implicitly (second-order central differences in flux form, coefficients by
    fixed-point iteration), so that the convective step holds at every Knudsen number. In D = 1 heat conduction is all there is.

    At walls u = 0 and the temperature jumps, :math:`T - T_w = \zeta_T\, \ell\, \partial T/\partial n`, :math:`\ell = \mu
    \sqrt{2T}/p` (``kinetic.slip.jump_coefficient``).
    """

    name = "nsf"
    label = "NSF"
    colour = "#E69F00"
    excused = MappingProxyType({
        "momentum_and_energy_flux": "its stress and heat flux are part of the implicit diffusion, not of the flux",
        "relaxation": "the coefficients of the diffusion are iterated, to third order in tau (short_relaxation)",
    })  # fmt: skip
    picard_iterations = 3

    def __init__(self, gas):
        super().__init__(gas)
        self.parameters = FluidParameters(float(gas.dims), float(gas.prandtl))

    def wall_numbers(self, wall):
        return *super().wall_numbers(wall), jump_coefficient(self.gas, wall.accommodation)

    def rows(self):
        from knudsen.closure.compiled import navier_stokes  # compiled code only where it is needed

        return navier_stokes.rows_of(self)

    def _coefficients(self, U: Tensor, cells) -> tuple[Tensor, Tensor]:
        """2(D-1)/D mu and kappa on the n+1 faces (means of the two cells; at walls those of the cell there), [batch, n+1]."""
        walls = cells.boundary.kind == "walls"
        padded = torch.cat((U[..., :1], U, U[..., -1:]), -1) if walls else cells.pad(U)[:, :, GHOST - 1 : cells.n + GHOST + 1]
        rho, _, T = self.fluid(padded)
        mu = cells.knudsen_padded[:, 0, GHOST - 1 : cells.n + GHOST + 1] * rho * T / self.gas.frequency(rho, T)
        dims, length = self.gas.dims, 2**0.5 * mu / (rho * T.sqrt())
        mu = 0.5 * (mu[:, 1:] + mu[:, :-1])
        viscosity, conductivity = 2 * (dims - 1) / dims * mu, 0.5 * (dims + 2) / self.gas.prandtl * mu
        if walls:  # they are half a cell away, for the heat and the length of the jump
            half = torch.full_like(mu, 0.5) * _flat(cells.dx)
            left, right = cells.boundary.left[:, 2] * length[:, :1], cells.boundary.right[:, 2] * length[:, -1:]
            conductivity = conductivity * 2 * half / (half + torch.cat((left, half[:, 1:-1], right), 1))
            viscosity = torch.cat((2 * viscosity[:, :1], viscosity[:, 1:-1], 2 * viscosity[:, -1:]), 1)
        return viscosity, conductivity

    def _diffusive_flux(self, u: Tensor, T: Tensor, viscosity: Tensor, conductivity: Tensor, cells) -> Tensor:
        """(0, -sigma, -sigma u - q) on the faces; u, T with one ghost cell a side."""
        dx = _flat(cells.dx)
        minus_sigma = viscosity * u.diff() / dx
        work = minus_sigma * 0.5 * (u[:, 1:] + u[:, :-1])
        power = (closed(work) if cells.boundary.kind == "walls" else work) + conductivity * T.diff() / dx
        return torch.stack((torch.zeros_like(power), minus_sigma, power), 1)

    def source(self, U, cells):
        _, u, T = self.fluid(U)
        ends = _Ends(self, U, cells)
        flux = self._diffusive_flux(ends.pad(u, "u"), ends.pad(T, "T"), *self._coefficients(U, cells), cells)
        return flux.diff(dim=2) / cells.dx

    def relax(self, U, tau, cells):
        rho, m, E = U.unbind(1)
        dx, tau_flat = _flat(cells.dx), tau.reshape(-1, 1)
        ends = _Ends(self, U, cells)
        state, capacity = U, 0.5 * self.gas.dims * rho
        for _ in range(self.picard_iterations):
            viscosity, conductivity = self._coefficients(state, cells)
            u = m / rho
            if self.gas.dims > 1:
                u = ends.diffuse(rho, m, tau_flat * viscosity / dx**2, "u", u)
            u_pad = ends.pad(u, "u")
            work = self._diffusive_flux(u_pad, torch.zeros_like(u_pad), viscosity, conductivity, cells)[:, 2].diff() / dx
            heat = E + tau_flat * work - 0.5 * rho * u * u
            T = ends.diffuse(capacity, heat, tau_flat * conductivity / dx**2, "T", heat / capacity)
            state = torch.stack((rho, rho * u, 0.5 * rho * u * u + capacity * T), 1)
        # The last iterate enters as a flux difference: conservative to round-off whatever the linear solver's accuracy.
        flux = self._diffusive_flux(u_pad, ends.pad(T, "T"), viscosity, conductivity, cells)
        return U + tau * flux.diff(dim=2) / cells.dx

    def macroscopic(self, U, cells):
        _, u, T = self.fluid(U)
        ends, (viscosity, conductivity), dx = _Ends(self, U, cells), self._coefficients(U, cells), _flat(cells.dx)
        sigma, q = -viscosity * ends.pad(u, "u").diff() / dx, -conductivity * ends.pad(T, "T").diff() / dx
        centre = {name: 0.5 * (face[:, 1:] + face[:, :-1]) for name, face in (("sigma", sigma), ("q", q))}
        return super().macroscopic(U, cells) | centre


class _Ends:
    """What u and T are beyond the two ends, and the implicit diffusion that respects it."""

    def __init__(self, law, U, cells):
        self.kind = cells.boundary.kind
        if self.kind == "fixed":
            _, u, T = law.fluid(torch.cat(cells.boundary.ghosts(U), 2)[:, :, GHOST - 1 : GHOST + 1])
            self.values = {"u": u, "T": T}
        elif self.kind == "walls":
            T = torch.cat((cells.boundary.left[:, 0], cells.boundary.right[:, 0]), 1)
            self.values = {"u": torch.zeros_like(T), "T": T}

    def pad(self, y: Tensor, name: str) -> Tensor:
        """[batch, n] -> [batch, n+2]."""
        if self.kind == "periodic":
            left, right = y[:, -1:], y[:, :1]
        elif self.kind == "outflow":
            left, right = y[:, :1], y[:, -1:]
        else:
            left, right = (end.expand(len(y), 1) for end in self.values[name].split(1, dim=1))
        return torch.cat((left, y, right), 1)

    def diffuse(self, capacity: Tensor, rhs: Tensor, c: Tensor, name: str, start: Tensor) -> Tensor:
        """Solves capacity y - d(c dy) = rhs for y [batch, n], c on the n+1 faces, y = start where nothing diffuses. Dense and
        batched: n is a few hundred, and torch has no batched tridiagonal solver."""
        left, right = c[:, :-1], c[:, 1:]
        matrix = (
            torch.diag_embed(capacity + left + right) - torch.diag_embed(right[:, :-1], 1) - torch.diag_embed(left[:, 1:], -1)
        )
        first, last = torch.zeros_like(rhs), torch.zeros_like(rhs)
        first[:, 0], last[:, -1] = 1.0, 1.0
        if self.kind == "periodic":
            corner = (first * left).unsqueeze(2) * last.unsqueeze(1) + (last * right).unsqueeze(2) * first.unsqueeze(1)
            matrix = matrix - corner
        elif self.kind == "outflow":
            matrix = matrix - torch.diag_embed(first * left + last * right)
        # Solved for the change: what is uniform stays so to the last bit.
        change = (c * self.pad(start, name).diff()).diff()
        return start + torch.linalg.solve(matrix, change.unsqueeze(2)).squeeze(2)


def _flat(dx):
    """The cell width against [batch, cell] tensors (Cells holds a number or [batch, 1, 1])."""
    return dx.reshape(-1, 1) if isinstance(dx, Tensor) and dx.ndim == 3 else dx
