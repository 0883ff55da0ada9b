"""Navier-Stokes-Fourier in two space dimensions: viscosity, heat conduction, walls with slip, creep and jump; implicit."""

from typing import NamedTuple

import torch
from torch import Tensor

from knudsen.closure.plane.fluid import PlaneEuler
from knudsen.kinetic.slip import slip_of
from knudsen.solvers.cells import central_slopes


class PlaneNavierStokesFourier(PlaneEuler):
    r"""Navier-Stokes-Fourier with the gas's transport coefficients (first Chapman-Enskog order).

    .. math:: \sigma_{ij} = -\mu\,\big(\partial_i u_j + \partial_j u_i - \tfrac2D\,\delta_{ij}\,\partial_k u_k\big), \quad
              q = -\kappa\,\nabla T, \quad \mu = \varepsilon p/\nu, \quad \kappa = \tfrac{D+2}{2}\,\mu/Pr

    The diffusion is the stiff part S(U): second-order differences in flux form, solved implicitly, coefficients and mixed
    derivatives by fixed-point iteration (these are at most a third of the others), so that the convective step holds at every
    Knudsen number.

    At walls the normal velocity vanishes, and with n into the gas, s along the wall, :math:`\ell = \mu \sqrt{2T}/p`,

    .. math:: u_s - u_w = \zeta\,\ell\,\partial_n u_s + \sigma_T\,\tfrac{\mu}{\rho T}\,\partial_s T, \qquad
              T - T_w = \zeta_T\,\ell\,\partial_n T,

    coefficients of the gas and of the accommodation (``kinetic.slip``).
    """

    name = "nsf"
    label = "NSF"
    colour = "#E69F00"
    picard_iterations = 3

    def wall_numbers(self, wall):
        slip = slip_of(self.gas, wall.accommodation)
        return *super().wall_numbers(wall), slip.viscous, slip.thermal, slip.jump

    def relax(self, U, tau, plane):
        rho, m, E, n = U.unbind(1)
        tau = tau[:, 0]
        capacity, state = 0.5 * self.gas.dims * rho, _State(self, U, plane)
        for _ in range(self.picard_iterations):
            mixed = state.mixed_stress()
            units = rho.mean() * state.T.max().sqrt(), capacity.mean() * state.T.max()
            u, v = (
                state.diffused(name, rho, momentum + tau * state.divergence(stress), momentum / rho, tau, units[0])
                for name, momentum, stress in (("u", m, mixed[0]), ("v", n, mixed[1]))
            )
            stress = state.stress(u, v, mixed)
            heat = E + tau * state.divergence(state.work(u, v, stress)) - 0.5 * rho * (u * u + v * v)
            T = state.diffused("T", capacity, heat, heat / capacity, tau, units[1])
            # fluxes of the last iterate: conservative to round-off whatever the linear solver's accuracy
            found = U + tau[:, None] * state.change(state.fluxes(u, v, T, stress))
            state = state.moved(rho, u, v, T)
        return found

    def source(self, U, plane):
        return _State(self, U, plane).change(self.diffusion(U, plane))

    def diffusion(self, U, plane):
        state = _State(self, U, plane)
        u, v, T = state.u, state.v, state.T
        return state.fluxes(u, v, T, state.stress(u, v, state.mixed_stress()))

    def fields(self, U, plane):
        state = _State(self, U, plane)
        (xx, yx), (xy, yy) = state.stress(state.u, state.v, state.mixed_stress())
        (xx, xy), (yx, yy) = ((_mean(xx, 0), _mean(xy, 0)), (_mean(yx, 1), _mean(yy, 1)))
        heat = [-_mean(q, axis) for axis, q in enumerate(state.heat(state.T))]
        own = {"qx": heat[0], "qy": heat[1], "sigma_xx": -xx, "sigma_xy": -0.5 * (xy + yx), "sigma_yy": -yy}
        return super().fields(U, plane) | own


class _Ghost(NamedTuple):
    """What lies one cell beyond an end: slope y + value, y of the last cell there."""

    slope: Tensor | float
    value: Tensor | float = 0.0


class _State:
    """Velocity and temperature [batch, y, x], the coefficients on the faces across both axes, and what lies beyond the sides.

    A pair of lists or tuples is of the two axes, x first; a stress is for either momentum such a pair.
    """

    def __init__(self, law, U: Tensor, plane):
        self.law, self.plane, self.dims = law, plane, law.gas.dims
        rho, u, T = law.fluid(U)
        self._set(rho, u, U[:, law.momentum[1]] / rho, T)

    def moved(self, rho, u, v, T) -> "_State":
        """With other values."""
        state = object.__new__(_State)
        state.law, state.plane, state.dims = self.law, self.plane, self.dims
        state._set(rho, u, v, T)
        return state

    def _set(self, rho, u, v, T):
        self.rho, self.u, self.v, self.T = rho, u, v, T
        self.mu = self._viscosity(rho, T)
        self.ghosts = [[self._beyond(axis, end) for end in (0, 1)] for axis in (0, 1)]
        self.faces = [_mean(self.padded(self.mu, axis, "mu"), axis) for axis in (0, 1)]

    def _viscosity(self, rho, T):
        return self.plane.knudsen * self.law.gas.viscosity(rho, T)

    def _beyond(self, axis: int, end: int) -> dict[str, _Ghost] | None:
        """The ghosts of u, v, T and mu at an end of the lines; None where they are periodic."""
        side, normal, along = self.plane.sides[2 * axis + end], "uv"[axis], "vu"[axis]
        if side.kind == "periodic":
            return None
        if side.kind == "outflow":
            return dict.fromkeys(("u", "v", "T", "mu"), _Ghost(1.0))
        if side.kind == "fixed":
            rho, u, T = (_edge_like(value[0], axis) for value in self.law.fluid(side.values[None]))
            v = _edge_like(side.values[self.law.momentum[1]], axis) / rho
            values = {"u": u, "v": v, "T": T, "mu": self._viscosity(rho, T)}
            return {name: _Ghost(0.0, value) for name, value in values.items()}
        wall_T, _, velocity, viscous, thermal, jump = side.values
        rho, T, mu = (_edge(values, axis, end) for values in (self.rho, self.T, self.mu))
        length, half = 2**0.5 * mu / (rho * T.sqrt()), 0.5 * self.plane.spacing[axis]
        creep = thermal * mu / (rho * T) * self.slope(T, 1 - axis)
        slip, jump = 2 * half / (half + viscous * length), 2 * half / (half + jump * length)
        return {
            normal: _Ghost(-1.0),
            along: _Ghost(1 - slip, slip * (velocity + creep)),
            "T": _Ghost(1 - jump, jump * wall_T),
            "mu": _Ghost(1.0),
        }

    def padded(self, y: Tensor, axis: int, name: str) -> Tensor:
        """With one ghost cell at both ends of the lines along an axis."""
        first, last = _edge(y, axis, 0), _edge(y, axis, 1)
        if self.ghosts[axis][0] is None:
            return torch.cat((last, y, first), 2 - axis)
        before, after = (ghosts[name] for ghosts in self.ghosts[axis])
        return torch.cat((before.slope * first + before.value, y, after.slope * last + after.value), 2 - axis)

    def slope(self, y: Tensor, axis: int) -> Tensor:
        """Central differences, one-sided at sides that are not periodic."""
        periodic = self.plane.sides[2 * axis].kind == "periodic"
        return central_slopes(y.transpose(2, 2 - axis), self.plane.spacing[axis], periodic).transpose(2, 2 - axis)

    def gradient(self, y: Tensor, axis: int, name: str) -> Tensor:
        """Compact differences on the faces across an axis."""
        return self.padded(y, axis, name).diff(dim=2 - axis) / self.plane.spacing[axis]

    def mixed_stress(self):
        """The part of minus the stress that is made of differences along the faces."""
        slopes = {}
        for name, y, axis in (("u", self.u, 1), ("v", self.v, 0), ("u", self.u, 0), ("v", self.v, 1)):
            inner = _inner(self.padded(y, axis, name), axis)
            slopes[name, axis] = inner / self.plane.spacing[axis]
        xx, yy = (-2 / self.dims * self.faces[axis] * self._on_faces(slopes["vu"[axis], 1 - axis], axis, 1) for axis in (0, 1))
        xy, yx = (self.faces[axis] * self._on_faces(slopes["uv"[axis], 1 - axis], axis, -1) for axis in (0, 1))
        return (xx, yx), (xy, yy)

    def _on_faces(self, y: Tensor, axis: int, mirrored: int) -> Tensor:
        """Means on the faces across an axis; mirrored: 1 or -1, of the values beyond walls."""
        first, last = _edge(y, axis, 0), _edge(y, axis, 1)
        if self.ghosts[axis][0] is None:
            return _mean(torch.cat((last, y, first), 2 - axis), axis)
        before, after = (mirrored if side.kind == "walls" else 1 for side in self.plane.sides[2 * axis : 2 * axis + 2])
        return _mean(torch.cat((before * first, y, after * last), 2 - axis), axis)

    def coefficients(self, name: str) -> tuple[Tensor, Tensor]:
        """Of the compact differences on the faces across both axes."""
        if name == "T":
            return tuple(0.5 * (self.dims + 2) / self.law.gas.prandtl * mu for mu in self.faces)
        return tuple((2 - 2 / self.dims if "uv"[axis] == name else 1) * mu for axis, mu in enumerate(self.faces))

    def flow(self, y: Tensor, name: str) -> tuple[Tensor, Tensor]:
        """Coefficient times compact difference."""
        return tuple(c * self.gradient(y, axis, name) for axis, c in enumerate(self.coefficients(name)))

    def stress(self, u, v, mixed):
        """Minus the stress."""
        whole = zip(mixed, (self.flow(u, "u"), self.flow(v, "v")), strict=True)
        return tuple(tuple(a + b for a, b in zip(one, other, strict=True)) for one, other in whole)

    def work(self, u, v, stress):
        """Of minus the stress, with the velocities on the faces."""
        of_u, of_v = stress
        return tuple(
            of_u[axis] * _mean(self.padded(u, axis, "u"), axis) + of_v[axis] * _mean(self.padded(v, axis, "v"), axis)
            for axis in (0, 1)
        )

    def heat(self, T):
        """Minus the heat flux."""
        return self.flow(T, "T")

    def divergence(self, flow) -> Tensor:
        return sum(f.diff(dim=2 - axis) / self.plane.spacing[axis] for axis, f in enumerate(flow))

    def fluxes(self, u, v, T, stress) -> list[Tensor]:
        """(0, sigma_xn, q + sigma u, sigma_yn) on the faces across both axes, [batch, component, y, x]."""
        power = [w + q for w, q in zip(self.work(u, v, stress), self.heat(T), strict=True)]
        return [-torch.stack((torch.zeros_like(q), xn, q, yn), 1) for xn, yn, q in zip(*stress, power, strict=True)]

    def change(self, fluxes) -> Tensor:
        """dU/dt [batch, component, y, x]."""
        return -sum(F.diff(dim=3 - axis) / self.plane.spacing[axis] for axis, F in enumerate(fluxes))

    def diffused(self, name: str, capacity, right, start, tau, unit) -> Tensor:
        """y of capacity y - tau div(c grad y) = right, found for the change from the start: what is uniform stays so to the last
        bit. unit: of the right-hand side."""
        residual = right - capacity * start + tau * self.divergence(self.flow(start, name))
        c = [tau * c / d**2 for c, d in zip(self.coefficients(name), self.plane.spacing, strict=True)]
        diagonal = capacity.clone()
        for axis in (0, 1):
            n = c[axis].shape[2 - axis] - 1
            diagonal += c[axis].narrow(2 - axis, 0, n) + c[axis].narrow(2 - axis, 1, n)
            for end in (0, 1) if self.ghosts[axis][0] is not None else ():
                _edge(diagonal, axis, end).sub_(_edge(c[axis], axis, end) * self.ghosts[axis][end][name].slope)
        return start + solve(diagonal, *c, residual, float(unit), [ghosts[0] is None for ghosts in self.ghosts])


def solve(diagonal: Tensor, along_x: Tensor, along_y: Tensor, right: Tensor, unit: float, periodic: list[bool]) -> Tensor:
    """The solution of a five-point system by conjugate gradients, until what is left is round-off of ``unit``."""
    from knudsen.closure.compiled.five_points import conjugate_gradients  # compiled code only where it is needed

    found = torch.zeros_like(right)
    for b in range(len(right)):
        arrays = (values[b].contiguous().numpy() for values in (diagonal, along_x, along_y, right, found))
        conjugate_gradients(*arrays, *periodic, unit)
    return found


def _edge(y: Tensor, axis: int, end: int) -> Tensor:
    """The last cells at an end of the lines along an axis, that dimension kept."""
    return y.narrow(2 - axis, -end % y.shape[2 - axis], 1)


def _edge_like(values: Tensor, axis: int) -> Tensor:
    """Values along a side as ``_edge``."""
    return values[None].unsqueeze(2 - axis)


def _mean(y: Tensor, axis: int) -> Tensor:
    """Of neighbours along an axis: from cells to faces, or back."""
    n = y.shape[2 - axis] - 1
    return 0.5 * (y.narrow(2 - axis, 0, n) + y.narrow(2 - axis, 1, n))


def _inner(y: Tensor, axis: int) -> Tensor:
    """Half the difference of the two neighbours along an axis."""
    n = y.shape[2 - axis] - 2
    return 0.5 * (y.narrow(2 - axis, 2, n) - y.narrow(2 - axis, 0, n))
