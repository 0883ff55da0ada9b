"""Wavefunctions of one or two electrons with every cusp right: orbitals, Pade-Jastrow, a network on top."""

from __future__ import annotations

import itertools
import math
from typing import Any

import torch
from torch import Tensor, nn

from knudsen.quantum import references
from knudsen.quantum.errors import InputError, flag
from knudsen.quantum.particles import Molecule, distances, pair_distance


class CuspOrbital(nn.Module):
    r"""The logarithm of the product of one orbital over the electrons,

    .. math:: \varphi(r) = \sum_A e^{-\zeta r_A}, \qquad \zeta = Z (1 + e^{-\zeta R}),

    a sum over one nucleus (without the second term) or two equal ones at distance R; zeta satisfies Kato's condition,
    :math:`\partial_r \bar\varphi = -Z \bar\varphi` at the nucleus, bars for spherical averages.
    Source: T. Kato, Commun. Pure Appl. Math. 10, 151 (1957); J. Thijssen, Computational Physics (2007), section 12.2.
    """

    def __init__(self, molecule: Molecule):
        super().__init__()
        self.nuclei, charge = molecule.nuclei, float(molecule.charges[0])
        self.zeta = charge
        if len(self.nuclei) == 2:
            length = float(torch.dist(*self.nuclei))
            for _ in range(200):  # a contraction: the slope is below 1
                self.zeta = charge * (1.0 + math.exp(-self.zeta * length))

    def forward(self, r: Tensor) -> Tensor:
        """r: distances to the nuclei, [chain, electron, nucleus]."""
        return torch.logsumexp(-self.zeta * r, -1).sum(-1)


def pade(r: Tensor, b: Tensor) -> Tensor:
    r"""r / (2 (1 + b r)): slope 1/2 at r = 0, the cusp of two electrons of opposite spin."""
    return 0.5 * r / (1.0 + b * r)


def smooth(r: Tensor) -> Tensor:
    """r^2 / (1 + r): no slope at r = 0, so that a function of it leaves cusps alone; like r far away."""
    return r * r / (1.0 + r)


class ElectronJastrow(nn.Module):
    r"""Orbital times Pade-Jastrow, correct at every cusp.

    .. math::
        \log \psi = \sum_i \log \varphi(r_i) + c \sum_{iA} \frac{s(r_{iA})}{1 + s(r_{iA})} + \frac{r_{12}}{2 (1 + b r_{12})},
        \qquad s(r) = \frac{r^2}{1 + r}

    Parameters b > 0 and c.
    """

    def __init__(self, molecule: Molecule):
        super().__init__()
        self.molecule, self.orbital = molecule, CuspOrbital(molecule)
        self.log_b = nn.Parameter(torch.tensor(math.log(0.3), dtype=torch.float64))
        self.c = nn.Parameter(torch.tensor(0.0, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        r = distances(x, self.molecule.nuclei)
        s = smooth(r)
        value = self.orbital(r) + self.c * (s / (1.0 + s)).flatten(1).sum(1)
        return value + pade(pair_distance(x), self.log_b.exp()) if x.shape[1] == 2 else value


class ElectronNetwork(nn.Module):
    r"""`ElectronJastrow` times exp of a network of the distances.

    .. math:: \log \psi = \log \psi_{Jastrow} + \frac1{|G|} \sum_{g \in G} \Big( N(g s) + w \cdot g s \Big)

    s: the distances between electrons and nuclei and between electrons, through s(r), so that no cusp moves; G: exchange of the
    electrons and of equal nuclei; N: a network with tanh, its last layer 0 at first; w: a linear term, which sets the decay.
    widths: of its layers.
    """

    def __init__(self, molecule: Molecule, widths: list[int], generator: torch.Generator):
        super().__init__()
        self.jastrow = ElectronJastrow(molecule)
        self.molecule = molecule
        electrons, nuclei = molecule.particles, len(molecule.nuclei)
        index = torch.arange(electrons * nuclei).reshape(electrons, nuclei)
        last = list(range(electrons * nuclei, electrons * nuclei + electrons - 1))
        orders = itertools.product(itertools.permutations(range(electrons)), itertools.permutations(range(nuclei)))
        self.images = torch.tensor([index[list(e)][:, list(n)].flatten().tolist() + last for e, n in orders])
        inputs = self.images.shape[1]
        self.network = dense([inputs, *widths, 1], generator)
        self.linear = nn.Parameter(torch.zeros(inputs, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        r = distances(x, self.molecule.nuclei).flatten(1)
        s = smooth(torch.cat([r, pair_distance(x)[:, None]], 1) if x.shape[1] == 2 else r)[:, self.images]
        return self.jastrow(x) + (self.network(s)[..., 0] + s @ self.linear).mean(1)


def dense(widths: list[int], generator: torch.Generator) -> nn.Sequential:
    """Layers of these widths with tanh between, the last one 0 at first."""
    layers: list[nn.Module] = []
    for k, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
        layer = nn.Linear(inputs, outputs, dtype=torch.float64)
        with torch.no_grad():
            layer.weight.copy_(torch.randn(outputs, inputs, generator=generator, dtype=torch.float64) / math.sqrt(inputs))
            layer.bias.copy_(torch.rand(outputs, generator=generator, dtype=torch.float64) - 0.5)
            if k == len(widths) - 2:
                layer.weight.zero_()
                layer.bias.zero_()
                layer.bias.requires_grad_(False)  # a norm, which nothing depends on
        layers += [layer, nn.Tanh()]
    return nn.Sequential(*layers[:-1])


class Slater(nn.Module):
    r"""The Slater determinant of PySCF's restricted Hartree-Fock, closed shell of two electrons or a single electron:

    .. math:: \log|\psi| = \sum_i \log|\varphi(r_i)|, \qquad \varphi(r) = \sum_\mu C_\mu \chi_\mu(r)

    basis: of contracted Gaussians chi, s, p and d shells. No parameters: its energy is Hartree-Fock's.
    jastrow: multiply by exp of r12 / (2 (1 + b r12)), with a parameter b > 0.
    """

    def __init__(self, hamiltonian: Molecule, basis: str = "cc-pvdz", jastrow: bool = False):
        super().__init__()
        if not isinstance(hamiltonian, Molecule):
            raise InputError(f"wavefunction=slater: is for electrons; {hamiltonian.name} has none: choose another wavefunction")
        solved = references.mean_field(hamiltonian, basis)
        self.energy = float(solved.e_tot)
        coefficients = solved.mo_coeff if solved.mo_coeff.ndim == 2 else solved.mo_coeff[0]
        self.register_buffer("coefficients", torch.tensor(coefficients[:, 0]), persistent=False)
        self.shells = [_shell(solved.mol, k) for k in range(solved.mol.nbas)]
        self.log_b = nn.Parameter(torch.zeros((), dtype=torch.float64)) if flag("wavefunction.jastrow", jastrow) else None

    def orbital(self, x: Tensor) -> Tensor:
        """The occupied orbital at positions x, [..., 3]."""
        return torch.cat([_gaussians(x, *shell) for shell in self.shells], -1) @ self.coefficients

    def forward(self, x: Tensor) -> Tensor:
        value = self.orbital(x).abs().log().sum(-1)
        return value if self.log_b is None or x.shape[1] < 2 else value + pade(pair_distance(x), self.log_b.exp())


def _shell(mol: Any, k: int) -> tuple[Tensor, int, Tensor, Tensor]:
    """(centre, angular momentum, exponents, normalised coefficients [primitive, contraction]) of a shell of PySCF."""
    momentum = mol.bas_angular(k)
    if momentum > 2:
        raise InputError("wavefunction.basis: has f functions or higher, which are not evaluated here; take a smaller basis")
    norms = [_norm(momentum, exponent) for exponent in mol.bas_exp(k)]
    coefficients = torch.tensor(mol.bas_ctr_coeff(k)) * torch.tensor(norms)[:, None]
    return torch.tensor(mol.bas_coord(k)), momentum, torch.tensor(mol.bas_exp(k)), coefficients


def _norm(l: int, exponent: float) -> float:
    """1 / sqrt of the integral of r^(2 l + 2) exp(-2 exponent r^2)."""
    return math.sqrt(2 * (2 * exponent) ** (l + 1.5) / math.gamma(l + 1.5))


def _gaussians(x: Tensor, centre: Tensor, momentum: int, exponents: Tensor, coefficients: Tensor) -> Tensor:
    """Contracted real solid harmonic Gaussians in PySCF's order, [..., contraction * (2 l + 1)]."""
    d = x - centre
    x, y, z = d.unbind(-1)
    r2 = d.square().sum(-1)
    radial = torch.exp(-exponents * r2[..., None]) @ coefficients
    angular = {
        0: [torch.full_like(x, 0.5 / math.sqrt(math.pi))],
        1: [math.sqrt(0.75 / math.pi) * q for q in (x, y, z)],
        2: [
            math.sqrt(3.75 / math.pi) * x * y,
            math.sqrt(3.75 / math.pi) * y * z,
            math.sqrt(0.3125 / math.pi) * (3 * z * z - r2),
            math.sqrt(3.75 / math.pi) * x * z,
            math.sqrt(0.9375 / math.pi) * (x * x - y * y),
        ],
    }[momentum]
    return (radial[..., :, None] * torch.stack(angular, -1)[..., None, :]).flatten(-2)
