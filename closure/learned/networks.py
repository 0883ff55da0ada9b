"""Networks for learned closures: inputs [sample, n_in] -> outputs [sample, n_out], any float dtype.

A user's own ``torch.nn.Module`` with the same constructor head (inputs, outputs, **options) plugs in by ``_target_``. A network
that also takes ``parity_in`` and ``parity_out`` and says ``equivariant = True`` promises N(P x) = P' N(x) itself; for any other
the closure averages over the mirrored input, at twice the cost (``symmetric``). The compiled loop knows the classes below but
``ResNet``, each in the closures that are made with it, and not what is derived from them.
"""

from itertools import pairwise

import torch
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


def symmetric(network, x: Tensor, parity_in: Tensor, parity_out: Tensor) -> Tensor:
    r"""What a network says with its mirror symmetry made exact, and nothing where x = 0; [sample, n_in] -> [sample, n_out].

    .. math:: \tfrac12 \big[N(x) + P' N(P x)\big] - \tfrac12 \big[N(0) + P' N(0)\big],

    P, P' the signs [n_in], [n_out] of inputs and outputs in a mirror; N(x) alone in place of the first bracket where the network
    says that it is ``equivariant``.
    """
    zero, parity = torch.zeros_like(x[:1]), parity_out.to(x.dtype)
    if getattr(network, "equivariant", False):
        out = network(x)
        even = parity_out > 0  # odd outputs vanish in equilibrium by themselves
        return out - network(zero) * even if even.any() else out
    out, mirrored, rest = network(torch.cat((x, x * parity_in.to(x.dtype), zero))).split((len(x), len(x), 1))
    return 0.5 * (out + mirrored * parity) - 0.5 * (rest + rest * parity)


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


def squash(x: Tensor) -> Tensor:
    """x / sqrt(1 + x^2): odd, bounded by 1, and a few instructions where tanh takes fifty."""
    return x * torch.rsqrt(1 + x * x)


class Equivariant(nn.Module):
    r"""A network whose outputs have exact mirror symmetry: even channels E and odd channels O, the odd ones gated by the even.

    .. math:: E' = \sigma(A\,[E, O^2] + a), \qquad O' = (C\,O) \odot (1 + \sigma(D\,[E, O^2] + d)), \qquad
              \sigma(x) = x/\sqrt{1 + x^2}

    ``depth`` such layers, ``width``/2 channels of each parity, then a linear layer from E (with bias) to the even outputs
    and from O to the odd ones. One evaluation instead of the two that averaging over the mirrored input takes; algebraic, so
    that it compiles to a handful of vector instructions.
    """

    equivariant = True

    def __init__(self, inputs: int, outputs: int, parity_in, parity_out, width: int = 64, depth: int = 2):
        super().__init__()
        _check_size(width, depth)
        if width % 2:
            raise ValueError(f"closure.network.width is {width}: an equivariant network takes an even number")
        parity_in, parity_out = (torch.as_tensor(p) for p in (parity_in, parity_out))
        self.even_in, self.odd_in = ((parity_in == sign).nonzero()[:, 0].tolist() for sign in (1, -1))
        self.even_out, self.odd_out = ((parity_out == sign).nonzero()[:, 0].tolist() for sign in (1, -1))
        half = width // 2
        even, odd = len(self.even_in), len(self.odd_in)
        self.layers = nn.ModuleList()
        for _ in range(depth):
            self.layers.append(
                nn.ModuleDict(
                    {
                        "even": nn.Linear(even + odd, 2 * half),  # E' before squashing, and the gates
                        "odd": nn.Linear(odd, half, bias=False),
                    }
                )
            )
            even = odd = half
        self.to_even = nn.Linear(half, len(self.even_out)) if self.even_out else None
        self.to_odd = nn.Linear(half, len(self.odd_out), bias=False) if self.odd_out else None

    def forward(self, x: Tensor) -> Tensor:
        even, odd = x[:, self.even_in], x[:, self.odd_in]
        for layer in self.layers:
            squashed, gate = squash(layer["even"](torch.cat((even, odd * odd), 1))).chunk(2, 1)
            even, odd = squashed, layer["odd"](odd) * (1 + gate)
        out = x.new_empty(len(x), len(self.even_out) + len(self.odd_out))
        if self.to_even is not None:
            out[:, self.even_out] = self.to_even(even)
        if self.to_odd is not None:
            out[:, self.odd_out] = self.to_odd(odd)
        return out


class ICNN(nn.Module):
    r"""A network that is convex in its inputs: [sample, n_in] -> [sample, n_out].

    .. math:: z_{i+1} = \sigma(W_i z_i + A_i x + b_i), \quad W_i \ge 0, \quad \sigma = \text{softplus (convex, increasing)},

    ``depth`` layers of ``width`` units, then a linear one with weights W >= 0. W is the softplus of free numbers.
    Source: B. Amos, L. Xu, J. Z. Kolter, ICML 2017, arXiv:1609.07152, eq. 2.
    """

    def __init__(self, inputs: int, outputs: int = 1, width: int = 32, depth: int = 2):
        super().__init__()
        for key, value in (("width", width), ("depth", depth)):
            if not (isinstance(value, int) and value >= 1):
                raise ValueError(f"closure.network.{key} is {value!r}: give a whole number of at least 1")
        sizes = [width] * depth + [outputs]
        self.direct = nn.ModuleList(nn.Linear(inputs, size) for size in sizes)
        # softplus(free) starts near 1/width: a mean over the units of the layer before
        self.positive = nn.ParameterList(
            torch.randn(size, width) * 0.5 + torch.tensor(1 / width).expm1().log() for size in sizes[1:]
        )

    def forward(self, x: Tensor) -> Tensor:
        z = nn.functional.softplus(self.direct[0](x))
        for i, (direct, free) in enumerate(zip(self.direct[1:], self.positive, strict=True)):
            z = direct(x) + z @ nn.functional.softplus(free).T
            if i < len(self.positive) - 1:
                z = nn.functional.softplus(z)
        return z
