"""Labels, targets, training and checkpoints of the learned closure."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray as xr
from closure_samples import CONVEX, NETWORK, random_moments

from knudsen import closure
from knudsen.closure import checkpoint
from knudsen.closure.training import labels
from knudsen.closure.training import regression as training
from knudsen.closure.training.epochs import TrainOptions, split
from knudsen.errors import InputError
from knudsen.kinetic import cases, load_trajectories, trajectories
from knudsen.kinetic.gas import Gas, gas

REQUEST = labels.LabelRequest(
    wave=4, mix=2, transition=1, equilibrium=1, shocks=(2.0,), shock_windows=3, cells=20, refine=1, velocity_points=None,
    t_end=0.1, snapshots=3, order=9,
)  # fmt: skip
OPTIONS = TrainOptions(epochs=10, batch=64, learning_rate=1e-2, average=10, threads=1)


@pytest.fixture(scope="module")
def label_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("labels") / "labels.nc"
    labels.make(path, gas("bgk_1v"), REQUEST)
    return path


def fresh():
    torch.manual_seed(0)
    return closure.untrained(gas("bgk_1v"), network=NETWORK)


@pytest.mark.parametrize(
    "name, network",
    [
        ("herm_mlc", NETWORK),
        ("herm_mlc", {"_target_": "knudsen.closure.learned.networks.Equivariant", "width": 8}),
        ("enc_mlc", NETWORK),
        ("gradient_net", NETWORK),
        ("entropy_net", CONVEX),
    ],
)
def test_first_weights_follow_the_seed_alone(name, network):
    """Whatever was drawn before; and the draw leaves torch's generator where it was."""

    def weights(seed):
        law = closure.untrained(gas("bgk_1v"), name=name, network=network, seed=seed)
        return torch.cat([p.detach().double().flatten() for p in law.network.parameters()])

    first = weights(0)
    torch.rand(3)
    before = torch.get_rng_state()
    assert torch.equal(weights(0), first) and not torch.equal(weights(1), first)
    assert torch.equal(torch.get_rng_state(), before)


def test_labels_hold_the_moments_of_positive_distributions(label_file):
    data = labels.load(label_file, gas("bgk_1v"))
    assert data.sizes == {"snapshot": 8 * 4 + 3 + 4, "moment": 10, "cell": 20}
    assert (data.G.isel(moment=0) > 0).all()
    for k in (1, 2, 3):  # Cauchy-Schwarz: G_{k}^2 <= G_{k-1} G_{k+1}
        assert (
            data.G.isel(moment=k) ** 2 <= data.G.isel(moment=k - 1) * data.G.isel(moment=k + 1) * (1 + 1e-9)
        ).all() or k % 2 == 0
    assert set(np.unique(data.kind)) == {0, 1, 2, 3, 4, 5}
    assert (label_file.parent / "labels.nc").exists() and len(list(label_file.parent.iterdir())) == 1


def test_labels_are_the_same_for_any_number_of_workers(label_file, tmp_path):
    with_f = replace(REQUEST, wave=7, keep_f=(0.0, 0.05, 0.1))
    one, two = (labels.make(tmp_path / f"{n}.nc", gas("bgk_1v"), with_f, workers=n) for n in (1, 2))
    for name in one.data_vars:
        np.testing.assert_allclose(one[name], two[name], rtol=1e-10, atol=1e-12)
    for a, b in zip(*(load_trajectories(tmp_path / f"{n}.nc") for n in (1, 2)), strict=True):
        np.testing.assert_allclose(a.f, b.f, rtol=1e-10, atol=1e-12)
        assert a.seed == b.seed and a.t_f.tolist() == [0, 0.05, 0.1] and set(a.t) == {*a.t_f, *REQUEST.ladder}


def test_label_files_are_files_of_trajectories(label_file):
    """The snapshots that training sees are the saved times of the trajectories, in their order."""
    g = gas("bgk_1v")
    snapshots, random = labels.load(label_file, g), load_trajectories(label_file, g)
    forming = load_trajectories(label_file, g, group="forming")
    assert [t.case for t in random] == ["wave"] * 4 + ["mix"] * 2 + ["transition", "equilibrium"] and forming[0].case == "shock"
    assert [t.seed for t in random] == [0, 1, 2, 3, 100_000, 100_001, 200_000, 300_000]
    for number, t in enumerate(random + forming):
        here = snapshots.isel(snapshot=(snapshots.trajectory == number) & (snapshots.kind != labels.KINDS.index("shock")))
        np.testing.assert_array_equal(here.G, t.G)
        np.testing.assert_array_equal(here.knudsen[0], t.knudsen)
        assert (here.dx == t.dx).all() and (here.time == t.t).all() and (here.periodic == (number < 8)).all()
    with xr.open_datatree(label_file, engine="h5netcdf") as tree:
        assert tree["forming"].sizes["forming_time"] == len(forming[0].t) and tree["steady"].sizes["steady_cell"] == 20


def test_labels_of_several_viscosity_laws(tmp_path):
    """Every group is of its own gas; training sees the Knudsen number at which the file's gas collides as often. Riemann problems
    have cells of their own width, and so collide in units of their domain."""
    mine, other = gas("bgk_1v"), gas("bgk_1v", omega=0.8)
    few = {"wave": 1, "mix": 0, "transition": 0, "equilibrium": 0, "shocks": (2.0, 3.0), "riemann": 4, "omegas": (None, 0.8)}
    labels.make(tmp_path / "labels.nc", mine, replace(REQUEST, **few))
    data = labels.load(tmp_path / "labels.nc", mine)
    assert sorted(set(data.trajectory.values.tolist())) == list(range(7))  # a wave, two shocks steady and forming, four others
    for first, name, g in ((1, "None", mine), (2, "0.8", other)):
        (forming,) = load_trajectories(tmp_path / "labels.nc", g, group=f"forming_omega_{name}")
        tubes = load_trajectories(tmp_path / "labels.nc", g, group=f"riemann_omega_{name}")
        assert len(tubes) == 2 and len({*(t.seed for t in tubes)}) == 2
        for number, t in ((first, forming), (first + 2, tubes[0]), (first + 4, tubes[1])):
            here = data.isel(snapshot=(data.trajectory == number) & (data.kind != labels.KINDS.index("shock")))
            np.testing.assert_array_equal(here.G, t.G)
            length = here.dx.values[0] / t.dx
            np.testing.assert_allclose(here.knudsen * g.frequency(t.rho, t.T), np.broadcast_to(length * t.knudsen, t.rho.shape))
            assert t.case == "shock" or 0.2 <= length <= 2.0
        steady = data.isel(snapshot=(data.trajectory == first) & (data.kind == labels.KINDS.index("shock")))
        rho, T = steady.G[:, 0], steady.G[:, 2] / steady.G[:, 0] - (steady.G[:, 1] / steady.G[:, 0]) ** 2
        np.testing.assert_allclose(steady.knudsen * g.frequency(rho, T), labels.SHOCK_KNUDSEN, rtol=1e-12)


def test_labels_between_walls(tmp_path):
    """Kinetic solutions, half of them from rest; no mass passes the walls, and the network sees all cells."""
    none = {"wave": 0, "mix": 0, "transition": 0, "equilibrium": 0, "shocks": ()}
    data = labels.make(tmp_path / "labels.nc", gas("bgk_1v"), replace(REQUEST, **none, enclosed=6))
    found = load_trajectories(tmp_path / "labels.nc", gas("bgk_1v"), group="enclosed")
    assert len(found) == 6 and (data.periodic == 0).all() and (data.kind == labels.KINDS.index("enclosed")).all()
    assert 0 < sum(np.ptp(t.rho[0]) == 0 for t in found) < 6
    for t in found:
        np.testing.assert_allclose(t.rho.mean(1), t.rho[0].mean(), rtol=1e-12)
        assert np.ptp(t.rho[-1]) > 1e-3
    seen = training.samples(fresh(), data)
    assert len(seen.phi) == data.sizes["snapshot"] * data.sizes["cell"]  # those at the walls, too


@pytest.mark.parametrize("name", ["bgk_2v", "bgk_3v"])
def test_labels_in_more_dimensions_start_out_of_equilibrium(tmp_path, name):
    request = replace(REQUEST, transition=0, equilibrium=0, shocks=(), keep_f=(0.05,))
    data = labels.make(tmp_path / "labels.nc", gas(name), request)
    assert data.sizes["snapshot"] == 6 * 5 and (data.H.isel(moment=0) > 0).all()
    assert min(abs(t.sigma[0]).max() for t in load_trajectories(tmp_path / "labels.nc", gas(name))) > 1e-3


def test_labels_of_molecules(tmp_path):
    """Boltzmann gases: moments and the pair (g, h) as of the others; of their shocks the steady profile alone, if so asked."""
    molecules = gas("maxwell_2v", velocity_points=16)
    few = {"wave": 1, "mix": 0, "transition": 0, "equilibrium": 0, "cells": 10, "t_end": 0.02, "keep_f": (0.02,)}
    request = replace(REQUEST, shocks=(1.2,), forming=False, shock_windows=3, **few)
    data = labels.make(tmp_path / "labels.nc", molecules, request)
    (t,) = load_trajectories(tmp_path / "labels.nc", molecules)
    np.testing.assert_array_equal(labels.load(tmp_path / "labels.nc", molecules).H, data.H)
    assert t.gas == molecules and t.f.shape == (1, 2, 10, 16) and abs(t.sigma[0]).max() > 0
    assert (data.kind == labels.KINDS.index("shock")).sum() == 3 and (data.trajectory.values[data.kind.values == 4] == 1).all()


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"keep_f": (0.2,)}, "keep_f"),
        ({"keep_f": 0.1}, "keep_f"),
        ({"wave": -1}, "wave"),
        ({"cells": 0}, "cells"),
        ({"cfl": 0}, "cfl"),
        ({"omegas": (0.8, 0.8)}, "omegas"),
    ],
)
def test_bad_label_requests_are_named(change, key):
    with pytest.raises(InputError, match=f"label.{key}"):
        replace(REQUEST, **change)


def test_damaged_labels_are_refused(label_file, tmp_path):
    groups = {name: trajectories.read(label_file, name) for name in (None, "forming", "steady")}
    for group, name in ((None, "G"), ("forming", "knudsen"), ("steady", "dx")):
        trajectories.write(tmp_path / "some.nc", groups | {group: groups[group].drop_vars(name)})
        with pytest.raises(InputError, match=rf"some\.nc.*{name}"):
            labels.load(tmp_path / "some.nc", gas("bgk_1v"))
    del groups["steady"]
    trajectories.write(tmp_path / "some.nc", groups)
    with pytest.raises(InputError, match=r"some\.nc.*steady"):
        labels.load(tmp_path / "some.nc", gas("bgk_1v"))


@pytest.mark.parametrize("moments", [9, 6])
@pytest.mark.parametrize("gas_name", ["bgk_1v", "bgk_3v"])
def test_true_correction_closes_the_moments_exactly(gas_name, moments):
    """With the true a_n or b_n (and zeta) the law's own next moments are the distribution's."""
    g = gas(gas_name)
    law = closure.untrained(g, network=NETWORK, moments=moments)
    G, H = random_moments(g, 10, 11, seed=4)
    V = law.local_variables(law.from_moments(G, H))
    delta = training.true_correction(law, V, G, H)
    V = V.clone()
    V[:, law.closing] += delta
    next_G, next_H = law._moments(V)
    torch.testing.assert_close(next_G[:, -1], G[:, law.n_g], rtol=1e-9, atol=1e-9)
    if H is not None:
        torch.testing.assert_close(next_H[:, -1], H[:, law.n_h], rtol=1e-9, atol=1e-9)


def test_training_learns_and_its_checkpoint_comes_back(label_file, tmp_path):
    law = fresh()
    data = labels.load(label_file, gas("bgk_1v"))
    result = training.train(law, NETWORK, data, OPTIONS, tmp_path, recipe={"seed": 0})
    losses = [json.loads(line)["train_loss"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert len(losses) == result["epochs"] and losses[-1] < 0.9 * losses[0]
    loaded = closure.build("herm_mlc", gas("bgk_1v"), checkpoint=tmp_path / "checkpoint.pt")
    assert loaded.recipe["train"]["epochs"] == OPTIONS.epochs
    assert (tmp_path / "checkpoint.pt").stat().st_size < 2e6


def test_a_stopped_training_goes_on_to_the_same_end(label_file, tmp_path):
    data = labels.load(label_file, gas("bgk_1v"))
    whole = training.train(fresh(), NETWORK, data, OPTIONS, tmp_path / "whole", recipe={})

    class Stop(Exception):
        pass

    def stop(epoch, *_):
        if epoch == 2:
            raise Stop

    with pytest.raises(Stop):
        training.train(fresh(), NETWORK, data, OPTIONS, tmp_path / "stopped", recipe={}, progress=stop)
    resumed = training.train(fresh(), NETWORK, data, OPTIONS, tmp_path / "stopped", recipe={})
    assert resumed["validation_loss"] == whole["validation_loss"]
    a, b = (torch.load(tmp_path / name / "checkpoint.pt", weights_only=True)["state"] for name in ("whole", "stopped"))
    assert all(torch.equal(a[key], b[key]) for key in a)


def test_a_trained_closure_says_where_it_is_outside_of_its_training(label_file, tmp_path):
    """The recipe keeps the largest inputs; gases at rest are within them, jumps beyond every label are not."""
    data = labels.load(label_file, gas("bgk_1v"))
    training.train(fresh(), NETWORK, data, replace(OPTIONS, epochs=1), tmp_path, recipe={})
    law = closure.build("herm_mlc", gas("bgk_1v"), checkpoint=tmp_path / "checkpoint.pt")
    phi = training.samples(law, data).phi.abs()
    assert ((phi <= torch.tensor(law.recipe["largest"])).double().mean(0) > 1 - 2 * training.SEEN - 1 / len(phi)).all()
    within, beyond = cases.wave(3, cells=20, t_end=0.02), cases.cold_hot(ratio=100.0, cells=20, knudsen=10.0, t_end=0.02)
    within = replace(within, rho=1 + 0.01 * within.rho, u=0 * within.u, T=1 + 0 * within.T)
    faint, strong = closure.simulate(law, [within, beyond])
    assert not any("outside its training" in text for text in faint.warnings)
    assert any("outside its training" in text for text in strong.warnings)


def test_the_relative_loss_does_not_know_how_faint_a_wave_is(label_file):
    """A tenth of what the network sees is a tenth of the distance that its error is counted in."""
    law = fresh()
    task = training.Regression(law, training.samples(law, labels.load(label_file, gas("bgk_1v"))))
    phi = task.table.phi[:50]
    far = training.distance(law, phi)
    assert (far > 10 * training.NEAREST).any() and (far <= 1).all()
    tenth = training.distance(law, torch.sinh(0.1 * torch.asinh(phi / law.network.scale_in)) * law.network.scale_in)
    inside = (far > 10 * training.NEAREST) & (far < 1)
    torch.testing.assert_close(tenth[inside], 0.1 * far[inside])


@pytest.mark.parametrize("key", ["posed", "relative"])
def test_penalties_of_herm_mlc_are_refused_where_they_mean_nothing(tmp_path, key):
    with pytest.raises(InputError, match=rf"train\.{key}"):
        TrainOptions(**{key: -1.0})
    law = closure.untrained(gas("bgk_1v"), name="gradient_net", network=NETWORK)
    with pytest.raises(InputError, match=rf"train\.{key}"):
        training.train(law, NETWORK, None, TrainOptions(**{key: 1.0}), tmp_path, recipe={})


def test_a_users_own_network_is_trained_and_loaded(label_file, tmp_path, monkeypatch):
    (tmp_path / "users_network.py").write_text(
        "import torch\n\nclass Linear(torch.nn.Module):\n"
        "    def __init__(self, inputs, outputs, gain=1.0):\n        super().__init__()\n"
        "        self.layer, self.gain = torch.nn.Linear(inputs, outputs), gain\n"
        "    def forward(self, x):\n        return self.gain * self.layer(x)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    config = {"_target_": "users_network.Linear", "gain": 0.5}
    law = closure.untrained(gas("bgk_1v"), network=config)
    options = TrainOptions(epochs=1, batch=512, threads=1)
    training.train(law, config, labels.load(label_file, gas("bgk_1v")), options, tmp_path, recipe={})
    again = closure.build("herm_mlc", gas("bgk_1v"), checkpoint=tmp_path / "checkpoint.pt", network=config)
    assert type(again.network.network).__name__ == "Linear" and again.network.network.gain == 0.5


def test_a_checkpoint_is_for_a_gas_by_what_it_is_not_by_its_name(tmp_path):
    """Velocity dimensions, collisions, Prandtl number; the frequency is the gas's own, but of molecules."""
    checkpoint.save(tmp_path / "some.pt", fresh(), NETWORK, {})
    for same in (Gas("mine", 1), Gas("mine", 1, omega=0.7), Gas("bgk_1v", 1, velocity_points=50)):
        assert closure.build("herm_mlc", same, checkpoint=tmp_path / "some.pt").gas is same
    for other in (Gas("bgk_1v", 2), Gas("bgk_1v", 3)):
        with pytest.raises(InputError, match=r"some\.pt: .*gas\.dims"):
            closure.build("herm_mlc", other, checkpoint=tmp_path / "some.pt")
    assert Gas("a", 3, collision="shakhov").difference(Gas("a", 3, collision="shakhov", prandtl=0.7)) == "prandtl"
    molecules = Gas("a", 2, omega=1.0, collision="boltzmann")
    assert checkpoint.difference(molecules, Gas("a", 2, omega=0.5, collision="boltzmann")) == "omega"
    shipped = closure.build("herm_mlc", Gas("mine", 1))  # files of the time when they knew the gas's name alone
    assert shipped.gas.name == "mine" and not shipped.recipe["gas"].get("name") == "mine"


def test_weights_say_that_they_are_for_another_gas_than_the_one_they_learned_in(tmp_path):
    """Only for a gas that the file names (its frequency is the gas's own again), and then in the warnings of every solution."""
    path, es, case = tmp_path / "some.pt", gas("es_bgk_3v", omega=0.7), cases.sod(cells=10, t_end=1e-3)
    checkpoint.save(path, closure.untrained(gas("bgk_3v"), network=NETWORK), NETWORK, {})
    with pytest.raises(InputError, match=r"some\.pt: .*gas\.collision"):
        closure.build("herm_mlc", es, checkpoint=path)
    checkpoint.extend(path, gas("es_bgk_3v"))
    law = closure.build("herm_mlc", es, checkpoint=path)
    assert law.notes == closure.simulate(law, case, compiled=False)[0].warnings == (law.notes[0],) and "bgk_3v" in law.notes[0]
    assert closure.build("herm_mlc", gas("bgk_3v"), checkpoint=path).notes == ()
    for other in (gas("es_bgk_3v", prandtl=0.7), gas("shakhov_3v")):
        with pytest.raises(InputError, match=r"some\.pt"):
            closure.build("herm_mlc", other, checkpoint=path)


@pytest.mark.parametrize(
    "spoil, word", [("absent", "no such"), ("junk", "not a checkpoint"), ("format", "format"), ("gas", "gas")]
)
def test_bad_checkpoints_are_named(label_file, tmp_path, spoil, word):
    path = tmp_path / "some.pt"
    if spoil == "junk":
        path.write_bytes(b"junk" * 100)
    elif spoil != "absent":
        checkpoint.save(path, fresh(), NETWORK, {})
        content = torch.load(path, weights_only=True)
        content[spoil] = 99 if spoil == "format" else "bgk_3v"
        torch.save(content, path)
    with pytest.raises(InputError, match=word) as error:
        closure.build("herm_mlc", gas("bgk_1v"), checkpoint=path)
    assert "some.pt" in str(error.value)


def test_labels_of_another_gas_or_kind_are_refused(label_file, tmp_path):
    with pytest.raises(InputError, match="bgk_3v"):
        labels.load(label_file, gas("bgk_3v"))
    (tmp_path / "junk.nc").write_bytes(b"junk" * 100)
    with pytest.raises(InputError, match=r"junk\.nc"):
        labels.load(tmp_path / "junk.nc", gas("bgk_1v"))
    with pytest.raises(InputError, match=r"absent\.nc"):
        labels.load(tmp_path / "absent.nc", gas("bgk_1v"))


@pytest.mark.parametrize(
    "name, options", [("nonsense", {}), ("quadrature", {"moments": 14}), ("grad", {"moments": 40}), ("euler", {"moments": 3})]
)
def test_unknown_closures_and_options_are_refused(name, options):
    with pytest.raises(ValueError, match="closure"):
        closure.build(name, gas("bgk_1v"), **options)


@pytest.mark.parametrize("field, value", [("width", 0), ("depth", -1), ("activation", "sine"), ("bogus", 1)])
def test_bad_network_options_are_named(field, value):
    with pytest.raises(ValueError, match=field):
        closure.untrained(gas("bgk_1v"), network=NETWORK | {field: value})


def test_whole_trajectories_are_held_out_and_one_alone_is_both():
    trajectory = torch.tensor([0, 0, 1, 1, 1, 2])
    rows, check = split(trajectory, TrainOptions(validation=0.99))
    assert not set(trajectory[rows].tolist()) & set(trajectory[check].tolist())
    assert len(rows) + len(check) == 6 and len(rows) > 0
    rows, check = split(torch.zeros(4, dtype=torch.long), TrainOptions(validation=0.1))
    assert rows.tolist() == check.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "options, words",
    [
        ({"moments": 14}, ["moments is 14", "5 to 13"]),
        (
            {"moments": 11},
            ["shipped: moments=9; leave closure.moments out", "experiment=train closure=herm_mlc gas=bgk_1v closure.moments=11"],
        ),
    ],
)
def test_options_without_weights_are_answered_with_what_works(options, words):
    """What no weights could have is said as such; for the rest, what is shipped, and the command that trains the others."""
    with pytest.raises(ValueError) as error:
        closure.build("herm_mlc", gas("bgk_1v"), **options)
    assert all(word in str(error.value) for word in words)
