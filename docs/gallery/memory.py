"""A closure with memory: one end of a chain of springs, the rest of it hidden; the exact kernel, and a recurrent network.

Masses 1 and springs 1 in a row, x_0 visible, everything else at rest at the start. Eliminating the hidden masses leaves, exactly,
dv/dt = -V'(x) - int_0^t K(t - s) v(s) ds,  K(t) = J_1(2t)/t  (v = dx_0/dt; R. J. Rubin, J. Math. Phys. 1, 309 (1960)).
"""

from pathlib import Path

import numpy as np
import torch
from scipy.linalg import expm
from scipy.special import j1

from knudsen.experiments.plots import Figure

DT, SPRING = 0.05, 0.3  # V = SPRING x^2/2 ties the visible mass to its place; the networks never see this value
SEEN, UNTIL = (0.0, 0.1, 1.0, 2.5), 300  # springs of the training runs, and their steps
COLOURS = {"exact kernel": "#0072B2", "network": "#009E73", "no memory": "#D55E00"}


def kernel(t):
    """J_1(2t)/t, 1 at t = 0; its integral is 1: the friction of the closure without memory."""
    return np.where(t > 0, j1(2 * t) / np.where(t > 0, t, 1.0), 1.0)


def chain(masses, spring=SPRING, steps=600):
    """(x, v) [time, mass] after a kick v_0 = 1, by the matrix exponential; the endless chain's until an echo comes back."""
    stiffness = 2 * np.eye(masses) - np.eye(masses, k=1) - np.eye(masses, k=-1)
    stiffness[0, 0] = 1 + spring
    step = expm(DT * np.block([[np.zeros_like(stiffness), np.eye(masses)], [-stiffness, np.zeros_like(stiffness)]]))
    states = [np.eye(1, 2 * masses, masses)[0]]
    for _ in range(steps):
        states.append(step @ states[-1])
    return np.array(states).reshape(-1, 2, masses).swapaxes(0, 1)


class Friction:
    """No memory: -v int K dt = -v."""

    def __init__(self):
        self.past = []

    def push(self, v):
        self.past.append(v)

    def force(self, v):
        return -v


class Kernel(Friction):
    """-int K(t - s) v(s) ds by trapezoids: all of the past is kept."""

    def force(self, v):
        weights = DT * kernel(DT * np.arange(len(self.past), -1, -1))
        weights[[0, -1]] *= 0.5
        return -weights @ [*self.past, v]


class Recurrent(Friction):
    """h' = D (h + v), force = -DT Re C.(h + v/2): the past is a few complex units h, |D| < 1 by construction.

    Unrolled it is a kernel, Re C.D^n; trained on what one sees of the chain: v(t) of one mass, and the force that it tells.
    """

    def __init__(self, units):
        self.decay = torch.linspace(-2, -1, units, dtype=torch.float64).requires_grad_()
        self.turn = torch.linspace(0.1, 2.2, units, dtype=torch.float64).requires_grad_()
        self.C = torch.full((units, 2), 1 / units, dtype=torch.float64).requires_grad_()
        self.h = None

    def unrolled(self, steps):
        D = torch.exp(DT * torch.complex(-self.decay.exp(), self.turn))
        return (D ** torch.arange(steps)[:, None] @ torch.view_as_complex(self.C)).real

    def train(self, v, force):
        """Least squares of the force along the visible v, [time, run] each."""
        v, force, n = torch.tensor(v), torch.tensor(force), torch.arange(len(v))
        weight = (
            DT
            * torch.tril(torch.ones(len(v), len(v), dtype=torch.float64))
            * (1 - 0.5 * (n == 0))
            * (1 - 0.5 * torch.eye(len(v)))
        )
        lag = (n[:, None] - n).clamp(min=0)
        optimiser = torch.optim.LBFGS([self.decay, self.turn, self.C], max_iter=150, line_search_fn="strong_wolfe")

        def loss():
            optimiser.zero_grad()
            value = ((force + (weight * self.unrolled(len(v))[lag]) @ v) ** 2).mean()
            value.backward()
            return value

        optimiser.step(loss)
        D = torch.exp(DT * torch.complex(-self.decay.exp(), self.turn))
        self.D, self.c = D.detach().numpy(), torch.view_as_complex(self.C).detach().numpy()
        return self

    def push(self, v):
        self.h = self.D * (0.5 * v if self.h is None else self.h + v)

    def force(self, v):
        return 0.0 if self.h is None else -DT * float((self.c @ (self.h + 0.5 * v)).real)


def trained(units):
    runs = [chain(60, spring, UNTIL) for spring in SEEN]
    return Recurrent(units).train(*(np.stack(rows, 1) for rows in zip(*[(v[:, 0], x[:, 1] - x[:, 0]) for x, v in runs])))


def advance(memory, spring=SPRING, steps=600):
    """x of the visible mass alone after the kick: half steps of the velocity, the new force by two iterations."""
    x, v = np.zeros(steps + 1), 1.0
    for i in range(steps):
        half = v + 0.5 * DT * (memory.force(v) - spring * x[i])
        memory.push(v)
        x[i + 1], v = x[i] + DT * half, half
        for _ in range(2):
            v = half + 0.5 * DT * (memory.force(v) - spring * x[i + 1])
    return x


def check():
    """Energy; with the exact kernel one mass does what 60 do; four units learn the kernel; friction does not."""
    (x, v), few = chain(60), trained(4)
    energy = 0.5 * ((v**2).sum(1) + (np.diff(x) ** 2).sum(1) + SPRING * x[:, 0] ** 2 + x[:, -1] ** 2)
    np.testing.assert_allclose(energy, 0.5, rtol=1e-10)
    errors = {name: np.abs(advance(m) - x[:, 0]).max() for name, m in (("K", Kernel()), ("net", few), ("none", Friction()))}
    assert errors["K"] < 0.2 * DT**2 and errors["net"] < 5e-3 and errors["none"] > 0.1, errors
    assert np.abs(few.unrolled(UNTIL).detach().numpy() - kernel(DT * np.arange(UNTIL))).max() < 0.05


def figure(units=(1, 2, 4)):
    """Kernels; the visible mass with and without memory; what each errs by. Returns a matplotlib figure."""
    drawn = Figure(figsize=(10, 3.6))
    left, middle, right = drawn.subplots(1, 3)
    x, t = chain(60)[0][:, 0], DT * np.arange(601)
    left.plot(t[:UNTIL], kernel(t[:UNTIL]), color="black", lw=2.5, label="$J_1(2t)/t$")
    models = {"exact kernel": Kernel(), "no memory": Friction()}
    for n, style in zip(units, (":", "--", "-")):
        models[f"network, {n} units"] = network = trained(n)
        left.plot(t[:UNTIL], network.unrolled(UNTIL).detach().numpy(), color="#009E73", ls=style, label=f"network, {n} units")
    middle.plot(t, x, color="black", lw=2.5, label="60 masses")
    for name, model in models.items():
        found, colour = advance(model), COLOURS[name.partition(",")[0]]
        style = (":", "--", "-")[units.index(int(name.split()[1]))] if "units" in name else "-"
        if name in ("no memory", f"network, {units[-1]} units"):
            middle.plot(t, found, color=colour, lw=1.1, label=name)
        right.semilogy(t[1:], np.maximum.accumulate(np.abs(found - x))[1:], color=colour, ls=style, label=name)
    left.set(xlabel="$t$", title="memory kernel", xlim=(0, 12))
    middle.set(xlabel="$t$", title="$x_0$ after a kick", xlim=(0, 20))
    right.set(xlabel="$t$", title="largest error of $x_0$ so far", ylim=(1e-6, 1))
    for axis in (left, middle, right):
        axis.legend(fontsize=7, loc="lower right" if axis is right else "upper right")
    return drawn


if __name__ == "__main__":
    check()
    figure().savefig(Path(__file__).parents[1] / "figures" / "memory.png", dpi=90)
