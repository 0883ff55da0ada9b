"""Metropolis sampling of |psi|^2 by many chains at once: the exploration."""

from __future__ import annotations

import math
from typing import Any

import torch

from knudsen.quantum.errors import Diverged
from knudsen.quantum.hamiltonian import Hamiltonian, LogPsi

TARGET = 0.5  # acceptance that the proposal scale is tuned to
GAIN = 1.0  # of the logarithm of the scale, per deviation of a sweep's acceptance


class Metropolis:
    r"""Chains with the equilibrium distribution |psi|^2.

    A proposal y of x is accepted with probability :math:`\min(1, |\psi(y)/\psi(x)|^2)`. All chains move at once. While `tune` is
    set, the scale of the proposals follows the acceptance; a chain that is measured must not be tuned.

    hamiltonian: supplies starting points and proposals. scale: of the first proposals; None: the Hamiltonian's.
    """

    def __init__(self, hamiltonian: Hamiltonian, chains: int, generator: torch.Generator, scale: float | None = None):
        self.hamiltonian, self.generator = hamiltonian, generator
        self.x = hamiltonian.start(chains, generator)
        self.scale = scale or hamiltonian.scale or 1.0
        self.acceptance = float("nan")  # of the last sweep

    @torch.no_grad()
    def sweep(self, psi: LogPsi, tune: bool = False) -> float:
        """One sweep of every chain; returns the fraction accepted. Raises Diverged where a chain has escaped."""
        log = psi(self.x).real
        if not torch.isfinite(log).all():
            raise Diverged("log psi is not finite where the chains are")
        accepted = 0.0
        for _ in range(self.hamiltonian.sweep):
            moved = self.hamiltonian.propose(self.x, self.scale, self.generator)
            after = psi(moved).real
            chance = torch.rand(len(log), generator=self.generator, dtype=log.dtype).log()
            yes = chance < 2.0 * (after - log)  # a NaN is never accepted
            self.x = torch.where(yes.view(-1, *[1] * (moved.ndim - 1)), moved, self.x)
            log = torch.where(yes, after, log)
            accepted += yes.double().mean().item()
        self.acceptance = accepted / self.hamiltonian.sweep
        if tune and self.hamiltonian.scale is not None:
            self.scale *= math.exp(GAIN * (self.acceptance - TARGET))
        if (extent := self.hamiltonian.extent) is not None and not self.x.abs().max() < extent:
            raise Diverged(f"a chain has gone farther than {extent:g}: the wavefunction cannot be normalised")
        return self.acceptance

    def state(self) -> dict[str, Any]:
        return {"x": self.x, "scale": self.scale, "acceptance": self.acceptance, "generator": self.generator.get_state()}

    def restore(self, state: dict[str, Any]) -> None:
        self.x, self.scale, self.acceptance = state["x"], state["scale"], state["acceptance"]
        self.generator.set_state(state["generator"])
