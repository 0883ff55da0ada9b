"""Deep Potential, smooth edition: energies of atoms from a network of their neighbourhoods."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from knudsen.molecular.descriptor import Descriptor
from knudsen.molecular.environment import Environment
from knudsen.molecular.errors import InputError, positive
from knudsen.molecular.moments import Moments, coefficients, nodes
from knudsen.molecular.networks import Embedding, widths
from knudsen.molecular.potential import Potential

SPACING = 1 / 32  # of the nodes of the embedding [A]
CLOSEST = 0.1  # nodes nearer than this take the embedding there [A]


def switched_inverse(r: Tensor, start: float, cutoff: float) -> Tensor:
    r"""s(r) = 1/r up to `start`, from there to zero at `cutoff` with two continuous derivatives.

    .. math:: s = \frac1r \left(1 + u^3 (-6 u^2 + 15 u - 10)\right), \qquad u = \frac{r - r_{cs}}{r_c - r_{cs}} \in [0, 1]
    """
    u = ((r - start) / (cutoff - start)).clamp(0, 1)
    return (1 + u**3 * ((15 - 6 * u) * u - 10)) / r


class DeepPotSmooth(Potential):
    r"""Deep Potential, smooth edition.

    .. math:: E_i = N_{s_i}(D^i), \qquad D^i = T_i\, T_{i,<}^\top, \qquad
        T_i = \frac1{\bar n} \sum_j G_{s_i s_j}(r_{ij}) \otimes R_{ij}, \qquad R_{ij} = s(r_{ij})\,(1, \hat r)

    G: embedding network of s(r), one per pair of species; T_<: the first `axis` rows of T; N: fitting network, one per species.
    Over the training set columns of R are scaled to unit size, s, the input of G, to zero mean and unit deviation. Between nodes
    1/32 A apart G is a cubic spline (`molecular.moments`), which differs from the network by less than 1e-4 of it and makes the
    sums over neighbours cheap, in training too.

    degree 2 adds the columns :math:`s\,\hat r \otimes \hat r` to R. The published D holds cosines of angles between neighbours,
    this one their squares too, which directional bonds such as Stillinger-Weber's depend on.

    Promises: invariant to translation, rotation and permutation of like atoms, to round-off; twice continuously differentiable,
    also where neighbours cross the cutoff; forces and virial are the exact derivatives of the energy.

    species: symbols; cutoff, smooth_from: r_c, r_cs [A]; embedding, fitting: widths of layers; axis: rows of T_<;
    degree: 1, as published, or 2; dtype: float32 or float64; seed: of the initial weights.

    Source: L. Zhang, J. Han, H. Wang, W. A. Saidi, R. Car, W. E, NeurIPS 2018, arXiv:1805.09003, eqs. 3 to 7; the switch is
    DeePMD-kit's (C^2).
    """

    name = "deep_pot_smooth"

    def __init__(
        self,
        species: Sequence[str],
        cutoff: float = 6.0,
        smooth_from: float = 0.5,
        embedding: Sequence[int] = (25, 50, 100),
        axis: int = 16,
        fitting: Sequence[int] = (240, 240, 240),
        degree: int = 1,
        dtype: str = "float32",
        seed: int = 0,
    ):
        embedding = widths("potential.embedding", embedding)
        smooth_from = positive("potential.smooth_from", smooth_from)
        if isinstance(axis, bool) or not isinstance(axis, int) or not 1 <= axis <= embedding[-1]:
            raise InputError(f"potential.axis={axis}: give an integer from 1 to {embedding[-1]}, the last width of the embedding")
        options = {"species": species, "cutoff": cutoff, "smooth_from": smooth_from, "embedding": embedding, "axis": axis}
        if isinstance(degree, bool) or degree not in (1, 2):
            raise InputError(f"potential.degree={degree}: give 1 or 2")
        generator = torch.Generator().manual_seed(seed)
        super().__init__(options | {"fitting": fitting, "degree": degree, "dtype": dtype}, (embedding[-1], axis), generator)
        if not smooth_from < cutoff:
            raise InputError(f"potential.smooth_from={smooth_from}: must be below potential.cutoff={cutoff}")
        self.smooth_from, self.axis = smooth_from, axis
        self.columns = [1, 3, 6][: degree + 1]
        count = len(self.species)
        self.embeddings = nn.ModuleList(Embedding(embedding, generator).to(self.dtype) for _ in range(count * count))
        for name, start in (("shift", 0.0), ("scale", 1.0), ("size", 1.0)):
            self.register_buffer(name, torch.full((count, count), start, dtype=torch.float64))
        self.register_buffer("mean_neighbours", torch.tensor(1.0, dtype=torch.float64))
        distances = nodes(self.cutoff, SPACING)
        self.spacing = float(distances[1] - distances[0])
        self.at_nodes = switched_inverse(torch.as_tensor(np.maximum(distances, CLOSEST)), smooth_from, self.cutoff)

    @torch.no_grad()
    def measure(self, environments: Sequence[Environment]) -> None:
        count = len(self.species)
        which = torch.cat([e.kinds[e.i] * count + e.kinds[e.j] for e in environments])
        r = torch.cat([torch.linalg.vector_norm(e.vectors.double(), dim=-1) for e in environments])
        s = switched_inverse(r, self.smooth_from, self.cutoff)
        for pair in range(count * count):
            if len(values := s[which == pair]) > 1:
                c, t = divmod(pair, count)
                self.shift[c, t] = values.mean()
                self.scale[c, t] = values.std().clamp_min(1e-2)
                self.size[c, t] = values.square().mean().sqrt().clamp_min(1e-2)
        self.mean_neighbours.fill_(max(len(r) / sum(len(e.kinds) for e in environments), 1.0))

    def descriptors(self, environment: Environment, vectors: Tensor) -> list[Tensor]:
        """D of the atoms of each species, [atom, width axis]."""
        count = len(self.species)
        splines = [
            coefficients(net(((self.at_nodes - shift) / scale).to(self.dtype)))
            for net, shift, scale in zip(self.embeddings, self.shift.view(-1), self.scale.view(-1))
        ]
        kinds = environment.kinds
        sizes = [self.scale, *(self.size / columns**0.5 for columns in self.columns[1:])]  # of one column of each degree
        factors = torch.stack([1 / (size * self.mean_neighbours) for n, size in zip(self.columns, sizes) for _ in range(n)], -1)
        pairs = [a.numpy() for a in (environment.i, kinds[environment.i], kinds[environment.j])]
        shape = len(kinds), sum(self.columns), count, len(splines[0])
        loops = Moments(shape, *pairs, self.smooth_from, self.cutoff, self.spacing, factors.numpy())
        b = Descriptor.apply(vectors, loops)
        found = []
        for c in range(count):
            table = torch.cat(splines[c * count : (c + 1) * count])
            t = b[kinds == c].flatten(2) @ table  # [atom, column, width]: T transposed
            found.append((t.transpose(1, 2) @ t[:, :, : self.axis]).flatten(1))
        return found
