"""Trajectories as files: what is loaded is what was saved, to the last bit; a file that does not match is refused by name."""

import os
import resource

import h5py
import numpy as np
import pytest

from knudsen.kinetic import InputError, cases, gas, load_trajectories, rankine_hugoniot, save_trajectories, simulate
from knudsen.kinetic import trajectories as files

SAVED = (0.01, 0.02)


def solutions(name="bgk_1v", keep_f=(0.0, 0.02), seeds=(3, 5), **options):
    starts = [cases.mix(seed, cells=10, save_times=SAVED, t_end=0.03) for seed in seeds]
    return simulate(starts, gas(name, **options), keep_f=keep_f)


def assert_same(a, b):
    for key, value in vars(a).items():
        if key == "grid":
            assert np.array_equal(a.grid.v, b.grid.v) and a.grid.dv == b.grid.dv
        else:
            assert np.array_equal(value, getattr(b, key)), key


@pytest.mark.parametrize(
    ("name", "options", "keep_f"),
    [
        ("bgk_1v", {}, (0.0, 0.02)),  # each case has its own number of velocities
        ("bgk_1v", {"omega": 0.81, "velocity_points": 40, "velocity_bounds": (-9.0, 9.0)}, False),
        ("bgk_2v", {"omega": 0.5}, True),
        ("bgk_3v", {}, (0.02,)),
    ],
)
def test_what_is_loaded_is_what_was_saved(tmp_path, name, options, keep_f):
    saved = solutions(name, keep_f, **options)
    save_trajectories(tmp_path / "set.nc", saved, attributes={"config": "case: mix"})
    loaded = load_trajectories(tmp_path / "set.nc", gas(name, **options))
    assert len(loaded) == 2 and [t.seed for t in loaded] == [3, 5] and loaded[0].case == "mix" and loaded[0].gas == saved[0].gas
    for a, b in zip(saved, loaded, strict=True):
        assert_same(a, b)
    assert [p.name for p in tmp_path.iterdir()] == ["set.nc"]


@pytest.mark.parametrize("name", ["bgk_2v", "shakhov_3v", "es_bgk_3v"])
def test_a_gas_with_shear_comes_back(tmp_path, name):
    start = cases.couette(gas(name), drive=0.2, cells=12, t_end=0.3)
    saved = simulate(start, gas(name), keep_f=True)
    save_trajectories(tmp_path / "set.nc", saved)
    (loaded,) = load_trajectories(tmp_path / "set.nc", gas(name))
    assert loaded.f.shape[1] == 5 and abs(loaded.u_y[-1]).max() > 0
    assert_same(saved[0], loaded)
    data = files.read(tmp_path / "set.nc")
    files.write(tmp_path / "set.nc", {None: data.drop_vars("K")})
    with pytest.raises(InputError, match=r"set.nc: no variable K"):
        load_trajectories(tmp_path / "set.nc")


def test_chosen_times_keep_the_distribution_of_those_times():
    everything, some = solutions(keep_f=True), solutions(keep_f=[0.02])
    assert some[0].t_f.tolist() == [0.02] and everything[0].t_f.tolist() == [0, 0.01, 0.02, 0.03]
    np.testing.assert_allclose(some[0].f[0], everything[0].f[2], rtol=1e-12)
    assert solutions(keep_f=False)[0].f is None


def test_block_averages_of_f_have_the_block_averages_of_its_moments():
    for t in solutions("bgk_3v"):
        coarse = t.averaged(5)
        for moments, f in ((coarse.G, coarse.f[:, 0]), (coarse.H, coarse.f[:, 1])):
            np.testing.assert_allclose(f.sum(-1) * t.grid.dv, moments[[0, 2], 0], rtol=1e-13)


@pytest.mark.parametrize("keep_f", [(0.015,), "yes", 0.02, (None,)])
def test_f_is_kept_only_at_saved_times(keep_f):
    with pytest.raises(InputError, match="keep_f"):
        solutions(keep_f=keep_f)


def test_a_file_opens_anywhere_with_units_and_provenance(tmp_path):
    save_trajectories(tmp_path / "set.nc", solutions(), attributes={"config": "case: mix"})
    data = files.read(tmp_path / "set.nc")
    assert data.G.shape == (2, 4, 11, 10) and data.f.shape == (2, 2, 10, data.sizes["velocity"]) and data.knudsen.shape == (2, 10)
    assert all({"units", "long_name"} <= set(variable.attrs) for variable in data.variables.values())
    expected = {"gas": "bgk_1v", "gas_dims": 1, "gas_omega": "null", "gas_collision": "bgk", "gas_prandtl": 1}
    assert data.attrs["config"] == "case: mix"
    assert expected.items() <= data.attrs.items() and data.attrs["version"] and data.attrs[files.MARK] == files.FORMAT
    with h5py.File(tmp_path / "set.nc") as raw:
        assert raw["f"].compression == "gzip" and raw["f"].dtype == np.float64


def test_a_diverged_trajectory_is_a_recorded_result(tmp_path):
    saved = solutions()
    saved[1].status, saved[1].diverged_at = "diverged", (0.015, 4)
    saved[1].G[2:], saved[1].f[1] = np.nan, np.nan
    save_trajectories(tmp_path / "set.nc", saved)
    loaded = load_trajectories(tmp_path / "set.nc")
    assert loaded[0].status == "ok" and loaded[1].status == "diverged" and loaded[1].diverged_at == (0.015, 4)
    np.testing.assert_array_equal(loaded[1].G, saved[1].G)


def test_an_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stopped)
    with pytest.raises(KeyboardInterrupt):
        save_trajectories(tmp_path / "set.nc", solutions())
    assert not list(tmp_path.iterdir())


def test_a_file_that_may_grow_no_further_is_named(tmp_path):
    """An HDF5 library that writes to such a file ends the process."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(OSError, match=r"set\.nc"):
            save_trajectories(tmp_path / "set.nc", solutions())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())


def test_one_file_holds_one_gas_grid_and_list_of_times(tmp_path):
    one = solutions()
    others = [
        simulate(cases.mix(0, cells=20, save_times=SAVED, t_end=0.03), gas("bgk_1v"), keep_f=(0.0, 0.02)),
        simulate(cases.mix(0, cells=10, t_end=0.03), gas("bgk_1v"), keep_f=(0.0,)),
        solutions("bgk_1v", omega=0.5),
        solutions(keep_f=False),
    ]
    for other in others:
        with pytest.raises(InputError, match="differs"):
            save_trajectories(tmp_path / "set.nc", one + other)
    couette = [simulate(cases.couette(gas("bgk_2v"), drive=u, cells=8, t_end=0.1), gas("bgk_2v"))[0] for u in (0.1, 0.2)]
    couette[1].transverse = None
    with pytest.raises(InputError, match="shear differs"):
        save_trajectories(tmp_path / "set.nc", couette)
    with pytest.raises(InputError, match="none"):
        save_trajectories(tmp_path / "set.nc", [])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "whole.nc"
    save_trajectories(path, solutions("bgk_3v"))
    return path


@pytest.mark.parametrize(
    ("name", "options", "word"),
    [
        ("bgk_1v", {}, "gas.dims=3"),
        ("bgk_2v", {}, "gas.dims=3"),
        ("bgk_3v", {"omega": 0.81}, "gas.omega=null"),
        ("shakhov_3v", {}, "gas.collision=bgk"),
        ("es_bgk_3v", {}, "gas.collision=bgk"),
    ],
)
def test_a_file_of_another_gas_is_refused(whole, name, options, word):
    with pytest.raises(InputError, match=word) as error:
        load_trajectories(whole, gas(name, **options))
    assert "whole.nc" in str(error.value)


def test_another_prandtl_number_is_another_gas(whole, tmp_path):
    data = files.read(whole)
    data.attrs |= {"gas": "shakhov_3v", "gas_collision": "shakhov", "gas_prandtl": 2 / 3}
    files.write(tmp_path / "set.nc", {None: data})
    assert load_trajectories(tmp_path / "set.nc", gas("shakhov_3v"))[0].gas.prandtl == 2 / 3
    with pytest.raises(InputError, match=r"gas.prandtl=0.66.*gas.prandtl=0.7"):
        load_trajectories(tmp_path / "set.nc", gas("shakhov_3v", prandtl=0.7))
    assert load_trajectories(whole, gas("bgk_3v", velocity_points=99))  # numerics of a new run: the same gas


@pytest.mark.parametrize("spoil", ["absent", "junk", "empty", "cut", "bytes"])
def test_what_is_not_a_whole_netcdf_file_is_refused(whole, tmp_path, spoil):
    content = whole.read_bytes()
    path = tmp_path / "set.nc"
    if spoil == "bytes":  # damage in the compressed values
        with h5py.File(whole) as raw:
            chunk = raw["G"].id.get_chunk_info(0)
        at = chunk.byte_offset + chunk.size // 2
        content = content[:at] + bytes(64) + content[at + 64 :]
    parts = {"junk": b"junk" * 999, "empty": b"", "cut": content[: len(content) * 2 // 3], "bytes": content}
    if spoil in parts:
        path.write_bytes(parts[spoil])
    with pytest.raises(InputError, match=r"set\.nc.*(give another path|make it again)"):
        load_trajectories(path)


@pytest.fixture(scope="module")
def content(whole):
    return files.read(whole)


def _at(name, index, value):
    def spoil(data):
        data[name].values[index] = value
        return data

    return spoil


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda d: d.assign_attrs({files.MARK: 99}), "format 99"),
        (lambda d: d.drop_attrs(deep=False), "not a file of kinetic trajectories"),
        (lambda d: d.assign_attrs(gas_dims=7), "gas"),
        (lambda d: d.assign_attrs(dx=-1.0), "dx=-1"),
        (lambda d: d.assign_attrs(dx=2 * d.attrs["dx"]), "dx"),
        (lambda d: d.assign_attrs(gas_omega="thin"), "gas"),
        (lambda d: d.drop_vars("G"), "G"),
        (lambda d: d.drop_vars("H"), "H"),
        (lambda d: d.drop_vars("h"), "h"),
        (lambda d: d.drop_vars("knudsen"), "knudsen"),
        (lambda d: d.drop_vars("seed"), "seed"),
        (lambda d: d.drop_vars("time"), "time"),
        (lambda d: d.assign(G=d.G.isel(time=0)), "G"),
        (lambda d: d.transpose("time", ...), "G"),
        (lambda d: d.isel(moment=slice(1, None)), "moment"),
        (lambda d: d.isel(time=slice(None, None, -1)), "time"),
        (lambda d: d.isel(time=[0, 1, 3]), "time_f"),
        (lambda d: d.isel(trajectory=slice(0, 0)), "trajectory|sizes"),
        (lambda d: d.assign(knudsen=-d.knudsen), "Knudsen"),
        (lambda d: d.assign(g=2 * d.g), "moments G"),
        (lambda d: d.assign(h=d.g), "moments H"),
        (_at("G", (1, 1, 2, 3), np.nan), "G has values that are not finite"),
        (_at("G", (0, 3, 0, 3), -1.0), "density"),
        (_at("g", (0, 1, 2, 3), np.inf), "g has values that are not finite"),
        (_at("knudsen", (0, 1), np.nan), "knudsen"),
        (_at("diverged_time", 0, np.nan), "diverged_time"),
        (_at("velocity_points", 0, 1000), "velocity_points"),
    ],
)
def test_what_is_not_a_set_of_kinetic_solutions_is_refused(content, tmp_path, spoil, word):
    files.write(tmp_path / "set.nc", {None: spoil(content.copy(deep=True))})
    with pytest.raises(InputError, match=word) as error:
        load_trajectories(tmp_path / "set.nc")
    assert "set.nc" in str(error.value) and "make it again" in str(error.value)


def test_trajectories_of_shocks_keep_their_end_states(tmp_path):
    """A case that was not drawn has no seed; fixed boundaries hold the Rankine-Hugoniot states in the file too."""
    the_gas = gas("bgk_3v")
    save_trajectories(tmp_path / "set.nc", simulate(cases.shock(2.0, the_gas, cells=40, t_end=1.0), the_gas))
    (t,) = load_trajectories(tmp_path / "set.nc", the_gas)
    assert t.seed is None and t.case == "shock" and t.f is None
    for state, cell in zip(rankine_hugoniot(2.0, the_gas), (0, -1)):
        np.testing.assert_allclose((t.rho[0, cell], t.u[0, cell], t.T[0, cell]), state, rtol=1e-12)
