"""Processes that mpiexec has started together: the first runs the command, and the others help where work is shared.

A function that is shared takes ``ranks``, a communicator of mpi4py, and is called by all processes with the same arguments; the
command line, its files and its messages belong to the first process alone.
"""

import os
import platform
import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Any

from knudsen.errors import InputError

STARTED_BY = ("PMI_SIZE", "PMIX_RANK", "OMPI_COMM_WORLD_SIZE")  # set in its processes by an mpiexec (MPICH, PMIx, Open MPI)

_led: Any = None  # the communicator whose other processes wait for this one
_used = _broken = False
_share = 1.0


def lead(main: Callable[[], int]) -> int:
    """The status of ``main()``, which only the first process runs; without mpiexec simply that.

    Raises InputError where mpi4py is missing.
    """
    global _led, _share
    ranks = _started()
    if ranks is None:
        return main()
    names = ranks.allgather(platform.node())
    _share = names.count(names[0]) / len(names)
    if ranks.rank:
        return _help(ranks)
    _led, status = ranks, 1
    try:
        status = main()
    finally:
        _led = None
        if _broken:
            ranks.Abort(status)
        ranks.bcast(None)
    if not _used:
        words = "started, one had work: only time-dependent cases of two space dimensions are shared among processes"
        print(f"knudsen: of {ranks.size} processes {words}", file=sys.stderr, flush=True)
    return status


def together(function: Callable, *arguments: Any, here: dict[str, Any] | None = None, **options: Any) -> Any:
    """function(*arguments, **options, ranks=communicator) on all processes: the value of the first.

    here: options for the first alone. Where there is one process it is called without ``ranks``. An InputError must be the same
    on all; any other exception ends all processes in the end.
    """
    global _used, _broken
    if _led is None:
        return function(*arguments, **options, **(here or {}))
    _used = _broken = True
    _led.bcast((function, arguments, options))
    try:
        value = function(*arguments, **options, **(here or {}), ranks=_led)
    except InputError:
        _broken = False
        raise
    _broken = False
    return value


def size() -> int:
    """How many processes share the work of this one."""
    return 1 if _led is None else _led.size


def share() -> float:
    """The part of the work that is done on this machine."""
    return _share


def _started():
    if not any(name in os.environ for name in STARTED_BY):
        return None
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:  # not installed, or without an MPI library
        what = str(error).splitlines()[0]
        raise InputError(f"mpiexec: mpi4py cannot be used ({what}): pip install 'knudsen[mpi]', or start without") from None
    return MPI.COMM_WORLD if MPI.COMM_WORLD.size > 1 else None


def _help(ranks) -> int:
    """Call what the first process shares, until it has ended."""
    warnings.simplefilter("ignore")  # the first one says them
    while (work := ranks.bcast(None)) is not None:
        function, arguments, options = work
        try:
            function(*arguments, **options, ranks=ranks)
        except InputError:
            continue  # the first one raises it, too
        except BaseException:  # the others may wait for a message of this one
            traceback.print_exc()
            ranks.Abort(1)
    return 0
