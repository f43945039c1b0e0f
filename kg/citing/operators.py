"""The operators of the SPARQL algebra that can be followed, as plain data (SPARQL 1.1 Query Language, 18.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kg.citing.algebra import Aggregate, Expression, Node
from kg.logic.axioms import Pattern


@dataclass(frozen=True, slots=True)
class Basic(Node):
    """Triple patterns, all of which hold, in the order of the query."""

    patterns: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class Path(Node):
    """A property path that is not made of the other operators: of any length, negated, or one of several.

    ``path`` is a property, or a tuple of one of ``^ / | * + ? !`` and the paths that it applies to.
    """

    subject: Any
    path: Any
    value: Any


@dataclass(frozen=True, slots=True)
class Pair(Node):
    """Two operators put together: ``kind`` is join, union, optional or minus; optional may have a condition."""

    kind: str
    left: Node
    right: Node
    condition: Expression | None = None


@dataclass(frozen=True, slots=True)
class Filter(Node):
    """What meets a condition."""

    inner: Node
    condition: Expression


@dataclass(frozen=True, slots=True)
class Extend(Node):
    """A variable that gets a computed value."""

    inner: Node
    name: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Values(Node):
    """Rows of terms; ``None`` where a cell is left open."""

    names: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


@dataclass(frozen=True, slots=True)
class Project(Node):
    """Some of the variables, each row once if ``distinct``."""

    inner: Node
    names: tuple[str, ...]
    distinct: bool = False


@dataclass(frozen=True, slots=True)
class Group(Node):
    """Groups by the values of some variables, and what is computed of each."""

    inner: Node
    keys: tuple[str, ...]
    aggregates: tuple[Aggregate, ...]
