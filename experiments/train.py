"""Train the closure under study, on labels given or made first: ``checkpoint.pt``, ``metrics.jsonl``, ``metrics.json``."""

import shlex
from pathlib import Path

import yaml
from omegaconf import DictConfig

from knudsen import closure
from knudsen.build import make
from knudsen.closure.training.epochs import TrainOptions
from knudsen.closure.training.unrolled import UnrollOptions, tune
from knudsen.errors import InputError
from knudsen.experiments import encoder_plots, label, setup
from knudsen.experiments.output import Output
from knudsen.experiments.paths import quote_path
from knudsen.experiments.progress import bar

RESUMES = "same"  # the same run goes on where it stopped


def run(cfg: DictConfig, output: Output) -> int:
    gas = setup.gas(cfg)
    name = setup.study_name(cfg)
    kind, options = setup.closure_config(cfg, name)
    if not issubclass(kind, closure.LearnedLaw):
        raise InputError(f"closure={name}: has nothing to learn; train one with a network, e.g. closure=herm_mlc")
    if "network" not in options:
        raise InputError(f"closure={name}: learns with a network: give closure/network=mlp, or closure.network._target_")
    settings = setup.plain(cfg.train)
    file = settings.pop("data")
    training_options = make(TrainOptions, settings, "train", seed=cfg.seed)
    law = closure.untrained(gas, name=kind, seed=cfg.seed, **options)
    labels, training = closure.training_of(kind)

    unroll = make(UnrollOptions, setup.plain(cfg.unroll), "unroll")
    if unroll.passes and kind.corrects is None:
        raise InputError(f"unroll.passes={unroll.passes}: only closure=herm_mlc trains through the solver, not closure={name}")

    set_aside(output.directory / "state.pt")
    file = file or getattr(labels, "SHIPPED", None)
    if file is None:
        file = output.directory / labels.NAME
        if not file.exists():  # it does where a stopped run goes on
            label.run(cfg, output, labels)
    data = labels.load(file, gas)
    # what the file says was labelled: with train.data it need not be what this run's configuration would ask for
    request = {key.removeprefix("request_"): yaml.safe_load(data.attrs[key]) for key in data.attrs if key.startswith("request_")}
    recipe = {"closure": name, "gas": setup.plain(cfg.gas), "label": request, "seed": cfg.seed, "data": Path(file).name}
    with bar("training", cfg.progress) as progress:
        result = training.train(
            law,
            options["network"],
            data,
            training_options,
            output.directory,
            recipe=recipe,
            progress=lambda epoch, epochs, loss, validation: progress(
                epoch / epochs, f"epoch {epoch}, validation loss {validation:.4g}"
            ),
        )
    if unroll.passes:
        directory = output.directory / "unrolled"
        law = closure.build(kind, gas, checkpoint=output.directory / "checkpoint.pt", network=options["network"])
        with bar("through the solver", cfg.progress) as progress:
            result["unrolled"] = tune(
                law, options["network"], data, training_options, unroll, directory, recipe=recipe,
                progress=lambda epoch, epochs, loss, error: progress(epoch / epochs, f"pass {epoch}, error {error:.4g}"),
            )  # fmt: skip
    output.json("metrics.json", result)
    best = closure.build(kind, gas, checkpoint=output.directory / "checkpoint.pt", network=options["network"])
    for title, figure in encoder_plots.of_training(best, data).items():
        output.figure(title, figure)
    print(f"{name}: {result['epochs']} epochs, validation loss {result['validation_loss']:.4g}, {result['seconds']:.0f} s")
    if unroll.passes:
        before, after = result["unrolled"]["before"], result["unrolled"]["validation_loss"]
        print(f"through the solver: error of the held-out runs {before:.4g} -> {after:.4g}; weights in unrolled/checkpoint.pt")
    print("use it with " + shlex.quote(quote_path(f"closure.checkpoint={output.directory / 'checkpoint.pt'}")))
    return 0


def set_aside(state: Path) -> None:
    """A state to go on from that cannot be read (a disk that was full, a machine that went down) must not block the training."""
    import torch

    try:
        if state.exists():
            torch.load(state, weights_only=True)
    except Exception as error:  # torch raises many kinds for what is not its own
        aside = state.with_name("state.pt.unreadable")
        state.replace(aside)
        (state.parent / "metrics.jsonl").unlink(missing_ok=True)
        why = f"{state} cannot be read ({type(error).__name__})"
        print(f"warning: {why}: the training begins anew; the file is kept as {aside.name}")
