"""Cost of a step of every closure, as multiples of the quadrature rule's: one case, one core, default schemes.

Run: python benchmarks/closure_steps.py [bgk_1v bgk_3v]. Prints CPU microseconds of a two-stage step on 100 cells, the best of
many runs in turn, and the seconds until a closure is ready (compiled where it is used the first time after installation).
"""

import sys
import time

import numpy as np

from knudsen import closure, kinetic
from knudsen.closure.compiled import Rollout
from knudsen.closure.simulation import initial_state
from knudsen.errors import InputError
from knudsen.kinetic import cases

SCHEMES = ("weno5_thinc", "hll", "ars222")
ROUNDS = 20


def ready(law, case):
    """A function that runs the case and returns CPU microseconds a step, and the wall seconds until it was ready."""
    begin = time.perf_counter()
    rollout = Rollout(law.compiled(), law, *SCHEMES, 0.45)
    start, knudsen = initial_state(law, [case])[0].numpy(), np.full(case.cells, case.knudsen)

    def run():
        begin = time.thread_time()
        _, steps, _ = rollout(start, None, case.dx, knudsen, case.boundary, case.save_times)
        return 1e6 * (time.thread_time() - begin) / steps

    run()
    return run, time.perf_counter() - begin


def measure(gas) -> None:
    case, runs = cases.mix(3, cells=100, t_end=0.3, knudsen=0.05), {}
    for name in ("quadrature", *closure.CLOSURES):
        try:
            law = closure.build(name, gas)
        except (InputError, ValueError):
            continue
        if name not in runs and law.compiled() is not None:
            runs[name], seconds = ready(law, case)
            print(f"{gas.name:8s} {name:12s} ready in {seconds:5.1f} s", flush=True)
    best = dict.fromkeys(runs, np.inf)
    for _ in range(ROUNDS):
        best = {name: min(best[name], run()) for name, run in runs.items()}
    for name, cost in best.items():
        print(f"{gas.name:8s} {name:12s} {cost:6.1f} us a step, {cost / best['quadrature']:5.2f}", flush=True)


if __name__ == "__main__":
    for name in sys.argv[1:] or ("bgk_1v", "bgk_3v"):
        measure(kinetic.gas(name))
