"""A labelled set of kinetic solutions: ``labels.nc``, for ``knudsen.kinetic.load_trajectories`` and for ``experiment=train``."""

from omegaconf import DictConfig

from knudsen.build import make
from knudsen.closure.training import labels
from knudsen.closure.training.labels import LabelRequest
from knudsen.errors import InputError
from knudsen.experiments import setup
from knudsen.experiments.output import Output
from knudsen.experiments.progress import bar
from knudsen.seeds import JUDGED, LAST_LABELLED


def run(cfg: DictConfig, output: Output, labels=labels) -> int:
    """``labels``: the module that makes them (a learned closure may need its own)."""
    gas = setup.gas(cfg)
    request = make(LabelRequest, setup.plain(cfg.label), "label")
    if not 0 <= request.seed <= LAST_LABELLED:
        raise InputError(
            f"label.seed={request.seed}: give an integer from 0 to {LAST_LABELLED}; from {JUDGED} on seeds are for evaluation"
        )
    with bar("labels", cfg.progress) as progress:
        data = labels.make(
            output.directory / labels.NAME,
            gas,
            request,
            workers=setup.workers(cfg),
            progress=progress,
            attributes=output.attributes,
        )
    trajectories, snapshots, cells = len(set(data.trajectory.values.tolist())), data.sizes["snapshot"], data.sizes["cell"]
    content = f"{trajectories} trajectories, {snapshots} snapshots of {cells} cells"
    print(f"wrote {labels.NAME} in {output.directory}: {content}", flush=True)
    return 0
