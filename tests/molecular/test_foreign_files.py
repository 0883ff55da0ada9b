"""Files as other programs write them: read right, or refused with the file, the frame and what to do."""

import os

import numpy as np
import pytest
from ase import Atoms
from numpy.testing import assert_allclose

from knudsen.molecular import (
    AseLabeler,
    InputError,
    StillingerWeber,
    check_labelled,
    foreign_labels,
    label_frames,
    read_deepmd,
    read_frames,
    write_deepmd,
    write_frames,
)
from knudsen.molecular.neighbours import check

HEAD = 'Lattice="4 0 0 0 5 0 0 0 6" Properties=species:S:1:pos:R:3:forces:R:3'


def one(tmp_path, header, rows=("Si 0 0 0 1 2 3", "Si 1 1 1 -1 -2 -3"), count=None):
    path = tmp_path / "in.extxyz"
    path.write_text("\n".join([str(count or len(rows)), header, *rows]) + "\n")
    return path


def test_a_virial_is_a_stress(tmp_path):
    """stress = -virial/volume, ASE's sign and order."""
    path = one(tmp_path, HEAD + ' energy=-1 virial="12 1 2 1 24 3 2 3 36"')
    (frame,) = read_frames(path)
    assert_allclose(frame.get_stress(), [-0.1, -0.2, -0.3, -3 / 120, -2 / 120, -1 / 120])
    assert frame.get_potential_energy() == -1 and frame.get_forces()[0, 2] == 3
    with pytest.raises(InputError, match="frame 0: stress and virial disagree"):
        read_frames(one(tmp_path, HEAD + ' virial="12 0 0 0 24 0 0 0 36" stress="1 0 0 0 1 0 0 0 1"'))
    with pytest.raises(InputError, match=r"9-long|nine finite numbers"):
        read_frames(one(tmp_path, HEAD + ' virial="1 2"'))


@pytest.mark.parametrize(
    "header, rows, word",
    [
        (HEAD + " energy=nan", None, "frame 0: energy: not a finite number"),
        (HEAD + " energy=1", ("Si 0 0 0 1 nan 3", "Si 1 1 1 0 0 0"), "frame 0: forces: not a finite number"),
        (HEAD + " energy=Xx", None, "frame 0: energy: not a finite number"),
        (HEAD.replace("4 0 0", "1e300 0 0"), None, "cell"),
        (HEAD.replace("4 0 0", "inf 0 0"), None, "cell"),
        ("Properties=species:S:1:pos:R:3:x:R:1000000000", ("Si 0 0 0 1",), "1000000004 columns"),
    ],
)
def test_numbers_that_cannot_be_are_named(tmp_path, header, rows, word):
    with pytest.raises(InputError, match=r"in\.extxyz") as error:
        read_frames(one(tmp_path, header, rows) if rows else one(tmp_path, header))
    assert word in str(error.value)


@pytest.mark.parametrize("count, word", [(10**12, "more than the file can hold"), (3, "ends after 2"), (-1, "more than")])
def test_counts_of_atoms_are_checked_before_room_is_made(tmp_path, count, word):
    with pytest.raises(InputError, match="frame 0 promises") as error:
        read_frames(one(tmp_path, HEAD, count=count))
    assert word in str(error.value)


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.extxyz")
    with pytest.raises(InputError, match="neither a file nor a folder"):
        read_frames(tmp_path / "pipe.extxyz")


def test_frames_without_labels_are_counted_as_in_the_file(tmp_path):
    """Before any split, and with the names that look like labels."""
    text = one(tmp_path, HEAD + " energy=1").read_text()
    other = text.replace("energy=1", "dft_energy=1").replace("forces:R", "REF_forces:R")
    (tmp_path / "in.extxyz").write_text(text + text + other)
    frames = read_frames(tmp_path / "in.extxyz")
    assert not foreign_labels(frames[0]) and foreign_labels(frames[2]) == ["dft_energy", "REF_forces"]
    with pytest.raises(InputError, match="frame 2: has no energy and no forces; it has dft_energy, REF_forces"):
        check_labelled(frames)
    check_labelled(frames[:2])


@pytest.mark.parametrize("length, word", [(1e-3, "thin"), (1e300, "longer"), (0.0, "span no space")])
def test_cells_that_no_neighbour_list_survives_are_refused(length, word):
    with pytest.raises(InputError, match=word):
        check(Atoms("Si", cell=[length, 5, 5], pbc=True))
    check(Atoms("Si", cell=[2.7, 5, 5], pbc=True))


@pytest.fixture
def folder(disordered, tmp_path):
    write_deepmd(tmp_path, label_frames(StillingerWeber(), [disordered("Si", seed=s) for s in range(3)]))
    return tmp_path


def test_the_marker_nopbc_frees_the_atoms(folder):
    assert read_deepmd(folder)[0].pbc.all()
    (folder / "nopbc").touch()
    for frame in read_deepmd(folder):
        assert not frame.pbc.any() and "stress" not in frame.calc.results


def test_mixed_types_are_those_of_each_frame(tmp_path):
    """real_atom_types.npy, with places left empty (-1)."""
    (tmp_path / "type.raw").write_text("0\n0\n0\n")
    (tmp_path / "type_map.raw").write_text("O\nH\n")
    part = tmp_path / "set.000"
    part.mkdir()
    rng = np.random.default_rng(0)
    for name in ("coord", "force"):
        np.save(part / f"{name}.npy", rng.normal(size=(2, 9)))
    np.save(part / "energy.npy", np.array([1.0, 2.0]))
    np.save(part / "real_atom_types.npy", np.array([[0, 1, 1], [1, 1, -1]]))
    water, hydrogen = read_deepmd(tmp_path)
    assert str(water.symbols) == "OH2" and str(hydrogen.symbols) == "H2"
    assert_allclose(hydrogen.get_forces(), np.load(part / "force.npy")[1].reshape(3, 3)[:2])
    np.save(part / "real_atom_types.npy", np.array([[0, 1, 7], [1, 1, -1]]))
    with pytest.raises(InputError, match=r"real_atom_types\.npy"):
        read_deepmd(tmp_path)


@pytest.mark.parametrize(
    "name", ["type.raw", "type_map.raw", "units.json", "set.000/box.npy", "set.000/virial.npy", "set.000/energy.npy"]
)
def test_broken_side_files_are_named(folder, name):
    good, broken = (folder / name).read_bytes(), [b"\x93NUMPY broken {"]
    if name.endswith("npy"):
        broken += [b"", good[: len(good) // 2], good.replace(b"(", b"((")]
    for content in broken:
        (folder / name).write_bytes(content)
        with pytest.raises(InputError, match=name.replace(".", r"\.")):
            read_deepmd(folder)


class Writer:
    """A calculator that leaves a file where it runs."""

    def calculation_required(self, atoms, properties):
        return True

    def get_potential_energy(self, atoms=None, force_consistent=False):
        open("log.txt", "w").write("done")
        return 0.0

    def get_forces(self, atoms=None):
        return np.zeros((len(atoms), 3))

    def get_stress(self, atoms=None):
        raise NotImplementedError

    results: dict = {}  # noqa: RUF012


def test_a_calculator_writes_into_the_folder_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    AseLabeler(Writer(), str(tmp_path / "run" / "calculator"))(Atoms("Si"))
    assert [p.name for p in tmp_path.iterdir()] == ["run"]
    assert [p.name for p in (tmp_path / "run" / "calculator").glob("*/*")] == ["log.txt"]


def test_a_written_file_is_read_as_it_was(tmp_path, disordered):
    """Stress, not virial: what this project writes has no foreign labels."""
    (frame,) = label_frames(StillingerWeber(), [disordered("Si")])
    write_frames(tmp_path / "a.extxyz", [frame])
    (read,) = read_frames(tmp_path / "a.extxyz")
    assert not foreign_labels(read)
    assert_allclose(read.get_stress(), frame.get_stress())
