"""Where SPARQL engines differ, in one place: what is said otherwise to which, and what is read otherwise.

docs/remote-stores.md lists the same for readers. An engine that is not known here is taken to follow SPARQL 1.1 to
the letter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pyoxigraph import Literal, NamedNode

from kg.errors import StoreError
from kg.storage.sparql import bare
from kg.storage.store import Solutions
from kg.terms import PREFIXES, iri

_XSD: Final = PREFIXES["xsd"]
_KEPT: Final = {
    iri("geo:wktLiteral"): NamedNode("https://w3id.org/parley/store#wktLiteral"),
    iri("xsd:time"): NamedNode("https://w3id.org/parley/store#time"),
}
"""Datatypes under which Virtuoso leaves literals alone: it rounds coordinates, and fails on times in queries."""
_MEANT: Final = {kept: meant for meant, kept in _KEPT.items()}
_NOTHING_GIVEN: Final = re.compile(r"\bVALUES\s*[?$]\w+\s*\{\s*UNDEF\s*\}", re.IGNORECASE)
_NUMBERS: Final = frozenset((_XSD + "integer", _XSD + "decimal"))
_LONG: Final = re.compile(r"[+-]?0*(\d*)\.?(\d*?)0*")
_MOST_DIGITS: Final = 15
_FRACTION: Final = re.compile(r"(\.\d*?)0+(?=Z|[+-]|\Z)")  # of a second
_CHANGED: Final = frozenset(
    _XSD + name for name in ("double", "float", "duration", "dayTimeDuration", "yearMonthDuration")
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How to speak with an engine that follows SPARQL 1.1 to the letter; sub-classes say what others need."""

    name: str = "SPARQL 1.1"
    most_together: int = 20_000
    """Triples that one update may change, all or nothing; more are changed step by step."""
    most_data: int = 20_000
    """Quads of one INSERT DATA."""
    most_values: int = 500
    """Terms of one VALUES."""
    chunk: int = 200_000
    """Quads of a large change that are sent before it is noted that they were."""
    variables_see_all_graphs: bool = False
    """Whether GRAPH with a variable sees the named graphs although the request names a default graph and no others."""

    def said(self, sparql: str) -> str:
        """Return a query or an update as this engine is to be asked."""
        return sparql

    def kept(self, literal: Literal) -> Literal:
        """Return a literal as this engine is to keep it; ``StoreError`` where it would be kept as another one."""
        return literal

    def read(self, literal: Literal) -> Literal:
        """Return the literal that was meant, of one that this engine gave back."""
        return literal


@dataclass(frozen=True, slots=True)
class Virtuoso(Dialect):
    """OpenLink Virtuoso 7.

    It keeps coordinates as floats, long decimals as doubles, booleans as 0 and 1 and parts of a second with zeros, and
    fails on times of day in queries. It takes UNDEF for a value. Its compiler runs out of memory at some thousand
    triples of one conditional update.
    """

    name: str = "Virtuoso"
    most_together: int = 1_000
    most_data: int = 1_000
    most_values: int = 100  # each takes 90 µs; of 200 each takes 300 µs, because another plan is made
    chunk: int = 10_000
    variables_see_all_graphs: bool = True

    def said(self, sparql: str) -> str:
        """Return a text without VALUES that give nothing, its coordinates and times of day as they are kept."""
        plain = bare(sparql)
        for found in reversed([*_NOTHING_GIVEN.finditer(plain)]):
            sparql = sparql[: found.start()] + sparql[found.end() :]
        for meant, kept in _KEPT.items():
            sparql = sparql.replace(str(meant), str(kept))
        return sparql

    def kept(self, literal: Literal) -> Literal:
        """Return coordinates and times of day under the datatypes by which Virtuoso leaves them alone."""
        kind, value = literal.datatype, literal.value
        if kind in _KEPT:
            return Literal(value, datatype=_KEPT[kind])
        if kind.value in _CHANGED:
            what = f"Virtuoso keeps {kind.value.removeprefix(_XSD)} values as others than they are"
            raise StoreError(what, where=value[:60], remedy="use another engine")
        digits = _LONG.fullmatch(value) if kind.value in _NUMBERS else None
        if digits and len((digits[1] + digits[2]).lstrip("0")) > _MOST_DIGITS:
            what = f"the number {value[:60]} has more digits than Virtuoso keeps"
            raise StoreError(what, remedy=f"round it to {_MOST_DIGITS} digits, or use another engine")
        return literal

    def read(self, literal: Literal) -> Literal:
        """Return booleans as words, parts of a second without zeros, other literals under their own datatypes."""
        kind = literal.datatype
        if kind in _MEANT:
            return Literal(literal.value, datatype=_MEANT[kind])
        if kind.value == _XSD + "dateTime" and "." in literal.value:
            return Literal(_FRACTION.sub(_fraction, literal.value), datatype=kind)
        if kind.value == _XSD + "boolean" and literal.value in {"0", "1"}:
            return Literal(literal.value == "1")
        return literal


def _fraction(found: re.Match[str]) -> str:
    return "" if found[1] == "." else found[1]


def dialect(server: str) -> Dialect:
    """Return how to speak with an engine, by what it calls itself in the Server header.

    >>> dialect("Virtuoso/07.20.3229 (Linux) x86_64-pc-linux-gnu").name, dialect("").name
    ('Virtuoso', 'SPARQL 1.1')
    """
    return Virtuoso() if server.lower().startswith("virtuoso") else Dialect()


class Rows:
    """The rows of a SELECT, their terms as they were meant: each row a tuple whose cells have names too."""

    def __init__(self, found: Solutions, read: Callable[[Any], Any]) -> None:
        self.variables: Final = found.variables
        self._found, self._read = found, read
        self._places = {variable.value: place for place, variable in enumerate(found.variables)}

    def __iter__(self) -> Iterator[Row]:
        """Iterate over the rows, as they come."""
        return (Row.of(map(self._read, row), self._places) for row in self._found)


class Row(tuple[Any, ...]):
    """One row: its cells in order, or by name."""

    _places: Mapping[str, int]

    @classmethod
    def of(cls, cells: Iterable[Any], places: Mapping[str, int]) -> Row:
        """Return a row of cells, whose names stand at these places."""
        row = cls(cells)
        row._places = places
        return row

    def __getitem__(self, key: Any) -> Any:  # noqa: ANN401 - a place or a name, any term
        return super().__getitem__(self._places[key] if isinstance(key, str) else key)
