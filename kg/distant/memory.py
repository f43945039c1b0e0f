"""What was looked up on another machine: fetched a little more widely than asked, and remembered while a reading lasts.

A round trip costs more than the rows that it brings. So who asks for one triple of a thing gets all that a graph says
about it, and who asks in the graph of a claim gets the graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, TypeAlias

from pyoxigraph import NamedNode, Quad

from kg.terms import CLAIMS, ONTOLOGY, REFERENCE, VIEW, iri

Pattern: TypeAlias = tuple[Any, Any, Any, NamedNode | None]
"""Subject, predicate, object and graph of a look-up, ``None`` matching anything."""

_Fetch: TypeAlias = Callable[[Pattern, int], Iterator[Quad]]

TEXT: Final = iri("schema:text")
BUT_TEXTS: Final = "any predicate but that of texts"
"""In place of a predicate: texts of sources are long, and hardly ever what is asked for."""

_PAGE: Final = 1_000
"""Matches that are fetched at once; who reads on has the rest streamed."""
_MOST: Final = 200_000  # quads that are remembered; then all are forgotten


class Memory:
    """Look-ups answered from earlier ones where these say enough; ``fetch`` asks for at most so many matches."""

    def __init__(self, fetch: _Fetch) -> None:
        self._fetch = fetch
        self._whole: dict[Pattern, Sequence[Quad]] = {}
        self._more: dict[Pattern, Sequence[Quad]] = {}  # the first page of what is longer
        self._size = 0

    def quads(self, pattern: Pattern) -> Iterator[Quad]:
        """Yield the quads that match a pattern whose subject or object is given, in no fixed order."""
        for wider in _wider(pattern):
            if wider in self._whole:
                return _matching(self._whole[wider], pattern)
        for wider in _worth_fetching(pattern):
            if wider not in self._more and self._fetched(wider):
                return _matching(self._whole[wider], pattern)
        return self._beyond(self._more[pattern], pattern)

    def foretold(
        self, things: Iterable[NamedNode], predicate: NamedNode | None, graph: NamedNode | None
    ) -> list[Any]:
        """Return those of some things about which it is not yet known what a graph says."""
        return [
            thing
            for thing in dict.fromkeys(things)
            if not any(wider in self._whole for wider in _wider((thing, predicate, None, graph)))
        ]

    def learn(
        self,
        things: Sequence[Any],
        predicate: NamedNode | None,
        graph: NamedNode | None,
        quads: Sequence[Quad],
    ) -> None:
        """Remember all that a graph says about things."""
        about: dict[Any, list[Quad]] = {thing: [] for thing in things}
        for quad in quads:
            about[quad.subject].append(quad)
        for thing, own in about.items():
            self._keep(self._whole, (thing, predicate, None, graph), own)

    def _fetched(self, pattern: Pattern) -> bool:
        """Fetch the first page of a look-up, and tell whether that is all."""
        found = list(islice(self._fetch(pattern, _PAGE + 1), _PAGE + 1))
        whole = len(found) <= _PAGE
        self._keep(self._whole if whole else self._more, pattern, found)
        return whole

    def _beyond(self, known: Sequence[Quad], pattern: Pattern) -> Iterator[Quad]:
        yield from known
        seen = frozenset(known)
        yield from (quad for quad in self._fetch(pattern, 0) if quad not in seen)

    def _keep(self, where: dict[Pattern, Sequence[Quad]], pattern: Pattern, quads: Sequence[Quad]) -> None:
        if self._size > _MOST:
            self._whole.clear()
            self._more.clear()
            self._size = 0
        where[pattern] = quads
        self._size += len(quads) + 1


def _wider(pattern: Pattern) -> Iterator[Pattern]:
    """Yield the look-ups that would have answered this one too, itself first."""
    subject, predicate, value, graph = pattern
    yield pattern
    if subject is not None:
        yield subject, predicate, None, graph
        yield subject, None, None, graph
        yield subject, None, None, None
        if predicate not in {None, TEXT}:
            yield subject, BUT_TEXTS, None, graph
    if value is not None:
        yield None, None, value, graph
        yield None, None, value, None
    yield None, None, None, graph


def _worth_fetching(pattern: Pattern) -> Iterator[Pattern]:
    """Yield what to fetch for a look-up, the widest that is likely to be short first, itself last."""
    subject, predicate, value, graph = pattern
    if subject is None:
        yield None, None, value, graph
    elif graph == CLAIMS and predicate not in {None, TEXT}:
        yield subject, BUT_TEXTS, None, graph
    elif graph in {None, VIEW, REFERENCE, CLAIMS, ONTOLOGY}:
        yield subject, None, None, graph
    else:
        yield None, None, None, graph
    yield pattern


def _matching(quads: Iterable[Quad], pattern: Pattern) -> Iterator[Quad]:
    subject, predicate, value, graph = pattern
    return (
        quad
        for quad in quads
        if (subject is None or quad.subject == subject)
        and (predicate is None or quad.predicate == predicate)
        and (value is None or quad.object == value)
        and (graph is None or quad.graph_name == graph)
    )
