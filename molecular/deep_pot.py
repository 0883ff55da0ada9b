"""Deep Potential, smooth edition: energies of atoms from a network of their neighbourhoods, forces and virial in closed form."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from molecular.environment import Block, Environment
from molecular.errors import InputError, positive

DTYPES = {"float32": torch.float32, "float64": torch.float64}


class Layer(nn.Module):
    """tanh(W x + b), to which x is added where the widths are equal, or twice as wide, (x, x).

    damped: where x is added, the tanh is weighed with a learned factor, at first 0.3: a deep network starts as a shallow one.
    """

    def __init__(self, inputs: int, outputs: int, generator: torch.Generator, damped: bool = False):
        super().__init__()
        self.skip = outputs // inputs if outputs in (inputs, 2 * inputs) else 0
        weight = torch.randn(inputs, outputs, generator=generator, dtype=torch.float64) / math.sqrt(inputs + outputs)
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(0.1 * torch.randn(outputs, generator=generator, dtype=torch.float64))
        self.factor = nn.Parameter(torch.full((outputs,), 0.3, dtype=torch.float64)) if damped and self.skip else None

    def forward(self, x: Tensor) -> Tensor:
        y = torch.tanh(torch.addmm(self.bias, x, self.weight))
        y = y if self.factor is None else y * self.factor
        return y if not self.skip else y + (x if self.skip == 1 else torch.cat((x, x), dim=-1))

    def with_derivative(self, x: Tensor, dx: Tensor) -> tuple[Tensor, Tensor]:
        """The value, and its derivative along dx; of a layer that is not damped."""
        y = torch.tanh(torch.addmm(self.bias, x, self.weight))
        dy = (1 - y * y) * (dx @ self.weight)
        if not self.skip:
            return y, dy
        if self.skip == 1:
            return y + x, dy + dx
        return y + torch.cat((x, x), dim=-1), dy + torch.cat((dx, dx), dim=-1)


class Embedding(nn.Module):
    """A network of one number, [n] -> [n, width], with its derivative."""

    def __init__(self, widths: Sequence[int], generator: torch.Generator):
        super().__init__()
        self.layers = nn.ModuleList(Layer(a, b, generator) for a, b in zip([1, *widths], widths))

    def forward(self, s: Tensor) -> tuple[Tensor, Tensor]:
        x = s[:, None]
        dx = torch.ones_like(x)
        for layer in self.layers:
            x, dx = layer.with_derivative(x, dx)
        return x, dx


class Fitting(nn.Module):
    """Energy of an atom from its descriptor, [n, inputs] -> [n]."""

    def __init__(self, inputs: int, widths: Sequence[int], generator: torch.Generator):
        super().__init__()
        self.layers = nn.ModuleList(Layer(a, b, generator, damped=True) for a, b in zip([inputs, *widths], widths))
        self.last = nn.Parameter(torch.randn(widths[-1], generator=generator, dtype=torch.float64) / math.sqrt(widths[-1] + 1))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x @ self.last


def switched_inverse(r: Tensor, start: float, cutoff: float) -> tuple[Tensor, Tensor]:
    r"""s(r) = 1/r up to `start`, from there to zero at `cutoff` with two continuous derivatives; and ds/dr.

    .. math:: s = \frac1r \left(1 + u^3 (-6 u^2 + 15 u - 10)\right), \qquad u = \frac{r - r_{cs}}{r_c - r_{cs}} \in [0, 1]
    """
    width = cutoff - start
    u = ((r - start) / width).clamp(0, 1)
    switch = 1 + u**3 * ((15 - 6 * u) * u - 10)
    slope = -30 * (u * (1 - u)) ** 2 / width
    return switch / r, slope / r - switch / r**2


class DeepPotSmooth(nn.Module):
    r"""Deep Potential, smooth edition.

    .. math:: E = \sum_i N_{s_i}(D^i), \qquad D^i = T_i\, T_{i,<}^\top, \qquad
        T_i = \frac1{\bar n} \sum_j G_{s_i s_j}(s(r_{ij})) \otimes R_{ij}, \qquad R_{ij} = s(r_{ij})\,(1, \hat x, \hat y, \hat z)

    G: embedding network of s(r), one per pair of species; T_<: the first `axis` rows of T; N: fitting network, one per species,
    to which that species' energy is added. Columns of R are scaled to unit size over the training set (`prepare`), the input of G
    to zero mean as well.

    Promises: invariant to translation, rotation and permutation of like atoms, to round-off; twice continuously differentiable,
    also where neighbours cross the cutoff; forces and virial are the exact derivatives of the energy. They are an explicit
    expression in G and dG/ds, so that training needs one backward pass.

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
        super().__init__()
        self.options = {
            "species": list(species),
            "cutoff": positive("potential.cutoff", cutoff),
            "smooth_from": positive("potential.smooth_from", smooth_from),
            "embedding": _widths("potential.embedding", embedding),
            "axis": axis,
            "fitting": _widths("potential.fitting", fitting),
            "dtype": dtype,
        }
        if not smooth_from < cutoff:
            raise InputError(f"potential.smooth_from={smooth_from}: must be below potential.cutoff={cutoff}")
        if isinstance(axis, bool) or not isinstance(axis, int) or not 1 <= axis <= embedding[-1]:
            raise InputError(f"potential.axis={axis}: give an integer from 1 to {embedding[-1]}, the last width of the embedding")
        if dtype not in DTYPES:
            raise InputError(f"potential.dtype={dtype}: give float32 or float64")
        self.species, self.cutoff, self.smooth_from, self.axis = tuple(species), float(cutoff), float(smooth_from), axis
        generator = torch.Generator().manual_seed(seed)
        count = len(self.species)
        self.embeddings = nn.ModuleList(Embedding(embedding, generator) for _ in range(count * count))
        self.fittings = nn.ModuleList(Fitting(embedding[-1] * axis, fitting, generator) for _ in range(count))
        for name, start in (("shift", 0.0), ("scale", 1.0), ("angular", 1.0)):
            self.register_buffer(name, torch.full((count, count), start, dtype=torch.float64))
        self.register_buffer("mean_neighbours", torch.tensor(1.0, dtype=torch.float64))
        self.to(DTYPES[dtype])
        self.register_buffer(
            "atom_energy", torch.zeros(count, dtype=torch.float64)
        )  # of order 1e2 eV: single precision would do harm

    @property
    def dtype(self) -> torch.dtype:
        return DTYPES[self.options["dtype"]]

    @torch.no_grad()
    def prepare(self, environments: Sequence[Environment]) -> None:
        """Take from labelled frames: scales of R, mean number of neighbours, and the energy of each species (least squares)."""
        neighbours = atoms = 0
        for c in range(len(self.species)):
            for t in range(len(self.species)):
                blocks = [e.blocks[c][t] for e in environments]
                r = torch.cat([torch.linalg.vector_norm(b.vectors.double(), dim=-1).ravel() for b in blocks])
                r = r[r < self.cutoff]
                neighbours += len(r)
                atoms += sum(len(b.centre) for b in blocks) if t == 0 else 0
                if len(r) > 1:
                    s, _ = switched_inverse(r, self.smooth_from, self.cutoff)
                    self.shift[c, t] = s.mean()
                    self.scale[c, t] = s.std().clamp_min(1e-2)
                    self.angular[c, t] = (s.square().mean() / 3).sqrt().clamp_min(1e-2)
        self.mean_neighbours.fill_(max(neighbours / max(atoms, 1), 1.0))
        counts = torch.stack([self.composition(e) for e in environments])
        self.atom_energy.zero_()
        energy = torch.cat([e.energy - self(e)[0] for e in environments])  # the networks start without an offset to unlearn
        self.atom_energy.copy_(torch.linalg.lstsq(counts, energy[:, None], driver="gelsd").solution[:, 0])

    def composition(self, environment: Environment) -> Tensor:
        """Atoms of each species, of a batch of one frame."""
        return torch.tensor([float(len(row[0].centre)) for row in environment.blocks], dtype=torch.float64)

    def forward(self, environment: Environment) -> tuple[Tensor, Tensor, Tensor]:
        """(energy [frame] float64, forces [atom, 3], virial -dE/d(strain) [frame, 3, 3])."""
        atoms, frames = len(environment.frame), len(environment.sizes)
        energy = torch.zeros(frames, dtype=torch.float64)
        forces = torch.zeros(atoms, 3, dtype=self.dtype)
        virial = torch.zeros(frames, 3, 3, dtype=self.dtype)
        for c, row in enumerate(environment.blocks):
            centre = row[0].centre
            if not len(centre):
                continue
            frame = environment.frame[centre]
            per_atom, gradients = self._atoms(c, row)
            energy = energy.index_add(0, frame, per_atom.double() + self.atom_energy[c])
            for block, gradient in zip(row, gradients):
                forces = forces.index_add(0, centre, gradient.sum(1))
                forces = forces.index_add(0, block.neighbour.reshape(-1), gradient.reshape(-1, 3), alpha=-1)
                virial = virial.index_add(0, frame, block.vectors.transpose(1, 2) @ gradient, alpha=-1)
        return energy, forces, 0.5 * (virial + virial.transpose(1, 2))

    def _atoms(self, c: int, row: Sequence[Block]) -> tuple[Tensor, list[Tensor]]:
        """Energies of the atoms of species c, [atom], and their derivatives by each neighbour's vector, [atom, place, 3]."""
        parts = [self._rows(c, t, block) for t, block in enumerate(row)]
        descriptor = sum(g.transpose(1, 2) @ rows for g, _, rows, *_ in parts) / self.mean_neighbours
        with torch.enable_grad():  # the derivative of a small function, by the descriptor only
            if not descriptor.requires_grad:
                descriptor = descriptor.requires_grad_()
            features = descriptor @ descriptor[:, : self.axis].transpose(1, 2)
            energy = self.fittings[c](features.flatten(1))
            (slope,) = torch.autograd.grad(energy.sum(), descriptor, create_graph=self.training)
        slope = slope / self.mean_neighbours  # dE/dT: [atom, width, 4]
        gradients = []
        for t, (g, dg, rows, s, ds, unit, r) in enumerate(parts):
            by_rows = g @ slope
            by_s = (dg @ slope * rows).sum(-1) / self.scale[c, t] + by_rows[..., 0] / self.scale[c, t]
            by_unit = by_rows[..., 1:] / self.angular[c, t]
            along = (by_unit * unit).sum(-1)
            gradients.append((by_s * ds + along * (ds - s / r))[..., None] * unit + (s / r)[..., None] * by_unit)
        return energy, gradients

    def _rows(self, c: int, t: int, block: Block) -> tuple[Tensor, ...]:
        """G and its derivative by the scaled s, the scaled rows R, s, ds/dr, unit vectors and distances."""
        r = torch.linalg.vector_norm(block.vectors, dim=-1)
        unit = block.vectors / r[..., None]
        s, ds = switched_inverse(r, self.smooth_from, self.cutoff)
        g, dg = self.embeddings[c * len(self.species) + t](((s - self.shift[c, t]) / self.scale[c, t]).reshape(-1))
        g, dg = (x.reshape(*r.shape, g.shape[-1]) for x in (g, dg))
        rows = s[..., None] * torch.cat((torch.ones_like(r)[..., None] / self.scale[c, t], unit / self.angular[c, t]), dim=-1)
        return g, dg, rows, s, ds, unit, r


def _widths(key: str, widths: Sequence[int]) -> list[int]:
    good = isinstance(widths, (list, tuple)) and widths and all(isinstance(w, int) and not isinstance(w, bool) for w in widths)
    if not good or min(widths) < 1:
        raise InputError(f"{key}={widths}: give a list of positive integers, e.g. [25, 50, 100]")
    return list(widths)
