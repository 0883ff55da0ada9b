"""Maxwell molecules: error of closures, and of the Boltzmann equation with few velocities, against the cost of a step."""

import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import torch

from knudsen import closure, kinetic
from knudsen.errors import UnderResolvedWarning
from knudsen.experiments import plots
from knudsen.experiments.measure import conserved_errors

KNUDSEN = (3e-3, 3e-2, 0.3, 3.0)
MODELS = ("herm_mlc", "quadrature", "grad", "nsf", "euler")
VELOCITIES = (14, 16, 20)  # of v_x, and half as many of v_y; with 12 cold cells cannot be held
TRUTH = 26
OPTIONS = {"cfl": 0.9}


def measure(knudsen=KNUDSEN, cells=100, models=MODELS, velocities=VELOCITIES, truth=TRUTH):
    """{model: (mean error of (rho, m, E), microseconds of processor time per cell and step, cases that went through)}."""
    torch.set_num_threads(1)
    kinds = (kinetic.cases.wave, kinetic.cases.mix)
    cases = [kind(2_000_000 + i, cells=cells, knudsen=eps) for kind in kinds for i, eps in enumerate(knudsen)]
    exact = kinetic.simulate(cases, kinetic.gas("maxwell_2v", velocity_points=truth), **OPTIONS)
    gas = kinetic.gas("maxwell_2v")
    solvers = {name: partial(closure.simulate, closure.build(name, gas)) for name in models}
    for n in velocities:
        solvers[f"kinetic_{n}"] = partial(kinetic.simulate, gas=kinetic.gas("maxwell_2v", velocity_points=n), **OPTIONS)
    found = {}
    for name, solve in solvers.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnderResolvedWarning)  # that is what is being measured
            solve(cases[:1])  # compiles
            begin = time.process_time()
            solutions = solve(cases)
        spent = time.process_time() - begin
        errors = [conserved_errors(s, t, 2)["total"] for s, t in zip(solutions, exact) if s.status == "ok"]
        found[name] = float(np.mean(errors)), 1e6 * spent / (cells * sum(s.steps for s in solutions)), len(errors)
    return found


def figure(**sizes):
    """Mean error against cost; the lower left is where to be. Returns a matplotlib figure."""
    found = measure(**sizes)
    for name, (error, cost, count) in found.items():
        print(f"{name}: {100 * error:.2f} %, {cost:.2f} us per cell and step, {count} cases", flush=True)
    drawn = plots.Figure(figsize=(5.6, 3.8))
    axis = drawn.subplots()
    closures = [name for name in found if not name.startswith("kinetic_")]
    for name, colour in plots.colours(closures).items():
        error, cost, _ = found[name]
        axis.loglog(cost, 100 * error, "o", color=colour, label=plots.label(name))
    rivals = [name for name in found if name.startswith("kinetic_")]
    axis.loglog([found[n][1] for n in rivals], [100 * found[n][0] for n in rivals], "k.-", label="Boltzmann equation")
    for name in rivals:
        text = f" {name.removeprefix('kinetic_')}"
        axis.annotate(text, (found[name][1], 100 * found[name][0]), va="bottom")
    axis.set(xlabel=r"processor time per cell and step [$\mu$s]", ylabel=r"relative $L_2$ error of $(\rho, m, E)$ [%]")
    axis.legend()
    return drawn


if __name__ == "__main__":
    figure().savefig(Path(__file__).parents[1] / "figures" / "maxwell_cost.png", dpi=110)
