"""Tables of the evaluation: what they promise about the numbers they are made of."""

import csv
import io
import time
from types import SimpleNamespace

import pytest

from knudsen.experiments import evaluate
from knudsen.experiments.leaderboard import as_csv, at_equal_error, board, microseconds
from knudsen.kinetic import cases

DECADES = [-1, 0]


def entry(mean, cost=1.0, diverged=0):
    each = [None if mean is None else mean * f for f in (0.5, 1.5)]
    return {
        "mean": mean, "max": mean and 2 * mean, "by_decade": each, "heat_flux": mean, "heat_flux_by_decade": each,
        "closed_moment": None, "closed_moment_by_decade": [None, None], "diverged": diverged, "n": 2,
        "microseconds_per_cell_step": cost, "seconds_per_case": cost,
    }  # fmt: skip


def kinetic(n, order=3.0):
    """A solver whose error falls as n^-order and whose cost grows as n."""
    return {"wave": entry(n**-order, 0.01 * n), "mix": entry(n**-order, 0.02 * n)}


RIVALS = {f"kinetic_{n}": kinetic(n) for n in (16, 32, 64)}


@pytest.mark.parametrize(("short", "long", "cost"), [(2.0, 6.0, 1e6 * 4.0 / 80), (7.0, 6.0, 1e6 * 6.0 / 100)])
def test_a_step_costs_something_even_if_other_work_slowed_the_short_run(monkeypatch, short, long, cost):
    """What the longer run takes more, or all that it takes: never nothing, by which others would be divided."""
    seconds, clock = {0.2: short, 1.0: long}, [0.0]

    def solve(name, laws, rivals, cases, options):
        clock[0] += seconds[cases[0].t_end]
        return [SimpleNamespace(steps=round(100 * cases[0].t_end))]

    monkeypatch.setattr(evaluate, "solve", solve)
    monkeypatch.setattr(time, "process_time", lambda: clock[0])
    case = cases.sod(cells=10)
    assert evaluate.step_cost("kinetic_16", {}, {}, case, {}) == pytest.approx(cost / 10)


def test_cost_at_equal_error_follows_the_power_laws_between_the_runs():
    n, cost = at_equal_error(RIVALS, list(RIVALS), "wave", 24.0**-3)
    assert (n, cost) == (pytest.approx(24), pytest.approx(0.24))  # error n^-3 and cost 0.01 n are power laws: exact
    assert at_equal_error(RIVALS, list(RIVALS), "wave", 0.5) == (16, pytest.approx(0.16))  # no fewer were run
    assert at_equal_error(RIVALS, list(RIVALS), "wave", 65.0**-3) is None
    whole = at_equal_error(RIVALS, list(RIVALS), "mix", 24.0**-3, lambda of: of["mix"]["seconds_per_case"])
    assert whole == (pytest.approx(24), pytest.approx(0.48))  # the time of a whole case follows its own power law, 0.02 n


def test_the_best_closure_stands_first_and_one_without_a_result_last():
    metrics = {"euler": {"wave": entry(0.1), "mix": entry(0.1)}, "grad": {"wave": entry(None, diverged=2), "mix": entry(0.01)}}
    metrics |= {"nsf": {"wave": entry(0.05), "mix": entry(0.05)}} | RIVALS
    text = board(metrics, ["wave", "mix"], DECADES, [], full_grid=True)
    first = [line.split("|")[1].strip() for line in text.split("\n\n")[1].splitlines()[2:]]
    assert first == ["kinetic_64", "kinetic_32", "kinetic_16", "NSF", "Euler", "Grad"]
    assert "2 of 4" in text and microseconds(metrics["kinetic_32"]) == 0.32


def test_a_full_grid_costs_n_cubed_velocities_of_one_density():
    metrics = {"quadrature": {"wave": entry(24.0**-3, 2.0)}} | {name: {"wave": of["wave"]} for name, of in RIVALS.items()}
    costs = board(metrics, ["wave"], DECADES, [], full_grid=True).split("**Cost at equal error**")[1]
    cells = [cell.strip() for cell in costs.splitlines()[-1].split("|")]
    assert cells[5:8] == ["24", "0.240", "0.12 x as fast"]
    assert cells[10:13] == ["2000.00", "240.00", "0.12 x as fast"]  # the whole case, in milliseconds
    assert cells[8:10] == [f"{0.24 * 24**3 / (2 * 24):.1f}", f"{0.24 * 24**2 / 2 / 2.0:.0f} x as fast"]


def test_every_number_is_in_the_csv():
    header, *rows = csv.reader(io.StringIO(as_csv(RIVALS, DECADES)))
    assert len(rows) == 6 and all(len(row) == len(header) for row in rows)
    row = dict(zip(header, rows[1], strict=True))
    assert row["closure"] == "kinetic_32" and float(row["mean %"]) == pytest.approx(100 * 32.0**-3, rel=1e-3)
    assert float(row["1e0..1e1 %"]) == pytest.approx(150 * 32.0**-3, rel=1e-3) and row["closed_moment %"] == ""
