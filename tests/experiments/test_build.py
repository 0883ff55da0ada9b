"""knudsen.build: only what a configuration may name is built, and every mistake is told by its key."""

import io

import pytest

from knudsen.build import build, locate
from knudsen.errors import InputError
from knudsen.kinetic import Case, Gas

GAS = {"_target_": "knudsen.kinetic.Gas", "name": "bgk_1v", "dims": 1}


def test_builds_what_the_configuration_says():
    assert build(GAS | {"omega": 0.5}, "gas") == Gas("bgk_1v", 1, omega=0.5)


def test_given_arguments_go_where_the_target_names_them():
    """A wave takes the seed, Sod's tube does not: one call builds either."""
    for name in ("wave", "sod"):
        assert isinstance(build({"_target_": f"knudsen.kinetic.cases.{name}", "cells": 20}, "case", seed=3, mach=2.0), Case)


@pytest.mark.parametrize("target", ["os.system", "builtins.eval", "subprocess.run", "json.loads", "kinetics.Gas"])
def test_targets_outside_the_project_are_refused(target):
    with pytest.raises(InputError, match=r"case\._target_"):
        build({"_target_": target}, "case")


@pytest.mark.parametrize("target", [None, 3, "Gas", "knudsen.kinetic.Nothing", "kinetic.nothing.Gas", "kinetic."])
def test_targets_that_are_not_there_are_refused(target):
    with pytest.raises(InputError, match=r"gas\._target_"):
        build(GAS | {"_target_": target}, "gas")


def test_keys_are_checked_by_name():
    with pytest.raises(InputError, match=r"gas\.nonsense: unknown key; known: .*omega"):
        build(GAS | {"nonsense": 1}, "gas")
    with pytest.raises(InputError, match=r"gas\.dims: a value is needed"):
        build({"_target_": "knudsen.kinetic.Gas", "name": "bgk_1v"}, "gas")
    with pytest.raises(InputError, match=r"gas\._target_ is missing"):
        build({"name": "bgk_1v"}, "gas")


def test_with_a_base_any_module_will_do_but_only_a_subclass():
    assert locate("io.StringIO", "closure.network", base=io.TextIOBase) is io.StringIO
    for target in ("io.BytesIO", "io.open", "json.dumps"):
        with pytest.raises(InputError, match="not a subclass of"):
            locate(target, "closure.network", base=io.TextIOBase)
