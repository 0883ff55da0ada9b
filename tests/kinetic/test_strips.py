"""A run in the plane on several processes: the same bits as on one. Threads stand in for processes; mpiexec itself: slow."""

import queue
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from knudsen.errors import InputError
from knudsen.kinetic import PlaneCase, Wall, gas, plane_cases, simulate
from knudsen.kinetic.plane.velocities import cartesian

UNIT = (-0.5, 0.5)
pytestmark = pytest.mark.filterwarnings("ignore:.*under-resolve")  # few velocities are quick


class Message:
    def __init__(self, wait=lambda: None):
        self.Wait = wait


class Rank:
    """What the solver uses of a communicator of mpi4py, between threads."""

    def __init__(self, rank, world):
        self.rank, self.size, self.world = rank, world.size, world

    def Isend(self, buffer, to, tag):
        self.world.boxes[self.rank, to, tag].put(buffer.copy())
        return Message()

    def Irecv(self, buffer, source, tag):
        return Message(lambda: np.copyto(buffer, self.world.boxes[source, self.rank, tag].get(timeout=60)))

    def allgather(self, value):
        self.world.values[self.rank] = value
        self.world.barrier.wait(60)
        values = list(self.world.values)
        self.world.barrier.wait(60)
        return values


class World:
    def __init__(self, size):
        self.size, self.values, self.barrier = size, [None] * size, threading.Barrier(size)
        self.boxes = {(a, b, tag): queue.Queue() for a in range(size) for b in range(size) for tag in (0, 1)}

    def run(self, function):
        with ThreadPoolExecutor(self.size) as pool:
            return list(pool.map(lambda rank: function(Rank(rank, self)), range(self.size)))


def random_case(sides, cells=(6, 16)):
    nx, ny = cells
    draw = np.random.default_rng(5).uniform(-0.3, 0.3, (4, ny, nx))
    return PlaneCase("random", (UNIT, UNIT), cells, sides, 1 + draw[0], draw[1], draw[2], 1 + draw[3], 0.1, 0.1, (0.05,))


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize(
    ("name", "transport", "sides"),
    [
        ("shakhov_3v", "muscl", ("periodic",) * 4),
        ("bgk_2v", "weno5", ("outflow", "fixed", "fixed", Wall(1.3, velocity=0.4, accommodation=0.8))),
    ],
)
def test_the_same_bits_on_any_number_of_processes(name, transport, sides, size):
    case, options = random_case(sides), {"velocity_grid": cartesian(7.0, 12), "transport": transport}
    one = simulate(case, gas(name), **options)[0]
    found = World(size).run(lambda rank: simulate(case, gas(name), ranks=rank, **options)[0])
    assert one.status == "ok" and one.steps > 5
    for strip in found:
        np.testing.assert_array_equal(strip.raw, one.raw)
        assert (strip.steps, strip.warnings) == (one.steps, one.warnings)


def test_a_lost_cell_ends_all_processes_with_the_same_words():
    """Streams that collide become hotter than the velocities can hold."""
    v = np.where(np.arange(11)[:, None] < 6, 3.0, -3.0) + 0.1 * np.sin(np.arange(66.0)).reshape(11, 6)
    case = PlaneCase("streams", (UNIT, UNIT), (6, 11), ("periodic",) * 4, v=v, T=0.6, knudsen=1e-5, t_end=0.3)
    options = {"velocity_grid": cartesian(7.0, 12)}
    one = simulate(case, gas("bgk_2v"), **options)[0]
    assert one.status == "diverged" and one.steps > 1
    for strip in World(3).run(lambda rank: simulate(case, gas("bgk_2v"), ranks=rank, **options)[0]):
        assert (strip.status, strip.diverged_at, strip.steps) == ("diverged", one.diverged_at, one.steps)


def test_what_cannot_be_shared_is_refused():
    case = plane_cases.cavity(cells=(4, 6), steady=False)
    with pytest.raises(InputError, match="start at most 2"):
        World(3).run(lambda rank: simulate(case, gas("bgk_2v"), ranks=rank))
    with pytest.raises(InputError, match="keep_f"):
        World(2).run(lambda rank: simulate(case, gas("bgk_2v"), ranks=rank, keep_f=True))


def mpiexec(*arguments, folder=None):
    beside = Path(sys.executable).parent
    command = [beside / "mpiexec", "-n", "2", sys.executable, "-m", "knudsen", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=folder, check=False)


def test_the_command_line_is_the_first_process_s():
    done = mpiexec("--version")
    assert done.returncode == 0 and done.stdout.count("knudsen") == 1
    assert "of 2 processes started, one had work" in done.stderr


@pytest.mark.slow
def test_under_mpiexec(tmp_path):
    run = ["experiment=simulate", "solver=kinetic", "case=wave2d", "gas=bgk_3v", "case.cells=[8,9]", "gas.velocity_points=16"]
    assert mpiexec(*run, "hydra.run.dir=two", folder=tmp_path).returncode == 0
    alone = subprocess.run([sys.executable, "-m", "knudsen", *run, "hydra.run.dir=one"], cwd=tmp_path, check=False)
    assert alone.returncode == 0
    import xarray as xr

    with xr.open_dataset(tmp_path / "one/solution.nc") as one, xr.open_dataset(tmp_path / "two/solution.nc") as two:
        for name in one.data_vars:
            np.testing.assert_array_equal(one[name], two[name])
    refused = mpiexec(*run, "case.cells=[8,5]", "hydra.run.dir=three", folder=tmp_path)
    assert refused.returncode == 1 and refused.stderr.strip().splitlines()[-1].startswith("knudsen: case.cells: 5 rows")
