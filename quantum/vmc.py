"""Variational Monte Carlo: sample |psi|^2 (exploration), local energies (labeling), better parameters (training)."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from knudsen.files import FOREIGN
from knudsen.quantum import statistics
from knudsen.quantum.errors import Diverged, InputError, integer, positive
from knudsen.quantum.hamiltonian import Hamiltonian
from knudsen.quantum.optimisers import Adam, StochasticReconfiguration, clipped, log_derivatives, move
from knudsen.quantum.sampler import Metropolis

RESUME = "resume.pt"
PILOT = 32  # sweeps of the run that measures the autocorrelation
MOST_THERMALISATION = 16  # pilots, before the energy is measured anyway


@dataclass(frozen=True)
class Options:
    """How a wavefunction is optimised and measured.

    chains: Markov chains, all moved at once. thermalisation: sweeps before the first sample. sweeps: between two samples.
    iterations: of the optimisation, each on one sample of every chain; 0: the energy of the wavefunction as it is.
    method: sr (stochastic reconfiguration) or adam. rate, shift, momentum, trust: of `StochasticReconfiguration`; rate also of
    `Adam`, None: the Hamiltonian's own, or 0.01.
    last_rate: the rate falls to this fraction along a cosine. samples: of every chain in the measured energy.
    step: width of the moves in continuous space; None: tuned to an acceptance of a half.
    save_every: iterations between checkpoints.
    """

    chains: int = 1024
    thermalisation: int = 50
    sweeps: int = 1
    iterations: int = 300
    method: str = "sr"
    rate: float | None = None
    last_rate: float = 0.1
    shift: float = 1e-3
    momentum: float = 0.0
    trust: float = 0.1
    samples: int = 64
    step: float | None = None
    save_every: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (
            ("chains", 2),
            ("thermalisation", 0),
            ("sweeps", 1),
            ("iterations", 0),
            ("samples", 4),
            ("save_every", 1),
        ):
            integer(f"vmc.{name}", getattr(self, name), least)
        for name in ("rate", "shift", "trust", "step"):
            if getattr(self, name) is not None or name in ("shift", "trust"):
                positive(f"vmc.{name}", getattr(self, name))
        if self.method not in ("sr", "adam"):
            raise InputError(f"vmc.method={self.method}: give sr or adam")
        for name in ("momentum", "last_rate"):
            value = getattr(self, name)
            if (
                isinstance(value, bool)
                or not isinstance(value, (int, float))
                or not 0 <= value <= 1
                or (name, value) == ("momentum", 1)
            ):
                raise InputError(f"vmc.{name}={value}: give a number from 0 to 1")


@dataclass
class Result:
    """A measured energy.

    energies: real parts of the local energies [sample, chain]; variance: of the complex ones; history: {energy, error, variance,
    acceptance: [iteration]};
    energy_error: by blocking, and by what states of less probability than one independent sample may hide (spins), added in
    squares; autocorrelation: integrated time in sweeps; thermalisation: sweeps before the measurement; warnings: reasons not to
    trust it.
    """

    energies: np.ndarray
    history: dict[str, list[float]]
    energy: float
    energy_error: float
    variance: float
    variance_error: float
    v_score: float
    acceptance: float
    autocorrelation: float
    thermalisation: int
    r_hat: float
    step: float | None
    seconds: float
    phases: dict[str, float]
    warnings: list[str]


def minimise(
    hamiltonian: Hamiltonian,
    psi: nn.Module,
    options: Options,
    directory: str | Path | None = None,
    recipe: Any = None,
    progress: Callable[[float, str], None] | None = None,
) -> Result:
    """Optimise `psi` in place and measure its energy.

    directory: of ``resume.pt``, written every `save_every` iterations and removed at the end: a run that was cut goes on from
    there when it is called again with the same options and recipe, to the same numbers as one that was not cut.
    progress: told the fraction done and the state in words. Raises Diverged where the chains escape.
    """
    return _Run(hamiltonian, psi, options, Path(directory) if directory else None, recipe, progress).run()


class _Run:
    def __init__(self, hamiltonian, psi, options, directory, recipe, progress):
        self.hamiltonian, self.psi, self.options, self.directory = hamiltonian, psi, options, directory
        self.progress = progress or (lambda fraction, state: None)
        self.asked = json.dumps(
            [hamiltonian.name, asdict(options), recipe, [list(p.shape) for p in psi.parameters()]], default=str
        )
        generator = torch.Generator().manual_seed(options.seed)
        self.sampler = Metropolis(hamiltonian, options.chains, generator, options.step)
        if options.method == "sr":
            settings = {name: getattr(options, name) for name in ("shift", "momentum", "trust")}
            self.optimiser = StochasticReconfiguration(options.rate or hamiltonian.rate, **settings)
        else:
            self.optimiser = Adam(options.rate or 0.01)
        self.trained = sum(p.numel() for p in psi.parameters() if p.requires_grad)
        self.iterations = options.iterations if self.trained else 0
        self.now = {
            "iteration": 0, "thermal": 0, "pilots": 0, "stride": 0, "tau": 1.0, "energies": [], "imaginary": 0.0,
            "acceptances": [], "seconds": 0.0,
            "history": {name: [] for name in ("energy", "error", "variance", "acceptance")},
            "phases": {"exploration": 0.0, "labeling": 0.0, "training": 0.0},
        }  # fmt: skip

    def run(self) -> Result:
        self._restore()
        self.clock = time.perf_counter() - self.now["seconds"]
        self._thermalise()
        while self.now["iteration"] < self.iterations:
            self._iterate()
        self._pilot()
        while len(self.now["energies"]) < self.options.samples:
            self._measure()
        if self.directory:
            (self.directory / RESUME).unlink(missing_ok=True)
        return self._result()

    def _timed(self, phase: str, function: Callable, *arguments: Any) -> Any:
        start = time.perf_counter()
        value = function(*arguments)
        self.now["phases"][phase] += time.perf_counter() - start
        return value

    def _sweep(self, tune: bool = False) -> float:
        """Exploration. The width of the moves is tuned unless it is given."""
        return self._timed("exploration", self.sampler.sweep, self.psi, tune and self.options.step is None)

    def _label(self) -> torch.Tensor:
        """Labeling: local energies of the samples."""
        with torch.no_grad():
            energy = self._timed("labeling", self.hamiltonian.local_energy, self.psi, self.sampler.x)
        if not torch.isfinite(energy.real).all():
            raise Diverged("local energies are not finite")
        return energy

    def _thermalise(self) -> None:
        while self.now["thermal"] < self.options.thermalisation:
            self._sweep(tune=True)
            self.now["thermal"] += 1
            self.progress(0.0, "thermalisation")

    def _iterate(self) -> None:
        options, now = self.options, self.now
        for _ in range(options.sweeps):
            acceptance = self._sweep(tune=True)
        energy = self._label()
        fraction = options.last_rate + (1 - options.last_rate) * 0.5 * (
            1 + math.cos(math.pi * now["iteration"] / self.iterations)
        )
        self._timed("training", self._train, energy, fraction)
        variance = energy.var()  # of complex ones too: an eigenstate's are real
        entry = (energy.real.mean(), (variance / len(energy)).sqrt(), variance, torch.tensor(acceptance))
        for name, value in zip(now["history"], entry):
            now["history"][name].append(value.item())
        now["iteration"] += 1
        if now["iteration"] % options.save_every == 0:
            self._save()
        done = now["iteration"] / (self.iterations + options.samples)
        self.progress(done, f"iteration {now['iteration']}, E = {entry[0]:.5f} ± {entry[1]:.1g}")

    def _train(self, energy: torch.Tensor, fraction: float) -> None:
        derivatives = log_derivatives(self.psi, self.sampler.x)
        change = self.optimiser.step(derivatives, clipped(energy) if self.hamiltonian.clip else energy, fraction)
        if not torch.isfinite(change).all():
            raise Diverged("the optimisation left the numbers; lower vmc.rate")
        move(self.psi, change)

    def _pilot(self) -> None:
        """Thermalise with the final wavefunction for ten autocorrelation times, and choose the stride of samples."""
        now = self.now
        while now["stride"] == 0:
            self._thermal_series = []
            for k in range(PILOT):
                self._sweep(tune=now["pilots"] == 0 and k < PILOT // 2)
                self._thermal_series.append(self._label().real.numpy())
            now["pilots"] += 1
            now["tau"] = statistics.autocorrelation_time(np.array(self._thermal_series[PILOT // 2 :]))
            if PILOT * now["pilots"] >= 10 * now["tau"] or now["pilots"] >= MOST_THERMALISATION:
                now["stride"] = max(1, round(now["tau"]))
        self._save()

    def _measure(self) -> None:
        now = self.now
        now["acceptances"].append(np.mean([self._sweep() for _ in range(now["stride"])]).item())
        energy = self._label()
        now["energies"].append(energy.real)
        now["imaginary"] += energy.imag.square().mean().item() if energy.is_complex() else 0.0
        if len(now["energies"]) % self.options.save_every == 0:
            self._save()
        done = (self.iterations + len(now["energies"])) / (self.iterations + self.options.samples)
        self.progress(done, f"measuring, E = {torch.stack(now['energies']).mean():.6f}")

    def _result(self) -> Result:
        now = self.now
        energies = torch.stack(now["energies"]).numpy()
        energy, variance = float(energies.mean()), float(energies.var()) + now["imaginary"] / len(energies)
        tau = statistics.autocorrelation_time(energies)
        result = Result(
            energies=energies,
            history=now["history"],
            energy=energy,
            energy_error=math.hypot(statistics.standard_error(energies), self.hamiltonian.unseen * tau / energies.size),
            variance=variance,
            variance_error=statistics.standard_error((energies - energy) ** 2),
            v_score=statistics.v_score(energy, variance, self.hamiltonian.particles),
            acceptance=float(np.mean(now["acceptances"])),
            autocorrelation=tau * now["stride"],
            thermalisation=now["pilots"] * PILOT,
            r_hat=statistics.r_hat(energies),
            step=None if self.hamiltonian.scale is None else self.sampler.scale,
            seconds=time.perf_counter() - self.clock,
            phases=now["phases"],
            warnings=[],
        )
        result.warnings = doubts(result, self.hamiltonian.exact, tau)
        return result

    def _save(self) -> None:
        if self.directory is None:
            return
        self.now["seconds"] = time.perf_counter() - self.clock
        content = {
            "asked": self.asked, "now": self.now, "psi": self.psi.state_dict(), "sampler": self.sampler.state(),
            "optimiser": self.optimiser.state(),
        }  # fmt: skip
        temporary = self.directory / f".partial-{os.getpid()}-{RESUME}"
        torch.save(content, temporary)
        temporary.replace(self.directory / RESUME)

    def _restore(self) -> None:
        try:
            found = torch.load(self.directory / RESUME, weights_only=True) if self.directory else {}
        except FOREIGN:
            return
        if found.get("asked") == self.asked:
            self.now = found["now"]
            self.psi.load_state_dict(found["psi"])
            self.sampler.restore(found["sampler"])
            self.optimiser.restore(found["optimiser"])


def doubts(result: Result, exact: float | None, tau: float) -> list[str]:
    """Reasons not to trust an energy, in words; empty for a good one. tau: autocorrelation in samples."""
    found = []
    if not result.r_hat < 1.1 or tau > 0.25 * len(result.energies):
        found.append(
            f"the chains do not mix: R-hat {result.r_hat:.3g}, autocorrelation {result.autocorrelation:.3g} sweeps; take more "
            "samples, or another move"
        )
    if exact is None:
        return found
    above = result.energy - exact
    if above < -4 * result.energy_error - 1e-9 * abs(exact):
        found.append(f"{-above:.2g} below the exact energy, {-above / result.energy_error:.1f} standard errors: not variational")
    if result.variance < 1e-10 * exact**2 and above > 1e-6 * abs(exact):
        found.append("no variance, but above the ground state: an excited state")
    return found
