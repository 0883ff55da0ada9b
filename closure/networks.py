"""Networks for learned closures: inputs [sample, n_in] -> outputs [sample, n_out], any float dtype.

A user's own ``torch.nn.Module`` with the same constructor head (inputs, outputs, **options) plugs in by ``_target_``.
"""

from itertools import pairwise

from torch import Tensor, nn

ACTIVATIONS = {"tanh": nn.Tanh, "silu": nn.SiLU, "gelu": nn.GELU, "softplus": nn.Softplus}


def _activation(name: str) -> nn.Module:
    if name not in ACTIVATIONS:
        raise ValueError(f"closure.network.activation is {name!r}: choose one of {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]()


def _check_size(width: int, depth: int) -> None:
    for key, value in (("width", width), ("depth", depth)):
        if not (isinstance(value, int) and value >= 1):
            raise ValueError(f"closure.network.{key} is {value!r}: give a whole number of at least 1")


class MLP(nn.Module):
    """``depth`` hidden layers of ``width`` units and a linear output layer."""

    def __init__(self, inputs: int, outputs: int, width: int = 64, depth: int = 3, activation: str = "silu"):
        super().__init__()
        _check_size(width, depth)
        sizes = [inputs] + [width] * depth
        layers = []
        for n_in, n_out in pairwise(sizes):
            layers += [nn.Linear(n_in, n_out), _activation(activation)]
        self.layers = nn.Sequential(*layers, nn.Linear(width, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class ResNet(nn.Module):
    """A linear lift to ``width``, ``depth`` blocks x + W2 act(W1 x), and a linear output layer.

    Source: K. He et al., CVPR 2016, doi:10.1109/CVPR.2016.90.
    """

    def __init__(self, inputs: int, outputs: int, width: int = 64, depth: int = 2, activation: str = "silu"):
        super().__init__()
        _check_size(width, depth)
        self.lift = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width), _activation(activation), nn.Linear(width, width)) for _ in range(depth)
        )
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.lift(x)
        for block in self.blocks:
            x = x + block(x)
        return self.head(x)
