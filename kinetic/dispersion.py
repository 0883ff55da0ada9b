r"""Sound and heat modes of the linearised BGK equation: what every closure's dispersion relation is measured against.

A small wave exp(i k x + lambda t) on a gas at rest with rho = T = 1 and frequency 1/eps obeys, with M the Maxwellian of the
velocity v along x,

.. math:: \hat g = \frac{\hat g_{eq}}{s + i K v}, \qquad s = 1 + \lambda\varepsilon, \quad K = k\varepsilon, \qquad
          \hat g_{eq} = M\,[\rho + v u + \tfrac12 (v^2 - 1) T] .

Its moments must obey the balances of mass, momentum and energy, :math:`\lambda\varepsilon \langle\cdot\rangle + i K \langle v
\cdot\rangle = 0`: a determinant of order three in the integrals

.. math:: I_n = \int \frac{v^n M}{s + i K v}\,dv, \qquad
          I_0 = \frac{\sqrt{\pi/2}}{K}\, w\!\left(\frac{i s}{\sqrt2 K}\right), \qquad I_n = \frac{m_{n-1} - s\,I_{n-1}}{i K},

w the Faddeeva function, m_n the moments of M. In D > 1 the transverse energy adds its share.
Roots with Re s > 0 are discrete modes; each ends at a largest K where it meets the continuum Re s = 0.
Source: C. Cercignani, Theory and Application of the Boltzmann Equation (1975), chapter 6.
"""

from functools import cache

import numpy as np
from scipy.special import wofz

MODES = ("heat", "sound")
STEP = 0.01  # of K along a mode
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(100)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


def _integrals(s: complex, K: float) -> list[complex]:
    """I_0..I_5."""
    if K < 0.4 * abs(s):  # the recursion would lose digits; the pole v = i s/K is far enough for Gauss's rule to be exact
        return list((WEIGHTS / (s + 1j * K * NODES)) @ NODES[:, None] ** np.arange(6))
    integrals = [np.sqrt(np.pi / 2) / K * wofz(1j * s / (np.sqrt(2) * K))]
    for m in (1.0, 0.0, 1.0, 0.0, 3.0):
        integrals.append((m - s * integrals[-1]) / (1j * K))
    return integrals


def dispersion_function(lam: complex, K: float, dims: int) -> complex:
    """The determinant whose roots lam = lambda eps are the modes along x of a BGK gas in ``dims`` velocity dimensions."""
    i = _integrals(1 + lam, K)
    across = dims - 1  # transverse velocities
    momentum = (i[2], i[3], 0.5 * (i[4] - i[2]))
    energy = (i[3] + across * i[1], i[4] + across * i[2], 0.5 * (i[5] - i[3]) + 0.5 * across * (i[3] + i[1]))
    return np.linalg.det(
        [
            [lam, 1j * K, 0],
            [1j * K * momentum[0], lam + 1j * K * momentum[1], 1j * K * momentum[2]],
            [lam * dims + 1j * K * energy[0], 1j * K * energy[1], lam * dims + 1j * K * energy[2]],
        ]
    )


def dispersion_roots(K, dims: int) -> dict[str, np.ndarray]:
    r"""lambda eps of the heat and the sound mode (Im > 0) at K = k eps sqrt(T) / nu [n] > 0; NaN where the mode does not exist.

    Every root is followed from small K, where it is nearly :math:`-K^2` or :math:`-K^2 + i \sqrt\gamma K`, by Newton's method.
    """
    K = np.asarray(K, dtype=float)
    if not (K.ndim == 1 and np.isfinite(K).all() and (K > 0).all()):
        raise ValueError(f"K={K}: give positive numbers in one row")
    roots = {}
    for mode in MODES:
        path, values = _followed(mode, dims)
        found = np.full(len(K), np.nan, complex)
        for i, k in enumerate(K):
            if k < path[-1] + STEP:
                j = min(max(int(k / STEP) - 1, 1), len(path) - 1)
                start = values[j] + (values[j] - values[j - 1]) * (k - path[j]) / STEP
                value = _newton(start if k > path[1] else _hydrodynamic(mode, k, dims), k, dims)
                found[i] = value if value.real > -1 else np.nan
        roots[mode] = found
    return roots


def _hydrodynamic(mode: str, K: float, dims: int) -> complex:
    """The root at small K."""
    return -(K**2) + (1j * np.sqrt((dims + 2) / dims) * K if mode == "sound" else 0)


@cache
def _followed(mode: str, dims: int) -> tuple[np.ndarray, np.ndarray]:
    """K in steps of ``STEP`` as far as the mode exists, and its roots."""
    path, values = [STEP], [_newton(_hydrodynamic(mode, STEP, dims), STEP, dims)]
    while True:
        k = path[-1] + STEP
        start = 2 * values[-1] - values[-2] if len(values) > 1 else _hydrodynamic(mode, k, dims)
        value = _newton(start, k, dims)
        if not value.real > -1:
            return np.array(path), np.array(values)
        path.append(k)
        values.append(value)


def _newton(value: complex, K: float, dims: int) -> complex:
    for _ in range(50):
        h = 1e-6 * abs(value)
        f, up, down = (dispersion_function(value + d, K, dims) for d in (0, h, -h))
        step = f * 2 * h / (up - down)
        value -= step
        if abs(step) < 1e-9 * abs(value):  # quadratic: the next step would be below round-off
            return value
    return complex(np.nan)
