"""A constitutive closure: stress and heat flux from local gradients, by a network that is a dissipation potential."""

from collections.abc import Callable
from types import MappingProxyType

import torch
from torch import Tensor, nn

from knudsen.closure.laws.base import MomentLaw
from knudsen.closure.laws.fluid import Euler, NavierStokesFourier
from knudsen.closure.learned.protocol import LearnedLaw
from knudsen.errors import InputError
from knudsen.solvers import GHOST

SCALES = (0.01, 0.1)  # of the density gradient at which its sign is felt, in mean free paths per length
FLOOR = 0.2  # of Navier-Stokes-Fourier's diffusion: in no state is there less


class ConvexRidges(nn.Module):
    r"""Psi(x; s) = sum_k v_k softplus(theta_k . x + d_k . s + b_k), v_k > 0: convex in x for every s.

    ``derivatives(x, s)``: gradient, less that at x = 0, and Hessian by x, in closed form. theta_k begins at lengths from 2 to
    160: what changes over gradients from 0.5 to 0.006.
    """

    def __init__(self, inputs: int, outputs: int = 1, parity_in=None, parity_out=None, units: int = 24):
        super().__init__()
        if isinstance(units, bool) or not isinstance(units, int) or units < 1:
            raise InputError(f"closure.network.units={units!r}: give a whole number of at least 1")
        x = {"dtype": torch.float64}
        length, angle = torch.logspace(0.3, 2.2, units, **x), torch.pi * torch.rand(units, **x)
        self.theta = nn.Parameter(torch.stack((length * angle.cos(), length * angle.sin()), 1))
        self.d = nn.Parameter(0.5 * torch.randn(units, inputs - 2, **x))
        self.b = nn.Parameter(torch.randn(units, **x))
        self.free = nn.Parameter(torch.full((units,), -1.0, **x))
        self.register_buffer("size", 5 / length**2)

    def derivatives(self, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        """x [..., 2], s [..., inputs - 2] -> [..., 2] and [..., 2, 2]."""
        v, without = nn.functional.softplus(self.free) * self.size, self.b + s @ self.d.T
        slope, at_zero = torch.sigmoid(x @ self.theta.T + without), torch.sigmoid(without)
        hessian = torch.einsum("...k,ki,kj->...ij", slope * (1 - slope) * v, self.theta, self.theta)
        return ((slope - at_zero) * v) @ self.theta, hessian


class Constitutive(Euler, LearnedLaw):
    r"""rho, rho u and E, with stress and heat flux from a convex dissipation potential of the local gradients, D = 2, 3.

    .. math:: \sigma = -p\, \partial\varphi/\partial a, \quad q = -p \sqrt T\, \partial\varphi/\partial b, \quad \tau = \mu/p,

    .. math:: a = \tau\, \partial_x u, \quad b = \tau \sqrt T\, \partial_x \ln T, \quad c = \tau \sqrt T\, \partial_x \ln\rho,

    .. math:: \varphi(a, b; c) = \tfrac12 \eta\, X^T N X + \tfrac12 \big[\Psi(L X; s) + \Psi(L \bar X; -s)\big], \quad X = (a, b),
              \; \bar X = (a, -b), \; s_i = c/\sqrt{c^2 + c_i^2}

    N = diag(2(D-1)/D, (D+2)/(2 Pr)); Psi a network, convex in its first two arguments, less its tangent at X = 0; L a diagonal
    matrix that makes the Hessian of phi at X = 0, c = 0 equal to N.

    Promises, for any weights (tested): the exact Navier-Stokes-Fourier limit for small gradients; Galilean, scale (of f, of v, of
    eps) and reflection invariance, gases of any frequency; entropy production (p/(tau T)) X . dphi/dX >= 0; phi strictly convex,
    so that the linearised diffusion of (u, T) is symmetric (in suitable units) and positive, never below eta = 0.2 of
    Navier-Stokes-Fourier's: no mode grows without bound with its wave number (density gradients enter as a change of speed
    only). No promise: accuracy outside the gradients it was trained on.

    Diffusion is implicit: Newton's method on the faces, all of (u, T) at once, entering as a flux difference.
    Source of the form: S. R. de Groot, P. Mazur, Non-Equilibrium Thermodynamics (1962), chapter IV. The shocks that it learns
    from: fluxes of mass, momentum and energy are constant, so density and temperature alone give stress and heat flux.
    """

    name = "constitutive"
    label = "constitutive"
    colour = "#44AA99"
    dims = (2, 3)
    labels = training = "knudsen.closure.training.constitutive"
    excused = MappingProxyType({
        "momentum_and_energy_flux": NavierStokesFourier.excused["momentum_and_energy_flux"],
        "relaxation": "in rough states and for a long tau Newton's iterations end before they have converged (short_relaxation)",
    })  # fmt: skip
    wall_flux = MomentLaw.wall_flux  # its diffusion knows no jumps at walls: has_walls is false
    newton_iterations, halvings = 8, 4

    def __init__(self, gas, network: Callable):
        """``network``: a constructor (inputs, outputs, parity_in, parity_out) -> torch.nn.Module with ``derivatives``, as of
        :class:`ConvexRidges`: inputs a, b (convex in them), s_1, s_2."""
        super().__init__(gas)
        self.network = network(2 + len(SCALES), 1, parity_in=torch.tensor([1, -1] + [-1] * len(SCALES)), parity_out=torch.ones(1))
        D = gas.dims
        self.nsf = torch.tensor([2 * (D - 1) / D, 0.5 * (D + 2) / gas.prandtl], dtype=torch.float64)
        self.options = {}

    # The potential --------------------------------------------------------------------------------------------------------------

    def derivatives(self, X: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """Gradient [..., 2] and Hessian [..., 2, 2] of phi at X = (a, b) [..., 2] and c [...]."""
        if not hasattr(self.network, "derivatives"):
            raise InputError(
                f"closure.network: {type(self.network).__name__} has no derivatives(x, s); derive it from ConvexRidges"
            )
        mirror = torch.tensor([1.0, -1.0], dtype=X.dtype)
        s = torch.stack([c / (c * c + scale**2).sqrt() for scale in SCALES], -1)
        none = torch.zeros(1, 2, dtype=X.dtype)
        _, rest = self.network.derivatives(none, torch.zeros(1, len(SCALES), dtype=X.dtype))
        L = ((1 - FLOOR) * self.nsf / torch.diagonal(rest[0])).sqrt()
        g, h = self.network.derivatives(L * X, s)
        g_mirror, h_mirror = self.network.derivatives(L * X * mirror, -s)
        gradient = 0.5 * L * (g + mirror * g_mirror) + FLOOR * self.nsf * X
        hessian = 0.5 * L[:, None] * L * (h + mirror[:, None] * mirror * h_mirror) + FLOOR * torch.diag(self.nsf)
        return gradient, hessian

    # On the faces ---------------------------------------------------------------------------------------------------------------

    def _faces(self, U: Tensor, cells):
        """On the n+1 faces p, tau, sqrt(T), u, c [batch, n+1]; and u and T with one ghost cell a side."""
        rho, u, T = self.fluid(cells.pad(U)[:, :, GHOST - 1 : cells.n + GHOST + 1])
        eps = cells.knudsen_padded[:, 0, GHOST - 1 : cells.n + GHOST + 1]
        p, tau, speed, mean = (_mean(value) for value in (rho * T, eps / self.gas.frequency(rho, T), T.sqrt(), u))
        return p, tau, speed, mean, tau * speed * rho.log().diff() / _flat(cells.dx), u, T

    def _fluxes(self, U: Tensor, cells):
        """(-sigma, -q) on the faces, [2, batch, n+1], their derivatives by (du/dx, dT/dx), [2, 2, batch, n+1], and u."""
        p, tau, s, mean, c, u, T = self._faces(U, cells)
        dx = _flat(cells.dx)
        X = torch.stack((tau * u.diff() / dx, tau / s * T.diff() / dx), -1)
        g, h = self.derivatives(X, c)
        flux = torch.stack((p * g[..., 0], p * s * g[..., 1]))
        by = p * tau * torch.stack(
            (torch.stack((h[..., 0, 0], h[..., 0, 1] / s)), torch.stack((s * h[..., 1, 0], h[..., 1, 1])))
        )  # fmt: skip
        return flux, by, mean

    def source(self, U, cells):
        (stress, heat), _, u = self._fluxes(U, cells)
        return torch.stack((torch.zeros_like(stress), stress, stress * u + heat), 1).diff(dim=2) / cells.dx

    def relax(self, U, tau, cells):
        _, u, T = self.fluid(U)
        dx, step = _flat(cells.dx), tau.reshape(-1, 1)
        defect, fluxes = self._defect(U, u, T, step, cells)
        first = size = self._size(defect, U)
        for _ in range(self.newton_iterations):
            du, dT = self._correction(U, u, defect, fluxes, step, cells)
            share = torch.ones_like(step)
            for _ in range(self.halvings):  # far from the answer Newton's step may be too long: the least defect on the way
                trial = self._defect(U, u + share * du, T + share * dT, step, cells)
                better = (self._size(trial[0], U) < size) & (T + share * dT > 0).all(1)
                if bool(better.all()):
                    break
                share = torch.where(better[:, None], share, 0.5 * share)
            u, T = u + share * du, T + share * dT
            defect, fluxes = self._defect(U, u, T, step, cells)
            size = self._size(defect, U)
            if bool((size <= 1e-20 * first).all()):
                break
        # One more linear step as a flux difference: conservative to round-off whatever is left of the defect.
        du, dT = self._correction(U, u, defect, fluxes, step, cells)
        (stress, heat), ((a_u, a_T), (b_u, b_T)), mean = fluxes
        slope_u, slope_T = _gradient(du, cells) / dx, _gradient(dT, cells) / dx
        stress = stress + a_u * slope_u + a_T * slope_T
        heat = heat + b_u * slope_u + b_T * slope_T
        flux = torch.stack((torch.zeros_like(stress), stress, stress * mean + heat), 1)
        return U + tau * flux.diff(dim=2) / cells.dx

    def _defect(self, U, u, T, step, cells):
        """What (u, T) leave of the implicit equations of momentum and energy, [batch, 2 n], and ``_fluxes`` there."""
        rho, m, E = U.unbind(1)
        dx, capacity = _flat(cells.dx), 0.5 * self.gas.dims * rho
        energy = 0.5 * rho * u * u + capacity * T
        fluxes = self._fluxes(torch.stack((rho, rho * u, energy), 1), cells)
        (stress, heat), _, mean = fluxes
        momentum = m - rho * u + step * stress.diff() / dx
        return torch.cat((momentum, E - energy + step * (stress * mean + heat).diff() / dx), 1), fluxes

    def _size(self, defect, U):
        """Of the defect, [batch]: mean square in units of the thermal momentum and of the energy, in the gas's own frame."""
        rho, u, T = self.fluid(U)
        momentum, energy = defect.split(U.shape[2], 1)
        return ((momentum / (rho * T.sqrt())) ** 2 + ((energy - u * momentum) / (rho * T)) ** 2).mean(1)

    def _correction(self, U, u, defect, fluxes, step, cells):
        """Newton's (du, dT): the coefficients p, tau, sqrt(T), c and the u that stress works on are held."""
        rho, _, ((a_u, a_T), (b_u, b_T)), mean, r = U[:, 0], *fluxes, step / _flat(cells.dx) ** 2
        first = torch.cat((torch.diag_embed(rho) + _laplacian(r * a_u, cells), _laplacian(r * a_T, cells)), 2)
        of_u = torch.diag_embed(rho * u) + _laplacian(r * (mean * a_u + b_u), cells)
        of_T = torch.diag_embed(0.5 * self.gas.dims * rho) + _laplacian(r * (mean * a_T + b_T), cells)
        matrix = torch.cat((first, torch.cat((of_u, of_T), 2)), 1)
        return torch.linalg.solve(matrix, defect.unsqueeze(2)).squeeze(2).split(U.shape[2], 1)

    def macroscopic(self, U, cells):
        rho, u, T = self.fluid(U)
        (stress, heat), _, _ = self._fluxes(U, cells)
        return {"rho": rho, "u": u, "T": T, "sigma": -_mean(stress), "q": -_mean(heat)}


def _mean(y: Tensor) -> Tensor:
    return 0.5 * (y[:, 1:] + y[:, :-1])


def _flat(dx):
    """The cell width against [batch, cell] tensors (Cells holds a number or [batch, 1, 1])."""
    return dx.reshape(-1, 1) if isinstance(dx, Tensor) and dx.ndim == 3 else dx


def _gradient(change: Tensor, cells) -> Tensor:
    """Differences on the n+1 faces of a change [batch, n] that the boundary answers: fixed ends do not change."""
    kind = cells.boundary.kind
    first, last = change[:, :1], change[:, -1:]
    left, right = {"periodic": (last, first), "outflow": (first, last)}.get(kind, (0 * first, 0 * last))
    return torch.cat((left, change, right), 1).diff()


def _laplacian(k: Tensor, cells) -> Tensor:
    """The matrix [batch, n, n] of y -> -d(k dy), k on the n+1 faces. Dense and batched, as of Navier-Stokes-Fourier."""
    left, right = k[:, :-1].clone(), k[:, 1:].clone()
    matrix = torch.diag_embed(left + right) - torch.diag_embed(right[:, :-1], 1) - torch.diag_embed(left[:, 1:], -1)
    if cells.boundary.kind == "periodic":
        matrix[:, 0, -1] -= left[:, 0]
        matrix[:, -1, 0] -= right[:, -1]
    elif cells.boundary.kind == "outflow":
        matrix[:, 0, 0] -= left[:, 0]
        matrix[:, -1, -1] -= right[:, -1]
    return matrix
