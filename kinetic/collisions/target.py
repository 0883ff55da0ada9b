r"""The target of every relaxation model: a Gaussian with a share of the stress, times a cubic with one of the heat flux.

With :math:`\Lambda = T I + s\,\sigma/\rho` (its share s of the stress) and m the solution of
:math:`(D T\, I + 2 \Lambda)\, m = h\, q/\rho` (its share h of the heat flux), c = v - u,

.. math:: \mathcal M = \rho\, \mathcal N(c; \Lambda) \left[1 + (m \cdot \Lambda^{-1} c)\,
          \big(c \cdot \Lambda^{-1} c - (D + 2)\big)\right] .

It has the density, velocity and temperature of f, the stress s sigma and the heat flux h q. Functions here take s sigma/rho as
``xx``, ``xy``, ``yy``, and h q/rho as ``q_x``, ``q_y``.

Reduced to one velocity (x one-dimensional) each field is :math:`\rho\, \mathcal N(z)/\sqrt{\Lambda_{xx}}` times a polynomial of
degree 3 in :math:`z = c_x/\sqrt{\Lambda_{xx}}`: a row (p_0, p_1, p_2, p_3). :func:`pair_rows` and :func:`shear_rows` are plain
functions of numbers or arrays (real or complex); the kernel compiles them.
"""

import numpy as np


def pair_rows(T, xx, q_x, dims):
    """(Lambda_xx, row of g, row of h) without shear; h: of |v_perp|^2."""
    along = T + xx
    A = q_x / ((dims * T + 2.0 * along) * np.sqrt(along))
    H = dims * T - along
    return along, (1.0, -3.0 * A, 0.0, A), (H, -H * A, 0.0, H * A)


def shear_rows(T, u_y, xx, xy, yy, q_x, q_y, dims):
    r"""(Lambda_xx, rows of the moments over :math:`v_\perp` with 1, v_y, v_y^2, v_z^2, v_y |v_perp|^2), of a gas with shear.

    v_z: all directions but x and y together. Given z, v_y is normal about :math:`u_y + S z`, :math:`S = \Lambda_{xy}/
    \sqrt{\Lambda_{xx}}`. Right where s or h is zero (both only without shear: their product does not fit into degree 3).
    """
    along, yy = T + xx, T + yy
    zz = dims * T - along - yy
    A, B = q_x / ((dims * T + 2.0 * along) * np.sqrt(along)), q_y / (dims * T + 2.0 * yy)
    S = xy / np.sqrt(along)
    V = yy - S * S  # variance of v_y for given z
    third, u2 = 3.0 * yy + zz, u_y * u_y
    g = (1.0, -3.0 * A, 0.0, A)
    k = (u_y - B, S - 3.0 * A * u_y, B, A * u_y)
    y = (V + u2 - 2.0 * u_y * B, 2.0 * u_y * S - A * (yy + 3.0 * u2), S * S + 2.0 * u_y * B, A * (yy + u2))
    z = (zz, -A * zz, 0.0, A * zz)
    l = (
        u_y * (u2 + 3.0 * V + zz - 3.0 * u_y * B) + B * third,
        (3.0 * u2 + 3.0 * V + zz) * S - u_y * A * (3.0 * u2 + third),
        3.0 * u_y * (S * S + u_y * B) + B * third,
        S * S * S + u_y * A * (u2 + third),
    )
    return along, g, k, y, z, l


def field(rho, along, c, *rows):
    """The fields [...] of these rows at own-frame velocities c = v - u."""
    z = c / np.sqrt(along)
    gaussian = rho / np.sqrt(2 * np.pi * along) * np.exp(-0.5 * z**2)
    return [gaussian * (p[0] + z * (p[1] + z * (p[2] + z * p[3]))) for p in rows]


def distribution(rho, T, stress, q, c):
    """The target itself at own-frame velocities c, D arrays that broadcast; stress [D, D], q [D]: its shares, over rho."""
    D = len(c)
    covariance = T * np.eye(D) + stress
    inverse = np.linalg.inv(covariance)
    square = sum(inverse[i, j] * c[i] * c[j] for i in range(D) for j in range(D))
    f = rho / np.sqrt((2 * np.pi) ** D * np.linalg.det(covariance)) * np.exp(-0.5 * square)
    tilt = np.linalg.solve(D * T * np.eye(D) + 2 * covariance, q) @ inverse
    return f * (1 + sum(a * b for a, b in zip(tilt, c, strict=True)) * (square - (D + 2)))
