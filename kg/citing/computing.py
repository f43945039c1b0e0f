"""Expressions and aggregates, computed by the engine itself from terms given: its semantics, not ours.

Terms are handed over in VALUES. Asking the engine takes 30 μs, and a few more for each further row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pyoxigraph import BlankNode, Literal, Store, Triple

from kg.citing.algebra import Aggregate, Expression
from kg.errors import Refused

_MOST_KEPT: Final = 20_000
_TRUE: Final = Literal(True)
_NEAR: Final = 1e-9
"""How far two sums of the same numbers may lie apart: floating-point sums depend on the order."""


class Calculator:
    """Computes, and remembers what it computed."""

    def __init__(self) -> None:
        self._store = Store()
        self._known: dict[tuple[str, tuple[Any, ...]], Any] = {}

    def values(self, expression: Expression, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
        """Return the value of an expression for each row of bindings, ``None`` for an error."""
        if expression.text == f"?{''.join(expression.names)}":
            return [row.get(expression.names[0]) for row in rows]
        return self._computed(expression.text, _inputs(expression), rows)

    def truths(self, expression: Expression, rows: Sequence[Mapping[str, Any]]) -> list[bool]:
        """Tell for each row whether a condition holds: an error is no."""
        found = self._computed(f"IF({expression.text}, true, false)", _inputs(expression), rows)
        return [value == _TRUE for value in found]

    def _computed(self, text: str, names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> list[Any]:
        keys = [(text, tuple(row.get(name) for name in names)) for row in rows]
        fresh = [key for key in dict.fromkeys(keys) if key not in self._known]
        if fresh:
            if len(self._known) > _MOST_KEPT:
                self._known.clear()
                fresh = list(dict.fromkeys(keys))
            listed = _values(["__row", *names], [(Literal(at), *key[1]) for at, key in enumerate(fresh)])
            found: Any = self._store.query(f"SELECT ?__row ({text} AS ?__value) {{ {listed} }}")
            for row in found:
                self._known[fresh[int(row[0].value)]] = row[1]
        return [self._known[key] for key in keys]

    def aggregated(
        self, aggregates: Sequence[Aggregate], members: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]:
        """Return the values of aggregates over the members of a group, by their names."""
        names = sorted({name for member in members for name in member})
        asked = [one for one in aggregates if one.kind != "KEY"]
        made = {
            one.name: members[0].get(one.member[1:]) for one in aggregates if one.kind == "KEY" and members
        }
        if asked:
            chosen = " ".join(f"({one.text} AS ?{one.name})" for one in asked)
            listed = _values(names, [tuple(member.get(name) for name in names) for member in members])
            found: Any = self._store.query(f"SELECT {chosen} {{ {listed} }}")
            (row,) = found
            made |= {one.name: row[one.name] for one in asked}
        return {name: value for name, value in made.items() if value is not None}

    def may_give(self, aggregate: Aggregate, members: Sequence[Mapping[str, Any]], value: Any) -> bool:  # noqa: ANN401
        """Tell whether an aggregate that depends on the order of its members may have this value."""
        if aggregate.kind == "SAMPLE":
            return value in self._computed(aggregate.member, aggregate.names, members)
        ordered = self.aggregated([aggregate], members).get(aggregate.name)
        return alike(aggregate.kind, ordered, value)


def alike(kind: str, one: Any, other: Any) -> bool:  # noqa: ANN401 - any two terms
    """Tell whether two values of an aggregate may come of the same members in another order."""
    if one == other or kind == "SAMPLE":
        return True
    if not isinstance(one, Literal) or not isinstance(other, Literal) or one.datatype != other.datatype:
        return False
    if kind == "GROUP_CONCAT":
        return Counter(one.value) == Counter(other.value)
    if kind in ("SUM", "AVG") and one.datatype.value.endswith(("#double", "#float")):
        left, right = float(one.value), float(other.value)
        return abs(left - right) <= _NEAR * max(abs(left), abs(right))
    return False


def _inputs(expression: Expression) -> list[str]:
    return [*expression.names, *(one.name for one in expression.exists)]


UNORDERED: Final = frozenset(["GROUP_CONCAT", "SAMPLE", "SUM", "AVG"])
"""Aggregates whose value may depend on the order of the members."""


def _values(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    written = " ".join(f"({' '.join(map(_cell, row))})" for row in rows)
    return f"VALUES ({' '.join(f'?{name}' for name in names)}) {{ {written} }}"


def _cell(term: Any) -> str:  # noqa: ANN401 - any term
    if isinstance(term, BlankNode | Triple):
        raise Refused(
            "this query cannot be followed to its triples: it computes with a blank node or a triple term",
            where="query",
            remedy="ask without --cite",
        )
    return "UNDEF" if term is None else str(term)
