"""Closures with several numbers of moments side by side: the error against their number."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import LogLocator
from omegaconf import DictConfig

from knudsen import closure
from knudsen.errors import InputError
from knudsen.experiments import setup
from knudsen.experiments.evaluation_plots import finish_panels, panels
from knudsen.experiments.looks import Figure, colours, label
from knudsen.kinetic import Gas


def expand(cfg: DictConfig, gas: Gas, laws: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """({name: law}, {name: why not}): every closure that has ``moments``, with each of these numbers, as ``name_N``; the others
    as they are."""
    numbers = setup.plain(cfg.moments)
    whole = isinstance(numbers, list) and all(isinstance(n, int) and n > 2 for n in numbers)
    if not whole or len(set(numbers)) < len(numbers):
        raise InputError(f"moments={numbers}: give a list of different numbers of moments, e.g. [5,6,7]")
    able: dict[str, Any] = {}
    unable: dict[str, str] = {}
    for name, law in laws.items():
        kind, options = setup.closure_config(cfg, name)
        if not numbers or "moments" not in options or kind.of(gas) is not kind:
            able[name] = law
            continue
        options = {key: value for key, value in options.items() if key != "network"}
        for n in numbers:
            try:
                able[f"{name}_{n}"] = closure.build(kind, gas, **options | {"moments": n})
            except ValueError as error:  # an InputError is one
                unable[f"{name}_{n}"] = str(error)
    return able, unable


def family(name: str) -> str:
    """The closure of a name as ``expand`` makes them."""
    head, _, number = name.rpartition("_")
    return head if head and number.isdigit() else name


def numbers_figure(metrics: Mapping[str, Any], laws: Mapping[str, Any], kinds: Sequence[str], title: str) -> Figure:
    """Mean error of every closure against the number of fields that it carries, a line for each family, a panel for each kind of
    cases; a closure that lost cases is drawn hollow."""
    figure, axes = panels(kinds)
    names: dict[str, list[str]] = {}
    for name in laws:
        names.setdefault(family(name), []).append(name)
    shades = colours(list(names))
    for axis, kind in zip(axes, kinds):
        for one, members in names.items():
            scored = [(len(laws[m].components), metrics[m][kind]) for m in members if metrics[m][kind]["mean"] is not None]
            count = [n for n, _ in scored]
            error = np.array([100 * of["mean"] for _, of in scored])
            axis.semilogy(count, error, "-", color=shades[one], lw=1)
            for lost, fill in ((False, shades[one]), (True, "white")):
                at = [i for i, (_, of) in enumerate(scored) if bool(of["diverged"]) is lost]
                if at:
                    text = label(one) + (", lost cases left out" if lost else "")
                    axis.semilogy(np.array(count)[at], error[at], "o", ms=4, color=shades[one], mfc=fill, label=text)
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.yaxis.set_major_formatter("{x:g}")
        axis.minorticks_off()
    return finish_panels(figure, axes, "fields carried", r"error of $(\rho, m, E)$ [%]", title)
