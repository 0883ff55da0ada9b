"""Which closures are compared: with several numbers of moments, and by default."""

from types import SimpleNamespace

import pytest

from knudsen import closure, kinetic
from knudsen.errors import InputError
from knudsen.experiments import numbers, setup

GAS = kinetic.gas("bgk_1v")
OPTIONS = {"quadrature": {"moments": 9}, "euler": {}, "herm_mlc": {"moments": None, "network": {}}}


@pytest.mark.parametrize("gas", ["es_bgk_3v", "shakhov_3v", "hard_sphere_3v"])
def test_the_default_comparison_has_a_learned_closure_or_says_why_not(monkeypatch, capsys, gas):
    monkeypatch.setattr(setup, "closure_config", lambda cfg, name: (closure.CLOSURES[name], {}))
    monkeypatch.setattr(setup, "study_name", lambda cfg: "herm_mlc")
    monkeypatch.setattr(setup, "_chosen", lambda: False)
    monkeypatch.setattr(setup, "law", lambda cfg, name, gas: closure.build(name, gas))
    laws, unable = setup.able_closures(SimpleNamespace(closures=None), kinetic.gas(gas))
    said = capsys.readouterr().out
    if gas == "hard_sphere_3v":
        assert list(laws) == ["grad", "nsf", "euler"]
        assert said.startswith("herm_mlc is left out of gas=hard_sphere_3v: in its collision integral")
    else:
        assert list(laws) == ["herm_mlc", "grad", "nsf", "euler"] and not said


@pytest.fixture
def expand(monkeypatch):
    monkeypatch.setattr(numbers.setup, "closure_config", lambda cfg, name: (closure.CLOSURES[name], dict(OPTIONS[name])))
    laws = {name: closure.build(name, GAS) for name in OPTIONS}
    return lambda moments: numbers.expand(SimpleNamespace(moments=moments), GAS, laws)


def test_every_closure_with_moments_has_each_number(expand):
    """One without is there once, a learned one with the numbers that it has weights for."""
    laws, unable = expand([6, 9, 13])
    assert list(laws) == ["quadrature_6", "quadrature_9", "quadrature_13", "euler", "herm_mlc_6", "herm_mlc_9"]
    assert [len(law.components) for law in laws.values()] == [6, 9, 13, 3, 6, 9]
    assert list(unable) == ["herm_mlc_13"] and "closure.moments" in unable["herm_mlc_13"]
    assert [numbers.family(name) for name in laws] == ["quadrature"] * 3 + ["euler"] + ["herm_mlc"] * 2
    assert list(expand([])[0]) == list(OPTIONS)


@pytest.mark.parametrize("moments", [[9, 9], [2], 7, ["nine"]])
def test_what_is_no_list_of_numbers_is_refused(expand, moments):
    with pytest.raises(InputError, match="moments="):
        expand(moments)


def test_the_figure_has_a_line_for_each_family_and_hollow_points_where_cases_were_lost(expand):
    laws, _ = expand([7, 9])
    metrics = {name: {"wave": {"mean": 0.01, "diverged": int(name == "quadrature_9")}} for name in laws}
    (axis, *_) = numbers.numbers_figure(metrics, laws, ["wave"], "").axes
    lines = {line.get_label(): list(line.get_xdata()) for line in axis.lines if not line.get_label().startswith("_")}
    assert lines == {
        "quadrature": [7], "quadrature, lost cases left out": [9], "Euler": [3], "HermMLC": [7, 9],
    }  # fmt: skip
