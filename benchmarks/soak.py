"""``make soak``: random cases over closures, gases and solvers; whatever is wrong and called right is kept as a small file.

Each draw is a case (a random one, or a canonical flow with random numbers), a gas, a solver with schemes, a number of cells. Its
solution is held against a kinetic one on three times the cells. What is looked for:

- a solution without a warning whose error of (rho, m, E), beyond that of the kinetic solver on the same cells, is above
  ``bound_of`` it: about twice the worst that the manual has for its closure;
- mass, momentum or energy of a periodic case that drift, densities or temperatures that are not positive, values that are not
  finite, in a solution that is called ok;
- a run that diverges, raises, or takes longer than `SLOW`.

The first two, and what raises, are faults (exit status 1). Divergence that is said is none, but kept too. Every finding is a JSON
file with all that repeats it: ``python benchmarks/soak.py --repeat FILE``.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import random
import signal
import sys
import time
import warnings
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from knudsen import closure as room
from knudsen import kinetic
from knudsen.errors import InputError
from knudsen.experiments.measure import conserved_errors

WORST = {  # per cent, of the manual's random cases: the leaderboard's worst (of grad13 and constitutive those of grad and nsf)
    "kinetic": 2.8, "euler": 24.6, "nsf": 35.9, "grad": 16.2, "grad13": 16.2, "hme": 14.0, "max_entropy": 10.9,
    "bounded_entropy": 6.5, "quadrature": 5.3, "herm_mlc": 1.0, "enc_mlc": 2.7, "gradient_net": 5.0, "entropy_net": 19.9,
    "constitutive": 35.9,
}  # fmt: skip
ROOM = {"random": 2.0, "canonical": 2.0 * 3.3}  # times it; on canonical flows closures err by up to 3.3 times as much (manual)
GASES = ("bgk_1v", "bgk_1v", "bgk_3v", "bgk_3v", "bgk_2v", "shakhov_3v", "es_bgk_3v")  # the collision integral takes minutes
OMEGAS = (None, 0.5, 0.81, 1.0)
RANDOM = ("wave", "mix", "transition", "equilibrium", "strong")
CANONICAL = {  # {flow: what is drawn for it}
    "sod": {}, "lax": {}, "expansion": {"speed": (0.5, 1.5)}, "collision": {"speed": (0.5, 2.0)}, "cold_hot": {"ratio": (1.5, 6)},
    "near_vacuum": {"density": (0.01, 0.3)}, "blast": {"temperature": (2, 12)}, "sound": {"amplitude": (1e-3, 0.3)},
    "entropy": {"amplitude": (0.01, 0.6)}, "hot_spot": {"amplitude": (0.1, 3)}, "dense_blob": {"amplitude": (0.1, 5)},
}  # fmt: skip
FINER = 3
DRIFT = 1e-9  # relative, of what is conserved
SLOW = 120  # seconds


@cache
def closures_for(gas: str) -> list[str]:
    """The closures that can be had for a gas: learned ones where weights are shipped."""
    found = []
    for name in WORST:
        with contextlib.suppress(InputError):
            if name != "kinetic":
                room.build(name, kinetic.gas(gas))
                found.append(name)
    return found


def draw_spec(seed: int, number: int) -> dict[str, Any]:
    """Case, gas and solver as plain values."""
    draw = random.Random(f"{seed}/soak/{number}")
    gas = draw.choice(GASES)
    kind = draw.choice((*RANDOM, *CANONICAL))
    options = {key: draw.uniform(*ends) for key, ends in CANONICAL.get(kind, {}).items()}
    if kind != "transition":
        options["knudsen"] = 10 ** draw.uniform(-3, 1)
    spec = {"kind": kind, "options": options, "cells": draw.choice((50, 100, 100, 200)), "gas": gas, "omega": draw.choice(OMEGAS)}
    if kind in RANDOM:
        spec["seed"] = draw.randrange(2_000_000, 3_000_000)
    spec["model"] = "kinetic" if draw.random() < 0.15 else draw.choice(closures_for(gas))
    spec["solver"] = {}
    if draw.random() < 0.4:
        spec["solver"] = (
            {"transport": draw.choice(("muscl", "weno5")), "integrator": draw.choice(("ars222", "ars443"))}
            if spec["model"] == "kinetic"
            else {
                "reconstruction": draw.choice(("muscl", "weno5", "weno5_thinc")),
                "flux": draw.choice(("rusanov", "hll", "upwind")),
            }
        )
    return spec


def build(spec: dict[str, Any]) -> tuple[kinetic.Case, kinetic.Gas]:
    gas = kinetic.gas(spec["gas"], omega=spec["omega"])
    of = getattr(kinetic.cases, spec["kind"])
    first = [spec["seed"]] if "seed" in spec else [gas] if spec["kind"] == "sound" else []
    return of(*first, cells=spec["cells"], **spec["options"]), gas


def bound_of(spec: dict[str, Any]) -> float:
    """Per cent, beyond the kinetic solver on the same cells."""
    return ROOM["random" if spec["kind"] in RANDOM else "canonical"] * WORST[spec["model"]]


def judge(spec: dict[str, Any]) -> dict[str, Any]:
    """What came of it: ``fault`` in words or "", ``status``, ``error`` and ``bound`` in per cent, ``warnings``, ``seconds``."""
    case, gas = build(spec)
    begin = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        truth = kinetic.simulate(case.at(FINER * case.cells), gas)[0]
        same = kinetic.simulate(case, gas)[0]
        try:
            if spec["model"] == "kinetic":
                found = kinetic.simulate(case, gas, **spec["solver"])[0]
            else:
                found = room.simulate(room.build(spec["model"], gas), [case], **spec["solver"])[0]
        except InputError as error:
            return {"fault": "", "status": "refused", "reason": str(error)}
    told = list(found.warnings)
    said = {"fault": "", "status": found.status, "warnings": told, "seconds": round(time.perf_counter() - begin, 2)}
    if truth.status != "ok" or truth.warnings:
        return said | {"status": "no reference", "reason": "; ".join(truth.warnings) or truth.status}
    if found.status != "ok":
        return said
    averaged = truth.averaged(case.cells)
    own = 100 * float(conserved_errors(same, averaged, gas.dims)["total"]) if same.status == "ok" else 0.0
    error = 100 * float(conserved_errors(found, averaged, gas.dims)["total"])
    said |= {"error": round(error, 4), "kinetic_error": round(own, 4), "bound": bound_of(spec)}
    return said | {"fault": _fault(found, case, gas, error - own, bound_of(spec), told)}


def _fault(found, case: kinetic.Case, gas: kinetic.Gas, beyond: float, bound: float, told: list[str]) -> str:
    fields = [np.asarray(getattr(found, name)) for name in ("rho", "u", "T", "q")]
    if not all(np.isfinite(field).all() for field in fields):
        return "not finite, and called ok"
    rho, u, T, _ = fields
    if rho.min() <= 0 or T.min() <= 0:
        return f"density {rho.min():.3g} or temperature {T.min():.3g} not positive, and called ok"
    if case.boundary == "periodic":
        for name, density in (("mass", rho), ("momentum", rho * u), ("energy", 0.5 * rho * (u**2 + gas.dims * T))):
            scale = abs(density).sum(1)[0] + (rho * np.sqrt(T)).sum(1)[0]
            drift = float(np.ptp(density.sum(1)) / scale)
            if drift > DRIFT:
                return f"{name} drifts by {drift:.2g}"
    if not math.isfinite(beyond) or (beyond > bound and not told):
        return f"error {beyond:.3g} % beyond the kinetic solver's, bound {bound} %, and no warning"
    return ""


class TooSlow(Exception):
    pass


def timed(spec: dict[str, Any]) -> dict[str, Any]:
    """``judge``, ended after `SLOW` seconds; what it raises is a fault."""

    def late(*_: Any) -> None:
        raise TooSlow(f"longer than {SLOW} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SLOW)
    try:
        return judge(spec)
    except TooSlow as error:
        return {"fault": "", "status": "slow", "reason": str(error)}
    except Exception as error:
        return {"fault": f"{type(error).__name__}: {error}", "status": "raised"}
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def soak(seed: int, seconds: float, folder: Path) -> Counter:
    """Draws until the time is up; findings into the folder. Returns how many had which status, and "faults"."""
    counts: Counter = Counter()
    until, number = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        spec = draw_spec(seed, number)
        said = timed(spec)
        counts[said["status"]] += 1
        counts["faults"] += bool(said["fault"])
        if said["fault"] or said["status"] in ("diverged", "slow"):
            folder.mkdir(parents=True, exist_ok=True)
            file = folder / f"{seed}_{number}_{spec['model']}_{spec['gas']}_{spec['kind']}.json"
            file.write_text(json.dumps({"spec": spec, "found": said}, indent=1) + "\n")
            print(f"{file}: {said['fault'] or said['status']}", flush=True)
        number += 1
    return counts


def run() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120.0, help="how long (120)")
    parser.add_argument("--seed", type=int, default=0, help="of the draws (0)")
    parser.add_argument("--folder", type=Path, default=Path("outputs/soak"), help="for what is found (outputs/soak)")
    parser.add_argument("--repeat", type=Path, help="a file of a finding: only this again")
    given = parser.parse_args()
    if given.repeat:
        said = timed(json.loads(given.repeat.read_text())["spec"])
        print(json.dumps(said, indent=1))
        return int(bool(said["fault"]))
    counts = soak(given.seed, given.seconds, given.folder)
    faults = counts.pop("faults", 0)
    what = ", ".join(f"{count} {status}" for status, count in counts.most_common())
    print(f"soak, seed {given.seed}: {sum(counts.values())} tried ({what}), {faults} faults")
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(run())
