"""``report.html`` of a run: one file that needs no other, and no network."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

NAME = "report.html"
STATUS = {
    "ok": "done",
    "running": "not finished: still running, or killed",
    "diverged": "the solution diverged; what was computed before is there",
    "failed": "failed",
    "interrupted": "interrupted: the files that exist are complete",
}
MOST = 200  # rows of a table
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; border-bottom: 1px solid #ddd; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
td, th { padding: .15rem .7rem; text-align: right; border-bottom: 1px solid #eee; font-variant-numeric: tabular-nums; }
td:first-child, th:first-child { text-align: left; }
pre { background: #f6f6f6; padding: .7rem; overflow-x: auto; font-size: 13px; }
img { max-width: 100%; } .caption { font-size: 13px; color: #444; }
.warning { background: #fff3cd; padding: .3rem .7rem; margin: .3rem 0; }
.status { font-weight: 600; } .bad { color: #b00020; }
@media (prefers-color-scheme: dark) { body { background: #fff; } }
"""


def status_in_words(facts: Mapping[str, Any]) -> str:
    words = STATUS.get(facts["status"], facts["status"])
    return f"{words}: {facts['reason']}" if facts.get("reason") else words


def page(facts: Mapping[str, Any], directory: Path) -> str:
    """facts: the content of ``run.json``; figures and tables are those of the run's files in `directory`."""
    files = [name for name in facts["files"] if (directory / name).is_file()]
    good = facts["status"] in ("ok", "running")
    parts = [
        f"<p>Status: <span class='status{'' if good else ' bad'}'>{_text(status_in_words(facts))}</span></p>",
        *(f"<div class='warning'>Warning: {_text(warning)}</div>" for warning in facts["warnings"]),
        "<h2>Command</h2>", f"<pre>{_text(facts['command'])}</pre>",
        "<p>With exactly this configuration, whatever the defaults are by then:</p>",
        "<pre>knudsen --config-dir FOLDER/.hydra --config-name config</pre>",
        *_figures(directory, files, facts.get("captions", {})),
        *_tables(directory, files),
        "<h2>Run</h2>", _table(["", ""], _about(facts)),
        "<h2>Files</h2>", "<ul>", *(f"<li><a href='{_text(name)}'>{_text(name)}</a></li>" for name in files), "</ul>",
        "<h2>Configuration</h2>", f"<pre>{_text(facts['config'])}</pre>",
    ]  # fmt: skip
    title = f"{facts['experiment']}, {facts['started'].replace('T', ' ')[:16]}"
    head = (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{_text(title)}</title><style>{STYLE}</style></head>"
    )
    return f"{head}\n<body><h1>{_text(title)}</h1>\n" + "\n".join(parts) + "\n</body></html>\n"


def _about(facts: Mapping[str, Any]) -> list[list[Any]]:
    commit = facts.get("commit") or "not a checkout"
    dirty = " (with changes that are not committed)" if commit.endswith("-dirty") else ""
    return [
        ["started", facts["started"]],
        ["wall time", f"{facts['wall_seconds']:.3g} s"],
        ["processor time", f"{facts['cpu_seconds']:.3g} s"],
        ["seed", facts.get("seed", "-")],
        ["host", facts["host"]],
        ["threads", facts["threads"]],
        ["commit", commit.removesuffix("-dirty") + dirty],
        ["versions", facts["versions"]],
    ]


def _figures(directory: Path, files: Iterable[str], captions: Mapping[str, str]) -> list[str]:
    found = []
    for name in files:
        if name.endswith(".png"):
            data = base64.b64encode((directory / name).read_bytes()).decode()
            found += [
                f"<h2>{_text(name.removesuffix('.png'))}</h2>",
                f"<img alt='{_text(name)}' src='data:image/png;base64,{data}'>",
                *(f"<p class='caption'>{_text(_plain(text))}</p>" for text in [captions.get(name.removesuffix(".png"))] if text),
            ]
    return found


def _plain(text: str) -> str:
    """A title of a figure without the signs of mathematics."""
    for old, new in ((r"\propto", "~"), (r"\varepsilon", "eps"), ("$", ""), ("{", ""), ("}", ""), ("\n", ". ")):
        text = text.replace(old, new)
    return text


def _tables(directory: Path, files: Sequence[str]) -> list[str]:
    """``metrics.json``: a row for every model where models are its keys, or a row for every number."""
    if "metrics.json" not in files:
        return []
    try:
        metrics = json.loads((directory / "metrics.json").read_text())
    except ValueError:
        return []
    return ["<h2>Metrics</h2>", metrics_table(metrics)] if isinstance(metrics, Mapping) else []


def rows_of(metrics: Mapping[str, Any]) -> tuple[list[str], list[list[Any]]]:
    """(header, rows) of metrics: over models, if all values are maps, or over names."""
    if metrics and all(isinstance(value, Mapping) for value in metrics.values()):
        flat = {name: _flat(value) for name, value in metrics.items()}
        columns = list(dict.fromkeys(key for value in flat.values() for key in value))
        return ["", *columns], [[name, *(value.get(key) for key in columns)] for name, value in flat.items()]
    return ["", "value"], [[key, value] for key, value in _flat(metrics).items()]


def _flat(value: Mapping[str, Any], key: str = "") -> dict[str, Any]:
    """Scalars of nested maps, by dotted names; lists are counted, not shown, but for short ones of texts."""
    found: dict[str, Any] = {}
    for name, one in value.items():
        whole = f"{key}.{name}" if key else str(name)
        if isinstance(one, Mapping):
            found |= _flat(one, whole)
        elif not isinstance(one, list):
            found[whole] = one
        elif len(one) <= 4 and name != "warnings":
            found[whole] = ", ".join(short(item) for item in one)
    return found


def metrics_table(metrics: Mapping[str, Any]) -> str:
    header, rows = rows_of(metrics)
    if len(header) > 2 and len(header) > len(rows) + 8:  # wide and low: turned
        header, *rows = [list(column) for column in zip(*[header, *rows])]
    return _table(header, rows[:MOST])


def short(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "-"}[value]
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _table(header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> str:
    head = "".join(f"<th>{_text(cell)}</th>" for cell in header)
    body = "\n".join("<tr>" + "".join(f"<td>{_text(short(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>{f'<tr>{head}</tr>' if any(header) else ''}\n{body}</table>"


def _text(value: Any) -> str:
    return html.escape(str(value), quote=True)
