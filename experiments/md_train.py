"""Train a potential on labelled configurations: ``checkpoint.pt``, ``metrics.jsonl``, ``metrics.json``, the learning curve."""

from __future__ import annotations

import json
import shlex

from omegaconf import DictConfig

from knudsen import molecular
from knudsen.build import make
from knudsen.experiments import md_plots, md_setup, setup
from knudsen.experiments.output import Output
from knudsen.experiments.paths import quote_path
from knudsen.experiments.progress import bar

RESUMES = "same"  # the same run goes on where it stopped


def run(cfg: DictConfig, output: Output) -> int:
    settings = setup.plain(cfg.train)
    held_out = settings.pop("validation")
    options = make(molecular.TrainOptions, settings, "train", seed=cfg.seed)
    training = md_setup.frames(cfg, with_labels=True)
    if isinstance(held_out, str):
        validation = md_setup.labelled(molecular.read_frames(held_out), f"train.validation={held_out}")
    else:
        training, validation = molecular.split(training, held_out, seed=cfg.seed)
    potential = md_setup.new_potential(cfg, training)
    recipe = {"data": setup.plain(cfg.system.data), "train": setup.plain(cfg.train), "seed": cfg.seed}
    with bar("training", cfg.progress) as progress:
        result = molecular.train(
            potential,
            training,
            validation,
            options,
            output.directory,
            recipe=recipe,
            progress=lambda step, state: progress(step / options.steps, _in_words(step, state)),
        )
    lines = (output.directory / "metrics.jsonl").read_text().splitlines()
    output.json("metrics.json", result | {"training_frames": len(training), "validation_frames": len(validation)})
    output.figure("learning", md_plots.learning_figure([json.loads(line) for line in lines], potential.name))
    print(f"{potential.name}: {_in_words(result['step'], result)}, {result['seconds']:.0f} s")
    checkpoint = quote_path(f"checkpoint={output.directory / 'checkpoint.pt'}")
    use = ["knudsen", "experiment=md_evaluate", f"potential={setup.option('potential')}", checkpoint, "system.data=FILE"]
    print(f"use it with {shlex.join(use)}")
    return 0


def _in_words(step: int, state: dict) -> str:
    if not state:
        return f"step {step}"
    return f"step {step}, force RMSE {state['force_rmse']:.3f} eV/A, energy RMSE {1e3 * state['energy_rmse']:.2f} meV/atom"
