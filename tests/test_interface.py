"""The package from Python: light to import, the solvers' own numbers, one kind of data set, errors that say what to do."""

import subprocess
import sys

import numpy as np
import pytest

import knudsen as kn
from knudsen.errors import InputError

GAS = kn.gas("bgk_1v")
CASE = kn.cases.sod(knudsen=0.1, cells=20, t_end=0.02, save_times=(0.01,))


def test_importing_is_light():
    code = (
        "import sys, knudsen as kn; kn.gas('bgk_1v'); kn.cases.sod(); assert {'solve', 'plot'} <= set(dir(kn));"
        "heavy = {'torch', 'numba', 'matplotlib', 'xarray', 'hydra'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_both_solvers_give_one_kind_of_data_set():
    kinetic, euler = kn.solve(CASE, GAS), kn.solve(CASE, GAS, "euler")
    for data in (kinetic, euler):
        assert dict(data.sizes) == {"time": 3, "x": 20} and set(data.data_vars) == {"rho", "u", "T", "q", "knudsen"}
        assert data.time.values == pytest.approx([0, 0.01, 0.02]) and data.attrs["status"] == "ok"
        assert all(data[name].attrs["units"] for name in data.variables)
    assert (kinetic.attrs["model"], euler.attrs["model"]) == ("kinetic", "euler")
    assert not euler.q.any() and abs(kinetic.q).max() > 0
    direct = kn.kinetic.simulate(CASE, GAS)[0]
    np.testing.assert_allclose(kinetic.T, direct.T, rtol=1e-10)


def test_two_space_dimensions_give_that_kind_of_data_set_too():
    gas, cases = kn.gas("bgk_2v"), kn.kinetic.plane_cases
    steady, wave = cases.cavity(cells=(6, 5), knudsen=0.1, lid=0.1), cases.wave2d(seed=0, cells=(6, 5), t_end=0.01)
    for case, times in ((steady, [np.inf]), (wave, [0, 0.01])):
        exact, moments = kn.solve(case, gas), kn.solve(case, gas, "grad13")
        for data, model in ((exact, "kinetic"), (moments, "grad13")):
            assert data.rho.dims == ("time", "y", "x") and data.time.values.tolist() == times and data.attrs["model"] == model
            assert data.attrs["status"] == "ok" and data.attrs["steps"] > 0
            assert all(data[name].attrs["units"] for name in data.variables)
    assert len(kn.plot(moments).axes) > 4
    with pytest.raises(InputError, match="closure=herm_mlc: has no form in two space dimensions"):
        kn.solve(wave, gas, "herm_mlc")


def test_a_law_goes_where_its_name_could():
    law = kn.closure.build("grad", GAS, moments=5)
    assert kn.solve(CASE, GAS, law).attrs["model"] == "grad"


def test_comparison_begins_with_the_truth():
    data = kn.compare(kn.cases.sod(knudsen=0.1, cells=40, t_end=0.05), GAS, ["grad", "euler"])
    assert list(data.model.values) == ["kinetic", "grad", "euler"] and data.rho.dims == ("model", "time", "x")
    assert not data.rel_l2.sel(model="kinetic").any()
    assert float(data.rel_l2.sel(model="grad")[-1]) < float(data.rel_l2.sel(model="euler")[-1])
    assert len(kn.plot(data).axes) == 8
    with pytest.raises(InputError, match="different"):
        kn.compare(CASE, GAS, ["nsf", "nsf"])


def test_sweep_has_a_dimension_for_each_key():
    def run(knudsen, t_end):
        return kn.solve(kn.cases.sod(knudsen=knudsen, cells=20, t_end=t_end), GAS, "euler").isel(time=-1, drop=True)

    swept = kn.sweep(run, knudsen=[0.1, 1.0], t_end=[0.01, 0.02, 0.03])
    assert swept.rho.sizes == {"knudsen": 2, "t_end": 3, "x": 20}
    np.testing.assert_allclose(swept.rho.sel(knudsen=1.0, t_end=0.02), run(1.0, 0.02).rho, rtol=1e-12)
    with pytest.raises(InputError, match="do not fit together"):
        kn.sweep(lambda cells: kn.solve(kn.cases.sod(cells=cells, t_end=0.001), GAS, "euler"), cells=[10, 20])
    with pytest.raises(InputError, match="at least one key"):
        kn.sweep(run)


def test_every_result_is_drawn():
    one = kn.solve(CASE, GAS, "euler")
    assert kn.plot(one).axes and len(kn.plot({"a": one, "b": one}).axes) == 4
    with pytest.raises(InputError, match="plot: not what"):
        kn.plot(one.isel(time=-1, drop=True))


@pytest.mark.parametrize(
    "call, word",
    [
        (lambda: kn.solve(CASE, GAS, "nonsense"), "nonsense"),
        (lambda: kn.solve(CASE, GAS, threads=0), "threads=0"),
        (lambda: kn.gas("argon"), "argon"),
        (lambda: kn.shock(GAS, 0.5), "mach"),
        (lambda: kn.cases.sod(knudsen=-1), "knudsen"),
    ],
)
def test_mistakes_say_what_to_do(call, word):
    with pytest.raises(InputError, match=word):
        call()


def test_reprs_are_short():
    assert len(repr(CASE)) < 150 and "sod" in repr(CASE) and "0.1" in repr(CASE)
    assert len(repr(GAS)) < 250


def test_closures_may_have_names_of_their_own():
    data = kn.compare(CASE, GAS, {"ideal": "euler", "four": kn.closure.build("grad", GAS, moments=4)})
    assert data.model.values.tolist() == ["kinetic", "ideal", "four"]
    with pytest.raises(InputError, match="name of the kinetic solution"):
        kn.compare(CASE, GAS, {"kinetic": "euler"})


def test_shock_on_a_given_window():
    data = kn.shock(GAS, 1.5, window=(-2, 3), spacing=0.5)
    assert data.x.values.tolist() == np.linspace(-2, 3, 11).tolist()
    points = kn.kinetic.load_profiles(only=[2])[0]
    drawn = kn.plot(data, points=points)
    assert len(drawn.axes) == 4 and drawn._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(InputError, match="window"):
        kn.shock(GAS, 1.5, window=(1, 2))


def test_learning_refuses_what_cannot_be_learned():
    for call, word in (
        (lambda: kn.learn(GAS, "euler", labels={"wave": 1}), "nothing to learn"),
        (lambda: kn.learn(GAS, "nonsense", labels={"wave": 1}), "nonsense"),
        (lambda: kn.learn(GAS, labels={"waves": 1}), "label.waves"),
        (lambda: kn.learn(GAS, labels={}, train={"epoch": 1}), "train.epoch"),
        (lambda: kn.explore(GAS, explore={"case": 3}), "explore.case"),
    ):
        with pytest.raises(InputError, match=word):
            call()


@pytest.mark.parametrize("shown", [CASE, GAS, kn.closure.build("grad", GAS)], ids=["case", "gas", "closure"])
def test_objects_show_themselves_in_notebooks(shown):
    assert len(repr(shown)) < 150 and repr(shown).startswith("<")
    assert shown._repr_html_().startswith("<table>") and "object at" not in shown._repr_html_()
