"""``make soak`` draws cases that run, says nothing of good ones, and keeps what is wrong and called right."""

import importlib.util
import json
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location("soak", Path(__file__).parents[2] / "benchmarks" / "soak.py")
soak = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(soak)

CASE = {"kind": "sod", "options": {"knudsen": 0.01}, "cells": 50, "gas": "bgk_1v", "omega": None, "solver": {}}


def test_every_draw_can_be_built_and_is_the_same_again():
    for number in range(25):
        spec = soak.draw_spec(3, number)
        assert spec == soak.draw_spec(3, number) == json.loads(json.dumps(spec))
        case, gas = soak.build(spec)
        assert case.cells == spec["cells"] and gas.name == spec["gas"] and soak.bound_of(spec) > 0


def test_a_wrong_solution_called_ok_is_a_fault(monkeypatch):
    good = soak.timed(CASE | {"model": "nsf"})
    assert good["status"] == "ok" and not good["fault"] and good["error"] < good["bound"]
    monkeypatch.setitem(soak.WORST, "nsf", 1e-6)
    assert "no warning" in soak.timed(CASE | {"model": "nsf"})["fault"]


@pytest.mark.parametrize("field, word", [("T", "not positive"), ("rho", "not finite")])
def test_impossible_values_called_ok_are_a_fault(monkeypatch, field, word):
    simulate = soak.room.simulate

    def spoiled(*args, **options):
        found = simulate(*args, **options)
        getattr(found[0], field)[-1, 3] = -1.0 if word == "not positive" else float("nan")
        return found

    monkeypatch.setattr(soak.room, "simulate", spoiled)
    assert word in soak.timed(CASE | {"model": "nsf"})["fault"]


def test_findings_are_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(soak, "timed", lambda spec: {"fault": "wrong", "status": "ok"})
    counts = soak.soak(0, 0.01, tmp_path)
    kept = sorted(tmp_path.glob("*.json"))
    assert counts["faults"] == len(kept) > 0 and json.loads(kept[0].read_text())["spec"] == soak.draw_spec(0, 0)
