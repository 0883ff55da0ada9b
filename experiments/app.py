"""The command `knudsen`: one Hydra application. Everything heavy is imported inside the run, so that --help is instant."""

import contextlib
import importlib
import os
import signal
import sys
from pathlib import Path

from knudsen import ranks
from knudsen.errors import InputError
from knudsen.experiments.help import help_text
from knudsen.experiments.paths import quote_path

INTERRUPTED = 130


def run(cfg, sweeps: list[Path]) -> int:
    """Run the chosen experiment on a resolved configuration; returns its exit status. sweeps: told the folder of a sweep."""
    from hydra.core.hydra_config import HydraConfig

    from knudsen.experiments import keys
    from knudsen.experiments.output import Output
    from knudsen.experiments.record import Record, claimed, status

    if (here := os.getcwd()) not in sys.path:
        sys.path.append(here)  # a user's own network may lie beside the run
    hydra_config = HydraConfig.get()
    choices, overrides = dict(hydra_config.runtime.choices), list(hydra_config.overrides.task)
    directory = Path(hydra_config.runtime.output_dir)
    if hydra_config.mode and hydra_config.mode.name == "MULTIRUN":
        sweeps.append(Path(hydra_config.sweep.dir))
    try:
        experiment = _experiment(choices["experiment"])
        keys.check(cfg, overrides, choices, getattr(experiment, "OPTIONAL", ()))
        record = Record(directory, cfg, choices, overrides)
        with claimed(record, getattr(experiment, "RESUMES", None)):
            code = experiment.run(cfg, Output(directory, cfg, record)) or 0
            record.status = status(code)
        return code
    except SystemExit as error:  # of a module that the user named: no silent end
        raise InputError(f"a module ended the run by sys.exit({error.code!r}); let it raise an exception instead") from error
    finally:
        with contextlib.suppress(OSError):
            directory.rmdir()  # which Hydra has made, and a refused run leaves empty


def _experiment(name: str):
    """The module of an experiment."""
    from knudsen.experiments import plugins

    brought = plugins.found().get(("experiment", name))
    if not brought:
        return importlib.import_module(f"knudsen.experiments.{name}")
    try:
        return brought.load()
    except Exception as error:  # whatever another package's module does wrong
        what = f"{type(error).__name__}: {error}"
        raise InputError(f"experiment={name}: {brought.value} cannot be imported ({what}); repair that package") from error


@contextlib.contextmanager
def _termination_as_interrupt():
    """SIGTERM (a queueing system's end of time) unwinds the run as Ctrl-C does: complete files, no drafts."""

    def interrupt(number, frame):
        raise KeyboardInterrupt

    try:
        old = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, old)


def _on_runs(name: str, arguments: list[str]) -> int:
    """``knudsen list``, ``show``, ``rerun``, ``plot``."""
    from knudsen.experiments import runs

    def again(overrides: list[str]) -> int:
        sys.argv[1:] = overrides
        return command()

    try:
        return runs.command(name, arguments, again)
    except (InputError, OSError, ValueError) as error:
        from knudsen.experiments.failure import explain

        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        print(f"knudsen: {explain(error)}", file=sys.stderr)
        return 1


def main() -> int:
    """``command`` in the first of the processes that mpiexec has started; the others help."""
    try:
        return ranks.lead(command)
    except InputError as error:
        print(f"knudsen: {error}", file=sys.stderr)
        return 1


def command() -> int:
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

    if sys.argv[1:] and sys.argv[1] in ("list", "show", "rerun", "plot"):
        return _on_runs(sys.argv[1], sys.argv[2:])

    for pool in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(pool, "1")  # small arrays: more threads only get in each other's way; workers are threads of ours

    import hydra

    from knudsen.experiments import plugins
    from knudsen.experiments.failure import explain
    from knudsen.experiments.keys import check_options

    sweep = bool({"-m", "--multirun"} & set(sys.argv[1:]))
    sys.argv[1:] = [quote_path(argument, sweep) for argument in sys.argv[1:]]
    plugins.announce()
    statuses: list[int] = []
    sweeps: list[Path] = []
    application = hydra.main(version_base="1.3", config_path="pkg://knudsen.conf", config_name="knudsen")(
        lambda cfg: statuses.append(run(cfg, sweeps))
    )
    debug = os.environ.get("HYDRA_FULL_ERROR")
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra passes every exception on, and this function words it
    try:
        check_options(sys.argv[1:])
        with _termination_as_interrupt():
            try:
                application()
            finally:
                if sweeps:
                    from knudsen.experiments.runs import summarise_sweep

                    summarise_sweep(sweeps[-1])
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
