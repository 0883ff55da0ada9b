"""What the first use of a closure costs in compiling: CPU seconds with an empty cache of compiled code, and in the next process.

Run: python benchmarks/first_use.py [name ...]. One process runs the closures one after another on a small case, a second one does
it again; imports of other packages are not counted. What they share is counted once, as ``loop`` and with the first of them
(schemes, ghost cells, numerical flux). ``kernel`` is the kinetic solver.
"""

import os
import subprocess
import sys
import tempfile

CHILD = """
import sys, time
from knudsen import closure, kinetic
gas, begin = kinetic.gas("bgk_1v"), time.process_time()
case = kinetic.cases.mix(3, cells=100, t_end=0.02, knudsen=0.05)
for name in sys.argv[1:]:
    if name == "loop":
        import knudsen.closure.compiled
    elif name == "kernel":
        kinetic.simulate(case, gas)
    else:
        closure.simulate(closure.build(name, gas), [case])
    end = time.process_time()
    print(name, end - begin, flush=True)
    begin = end
"""
NAMES = "loop euler nsf grad hme quadrature max_entropy herm_mlc enc_mlc gradient_net entropy_net kernel".split()


def seconds(names, cache: str) -> dict[str, float]:
    environment = os.environ | {"NUMBA_CACHE_DIR": cache, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", CHILD, *names], env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return {name: float(value) for name, value in map(str.split, done.stdout.splitlines())}


if __name__ == "__main__":
    names = sys.argv[1:] or NAMES
    with tempfile.TemporaryDirectory() as cache:
        first, second = seconds(names, cache), seconds(names, cache)
    print("| closure | first use | next process |\n|---------|----------:|-------------:|")
    for name in names:
        print(f"| {name} | {first[name]:.1f} | {second[name]:.1f} |")
