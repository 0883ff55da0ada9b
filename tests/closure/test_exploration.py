"""Exploration, labeling, training of closures: labels of windows, what is doubtful, and the loop on every executor."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from knudsen import elt, kinetic
from knudsen.closure import registry
from knudsen.closure.training import exploration, labels
from knudsen.elt import executors, tree
from knudsen.errors import InputError
from knudsen.kinetic import cases

GAS = kinetic.gas("bgk_1v")
CLOSURE = {
    "name": "herm_mlc",
    "moments": 5,
    "network": {"_target_": "knudsen.closure.learned.networks.Equivariant", "width": 8, "depth": 1},
}
EXPLORER = exploration.Explorer(GAS, CLOSURE, cases=4, kinds=("wave", "mix"), cells=40, window=10, times=(0.004, 0.02))
LABELER = exploration.Labeler(GAS, refine=3, velocity_points=64, order=6)
TRAINER = exploration.Trainer(GAS, CLOSURE, steps=20, options={"batch": 64, "threads": 1})
WAVE = {"kind": "wave", "seed": 3, "amplitude": 1.0, "knudsen": 0.1}


def window(case=WAVE, time=0.02, first=10, cells=40, width=10):
    return {"case": case, "cells": cells, "time": time, "first": first, "width": width}


@pytest.mark.parametrize(
    "case",
    [
        WAVE,
        WAVE | {"kind": "mix", "knudsen": 1e-3},
        {"kind": "transition", "seed": 5, "amplitude": 1.3},
        {"kind": "shock", "mach": 1.5},
    ],
    ids=lambda case: case["kind"],
)
def test_local_label_is_the_whole_domains(case):
    """Only particles of more than six thermal speeds, with 2e-5 of the highest moment, come from beyond what is computed."""
    for first in (0, 20, 30):  # at the ends the window goes on at the other end, or with the end state
        request = window(case, time=0.001 if case["kind"] == "shock" else 0.02, first=first)
        local, whole = LABELER(request), replace(LABELER, local=False)(request)
        assert local["share"] < 0.75 and whole["share"] == 1.0
        size = np.abs(whole["G"]).max(axis=1, keepdims=True)
        assert np.abs(local["G"] - whole["G"]).max() < 2e-5 * size.max()
        assert np.abs((local["G"] - whole["G"]) / size).max() < 2e-5
        assert np.array_equal(local["knudsen"], whole["knudsen"]) and local["dx"] == pytest.approx(whole["dx"], rel=1e-12)


def test_label_is_a_part_of_the_kinetic_solution():
    """The moments of the window's cells and one beside it, of the same case as the standard evaluation's, solved as a whole."""
    request = window(first=30)
    label = LABELER(request)
    case = cases.wave(3, cells=120, knudsen=0.1, t_end=0.02)
    solution = kinetic.simulate(case, replace(GAS, velocity_points=64), order=6)[0].averaged(40)
    cells = np.arange(29, 41) % 40
    assert np.allclose(label["G"], solution.G[-1][:, cells], rtol=1e-4, atol=1e-4)  # to the solver's error on its own velocities
    assert label["G"].shape == (7, 12)


def test_transverse_moments_are_labelled_too():
    labeler = exploration.Labeler(kinetic.gas("bgk_3v"), refine=2, velocity_points=48, order=6)
    local, whole = (replace(labeler, local=value)(window()) for value in (True, False))
    for name in ("G", "H"):
        assert np.abs(local[name] - whole[name]).max() < 2e-5 * np.abs(whole[name]).max() and local["share"] < 1


def test_amplitude_scales_deviations_and_keeps_states_positive():
    for kind in ("wave", "mix", "equilibrium"):
        spec = WAVE | {"kind": kind}
        standard = getattr(cases, kind)(3, cells=40, knudsen=0.1)
        same, none, large = (exploration.case_of(spec | {"amplitude": A}, GAS, 40, (0.1,)) for A in (1.0, 1e-12, 4.0))
        for name in ("rho", "u", "T"):
            assert np.allclose(getattr(same, name), getattr(standard, name), rtol=1e-12, atol=1e-15)
            assert np.ptp(getattr(none, name), axis=1).max() < 1e-10
        assert large.rho.min() > 0 and large.T.min() > 0 and np.allclose(large.u, 4 * standard.u)


def test_windows_tile_every_saved_time_and_mirror_images_lie_together():
    law = registry.untrained(GAS, **CLOSURE)
    found = EXPLORER.propose(WAVE, None)
    assert sorted((c.request["time"], c.request["first"]) for c in found) == [
        (t, f) for t in (0.004, 0.02) for f in (0, 10, 20, 30)
    ]
    rows = torch.tensor(found[1].data)
    knudsen = np.full(10, 0.1)
    mirrored = exploration.place(law, (rows * law.parity_in).float().flip(0), knudsen)
    assert np.allclose(mirrored, exploration.place(law, rows, knudsen), rtol=1e-5)
    assert found[0].features[0] == pytest.approx(-1.0)  # log10 of the Knudsen number


def test_windows_see_what_the_training_sees():
    """The inputs that are scored are those that the labels of the same states give: here at the start, where both are exact."""
    law = registry.untrained(GAS, **CLOSURE)
    request = window(time=1e-9)
    data = exploration.dataset([elt.Label("0", request, "ok", LABELER(request))])
    from knudsen.closure.training import regression as training

    proposed = replace(EXPLORER, times=(1e-9,)).propose(WAVE, law)[1]
    assert proposed.request == request
    assert np.allclose(training.samples(law, data).phi.numpy(), proposed.data, rtol=2e-3, atol=2e-3)


def test_windows_of_a_solution_that_diverged_are_not_proposed():
    class Broken(torch.nn.Module):
        def forward(self, x):
            return x.new_full((len(x), 1), torch.nan)

    law = registry.untrained(GAS, **CLOSURE)
    law.network.network = Broken()
    assert EXPLORER.propose(WAVE, law) == []


def test_disagreement_is_the_spread_of_the_closing_coefficient():
    """Two members that say N and N + 2 d differ by the standard deviation d, in every window."""
    found = EXPLORER.propose(WAVE, None)
    law = registry.untrained(GAS, **CLOSURE)

    class Shifted:
        def __init__(self, shift):
            self.shift = shift

        def correction(self, phi):
            return law.correction(phi) + self.shift

    with torch.no_grad():
        scores = exploration.Disagreement().score([Shifted(0.0), Shifted(0.2)], found)
        assert np.allclose(scores, 0.1, rtol=1e-5) and scores.shape == (len(found),)
        assert np.allclose(exploration.Disagreement().score([law, law], found), 0.0)


@pytest.fixture(scope="module")
def some_labels():
    requests = [window(WAVE | {"seed": seed}, first=first) for seed in (1, 2, 3) for first in (0, 20)]
    return [elt.Label(str(i), request, "ok", LABELER(request)) for i, request in enumerate(requests)]


def test_labels_of_one_case_are_held_out_together(some_labels):
    data = exploration.dataset(some_labels)
    assert data.trajectory.values.tolist() == [0, 0, 1, 1, 2, 2]
    assert dict(data.sizes) == {"snapshot": 6, "moment": 7, "cell": 12}
    assert (
        not data.periodic.any() and labels.FORMAT
    )  # slopes at the ends are one-sided there, so the end cells are not trained on


def test_training_goes_on_from_the_last_weights(some_labels):
    """With a vanishing learning rate a warm start gives the weights back; a cold one depends on the seed alone."""
    frozen = replace(TRAINER, steps=1, options=TRAINER.options | {"learning_rate": 1e-12})
    first = TRAINER.train(some_labels, None, 0, 1)
    warm = frozen.train(some_labels, first, 0, 2)
    cold, again = (replace(frozen, warm=False).train(some_labels, previous, 0, 2) for previous in (first, None))
    weights = [
        np.concatenate([p.detach().numpy().ravel() for p in law.network.parameters()]) for law in (first, warm, cold, again)
    ]
    assert np.allclose(weights[1], weights[0], atol=1e-7)
    assert not np.allclose(weights[2], weights[0], atol=1e-3) and np.array_equal(weights[2], weights[3])
    saved = TRAINER.save(first)
    assert tree.key_of(TRAINER.save(TRAINER.load(tree.decode(tree.encode(saved))))) == tree.key_of(saved)


def run(folder, executor):
    settings = elt.Settings(batch=4, first=6, budget=10, iterations=2, members=2, seed=1)
    parts = EXPLORER, exploration.Disagreement(), LABELER, TRAINER
    return elt.run(*parts, elt.Store(folder, durable=False), settings, executor)


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    return run(tmp_path_factory.mktemp("serial"), executors.make("serial"))


@pytest.mark.parametrize("name", ["processes", pytest.param("dask", marks=pytest.mark.slow)])
def test_every_executor_gives_the_same_result(serial, tmp_path, name):
    """The same labels and weights, to round-off: the sums of compiled code are reordered as memory lies."""
    if name == "dask":
        pytest.importorskip("distributed", reason="the cluster extra is not installed")
    with executors.make(name, 1) as executor:  # in which order work finishes is the driver's concern, and tested there
        other = run(tmp_path, executor)
    assert [label.request for label in other.labels] == [label.request for label in serial.labels]
    for ours, theirs in zip(other.labels, serial.labels):
        np.testing.assert_allclose(ours.value["G"], theirs.value["G"], rtol=1e-9, atol=1e-12)
    for ours, theirs in zip(other.models, serial.models):
        for a, b in zip(ours.network.parameters(), theirs.network.parameters()):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)  # training amplifies the last bits of labels
    assert len(serial.labels) == 10 and {label.status for label in serial.labels} == {"ok"}


@pytest.mark.parametrize(
    "bad, text",
    [
        ({"kinds": ("wave", "strong")}, "explore.kinds: strong"),  # strong cases are for tests only
        ({"window": 7}, "explore.window=7"),
        ({"knudsen": (0.0, 1.0)}, "explore.knudsen"),
        ({"times": (0.1, 0.05)}, "explore.times"),
        ({"cases": 0}, "explore.cases"),
    ],
)
def test_bad_ranges_are_named(bad, text):
    with pytest.raises(InputError, match=text):
        replace(EXPLORER, **bad)
