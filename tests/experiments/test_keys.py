"""Every key of the command line is judged by the option files, whether the experiment reads it or not."""

import copy

import pytest
from omegaconf import OmegaConf

from knudsen.errors import InputError
from knudsen.experiments import keys, paths

SHOCK = {"experiment": "shock_structure", "gas": "bgk_1v", "case": "shock", "solver": "moments", "closure": "herm_mlc",
         "closure/network": "equivariant", "executor": "serial", "hydra/env": "default"}  # fmt: skip


def judge(*overrides, optional=(), **choices):
    """keys.check on what Hydra would compose."""
    chosen = SHOCK | choices
    known = keys.defaults(chosen)
    cfg = OmegaConf.create({})
    for key, value in known.items():
        if not isinstance(value, dict):
            OmegaConf.update(cfg, key, copy.deepcopy(value))
    for override in overrides:
        key, _, value = override.lstrip("+").partition("=")
        OmegaConf.update(cfg, key, OmegaConf.create(f"v: {value}").v, force_add=True)
    keys.check(cfg, overrides, chosen, optional)


BAD = {
    "seed=abc": "seed=abc",
    "seed=1.5": "seed=1.5: give an integer",
    "seed=[1,2]": "seed=",
    "seed=-1": "seed=-1",
    "mach=fast": "mach=fast: give a number",
    "mach=.nan": "mach=nan",
    "progress=maybe": "progress=maybe: give true or false",
    "case.knudsen=abc": "case.knudsen=abc: give a number",
    "case.cells=1000000000000": "case.cells=1000000000000: too large; at most 10000000",
    "case.save_times=abc": "case.save_times=abc: give a list",
    "gas.velocity_points=many": "gas.velocity_points=many: give an integer",
    "gas.velocity_points=9.5": "gas.velocity_points=9.5: give an integer",
    "gas.velocity_bounds=5": "gas.velocity_bounds=5: give a list",
    "gas.name=[x]": "gas.name=",
    "solver.flux=[hll]": "knudsen -m solver.flux=A,B",
    "solver.integrator={a: 1}": "solver.integrator={'a': 1}: give a text",
    "solver.compiled=3": "solver.compiled=3: give true or false",
    "closure.moments=abc": "closure.moments=abc: give an integer",
    "closure.network.width=wide": "closure.network.width=wide",
    "closures=5": "closures=5: give a list",
    "executor.workers=abc": "executor.workers=abc",
    "+a.b.c=1": "a.b.c: unknown key",
    "+nonsense=1": "nonsense: unknown key",
    "+case.lenght=3": "did you mean case.length",
    "+closure.nonsense=1": "closure.nonsense: unknown key",
}


@pytest.mark.parametrize("override", BAD)
def test_a_key_that_the_experiment_does_not_read_is_judged_too(override):
    with pytest.raises(InputError) as error:
        judge(override)
    assert BAD[override] in str(error.value)


GOOD = [
    ("case.knudsen=2", {}), ("case.t_end=1e-3", {}), ("gas.omega=1", {}), ("gas.velocity_bounds=[-5, 5]", {}),
    ("closures=all", {}),
    ("closures=[nsf]", {}), ("mach=3", {}), ("case.save_times=[0.1]", {}), ("closure.checkpoint=[a.pt, b.pt]", {}),
    ("keep_f=[0.1]", {"experiment": "simulate"}), ("keep_f=true", {"experiment": "simulate"}),
    ("cases=wave", {"experiment": "evaluate"}),
    ("label.velocity_points=null", {"experiment": "train"}), ("train.data=f.nc", {"experiment": "train"}),
    ("elt.upper=3", {"experiment": "elt"}), ("train.validation=other.xyz", {"experiment": "md_train", "system": "file"}),
    ("+labeler.sigma=3", {"experiment": "md_label", "labeler": "ase"}), ("closure._target_=mine.Law", {}),
    ("+systems.argon={a: 1}", {"experiment": "md_overview"}), ("case.cells=[40, 40]", {}),
]  # fmt: skip


@pytest.mark.parametrize("override, choices", GOOD, ids=[g[0] for g in GOOD])
def test_what_keys_may_be_is_taken(override, choices):
    judge(override, **choices)


def test_a_class_of_the_users_own_has_keys_of_its_own():
    judge("closure._target_=mine.Law", "+closure.width=3", "closure.moments=some")
    judge("+case.height=3", case="an_option_of_a_package")
    judge("+cases_per_decade=1", optional=("cases_per_decade",))
    with pytest.raises(InputError, match=r"gas\.width"):
        judge("closure._target_=mine.Law", "+gas.width=3")


def test_a_list_of_options_is_refused_with_the_way_to_sweep(knudsen):
    """Hydra would merge them into one."""
    for override in ("gas=[bgk_1v,bgk_3v]", "experiment=[simulate,compare]", "closure=[1,2]"):
        run = knudsen(override)
        group, _, names = override.partition("=")
        assert run.status == 1 and f"knudsen -m {group}={names.strip('[]')}" in run.last_line and not run.directory.exists()


@pytest.mark.parametrize(
    "override, meant",
    [("case.cell=3", "case.cells"), ("sed=3", "seed"), ("case=sodd", "sod"), ("gas=bgk1v", "bgk_1v"), ("slover/x=1", "solver"),
     ("gas=bgk_1v,bgk_3v", "knudsen -m gas=bgk_1v,bgk_3v")],
)  # fmt: skip
def test_did_you_mean(knudsen, override, meant):
    run = knudsen(override)
    assert run.status == 1 and meant in run.last_line.partition("options:")[0]


@pytest.mark.parametrize(
    "name", ["a b", "a#b", "it's", "a,b", "a~", "größe", "a=b", "(a)", "[a]", "$a", "a{b}", "a;b&c", 'say "a"', "日本"]
)
def test_any_name_of_a_folder_goes_through_the_grammar(name):
    """Parsed by Hydra itself, the value is the path as typed."""
    from hydra.core.override_parser.overrides_parser import OverridesParser

    parser = OverridesParser.create()
    for key in ("hydra.run.dir", "case.file"):
        (parsed,) = parser.parse_overrides([paths.quote_path(f"{key}=/runs/{name}/x.nc")])
        assert parsed.value() == f"/runs/{name}/x.nc"
    (swept,) = parser.parse_overrides([paths.quote_path("case.file=/größe/a.nc,b#.nc", sweep=True)])
    assert [str(v).strip("'") for v in swept.sweep_string_iterator()] == ["/größe/a.nc", "b#.nc"]
    (listed,) = parser.parse_overrides([paths.quote_path("closure.checkpoint=[a b.pt,é.pt]")])
    assert [str(v).strip("'") for v in listed.value()] == ["a b.pt", "é.pt"]
