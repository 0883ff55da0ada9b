"""The fused kernel and a plain NumPy implementation of the same scheme are the same to round-off."""

from dataclasses import replace

import numpy as np
import pytest
from numpy_scheme import step

from knudsen.kinetic import Wall, cases, gas, simulate
from knudsen.kinetic.run import INTEGRATORS
from knudsen.kinetic.simulation import TRANSPORTS
from knudsen.solvers.integrators import Tableau

# per step and operation 1e-16; 20 steps of about 100 operations, and limiters that may switch on the last digit
ROUND_OFF = 1e-12


@pytest.mark.parametrize("omega", [None, 0.81])
@pytest.mark.parametrize("name", ["bgk_1v", "bgk_2v", "bgk_3v"])
@pytest.mark.parametrize("integrator", INTEGRATORS)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_kernel_is_the_scheme(transport, integrator, name, omega):
    the_gas = gas(name, omega=omega, velocity_points=43)
    case = cases.transition(5, cells=20, fine=100, t_end=0.06)  # wave or mix data, a field of Knudsen numbers from 2e-3 to 8
    solved = simulate(case, the_gas, transport=transport, integrator=integrator, keep_f=True)[0]
    f, grid = solved.f[0], solved.grid
    for _ in range(solved.steps):
        f = step(
            f, grid.v, grid.dv, case.dx, case.t_end / solved.steps, case.knudsen, the_gas, INTEGRATORS[integrator], transport
        )
    assert solved.steps > 10
    np.testing.assert_allclose(solved.f[-1], f, rtol=0, atol=ROUND_OFF * f.max())


@pytest.mark.parametrize("name", ["bgk_1v", "es_bgk_3v"])
@pytest.mark.parametrize("cells", [20, 21])
def test_an_odd_number_of_stages(monkeypatch, cells, name):
    """Forward-backward Euler, ARS(1,1,1): the kernel goes to and fro between two arrays, and must end in the first."""
    euler = Tableau(((), (1.0,)), ((0.0,), (0.0, 1.0)), 1, "Ascher, Ruuth, Spiteri 1997, sec. 2.1")
    monkeypatch.setitem(INTEGRATORS, "ars111", euler)
    the_gas, case = gas(name, velocity_points=43), cases.wave(5, cells=cells, fine=420, knudsen=0.1, t_end=0.06)
    solved = simulate(case, the_gas, transport="muscl", integrator="ars111", keep_f=True)[0]
    f = solved.f[0]
    for _ in range(solved.steps):
        f = step(f, solved.grid.v, solved.grid.dv, case.dx, case.t_end / solved.steps, case.knudsen, the_gas, euler, "muscl")
    assert solved.steps % 2 == (cells == 20)  # an odd and an even number of steps
    np.testing.assert_allclose(solved.f[-1], f, rtol=0, atol=(ROUND_OFF if name == "bgk_1v" else 1e-8) * f.max())


@pytest.mark.parametrize("name", ["shakhov_3v", "es_bgk_3v"])
@pytest.mark.parametrize("integrator", INTEGRATORS)
def test_kernel_is_the_scheme_of_other_models(integrator, name):
    """The continuous target in place of the discrete one: they differ by quadrature errors of moments up to z^6, below 1e-8."""
    the_gas = gas(name, omega=0.81, velocity_points=60)
    case = cases.transition(5, cells=20, fine=100, t_end=0.06)
    solved = simulate(case, the_gas, transport="muscl", integrator=integrator, keep_f=True)[0]
    f, grid = solved.f[0], solved.grid
    for _ in range(solved.steps):
        f = step(f, grid.v, grid.dv, case.dx, case.t_end / solved.steps, case.knudsen, the_gas, INTEGRATORS[integrator], "muscl")
    np.testing.assert_allclose(solved.f[-1], f, rtol=0, atol=1e-8 * f.max())


@pytest.mark.parametrize("name", ["bgk_1v", "bgk_2v", "shakhov_3v"])
def test_result_does_not_depend_on_the_number_of_workers(name):
    several = [cases.mix(seed, cells=50, fine=100) for seed in range(5)]
    if name == "shakhov_3v":
        wall = Wall(1.2, 0.5, 0.8)
        several = [replace(case, boundary="walls", walls=(wall, wall)) for case in several]
    one, three = (simulate(several, gas(name, velocity_points=60), workers=workers) for workers in (1, 3))
    for a, b in zip(one, three, strict=True):
        np.testing.assert_allclose(a.G, b.G, rtol=0, atol=1e-12 * abs(a.G).max())
        assert name == "bgk_1v" or abs(a.H - b.H).max() <= 1e-12 * abs(a.H).max()
