"""A function of d variables as a sum of waves: frequencies on a grid against frequencies drawn at random."""

from pathlib import Path

import numpy as np

from knudsen.experiments.plots import Figure

CENTRES, SEED = 3, 5
COLOURS = {"grid": "#0072B2", "random": "#D55E00", "fitted": "#009E73"}


class Target:
    r"""f(x) = sum_j c_j exp(-|x - z_j|^2/2) = E [Re A(w) exp(i w.x)], w ~ N(0, 1), A(w) = sum_j c_j exp(-i w.z_j).

    Errors are relative to the rms of f, over points x of length about 1.
    """

    def __init__(self, d, points=400):
        rng = np.random.default_rng(SEED)
        directions = rng.standard_normal((CENTRES, d))
        self.d, self.c = d, np.array([1.0, -1.2, 0.8])
        self.z = 1.2 * directions / np.linalg.norm(directions, axis=1, keepdims=True)
        self.x = rng.standard_normal((points, d)) / np.sqrt(d)
        self.f = np.exp(-0.5 * ((self.x[:, None] - self.z) ** 2).sum(2)) @ self.c
        self.size = np.sqrt(np.mean(self.f**2))

    def amplitude(self, w):
        return np.exp(-1j * w @ self.z.T) @ self.c

    def error(self, waves):
        """Of f = ``waves`` [point]."""
        return float(np.sqrt(np.mean((waves - self.f) ** 2)) / self.size)

    def of_frequencies(self, w, weights):
        """sum_k weights_k Re A(w_k) exp(i w_k.x), in pieces of a thousand frequencies."""
        total, a = np.zeros(len(self.x)), weights * self.amplitude(w)
        for k in range(0, len(w), 1000):
            phase = self.x @ w[k : k + 1000].T
            total += np.cos(phase) @ a.real[k : k + 1000] - np.sin(phase) @ a.imag[k : k + 1000]
        return total


def random_error(target, m, seed=0, repetitions=4):
    """Frequencies drawn from N(0, 1), amplitudes A(w)/m: rms error over repetitions."""
    rng = np.random.default_rng(seed)
    draws = (rng.standard_normal((m, target.d)) for _ in range(repetitions))
    return float(np.sqrt(np.mean([target.error(target.of_frequencies(w, np.full(m, 1 / m))) ** 2 for w in draws])))


def grid_error(target, m):
    """m**d frequencies on the lattice, weights of the trapezoidal rule, at the spacing that is best for this f."""
    best = np.inf
    for h in np.linspace(0.3, 2.3, 11):
        line = h * (np.arange(m) - (m - 1) / 2)
        w = np.stack(np.meshgrid(*[line] * target.d, indexing="ij"), -1).reshape(-1, target.d)
        weights = (h / np.sqrt(2 * np.pi)) ** target.d * np.exp(-0.5 * (w**2).sum(1))
        best = min(best, target.error(target.of_frequencies(w, weights)))
    return best


def fitted_error(target, m, seed=0):
    """Random frequencies, amplitudes by least squares on as many points again as unknowns; errors at the target's own points."""
    rng = np.random.default_rng(seed)
    w, half = rng.standard_normal((m // 2, target.d)), m // 2
    x = rng.standard_normal((4 * m, target.d)) / np.sqrt(target.d)
    f = np.exp(-0.5 * ((x[:, None] - target.z) ** 2).sum(2)) @ target.c
    design = np.concatenate([np.cos(x @ w.T), np.sin(x @ w.T)], 1)
    a = np.linalg.lstsq(design, f, rcond=1e-10)[0]
    phase = target.x @ w.T
    return target.error(np.cos(phase) @ a[:half] + np.sin(phase) @ a[half:])


def check():
    """Drawn: below sum |c_j| m^(-1/2) in every dimension. On a grid a few waves along each coordinate do, and m**d are needed."""
    m = np.array([64, 256, 1024, 4096])
    errors = {d: [random_error(Target(d), n, repetitions=8) for n in m] for d in (1, 5, 20)}
    for d, row in errors.items():
        assert abs(np.polyfit(np.log(m), np.log(row), 1)[0] + 0.5) < 0.12  # 8 repetitions: each rms is known to about 15 %
        target = Target(d)
        assert np.all(np.array(row) * target.size < np.abs(target.c).sum() / np.sqrt(m))  # |A| < sum |c_j|, whatever d is
    assert grid_error(Target(1), 32) < 1e-6  # the trapezoidal rule on a Gaussian: exponential
    assert all(grid_error(Target(d), 4) < 0.1 for d in (1, 2, 4))  # alike at a given spacing, with 4, 16, 256 waves
    assert grid_error(Target(10), 2) > 2 * random_error(Target(10), 2**10)


def figure(dims=(1, 2, 3, 5, 10), every=tuple(range(1, 21)), budget=2**12, powers=range(3, 14)):
    """Left: error against parameters; right: the error that a number of them buys. Returns a matplotlib figure."""
    drawn = Figure(figsize=(9.6, 3.8))
    left, right = drawn.subplots(1, 2)
    m = 2 ** np.array(powers)
    for d, style in zip(dims, ("-", "--", "-.", ":", (0, (1, 3)))):
        target = Target(d)
        sizes = sorted({n for p in m if 1 < (n := int(p ** (1 / d) + 1e-9)) <= 32})
        left.loglog([n**d for n in sizes], [grid_error(target, n) for n in sizes], marker=".", ls=style, color=COLOURS["grid"])
        left.loglog(m, [random_error(target, n) for n in m], ls=style, color=COLOURS["random"], label=f"$d$ = {d}")
    left.set(
        xlabel="waves", ylabel="error of $f$ / rms of $f$", ylim=(1e-6, 10), title="frequencies on a grid (blue), drawn (red)"
    )
    left.legend(fontsize=7, loc="lower left")
    targets = [Target(d) for d in every]
    on_grid = [grid_error(t, min(int(budget ** (1 / t.d) + 1e-9), 32)) if 2**t.d <= budget else np.nan for t in targets]
    right.semilogy(every, np.maximum(on_grid, 1e-8), "o-", ms=3, color=COLOURS["grid"], label="grid")
    right.semilogy(
        every, [random_error(t, budget, repetitions=2) for t in targets], "o-", ms=3, color=COLOURS["random"], label="drawn"
    )
    few = budget // 8
    right.semilogy(
        every,
        [fitted_error(t, few) for t in targets],
        "o-",
        ms=3,
        color=COLOURS["fitted"],
        label=f"{few} drawn, amplitudes fitted",
    )
    right.set(xlabel="dimension $d$", title=f"at most {budget:,} waves", ylim=(1e-9, 10), xticks=every[::3])
    right.legend(loc="lower right")
    return drawn


if __name__ == "__main__":
    check()
    figure().savefig(Path(__file__).parents[1] / "figures" / "random_features.png", dpi=90)
