"""What the rows of an answer rest on, found and checked.

The check makes citations true: the cited triples alone must give the row again, asked with the same words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

from pyoxigraph import (
    BlankNode,
    Literal,
    Quad,
    QueryBoolean,
    QuerySolutions,
    RdfFormat,
    Store,
    Triple,
    Variable,
    serialize,
)

from kg.asking.answers import Answer
from kg.citing.algebra import Query
from kg.citing.computing import UNORDERED, alike
from kg.citing.following import Absence, Follower, Way
from kg.citing.operators import Basic, Extend, Group, Path, Values
from kg.citing.paths import Watched
from kg.errors import LimitReached, Refused
from kg.storage.sparql import bare
from kg.storage.store import Embedded
from kg.terms import PREFIXES, VIEW

_MOST_WAYS: Final = 1_000_000
"""Ways of matching a query's patterns up to which it is asked here; beyond, in a process that can be stopped."""
_MOST_COMPARED: Final = 8  # ways of finding a row
_MOST_CITED: Final = 20_000  # triples of one answer
_MOST_TESTS: Final = 4_000  # of subsets of one row's triples
_FEW: Final = 8  # triples that are tried one by one
_MOST_LEAVES: Final = (
    40  # patterns and steps of paths: the engine's time to order them grows with their third power
)
_LONGEST: Final = 2_000  # characters that are surely read in no time
_CUT: Final = re.compile(r"(?<![\w?$:])(?:LIMIT|OFFSET)\s+\d+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a row rests on: triples in the order of the query, and what is not there.

    Of a row that is no, an absence is ``None``: nothing at all was found. ``others`` counts further sets of triples.
    """

    triples: tuple[Triple, ...]
    absences: tuple[Absence | None, ...] = ()
    others: int = 0


class Finder:
    """Finds for each row of an answer the triples that it rests on."""

    def __init__(self, sparql: str, query: Query, answer: Answer, graph: Watched) -> None:
        self._query = query
        self._answer = answer
        self._graph = graph
        self._follower = Follower(query.inner, graph)
        self._negates = _negates(query.inner)
        self._checker = Checker(sparql, query, answer.columns, graph.seconds_left)

    def rows(self) -> Iterator[Grounds]:
        """Yield what each row of the answer rests on, in their order; equal rows rest on the same."""
        known: dict[tuple[Any, ...], Grounds] = {}
        total = 0
        for number, row in enumerate(self._answer.rows):
            if row not in known:
                try:
                    known[row] = self._said(self._grounds(row))
                except LimitReached as error:
                    far = f"{error.what}, with {number:,} of {len(self._answer.rows):,} rows cited"
                    raise LimitReached(far, where=error.where, remedy=error.remedy) from None
                total += len(known[row].triples)
            if total > _MOST_CITED:
                what = f"more than {_MOST_CITED:,} triples to cite for the first {number + 1:,} of "
                what += f"{len(self._answer.rows):,} rows"
                raise LimitReached(what, where="query", remedy="narrow the query or add a LIMIT")
            yield known[row]

    def _said(self, grounds: Grounds) -> Grounds:
        """Return grounds without absences that are not plain: MINUS leaves a row beside what shares nothing with it."""
        plain = (one for one in grounds.absences if one is None or next(self._against(one), None) is None)
        return replace(grounds, absences=tuple(plain))

    def _against(self, absence: Absence) -> Iterator[Way]:
        """Yield what the whole view has of a pattern with its bindings."""
        return self._follower.ways(absence.pattern, absence.bindings, absence.bindings)

    def _grounds(self, row: Sequence[Any]) -> Grounds:
        if any(isinstance(term, BlankNode | Triple) for term in row):
            raise _not_followed("it holds a blank node or a triple term, which has no name to follow it by")
        self._follower.kept_out.clear()
        if self._query.form == "truth" and row[0].value != "true":
            ways = [] if next(self._ways(row, self._follower), None) else [Way({})]
            found_no = Grounds((), (None,))
            return found_no if self._checker.gives((), row) else self._with_what_kept_out(ways, row, (None,))
        found: dict[frozenset[Triple], Way] = {}
        for way in islice(self._ways(row, self._follower), _MOST_COMPARED):
            found.setdefault(frozenset(way.triples), way)
        ways = sorted(found.values(), key=lambda way: (len(way.triples), str(way.triples)))
        for way in ways:
            if self._checker.gives(way.triples, row):
                least = way if way.whole else self._least(way, way.triples, row)
                others = [w for w in ways if w is not way and not set(least.triples) <= set(w.triples)]
                counted = sum(self._checker.gives(other.triples, row) for other in others)
                return Grounds(least.triples, least.absences, counted)
        return self._with_what_kept_out(ways, row)

    def _with_what_kept_out(
        self, ways: Sequence[Way], row: Sequence[Any], absences: tuple[Absence | None, ...] = ()
    ) -> Grounds:
        """Cite also what kept others out: a group is the same, and NOT EXISTS still holds, only while that is there."""
        hindering = tuple(self._follower.kept_out)
        for way in ways:
            more = tuple(triple for triple in hindering if triple not in way.triples)
            if self._checker.gives((*way.triples, *more), row):
                if way.whole:
                    needed = self._checker.minimal(more, row, way.triples)
                    return Grounds((*way.triples, *needed), way.absences)
                least = self._least(way, (*way.triples, *more), row)
                return Grounds(least.triples, absences + least.absences)
        if not ways:
            raise _not_followed("nothing in the view was found to give it; it may have changed meanwhile")
        raise _not_followed("the triples found for it do not give it again by themselves")

    def _least(self, way: Way, triples: Sequence[Triple], row: Sequence[Any]) -> Way:
        """Return a way to a row with as few of these triples as give it, and give it for a reason that the view has."""
        real = self._real if self._negates else None
        needed = self._checker.minimal(triples, row, real=real)
        if not real or set(needed) >= set(way.triples):
            return replace(way, triples=needed)
        return replace(self._real(needed, row) or way, triples=needed)

    def _real(self, triples: Sequence[Triple], row: Sequence[Any]) -> Way | None:
        """Return a way in which some triples give a row that rests on no absence but what the whole view lacks.

        Left alone, they may give it for want of what stands against it in the view.
        """
        store = Embedded()
        store.add(Quad(one.subject, one.predicate, one.object, VIEW) for one in triples)
        alone = Follower(self._query.inner, Watched(store, self._graph.seconds_left()))
        for way in islice(self._ways(row, alone), _MOST_COMPARED):
            if not any(one.broken_by(found) for one in way.absences for found in self._against(one)):
                return way
        return None

    def _ways(self, row: Sequence[Any], follower: Follower) -> Iterator[Way]:
        """Yield the ways in which the query gives a row."""
        if self._query.form == "truth":
            yield from follower.ways(self._query.inner, {})
        elif self._query.form == "graph":
            for pattern in self._query.template:
                given: dict[str, Any] = {}
                if all(
                    given.setdefault(one.value, term) == term if isinstance(one, Variable) else one == term
                    for one, term in zip(pattern, row, strict=True)
                ):
                    ways = follower.ways(self._query.inner, given)
                    yield from (way for way in ways if given.keys() <= way.bindings.keys())
        else:
            given = {
                name: term for name, term in zip(self._answer.columns, row, strict=True) if term is not None
            }
            for way in follower.ways(self._query.inner, given):
                if len(way.bindings) == len(given):
                    yield way


def _not_followed(why: str) -> Refused:
    return Refused(
        f"a row of the answer cannot be followed: {why}", where="query", remedy="ask without --cite"
    )


class Checker:
    """Asks a query of a few triples as of a view of their own.

    LIMIT and OFFSET at the top are left out: they choose among rows, and there are no others here.
    """

    def __init__(
        self, sparql: str, query: Query, columns: Sequence[str], seconds_left: Callable[[], float]
    ) -> None:
        self._seconds_left = seconds_left
        self._text = _uncut(sparql) if query.cut else sparql
        self._form = query.form
        self._leaves = list(_leaves(query.inner))
        self._long = len(sparql) > _LONGEST or sum(map(_steps, self._leaves)) > _MOST_LEAVES
        unordered = _unordered(query.inner)
        self._kinds = [unordered.get(name, "") for name in columns]

    def gives(self, triples: Iterable[Triple], row: Sequence[Any]) -> bool:
        """Tell whether these triples alone give a row."""
        found = self._asked(list(triples), self._seconds_left())
        if isinstance(found, QueryBoolean):
            return bool(row[0] == Literal(bool(found)))
        if not isinstance(found, QuerySolutions):
            return Triple(*row) in set(found)
        return any(self._same(tuple(one), row) for one in found)

    def minimal(
        self,
        triples: Sequence[Triple],
        row: Sequence[Any],
        kept: Sequence[Triple] = (),
        real: Callable[[Sequence[Triple], Sequence[Any]], object] | None = None,
    ) -> tuple[Triple, ...]:
        """Return those of the triples of which none can be left out; with those that are kept they give the row.

        ``real`` may object to leaving some out. Of many, large parts are tried first.
        """
        left, step, tests = list(triples), max(1, len(triples) // _FEW), 0
        while True:
            before, at = len(left), len(left)
            while at > 0:
                tests += 1
                if tests > _MOST_TESTS:
                    what = f"{len(triples):,} triples take too long to be cut down to those needed"
                    raise LimitReached(what, where="query", remedy="narrow the query")
                at = max(at - step, 0)
                fewer = left[:at] + left[at + step :]
                if self.gives((*kept, *fewer), row) and (real is None or real(fewer, row)):
                    left = fewer
            if step == 1 and len(left) == before:
                return tuple(left)
            step = max(1, step // 2)

    def _same(self, found: Sequence[Any], row: Sequence[Any]) -> bool:
        return all(
            one == other or (kind != "" and alike(kind, one, other))
            for one, other, kind in zip(found, row, self._kinds, strict=True)
        )

    def _asked(self, triples: Sequence[Triple], seconds: float) -> Any:  # noqa: ANN401 - pyoxigraph's union
        ways = _MOST_WAYS + 1 if self._long else 1
        for leaf in self._leaves:
            ways *= max(1, _size(leaf, triples))
            if ways > _MOST_WAYS:
                break
        if ways > _MOST_WAYS:
            return self._asked_apart(triples, seconds)
        store = Store()
        store.extend(Quad(one.subject, one.predicate, one.object) for one in triples)
        return store.query(self._text, prefixes=PREFIXES)

    def _asked_apart(self, triples: Sequence[Triple], seconds: float) -> Any:  # noqa: ANN401
        from kg.outside.sandbox import run_query

        quads = serialize(
            (Quad(one.subject, one.predicate, one.object, VIEW) for one in triples), format=RdfFormat.N_QUADS
        )
        return run_query(quads or b"", self._text, seconds=seconds)


def _leaves(part: Any) -> Iterator[Any]:  # noqa: ANN401 - any part of a query
    """Yield the patterns, paths and VALUES of a query."""
    if isinstance(part, Basic):
        yield from part.patterns
    elif isinstance(part, Path | Values):
        yield part
    else:
        for inner in _parts(part):
            yield from _leaves(inner)


def _steps(part: Any) -> int:  # noqa: ANN401 - any part of a path
    """Return how many steps a pattern or a path has; VALUES are one."""
    if isinstance(part, Path):
        return _steps(part.path)
    return sum(map(_steps, part[1:])) if isinstance(part, tuple) and isinstance(part[0], str) else 1


def _size(leaf: Any, triples: Sequence[Triple]) -> int:  # noqa: ANN401
    """Return how many solutions a pattern, path or VALUES has at most among some triples."""
    if isinstance(leaf, Values):
        return len(leaf.rows)
    if isinstance(leaf, Path):
        return len(triples) ** 2
    return sum(
        all(isinstance(term, Variable) or term == own for term, own in zip(leaf, triple, strict=True))
        for triple in triples
    )


def _negates(part: Any) -> bool:  # noqa: ANN401 - any part of a query
    """Tell whether more triples might give fewer rows."""
    kind, exists = getattr(part, "kind", ""), getattr(part, "exists", ())
    return kind in ("optional", "minus") or len(exists) > 0 or any(map(_negates, _parts(part)))


def _unordered(part: Any) -> Mapping[str, str]:  # noqa: ANN401
    """Return the aggregates of a query whose value may depend on an order, by the variables that stand for them."""
    found: dict[str, str] = {}
    for inner in _parts(part):
        found.update(_unordered(inner))
    if isinstance(part, Group):
        found.update({one.name: one.kind for one in part.aggregates if one.kind in UNORDERED})
    if isinstance(part, Extend) and part.value.text[1:] in found:
        found[part.name] = found[part.value.text[1:]]
    return found


def _parts(part: Any) -> Iterable[Any]:  # noqa: ANN401
    names = ("inner", "left", "right", "condition", "value")
    own = [getattr(part, name, None) for name in names if not isinstance(part, Path)]
    return [one for one in [*own, *getattr(part, "exists", ())] if one is not None]


def _uncut(sparql: str) -> str:
    """Return a query without LIMIT and OFFSET at the top.

    >>> _uncut("SELECT * { { SELECT ?s { ?s ?p ?o } LIMIT 1 } } LIMIT 2 # LIMIT 3").rstrip()
    'SELECT * { { SELECT ?s { ?s ?p ?o } LIMIT 1 } }         # LIMIT 3'
    """
    words, text = bare(sparql), list(sparql)
    for found in _CUT.finditer(words):
        before = words[: found.start()]
        if before.count("{") == before.count("}"):
            text[found.start() : found.end()] = " " * len(found[0])
    return "".join(text)
