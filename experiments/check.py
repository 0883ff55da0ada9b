"""Does a closure keep what closures promise? A row per promise, printed and in ``metrics.json``; exit status 1 if one fails."""

from dataclasses import asdict

from omegaconf import DictConfig

from knudsen import closure
from knudsen.closure.promises import Row, check_closure
from knudsen.experiments import looks, plots, setup
from knudsen.experiments.output import Output, number, table

BROKEN = 1  # exit status


def run(cfg: DictConfig, output: Output) -> int:
    gas = setup.gas(cfg)
    laws = setup.able_closures(cfg, gas)[0] if cfg.closures is not None else one(cfg, gas)
    rows = {name: check_closure(law, raises=False) for name, law in laws.items()}
    texts = []
    for name, found in rows.items():
        texts.append(f"{looks.label(name)}, {plots.gas_in_words(gas)}\n\n{report(found)}")
        print("\n" + texts[-1])
    output.text("check.md", "\n".join(texts))
    output.json("metrics.json", {name: {row.promise: asdict(row) for row in found} for name, found in rows.items()})
    broken = [f"{name}: {row.promise}" for name, found in rows.items() for row in found if row.passed is False]
    print("broken: " + ", ".join(broken) if broken else "every promise that is made is kept")
    output.announce()
    return BROKEN if broken else 0


def one(cfg: DictConfig, gas) -> dict[str, closure.MomentLaw]:
    """The closure under study."""
    name = setup.study_name(cfg)
    return {name: setup.law(cfg, name, gas)}


def report(rows: list[Row]) -> str:
    """The table of one closure."""
    words = {True: "kept", False: "BROKEN", None: "excused"}
    return table(
        ["promise", "", "figure", "at most", "what"],
        [
            [row.promise, words[row.passed], number(row.figure, ".1e"), number(row.tolerance, ".0e"), row.detail]
            for row in rows
        ],
    )  # fmt: skip
