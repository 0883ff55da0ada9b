"""What lies beyond the ends of the domain: ghost rows, and f at walls."""

from typing import NamedTuple

import numpy as np

from knudsen.compile import compiled
from knudsen.kinetic.kernel.rows import FACE, INCREMENT, OF_G, at
from knudsen.kinetic.kernel.transport import GHOST
from knudsen.solvers.boundaries import FIXED, PERIODIC, WALLS

SIGNED = (False, False, True, False, True)  # may g, h, k, y, l be negative?


class Ends(NamedTuple):
    """boundary; of WALLS: accommodation [2], emission [2, fields, K] (diffuse f of unit flux), face (f at them; scratch)."""

    boundary: int
    accommodation: np.ndarray
    emission: np.ndarray
    face: np.ndarray


@compiled
def fill_ghosts(f, fields, cells, v, points, ends):
    """Ghost rows of f; those of a FIXED boundary hold their Maxwellians and stay. At WALLS also f at the wall."""
    rows = f.reshape(fields, cells + 2 * GHOST, v.size)
    if ends.boundary == WALLS:
        _reflect(rows, 0, GHOST, 1, v, points, ends)
        _reflect(rows, 1, GHOST + cells - 1, -1, v, points, ends)
    elif ends.boundary != FIXED:
        periodic = ends.boundary == PERIODIC
        for field in range(fields):
            for g in range(GHOST):
                left, right = (cells + g, GHOST + g) if periodic else (GHOST, GHOST + cells - 1)
                for n in range(v.size):
                    rows[field, g, n], rows[field, GHOST + cells + g, n] = rows[field, left, n], rows[field, right, n]


@compiled
def _reflect(rows, side, first, inward, v, points, ends):
    """f at a wall: extrapolated from the gas where it comes in, Wall's law where it leaves; ghost rows on the line through it.

    The extrapolation of what is never negative (g, h, y) ends at zero. first: the row at the wall; inward: towards the gas.
    """
    face, emission, alpha = ends.face[side], ends.emission[side], ends.accommodation[side]
    flux = 0.0
    for field in range(rows.shape[0]):
        signed = SIGNED[field]
        for k in range(points):
            near = rows[field, first, k]
            face[field, k] = near + 0.5 * (near - rows[field, first + inward, k])
            if face[field, k] * near < 0.0 and not signed:
                face[field, k] = 0.0
            if field == OF_G and v[k] * inward < 0.0:
                flux += abs(v[k]) * face[OF_G, k]
        for k in range(points):
            if v[k] * inward > 0.0:
                face[field, k] = alpha * flux * emission[field, k] + (1.0 - alpha) * face[field, points - 1 - k]
            step = face[field, k] - rows[field, first, k]
            for g in range(1, GHOST + 1):
                rows[field, first - g * inward, k] = face[field, k] + (2 * g - 1) * step


@compiled
def set_face(face, v, ratio, field, row):
    """The last face becomes f at the wall, whatever the reconstruction made of it: no net flux to round-off."""
    for n in range(v.size):
        row[at(INCREMENT + 3 * field, n)] += ratio * v[n] * (row[at(FACE + 3 * field, n)] - face[field, n])
        row[at(FACE + 3 * field, n)] = face[field, n]
