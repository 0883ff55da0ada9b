"""What a run says of itself: its history, its live view, its report, the summary on the command line."""

import numpy as np
import pytest
import toy
from omegaconf import OmegaConf

from knudsen import elt
from knudsen.elt.selection import weighted_points
from knudsen.experiments import elt_report, elt_run
from knudsen.experiments.output import Output

WORDS = elt_report.Words("Toy", "score", "error", label_size=3, label_unit="numbers")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder, events = tmp_path_factory.mktemp("toy"), []
    result = toy.solve(folder, observer=events.append)
    return elt.Store(folder / "store"), result, events


def test_history_holds_every_iteration(finished):
    store, result, _ = finished
    past = elt.history(store)
    assert [key for i in past for key in i.keys] == [label.key for label in result.labels]
    assert [len(i.keys) for i in past] == [6, 4, 4, 4]
    assert [np.concatenate([i.features for i in past]).ravel().tolist()] == [[label.request["x"] for label in result.labels]]
    for i in past:
        assert len(i.met_scores) == len(i.met_features) == 30 and i.explored == 31  # one was proposed twice
        assert len(i.models) == toy.SETTINGS.members
    assert elt.tree.key_of(past[-1].models) == elt.tree.key_of(result.models)


def test_random_selection_is_uniform_and_ignores_the_scores(tmp_path):
    """The baseline takes what the indicator would refuse, in the same numbers, and its choice depends on the seed alone."""
    settings = elt.Settings(**vars(toy.SETTINGS) | {"selection": "random", "lower": 0.5, "iterations": 3})
    result = toy.solve(tmp_path / "a", settings=settings)
    assert len(result.labels) == 6 + 4 + 4
    assert toy.fingerprint(toy.solve(tmp_path / "b", settings=settings)) == toy.fingerprint(result)
    below = [s for i in elt.history(elt.Store(tmp_path / "a" / "store"))[1:] for s in i.scores if s < 0.5]
    assert below, "the trust levels do not bind a random choice"
    with pytest.raises(elt.EltError, match="another selection"):
        toy.solve(tmp_path / "a", settings=elt.Settings(**vars(settings) | {"selection": "indicator"}))


def test_weighted_choice_follows_score_and_distance():
    """Points 1 and 2 from what is known, with scores 3 and 1: chances 9 and 4 of 13. A copy of what is known, a score of 0 and
    one beyond every number are never drawn; the second draw is the point that is left."""
    points, scores = np.array([0.0, 1.0, -2.0, 5.0, 6.0])[:, None], np.array([1.0, 3.0, 1.0, 0.0, np.inf])
    draws = [weighted_points(points, scores, 9, np.random.default_rng(i), known=np.zeros((1, 1))) for i in range(4000)]
    assert {tuple(sorted(d)) for d in draws} == {(1, 2)}
    share = 9 / 13
    assert abs(np.mean([d[0] == 1 for d in draws]) - share) < 4 * (share * (1 - share) / len(draws)) ** 0.5  # four deviations
    near = [weighted_points(points, scores, 9, np.random.default_rng(i), np.zeros((1, 1)), closest=1.5) for i in range(20)]
    assert near == [[2]] * 20
    assert sorted(weighted_points(points, np.zeros(5), 9, np.random.default_rng(0))) == [0, 1, 2, 3, 4]  # nothing is scored yet


def test_weighted_selection_repeats_itself_and_keeps_the_trust_levels(tmp_path):
    settings = elt.Settings(**vars(toy.SETTINGS) | {"selection": "weighted", "lower": 0.01, "iterations": 3})
    results = [toy.solve(tmp_path / name, settings=settings) for name in "ab"]
    assert toy.fingerprint(results[0]) == toy.fingerprint(results[1])
    scores = np.concatenate([i.scores for i in elt.history(elt.Store(tmp_path / "a" / "store"))[1:]])
    assert len(scores) and (scores >= 0.01).all() and (scores <= settings.upper).all()


def test_live_view_counts_what_the_ledger_counts(finished):
    store, _, events = finished
    told = elt.summary(store.folder)
    view = elt_run.LiveView(False, {"iterations": [], "labelled": 0, "failed": 0})
    for event in events:
        view(event)
    explored = sum(i["explored"] for i in told["iterations"])
    assert view.counts == {
        "explored": explored, "candidates": told["iterations"][-1]["candidates"], "labelled": told["labelled"], "failed": 0,
    }  # fmt: skip
    assert view.estimate == pytest.approx(told["iterations"][-1]["mean_score"])
    assert elt_run.LiveView(False, told).counts == view.counts  # a run that goes on begins where it stopped
    assert {"exploring", "explore", "score", "selected", "label", "train", "checkpoint"} <= {e["event"] for e in events}


def test_report_states_labels_and_errors(finished, tmp_path):
    store, _, _ = finished
    axes = (elt_report.Axis(0, "x"), elt_report.Axis(0, "10 x", 10.0))
    errors = {"mean": [0.4, 0.3, 0.2, 0.123], "worst": [1.0, None, 0.5, 0.25]}
    text = elt_report.write(Output(tmp_path, OmegaConf.create({})), store, WORDS, axes, errors)
    told = elt.summary(store.folder)
    assert f"explored {4 * 31}, labelled 18 (15 % of the explored), failed 0" in text
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    assert ["3", str(3 * 18), "0.123", "0.25"] in rows
    assert ["1", str(3 * 10), "0.3", "-"] in rows
    assert [str(told["iterations"][2]["candidates"])] == [row[2] for row in rows if row[0] == "2" and len(row) == 7]
    assert {p.name for p in tmp_path.iterdir()} >= {"report.md", "progress.png", "coverage.png", "disagreement.png"}


def test_settings_come_from_the_keys_and_bad_ones_are_named():
    cfg = OmegaConf.create({"seed": 3, "elt": {"lower": 0.1, "upper": float("inf"), "budget": 7}})
    assert elt_run.settings(cfg) == elt.Settings(lower=0.1, budget=7, seed=3)
    for keys, text in (
        ({"bugdet": 1}, r"elt\.bugdet: unknown key"),
        ({"batch": 0}, r"elt\.batch=0"),
        ({"selection": "best"}, "elt.selection"),
    ):
        with pytest.raises(ValueError, match=text):
            elt_run.settings(OmegaConf.create({"seed": 0, "elt": keys}))
