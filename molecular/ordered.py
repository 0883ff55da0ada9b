"""Potentials that see neighbours one by one, in an order: the local-frame Deep Potential, and a network without symmetry."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from knudsen.molecular.environment import Environment
from knudsen.molecular.errors import InputError
from knudsen.molecular.potential import Potential


class Ordered(Potential):
    r"""A network of the neighbours' coordinates, in places that an order gives them,

    .. math:: E_i = N_{s_i}(\{D_{ij}\}), \qquad D_{ij} = \left(\frac1r, \frac{x}{r^2}, \frac{y}{r^2}, \frac{z}{r^2}\right);

    places without a neighbour hold zeros. neighbours: places for each species, the same number for all or one for each.
    """

    def __init__(
        self,
        species: Sequence[str],
        cutoff: float = 6.0,
        neighbours: int | Sequence[int] = 40,
        fitting: Sequence[int] = (120, 120, 120),
        dtype: str = "float32",
        seed: int = 0,
    ):
        places = [neighbours] * len(species) if isinstance(neighbours, int) else list(neighbours)
        if len(places) != len(species) or not all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in places):
            raise InputError(f"potential.neighbours={neighbours}: give a positive integer, or one for each of {list(species)}")
        options = {"species": species, "cutoff": cutoff, "neighbours": places, "fitting": fitting, "dtype": dtype}
        super().__init__(options, 4 * sum(places), torch.Generator().manual_seed(seed))
        self.places = np.array(places)

    def order(self, environment: Environment, vectors: Tensor) -> tuple[np.ndarray, ...]:
        """Keys of each pair, the most important last, by which the neighbours of one species are put in places."""
        raise NotImplementedError

    def axes(self, vectors: Tensor, distance: Tensor, filled: Tensor) -> Tensor | None:
        """Rows of each atom's frame, [atom, 3, 3], from what is in its places; None: the frame of the coordinates given."""
        raise NotImplementedError

    def descriptors(self, environment: Environment, vectors: Tensor) -> list[Tensor]:
        pair = self._placed(environment, vectors.detach())
        filled = pair >= 0
        x = torch.cat((vectors, vectors.new_tensor([[self.cutoff, 0.0, 0.0]])))[pair]  # -1 is the last
        r = torch.linalg.vector_norm(x, dim=-1)
        axes = self.axes(x, r, filled)
        x = x if axes is None else x @ axes.transpose(1, 2)
        d = torch.cat(((1 / r)[..., None], x / (r * r)[..., None]), dim=-1) * filled[..., None]
        return [d[environment.kinds == c].flatten(1) for c in range(len(self.species))]

    def _placed(self, environment: Environment, vectors: Tensor) -> Tensor:
        """The pair in each place, [atom, place]; -1: none."""
        i, kinds = environment.i.numpy(), environment.kinds.numpy()
        kind = kinds[environment.j.numpy()]
        order = np.lexsort((*self.order(environment, vectors), kind, i))
        group = (i * len(self.species) + kind)[order]
        rank = np.arange(len(order)) - np.searchsorted(group, group)
        first = np.cumsum(self.places) - self.places
        chosen = rank < self.places[kind[order]]
        placed = np.full((len(kinds), self.places.sum()), -1)
        placed[i[order][chosen], (first[kind[order]] + rank)[chosen]] = order[chosen]
        return torch.from_numpy(placed)


class DeepPotLocalFrame(Ordered):
    r"""Deep Potential, first edition: neighbours sorted by distance, in a frame of the two nearest.

    The first axis points to the nearest neighbour, the second, orthogonal to it, to the side of the second nearest, of any
    species; the third completes them. An atom with one neighbour has one axis.

    Promises: invariant to translation, rotation and permutation of like atoms; forces and virial are the exact derivatives of
    the energy where it has one. It is *not* continuous where neighbours change order, where another becomes second nearest, nor
    where one crosses the cutoff or leaves the last place: `DeepPotSmooth` exists for that.

    species: symbols; cutoff [A]; neighbours: the nearest of each species that are seen; fitting: widths of the network;
    dtype: float32 or float64; seed: of the initial weights. All places see full coordinates.

    Source: L. Zhang, J. Han, H. Wang, R. Car, W. E, Phys. Rev. Lett. 120, 143001 (2018),
    doi:10.1103/PhysRevLett.120.143001, eqs. 1, 2.
    """

    name = "deep_pot_local_frame"

    def order(self, environment, vectors):
        return (torch.linalg.vector_norm(vectors, dim=-1).numpy(),)

    def axes(self, vectors, distance, filled):
        found = torch.topk(torch.where(filled, distance, torch.inf).detach(), min(2, filled.shape[1]), largest=False)
        near, there = found.indices, torch.isfinite(found.values)
        rows = torch.arange(len(vectors))
        one = _unit(vectors[rows, near[:, 0]], there[:, 0])
        second = vectors[rows, near[:, -1]]
        two = _unit(second - (second * one).sum(-1, keepdim=True) * one, there.all(1) & (near[:, 0] != near[:, -1]))
        return torch.stack((one, two, torch.linalg.cross(one, two)), dim=1)


def _unit(x: Tensor, there: Tensor) -> Tensor:
    """x / |x|; zero where there is none, or x is."""
    there = (there & (torch.linalg.vector_norm(x.detach(), dim=-1) > 1e-6))[:, None]
    x = torch.where(there, x, x.new_tensor([1.0, 0.0, 0.0]))
    return x / torch.linalg.vector_norm(x, dim=-1, keepdim=True) * there


class PlainNetwork(Ordered):
    """A network of the neighbours' raw coordinates, in the order of the atoms: the control that shows what symmetry is worth.

    Promises: invariant to translation; forces and virial are the exact derivatives of the energy where it has one. *Not* to
    rotation nor to permutation, and not continuous where neighbours cross the cutoff.

    Options as in `DeepPotLocalFrame`.

    Source: W. E, J. Han, L. Zhang, arXiv:2006.02619, section 4: the network without symmetry there.
    """

    name = "plain_network"

    def order(self, environment, vectors):
        return *np.round(vectors.numpy().T, 3), environment.j.numpy()  # images of one atom by their places

    def axes(self, vectors, distance, filled):
        return None
