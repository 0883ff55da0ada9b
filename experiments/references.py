"""Resolved kinetic solutions of an evaluation, kept as files: a list of closures that grows does not compute them again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
from omegaconf import DictConfig

from knudsen import kinetic
from knudsen.errors import InputError
from knudsen.experiments import setup


def solutions(
    cfg: DictConfig, gas: kinetic.Gas, cases: Sequence[kinetic.Case], text: str, directory: Path
) -> list[kinetic.Trajectory]:
    """As :func:`experiments.setup.reference`; read from ``directory`` where the same was asked before, else written there.

    A file is named by the hash of all that the solutions depend on: the starts, the gas, ``reference`` and the version. One that
    cannot be read, or is not sound, is made again.
    """
    path = directory / f"{request(cfg, gas, cases)}.nc"
    if path.exists():
        try:
            return kinetic.load_trajectories(path, gas)
        except InputError:
            path.unlink()
    found = setup.reference(cfg, gas, cases, text)
    directory.mkdir(parents=True, exist_ok=True)
    kinetic.save_trajectories(path, found)
    return found


def request(cfg: DictConfig, gas: kinetic.Gas, cases: Sequence[kinetic.Case]) -> str:
    """Hash of what the reference solutions of these cases are determined by."""
    options = {key: value for key, value in setup.plain(cfg.reference).items() if key != "keep"}
    plain = {"version": version("knudsen"), "gas": vars(gas), "reference": options}
    digest = hashlib.sha256(json.dumps(plain, sort_keys=True, default=str).encode())
    for case in cases:
        digest.update(f"{case.name} {case.bounds} {case.cells} {case.boundary} {case.save_times}".encode())
        for values in (case.rho, case.u, case.T, case.knudsen):
            digest.update(np.ascontiguousarray(values, dtype=float).tobytes())
    return digest.hexdigest()[:20]
