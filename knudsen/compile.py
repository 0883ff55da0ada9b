"""The one way to compile a function of this package: :func:`compiled`, ``numba.njit`` with a disk cache that cannot lie.

Numba keeps machine code on disk and takes it again as long as the file of the function is the same. Constants and functions that
the code holds from other files may have changed meanwhile: it would go on with the old ones, silently. Here the key of the cache
holds a stamp: the hash of the function's own file and of every file that it imports, directly or through others, as far as they
belong to this package, or to the function's own package or folder. Where a constant changes in one of them, what may hold it is
compiled again; a change elsewhere costs nothing.

Imports that count are those at the top of a file, in the first column: compiled code takes nothing from others. Where the code
is kept is Numba's business: beside the file, or in the user's cache directory where the file's own cannot be written.
"""

import hashlib
import re
import sys
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import FunctionType

from numba import njit, types

try:  # not public in Numba: without them its own cache serves, and tests/test_compile.py fails
    from numba.core.caching import CompileResultCacheImpl, FunctionCache
except ImportError:
    FunctionCache = None

PACKAGE = "knudsen"
SAFE = {"reassoc", "contract", "arcp", "nsz"}  # no nnan, ninf: a solution that diverges must be seen
OPTIONS = {"fastmath": SAFE, "nogil": True, "error_model": "numpy"}
IMPORT = re.compile(r"^(?:from\s+([\w.]+)\s+import\s+(\([^)]*\)|.*)|import\s+(.*))", re.MULTILINE)


def compiled(function=None, /, *, signatures=(), **options):
    """``function`` compiled by Numba: it releases the interpreter's lock, and sums may be reordered (``SAFE``).

    Use it as ``@compiled`` or with options, ``@compiled(fastmath={"contract"})``; they override ``OPTIONS`` and are those of
    ``numba.njit`` (not ``cache``). signatures: types or strings to compile for at once; others are then refused. Compiled callers
    get one machine code for all constants that they give.
    """
    if function is None:
        return lambda function: compiled(function, signatures=signatures, **options)
    dispatcher = njit(**(OPTIONS | options))(function)
    if not hasattr(dispatcher, "enable_caching"):  # with NUMBA_DISABLE_JIT it is the function itself
        return dispatcher
    if Path(function.__code__.co_filename).is_file():  # what is typed in is not kept
        if FunctionCache is None:
            dispatcher.enable_caching()
        else:
            dispatcher._cache = StampedCache(function)
    template = dispatcher.get_call_template  # asked for by compiled callers: one machine code for all constants
    dispatcher.get_call_template = lambda args, named: template(
        tuple(map(types.unliteral, args)), {name: types.unliteral(of) for name, of in named.items()}
    )
    for signature in signatures:
        dispatcher.compile(signature)
    if signatures:
        dispatcher.disable_compile()
    return dispatcher


if FunctionCache is not None:

    class StampedCacheImpl(CompileResultCacheImpl):
        """Numba's, but for the stamp of the sources."""

        def __init__(self, function):
            super().__init__(function)
            own = self.locator.get_source_stamp
            self.locator.get_source_stamp = lambda: (own(), stamp(function))

    class StampedCache(FunctionCache):
        """The cache of one function: its index holds the stamp, and counts as empty where that differs."""

        _impl_class = StampedCacheImpl

        def _index_key(self, signature, codegen):
            """Numba's, but what the function holds from an enclosing function counts by name and sources if it has these."""
            code = self._py_func.__code__.co_code
            return signature, codegen.magic_tuple(), hashlib.sha256(code).hexdigest(), _held(self._py_func)


def _held(function) -> str:
    """What a function holds from an enclosing one."""
    return "; ".join(_identity(cell.cell_contents) for cell in function.__closure__ or ())


def _identity(held) -> str:
    """What two things that a function holds have in common where the code is the same; of a compiled function: its source."""
    held = getattr(held, "py_func", held)
    if isinstance(held, FunctionType):
        code = held.__code__
        sources = stamp(held) if Path(code.co_filename).is_file() else f"{code.co_code} {code.co_consts} {code.co_names}"
        return f"{held.__module__}.{held.__qualname__} {sources} ({_held(held)})"
    return f"{held.__module__}.{held.__qualname__}" if isinstance(held, type) else repr(held)


def stamp(function) -> str:
    """The hash of all that a function may hold: the ``sources`` of its file."""
    digest = hashlib.sha256()
    for path in sorted(sources(function.__code__.co_filename, function.__module__)):
        digest.update(_text(path))
    return digest.hexdigest()


def sources(file: str, module: str) -> set[str]:
    """The function's file (of that module) and the files that it imports, directly or not, of the packages that count."""
    tops, folder = {PACKAGE, module.split(".")[0]}, str(Path(file).parent)

    def counts(name):
        there = _file(name)
        return there and (name.split(".")[0] in tops or there.startswith(folder))

    found, waiting = set(), [file]
    while waiting:
        path = waiting.pop()
        found.add(path)
        for name, items in _imports(path):
            if counts(name):
                package = _file(name).endswith("__init__.py")
                names = [name, *(f"{name}.{item}" for item in items if package and counts(f"{name}.{item}"))]
                waiting += {_file(name) for name in names} - found
    return found


@cache
def _imports(path):
    """(module, what is taken from it) of every import at the top of a file."""
    imports = []
    for source, items, plain in IMPORT.findall(_text(path).decode()):
        items = [item.split()[0] for item in re.sub(r"#.*|[()]", "", items or plain).split(",") if item.strip()]
        imports += [(source, items)] if source else [(item, []) for item in items]
    return imports


@cache
def _file(name):
    """The source file of a module, None if it has none."""
    module = sys.modules.get(name)
    try:
        file = find_spec(name).origin if module is None else module.__file__
    except (ImportError, AttributeError):  # not a module, or one without a file
        return None
    return file if file and file.endswith(".py") else None


@cache
def _text(path):
    return Path(path).read_bytes()
