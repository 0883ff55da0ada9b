"""A law of a user's own, in a file outside the project, through the command: the text of docs/extending.md."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from knudsen import closure
from knudsen.errors import InputError
from knudsen.experiments import plugins
from knudsen.kinetic import cases, gas

DOCS = Path(closure.__file__).parent.parent / "docs" / "extending.md"
LAW, PLAIN = (
    next(block for block in re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL) if f"class {name}" in block)
    for name in ("Parabola", "Gaussian")
)
QUICK = ("case=sod", "case.cells=40", "case.t_end=0.02", "reference.cells=80", "reference.velocity_points=40", "progress=false")
SIMULATE = ("experiment=simulate", "case=sod", "case.cells=20", "case.t_end=0.01")
EVALUATE = ("experiment=evaluate", "cases=[wave]", "decades=[-1]", "+cases_per_decade=1", "late=null", "case.cells=40")


@pytest.fixture
def own(tmp_path, monkeypatch):
    """The user's directory, with my_laws.py and files that have the names of rooms."""
    monkeypatch.chdir(tmp_path)
    Path("my_laws.py").write_text(LAW)
    Path("my_gaussian.py").write_text(PLAIN)
    Path("solvers.py").write_text("raise RuntimeError('not mine')")
    for package in ("conf", "experiments", "closure"):
        Path(package).mkdir()
        (Path(package) / "__init__.py").write_text("raise RuntimeError('not mine')")
    option = Path("my_conf/closure/bent.yaml")
    option.parent.mkdir(parents=True)
    option.write_text("_target_: my_laws.Parabola\nbend: 1.5    # of the parabola\n")
    known = dict(closure.CLOSURES)
    yield tmp_path
    for name in ("my_laws", "my_gaussian"):
        sys.modules.pop(name, None)
    for name in set(closure.CLOSURES) - set(known):
        del closure.CLOSURES[name]


def test_the_law_is_short():
    assert len([line for line in LAW.splitlines() if line.strip()]) <= 32
    assert len([line for line in PLAIN.splitlines() if line.strip()]) <= 30


def test_a_law_of_plain_functions_runs_compiled(knudsen, own):
    """compare, evaluate and check; its compiled form gives torch's numbers also where the gas is far from equilibrium."""
    law = ("gas=bgk_3v", "closure._target_=my_gaussian.Gaussian")
    run = knudsen("experiment=compare", *law, "closures=[gaussian,grad13]", *QUICK)
    assert run.status == 0, run.last_line
    assert run.metrics()["gaussian"]["status"] == "ok" and "Ten moments" in run.text
    run = knudsen(*EVALUATE, *law, *QUICK[2:])
    assert run.status == 0, run.last_line
    assert "gaussian" in run.metrics()
    run = knudsen("experiment=check", *law, "progress=false")
    assert run.status == 0, run.last_line
    assert all(row["passed"] for row in run.metrics()["gaussian"].values())
    ten = closure.CLOSURES["gaussian"](gas("bgk_3v"))
    assert ten.compiled() is not None
    case = cases.sod(cells=40, t_end=0.05, knudsen=1.0)
    ours, reference = (closure.simulate(ten, case, compiled=compiled)[0] for compiled in (True, False))
    assert abs(ours.sigma).max() > 0.01 and abs(ours.U - reference.U).max() < 1e-12


def test_compare_by_class_and_by_option_file(knudsen, own):
    run = knudsen(
        "experiment=compare", "closure._target_=my_laws.Parabola", "++closure.bend=1.5", "closures=[parabola,grad]", *QUICK
    )
    assert run.status == 0, run.last_line
    assert list(run.dataset("comparison.nc").model.values) == ["kinetic", "parabola", "grad"]
    assert "Parabola" in run.text  # its label
    assert run.metrics()["parabola"]["status"] == "ok"
    file = knudsen("--config-dir", "my_conf", "experiment=compare", "closures=[bent,grad]", *QUICK)
    assert file.status == 0, file.last_line
    assert file.metrics()["bent"]["rel_l2"] == pytest.approx(run.metrics()["parabola"]["rel_l2"])  # by the option file's name


def test_evaluate_and_shock_structure(knudsen, own):
    quick = ("reference.cells=80", "reference.velocity_points=40", "progress=false", "case.t_end=0.02")
    run = knudsen(*EVALUATE, "closure._target_=my_laws.Parabola", *quick)
    assert run.status == 0, run.last_line
    assert set(run.metrics()) == {"parabola", "grad", "nsf", "euler"}
    shock = ("mach=1.3", "cells_per_thickness=15", "closures=[parabola]", "progress=false")
    run = knudsen("closure._target_=my_laws.Parabola", *shock)
    assert run.status == 0, run.last_line
    assert run.metrics()["parabola"]["status"] == "ok"


def test_check_prints_a_row_per_promise_and_exits_1_for_a_broken_one(knudsen, own):
    run = knudsen("experiment=check", "closure._target_=my_laws.Parabola", "progress=false")
    assert run.status == 0, run.last_line
    rows = run.metrics()["parabola"]
    assert all(row["passed"] for row in rows.values()) and all(name in run.text for name in rows)
    Path("bad_laws.py").write_text(
        "from my_laws import Parabola\nclass Leaky(Parabola):\n    name = 'leaky'\n"
        "    def relax(self, U, tau, cells): return 0.9 * U\n"
    )
    run = knudsen("experiment=check", "closure._target_=bad_laws.Leaky", "progress=false")
    assert run.status == 1 and "conservation" in run.text
    assert run.metrics()["leaky"]["conservation"]["passed"] is False
    sys.modules.pop("bad_laws", None)


def test_a_users_learned_law_trains_and_runs(knudsen, own):
    """experiment=train, then its checkpoint; of a class that is derived from one of the project's."""
    Path("my_learned.py").write_text(
        "from knudsen.closure.learned.herm_mlc import HermMLC\nclass Mine(HermMLC):\n    name = 'mine'\n    label = 'Mine'\n"
    )
    law = ("closure._target_=my_learned.Mine", "closure/network=mlp", "closure.network.width=8", "progress=false")
    none = ("label.mix=0", "label.transition=0", "label.equilibrium=0", "label.shocks=[]")
    few = ("label.wave=2", "label.cells=20", "label.refine=1", "label.velocity_points=40", "label.snapshots=2")
    training = ("label.t_end=0.02", "train.epochs=1", "train.validation=0.4", "++closure.moments=7")
    trained = knudsen("experiment=train", *law, *none, *few, *training)
    assert trained.status == 0, trained.last_line
    run = knudsen(*SIMULATE, *law[::3], f"++closure.checkpoint={trained.directory}/checkpoint.pt")
    assert run.status == 0, run.last_line
    assert run.metrics()["model"] == "mine"
    untrained = knudsen(*SIMULATE, *law[::3])
    assert untrained.status == 1 and "no weights" in untrained.last_line
    sys.modules.pop("my_learned", None)


BAD = {
    "a key it does not take": (("closure._target_=my_laws.Parabola", "+closure.width=3"), "closure.width"),
    "a class that is no closure": (("closure._target_=torch.nn.Linear",), "closure._target_"),
    "a gas that it is not for": (("closure._target_=my_laws.Parabola", "gas=bgk_3v"), "parabola"),
    "training of what does not learn": (("closure._target_=my_laws.Parabola", "experiment=train"), "nothing to learn"),
}


@pytest.mark.parametrize("overrides, word", BAD.values(), ids=BAD)
def test_mistakes_are_told(knudsen, own, overrides, word):
    run = knudsen("experiment=check", *overrides)
    assert run.status == 1 and word in run.last_line and "Traceback" not in run.text


def test_register():
    law = type("Twin", (closure.CLOSURES["euler"],), {"name": "twin"})
    try:
        assert closure.register(law) is law and closure.find("twin") is law
        with pytest.raises(InputError, match="twin is"):
            closure.register(type("Other", (closure.CLOSURES["grad"],), {"name": "twin"}))
    finally:
        closure.CLOSURES.pop("twin", None)
    for wrong in (type("Nameless", (closure.CLOSURES["euler"],), {}), int, "euler"):
        with pytest.raises(InputError, match=r"no name of its own|is no closure"):
            closure.register(wrong)


POINTS = """
[knudsen.closures]
brought = their_package.laws:Brought

[knudsen.cases]
bump = their_package.laws:bump

[knudsen.experiments]
count = their_package.count
"""


def test_an_installed_package_brings_closures_cases_and_experiments(own):
    """By entry points, in a process of its own; nothing of it is imported for --help."""
    package = Path("site/their_package")
    package.mkdir(parents=True)
    info = Path("site/their_package-1.0.dist-info")
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    (package / "__init__.py").write_text("open('imported', 'w').close()\n")
    (package / "laws.py").write_text(
        LAW.replace("class Parabola", "class Brought").replace('"parabola"', '"brought"')
        + "\n\nfrom knudsen.build import makes\nfrom knudsen.kinetic import Case, cases\n"
        "@makes(Case)\ndef bump(cells=20): return cases.sod(cells=cells, t_end=0.001)\n"
    )
    (package / "count.py").write_text(
        "def run(cfg, output):\n    from knudsen.experiments import setup\n    gas = setup.gas(cfg)\n"
        "    law = setup.law(cfg, setup.study_name(cfg), gas)\n    case = setup.case(cfg, gas)\n"
        "    output.json('metrics.json', {'law': law.name, 'components': len(law.components), 'cells': case.cells})\n"
    )
    command = "import sys; sys.path.insert(0, 'site'); from knudsen.experiments.app import main; sys.exit(main())"
    python = lambda *words: subprocess.run([sys.executable, "-c", command, *words], capture_output=True, text=True)  # noqa: E731
    assert python("--help").returncode == 0 and not Path("imported").exists()
    run = python("experiment=count", "closure=brought", "case=bump", "hydra.run.dir=out")
    assert run.returncode == 0, run.stdout + run.stderr
    assert json.loads(Path("out/metrics.json").read_text()) == {"law": "brought", "components": 4, "cells": 20}


def test_no_entry_point_hides_an_option_of_the_project():
    assert not {name for group, name in plugins.found() if group == "closure"} & set(closure.CLOSURES)
