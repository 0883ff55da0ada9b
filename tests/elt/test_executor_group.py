"""The configuration group `executor` and what reads it."""

import inspect
from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from knudsen import conf
from knudsen.elt import executors
from knudsen.experiments import setup

OPTIONS = {path.stem: yaml.safe_load(path.read_text()) for path in (Path(conf.__file__).parent / "executor").glob("*.yaml")}


def test_every_name_is_an_option_and_its_keys_are_arguments():
    assert set(OPTIONS) == set(executors.NAMES)
    for name, keys in OPTIONS.items():
        assert keys["name"] == name
        inspect.signature(executors.make).bind(**keys)


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_kinetic_runs_read_workers_from_every_option(name):
    assert setup.workers(OmegaConf.create({"executor": OPTIONS[name]})) == executors.cores()
    assert setup.workers(OmegaConf.create({"executor": OPTIONS[name] | {"workers": 3}})) == 3


def test_work_that_raises_is_not_taken_for_a_dead_worker():
    pool = executors.Pool(executors.Serial())
    with pytest.raises(ZeroDivisionError):
        pool.map(lambda x: 1 / x, [1, 0])


def test_workers_have_one_thread(tmp_path):
    with executors.make("processes", 1) as executor:
        assert executor.submit(__import__("os").getenv, "OMP_NUM_THREADS").result() == "1"


def test_queued_work_can_be_cancelled():
    with executors.make("processes", 1) as executor:
        running, queued = (executor.submit(__import__("time").sleep, 0.3) for _ in range(2))
        assert queued.cancel() and not running.cancel()
        assert running.result() is None
