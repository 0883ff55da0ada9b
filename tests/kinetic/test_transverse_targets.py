"""Targets of the models between walls: against the models' own (g, h), and against quadrature over the transverse velocities."""

from itertools import product

import numpy as np
import pytest
from numpy.polynomial.hermite_e import hermegauss

from knudsen.kinetic import gas, transverse
from knudsen.kinetic.characteristics import Mesh, Slab, Sweep

V = np.linspace(-4, 4, 9)
RHO, U, T = 1.3, 0.4, 0.9
STATE = {"q": 0.07, "q_y": -0.05, "sigma": 0.11, "sigma_xy": -0.08, "sigma_yy": 0.03}
NODES, WEIGHTS = hermegauss(16)


def fields(the_gas, u=U):
    values = {"rho": RHO, "u_y": u, "T": T} | STATE
    return np.array([[values[transverse.FIELDS[i]]] for i in transverse.carried(the_gas)])


@pytest.mark.parametrize("name", ["bgk_2v", "bgk_3v", "shakhov_3v", "es_bgk_3v"])
def test_without_motion_along_the_wall_they_are_the_models(name):
    the_gas = gas(name)
    phi = transverse.target(the_gas, fields(the_gas, u=0.0), V[:, None])[..., 0]
    g, h = the_gas.model.target(RHO, 0.0, T, STATE["sigma"], STATE["q"], V, the_gas.dims, the_gas.prandtl)
    if name.startswith("es"):  # shear stress makes v_perp larger at large v_x: without it
        still = fields(the_gas, u=0.0)
        still[4] = 0.0
        phi = transverse.target(the_gas, still, V[:, None])[..., 0]
    np.testing.assert_allclose(phi[0], g, rtol=1e-13)
    np.testing.assert_allclose(phi[2] + phi[3], h, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ["bgk_3v", "shakhov_3v", "es_bgk_3v"])
def test_moments_over_the_transverse_velocities(name):
    """Gauss-Hermite quadrature of the three-dimensional target, exact for a Gaussian times a polynomial."""
    the_gas = gas(name)
    pr, q, q_y = the_gas.prandtl, STATE["q"], STATE["q_y"]
    share = 1 - 1 / pr if name.startswith("es") else 0.0
    Lambda = np.diag([T, T, T]) + share / RHO * np.array(
        [[0.11, -0.08, 0], [-0.08, 0.03, 0], [0, 0, -0.14]]  # STATE's stress, free of trace
    )
    inverse = np.linalg.inv(Lambda)
    expected = np.zeros((5, V.size))
    for (y, wy), (z, wz) in product(zip(NODES, WEIGHTS), zip(NODES, WEIGHTS)):
        c = np.stack([V, np.full_like(V, y), np.full_like(V, z)])
        f = RHO / np.sqrt((2 * np.pi) ** 3 * np.linalg.det(Lambda)) * np.exp(-0.5 * np.einsum("ik,ij,jk->k", c, inverse, c))
        if name.startswith("shakhov"):
            f = f * (1 + (1 - pr) * (q * c[0] + q_y * c[1]) / (5 * RHO * T**2) * ((c**2).sum(0) / T - 5))
        f = f * wy * wz * np.exp(0.5 * (y**2 + z**2))
        vy, vz = U + c[1], c[2]
        expected += f * np.stack([np.ones_like(V), vy, vy**2, vz**2, vy * (vy**2 + vz**2)])
    phi = transverse.target(the_gas, fields(the_gas), V[:, None])[..., 0]
    np.testing.assert_allclose(phi, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", ["bgk_2v", "bgk_3v", "shakhov_3v", "es_bgk_3v"])
def test_fields_of_the_target(name):
    """Density, velocity, temperature are the state's; ES-BGK keeps 1 - 1/Pr of the stress, Shakhov 1 - Pr of the heat flux."""
    the_gas = gas(name)
    v, dv = np.linspace(-12, 12, 241, retstep=True)
    phi = transverse.target(the_gas, fields(the_gas), v[:, None])
    raw = np.tensordot(transverse.rows(v, dv), phi, 2)
    out = dict(zip(transverse.FIELDS, transverse.fields(raw, the_gas.dims)[:, 0], strict=True))
    assert (out["rho"], out["u_y"], out["T"]) == pytest.approx((RHO, U, T), rel=1e-12)
    stress = 1 - 1 / the_gas.prandtl if name.startswith("es") else 0.0
    heat = 1 - the_gas.prandtl if name.startswith("shakhov") else 0.0
    for key, value in STATE.items():
        assert out[key] == pytest.approx((stress if key.startswith("sigma") else heat) * value, abs=1e-12), key


def test_slab_is_the_sweep_between_absorbing_walls():
    mesh, speed = Mesh.towards_ends(3.0, 1e-2, 2.0), np.array([0.01, 0.3, 1.0, 4.0])
    draw = np.random.default_rng(0)
    source, emission = draw.random((2, 4, mesh.s.size)), draw.random((2, 4))
    g = Slab(mesh, speed, (0.0, 0.0))(source[None], emission[None])[0]
    v = np.concatenate([speed, -speed])
    ends = [np.concatenate([emission[0], 0 * speed]), np.concatenate([0 * speed, emission[1]])]
    swept = Sweep(mesh, v)(np.concatenate(source).T, *ends).T.reshape(g.shape)
    np.testing.assert_allclose(g, swept, rtol=1e-11, atol=1e-13)


def test_specular_walls_reflect():
    """What leaves a wall is its emission and the reflected share of what arrives there."""
    mesh, speed, r = Mesh.towards_ends(0.7, 1e-2, 2.0), np.array([0.1, 1.0, 5.0]), (0.3, 0.9)
    draw = np.random.default_rng(1)
    source, emission = draw.random((1, 2, 3, mesh.s.size)), draw.random((1, 2, 3))
    g = Slab(mesh, speed, r)(source, emission)[0]
    np.testing.assert_allclose(g[0, :, 0], emission[0, 0] + r[0] * g[1, :, 0], rtol=1e-12)
    np.testing.assert_allclose(g[1, :, -1], emission[0, 1] + r[1] * g[0, :, -1], rtol=1e-12)
