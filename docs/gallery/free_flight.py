r"""When a moment closure needs memory: the exact heat flux of the linear BGK equation, D = 1, from collisions to free flight.

A wave exp(ikx) of small amplitude, T = 1. In orthonormal Hermite moments a_n of f: a' = -ik J a - Q a/eps, J the Jacobi matrix
with sqrt(n + 1) beside its diagonal, Q the projection onto n >= 3. Eliminating n >= 3 leaves density, momentum and energy with
a_3 = -ik sqrt(3) \int_0^t e^{-(t-s)/eps} G(k(t - s)) a_2(s) ds: the past of the temperature. G is the characteristic function of
the weight w(x) = |D_{-3}(ix)|^{-2}/(6 sqrt(2 pi)) of the polynomials that J leaves beyond n = 3 (R. Askey, J. Wimp, Proc. R. Soc.
Edinburgh A 96, 15 (1984)). Time is in units of 1/k; eps stands for k eps.
"""

from pathlib import Path

import numpy as np
from scipy.special import wofz

from knudsen.experiments.plots import Figure

MOMENTS = 300  # of the reference: exact until t of the order of sqrt(MOMENTS)


def weight(x):
    """w(x), from D_0 and D_{-1} by the recurrence D_{p-1} = (z D_p - D_{p+1})/p, z = ix."""
    z = 1j * np.asarray(x, float)
    D0, D1 = np.exp(-z * z / 4), np.exp(-z * z / 4) * np.sqrt(np.pi / 2) * wofz(1j * z / np.sqrt(2))
    D2 = D0 - z * D1
    return 1 / (6 * np.sqrt(2 * np.pi) * np.abs((D1 - z * D2) / 2) ** 2)


def kernel(t):
    """G(t), real: the midpoint rule on w, exact to round-off for so smooth a function until t = 2 pi/dx."""
    x = (np.arange(-1200, 1200) + 0.5) * 0.01
    return np.cos(np.multiply.outer(t, x)) @ weight(x) * 0.01


def jacobi(first, n):
    """Multiplication by the velocity among the Hermite moments first..first + n - 1."""
    side = np.sqrt(np.arange(first + 1, first + n))
    return np.diag(side, 1) + np.diag(side, -1)


def moments(t, eps, n=MOMENTS):
    """a_0 [time] after a_0 = 1: n moments, the next one taken to be zero (Grad's closure; many: the kinetic equation)."""
    A = -1j * jacobi(0, n) - np.diag((np.arange(n) >= 3) / eps)
    values, vectors = np.linalg.eig(A)
    start = np.linalg.solve(vectors, np.eye(n)[0])
    return (vectors[0] * np.exp(np.multiply.outer(t, values)) @ start).real


def closed(t, eps, memory=True):
    """a_0 with density, momentum and energy alone, a_3 from the past of a_2 or from its present value (Navier-Stokes-Fourier).

    The trapezoidal rule in time, for the equations and for the integral; t is uniform.
    """
    dt, n = t[1] - t[0], len(t)
    A = -1j * jacobi(0, 3)
    K = 3 * np.exp(-t / eps) * kernel(t)  # k^2 sqrt(3)^2
    a = np.zeros((n, 3), complex)
    a[0, 0] = 1.0
    A[2, 2] -= 0.0 if memory else 3 * eps  # = int K dt where collisions are many
    own = np.zeros((3, 3))
    own[2, 2] = 0.5 * dt * K[0] if memory else 0.0
    step = np.eye(3) - 0.5 * dt * (A - own)
    past = np.zeros(3, complex)
    for i in range(1, n):
        rate = A @ a[i - 1] - past
        past = np.zeros(3, complex)
        if memory:
            past[2] = dt * (K[i:0:-1] @ a[:i, 2] - 0.5 * K[i] * a[0, 2])
        a[i] = np.linalg.solve(step, a[i - 1] + 0.5 * dt * (rate - past))
        past = past + own @ a[i]
    return a[:, 0].real


def check():
    """The kernel is that of 300 moments; in free flight memory gives exp(-t^2/2), few moments echo, no memory has no answer."""
    t = np.linspace(0, 8, 801)
    values, vectors = np.linalg.eigh(jacobi(3, MOMENTS))
    np.testing.assert_allclose(kernel(t), np.cos(np.multiply.outer(t, values)) @ vectors[0] ** 2, atol=1e-10)
    free, exact = closed(t, np.inf), np.exp(-0.5 * t**2)
    assert np.abs(free - exact).max() < 5e-5  # dt^2 = 1e-4, times the sizes of what is integrated
    np.testing.assert_allclose(moments(t, np.inf), exact, atol=1e-9)
    assert np.abs(moments(t, np.inf, 8) - exact).max() > 0.5  # eight waves come back into phase
    for eps in (0.1, 1.0):
        coarse, fine = (np.abs(closed(s, eps) - moments(s, eps)).max() for s in (t[::2], t))
        assert fine < 2e-3 and 3.7 < coarse / fine < 4.3  # what is left is the trapezoidal rule's
    small, smaller = (np.abs(closed(t, e, memory=False) - moments(t, e)).max() for e in (0.02, 0.01))
    assert 1.8 < small / smaller < 4.4  # Navier-Stokes-Fourier: an error of first or second order in eps
    assert np.abs(closed(t, 1.0, memory=False) - moments(t, 1.0)).max() > 0.1


def figure(few=(4, 8), points=401, regimes=13):
    """The memory of the heat flux; the density wave in free flight; the errors from collisions to free flight. A figure."""
    drawn = Figure(figsize=(10, 3.6))
    left, middle, right = drawn.subplots(1, 3)
    t = np.linspace(0, 8, points)
    for eps, colour in ((np.inf, "black"), (1.0, "#009E73"), (0.1, "#0072B2")):
        left.plot(
            t, np.exp(-t / eps) * kernel(t), color=colour, label=r"free flight" if eps > 9 else rf"$k\varepsilon$ = {eps:g}"
        )
    middle.plot(t, np.exp(-0.5 * t**2), color="black", lw=2.5, label="exact")
    middle.plot(t, closed(t, np.inf), color="#0072B2", lw=1.2, label="3 moments and memory")
    for n, style in zip(few, ("--", ":")):
        middle.plot(t, moments(t, np.inf, n), color="#D55E00", ls=style, label=f"{n} moments")
    knudsen = np.geomspace(0.01, 10, regimes)
    truth = [moments(t, eps) for eps in knudsen]
    for label, solve, colour, style in (
        ("3 moments and memory", closed, "#0072B2", "-"),
        ("Navier-Stokes-Fourier", lambda t, eps: closed(t, eps, memory=False), "#CC79A7", "-"),
        *((f"{n} moments", lambda t, eps, n=n: moments(t, eps, n), "#D55E00", style) for n, style in zip(few, ("--", ":"))),
    ):
        right.loglog(
            knudsen, [np.abs(solve(t, e) - a).max() for e, a in zip(knudsen, truth)], color=colour, ls=style, label=label
        )
    left.set(xlabel="$k t$", title=r"memory of the heat flux, $e^{-t/\varepsilon} G(k t)$", xlim=(0, 5))
    middle.set(xlabel="$k t$", title="a density wave in free flight", ylim=(-1.1, 1.5))
    right.set(xlabel=r"$k\varepsilon$", title="largest error of the wave", ylim=(1e-6, 3))
    left.legend()
    middle.legend(fontsize=7, loc="upper right", ncols=2)
    right.legend(fontsize=7, loc="lower right")
    return drawn


if __name__ == "__main__":
    check()
    figure().savefig(Path(__file__).parents[1] / "figures" / "free_flight.png", dpi=90)
