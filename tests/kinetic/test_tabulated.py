"""Initial data from files: what is read, and that every kind of bad file is answered with its name, the key and a remedy."""

import numpy as np
import pytest
import xarray as xr

from knudsen.kinetic import InputError, cases, gas, simulate

N = 12
X = (np.arange(N) + 0.5) / N - 0.5


def write(path, boundary="periodic", x=X, dims=("x",), **fields):
    fields = {"rho": 1 + 0.2 * np.sin(2 * np.pi * X), "u": 0.1 * np.cos(2 * np.pi * X), "T": np.ones(N)} if not fields else fields
    data = xr.Dataset({key: (dims, value) for key, value in fields.items()}, {} if x is None else {"x": x})
    data.attrs = {} if boundary is None else {"boundary": boundary}
    data.to_netcdf(path, engine="h5netcdf")
    return path


def plain(**change):
    return {"rho": np.ones(N), "u": np.zeros(N), "T": np.ones(N)} | change


def test_plain_file(tmp_path):
    case = cases.tabulated(write(tmp_path / "start.nc", "outflow"), knudsen=0.1, t_end=0.02)
    assert case.cells == N and case.boundary == "outflow" and case.knudsen == 0.1
    assert case.bounds == pytest.approx((-0.5, 0.5)) and case.x == pytest.approx(X)
    assert case.rho[0] == pytest.approx(1 + 0.2 * np.sin(2 * np.pi * X))


def test_two_component_file_with_a_knudsen_field(tmp_path):
    fields = {f"{key}_{i}": np.linspace(1, 2, N) + i for key in ("rho", "u", "T") for i in (1, 2)}
    case = cases.tabulated(str(write(tmp_path / "two.nc", knudsen=np.linspace(0.1, 1.2, N), **fields)), 4, knudsen=5.0)
    assert case.rho.shape == (2, N) and case.refine == 3
    assert case.knudsen == pytest.approx([0.2, 0.5, 0.8, 1.1])  # the file's field wins, averaged
    assert case.rho[1] == pytest.approx(fields["rho_2"])


def test_blocks_average_f(tmp_path):
    """Twelve cells averaged to four: moments of the start and of the kinetic solution's first row are those of the averaged f."""
    T = np.where(np.arange(N) % 3 == 0, 0.5, 2.0)
    path = write(tmp_path / "start.nc", **plain(T=T, u=np.where(np.arange(N) % 2, 1.0, -1.0)))
    the_gas = gas("bgk_1v")
    fine, coarse = (cases.tabulated(path, n, knudsen=1.0, t_end=0.01) for n in (N, 4))
    G = fine.raw_moments(the_gas, 5)[0].reshape(6, 4, 3).mean(-1)
    assert coarse.raw_moments(the_gas, 5)[0] == pytest.approx(G)
    start = simulate(coarse, the_gas, order=5)[0]
    assert start.G[0] == pytest.approx(G, rel=1e-9, abs=1e-9)
    assert start.T[0].min() > T.reshape(4, 3).mean(-1).max()  # the kinetic energy of the velocity steps has become heat


ONE_NAN = np.where(np.arange(N) == 3, np.nan, 1.0)
BAD = {
    "no_rho": ({"u": np.zeros(N), "T": np.ones(N)}, {}, "no variable rho"),
    "no_T_2": ({f"{k}_{i}": np.ones(N) for k in ("rho", "u", "T") for i in (1, 2) if (k, i) != ("T", 2)}, {}, "no variable T_2"),
    "nan": (plain(T=ONE_NAN), {}, "T is nan in cell 3"),
    "infinite": (plain(u=np.where(np.arange(N) == 2, np.inf, 0)), {}, "u is inf in cell 2"),
    "negative_rho": (plain(rho=np.linspace(-1, 1, N)), {}, "rho must be positive"),
    "zero_T": (plain(T=np.zeros(N)), {}, "T must be positive"),
    "zero_knudsen": (plain(knudsen=np.zeros(N)), {}, "knudsen must be positive"),
    "uneven_x": (plain(), {"x": X**3}, "in equal steps"),
    "x_to_and_fro": (plain(), {"x": np.where(np.arange(N) % 2, X, -X)}, "in equal steps"),
    "one_cell_shifted": (plain(), {"x": X + 1e-3 * (np.arange(N) == 5)}, "in equal steps"),
    "x_too_coarse": (plain(), {"x": (X + 1e6).astype("f4")}, "double precision"),
    "complex": (plain(rho=1 + 0.1j * X), {}, "rho is complex"),
    "logical": (plain(T=np.ones(N, bool)), {}, "T is true and false"),
    "digits_as_text": (plain(rho=np.array(["1.0"] * N)), {}, "rho is not numeric"),
    "no_coordinate": (plain(), {"x": None}, "no coordinate variable x"),
    "nan_x": (plain(), {"x": ONE_NAN}, "x is nan in cell 3"),
    "no_boundary": (plain(), {"boundary": None}, "attribute boundary is missing"),
    "bad_boundary": (plain(), {"boundary": "wall"}, "attribute boundary is 'wall'"),
    "both_sets": (plain(rho_1=np.ones(N)), {}, "has both"),
    "no_dimension_x": (plain(), {"x": None, "dims": ("cell",)}, "no dimension x"),
    "text": (plain(rho=np.array(["a"] * N)), {}, "rho is not numeric"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_file_is_named_with_its_key(kind, tmp_path):
    fields, how, message = BAD[kind]
    path = write(tmp_path / f"{kind}.nc", **how, **fields)
    with pytest.raises(InputError) as error:
        cases.tabulated(path, knudsen=0.1)
    assert f"case.file={path}" in str(error.value) and message in str(error.value)


@pytest.mark.parametrize("n", [12, 100, 1000, 6000])
@pytest.mark.parametrize("precision", ["f4", "f8"])
def test_coordinates_rounded_to_their_precision_are_uniform(tmp_path, n, precision):
    """Single precision leaves 2e-6 to 2e-4 of a step; the domain is right to that rounding."""
    x = ((np.arange(n) + 0.5) / n - 0.5).astype(precision)
    fields = {"rho": np.ones(n, precision), "u": np.zeros(n, precision), "T": np.ones(n, precision)}
    case = cases.tabulated(write(tmp_path / "start.nc", x=x, **fields), knudsen=0.1)
    assert case.bounds == pytest.approx((-0.5, 0.5), abs=float(np.finfo(precision).eps))


def test_files_that_fall_along_x_are_turned(tmp_path):
    rho = 1 + 0.2 * X
    up = cases.tabulated(write(tmp_path / "up.nc", "outflow", **plain(rho=rho, knudsen=2 + X)), knudsen=1.0)
    down = cases.tabulated(
        write(tmp_path / "down.nc", "outflow", X[::-1].copy(), **plain(rho=rho[::-1].copy(), knudsen=2 - X)), knudsen=1.0
    )
    assert down.bounds == pytest.approx(up.bounds) and down.rho == pytest.approx(up.rho)
    assert down.knudsen == pytest.approx(up.knudsen)


@pytest.mark.parametrize("how", ["NETCDF3_CLASSIC", "NETCDF3_64BIT", "packed"])
def test_other_ways_of_storing_are_read_right(tmp_path, how):
    """NetCDF-3, and integers with a scale and an offset: rho to the step of the packing."""
    path, rho = tmp_path / "start.nc", 1 + 0.2 * np.sin(2 * np.pi * X)
    data = xr.Dataset({k: ("x", v) for k, v in plain(rho=rho).items()}, {"x": X}, {"boundary": "periodic"})
    step = 1e-5
    if how == "packed":
        packing = {"dtype": "i2", "add_offset": 1.0, "scale_factor": step, "_FillValue": -32768}
        data.to_netcdf(
            path, engine="h5netcdf", encoding={"rho": packing, "x": packing | {"add_offset": 0.0, "scale_factor": 2e-5}}
        )
    else:
        data.to_netcdf(path, engine="scipy", format=how)
    case = cases.tabulated(path, knudsen=0.1)
    assert case.rho[0] == pytest.approx(rho, abs=step) and case.x == pytest.approx(X, abs=3e-5)


@pytest.mark.parametrize(
    "key, units", [("x", "m"), ("rho", "kg m-3"), ("T", "K"), ("u", "m/s"), ("rho", "days since 2000-01-01"), ("knudsen", "mm")]
)
def test_units_that_a_dimensionless_case_cannot_have_are_refused(tmp_path, key, units):
    """A file in SI units is not silently dimensionless, and units of time on a density make no dates of it."""
    data = xr.Dataset({k: ("x", v) for k, v in plain(knudsen=np.ones(N)).items()}, {"x": X}, {"boundary": "periodic"})
    data[key].attrs["units"] = units
    data.to_netcdf(tmp_path / "si.nc", engine="h5netcdf")
    with pytest.raises(InputError, match=rf"{key} has the units '{units}'"):
        cases.tabulated(tmp_path / "si.nc")
    data[key].attrs["units"] = "1"
    data.to_netcdf(tmp_path / "plain.nc", engine="h5netcdf")
    assert cases.tabulated(tmp_path / "plain.nc").cells == N


def test_a_solution_of_this_project_is_a_start(tmp_path):
    """Its units are those of a case."""
    from knudsen.experiments.datasets import FIELDS

    data = xr.Dataset({k: ("x", v) for k, v in plain().items()}, {"x": X}, {"boundary": "periodic"})
    for key in data.variables:
        data[key].attrs["units"] = FIELDS[key][1]
    data.to_netcdf(tmp_path / "start.nc", engine="h5netcdf")
    assert cases.tabulated(tmp_path / "start.nc", knudsen=1.0).cells == N


def test_variable_with_another_shape(tmp_path):
    path = tmp_path / "two_dimensional.nc"
    fields = {k: ("x", v) for k, v in plain().items()} | {"T": (("time", "x"), np.ones((2, N)))}
    xr.Dataset(fields, {"x": X}, {"boundary": "periodic"}).to_netcdf(path, engine="h5netcdf")
    with pytest.raises(InputError, match=r"T has the dimensions"):
        cases.tabulated(path, knudsen=0.1)


def test_absent_file(tmp_path):
    with pytest.raises(InputError, match=r"case\.file=.*nowhere\.nc: there is no such file"):
        cases.tabulated(tmp_path / "nowhere.nc")


def test_no_file_given():
    with pytest.raises(InputError, match=r"case\.file is missing"):
        cases.tabulated(None)


@pytest.mark.parametrize("content", [b"", b"rho,u,T\n1,0,1\n", b"\x89HDF\r\n\x1a\nbroken"])
def test_not_netcdf(content, tmp_path):
    path = tmp_path / "start.nc"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"case\.file=.*start\.nc: not a readable NetCDF file"):
        cases.tabulated(path)


def test_a_broken_file_leaves_no_half_made_object_behind(tmp_path, monkeypatch):
    """Whose end would be a traceback on the terminal."""
    import gc
    import sys

    path = write(tmp_path / "start.nc")
    path.write_bytes(path.read_bytes()[:3000])
    said = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    with pytest.raises(InputError, match="not a readable"):
        cases.tabulated(path)
    gc.collect()
    assert not said


@pytest.mark.parametrize("cells", [5, 24, 0, -4, 2.5])
def test_cells_must_divide_the_file(cells, tmp_path):
    with pytest.raises(InputError, match=r"case\.cells=.*start\.nc"):
        cases.tabulated(write(tmp_path / "start.nc"), cells, knudsen=0.1)


def test_knudsen_must_come_from_somewhere(tmp_path):
    with pytest.raises(InputError, match=r"case\.knudsen"):
        cases.tabulated(write(tmp_path / "start.nc"))
