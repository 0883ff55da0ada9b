"""What symmetry is worth: test errors of each kind of potential as the training set grows; ``metrics.json``, ``symmetry.png``."""

from __future__ import annotations

import numpy as np
from omegaconf import DictConfig

from knudsen import molecular
from knudsen.experiments import md_plots, md_rivals, md_setup, setup
from knudsen.experiments.output import Output, number, table


def run(cfg: DictConfig, output: Output) -> int:
    labeler = md_setup.labeler(cfg)
    sizes = setup.plain(cfg.frames)
    if not isinstance(sizes, list) or not sizes or not all(isinstance(n, int) and n > 0 for n in sizes):
        raise molecular.InputError(f"frames={sizes}: give a list of positive integers, e.g. [4, 16, 64]")
    held_out = setup.positive(cfg, "test_frames", int)
    for kind in cfg.potentials:
        md_rivals.new(cfg, kind, ["X"])  # bad options are refused before anything is computed
    frames = md_rivals.sampled(cfg, labeler, max(sizes) + held_out)
    pool, test = frames[: max(sizes)], frames[max(sizes) :]
    order = np.random.Generator(np.random.PCG64(cfg.seed)).permutation(len(pool))
    errors: dict[str, list[dict]] = {}
    for kind in cfg.potentials:
        for size in sizes:
            training = [pool[k] for k in sorted(order[:size])]
            _, result = md_rivals.trained(cfg, kind, training, test, output.directory / "trainings" / f"{kind}_{size}")
            errors.setdefault(kind, []).append({name: result[name] for name in ("force_rmse", "energy_rmse", "cpu_seconds")})
    rms = np.sqrt(np.mean(np.concatenate([frame.get_forces() for frame in test]) ** 2))
    about = {"frames": len(test), "force_rms": rms}
    output.json("metrics.json", {"status": "ok", "frames": sizes, "errors": errors, "test": about, "units": molecular.UNITS})
    output.figure("symmetry", md_plots.symmetry_figure(sizes, errors, rms))
    rows = [[md_plots.NAMES[kind], *(number(e["force_rmse"], ".3f") for e in found)] for kind, found in errors.items()]
    print(f"force RMSE [eV/A] on {len(test)} unseen frames (RMS of the forces {rms:.3f})")
    print(table(["frames to train on", *map(str, sizes)], rows))
    output.announce()
    return 0
