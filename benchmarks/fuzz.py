"""``make fuzz``: files and command lines spoiled at random; whatever comes of it is a result or one line that says what is wrong.

Files: NetCDF of a case, labels, extended XYZ, a DeePMD folder, a checkpoint, a run's record, with bytes or words changed, read by
their readers. Command lines: keys of the option files with values of every kind, through the whole command on a tiny case.
A fault is any exception but an InputError (an OSError that names the file counts as one), an "internal error", a run that takes
longer than a minute, or a file outside its folder. Every fault is printed with the seed that repeats it; exit status 1.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray as xr

JUNK = [
    "abc", "-1", "0", "1.5", "1e300", "1e-300", "nan", "inf", "-inf", "null", "true", "[]", "[1,2]", "[a,b]", "{a:1}", "''",
    "' '", "1e12", "999999999999999999999", "[[1],[2]]", "../x", "a=b", "${seed}", "?", "é", "[null]", "0x10", "1_000", "-0.0",
    "1,2",
]  # fmt: skip
WORDS = ["nan", "inf", "-1", "1e300", "0", "", "abc", "1000000000000", "'", '"', "=", ":", "T", "\x00", "Xx", "1e-3"]
SLOW = 60  # seconds


def spoiled(content: bytes, draw: random.Random) -> bytes:
    """Bytes flipped, cut, doubled, or a word of a text exchanged."""
    data = bytearray(content)
    kind = draw.choice(("flip", "flip", "cut", "insert", "word", "word"))
    if kind == "cut":
        return bytes(data[: draw.randrange(len(data) + 1)])
    if kind == "word":
        words = content.split(b" ")
        words[draw.randrange(len(words))] = draw.choice(WORDS).encode()
        return b" ".join(words)
    for _ in range(draw.choice((1, 1, 4, 32))):
        at = draw.randrange(len(data)) if data else 0
        if kind == "insert":
            data[at:at] = bytes(draw.randrange(256) for _ in range(draw.choice((1, 8))))
        elif data:
            data[at] = draw.randrange(256)
    return bytes(data)


def sources(folder: Path) -> dict[str, tuple[Path, Callable[[Path], object]]]:
    """{name: (a good file, its reader)}."""
    from knudsen.errors import InputError
    from knudsen.experiments import record
    from knudsen.kinetic import cases, gas, load_trajectories, save_trajectories, simulate

    x = (np.arange(8) + 0.5) / 8
    start = xr.Dataset({k: ("x", v) for k, v in {"rho": 1 + x, "u": x, "T": 1 + x}.items()}, {"x": x}, {"boundary": "outflow"})
    start.to_netcdf(folder / "start.nc", engine="h5netcdf")
    start.to_netcdf(folder / "classic.nc", engine="scipy", format="NETCDF3_CLASSIC")
    save_trajectories(folder / "labels.nc", simulate(cases.sod(cells=8, t_end=0.001), gas("bgk_1v", velocity_points=16)))
    (folder / "run.json").write_text('{"experiment": "a", "config": "seed: 0", "status": "ok", "files": [], "overrides": []}')

    def tabulated(path: Path) -> object:
        return cases.tabulated(path, knudsen=0.1)

    def recorded(path: Path) -> object:
        (folder / "record").mkdir(exist_ok=True)
        (folder / "record" / "run.json").write_bytes(path.read_bytes())
        return record.read(folder / "record")

    found: dict[str, tuple[Path, Callable[[Path], object]]] = {
        "start.nc": (folder / "start.nc", tabulated),
        "classic.nc": (folder / "classic.nc", tabulated),
        "labels.nc": (folder / "labels.nc", load_trajectories),
        "run.json": (folder / "run.json", recorded),
    }
    try:
        from ase import Atoms

        from knudsen.molecular import LennardJones, label_frames, read_deepmd, read_frames, write_deepmd, write_frames
    except (ImportError, InputError):
        return found
    frames = label_frames(
        LennardJones(), [Atoms("Ar2", [[0, 0, 0], [0, 0, 3.5 + k]], cell=[9, 9, 9], pbc=True) for k in range(2)]
    )
    write_frames(folder / "frames.extxyz", frames)
    found["frames.extxyz"] = (folder / "frames.extxyz", read_frames)
    write_deepmd(folder / "deepmd", frames)
    for name in ("type.raw", "type_map.raw", "units.json", "set.000/coord.npy", "set.000/energy.npy", "set.000/virial.npy"):

        def reader(path: Path, name: str = name) -> object:
            good = (folder / "deepmd" / name).read_bytes()
            try:
                (folder / "deepmd" / name).write_bytes(path.read_bytes())
                return read_deepmd(folder / "deepmd")
            finally:
                (folder / "deepmd" / name).write_bytes(good)

        found[f"deepmd/{name}"] = (folder / "deepmd" / name, reader)
    return found


@contextlib.contextmanager
def limited(seconds: int):
    """TimeoutError after so many seconds."""

    def late(number, frame):
        raise TimeoutError(f"longer than {seconds} s")

    old = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)


def fuzz_files(folder: Path, seed: int, seconds: float) -> tuple[int, list[str]]:
    from knudsen.errors import InputError

    known, done, faults = sources(folder), 0, []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        draw = random.Random(f"{seed}/file/{done}")
        name, (good, read) = draw.choice(sorted(known.items()))
        path = folder / "spoiled" / Path(name).name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(spoiled(good.read_bytes(), draw))
        try:
            with limited(SLOW), np.errstate(all="raise", under="ignore"):
                read(path)
        except (InputError, OSError):
            pass
        except BaseException as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            faults.append(f"file {done} ({name}): {type(error).__name__}: {error} at {where.filename}:{where.lineno}")
        done += 1
    return done, faults


def fuzz_commands(folder: Path, seed: int, seconds: float) -> tuple[int, list[str]]:
    from knudsen.experiments import keys
    from knudsen.experiments.app import main

    bases = [
        ["experiment=simulate", "solver=kinetic", "case=sod", "case.cells=8", "case.t_end=1e-4"],
        ["experiment=simulate", "closure=euler", "case=sod", "case.cells=8", "case.t_end=1e-4"],
    ]
    every, done, faults = sorted(keys.every_key()), 0, []
    for i, base in enumerate(bases):  # compiles what the others run
        sys.argv = ["knudsen", *base, "progress=false", f"hydra.run.dir={folder / f'first{i}'}"]
        with contextlib.redirect_stdout(io.StringIO()):
            main()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        draw = random.Random(f"{seed}/command/{done}")
        mine = [
            key
            for key in every
            if key.split(".")[0] in ("case", "gas", "solver", "closure", "executor", "seed", "mach", "keep_f")
        ]
        key = draw.choice(mine) if draw.random() < 0.7 else draw.choice(every)
        words = [*draw.choice(bases), f"{draw.choice(('', '', '+', '++', '~'))}{key}={draw.choice(JUNK)}"]
        directory = folder / f"run{done}"
        text = io.StringIO()
        sys.argv = ["knudsen", *words, "progress=false", f"hydra.run.dir={directory}"]
        try:
            with limited(SLOW), contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
                status = main()
            if "internal error" in text.getvalue() or "Traceback" in text.getvalue():
                faults.append(f"command {done}: {words[-1]} ({words[0]}): {text.getvalue().strip().splitlines()[-1]}")
            elif status not in (0, 3) and any(directory.rglob("*.nc")):
                faults.append(f"command {done}: {words[-1]}: status {status}, but results")
        except BaseException as error:
            faults.append(f"command {done}: {words[-1]} ({words[0]}): {type(error).__name__}: {error}")
        done += 1
    return done, faults


def run() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="for files and commands, half each (120)")
    parser.add_argument("--seed", type=int, default=0, help="of what is spoiled (0)")
    given = parser.parse_args()
    faults = 0
    for fuzz in (fuzz_files, fuzz_commands):
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            done, found = fuzz(Path(folder), given.seed, given.seconds / 2)
        print(f"{fuzz.__name__}, seed {given.seed}: {done} tried, {len(found)} faults")
        print("".join(f"  {fault}\n" for fault in found), end="", flush=True)
        faults += len(found)
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(run())
