"""The rules of the house, read from the sources: who may import whom, no cycles, nothing private abroad, short files."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# A room imports itself, the root modules of knudsen/ and the rooms named here (shared design: data flows one way).
BELOW = {
    "solvers": set(),
    "elt": set(),
    "kinetic": {"solvers"},
    "closure": {"solvers", "kinetic", "elt"},
    "molecular": {"elt"},
    "quantum": {"elt"},
    "conf": set(),
    "experiments": {"solvers", "elt", "kinetic", "closure", "molecular", "quantum", "conf"},
}
FACE = {"knudsen", *(f"knudsen.{name}" for name in ("__main__", "interface", "learning", "testing"))}  # above every room
LONGEST = 500  # lines of a file


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts if parts[0] == "knudsen" else ("knudsen", *parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(p): p for room in ("knudsen", *BELOW) for p in sorted((ROOT / room).rglob("*.py"))}
TREES = {name: ast.parse(path.read_text()) for name, path in FILES.items()}
OTHERS = [p for folder in ("tests", "benchmarks", "docs") for p in sorted((ROOT / folder).rglob("*.py"))]


def room(module: str) -> str:
    """The room of a module; "" for the root modules of knudsen/."""
    second = module.split(".")[1] if "." in module else ""
    return second if second in BELOW else ""


def imports(tree: ast.Module):
    """(line, module, name or None) of every import, those inside functions too; not those for type checkers alone."""
    nodes = [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            nodes += node.orelse
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            yield from ((node.lineno, node.module, alias.name) for alias in node.names)
        nodes += ast.iter_child_nodes(node)


def targets(tree: ast.Module) -> set[str]:
    """The modules of this project that a file imports."""
    found = set()
    for _, module, name in imports(tree):
        if module.partition(".")[0] == "knudsen":
            whole = f"{module}.{name}"
            found.add(whole if whole in FILES else module)
    return found


def cycles(graph: dict[str, set[str]]) -> list[set[str]]:
    """The strongly connected components of more than one module (or of one that imports itself), after Tarjan."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph[node]:
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            component = set(stack[stack.index(node) :])
            del stack[stack.index(node) :]
            if len(component) > 1 or node in graph[node]:
                found.append(component)

    for node in graph:
        if node not in index:
            visit(node)
    return found


def test_cycles_are_found():
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": {"e"}, "f": {"a"}}
    assert sorted(map(sorted, cycles(graph))) == [["a", "b", "c"], ["e"]]


def test_no_module_imports_itself_through_others():
    graph = {name: targets(tree) & set(FILES) for name, tree in TREES.items() if name not in FACE}
    graph = {name: found & set(graph) for name, found in graph.items()}
    assert not cycles(graph)


@pytest.mark.parametrize("above", ["", *BELOW])
def test_a_room_imports_only_what_lies_below_it(above):
    """Whatever stands above must not be named, not even inside a function."""
    allowed = {"", above} | BELOW.get(above, set())
    wrong = {
        f"{name} imports {target}"
        for name, tree in TREES.items()
        if room(name) == above and name not in FACE
        for target in targets(tree)
        if room(target) not in allowed or target in FACE
    }
    assert not wrong


def test_files_are_short():
    sizes = {p.relative_to(ROOT).as_posix(): len(p.read_text().splitlines()) for p in [*FILES.values(), *OTHERS]}
    assert not {name: lines for name, lines in sizes.items() if lines > LONGEST}


def is_private(name: str | None) -> bool:
    return bool(name) and name.startswith("_") and not name.endswith("__")


def test_private_names_stay_in_their_file():
    """`_name` is the business of one file: nobody imports it, and nobody takes it from a module."""
    wrong = set()
    for path, tree in [(FILES[name], tree) for name, tree in TREES.items()] + [(p, ast.parse(p.read_text())) for p in OTHERS]:
        modules = set()
        for _, module, name in imports(tree):
            if module.partition(".")[0] != "knudsen":
                continue
            if name is None:
                modules.add(module.partition(".")[0])
            elif f"{module}.{name}" in FILES:
                modules.add(name)
            if is_private(name) or any(map(is_private, module.split("."))):
                wrong.add(f"{path.relative_to(ROOT).as_posix()}: {module}.{name}")
        for alias in (a for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for a in node.names if a.asname):
            if alias.name in modules:
                modules.add(alias.asname)
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Attribute) and is_private(node.attr)):
                continue
            if ast.unparse(node.value).split(".")[-1] in modules:
                wrong.add(f"{path.relative_to(ROOT).as_posix()}: {ast.unparse(node)}")
    assert not wrong, sorted(wrong)


def test_library_functions_take_values_not_the_configuration():
    """A function that takes the whole `cfg` cannot be called by whoever has none; experiments alone know it."""
    wrong = [
        f"{name}.{node.name}"
        for name, tree in TREES.items()
        if room(name) not in ("experiments", "")
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.Lambda))
        for argument in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
        if argument.arg in ("cfg", "DictConfig") or (argument.annotation and "DictConfig" in ast.unparse(argument.annotation))
    ]
    assert not wrong, wrong
    knows = [name for name, tree in TREES.items() if room(name) not in ("experiments", "") and name not in FACE
             if any(module.partition(".")[0] in ("hydra", "omegaconf") for _, module, _ in imports(tree))]  # fmt: skip
    assert not knows, knows
