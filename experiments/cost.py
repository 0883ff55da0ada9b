"""What a run of one case will take, before it starts: refused where it cannot fit in memory, said where it takes long."""

from __future__ import annotations

import os
import sys
from typing import Any

import numpy as np

from knudsen import kinetic
from knudsen.errors import InputError

RATE = 5e7  # cells times velocities of a kinetic step, or cells times moments of a moment step, a second: a lower bound
ARRAYS = 8  # of the size of f that a step holds, beside what is saved
FASTEST = 6.0  # thermal speeds of a closure's fastest wave
LONG = 120.0  # seconds


def check(case: kinetic.Case, gas: kinetic.Gas, cfl: float, moments: int | None = None) -> None:
    """moments: carried by a closure; None: the kinetic model. InputError where there is not the memory; a line on the terminal
    where it takes minutes or more."""
    if gas.is_boltzmann and moments is None:
        return  # the collision integrals decide, and its grids are small
    if moments is None:
        grid = kinetic.grid_of_case(case, gas)
        width, speed, what = grid.points * (1 + (gas.dims > 1)), float(abs(grid.v).max()), f"{grid.points} velocities"
    else:
        width, speed = moments, float((abs(case.u) + FASTEST * np.sqrt(case.T)).max())
        what = f"{moments} moments"
    steps = case.t_end * speed / (cfl * case.dx)
    needed = 8.0 * case.cells * (width * ARRAYS + 20 * (len(case.save_times) + 1))
    there = memory()
    if needed > there:
        raise InputError(
            f"case.cells={case.cells}: with {what} and {len(case.save_times)} saved times it needs about {needed / 2**30:.1f} "
            f"GiB, this machine has {there / 2**30:.1f}; take fewer cells, velocities (gas.velocity_points) or saved times"
        )
    seconds = steps * case.cells * width / RATE
    if seconds > LONG:
        print(
            f"about {steps:.2g} steps on {case.cells} cells with {what}: {in_words(seconds)} or less", file=sys.stderr, flush=True
        )


def in_words(seconds: float) -> str:
    """'3 minutes', '5 hours', '12 days', '40 years'."""
    for unit, size in (("years", 365.25 * 86400), ("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} seconds"


def memory() -> float:
    """Bytes of this machine's memory; infinite where it does not say."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES")) * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return float("inf")


def of_law(law: Any) -> int:
    """Moments that a law carries."""
    return len(law.components)
