"""Pieces that row functions are made of: frame changes of rows of moments, and views of a law's numbers."""

from math import sqrt

import numpy as np

from knudsen.compile import SAFE, compiled
from knudsen.solvers.rows import LOG2E, exp2

TINY = 2.2250738585072014e-308  # the smallest normal double


@compiled
def copy(source, target):
    """The first rows of a table; by hand, as all here: assigning arrays to arrays costs seconds of compile time (its errors)."""
    for k in range(target.shape[0]):
        for i in range(target.shape[1]):
            target[k, i] = source[k, i]


@compiled
def add(factor, source, target):
    """target plus factor times the first columns of source, in place."""
    for k in range(target.shape[0]):
        for i in range(target.shape[1]):
            target[k, i] += factor * source[k, i]


@compiled
def shift(m, first, last, velocity):
    """Rows first..last-1, moments 0, 1, ...: seen after every velocity has grown by ``velocity``, in place."""
    for level in range(first + 1, last):
        for k in range(last - 1, level - 1, -1):
            for i in range(velocity.size):
                m[k, i] += velocity[i] * m[k - 1, i]


@compiled
def rescale(m, first, last, scale, ladder):
    """Rows first..last-1 times scale^0, scale^1, ..., in place; ladder: a row of scratch."""
    ladder[:] = 1.0
    for k in range(first + 1, last):
        for i in range(scale.size):
            ladder[i] *= scale[i]
            m[k, i] *= ladder[i]


@compiled
def rescale_transverse(m, first, count, scale, ladder):
    """``count`` rows of h from ``first`` on: degrees 2, 3, ..."""
    if count == 0:
        return
    for i in range(scale.size):
        ladder[i] = scale[i] * scale[i]
    for k in range(first, first + count):
        for i in range(scale.size):
            m[k, i] *= ladder[i]
            ladder[i] *= scale[i]


@compiled
def smoothstep(x):
    """3 x^2 - 2 x^3 between 0 and 1, constant outside."""
    x = min(max(x, 0.0), 1.0)
    return x * x * (3.0 - 2.0 * x)


@compiled
def exp(x):
    """e^x to a few 1e-15, for -600 < x < 700, branch-free."""
    return exp2(LOG2E * x)


ONE = np.float32(1.0)


@compiled(fastmath=SAFE | {"afn"})  # afn: an estimate and a step of Newton's method where x is in single precision
def inverse_root(x):
    """1 / sqrt(1 + x^2), to a few units in the last place."""
    return ONE / sqrt(ONE + x * x)


@compiled
def matrix(numbers, first, rows, columns):
    """The table [rows, columns] that stands at ``first`` in a vector."""
    return numbers[first : first + rows * columns].reshape(rows, columns)
