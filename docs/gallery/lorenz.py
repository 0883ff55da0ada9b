"""Rayleigh-Benard convection, truncated: three modes are Lorenz's equations; what they lose, more modes tell.

Between two plates a distance 1 apart (free slip, temperature fixed), in units of the thermal diffusion time:
d(lap psi)/dt + J(psi, lap psi) = Pr lap lap psi + Pr Ra dtheta/dx,  dtheta/dt + J(psi, theta) = dpsi/dx + lap theta,
psi = sum a_mn sin(m k x) sin(n pi z), theta = sum b_mn cos(m k x) sin(n pi z), m + n even, k = pi/sqrt(2),
J(f, g) = f_x g_z - f_z g_x.
B. Saltzman, J. Atmos. Sci. 19, 329 (1962); E. N. Lorenz, J. Atmos. Sci. 20, 130 (1963). r = Ra/Ra_c, Ra_c = 27 pi^4/4.
"""

from pathlib import Path

import numpy as np

from knudsen.experiments.plots import Figure

K, PRANDTL, CRITICAL = np.pi / np.sqrt(2), 10.0, 27 * np.pi**4 / 4
RATE = np.pi**2 + K**2  # Lorenz's time is RATE t


class Convection:
    """Modes m + n <= ``order``, m + n even; the state is (a, b) [2, order + 1, order + 1]. ``order=2`` is Lorenz's."""

    def __init__(self, order, r):
        self.r, n = r, np.arange(order + 1)
        self.mask = ((n[:, None] + n) % 2 == 0) & (n[:, None] + n <= order) & (n > 0)  # rows m, columns n
        points = 3 * order // 2 + 2  # products of two modes: no aliasing back onto those kept
        x, z = (np.pi * (np.arange(points) + 0.5) / points,) * 2  # k x and pi z: half a wave in x tells the other by symmetry
        self.sx, self.cx, self.sz, self.cz = (f(np.outer(n, y)) for f, y in ((np.sin, x), (np.cos, x), (np.sin, z), (np.cos, z)))
        self.m, self.n = K * n[:, None], np.pi * n
        self.square = np.where(self.mask, self.m**2 + self.n**2, 1.0)
        self.diffusion = np.array([PRANDTL, 1.0])[:, None, None] * self.square
        self.norm = np.where(n == 0, 1.0, 2.0) / points

    def advection(self, psi, g, x_g, dx_g):
        """-J(psi, g) on the points; x_g, dx_g: g's functions of x and their derivatives over m."""
        psi_x, psi_z = self.cx.T @ (self.m * psi) @ self.sz, self.sx.T @ (self.n * psi) @ self.cz
        return psi_z * (dx_g.T @ (self.m * g) @ self.sz) - psi_x * (x_g.T @ (self.n * g) @ self.cz)

    def nonlinear(self, state):
        """d(a, b)/dt without diffusion."""
        a, b = state
        vorticity, heat = self.advection(a, -self.square * a, self.sx, self.cx), self.advection(a, b, self.cx, -self.sx)
        da = PRANDTL * self.r * CRITICAL * self.m * b - self.norm[:, None] * self.sx @ vorticity @ self.sz.T * self.norm
        db = self.m * a + self.norm[:, None] * self.cx @ heat @ self.sz.T * self.norm
        return np.stack([da / self.square, db]) * self.mask

    def nusselt(self, state):
        """(at the plates, from the convected flux): 1 - d<theta>/dz at z = 0, and 1 + <w theta>; equal in a steady state."""
        a, b = state
        return 1 - (self.n * b[0]).sum(), 1 + 0.25 * (self.m * a * b).sum()

    def run(self, state, time, dt):
        """States [step, 2, m, n] over ``time`` (Lorenz's unit): RK4, the diffusion by its exact factor."""
        h = dt / RATE
        half, states = np.exp(-0.5 * h * self.diffusion), [state]
        for _ in range(round(time / dt)):
            y = states[-1]
            k1 = self.nonlinear(y)
            k2 = self.nonlinear(half * (y + 0.5 * h * k1))
            k3 = self.nonlinear(half * y + 0.5 * h * k2)
            k4 = self.nonlinear(half * (half * y + h * k3))
            states.append(half * (half * (y + h / 6 * k1) + h / 3 * (k2 + k3)) + h / 6 * k4)
        return np.array(states)


def from_lorenz(X, Y, Z, model):
    """The state (a_11, b_11, b_02) of Lorenz's variables."""
    state = np.zeros((2, *model.mask.shape))
    state[0, 1, 1] = np.sqrt(2) * RATE / (np.pi * K) * X
    state[1, 1, 1], state[1, 0, 2] = np.sqrt(2) / (np.pi * model.r) * Y, -1 / (np.pi * model.r) * Z
    return state


def lorenz(X, Y, Z, r):
    return PRANDTL * (Y - X), r * X - Y - X * Z, X * Y - 8 / 3 * Z


def start(model):
    state = from_lorenz(1.0, 1.0, 0.5 * model.r, model)
    noise = 1e-3 * np.random.default_rng(0).standard_normal(state.shape) * model.mask
    return state + noise * np.array([10.0, 1.0])[:, None, None] / np.maximum(model.square, 1) * RATE


def check():
    """Three modes are Lorenz's equations to round-off; near onset they are right; at r = 28 they convect half of the heat."""
    three = Convection(2, 28.0)
    for X, Y, Z in ((1.0, -2.0, 5.0), (-7.0, 3.0, 20.0)):
        state = from_lorenz(X, Y, Z, three)
        rates = (three.nonlinear(state) - three.diffusion * state) / RATE
        np.testing.assert_allclose(rates, from_lorenz(*lorenz(X, Y, Z, 28.0), three), rtol=1e-12, atol=1e-12)
    near, far = Convection(6, 1.1), Convection(12, 28.0)
    weak = near.nusselt(near.run(start(near), 60.0, 0.05)[-1])
    assert abs(weak[0] - weak[1]) < 1e-3 and abs((weak[0] - 1) / (2 * 0.1 / 1.1) - 1) < 0.02  # Lorenz: Nu = 1 + 2 (r - 1)/r
    strong = far.nusselt(far.run(start(far), 8.0, 0.004)[-1])
    assert abs(strong[0] / strong[1] - 1) < 1e-3  # steady: the same heat through the plates as through the middle
    assert strong[0] > 1.5 * (3 - 2 / 28)  # of Lorenz's steady rolls


def figure(orders=(2, 6, 14), r=28.0, loads=(1.05, 2, 6, 12, 28), time=10.0, dt=0.004):
    """Convected flux over time; heat flux against r; the temperature of three modes and of many. Returns a matplotlib figure."""
    drawn = Figure(figsize=(9.6, 5.6))
    axes = drawn.subplot_mosaic([["time", "time", "nusselt"], ["few", "few", "many"]], width_ratios=[1, 0.35, 1])
    last = {}
    for order, colour in zip(orders, ("#D55E00", "#56B4E9", "black")):
        model = Convection(order, r)
        states = model.run(start(model), time, dt)
        axes["time"].plot(
            np.arange(len(states)) * dt, [model.nusselt(s)[1] for s in states], color=colour, label=f"m + n up to {order}"
        )
        last[order] = model, states[-1]
        if order > 2:
            models = [Convection(order, load) for load in loads]
            flux = [np.mean([m.nusselt(s)[1] for s in m.run(start(m), 20.0 if m.r < 2 else 5.0, dt)[-300:]]) for m in models]
            axes["nusselt"].semilogx(loads, flux, "o-", ms=3, color=colour)
    load = np.geomspace(1, max(loads), 100)
    axes["nusselt"].semilogx(load, 3 - 2 / load, color="#D55E00")
    axes["time"].set(xlabel="time (Lorenz's unit)", ylabel=r"$1 + \langle w\theta\rangle$", title=f"heat carried, r = {r:g}")
    axes["time"].legend(loc="upper right")
    axes["nusselt"].set(xlabel="r = Ra/Ra$_c$", ylabel="Nusselt number", title="steady rolls (red: Lorenz, $3 - 2/r$)")
    fixed = np.sqrt(8 / 3 * (r - 1))
    rolls = from_lorenz(fixed, fixed, r - 1, last[orders[0]][0])
    x, z = np.linspace(0, 2 * np.pi / K, 121), np.linspace(0, 1, 61)
    for name, (model, state), text in (
        ("few", (last[orders[0]][0], rolls), "Lorenz's steady rolls"),
        ("many", last[orders[-1]], "many modes"),
    ):
        theta = np.cos(np.outer(x, model.m[:, 0])) @ state[1] @ np.sin(np.outer(model.n, z))
        shown = axes[name].contourf(x, z, (1 - z + theta).T, levels=np.linspace(-0.5, 1.5, 21), cmap="RdBu_r")
        axes[name].set(xlabel="$x$", ylabel="$z$", title=f"temperature: {text}")
    drawn.colorbar(shown, ax=axes["many"], ticks=[0, 0.5, 1])
    return drawn


if __name__ == "__main__":
    check()
    figure().savefig(Path(__file__).parents[1] / "figures" / "lorenz.png", dpi=90)
