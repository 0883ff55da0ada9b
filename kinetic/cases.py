"""The cases by name: Riemann problems and other canonical flows, channels, and random ones (functions of their seed alone).

All but ``shock`` fill the domain [-1/2, 1/2], so that the Knudsen number is in lengths of the domain. States are (rho, u, T); the
gas's gamma = (D + 2)/D enters where a wave is to be one of its own.
"""

from dataclasses import replace
from math import ceil, lcm, pi, sqrt

import numpy as np

from knudsen.build import makes
from knudsen.errors import InputError
from knudsen.kinetic.case import Case
from knudsen.kinetic.gas import Gas
from knudsen.kinetic.moments import rankine_hugoniot
from knudsen.kinetic.tabulated import tabulated
from knudsen.kinetic.wall import Wall

__all__ = [
    "CANONICAL", "CASES", "blast", "cold_hot", "collision", "couette", "creep", "dense_blob", "enclosed", "entropy",
    "equilibrium", "expansion", "fourier", "heated_wall", "hot_spot", "lax", "mix", "near_vacuum", "poiseuille", "riemann",
    "shock", "shu_osher", "sod", "sound", "strong", "tabulated", "transition", "wave",
]  # fmt: skip

FINE = 600  # cells that the random states are drawn on; a multiple of 100, so that jumps on multiples of 0.01 are exact
SMOOTH = 1200  # fine cells at least of a start that is a formula: its averages over cells are then those of the formula to 1e-5
RANGES = np.array([[0.4, 1.4], [-0.6, 0.6], [0.4, 1.4]])  # rho, u, T


@makes(Case)
def riemann(left, right, *, bounds=(-0.5, 0.5), jump=0.0, cells=200, name="riemann", boundary="outflow", knudsen=0.01, **times):
    """Two constant states ``left`` and ``right`` = (rho, u, T) that meet at x = ``jump`` (the nearest cell face).

    times: t_end (default 0.15) and save_times.
    """
    _positive_cells(cells)
    for key, state in (("left", left), ("right", right)):
        if np.shape(state) != (3,):
            raise InputError(f"case.{key}={state!r}: give density, velocity and temperature")
    x = bounds[0] + (np.arange(cells) + 0.5) * (bounds[1] - bounds[0]) / cells
    rho, u, T = (np.where(x < jump, left[i], right[i]) for i in range(3))
    return Case(name, tuple(bounds), cells, boundary, rho, u, T, knudsen, **({"t_end": 0.15} | times))


@makes(Case)
def sod(**options):
    """Sod's tube, (rho, u, p) = (1, 0, 1) and (1/8, 0, 1/10). Source: G. A. Sod, J. Comput. Phys. 27, 1 (1978)."""
    return riemann((1.0, 0.0, 1.0), (0.125, 0.0, 0.8), name="sod", **options)


@makes(Case)
def lax(**options):
    """Lax's tube, (rho, u, p) = (0.445, 0.698, 3.528) and (0.5, 0, 0.571): a strong shock and a strong contact.

    Source: P. D. Lax, Comm. Pure Appl. Math. 7, 159 (1954), doi:10.1002/cpa.3160070112.
    """
    return riemann((0.445, 0.698, 3.528 / 0.445), (0.5, 0.0, 0.571 / 0.5), name="lax", **{"t_end": 0.1} | options)


@makes(Case)
def expansion(*, speed=1.0, **options):
    r"""Streams that recede, (1, -speed, 1) and (1, speed, 1): two rarefactions, thin and cold gas between them.

    In the Euler limit :math:`T = (1 - \tfrac{\gamma - 1}{2}\,\mathrm{speed}/\sqrt\gamma)^2` in the middle, a vacuum from
    :math:`\mathrm{speed} = 2 \sqrt\gamma/(\gamma - 1)` on (D = 1: 1.73). Source: E. F. Toro, Riemann Solvers (2009), test 2 of
    table 4.1, there between faster and colder streams.
    """
    speed = _positive("speed", speed)
    return riemann((1.0, -speed, 1.0), (1.0, speed, 1.0), name="expansion", **{"t_end": 0.12} | options)


@makes(Case)
def collision(*, speed=1.5, **options):
    """Streams that collide, (1, speed, 1) and (1, -speed, 1): two shocks, or in free flight two beams that cross."""
    speed = _positive("speed", speed)
    return riemann((1.0, speed, 1.0), (1.0, -speed, 1.0), name="collision", **options)


@makes(Case)
def cold_hot(*, ratio=4.0, **options):
    """Cold gas beside hot at equal pressure, (ratio, 0, 1/ratio) and (1, 0, 1): a contact, which only collisionless flow and
    conduction move."""
    ratio = _positive("ratio", ratio)
    return riemann((ratio, 0.0, 1.0 / ratio), (1.0, 0.0, 1.0), name="cold_hot", **options)


@makes(Case)
def near_vacuum(*, density=0.01, **options):
    """Gas that flows into a near vacuum of equal temperature, (1, 0, 1) and (density, 0, 1)."""
    density = _positive("density", density)
    return riemann((1.0, 0.0, 1.0), (density, 0.0, 1.0), name="near_vacuum", **{"t_end": 0.1} | options)


@makes(Case)
def blast(*, temperature=10.0, cells=200, knudsen=0.01, t_end=0.06, save_times=()):
    """A slab |x| < 0.1 (the nearest cell faces) of hot gas, (1, 0, temperature), in gas at rest, (1, 0, 1)."""
    _positive_cells(cells)
    temperature = _positive("temperature", temperature)
    inside = abs((np.arange(cells) + 0.5) / cells - 0.5) < 0.1
    one = np.ones(cells)
    T = np.where(inside, temperature, 1.0)
    return Case("blast", (-0.5, 0.5), cells, "outflow", one, 0 * one, T, knudsen, t_end, save_times)


@makes(Case)
def shu_osher(gas: Gas, *, mach_number=3.0, amplitude=0.2, cells=200, knudsen=0.01, t_end=None, save_times=()):
    r"""A shock that runs into a density wave: left of x = -0.4 the state behind a shock of that Mach number in gas at rest with
    (1, 0, 1), right of it :math:`(1 + A \sin 50 x, 0, 1)`.

    The original with its domain [-5, 5] made one long; t_end: None is when the shock has gone as far as there at its end
    (t = 1.8), 0.639. Source: C.-W. Shu, S. Osher, J. Comput. Phys. 83, 32 (1989), doi:10.1016/0021-9991(89)90222-2, example 8.
    """
    (_, speed, _), (rho, u, T) = rankine_hugoniot(mach_number, gas)
    amplitude = _amplitude(amplitude)

    def fields(x):
        behind, still = x < -0.4, np.zeros_like(x)
        return np.where(behind, rho, 1 + amplitude * np.sin(50 * x)), np.where(behind, speed - u, still), np.where(behind, T, 1)

    t_end = 0.18 * 3.0 * sqrt(1.4) / speed if t_end is None else t_end
    return _formula("shu_osher", fields, "outflow", cells, knudsen, t_end, save_times)


@makes(Case)
def sound(gas: Gas, *, amplitude=0.01, waves=1, cells=100, knudsen=0.1, t_end=0.5, save_times=()):
    r"""A sound wave that runs to the right, with n = ``waves`` of them in the periodic domain:

    .. math:: \rho = 1 + A s, \quad u = \sqrt\gamma A s, \quad T = 1 + (\gamma - 1) A s, \quad s = \sin 2 \pi n x,

    a mode of the linearised Euler equations; at a finite Knudsen number it is damped, and sheds other modes.
    """
    amplitude, waves = _amplitude(amplitude), _waves(waves)

    def fields(x):
        s = amplitude * np.sin(2 * pi * waves * x)
        return 1 + s, sqrt(gas.gamma) * s, 1 + (gas.gamma - 1) * s

    return _formula("sound", fields, "periodic", cells, knudsen, t_end, save_times)


@makes(Case)
def entropy(*, amplitude=0.2, waves=1, velocity=1.0, cells=100, knudsen=0.1, t_end=0.5, save_times=()):
    r"""An entropy wave, carried along at constant pressure: :math:`\rho = 1 + A \sin 2 \pi n x`, u = ``velocity``,
    :math:`T = 1/\rho`, periodic; an exact solution of the Euler equations, which conduction evens out."""
    amplitude, waves = _amplitude(amplitude), _waves(waves)
    if not _is_number(velocity) or not np.isfinite(velocity):
        raise InputError(f"case.velocity={velocity!r}: give a finite number")

    def fields(x):
        rho = 1 + amplitude * np.sin(2 * pi * waves * x)
        return rho, np.full_like(x, velocity), 1 / rho

    return _formula("entropy", fields, "periodic", cells, knudsen, t_end, save_times)


@makes(Case)
def hot_spot(*, amplitude=2.0, width=0.1, cells=100, knudsen=0.1, t_end=0.1, save_times=()):
    r"""Gas at rest with a hot spot, (1, 0, :math:`1 + A e^{-(x/w)^2}`), periodic: sound leaves it, heat spreads."""
    amplitude, width = _positive("amplitude", amplitude), _positive("width", width)

    def fields(x):
        return np.ones_like(x), np.zeros_like(x), 1 + amplitude * np.exp(-((x / width) ** 2))

    return _formula("hot_spot", fields, "periodic", cells, knudsen, t_end, save_times)


@makes(Case)
def dense_blob(*, amplitude=4.0, width=0.1, cells=100, knudsen=0.1, t_end=0.1, save_times=()):
    r"""Gas at rest with a dense blob that bursts, (:math:`1 + A e^{-(x/w)^2}`, 0, 1), periodic."""
    amplitude, width = _positive("amplitude", amplitude), _positive("width", width)

    def fields(x):
        return 1 + amplitude * np.exp(-((x / width) ** 2)), np.zeros_like(x), np.ones_like(x)

    return _formula("dense_blob", fields, "periodic", cells, knudsen, t_end, save_times)


def _formula(name, fields, boundary, cells, knudsen, t_end, save_times):
    """The case of a start that is known everywhere, ``fields(x)`` -> rho, u, T, averaged over the cells."""
    _positive_cells(cells)
    fine = cells * max(2, ceil(SMOOTH / cells))
    x = (np.arange(fine) + 0.5) / fine - 0.5
    return Case(name, (-0.5, 0.5), cells, boundary, *fields(x), knudsen, t_end, save_times)


def _positive(key, value):
    if not _is_number(value) or not 0 < value < np.inf:
        raise InputError(f"case.{key}={value!r}: give a positive number")
    return float(value)


def _amplitude(amplitude):
    if not _is_number(amplitude) or not 0 < abs(amplitude) < 1:
        raise InputError(f"case.amplitude={amplitude!r}: give a number between 0 and 1, so that the density stays positive")
    return float(amplitude)


def _waves(waves):
    if isinstance(waves, bool) or not isinstance(waves, int | np.integer) or waves < 1:
        raise InputError(f"case.waves={waves!r}: give a positive integer")
    return int(waves)


@makes(Case)
def shock(mach: float, gas: Gas, *, length=80.0, knudsen=1.0, t_end=None, **options):
    """A normal shock in its own frame, started as the Rankine-Hugoniot jump at x = 0.

    length: of the domain, in units of eps sqrt(T1)/nu1 (1.28 of them make an upstream mean free path); t_end: None means
    length/4 mean collision times. For the steady profile use ``kinetic.solve_shock``: far faster and more accurate than marching.
    """
    scale = float(np.max(knudsen))
    half = 0.5 * length * scale
    options |= {"bounds": (-half, half), "boundary": "fixed", "t_end": 0.25 * length * scale if t_end is None else t_end}
    return riemann(*rankine_hugoniot(mach, gas), knudsen=knudsen, name="shock", **options)


@makes(Case)
def couette(gas: Gas, *, delta=1.0, drive=1e-3, accommodation=1.0, cells=100, t_end=None, save_times=()):
    r"""Plane Couette flow: the walls at x = -1/2 and 1/2 move along y with -U/2 and U/2, U = drive v0.

    All four channels: gas at rest with p0 = T0 = 1 between walls the distance H = 1 apart. delta: the rarefaction parameter
    :math:`p_0 H/(\mu v_0)`, :math:`v_0 = \sqrt{2 T_0}`, so that :math:`\epsilon = \nu(1, 1)/(\sqrt2\, \delta)`; drive: small,
    for linear flow; accommodation: of both walls; t_end: None is 8 + 1.5 delta, by when the flow is steady to about 1e-3.
    """
    half = 0.5 * _drive(drive) * sqrt(2.0)
    left, right = Wall(velocity=-half, accommodation=accommodation), Wall(velocity=half, accommodation=accommodation)
    return _channel("couette", gas, delta, left, right, cells, t_end, save_times)


@makes(Case)
def fourier(
    gas: Gas, *, delta=1.0, drive=1e-3, temperatures=None, accommodation=1.0, cells=100, t_end=None, save_times=()
):  # fmt: skip
    """Heat conduction between walls of temperatures T0 (1 - drive/2) and T0 (1 + drive/2), or of the two ``temperatures`` given;
    other keys as of ``couette``."""
    drive = _drive(drive)
    pair = (1.0 - 0.5 * drive, 1.0 + 0.5 * drive) if temperatures is None else _pair(temperatures)
    left, right = (Wall(T, accommodation=accommodation) for T in pair)
    return _channel("fourier", gas, delta, left, right, cells, t_end, save_times)


@makes(Case)
def poiseuille(gas: Gas, *, delta=1.0, drive=1e-3, accommodation=1.0, cells=100, t_end=None, save_times=()):
    """Flow along y under the force drive p0/H per volume, that of a pressure gradient -drive p0/H; keys as of ``couette``."""
    wall = Wall(accommodation=accommodation)
    return _channel("poiseuille", gas, delta, wall, wall, cells, t_end, save_times, acceleration=_drive(drive))


@makes(Case)
def creep(gas: Gas, *, delta=1.0, drive=1e-3, accommodation=1.0, cells=100, t_end=None, save_times=()):
    """Thermal creep: flow along y under dT/dy = drive T0/H in walls and gas at constant pressure; keys as of ``couette``."""
    wall = Wall(accommodation=accommodation)
    return _channel("creep", gas, delta, wall, wall, cells, t_end, save_times, temperature_gradient=_drive(drive))


def _channel(name, gas, delta, left, right, cells, t_end, save_times, **forces):
    _positive_cells(cells)
    if not _is_number(delta) or not 0 < delta < np.inf:
        raise InputError(f"case.delta={delta!r}: give a positive number, p0 H/(mu v0)")
    one, knudsen = np.ones(cells), float(gas.frequency(1.0, 1.0)) / (sqrt(2.0) * delta)
    t_end = 8 + 1.5 * delta if t_end is None else t_end
    return Case(name, (-0.5, 0.5), cells, "walls", one, 0 * one, one, knudsen, t_end, save_times, walls=(left, right), **forces)


@makes(Case)
def heated_wall(*, temperature=2.0, accommodation=1.0, cells=200, knudsen=0.1, t_end=0.25, save_times=()):
    """Gas at rest, (1, 0, 1), between two walls, of which the left one has another ``temperature`` from t = 0 on."""
    _positive_cells(cells)
    one, walls = np.ones(cells), (Wall(temperature, accommodation=accommodation), Wall(accommodation=accommodation))
    return Case("heated_wall", (-0.5, 0.5), cells, "walls", one, 0 * one, one, knudsen, t_end, save_times, walls=walls)


@makes(Case)
def enclosed(seed: int, **options):
    """``wave`` or ``mix`` data (one half each) between diffuse walls of temperatures log-uniform in 0.25..4."""
    case = _random_case("enclosed", seed, lambda draw, x: _mixture(draw, x, jumps=draw.random() < 0.5), **options)
    draw = np.random.default_rng([case.seed, 1])
    walls = tuple(Wall(_log_uniform(draw, 0.25, 4.0)) for _ in range(2))
    return replace(case, boundary="walls", walls=walls)


def _pair(temperatures):
    if np.shape(temperatures) != (2,):
        raise InputError(f"case.temperatures={temperatures!r}: give those of the left and the right wall")
    return tuple(float(T) for T in temperatures)


def _drive(drive):
    if not _is_number(drive) or not 0 < abs(drive) < 1:
        raise InputError(f"case.drive={drive!r}: give a small number, not 0 and below 1 in size")
    return drive


def _is_number(value):
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


@makes(Case)
def wave(seed: int, **options):
    """Out of equilibrium from the start: f = a M_1 + (1 - a) M_2, two states of up to three sine modes, a uniform in (0, 1)."""
    return _random_case("wave", seed, lambda draw, x: _mixture(draw, x, jumps=False), **options)


@makes(Case)
def mix(seed: int, **options):
    """As ``wave``, with constants instead of a state (probability 0.4) and one or two intervals of other constants."""
    return _random_case("mix", seed, lambda draw, x: _mixture(draw, x, jumps=True), **options)


@makes(Case)
def transition(seed: int, **options):
    """``wave`` or ``mix`` data (one half each) with eps(x) = 1e-3 + 5 (tanh(1 + 11 x) + tanh(1 - 11 x))."""
    options.setdefault("knudsen", lambda x: 1e-3 + 5.0 * (np.tanh(1 + 11 * x) + np.tanh(1 - 11 * x)))
    return _random_case("transition", seed, lambda draw, x: _mixture(draw, x, jumps=draw.random() < 0.5), **options)


@makes(Case)
def equilibrium(seed: int, **options):
    """One local Maxwellian near (1, 0, 1): (1, 0, 1) + A (wave or mix fields minus their mid-range), A log-uniform in 0.02..1."""

    def fields(draw, x):
        state = _jumpy_state(draw, x) if draw.random() < 0.5 else _state(draw, x)
        deviation = state - 0.5 * (state.max(axis=1, keepdims=True) + state.min(axis=1, keepdims=True))
        return (np.array([[1.0], [0.0], [1.0]]) + _log_uniform(draw, 0.02, 1.0) * deviation)[:, None]

    return _random_case("equilibrium", seed, fields, **options)


@makes(Case)
def strong(seed: int, **options):
    """A strong slab |x| < w between moving gas, local Maxwellians; for tests only, never for training."""

    def fields(draw, x):
        inside = np.abs(x) < draw.uniform(0.2, 0.3)
        T_inside, ratio, speed = _log_uniform(draw, 0.3, 3.0), _log_uniform(draw, 3.0, 12.0), draw.uniform(-1.5, 1.0)
        states = np.where(inside, 1.0, 1.0 / ratio), np.where(inside, 0.0, np.sign(x) * speed), np.where(inside, T_inside, 1.0)
        return np.stack(states)[:, None]

    return _random_case("strong", seed, fields, **options)


_RANDOM = (wave, mix, transition, equilibrium, strong, enclosed)
_BETWEEN_WALLS = (couette, fourier, poiseuille, creep, heated_wall)
CANONICAL = (
    sod, lax, expansion, collision, cold_hot, near_vacuum, blast, shu_osher, sound, entropy, hot_spot, dense_blob,
)  # fmt: skip
CASES = {f.__name__: f for f in (shock, riemann, *CANONICAL, *_RANDOM, tabulated, *_BETWEEN_WALLS)}


def _random_case(name, seed, fields, *, knudsen=None, cells=100, fine=None, t_end=0.1, save_times=()):
    """knudsen: None draws it log-uniform in 1e-3..10 from the seed, a number or field sets it, a function of x is evaluated."""
    _positive_cells(cells)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed={seed!r}: give a non-negative integer")
    draw = np.random.default_rng(seed)
    drawn = _log_uniform(draw, 1e-3, 10.0)  # first, so that the fields do not depend on whether it is used
    fine = (FINE if FINE % cells == 0 else lcm(100, cells)) if fine is None else fine
    x = (np.arange(fine) + 0.5) / fine - 0.5
    rho, u, T = fields(draw, x)
    knudsen = drawn if knudsen is None else knudsen(x) if callable(knudsen) else knudsen
    return Case(name, (-0.5, 0.5), cells, "periodic", rho, u, T, knudsen, t_end, save_times, int(seed))


def _mixture(draw, x, jumps):
    """[field, component, x]: two states, the densities weighted by a and 1 - a."""
    states = np.stack([_jumpy_state(draw, x) if jumps else _state(draw, x) for _ in range(2)], axis=1)
    weight = draw.uniform(0, 1)
    states[0] *= np.array([[weight], [1 - weight]])
    return states


def _state(draw, x):
    """[field, x]: rho, u, T as sums of n sines, one n for the three."""
    modes = draw.integers(1, 4)
    return np.stack([_field(draw, x, low, high, modes) for low, high in RANGES])


def _field(draw, x, low, high, modes):
    y = sum(draw.uniform(0.2, 1) * np.sin(2 * np.pi * draw.integers(1, 5) * x + draw.uniform(0, 2 * np.pi)) for _ in range(modes))
    half = draw.uniform(0.3, 1) * (high - low) / 2
    centre = draw.uniform(low + half, high - half)
    return centre + half * y / np.abs(y).max()


def _jumpy_state(draw, x):
    state = np.repeat(draw.uniform(*RANGES.T)[:, None], x.size, axis=1) if draw.random() < 0.4 else _state(draw, x)
    for _ in range(1 if draw.random() < 0.6 else 2):
        width = draw.integers(10, 101)  # in hundredths of the domain, at least 0.1
        start = draw.integers(0, 101 - width)
        inside = (x >= start / 100 - 0.5) & (x < (start + width) / 100 - 0.5)
        state[:, inside] = draw.uniform(*RANGES.T)[:, None]
    return state


def _log_uniform(draw, low, high):
    return float(np.exp(draw.uniform(np.log(low), np.log(high))))


def _positive_cells(cells):
    if isinstance(cells, bool) or not isinstance(cells, int | np.integer) or cells < 1:
        raise InputError(f"case.cells={cells!r}: give a positive integer")
