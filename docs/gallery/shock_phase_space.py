"""Inside steady shocks: f across the shock, its two populations at mid-density, and the local Maxwellians it is far from.

With the moments of the shock known (``knudsen.kinetic.solve_shock``), f follows along every velocity: v df/dx = M[rho, u, T] - f.
"""

from pathlib import Path

import numpy as np
from matplotlib.colors import LogNorm, PowerNorm

from knudsen import kinetic
from knudsen.experiments.plots import Figure
from knudsen.kinetic.characteristics import DEGREE, Mesh, Sweep

ACROSS = (0.1, 0.5, 0.9)  # normalised densities at which sections are drawn


def velocities(shock, points):
    """Midpoints [points] that hold both end states and none of which is zero."""
    states = kinetic.rankine_hugoniot(shock.mach, shock.gas)
    low = min(u - 4.5 * np.sqrt(T) for _, u, T in states)
    high = max(u + 4.5 * np.sqrt(T) for _, u, T in states)
    return low + (np.arange(points) + 0.5) * (high - low) / points


def distribution(shock, v, speed):
    """f [node, v, speed] at transverse speeds |v_perp|, D = 3, constant frequency: exact along every velocity."""
    sweep = Sweep(Mesh(shock.x[::DEGREE]), v)

    def maxwellian(rho, u, T, w):
        return rho * (2 * np.pi * T) ** -1.5 * np.exp(-((v - u) ** 2 + w**2) / (2 * T))

    fields = (shock.rho[:, None], shock.u[:, None], shock.T[:, None])
    states = (fields, *kinetic.rankine_hugoniot(shock.mach, shock.gas))  # inside; what enters on the left, on the right
    return np.stack([sweep(*(maxwellian(*state, w) for state in states)) for w in speed], axis=-1)


def figure(mach_numbers=(3.0, 5.5), points=240, speeds=64):
    """One row for each Mach number. Returns a matplotlib figure."""
    drawn = Figure(figsize=(11, 3.3 * len(mach_numbers)))
    axes = drawn.subplots(len(mach_numbers), 3, squeeze=False)
    for (image, section, plane), mach in zip(axes, mach_numbers):
        shock = kinetic.solve_shock(kinetic.gas("bgk_3v"), mach)
        v = velocities(shock, points)
        reach = 4.0 * np.sqrt(shock.T[-1])
        speed = (np.arange(speeds) + 0.5) * reach / speeds
        f = distribution(shock, v, speed)
        g = (f * 2 * np.pi * speed).sum(-1) * (speed[1] - speed[0])  # transverse velocities integrated out
        x, progress = shock.x / shock.mean_free_path, (shock.rho - shock.rho[0]) / np.ptp(shock.rho)
        at = [np.abs(progress - p).argmin() for p in ACROSS]

        shown = image.pcolormesh(x, v, g.T, cmap="magma_r", norm=PowerNorm(0.5, 0, g.max()), shading="gouraud", rasterized=True)
        image.plot(x, shock.u, color="#0072B2", lw=1.2, label="$u$")
        thickness = 2.2 / shock.lambda1_over_delta
        image.set(xlim=(-thickness, thickness), xlabel=r"$x/\lambda_1$", ylabel=r"$v_x/\sqrt{T_1}$")
        image.set_title(f"Mach {mach:g}: $g(x, v_x)$")
        image.legend(loc="upper right")
        image.grid(False)
        drawn.colorbar(shown, ax=image)

        for p, i, colour in zip(ACROSS, at, ("#0072B2", "black", "#D55E00")):
            M = shock.rho[i] / np.sqrt(2 * np.pi * shock.T[i]) * np.exp(-((v - shock.u[i]) ** 2) / (2 * shock.T[i]))
            section.plot(v, g[i], color=colour, label=rf"$\hat\rho$ = {p:g}")
            section.plot(v, M, color=colour, lw=0.9, ls=(0, (2, 2)))
            image.axvline(x[i], color=colour, lw=0.7, ls=":")
        section.set(xlabel=r"$v_x/\sqrt{T_1}$", title="sections of $g$; dashed: local Maxwellians")
        section.legend()

        middle = f[at[1]] / f[at[1]].max()
        levels = 10.0 ** np.arange(-4, 0.1, 0.5)
        both = np.concatenate([-speed[::-1], speed])
        drawing = plane.contourf(
            v, both, np.concatenate([middle[:, ::-1], middle], axis=1).T, levels=levels, cmap="magma_r", norm=LogNorm(1e-4, 1)
        )
        plane.set(xlabel=r"$v_x/\sqrt{T_1}$", ylabel=r"$v_y/\sqrt{T_1}$", title=r"$f(v_x, v_y, 0)/\max f$ at $\hat\rho$ = 0.5")
        plane.grid(False)
        drawn.colorbar(drawing, ax=plane, ticks=10.0 ** np.arange(-4, 1), format="%.0e")
    return drawn


if __name__ == "__main__":
    figure().savefig(Path(__file__).parents[1] / "figures" / "shock_phase_space.png", dpi=90)
