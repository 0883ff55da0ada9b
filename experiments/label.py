"""A labelled set of kinetic solutions for training: ``labels.nc``."""

from omegaconf import DictConfig

from closure import labels
from conf.build import build
from experiments import setup
from experiments.output import Output
from experiments.progress import bar

NAME = "labels.nc"


def run(cfg: DictConfig, output: Output) -> int:
    gas = setup.gas(cfg)
    request = build({"_target_": "closure.labels.LabelRequest"} | setup.plain(cfg.label), "label")
    with bar("labels", cfg.progress) as progress:
        data = labels.make(
            output.directory / NAME,
            gas,
            request,
            workers=setup.workers(cfg),
            progress=progress,
            attributes=output.attributes(),
        )
    print(f"wrote {NAME} in {output.directory}: {data.sizes['snapshot']} snapshots of {data.sizes['cell']} cells")
    return 0
