"""A one-dimensional problem for the driver, and a command that runs it: python toy.py FOLDER EXECUTOR [key=value ...].

Truth: y = sin(5 x). Requests: {"x": x}. Models: polynomials of degree 3 + member. Every finished computation of a label leaves a
line with its x in the file `counts`, so that tests can count them.
"""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from knudsen import elt
from knudsen.elt import executors, tree

SETTINGS = elt.Settings(lower=1e-4, upper=1.0, batch=4, first=6, budget=18, iterations=4, members=3, seed=5)


@dataclass(frozen=True)
class Points:
    """Explorer: 30 random points, moved towards where the models are steep, by work on the executor."""

    def explore(self, models, iteration, rng, map):
        starts = rng.random(30)
        ends = map(_settle, [(x, [m["coefficients"] for m in models]) for x in starts])
        return [elt.Candidate({"x": float(x)}, np.array([x]), None) for x in [*ends, ends[0]]]  # one of them twice


def _settle(item):
    x, models = item
    for coefficients in models:
        x = x + 0.01 * np.tanh(np.polynomial.polynomial.polyval(x, coefficients))
    return float(np.clip(x, 0.0, 1.0))


def predict(model, candidate):
    return np.polynomial.polynomial.polyval(candidate.request["x"], model["coefficients"])


@dataclass(frozen=True)
class Sine:
    """Labeler. trouble: what happens for x > 0.8 (raise, hang, nan, exit) or, once in this folder, in mid-label (die)."""

    counts: str
    trouble: str = ""
    seconds: float = 0.0

    @property
    def settings(self):
        return {"method": "sine"}

    def __call__(self, request):
        x = request["x"]
        with open(self.counts + ".begun", "a") as file:
            file.write(f"{os.getpid()} {x!r}\n")
        time.sleep(self.seconds)
        if self.trouble == "die" and x > 0.5 and not os.path.exists(self.counts + ".died"):
            Path(self.counts + ".died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if x > 0.8 and self.trouble:
            if self.trouble == "raise":
                raise ArithmeticError("no convergence")
            if self.trouble == "hang":
                time.sleep(600)
            if self.trouble == "exit":
                os._exit(9)
        fd = os.open(self.counts, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(fd, f"{x!r}\n".encode())
        os.close(fd)
        return {"y": np.array([np.nan if x > 0.8 and self.trouble == "nan" else np.sin(5 * x)]), "note": "toy"}


@dataclass(frozen=True)
class Polynomials:
    """Trainer: regularised least squares, drawn towards the previous model by a hundredth."""

    def train(self, labels, previous, member, seed):
        x = np.array([label.request["x"] for label in labels])
        y = np.concatenate([label.value["y"] for label in labels])
        kept = np.random.default_rng(seed).random(len(x)) < 0.9
        kept[:4] = True
        powers = np.vander(x[kept], 4 + member, increasing=True)
        coefficients = np.linalg.solve(powers.T @ powers + 1e-8 * np.eye(4 + member), powers.T @ y[kept])
        if previous is not None:
            coefficients = 0.99 * coefficients + 0.01 * previous["coefficients"]
        return {"coefficients": coefficients}

    def save(self, model):
        return model

    def load(self, tree):
        return tree


def solve(folder, executor=None, observer=lambda event: None, settings=SETTINGS, **labeler):
    """Run the toy in `folder`/store; returns the result."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    store = elt.Store(Path(folder) / "store")
    sine = Sine(str(Path(folder) / "counts"), **labeler)
    return elt.run(Points(), elt.Disagreement(predict), sine, Polynomials(), store, settings, executor, observer, {"toy": 1})


def fingerprint(result):
    """Every bit of a result: models, labels with values and errors, why and when it finished."""
    labels = [vars(label) for label in result.labels]
    return tree.key_of({"m": result.models, "l": labels, "r": result.reason, "i": result.iterations})


def start(folder, executor="serial", *options):
    """A driver of the toy in a process of its own. It prints to files: workers that outlive it would keep pipes open."""
    command = [sys.executable, __file__, str(folder), executor, *options]
    folder.mkdir(exist_ok=True)
    with open(folder / "out", "w") as out, open(folder / "err", "w") as err:
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        return subprocess.Popen(command, stdout=out, stderr=err, env=environment, start_new_session=True)


def drive(folder, executor="serial", *options):
    """(exit status, what it printed as JSON or None, standard error) of a driver run to its end."""
    process = start(folder, executor, *options)
    status = process.wait(timeout=60)
    answer = json.loads((folder / "out").read_text().splitlines()[-1]) if status == 0 else None
    return status, answer, (folder / "err").read_text()


def computations(folder):
    """{x: how often it was computed to the end}."""
    path = Path(folder) / "counts"
    lines = path.read_text().split() if path.exists() else []
    return {x: lines.count(x) for x in lines}


def killer(event, number):
    """Observer that kills this process, without warning, at the given one of the events of that name."""
    seen = []

    def observe(entry):
        seen.append(entry["event"])
        if entry["event"] == event and seen.count(event) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return observe


def main():
    folder, name, *options = sys.argv[1:]
    given = dict(option.split("=") for option in options)
    observer = killer(*(f(v) for f, v in zip((str, int), given["kill"].split(":")))) if "kill" in given else lambda event: None
    changes = {"limit": float(given["limit"])} if "limit" in given else {}
    settings = elt.Settings(**vars(SETTINGS) | changes)
    with executors.make(name, int(given.get("workers", 2))) as executor:
        result = solve(
            folder, executor, observer, settings, trouble=given.get("trouble", ""), seconds=float(given.get("seconds", 0))
        )
    print(json.dumps({"fingerprint": fingerprint(result), "labels": len(result.labels), "reason": result.reason}))


if __name__ == "__main__":
    main()
