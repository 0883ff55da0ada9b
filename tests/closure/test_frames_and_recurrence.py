"""The exact maps beneath the closures: frame changes, and moments <-> recurrence coefficients."""

import numpy as np
import pytest
import torch

from knudsen.closure.laws.frames import scale_moments, shift_moments
from knudsen.closure.laws.recurrence import apply_jacobi, expand, jacobi_powers, recurrence_from_moments

ROUND_OFF = 1e-11  # of moments of order ten with nodes of size three: 1e-16 times 3^10


def discrete_density(points: int, seed: int):
    """A random positive density on ``points`` nodes: nodes, weights [points]."""
    draw = np.random.default_rng(seed)
    return np.sort(draw.uniform(-2, 2, points)), draw.uniform(0.1, 1, points)


def moments(nodes, weights, n):
    return torch.tensor([(weights * nodes**k).sum() for k in range(n)]).reshape(1, n, 1)


def test_shift_and_scale_are_those_of_the_velocities():
    nodes, weights = discrete_density(6, 0)
    u, s = torch.tensor([[0.7]], dtype=torch.float64), torch.tensor([[1.3]], dtype=torch.float64)
    got = shift_moments(scale_moments(moments(nodes, weights, 9), s), u)
    torch.testing.assert_close(got, moments(1.3 * nodes + 0.7, weights, 9), rtol=1e-13, atol=0)


def test_shift_there_and_back_is_the_identity():
    m = moments(*discrete_density(6, 1), 9)
    u = torch.tensor([[0.9]], dtype=torch.float64)
    torch.testing.assert_close(shift_moments(shift_moments(m, u), -u), m, rtol=1e-12, atol=1e-12)


def test_recurrence_of_a_gaussian_is_that_of_the_hermite_polynomials():
    m = torch.tensor([1.0, 0, 1, 0, 3, 0, 15, 0, 105], dtype=torch.float64).reshape(1, 9, 1)
    a, b = recurrence_from_moments(m)
    assert a.abs().max() == 0
    torch.testing.assert_close(b[0, :, 0], torch.arange(1.0, 5.0, dtype=torch.float64))


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_moments_and_recurrence_are_inverse_maps(n):
    """m_{i+j} = m_0 (J^i e_0).(J^j e_0) holds exactly for the Jacobi matrix of any positive density (Golub and Welsch 1969)."""
    m = moments(*discrete_density(9, n), 2 * n + 1)
    a, b = recurrence_from_moments(m)
    assert (b > 0).all()
    a = torch.cat((a, torch.full((1, 1, 1), 0.37)), 1)  # a_n does not enter the moments up to 2n
    p = jacobi_powers(a, b.sqrt())
    again = torch.stack([(p[k // 2] * p[k - k // 2]).sum(1) for k in range(2 * n + 1)], 1) * m[:, :1]
    torch.testing.assert_close(again, m, rtol=ROUND_OFF, atol=ROUND_OFF)


def test_gauss_quadrature_of_as_many_nodes_reproduces_a_discrete_density():
    """Five nodes carry ten moments: the Jacobi matrix has the nodes as eigenvalues."""
    nodes, weights = discrete_density(5, 3)
    a, b = recurrence_from_moments(moments(nodes, weights, 11))
    root = b[0, :4, 0].sqrt()
    jacobi = torch.diag(a[0, :, 0]) + torch.diag(root, 1) + torch.diag(root, -1)
    np.testing.assert_allclose(torch.linalg.eigvalsh(jacobi).numpy(), nodes, atol=1e-8)


def test_expansion_of_a_second_density_is_inverted_by_the_jacobi_powers():
    nodes, weights = discrete_density(9, 4)
    other = np.random.default_rng(5).uniform(0.1, 1, 9)
    m, h = moments(nodes, weights, 9), moments(nodes, other, 5)
    a, b = recurrence_from_moments(m)
    eta = expand(h, a, b)
    p = jacobi_powers(torch.cat((a, torch.zeros(1, 1, 1)), 1), b.sqrt())
    again = torch.stack([(vector * eta).sum(1) for vector in p], 1)
    torch.testing.assert_close(again, h, rtol=ROUND_OFF, atol=ROUND_OFF)
    assert apply_jacobi(torch.zeros(1, 5, 1), torch.ones(1, 4, 1), torch.ones(1, 5, 1)).sum() == 8
