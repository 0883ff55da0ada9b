r"""Parameters of a gas from measured profiles, through the solvers, by least squares.

.. math:: \min_{\theta, s} \sum_{p, i} \left(y_{p,i} - Y_p(x_{p,i} + s_p; \theta)\right)^2

theta: omega, the Prandtl number, the accommodation of the walls; s_p: a translation of each measured shock, whose middle is
known no better than its values. Covariance of the parameters: s^2 (J^T J)^{-1}, s the noise of the data or the misfit, whichever
is larger.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import stats
from scipy.interpolate import CubicSpline
from scipy.optimize import least_squares

from knudsen.errors import InputError
from knudsen.kinetic import cases
from knudsen.kinetic.channel import solve_channel
from knudsen.kinetic.gas import Gas
from knudsen.kinetic.measured import MeasuredProfile
from knudsen.kinetic.moments import rankine_hugoniot
from knudsen.kinetic.shock import solve_shock

BOUNDS = {"omega": (0.3, 1.3), "prandtl": (0.4, 1.5), "accommodation": (0.05, 1.0)}
START = {"omega": 0.75, "prandtl": 0.8, "accommodation": 0.9}
STEP = 0.02  # of the difference quotients: above the solvers' errors, below the curvature
DRIVE = 1e-3  # of a channel: linear
DOUBT = 0.01  # a misfit that noise makes less often than this is the model's


@dataclass
class Calibration:
    """Fitted parameters, what is left, and whether that is the data's noise.

    values, errors {parameter: number}: errors are standard deviations; shifts [profile]: in the unit of x; rms: root of the mean
    squared misfit, in the unit of the data; rms_by_profile; noise: of one value, None if unknown; chi2: sum of squares over
    noise^2 and degrees of freedom, ``probability`` that noise alone makes it as large; fits: True, False (the model cannot fit),
    None (noise unknown). left_out {profile: {"values", "rms"}}: fitted without that profile (one Gauss-Newton step), and the
    misfit of what was left out. at_bound: parameters that ended at the edge of their range. curves: {field: [point]} of every
    profile at ``curve_x``. solutions: how many profiles were computed.
    """

    gas: Gas
    profiles: Sequence[MeasuredProfile]
    values: dict[str, float]
    errors: dict[str, float]
    shifts: np.ndarray
    rms: float
    rms_by_profile: list[float]
    noise: float | None
    chi2: float | None
    probability: float | None
    fits: bool | None
    left_out: dict[str, dict]
    at_bound: list[str]
    curve_x: list[np.ndarray] = field(repr=False)
    curves: list[dict[str, np.ndarray]] = field(repr=False)
    solutions: int


def calibrate(
    profiles: Sequence[MeasuredProfile],
    gas: Gas,
    free: Sequence[str] = ("omega",),
    *,
    noise: float | None = None,
    shift: bool = True,
    tolerance: float = 1e-3,
    start: dict[str, float] | None = None,
    progress: Callable | None = None,
) -> Calibration:
    """Fits the ``free`` parameters of ``gas`` to the profiles; the others keep the gas's values (accommodation: 1).

    noise: standard deviation of one value, None if unknown; shift: let every shock move along x; tolerance: of the computed
    shocks; start: where the search begins; progress(solutions, parameters, rms).
    Raises InputError naming ``free`` where a parameter is unknown or cannot be seen in the data.
    """
    free = list(free)
    _check(profiles, gas, free)
    bounds = [_bounds(name, gas) for name in free]
    model = _Model(profiles, gas, free, tolerance, progress)
    shifts = [i for i, p in enumerate(profiles) if p.kind == "shock"] if shift else []
    n = len(free)

    def residuals(z):
        return model.residuals(z[:n], _all(shifts, z[n:], len(profiles)))

    def jacobian(z):
        return model.jacobian(z[:n], _all(shifts, z[n:], len(profiles)), shifts, bounds)

    first = [float(np.clip((START | (start or {}))[name], *b)) for name, b in zip(free, bounds, strict=True)]
    low, high = ([b[k] for b in bounds] + [sign * 5.0] * len(shifts) for k, sign in ((0, -1), (1, 1)))
    found = least_squares(residuals, first + [0.0] * len(shifts), jacobian, (low, high), xtol=3e-4, ftol=1e-5, gtol=1e-12)
    values = dict(zip(free, map(float, found.x[:n]), strict=True))
    J, r = found.jac, found.fun
    freedom = r.size - found.x.size
    if freedom < 1:
        raise InputError(f"free={free}: {r.size} values cannot tell {found.x.size} unknowns; give more data")
    squares = float(r @ r)
    variance = max(squares / freedom, (noise or 0.0) ** 2)
    if np.linalg.matrix_rank(J, tol=1e-6 * np.abs(J).max()) < found.x.size:
        raise InputError(f"free={free}: the data do not tell these apart; free fewer parameters")
    covariance = variance * np.linalg.inv(J.T @ J)
    chi2 = None if noise is None else squares / noise**2 / freedom
    probability = None if noise is None else float(stats.chi2.sf(chi2 * freedom, freedom))
    curve_x, curves = model.curves(found.x[:n], _all(shifts, found.x[n:], len(profiles)))
    return Calibration(
        gas=model.gas(found.x[:n])[0], profiles=profiles, values=values,
        errors=dict(zip(free, np.sqrt(np.diag(covariance))[:n].tolist(), strict=True)),
        shifts=_all(shifts, found.x[n:], len(profiles)), rms=float(np.sqrt(squares / r.size)),
        rms_by_profile=[float(np.sqrt(np.mean(r[rows] ** 2))) for rows in model.rows], noise=noise, chi2=chi2,
        probability=probability, fits=None if noise is None else probability > DOUBT,
        left_out=_left_out(J, r, model.rows, profiles, values, n), curve_x=curve_x, curves=curves, solutions=model.solutions,
        at_bound=[k for k, b in zip(free, bounds, strict=True) if min(values[k] - b[0], b[1] - values[k]) < 1e-3],
    )  # fmt: skip


def _check(profiles, gas, free):
    shocks = [p for p in profiles if p.kind == "shock"]
    for name in free:
        if name not in BOUNDS:
            raise InputError(f"free={free}: {name} is unknown; choose from {', '.join(BOUNDS)}")
    if not free or len(set(free)) < len(free):
        raise InputError(f"free={free}: name each parameter to be fitted once, e.g. [omega]")
    if "omega" in free and not shocks:
        raise InputError("free=omega: a linear flow between walls does not depend on it; free prandtl or accommodation")
    if "accommodation" in free and len(shocks) == len(profiles):
        raise InputError("free=accommodation: shocks touch no wall; free omega or prandtl")
    if "prandtl" in free and gas.collision not in ("shakhov", "es_bgk"):
        raise InputError(f"free=prandtl: gas={gas.name} has its own; take gas=shakhov_3v or es_bgk_3v")


def _bounds(name, gas):
    low, high = BOUNDS[name]
    if name == "omega" and gas.is_boltzmann:
        return 0.5, 1.0
    if name == "prandtl" and gas.collision == "es_bgk":
        return (gas.dims - 1) / gas.dims, high
    return low, high


def _all(shifts, values, n):
    full = np.zeros(n)
    full[shifts] = values
    return full


def _left_out(J, r, rows, profiles, values, n):
    """Without each profile in turn: the parameters, and what the fit then makes of that profile."""
    result = {}
    if len(rows) < 2:
        return result
    for profile, out in zip(profiles, rows, strict=True):
        kept = np.setdiff1d(np.arange(r.size), out)
        step = np.linalg.lstsq(J[kept], -r[kept], rcond=1e-10)[0]
        step[n:] = 0.0  # a translation of its own is not a prediction's error
        rest = r[out] + J[out] @ step
        result[profile.name] = {
            "values": {name: value + float(d) for (name, value), d in zip(values.items(), step, strict=False)},
            "rms": float(np.sqrt(np.mean(rest**2))),
        }
    return result


class _Model:
    """The computed profiles, each kept: a Jacobian asks for what the residual had."""

    def __init__(self, profiles, gas, free, tolerance, progress):
        self.profiles, self.base, self.free, self.tolerance, self.progress = profiles, gas, free, tolerance, progress
        self.kept, self.solutions, ends = {}, 0, 0
        self.measured = [np.isfinite(np.stack(list(p.values.values()))) for p in profiles]
        self.rows = []
        for known in self.measured:
            self.rows.append(np.arange(ends, ends + known.sum()))
            ends += known.sum()

    def gas(self, theta):
        """(the gas with these parameters, the walls' accommodation)"""
        options = dict(zip(self.free, map(float, theta), strict=True))
        accommodation = options.pop("accommodation", 1.0)
        return replace(self.base, **options), accommodation

    def spline(self, i, theta):
        """Profile i as a function of x: [point, field]."""
        key = (i, *np.round(theta, 9))
        if key not in self.kept:
            gas, accommodation = self.gas(theta)
            profile = self.profiles[i]
            self.kept[key] = (_shock if profile.kind == "shock" else _channel)(profile, gas, accommodation, self.tolerance)
            self.solutions += 1
            if self.progress is not None:
                self.progress(self.solutions, dict(zip(self.free, map(float, theta), strict=True)))
        return self.kept[key]

    def at(self, i, theta, shift, order=0):
        """Values (or slopes) of profile i at its places, those measured."""
        return self.spline(i, theta)(self.profiles[i].x + shift, order).T[self.measured[i]]

    def residuals(self, theta, shifts):
        measured = [np.stack(list(p.values.values()))[known] for p, known in zip(self.profiles, self.measured, strict=True)]
        return np.concatenate([self.at(i, theta, s) - y for i, (s, y) in enumerate(zip(shifts, measured, strict=True))])

    def jacobian(self, theta, shifts, moved, bounds):
        columns = []
        for k, (_, high) in enumerate(bounds):
            step = np.zeros(len(theta))
            step[k] = STEP if theta[k] + STEP <= high else -STEP
            pairs = [(self.at(i, theta + step, s), self.at(i, theta, s)) for i, s in enumerate(shifts)]
            columns.append(np.concatenate([(b - a) / step[k] for b, a in pairs]))
        for i in moved:
            column = np.zeros(sum(len(rows) for rows in self.rows))
            column[self.rows[i]] = self.at(i, theta, shifts[i], 1)
            columns.append(column)
        return np.stack(columns, 1)

    def curves(self, theta, shifts):
        """(x, {field: values}) of every profile at these parameters, in the frame of the data."""
        places, curves = [], []
        for i, (profile, s) in enumerate(zip(self.profiles, shifts, strict=True)):
            reach = 1.3 * np.abs(profile.x).max() if profile.kind == "shock" else 0.5
            x = np.linspace(-reach, reach, 201)
            places.append(x)
            curves.append(dict(zip(profile.values, self.spline(i, theta)(x + s).T, strict=True)))
        return places, curves


def _shock(profile, gas, accommodation, tolerance):
    shock = solve_shock(gas, profile.parameter, tolerance=tolerance)
    ends = dict(zip(("rho", "u", "T"), zip(*rankine_hugoniot(profile.parameter, gas), strict=True), strict=True))
    columns = []
    for name in profile.values:
        field = name.removesuffix("_n")
        before, behind = ends[field]
        columns.append((getattr(shock, field) - before) / (behind - before))
    inside = CubicSpline(shock.x / shock.mean_free_path, np.stack(columns, 1))

    def at(x, order=0):
        """Beyond the computed nodes the gas is in its end states."""
        values = inside(np.clip(x, inside.x[0], inside.x[-1]), order)
        return values if order == 0 else np.where(((x >= inside.x[0]) & (x <= inside.x[-1]))[:, None], values, 0.0)

    return at


def _channel(profile, gas, accommodation, tolerance):
    flow = getattr(cases, profile.kind)(gas, delta=profile.parameter, drive=DRIVE, accommodation=accommodation)
    solved = solve_channel(flow, gas)
    value = {"couette": solved.u_y, "fourier": solved.T - 1}.get(profile.kind, solved.u_y / np.sqrt(2)) / DRIVE
    return CubicSpline(solved.x, value[:, None])
