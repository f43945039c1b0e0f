"""The package keeps its shape: packages whose imports only point down, small modules, narrow faces."""

from __future__ import annotations

import ast
from collections import Counter
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import kg

PACKAGE = Path(kg.__file__).parent
MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted(PACKAGE.rglob("*.py"))
    if path.parent == PACKAGE or path.name != "__init__.py"
}

LAYERS = [
    {"__main__"},
    {"cli"},
    {"commands", "__init__"},
    {"repository"},
    {"view"},
    {"telling", "drawing"},
    {"reporting"},
    {"gate", "views", "distant"},
    {"bases"},
    {"citing"},
    {"disputes"},
    {"proofs"},
    {"validation", "asking"},
    {"evidence"},
    {"language", "outside"},
    {"logic", "remote"},
    {"storage", "syntax"},
    {"terms", "findings"},
    {"errors"},
]
"""Packages and the modules beside them: imports point down, or to another module of the same package."""
RANK = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}

MOST_PARTS = 29  # docs/decisions/0014-packages.md
MOST_MODULES = 8  # in a package
MOST_LINES = 400
MOST_FUNCTION_LINES = 50
MEAN_FUNCTION_LINES = 14
MOST_PUBLIC_NAMES = 8
MOST_PACKAGE_NAMES = 10
NAMES_ONLY = {"errors", "terms"}  # one tree of errors, one list of names: there is nothing behind them
PRINTS_OR_EXITS = {"print", "exit", "sys.exit", "os._exit", "click.echo"}
PROGRAMS = {
    "cli",
    "commands.changing",
    "commands.following",
    "commands.terminal",
    "outside.worker",
    "outside.reader",
}
SHAPELESS = {"utils", "util", "helpers", "common", "base", "core", "services", "misc"}


def functions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def imported(tree: ast.Module) -> set[str]:
    """The modules of the package that a module imports when it runs, wherever the import stands."""
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "kg":
            module = (node.module or "").removeprefix("kg").removeprefix(".")
            names = [f"{module}.{alias.name}".removeprefix(".") for alias in node.names]
            found |= {name for name in (module, *names) if name in MODULES}
        elif isinstance(node, ast.Import):
            found |= {alias.name.removeprefix("kg.") for alias in node.names if alias.name.startswith("kg.")}
    return found


def part(module: str) -> str:
    """The package that a module is in, or the module itself."""
    return module.partition(".")[0]


def public_names(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return {name for name in names if not name.startswith("_")}


def test_every_module_has_its_place_in_the_order():
    parts = {part(module) for module in MODULES}
    assert parts == set(RANK)
    assert len(parts) <= MOST_PARTS
    sizes = Counter(part(module) for module in MODULES)
    assert {name: size for name, size in sizes.items() if size > MOST_MODULES} == {}


def test_every_package_says_what_it_is_for():
    packages = [path for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").exists()]
    contents = {path.name: ast.parse((path / "__init__.py").read_text(encoding="utf-8")) for path in packages}
    assert all(ast.get_docstring(tree) and len(tree.body) == 1 for tree in contents.values())


@pytest.mark.parametrize("module", MODULES)
def test_imports_only_point_down(module: str):
    others = {other for other in imported(MODULES[module]) if part(other) != part(module)}
    assert {other for other in others if RANK[part(other)] <= RANK[part(module)]} == set()


def test_no_modules_of_a_package_import_each_other_in_a_circle():
    within = {
        module: {other for other in imported(tree) - {module} if part(other) == part(module)}
        for module, tree in MODULES.items()
    }
    assert list(TopologicalSorter(within).static_order())


@pytest.mark.parametrize("module", MODULES)
def test_modules_are_small_and_their_faces_narrow(module: str):
    source = PACKAGE.joinpath(*module.split(".")).with_suffix(".py").read_text(encoding="utf-8")
    assert source.count("\n") < MOST_LINES
    assert not {*module.split(".")} & SHAPELESS
    assert len(public_names(MODULES[module])) <= MOST_PUBLIC_NAMES or module in NAMES_ONLY


@pytest.mark.parametrize("module", MODULES)
def test_functions_do_one_thing(module: str):
    lengths = {node.name: length(node) for node in functions(MODULES[module])}
    assert {name: lines for name, lines in lengths.items() if lines >= MOST_FUNCTION_LINES} == {}


def test_functions_are_short_on_average():
    lengths = [length(node) for tree in MODULES.values() for node in functions(tree)]
    assert sum(lengths) / len(lengths) < MEAN_FUNCTION_LINES


@pytest.mark.parametrize("module", MODULES)
def test_no_error_is_swallowed_and_only_the_command_line_prints_or_exits(module: str):
    faults = []
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.ExceptHandler) and module != "cli":
            caught = ast.unparse(node.type) if node.type else "everything"
            if caught in {"everything", "Exception"}:
                faults.append(f"line {node.lineno} catches {caught}")
        loud = isinstance(node, ast.Call) and ast.unparse(node.func) in PRINTS_OR_EXITS
        if loud and module not in PROGRAMS:  # workers are programs of their own
            faults.append(f"line {node.lineno} calls {ast.unparse(node.func)}")
    assert faults == []


def test_the_package_shows_ten_names_at_most():
    assert len(kg.__all__) <= MOST_PACKAGE_NAMES
    assert all(getattr(kg, name) for name in kg.__all__)
    with pytest.raises(AttributeError):
        _ = kg.nonsense


def test_every_public_thing_says_what_it_does():
    silent = [
        f"{module}.{node.name}"
        for module, tree in MODULES.items()
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert silent == []
