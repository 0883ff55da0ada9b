"""The failure contract: bad input ends with a non-zero status and a line that names the key or file; no traceback, no result."""

import numpy as np
import pytest

TABULATED = ("experiment=simulate", "solver=kinetic", "case=tabulated", "case.knudsen=1", "case.t_end=0.01")

BAD_OPTIONS = {
    "unknown closure": (("experiment=simulate", "closure=nonsense"), "closure/nonsense"),
    "unknown closure in the list": (("experiment=compare", "closures=[nsf,nonsense]"), "closure/nonsense"),
    "empty list of closures": (("experiment=compare", "closures=[]"), "closures"),
    "a closure twice": (("experiment=compare", "closures=[nsf,nsf]"), "closures"),
    "unknown experiment": (("experiment=nonsense",), "experiment/nonsense"),
    "unknown case": (("case=nonsense",), "case/nonsense"),
    "unknown group": (("nonsense/group=1",), "nonsense/group"),
    "unknown key": (("experiment=simulate", "case.nonsense=1"), "case.nonsense"),
    "unknown top-level key": (("nonsense=1",), "nonsense"),
    "added key that nobody reads": (("+nonsense=1",), "nonsense"),
    "added key that the case does not take": (("experiment=simulate", "+case.nonsense=1"), "nonsense"),
    "added key that the gas does not take": (("experiment=simulate", "+gas.nonsense=1"), "gas.nonsense"),
    "half of too few velocities": (
        ("experiment=compare", "closures=[euler]", "reference.estimate=true", "gas.velocity_points=15"),
        "gas.velocity_points",
    ),
    "half of too few velocities in the suite": (
        ("experiment=evaluate", "cases=[canonical]", "closures=[euler]", "reference.estimate=true", "gas.velocity_points=8"),
        "gas.velocity_points",
    ),
    "not key=value": (("mach",), "mach"),
    "unclosed list": (("closures=[nsf",), "closures=[nsf"),
    "f of a moment model": (("experiment=simulate", "solver=moments", "keep_f=true"), "keep_f"),
    "f at a time that is not saved": (("experiment=simulate", "solver=kinetic", "keep_f=[0.07]"), "keep_f"),
    "f kept at a word": (("experiment=simulate", "solver=kinetic", "keep_f=always"), "keep_f"),
    "f of labels after the end": (("experiment=label", "label.keep_f=[9.0]"), "label.keep_f"),
    "negative knudsen": (("experiment=simulate", "solver=kinetic", "case.knudsen=-1"), "case.knudsen"),
    "knudsen a text": (("experiment=simulate", "solver=kinetic", "case.knudsen=thin"), "case.knudsen"),
    "knudsen not a number": (("experiment=simulate", "case.knudsen=nan"), "case.knudsen"),
    "negative end time": (("experiment=simulate", "case.t_end=-1"), "case.t_end"),
    "save time after the end": (("experiment=simulate", "case.save_times=[9]"), "case.save_times"),
    "no cells": (("experiment=simulate", "case.cells=0"), "case.cells"),
    "half a cell": (("experiment=simulate", "case.cells=10.5"), "case.cells"),
    "negative seed": (("experiment=simulate", "case=wave", "seed=-1"), "seed"),
    "subsonic shock": (("mach=0.5", "closures=[nsf]"), "mach"),
    "mach a text": (("mach=fast", "closures=[nsf]"), "mach"),
    "mach nan": (("mach=nan", "closures=[nsf]"), "mach"),
    "two velocities": (("experiment=simulate", "gas.velocity_points=2"), "gas.velocity_points"),
    "velocity bounds reversed": (("experiment=simulate", "gas.velocity_bounds=[1,-1]"), "gas.velocity_bounds"),
    "unknown transport": (("experiment=simulate", "solver=kinetic", "solver.transport=nonsense"), "transport"),
    "unknown reconstruction": (("experiment=simulate", "closure=nsf", "solver.reconstruction=nonsense"), "reconstruction"),
    "courant number 0": (("experiment=simulate", "closure=nsf", "solver.cfl=0"), "cfl"),
    "courant number a text": (("experiment=simulate", "closure=nsf", "solver.cfl=big"), "cfl"),
    "solver of the other kind": (("experiment=compare", "solver=kinetic", "closures=[nsf]"), "solver=kinetic"),
    "window without the shock": (("window=[1,2]", "closures=[nsf]"), "window"),
    "unknown random case": (("experiment=evaluate", "cases=[sod]", "closures=[nsf]"), "cases"),
    "no case per decade": (("experiment=evaluate", "+cases_per_decade=0", "closures=[nsf]"), "cases_per_decade"),
    "reference without cells": (("experiment=compare", "reference.cells=0", "closures=[nsf]"), "reference.cells"),
    "target outside the project": (("experiment=simulate", "case._target_=os.system"), "case._target_"),
    "no file": (TABULATED, "case.file"),
    "absent file": ((*TABULATED, "case.file=absent.nc"), "absent.nc"),
}


def assert_refused(run, named: str) -> None:
    assert run.status not in (0, None)
    assert named in run.last_line
    assert run.last_line.startswith("knudsen: ")
    assert "internal error" not in run.last_line
    assert "Traceback" not in run.text
    assert not run.files()


@pytest.mark.parametrize("name", BAD_OPTIONS)
def test_bad_option_is_refused_by_name(knudsen, name):
    overrides, named = BAD_OPTIONS[name]
    assert_refused(knudsen(*overrides), named)


BAD_FILES = {
    "negative density": ({"rho": -1.0}, "rho"),
    "zero temperature": ({"T": 0.0}, "T"),
    "nan": ({"u": np.nan}, "u"),
    "negative knudsen field": ({"knudsen": -1.0}, "knudsen"),
    "missing variable": ({"drop": ("T",)}, "T"),
    "missing boundary": ({"attrs": {}}, "boundary"),
    "unknown boundary": ({"attrs": {"boundary": "wall"}}, "boundary"),
    "uneven cells": ({"x": np.linspace(0, 1, 60) ** 2}, "x"),
    "half a mixture": ({"drop": ("rho", "u", "T"), "rho_1": 1.0, "u_1": 0.0, "T_1": 1.0}, "rho_2"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_file_is_refused_by_name(knudsen, start_file, name):
    change, named = BAD_FILES[name]
    path = start_file(**change)
    run = knudsen(*TABULATED, f"case.file={path}")
    assert_refused(run, str(path))
    assert named in run.last_line


def test_junk_and_truncated_files_are_refused(knudsen, start_file, tmp_path):
    whole = start_file().read_bytes()
    for name, content in {"junk.nc": b"not a file" * 99, "empty.nc": b"", "short.nc": whole[: len(whole) // 2]}.items():
        (tmp_path / name).write_bytes(content)
        assert_refused(knudsen(*TABULATED, f"case.file={tmp_path / name}"), name)


def test_cells_must_divide_the_file(knudsen, start_file):
    assert_refused(knudsen(*TABULATED, f"case.file={start_file()}", "case.cells=17"), "case.cells=17")


def test_folder_that_cannot_be_written_is_refused(knudsen, tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert_refused(knudsen("experiment=simulate", directory=tmp_path / "file" / "out"), "file/out")


def test_developers_get_the_traceback(knudsen, monkeypatch):
    """The exception itself, which no one catches."""
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(Exception, match="nonsense"):
        knudsen("nonsense=1")
