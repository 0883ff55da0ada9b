"""Notebooks without Jupyter: run their cells, and make pages of them for Sphinx. The tests run the same cells.

A notebook in the repository has no outputs: they are made when the documentation is built, and are those of its version.
"""

import ast
import base64
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any


@dataclass
class Cell:
    """kind: markdown or code; source; after a run what it printed, and (kind, content) of what it shows."""

    kind: str
    source: str
    printed: str = ""
    shown: list[tuple[str, str]] = field(default_factory=list)


def cells(notebook: str) -> list[Cell]:
    """The cells of the text of an .ipynb file."""
    return [Cell(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(notebook)["cells"]]


def run(notebook: str, names: dict[str, Any] | None = None, replace: dict[str, str] | None = None) -> Iterator[Cell]:
    """Every cell, code run in one namespace: what its last expression shows, then figures of pyplot that are left open.

    replace: {text: other text} in the sources, for a quicker run; each must occur.
    """
    missing = set(replace or ())
    names = {"__name__": "__main__"} if names is None else names
    for number, cell in enumerate(cells(notebook)):
        if cell.kind == "code":
            for old, new in (replace or {}).items():
                if old in cell.source:
                    missing.discard(old)
                    cell.source = cell.source.replace(old, new)
            _execute(cell, names, f"cell {number}")
        yield cell
    if missing:
        raise ValueError(f"not in the notebook: {', '.join(sorted(missing))}")


def _execute(cell: Cell, names: dict[str, Any], title: str) -> None:
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    tree, value = ast.parse(cell.source, title), None
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    with redirect_stdout(StringIO()) as printed:
        exec(compile(tree, title, "exec"), names)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), title, "eval"), names)
    cell.printed = printed.getvalue()
    open_ones = [plt.figure(number) for number in plt.get_fignums()]
    quiet = cell.source.rstrip().endswith(";")
    for shown in [*([] if value is None or quiet or open_ones else [value]), *open_ones]:
        cell.shown.append(show(shown))
    plt.close("all")


def show(value: Any) -> tuple[str, str]:
    """The richest form that a value has: an image (base64), HTML, or text."""
    if hasattr(value, "savefig"):
        drawn = BytesIO()
        value.savefig(drawn, format="png", dpi=130, bbox_inches="tight")
        return "image", base64.b64encode(drawn.getvalue()).decode()
    if hasattr(value, "_repr_html_"):
        return "html", value._repr_html_()
    return "text", repr(value)


def markdown(cell: Cell) -> str:
    """The cell and what it shows, as Markdown of MyST."""
    if cell.kind == "markdown":
        return cell.source
    parts = [f"```python\n{cell.source}\n```"]
    if cell.printed:
        parts.append(f"```{{code-block}} none\n:class: output\n\n{cell.printed.rstrip()}\n```")
    for kind, content in cell.shown:
        if kind == "image":
            parts.append(f'```{{raw}} html\n<img class="output" alt="figure" src="data:image/png;base64,{content}"/>\n```')
        elif kind == "html":
            parts.append(f'```{{raw}} html\n<div class="output">{content}</div>\n```')
        else:
            parts.append(f"```{{code-block}} none\n:class: output\n\n{content}\n```")
    return "\n\n".join(parts)


def page(notebook: str, file: Path) -> str:
    """The whole notebook, run, as Markdown of MyST."""
    note = f"*A notebook: [{file.name}](https://jupyter.org) in `docs/notebooks/`; the outputs are of this build.*"
    head, *rest = [markdown(cell) for cell in run(notebook)]
    title, _, text = head.partition("\n")
    return "\n\n".join([title, note, text, *rest])
