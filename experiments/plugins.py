"""What other packages bring by entry points: closures, cases, gases and labelers as options, experiments as modules.

A package's ``[project.entry-points."knudsen.closures"]`` with ``my_law = "my_package.laws:MyLaw"`` makes ``closure=my_law`` an
option whose ``_target_`` is that class. Only the packages' metadata are read: nothing of theirs is imported before it is chosen.
"""

import sys
from functools import cache
from importlib.metadata import EntryPoint, entry_points

GROUPS = {"knudsen.closures": "closure", "knudsen.cases": "case", "knudsen.gases": "gas", "knudsen.labelers": "labeler"}
EXPERIMENTS = "knudsen.experiments"


@cache
def found() -> dict[tuple[str, str], EntryPoint]:
    """{(configuration group, option): entry point}."""
    points, groups = entry_points(), GROUPS | {EXPERIMENTS: "experiment"}
    return {(groups[group], point.name): point for group in groups for point in points.select(group=group)}


def target(point: EntryPoint) -> str:
    return point.value.replace(":", ".")


def announce() -> None:
    """Makes them options of their groups; the project's own option files come before them.

    And the resolver that names the folders of a sweep; and `config`, as the primary configuration was once called, for files that
    build on it, but where a saved configuration of that name is asked for: Hydra would take one as the schema of the other.
    """
    from hydra.core.config_store import ConfigStore
    from omegaconf import OmegaConf

    from knudsen.experiments.record import folder_name

    OmegaConf.register_new_resolver("knudsen.folder", folder_name, replace=True)
    store = ConfigStore.instance()
    if {"config", "--config-name=config"} & set(sys.argv):
        store.repo.pop("config.yaml", None)
    else:
        store.store(name="config", node={"defaults": ["knudsen", "_self_"]}, provider="former name")
    for (group, name), point in found().items():
        if group == "experiment":
            store.store(group=group, name=name, node={}, package="_global_", provider="entry point")
        else:
            store.store(group=group, name=name, node={"_target_": target(point)}, provider="entry point")
