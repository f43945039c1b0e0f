"""What a query is made of besides its operators: expressions, aggregates, and the query as a whole.

Plain data that JSON can keep: reading a query takes rdflib a tenth of a second, so the stored ones are read once.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from pyoxigraph import Literal, NamedNode, Variable

from kg.logic.axioms import Pattern


class Node:
    """An operator of the SPARQL algebra (SPARQL 1.1 Query Language, section 18.2)."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Exists:
    """A pattern inside an expression; the variable ``name`` stands there for whether it holds."""

    name: str
    inner: Node


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression as SPARQL text without prefixes, and the variables in it."""

    text: str
    names: tuple[str, ...] = ()
    exists: tuple[Exists, ...] = ()


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregate, and the variable that gets its value.

    ``kind`` is its name in SPARQL, or ``KEY`` where it stands for a key of the group; ``member`` is the text of what
    each member gives, ``*`` for the whole of it.
    """

    name: str
    kind: str
    member: str
    names: tuple[str, ...] = ()
    distinct: bool = False
    separator: str = " "

    @property
    def text(self) -> str:
        """The aggregate as SPARQL writes it."""
        separator = f"; SEPARATOR={Literal(self.separator)}" if self.kind == "GROUP_CONCAT" else ""
        return f"{self.kind}({'DISTINCT ' * self.distinct}{self.member}{separator})"


@dataclass(frozen=True, slots=True)
class Query:
    """A query taken apart. ``form`` is ``rows``, ``truth`` or ``graph``, as of an answer.

    ``template`` are the patterns of a CONSTRUCT. ``cut`` tells that LIMIT or OFFSET leave rows out.
    """

    form: str
    inner: Node
    template: tuple[Pattern, ...] = ()
    cut: bool = False


def dumped(query: Query) -> Any:  # noqa: ANN401 - for JSON
    """Return a query as plain data for JSON."""
    return _dumped(query)


def loaded(data: Any) -> Query:  # noqa: ANN401 - from JSON
    """Return the query that :func:`dumped` made data of."""
    query = _loaded(data)
    assert isinstance(query, Query)  # noqa: S101 - whoever calls this has it from dumped
    return query


def _dumped(part: Any) -> Any:  # noqa: ANN401 - any part of a query
    if isinstance(part, tuple):
        return [_dumped(one) for one in part]
    if isinstance(part, Literal):
        return {"literal": [part.value, part.language or "", part.datatype.value]}
    if isinstance(part, NamedNode | Variable):
        return {type(part).__name__: part.value}
    if dataclasses.is_dataclass(part):
        return {type(part).__name__: [_dumped(getattr(part, f.name)) for f in dataclasses.fields(part)]}
    return part


def _loaded(data: Any) -> Any:  # noqa: ANN401 - from JSON
    if isinstance(data, list):
        return tuple(map(_loaded, data))
    if not isinstance(data, dict):
        return data
    ((kind, content),) = data.items()
    if kind == "literal":
        value, language, datatype = content
        return Literal(value, language=language) if language else Literal(value, datatype=NamedNode(datatype))
    if kind in ("NamedNode", "Variable"):
        return NamedNode(content) if kind == "NamedNode" else Variable(content)
    classes = {one.__name__: one for one in (*Node.__subclasses__(), Exists, Expression, Aggregate, Query)}
    return classes[kind](*map(_loaded, content))
