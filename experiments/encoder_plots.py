"""Figures of EncMLC: the functions that its moments are made of, and decoded distributions beside the true ones."""

from functools import singledispatch

import numpy as np
import torch
from matplotlib import colormaps

from knudsen.closure.learned.enc_mlc import EncMLC
from knudsen.experiments.looks import Figure

REACH = 6.0  # of the own-frame velocity shown


@singledispatch
def of_training(law, data) -> dict[str, Figure]:
    """{name: figure} worth drawing of a law just trained on ``data``: by its class, none of most."""
    return {}


@of_training.register
def _(law: EncMLC, data) -> dict[str, Figure]:
    return {"basis": basis_figure(law), "decoded": decoded_figure(law, examples(law, data))}


def basis_figure(law) -> Figure:
    """w_k(c) of every learned moment, even ones left, odd ones right; for D > 1 those of g above, of the transverse energy below.
    In units of the largest value of both."""
    nodes = law.nodes
    figure = Figure(figsize=(8, 0.4 + 2.6 * nodes.densities))
    axes = figure.subplots(nodes.densities, 2, sharex=True, sharey=True, squeeze=False)
    c = torch.linspace(-REACH, REACH, 601, dtype=torch.float64)
    w = [nodes.evaluate(values, c).numpy() for values in (law.A @ law.encoder.analysis).split(nodes.count, 1)]
    size = np.abs(w).max((0, 2))
    for number, (row, values) in enumerate(zip(axes, w)):
        for axis, sign, word in zip(row, (1, -1), ("even", "odd")):
            numbers = (law.encoder.parity_W == sign).nonzero()[:, 0].tolist()
            shades = colormaps["viridis"](np.linspace(0, 0.85, len(numbers)))
            for k, shade in zip(numbers, shades):
                axis.plot(c, values[k] / size[k], color=shade, label=f"$w_{{{k + 1}}}$")
            axis.set(xlim=(-REACH, REACH))
            if number == 0:
                axis.set_title(f"{word} moments")
                axis.legend(ncols=2, fontsize="small")
            if number == len(w) - 1:
                axis.set_xlabel(r"$c = (v - u)/\sqrt{T}$")
        row[0].set_ylabel(("$w_k(c)$", "$w'_k(c)$, of the transverse energy")[number])
    figure.suptitle("Functions whose moments EncMLC carries")
    return figure


def decoded_figure(law, states) -> Figure:
    """Own-frame distributions (D > 1: g): true, Maxwellian and decoded.

    states: (title, own-frame velocities, true density there, decoded masses at the law's nodes), one a panel.
    """
    figure = Figure(figsize=(3.0 * len(states), 3.4))
    axes = np.atleast_1d(figure.subplots(1, len(states)))
    for axis, (title, c_true, f_true, decoded) in zip(axes, states):
        c = law.nodes.c.numpy()
        axis.plot(c_true, f_true, color="black", lw=2.4, label="kinetic")
        axis.plot(c_true, np.exp(-0.5 * c_true**2) / np.sqrt(2 * np.pi), color="#999999", lw=1.2, label="Maxwellian")
        axis.plot(c, decoded[: len(c)] / law.nodes.width.numpy(), "o", ms=3, color=law.colour, label="decoded")
        axis.axhline(0, color="black", lw=0.6)
        axis.set(title=title, xlabel=r"$c = (v - u)/\sqrt{T}$", xlim=(-REACH, REACH))
    axes[0].set_ylabel(r"$f\,\sqrt{T}/\rho$")
    axes[0].legend()
    figure.suptitle("Distributions and what EncMLC makes of its moments and their gradients")
    return figure


def examples(law, data, count: int = 4) -> list:
    """One labelled state of each kind, far from equilibrium, with what the law decodes: the states of ``decoded_figure``."""
    from knudsen.closure.training.autoencoder import decoded_masses
    from knudsen.closure.training.distributions import NODES
    from knudsen.closure.training.labels import KINDS

    states = []
    for code, kind in enumerate(KINDS):
        rows = np.flatnonzero((data.kind.values == code) & ((data.time.values > 0) | (kind == "shock")))
        if not len(rows) or len(states) == count or kind in ("transition", "equilibrium"):
            continue
        entropy = data.entropy.values[rows][:, 1:-1]
        # a strong but not the strongest departure from equilibrium
        place = np.argsort(entropy, axis=None)[int(0.97 * entropy.size)]
        row, cell = np.unravel_index(place, entropy.shape)
        snapshot, cell = data.isel(snapshot=int(rows[row])), int(cell) + 1
        f = snapshot.masses.values[cell] / NODES.width.numpy()
        knudsen = float(snapshot.knudsen.values[cell])
        title = f"{kind}, " + (r"$\varepsilon$" + f" = {knudsen:.2g}" if kind in ("wave", "mix") else "strong departure")
        states.append((title, NODES.c.numpy(), f, decoded_masses(law, snapshot)[cell].numpy()))
    return states
