"""One line for every failure: which key or file, and the remedy."""

import re

from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException


def _one_line(text: object) -> str:
    return re.sub(r"\s+", " ", str(text)).strip()


def _configuration(error: Exception) -> str:
    """A failure of Hydra or OmegaConf: their texts span several lines and speak of their own inner types."""
    text = str(error)
    if isinstance(error, MissingConfigException):
        name = _one_line(text.partition("Available")[0]).removeprefix("In 'config': ")
        options = re.findall(r"^\t(\S+)", text.partition("search path")[0], re.MULTILINE)
        return f"{name}; options: {', '.join(options)}" if options else name
    if isinstance(error, OverrideParseException):
        return f"{error.override}: not of the form key=value; quote lists and texts with spaces, e.g. 'closures=[nsf,grad]'"
    if found := re.search(r"(?:Could not override|Key) '([^']+)'", text):
        key = found.group(1)
        if "No match in the defaults list" in text:
            return f"{key}: unknown group; see knudsen --help"
        return f"{key}: unknown key; see knudsen --help for the keys there are"
    return f"{_one_line(text)}; see knudsen --help"


def explain(error: BaseException) -> str:
    """The line a user reads. InputError says everything itself; an error of ours is named as such."""
    if isinstance(error, (HydraException, OmegaConfBaseException)):
        return _configuration(error)
    if isinstance(error, ValueError):  # InputError is one
        return _one_line(error)
    if isinstance(error, ModuleNotFoundError) and error.name in ("ase", "vesin"):
        return f"{error.name} is not installed: pip install 'knudsen[molecular]'"
    if isinstance(error, OSError):
        return f"{_one_line(error)}; check that the file exists and may be read or written"
    return f"internal error: {type(error).__name__}: {_one_line(error)}; HYDRA_FULL_ERROR=1 shows the traceback; please report it"
