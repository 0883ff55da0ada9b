r"""One sweep of the steady equation v . grad f = kappa (M - f) over a rectangle, from the corner where the molecules come in.

A face lies downstream of its cell i at :math:`f_i + \tfrac12 (f_i - f_{i-1})` (second order, upwind, linear; at a wall the
upstream neighbour is the wall itself, half a cell away: :math:`f_0 + (f_0 - f_w)`), so that the balance of a cell has only its
own f as unknown,

.. math:: \frac{|v_x|}{dx}\big(f + s_x (f - f_{i-1}) - f_{i-1/2}\big)
          + \frac{|v_y|}{dy}\big(f + s_y (f - f_{j-1}) - f_{j-1/2}\big) = \kappa\,(M - f),

s = 1/2, 1 at a wall, and one sweep solves the scheme exactly for given targets M: no correction is deferred. f itself is not
kept: two rows of cells are, the moments, and what reaches the walls.
"""

import numpy as np

from knudsen.compile import compiled
from knudsen.kinetic.plane.target import (
    HEIGHT,
    ZZ,
    U,
    V,
    add_moments,
    bracket_numbers,
    brackets,
    conserve,
    fields_of,
    frequency,
    gaussian,
    shape_target,
)  # fmt: skip

REACHED = 5  # what reaches a wall: g times 1, v_x, v_y, v^2 (with h), per |v_n|; and the density there


@compiled
def make_targets(W, eps, model, nodes, targets, kappa):
    """The targets [cells, NUMBERS] and kappa [cells] = r nu/eps of fields W [cells, FIELDS].

    Returns (first cell that has none or -1, number of under-resolved targets).
    """
    E, fitted = np.empty(nodes.x.size), 0
    for i in range(W.shape[0]):
        w, p = W[i], targets[i]
        if not (w[0] > 0.0 and w[3] > 0.0) or not shape_target(w, model.stress, model.heat_flux, model.dims, p):
            return i, fitted
        gaussian(p, nodes, 0, E)
        how = conserve(p, w[0], nodes, E)
        if how == 2:
            return i, fitted
        fitted += how
        kappa[i] = model.rate * frequency(w[0], w[3], model) / eps
    return -1, fitted


@compiled
def _cell(p, kappa, ax, ay, sx, sy, begin, nodes, fields, x_before, x_face, y_before, y_face, E, G, H):
    """f of a cell for one quadrant: its own into *_before, its downstream faces into *_face; [field, Q] each."""
    gaussian(p, nodes, begin, E)
    Q = E.size
    x, y = nodes.x[begin : begin + Q], nodes.y[begin : begin + Q]
    u, v, height, zz, numbers = p[U], p[V], p[HEIGHT] * kappa, p[ZZ], bracket_numbers(p)
    for n in range(Q):
        of_g, of_h = brackets(numbers, x[n] - u, y[n] - v)
        source = height * E[n]
        G[n] = source * of_g
        H[n] = source * zz * of_h
    for field in range(fields):
        source = G if field == 0 else H
        xb, xf, yb, yf = x_before[field], x_face[field], y_before[field], y_face[field]
        for n in range(Q):
            a, b = ax * abs(x[n]), ay * abs(y[n])
            total = a * (xf[n] + sx * xb[n]) + b * (yf[n] + sy * yb[n]) + source[n]
            f = total / (a * (1.0 + sx) + b * (1.0 + sy) + kappa)
            xf[n] = f + sx * (f - xb[n])
            yf[n] = f + sy * (f - yb[n])
            xb[n] = f
            yb[n] = f


@compiled
def _add_reached(face, normal, begin, nodes, fields, out):
    """Adds to out [REACHED] what the faces' f [field, Q] carry along the normal (0: x, 1: y)."""
    Q = face.shape[1]
    x, y, w = nodes.x[begin : begin + Q], nodes.y[begin : begin + Q], nodes.w[begin : begin + Q]
    s0 = s1 = s2 = s3 = s4 = 0.0
    for n in range(Q):
        mass = w[n] * face[0, n]
        flow = mass * abs(x[n] if normal == 0 else y[n])
        s0 += flow
        s1 += x[n] * flow
        s2 += y[n] * flow
        s3 += (x[n] * x[n] + y[n] * y[n]) * flow
        s4 += mass
    if fields > 1:
        for n in range(Q):
            s3 += w[n] * face[1, n] * abs(x[n] if normal == 0 else y[n])
    out[0] += s0
    out[1] += s1
    out[2] += s2
    out[3] += s3
    out[4] += s4


@compiled
def sweep(targets, kappa, flux, emission, model, nodes, nx, ny, dx, dy, raw, reached_x, reached_y):
    """Solves for f with these targets and walls; adds up its moments and what reaches the walls.

    targets [ny nx, NUMBERS], kappa [ny nx]; flux: mass that a wall gives back per area, left and right (flux_x [2, ny]), bottom
    and top (flux_y [2, nx]); emission [4, field, K]: f of unit flux of the walls left, right, bottom, top;
    raw [ny nx, SUMS], reached_x [2, ny, REACHED], reached_y [2, nx, REACHED]: results.
    """
    flux_x, flux_y = flux
    Q, fields = nodes.x.size // 4, model.fields
    raw[:] = 0.0
    reached_x[:] = 0.0
    reached_y[:] = 0.0
    x_before, x_face = np.empty((fields, Q)), np.empty((fields, Q))
    y_before, y_face = np.empty((nx, fields, Q)), np.empty((nx, fields, Q))
    E, G, H = np.empty(Q), np.empty(Q), np.empty(Q)
    for quadrant in range(4):
        begin = quadrant * Q
        right, up = quadrant % 2 == 0, quadrant < 2
        from_x, from_y = 0 if right else 1, 0 if up else 1
        for i in range(nx):
            for field in range(fields):
                for n in range(Q):
                    f = flux_y[from_y, i] * emission[2 + from_y, field, begin + n]
                    y_before[i, field, n] = f
                    y_face[i, field, n] = f
        for jj in range(ny):
            j = jj if up else ny - 1 - jj
            for field in range(fields):
                for n in range(Q):
                    f = flux_x[from_x, j] * emission[from_x, field, begin + n]
                    x_before[field, n] = f
                    x_face[field, n] = f
            for ii in range(nx):
                i = ii if right else nx - 1 - ii
                cell = j * nx + i
                sx, sy = 0.5 if ii > 0 else 1.0, 0.5 if jj > 0 else 1.0
                _cell(
                    targets[cell], kappa[cell], 1.0 / dx, 1.0 / dy, sx, sy, begin, nodes, fields, x_before, x_face,
                    y_before[i], y_face[i], E, G, H,
                )  # fmt: skip
                add_moments(x_before[0], x_before[fields - 1], begin, nodes, fields, raw[cell])
            _add_reached(x_face, 0, begin, nodes, fields, reached_x[1 - from_x, j])
        for i in range(nx):
            _add_reached(y_face[i], 1, begin, nodes, fields, reached_y[1 - from_y, i])


@compiled
def all_fields(raw, dims, W):
    """The fields W [cells, FIELDS] of raw moments [cells, SUMS]; the first cell that is no gas, or -1."""
    for i in range(raw.shape[0]):
        if not fields_of(raw[i], dims, W[i]):
            return i
    return -1
