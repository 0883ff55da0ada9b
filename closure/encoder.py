r"""Own-frame velocity nodes, the splines on them, and the linear encoder and decoder of EncMLC.

Knows nothing of gases, grids of the kinetic solver, or time.
"""

import numpy as np
import torch
from scipy.interpolate import BSpline, make_interp_spline
from scipy.sparse import csr_matrix
from torch import Tensor, nn


class Nodes:
    r"""An even number K of own-frame velocities, equidistant in a stretched coordinate, and cubic splines on them.

    .. math:: c = \sinh(\alpha \xi)/\alpha, \qquad \xi_j = (j - \tfrac{K-1}{2})\,\Delta\xi

    c_j [K]: dense where the core of a distribution is, and (``stretch`` alpha > 0) reaching far out where its tails are.
    A density is known by the masses of the nodes; those of a distribution are its integrals against the cardinal splines, so
    that sums over the nodes are integrals of interpolants: moments 0..3 are those of the distribution (alpha = 0: exactly).

    c, width [K]: the nodes and dc/dxi times their spacing; maxwellian [K]: masses of the standard Gaussian, with moments (1,
    0, 1).
    """

    def __init__(self, count: int, spacing: float, stretch: float):
        self.count, self.spacing, self.stretch = count, spacing, stretch
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
        self.maxwellian = self.constrain(torch.tensor(self.masses(v[None], gaussian[None])), self.width * (1 + self.c**2))[0]
        self.maxwellian = 0.5 * (self.maxwellian + self.maxwellian.flip(0))

    def masses(self, c: np.ndarray, g: np.ndarray) -> np.ndarray:
        """Masses of the nodes [n, K] of n distributions, each a sum of masses g at the velocities c, [n, points]."""
        n, points = c.shape
        xi = np.arcsinh(self.stretch * c) / self.stretch if self.stretch else c
        spline = BSpline.design_matrix(np.clip(xi, self.xi[0], self.xi[-1]).ravel(), self._knots, 3)
        rows = (spline.data * np.repeat(g.ravel(), 4), spline.indices, np.arange(n + 1) * 4 * points)
        return csr_matrix(rows, shape=(n, self.count)).toarray() @ self._cardinal

    def constrain(self, masses: Tensor, variance: Tensor) -> Tensor:
        """The nearest masses [n, K], in units of the ``variance`` [K] of each, with the moments 1, 0, 1."""
        rows = torch.stack([self.c**k for k in range(3)])
        gain = variance[:, None] * rows.T
        gain = gain @ torch.linalg.inv(rows @ gain)
        return masses + (torch.tensor([1.0, 0.0, 1.0], dtype=masses.dtype) - masses @ rows.T) @ gain.T

    def coefficients(self, values: Tensor) -> Tensor:
        """B-spline coefficients [function, K + 7] of the splines through values [function, K] that vanish outside."""
        return nn.functional.pad(values @ self._coefficients, (3, 4))

    def deposit(self, c: Tensor, masses: Tensor) -> Tensor:
        """Integrals of the B-splines against masses at velocities c [batch, points, cell]: [batch, K + 7, cell].

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
        return out.scatter_add(1, index, torch.cat([weight * masses for weight in weights], 1))

    def evaluate(self, values: Tensor, c: Tensor) -> Tensor:
        """The functions with ``values`` [function, K] at the nodes at velocities c [points]: [function, points]."""
        one = torch.ones(1, 1, len(c), dtype=c.dtype)
        return self.coefficients(values) @ self.deposit(c[None, None], one)[0]

    def slopes(self, values: Tensor) -> Tensor:
        """Derivatives d/dc at the nodes of the splines through values [function, K]."""
        a = nn.functional.pad(values @ self._coefficients, (1, 1))
        return 0.5 * (a[:, 2:] - a[:, :-2]) / self.width


class Encoder(nn.Module):
    r"""Linear encoder and decoder between densities (masses F of the nodes, F_M the Maxwellian's) and R components z.

    .. math:: z = \Psi\,(F - F_M), \quad W = A z, \qquad h = F_M + \Phi\,[A^T W + (1 - A^T A)\,\hat z],
              \qquad \Psi\Phi = 1,\; A A^T = 1

    Whatever zhat is, the density h has the moments W (encode(decode(W)) = W), and the moments 1, 0, 1 of its own frame.
    Components and moments are even in c (the first half) or odd, exactly. What is learned is A, through free numbers made
    orthonormal by QR.

    analysis Psi [R, K], synthesis Phi [K, R], variance of the components [R]: see ``fit_components``; rotation A [M, R].
    """

    def __init__(self, nodes: int, components: int, moments: int):
        super().__init__()
        even, odd = components - components // 2, components // 2
        m_even, m_odd = moments // 2, moments - moments // 2  # the heat flux is odd: one more of its kind
        self.register_buffer("analysis", torch.zeros(components, nodes, dtype=torch.float64))
        self.register_buffer("synthesis", torch.zeros(nodes, components, dtype=torch.float64))
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


def fit_components(encoder: Encoder, nodes: Nodes, deviations: Tensor, weights: Tensor, tail: float = 1 / 15) -> None:
    r"""Sets the R components to the principal ones of ``deviations`` F - F_M [sample, K] in the norm that sees fluxes,

    .. math:: \|d\|^2 = \sum_j \frac{1 + c_j^6/15}{\Delta c_j}\,d_j^2 ,

    even and odd ones by themselves; ``weights`` [sample]. c^6/15 is the heat flux's square: without it the tails, and with
    them the heat flux, are lost.
    """
    metric = (1 + tail * nodes.c.abs() ** 6) / nodes.width
    for sign, rows in ((1.0, encoder.parity_z > 0), (-1.0, encoder.parity_z < 0)):
        part = 0.5 * (deviations + sign * deviations.flip(1)) * metric.sqrt()
        covariance = torch.einsum("s,sj,sk->jk", weights / weights.sum(), part, part)
        vectors = torch.linalg.eigh(covariance)[1].flip(1)[:, : int(rows.sum())]
        vectors = vectors + sign * vectors.flip(0)
        vectors = vectors / vectors.norm(dim=0)
        encoder.synthesis[:, rows] = vectors / metric.sqrt()[:, None]
        encoder.analysis[rows] = (vectors * metric.sqrt()[:, None]).T
    encoder.variance.copy_(torch.einsum("s,sr->r", weights / weights.sum(), (deviations @ encoder.analysis.T) ** 2))
