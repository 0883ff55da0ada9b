"""EncMLC: moments of a learned basis of velocity functions, closed by a learned decoder."""

from types import MappingProxyType

import torch
from torch import Tensor, nn

from knudsen.closure.laws.frames import boost_fluid, scale_moments, shift_moments
from knudsen.closure.learned.enc_collisions import LearnedCollisions
from knudsen.closure.learned.encoder import REACH, Encoder, Nodes
from knudsen.closure.learned.networks import symmetric
from knudsen.closure.learned.normalised import Normalised
from knudsen.closure.learned.protocol import LearnedLaw
from knudsen.solvers import Law, central_slopes
from knudsen.solvers.fluxes import flux_upwind

LEAST, MOST = 2, 12


class EncMLC(LearnedLaw):
    r"""Density, momentum, energy and M moments of learned functions w_k of the own-frame velocity c = (v - u)/sqrt(T) along x.

    .. math:: W_k = \int (w_k(c) - m_k)\,f\,dv, \qquad m_k = \int w_k(c)\,\frac{e^{-c^2/2}}{\sqrt{2\pi}}\,dc

    In D > 1 the pair g, h (h the density of the transverse \|v\|^2) takes the place of f, and W_k is the moment of both,
    :math:`\int w_k g\,dv + \int w'_k\,h/((D-1)T)\,dv - m_k\rho`: what follows is written for f alone.

    Decoder: f is taken to be h = M + rho (components with coefficients z), z = A^T W/rho + (1 - A^T A) zhat(phi): the part of the
    R components that the moments leave open comes from a network. Inputs phi: W/rho and, with ``gradients``, the local Knudsen
    gradients eps_* sqrt(T) d/dx of ln rho, u/sqrt(T), ln T and W/rho, eps_* = tau/(1 + tau/memory), tau = eps/nu. h lives on
    the nodes of :class:`~closure.encoder.Nodes`, which move with the gas.

    Conserved components: upwind kinetic fluxes of h. The others, each cell in its own frame (u, T)(t):

    .. math:: \frac{dW_k}{dt} = -\frac{1}{\Delta x}\Bigl[\int v\,w_k(c)\,h\,dv\Bigr]_{i-1/2}^{i+1/2}
              - \int h\,w_k'(c)\,\Bigl(\frac{\dot u}{\sqrt T} + \frac{c\,\dot T}{2T}\Bigr)dv - \frac{\nu}{\epsilon} W_k ,

    (for D > 1 also the unit of the transverse energy changes, by Tdot/T), udot and Tdot from the conserved fluxes: the change of
    frame is part of the method of lines, so that every stage of every integrator is consistent, and relaxation stays exact
    (collisions leave the frame alone). That last term is BGK's; Maxwell molecules in D = 2 have the one of
    :class:`~closure.enc_collisions.LearnedCollisions`, with exact rates of stress and heat flux.

    Promises: conservation, Galilean invariance, invariance under scaling of f and of v (with x), exact reflection symmetry (basis
    functions are even or odd, zhat is made so), zhat = 0 in uniform equilibrium, encode(decode(W)) = W, the exact Euler limit.
    Not promised: positivity of h, hyperbolicity.

    Variables V: ln rho, u, ln T, z [R]. Source: W. E, J. Han, L. Zhang, Integrating machine learning with physics-based modeling
    (2020), arXiv:2006.02619, section 5.
    """

    name = "enc_mlc"
    label = "EncMLC"
    colour = "#CC79A7"
    labels = "knudsen.closure.training.distributions"
    training = "knudsen.closure.training.autoencoder"
    excused = MappingProxyType({
        "supersonic": "its fluxes are those of its decoded distribution (transport), whatever the numerical flux",
        "stability": "the gradients that its decoder sees let short waves grow: not well-posed, even at rest",
        "hyperbolicity": "not promised of the decoder",
    })  # fmt: skip
    order = 4

    def __init__(
        self, gas, network, moments: int | None = None, components: int | None = None, nodes: int = 40, spacing: float = 0.45,
        stretch: float = 0.3, learn_basis: bool = False, entropy: float = 0.0, gradients: bool = True, memory: float = 0.2,
    ):  # fmt: skip
        """``network``: a constructor (inputs, outputs) -> torch.nn.Module. learn_basis, entropy: for training, see
        :mod:`knudsen.closure.training.autoencoder`."""
        super().__init__(gas)
        moments = (6 if gas.dims == 1 else 11) if moments is None else moments
        components = (24 if gas.dims == 1 else 40) if components is None else components
        if not LEAST <= moments <= MOST:
            raise ValueError(f"closure.moments is {moments}: choose {LEAST} to {MOST} learned moments")
        most = (1 + (gas.dims > 1)) * (nodes - 4)
        if not moments < components <= most:
            raise ValueError(f"closure.components is {components}: choose more than closure.moments, at most {most}")
        if nodes % 2 or nodes < 16:
            raise ValueError(f"closure.nodes is {nodes}: choose an even number of at least 16")
        for key, value in (("spacing", spacing), ("memory", memory)):
            if not value > 0:
                raise ValueError(f"closure.{key} is {value}: give a positive number")
        if not (stretch >= 0 and entropy >= 0):
            raise ValueError(f"closure.stretch is {stretch}, closure.entropy {entropy}: neither may be negative")
        self.options = {
            "moments": moments, "components": components, "nodes": nodes, "spacing": spacing, "stretch": stretch,
            "learn_basis": learn_basis, "entropy": entropy, "gradients": gradients, "memory": memory,
        }  # fmt: skip
        self.moments, self.gradients, self.memory = moments, gradients, memory
        self.learn_basis, self.entropy = learn_basis, entropy
        self.nodes = Nodes(nodes, spacing, stretch, gas.dims)
        encoder = Encoder(nodes * self.nodes.densities, components, moments)
        self.components = ("rho", "m", "E", *(f"W{k + 1}" for k in range(moments)))
        self.degrees = torch.tensor((0, 1, 2) + (0,) * moments)
        self.parity = torch.cat((torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64), encoder.parity_W))
        self.parity_in = torch.cat((encoder.parity_W, -self.parity)) if gradients else encoder.parity_W
        self.parity_out = encoder.parity_z
        self.inputs, self.outputs = len(self.parity_in), components
        made = network(self.inputs, self.outputs, parity_in=self.parity_in, parity_out=self.parity_out)
        closing = Normalised(made, self.inputs, self.outputs)
        self.network = nn.ModuleDict({"encoder": encoder, "closing": closing})
        self.assemble()

    @property
    def encoder(self) -> Encoder:
        return self.network["encoder"]

    @torch.no_grad()
    def assemble(self) -> None:
        """What follows from the encoder's weights: call it after they have changed."""
        nodes, encoder = self.nodes, self.encoder
        if not self.network.training:
            self.network.double()  # single precision is enough to learn in, not for the finite differences of implicit solvers
        self.A = encoder.rotation  # [M, R]
        self.open = torch.eye(len(self.parity_out), dtype=torch.float64) - self.A.T @ self.A
        w = self.A @ encoder.analysis  # [M, P K], values at the nodes
        self.shift = w @ nodes.maxwellian
        self.w = nodes.coefficients(w)
        slopes = nodes.slopes(w)
        by_T = slopes * nodes.c.tile(nodes.densities)
        by_T[:, nodes.count :] += 2 * w[:, nodes.count :]  # theta is counted in units of T
        self.w_slopes = torch.cat((slopes, by_T))  # what the frame's u and ln T / 2 do to w
        self.heat = nodes.heat @ encoder.synthesis
        self.normal = nodes.c**2 @ encoder.synthesis[: nodes.count]  # T_x/T - 1
        # Most probable components for given own-frame moments up to the fourth, as far as normal variables go
        known = self._known() @ encoder.synthesis
        spread = encoder.variance[:, None] * known.T
        self.guess = self.A @ spread @ torch.linalg.pinv(known @ spread)
        if self.gas.is_boltzmann:
            self.molecules = LearnedCollisions(nodes, encoder)
            self.molecules.see(self.A)

    @torch.no_grad()
    def choose_basis(self) -> None:
        """The moments that are carried, of components just fitted: the first ones; with Maxwell molecules the lowest Hermite
        moments before them."""
        if self.gas.is_boltzmann:
            encoder = self.encoder
            even, odd = LearnedCollisions(self.nodes, encoder).carried(encoder.free_even.shape[1], encoder.free_odd.shape[1])
            encoder.free_even.copy_(even)
            encoder.free_odd.copy_(odd)
        self.assemble()

    def _known(self) -> Tensor:
        """The moments c^3, c^4 of g; for D > 1 also c^2 of g and c, c^2 of theta, [n, P K]."""
        c, zero = self.nodes.c, torch.zeros_like(self.nodes.c)
        if self.nodes.densities == 1:
            return torch.stack((c**3, c**4))
        of_g, of_theta = (c**2, c**3, c**4, zero, zero), (zero, zero, zero, c, c**2)
        return torch.stack([torch.cat(pair) for pair in zip(of_g, of_theta, strict=True)])

    # Frames --------------------------------------------------------------------------------------------------------------------

    def boost(self, U, velocity):
        return boost_fluid(U, velocity)

    def energy(self, U):
        return U[:, 2]

    # Closing -------------------------------------------------------------------------------------------------------------------

    def features(self, base: Tensor, dx, tau: Tensor) -> Tensor:
        """The network's inputs [batch, n_in, cell] from ln rho, u, ln T, W/rho; tau = eps/nu [batch, 1, cell]. Central
        differences, one-sided at the ends."""
        if not self.gradients:
            return base[:, 3:]
        slope = central_slopes(base, dx)
        s = (0.5 * base[:, 2:3]).exp()
        slope = torch.cat((slope[:, :1], slope[:, 1:2] / s, slope[:, 2:]), 1)
        return torch.cat((base[:, 3:], tau / (1 + tau / self.memory) * s * slope), 1)

    def correction(self, phi: Tensor) -> Tensor:
        """zhat with its symmetry made exact, [batch, n_in, cell] -> [batch, R, cell]."""
        batch, n_in, cells = phi.shape
        phi = phi.transpose(1, 2).reshape(-1, n_in)
        out = symmetric(self.network["closing"], phi, self.parity_in, self.parity_out)
        return out.reshape(batch, cells, -1).transpose(1, 2)

    def _base(self, U):
        rho, u, T = self.fluid(U)
        tiny = torch.finfo(U.dtype).tiny
        rho, T = rho.clamp(min=tiny), T.clamp(min=tiny)
        return torch.cat((torch.stack((rho.log(), u, T.log()), 1), U[:, 3:] / rho.unsqueeze(1)), 1)

    def _complete(self, base, phi):
        z = torch.einsum("mr,bmn->brn", self.A, base[:, 3:]) + torch.einsum("rs,bsn->brn", self.open, self.correction(phi))
        return torch.cat((base[:, :3], z), 1)

    def local_variables(self, U):
        base = self._base(U)
        phi = torch.cat((base[:, 3:], torch.zeros_like(base)), 1) if self.gradients else base[:, 3:]
        return self._complete(base, phi)

    def variables(self, U, cells):
        base = self._base(U)
        tau = cells.knudsen_padded
        if self.gas.omega is not None:
            rho, _, T = self.fluid(U)
            tau = tau / self.gas.frequency(rho, T).unsqueeze(1)
        return self._complete(base, self.features(base, cells.dx, tau))

    # Decoder -------------------------------------------------------------------------------------------------------------------

    def distribution(self, V: Tensor) -> tuple[Tensor, Tensor]:
        """Masses of h (D > 1: rho times g, then theta) at the nodes, [batch, P K, cell], and the nodes' velocities
        [batch, K, cell]."""
        shape = torch.einsum("kr,brn->bkn", self.encoder.synthesis, V[:, 3:])
        h = V[:, :1].exp() * (self.nodes.maxwellian[:, None] + shape)
        return h, V[:, 1:2] + (0.5 * V[:, 2:3]).exp() * self.nodes.c[:, None]

    def _fluid_moments(self, F: Tensor, v: Tensor, T: Tensor) -> Tensor:
        """int (1, v, |v|^2/2) F, [batch, 3, cell], of masses F [batch, P K, cell] at velocities v along x [batch, K, cell]; T
        [batch, 1, cell], of the frame of F."""
        g = F[:, : v.shape[1]]
        energy = (g * v * v).sum(1)
        if self.nodes.densities > 1:
            energy = energy + (self.gas.dims - 1) * T[:, 0] * F[:, v.shape[1] :].sum(1)
        return torch.stack((g.sum(1), (g * v).sum(1), 0.5 * energy), 1)

    def conserved(self, V):
        rho, u, T = V[:, 0].exp(), V[:, 1], V[:, 2].exp()
        W = torch.einsum("mr,brn->bmn", self.A, V[:, 3:])
        return torch.cat((torch.stack((rho, rho * u, 0.5 * rho * (u * u + self.gas.dims * T)), 1), rho.unsqueeze(1) * W), 1)

    # Transport -----------------------------------------------------------------------------------------------------------------

    def flux(self, V):
        """int v (1, v, v^2/2, w(c) - m) h dv in the frame of V itself."""
        h, v = self.distribution(V)
        F = v.tile(1, self.nodes.densities, 1) * h
        fluid = self._fluid_moments(F, v, V[:, 2:3].exp())
        W = torch.einsum("mk,bkn->bmn", self.A @ self.encoder.analysis, F) - self.shift[:, None] * fluid[:, :1]
        return torch.cat((fluid, W), 1)

    def max_speed(self, V):
        return V[:, 1:2].abs() + REACH * (0.5 * V[:, 2:3]).exp()

    upwind = Law.upwind  # the largest speed: the characteristics of equilibrium are those of other moments

    def transport(self, flux, V_l, V_r, V):
        r"""dx dU/dt without the source. At a face f = h_l for v > 0 and h_r for v < 0 (fluxes other than upwind:
        |v| replaced by the largest speed, which damps what the decoder gets wrong and is more accurate for D = 3),

        .. math:: \hat F = \int \tfrac12 (v + |v|)\,(\cdot)\,h_l\,dv + \int \tfrac12 (v - |v|)\,(\cdot)\,h_r\,dv ,

        each h on its own nodes, tested with the functions w of the cell on either side of the face.
        """
        n, P, K = V.shape[2], self.nodes.densities, self.nodes.count
        sides = torch.cat((V_l, V_r), 2)
        h, v = self.distribution(sides)
        if flux is not flux_upwind:
            speed = torch.maximum(self.max_speed(V_l), self.max_speed(V_r)).repeat(1, 1, 2)
        else:  # |v| rounded off within a twentieth of a thermal speed, as in MomentLaw.upwind
            speed = (v * v + 0.0025 * sides[:, 2:3].exp()).sqrt()
        side = torch.ones(2, dtype=V.dtype)
        side[1] = -1
        F = (0.5 * (v + speed * side.repeat_interleave(n + 1))).tile(1, P, 1) * h
        fluid = self._fluid_moments(F, v, sides[:, 2:3].exp())
        fluid = fluid[:, :, : n + 1] + fluid[:, :, n + 1 :]
        rate = fluid[:, :, :-1] - fluid[:, :, 1:]
        # the four sides of faces that a cell sees, in its frame: inflow at its left face, outflow at its right one
        u, s, T = V[:, 1:2], (0.5 * V[:, 2:3]).exp(), V[:, 2:3].exp()
        seen = torch.cat([v[:, :, k : k + n] for k in (0, n + 1, 1, n + 2)], 1)
        entering = [_four_sides(F[:, :K], n)]
        if P > 1:  # h/(D - 1) itself, in the unit of the cell that counts it
            entering.append(_four_sides(F[:, K:] * sides[:, 2:3].exp(), n) / T)
        entering = torch.cat(entering, 1)
        W_rate = torch.einsum("mk,bkn->bmn", self.w, self.nodes.deposit((seen - u) / s, entering))
        W_rate = W_rate - self.shift[:, None] * rate[:, :1]
        # the frame's own motion
        rho = V[:, :1].exp()
        u_rate = (rate[:, 1:2] - u * rate[:, :1]) / rho
        D = self.gas.dims
        T_rate = (2 * rate[:, 2:3] - 2 * u * rate[:, 1:2] + (u * u - D * T) * rate[:, :1]) / (D * rho)
        by_u, by_T = torch.einsum("mk,bkn->bmn", self.w_slopes, self.distribution(V)[0]).chunk(2, 1)
        return torch.cat((rate, W_rate - by_u * (u_rate / s) - by_T * (0.5 * T_rate / T)), 1)

    def rows(self):
        from knudsen.closure.compiled import enc_mlc  # compiled code only where it is needed

        return enc_mlc.rows_of(self)

    # Relaxation ----------------------------------------------------------------------------------------------------------------

    @classmethod
    def handles(cls, gas):
        return super().handles(gas) or (gas.is_boltzmann and gas.dims == 2 and gas.omega == 1)

    def equilibrium_defect(self, U):
        return torch.cat((torch.zeros_like(U[:, :3]), -U[:, 3:]), 1)

    def relax(self, U, tau, cells):
        if not self.gas.is_boltzmann:
            return super().relax(U, tau, cells)
        rho = U[:, :1]
        W = self.molecules.relax(U[:, 3:] / rho, tau[:, 0] * U[:, 0] / cells.knudsen[:, 0])
        return torch.cat((U[:, :3], rho * W), 1)

    def source(self, U, cells):
        if not self.gas.is_boltzmann:
            return super().source(U, cells)
        rho = U[:, :1]
        return torch.cat((torch.zeros_like(U[:, :3]), rho * rho / cells.knudsen * self.molecules.production(U[:, 3:] / rho)), 1)

    # Fields --------------------------------------------------------------------------------------------------------------------

    def macroscopic(self, U, cells):
        rho, u, T = self.fluid(U)
        if cells is None:
            V = self.local_variables(U)
        else:
            V = self.variables(cells.pad(U), cells)
            ghost = (V.shape[2] - U.shape[2]) // 2
            V = V[:, :, ghost:-ghost]
        q = 0.5 * rho * T**1.5 * torch.einsum("r,brn->bn", self.heat, V[:, 3:])
        sigma = rho * T * torch.einsum("r,brn->bn", self.normal, V[:, 3:]) if self.gas.dims > 1 else torch.zeros_like(T)
        return {"rho": rho, "u": u, "T": T, "sigma": sigma, "q": q}

    def start(self, case) -> Tensor:
        """The moments of a case's start, [component, cell]: those of its Maxwellians in the frame of their sum."""
        G, H = case.raw_moments(self.gas, 2)
        U = torch.stack([torch.tensor(row) for row in (G[0], G[1], 0.5 * (G[2] if H is None else G[2] + H[0]))])
        _, u, T = (value[0].repeat_interleave(case.refine)[:, None] for value in self.fluid(U[None]))
        rho_c, u_c, T_c = (torch.tensor(value)[..., None] for value in (case.rho, case.u, case.T))
        x = torch.linspace(-7, 7, 281, dtype=torch.float64)
        weight = torch.exp(-0.5 * x * x)
        c = (u_c + T_c.sqrt() * x - u) / T.sqrt()  # [Maxwellian, fine cell, velocity]
        g = (rho_c * weight / weight.sum()).expand_as(c)
        masses = torch.cat([part.permute(0, 2, 1).flatten(0, 1) for part in (g, g * T_c / T)[: self.nodes.densities]])
        W = self.nodes.deposit(c.permute(0, 2, 1).flatten(0, 1)[None], masses[None])[0]
        W = torch.einsum("mk,kn->mn", self.w, W).reshape(self.moments, -1, case.refine).mean(2)
        return torch.cat((U, W - self.shift[:, None] * U[:1]))

    def from_moments(self, G, H):
        """Of raw moments alone: the most probable W for the moments up to the fourth. Exact for a Maxwellian."""
        U = torch.stack((G[:, 0], G[:, 1], 0.5 * (G[:, 2] if H is None else G[:, 2] + H[:, 0])), 1)
        rho, u, T = self.fluid(U)
        own = scale_moments(shift_moments(G[:, :5], -u), T.rsqrt())
        if H is None:
            own = torch.stack((own[:, 3], own[:, 4] - 3 * rho), 1)
        else:
            theta = scale_moments(shift_moments(H[:, :3], -u), T.rsqrt()) / ((self.gas.dims - 1) * T.unsqueeze(1))
            own = torch.stack((own[:, 2] - rho, own[:, 3], own[:, 4] - 3 * rho, theta[:, 1], theta[:, 2] - rho), 1)
        return torch.cat((U, torch.einsum("mk,bkn->bmn", self.guess, own)), 1)


def _four_sides(F: Tensor, n: int) -> Tensor:
    """Of one density F at both sides of n + 1 faces: what enters each cell there, [batch, 4 K, n]."""
    return torch.cat((F[:, :, :n], F[:, :, n + 1 : -1], -F[:, :, 1 : n + 1], -F[:, :, n + 2 :]), 1)
