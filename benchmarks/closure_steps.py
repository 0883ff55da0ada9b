"""Cost of a step of every closure, as multiples of the quadrature rule's: one case, one core, default schemes.

Run: python benchmarks/closure_steps.py [bgk_1v bgk_3v]. Prints CPU microseconds of a two-stage step on 100 cells, the best of
many runs in turn, and the seconds until a closure is ready (compiled where it is used the first time after installation); then
what a law of plain functions costs beside the same law's rows written by hand (Euler).
"""

import sys
import time

import numpy as np

from knudsen import closure, kinetic
from knudsen.closure.compiled import Rollout
from knudsen.closure.compiled.plain import DIMS, REACH
from knudsen.closure.compiled.protocol import BOOST, SIDES, SPEED, VARIABLES, row_function
from knudsen.closure.compiled.vectors import TINY, exp
from knudsen.closure.simulation import initial_state
from knudsen.errors import InputError
from knudsen.kinetic import cases
from knudsen.solvers.rows import log

SCHEMES = ("weno5_thinc", "hll", "ars222")
ROUNDS = 20


@row_function(VARIABLES)
def variables(data, U, V):
    dims = data.numbers[DIMS]
    for i in range(U.shape[1]):
        rho = U[0, i]
        u = U[1, i] / rho
        V[0, i], V[1, i], V[2, i] = log(max(rho, TINY)), u, log(max((2.0 * U[2, i] / rho - u * u) / dims, TINY))


@row_function(SIDES)
def sides(data, V, U, F, frame):
    dims, reach = data.numbers[DIMS], data.numbers[REACH]
    for i in range(V.shape[1]):
        rho, u, T = exp(V[0, i]), V[1, i], exp(V[2, i])
        m, pressure, speed = rho * u, rho * T, reach * np.sqrt(T)
        E = 0.5 * (m * u + dims * pressure)
        U[0, i], U[1, i], U[2, i] = rho, m, E
        F[0, i], F[1, i], F[2, i] = m, m * u + pressure, (E + pressure) * u
        frame[0, i], frame[1, i], frame[2, i], frame[3, i], frame[4, i] = u - speed, u + speed, u, T, 0.0


@row_function(SPEED)
def speed(data, V, speed):
    for i in range(speed.size):
        speed[i] = abs(V[1, i]) + data.numbers[REACH] * exp(0.5 * V[2, i])


@row_function(BOOST)
def boost(data, U, velocity):
    for i in range(velocity.size):
        w, rho, m = velocity[i], U[0, i], U[1, i]
        U[1, i] = m + w * rho
        U[2, i] += w * (m + 0.5 * w * rho)


BY_HAND = {"variables": variables, "sides": sides, "speed": speed, "boost": boost}


def ready(law, rows, case):
    """A function that runs the case and returns CPU microseconds a step, and the wall seconds until it was ready."""
    begin = time.perf_counter()
    rollout = Rollout(rows, law, *SCHEMES, 0.45)
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
            runs[name], seconds = ready(law, law.compiled(), case)
            print(f"{gas.name:8s} {name:12s} ready in {seconds:5.1f} s", flush=True)
    euler = closure.build("euler", gas)
    runs["euler by hand"], _ = ready(euler, euler.compiled()._replace(**BY_HAND), case)
    best = dict.fromkeys(runs, np.inf)
    for _ in range(ROUNDS):
        best = {name: min(best[name], run()) for name, run in runs.items()}
    for name, cost in best.items():
        print(f"{gas.name:8s} {name:13s} {cost:6.1f} us a step, {cost / best['quadrature']:5.2f}", flush=True)
    print(f"{gas.name:8s} plain functions / by hand: {best['euler'] / best['euler by hand']:.2f}", flush=True)


if __name__ == "__main__":
    for name in sys.argv[1:] or ("bgk_1v", "bgk_3v"):
        measure(kinetic.gas(name))
