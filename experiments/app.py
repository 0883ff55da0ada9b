"""The command `knudsen`: one Hydra application. Everything heavy is imported inside the run, so that --help is instant."""

import importlib
import os
import sys
from pathlib import Path

from knudsen.errors import InputError
from knudsen.experiments.help import help_text

INTERRUPTED = 130
# keys that hold paths
PATHS = (
    "hydra.run.dir",
    "hydra.sweep.dir",
    "case.file",
    "train.data",
    "closure.checkpoint",
    "system.data",
    "checkpoint",
    "store",
    "data",
)


def quote_path(argument: str) -> str:
    """key=path -> key='path' where the path has signs of Hydra's grammar in it, such as /runs/closure=nsf."""
    key, _, value = argument.partition("=")
    if key not in PATHS or value.startswith(("'", '"', "[")) or not set(value) & set("=()[]{}"):
        return argument
    escaped = value.replace("'", "\\'")
    return f"{key}='{escaped}'"


def run(cfg) -> int:
    """Run the chosen experiment on a resolved configuration; returns its exit status."""
    from hydra.core.hydra_config import HydraConfig

    from knudsen.experiments import plugins
    from knudsen.experiments.output import Output
    from knudsen.experiments.setup import check_added_keys

    if (here := os.getcwd()) not in sys.path:
        sys.path.append(here)  # a user's own network may lie beside the run
    hydra_config = HydraConfig.get()
    name = hydra_config.runtime.choices.experiment
    brought = plugins.found().get(("experiment", name))
    experiment = brought.load() if brought else importlib.import_module(f"knudsen.experiments.{name}")
    check_added_keys(hydra_config.overrides.task, getattr(experiment, "OPTIONAL", ()))
    try:
        return experiment.run(cfg, Output(Path(hydra_config.runtime.output_dir), cfg)) or 0
    except SystemExit as error:  # of a module that the user named: no silent end
        raise InputError(f"a module ended the run by sys.exit({error.code!r}); let it raise an exception instead") from error


def main() -> int:
    """Exit status: 0 done; 1 bad input (the last line says what); 3 the solution diverged; 130 interrupted.

    With HYDRA_FULL_ERROR=1 in the environment nothing is caught: full tracebacks, for developers.
    """
    if {"-h", "--help"} & set(sys.argv[1:]):
        try:
            print(help_text([argument for argument in sys.argv[1:] if "=" in argument]), flush=True)
        except BrokenPipeError:  # the reader has seen enough: | head
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0

    if "--version" in sys.argv[1:]:
        from knudsen.release import release

        print(release())
        return 0

    for pool in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(pool, "1")  # small arrays: more threads only get in each other's way; workers are threads of ours

    import hydra

    from knudsen.experiments import plugins
    from knudsen.experiments.failure import explain

    sys.argv[1:] = [quote_path(argument) for argument in sys.argv[1:]]
    plugins.announce()
    statuses: list[int] = []
    application = hydra.main(version_base="1.3", config_path="pkg://knudsen.conf", config_name="config")(
        lambda cfg: statuses.append(run(cfg))
    )
    debug = os.environ.get("HYDRA_FULL_ERROR")
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra passes every exception on, and this function words it
    try:
        application()
    except KeyboardInterrupt:
        print("interrupted: only complete files were written", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if debug == "1":
            raise
        print(f"knudsen: {explain(error)}", file=sys.stderr)
        return 1
    finally:
        if debug is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = debug
    return max(statuses, default=0)


if __name__ == "__main__":
    sys.exit(main())
