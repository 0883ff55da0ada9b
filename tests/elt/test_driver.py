"""The loop itself: the same result everywhere, what it stops for, what it selects, ask and tell."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import toy

from knudsen import elt
from knudsen.elt import executors


@pytest.mark.parametrize("name", ["processes", pytest.param("dask", marks=pytest.mark.slow)])  # dask: as in test_kills
@pytest.mark.parametrize("limit", [None, 30.0])
def test_same_bits_on_every_executor(tmp_path, undisturbed, name, limit):
    if name == "dask":
        pytest.importorskip("distributed", reason="the cluster extra is not installed")
    settings = elt.Settings(**vars(toy.SETTINGS) | {"limit": limit})
    with executors.make(name, 2) as executor:
        result = toy.solve(tmp_path, executor, settings=settings)
    assert toy.fingerprint(result) == undisturbed()


def test_any_executor_of_the_standard_library_will_do(tmp_path, undisturbed):
    with ThreadPoolExecutor(3) as executor:
        assert toy.fingerprint(toy.solve(tmp_path, executor)) == undisturbed()


def test_ask_and_tell_give_the_result_of_run(tmp_path, undisturbed):
    store, sine = elt.Store(tmp_path / "store"), toy.Sine(str(tmp_path / "counts"))
    loop = elt.Loop(
        toy.Points(), elt.Disagreement(toy.predict), sine.settings, toy.Polynomials(), store, toy.SETTINGS, identity={"toy": 1}
    )
    store.lock()
    loop.begin()
    while requests := loop.ask():
        assert loop.ask() == requests
        key = max(requests)  # in any order
        loop.tell(key, sine(requests[key]))
    store.unlock()
    assert toy.fingerprint(loop.result()) == undisturbed()


def test_more_budget_continues_the_run(tmp_path):
    small = elt.Settings(**vars(toy.SETTINGS) | {"budget": 10})
    assert toy.solve(tmp_path / "a", settings=small).reason == "budget"
    grown, straight = toy.solve(tmp_path / "a"), toy.solve(tmp_path / "b")
    assert toy.fingerprint(grown) == toy.fingerprint(straight)
    assert set(toy.computations(tmp_path / "a").values()) == {1}


def test_run_stops_when_few_candidates_are_left(tmp_path):
    result = toy.solve(tmp_path, settings=elt.Settings(**vars(toy.SETTINGS) | {"stop_fraction": 1.0}))
    assert (result.reason, len(result.labels)) == ("candidate fraction", toy.SETTINGS.first)


def test_selection_keeps_between_the_trust_levels_and_counts_nan_as_beyond():
    scores = np.array([0.0, 0.1, 0.2, 0.3, 0.9, np.nan, np.inf])
    picked = elt.select(scores, np.arange(7.0)[:, None], 9, lower=0.1, upper=0.5)
    assert sorted(picked.chosen) == [1, 2, 3]
    assert picked.chosen[0] == 3  # the largest score first, where nothing is known
    assert (picked.explored, picked.candidates, picked.beyond) == (7, 3, 3)


def test_farthest_points_cover_clusters_before_copies():
    """Three tight clusters, unequally full: three points are one of each, and copies are never taken."""
    rng = np.random.default_rng(0)
    centres = np.repeat([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]], [50, 5, 1], axis=0)
    points = centres + 0.01 * rng.random(centres.shape)
    assert len({tuple(centres[i]) for i in elt.farthest_points(points, 3)}) == 3
    assert elt.farthest_points(np.zeros((5, 2)), 5) == [0]
    assert elt.farthest_points(points, 56, known=points[:1], closest=1.0)[:2] != []
    assert len(elt.farthest_points(points, 56, known=points[:1], closest=1.0)) == 2


def test_disagreement_is_the_largest_standard_deviation():
    score = elt.Disagreement(lambda model, candidate: model * candidate.request["x"]).score(
        [np.array([1.0, 0.0]), np.array([3.0, 0.5])], [elt.Candidate({"x": 2.0}, np.zeros(1))]
    )
    assert score == pytest.approx([2.0])  # of 2 and 6


@pytest.mark.parametrize(
    "bad", [{"lower": 2.0, "upper": 1.0}, {"batch": 0}, {"budget": True}, {"limit": 0.0}, {"stop_fraction": 2.0}, {"seed": -1}]
)
def test_bad_settings_are_named(bad):
    with pytest.raises(elt.EltError, match=next(iter(bad))):
        elt.Settings(**bad)


def test_bad_executors_are_named():
    with pytest.raises(elt.EltError, match=r"executor=mpi: unknown; known: serial, processes, dask"):
        executors.make("mpi")
    with pytest.raises(elt.EltError, match=r"executor\.workers=0"):
        executors.make("processes", 0)


def test_labeler_that_does_not_pickle_is_named(tmp_path):
    labeler = toy.Sine("")
    object.__setattr__(labeler, "counts", open(tmp_path / "open", "w"))
    with pytest.raises(elt.EltError, match=r"the labeler does not pickle"):
        elt.run(toy.Points(), elt.Disagreement(toy.predict), labeler, toy.Polynomials(), elt.Store(tmp_path / "s"), toy.SETTINGS)
    labeler.counts.close()
