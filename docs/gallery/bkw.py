"""BKW relaxation in D = 3: f over its Maxwellian against the exact solution, error against points, error against cost."""

import time
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from scipy.signal import resample

from knudsen import kinetic
from knudsen.experiments.plots import Figure
from knudsen.kinetic.homogeneous import bkw, bkw_distribution, relax
from knudsen.kinetic.spectral import VelocityGridND, operator

POINTS = {2: (8, 12, 16, 20, 24, 32, 40, 48), 3: (8, 12, 16, 20, 24, 32, 40)}
WIDTH = {2: 0.6, 3: 0.64}  # of f's Gaussian between start and end
COLOURS = {2: "#0072B2", 3: "#D55E00"}
PEERS = {"other code, $32^3$": (0.78, 1.54e-3), "in torch, $32^3$": (0.13, 1.4e-3)}  # seconds, L1 error; radial x spherical sums


def grid(dims, points):
    return VelocityGridND.cube(dims, points, np.sqrt(np.pi * points * WIDTH[dims] / 2))


def run(dims, points):
    """(L1 error at t = 6.5, seconds of processor time for one evaluation)."""
    gas, velocities = kinetic.gas(f"maxwell_{dims}v"), grid(dims, points)
    Q, case = operator(gas, velocities, tolerance=1e-8 if points <= 32 else 1e-11), bkw(gas)
    f = relax(case, gas, grid=velocities, operator=Q, rtol=1e-12).f[-1]
    seconds = []
    for _ in range(9):
        begin = time.thread_time()
        Q(f)
        seconds.append(time.thread_time() - begin)
    return float(velocities.integral(abs(f - case.exact(velocities, 6.5)))), min(seconds)


def figure():
    """Three panels. Returns a matplotlib figure."""
    drawn = Figure(figsize=(10, 3.4))
    left, middle, right = drawn.subplots(1, 3)
    gas, velocities = kinetic.gas("maxwell_3v"), grid(3, 24)
    case = bkw(gas, t_end=16.5, save_times=[6.5, 8.5, 11.5])
    solution = relax(case, gas, grid=velocities)
    M = velocities.maxwellian(1.0, np.zeros(3), 1.0)[:, 12, 12]
    v = velocities.v[0]
    fine = v[0] + velocities.dv[0] / 8 * np.arange(8 * v.size)
    shown, inside = abs(fine) < 3.6, abs(v) < 3.6
    shades = colormaps["viridis_r"](np.linspace(0.15, 1, len(solution.t)))
    for t, f, shade in zip(solution.t, solution.f, shades):
        curve = resample(f[:, 12, 12], fine.size) / resample(M, fine.size)
        left.plot(fine[shown], curve[shown], color=shade, label=f"$t$ = {t:g}")
        exact = bkw_distribution(velocities, t)[:, 12, 12] / M
        left.plot(v[inside], exact[inside], "o", ms=3, mfc="none", mew=0.7, color="black", label="exact" if t == 16.5 else None)
    left.set(xlabel="$v_x$", ylabel="$f/M$", ylim=(-0.45, 1.4))
    left.legend(loc="lower center", ncols=2, fontsize=7)
    for dims, points in POINTS.items():
        errors, seconds = np.array([run(dims, n) for n in points]).T
        middle.semilogy(points, errors, "o-", ms=4, color=COLOURS[dims], label=f"D = {dims}")
        if dims == 3:
            right.loglog(1e3 * seconds, errors, "o-", ms=4, color=COLOURS[dims], label="this operator")
            for n, s, e in zip(points, seconds, errors):
                right.annotate(f"${n}^3$", (1e3 * s, e), (4, 4), textcoords="offset points", fontsize=7)
    middle.set(xlabel="points per coordinate", ylabel="$L_1$ error at $t$ = 6.5")
    middle.legend()
    for (name, (s, e)), marker in zip(PEERS.items(), ("s", "^")):
        right.loglog(1e3 * s, e, marker, ms=6, color="black", label=name)
    right.set(xlabel="one evaluation, one core [ms]", ylabel="$L_1$ error at $t$ = 6.5")
    right.legend(fontsize=7, loc="lower left")
    drawn.suptitle("Relaxation of the BKW solution, Maxwell molecules")
    return drawn


if __name__ == "__main__":
    figure().savefig(Path(__file__).parents[1] / "figures" / "bkw.png")
