"""How figures look, and models in them and in tables: what their closures state of themselves."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from string import ascii_lowercase

import matplotlib.style
from matplotlib.figure import Figure as Plain  # not pyplot: runs need no display, no state, and less time to start

matplotlib.style.use(Path(__file__).with_name("knudsen.mplstyle"))

# Of closures that state none, in the order of their names: apart in grey and for colour-blind readers from the stated ones, which
# are those of Okabe and Ito (2008, https://jfly.uni-koeln.de/color/) and of P. Tol.
OTHERS = ("#8C564B", "#7F3C8D", "#11A579")
REFERENCE = "kinetic"


class Figure(Plain):
    """A figure that a notebook shows without pyplot."""

    def _repr_png_(self) -> bytes:
        drawn = BytesIO()
        self.savefig(drawn, format="png")
        return drawn.getvalue()


def finish(figure: Plain, title: str = "") -> Plain:
    """A letter for every panel, where there are several, and the title, where one is asked for."""
    panels = [axis for axis in figure.axes if axis.get_label() != "<colorbar>" and axis.axison]
    for letter, axis in zip(ascii_lowercase, panels if len(panels) > 1 else []):
        axis.set_title(f"({letter})", loc="left", fontsize=8, fontweight="bold")
    if title:
        figure.suptitle(title)
    return figure


# What the kinds of random cases and the canonical flows are called in figures.
KINDS = {
    "wave": "waves", "mix": "waves with jumps", "transition": "across the regimes", "equilibrium": "near equilibrium",
    "strong": "strong departures", "sod": "Sod's tube", "lax": "Lax's tube", "expansion": "receding streams",
    "collision": "colliding streams", "hot_spot": "hot spot", "blast": "blast", "shu_osher": "Shu-Osher", "sound": "sound wave",
    "entropy": "entropy wave", "dense_blob": "dense blob", "near_vacuum": "near vacuum", "cold_hot": "cold beside hot",
}  # fmt: skip


def kind_in_words(kind: str) -> str:
    return KINDS.get(kind, kind.replace("_", " "))


def _law(model: str):
    """The class of a closure that this run knows, or None."""
    if model == REFERENCE:
        return None
    from knudsen.closure import CLOSURES  # inside: a kinetic run owes no torch

    return CLOSURES.get(model)


def colours(models: Sequence[str]) -> dict[str, str]:
    """The colour that each closure states (``MomentLaw.colour``); black for the kinetic model."""
    stated = {model: law.colour for model in models if (law := _law(model))} | {REFERENCE: "black"}
    own = sorted(model for model in models if not stated.get(model))
    return {model: stated.get(model) or OTHERS[own.index(model) % len(OTHERS)] for model in models}


def label(model: str) -> str:
    """The name of a model in figures and tables; of one that this run does not know, as it stands."""
    law = _law(model)
    return law.label or model if law else model


def is_learned(model: str) -> bool:
    law = _law(model)
    if law is None:
        return False
    from knudsen.closure import LearnedLaw

    return issubclass(law, LearnedLaw)
