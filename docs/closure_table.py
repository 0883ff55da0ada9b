"""The first page's table of closures: numbers of the leaderboard's files, and in words what these do not say."""

import csv
from pathlib import Path

KINDS = ("wave", "mix", "strong")
ORDER = ("herm_mlc", "enc_mlc", "constitutive", "bounded_entropy", "quadrature", "grad", "nsf")  # what the table shows
# {(gas, closure): (steady shocks, limits)}: from closures.md, enc_mlc.md, well_posed.md, constitutive.md, maxwell_closures.md
WORDS = {
    ("bgk_1v", "herm_mlc"): (
        "Mach 1.5 to 8: 0.08 to 0.17 / 0.05 to 0.21",
        "any `omega`; says where it is outside of its training",
    ),
    ("bgk_1v", "enc_mlc"): ("to Mach 1.5", "[ill-posed at rest](well_posed.md) on fine cells"),
    ("bgk_1v", "bounded_entropy"): ("", "a rule, nothing learned; positive"),
    ("bgk_1v", "quadrature"): ("", "a rule, nothing learned; realizable"),
    ("bgk_1v", "grad"): ("to Mach 2.6", "near equilibrium"),
    ("bgk_1v", "nsf"): ("Mach 1.5 to 8: 7.5 to 18 / 5 to 7", "small Knudsen numbers"),
    ("bgk_3v", "herm_mlc"): (
        "Mach 1.5 to 8: 0.03 to 0.13 / 0.04 to 0.11",
        "any `omega`; says where it is outside of its training",
    ),
    ("bgk_3v", "enc_mlc"): ("", "random waves and jumps"),
    ("bgk_3v", "quadrature"): ("", "a rule, nothing learned; realizable"),
    ("bgk_3v", "grad"): ("continuous to Mach 1.65", "near equilibrium"),
    ("bgk_3v", "nsf"): ("", "small Knudsen numbers"),
}
OTHERS = (  # gases without a leaderboard: gas, closures, shocks, limits
    ("`es_bgk_3v`", "`herm_mlc`, `quadrature`", "Mach 1.5 to 8: 0.03 to 0.39 / 0.05 to 0.44", "[of `bgk_3v`](real_gases.md)"),
    ("`shakhov_3v`", "`herm_mlc`, `quadrature`", "Mach 1.5 to 8: 0.06 to 0.42 / 0.08 to 0.84", "[six moments](real_gases.md)"),
    ("`maxwell_2v`", "`herm_mlc`, `quadrature`", "", "[errors and limits](maxwell_closures.md)"),
    (
        "`hard_sphere_3v`",
        "`constitutive`",
        "Mach 2 to 6: 0.1 to 0.65 of the jump",
        "[made for shocks](constitutive.md) of Mach 1.6 to 6",
    ),
)


def table(folder: Path) -> str:
    """A row for every closure of every leaderboard, Markdown."""
    lines = [
        "| gas | closure | waves | jumps | strong | lost | cost | shocks (density / temperature, %) | limits |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for file in sorted(path for path in folder.glob("*.csv") if not path.stem.startswith("canonical")):
        with open(file, newline="") as text:
            rows = {(row["closure"], row["case"]): row for row in csv.DictReader(text)}
        gas = f"`{file.stem}`"
        for name in ORDER:
            of = {case: row for (closure, case), row in rows.items() if closure == name}
            if not of:
                continue
            errors = [f"{float(of[kind]['mean %']):.2f}" if of[kind]["mean %"] else "-" for kind in KINDS]
            lost = sum(int(float(row["diverged"])) for row in of.values())
            cost = min(float(row["microseconds_per_cell_step"]) for row in of.values())
            shocks, limits = WORDS.get((file.stem, name), ("", ""))
            lines.append(f"| {gas} | `{name}` | {' | '.join(errors)} | {lost} | {cost:.2f} | {shocks} | {limits} |")
            gas = ""
    lines += [f"| {gas} | {names} | | | | | | {shocks} | {limits} |" for gas, names, shocks, limits in OTHERS]
    return "\n".join(lines)
