"""Progress bars on the terminal (standard error, so that tables can be piped)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm


@contextmanager
def bar(text: str, shown: bool) -> Iterator[Callable[[float], None]]:
    """A bar named `text`; the value is a function that takes the fraction done."""
    with tqdm(total=1.0, desc=f"{text:<24}", disable=not shown, bar_format="{desc} {percentage:3.0f}% |{bar:30}| {elapsed}") as shown_bar:
        def report(fraction: float) -> None:
            shown_bar.update(min(fraction, 1.0) - shown_bar.n)

        yield report
        report(1.0)
