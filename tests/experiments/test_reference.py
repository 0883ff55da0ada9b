"""The documentation says what the program says: the reference names every option and key, the messages are the real ones."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from knudsen.experiments.help import CONF, groups

DOCS = Path(__file__).parents[2] / "docs"


def module(name):
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


pages, closures = module("configuration_pages"), module("closure_table")
MESSAGES = re.findall(r"^\$ knudsen (.*)\n(knudsen: .*)$", (DOCS / "faq.md").read_text(), re.MULTILINE)


def leaves(content: dict, above: str = "") -> list[str]:
    """Dotted keys of everything that is no map, without what only Hydra reads."""
    found = []
    for key, value in content.items():
        if key == "_target_" or (not above and key in pages.HIDDEN):
            continue
        found += leaves(value, f"{above}{key}.") if isinstance(value, dict) and value else [f"{above}{key}"]
    return found


def test_table_of_closures_has_the_leaderboards_numbers():
    """Row and numbers of HermMLC and NSF as in the printed tables; what is said in words is of closures that are there."""
    text = closures.table(DOCS / "leaderboard")
    for gas in ("bgk_1v", "bgk_3v"):
        board = (DOCS / "leaderboard" / f"{gas}.md").read_text()
        part = text[text.index(f"| `{gas}`") :]
        for name, label in (("herm_mlc", "HermMLC"), ("nsf", "NSF")):
            lines = (
                next(line for line in of.splitlines() if start in line)
                for of, start in ((part, f"| `{name}` |"), (board, f"| {label} "))
            )
            mine, theirs = ([cell.strip() for cell in line.split("|")] for line in lines)
            assert mine[3:6] == [theirs[i].split(" / ")[0] for i in (2, 3, 6)]
            assert mine[6] == theirs[7].split(" of ")[0] and mine[7] == theirs[8]
    assert {name for _, name in closures.WORDS} <= set(closures.ORDER)


def test_reference_has_every_option():
    assert set(pages.GROUPS) == set(groups())
    text = pages.configuration(CONF)
    assert not [f"{group}={name}" for group, names in groups().items() for name in names if f"### {group}={name}\n" not in text]
    assert all(f"`{name}`" in pages.experiments(CONF) for name in groups()["experiment"])


@pytest.mark.parametrize("group", groups())
def test_reference_has_every_key_with_its_meaning(group):
    for name in groups()[group]:
        file = CONF / group / f"{name}.yaml"
        found = {key: meaning for key, _, meaning in pages.described(file)[1]}
        for key in leaves(OmegaConf.to_container(OmegaConf.load(file))):
            parents = [key.rsplit(".", i)[0] for i in range(key.count(".") + 1)]  # a map in one line is one key
            assert any(found.get(parent) for parent in parents), f"{group}={name}: {key}"


@pytest.mark.parametrize("command, message", MESSAGES, ids=[command for command, _ in MESSAGES])
def test_message_is_the_real_one(knudsen, command, message):
    run = knudsen(*shlex.split(command))
    assert run.status not in (0, None)
    said = message.removesuffix(" ...")
    assert run.last_line.startswith(said) if said != message else run.last_line == said
