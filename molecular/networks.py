"""Networks that potentials are made of."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from knudsen.molecular.errors import InputError

FLOOR = 0.1
INPUT = 0.1  # deviation of what enters a fitting network: it starts in its linear range
DTYPES = {"float32": torch.float32, "float64": torch.float64}


class Layer(nn.Module):
    """tanh(W x + b), to which x is added where the widths are equal, or twice as wide, (x, x).

    inputs: a width, or the shape of a tensor that comes flat; the weight keeps that shape, for the optimiser.
    damped: where x is added, the tanh is weighed with a learned factor, at first 0.3: a deep network starts as a shallow one.
    """

    def __init__(self, inputs: int | tuple[int, ...], outputs: int, generator: torch.Generator, damped: bool = False):
        super().__init__()
        shape = (inputs,) if isinstance(inputs, int) else inputs
        width = math.prod(shape)
        self.skip = outputs // width if outputs in (width, 2 * width) else 0
        weight = torch.randn(*shape, outputs, generator=generator, dtype=torch.float64) / math.sqrt(width + outputs)
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(0.1 * torch.randn(outputs, generator=generator, dtype=torch.float64))
        self.factor = nn.Parameter(torch.full((outputs,), 0.3, dtype=torch.float64)) if damped and self.skip else None

    def forward(self, x: Tensor) -> Tensor:
        y = torch.tanh(torch.addmm(self.bias, x, self.weight.flatten(0, -2)))
        y = y if self.factor is None else y * self.factor
        return y if not self.skip else y + (x if self.skip == 1 else torch.cat((x, x), dim=-1))


class Embedding(nn.Module):
    """A network of one number, [n] -> [n, width]."""

    def __init__(self, widths: Sequence[int], generator: torch.Generator):
        super().__init__()
        self.layers = nn.ModuleList(Layer(a, b, generator) for a, b in zip([1, *widths], widths))

    def forward(self, s: Tensor) -> Tensor:
        x = s[:, None]
        for layer in self.layers:
            x = layer(x)
        return x


class Fitting(nn.Module):
    """Energy of an atom from its descriptor, [n, inputs] -> [n]. The descriptor's numbers are centred, and divided by their
    deviation, over the training set (`measure`)."""

    def __init__(self, inputs: int | tuple[int, ...], widths: Sequence[int], generator: torch.Generator):
        super().__init__()
        self.layers = nn.ModuleList(Layer(a, b, generator, damped=True) for a, b in zip([inputs, *widths], widths))
        self.last = nn.Parameter(torch.randn(widths[-1], generator=generator, dtype=torch.float64) / math.sqrt(widths[-1] + 1))
        width = inputs if isinstance(inputs, int) else math.prod(inputs)
        self.register_buffer("centre", torch.zeros(width, dtype=torch.float64))
        self.register_buffer("deviation", torch.ones(width, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        x = (x - self.centre) / self.deviation
        for layer in self.layers:
            x = layer(x)
        return x @ self.last

    @torch.no_grad()
    def measure(self, descriptors: Sequence[Tensor]) -> None:
        """Take centre and deviation from descriptors, each [n, inputs]. Numbers that hardly vary are not blown up: the least
        deviation is `FLOOR` of their root mean square."""
        count = sum(len(d) for d in descriptors)
        if count < 2:
            return
        mean = sum(d.double().sum(0) for d in descriptors) / count
        variance = sum((d.double() - mean).square().sum(0) for d in descriptors) / count
        typical = variance.mean().sqrt()
        if typical > 0:
            self.centre.copy_(mean)
            self.deviation.copy_(variance.sqrt().maximum(FLOOR * typical) / INPUT)


def widths(key: str, value: Sequence[int]) -> list[int]:
    """`value` as a list of widths of layers; InputError names `key`."""
    good = isinstance(value, (list, tuple)) and value and all(isinstance(w, int) and not isinstance(w, bool) for w in value)
    if not good or min(value) < 1:
        raise InputError(f"{key}={value}: give a list of positive integers, e.g. [25, 50, 100]")
    return list(value)
