"""Deep Potential, smooth edition: energies of atoms from a network of their neighbourhoods."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from molecular.environment import Environment
from molecular.errors import InputError, positive
from molecular.moments import Moments, coefficients, nodes
from molecular.networks import Embedding, Fitting, widths
from molecular.potential import Potential

SPACING = 1 / 32  # of the nodes of the embedding [A]
CLOSEST = 0.1  # nodes nearer than this take the embedding there [A]
FLOOR = 0.1  # least deviation of a number of D, as a share of their root mean square
INPUT = 0.1  # deviation of the inputs of the fitting networks: they start in their linear range
ENOUGH = 64  # frames that scales are taken from


def switched_inverse(r: Tensor, start: float, cutoff: float) -> Tensor:
    r"""s(r) = 1/r up to `start`, from there to zero at `cutoff` with two continuous derivatives.

    .. math:: s = \frac1r \left(1 + u^3 (-6 u^2 + 15 u - 10)\right), \qquad u = \frac{r - r_{cs}}{r_c - r_{cs}} \in [0, 1]
    """
    u = ((r - start) / (cutoff - start)).clamp(0, 1)
    return (1 + u**3 * ((15 - 6 * u) * u - 10)) / r


class DeepPotSmooth(Potential):
    r"""Deep Potential, smooth edition.

    .. math:: E_i = N_{s_i}(D^i), \qquad D^i = T_i\, T_{i,<}^\top, \qquad
        T_i = \frac1{\bar n} \sum_j G_{s_i s_j}(r_{ij}) \otimes R_{ij}, \qquad R_{ij} = s(r_{ij})\,(1, \hat x, \hat y, \hat z)

    G: embedding network of s(r), one per pair of species; T_<: the first `axis` rows of T; N: fitting network, one per species.
    Inputs are scaled over the training set (`describe`): columns of R to unit size, s to zero mean and unit deviation, D to zero
    mean and each of its numbers by its deviation. Between nodes 1/32 A apart G is a cubic spline (`molecular.moments`), which
    differs from the network by less than 1e-4 of it and makes the sums over neighbours cheap, in training too.

    Promises: invariant to translation, rotation and permutation of like atoms, to round-off; twice continuously differentiable,
    also where neighbours cross the cutoff; forces and virial are the exact derivatives of the energy.

    species: symbols; cutoff, smooth_from: r_c, r_cs [A]; embedding, fitting: widths of layers; axis: rows of T_<;
    dtype: float32 or float64; seed: of the initial weights.

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
        dtype: str = "float32",
        seed: int = 0,
    ):
        embedding, fitting = widths("potential.embedding", embedding), widths("potential.fitting", fitting)
        smooth_from = positive("potential.smooth_from", smooth_from)
        super().__init__(
            {
                "species": species,
                "cutoff": cutoff,
                "smooth_from": smooth_from,
                "embedding": embedding,
                "axis": axis,
                "fitting": fitting,
                "dtype": dtype,
            }
        )
        if not smooth_from < cutoff:
            raise InputError(f"potential.smooth_from={smooth_from}: must be below potential.cutoff={cutoff}")
        if isinstance(axis, bool) or not isinstance(axis, int) or not 1 <= axis <= embedding[-1]:
            raise InputError(f"potential.axis={axis}: give an integer from 1 to {embedding[-1]}, the last width of the embedding")
        self.smooth_from, self.axis = smooth_from, axis
        generator = torch.Generator().manual_seed(seed)
        count, features = len(self.species), embedding[-1] * axis
        self.embeddings = nn.ModuleList(Embedding(embedding, generator) for _ in range(count * count))
        self.fittings = nn.ModuleList(Fitting((embedding[-1], axis), fitting, generator) for _ in range(count))
        self.to(self.dtype)
        for name, start in (("shift", 0.0), ("scale", 1.0), ("angular", 1.0)):
            self.register_buffer(name, torch.full((count, count), start, dtype=torch.float64))
        self.register_buffer("mean_neighbours", torch.tensor(1.0, dtype=torch.float64))
        self.register_buffer("centre", torch.zeros(count, features, dtype=self.dtype))
        self.register_buffer("deviation", torch.ones(count, features, dtype=self.dtype))
        self.register_buffer("atom_energy", self.atom_energy.double())
        distances = nodes(self.cutoff, SPACING)
        self.inverse = 1 / (distances[1] - distances[0])
        self.at_nodes = switched_inverse(torch.as_tensor(np.maximum(distances, CLOSEST)), smooth_from, self.cutoff)

    @torch.no_grad()
    def describe(self, environments: Sequence[Environment]) -> None:
        environments = environments[:: -(-len(environments) // ENOUGH)]
        count = len(self.species)
        which = torch.cat([e.kinds[e.i] * count + e.kinds[e.j] for e in environments])
        r = torch.cat([torch.linalg.vector_norm(e.vectors.double(), dim=-1) for e in environments])
        s = switched_inverse(r, self.smooth_from, self.cutoff)
        for pair in range(count * count):
            if len(values := s[which == pair]) > 1:
                c, t = divmod(pair, count)
                self.shift[c, t] = values.mean()
                self.scale[c, t] = values.std().clamp_min(1e-2)
                self.angular[c, t] = (values.square().mean() / 3).sqrt().clamp_min(1e-2)
        self.mean_neighbours.fill_(max(len(r) / sum(len(e.kinds) for e in environments), 1.0))
        total = torch.zeros(3, count, self.centre.shape[1], dtype=torch.float64)  # of 1, D, D^2
        for one in environments:
            for c, d in enumerate(self.descriptors(one, one.vectors)):
                total[:, c] += torch.stack([torch.ones_like(d), d, d * d]).double().sum(1)
        mean, square = total[1:] / total[0].clamp_min(1)
        variance = (square - mean**2).clamp_min(0)
        least = FLOOR * variance.mean(1, keepdim=True).sqrt()
        self.centre.copy_(mean)
        self.deviation.copy_(torch.where(least > 0, variance.sqrt().maximum(least), 1.0) / INPUT)

    def energies(self, environment: Environment, vectors: Tensor) -> Tensor:
        energy = torch.zeros(len(environment.kinds), dtype=self.dtype)
        for c, features in enumerate(self.descriptors(environment, vectors)):
            if len(features):
                scaled = (features - self.centre[c]) / self.deviation[c]
                energy = energy.index_put((torch.nonzero(environment.kinds == c)[:, 0],), self.fittings[c](scaled))
        return energy

    def descriptors(self, environment: Environment, vectors: Tensor) -> list[Tensor]:
        """D of the atoms of each species, [atom, width axis]."""
        count = len(self.species)
        splines = [
            coefficients(net(((self.at_nodes - shift) / scale).to(self.dtype)))
            for net, shift, scale in zip(self.embeddings, self.shift.view(-1), self.scale.view(-1))
        ]
        kinds = environment.kinds
        alpha, beta = 1 / (self.scale * self.mean_neighbours), 1 / (self.angular * self.mean_neighbours)
        geometry = [a.numpy() for a in (environment.i, kinds[environment.i], kinds[environment.j])]
        geometry += [self.smooth_from, self.cutoff, self.inverse, alpha.numpy(), beta.numpy()]
        b = Moments.apply(vectors, tuple(geometry), (len(kinds), 4, count, len(splines[0])))
        found = []
        for c in range(count):
            table = torch.cat(splines[c * count : (c + 1) * count])
            t = b[kinds == c].flatten(2) @ table  # [atom, 4, width]: T transposed
            found.append((t.transpose(1, 2) @ t[:, :, : self.axis]).flatten(1))
        return found
