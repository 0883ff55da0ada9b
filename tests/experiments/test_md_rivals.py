"""Comparisons of potentials: symmetry, conservation of energy, the overview; small and quick, so that only order is asked for."""

import json

import numpy as np
import pytest
import xarray as xr
from ase.build import bulk

from knudsen import molecular
from knudsen.experiments.md_nve import drift_of

QUICK = ("sampling.settle=300", "sampling.every=15", "progress=false")


def test_symmetry_is_worth_data(knudsen):
    """Liquid silicon: an invariant potential trained on two frames has half the error of one without symmetry, on twelve."""
    run = knudsen(
        "experiment=md_symmetry",
        "frames=[2,12]",
        "test_frames=6",
        "train.steps=200",
        "train.log_every=100",
        "~potentials.behler_parrinello",
        "~potentials.deep_pot_local_frame",
        *QUICK,
    )
    assert run.status == 0, run.text
    metrics = run.metrics()
    plain, smooth = ([e["force_rmse"] for e in metrics["errors"][kind]] for kind in ("plain_network", "deep_pot_smooth"))
    assert metrics["frames"] == [2, 12]
    assert smooth[0] < 0.5 * plain[1]
    assert {"symmetry.png", "symmetry.pdf"} <= run.files()


@pytest.fixture(scope="module")
def nve(knudsen):
    """The crystal at 300 K, trained for a moment: wrong forces, but a smooth energy's own."""
    return knudsen(
        "experiment=md_nve",
        "frames=8",
        "test_frames=2",
        "train.steps=40",
        "train.log_every=40",
        "nve.steps=200",
        "nve.every=5",
        "nve.timestep=0.5",
        *QUICK,
    )


def test_a_smooth_potential_conserves_energy(nve):
    """However badly trained; the local frame, whose energy jumps, does not, by orders of magnitude."""
    assert nve.status == 0, nve.text
    found = nve.metrics()["potentials"]
    assert found["deep_pot_smooth"]["fluctuation"] < 0.01 * found["deep_pot_local_frame"]["fluctuation"]


def test_energies_are_stored(nve):
    data = xr.load_dataset(nve.directory / "nve.nc", engine="h5netcdf")
    assert data.time[-1] == pytest.approx(0.1)
    assert set(data.data_vars) == set(nve.metrics()["potentials"])
    assert {"nve.png", "nve.pdf"} <= nve.files()


def test_drift_and_its_error():
    """A line of 3 ueV/ps under noise: found within three of its own standard errors, which are those of independent noise."""
    noise = np.random.default_rng(0).normal(size=2000)
    energy = 1e-6 * (3.0 * 0.01 * np.arange(2000) + noise)
    slope, error, scatter = drift_of(energy, 10.0)
    assert scatter == pytest.approx(1.0, rel=0.05)
    assert error == pytest.approx(1 / np.sqrt(2000) / (0.01 * 2000 / np.sqrt(12)), rel=0.5)
    assert abs(slope - 3.0) < 3 * error


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    """An untrained potential and frames labelled by itself."""
    folder = tmp_path_factory.mktemp("system=one")
    model = molecular.DeepPotSmooth(["Ar"], cutoff=5.0, embedding=[4, 8], axis=2, fitting=[8], dtype="float64").eval()
    frames = []
    for seed in range(3):
        frames.append(bulk("Ar", "fcc", a=5.2, cubic=True))
        frames[-1].rattle(0.2, seed=seed)
    molecular.save_potential(folder / "checkpoint.pt", model, {})
    molecular.write_frames(folder / "frames.extxyz", molecular.label_frames(molecular.PotentialLabeler(model), frames))
    molecular.write_frames(folder / "bare.extxyz", frames)
    return folder


def overview(knudsen, system, data):
    value = f"{{checkpoint: '{system / 'checkpoint.pt'}', data: '{system / data}'}}"
    return knudsen("experiment=md_overview", f"+systems.argon={value}", "progress=false")


def test_the_overview_of_a_perfect_potential(knudsen, system):
    run = overview(knudsen, system, "frames.extxyz")
    assert run.status == 0, run.text
    found = run.metrics()["systems"]["argon"]
    assert found["frames"] == 3 and found["force_rms"] > 0
    assert found["forces"]["rmse"] < 1e-12 and found["energy_per_atom"]["rmse"] < 1e-12
    assert {"overview.png", "overview.pdf"} <= run.files()


def test_bad_input_is_refused_by_name(knudsen, system):
    few = ("sampling.settle=20", "sampling.every=2", "progress=false")
    symmetry, nve = ("experiment=md_symmetry", *few), ("experiment=md_nve", *few)
    for run, named in (
        (knudsen(*symmetry, "frames=[]"), "frames"),
        (knudsen(*symmetry, "potentials.deep_pot_smooth.cutoff=-1"), "potential.cutoff"),
        (knudsen(*symmetry, "+potentials.unknown={}"), "potentials.unknown"),
        (knudsen(*nve, "nve.steps=10"), "nve.steps"),
        (knudsen(*nve, "sampling.timestep=0"), "sampling.timestep"),
        (knudsen("experiment=md_overview"), "systems"),
        (overview(knudsen, system, "bare.extxyz"), "systems.argon"),
        (overview(knudsen, system, "absent.extxyz"), "absent.extxyz"),
    ):
        assert run.status == 1 and named in run.last_line, run.text
        assert "Traceback" not in run.text and not run.files(), json.dumps(sorted(run.files()))
