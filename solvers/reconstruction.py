r"""Reconstruction: variables in cells -> variables on the two sides of every face.

Every function maps V [batch, variable, N + 2 GHOST] on cells to (V_l, V_r), each [batch, variable, N + 1]: face j lies between
cells j - 1 and j of the interior. Values are cell averages; constants are exact, and mirroring the cells mirrors the faces.
"""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor

from knudsen.solvers.cells import GHOST, Cells

# Differences below 1e-5 units of V are not limited: there the limiters turn into the linear scheme behind them, which keeps
# them smooth where the solution is constant up to round-off (a steady solver cannot converge through switching limiters).
FLOOR = 1e-10


def reconstruct_constant(V: Tensor, cells: Cells) -> tuple[Tensor, Tensor]:
    """First order: the cell average. Source: S. K. Godunov, Mat. Sb. 47 (1959) 271."""
    return V[..., GHOST - 1 : -GHOST], V[..., GHOST : 1 - GHOST]


def neighbours(V: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Cells that touch a face of the interior (N + 2 of them) with their backward and forward differences."""
    W = V[..., GHOST - 2 : V.shape[-1] - GHOST + 2]
    difference = W[..., 1:] - W[..., :-1]
    return W[..., 1:-1], difference[..., :-1], difference[..., 1:]


def to_faces(right_edge: Tensor, left_edge: Tensor) -> tuple[Tensor, Tensor]:
    """From the values at the right and left edge of each cell to the left and right side of each face."""
    return right_edge[..., :-1], left_edge[..., 1:]


def reconstruct_muscl(V: Tensor, cells: Cells, floor: float | Tensor = FLOOR) -> tuple[Tensor, Tensor]:
    r"""MUSCL, third-order biased parabola with the smooth limiter of van Albada (kappa = 1/3).

    .. math:: V_{i \pm 1/2} = V_i \pm \tfrac{s}{4} \left[(1 - \kappa s)\,\delta_\mp + (1 + \kappa s)\,\delta_\pm\right],
              \qquad s = \frac{2 \max(\delta_- \delta_+, 0) + \epsilon}{\delta_-^2 + \delta_+^2 + \epsilon}

    Face values lie between the neighbouring averages. Third order for linear laws where monotone, second order otherwise.

    Source: W. K. Anderson, J. L. Thomas, B. van Leer, AIAA J. 24 (1986) 1453, doi:10.2514/3.9465, eqs. 9-11.
    """
    centre, a, b = neighbours(V)
    s = (2 * (a * b).clamp(min=0) + floor) / (a * a + b * b + floor)
    odd = 0.25 * s * (a + b)
    even = (1 / 12) * s * s * (b - a)
    middle = centre + even
    return to_faces(middle + odd, middle - odd)


def reconstruct_van_leer(V: Tensor, cells: Cells) -> tuple[Tensor, Tensor]:
    r"""MUSCL with van Leer's harmonic mean: slope :math:`2 \delta_- \delta_+ / (\delta_- + \delta_+)`, 0 at extrema.

    Second order, total variation diminishing.

    Source: B. van Leer, J. Comput. Phys. 32 (1979) 101, doi:10.1016/0021-9991(79)90145-1, eq. 67.
    """
    centre, a, b = neighbours(V)
    product = a * b
    monotone = product > 0
    half_slope = torch.where(monotone, product / torch.where(monotone, a + b, 1), 0)
    return to_faces(centre + half_slope, centre - half_slope)


def reconstruct_mc(V: Tensor, cells: Cells) -> tuple[Tensor, Tensor]:
    r"""MUSCL with the monotonised central limiter: slope minmod(:math:`2\delta_-, \tfrac12(\delta_- + \delta_+), 2\delta_+`).

    Second order, total variation diminishing, the sharpest of the slope limiters here, and the only one with kinks.

    Source: B. van Leer, J. Comput. Phys. 23 (1977) 276, doi:10.1016/0021-9991(77)90095-X.
    """
    centre, a, b = neighbours(V)
    size = torch.minimum(torch.minimum(a.abs(), b.abs()), 0.25 * (a + b).abs())
    half_slope = torch.where(a * b > 0, torch.sign(a) * size, 0)
    return to_faces(centre + half_slope, centre - half_slope)


def reconstruct_weno3(V: Tensor, cells: Cells, floor: float | Tensor = FLOOR) -> tuple[Tensor, Tensor]:
    r"""Third-order WENO on the three cells of MUSCL (energy-stable weights).

    Face values from the two differences with weights proportional to d = (1, 2)/3 times
    :math:`1 + (\delta_- - \delta_+)^2 / (\delta^2 + \epsilon)`. Sharper than MUSCL at extrema and at jumps, and smooth enough for
    the steady solver; overshoots a jump by about 1e-6 of it. Lower powers of the ratio are sharper still, but let a jump
    leak into the smooth side.

    Source: N. K. Yamaleev, M. H. Carpenter, J. Comput. Phys. 228 (2009) 3025, doi:10.1016/j.jcp.2009.01.011, eqs. 20-22.
    """
    centre, a, b = neighbours(V)
    tau = (a - b) ** 2
    z_a = 1 + tau / (a * a + floor)
    z_b = 1 + tau / (b * b + floor)
    p, q = z_a * a, z_b * b
    right_edge = centre + 0.5 * (p + 2 * q) / (z_a + 2 * z_b)
    left_edge = centre - 0.5 * (2 * p + q) / (2 * z_a + z_b)
    return to_faces(right_edge, left_edge)


def reconstruct_weno5(V: Tensor, cells: Cells) -> tuple[Tensor, Tensor]:
    r"""Fifth-order weighted essentially non-oscillatory reconstruction, weights Z.

    Three parabolas with linear weights d = (1, 6, 3)/10 and :math:`\alpha_k = d_k [1 + (\tau/(\beta_k + \epsilon))^2]`,
    :math:`\tau = |\beta_0 - \beta_2|`. A face value lies between the two cells it separates, give or take half the smaller of
    their curvatures where these agree: no new extrema at a jump, no loss at a smooth extremum. Fifth order for laws with V = U (a
    nonlinear V of an average is not the average of V, which leaves second order with a small constant).

    Source: R. Borges et al., J. Comput. Phys. 227 (2008) 3191, doi:10.1016/j.jcp.2007.11.038, eqs. 25-28;
    beta_k: G.-S. Jiang, C.-W. Shu, J. Comput. Phys. 126 (1996) 202, eqs. 3.2-3.4; the bounds are a simple form of those of
    A. Suresh, H. T. Huynh, J. Comput. Phys. 136 (1997) 83, doi:10.1006/jcph.1997.5745.
    """
    return to_faces(*weno5_edges(V[..., GHOST - 3 : V.shape[-1] - GHOST + 3]))


def weno5_edges(W: Tensor) -> tuple[Tensor, Tensor]:
    """The WENO5 values at the right and left edge of every cell of W but the two outermost on each side."""
    v0, v1, v2, v3, v4 = (W[..., k : W.shape[-1] - 4 + k] for k in range(5))
    beta_0 = (13 / 12) * (v0 - 2 * v1 + v2) ** 2 + 0.25 * (v0 - 4 * v1 + 3 * v2) ** 2
    beta_1 = (13 / 12) * (v1 - 2 * v2 + v3) ** 2 + 0.25 * (v1 - v3) ** 2
    beta_2 = (13 / 12) * (v2 - 2 * v3 + v4) ** 2 + 0.25 * (3 * v2 - 4 * v3 + v4) ** 2
    tau_2 = (beta_0 - beta_2) ** 2
    z_0, z_1, z_2 = (1 + tau_2 / (beta + FLOOR) ** 2 for beta in (beta_0, beta_1, beta_2))

    def edge(p0, p1, p2, p3, p4, far, middle, near):  # the value at the right edge; mirrored arguments give the left edge
        middle, near = 6 * middle, 3 * near
        weighted = far * (2 * p0 - 7 * p1 + 11 * p2) + middle * (5 * p2 - p1 + 2 * p3) + near * (2 * p2 + 5 * p3 - p4)
        value = weighted / (6 * (far + middle + near))
        here, beyond = p1 - 2 * p2 + p3, p2 - 2 * p3 + p4
        slack = torch.where(here * beyond > 0, 0.5 * torch.minimum(here.abs(), beyond.abs()), 0)
        return value.clamp(torch.minimum(p2, p3) - slack, torch.maximum(p2, p3) + slack)

    return edge(v0, v1, v2, v3, v4, z_0, z_1, z_2), edge(v4, v3, v2, v1, v0, z_2, z_1, z_0)


STEEPNESS = 1.8  # beta of THINC: its jump is about one cell wide


def reconstruct_weno5_thinc(V: Tensor, cells: Cells) -> tuple[Tensor, Tensor]:
    r"""WENO5, and where that leaves smaller jumps at the faces, a hyperbolic tangent within the cell (THINC).

    Between the averages :math:`V_{i-1}, V_{i+1}` of a monotone triple the jump is
    :math:`\tfrac12 [1 + \tanh \beta(2\xi - 1 + \delta)]`, placed such that its average is :math:`V_i`; with
    :math:`C = (V_i - V_{i-1})/(V_{i+1} - V_{i-1})` its values at the edges are

    .. math:: V_{i-1} + (V_{i+1} - V_{i-1})\,\frac{e^{\beta(2C-1)} - e^{-\beta}}{2 \sinh\beta}, \qquad
              V_{i+1} - (V_{i+1} - V_{i-1})\,\frac{e^{-\beta(2C-1)} - e^{-\beta}}{2 \sinh\beta}.

    A cell takes it where the sum of the jumps at its two faces is smaller than with WENO5, each jump being the smallest that
    either choice of the neighbour allows (boundary variation diminishing). Shocks and contacts stay one or two cells wide;
    smooth profiles keep the fifth order. The choice switches: not for steady states.

    Only where the Knudsen number is below the cell width: elsewhere what the gas itself has smoothed is to be seen.

    Source: Z. Sun, S. Inaba, F. Xiao, J. Comput. Phys. 322 (2016) 309, doi:10.1016/j.jcp.2016.06.051.
    """
    smooth_right, smooth_left = weno5_edges(V[..., GHOST - 4 : V.shape[-1] - GHOST + 4])
    W = V[..., GHOST - 3 : V.shape[-1] - GHOST + 3]
    behind, here, ahead = W[..., :-2], W[..., 1:-1], W[..., 2:]
    thin = (cells.knudsen_padded < cells.dx)[..., GHOST - 2 : V.shape[-1] - GHOST + 2]
    monotone = thin & ((ahead - here) * (here - behind) > FLOOR)
    step = torch.where(monotone, ahead - behind, 1)
    tilt = torch.where(monotone, STEEPNESS * (2 * (here - behind) / step - 1), 0)
    low, scale = math.exp(-STEEPNESS), 0.5 / math.sinh(STEEPNESS)
    sharp_left = torch.where(monotone, behind + step * scale * (torch.exp(tilt) - low), smooth_left)
    sharp_right = torch.where(monotone, ahead - step * scale * (torch.exp(-tilt) - low), smooth_right)

    def variation(left: Tensor, right: Tensor) -> Tensor:
        """The jumps at both faces of every cell but the outermost, with these values at its edges."""
        L, R = left[..., 1:-1], right[..., 1:-1]
        before = torch.minimum((L - smooth_right[..., :-2]).abs(), (L - sharp_right[..., :-2]).abs())
        after = torch.minimum((R - smooth_left[..., 2:]).abs(), (R - sharp_left[..., 2:]).abs())
        return before + after

    sharp = variation(sharp_left, sharp_right) < variation(smooth_left, smooth_right)
    right, left = (
        torch.where(sharp, steep[..., 1:-1], plain[..., 1:-1])
        for steep, plain in ((sharp_right, smooth_right), (sharp_left, smooth_left))
    )
    return to_faces(right, left)


RECONSTRUCTIONS = {
    "constant": reconstruct_constant,
    "muscl": reconstruct_muscl,
    "van_leer": reconstruct_van_leer,
    "mc": reconstruct_mc,
    "weno3": reconstruct_weno3,
    "weno5": reconstruct_weno5,
    "weno5_thinc": reconstruct_weno5_thinc,
}


def limiting_above(name: str, size: Tensor):
    """A registered reconstruction that takes differences between cells up to ``size`` [1, variable, 1] for smooth: the floor of
    its limiter is size^2. For steady profiles whose cells resolve them, where a limiter at work on the tails of high moments
    would keep Newton's method from converging. MUSCL and WENO3 alone; any other comes back as it is.

    Source: V. Venkatakrishnan, J. Comput. Phys. 118 (1995) 120, doi:10.1006/jcph.1995.1084, sec. 4.
    """
    reconstruct = RECONSTRUCTIONS[name]
    if reconstruct not in (reconstruct_muscl, reconstruct_weno3):
        return reconstruct
    return partial(reconstruct, floor=size * size + FLOOR)
