"""The view as it is followed, within limits; and property paths through it, walked from what is known of their ends."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator
from itertools import count
from typing import Any, Final, TypeAlias

from pyoxigraph import Literal, NamedNode, Triple

from kg.errors import LimitReached
from kg.logic.joins import Graph
from kg.storage.overlay import Overlay
from kg.storage.store import Engine

Trail: TypeAlias = tuple[Triple, ...]

_CLOSURES: Final = ("*", "+", "?")
_MOST_STEPS: Final = 2_000_000  # look-ups and triples looked at: some seconds
_OFTEN: Final = 64  # steps after which the time is looked at


class Watched:
    """The view, with a limit on how much is looked at and for how long."""

    def __init__(self, store: Engine, seconds: float) -> None:
        self._view = Overlay(store)
        self._until = time.monotonic() + seconds
        self._seconds = seconds
        self._steps = 0

    def triples(self, subject: Any, predicate: Any, value: Any, /) -> Iterator[Triple]:  # noqa: ANN401 - any term
        """Yield the triples that match, ``None`` matching anything."""
        self.step()
        for triple in self._view.triples(subject, predicate, value):
            self.step()
            yield triple

    def contains(self, triple: Triple, /) -> bool:
        """Tell whether the view has this triple."""
        self.step()
        return self._view.contains(triple)

    def step(self) -> None:
        """Count a step. Raises ``LimitReached``."""
        self._steps += 1
        if self._steps > _MOST_STEPS:
            raise _stopped(f"after looking at {_MOST_STEPS:,} triples")
        if self._steps % _OFTEN == 0:
            self.seconds_left()

    def seconds_left(self) -> float:
        """Return how much time is left; raises ``LimitReached`` when there is none."""
        left = self._until - time.monotonic()
        if left <= 0:
            raise _stopped(f"after {max(self._seconds, 0):.3g} s of citing")
        return left


def _stopped(where: str) -> LimitReached:
    return LimitReached(f"stopped {where}", where="query", remedy="narrow the query, or ask without --cite")


class Walk:
    """Walks paths through a graph (SPARQL 1.1 Query Language, section 18.4)."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def ways(self, path: Any, start: Any, end: Any) -> Iterator[tuple[Any, Any, Trail]]:  # noqa: ANN401
        """Yield the pairs of ends that a path connects, with the triples from one to the other.

        ``None`` for an end that may be anything.
        """
        if start is not None:
            for found, trail in self._from(path, start, back=False):
                if end in (None, found):
                    yield start, found, trail
                    if end is not None and path[0] in _CLOSURES:
                        return
        elif end is not None:
            for found, trail in self._from(path, end, back=True):
                yield found, end, trail
        else:
            yield from self._anywhere(path)

    def _anywhere(self, path: Any) -> Iterator[tuple[Any, Any, Trail]]:  # noqa: ANN401 - a path
        """Yield the ways of a path neither end of which is known."""
        sign, *parts = path if isinstance(path, tuple) else ("", path)
        if sign in ("", "!"):
            for triple in self._graph.triples(None, None if sign else path, None):
                if not sign or triple.predicate not in parts:
                    yield triple.subject, triple.object, (triple,)
        elif sign == "^":
            yield from ((end, start, trail) for start, end, trail in self._anywhere(parts[0]))
        elif sign == "|":
            yield from _each_once(way for part in parts for way in self._anywhere(part))
        elif sign == "/":
            for start, middle, trail in self._anywhere(parts[0]):
                for end, rest in self._sequence(parts[1:], middle, back=False):
                    yield start, end, trail + rest
        else:
            found = (way[0] for way in self._anywhere(parts[0])) if sign == "+" else self._nodes()
            for start in dict.fromkeys(found):
                for end, trail in self._closure(sign, parts[0], start, back=False):
                    yield start, end, trail

    def mentioning(self, term: Any) -> Iterator[Triple]:  # noqa: ANN401 - any term
        """Yield the triples in which a term is subject or object."""
        if not isinstance(term, Literal):
            yield from self._graph.triples(term, None, None)
        yield from self._graph.triples(None, None, term)

    def _nodes(self) -> Iterator[Any]:
        for triple in self._graph.triples(None, None, None):
            yield triple.subject
            yield triple.object

    def _from(self, path: Any, term: Any, *, back: bool) -> Iterator[tuple[Any, Trail]]:  # noqa: ANN401
        """Yield what a path leads to from a term, with the triples in the order of the path."""
        if isinstance(path, NamedNode):
            yield from self._step(path, term, back=back)
            return
        sign, *parts = path
        if sign == "^":
            yield from self._from(parts[0], term, back=not back)
        elif sign == "|":
            # the engine counts what two of the parts lead to once
            ways = ((term, *way) for part in parts for way in self._from(part, term, back=back))
            yield from ((found, trail) for _, found, trail in _each_once(ways))
        elif sign == "/":
            yield from self._sequence(parts[::-1] if back else parts, term, back=back)
        elif sign == "!":
            for triple in self._around(None, term, back=back):
                if triple.predicate not in parts:
                    yield (triple.subject if back else triple.object), (triple,)
        else:
            yield from self._closure(sign, parts[0], term, back=back)

    def _step(self, predicate: NamedNode, term: Any, *, back: bool) -> Iterator[tuple[Any, Trail]]:  # noqa: ANN401
        for triple in self._around(predicate, term, back=back):
            yield (triple.subject if back else triple.object), (triple,)

    def _around(self, predicate: NamedNode | None, term: Any, *, back: bool) -> Iterator[Triple]:  # noqa: ANN401
        if back:
            yield from self._graph.triples(None, predicate, term)
        elif not isinstance(term, Literal):
            yield from self._graph.triples(term, predicate, None)

    def _sequence(self, parts: list[Any], term: Any, *, back: bool) -> Iterator[tuple[Any, Trail]]:  # noqa: ANN401
        if not parts:
            yield term, ()
            return
        for middle, trail in self._from(parts[0], term, back=back):
            for found, rest in self._sequence(parts[1:], middle, back=back):
                yield found, (rest + trail if back else trail + rest)

    def _closure(
        self,
        sign: str,
        part: Any,  # noqa: ANN401 - a path
        term: Any,  # noqa: ANN401
        *,
        back: bool,
    ) -> Iterator[tuple[Any, Trail]]:
        """Go outwards from a term, always on from where the fewest triples lead."""
        order = count()
        ahead: list[tuple[int, int, Any, Trail]] = [(0, next(order), term, ())]
        reached, left = set(), False
        while ahead:
            _, _, node, trail = heapq.heappop(ahead)
            if node in reached:
                continue
            if left or sign != "+":
                reached.add(node)
                # as the engine has it, no step leads from a term to itself unless the graph knows that term
                if left or any(True for _ in self.mentioning(node)):
                    yield node, trail
            if left and sign == "?":
                continue
            left = True
            for found, step in self._from(part, node, back=back):
                if found not in reached:
                    longer = step + trail if back else trail + step
                    heapq.heappush(ahead, (len(longer), next(order), found, longer))


def _each_once(ways: Iterator[tuple[Any, Any, Trail]]) -> Iterator[tuple[Any, Any, Trail]]:
    seen = set()
    for start, end, trail in ways:
        if (start, end) not in seen:
            seen.add((start, end))
            yield start, end, trail
