"""What cannot fit is refused with the numbers before it starts; what takes days is said."""

import pytest

from knudsen.errors import InputError
from knudsen.experiments import cost, train
from knudsen.kinetic import cases, gas


def test_what_does_not_fit_in_memory_is_refused_with_the_numbers(monkeypatch):
    case = cases.sod(cells=1000, knudsen=0.1)
    monkeypatch.setattr(cost, "memory", lambda: 1e6)
    with pytest.raises(InputError, match=r"case\.cells=1000: with \d+ velocities .* needs about 0\.0 GiB|needs about"):
        cost.check(case, gas("bgk_3v"), 0.45)
    monkeypatch.setattr(cost, "memory", lambda: 1e12)
    cost.check(case, gas("bgk_3v"), 0.45)


@pytest.mark.parametrize("moments", [None, 9])
def test_a_run_of_a_billion_steps_is_said_and_a_small_one_is_not(capsys, moments):
    """Steps: t_end / (cfl dx / fastest speed), the solvers' own."""
    cost.check(cases.sod(cells=200, t_end=0.15), gas("bgk_1v"), 0.45, moments)
    assert not capsys.readouterr().err
    cost.check(cases.sod(cells=200, t_end=1e6), gas("bgk_1v"), 0.45, moments)
    said = capsys.readouterr().err
    assert "steps on 200 cells" in said and ("hours" in said or "days" in said)


def test_durations_in_words():
    assert [cost.in_words(s) for s in (5, 300, 9000, 1e6, 1e9)] == [
        "5 seconds",
        "5 minutes",
        "2.5 hours",
        "11.6 days",
        "31.7 years",
    ]


def test_an_unreadable_state_does_not_block_a_training(tmp_path, capsys):
    state = tmp_path / "state.pt"
    state.write_bytes(b"half of a file")
    (tmp_path / "metrics.jsonl").write_text("{}\n")
    train.set_aside(state)
    assert {p.name for p in tmp_path.iterdir()} == {"state.pt.unreadable"}
    assert "begins anew" in capsys.readouterr().out
