r"""Walls for closures of any moments: what leaves the gas is the half-range flux of the closure's own reconstruction of f.

At a diffuse wall f is as good as never smooth: the molecules that come out know the wall, those that go in do not. The
reconstruction begins with two half Maxwellians of the gas's own frame,

.. math:: w(c) = 2\rho_\pm\, M[T_\pm](c), \quad \pm c > 0, \qquad
          \sqrt{T_+ T_-} = T_x, \quad \sqrt{T_+} - \sqrt{T_-} = \sqrt{\pi/8}\; \frac{\int c^3 f\,dv}{\rho T_x},

rho_+- from mass and momentum: those with the density, velocity, temperature and third moment of the gas, a Maxwellian if that is
none of them's, and f itself in free flight between walls. Then, with psi_k the Hermite polynomials,

.. math:: f(c) = w(c)\, \phi\Big(\sum_k \lambda_k \psi_k(c)\Big), \qquad
          \phi(y) = \tfrac12\big(y_1 + \sqrt{y_1^2 + \delta^2}\big), \quad y_1 = y + 1 - \tfrac14\delta^2,

has all moments of the closure, its own next one included (to 1e-4 of lambda): a few Newton steps of a convex problem. phi is
1 + y while that is positive, and never negative: a Grad expansion about w that stays a distribution. h is made in the same way,
about its own two half Maxwellians. Moments that no such f has leave as in Rusanov's flux, at the closure's largest speed s:
(v - s)/2 of what is left of them.

Sources: L. Lees, J. SIAM 13 (1965) 278, doi:10.1137/0113017 (two-sided Maxwellians); H. Grad, Comm. Pure Appl. Math. 2 (1949)
331, doi:10.1002/cpa.3160020403 (section 5: half-range moments at walls).
"""

from functools import cache
from math import pi, sqrt

import numpy as np
import torch
from torch import Tensor

from knudsen.closure.laws.frames import scale_moments, shift_moments
from knudsen.solvers import GHOST

NODES, INNER = 20, 16  # of the half-range rule; of the rule between v = 0 and the gas's own velocity
ITERATIONS, TOLERANCE, CUT = 25, 1e-12, 0.25  # evaluations, of the moments, of a step that is too long
SOFT = 1e-4  # of the multipliers in the moments: bounds them where no distribution on the nodes has these moments
SMOOTH = 0.3  # delta
LEAST = 0.02  # temperature across of a half Maxwellian, in units of that of the gas
REACH, STEEP = 2, 0.5  # of the ghosts: cells on the line; the largest change of V from cell to cell that it is drawn through
FASTEST = 7.0  # thermal speeds of the gas against the wall up to which its half-range flux is cut


@cache
def half_range_rule(count: int = NODES) -> tuple[np.ndarray, np.ndarray]:
    """Nodes x > 0 and weights of sum 1, exact for polynomials up to degree 2 count - 1 under 2 exp(-x^2/2)/sqrt(2 pi) on x > 0.

    Source: W. Gautschi, Orthogonal Polynomials (2004), section 2.2 (discretised Stieltjes procedure).
    """
    x, weight = np.polynomial.legendre.leggauss(300)
    x = 10.0 * (x + 1.0)
    weight = weight * np.exp(-0.5 * x * x)
    weight /= weight.sum()
    a, b, previous, current, norm = [], [], np.zeros_like(x), np.ones_like(x), 1.0
    for k in range(count):
        a.append((weight * x * current**2).sum() / norm)
        following = (x - a[-1]) * current - (b[-1] if k else 0.0) * previous
        new_norm = (weight * following**2).sum()
        b.append(new_norm / norm)
        previous, current, norm = current, following, new_norm
    nodes, vectors = np.linalg.eigh(np.diag(a) + np.diag(np.sqrt(b[:-1]), 1) + np.diag(np.sqrt(b[:-1]), -1))
    return nodes, vectors[0] ** 2


@cache
def half_moments(count: int) -> tuple[float, ...]:
    """int x^k exp(-x^2/2)/sqrt(2 pi) dx over x > 0, k = 0..count - 1."""
    e = [0.5, 1.0 / sqrt(2.0 * pi)]
    for k in range(2, count):
        e.append((k - 1) * e[k - 2])
    return tuple(e[:count])


def hermite_functions(c: Tensor, count: int) -> Tensor:
    """He_k(c)/sqrt(k!), k < count, along a new last dimension."""
    rows = [torch.ones_like(c), c]
    for k in range(2, count):
        rows.append((c * rows[-1] - sqrt(k - 1) * rows[-2]) / sqrt(k))
    return torch.stack(rows[:count], -1)


def positive(y: Tensor) -> tuple[Tensor, Tensor]:
    """phi(y) and its derivative."""
    y = y + (1.0 - 0.25 * SMOOTH**2)
    root = (y * y + SMOOTH**2).sqrt()
    return 0.5 * (y + root), 0.5 * (1.0 + y / root)


def multipliers(weights: Tensor, psi: Tensor, moments: Tensor) -> Tensor:
    """lambda [n, k] for which w phi(sum lambda_k psi_k) has the moments [n, k] of psi, less SOFT lambda; weights [n, node], psi
    [n, node, k]. Newton's method; a step that does not bring the moments nearer is cut."""
    solution, step = torch.zeros_like(moments), torch.zeros_like(moments)
    best = moments.new_full((len(moments), 1), torch.inf)
    largest, found = moments.abs().amax(1), torch.zeros(len(moments), dtype=torch.bool)
    for _ in range(ITERATIONS):
        trial = solution + step
        value, slope = positive((psi * trial.unsqueeze(1)).sum(-1))
        left = moments - (weights * value).unsqueeze(1).matmul(psi)[:, 0] - SOFT * trial
        size = (left * left).sum(1, keepdim=True)
        better = size < best
        solution, best = torch.where(better, trial, solution), torch.where(better, size, best)
        found = found | (better[:, 0] & (left.abs().amax(1) <= TOLERANCE * largest))
        if bool(found.all()):
            break
        gram = psi.transpose(1, 2).matmul((weights * slope).unsqueeze(2) * psi)
        newton = torch.linalg.solve(gram + SOFT * torch.eye(gram.shape[1], dtype=gram.dtype), left)
        step = torch.where(better, newton, CUT * step)
    return solution


class Reconstruction:
    """f [n problems] of own-frame moments m [n, p] of g (1, 0, 1, ...), in units of sqrt(T_x), and of h, eta [n, r]."""

    def __init__(self, m: Tensor, eta: Tensor | None):
        skew = sqrt(pi / 8) * m[:, 3]
        self.hot = 0.5 * skew + (1.0 + 0.25 * skew * skew).sqrt()  # sqrt(T_+)
        self.cold = 1.0 / self.hot
        self.share = self.cold / (self.hot + self.cold)  # rho_+
        x, weight = (torch.tensor(row, dtype=m.dtype) for row in half_range_rule())
        self.c = torch.cat((-self.cold[:, None] * x.flip(0), self.hot[:, None] * x), 1)
        halves = torch.cat(((1.0 - self.share)[:, None] * weight.flip(0), self.share[:, None] * weight), 1)
        self.densities = [self._density(m, halves, torch.ones_like(self.share), torch.ones_like(self.share))]
        if eta is not None:
            difference = sqrt(pi / 2) * (self.hot + self.cold) * eta[:, 1]
            floor = LEAST * eta[:, 0]
            below = torch.maximum(eta[:, 0] - self.share * difference, floor)
            above = torch.maximum(eta[:, 0] + (1.0 - self.share) * difference, floor)
            self.densities.append(self._density(eta, halves, below, above))

    def _density(self, m, halves, below, above):
        """(masses at the nodes, multipliers, the factors of w below and above c = 0, what is left of the moments of c^k)."""
        weights = halves * torch.cat((below[:, None].expand(-1, NODES), above[:, None].expand(-1, NODES)), 1)
        psi = hermite_functions(self.c, m.shape[1])
        he = hermite_table(m.shape[1]).to(m.dtype)
        target = m.matmul(he.T)
        solution = multipliers(weights, psi, target)
        masses = weights * positive((psi * solution.unsqueeze(1)).sum(-1))[0]
        left = (target - masses.unsqueeze(1).matmul(psi)[:, 0]).matmul(torch.linalg.inv(he).T)
        return masses, solution, below, above, left

    def leaving(self, u: Tensor, speed: Tensor, orders: list[int]) -> list[Tensor]:
        """int_{v < 0} v^{k+1} (g, h) dv, k < order, each [n, order], v = u + c: what moves to the left past a point."""
        x, weight = (torch.tensor(row, dtype=u.dtype) for row in np.polynomial.legendre.leggauss(INNER))
        cut = (-u).clamp(-FASTEST, FASTEST)
        inner = cut[:, None] * (0.5 + 0.5 * x)  # from c = 0 to the cut
        s = torch.where(cut > 0, self.hot, self.cold)
        share = torch.where(cut > 0, self.share, 1.0 - self.share)
        gauss = torch.exp(-0.5 * (inner / s[:, None]) ** 2) * (2.0 * share / (s * sqrt(2.0 * pi)))[:, None]
        gauss = gauss * (0.5 * cut)[:, None] * weight  # of a cut below zero: taken from the left half
        v, v_inner = u[:, None] + self.c[:, :NODES], u[:, None] + inner
        result = []
        for (masses, solution, below, above, left), order in zip(self.densities, orders, strict=True):
            psi = hermite_functions(inner, solution.shape[1])
            value = positive((psi * solution.unsqueeze(1)).sum(-1))[0] * torch.where(cut > 0, above, below)[:, None]
            k = torch.arange(1, order + 1, dtype=torch.float64)
            outer = (masses[:, :NODES, None] * v[..., None] ** k).sum(1)
            left = shift_moments(left.unsqueeze(2), u[:, None])[..., 0]
            outer = outer + 0.5 * (left[:, 1:] - speed[:, None] * left[:, :-1])
            result.append(outer + ((gauss * value)[..., None] * v_inner[..., None] ** k).sum(1))
        return result


@cache
def hermite_table(n: int) -> Tensor:
    """Row k: coefficients of He_k/sqrt(k!) in powers, [n, n]."""
    he = torch.zeros(n, n, dtype=torch.float64)
    he[0, 0] = 1.0
    for k in range(1, n):
        he[k, 1:] = he[k - 1, :-1] / sqrt(k)
        if k > 1:
            he[k] -= sqrt((k - 1) / k) * he[k - 2]
    return he


def leaving_flux(G: Tensor, H: Tensor | None, speed: Tensor) -> tuple[Tensor, Tensor | None]:
    """int_{v < 0} v^{k+1} (g, h) dv, k < p - 1 (r - 1), of raw moments G [batch, p, face] and H [batch, r, face]; speed [batch,
    face]: the closure's largest."""
    rho, u, s, own = _own_frame(G)
    faces = G.shape[2]

    def flat(values):
        return values.transpose(1, 2).flatten(0, 1)

    orders, eta = [G.shape[1] - 1], None
    if H is not None:
        h = scale_moments(shift_moments(H, -u), 1 / s) / rho.unsqueeze(1)
        h_0 = h[:, :1].clamp(min=torch.finfo(G.dtype).tiny)
        eta = flat(h / h_0)
        orders.append(H.shape[1] - 1)
    out = Reconstruction(flat(own), eta).leaving((u / s).flatten(), (speed / s).flatten(), orders)
    out = [part.unflatten(0, (-1, faces)).transpose(1, 2) for part in out]
    out = [scale_moments(part, s, degree=1) * rho.unsqueeze(1) for part in out]
    return out[0], None if H is None else out[1] * h_0


def _own_frame(G):
    rho = G[:, 0].clamp(min=torch.finfo(G.dtype).tiny)
    u = G[:, 1] / rho
    own = shift_moments(G, -u) / rho.unsqueeze(1)
    s = own[:, 2].clamp(min=torch.finfo(G.dtype).tiny).sqrt()
    return rho, u, s, scale_moments(own, 1 / s)


def emitted_flux(temperature: Tensor, p: int, r: int, dims: int) -> tuple[Tensor, Tensor | None]:
    """The same of a half Maxwellian that leaves a wall on the left, k < p, r, its density one half; of T_w [batch, face]."""
    k = torch.tensor(half_moments(p + 1)[1:], dtype=temperature.dtype)[:, None]
    G = scale_moments(k.expand(len(temperature), -1, temperature.shape[1]), temperature.sqrt(), degree=1)
    return G, (dims - 1) * temperature.unsqueeze(1) * G[:, :r] if r else None


def wall_flux(law, V: Tensor, wall: Tensor, inward: int) -> Tensor:
    r"""The flux of every component through a wall that re-emits the share alpha of the molecules diffusely, the rest specularly:

    .. math:: F_k = F_k^- + \alpha\, n_w F_k^+[T_w] - (1 - \alpha)\,(-1)^k F_k^-, \qquad F_0 = 0 ,

    F^- of what leaves the gas, F^+ of a half Maxwellian; the density n_w lets no mass through. V [batch, variable, face] of the
    gas at the wall; wall [batch or 1, 2, 1]: T_w and alpha; inward: 1 for a wall on the left, -1 on the right, a mirror image.
    """
    G, H = law.closed_moments(V)
    if inward < 0:
        G, H = _mirrored(G), None if H is None else _mirrored(H)
    out, out_h = leaving_flux(G, H, law.max_speed(V)[:, 0])
    back, back_h = emitted_flux(wall[:, 0].expand_as(V[:, 0]), out.shape[1], 0 if H is None else out_h.shape[1], law.gas.dims)
    density = -out[:, :1] / back[:, :1]
    leaves, comes = law.from_moments(out, out_h), density * law.from_moments(back, back_h)
    parity, alpha = law.parity.to(V.dtype)[:, None], wall[:, 1:]
    F = leaves + alpha * comes - (1 - alpha) * parity * leaves
    F = torch.cat((torch.zeros_like(F[:, :1]), F[:, 1:]), 1)
    return F if inward > 0 else -parity * F


def _mirrored(moments):
    return moments * (-1.0) ** torch.arange(moments.shape[1], dtype=moments.dtype)[:, None]


def ghosts(law, U: Tensor) -> tuple[Tensor, Tensor]:
    """Ghost cells of walls: V on the line through the two cells at the wall, two cells far and then constant; constant where
    that line changes V by more than STEEP a cell. Each [batch, component, GHOST]."""
    sides = []
    for first, second in ((0, 1), (-1, -2)):
        V = law.local_variables(torch.stack((U[..., first], U[..., second]), -1))
        near, step = V[..., :1], V[..., :1] - V[..., 1:]
        step = torch.where(step.abs().amax(1, keepdim=True) > STEEP, 0, step)
        beyond = torch.cat([near + min(g, REACH) * step for g in range(1, GHOST + 1)], -1)
        sides.append(law.conserved(beyond))
    return sides[0].flip(-1), sides[1]
