"""The package keeps its shape: layers that only point down, small modules, narrow faces."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import kg

PACKAGE = Path(kg.__file__).parent
MODULES = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.glob("*.py"))}

LAYERS = [
    {"__main__"},
    {"cli"},
    {"cli_changes"},
    {"__init__"},
    {"verdicts"},
    {"shacl_report"},
    {"interchange", "terminal"},
    {"pages", "repository"},
    {"sessions", "upkeep"},
    {"writing"},
    {"building", "gate"},
    {"changes", "grounds"},
    {"bulk", "maintain", "ontology", "shapelint", "validate", "vocabulary"},
    {"reason", "reports", "shapes", "submissions", "testimony", "uses"},
    {
        "answers",
        "counts",
        "coverage",
        "export",
        "joins",
        "literals",
        "proposals",
        "questions",
        "rdflibview",
        "rules",
        "scrutiny",
        "shapegraph",
    },
    {
        "axioms",
        "cache",
        "evidence",
        "journal",
        "labels",
        "lookalikes",
        "overlay",
        "reader",
        "sandbox",
        "seal",
        "selects",
        "sources",
        "turtle",
    },
    {"blanknodes", "durable", "jsonld", "records", "schema", "store"},
    {"errors", "findings", "quotes", "regexes", "scan", "terms", "wording", "worker"},
]
RANK = {module: rank for rank, layer in enumerate(LAYERS) for module in layer}

MOST_MODULES = 68  # docs/decisions/0005-module-budget.md
MOST_LINES = 400
MOST_FUNCTION_LINES = 50
MEAN_FUNCTION_LINES = 14
MOST_PUBLIC_NAMES = 8
MOST_PACKAGE_NAMES = 10
NAMES_ONLY = {"errors", "terms"}  # one tree of errors, one list of names: there is nothing behind them
PRINTS_OR_EXITS = {"print", "exit", "sys.exit", "os._exit", "click.echo"}
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
        if isinstance(node, ast.ImportFrom) and node.module == "kg":
            found |= {alias.name for alias in node.names if alias.name in MODULES}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("kg."):
            found.add((node.module or "").removeprefix("kg."))
    return found


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
    assert set(MODULES) - set(RANK) == set()
    assert len(MODULES) - 2 <= MOST_MODULES  # without __init__ and __main__


@pytest.mark.parametrize("module", MODULES)
def test_imports_only_point_down(module: str):
    upward = {other for other in imported(MODULES[module]) if RANK[other] <= RANK[module]}
    assert upward == set()


@pytest.mark.parametrize("module", MODULES)
def test_modules_are_small_and_their_faces_narrow(module: str):
    source = (PACKAGE / f"{module}.py").read_text(encoding="utf-8")
    assert source.count("\n") < MOST_LINES
    assert module not in SHAPELESS
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
        if loud and module not in {
            "cli",
            "cli_changes",
            "worker",
            "reader",
        }:  # workers are programs of their own
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
