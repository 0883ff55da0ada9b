"""A network between physical features and outputs of unit size."""

import torch
from torch import Tensor, nn


class Normalised(nn.Module):
    """A network on arsinh(x / scale), its output times a scale and softly bounded; it computes in the dtype of its weights.

    The scales are root mean squares without a shift, so that zero stays zero and mirror images stay mirror images.
    """

    def __init__(self, network: nn.Module, inputs: int, outputs: int, bound: float = 10.0):
        super().__init__()
        self.network, self.bound = network, bound
        # a network that promises its mirror symmetry itself says so (see ``networks``); one that says nothing does not
        self.equivariant = bool(getattr(network, "equivariant", False))
        self.register_buffer("scale_in", torch.ones(inputs))
        self.register_buffer("scale_out", torch.ones(outputs))

    def forward(self, x: Tensor) -> Tensor:
        dtype = self.scale_in.dtype
        y = self.network(torch.asinh(x.to(dtype) / self.scale_in))
        return (self.bound * torch.tanh(y / self.bound) * self.scale_out).to(x.dtype)
