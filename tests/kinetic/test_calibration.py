"""Gas parameters from measured profiles: what the solvers made is found again, and what a model cannot fit is said."""

import os

import numpy as np
import pytest

from knudsen import kinetic
from knudsen.kinetic.calibration import calibrate
from knudsen.kinetic.measured import MeasuredProfile, load_profiles

X = np.array([-6.0, -4, -3, -2, -1, -0.5, 0, 0.5, 1, 2, 3, 4])
NOISE = 1e-3


def shock(gas, mach, rng, shift=0.0):
    """The gas's own shock at X, moved, with noise."""
    made = kinetic.solve_shock(gas, mach, tolerance=1e-4)
    (before, behind), at = kinetic.rankine_hugoniot(mach, gas), made.sample((X + shift) * made.mean_free_path)
    values = {f"{k}_n": (at[k] - before[i]) / (behind[i] - before[i]) for k, i in (("rho", 0), ("T", 2))}
    return MeasuredProfile("shock", mach, X, {k: v + NOISE * rng.standard_normal(X.size) for k, v in values.items()})


def test_exponent_and_prandtl_number_of_the_gas_that_made_the_shocks():
    gas = kinetic.gas("shakhov_3v", omega=0.7, prandtl=0.75)
    rng = np.random.default_rng(2)
    data = [shock(gas, 1.5, rng, 0.1), shock(gas, 2.5, rng)]
    found = calibrate(data, kinetic.gas("shakhov_3v"), ["omega", "prandtl"], noise=NOISE)
    for name, true in (("omega", 0.7), ("prandtl", 0.75)):
        assert abs(found.values[name] - true) < 3 * found.errors[name] < 0.05
    assert found.shifts == pytest.approx([0.1, 0.0], abs=0.01)
    assert found.fits and 0.5 < found.chi2 < 1.6  # 44 degrees of freedom: 1 +- 0.21
    for name, out in found.left_out.items():
        assert out["rms"] < 4 * NOISE, name
    # with its own Prandtl number of 1 BGK cannot make such shocks, whatever the exponent
    other = calibrate(data, kinetic.gas("bgk_3v"), ["omega"], noise=NOISE)
    assert other.fits is False and other.rms > 5 * NOISE
    assert calibrate(data[:1], kinetic.gas("bgk_3v")).fits is None  # noise unknown: no verdict


def test_accommodation_of_walls_from_a_velocity_profile():
    gas, x = kinetic.gas("bgk_3v"), np.linspace(-0.45, 0.45, 10)
    data = []
    for delta in (1.0, 5.0):
        flow = kinetic.solve_channel(kinetic.cases.couette(gas, delta=delta, drive=1e-2, accommodation=0.8), gas)
        data.append(MeasuredProfile("couette", delta, x, {"value": np.interp(x, flow.x, flow.u_y) / 1e-2}))
    found = calibrate(data, gas, ["accommodation"], noise=1e-4)
    assert found.values["accommodation"] == pytest.approx(0.8, abs=1e-3) and found.fits


def test_shipped_shocks_are_not_those_of_a_relaxation_model():
    """VHS molecules, viscosity ~ T^0.81, Mach 2: Shakhov comes nearest (0.5 % of the jump), far beyond the noise of 0.1 %."""
    data = load_profiles(only=[2.0])
    found = calibrate(data, kinetic.gas("shakhov_3v"), noise=1e-3)
    assert found.fits is False and 3e-3 < found.rms < 1e-2 and found.probability < 1e-10


@pytest.mark.slow
def test_exponent_of_a_particle_simulation_by_the_boltzmann_equation():
    found = calibrate(load_profiles(only=[2.0]), kinetic.gas("hard_sphere_3v", omega=0.75), noise=1e-3)
    assert found.values["omega"] == pytest.approx(0.81, abs=0.01) and found.rms < 1e-3 and found.fits


def test_shipped_table():
    profiles = load_profiles()
    assert [p.parameter for p in profiles] == [1.6, 2.0, 4.0, 6.0]
    for profile in profiles:
        rho, T = profile.values["rho_n"], profile.values["T_n"]
        assert profile.x.size == 9 and np.all(np.diff(rho) > 0) and np.all(T > rho)  # temperature rises first
    assert max(profiles[-1].values["T_n"]) > 1 > max(profiles[0].values["T_n"])  # overshoot of strong shocks


GOOD = "mach,x_over_lambda1,rho_n,T_n\n" + "".join(f"2,{x},{0.5 + x / 10},\n" for x in (-2, -1, 0, 1, 2))


def test_a_quantity_may_be_missing(tmp_path):
    (tmp_path / "a.csv").write_text("# density alone\n" + GOOD)
    (profile,) = load_profiles(tmp_path / "a.csv")
    assert np.isnan(profile.values["T_n"]).all() and profile.values["rho_n"].tolist() == [0.3, 0.4, 0.5, 0.6, 0.7]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "no table"),
        ("a,b\n1,2\n", "columns a, b"),
        ("mach,mach\n1,2\n", "stands twice"),
        (GOOD.replace("2,-1,0.4,", "2,-1,x,"), "line 3, rho_n"),
        (GOOD.replace("2,-1,0.4,", "2,-1,nan,"), "line 3, rho_n"),
        (GOOD.replace("2,-1,0.4,", "0.9,-1,0.4,"), "line 3: mach"),
        (GOOD.replace("2,-1,0.4,", "2,-1"), "line 3: 2 columns"),
        (GOOD.replace("2,0,", "3,0,"), "fewer than 3 values"),
        ("flow,delta,x_over_H,value\npipe,1,0,0\n", "flow 'pipe'"),
        ("flow,delta,x_over_H,value\ncouette,1,0.7,0\n", "x_over_H"),
    ],
)
def test_bad_tables_are_refused_by_name(tmp_path, text, named):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(kinetic.InputError, match=named) as error:
        load_profiles(path)
    assert str(path) in str(error.value)


def test_a_pipe_is_no_table(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(kinetic.InputError, match=r"pipe\.csv: there is no such file"):
        load_profiles(tmp_path / "pipe.csv")


@pytest.mark.parametrize(
    ("gas", "free", "named"),
    [
        ("bgk_3v", ["mu"], "mu is unknown"),
        ("bgk_3v", ["prandtl"], "free=prandtl"),
        ("bgk_3v", ["accommodation"], "touch no wall"),
    ],
)
def test_what_the_data_cannot_tell_is_refused(gas, free, named):
    with pytest.raises(kinetic.InputError, match=named):
        calibrate(load_profiles(only=[2.0]), kinetic.gas(gas), free)
