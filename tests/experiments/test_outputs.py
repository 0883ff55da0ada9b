"""The contract of every output file: names, dimensions, units, what row 0 and the last row are, complete or absent."""

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from omegaconf import OmegaConf

from knudsen import kinetic
from knudsen.closure import CLOSURES
from knudsen.experiments.measure import conserved_errors, rel_l2
from knudsen.experiments.output import Output, finite, number, table
from knudsen.seeds import JUDGED

SHORT = ("case.cells=20", "case.t_end=0.02")


def assert_described(data: xr.Dataset) -> None:
    for name, variable in data.variables.items():
        if variable.dtype.kind == "f":
            assert np.isfinite(variable).all(), name
            assert {"units", "long_name"} <= set(variable.attrs), name
    assert data.attrs["version"]
    assert float(data.attrs["wall_seconds"]) > 0
    assert "gas" in OmegaConf.create(data.attrs["config"])


@pytest.mark.parametrize(("model", "gas"), [("moments", "bgk_1v"), ("kinetic", "bgk_3v")])
def test_simulate(knudsen, start_file, model, gas):
    """Row 0 is the initial state (rho averaged over blocks: exact for the density), the last row t_end to the last digit."""
    run = knudsen(
        "experiment=simulate",
        f"solver={model}",
        "closure=nsf",
        f"gas={gas}",
        "case=tabulated",
        f"case.file={start_file(60)}",
        "case.cells=30",
        "case.knudsen=0.1",
        "case.t_end=0.02",
        "case.save_times=[0.007,0.013]",
    )
    assert run.status == 0, run.last_line
    data = run.dataset("solution.nc")
    assert_described(data)
    assert dict(data.sizes) == {"time": 4, "x": 30}
    assert data.time.values.tolist() == [0.0, 0.007, 0.013, 0.02]
    assert {"rho", "u", "T", "q"} <= set(data)
    assert ("sigma" in data) == (gas == "bgk_3v")
    x = (np.arange(60) + 0.5) / 60 - 0.5
    expected = (1 + 0.2 * np.sin(2 * np.pi * x)).reshape(30, 2).mean(1)
    np.testing.assert_allclose(data.rho[0], expected, rtol=1e-12)
    np.testing.assert_allclose(data.rho.sum("x"), expected.sum(), rtol=1e-12)  # mass is conserved to round-off
    assert run.metrics()["status"] == "ok"
    assert {"solution.png", "solution.pdf"} <= run.files()


@pytest.mark.parametrize("gas", [pytest.param("bgk_1v", marks=pytest.mark.slow), "bgk_2v"])  # g alone; the pair of g and h
def test_simulate_keeps_the_distribution(knudsen, gas):
    """trajectory.nc holds f at the times asked for, and its moments are the fields of solution.nc."""
    run = knudsen(
        "experiment=simulate", "solver=kinetic", "case=wave", f"gas={gas}", "seed=5", *SHORT, "case.save_times=[0.01]",
        "keep_f=[0,0.01]",
    )  # fmt: skip
    assert run.status == 0, run.last_line
    assert {"distribution.png", "distribution.pdf"} <= run.files()
    data = run.dataset("solution.nc")
    assert data.attrs["seed"] == 5
    (kept,) = kinetic.load_trajectories(run.directory / "trajectory.nc", kinetic.gas(gas))
    assert kept.seed == 5
    assert kept.t_f.tolist() == [0, 0.01]
    np.testing.assert_array_equal(kept.rho, data.rho)
    np.testing.assert_allclose(kept.f[:, 0].sum(-1) * kept.grid.dv, data.rho[:2], rtol=1e-12)
    trajectory = run.dataset("trajectory.nc")
    assert OmegaConf.create(trajectory.attrs["config"]).case.cells == 20
    assert trajectory.attrs["boundary"] == "periodic"


def test_knudsen_field_of_the_file_is_used(knudsen, start_file):
    run = knudsen(
        "experiment=simulate",
        "closure=nsf",
        "case=tabulated",
        f"case.file={start_file(20, knudsen=np.linspace(0.1, 1, 20))}",
        "case.t_end=0.01",
    )
    assert run.status == 0, run.last_line
    np.testing.assert_allclose(run.dataset("solution.nc").knudsen, np.linspace(0.1, 1, 20), rtol=1e-12)


def diverging(original, names=("nsf",)):
    """knudsen.closure.simulate, but the models named fail at half time in cell 3."""

    def simulate(law, cases, **options):
        solutions = original(law, cases, **options)
        if law.name in names:
            for s in solutions:
                s.status, s.diverged_at = "diverged", (0.5 * float(s.t[-1]), 3)
                for field in (s.rho, s.u, s.T, s.q, s.sigma):
                    field[-1] = np.nan
        return solutions

    return simulate


def test_simulate_that_diverges_says_when_and_where(knudsen, monkeypatch):
    from knudsen import closure

    monkeypatch.setattr(closure, "simulate", diverging(closure.simulate))
    run = knudsen("experiment=simulate", "closure=nsf", *SHORT, "case.save_times=[0.005]")
    assert run.status == 3
    metrics = run.metrics()
    assert metrics["status"] == "diverged"
    assert metrics["diverged_at"] == {"time": pytest.approx(0.01), "cell": 3}
    assert "solution.nc" not in run.files()
    assert run.dataset("diverged.nc").time.values.tolist() == [0.0, 0.005]  # what was saved before


@pytest.fixture(scope="module")
def comparison(knudsen):
    return knudsen(
        "experiment=compare",
        "closures=[euler,nsf]",
        "case=sod",
        "case.knudsen=0.1",
        "case.cells=50",
        "case.t_end=0.02",
        "reference.cells=200",
    )


def test_compare(comparison):
    assert comparison.status == 0, comparison.last_line
    data = comparison.dataset("comparison.nc")
    assert_described(data)
    assert data.model.values.tolist() == ["kinetic", "euler", "nsf"]
    assert dict(data.sizes) == {"model": 3, "x": 50}
    metrics = comparison.metrics()
    assert list(metrics) == ["kinetic", "euler", "nsf"]
    for entry in metrics.values():
        assert entry["status"] == "ok"
        assert entry["seconds"] > 0
        assert set(entry["rel_l2"]) == {"rho", "m", "E", "total"}
    assert metrics["kinetic"]["rel_l2"]["total"] == 0
    assert {"comparison.png", "comparison.pdf"} <= comparison.files()
    assert "NSF" in comparison.text


def test_compare_measures_what_it_writes(comparison):
    """The errors in metrics.json can be had again from comparison.nc."""
    data = comparison.dataset("comparison.nc")
    exact, model = data.rho.sel(model="kinetic").values, data.rho.sel(model="nsf").values
    expected = np.sqrt(((model - exact) ** 2).sum() / (exact**2).sum())
    assert comparison.metrics()["nsf"]["rel_l2"]["rho"] == pytest.approx(expected, rel=1e-12)


def test_compare_delivers_the_others_when_one_diverges(knudsen, monkeypatch):
    from knudsen import closure

    monkeypatch.setattr(closure, "simulate", diverging(closure.simulate))
    run = knudsen("experiment=compare", "closures=[nsf,euler]", *SHORT, "reference.cells=40")
    assert run.status == 0, run.last_line
    assert run.dataset("comparison.nc").model.values.tolist() == ["kinetic", "euler"]
    metrics = run.metrics()
    assert metrics["nsf"]["status"] == "diverged"
    assert metrics["nsf"]["rel_l2"]["total"] is None
    assert metrics["euler"]["rel_l2"]["total"] > 0


@pytest.fixture(scope="module")
def shock(knudsen):
    return knudsen("experiment=shock_structure", "mach=1.5", "closures=[nsf]")


def test_shock_structure(shock):
    assert shock.status == 0, shock.last_line
    data = shock.dataset("shock.nc")
    assert_described(data)
    assert data.model.values.tolist() == ["kinetic", "nsf"]
    for name in ("rho", "u", "T"):
        assert data[name].isel(x=0).values == pytest.approx(0, abs=0.02)
        assert data[name].isel(x=-1).values == pytest.approx(1, abs=0.02)
    np.testing.assert_allclose(data.rho.interp(x=0.0), 0.5, atol=1e-3)  # by the definition of x
    metrics = shock.metrics()
    for entry in metrics.values():
        assert {"rel_l2", "linf", "lambda1_over_delta", "seconds", "status"} <= set(entry)
        assert {"rho", "u", "T"} <= set(entry["rel_l2"])
    assert 0 < metrics["nsf"]["rel_l2"]["rho"] < 0.1
    slope = float(abs(data.rho.sel(model="kinetic").differentiate("x")).max())
    assert metrics["kinetic"]["lambda1_over_delta"] == pytest.approx(
        slope, rel=0.01
    )  # second-order differences of the written profile
    assert {"shock.png", "shock.pdf"} <= shock.files()


@pytest.fixture(scope="module")
def evaluation(knudsen):
    return knudsen(
        "experiment=evaluate",
        "closures=[euler,nsf]",
        "+cases_per_decade=1",
        "cases=[mix,transition]",
        "variants=[boosted,doubled,large]",
        "kinetic_velocities=[12,32]",
        "late=0.15",
        "decades=[-2,0]",
        "case.cells=20",
        "reference.cells=120",
        "reference.velocity_points=60",
    )


def test_evaluate(evaluation):
    assert evaluation.status == 0, evaluation.last_line
    metrics = evaluation.metrics()
    assert list(metrics) == ["euler", "nsf", "kinetic_12", "kinetic_32"]
    rows = ["mix", "transition", "mix_boosted", "mix_doubled", "mix_large"]
    for kinds in metrics.values():
        assert set(kinds) == {name + when for name in rows for when in ("", "_late")}
        for entry in kinds.values():
            assert {"mean", "max", "by_decade", "heat_flux", "diverged", "n", "microseconds_per_cell_step"} <= set(entry)
            assert entry["n"] == 2
            assert 0 < entry["mean"] <= entry["max"]
            assert len(entry["by_decade"]) == 2
    mix = metrics["nsf"]["mix"]
    assert np.mean(mix["by_decade"]) == pytest.approx(mix["mean"])
    assert metrics["euler"]["mix"]["heat_flux"] == pytest.approx(1)  # Euler has none
    assert mix["closed_moment"] == pytest.approx(mix["heat_flux"])  # in one dimension it is what NSF closes
    assert metrics["kinetic_32"]["mix"]["mean"] < 0.3 * mix["mean"]  # the model itself, coarsely resolved
    assert metrics["nsf"]["mix_boosted"]["mean"] == pytest.approx(mix["mean"], rel=0.3)  # judged in one frame
    assert metrics["kinetic_32"]["mix_doubled"]["mean"] < metrics["kinetic_32"]["mix"]["mean"]
    assert {"errors.md", "errors.csv", "errors.png", "errors.pdf", "leaderboard.md"} <= evaluation.files()
    board, header, *rows = (
        (evaluation.directory / "leaderboard.md").read_text(),
        *csv.reader((evaluation.directory / "errors.csv").open()),
    )
    assert len(rows) == sum(len(kinds) for kinds in metrics.values()) and all(len(row) == len(header) for row in rows)
    assert "Cost at equal error" in board and board.index("kinetic_32") < board.index("NSF")  # the better stands above
    # mix, transition, large amplitudes, and a moving frame that does not move by whole cells; doubled cells need none
    assert len(list((evaluation.directory / "references").glob("*.nc"))) == 4


def test_a_moving_frame_is_judged_at_rest():
    """The kinetic solution of the boosted case is the unboosted one, moved: what is left is the scheme's error, second order."""
    from knudsen.experiments.evaluate import BOOST, VARIANTS, fields_at, moves_by_whole_cells
    from knudsen.kinetic import cases, simulate
    from knudsen.kinetic.gas import gas

    errors = []
    for cells in (60, 120):
        case = cases.wave(1_000_003, cells=cells, knudsen=0.3, t_end=0.2, fine=120)
        boosted = VARIANTS["boosted"](case)
        assert moves_by_whole_cells(boosted) and not moves_by_whole_cells(cases.transition(1, cells=60, t_end=0.2))
        pairs = [simulate(c, gas("bgk_1v", velocity_points=160))[0] for c in (boosted, case)]
        value, exact = fields_at(*pairs, 1, (BOOST, True))
        errors.append(np.linalg.norm(value["rho"] - exact["rho"]) / np.linalg.norm(exact["rho"] - exact["rho"].mean()))
    assert errors[1] < 0.4 * errors[0]


def test_all_closures_are_judged_or_say_why_not(knudsen):
    """``closures=all``: of what is registered nothing is lost; a closure that was asked for by name and is unable is an error."""
    little = ("experiment=evaluate", "cases=[wave]", "decades=[-1]", "+cases_per_decade=1", "late=null", "progress=false")
    little += ("case.cells=10", "case.t_end=0.005", "reference.cells=20", "reference.velocity_points=32")
    run = knudsen(*little, "closures=all", "gas=bgk_3v")
    assert run.status == 0, run.last_line
    judged, board = set(run.metrics()), (run.directory / "leaderboard.md").read_text()
    unable = set(CLOSURES) - judged
    assert {"herm_mlc", "enc_mlc", "grad", "quadrature", "hme"} <= judged and {"max_entropy", "gradient_net", "grad13"} <= unable
    assert all(f"`{name}` cannot: " in board and f"`{name}` cannot: " in run.text for name in unable)
    assert knudsen(*little, "closures=[nsf,max_entropy]", "gas=bgk_3v").status not in (0, 3)


def test_evaluation_never_draws_a_seed_of_training(knudsen, monkeypatch):
    """Every seed that the default labels draw is below the first one of evaluation; larger ones are refused."""
    from knudsen.kinetic import cases

    drawn = []

    class Drawn(Exception):
        pass

    def record(seed, **options):
        drawn.append(seed)
        raise Drawn

    for kind in ("wave", "mix", "transition", "equilibrium"):
        with monkeypatch.context() as patch:
            patch.setattr(cases, kind, record)
            others = [f"label.{other}=0" for other in ("wave", "mix", "transition", "equilibrium") if other != kind]
            knudsen("experiment=label", *others)
    assert len(drawn) == 4
    assert max(drawn) + 1000 < JUDGED  # each kind has at most 150 trajectories
    run = knudsen("experiment=label", f"label.seed={JUDGED}")
    assert run.status == 1
    assert "label.seed" in run.last_line


def test_a_failed_write_leaves_nothing(tmp_path):
    output = Output(tmp_path, OmegaConf.create({}))
    output.text("kept.txt", "first")

    def half(path):
        path.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        output._write("kept.txt", half)
    assert [p.name for p in tmp_path.iterdir()] == ["kept.txt"]
    assert (tmp_path / "kept.txt").read_text() == "first"


def test_json_holds_null_for_what_is_not_a_number(tmp_path):
    path = Output(tmp_path, OmegaConf.create({})).json(
        "m.json", {"a": np.float64("nan"), "b": [np.inf, np.int64(3)], "c": {"d": np.array([1.5])}}
    )
    assert json.loads(path.read_text()) == {"a": None, "b": [None, 3], "c": {"d": [1.5]}}
    assert finite(None) is None


def test_relative_errors():
    assert rel_l2(np.array([1.0, 2.0]), np.array([1.0, 1.0])) == pytest.approx(1 / np.sqrt(2))
    assert rel_l2(np.zeros(3), np.zeros(3)) == 0
    assert rel_l2(np.ones(3), np.zeros(3)) == np.inf
    state = SimpleNamespace(rho=np.full((1, 4), 2.0), u=np.full((1, 4), 3.0), T=np.full((1, 4), 0.5))
    hotter = SimpleNamespace(rho=state.rho, u=state.u, T=2 * state.T)
    errors = conserved_errors(hotter, state, dims=3)  # rho = 2, m = 6, E = 9 + 1.5; the hotter one 9 + 3
    assert errors == {"rho": 0, "m": 0, "E": pytest.approx(1.5 / 10.5), "total": pytest.approx(1.5 / np.sqrt(4 + 36 + 10.5**2))}


def test_table_is_markdown():
    assert table(["model", "error"], [["NSF", number(0.1, scale=100)], ["Euler", number(None)]]) == (
        "| model | error |\n|-------|------:|\n| NSF   | 10.00 |\n| Euler |     - |\n"
    )
