"""Does a closure keep what closures promise? For any law, a user's too, as ``check_estimator`` of scikit-learn for estimators.

>>> from knudsen import closure, kinetic
>>> from knudsen.testing import check_closure
>>> rows = check_closure(closure.build("euler", kinetic.gas("bgk_1v")))
>>> all(row.passed for row in rows)
True

A promise is a function of a law that returns how far it is from keeping it, and how far it may be: identities hold to round-off.
A law that does not promise one of them says so and why, in its ``excused``; its row then is neither passed nor failed.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import isfinite

import numpy as np
import torch
from torch import Tensor

from knudsen.closure import diagnostics
from knudsen.closure.laws.base import MomentLaw
from knudsen.closure.simulation import equilibrium_state, simulate
from knudsen.errors import InputError
from knudsen.kinetic import Gas, cases
from knudsen.kinetic.moments import maxwellian_moments
from knudsen.solvers import FLUXES, Boundary, Cells, Solver

# Of moments of order eight of velocities up to four: 1e-16 times 4^8, and the inverse map.
ROUND_OFF = 1e-9
FRAMES = 1e-8  # the same for moments that are moved or scaled twice
KNUDSEN = (1e-3, 1e-2, 0.1, 1.0, 10.0)  # at which growth is looked for
STATES = 12


@dataclass(frozen=True)
class Row:
    """One promise: passed (None: the law excuses itself), the figure that was found and the largest that is allowed, why."""

    promise: str
    passed: bool | None
    figure: float
    tolerance: float
    detail: str = ""


Promise = Callable[[MomentLaw], tuple[float, float]]
PROMISES: dict[str, Promise] = {}


def promise(function: Promise) -> Promise:
    """Registers a promise under the function's name; the first line of its docstring says what is promised."""
    PROMISES[function.__name__] = function
    return function


def check(law: MomentLaw, name: str) -> Row:
    """The row of one promise."""
    if name in law.excused:
        return Row(name, None, float("nan"), float("nan"), law.excused[name])
    try:
        with torch.no_grad():
            figure, tolerance = PROMISES[name](law.double())
    except Exception as error:  # a law of a user's may do anything
        return Row(name, False, float("nan"), float("nan"), f"{type(error).__name__}: {error}")
    words = (PROMISES[name].__doc__ or name).partition("\n")[0].rstrip(".")
    return Row(name, isfinite(figure) and figure <= tolerance, figure, tolerance, words)


def check_closure(law: MomentLaw, promises: Iterable[str] | None = None, *, raises: bool = True) -> list[Row]:
    """A row for every promise (or those named) of a law.

    Raises AssertionError that names the broken ones, unless ``raises`` is false; InputError for an unknown promise, or an
    ``excused`` one that there is not.
    """
    names = list(PROMISES) if promises is None else list(promises)
    for name in (*names, *law.excused):
        if name not in PROMISES:
            raise InputError(f"{name}: no such promise; there are {', '.join(PROMISES)}")
    rows = [check(law, name) for name in names]
    broken = [f"{row.promise} ({row.figure:.2g} > {row.tolerance:.2g}; {row.detail})" for row in rows if row.passed is False]
    if broken and raises:
        raise AssertionError(f"closure {law.name}, gas {law.gas.name}: {'; '.join(broken)}")
    return rows


# States -----------------------------------------------------------------------------------------------------------------------


def random_moments(gas: Gas, cells: int, order: int, seed: int = 0) -> tuple[Tensor, Tensor | None]:
    """Raw moments of sums of three Maxwellians, hence of positive distributions: G, H [1, order + 1, cells]."""
    draw = np.random.default_rng(seed)
    rho, u, T = draw.uniform(0.2, 1.4, (3, cells)), draw.uniform(-0.8, 0.8, (3, cells)), draw.uniform(0.4, 1.4, (3, cells))
    G, H = maxwellian_moments(rho, u, T, gas, order)
    return torch.tensor(G.sum(1))[None], None if H is None else torch.tensor(H.sum(1))[None]


def random_states(law: MomentLaw, cells: int = STATES, seed: int = 0) -> Tensor:
    """States that positive distributions have, [1, component, cell]."""
    return law.from_moments(*random_moments(law.gas, cells, law.order, seed))


def periodic(cells: int, knudsen: float = 0.3) -> Cells:
    return Cells(dx=1 / cells, n=cells, knudsen=knudsen, boundary=Boundary("periodic"))


def _flux(law, U: Tensor) -> Tensor:
    return law.flux(law.local_variables(U))


def _distance(value: Tensor, expected: Tensor) -> float:
    """Largest difference, relative where the expected value is above one."""
    return float(((value - expected).abs() / expected.abs().clamp(min=1.0)).max())


# Promises ---------------------------------------------------------------------------------------------------------------------


@promise
def inverse_maps(law):
    """Variables and conserved moments are inverse maps: conserved(local_variables(U)) = U."""
    U = random_states(law)
    return _distance(law.conserved(law.local_variables(U)), U), ROUND_OFF


@promise
def consistency(law):
    """Every numerical flux of equal states is the flux: F(U, U) = F(U)."""
    V = law.local_variables(random_states(law))
    return max(_distance(flux(V, V, law), law.flux(V)) for flux in FLUXES.values()), ROUND_OFF


@promise
def mass_flux(law):
    """The flux of mass is the momentum."""
    U = random_states(law)
    return _distance(_flux(law, U)[:, 0], U[:, 1]), ROUND_OFF


@promise
def momentum_and_energy_flux(law):
    """The fluxes of momentum and energy are those of the stress and the heat flux that the closure reports."""
    U = random_states(law)
    F, fields = _flux(law, U), law.macroscopic(U, None)
    rho, u, T, sigma, q = (fields[name] for name in ("rho", "u", "T", "sigma", "q"))
    momentum = _distance(F[:, 1], rho * u**2 + rho * T + sigma)
    energy = _distance(law.energy(F), u * (law.energy(U) + rho * T + sigma) + q)
    return max(momentum, energy), ROUND_OFF


@promise
def conservation(law):
    """A step of the solver keeps the sums of mass, momentum and energy."""
    U, cells, solver = random_states(law), periodic(STATES), Solver(law)
    after = solver.step(U, solver.max_dt(U, cells), cells)
    sums = [torch.stack((x[:, 0], x[:, 1], law.energy(x))).sum(-1) for x in (U, after)]
    return float((sums[1] - sums[0]).abs().max() / sums[0].abs().max()), 1e-12


@promise
def galilean(law):
    """Seen from a frame that moves with -w the flux is B(w) (F + w U): no preferred frame."""
    U = random_states(law)
    w = torch.full_like(U[:, 0], 0.6)
    boosted = law.boost(U, w)
    return _distance(_flux(law, boosted), law.boost(_flux(law, U), w) + w.unsqueeze(1) * boosted), FRAMES


@promise
def scaling(law):
    """The flux scales with the density, and with the unit of velocity."""
    U = random_states(law)
    s = torch.full_like(U[:, 0], 1.7)
    density = _distance(_flux(law, 2.5 * U), 2.5 * _flux(law, U))
    return max(density, _distance(_flux(law, law.rescale(U, s)), 1.7 * law.rescale(_flux(law, U), s))), FRAMES


@promise
def reflection(law):
    """x -> -x, v -> -v: the right-hand side is reflected with the gas, every gradient input included."""
    U, cells, solver = random_states(law, 24, seed=2), periodic(24), Solver(law)
    once = solver.residual(U, cells)
    mirrored = solver.residual((U * law.parity[:, None]).flip(2), cells)
    return float((((mirrored * law.parity[:, None]).flip(2) - once) / once.abs().amax(2, keepdim=True)).abs().max()), ROUND_OFF


@promise
def supersonic(law):
    """HLL's flux of a stream with every wave to the right is the left side's; beside products it is Rusanov's flux."""
    U = random_states(law)
    V = law.local_variables(law.boost(U, torch.full_like(U[:, 0], 20.0)))
    left, right = V[..., : STATES // 2], V[..., STATES // 2 :]
    expected = law.flux(left) if law.product is None else FLUXES["rusanov"](left, right, law)
    return _distance(FLUXES["hll"](left, right, law), expected), ROUND_OFF if law.product is not None else 1e-12


@promise
def speed_bound(law):
    """No characteristic speed at equilibrium is beyond ``max_speed``."""
    rest = equilibrium_state(law, 1.0, 0.0, 1.0)
    fastest = float(diagnostics.speeds(law, rest).abs().max())
    return fastest - float(law.max_speed(law.local_variables(rest)).max()), 1e-6


@promise
def relaxation(law):
    """relax solves its implicit equation, U' = U + tau S(U'), and keeps mass, momentum and energy."""
    return _relaxation(law, 0.05), 1e-11


@promise
def short_relaxation(law):
    """The same for a short time, where an iteration that is not carried to its end is of higher order."""
    return _relaxation(law, 5e-5), 1e-4


def _relaxation(law, tau: float) -> float:
    """Remainder of the implicit equation over the change (or over one, where that is less for a long tau)."""
    U, cells, tau = random_states(law), periodic(STATES), torch.full((1, 1, 1), tau, dtype=torch.float64)
    after = law.relax(U, tau, cells)
    remainder, change = (after - U - tau * law.source(after, cells)).abs().max(), (after - U).abs().max()
    sums = [torch.stack((x[:, 0], x[:, 1], law.energy(x))).sum(-1) for x in (U, after)]
    kept = (sums[1] - sums[0]).abs().max() / sums[0].abs().max()
    return float(torch.maximum(remainder / change if change > 0 else remainder, kept))


@promise
def euler_limit(law):
    """Stiff collisions end at the Maxwellian, without stress and heat flux."""
    U, cells = random_states(law), periodic(STATES, knudsen=1e-14)
    after = law.relax(U, torch.ones(1, 1, 1, dtype=torch.float64), cells)
    rho, u, T = (value[0].numpy() for value in law.fluid(U))
    G, H = maxwellian_moments(rho, u, T, law.gas, law.order)
    maxwellian = law.from_moments(torch.tensor(G)[None], None if H is None else torch.tensor(H)[None])
    fields = law.macroscopic(after, cells)
    return max(_distance(after, maxwellian), *(float(fields[name].abs().max()) for name in ("q", "sigma"))), ROUND_OFF


@promise
def rest(law):
    """A uniform Maxwellian is at rest."""
    U = equilibrium_state(law, 1.3, 0.4, 0.8).expand(-1, -1, 10).contiguous()
    size = torch.maximum(U.abs(), U[:, :1]).amax(2)  # moments that vanish: in units of the density
    return float((Solver(law).residual(U, periodic(10)).abs().amax(2) / size).max()), 1e-10


@promise
def stability(law):
    """No wave of the linearised system grows at rest, whatever its length and the Knudsen number."""
    at_rest, k = equilibrium_state(law, 1.0, 0.0, 1.0)[:, :, 0], np.geomspace(1, 1e5, 60)
    # in units of the fastest rate of the system: round-off of its eigenvalues
    return max(float((diagnostics.growth(law, at_rest, eps, k) / (1 / eps + torch.tensor(k))).max()) for eps in KNUDSEN), 1e-9


@promise
def hyperbolicity(law):
    """The characteristic speeds are real in states that positive distributions have."""
    return float(diagnostics.imaginary_part(law, random_states(law)).max()), 0.0


@promise
def compiled_form(law):
    """The compiled loop, where there is one, gives the numbers of the reference."""
    if law.compiled() is None:
        return 0.0, 0.0
    case = cases.sod(cells=20, t_end=0.01)
    ours, reference = simulate(law, case)[0], simulate(law.double(), case, compiled=False)[0]
    size = np.abs(reference.U).max(axis=(0, 2), keepdims=True)
    return float((np.abs(ours.U - reference.U) / size).max()), 1e-6 if law.single else ROUND_OFF
