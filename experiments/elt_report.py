"""The report of an exploration-labeling-training run: ``report.md``, its figures, and the summary of a store in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from knudsen import elt
from knudsen.elt.history import Iteration
from knudsen.experiments.looks import Figure
from knudsen.experiments.output import Output, number, table

LABELLED, EXPLORED = "#D55E00", "#0072B2"


@dataclass(frozen=True)
class Axis:
    """A direction of state space to draw: which feature of the candidates, what it is called, the factor into its units."""

    feature: int
    label: str
    scale: float = 1.0


@dataclass(frozen=True)
class Words:
    """How a report speaks.

    title: of the whole; score: of the indicator, with its unit; error: what `errors` are, with their unit; explored: what
    candidates are, in the plural; label_size, label_unit: what one label counts as (20 cells of a window, one configuration).
    """

    title: str
    score: str
    error: str
    explored: str = "configurations"
    label_size: int = 1
    label_unit: str = "labels"


def summary_table(summary: Mapping[str, Any]) -> str:
    """Iterations of ``knudsen.elt.summary`` as a Markdown table."""
    header = ["iteration", "explored", "candidates", "beyond", "selected", "mean score", "largest score"]
    rows = [
        [i["iteration"], i["explored"], i["candidates"], i["beyond"], i["selected"], number(i["mean_score"], ".3g"),
         number(i["max_score"], ".3g")]
        for i in summary["iterations"]
    ]  # fmt: skip
    return table(header, rows)


def summary_in_words(summary: Mapping[str, Any]) -> str:
    """State and counts of ``knudsen.elt.summary``, a line each."""
    s = summary
    explored = sum(i["explored"] for i in s["iterations"])
    state = f"finished: {s['finished']}" if s["finished"] else "not finished: the same command goes on"
    share = 100 * s["labelled"] / explored if explored else 0.0
    lines = [
        f"{state}; {s['starts']} {'start' if s['starts'] == 1 else 'starts'}",
        f"explored {explored}, labelled {s['labelled']} ({share:.2g} % of the explored), failed {s['failed']}, "
        f"{s['label_seconds']:.3g} s of labelling",
    ]
    lines += [f"failed {count} times: {text}" for text, count in s["errors"].items()]
    if s["set_aside"] or s["worker_deaths"]:
        lines.append(f"damaged files set aside {s['set_aside']}, workers replaced {s['worker_deaths']}")
    return "\n".join(lines)


def write(
    output: Output,
    store: elt.Store,
    words: Words,
    axes: tuple[Axis, Axis],
    errors: Mapping[str, Sequence[float | None]] | None = None,
    more: str = "",
    figures: Mapping[str, Figure] | None = None,
) -> str:
    """Write ``report.md`` with its figures ``progress``, ``coverage``, ``disagreement``; returns the text.

    errors: {"mean": [...], "worst": [...]} of the ensemble after each iteration on cases it never saw, in the unit of `words`.
    more: Markdown put before the figures; figures: {name: figure} further ones, put last.
    """
    summary, past = elt.summary(store.folder), elt.history(store)
    parts = [f"# {words.title}", "", *(f"- {line}" for line in summary_in_words(summary).splitlines()), ""]
    parts += ["## Iterations", "", summary_table(summary)]
    if errors:
        parts += ["## Error against labels", "", errors_table(past, errors, words)]
    parts += [more] if more else []
    drawn = {"progress": progress_figure(past, words, errors)}
    drawn |= {"coverage": coverage_figure(past, words, axes), "disagreement": disagreement_figure(past, words, axes)}
    captions = {
        "progress": "Labels and candidates by iteration, and what the ensemble's error became.",
        "coverage": f"Explored {words.explored} (shaded) and those labelled.",
        "disagreement": "Where the ensemble of the last iteration but one disagreed about what the last explored.",
    }
    drawn |= figures or {}
    for name, figure in drawn.items():
        output.figure(name, figure)
        parts += [f"![{captions.get(name, name)}]({name}.png)", ""]
    text = "\n".join(parts).rstrip() + "\n"
    output.text("report.md", text)
    return text


def labels_so_far(past: Sequence[Iteration], words: Words) -> np.ndarray:
    """[iteration] labels selected by its end, in the unit of `words`."""
    return words.label_size * np.cumsum([len(i.keys) for i in past])


def errors_table(past: Sequence[Iteration], errors: Mapping[str, Sequence[float | None]], words: Words) -> str:
    """Error after each iteration, as Markdown."""
    rows = [
        [i.number, count, *(number(values[i.number], ".3g") for values in errors.values())]
        for i, count in zip(past, labels_so_far(past, words))
        if i.models
    ]
    return table(["iteration", words.label_unit, *(f"{name} {words.error}" for name in errors)], rows)


def progress_figure(past: Sequence[Iteration], words: Words, errors: Mapping[str, Sequence[float | None]] | None) -> Figure:
    """Left: explored, candidates and labels of every iteration. Right: score and errors against the labels spent."""
    figure = Figure(figsize=(7.4, 3.2))
    left, right = figure.subplots(1, 2)
    x = [i.number for i in past]
    left.semilogy(x, [max(i.explored, 0.5) for i in past], "o-", color=EXPLORED, label="explored")
    left.semilogy(x, [max(i.candidates, 0.5) for i in past], "s-", color="#009E73", label="candidates")
    left.semilogy(x, [max(len(i.keys), 0.5) for i in past], "^-", color=LABELLED, label="labelled")
    left.set(xlabel="iteration", ylabel=words.explored, xticks=x)
    left.legend()
    trained = [i for i in past if i.models]
    labels = labels_so_far(past, words)
    styles = iter(("o-", "s--", "^:", "v-."))
    for name, values in (errors or {}).items():
        right.semilogy([labels[i.number] for i in trained], [values[i.number] for i in trained], next(styles), label=name)
    right.set(xlabel=words.label_unit, ylabel=words.error)
    scored = [i for i in past if i.number and np.isfinite(i.met_scores).any()]
    scores = [float(np.mean(i.met_scores[np.isfinite(i.met_scores)])) for i in scored]
    if scored:  # the score of iteration i is that of the ensemble trained in iteration i - 1
        twin = right.twinx() if errors else right
        twin.semilogy([labels[i.number - 1] for i in scored], scores, "x-", color="#999999", label="mean score")
        twin.set_ylabel(words.score)
        if errors:
            twin.legend(loc="lower left")
    if errors:
        right.legend(loc="upper right")
    figure.suptitle(words.title)
    return figure


def coverage_figure(past: Sequence[Iteration], words: Words, axes: tuple[Axis, Axis]) -> Figure:
    """Explored configurations as a shade, labelled ones as points, in two directions of state space."""
    figure = Figure(figsize=(4.8, 3.8))
    axis = figure.subplots()
    met = _columns(np.concatenate([i.met_features for i in past]), axes)
    shade = axis.hexbin(*met, gridsize=40, cmap="Blues", bins="log", mincnt=1)
    taken = _columns(np.concatenate([i.features for i in past]), axes)
    colour = np.concatenate([np.full(len(i.keys), i.number) for i in past])
    points = axis.scatter(*taken, c=colour, s=9, cmap="autumn", edgecolors="black", linewidths=0.3)
    figure.colorbar(shade, label=f"explored {words.explored}")
    if len(past) > 1:
        figure.colorbar(points, label="labelled in iteration", ticks=range(len(past)))
    axis.set(xlabel=axes[0].label, ylabel=axes[1].label)
    axis.set_title(words.title)
    return figure


def disagreement_figure(past: Sequence[Iteration], words: Words, axes: tuple[Axis, Axis]) -> Figure:
    """Mean score of what the last scored iteration explored, in two directions of state space."""
    figure = Figure(figsize=(4.8, 3.8))
    axis = figure.subplots()
    scored = [i for i in past if i.number and np.isfinite(i.met_scores).any()]
    if scored:
        good = np.isfinite(scored[-1].met_scores)
        columns = _columns(scored[-1].met_features[good], axes)
        shade = axis.hexbin(
            *columns,
            C=scored[-1].met_scores[good],
            gridsize=40,
            cmap="viridis",
            norm="log" if (scored[-1].met_scores[good] > 0).any() else None,
            mincnt=1,
        )
        figure.colorbar(shade, label=f"mean {words.score}")
    axis.set(xlabel=axes[0].label, ylabel=axes[1].label)
    axis.set_title(words.title)
    return figure


def _columns(features: np.ndarray, axes: tuple[Axis, Axis]) -> tuple[np.ndarray, np.ndarray]:
    return tuple(axis.scale * features[:, axis.feature] for axis in axes)
