"""What the user has named himself: the classes from outside the project that this run may import."""

from __future__ import annotations

from pathlib import Path

import yaml
from hydra.core.hydra_config import HydraConfig

from knudsen.build import targets
from knudsen.experiments import plugins

CONF = Path(__file__).parent.parent / "conf"


def named() -> frozenset[str]:
    """Targets written on the command line (``closure._target_=my_module.MyLaw``), those of option files that were chosen from a
    folder given with ``--config-dir``, those that installed packages bring by entry points, and the few that the project's own
    option files hold (``labeler=ase``).

    A configuration from elsewhere (a saved run, ``--config-path``) names classes of the project alone.
    """
    hydra = HydraConfig.get()
    written = {plugins.target(point) for point in plugins.found().values()}
    options = {f"{group.partition('@')[0]}/{name}" for group, name in hydra.runtime.choices.items()}
    for override in hydra.overrides.task:
        key, _, value = override.lstrip("+").partition("=")
        if key.endswith("._target_"):
            written.add(value.strip("'\""))
        if key == "closures":
            options |= {f"closure/{name.strip()}" for name in value.strip("'\"[]").split(",")}
    folders = [CONF, *(Path(source.path) for source in hydra.runtime.config_sources if source.provider == "command-line")]
    files = [folder / f"{option}.yaml" for folder in folders for option in options]
    chosen = [yaml.safe_load(file.read_text()) for file in files if file.is_file()]
    return frozenset(written | {target for _, target in targets(chosen)})
