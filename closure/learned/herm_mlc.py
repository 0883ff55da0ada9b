"""HermMLC: Hermite moments with a learned closing moment, in recurrence coordinates."""

from copy import copy
from math import factorial

import torch
from torch import Tensor, nn

from knudsen.closure.laws.quadrature import Quadrature
from knudsen.closure.learned.networks import symmetric
from knudsen.closure.learned.normalised import Normalised
from knudsen.closure.learned.protocol import LearnedLaw
from knudsen.errors import InputError
from knudsen.solvers import GHOST, central_slopes

# An explicit step of the gradient terms is stable for dt <= 1.3 dx^2/D_g (measured in D = 1 and 3, from 50 to 800 cells), that is
# H = 0.38 D_g; the rest is for states away from rest.
EXPLICIT = 0.48


class HermMLC(LearnedLaw, Quadrature):
    r"""The quadrature closure with a network's correction to its rule.

    .. math:: a_n = \frac1n\sum_{k<n} a_k + \frac{s}{s_0} N_1(\phi), \qquad
              \langle h, P_{N_h} \rangle \propto N_2(\phi)\ (D > 1),

    s the bound of the quadrature closure's speeds and s_0 its value at equilibrium; of an even number of moments ln b_n, plus
    N_1.

    Carries rho, u, T and the Hermite moments W_3..W_{N-1} (as raw moments; both are the same numbers in another basis).
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

    The gradients are a diffusion of the last moments, about 2.5 eps_* T_x at rest: ``gradient`` and what follows it give the
    solver what it needs to step them implicitly, so that the convective step is stable on any grid.

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
    single = True
    mixing = 0.015  # chi

    def __init__(self, gas, network, moments: int | None = 9, gradients: bool = True, memory: float = 0.05):
        """``network``: a constructor (inputs, outputs, parity_in, parity_out) -> torch.nn.Module; the law owns what it makes."""
        moments = 9 if moments is None else moments
        super().__init__(gas, moments)
        if not memory > 0:
            raise ValueError(f"closure.memory is {memory}: give a positive time")
        n = self.n
        self.gradients, self.memory = gradients, memory
        self.options = {"moments": moments, "gradients": gradients, "memory": memory}
        even, odd = [1.0], [-1.0]
        state = odd * (n - 1) + even * (self.n_g - n - 2)  # a_k, ln b_k
        fluid = even + odd + even  # ln rho, u, ln T_x
        transverse = [(-1.0) ** k for k in range(self.n_h)]  # ln T_perp, eta_k
        parity = state + transverse
        if gradients:
            parity = parity + [-p for p in fluid + state + transverse]
        self.inputs, self.outputs = len(parity), 2 if self.n_h else 1
        self.parity_in = torch.tensor(parity, dtype=torch.float64)
        self.parity_out = torch.tensor([-1.0 if self.odd else 1.0, (-1.0) ** self.n_h][: self.outputs], dtype=torch.float64)
        made = network(self.inputs, self.outputs, parity_in=self.parity_in, parity_out=self.parity_out)
        self.network = Normalised(made, self.inputs, self.outputs)

    def rows(self):
        from knudsen.closure.compiled import herm_mlc  # compiled code only where it is needed

        return herm_mlc.rows_of(self)

    def features(self, V: Tensor, dx, tau: Tensor) -> Tensor:
        """The network's inputs [batch, n_in, cell]; tau = eps/nu [batch, 1, cell]. Central differences, one-sided at the ends."""
        parts = [V[:, 3 : self.n_g]]
        if self.n_h:
            across = self.n_g + 1
            parts += [V[:, across : across + 1] - V[:, 2:3], V[:, across + 1 : across + self.n_h]]
        if self.gradients:
            parts.append(self._reach_of(V, tau) * central_slopes(V[:, self.moved], dx))
        return torch.cat(parts, 1)

    @property
    def moved(self) -> list[int]:
        """Positions in V of what the network sees the gradients of."""
        return [*range(self.n_g), *range(self.n_g + 1, self.n_g + 1 + self.n_h)]

    def _reach_of(self, V: Tensor, tau: Tensor) -> Tensor:
        """What makes gradients dimensionless: eps_* sqrt(T_x), for that of u eps_*, [batch, moved, cell]."""
        reach = (tau / (1 + tau / self.memory)) * (0.5 * V[:, 2:3]).exp()
        return torch.cat((reach, tau / (1 + tau / self.memory), reach.expand(-1, len(self.moved) - 2, -1)), 1)

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
        out = symmetric(network, phi.transpose(1, 2).reshape(-1, n_in), self.parity_in, self.parity_out)
        return out.reshape(batch, cells, -1).transpose(1, 2)

    def units(self, V: Tensor) -> Tensor:
        """What the network's outputs are counted in, [batch, n_out, cell]: for a_n the span of the closure's speeds, 1 at
        equilibrium, so that a few fast particles ahead of a shock, where all a_k are large, ask no more of the network."""
        one = torch.ones_like(V[:, :1])
        first = (self._span(V) / self._reach).unsqueeze(1) if self.odd else one
        return torch.cat((first, one), 1) if self.n_h else first

    def _tau(self, V, cells):
        """eps/nu, [batch, 1, cell], on padded cells."""
        tau = cells.knudsen_padded.expand(len(V), -1, -1)
        if self.gas.omega is not None:
            tau = tau / self.gas.frequency(V[:, 0].exp(), self.frame(V)[1]).unsqueeze(1)
        return tau

    def diffusivity(self, V: Tensor, cells) -> Tensor:
        """D of the mixing, [batch, 1, cell], on padded cells."""
        tau = self._tau(V, cells)
        return self.mixing / self.memory**2 * V[:, 2:3].exp() * (tau / (1 + tau / self.memory)) ** 3

    def spread(self, U, cells) -> Tensor:
        """Standard deviation of the ensemble's word for the closed moment (``closed_moment``), interior cells, [batch, cell]."""
        U = cells.pad(U)
        V = self.local_variables(U)
        said = self.corrections(self.features(V, cells.dx, self._tau(V, cells)))[:, :, 0] * self.units(V)[:, 0]
        return (said.std(0, correction=0) * self.sensitivity(V))[:, GHOST:-GHOST]

    def unseen(self, U, cells) -> float:
        """The largest share, over the batch, of interior cells with an input beyond the ``largest`` of the training's recipe."""
        bounds = (self.recipe or {}).get("largest")
        if bounds is None or not len(U):
            return 0.0
        U = cells.pad(U)
        V = self.local_variables(U)
        phi = self.features(V, cells.dx, self._tau(V, cells))[:, :, GHOST:-GHOST].abs()
        return float((phi > torch.tensor(bounds, dtype=phi.dtype)[:, None]).any(1).to(phi.dtype).mean(1).max())

    @classmethod
    def ensemble(cls, laws):
        return ensemble(laws)

    def variables(self, U, cells):
        V = self.local_variables(U)
        delta = self.correction(self.features(V, cells.dx, self._tau(V, cells))) * self.units(V)
        i = self.n_g
        if self.n_h:
            return torch.cat((V[:, :i], V[:, i : i + 1] + delta[:, :1], V[:, i + 1 : -1], V[:, -1:] + delta[:, 1:]), 1)
        return torch.cat((V[:, :i], V[:, i:] + delta), 1)

    # The gradients' diffusion, for implicit steps ---------------------------------------------------------------------------

    @property
    def gradient_rows(self) -> tuple[int, ...]:
        """The last moments of g and h: their fluxes alone contain what the networks say."""
        if not self.gradients:
            return ()
        return (self.n_g - 1, self.n_g + self.n_h - 1)[: self.outputs]

    # The networks see phi through x = arsinh(phi/scale) with scales of their own, alike in all members: in x what they say bends
    # little, so that its derivatives hold for several steps.

    @property
    def _scale(self) -> Tensor:
        return self.members[0].scale_in.double()[:, None]

    def slopes(self, V, cells):
        """dN/dx of what the networks say, [batch, output, input, cell], by backpropagation."""
        return self._slopes(self.features(V, cells.dx, self._tau(V, cells)))

    def _slopes(self, phi) -> Tensor:
        recorded = torch.is_grad_enabled()
        with torch.enable_grad():
            phi = phi if phi.requires_grad else phi.requires_grad_()
            out = self.correction(phi)
            options = {"create_graph": recorded, "retain_graph": True}
            # a network may not look at its inputs at all: + 0 phi keeps the graph
            by_phi = [torch.autograd.grad(row.sum() + 0.0 * phi.sum(), phi, **options)[0] for row in out.unbind(1)]
        return torch.stack(by_phi, 1) * (self._scale**2 + phi**2).sqrt().unsqueeze(1)

    def gradient(self, V, cells, slopes):
        tau = self._tau(V, cells)
        c = self.by_slopes(V, self.features(V, cells.dx, tau), tau, slopes)
        return c * damps(torch.einsum("brjn,bjsn->brsn", c, self.response(V)))[:, None, None]

    def by_slopes(self, V, phi, tau, slopes) -> Tensor:
        """dF/d(dV/dx) of the last fluxes, [batch, R, nv, cell]; phi: the networks' inputs; slopes: dN/dx."""
        moved = slice(self.inputs - len(self.moved), None)
        by_phi = slopes[:, :, moved] / (self._scale[moved] ** 2 + phi[:, moved] ** 2).sqrt().unsqueeze(1)
        by = by_phi * self._reach_of(V, tau).unsqueeze(1) * self.units(V).unsqueeze(2)  # [batch, output, moved, cell]
        c = V.new_zeros(len(V), self.outputs, V.shape[1], V.shape[2])
        c[:, :, self.moved] = torch.einsum("bron,bomn->brmn", self.by_closing(V), by)
        return c

    def by_closing(self, V) -> Tensor:
        """dF_r/dV of the closing coefficients: of the last moments' fluxes, [batch, R, output, cell]."""
        by_first = self.sensitivity(V)
        if not self.n_h:
            return by_first[:, None, None]
        m, zero = self.n_h, torch.zeros_like(by_first)
        norm = self._norm(V, m)
        by_a = norm * V[:, self.n_g + m] if self.odd else zero  # H_{N_h} - zeta contains a_n, but not b_n
        return torch.stack((by_first, zero, by_a, norm * m**0.5), 1).unflatten(1, (2, 2))

    def _norm(self, V, order: int) -> Tensor:
        """dH_order by the coefficient eta of P_{N_h - 1}, [batch, cell]; times sqrt(T_x) if the order is N_h."""
        exponent = V[:, 0] + V[:, self.n_g + 1] + 0.5 * order * V[:, 2] + 0.5 * V[:, self.log_b].sum(1)
        return exponent.exp() * (self.gas.dims - 1) * factorial(self.n_h - 1) ** 0.5

    def response(self, V) -> Tensor:
        """dV/dU of the last moments, [batch, nv, R, cell]: G_{2n} is in ln b_n, and for D > 1 in eta_n, whose unit holds b_n; of
        an even number G_{2n-1} is in a_{n-1} alone."""
        n, known = self.n, self.n_g - 1
        result = V.new_zeros(len(V), V.shape[1], self.outputs, V.shape[2])
        log_b = V[:, self.log_b].sum(1)
        by_last = (-V[:, 0] - 0.5 * known * V[:, 2] - log_b).exp() / factorial(known // 2)
        result[:, 2 * n if self.odd else n + 1, 0] = by_last
        if self.n_h:
            last = self.n_g + self.n_h
            if self.odd:
                result[:, last, 0] = -0.5 * V[:, last] * by_last
            result[:, last, 1] = 1 / self._norm(V, self.n_h - 1)
        return result

    def spread_length(self, V, cells):
        tau = self._tau(V, cells)
        return self.rest_diffusion() / self._reach * (0.5 * V[:, 2:3]).exp() * tau / (1 + tau / self.memory)

    @torch.no_grad()
    def rest_diffusion(self) -> float:
        """The diffusion of the last moments at rest in units of eps_* T_x: the largest eigenvalue of -dF_r/d(dU_s/dx). Away from
        rest it is less: the network sees its inputs through arsinh."""
        V = torch.zeros(1, self.closing[-1] + 1, 1, dtype=torch.float64)
        phi = torch.zeros(1, self.inputs, 1, dtype=V.dtype)
        c = self.by_slopes(V, phi, torch.full_like(V[:, :1], 1e-9), self._slopes(phi)) * 1e9
        matrix = -torch.einsum("brjn,bjsn->brsn", c, self.response(V))[0, :, :, 0]
        if not matrix.isfinite().all():  # LAPACK may end the process on NaN; the first step of the solver meets it and says so
            return 0.0
        return float(torch.linalg.eigvals(matrix).real.max())

    def last_rates(self) -> list[float]:
        """Relaxation rates of the last moments in units of nu/eps (of rho/eps: Maxwell molecules)."""
        last = (self.n_g - 1, self.n_g + self.n_h - 1)
        if self.molecules is None:
            return [self.gas.model.rate(self.gas.prandtl)] * self.outputs
        return self.molecules.rates(last)

    def relaxation(self, U, tau, cells):
        rate = self.rate(U, cells) if self.molecules is None else U[:, :1] / cells.knudsen
        rates = torch.tensor(self.last_rates(), dtype=U.dtype)[:, None]
        return (1 / (1 + rates * tau * rate)).expand(-1, -1, cells.n)


def damps(M: Tensor) -> Tensor:
    """1 where a matrix [batch, R, R, cell], R = 1 or 2, has no eigenvalue of positive real part, 0 elsewhere; [batch, cell]."""
    if M.shape[1] == 1:
        return (M[:, 0, 0] <= 0).to(M.dtype)
    trace, determinant = M[:, 0, 0] + M[:, 1, 1], M[:, 0, 0] * M[:, 1, 1] - M[:, 0, 1] * M[:, 1, 0]
    return ((trace <= 0) & (determinant >= 0)).to(M.dtype)


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
