"""knudsen.build: only what a configuration may name is imported and built, and every mistake is told by its key."""

import sys
from pathlib import Path

import pytest
import torch
import yaml

from knudsen import closure, kinetic
from knudsen.build import RENAMED, build, judge, locate, make, makes, targets
from knudsen.closure import checkpoint
from knudsen.closure.training.epochs import TrainOptions
from knudsen.errors import InputError
from knudsen.kinetic import Case, Gas
from knudsen.kinetic.homogeneous import HomogeneousCase

GAS = {"_target_": "knudsen.kinetic.Gas", "name": "bgk_1v", "dims": 1}
CONF = Path(closure.__file__).parent.parent / "conf"


@pytest.fixture
def module(tmp_path, monkeypatch):
    """module(name, text): a module of the user's in the current directory, which leaves the file ``ran`` where it is imported."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    made = []

    def write(name: str, text: str = "") -> Path:
        made.append(name)
        (tmp_path / f"{name}.py").write_text(f"open('ran', 'w').close()\n{text}\n")
        return tmp_path / "ran"

    yield write
    for name in made:
        sys.modules.pop(name, None)


# What is built -----------------------------------------------------------------------------------------------------------------


def test_builds_what_the_configuration_says():
    assert build(GAS | {"omega": 0.5}, "gas", Gas) == Gas("bgk_1v", 1, omega=0.5)


def test_given_arguments_go_where_the_target_names_them():
    """A wave takes the seed, Sod's tube does not: one call builds either."""
    for name in ("wave", "sod"):
        config = {"_target_": f"knudsen.kinetic.cases.{name}", "cells": 20}
        assert isinstance(build(config, "case", Case, seed=3, mach=2.0), Case)


def test_keys_are_checked_by_name():
    with pytest.raises(InputError, match=r"gas\.nonsense: unknown key; known: .*omega"):
        build(GAS | {"nonsense": 1}, "gas", Gas)
    with pytest.raises(InputError, match=r"gas\.dims: a value is needed"):
        build({"_target_": "knudsen.kinetic.Gas", "name": "bgk_1v"}, "gas", Gas)
    with pytest.raises(InputError, match=r"gas\._target_ is missing"):
        build({"name": "bgk_1v"}, "gas", Gas)
    with pytest.raises(InputError, match=r"train\.epoch: unknown key"):
        make(TrainOptions, {"epoch": 3}, "train")


def test_every_target_of_the_packages_own_option_files_is_there():
    """And what files of the time before 0.2 name is the same object (the molecular ones where ASE is)."""
    found = {target for file in CONF.rglob("*.yaml") for _, target in targets(yaml.safe_load(file.read_text()))}
    kinds = (Case, HomogeneousCase, Gas, torch.nn.Module, object)
    for target in sorted(found | set(RENAMED)):
        if ".molecular." not in f".{target}" or pytest.importorskip("ase"):
            assert locate(target, "key", kinds, named=("ase.calculators.emt.EMT",)) is not None


# What is refused before anything of it runs ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target", ["os.system", "builtins.eval", "subprocess.run", "venv.__main__.X", "knudsen.__main__.main", "io._io.open_code"]
)
@pytest.mark.parametrize("named", [True, False])
def test_pythons_own_library_and_private_names_are_refused_whoever_names_them(target, named):
    with pytest.raises(InputError, match=r"case\._target_.*may be named here"):
        locate(target, "case", Case, named=(target,) if named else ())


@pytest.mark.parametrize(
    "target", ["torch.utils.collect_env.run", "torch.load", "torch.save", "ase.io.write", "numpy.load", "kinetics.Gas"]
)
def test_functions_and_classes_of_other_packages_are_refused(target):
    """Unnamed, for where they are; named, for what they are."""
    with pytest.raises(InputError, match="a file may name classes of knudsen alone"):
        locate(target, "labeler", Gas)
    with pytest.raises(InputError, match=r"not a subclass of|cannot be imported"):
        locate(target, "labeler", Gas, named=(target,))


def test_a_users_module_is_imported_only_where_the_user_has_named_it(module):
    ran = module("their_gas", "from knudsen.kinetic import Gas\nclass Mine(Gas): pass")
    with pytest.raises(InputError, match="name it on the command line too"):
        locate("their_gas.Mine", "gas", Gas)
    assert not ran.exists()
    assert issubclass(locate("their_gas.Mine", "gas", Gas, named=("their_gas.Mine",)), Gas)


def test_a_class_of_another_base_is_refused_before_it_is_called(module):
    module("their_class", "class Loud:\n    def __init__(self, **options): open('called', 'w').close()")
    with pytest.raises(InputError, match=r"not a subclass of knudsen\.kinetic\.gas\.Gas"):
        build({"_target_": "their_class.Loud"}, "gas", Gas, named=("their_class.Loud",))
    assert not Path("called").exists()


def test_a_function_is_called_only_if_it_is_marked_as_a_constructor_of_what_is_wanted(module):
    text = (
        "from knudsen.build import makes\nfrom knudsen.kinetic import Case, Gas, cases\n"
        "def bare(**options): open('called', 'w').close()\n"
        "@makes(Case)\ndef bump(cells=20): return cases.sod(cells=cells, name=None) if cells < 0 else cases.sod(cells=cells)\n"
        "@makes(Gas)\ndef gas(): return Gas('mine', 1)"
    )
    module("their_cases", text)
    for name in ("bare", "gas"):
        with pytest.raises(InputError, match="nor a function marked"):
            build({"_target_": f"their_cases.{name}"}, "case", Case, named=(f"their_cases.{name}",))
    assert not Path("called").exists()
    assert build({"_target_": "their_cases.bump", "cells": 10}, "case", Case, named=("their_cases.bump",)).cells == 10


def test_marking_leaves_the_function_as_it_is():
    def make_gas():
        return kinetic.gas("bgk_1v")

    assert makes(Gas)(make_gas) is make_gas


@pytest.mark.parametrize("target", [None, 3, "Gas", "knudsen.kinetic.Nothing", "kinetic.nothing.Gas", "kinetic.", "a b.C", ".."])
def test_targets_that_are_not_there_are_refused(target):
    with pytest.raises(InputError, match=r"gas\._target_"):
        build(GAS | {"_target_": target}, "gas", Gas)


@pytest.mark.parametrize("text", ["raise SystemExit(0)", "1 +", "1/0", "import nowhere"])
def test_a_module_that_cannot_be_imported_is_an_error_with_its_name(module, text):
    module("broken", text)
    with pytest.raises(InputError, match=r"gas\._target_=broken\.Gas: cannot be imported"):
        locate("broken.Gas", "gas", Gas, named=("broken.Gas",))


def test_a_constructor_that_ends_the_program_is_an_error(module):
    module("leaving", "import sys\nfrom knudsen.kinetic import Gas\nclass G(Gas):\n    def __init__(self): sys.exit(0)")
    with pytest.raises(InputError, match="ends the program"):
        build({"_target_": "leaving.G"}, "gas", Gas, named=("leaving.G",))


def test_names_of_the_time_before_the_one_package_are_the_projects_own():
    assert judge("kinetic.cases.sod", "case") == "knudsen.kinetic.cases.sod"
    assert build({"_target_": "kinetic.cases.sod", "cells": 20}, "case", Case).name == "sod"


# From files --------------------------------------------------------------------------------------------------------------------

LINEAR = (
    "import torch\nclass Linear(torch.nn.Module):\n"
    "    def __init__(self, inputs, outputs):\n        super().__init__()\n"
    "        self.layer = torch.nn.Linear(inputs, outputs)\n"
    "    def forward(self, x): return self.layer(x)"
)


def checkpoint_of(target: str, path: Path) -> Path:
    """A file of experiment=train, its network said to be ``target``."""
    gas = kinetic.gas("bgk_1v")
    law = closure.untrained(gas, network={"_target_": "knudsen.closure.learned.networks.MLP", "width": 4})
    checkpoint.save(path, law, {"_target_": target}, {})
    return path


@pytest.mark.parametrize("target", ["venv.__main__.X", "torch.utils.collect_env.run", "torch.nn.Linear", "their_network.Linear"])
def test_a_checkpoint_imports_nothing_from_outside_the_project(module, target):
    ran = module("their_network", LINEAR)
    path = checkpoint_of(target, Path("theirs.pt").absolute())
    with pytest.raises(InputError, match=r"theirs\.pt: closure\.network\._target_"):
        closure.build("herm_mlc", kinetic.gas("bgk_1v"), checkpoint=path)
    assert not ran.exists()


def test_a_checkpoint_of_the_users_network_loads_where_the_user_names_it_too(module):
    module("their_network", LINEAR)
    gas, network = kinetic.gas("bgk_1v"), {"_target_": "their_network.Linear"}
    law = closure.untrained(gas, network=network)
    checkpoint.save(Path("own.pt"), law, network, {})
    again = closure.build("herm_mlc", gas, checkpoint="own.pt", network=network)
    assert type(again.network.network).__name__ == "Linear"


def test_the_command_builds_what_it_names_and_what_an_option_file_of_the_users_folder_names(knudsen, module, tmp_path):
    text = "from knudsen.build import makes\nfrom knudsen.kinetic import Case, cases\n"
    module("their_cases", text + "@makes(Case)\ndef bump(cells=20): return cases.sod(cells=cells, t_end=0.001)")
    (tmp_path / "mine" / "case").mkdir(parents=True)
    (tmp_path / "mine" / "case" / "bump.yaml").write_text("_target_: their_cases.bump\ncells: 10\n")
    run = ("experiment=simulate", "solver=kinetic", "progress=false")
    chosen = knudsen("--config-dir", str(tmp_path / "mine"), *run, "case=bump")
    assert chosen.status == 0, chosen.last_line
    assert chosen.dataset("solution.nc").sizes["x"] == 10


def test_a_saved_configuration_names_the_projects_own_alone(knudsen, module, tmp_path):
    """One of the version before 0.2 runs; one that names another module does not import it, unless the command line does."""
    ran = module("their_cases", "from knudsen.build import makes\nfrom knudsen.kinetic import Case, cases\nbump = cases.sod")
    saved = tmp_path / "saved"
    run = ("experiment=simulate", "solver=kinetic", "case=sod", "case.cells=10", "case.t_end=0.001", "progress=false")
    first = knudsen(*run, directory=tmp_path / "first")
    assert first.status == 0, first.last_line
    config = yaml.safe_load((first.directory / ".hydra" / "config.yaml").read_text())
    config["gas"]["_target_"] = "kinetic.Gas"
    choices = {"case": "sod", "experiment": "simulate", "solver": "kinetic"}
    defaults = ["config", *({f"override {group}": option} for group, option in choices.items()), "_self_"]
    saved.mkdir()
    for name, target in (("old", "kinetic.cases.sod"), ("theirs", "their_cases.bump")):
        config["case"]["_target_"] = target
        (saved / f"{name}.yaml").write_text(yaml.safe_dump({"defaults": defaults} | config))
    old = knudsen("--config-dir", str(saved), "--config-name", "old")
    assert old.status == 0, old.last_line
    assert old.dataset("solution.nc").equals(first.dataset("solution.nc"))
    theirs = knudsen("--config-dir", str(saved), "--config-name", "theirs")
    assert theirs.status == 1 and "case._target_=their_cases.bump" in theirs.last_line and not ran.exists()
    trusted = knudsen("--config-dir", str(saved), "--config-name", "theirs", "case._target_=their_cases.bump")
    assert trusted.status == 0 and ran.exists(), trusted.last_line


@pytest.mark.parametrize("group, target", [("labeler", "torch.load"), ("labeler", "ase.io.write"), ("labeler", "ase.Atoms")])
def test_a_labeler_is_a_labeler_or_a_calculator_of_ase(knudsen, tmp_path, group, target):
    pytest.importorskip("ase")
    atoms = tmp_path / "one.extxyz"
    atoms.write_text('1\nLattice="9 0 0 0 9 0 0 0 9" Properties=species:S:1:pos:R:3\nAr 0 0 0\n')
    run = knudsen("experiment=md_label", "labeler=ase", f"labeler._target_={target}", f"system.data={atoms}")
    assert run.status == 1 and "labeler._target_" in run.last_line and "Traceback" not in run.text
    good = ("experiment=md_label", "labeler=ase", f"system.data={atoms}", "labeler._target_=ase.calculators.lj.LennardJones")
    assert knudsen(*good).status == 0
