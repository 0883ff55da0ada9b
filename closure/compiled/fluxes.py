"""The numerical fluxes of ``solvers.fluxes`` as loops over rows: FLUXES, their codes by the same names, and DIFFERENCES."""

from math import sqrt
from typing import NamedTuple

import numpy as np
from numba import int64, types

from knudsen.closure.compiled.protocol import BOOST, DATA, DEPARTURE, FAST, SLOW, TABLE, TEMPERATURE, VECTOR, VELOCITY
from knudsen.closure.compiled.vectors import TINY, smoothstep
from knudsen.compile import compiled

UPWIND, RUSANOV, HLL = range(3)
FLUXES = {"upwind": UPWIND, "rusanov": RUSANOV, "hll": HLL}
DIFFERENCES = {}


class Faces(NamedTuple):
    """One side of every face, [row, face]; frame: see ``protocol.Rows``."""

    V: np.ndarray
    U: np.ndarray
    F: np.ndarray
    frame: np.ndarray


class Waves(NamedTuple):
    """What the upwind flux needs of a law: the power of velocity in each component, and the characteristics at rest: speeds in
    units of sqrt(T), right and left eigenvectors. Empty for the other fluxes."""

    degrees: np.ndarray
    speeds: np.ndarray
    right: np.ndarray
    left: np.ndarray


WAVES = types.NamedTuple([int64[::1], VECTOR, TABLE, TABLE], Waves)
FACES = types.NamedUniTuple(TABLE, 4, Faces)
DIFFERENCE = types.void(FACES, FACES, DATA, types.FunctionType(BOOST), WAVES, TABLE, TABLE)


def differences(function):
    """Registers (l, r, data, boost, waves, F, K): fluxes into F [component, face], F_{i-1/2} - F_{i+1/2} of the interior cells
    into K."""
    DIFFERENCES[function.__name__] = compiled(function)
    return DIFFERENCES[function.__name__]


@compiled
def no_differences(l, r, data, boost, waves, F, K): ...


@compiled
def _difference(F, K):
    for k in range(K.shape[0]):
        for i in range(K.shape[1]):
            K[k, i] = F[k, i] - F[k, i + 1]


@compiled
def _fastest(l, r, i):
    """The largest modulus of a speed on the two sides of face i."""
    return max(max(-l.frame[SLOW, i], l.frame[FAST, i]), max(-r.frame[SLOW, i], r.frame[FAST, i]))


@differences
def hll(l, r, data, boost, waves, F, K):
    slow, fast = l.frame[SLOW], r.frame[FAST]  # of both sides from here on
    for i in range(slow.size):
        slow[i] = min(min(slow[i], r.frame[SLOW, i]), 0.0)
        fast[i] = max(max(l.frame[FAST, i], fast[i]), 0.0)
    for k in range(F.shape[0]):
        for i in range(F.shape[1]):
            across = fast[i] * l.F[k, i] - slow[i] * r.F[k, i] + fast[i] * slow[i] * (r.U[k, i] - l.U[k, i])
            F[k, i] = across / max(fast[i] - slow[i], TINY)
    _difference(F, K)


@differences
def rusanov(l, r, data, boost, waves, F, K):
    fastest = l.frame[FAST]
    for i in range(fastest.size):
        fastest[i] = _fastest(l, r, i)
    for k in range(F.shape[0]):
        for i in range(F.shape[1]):
            F[k, i] = 0.5 * (l.F[k, i] + r.F[k, i] - fastest[i] * (r.U[k, i] - l.U[k, i]))
    _difference(F, K)


@compiled
def _rescale(U, degrees, scale):
    """Every velocity times ``scale``, in place."""
    for k in range(U.shape[0]):
        for _ in range(degrees[k]):
            for i in range(scale.size):
                U[k, i] *= scale[i]


@compiled
def _product(table, x, y):
    """y = table x."""
    for k in range(y.shape[0]):
        for i in range(y.shape[1]):
            y[k, i] = 0.0
        for j in range(x.shape[0]):
            if table[k, j] != 0.0:
                for i in range(y.shape[1]):
                    y[k, i] += table[k, j] * x[j, i]


@differences
def upwind(l, r, data, boost, waves, F, K):
    """With |A| (U_r - U_l) of ``MomentLaw.upwind``."""
    count, faces = F.shape
    rows, own, amplitudes = np.empty((6, faces)), np.empty((count, faces)), np.empty((count, faces))
    u, s, back, inverse, blend, fastest = rows[0], rows[1], rows[2], rows[3], rows[4], rows[5]
    for i in range(faces):
        u[i] = 0.5 * (l.frame[VELOCITY, i] + r.frame[VELOCITY, i])
        s[i] = sqrt(0.5 * (l.frame[TEMPERATURE, i] + r.frame[TEMPERATURE, i]))
        back[i], inverse[i], fastest[i] = -u[i], 1.0 / s[i], _fastest(l, r, i)
        steep = max(max(abs(r.V[0, i] - l.V[0, i]), abs(r.V[2, i] - l.V[2, i])), abs(r.V[1, i] - l.V[1, i]) / s[i])
        blend[i] = max(max(l.frame[DEPARTURE, i], r.frame[DEPARTURE, i]), smoothstep(steep - 0.5))
    for k in range(count):
        for i in range(faces):
            own[k, i] = r.U[k, i] - l.U[k, i]
    boost(data, own, back)
    _rescale(own, waves.degrees, inverse)
    _product(waves.left, own, amplitudes)
    for k in range(count):
        for i in range(faces):
            speed = u[i] + s[i] * waves.speeds[k]
            amplitudes[k, i] *= sqrt(speed * speed + 0.0025 * s[i] * s[i])
    _product(waves.right, amplitudes, own)
    _rescale(own, waves.degrees, s)
    boost(data, own, u)
    for k in range(count):
        for i in range(faces):
            dissipation = own[k, i] + blend[i] * (fastest[i] * (r.U[k, i] - l.U[k, i]) - own[k, i])
            F[k, i] = 0.5 * (l.F[k, i] + r.F[k, i] - dissipation)
    _difference(F, K)
