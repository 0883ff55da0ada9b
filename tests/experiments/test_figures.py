"""What every figure keeps to: letters, few lines, errors that can be read, the models that have no profile named."""

import numpy as np
import pytest
import xarray as xr

from knudsen.experiments import evaluation_plots, plots
from knudsen.experiments.looks import finish

DECADES = [-3, -2, -1, 0]
X = np.linspace(-5, 5, 21)


def entry(error):
    return {"mean": error, "heat_flux": error, "by_decade": [error] * 4, "heat_flux_by_decade": [error] * 4,
            "microseconds_per_cell_step": 1.0}  # fmt: skip


METRICS = {f"law{i}": {kind: entry(0.01 * (i + 1)) for kind in ("wave", "mix", "strong")} for i in range(12)}
METRICS |= {f"kinetic_{n}": {kind: entry(1.0 / n) for kind in ("wave", "mix", "strong")} for n in (12, 48)}


def shock(models=("kinetic", "nsf"), **attributes):
    fields = {name: (("model", "x"), np.tanh(X)[None] * np.ones((len(models), 1))) for name in ("rho", "u", "T", "q")}
    return xr.Dataset(fields, {"model": list(models), "x": X}, attributes)


def test_a_panel_shows_the_eight_best_closures():
    figure = evaluation_plots.decades_figure(METRICS, ["wave", "mix", "strong"], DECADES, "")
    panels = [axis for axis in figure.axes if axis.axison]
    assert [axis.get_title() for axis in panels] == ["waves", "waves with jumps", "strong departures"]
    for axis in panels:
        assert [line.get_label() for line in axis.lines] == [f"law{i}" for i in range(8)]
    assert figure.get_size_inches()[0] <= 7


def test_cost_is_of_every_closure_and_the_kinetic_solver_is_one_line():
    figure = evaluation_plots.cost_figure(METRICS, ["wave", "mix"], "", full_grid=False)
    (line,) = (line for line in figure.axes[0].lines if line.get_label() == "kinetic")
    assert len(line.get_xdata()) == 2 and len(figure.axes[0].lines) == 13


def test_errors_of_a_shock_are_distances_on_a_logarithmic_axis():
    data = shock()
    data["rho"][1] += 0.05
    figure = plots.shock_figure(data)
    bottom = figure.axes[4]
    assert bottom.get_yscale() == "log" and bottom.get_ylim() == (plots.FLOOR, 100)
    np.testing.assert_allclose(bottom.lines[0].get_ydata(), 5.0)
    assert [axis.get_title("left") for axis in figure.axes] == [f"({letter})" for letter in "abcdef"]


def test_a_model_without_a_profile_is_named():
    figure = plots.shock_figure(shock(not_converged="grad"))
    assert any("Grad" in text.get_text() for axis in figure.axes for text in axis.texts)
    assert not any(text.get_text() for axis in plots.shock_figure(shock(not_converged="")).axes for text in axis.texts)


def test_a_profile_with_a_jump_is_marked():
    x = np.linspace(-5, 5, 401)
    data = shock(("kinetic", "nsf", "grad")).interp(x=x)
    data["u"][2] = np.where(x < -1, -1.0, data.u[0])
    words = [text.get_text() for text in plots.shock_figure(data).axes[0].get_legend().texts]
    assert words == ["kinetic", "NSF", "Grad, with a jump"]


@pytest.mark.parametrize("rows, panels", [(None, 6), ([["NSF", "0.1", "1", "1", "1", "ok"]], 7)])
def test_the_table_is_there_only_where_it_is_asked_for(rows, panels):
    assert len(plots.shock_figure(shock(), rows).axes) == panels


def test_one_panel_needs_no_letter():
    figure = plots.Figure()
    figure.subplots()
    assert finish(figure, "words").get_suptitle() == "words" and not figure.axes[0].get_title("left")
