"""Progress bars on the terminal (standard error, so that tables can be piped)."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

INTERVAL = 0.2 if sys.stderr.isatty() else 10.0  # seconds between redraws; a log file gets a line now and then


@contextmanager
def bar(text: str, shown: bool) -> Iterator[Callable[..., None]]:
    """A bar named `text`; the value is a function of the fraction done and, if there is something to say, a word on the state."""
    form = "{desc} {percentage:3.0f}% |{bar:30}| {elapsed}{postfix}"
    with tqdm(total=1.0, desc=f"{text:<24}", disable=not shown, bar_format=form, mininterval=INTERVAL) as shown_bar:

        def report(fraction: float, state: str = "") -> None:
            shown_bar.set_postfix_str(state, refresh=False)
            shown_bar.update(min(fraction, 1.0) - shown_bar.n)

        yield report
        report(1.0)


@contextmanager
def iterations(text: str, shown: bool) -> Iterator[Callable[..., None]]:
    """A count of iterations named `text`; the value is a function of (iteration, residual, ...)."""
    with tqdm(
        desc=f"{text:<24}", disable=not shown, bar_format="{desc} {n_fmt} iterations, {elapsed}{postfix}", mininterval=INTERVAL
    ) as shown_bar:

        def report(iteration: int, residual: float, *rest: float) -> None:
            shown_bar.set_postfix_str(f"residual {residual:.1e}", refresh=False)
            shown_bar.update(iteration - shown_bar.n)

        yield report
