"""Adam in the eigenbases of the gradients' second moments: SOAP."""

from __future__ import annotations

import math

import torch
from torch import Tensor

LARGEST = 512  # modes of a weight wider than this keep their own basis
REFRESH = 10  # steps between turns of the bases
EPSILON = 1e-8


class Soap(torch.optim.Optimizer):
    r"""SOAP: every mode (rows, columns, ...) of a weight gets the second moment of its gradients, and its eigenvectors; Adam
    works in these bases, where the gradient's components are nearly uncorrelated. For a matrix W with gradient G

    .. math:: L \leftarrow \beta_2 L + (1 - \beta_2) G G^\top, \quad R \leftarrow \beta_2 R + (1 - \beta_2) G^\top G, \quad
        G' = Q_L^\top G\, Q_R, \qquad \Delta W = -\eta\, Q_L \frac{m}{\sqrt{v}}\, Q_R^\top,

    m, v: averages of G' and G'^2 without their bias. Every `REFRESH` steps one step of orthogonal iteration turns the bases to
    the present L and R. The first gradient only starts the averages. Vectors are left to Adam.

    Source: N. Vyas et al., ICLR 2025, arXiv:2409.11321, algorithm 3; here the average m turns with the bases.
    """

    def __init__(self, parameters, lr: float, betas: tuple[float, float] = (0.95, 0.99)):
        super().__init__(parameters, {"lr": lr, "betas": betas})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._one(weight, weight.grad, self.state[weight], group["lr"], *group["betas"])

    def _one(self, weight: Tensor, gradient: Tensor, state: dict, rate: float, first: float, second: float) -> None:
        modes = [k for k, width in enumerate(weight.shape) if weight.ndim > 1 and 1 < width <= LARGEST]
        moments = {k: _second_moment(gradient, k) for k in modes}
        if not state:
            state |= {"count": 0, "m": torch.zeros_like(weight), "v": torch.zeros_like(weight), "moments": moments}
            state["bases"] = {k: torch.linalg.eigh(moment)[1] for k, moment in moments.items()}
            if modes:
                return
        for k, moment in moments.items():
            state["moments"][k].lerp_(moment, 1 - second)
        state["count"] += 1
        turned = _turn(gradient, state["bases"])
        state["m"].lerp_(turned, 1 - first)
        state["v"].mul_(second).addcmul_(turned, turned, value=1 - second)
        mean = state["m"] / (1 - first ** state["count"])
        deviation = (state["v"] / (1 - second ** state["count"])).sqrt_().add_(EPSILON)
        weight.sub_(_turn(mean.div_(deviation), state["bases"], back=True), alpha=rate)
        if state["count"] % REFRESH == 0:
            mean = _turn(state["m"], state["bases"], back=True)
            for k, moment in state["moments"].items():
                state["bases"][k] = torch.linalg.qr(moment @ state["bases"][k])[0]
            state["m"] = _turn(mean, state["bases"])


def _second_moment(gradient: Tensor, mode: int) -> Tensor:
    before, width = math.prod(gradient.shape[:mode]), gradient.shape[mode]
    if before == 1:
        rows = gradient.reshape(width, -1)
        return rows @ rows.T
    columns = gradient.reshape(before, width, -1).transpose(1, 2).reshape(-1, width)
    return columns.T @ columns


def _turn(x: Tensor, bases: dict[int, Tensor], back: bool = False) -> Tensor:
    """x, each mode multiplied by its basis, transposed unless `back`."""
    shape = x.shape
    for k, basis in bases.items():
        parts = x.reshape(math.prod(shape[:k]), shape[k], -1)
        if parts.shape[2] == 1:
            x = parts[:, :, 0] @ (basis.T if back else basis)
        else:
            x = (basis if back else basis.T) @ parts
    return x.reshape(shape)
