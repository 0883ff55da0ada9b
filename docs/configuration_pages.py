"""The reference of groups, options and keys, made of the option files and their comments when the documentation is built."""

import re
from pathlib import Path

HIDDEN = ("defaults", "hydra", "_target_", "name")  # of Hydra's, or what an option calls itself
LINE = re.compile(
    r"^(?P<indent> *)(?:- )?(?P<key>[\w./-]+):(?P<value>(?: +(?:\"[^\"]*\"|'[^']*'|[^#\s][^#]*)?)?)(?:#(?P<text>.*))?$"
)
GROUPS = {
    "experiment": "What is done. Keys stand at the top level: `knudsen experiment=evaluate late=0.3`.",
    "case": "Initial and boundary data: `case=sod case.knudsen=0.1`.",
    "gas": "Collision model and velocity dimensions: `gas=bgk_3v gas.omega=0.81`.",
    "solver": "Numerics: `solver=kinetic solver.transport=muscl`.",
    "closure": "The closure under study: `closure=grad closure.moments=7`.",
    "closure/network": "The network of a learned closure: `closure/network=resnet closure.network.width=64`.",
    "executor": "Where independent pieces of work run: `executor=processes executor.workers=4`.",
    "labeler": "Energies and forces of atoms: `labeler=sw`.",
    "potential": "Learned interatomic potentials: `potential=deep_pot_smooth`.",
    "system": "Atoms to work with: `system=file system.data=frames.extxyz`.",
    "hamiltonian": "Quantum systems: `hamiltonian=tfim hamiltonian.sites=10`.",
    "wavefunction": "Trial wavefunctions: `wavefunction=rbm`.",
}


def described(file: Path) -> tuple[str, list[tuple[str, str, str]]]:
    """(what the option is, [(key, default, meaning)]) of an option file."""
    head: list[str] = []
    rows: list[list[str]] = []
    parents: list[tuple[int, str]] = []
    hidden_below = None
    for line in file.read_text().splitlines():
        text = line.strip()
        if not text or text.startswith("# @"):
            continue
        if text.startswith("#"):
            if not rows and not parents:
                head.append(text.lstrip("# "))
            elif rows and hidden_below is None:
                rows[-1][2] += " " + text.lstrip("# ")
            continue
        found = LINE.match(line)
        if not found:
            continue
        indent, key = len(found["indent"]), found["key"]
        if hidden_below is not None and indent > hidden_below:
            continue
        hidden_below = None
        if key in HIDDEN and (indent == 0 or key == "_target_"):
            hidden_below = indent
            continue
        parents = [(i, k) for i, k in parents if i < indent]
        whole, value = ".".join([*(k for _, k in parents), key]), (found["value"] or "").strip()
        if not value:
            parents.append((indent, key))
        rows.append([whole, value, (found["text"] or "").strip()])
    return " ".join(head), [tuple(row) for row in rows if row[1] or row[2]]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _code(text: str) -> str:
    text = text if len(text) < 60 else text[:57] + "..."
    return f"`{text}`" if text else ""


def configuration(conf: Path) -> str:
    """Every group, its options, their keys, as Markdown."""
    parts = ["## Common keys", "", *_table(described(conf / "knudsen.yaml")[1], ""), ""]
    for group, words in GROUPS.items():
        parts += [f"## {group}", "", words, ""]
        for file in sorted((conf / group).glob("*.yaml")):
            text, rows = described(file)
            prefix = "" if group == "experiment" else group.replace("/", ".") + "."
            parts += [f"### {group}={file.stem}", "", text or "", "", *_table(rows, prefix), ""]
    return "\n".join(parts)


def _table(rows: list[tuple[str, str, str]], prefix: str) -> list[str]:
    if not rows:
        return []
    lines = [f"| `{prefix}{key}` | {_code(_cell(value))} | {_cell(text)} |" for key, value, text in rows]
    return ["| key | default | meaning |", "|---|---|---|", *lines]


def experiments(conf: Path) -> str:
    """A table of all experiments and what they do, as Markdown."""
    lines = ["| `experiment=` | what it does |", "|---|---|"]
    for file in sorted((conf / "experiment").glob("*.yaml")):
        link = f"reference_configuration.md#experiment-{file.stem.replace('_', '-')}"
        lines.append(f"| [`{file.stem}`]({link}) | {_cell(described(file)[0])} |")
    return "\n".join(lines)


def options(conf: Path) -> str:
    """A table of all groups and their options, as Markdown."""
    lines = ["| group | options |", "|---|---|"]
    for group in GROUPS:
        names = ", ".join(f"`{file.stem}`" for file in sorted((conf / group).glob("*.yaml")))
        lines.append(f"| `{group}` | {names} |")
    return "\n".join(lines)
