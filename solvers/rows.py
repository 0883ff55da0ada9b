"""Compiled functions of a few numbers, from which the loops of all rooms are made (no torch).

They are branch-free, so that loops over them vectorise. The reconstructions take a cell's neighbours in the direction of the
face: mirrored arguments give the mirrored face.
"""

from math import log as log_of

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.polynomial import Chebyshev, Polynomial

from knudsen.compile import compiled

LOG2E = 1.0 / log_of(2.0)
EXP2 = tuple(float(a) for a in Chebyshev.interpolate(np.exp2, 10, domain=[-0.5, 0.5]).convert(kind=Polynomial).coef)
SHIFT = 1.5 * 2.0**52  # adding it rounds to an integer, which then sits in the low bits


@intrinsic
def bits_of(typingctx, x):
    """The 64 bits of a double, as an integer."""
    return types.int64(types.float64), lambda context, builder, signature, args: builder.bitcast(args[0], ir.IntType(64))


@intrinsic
def double_of(typingctx, n):
    """The double that has these 64 bits."""
    return types.float64(types.int64), lambda context, builder, signature, args: builder.bitcast(args[0], ir.DoubleType())


# exp2 and log are left to LLVM to inline: Numba's own inlining would compile them with the caller's flags, and reassociation
# undoes the rounding.


@compiled(fastmath={"contract"})
def exp2(x):
    """2^x to a few 1e-15, for -900 <= x <= 1000."""
    shifted = x + SHIFT
    r = x - (shifted - SHIFT)  # |r| <= 1/2
    p = (((EXP2[10] * r + EXP2[9]) * r + EXP2[8]) * r + EXP2[7]) * r + EXP2[6]
    p = (((((p * r + EXP2[5]) * r + EXP2[4]) * r + EXP2[3]) * r + EXP2[2]) * r + EXP2[1]) * r + EXP2[0]
    return double_of(bits_of(p) + (bits_of(shifted) << 52))


@compiled(fastmath={"contract"})
def log(x):
    """ln x to 1e-15, for x positive and normal.

    x = 2^e m, m in (sqrt(1/2), sqrt(2)), ln m = 2 artanh((m - 1)/(m + 1)) by its series.
    """
    bits = bits_of(x)
    exponent = float((bits >> 52) - 1023)
    m = double_of((bits & 0xFFFFFFFFFFFFF) | 0x3FF0000000000000)
    large = m > 1.4142135623730951
    m = 0.5 * m if large else m
    exponent = exponent + 1.0 if large else exponent
    z = (m - 1.0) / (m + 1.0)
    w = z * z
    p = 1.0 / 19.0
    p = p * w + 1.0 / 17.0
    p = p * w + 1.0 / 15.0
    p = p * w + 1.0 / 13.0
    p = p * w + 1.0 / 11.0
    p = p * w + 1.0 / 9.0
    p = p * w + 1.0 / 7.0
    p = p * w + 1.0 / 5.0
    p = p * w + 1.0 / 3.0
    return exponent * 0.6931471805599453 + 2.0 * (z + z * w * p)


@intrinsic
def single_of(typingctx, n):
    """The single-precision number that has these 32 bits."""
    return types.float32(types.int32), lambda context, builder, signature, args: builder.bitcast(args[0], ir.FloatType())


@intrinsic
def bits_of_single(typingctx, x):
    """The 32 bits of a single-precision number, as an integer."""
    return types.int32(types.float32), lambda context, builder, signature, args: builder.bitcast(args[0], ir.IntType(32))


S = np.float32
EXP2_SINGLE = tuple(S(a) for a in Chebyshev.interpolate(np.exp2, 6, domain=[-0.5, 0.5]).convert(kind=Polynomial).coef)
SHIFT_SINGLE = S(1.5 * 2.0**23)
LOG1P_SINGLE = tuple(
    S(a) for a in Chebyshev.interpolate(lambda x: np.log1p(x) / x, 8, domain=[0, 1]).convert(kind=Polynomial).coef
)


@compiled(fastmath={"contract"})
def exp2_single(x):
    """2^x in single precision, for -120 <= x <= 120."""
    shifted = x + SHIFT_SINGLE
    r = x - (shifted - SHIFT_SINGLE)  # |r| <= 1/2
    p = (EXP2_SINGLE[6] * r + EXP2_SINGLE[5]) * r + EXP2_SINGLE[4]
    p = (((p * r + EXP2_SINGLE[3]) * r + EXP2_SINGLE[2]) * r + EXP2_SINGLE[1]) * r + EXP2_SINGLE[0]
    return single_of(types.int32(bits_of_single(p) + types.int32(bits_of_single(shifted) << types.int32(23))))


@compiled
def log1p_single(x):
    """ln(1 + x) in single precision, for 0 <= x <= 1."""
    p = (LOG1P_SINGLE[8] * x + LOG1P_SINGLE[7]) * x + LOG1P_SINGLE[6]
    p = ((p * x + LOG1P_SINGLE[5]) * x + LOG1P_SINGLE[4]) * x + LOG1P_SINGLE[3]
    return (((p * x + LOG1P_SINGLE[2]) * x + LOG1P_SINGLE[1]) * x + LOG1P_SINGLE[0]) * x


@compiled(forceinline=True)
def mc(back, ahead):
    r"""Half the limited slope, the face less V_i, from back = V_i - V_{i-1} and ahead = V_{i+1} - V_i.

    Monotonised central limiter, second order: :math:`\tfrac12 \mathrm{minmod}(2a, \tfrac12(a + b), 2b)`.
    Source: B. van Leer, J. Comput. Phys. 23, 276 (1977), doi:10.1016/0021-9991(77)90095-X.
    """
    centred = 0.5 * (back + ahead)
    low = back if back < ahead else ahead
    high = ahead if back < ahead else back
    rise = 2.0 * low if 2.0 * low < centred else centred  # the slope where both differences are positive, else below zero
    fall = 2.0 * high if 2.0 * high > centred else centred
    return 0.5 * ((rise if rise > 0.0 else 0.0) + (fall if fall < 0.0 else 0.0))


@compiled(forceinline=True)
def weno5(a, b, c, d, floor):
    r"""The face less V_i, from a = V_{i-1} - V_{i-2}, b = V_i - V_{i-1}, c = V_{i+1} - V_i, d = V_{i+2} - V_{i+1}.

    Fifth order, weights Z of power 2: :math:`\omega_k \sim d_k (1 + (\tau_5/\beta_k)^2)`, :math:`\tau_5 = |\beta_0 - \beta_2|`.
    floor: added to every :math:`\beta_k`; where the squared differences are below it, the scheme is the linear one.
    Source: R. Borges et al., J. Comput. Phys. 227, 3191 (2008), eqs. 25-28, doi:10.1016/j.jcp.2007.11.038.
    """
    beta0 = 13.0 / 12.0 * (b - a) * (b - a) + 0.25 * (3.0 * b - a) * (3.0 * b - a) + floor
    beta1 = 13.0 / 12.0 * (c - b) * (c - b) + 0.25 * (b + c) * (b + c) + floor
    beta2 = 13.0 / 12.0 * (d - c) * (d - c) + 0.25 * (d - 3.0 * c) * (d - 3.0 * c) + floor
    tau = (beta0 - beta2) * (beta0 - beta2)
    s0, s1, s2 = beta0 * beta0, beta1 * beta1, beta2 * beta2
    # the weights over a common denominator: one division
    w0, w1, w2 = (s0 + tau) * s1 * s2, 6.0 * (s1 + tau) * s0 * s2, 3.0 * (s2 + tau) * s0 * s1
    return (w0 * (5.0 * b - 2.0 * a) + w1 * (b + 2.0 * c) + w2 * (4.0 * c - d)) / (6.0 * (w0 + w1 + w2))


@compiled(forceinline=True)
def weno5_bounded(p0, p1, p2, p3, p4, floor):
    """WENO5's value at the face between p2 and p3, kept between these two, give or take half the smaller of their curvatures
    where these agree (``solvers.reconstruction.weno5_edges``, which says why)."""
    value = p2 + weno5(p1 - p0, p2 - p1, p3 - p2, p4 - p3, floor)
    here, beyond = p1 - 2 * p2 + p3, p2 - 2 * p3 + p4
    slack = 0.5 * min(abs(here), abs(beyond)) if here * beyond > 0.0 else 0.0
    return min(max(value, min(p2, p3) - slack), max(p2, p3) + slack)
