"""HermMLC: Hermite moments with a learned closing moment, in recurrence coordinates."""

from copy import copy

import torch
from torch import Tensor, nn

from knudsen.closure.laws.quadrature import Quadrature
from knudsen.closure.learned.normalised import Normalised
from knudsen.closure.learned.protocol import LearnedLaw
from knudsen.errors import InputError
from knudsen.solvers import GHOST, Boundary, Cells

# An explicit step of the gradient terms is stable for dt <= 1.3 dx^2/D_g (measured in D = 1 and 3, from 50 to 800 cells), that is
# H = 0.38 D_g; the rest is for states away from rest.
EXPLICIT = 0.48


class HermMLC(LearnedLaw, Quadrature):
    r"""The quadrature closure with a network's correction to its rule.

    .. math:: a_n = \frac1n\sum_{k<n} a_k + \frac{s}{s_0} N_1(\phi), \qquad \langle h, P_{n+1} \rangle \propto N_2(\phi)\ (D > 1),

    s the bound of the quadrature closure's speeds and s_0 its value at equilibrium.

    Carries rho, u, T and the Hermite moments W_3..W_{2n} (as raw moments; both are the same numbers in another basis).
    Inputs phi, dimensionless and of the gas's own frame: a_k, ln(b_k/k), for D > 1 also ln(T_perp/T_x) and eta_k; with
    ``gradients`` their local Knudsen gradients and those of ln rho, u, ln T_x:

    .. math::
        \varepsilon_* \sqrt{T_x}\,\partial_x(\cdot), \qquad
        \varepsilon_* = \frac{\tau}{1 + \tau/\tau_m}, \quad \tau = \varepsilon/\nu

    The cap tau_m (``memory``, in units of time) is how far back a gradient can matter: without it the inputs saturate
    in nearly free flight.

    Mixing, of all moments' fields, where collisions do not do it (chi = ``mixing``, 0.015):

    .. math:: \partial_t U + \dots = \partial_x (D\, \partial_x U), \qquad D = \chi\, T_x\, \varepsilon_*^3 / \tau_m^2.

    In free flight the velocities of a gas are a continuum that mixes short waves away; those of finitely many moments carry
    them on as a staircase of as many steps, which D fills. It is chi T tau_m in free flight, and never more than 4/27 chi =
    0.22 % of the kinematic viscosity T tau.

    Promises by construction: conservation, Galilean invariance, invariance under scaling of f and of v (with x), exact reflection
    symmetry (N is made odd or even by averaging over the mirrored input), N = 0 in uniform equilibrium, realizable states
    and real nodes for every output, the exact Euler limit. Not promised: hyperbolicity of the learned system (the rule has it).
    Source: J. Han, C. Ma, Z. Ma, W. E, PNAS 116 (2019) 21983, doi:10.1073/pnas.1909854116; coordinates: Fox and Laurent (2022).
    """

    name = "herm_mlc"
    label = "HermMLC"
    colour = "#D55E00"
    corrects = Quadrature
    by_training = ("stability",)
    mixing = 0.015  # chi

    def __init__(self, gas, network, moments: int = 9, gradients: bool = True, memory: float = 0.05):
        """``network``: a constructor (inputs, outputs, parity_in, parity_out) -> torch.nn.Module; the law owns what it makes."""
        super().__init__(gas, moments)
        if not memory > 0:
            raise ValueError(f"closure.memory is {memory}: give a positive time")
        n = self.n
        self.gradients, self.memory = gradients, memory
        self.options = {"moments": moments, "gradients": gradients, "memory": memory}
        even, odd = [1.0], [-1.0]
        state = odd * (n - 1) + even * (n - 1)  # a_k, ln b_k
        fluid = even + odd + even  # ln rho, u, ln T_x
        if self.n_h:
            transverse = [(-1.0) ** k for k in range(1, n + 1)]
            state, fluid = state + even + transverse, fluid
            slopes = fluid + odd * (n - 1) + even * (n - 1) + even + transverse
        else:
            slopes = fluid + state
        parity = state + [-p for p in slopes] if gradients else state
        self.inputs, self.outputs = len(parity), 2 if self.n_h else 1
        self.parity_in = torch.tensor(parity, dtype=torch.float64)
        self.parity_out = torch.tensor([-1.0, (-1.0) ** (n + 1)][: self.outputs], dtype=torch.float64)
        made = network(self.inputs, self.outputs, parity_in=self.parity_in, parity_out=self.parity_out)
        self.network = Normalised(made, self.inputs, self.outputs)
        self._strength = None  # state of the weights and ``hidden_strength``

    def rows(self):
        from knudsen.closure.compiled import herm_mlc  # compiled code only where it is needed

        return herm_mlc.rows_of(self)

    # Positions in V of the closing coefficients, and of what the network sees.

    @property
    def closing(self) -> list[int]:
        return [2 * self.n + 1, 3 * self.n + 3] if self.n_h else [2 * self.n + 1]

    def features(self, V: Tensor, dx, tau: Tensor) -> Tensor:
        """The network's inputs [batch, n_in, cell]; tau = eps/nu [batch, 1, cell]. Central differences, one-sided at the ends."""
        n = self.n
        shape = V[:, 3 : 2 * n + 1]
        parts = [shape]
        moved = [V[:, :3], shape]
        if self.n_h:
            ratio = V[:, 2 * n + 2 : 2 * n + 3] - V[:, 2:3]
            transverse = V[:, 2 * n + 3 : 3 * n + 3]
            parts += [ratio, transverse]
            moved += [V[:, 2 * n + 2 : 2 * n + 3], transverse]
        if self.gradients:
            moved = torch.cat(moved, 1)
            slope = (
                torch.cat(
                    (
                        moved[:, :, 1:2] - moved[:, :, :1],
                        0.5 * (moved[:, :, 2:] - moved[:, :, :-2]),
                        moved[:, :, -1:] - moved[:, :, -2:-1],
                    ),
                    2,
                )
                / dx
            )
            s = (0.5 * V[:, 2:3]).exp()
            slope = torch.cat((slope[:, :1], slope[:, 1:2] / s, slope[:, 2:]), 1)
            parts.append(tau / (1 + tau / self.memory) * s * slope)
        return torch.cat(parts, 1)

    @property
    def members(self) -> list[nn.Module]:
        """The networks whose mean the correction is: one, or those of an ensemble (:func:`ensemble`)."""
        return list(self.network) if isinstance(self.network, nn.ModuleList) else [self.network]

    def correction(self, phi: Tensor) -> Tensor:
        """What the network says, the mean over the members of an ensemble, [batch, n_in, cell] -> [batch, n_out, cell]."""
        return self.corrections(phi).mean(0)

    def corrections(self, phi: Tensor) -> Tensor:
        """Each member's output with its symmetry made exact, [batch, n_in, cell] -> [member, batch, n_out, cell]."""
        return torch.stack([self._symmetric(network, phi) for network in self.members])

    def _symmetric(self, network, phi):
        batch, n_in, cells = phi.shape
        phi = phi.transpose(1, 2).reshape(-1, n_in)
        if network.equivariant:
            out = network(phi)
            if (self.parity_out > 0).any():  # odd outputs vanish in equilibrium by themselves
                out = out - network(torch.zeros_like(phi[:1])) * (self.parity_out > 0)
            return out.reshape(batch, cells, -1).transpose(1, 2)
        inputs = torch.cat((phi, phi * self.parity_in.to(phi.dtype), torch.zeros_like(phi[:1])))
        out, mirrored, rest = network(inputs).split((len(phi), len(phi), 1))
        parity = self.parity_out.to(phi.dtype)
        out = 0.5 * (out + mirrored * parity) - 0.5 * (rest + rest * parity)
        return out.reshape(batch, cells, -1).transpose(1, 2)

    def units(self, V: Tensor) -> Tensor:
        """What the network's outputs are counted in, [batch, n_out, cell]: for a_n the span of the closure's speeds, 1 at
        equilibrium, so that a few fast particles ahead of a shock, where all a_k are large, ask no more of the network."""
        span = (self._span(V) / self._reach).unsqueeze(1)
        return torch.cat((span, torch.ones_like(span)), 1) if self.n_h else span

    def _inputs(self, U, V, cells):
        tau = cells.knudsen_padded
        if self.gas.omega is not None:
            rho, _, T = self.fluid(U)
            tau = tau / self.gas.frequency(rho, T).unsqueeze(1)
        return self.features(V, cells.dx, tau)

    def _memory_time(self, V: Tensor, cells) -> Tensor:
        """eps_* of the variables, [batch, 1, cell], on padded cells."""
        tau = cells.knudsen_padded
        if self.gas.omega is not None:
            tau = tau / self.gas.frequency(V[:, 0].exp(), self.frame(V)[1]).unsqueeze(1)
        return tau / (1 + tau / self.memory)

    def diffusivity(self, V: Tensor, cells) -> Tensor:
        """D of the mixing, [batch, 1, cell], on padded cells."""
        return self.mixing / self.memory**2 * V[:, 2:3].exp() * self._memory_time(V, cells) ** 3

    def hidden_diffusivity(self, V: Tensor, cells) -> Tensor:
        """H of the diffusion that the network makes of its gradient inputs, [batch, 1, cell], on padded cells."""
        return self.hidden_strength * V[:, 2:3].exp() * self._memory_time(V, cells)

    @property
    def hidden_strength(self) -> float:
        r"""H/(eps_* T) = ``EXPLICIT`` D_g/(eps_* T), D_g the spectral radius of dF/d(dU/dx) at rest."""
        if not self.gradients:
            return 0.0
        state = tuple((id(number), number._version) for number in (*self.network.parameters(), *self.network.buffers()))
        if self._strength is None or self._strength[0] != state:
            self._strength = state, EXPLICIT * self._gradient_diffusion()
        return self._strength[1]

    def _gradient_diffusion(self) -> float:
        """D_g/(eps_* T) at rest: of the flux that uniform slopes make."""
        offset = torch.arange(2 * GHOST + 1, dtype=torch.float64) - GHOST
        cells = Cells(1.0, 1, self.memory, Boundary("outflow"))

        def flux(slope):
            return self.flux(self.variables(self.at_rest + slope[:, None] * offset, cells))[0, :, GHOST]

        with torch.enable_grad():
            matrix = torch.autograd.functional.jacobian(flux, torch.zeros(len(self.degrees), dtype=torch.float64))
        at_rest = float(self._memory_time(self.local_variables(self.at_rest), cells)[0, 0, 0])
        return float(torch.linalg.eigvals(matrix).abs().max()) / at_rest

    def spread(self, U, cells) -> Tensor:
        """Standard deviation of the ensemble's word for the closed moment (``closed_moment``), interior cells, [batch, cell]."""
        U = cells.pad(U)
        V = self.local_variables(U)
        a_n = self.corrections(self._inputs(U, V, cells))[:, :, 0] * self.units(V)[:, 0]
        return (a_n.std(0, correction=0) * self.sensitivity(V))[:, GHOST:-GHOST]

    @classmethod
    def ensemble(cls, laws):
        return ensemble(laws)

    def variables(self, U, cells):
        V = self.local_variables(U)
        delta = self.correction(self._inputs(U, V, cells)) * self.units(V)
        i = 2 * self.n + 1
        if self.n_h:
            return torch.cat((V[:, :i], V[:, i : i + 1] + delta[:, :1], V[:, i + 1 : -1], V[:, -1:] + delta[:, 1:]), 1)
        return torch.cat((V[:, :i], V[:, i:] + delta), 1)


def ensemble(laws: list[HermMLC]) -> HermMLC:
    """One law whose correction is the mean of those of several, trained apart (other seeds, other data). InputError unless they
    carry the same moments and see the same inputs."""
    first = laws[0]
    for law in laws:
        if law.gas.difference(first.gas) or law.options != first.options:
            raise InputError(
                f"closure.checkpoint: the members of an ensemble have different options, {first.options} and {law.options}; "
                "give files of one kind"
            )
    law = copy(first)
    law.network = nn.ModuleList([law.network for law in laws])
    return law
