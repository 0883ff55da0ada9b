r"""Own-frame velocity nodes, the splines on them, and the linear encoder and decoder of EncMLC.

Knows nothing of gases, grids of the kinetic solver, or time.
"""

import numpy as np
import torch
from torch import Tensor, nn

REACH = 10.0  # speed that limits the time step, in sqrt(T): those of fast particles in the decoder, not of sound; 5 is unstable


class Nodes:
    r"""An even number K of own-frame velocities, equidistant in a stretched coordinate, and cubic splines on them.

    .. math:: c = \sinh(\alpha \xi)/\alpha, \qquad \xi_j = (j - \tfrac{K-1}{2})\,\Delta\xi

    c_j [K]: dense where the core of a distribution is, and (``stretch`` alpha > 0) reaching far out where its tails are.
    A density is known by the masses of the nodes; those of a distribution are its integrals against the cardinal splines, so
    that sums over the nodes are integrals of interpolants: moments 0..3 are those of the distribution (alpha = 0: exactly).

    In D = ``dims`` > 1 velocity dimensions there are two densities, stacked: g/rho and theta = h/((D - 1) rho T), h the density
    of the transverse |v|^2. Both are the same Gaussian in equilibrium, and mass, momentum and energy ask of any F = (g, theta)

    .. math:: \sum_j g_j = 1, \quad \sum_j c_j g_j = 0, \quad \sum_j c_j^2 g_j + (D - 1) \sum_j \theta_j = D .

    c, width [K]: the nodes and dc/dxi times their spacing; P = 1 or 2 ``densities``; of both of them, [P K]: maxwellian, their
    masses in equilibrium; conserved [3, P K], the left-hand sides above; heat, 2 q/(rho T^(3/2)) of F as a sum; metric, of the
    norm :math:`\|F\|^2 = \sum` metric F^2 that sees fluxes: (1 + c^6/15)/width of g (c^6/15: the heat flux's square; without it
    the tails, and with them the heat flux, are lost), (D - 1) (1 + c^4/3)/width of theta, the same power of v.
    """

    def __init__(self, count: int, spacing: float, stretch: float, dims: int = 1):
        from scipy.interpolate import BSpline, make_interp_spline  # slow to import, and other closures do without

        self.count, self.spacing, self.stretch, self.dims = count, spacing, stretch, dims
        self.densities = 1 + (dims > 1)
        self.xi = (np.arange(count) - 0.5 * (count - 1)) * spacing
        c = np.sinh(stretch * self.xi) / stretch if stretch else self.xi
        self.c = torch.tensor(0.5 * (c - c[::-1]))  # mirror images to the last bit
        self.width = spacing * (1 + (stretch * self.c) ** 2).sqrt()
        self._knots = make_interp_spline(self.xi, np.zeros(count), k=3).t
        self._cardinal = np.linalg.inv(BSpline.design_matrix(self.xi, self._knots, 3).toarray())
        # spline that vanishes outside: coefficients of uniform B-splines from values at the nodes
        values = (4 * np.eye(count) + np.eye(count, k=1) + np.eye(count, k=-1)) / 6
        self._coefficients = torch.tensor(np.linalg.inv(values))
        fine = np.linspace(self.xi[0], self.xi[-1], 8001)
        v = np.sinh(stretch * fine) / stretch if stretch else fine
        gaussian = np.exp(-0.5 * v * v) / np.sqrt(2 * np.pi) * np.cosh(stretch * fine) * (fine[1] - fine[0])
        zero, one, c = torch.zeros_like(self.c), torch.ones_like(self.c), self.c
        self.conserved = self._stack((one, c, c**2), (zero, zero, (dims - 1) * one))
        self.heat = self._stack((c**3,), ((dims - 1) * c,))[0]
        self.metric = self._stack(((1 + c**6 / 15) / self.width,), ((dims - 1) * (1 + c**4 / 3) / self.width,))[0]
        gaussian = torch.tensor(self.masses(v[None], gaussian[None]))
        gaussian = _project(gaussian, self.width * (1 + c**2), torch.stack((one, c, c**2)), (1.0, 0.0, 1.0))[0]
        self.maxwellian = (0.5 * (gaussian + gaussian.flip(0))).tile(self.densities)

    def _stack(self, of_g, of_theta) -> Tensor:
        """Functions of g and, where there is one, of theta as one row each, [n, P K]."""
        return torch.stack([torch.cat(pair[: self.densities]) for pair in zip(of_g, of_theta, strict=True)])

    def mirrored(self, values: Tensor) -> Tensor:
        """What values [..., P K] at the nodes are in a mirror."""
        return values.unflatten(-1, (self.densities, self.count)).flip(-1).flatten(-2)

    def masses(self, c: np.ndarray, g: np.ndarray) -> np.ndarray:
        """Masses of the nodes [n, K] of n distributions, each a sum of masses g at the velocities c, [n, points]."""
        from scipy.interpolate import BSpline
        from scipy.sparse import csr_matrix

        n, points = c.shape
        xi = np.arcsinh(self.stretch * c) / self.stretch if self.stretch else c
        spline = BSpline.design_matrix(np.clip(xi, self.xi[0], self.xi[-1]).ravel(), self._knots, 3)
        rows = (spline.data * np.repeat(g.ravel(), 4), spline.indices, np.arange(n + 1) * 4 * points)
        return csr_matrix(rows, shape=(n, self.count)).toarray() @ self._cardinal

    def constrain(self, masses: Tensor, variance: Tensor) -> Tensor:
        """The nearest masses [n, P K], in units of the ``variance`` [P K] of each, with the conserved sums 1, 0, D."""
        return _project(masses, variance, self.conserved, (1.0, 0.0, self.dims))

    def coefficients(self, values: Tensor) -> Tensor:
        """B-spline coefficients [function, P (K + 7)] of the splines through values [function, P K] that vanish outside."""
        return nn.functional.pad(values.unflatten(-1, (-1, self.count)) @ self._coefficients, (3, 4)).flatten(-2)

    def deposit(self, c: Tensor, masses: Tensor) -> Tensor:
        """Integrals of the B-splines against P densities' masses [batch, P points, cell] at velocities c [batch, points, cell]:
        [batch, P (K + 7), cell].

        Integrals of a function are its ``coefficients`` times these: four numbers a point, however many the functions.
        """
        batch, _, cells = c.shape
        xi = torch.asinh(self.stretch * c) / self.stretch if self.stretch else c
        p = ((xi - self.xi[0]) / self.spacing + 2).clamp(0, self.count + 3)
        i = p.detach().floor()
        t = p - i
        r, t2 = 1 - t, t * t
        weights = (r**3 / 6, (t2 * (0.5 * t - 1) + 2 / 3), (0.5 * (t + t2 - t2 * t) + 1 / 6), t2 * t / 6)
        index = i.long()
        index = torch.cat([index + k for k in range(4)], 1)
        out = torch.zeros(batch, self.count + 7, cells, dtype=c.dtype)
        return torch.cat(
            [
                out.scatter_add(1, index, torch.cat([weight * part for weight in weights], 1))
                for part in masses.split(c.shape[1], 1)
            ],
            1,
        )

    def evaluate(self, values: Tensor, c: Tensor) -> Tensor:
        """The functions with ``values`` [function, K] at the nodes at velocities c [points]: [function, points]."""
        one = torch.ones(1, 1, len(c), dtype=c.dtype)
        return self.coefficients(values) @ self.deposit(c[None, None], one)[0]

    def slopes(self, values: Tensor) -> Tensor:
        """Derivatives d/dc at the nodes of the splines through values [function, P K]."""
        a = nn.functional.pad(values.unflatten(-1, (-1, self.count)) @ self._coefficients, (1, 1))
        return (0.5 * (a[..., 2:] - a[..., :-2]) / self.width).flatten(-2)


def _project(masses: Tensor, variance: Tensor, rows: Tensor, values) -> Tensor:
    """The nearest masses with these values of the linear functions ``rows``."""
    gain = variance[:, None] * rows.T
    gain = gain @ torch.linalg.inv(rows @ gain)
    return masses + (torch.tensor(values, dtype=masses.dtype) - masses @ rows.T) @ gain.T


class Encoder(nn.Module):
    r"""Linear encoder and decoder between densities (masses F [P K] of the nodes, F_M the Maxwellian's) and R components z.

    .. math:: z = \Psi\,(F - F_M), \quad W = A z, \qquad h = F_M + \Phi\,[A^T W + (1 - A^T A)\,\hat z],
              \qquad \Psi\Phi = 1,\; A A^T = 1

    Whatever zhat is, the density h has the moments W (encode(decode(W)) = W), and the conserved moments of its own frame.
    Components and moments are even in c (the first half) or odd, exactly. What is learned is A, through free numbers made
    orthonormal by QR.

    analysis Psi [R, P K], synthesis Phi [P K, R], variance of the components [R]: see ``fit_components``; rotation A [M, R].
    """

    def __init__(self, size: int, components: int, moments: int):
        """size: P K."""
        super().__init__()
        even, odd = components - components // 2, components // 2
        m_even, m_odd = moments // 2, moments - moments // 2  # the heat flux is odd: one more of its kind
        self.register_buffer("analysis", torch.zeros(components, size, dtype=torch.float64))
        self.register_buffer("synthesis", torch.zeros(size, components, dtype=torch.float64))
        self.register_buffer("variance", torch.ones(components, dtype=torch.float64))
        self.free_even = nn.Parameter(torch.eye(even, m_even, dtype=torch.float64))
        self.free_odd = nn.Parameter(torch.eye(odd, m_odd, dtype=torch.float64))
        self.parity_z = torch.tensor([1.0] * even + [-1.0] * odd, dtype=torch.float64)
        self.parity_W = torch.tensor([1.0] * m_even + [-1.0] * m_odd, dtype=torch.float64)

    @property
    def rotation(self) -> Tensor:
        return torch.block_diag(_orthonormal(self.free_even).T, _orthonormal(self.free_odd).T)


def _orthonormal(x: Tensor) -> Tensor:
    """Columns orthonormal, continuously in x (the triangular factor's diagonal is made positive)."""
    q, r = torch.linalg.qr(x)
    return q * torch.sign(torch.diagonal(r))


def fit_components(encoder: Encoder, nodes: Nodes, deviations: Tensor, weights: Tensor) -> None:
    """Sets the R components to the principal ones of ``deviations`` F - F_M [sample, P K] in the nodes' metric, even and odd ones
    by themselves; ``weights`` [sample]."""
    metric = nodes.metric
    kept = torch.linalg.qr((nodes.conserved / metric.sqrt()).T)[0]
    for sign, rows in ((1.0, encoder.parity_z > 0), (-1.0, encoder.parity_z < 0)):
        part = 0.5 * (deviations + sign * nodes.mirrored(deviations)) * metric.sqrt()
        covariance = torch.einsum("s,sj,sk->jk", weights / weights.sum(), part, part)
        vectors = torch.linalg.eigh(covariance)[1].flip(1)[:, : int(rows.sum())]
        vectors = vectors + sign * nodes.mirrored(vectors.T).T
        vectors = vectors - kept @ (kept.T @ vectors)  # what an eigensolver's round-off leaves of the conserved sums
        vectors = vectors / vectors.norm(dim=0)
        encoder.synthesis[:, rows] = vectors / metric.sqrt()[:, None]
        encoder.analysis[rows] = (vectors * metric.sqrt()[:, None]).T
    encoder.variance.copy_(torch.einsum("s,sr->r", weights / weights.sum(), (deviations @ encoder.analysis.T) ** 2))
