"""Descriptors computed by compiled loops over pairs, differentiable as often as forces and their training need."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor


class Loops(Protocol):
    """A function B of the pair vectors [pair, 3], its transposed derivative and its derivative. Each adds to `out`."""

    shape: tuple[int, ...]

    def value(self, vectors: np.ndarray, out: np.ndarray) -> None:
        """B, [*shape]."""

    def pull(self, vectors: np.ndarray, h: np.ndarray, out: np.ndarray) -> None:
        """The derivative by the vectors, [pair, 3], of a number whose derivative by B is h."""

    def push(self, vectors: np.ndarray, y: np.ndarray, out: np.ndarray) -> None:
        """The change of B, [*shape], as the vectors change by y."""


class Descriptor(torch.autograd.Function):
    """B of the vectors. Its derivative can be differentiated by what it is multiplied with, not by positions again: energies,
    forces, and the derivatives of both by weights."""

    @staticmethod
    def forward(ctx, vectors: Tensor, loops: Loops) -> Tensor:
        ctx.save_for_backward(vectors)
        ctx.loops = loops
        out = np.zeros(loops.shape, vectors.numpy().dtype)
        loops.value(vectors.numpy(), out)
        return torch.from_numpy(out)

    @staticmethod
    def backward(ctx, h: Tensor):
        return _Pull.apply(*ctx.saved_tensors, h, ctx.loops), None


class _Pull(torch.autograd.Function):
    @staticmethod
    def forward(ctx, vectors: Tensor, h: Tensor, loops: Loops) -> Tensor:
        ctx.save_for_backward(vectors)
        ctx.loops = loops
        out = np.zeros_like(vectors.numpy())
        loops.pull(vectors.numpy(), h.contiguous().numpy(), out)
        return torch.from_numpy(out)

    @staticmethod
    def backward(ctx, y: Tensor):
        (vectors,) = ctx.saved_tensors
        out = np.zeros(ctx.loops.shape, vectors.numpy().dtype)
        ctx.loops.push(vectors.numpy(), y.contiguous().numpy(), out)
        return None, torch.from_numpy(out), None
