"""How objects show themselves in a notebook."""

from collections.abc import Mapping
from html import escape


def as_table(title: str, rows: Mapping[str, object]) -> str:
    """HTML: a title and a small table of two columns."""
    cells = "".join(
        f'<tr><th style="text-align:left">{escape(key)}</th><td style="text-align:left">{escape(str(value))}</td></tr>'
        for key, value in rows.items()
    )
    return f"<table><caption>{escape(title)}</caption>{cells}</table>"
