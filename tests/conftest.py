"""One thread per process, set before NumPy, Numba and torch are imported: several test runs can share a machine."""

import gc
import os

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.setdefault("MPLBACKEND", "Agg")

gc.disable()  # while millions of objects that stay are imported: half the time of collecting the tests

COMPILES = "test_closure_promises.py"  # the row functions of every closure, once
WITHOUT = ("solvers", "elt", "molecular", "quantum", "kinetic")  # rooms that need none of them


def pytest_collection_modifyitems(items):
    """One process compiles the closures while the other has tests that need none; side by side each would compile them all."""
    items.sort(key=lambda item: 0 if item.path.name == COMPILES else 1 if item.path.parent.name in WITHOUT else 2)


def pytest_collection_finish(session):
    gc.freeze()  # what is here now stays to the end: not looked through again and again
    gc.enable()
