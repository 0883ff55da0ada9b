"""Elementary functions of plain laws: of tensors in torch, of numbers in compiled code (``closure.compiled.lifting``).

What a plain function is made of: arithmetic, ``abs``, these, and other plain functions.
"""

import math

import torch
from torch import Tensor

TINY = torch.finfo(torch.float64).tiny


def exp(x):
    """e^x."""
    return x.exp() if isinstance(x, Tensor) else math.exp(x)


def log(x):
    """ln x of x > 0."""
    return x.log() if isinstance(x, Tensor) else math.log(x)


def sqrt(x):
    """The root of x >= 0."""
    return x.sqrt() if isinstance(x, Tensor) else math.sqrt(x)


def maximum(x, y):
    """The larger of two values, or of a value and a number y."""
    if isinstance(x, Tensor):
        return torch.maximum(x, y) if isinstance(y, Tensor) else x.clamp(min=y)
    return max(x, y)


def minimum(x, y):
    """The smaller of two values, or of a value and a number y."""
    if isinstance(x, Tensor):
        return torch.minimum(x, y) if isinstance(y, Tensor) else x.clamp(max=y)
    return min(x, y)


def where(condition, x, y):
    """x where the condition holds, y elsewhere; both are evaluated."""
    return torch.where(condition, x, y) if isinstance(condition, Tensor) else (x if condition else y)
