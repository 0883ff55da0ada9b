"""experiment=md_label: the same frames in the same order, labelled; bad input ends with one line that names it."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.lj import LennardJones
from ase.io import read, write

LABEL = ("experiment=md_label", "progress=false")


@pytest.fixture
def argon_file(tmp_path):
    frames = [bulk("Ar", "fcc", a=5.26 + 0.1 * k, cubic=True) * (2, 1, 1) for k in range(3)]
    for k, frame in enumerate(frames):
        frame.rattle(0.1, seed=k)
    write(tmp_path / "in.extxyz", frames)
    return tmp_path / "in.extxyz"


def test_frames_are_labelled_in_order(knudsen, argon_file):
    run = knudsen(*LABEL, "labeler=lj", f"system.data={argon_file}")
    assert run.status == 0, run.text
    given, labelled = read(argon_file, ":"), read(run.directory / "labels.extxyz", ":")
    assert len(labelled) == 3
    for before, after in zip(given, labelled):
        assert np.array_equal(before.positions, after.positions)
        before.calc = LennardJones(epsilon=119.8 * 8.617330337217213e-05, sigma=3.405)  # k_B of CODATA 2014, as in ase.units
        assert np.allclose(after.get_forces(), before.get_forces(), rtol=1e-9, atol=1e-12)
        assert np.isclose(after.get_potential_energy(), before.get_potential_energy(), rtol=1e-12)
        assert np.allclose(after.get_stress(), before.get_stress(), rtol=1e-9, atol=1e-12)
    assert run.metrics()["frames"] == 3


def test_an_ase_calculator_is_a_labeler(knudsen, argon_file):
    target = "labeler._target_=ase.calculators.lj.LennardJones"
    run = knudsen(*LABEL, "labeler=ase", target, "+labeler.sigma=3.405", "+labeler.epsilon=0.01", f"system.data={argon_file}")
    assert run.status == 0, run.text
    ours = knudsen(*LABEL, "labeler.epsilon=0.01", f"system.data={argon_file}")
    for one, other in zip(read(run.directory / "labels.extxyz", ":"), read(ours.directory / "labels.extxyz", ":")):
        assert np.allclose(one.get_forces(), other.get_forces(), rtol=1e-9, atol=1e-12)


BAD = {
    "no data": ((), "system.data"),
    "absent file": (("system.data=absent.extxyz",), "absent.extxyz"),
    "cutoff 0": (("system.data={file}", "labeler.cutoff=0"), "labeler.cutoff"),
    "cutoff negative": (("system.data={file}", "labeler.cutoff=-1"), "labeler.cutoff"),
    "cutoff a text": (("system.data={file}", "labeler.cutoff=far"), "labeler.cutoff"),
    "unknown key": (("system.data={file}", "labeler.nonsense=1"), "labeler.nonsense"),
    "unknown labeler": (("system.data={file}", "labeler=nonsense"), "labeler/nonsense"),
    "unknown species": (("system.data={file}", "labeler=sw"), "Ar"),
    "engine without the species": (("system.data={file}", "labeler=ase"), "EMT"),
    "target outside": (("system.data={file}", "labeler=ase", "labeler._target_=os.system"), "labeler._target_"),
    "no labeler": (("system.data={file}", "labeler=ase", "labeler._target_=ase.Atoms"), "labeler._target_"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_by_name(knudsen, argon_file, name):
    overrides, named = BAD[name]
    assert_refused(knudsen(*LABEL, *(o.format(file=argon_file) for o in overrides)), named)


@pytest.mark.parametrize("content", [b"not a file" * 99, b"", b"2\n\nAr 0 0 0\n", b"1\n\nAr 0 0 nan\n", b"1\n\nQq 0 0 0\n"])
def test_bad_files_are_refused_by_name(knudsen, tmp_path, content):
    (tmp_path / "bad.extxyz").write_bytes(content)
    assert_refused(knudsen(*LABEL, f"system.data={tmp_path / 'bad.extxyz'}"), "bad.extxyz")


def assert_refused(run, named: str) -> None:
    assert run.status not in (0, None)
    assert named in run.last_line and run.last_line.startswith("knudsen: ")
    assert "internal error" not in run.last_line and "Traceback" not in run.text
    assert not run.files()
