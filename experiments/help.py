"""The text of ``knudsen --help``: the configuration files themselves, whose comments say what every key means.

Reads files only; Hydra's own help composes the configuration and lists every group, which takes a second.
"""

from collections.abc import Sequence
from pathlib import Path

CONF = Path(__file__).parent.parent / "conf"

USAGE = """knudsen: kinetic theory and learned moment closures

usage: knudsen [experiment=NAME] [group=option] [key=value] ...

  knudsen                                            Mach 5.5 shock, every model side by side
  knudsen mach=3 gas=bgk_3v closures=[herm_mlc,nsf]
  knudsen experiment=simulate solver=kinetic case=sod case.knudsen=0.01
  knudsen experiment=compare case=wave seed=3
  knudsen -m mach=2,4,8                              a sweep: one run for each, and sweep.csv of all

  knudsen list [FOLDER]                              the runs there are (below outputs)
  knudsen show RUN                                   what a run was, and its metrics
  knudsen rerun RUN [key=value] ...                  the same again, or with changes
  knudsen plot RUN [--style paper|slides]            its figure again, as vector graphics

  knudsen experiment=check closure=hme               does a closure keep what closures promise?
  knudsen --help group=option ...                    the keys of these options
  knudsen --version                                  version and commit
  knudsen --cfg job [overrides]                      the configuration a run would use, without running it
  eval "$(knudsen -sc install=bash)"                 completion of groups, options and keys in the shell
  HYDRA_FULL_ERROR=1 knudsen ...                     tracebacks instead of one line, for developers
"""


def groups() -> dict[str, list[str]]:
    """{group: its options}."""
    found: dict[str, list[str]] = {}
    for file in sorted(CONF.rglob("*/*.yaml")):
        found.setdefault(file.parent.relative_to(CONF).as_posix(), []).append(file.stem)
    return found


def _keys(file: Path) -> str:
    """The commented keys of a configuration file, without the blocks that only Hydra reads."""
    lines, hidden = [], False
    for line in file.read_text().splitlines():
        if line and not line.startswith((" ", "#")):
            hidden = line.partition(":")[0] in ("defaults", "hydra", "_target_", "name")
        if not hidden and line.strip() and not line.startswith("# @"):
            lines.append("  " + line)
    return "\n".join(lines)


def _set_as(group: str) -> str:
    return "" if group == "experiment" else f"   (set as {group.replace('/', '.')}.KEY=value)"


def help_text(choices: Sequence[str] = ()) -> str:
    """Usage, groups and common keys; with choices (``group=option``), the keys of those instead."""
    options = groups()
    chosen = [(group, option) for group, _, option in (c.partition("=") for c in choices) if option in options.get(group, ())]
    if chosen:
        return "\n\n".join(
            f"{group}={option}{_set_as(group)}\n{_keys(CONF / group / f'{option}.yaml')}" for group, option in chosen
        )
    listing = "\n".join(f"  {group:<17}{', '.join(names)}" for group, names in options.items())
    return f"{USAGE}\nGroups\n{listing}\n\nKeys (and their defaults)\n{_keys(CONF / 'knudsen.yaml')}"
