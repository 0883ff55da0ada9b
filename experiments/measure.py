"""Errors of a model against the reference: relative L2 norms of cell averages."""

import numpy as np


def rel_l2(value: np.ndarray, truth: np.ndarray) -> float:
    """|value - truth| / |truth| over all entries (0 / 0 = 0; a reference that vanishes makes any other error infinite)."""
    error, size = float(np.linalg.norm(value - truth)), float(np.linalg.norm(truth))
    return error / size if size > 0 else (0.0 if error == 0 else float("inf"))


def conserved(rho: np.ndarray, u: np.ndarray, T: np.ndarray, dims: int) -> dict[str, np.ndarray]:
    """rho, m = rho u, E = rho u^2 / 2 + D/2 rho T."""
    return {"rho": rho, "m": rho * u, "E": 0.5 * rho * u**2 + 0.5 * dims * rho * T}


def conserved_errors(model, truth, dims: int, when: int = -1) -> dict[str, float]:
    """rel_l2 of rho, m, E at one saved time, and "total" of the three stacked; `model`, `truth` have rho, u, T [time, x]."""
    value, exact = (conserved(s.rho[when], s.u[when], s.T[when], dims) for s in (model, truth))
    errors = {name: rel_l2(value[name], exact[name]) for name in exact}
    return errors | {"total": rel_l2(np.stack(list(value.values())), np.stack(list(exact.values())))}
