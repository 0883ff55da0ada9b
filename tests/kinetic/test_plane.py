"""Two space dimensions: the one-dimensional solver as a special case, rotations, conservation, order, cavities."""

import numpy as np
import pytest

from knudsen.kinetic import Case, InputError, PlaneCase, Wall, gas, plane_cases, simulate, solve_plane
from knudsen.kinetic.grid import VelocityGrid
from knudsen.kinetic.plane.velocities import cartesian, polar

GASES = ("bgk_2v", "bgk_3v", "shakhov_3v", "es_bgk_3v")
ROUND_OFF = 1e-12
UNIT = (-0.5, 0.5)
WIDE = (-5e8, 5e8)  # across it nothing happens, and the time step is that of the other direction


@pytest.mark.parametrize("name", GASES)
def test_a_run_that_does_not_depend_on_y_is_the_one_dimensional_solver(name):
    """To round-off where the limiter is idle, as it is for an exponential: it acts on f(v_x, v_y) here, on its integral there."""
    the_gas, n, dv = gas(name), 60, 0.6
    x = (np.arange(n) + 0.5) * 3 / n - 1.5
    rho, T, ends = np.exp(x), np.exp(0.1 * x), ("fixed", "fixed", "periodic", "periodic")
    line = Case("exponential", (-1.5, 1.5), n, "fixed", rho, 0 * x, T, 0.1, 0.05)
    plane = PlaneCase("exponential", ((-1.5, 1.5), WIDE), (n, 2), ends, rho=rho, T=T, knudsen=0.1, t_end=0.05)
    grid = VelocityGrid((np.arange(26) - 12.5) * dv, dv)
    a = simulate(line, the_gas, transport="muscl", velocity_grid=grid)[0]
    b = simulate(plane, the_gas, transport="muscl", velocity_grid=cartesian(13 * dv, 26))[0]
    assert a.steps == b.steps > 5
    inner = slice(25, -25)  # the ends need the limiter
    for one, other in (("rho", "rho"), ("u", "u"), ("T", "T"), ("q", "qx"), ("sigma", "sigma_xx")):
        assert np.abs(getattr(b, other)[-1] - getattr(a, one)[-1])[:, inner].max() < ROUND_OFF
    assert np.abs(a.q[-1, inner]).max() > 1e-3


@pytest.mark.filterwarnings("ignore:.*rays from the corners")  # nothing happens along y
def test_walls_are_those_of_one_dimension():
    """In free flight at one temperature f stays a product of functions of v_x and v_y, which the limiter does not notice."""
    the_gas, n = gas("bgk_3v"), 20
    x = (np.arange(n) + 0.5) / n - 0.5
    rho, u, free = 1 + 0.3 * np.sin(2 * np.pi * x), 0.2 * np.cos(2 * np.pi * x), 1e9
    walls = Wall(1.0), Wall(1.0, accommodation=0.7)
    line = Case("box", UNIT, n, "walls", rho, u, 1 + 0 * x, free, 0.2, walls=walls)
    plane = PlaneCase("box", (UNIT, WIDE), (n, 2), (*walls, "periodic", "periodic"), rho=rho, u=u, knudsen=free, t_end=0.2)
    a = simulate(line, the_gas, transport="muscl", velocity_grid=VelocityGrid((np.arange(30) - 14.5) * 0.5, 0.5))[0]
    b = simulate(plane, the_gas, velocity_grid=cartesian(7.5, 30))[0]
    assert b.schemes[0] == "muscl"
    for one, other in (("rho", "rho"), ("u", "u"), ("T", "T"), ("q", "qx")):
        assert np.abs(getattr(b, other)[-1] - getattr(a, one)[-1]).max() < 10 * ROUND_OFF


def waves(n, knudsen=0.1, t_end=0.1, **sides):
    """A smooth flow without symmetry in the periodic unit square."""
    x = (np.arange(n) + 0.5) / n - 0.5
    X, Y = 2 * np.pi * x, 2 * np.pi * x[:, None]
    rho, T = 1 + 0.2 * np.sin(X + Y), 1 + 0.1 * np.cos(2 * X - Y)
    sides = sides.get("sides", ("periodic",) * 4)
    return PlaneCase("waves", (UNIT, UNIT), (n, n), sides, rho, 0.3 * np.sin(Y), 0.2 * np.cos(X), T, knudsen, t_end)


@pytest.mark.parametrize("name", ["bgk_2v", "es_bgk_3v"])
def test_turned_by_a_right_angle_it_is_the_same(name):
    """x, y -> -y, x with a wall that turns along."""
    case, the_gas = waves(8, sides=(Wall(1.5, velocity=0.2), "outflow", "periodic", "periodic")), gas(name)
    turned = PlaneCase(
        "turned", (UNIT, UNIT), (8, 8), ("periodic", "periodic", Wall(1.5, velocity=-0.2), "outflow"),
        *(np.rot90(field, -1) for field in (case.rho, -case.v, case.u, case.T)), 0.1, 0.1,
    )  # fmt: skip
    a, b = (simulate(c, the_gas, velocity_grid=polar(8.5, 16, 16))[0] for c in (case, turned))
    pairs = {"rho": "rho", "T": "T", "u": "v", "qx": "qy", "sigma_xx": "sigma_yy"}
    for one, other in pairs.items():
        assert np.abs(np.rot90(getattr(a, one)[-1], -1) - getattr(b, other)[-1]).max() < ROUND_OFF
    assert np.abs(np.rot90(a.sigma_xy[-1], -1) + b.sigma_xy[-1]).max() < ROUND_OFF


@pytest.mark.parametrize("name", ["bgk_2v", "shakhov_3v"])
def test_a_thousand_steps_conserve(name):
    """With velocities that under-resolve the gas, so that the targets need their corrections."""
    case, the_gas = waves(4, t_end=16.0), gas(name)
    with pytest.warns(UserWarning, match="under-resolve"):
        found = simulate(case, the_gas, velocity_grid=cartesian(6.0, 10))[0]
    assert found.status == "ok" and found.steps >= 1000
    energy = found.raw[:, 3] + found.raw[:, 5] + found.raw[:, 8]
    for total in (found.raw[:, 0], found.raw[:, 1], found.raw[:, 2], energy):
        assert np.ptp(total.mean((1, 2))) < 1e-12


def test_specular_walls_keep_mass_and_energy():
    case = waves(6, t_end=1.0, sides=(Wall(accommodation=0.0),) * 4)
    found = simulate(case, gas("bgk_3v"), velocity_grid=cartesian(7.0, 14))[0]
    energy = found.raw[:, 3] + found.raw[:, 5] + found.raw[:, 8]
    assert np.ptp(found.raw[:, 0].mean((1, 2))) < ROUND_OFF and np.ptp(energy.mean((1, 2))) < ROUND_OFF
    assert np.ptp(found.raw[:, 1].mean((1, 2))) > 1e-4  # walls take momentum


@pytest.mark.slow
def test_second_order_on_a_smooth_flow():
    errors, the_gas, v = [], gas("bgk_2v"), cartesian(7.0, 16)
    runs = [simulate(waves(n), the_gas, transport="muscl", velocity_grid=v)[0] for n in (16, 32, 64, 128)]
    for coarse, fine in zip(runs[:-1], runs[1:], strict=True):
        n = coarse.x.size
        errors.append(np.abs(fine.rho[-1].reshape(n, 2, n, 2).mean((1, 3)) - coarse.rho[-1]).mean())
    assert np.log2(errors[0] / errors[1]) > 1.8 and np.log2(errors[1] / errors[2]) > 1.9


def flown(n, **options):
    """Error of the density of a free flight, whose solution is f(x - v t) at every velocity."""
    case, v, t = waves(n, knudsen=1e9, t_end=0.005), cartesian(7.0, 24), 0.005
    found = simulate(case, gas("bgk_2v"), velocity_grid=v, **options)[0]
    x = case.x[:, None] - v.vx * t
    y = case.y[:, None] - v.vy * t
    X, Y = 2 * np.pi * x[None], 2 * np.pi * y[:, None]
    rho, T = 1 + 0.2 * np.sin(X + Y), 1 + 0.1 * np.cos(2 * X - Y)
    square = (v.vx - 0.3 * np.sin(Y)) ** 2 + (v.vy - 0.2 * np.cos(X)) ** 2
    exact = (v.weight * rho / (2 * np.pi * T) * np.exp(-0.5 * square / T)).sum(-1)
    assert not found.fallback
    return np.abs(found.rho[-1] - exact).mean()


@pytest.mark.parametrize(
    ("transport", "cells", "order"),
    [("muscl", (12, 24), 1.8), pytest.param("weno5", (32, 64), 4.0, marks=pytest.mark.slow)],
)
def test_order_of_transport(transport, cells, order):
    """Steps are short enough that space counts alone."""
    errors = [flown(n, transport=transport, integrator="ars443", cfl=0.3 * (20 / n) ** (2 / 3)) for n in cells]
    assert np.log2(errors[0] / errors[1]) > order


def test_thermal_cavity_of_a_shakhov_gas():
    """Cold walls at x = -1/2, 1/2 (T = 1/2), hot ones at y = -1/2, 1/2 (T = 1), Kn = 10, hard-sphere viscosity: particles solving
    the Shakhov equation, from the public data of a 2026 paper in J. Fluid Mech.; T on y = 1/4, standard error 2e-5. Here with 40
    cells, whose error is 3e-4 away from the walls."""
    x, T = (-0.4025, -0.3025, -0.2025, -0.1275), (0.673569, 0.69971, 0.717129, 0.725158)
    case = plane_cases.cavity(temperatures=(0.5, 0.5, 1.0, 1.0), cells=(40, 40), knudsen=7.9788)
    flow = solve_plane(case, gas("shakhov_3v", omega=0.5), velocities=polar(6.5, 12, 64))
    assert flow.status == "ok"
    between = 0.5 * (flow.fields["T"][29] + flow.fields["T"][30])  # y = 0.2375, 0.2625
    assert np.abs(np.interp(x, case.x, between) - T).max() < 1e-3


def test_what_the_gas_gives_the_walls_sums_to_nothing():
    """A steady flow in a box with a lid: no wall takes mass, and the work of the lid is the heat that the walls get."""
    case = plane_cases.cavity(lid=0.3, cells=(8, 6), knudsen=0.5, temperatures=(1.0, 1.2, 0.9, 1.0))
    flow = solve_plane(case, gas("es_bgk_3v"), velocities=polar(7.5, 12, 16), tolerance=1e-10)
    assert flow.status == "ok"
    total = {key: sum(wall[key] for wall in flow.walls.values()) for key in ("mass", "force_x", "force_y", "energy")}
    assert max(abs(value) for value in total.values()) < 1e-8
    assert flow.walls["top"]["force_x"] < -0.01  # the gas holds the lid back
    assert abs(flow.fields["rho"].mean() - 1) < ROUND_OFF


def test_the_coarse_grid_changes_the_way_and_not_the_result():
    case = plane_cases.cavity(lid=0.2, temperatures=(1.0, 1.0, 1.0, 1.2), cells=(16, 24), knudsen=0.05)
    the_gas, v = gas("bgk_2v"), polar(7.5, 12, 32)
    plain, fast = (solve_plane(case, the_gas, velocities=v, tolerance=1e-9, acceleration=a) for a in (False, True))
    assert plain.status == fast.status == "ok"
    assert 8 * fast.iterations < plain.iterations
    for name, field in plain.fields.items():
        assert np.abs(fast.fields[name] - field).max() < 1e-7  # what is left of 1e-9 after the slowest mode


@pytest.mark.slow
def test_marched_long_enough_a_flow_is_the_steady_one():
    """The two schemes differ by the limiter; what they make of the whole flow comes together as the cells shrink."""
    differences, v = [], polar(7.0, 12, 32)
    for n in (6, 12, 24):
        options = {"temperatures": (0.8, 1.0, 1.2, 1.0), "lid": 0.2, "cells": (n, n), "knudsen": 0.3}
        steady = solve_plane(plane_cases.cavity(**options), gas("bgk_2v"), velocities=v).fields
        marched = simulate(plane_cases.cavity(steady=False, t_end=8.0, **options), gas("bgk_2v"), velocity_grid=v, cfl=0.9)[0]
        means = [
            [f["T"].mean(), f["qx"].mean(), f["u"][n // 2 :].mean()] for f in (steady, {k: marched.fields[k][-1] for k in steady})
        ]
        differences.append(np.abs(np.subtract(*means)))
    assert (differences[2] < 0.6 * differences[1]).all() and (differences[2] < [2e-5, 3e-5, 1e-4]).all()


def test_few_velocities_are_warned_about():
    cavity = plane_cases.cavity(cells=(4, 4), knudsen=5.0, temperatures=(1.0, 1.0, 1.0, 1.1))
    with pytest.warns(UserWarning, match="rays from the corners"):
        solve_plane(cavity, gas("bgk_2v", velocity_points=24))
    free = plane_cases.wave2d(seed=1, cells=(8, 8), knudsen=10.0, t_end=2.0)
    with pytest.warns(UserWarning, match="too few for so long a free flight"):
        simulate(free, gas("bgk_2v", velocity_points=24))


@pytest.mark.slow
def test_vortices_decay_by_the_viscosity():
    """Taylor and Green: exp(-2 k^2 mu t), mu = eps; the start needs a moment to find its stress."""
    case = plane_cases.taylor_green(cells=(48, 48), knudsen=0.005, t_end=0.2, save_times=(0.1,))
    found = simulate(case, gas("bgk_2v"), velocity_grid=cartesian(6.3, 18))[0]
    left = [(u * case.u).sum() for u in found.u[1:]]
    assert np.log(left[0] / left[1]) / 0.1 == pytest.approx(2 * (2 * np.pi) ** 2 * case.knudsen, rel=5e-3)


def test_four_quadrants_lie_as_they_are_counted():
    states = [[1.0, 0, 0, 1], [2.0, 0, 0, 1], [3.0, 0, 0, 1], [4.0, 0, 0, 1]]
    assert plane_cases.riemann2d(states=states, cells=(2, 2)).rho.tolist() == [[3, 4], [2, 1]]  # y from below


def test_what_cannot_be_solved_is_refused():
    cavity = plane_cases.cavity(cells=(4, 4))
    with pytest.raises(InputError, match="gas=bgk_1v"):
        solve_plane(cavity, gas("bgk_1v"))
    with pytest.raises(InputError, match="even number"):
        solve_plane(cavity, gas("bgk_3v", velocity_points=9))
    with pytest.raises(InputError, match="left side is no diffuse wall"):
        solve_plane(waves(4), gas("bgk_3v"))
    with pytest.raises(InputError, match=r"case\.temperatures"):
        plane_cases.cavity(temperatures=(1.0, 1.0))
    with pytest.raises(InputError, match=r"case\.cells"):
        plane_cases.cavity(cells=64)
    with pytest.raises(InputError, match=r"case\.sides"):
        PlaneCase("half", (UNIT, UNIT), (4, 4), ("periodic", "outflow", "outflow", "outflow"))
