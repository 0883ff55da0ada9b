"""The Boltzmann collision integral on a velocity grid: exact solutions, known rates, symmetries, conservation."""

import numpy as np
import pytest
from scipy.integrate import simpson

from knudsen.kinetic import InputError, gas
from knudsen.kinetic.homogeneous import HomogeneousCase, bkw_distribution, relax
from knudsen.kinetic.spectral import VelocityGridND, operator

GASES = ("maxwell_2v", "maxwell_3v", "hard_sphere_3v")


def matched(dims, points, T=1.0):
    """The cube on which a Maxwellian and its Fourier transform end at the same level, exp(-pi points / 4)."""
    return VelocityGridND.cube(dims, points, np.sqrt(np.pi * points * T / 2))


def mixture(grid):
    """Two Maxwellians, apart along x, and a third that breaks every reflection."""
    u = np.zeros((3, grid.dims))
    u[0, 0], u[1, 0], u[2, -1] = 0.5, -0.6, 0.3
    return sum(grid.maxwellian(rho, one, T) for rho, one, T in zip((0.6, 0.4, 0.3), u, (0.6, 0.9, 0.7)))


def linearised(name, points, shape, conserve=False):
    """-int shape L[M shape] / int M shape^2, L the linearised collision operator."""
    the_gas = gas(name)
    grid = matched(the_gas.dims, points)
    M, phi, step = grid.maxwellian(1.0, np.zeros(grid.dims), 1.0), shape(grid.mesh()), 1e-3
    Q = operator(the_gas, grid, conserve=conserve)
    change = (Q(M * (1 + step * phi)) - Q(M * (1 - step * phi))) / (2 * step)
    return -grid.integral(change * phi) / grid.integral(M * phi**2)


def stress(c):
    return c[0] ** 2 - c[1] ** 2 + 0 * c[-1]


def heat_flux(c):
    return c[0] * (sum(a**2 for a in c) - (len(c) + 2))


@pytest.mark.parametrize(("dims", "t", "T"), [(2, 0.0, 0.5), (3, 5.5, 0.64)])
def test_bkw_converges_spectrally(dims, t, T):
    """Q(f) against df/dt of the exact solution (a complex step); T is the width of f's Gaussian."""
    errors = []
    for points in (12, 16, 20, 24):
        grid = matched(dims, points, T)
        exact = bkw_distribution(grid, t + 1e-30j).imag / 1e-30
        Q = operator(gas(f"maxwell_{dims}v"), grid)(bkw_distribution(grid, t))
        errors.append(grid.integral(abs(Q - exact)) / grid.integral(abs(exact)))
    assert errors[-1] < 5e-5
    assert all(fine < coarse / 4 for coarse, fine in zip(errors, errors[1:]))  # exp(-pi N/4) is 1/23 for four points more


@pytest.mark.parametrize(
    ("dims", "shape", "rate"), [(2, stress, 1 / 2), (2, heat_flux, 1 / 4), (3, stress, 1 / 2), (3, heat_flux, 1 / 3)]
)
def test_rates_of_maxwell_molecules(dims, shape, rate):
    """Stress and heat flux are eigenfunctions (physics.md, section 1; in D = 3 Pr = 2/3)."""
    assert linearised(f"maxwell_{dims}v", 24, shape) == pytest.approx(rate, rel=1e-4)


@pytest.mark.parametrize(("shape", "factor"), [(stress, 1.0), (heat_flux, 2 / 3)])
def test_first_sonine_rates_of_hard_spheres(shape, factor):
    """The diagonal collision brackets: rate of the stress by its formula, of the heat flux 2/3 of it
    (S. Chapman, T. G. Cowling, The Mathematical Theory of Non-uniform Gases, section 10.2)."""
    the_gas = gas("hard_sphere_3v")
    assert linearised("hard_sphere_3v", 20, shape) == pytest.approx(factor * the_gas.model.stress_rate(3, 0.5), rel=1e-3)


@pytest.mark.parametrize(
    ("shape", "factor", "infinite"), [(stress, 1.0, 1.016034), (heat_flux, 2 / 3, 1.025218)], ids=["viscosity", "conductivity"]
)
def test_transport_coefficients_of_hard_spheres_to_infinite_order(shape, factor, infinite):
    """Time integral of the decaying flux of M (1 + small shape) (Green and Kubo), over that of the first Sonine approximation.

    Source of the factors: S. K. Loyalka, E. L. Tipton, R. V. Tompson, Physica A 379, 417 (2007), doi:10.1016/j.physa.2006.12.001.
    """
    the_gas, grid, small = gas("hard_sphere_3v"), matched(3, 20), 1e-3
    rate = factor * the_gas.model.stress_rate(3, 0.5)
    M, phi = grid.maxwellian(1.0, np.zeros(3), 1.0), shape(grid.mesh())
    times = np.linspace(0, 15 / rate, 241)
    Q = operator(the_gas, grid, equilibrium=True)
    case = HomogeneousCase(
        "decay", lambda _: M * (1 + small * phi), np.zeros(1), np.ones(1), 1.0, 0.0, times[-1], tuple(times[1:])
    )
    solution = relax(case, the_gas, grid=grid, operator=Q, rtol=1e-7)
    flux = grid.integral(solution.f * phi)
    assert rate * simpson(flux / flux[0], x=times) == pytest.approx(infinite, rel=2e-4)


@pytest.mark.parametrize("name", GASES)
@pytest.mark.parametrize("equilibrium", [False, True])
def test_mass_momentum_energy_are_conserved_to_round_off(name, equilibrium):
    the_gas = gas(name)
    grid = VelocityGridND.cube(the_gas.dims, 12, 4.0)
    rough = mixture(grid) * np.random.default_rng(0).uniform(0.5, 1.5, grid.points)
    Q = operator(the_gas, grid, equilibrium=equilibrium)(rough)
    for invariant in (1.0, *grid.mesh(), sum(v**2 for v in grid.mesh())):
        assert abs(grid.integral(Q * invariant)) < 1e-13 * grid.integral(abs(Q) * abs(invariant))


@pytest.mark.parametrize("name", GASES)
def test_maxwellians_are_equilibria(name):
    """To the level at which the Maxwellian leaves the grid, and with ``equilibrium`` to its square and better."""
    grid = matched(gas(name).dims, 20)
    M = grid.maxwellian(1.0, np.zeros(grid.dims), 1.0)
    loss = grid.integral(M * operator(gas(name), grid).frequency(M[None])[0])
    level = np.exp(-np.pi * 20 / 4)  # 1.5e-7 of the largest value, times the volume that it leaves on
    assert grid.integral(abs(operator(gas(name), grid)(M))) < 50 * level * loss
    assert grid.integral(abs(operator(gas(name), grid, equilibrium=True)(M))) < 10 * level * loss


@pytest.mark.parametrize("name", GASES)
def test_difference_to_equilibrium_is_the_bilinear_form(name):
    """Q(f) - Q(M) = Q(f - M, f + M)."""
    grid = matched(gas(name).dims, 16, 0.8)
    f = mixture(grid)
    M = grid.maxwellian(*grid.moments(f))
    plain = operator(gas(name), grid, conserve=False)
    bilinear = operator(gas(name), grid, conserve=False, equilibrium=True)
    assert bilinear(f) == pytest.approx(plain(f) - plain(M), abs=1e-13)


@pytest.mark.parametrize("name", GASES)
def test_rotation_by_90_degrees_reflection_and_galilean_shift(name):
    grid = matched(gas(name).dims, 16, 0.6)
    Q, f = operator(gas(name), grid), mixture(grid)
    change = Q(f)
    assert Q(f.swapaxes(0, 1)) == pytest.approx(change.swapaxes(0, 1), abs=1e-13)
    assert Q(f[::-1]) == pytest.approx(change[::-1], abs=1e-13)
    turned = np.rot90(f)
    assert Q(turned) == pytest.approx(np.rot90(change), abs=1e-13)
    wide = VelocityGridND.cube(gas(name).dims, 20, 6.5)  # f at its bounds is 1e-8 of its largest value
    Q, f = operator(gas(name), wide, conserve=False), mixture(wide)
    change = Q(f)
    assert Q(np.roll(f, 1, axis=0)) == pytest.approx(np.roll(change, 1, axis=0), abs=1e-8 * abs(change).max())


@pytest.mark.parametrize("name", GASES)
def test_even_distributions_on_half_the_transverse_axes(name):
    dims = gas(name).dims
    whole = VelocityGridND((24,) + (20,) * (dims - 1), ((-5.5, 6.5),) + ((-5.0, 5.0),) * (dims - 1))
    half = VelocityGridND((24,) + (10,) * (dims - 1), ((-5.5, 6.5),) + ((0.0, 5.0),) * (dims - 1), even=True)
    u = np.zeros(dims)
    f, f_half = (g.maxwellian(0.6, u, 0.5) + g.maxwellian(0.4, u + np.eye(dims)[0], 0.4) for g in (whole, half))
    assert half.integral(f_half) == pytest.approx(whole.integral(f), rel=1e-14)
    upper = (slice(None),) + (slice(10, None),) * (dims - 1)
    Q = operator(gas(name), whole)(f)
    # not to round-off: the last sine of a transverse axis has no place among the cosines, and tails wrap around
    assert operator(gas(name), half)(f_half) == pytest.approx(Q[upper], abs=2e-6 * abs(Q).max())


def test_coordinates_may_have_their_own_points_and_spacing():
    """The stress rate on a grid with three spacings and centres."""
    the_gas = gas("maxwell_3v")
    grid = VelocityGridND((20, 24, 22), ((-5.3, 5.9), (-6.0, 6.0), (-6.2, 5.6)))
    M, phi = grid.maxwellian(1.0, np.zeros(3), 1.0), stress(grid.mesh())
    Q = operator(the_gas, grid, conserve=False)
    change = (Q(M * (1 + 1e-3 * phi)) - Q(M * (1 - 1e-3 * phi))) / 2e-3
    assert -grid.integral(change * phi) / grid.integral(M * phi**2) == pytest.approx(0.5, rel=1e-4)


def test_batches_are_their_cells(monkeypatch):
    from knudsen.kinetic.spectral import boltzmann

    monkeypatch.setattr(boltzmann, "MEMORY", 1)  # blocks of one cell
    grid = matched(2, 12)
    Q, f = operator(gas("maxwell_2v"), grid), mixture(grid)
    monkeypatch.undo()
    batch = np.stack([f, 2 * f, f[::-1], f**2]).reshape(2, 2, *grid.points)
    assert Q.block == 1
    assert Q(batch) == pytest.approx(operator(gas("maxwell_2v"), grid)(batch), abs=1e-15)
    assert Q(batch)[0, 1] == pytest.approx(4 * Q(f), abs=1e-14)


@pytest.mark.parametrize("name", GASES)
def test_grid_scale_noise_gains_less_than_it_loses(name):
    """The gain of modes at the end of the spectrum must be small, as the integral smooths: else they would grow in time."""
    grid = matched(gas(name).dims, 16)
    k = np.meshgrid(*(np.fft.fftfreq(n) for n in grid.points), indexing="ij")
    noise = np.random.default_rng(1).standard_normal(grid.points)
    noise = np.fft.ifftn(np.fft.fftn(noise) * (sum(a**2 for a in k) > 0.4**2)).real
    M, Q = grid.maxwellian(1.0, np.zeros(grid.dims), 1.0), operator(gas(name), grid, conserve=False)
    gain = 2 * Q.gain(M[None], noise[None])[0]
    assert np.linalg.norm(gain) < 0.3 * np.linalg.norm(noise * Q.frequency(M[None])[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["maxwell_3v", "hard_sphere_3v"])
def test_against_direct_quadrature(name):
    """Q of a mixture, interpolated, against the five-fold integral with 48 x 24 x 16 x 24 x 16 nodes at three velocities."""
    the_gas = gas(name)
    alpha = 2 * (1 - the_gas.omega)
    parts = ((0.6, 0.5, 0.6), (0.4, -0.6, 0.9))  # rho, u along x, T

    def f(v):
        return sum(
            rho / (2 * np.pi * T) ** 1.5 * np.exp(-(((v[0] - u) ** 2 + v[1] ** 2 + v[2] ** 2) / (2 * T))) for rho, u, T in parts
        )

    def sphere(polar, around):
        x, w = np.polynomial.legendre.leggauss(polar)
        angle = 2 * np.pi * (np.arange(around) + 0.5) / around
        y = np.sqrt(1 - x**2)
        points = np.stack([np.repeat(x, around), np.outer(y, np.cos(angle)).ravel(), np.outer(y, np.sin(angle)).ravel()])
        return points, np.repeat(w, around) * 2 * np.pi / around

    x, w = np.polynomial.legendre.leggauss(48)
    r, w = 6.0 * (x + 1), 6.0 * w
    g, w_g = sphere(24, 16)
    s, w_s = sphere(24, 16)

    def direct(v):
        v, total = np.array(v), 0.0
        for radius, weight in zip(r, w):
            centre = v[:, None, None] - 0.5 * radius * g[:, :, None]
            half = 0.5 * radius * s[:, None, :]
            gain = w_g @ (f(centre + half) * f(centre - half)) @ w_s / (4 * np.pi)
            loss = w_g @ (f(v) * f(v[:, None] - radius * g))
            total += weight * radius ** (2 + alpha) * (gain - loss)
        return total

    errors = []
    for points in (16, 24, 32):
        grid = matched(3, points, 0.9)
        distribution = sum(grid.maxwellian(rho, [u, 0, 0], T) for rho, u, T in parts)
        Q = operator(the_gas, grid)(distribution)
        near = [tuple(points // 2 + i for i in offset) for offset in ((0, 0, 0), (1, 2, 0), (-3, 1, 1))]
        exact = [direct([axis[i] for axis, i in zip(grid.v, at)]) for at in near]
        errors.append(max(abs(Q[at] - value) for at, value in zip(near, exact)) / abs(Q).max())
    assert errors[-1] < 3e-6
    assert all(fine < coarse / 10 for coarse, fine in zip(errors, errors[1:]))


@pytest.mark.parametrize(
    ("points", "bounds", "named"),
    [
        ((8, 8), ((-1, 1),), "velocity_points"),
        ((3, 8), ((-1, 1), (-1, 1)), "velocity_points"),
        ((8, 8), ((-1, 1), (1, -1)), "velocity_bounds"),
        ((8, 8), ((-1, 1), (-1, np.inf)), "velocity_bounds"),
    ],
)
def test_bad_grids_are_refused_by_name(points, bounds, named):
    with pytest.raises(InputError, match=named):
        VelocityGridND(points, bounds)


def test_an_even_grid_starts_at_zero():
    with pytest.raises(InputError, match="velocity_bounds"):
        VelocityGridND((8, 8), ((-1, 1), (-1, 1)), even=True)


def test_gases_without_a_collision_integral_and_other_dimensions_are_refused():
    with pytest.raises(InputError, match="bgk_2v"):
        operator(gas("bgk_2v"), matched(2, 8))
    with pytest.raises(InputError, match="maxwell_3v"):
        operator(gas("maxwell_3v"), matched(2, 8))
    with pytest.raises(InputError, match="shape"):
        operator(gas("maxwell_2v"), matched(2, 8))(np.ones((8, 9)))
