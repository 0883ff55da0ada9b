"""One line for every failure: which key or file, and the remedy."""

import re

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from knudsen.experiments.help import groups
from knudsen.experiments.keys import did_you_mean, every_key


def _one_line(text: object) -> str:
    return re.sub(r"\s+", " ", str(text)).strip()


def _configuration(error: Exception) -> str:
    """A failure of Hydra or OmegaConf: their texts span several lines and speak of their own inner types."""
    text = str(error)
    if isinstance(error, MissingConfigException):
        name = re.sub(r"^In '[^']*': ", "", _one_line(text.partition("Available")[0]))
        options = re.findall(r"^\t(\S+)", text.partition("search path")[0], re.MULTILINE)
        asked = re.search(r"'[^']*?([^/']+)'", name)
        near = did_you_mean(asked.group(1), options) if asked else ""
        return f"{name}{near}; options: {', '.join(options)}" if options else name
    if isinstance(error, OverrideParseException):
        return f"{error.override}: not of the form key=value; quote lists and texts with spaces, e.g. 'closures=[nsf,grad]'"
    if found := re.search(r"Ambiguous value for argument '(.*?)'\s", text):
        key, _, values = found.group(1).partition("=")
        return f"{key}={values}: for a run with each: knudsen -m {key}={values}; for a list: '{key}=[{values}]'"
    if "Config group override must be" in text:
        return "a group was given null or a number; give one of its options, see knudsen --help"
    if found := re.search(r"(?:Could not override|Key) '([^']+)'", text):
        key = found.group(1)
        if "No match in the defaults list" in text:
            return f"{key}: unknown group{did_you_mean(key, groups())}; see knudsen --help"
        return f"{key}: unknown key{did_you_mean(key, every_key())}; see knudsen --help for the keys there are"
    return f"{_one_line(text)}; see knudsen --help"


def explain(error: BaseException) -> str:
    """The line a user reads. InputError says everything itself; an error of ours is named as such."""
    if isinstance(error, (HydraException, OmegaConfBaseException)):
        return _configuration(error)
    if isinstance(error, ValueError):  # InputError is one
        return _one_line(error)
    if isinstance(error, ModuleNotFoundError) and error.name in ("ase", "vesin"):
        return f"{error.name} is not installed: pip install 'knudsen[molecular]'"
    if isinstance(error, MemoryError):
        return f"there is not enough memory ({_one_line(error) or 'for the arrays'}); ask for less: cells, velocities, batches"
    if isinstance(error, RecursionError):
        return "a value is nested too deeply; give lists and maps of a few levels"
    if isinstance(error, OSError):
        return f"{_one_line(error)}; check that the file exists and may be read or written"
    return f"internal error: {type(error).__name__}: {_one_line(error)}; HYDRA_FULL_ERROR=1 shows the traceback; please report it"
