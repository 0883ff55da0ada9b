"""The numerical fluxes of ``solvers.fluxes`` as loops over rows: FLUXES, by the same names, and what they need."""

from math import sqrt
from typing import NamedTuple

import numpy as np
from numba import int64, types

from knudsen.closure.compiled.protocol import DEPARTURE, FAST, SLOW, TABLE, TEMPERATURE, VECTOR, VELOCITY
from knudsen.closure.compiled.vectors import TINY, smoothstep
from knudsen.compile import compiled

UPWIND, RUSANOV, HLL = range(3)
FLUXES = {"upwind": UPWIND, "rusanov": RUSANOV, "hll": HLL}


class Waves(NamedTuple):
    """What the upwind flux needs of a law: the power of velocity in each component, and the characteristics at rest: speeds in
    units of sqrt(T), right and left eigenvectors. Empty for the other fluxes."""

    degrees: np.ndarray
    speeds: np.ndarray
    right: np.ndarray
    left: np.ndarray


WAVES = types.NamedTuple([int64[::1], VECTOR, TABLE, TABLE], Waves)


@compiled
def flux_differences(flux, V_l, V_r, U_l, U_r, F_l, F_r, frame_l, frame_r, data, boost, waves, K):
    """K = F_{i-1/2} - F_{i+1/2} of the interior cells; flux: a code of FLUXES."""
    count, faces = U_l.shape
    limits = np.empty((3, faces))
    fastest, slow, fast = limits[0], limits[1], limits[2]
    for i in range(faces):
        fastest[i] = max(max(-frame_l[SLOW, i], frame_l[FAST, i]), max(-frame_r[SLOW, i], frame_r[FAST, i]))
        slow[i] = min(min(frame_l[SLOW, i], frame_r[SLOW, i]), 0.0)
        fast[i] = max(max(frame_l[FAST, i], frame_r[FAST, i]), 0.0)
    F = np.empty((count, faces))
    if flux == UPWIND:
        dissipation = _upwind(V_l, V_r, U_l, U_r, frame_l, frame_r, fastest, data, boost, waves)
        for k in range(count):
            for i in range(faces):
                F[k, i] = 0.5 * (F_l[k, i] + F_r[k, i] - dissipation[k, i])
    elif flux == HLL:
        for k in range(count):
            for i in range(faces):
                across = fast[i] * F_l[k, i] - slow[i] * F_r[k, i] + fast[i] * slow[i] * (U_r[k, i] - U_l[k, i])
                F[k, i] = across / max(fast[i] - slow[i], TINY)
    else:
        for k in range(count):
            for i in range(faces):
                F[k, i] = 0.5 * (F_l[k, i] + F_r[k, i] - fastest[i] * (U_r[k, i] - U_l[k, i]))
    for k in range(count):
        for i in range(faces - 1):
            K[k, i] = F[k, i] - F[k, i + 1]


@compiled
def _rescale(U, degrees, scale):
    """Every velocity times ``scale``, in place."""
    for k in range(U.shape[0]):
        for _ in range(degrees[k]):
            for i in range(scale.size):
                U[k, i] *= scale[i]


@compiled
def _upwind(V_l, V_r, U_l, U_r, frame_l, frame_r, fastest, data, boost, waves):
    """|A| (U_r - U_l) of ``MomentLaw.upwind``."""
    count, faces = U_l.shape
    rows = np.empty((5, faces))
    u, s, back, inverse, blend = rows[0], rows[1], rows[2], rows[3], rows[4]
    for i in range(faces):
        u[i] = 0.5 * (frame_l[VELOCITY, i] + frame_r[VELOCITY, i])
        s[i] = sqrt(0.5 * (frame_l[TEMPERATURE, i] + frame_r[TEMPERATURE, i]))
        back[i], inverse[i] = -u[i], 1.0 / s[i]
        steep = max(max(abs(V_r[0, i] - V_l[0, i]), abs(V_r[2, i] - V_l[2, i])), abs(V_r[1, i] - V_l[1, i]) / s[i])
        blend[i] = max(max(frame_l[DEPARTURE, i], frame_r[DEPARTURE, i]), smoothstep(steep - 0.5))
    own = U_r - U_l
    boost(data, own, back)
    _rescale(own, waves.degrees, inverse)
    amplitudes = np.dot(waves.left, own)
    for k in range(count):
        for i in range(faces):
            speed = u[i] + s[i] * waves.speeds[k]
            amplitudes[k, i] *= sqrt(speed * speed + 0.0025 * s[i] * s[i])
    own = np.dot(waves.right, amplitudes)
    _rescale(own, waves.degrees, s)
    boost(data, own, u)
    for k in range(count):
        for i in range(faces):
            own[k, i] += blend[i] * (fastest[i] * (U_r[k, i] - U_l[k, i]) - own[k, i])
    return own
