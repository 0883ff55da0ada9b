r"""The target of a relaxation model in the plane, on any set of velocities, conservative to round-off.

The target of :mod:`knudsen.kinetic.collisions.target`, integrated over v_z, is with :math:`\Lambda = L L^T` (of x and y),
:math:`z = L^{-1} c`, :math:`w = z_1^2 + z_2^2` and :math:`(\alpha, \beta) = L^{-1} m`

.. math:: g = \rho\,\mathcal N(z)\,\big[1 + (\alpha z_1 + \beta z_2)(w - 4)\big], \qquad
          h = \Lambda_{zz}\,\rho\,\mathcal N(z)\,\big[1 + (\alpha z_1 + \beta z_2)(w - 2)\big],

the same g for D = 2 and 3. On a set of velocities it misses the mass, momentum and energy of the gas by the quadrature error;
:math:`d_0 + d_1 z_1 + d_2 z_2 + d_3 (w - 2)` is added to the bracket of g, and e_0 to that of h, such that it does not.
"""

from math import pi, sqrt
from typing import NamedTuple

import numpy as np

from knudsen.compile import compiled
from knudsen.solvers.rows import LOG2E, exp2

LOWEST = -900.0  # 2^-900 stands for zero: far from the subnormal numbers, which are slow
RESOLVED = 1e-17  # what a correction of that size times the first one, the error of its matrix, may leave
UNDER_RESOLVED = 1e-5  # quadrature error above which the user is warned
CORRECTIONS = 60
SUMS = 11  # raw moments: g times 1, x, y, xx, xy, yy, x v^2, y v^2; h times 1, x, y
FIELDS = 9  # rho, u, v, T, q_x, q_y, sigma_xx, sigma_xy, sigma_yy
HEIGHT, U, V, L1, TILT, L2, ALPHA, BETA, D0, D1, D2, D3, E0, ZZ = range(14)  # a target's numbers
NUMBERS = 14


class PlaneModel(NamedTuple):
    """rate, stress, heat_flux, prandtl: of the relaxation model (``RelaxationModel.rate``, ``shares``); fields: 1 (g) or 2 (g and
    h); dims; exponent: 1 - omega of nu = rho T^exponent, -inf for nu = 1."""

    rate: float
    stress: float
    heat_flux: float
    prandtl: float
    fields: int
    dims: int
    exponent: float


class Nodes(NamedTuple):
    """Velocities x, y [K] with weights w [K]."""

    x: np.ndarray
    y: np.ndarray
    w: np.ndarray


def model_of(gas) -> PlaneModel:
    """The numbers that the compiled functions need of a gas with a relaxation model, D = 2 or 3."""
    share = gas.model.shares(gas.prandtl)
    exponent = -np.inf if gas.omega is None else 1.0 - gas.omega
    return PlaneModel(
        float(gas.model.rate(gas.prandtl)), float(share.stress), float(share.heat_flux), float(gas.prandtl),
        gas.dims - 1, gas.dims, exponent,
    )  # fmt: skip


@compiled
def frequency(rho, T, model):
    return rho * T**model.exponent if model.exponent > -np.inf else 1.0


@compiled
def fields_of(s, dims, out):
    """The fields [FIELDS] of raw moments s [SUMS]; False where they are no gas's."""
    rho = s[0]
    if not (rho > 0.0 and rho < np.inf):
        return False
    inverse = 1.0 / rho
    u, v = s[1] * inverse, s[2] * inverse
    xx, xy, yy = s[3] * inverse, s[4] * inverse, s[5] * inverse
    h = s[8] * inverse if dims > 2 else 0.0
    square = u * u + v * v
    T = (xx + yy + h - square) / dims
    if not (T > 0.0 and T < np.inf):
        return False
    qx = s[6] * inverse - u * (3.0 * xx + yy) - 2.0 * v * xy + 2.0 * u * square
    qy = s[7] * inverse - v * (xx + 3.0 * yy) - 2.0 * u * xy + 2.0 * v * square
    if dims > 2:
        qx += s[9] * inverse - u * h
        qy += s[10] * inverse - v * h
    out[0], out[1], out[2], out[3], out[4], out[5] = rho, u, v, T, 0.5 * rho * qx, 0.5 * rho * qy
    out[6], out[7], out[8] = rho * (xx - u * u - T), rho * (xy - u * v), rho * (yy - v * v - T)
    return True


@compiled
def shape_target(w, stress, heat, dims, p):
    """p [NUMBERS] of the target with these shares of the stress and heat flux of the fields w; uncorrected. False: no target."""
    rho, T = w[0], w[3]
    inverse = 1.0 / rho
    xx, xy, yy = T + stress * w[6] * inverse, stress * w[7] * inverse, T + stress * w[8] * inverse
    rest = yy - xy * xy / xx
    if not (xx > 0.0 and rest > 0.0):
        return False
    l1, l2 = sqrt(xx), sqrt(rest)
    a, b, d = dims * T + 2.0 * xx, 2.0 * xy, dims * T + 2.0 * yy
    qx, qy = heat * w[4] * inverse, heat * w[5] * inverse
    mx, my = (d * qx - b * qy) / (a * d - b * b), (a * qy - b * qx) / (a * d - b * b)
    p[HEIGHT], p[U], p[V] = rho / (2.0 * pi * l1 * l2), w[1], w[2]
    p[L1], p[TILT], p[L2] = 1.0 / l1, xy / xx, 1.0 / l2  # z_1 = L1 c_x, z_2 = L2 (c_y - TILT c_x)
    p[ALPHA], p[BETA] = mx / l1, (my - xy / xx * mx) / l2
    p[D0] = p[D1] = p[D2] = p[D3] = p[E0] = 0.0
    p[ZZ] = dims * T - xx - yy
    return True


@compiled
def gaussian(p, nodes, begin, E):
    """E [n] = exp(-w/2) at the velocities from ``begin`` on."""
    x, y = nodes.x[begin : begin + E.size], nodes.y[begin : begin + E.size]
    u, v, l1, tilt, l2 = p[U], p[V], p[L1], p[TILT], p[L2]
    for n in range(E.size):
        c = x[n] - u
        z1, z2 = l1 * c, l2 * (y[n] - v - tilt * c)
        b = -0.5 * LOG2E * (z1 * z1 + z2 * z2)
        E[n] = exp2(b if b > LOWEST else LOWEST)


@compiled
def bracket_numbers(p):
    """What ``brackets`` needs of p: plain numbers, which loops keep in registers."""
    return p[L1], p[TILT], p[L2], p[ALPHA], p[BETA], 1.0 + p[D0], p[D1], p[D2], p[D3], 1.0 + p[E0]


@compiled
def brackets(numbers, cx, cy):
    """The corrected brackets of g and h at the own-frame velocity (cx, cy)."""
    l1, tilt, l2, alpha, beta, d0, d1, d2, d3, e0 = numbers
    z1, z2 = l1 * cx, l2 * (cy - tilt * cx)
    w, linear = z1 * z1 + z2 * z2, alpha * z1 + beta * z2
    of_g = d0 + d1 * z1 + d2 * z2 + d3 * (w - 2.0) + linear * (w - 4.0)
    return of_g, e0 + linear * (w - 2.0)


@compiled
def conserve(p, rho, nodes, E):
    """Corrects p such that the discrete target has its mass, momentum and energy; E [K]: ``gaussian``.

    Returns 0 resolved, 1 visibly under-resolved, 2 the velocities cannot hold it.
    """
    x, y, weight = nodes.x, nodes.y, nodes.w
    u, v = p[U], p[V]
    l1, l2 = 1.0 / p[L1], 1.0 / p[L2]
    l21 = p[TILT] * l1
    trace, scale = l1 * l1 + l21 * l21 + l2 * l2, p[HEIGHT] / rho
    how, first = 0, 0.0
    for turn in range(CORRECTIONS):
        s0 = sx = sy = s2 = sh = 0.0
        numbers = bracket_numbers(p)
        for n in range(E.size):
            cx, cy = x[n] - u, y[n] - v
            of_g, of_h = brackets(numbers, cx, cy)
            mass = weight[n] * E[n]
            of_g *= mass
            s0 += of_g
            sx += cx * of_g
            sy += cy * of_g
            s2 += (cx * cx + cy * cy) * of_g
            sh += mass * of_h
        d0 = 1.0 - scale * s0
        d1 = -scale * sx / l1
        d2 = (-scale * sy - l21 * d1) / l2
        d3 = (trace - scale * s2 - trace * d0) / (2.0 * trace)
        e0 = 1.0 - scale * sh
        p[D0] += d0
        p[D1] += d1
        p[D2] += d2
        p[D3] += d3
        p[E0] += e0
        error = abs(d0) + abs(d1) + abs(d2) + abs(d3) + abs(e0)
        if turn == 0:
            first, how = error, 1 if error > UNDER_RESOLVED else 0
        if error * first < RESOLVED:
            return how
        if not error < 10.0:
            return 2
    return 2


@compiled
def add_moments(g, h, begin, nodes, fields, out):
    """Adds to out [SUMS] the moments of g and h (one field: h is not looked at) at the velocities from ``begin`` on."""
    Q = g.size
    x, y, w = nodes.x[begin : begin + Q], nodes.y[begin : begin + Q], nodes.w[begin : begin + Q]
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
    for n in range(Q):
        m = w[n] * g[n]
        a, b = x[n] * m, y[n] * m
        square = x[n] * x[n] + y[n] * y[n]
        s0 += m
        s1 += a
        s2 += b
        s3 += x[n] * a
        s4 += x[n] * b
        s5 += y[n] * b
        s6 += square * a
        s7 += square * b
    out[0] += s0
    out[1] += s1
    out[2] += s2
    out[3] += s3
    out[4] += s4
    out[5] += s5
    out[6] += s6
    out[7] += s7
    if fields > 1:
        s0 = s1 = s2 = 0.0
        for n in range(Q):
            m = w[n] * h[n]
            s0 += m
            s1 += x[n] * m
            s2 += y[n] * m
        out[8] += s0
        out[9] += s1
        out[10] += s2
