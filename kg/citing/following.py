"""Queries followed backwards: from what is known of a row to the ways in which the graph gives it.

An operator yields the solutions that SPARQL 1.1 (section 18.5) has for it and that agree with what is given; each with
the triples that it was found by, in the order of the query, and with what it rests on not being there. What is
given narrows every look-up, so a row costs what hangs together with it and not what the whole answer cost.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, fields, is_dataclass, replace
from itertools import islice
from typing import Any, Final, TypeAlias

from pyoxigraph import Literal, Triple, Variable

from kg.citing.algebra import Expression, Node
from kg.citing.computing import UNORDERED, Calculator
from kg.citing.operators import Basic, Extend, Filter, Group, Pair, Path, Project, Values
from kg.citing.paths import Walk, Watched
from kg.errors import LimitReached
from kg.logic.axioms import Pattern
from kg.logic.joins import match

Bindings = Mapping[str, Any]

_MOST_MEMBERS: Final = 20_000  # of one group
_MOST_KEPT_OUT: Final = 300
_BATCH: Final = 64
_SOME: Final = 8
_CONSTANT: Final = r'"(?:[^"\\]|\\.)*"(?:@[\w-]+|\^\^<[^<>]*>)?|<[^<>]*>'
_OR_ELSE: Final = re.compile(rf"COALESCE\(\?(\w+), ({_CONSTANT})\)")


@dataclass(frozen=True, slots=True)
class Absence:
    """A pattern that has no solution together with these bindings; of MINUS, none that binds one of ``shared``."""

    pattern: Node
    bindings: Bindings
    shared: Set[str] | None = None

    def broken_by(self, way: Way) -> bool:
        """Tell whether a solution of the pattern, with these bindings, is one that is said not to be there."""
        return self.shared is None or not self.shared.isdisjoint(way.bindings)


@dataclass(frozen=True, slots=True)
class Way:
    """A solution, and what it rests on. ``whole``: it counts the members of a group, so that all belong to it."""

    bindings: Bindings
    triples: tuple[Triple, ...] = ()
    absences: tuple[Absence, ...] = ()
    whole: bool = False

    def joined(self, other: Way, bindings: Bindings | None = None) -> Way:
        """Return this way and another one together."""
        return Way(
            {**self.bindings, **other.bindings} if bindings is None else bindings,
            tuple(dict.fromkeys(self.triples + other.triples)) if other.triples else self.triples,
            self.absences + other.absences,
            self.whole or other.whole,
        )


_Groups: TypeAlias = tuple[list[tuple[list[Way], dict[str, Any]]], tuple[Triple, ...]]


class Follower:
    """Follows one query in one view."""

    def __init__(self, query: Node, graph: Watched) -> None:
        self._graph = graph
        self._calculator = Calculator()
        self._walk = Walk(graph)
        self._all = mentioned(query)
        self._shown: dict[int, bool] = {}
        self._mentioned: dict[int, frozenset[str]] = {}
        self._groups: dict[object, _Groups] = {}
        self.kept_out: dict[Triple, None] = {}
        """Triples that kept something out of the ways found since this was last emptied: of each what hindered it."""
        self._follow: Final[dict[type, Callable[[Any, Bindings, Bindings], Iterator[Way]]]] = {
            Basic: self._basic,
            Path: self._path,
            Values: self._values,
            Pair: self._pair,
            Filter: self._filter,
            Extend: self._extend,
            Project: self._project,
            Group: self._group,
        }

    def ways(self, node: Node, given: Bindings, outer: Bindings | None = None) -> Iterator[Way]:
        """Yield the solutions of an operator that agree with what is given, each as often as SPARQL has it.

        ``outer`` is what holds outside, within EXISTS: it stands there for its variables, at whatever depth.
        """
        return self._follow[type(node)](node, given, outer or {})

    def _basic(self, node: Basic, given: Bindings, _outer: Bindings) -> Iterator[Way]:
        if not node.patterns:
            self._graph.step()
            yield Way({})
            return
        names = [term.value for pattern in node.patterns for term in pattern if isinstance(term, Variable)]
        known = {name: given[name] for name in dict.fromkeys(names) if given.get(name) is not None}
        for found in match(node.patterns, known, self._graph):
            yield Way(found, tuple(dict.fromkeys(_triple(pattern, found) for pattern in node.patterns)))

    def _path(self, node: Path, given: Bindings, _outer: Bindings) -> Iterator[Way]:
        ends = [
            given.get(term.value) if isinstance(term, Variable) else term
            for term in (node.subject, node.value)
        ]
        for start, end, triples in self._walk.ways(node.path, ends[0], ends[1]):
            bindings: dict[str, Any] = {}
            if all(
                bindings.setdefault(term.value, found) == found
                for term, found in ((node.subject, start), (node.value, end))
                if isinstance(term, Variable)
            ):
                if not triples:
                    self._keep_out(sorted(islice(self._walk.mentioning(start), _SOME), key=str)[:1])
                yield Way(bindings, tuple(dict.fromkeys(triples)))

    def _values(self, node: Values, given: Bindings, _outer: Bindings) -> Iterator[Way]:
        for row in node.rows:
            self._graph.step()
            bindings = {name: term for name, term in zip(node.names, row, strict=True) if term is not None}
            if _agree(bindings, given):
                yield Way(bindings)

    def _pair(self, node: Pair, given: Bindings, outer: Bindings) -> Iterator[Way]:
        if node.kind == "union":
            yield from self.ways(node.left, given, outer)
            yield from self.ways(node.right, given, outer)
            return
        if node.kind == "join":
            yield from self._join(node, given, outer)
            return
        follow = self._optional if node.kind == "optional" else self._minus
        for left in self.ways(node.left, given, outer):
            yield from follow(node, left, given, outer)

    def _join(self, node: Pair, given: Bindings, outer: Bindings) -> Iterator[Way]:
        turned = not self._names(node.left) & given.keys() and self._names(node.right) & given.keys()
        first, second = (node.right, node.left) if turned else (node.left, node.right)
        for one in self.ways(first, given, outer):
            for other in self.ways(second, {**given, **one.bindings}, outer):
                yield other.joined(one) if turned else one.joined(other)

    def _optional(self, node: Pair, left: Way, given: Bindings, outer: Bindings) -> Iterator[Way]:
        matched = False
        for way in self._matching(node, left, {**given, **left.bindings}, outer):
            matched = True
            yield way
        if matched or next(self._matching(node, left, {**outer, **left.bindings}, outer), None):
            return
        if self._is_shown(node):
            lacking = Absence(_conditional(node), {**outer, **left.bindings})
            left = replace(left, absences=(*left.absences, lacking))
        yield left

    def _matching(self, node: Pair, left: Way, known: Bindings, outer: Bindings) -> Iterator[Way]:
        for right in self.ways(node.right, known, outer):
            way = left.joined(right)
            yield from self._held(node.condition, way, outer) if node.condition else (way,)

    def _is_shown(self, node: Pair) -> bool:
        """Tell whether anything outside an optional part depends on what it would bind."""
        if id(node) not in self._shown:
            own, whole = self._names(node.right) - self._names(node.left), mentioned(node)
            self._shown[id(node)] = any(self._all[name] > whole[name] for name in own)
        return self._shown[id(node)]

    def _names(self, node: Node) -> Set[str]:
        if id(node) not in self._mentioned:
            self._mentioned[id(node)] = frozenset(mentioned(node))
        return self._mentioned[id(node)]

    def _minus(self, node: Pair, left: Way, _given: Bindings, outer: Bindings) -> Iterator[Way]:
        """Yield what MINUS leaves: a solution takes another away only if both bind a variable (SPARQL 1.1, 8.3.3)."""
        if left.bindings.keys().isdisjoint(self._names(node.right)):
            yield left
            return
        known = {**outer, **left.bindings}
        lacking = Absence(node.right, known, frozenset(left.bindings))
        for right in self.ways(node.right, known, outer):
            if lacking.broken_by(right):
                self._keep_out(right.triples)
                self._keep_out(left.triples)
                return
        yield replace(left, absences=(*left.absences, lacking))

    def _filter(self, node: Filter, given: Bindings, outer: Bindings) -> Iterator[Way]:
        inner = self.ways(node.inner, given, outer)
        if node.condition.exists:
            for way in inner:
                yield from self._held(node.condition, way, outer)
            return
        for batch in _batches(inner):
            truths = self._calculator.truths(node.condition, [{**outer, **way.bindings} for way in batch])
            for way, holds in zip(batch, truths, strict=True):
                if holds:
                    yield way
                else:
                    self._keep_out(way.triples)

    def _held(self, condition: Expression, way: Way, outer: Bindings) -> Iterator[Way]:
        """Yield a way with what a condition adds to it, if it holds."""

        def holds(seen: Bindings) -> bool:
            return self._calculator.truths(condition, [seen])[0]

        held, grounds = self._grounds(condition, way, outer, holds)
        if held:
            yield way.joined(grounds, way.bindings)
        else:
            self._keep_out(grounds.triples)
            self._keep_out(way.triples)

    def _grounds(
        self, expression: Expression, way: Way, outer: Bindings, value: Callable[[Bindings], Any]
    ) -> tuple[Any, Way]:
        """Return the value of an expression, and what it rests on: the patterns of EXISTS on which it depends."""
        seen = {**outer, **way.bindings}
        if not expression.exists:
            return value(seen), Way({})
        found = {one: next(self.ways(one.inner, seen, seen), None) for one in expression.exists}
        seen |= {one.name: _truth(witness is not None) for one, witness in found.items()}
        made = value(seen)
        turned = [one for one in found if value({**seen, one.name: _truth(found[one] is None)}) != made]
        grounds = Way({})
        for one in turned or found:
            witness = found[one]
            grounds = grounds.joined(
                witness if witness else Way({}, absences=(Absence(one.inner, seen),)), {}
            )
        return made, grounds

    def _extend(self, node: Extend, given: Bindings, outer: Bindings) -> Iterator[Way]:
        known = {name: term for name, term in given.items() if name != node.name}
        wanted = given.get(node.name)
        if wanted is not None:
            known |= _turned_back(node.value, wanted, known)
        for way in self.ways(node.inner, known, outer):
            value, grounds = self._grounds(
                node.value, way, outer, lambda seen: self._calculator.values(node.value, [seen])[0]
            )
            if value is None:
                yield way.joined(grounds, way.bindings)
            elif wanted in (None, value):
                yield way.joined(grounds, {**way.bindings, node.name: value})

    def _project(self, node: Project, given: Bindings, outer: Bindings) -> Iterator[Way]:
        known = {name: given[name] for name in node.names if name in given}
        seen = set()
        hidden = {name: outer[name] for name in node.names if name in outer}
        for way in self.ways(node.inner, known, hidden):
            bindings = {name: way.bindings[name] for name in node.names if name in way.bindings}
            key = frozenset(bindings.items())
            if not node.distinct or key not in seen:
                seen.add(key)
                yield replace(way, bindings=bindings)

    def _group(self, node: Group, given: Bindings, outer: Bindings) -> Iterator[Way]:
        known = {**outer} | {key: given[key] for key in node.keys if key in given}
        known |= {
            one.member[1:]: given[one.name]
            for one in node.aggregates
            if one.kind == "KEY" and given.get(one.name) is not None
        }
        at = (id(node), frozenset(known.items()), frozenset(outer.items()))
        if at not in self._groups:
            self._groups[at] = self._grouped(node, known, outer)
        groups, hindering = self._groups[at]
        self._keep_out(hindering)
        for members, computed in groups:
            made = self._in_any_order(node, members, computed, given)
            if _agree(made, given):
                triples = dict.fromkeys(triple for way in members for triple in way.triples)
                absences = tuple(absence for way in members for absence in way.absences)
                yield Way(made, tuple(triples), absences, whole=True)

    def _in_any_order(
        self, node: Group, members: list[Way], made: Bindings, given: Bindings
    ) -> dict[str, Any]:
        """Return the values of a group's aggregates; given ones where only the order of the members is in the way."""
        wanted = {
            one.name: given[one.name]
            for one in node.aggregates
            if one.kind in UNORDERED
            and one.name in made
            and given.get(one.name) not in (None, made[one.name])
        }
        rows = [way.bindings for way in members] if wanted else []
        may = self._calculator.may_give
        return {**made} | {
            one.name: wanted[one.name]
            for one in node.aggregates
            if one.name in wanted and may(one, rows, wanted[one.name])
        }

    def _grouped(self, node: Group, known: Bindings, outer: Bindings) -> _Groups:
        """Return the members of each group with the values of its aggregates, and what kept others out."""
        before, self.kept_out = self.kept_out, {}
        groups: dict[tuple[Any, ...], list[Way]] = {} if node.keys else {(): []}
        for count, way in enumerate(self.ways(node.inner, known, outer)):
            if count == _MOST_MEMBERS:
                what = f"a group of this query has more than {_MOST_MEMBERS:,} members, all of which would be cited"
                raise LimitReached(what, where="query", remedy="narrow the query, or ask without --cite")
            groups.setdefault(tuple(way.bindings.get(key) for key in node.keys), []).append(way)
        hindering, self.kept_out = tuple(self.kept_out), before
        made = []
        for members in groups.values():
            members.sort(key=lambda way: str(way.triples))  # the same whatever order the store has
            values = self._calculator.aggregated(node.aggregates, [way.bindings for way in members])
            made.append((members, values))
        return made, hindering

    def _keep_out(self, triples: Iterable[Triple]) -> None:
        if len(self.kept_out) < _MOST_KEPT_OUT:
            self.kept_out.update(dict.fromkeys(triples))


def mentioned(part: Any) -> Counter[str]:  # noqa: ANN401 - any part of a query
    """Count how often each variable stands somewhere in a part of a query."""
    if isinstance(part, Variable):
        return Counter([part.value])
    if isinstance(part, tuple):
        return sum(map(mentioned, part), Counter())
    if not is_dataclass(part):
        return Counter()
    found = sum((mentioned(getattr(part, field.name)) for field in fields(part)), Counter[str]())
    for own in ("names", "keys"):
        found.update(getattr(part, own, ()))
    if isinstance(part, Extend):
        found[part.name] += 1
    return found


def _triple(pattern: Pattern, found: Bindings) -> Triple:
    terms: Any = (found[term.value] if isinstance(term, Variable) else term for term in pattern)
    return Triple(*terms)


def _agree(bindings: Bindings, given: Bindings) -> bool:
    return all(given.get(name, term) == term for name, term in bindings.items())


def _truth(holds: bool) -> Any:  # noqa: ANN401 - a literal
    return Literal(holds)


def _conditional(node: Pair) -> Node:
    return Filter(node.right, node.condition) if node.condition else node.right


def _turned_back(expression: Expression, wanted: Any, known: Bindings) -> dict[str, Any]:  # noqa: ANN401
    """Return what a variable must be for an expression to have this value, where that is plain to see."""
    found = _OR_ELSE.fullmatch(expression.text)
    name = found[1] if found and found[2] != str(wanted) else ""
    if len(expression.names) == 1 and expression.text == f"?{expression.names[0]}":
        name = expression.names[0]
    return {name: wanted} if name and name not in known else {}


def _batches(ways: Iterator[Way]) -> Iterator[list[Way]]:
    size = 1
    while batch := list(islice(ways, size)):
        yield batch
        size = min(2 * size, _BATCH)
