"""Closures that learn, from Python: ``kn.learn`` is ``experiment=train``, ``kn.explore`` is ``experiment=elt``.

Keys and their defaults are those of these experiments (``knudsen --help experiment=train``), so that what was tried in a notebook
runs as a command, and the other way round.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from knudsen.errors import InputError

if TYPE_CHECKING:
    from knudsen.closure import LearnedLaw
    from knudsen.kinetic import Gas

__all__ = ["explore", "learn"]


def learn(
    gas: Gas, closure: str = "herm_mlc", *, labels: Mapping[str, Any] | str | Path | None = None,
    train: Mapping[str, Any] | None = None, network: Mapping[str, Any] | None = None, folder: str | Path | None = None,
    seed: int = 0, threads: int = 1, progress: bool = False, **options: Any,
) -> LearnedLaw:  # fmt: skip
    """A closure with its network trained; ``law.recipe["result"]`` has the epoch and the losses that it was chosen by.

    labels: what to label (keys ``label.*``, such as ``wave=20``: whatever is not named is not labelled), or a file of labels;
    train: keys ``train.*`` (epochs, batch, learning_rate, ...); network: keys ``closure.network.*``; options: of the closure
    (moments, ...). folder: keeps labels and checkpoint, and a training that was stopped goes on there; None: nothing is kept.
    """
    from knudsen import closure as room
    from knudsen.build import make
    from knudsen.closure.training.epochs import TrainOptions
    from knudsen.closure.training.labels import LabelRequest
    from knudsen.experiments.progress import bar

    nothing = {"wave": 0, "mix": 0, "transition": 0, "equilibrium": 0, "shocks": []}
    settings = make(TrainOptions, {"threads": threads} | dict(train or {}), "train", seed=seed)
    config = _network(closure, network)
    law = room.untrained(gas, name=closure, network=config, seed=seed, **options)
    made, training = room.training_of(closure)
    with _folder(folder) as name:
        path = Path(name)
        if labels is None or isinstance(labels, Mapping):
            file = path / made.NAME
            request = make(LabelRequest, (nothing if labels else {}) | dict(labels or {}), "label")
            if not file.exists():
                with bar("labels", progress) as report:
                    made.make(file, gas, request, workers=threads, progress=report)
        else:
            file = Path(labels)
        with bar("training", progress) as report:
            training.train(
                law, config, made.load(file, gas), settings, path, recipe={"closure": closure, "seed": seed},
                progress=lambda epoch, epochs, loss, check: report(epoch / epochs, f"validation loss {check:.3g}"),
            )  # fmt: skip
        best = room.build(closure, gas, checkpoint=path / "checkpoint.pt", network=config)
    assert isinstance(best, room.LearnedLaw)
    return best


def explore(
    gas: Gas, *, explore: Mapping[str, Any] | None = None, label: Mapping[str, Any] | None = None,
    train: Mapping[str, Any] | None = None, elt: Mapping[str, Any] | None = None, network: Mapping[str, Any] | None = None,
    folder: str | Path | None = None, seed: int = 0, threads: int = 1, progress: bool = False, **options: Any,
) -> LearnedLaw:  # fmt: skip
    """An ensemble of HermMLC, taught by exploration, labeling, training: run random cases, label where its members disagree most.

    explore, label, train, elt, network: keys of ``experiment=elt`` that differ from its defaults; options: of the closure.
    folder: the store of labels and models, of which ``kn.elt.summary(folder)`` tells; the same call goes on where a stopped one
    left off. None: nothing is kept.
    """
    from knudsen import elt as room
    from knudsen.build import make
    from knudsen.closure.learned.herm_mlc import ensemble
    from knudsen.closure.training import exploration
    from knudsen.elt import executors
    from knudsen.experiments.elt_run import LiveView

    defaults = _option("experiment/elt")
    given = {"explore": explore, "label": label, "train": train, "elt": elt}
    keys = {part: defaults[part] | dict(of or {}) for part, of in given.items()}
    kind = {"name": "herm_mlc", "moments": defaults["closure"]["moments"], **options}
    kind["network"] = _network("herm_mlc", defaults["closure"]["network"] | dict(network or {}))
    steps, warm = keys["train"].pop("steps"), keys["train"].pop("warm")
    parts = (
        make(exploration.Explorer, keys["explore"], "explore", gas=gas, closure=kind),
        exploration.Disagreement(),
        make(exploration.Labeler, keys["label"], "label", gas=gas),
        exploration.Trainer(gas, kind, steps, keys["train"] | {"threads": 1}, warm),
    )
    identity = {"gas": vars(gas), "closure": kind} | {part: keys[part] for part in ("explore", "label")}
    identity["train"] = keys["train"] | {"steps": steps, "warm": warm}
    with _folder(folder) as name:
        store = room.Store(Path(name))
        kept = executors.make("serial") if threads == 1 else executors.make("processes", workers=threads)
        with kept as executor, LiveView(progress, room.summary(store.folder)) as view:
            found = room.run(*parts, store, make(room.Settings, keys["elt"], "elt", seed=seed), executor, view, identity)
    return ensemble(found.models)


def _folder(folder: str | Path | None) -> AbstractContextManager[str | Path]:
    return TemporaryDirectory() if folder is None else nullcontext(folder)


def _network(closure: str, given: Mapping[str, Any] | None) -> dict[str, Any]:
    """The network of a closure: its default with other keys, or another where ``_target_`` names one."""
    given = dict(given or {})
    if "_target_" in given:
        return given
    chosen = [default["network"] for default in _option(f"closure/{closure}").get("defaults", ()) if "network" in default]
    if not chosen:
        raise InputError(f"closure={closure}: has nothing to learn; train one with a network, e.g. herm_mlc")
    return _option(f"closure/network/{chosen[0]}") | given


def _option(name: str) -> dict[str, Any]:
    """An option file of the command, as it stands."""
    from omegaconf import OmegaConf

    from knudsen.experiments.help import CONF

    file = CONF / f"{name}.yaml"
    if not file.is_file():
        raise InputError(f"closure={Path(name).name}: unknown; `knudsen --help` lists them")
    found = OmegaConf.to_container(OmegaConf.load(file))
    assert isinstance(found, dict)
    return {str(key): value for key, value in found.items()}
