"""How figures look, and models in them and in tables: what their closures state of themselves."""

from collections.abc import Sequence
from io import BytesIO
from string import ascii_lowercase

from matplotlib.figure import Figure as Plain  # not pyplot: runs need no display, no state, and less time to start

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


def finish(figure: Plain, title: str = "", letters: bool = True) -> Plain:
    """The title, where one is asked for, and a letter for every panel, where there are several."""
    panels = [axis for axis in figure.axes if axis.get_label() != "<colorbar>" and axis.axison]
    for letter, axis in zip(ascii_lowercase, panels if letters and len(panels) > 1 else []):
        axis.set_title(f"({letter})", loc="left", fontsize=8, fontweight="bold")
    if title:
        figure.suptitle(title)
    return figure


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
