"""Space-homogeneous relaxation: exact solutions, H theorem, relaxation rates, invariants, bad input."""

import numpy as np
import pytest

from knudsen.kinetic import Case, InputError, gas
from knudsen.kinetic.homogeneous import (
    bkw,
    bkw_distribution,
    entropy,
    from_case,
    grid_of_states,
    invariants,
    mean_rate,
    relax,
)
from knudsen.kinetic.spectral import VelocityGridND

MIXTURE = {"rho": [[0.6], [0.4]], "u": [[-0.8], [1.2]], "T": [[0.7], [1.3]]}  # with stress and heat flux


def mixture(t_end=2.0, save_times=(), cells=1, **changes):
    """A sum of two Maxwellians, the same in all cells."""
    state = {key: np.repeat(value, cells, axis=1) for key, value in (MIXTURE | changes).items()}
    return Case("mixture", (0.0, 1.0), 1, "periodic", **state, knudsen=1.0, t_end=t_end, save_times=save_times)


@pytest.mark.parametrize(("dims", "t"), [(2, 0.0), (2, 3.0), (3, 5.5), (3, 8.0)])
def test_moments_of_the_bkw_solution(dims, t):
    """Density and temperature 1; fourth and sixth moments K (2 - K) and K^2 (3 - 2K) of the Maxwellian's, which solve the
    moment equations of Maxwell molecules."""
    K = 1 - 0.5 * np.exp(-t / 8) if dims == 2 else 1 - np.exp(-t / 6)
    grid = VelocityGridND.cube(dims, 48, 9.0)
    f, v2 = bkw_distribution(grid, t), sum(v**2 for v in grid.mesh())
    equilibrium = {1: dims, 2: dims * (dims + 2), 3: dims * (dims + 2) * (dims + 4)}
    moments = [grid.integral(f * v2**n) / equilibrium[n] for n in (1, 2, 3)]
    assert grid.integral(f) == pytest.approx(1, abs=1e-12)
    assert moments == pytest.approx([1, K * (2 - K), K**2 * (3 - 2 * K)], abs=1e-10)


@pytest.mark.parametrize(
    ("name", "points", "most"), [("maxwell_2v", None, 1e-6), ("maxwell_3v", None, 1e-6), ("maxwell_3v", 16, 1.5e-3)]
)
def test_bkw_is_followed(name, points, most):
    """By default to 1e-6; 16 points per coordinate do as well as 32 of a published fast spectral method (1.54e-3)."""
    the_gas = gas(name, velocity_points=points)
    case = bkw(the_gas, save_times=[6.0])
    solution = relax(case, the_gas)
    assert solution.t.tolist() == [case.t_start, 6.0, 6.5]
    for t, f in zip(solution.t, solution.f):
        assert solution.grid.integral(abs(f - case.exact(solution.grid, t))) < most


def test_knudsen_number_scales_time():
    slow, fast = (relax(bkw(gas("maxwell_2v"), knudsen=eps, t_end=2.0 * eps), gas("maxwell_2v")) for eps in (1.0, 0.1))
    assert fast.f[-1] == pytest.approx(slow.f[-1], abs=1e-8)


@pytest.mark.parametrize("name", ["maxwell_2v", "maxwell_3v", "hard_sphere_3v", "es_bgk_3v", "bgk_3v"])
def test_entropy_never_increases_and_invariants_stay(name):
    the_gas = gas(name, velocity_points=24)
    times = np.linspace(0.1, 2.0, 20)
    solution = relax(from_case(mixture(save_times=times), the_gas), the_gas)
    assert (np.diff(solution.entropy) < 0).all()
    drift = abs(solution.invariants - solution.invariants[0]).max()
    assert drift < 1e-12 * solution.invariants[0, -1]


@pytest.mark.parametrize(("name", "rates"), [("maxwell_2v", (1 / 2, 1 / 4)), ("maxwell_3v", (1 / 2, 1 / 3))])
def test_stress_and_heat_flux_of_a_mixture_decay_at_the_exact_rates(name, rates):
    the_gas = gas(name, velocity_points=28)
    solution = relax(from_case(mixture(), the_gas), the_gas)
    assert mean_rate(solution.t, solution.stress) == pytest.approx(rates[0], rel=1e-3)
    assert mean_rate(solution.t, solution.heat_flux) == pytest.approx(rates[1], rel=1e-3)


@pytest.mark.parametrize(("name", "prandtl"), [("shakhov_3v", 2 / 3), ("es_bgk_3v", 2 / 3), ("bgk_3v", 1.0), ("bgk_2v", 1.0)])
def test_relaxation_models_decay_at_nu_and_prandtl_nu(name, prandtl):
    the_gas = gas(name, velocity_points=24)
    solution = relax(from_case(mixture(), the_gas), the_gas)
    assert mean_rate(solution.t, solution.stress) == pytest.approx(1.0, rel=1e-4)
    assert mean_rate(solution.t, solution.heat_flux) == pytest.approx(prandtl, rel=1e-4)


@pytest.mark.parametrize("name", ["bgk_1v", "bgk_2v", "bgk_3v"])
def test_bgk_is_followed(name):
    """f = M + (f0 - M) exp(-nu t)."""
    the_gas = gas(name)
    case = from_case(mixture(), the_gas)
    solution = relax(case, the_gas)
    assert solution.grid.integral(abs(solution.f[-1] - case.exact(solution.grid, 2.0))) < 1e-7


def test_cells_are_averaged():
    """f of several cells is their mean: of equal cells that of one, of two cells a mixture."""
    the_gas = gas("maxwell_2v")
    one, three = from_case(mixture(), the_gas), from_case(mixture(cells=3), the_gas)
    grid = grid_of_states(the_gas, one.u, one.T)
    assert three.distribution(grid) == pytest.approx(one.distribution(grid), rel=1e-13)
    two_cells = {"rho": [[1.2, 0.8]], "u": [[-0.8, 1.2]], "T": [[0.7, 1.3]]}
    assert from_case(mixture(**two_cells), the_gas).distribution(grid) == pytest.approx(one.distribution(grid), rel=1e-13)


def test_grid_of_states_holds_its_gas():
    """Density, momentum and energy of the mixture to the level of the cut, 7e-10 of the density's scale (times v^2)."""
    for name in ("bgk_1v", "maxwell_2v", "maxwell_3v"):
        the_gas = gas(name)
        case = from_case(mixture(), the_gas)
        grid = grid_of_states(the_gas, case.u, case.T)
        assert len({round(h, 12) for h in grid.dv}) == 1
        found = invariants(grid, case.distribution(grid))
        energy = 0.5 * (0.6 * (0.64 + the_gas.dims * 0.7) + 0.4 * (1.44 + the_gas.dims * 1.3))
        exact = [1.0, 0.0, *[0.0] * (the_gas.dims - 1), energy]
        assert found == pytest.approx(exact, abs=1e-7)


def test_entropy_of_a_maxwellian():
    """-rho (ln((2 pi T)^(D/2)/rho) + D/2)."""
    grid = VelocityGridND.cube(3, 32, 8.0)
    M = grid.maxwellian(0.7, np.zeros(3), 1.2)
    assert entropy(grid, M) == pytest.approx(-0.7 * (1.5 * np.log(2 * np.pi * 1.2) - np.log(0.7) + 1.5), rel=1e-10)


@pytest.mark.parametrize(
    ("name", "options", "named"),
    [
        ("bgk_2v", {}, "gas=bgk_2v"),
        ("hard_sphere_3v", {}, "gas=hard_sphere_3v"),
        ("maxwell_3v", {"t_end": 5.0}, r"case\.t_end=5\.0"),
        ("maxwell_2v", {"t_end": "long"}, r"case\.t_end"),
        ("maxwell_2v", {"save_times": [7.0]}, r"case\.save_times"),
        ("maxwell_2v", {"save_times": ["a"]}, r"case\.save_times"),
        ("maxwell_2v", {"knudsen": -1.0}, r"case\.knudsen"),
    ],
)
def test_bad_bkw_input_is_refused_by_name(name, options, named):
    with pytest.raises(InputError, match=named):
        bkw(gas(name), **options)


def test_bad_grids_and_fields_are_refused_by_name():
    with pytest.raises(InputError, match=r"gas\.velocity_bounds"):
        grid_of_states(gas("maxwell_2v", velocity_bounds=(-1.0, 1.0)), [1.5], [1.0])
    with pytest.raises(InputError, match=r"gas\.velocity_points"):
        grid_of_states(gas("maxwell_3v"), [0.0, 0.0], [1.0, 1e-4])
    case = Case("field", (0.0, 1.0), 2, "periodic", [1.0, 1.0], [0.0, 0.0], [1.0, 1.0], [0.1, 0.2], 1.0)
    with pytest.raises(InputError, match=r"case\.knudsen"):
        from_case(case, gas("maxwell_2v"))
