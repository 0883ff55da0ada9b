r"""What every closure shares: own-frame characteristics, relaxation to the Maxwellian, macroscopic fields.

All closures carry raw velocity moments in conservative form, of the density g (and, for more than one velocity dimension, of
h = int |v_perp|^2 f dv_perp): rho = G_0, m = G_1, 2E = G_2 + H_0. A closure adds the one thing the moments do not know.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from knudsen.closure.laws import walls
from knudsen.closure.laws.frames import powers
from knudsen.errors import InputError
from knudsen.shown import as_table
from knudsen.solvers import Law
from knudsen.solvers.steady import Basis

# What row functions stand for: a subclass that overrides one of these needs row functions of its own.
FORMULAE = (
    "boost", "closed_moments", "conserved", "departure", "diffusivity", "energy", "equilibrium_defect", "flux", "frame",
    "gradient_rows", "local_variables", "max_speed", "product", "rate", "relax", "rescale", "source", "speeds", "transport",
    "upwind", "variables", "wall_flux", "wall_ghosts",
)  # fmt: skip


class MomentLaw(Law):
    r"""A moment system dU/dt + dF/dx = S with a closed flux F and collisions S that are solved implicitly.

    A subclass states its ``name``, ``components``, ``degrees``, ``order`` and, where it is not for every gas, ``collisions`` and
    ``dims``, and gives ``local_variables`` and their inverse ``conserved``, ``flux``, ``boost``, ``energy``, ``from_moments`` and
    ``macroscopic``. Its collisions are :math:`S = \nu (U[M] - U)/\epsilon` with an ``equilibrium_defect`` (zero unless it is
    given), or a ``relax`` and ``source`` of its own. Variables V begin with (ln rho, u, ln T); ``frame`` reads (u, T) from them.

    What every subclass promises, or is ``excused`` from, is ``knudsen.closure.promises``: conservation, Galilean invariance (flux
    and source commute with ``boost``), invariance under scaling of f and of v, reflection, flux(U, U) = F(U), and more.
    """

    name: str  # as results call it; every subclass has its own
    label: str = ""  # in figures and tables; empty: the name
    colour: str = ""  # in figures; empty: chosen for it
    degrees: Tensor  # the power of velocity in each component, [n]
    order: int  # raw moments of g (and h) a start needs: 0..order
    robust: tuple[Mapping[str, str], ...] = ()  # schemes that a case is run with again where others lose it, the sharpest first
    collisions: tuple[str, ...] = ("bgk",)  # models whose relaxation the closure has, of ``kinetic.collisions.COLLISIONS``
    dims: tuple[int, ...] = (1, 2, 3)  # velocity dimensions it is for
    otherwise: str = "it is not for its collisions and velocity dimensions"  # why not for other gases, in words
    excused: Mapping[str, str] = MappingProxyType({})  # promises (``knudsen.testing.PROMISES``) that it does not make: why not
    single = False  # does its network compute in single precision in the compiled loop?
    notes: tuple[str, ...] = ()  # what users of its solutions should know, in words
    members: Sequence = ()  # of an ensemble: it then has ``spread(U, cells)``, the closed moment's standard deviation

    def __init__(self, gas):
        if not type(self).handles(gas):
            raise InputError(f"closure={self.name}: not for the collisions and velocity dimensions of gas={gas.name}")
        self.gas = gas

    def __repr__(self) -> str:
        return f"<{self.label or self.name}: {len(self.components)} moments, for {self.gas.name}>"

    def _repr_html_(self) -> str:
        return as_table(f"Closure {self.label or self.name}", {"carries": ", ".join(self.components), "gas": repr(self.gas)})

    @classmethod
    def handles(cls, gas) -> bool:
        """Is the closure for this gas: its collisions, its velocity dimensions?"""
        return gas.collision in cls.collisions and gas.dims in cls.dims

    @classmethod
    def of(cls, gas) -> type["MomentLaw"]:
        """The class that stands for this closure with a gas that it handles: itself, unless one name is for several."""
        return cls

    # Frames ------------------------------------------------------------------------------------------------------------------

    def boost(self, U: Tensor, velocity: Tensor) -> Tensor:
        """The same gas with every velocity increased by ``velocity`` [batch, cell]; linear in U."""
        raise NotImplementedError

    def rescale(self, U: Tensor, scale: Tensor) -> Tensor:
        """The same gas with every velocity multiplied by ``scale`` [batch, cell]; linear in U."""
        return U * powers(scale, int(self.degrees.max()) + 1)[:, self.degrees]

    def frame(self, V: Tensor) -> tuple[Tensor, Tensor]:
        """Velocity u and temperature T [batch, cell] of the variables V."""
        return V[:, 1], V[:, 2].exp()

    @cached_property
    def parity(self) -> Tensor:
        """What becomes of each component when the gas is seen in a mirror: 1 or -1, [n]."""
        return (-1.0) ** self.degrees

    @cached_property
    def at_rest(self) -> Tensor:
        """The Maxwellian with rho = T = 1 at rest, [1, n, 1]."""
        return self.from_moments(*gaussian_moments(self.order, self.gas.dims))

    # Upwinding along the equilibrium characteristics --------------------------------------------------------------------------

    @cached_property
    def characteristics(self) -> tuple[Tensor, Tensor, Tensor]:
        """Eigenvalues, right and left eigenvectors of dF/dU at rest with rho = T = 1: the speeds in units of sqrt(T)."""

        def flux(U):
            return self.flux(self.local_variables(U))[0, :, 0]

        jacobian = torch.autograd.functional.jacobian(flux, self.at_rest)[:, 0, :, 0]
        # Reflection makes the speeds come in pairs and couples even to odd moments only: with the even part e of an eigenvector,
        # J_eo J_oe e = speed^2 e. Solved in that form the pairs are mirror images to the last bit.
        even, odd = (self.parity > 0).nonzero()[:, 0], (self.parity < 0).nonzero()[:, 0]
        to_odd, to_even = jacobian[odd][:, even], jacobian[even][:, odd]
        squares, vectors = torch.linalg.eig(to_even @ to_odd)
        if squares.imag.abs().max() > 1e-6 or squares.real.min() < -1e-6:
            raise ValueError(f"closure {self.name} is not hyperbolic at equilibrium: squares of the speeds {squares.tolist()}")
        speeds, right = [], []
        for square, e in zip(squares.real, vectors.real.T, strict=True):
            for sign in (1, -1) if square > 1e-6 else (0,):
                speed = sign * square.sqrt() if sign else torch.zeros_like(square)
                vector = torch.zeros(len(self.degrees), dtype=jacobian.dtype)
                vector[even] = e
                vector[odd] = to_odd @ e / speed if sign else 0.0
                speeds.append(speed)
                right.append(vector)
        right = torch.stack(right, 1)
        return torch.stack(speeds), right, torch.linalg.inv(right)

    def upwind(self, V_l: Tensor, V_r: Tensor) -> Tensor:
        r"""abs(A) (U_r - U_l) along the characteristics of the closure's own equilibrium in the mean frame of the face (u, T).

        .. math:: |A| = B R\,|u + \sqrt T \Lambda|\,R^{-1} B^{-1}

        with B the (exact, linear) frame change. Exact Roe dissipation near equilibrium; far from it (``departure``: the true
        speeds leave the span of Lambda) and at jumps of order one, where linear waves would empty a cell, it is blended into
        Rusanov's.
        """
        speeds, right, left = self.characteristics
        (u_l, T_l), (u_r, T_r) = self.frame(V_l), self.frame(V_r)
        u, s = 0.5 * (u_l + u_r), (0.5 * (T_l + T_r)).sqrt()
        jump = self.conserved(V_r) - self.conserved(V_l)
        waves = torch.einsum("ij,bjn->bin", left, self.rescale(self.boost(jump, -u), 1 / s))
        speed = u.unsqueeze(1) + s.unsqueeze(1) * speeds[:, None]
        # |speed| rounded off within a twentieth of a thermal speed: smooth for implicit solvers, and no sonic glitch.
        waves = (speed * speed + (0.05 * s.unsqueeze(1)) ** 2).sqrt() * waves
        dissipation = self.boost(self.rescale(torch.einsum("ij,bjn->bin", right, waves), s), u)
        blend = torch.maximum(torch.maximum(self.departure(V_l), self.departure(V_r)), _strength(V_l, V_r, s))
        rusanov = torch.maximum(self.max_speed(V_l), self.max_speed(V_r)) * jump
        return torch.lerp(dissipation, rusanov, blend)

    def departure(self, V: Tensor) -> Tensor:
        """0 where the equilibrium characteristics are a good basis for upwinding, 1 where they are not; [batch, 1, cell]."""
        return torch.zeros_like(V[:, :1])

    def max_speed(self, V: Tensor) -> Tensor:
        u, T = self.frame(V)
        return (u.abs() + self.characteristics[0].abs().max() * T.sqrt()).unsqueeze(1)

    def speeds(self, V: Tensor) -> tuple[Tensor, Tensor]:
        """u less and u plus the largest speed in the gas's own frame; symmetric about zero beside non-conservative products,
        where the flux alone does not know a wave's direction."""
        u = V[:, 1:2]
        own = self.max_speed(V) - u.abs()
        if self.product is not None:
            return -u.abs() - own, u.abs() + own
        return u - own, u + own

    # Relaxation --------------------------------------------------------------------------------------------------------------

    def local_variables(self, U: Tensor) -> Tensor:
        """Variables that need no neighbours, the closing terms at their local rule."""
        raise NotImplementedError

    def variables(self, U: Tensor, cells) -> Tensor:
        return self.local_variables(U)

    def equilibrium_defect(self, U: Tensor) -> Tensor:
        """U[M] - U, exactly zero in mass, momentum and energy."""
        return torch.zeros_like(U)

    def rate(self, U: Tensor, cells) -> Tensor:
        """nu / eps in every cell, [batch, 1, cell]."""
        rho, _, T = self.fluid(U)
        return self.gas.frequency(rho, T).unsqueeze(1) / cells.knudsen if self.gas.omega is not None else 1 / cells.knudsen

    def relax(self, U: Tensor, tau: Tensor, cells) -> Tensor:
        """Solves U' = U + tau nu (U'[M] - U')/eps, exactly: the Maxwellian and nu are those of U, being conserved."""
        w = tau * self.rate(U, cells)
        return U + w / (1 + w) * self.equilibrium_defect(U)

    def source(self, U: Tensor, cells) -> Tensor:
        return self.rate(U, cells) * self.equilibrium_defect(U)

    def admissible(self, U: Tensor) -> Tensor:
        rho, _, T = self.fluid(U)
        return (rho > 0) & (T > 0) & U.isfinite().all(1)

    # Walls -------------------------------------------------------------------------------------------------------------------

    def closed_moments(self, V: Tensor) -> tuple[Tensor, Tensor | None]:
        """Raw moments G [batch, p, face] of g, p > 3, and H [batch, r, face], r > 1, of h (None in one velocity dimension), those
        that the closure supplies included. InputError of a closure that has no walls."""
        raise InputError(f"case.boundary=walls: closure={self.name} has no walls; take another closure, or solver=kinetic")

    def wall_numbers(self, wall) -> tuple[float, ...]:
        """What the flux through a ``knudsen.kinetic.Wall`` depends on: its temperature, its accommodation coefficient."""
        return wall.temperature, wall.accommodation

    def wall_flux(self, V: Tensor, wall: Tensor, inward: int) -> Tensor:
        """The flux of every component through a wall (:func:`knudsen.closure.laws.walls.wall_flux`)."""
        return walls.wall_flux(self, V, wall, inward)

    def wall_ghosts(self, U: Tensor) -> tuple[Tensor, Tensor]:
        """Ghost cells at walls (:func:`knudsen.closure.laws.walls.ghosts`)."""
        return walls.ghosts(self, U)

    @property
    def has_walls(self) -> bool:
        """Can the closure's gas be between walls?"""
        own = type(self)
        return own.closed_moments is not MomentLaw.closed_moments or own.wall_flux is not MomentLaw.wall_flux

    def double(self) -> "MomentLaw":
        """The law in double precision throughout: itself, unless it has a network."""
        return self

    # The compiled form -------------------------------------------------------------------------------------------------------

    def rows(self):
        """The row functions (``knudsen.closure.compiled.Rows``) of this class's formulae; None where they have none."""
        return None

    def compiled(self):
        """The law's ``rows`` for the compiled loop; None where there are none, or where a subclass has changed a formula and not
        the rows."""
        line = type(self).__mro__
        first = {name: next(i for i, cls in enumerate(line) if name in vars(cls)) for name in ("rows", *FORMULAE)}
        return self.rows() if all(first[name] >= first["rows"] for name in FORMULAE) else None

    def rollout(self, solver, walls: bool = False):
        """The compiled solver of the law with a solver's schemes: a ``closure.compiled.Rollout``, or what a law brings in its
        place and can be called as that; None where there is none (or none that knows ``walls``)."""
        if (rows := self.compiled()) is None:
            return None
        from knudsen.closure.compiled import Rollout  # compiled code only where it is needed
        from knudsen.closure.compiled.protocol import no_walls

        return None if walls and rows.wall is no_walls else Rollout(rows, self, *solver.schemes, solver.cfl)

    @cached_property
    def energy_weights(self) -> np.ndarray:
        """Twice the energy is the sum of these numbers [component] times U."""
        return 2 * self.energy(torch.eye(len(self.degrees), dtype=torch.float64)[:, :, None])[:, 0].numpy()

    # Fields ------------------------------------------------------------------------------------------------------------------

    def energy(self, U: Tensor) -> Tensor:
        """E = int |v|^2 f / 2 dv, [batch, cell]."""
        raise NotImplementedError

    def fluid(self, U: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """rho, u, T of [batch, component, cell]; each [batch, cell]."""
        rho = U[:, 0]
        u = U[:, 1] / rho
        return rho, u, (2 * self.energy(U) / rho - u * u) / self.gas.dims

    def macroscopic(self, U: Tensor, cells) -> dict[str, Tensor]:
        """rho, u, T, sigma, q of the interior cells, each [batch, cell]."""
        raise NotImplementedError

    closed_order: int | None = None  # order of the first Hermite moment of g that the closure supplies

    def closed_moment(self, U: Tensor, cells) -> Tensor:
        """T^(k/2) W_k of the interior cells, k = ``closed_order``, [batch, cell]: the closure's word for the moment it lacks."""
        raise NotImplementedError

    def unseen(self, U: Tensor, cells) -> float:
        """The share of the interior cells, the largest of the batch, that a closure was not trained for."""
        return 0.0

    def from_moments(self, G: Tensor, H: Tensor | None) -> Tensor:
        """The state with raw moments G [batch, > order, cell] of g and H of h (None in one velocity dimension)."""
        raise NotImplementedError

    def start(self, case) -> Tensor:
        """The moments of a ``knudsen.kinetic.Case``'s start, [component, cell]: exact, averaged over its fine cells."""
        G, H = (None if m is None else torch.tensor(m)[None] for m in case.raw_moments(self.gas, self.order))
        return self.from_moments(G, H)[0]

    def least_b(self, U: Tensor) -> Tensor:
        """How far the moments are from those of no positive distribution, [batch, cell]: 1 at equilibrium, not realizable where
        <= 0. The default knows density and temperature alone."""
        rho, _, T = self.fluid(U)
        return torch.where((rho > 0) & (T > 0), 1.0, -1.0)

    def stressed(self, stress: Tensor, heat_flux: Tensor) -> Tensor:
        """The state at rest with rho = T = 1, sigma/p and q/(p sqrt T) [cell] -> [1, component, cell], of a closure whose whole
        state they are; InputError of any other."""
        raise InputError(f"plane=stress: not the whole state of closure={self.name}: take closure=grad, gas=bgk_3v")

    def sizes(self, own: Tensor) -> Tensor:
        """Typical size of each own-frame component, [n, cell], for own-frame moments [n, cell]: powers of the thermal speed."""
        T = 2 * self.energy(own[None])[0] / (self.gas.dims * own[0])
        return own[:1] * T.sqrt() ** self.degrees[:, None]

    def basis(self, U: Tensor) -> Basis:
        """Own-frame moments in units of their ``sizes`` as coordinates for implicit solvers, well conditioned in fast streams."""
        u = self.fluid(U[:1])[1]
        own = self.boost(U[:1], -u)[0]
        size, u = self.sizes(own), u.expand(len(own), -1)
        columns = torch.eye(len(own), dtype=U.dtype).unsqueeze(2).expand(-1, -1, U.shape[2])
        matrix, inverse = self.boost(columns * size, u), self.boost(columns, -u) / size
        return Basis(matrix.transpose(0, 1).contiguous(), inverse.transpose(0, 1).contiguous())


def _strength(V_l: Tensor, V_r: Tensor, s: Tensor) -> Tensor:
    """0 for jumps below a half of ln rho, u/sqrt(T), ln T, 1 from one and a half on; [batch, 1, face]."""
    jump = (V_r[:, :3] - V_l[:, :3]).abs()
    largest = torch.maximum(torch.maximum(jump[:, 0], jump[:, 2]), jump[:, 1] / s).unsqueeze(1)
    return smoothstep(largest - 0.5)


def smoothstep(x: Tensor) -> Tensor:
    """3 x^2 - 2 x^3 between 0 and 1, constant outside."""
    x = x.clamp(0, 1)
    return x * x * (3 - 2 * x)


def gaussian_moments(order: int, dims: int) -> tuple[Tensor, Tensor | None]:
    """Raw moments of the Maxwellian with rho = T = 1 at rest: (1, 0, 1, 0, 3, ...) and (dims - 1) times that for h."""
    m = torch.zeros(1, order + 1, 1, dtype=torch.float64)
    m[0, 0] = 1.0
    for k in range(2, order + 1, 2):
        m[0, k] = (k - 1) * m[0, k - 2]
    return m, (dims - 1) * m if dims > 1 else None
