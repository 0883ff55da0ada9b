"""Files of labelled configurations: what is written is read back exactly; what is malformed is refused by name."""

import json

import numpy as np
import pytest
from ase.io import read
from numpy.testing import assert_allclose

from knudsen.molecular import (
    InputError,
    StillingerWeber,
    label_frames,
    read_deepmd,
    read_frames,
    split,
    write_deepmd,
    write_frames,
)


@pytest.fixture
def labelled(disordered):
    frames = [disordered("Si", tilt=0.1, seed=s) for s in range(4)]
    frames[1].info["group"] = "elastic strain"
    return label_frames(StillingerWeber(), frames)


def assert_same(one, other, rtol=0) -> None:
    assert one.symbols.get_chemical_formula("reduce") == other.symbols.get_chemical_formula("reduce")
    for a, b in ((one.positions, other.positions), (one.cell.array, other.cell.array), (one.pbc, other.pbc)):
        assert_allclose(a, b, rtol=0, atol=0)
    assert one.get_potential_energy() == other.get_potential_energy()
    assert np.array_equal(one.get_forces(), other.get_forces())
    assert_allclose(one.get_stress(), other.get_stress(), rtol=rtol)


def test_extended_xyz_keeps_every_digit(labelled, tmp_path):
    write_frames(tmp_path / "labels.extxyz", labelled)
    for one, other in zip(read_frames(tmp_path / "labels.extxyz"), labelled, strict=True):
        assert_same(one, other)
    assert read(tmp_path / "labels.extxyz", 1).info["group"] == "elastic strain"
    assert read(tmp_path / "labels.extxyz", 0).info["units"] == "eV angstrom"


def test_clusters_and_single_atoms_survive_a_file(labelled, tmp_path):
    """No cell and no stress; one atom; other columns kept."""
    cluster = labelled[0].copy()
    cluster.pbc, cluster.cell = False, None
    cluster.new_array("tag", np.arange(len(cluster)))
    written = label_frames(StillingerWeber(), [cluster, cluster[:1]])
    write_frames(tmp_path / "clusters.extxyz", written)
    first, second = read_frames(tmp_path / "clusters.extxyz")
    assert "stress" not in first.calc.results and not first.pbc.any()
    assert np.array_equal(first.arrays["tag"], np.arange(len(cluster)))
    assert np.array_equal(first.get_forces(), written[0].get_forces())
    assert len(second) == 1 and second.get_potential_energy() == 0


def test_deepmd_layout_round_trip(labelled, tmp_path):
    """The virial is -stress * volume: the division costs a rounding."""
    write_deepmd(tmp_path / "data", labelled)
    for one, other in zip(read_frames(tmp_path / "data"), labelled, strict=True):
        assert_same(one, other, rtol=1e-14)
    assert json.loads((tmp_path / "data" / "units.json").read_text())["energy"] == "eV"
    assert len(read_frames(tmp_path)) == len(labelled)  # a folder of such folders


def test_deepmd_layout_as_others_write_it(tmp_path):
    """Two types, two sets, single precision, no virial, no units file."""
    (tmp_path / "type.raw").write_text("0\n1\n1\n")
    (tmp_path / "type_map.raw").write_text("O\nH\n")
    rng = np.random.default_rng(0)
    for k in range(2):
        part = tmp_path / f"set.00{k}"
        part.mkdir()
        for name, width in {"coord": 9, "force": 9, "box": 9}.items():
            np.save(part / f"{name}.npy", rng.normal(size=(2, width)).astype("f4"))
        np.save(part / "energy.npy", np.array([1.0 + k, 2.0 + k], dtype="f4"))
    frames = read_deepmd(tmp_path)
    assert [f.get_potential_energy() for f in frames] == [1.0, 2.0, 2.0, 3.0]
    assert str(frames[0].symbols) == "OH2" and frames[0].pbc.all()
    coordinates = np.load(tmp_path / "set.001" / "coord.npy")
    assert_allclose(frames[3].positions.ravel(), coordinates[1])


def test_split_is_the_same_every_time(labelled):
    training, validation = split(labelled, 0.25, seed=3)
    assert len(training) == 3 and len(validation) == 1
    assert [id(f) for f in split(labelled, 0.25, seed=3)[1]] == [id(validation[0])]
    assert {id(f) for f in training + validation} == {id(f) for f in labelled}
    with pytest.raises(InputError, match="validation=1"):
        split(labelled, 1.0)


def test_malformed_files_are_refused_by_name(labelled, tmp_path):
    (tmp_path / "junk.extxyz").write_bytes(b"not a file" * 99)
    (tmp_path / "empty.extxyz").write_text("")
    write_frames(tmp_path / "whole.extxyz", labelled)
    text = (tmp_path / "whole.extxyz").read_text()
    (tmp_path / "short.extxyz").write_text(text[: len(text) // 2])
    (tmp_path / "folder").mkdir()
    for name in ("junk.extxyz", "empty.extxyz", "short.extxyz", "folder", "absent.extxyz"):
        with pytest.raises(InputError, match=name):
            read_frames(tmp_path / name)


def test_malformed_deepmd_folders_are_refused_by_name(labelled, tmp_path):
    write_deepmd(tmp_path, labelled)
    good = np.load(tmp_path / "set.000" / "coord.npy")
    for name, array in {"force": np.zeros((4, 5)), "energy": np.zeros(2), "coord": np.full_like(good, np.nan)}.items():
        kept = (tmp_path / "set.000" / f"{name}.npy").read_bytes()
        np.save(tmp_path / "set.000" / f"{name}.npy", array)
        with pytest.raises(InputError, match=f"{name}.npy"):
            read_deepmd(tmp_path)
        (tmp_path / "set.000" / f"{name}.npy").write_bytes(kept)
    (tmp_path / "units.json").write_text(json.dumps({"energy": "kcal/mol"}))
    with pytest.raises(InputError, match=r"units\.json"):
        read_deepmd(tmp_path)
    with pytest.raises(InputError, match="label it first"):
        write_deepmd(tmp_path / "new", [labelled[0].copy()])
