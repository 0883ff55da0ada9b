"""Shakhov and ES-BGK: relaxation rates, targets against the full velocity space, conservation, entropy, the fluid limit."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from knudsen.errors import UnderResolvedWarning
from knudsen.kinetic import Case, Wall, cases, gas, kernel, simulate, solve_shock
from knudsen.kinetic.collisions import COLLISIONS
from knudsen.kinetic.gas import Gas
from knudsen.kinetic.kernel.target import stage_target

MODELS = ["bgk_3v", "shakhov_3v", "es_bgk_3v"]
RELAXING = [
    *((gas(name), shear) for name in MODELS for shear in (False, True)),
    (gas("shakhov_3v", omega=0.81, prandtl=0.8), True),
    (gas("es_bgk_3v", omega=0.5, prandtl=0.9), True),
    (Gas("shakhov_1v", 1, collision="shakhov"), False),
    (Gas("shakhov_2v", 2, collision="shakhov", prandtl=0.5), True),
    (Gas("es_bgk_2v", 2, collision="es_bgk", prandtl=0.6), False),
    (Gas("es_bgk_2v", 2, collision="es_bgk", prandtl=0.6), True),
]
STREAMS = (0.6, 0.5), (0.5, -0.7), (0.7, 1.6), (0.4, -0.3)  # rho, u, T, u_y of two gases that share one place


def two_streams(t_end=1.0, shear=True, cells=4, length=0.1, knudsen=1.0, boost=0.0):
    rho, u, T, uy = (np.repeat(np.array(a)[:, None], cells, axis=1) for a in STREAMS)
    times = tuple(np.linspace(0, t_end, 5)[1:])
    return Case("streams", (0, length), cells, "periodic", rho, u, T, knudsen, t_end, times, uy=uy + boost if shear else None)


@pytest.mark.parametrize(("the_gas", "shear"), RELAXING, ids=lambda v: getattr(v, "name", f"shear={v}"))
def test_stress_relaxes_at_nu_and_heat_flux_at_prandtl_nu(the_gas, shear):
    """exp(-nu t/eps), exp(-Pr nu t/eps): exact moment equations of both models in a uniform gas, nu constant in time.

    dt = 1e-3 eps: ARS(4,4,3) is accurate to 1e-10, so what is seen is the discrete target.
    """
    solution = simulate(two_streams(shear=shear), the_gas, integrator="ars443")[0]
    nu = float(the_gas.frequency(solution.rho[0, 0], solution.T[0, 0]))
    rates = {"q": the_gas.prandtl * nu} | ({"sigma": nu} if the_gas.dims > 1 else {})
    rates |= {"sigma_xy": nu, "q_y": the_gas.prandtl * nu} if shear else {}
    for name, rate in rates.items():
        value = getattr(solution, name)[:, 0]
        assert abs(value[0]) > 0.05
        np.testing.assert_allclose(value / value[0], np.exp(-rate * solution.t), rtol=1e-9, err_msg=name)


@pytest.mark.parametrize("collision", ["shakhov", "es_bgk"])
@pytest.mark.parametrize("dims", [2, 3])
def test_transverse_moments_of_the_target_are_those_of_the_full_one(collision, dims):
    """The polynomials times the Gaussian against sums over a full velocity grid of Shakhov's and Holway's own formulas."""
    pr = 0.7
    v = np.arange(-12, 12, 0.3) + 0.15
    vx, vy, vz = np.meshgrid(v, v, v if dims == 3 else [0.0], indexing="ij")
    dv = 0.3 ** (dims - 1)
    perp = vy**2 + vz**2
    f = 0.0
    for rho, u, T, uy in zip(*STREAMS, strict=True):
        f = f + rho * (2 * np.pi * T) ** (-dims / 2) * np.exp(-((vx - u) ** 2 + (vy - uy) ** 2 + vz**2) / (2 * T))

    def reduced(f):
        return [(w * f).sum((1, 2)) * dv for w in (1.0, perp, vy, vy**2, vy * perp)]

    volume = 0.3**dims
    rho, u, uy = f.sum() * volume, (vx * f).sum() / f.sum(), (vy * f).sum() / f.sum()
    cx, cy, cz = vx - u, vy - uy, vz
    c2 = cx**2 + cy**2 + cz**2
    temperature = (c2 * f).sum() / f.sum() / dims
    if collision == "shakhov":
        M = rho * (2 * np.pi * temperature) ** (-dims / 2) * np.exp(-c2 / (2 * temperature))
        qc = sum(0.5 * (c * c2 * f).sum() * volume * c for c in (cx, cy))
        target = M * (1 + (1 - pr) * qc / ((dims + 2) * rho * temperature**2) * (c2 / temperature - (dims + 2)))
    else:
        axes = (cx, cy, cz)[:dims]
        theta = np.array([[(a * b * f).sum() / f.sum() for b in axes] for a in axes])
        covariance = temperature / pr * np.eye(dims) + (1 - 1 / pr) * theta
        inverse = np.linalg.inv(covariance)
        exponent = sum(inverse[i, j] * axes[i] * axes[j] for i in range(dims) for j in range(dims))
        target = rho / np.sqrt((2 * np.pi) ** dims * np.linalg.det(covariance)) * np.exp(-0.5 * exponent)
    sums = np.array([[(v**k * field).sum() * 0.3 for k in range(4)] for field in reduced(f)])
    P = np.zeros((5, 4))
    relaxation = COLLISIONS[collision]
    model = kernel.Model(relaxation.rate(pr), *relaxation.shares(pr), 5, dims, pr, -np.inf)
    density, mean, along, _ = stage_target(model, sums, 1.0, 0.0, P)
    z = (v - mean) / np.sqrt(along)
    gaussian = density / np.sqrt(2 * np.pi * along) * np.exp(-0.5 * z**2)
    for polynomial, exact in zip(P, reduced(target), strict=True):
        np.testing.assert_allclose(gaussian * np.polynomial.polynomial.polyval(z, polynomial), exact, rtol=0, atol=1e-11)


@pytest.mark.parametrize("name", MODELS)
def test_uniform_gas_does_not_know_its_tangential_velocity(name):
    """Galilean invariance along y of the transverse moments and of every target, to round-off (no transport)."""
    still, moving = (simulate(two_streams(boost=b), gas(name, velocity_points=60))[0] for b in (0.0, 2.0))
    np.testing.assert_allclose(moving.u_y - 2.0, still.u_y, atol=1e-13)
    for key in ("rho", "u", "T", "sigma", "q", "sigma_xy", "q_y"):
        np.testing.assert_allclose(getattr(moving, key), getattr(still, key), atol=1e-12, err_msg=key)


@pytest.mark.parametrize("name", MODELS)
def test_body_force_accelerates_and_does_nothing_else(name):
    """u_y = a t and constant temperature, exactly; no stress or heat flux but for the error of ARS(4,4,3), dt^3 = 3e-6."""
    one = np.ones(4)
    case = Case("fall", (0, 1), 4, "periodic", one, 0 * one, one, 0.1, 0.5, acceleration=1.5)
    solution = simulate(case, gas(name), integrator="ars443")[0]
    np.testing.assert_allclose(solution.u_y[-1], 0.75, rtol=1e-12)
    np.testing.assert_allclose(solution.T[-1], 1.0, rtol=1e-12)
    for key in ("sigma", "q", "sigma_xy", "q_y"):
        np.testing.assert_allclose(getattr(solution, key)[-1], 0.0, atol=3e-6)


@pytest.mark.parametrize("collision", ["shakhov", "es_bgk"])
@pytest.mark.parametrize(("dims", "omega"), [(2, None), (3, 0.81)])
def test_prandtl_number_one_is_bgk(collision, dims, omega):
    case = cases.mix(7, cells=40, fine=200, t_end=0.05)
    own, bgk = (
        simulate(case, Gas("x", dims, omega, collision=name, prandtl=pr), integrator="ars443")[0]
        for name, pr in ((collision, 1.0), ("bgk", None))
    )
    np.testing.assert_allclose(own.G, bgk.G, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(own.H, bgk.H, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(("name", "boundary"), [("shakhov_3v", "walls"), ("es_bgk_3v", "periodic")])
def test_ten_thousand_steps_with_twelve_velocities_conserve(name, boundary):
    """Also where the grid under-resolves the gas; between specular walls mass and energy."""
    case = cases.wave(3, knudsen=0.05, cells=25, fine=100, t_end=36.0)
    bounds = None
    if boundary == "walls":
        case, bounds = replace(case, boundary="walls", walls=(Wall(accommodation=0.0),) * 2, t_end=32.0, save_times=()), (-7, 7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnderResolvedWarning)
        solution = simulate(case, gas(name, velocity_points=12, velocity_bounds=bounds))[0]
    assert solution.status == "ok" and solution.steps >= 9_000
    energy = (solution.G[:, 2] + solution.H[:, 0]).mean(-1)
    mass, momentum = solution.G[:, 0].mean(-1), solution.G[:, 1].mean(-1)
    assert np.ptp(mass) < 1e-12 * mass[0]  # 1e4 steps of round-off 1e-16
    assert np.ptp(energy) < 1e-12 * energy[0]
    if boundary == "periodic":
        assert np.ptp(momentum) < 1e-12 * np.sqrt(mass[0] * energy[0])


@pytest.mark.parametrize("name", ["bgk_3v", "es_bgk_3v"])
def test_entropy_of_a_uniform_gas_does_not_increase(name):
    """H of the pair, as in test_conservation; for ES-BGK at Pr = 2/3 the theorem of Andries et al. (2000)."""
    solution = simulate(two_streams(t_end=4.0, shear=False), gas(name, velocity_points=80), keep_f=True)[0]
    g, h = np.maximum(solution.f, 1e-300).swapaxes(0, 1)
    entropy = (g * (2 * np.log(g) - np.log(h))).sum((1, 2))
    assert (np.diff(entropy) < 0).all()


def navier_stokes_fourier(K, dims, prandtl):
    """Eigenvalues times eps of the linearised equations for exp(i k x), K = k eps, rho = T = 1, mu = eps: rho, u, T."""
    stress, conduction = 2 * (dims - 1) / dims, (dims + 2) / (2 * prandtl)
    i = 1j * K
    matrix = [[0, -i, 0], [-i, -stress * K**2, -i], [0, -2 / dims * i, -2 / dims * conduction * K**2]]
    return np.linalg.eigvals(np.array(matrix))


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("es_bgk_3v", "sound"),
        ("es_bgk_3v", "thermal"),
        ("shakhov_3v", "thermal"),
        *(
            pytest.param(*p, marks=pytest.mark.slow)
            for p in (("bgk_3v", "sound"), ("bgk_3v", "thermal"), ("shakhov_3v", "sound"))
        ),
    ],
)
def test_small_waves_of_a_dense_gas_are_those_of_navier_stokes_and_fourier(name, mode):
    """K = 0.02, convective time step. Burnett terms change the decay rate by O(K^2), 1e-3; Prandtl numbers by 15 or 50 %."""
    K, cells, amplitude, the_gas = 0.02, 64, 1e-4, gas(name)
    x = (np.arange(cells) + 0.5) / cells - 0.5
    wave = amplitude * np.cos(2 * np.pi * x)
    rho, u, T = (1 + wave, 0 * x, 1 + 2 / 3 * wave) if mode == "sound" else (1 - wave, 0 * x, 1 + wave)
    eps = K / (2 * np.pi)
    case = Case("ripple", (-0.5, 0.5), cells, "periodic", rho, u, T, eps, 4.0, tuple(np.linspace(0, 4, 81)[1:]))
    solution = simulate(case, the_gas, transport="weno5", integrator="ars443", order=3)[0]
    signal = np.stack([solution.G[:, 0], solution.G[:, 1], solution.G[:, 2] + solution.H[:, 0]]) @ np.exp(-2j * np.pi * x)
    propagator = signal[:, 3:] @ np.linalg.pinv(signal[:, 2:-1], rcond=1e-7)
    found = np.log(np.linalg.eigvals(propagator)) / solution.t[1] * eps
    exact = navier_stokes_fourier(K, 3, the_gas.prandtl)
    pick = np.imag if mode == "sound" else lambda z: -np.abs(np.imag(z))
    a, b = found[np.argmax(pick(found))], exact[np.argmax(pick(exact))]
    assert a.real == pytest.approx(b.real, rel=5e-3)
    assert abs(a.imag - b.imag) < 1e-3 * abs(b) + 1e-3 * abs(b.real)


# Eigenvalue eps lambda of the shear wave of linearised BGK (dispersion determinant at 50 digits), D = 3
SHEAR = [
    pytest.param(0.1, -0.00990375230166275, marks=pytest.mark.slow),
    pytest.param(0.5, -0.2140711558114529, marks=pytest.mark.slow),
    (1.0, -0.6973691592884273),
]


@pytest.mark.parametrize(("K", "exact"), SHEAR)
def test_shear_wave_decays_as_the_linear_theory_says(K, exact):
    cells, eps = 64, K / (2 * np.pi)
    x = (np.arange(cells) + 0.5) / cells - 0.5
    t_end = min(4.0, 6 * eps / -exact)
    case = Case(
        "shear", (-0.5, 0.5), cells, "periodic", 1 + 0 * x, 0 * x, 1 + 0 * x, eps, t_end, tuple(np.linspace(0, t_end, 61)[1:]),
        uy=1e-4 * np.cos(2 * np.pi * x),
    )  # fmt: skip
    the_gas = gas("bgk_3v", velocity_points=96 if K > 0.4 else 48)
    solution = simulate(case, the_gas, transport="weno5", integrator="ars443", order=3)[0]
    signal = np.abs(solution.transverse[:, 0, 0] @ np.exp(-2j * np.pi * x))
    rate = np.log(signal[31:-1] / signal[32:]) / solution.t[1] * eps  # the continuous spectrum has decayed
    np.testing.assert_allclose(rate[10:], -exact, rtol=2e-4)


@pytest.mark.parametrize("name", ["shakhov_3v", "es_bgk_3v"])
@pytest.mark.parametrize("make", [cases.mix, cases.transition, cases.strong])
def test_random_cases_stay_solvable_from_dense_to_free_flight(name, make):
    knudsen = {} if make is cases.transition else {"knudsen": 1e-4}
    for seed in range(3):
        for options in (knudsen, {} if make is cases.transition else {"knudsen": 10.0}):
            solution = simulate(make(seed, cells=50, fine=100, t_end=0.05, **options), gas(name))[0]
            assert solution.status == "ok"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["shakhov_3v", "es_bgk_3v"])
def test_marched_shock_tends_to_the_steady_one(name):
    """Mach 2, omega = 0.81, 5 cells in a unit of length; the steady profile comes from characteristics and Newton's method."""
    the_gas = gas(name, omega=0.81)
    steady = solve_shock(the_gas, 2.0)
    solution = simulate(cases.shock(2.0, the_gas, length=40, cells=200, t_end=60), the_gas)[0]
    density = (solution.rho[-1] - solution.rho[-1, 0]) / (solution.rho[-1, -1] - solution.rho[-1, 0])
    i = int(np.argmax(density > 0.5))
    middle = solution.x[i - 1] + (0.5 - density[i - 1]) / (density[i] - density[i - 1]) * solution.dx
    exact = steady.sample(solution.x - middle, solution.dx)
    for key in ("rho", "u", "T", "q", "sigma"):
        value = getattr(solution, key)[-1]
        np.testing.assert_allclose(value, exact[key], rtol=0, atol=0.005 * np.abs(value).max(), err_msg=key)
