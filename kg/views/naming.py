"""The views that people name: whose word, which source, which day."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time
from typing import Final, cast

from pyoxigraph import Literal, NamedNode

from kg.asking.labels import LANGUAGES, find_labels
from kg.asking.naming import check_unicode, resolve, written
from kg.errors import UnknownName, UsageError
from kg.evidence.viewpoints import Viewpoint
from kg.storage.store import Engine, Solutions
from kg.terms import BASE, CLAIMS, VIEW, curie, iri
from kg.terms import text as term_text

_SOURCE, _SPEAKER = iri("prov:hadPrimarySource"), iri("prov:wasAttributedTo")
_TITLE: Final = iri("dcterms:title")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_PARTS: Final = ("as-told-by", "by", "as-of")
_BETWEEN: Final = re.compile(r"\s*,\s*(?=(?:default|[a-z-]+:))")  # a title may hold a comma
_MOST: Final = 200  # names that are looked through for the nearest
_SHOWN: Final = 5


def find_viewpoint(
    store: Engine,
    now: datetime,
    as_told_by: str | None = None,
    by: str | None = None,
    as_of: str | None = None,
) -> Viewpoint:
    """Return the viewpoint that a person means.

    A speaker is named by a label in any language, a code, a CURIE, an IRI or the end of one (``vladimir-putin``), a
    source also by its title; a day as ``2026-11-01``, which ends at midnight UTC, a moment as an ``xsd:dateTime`` with
    its zone. Raises ``UnknownName`` for who or what is not there, ``UsageError`` for a speaker or source of whom there
    is no claim, for a date that does not exist, and for one later than ``now``. Cost: some look-ups; only where no
    name fits, passes over names.
    """
    for text in filter(None, (as_told_by, by, as_of)):
        check_unicode(text, "")
    return Viewpoint(
        told_by=None if as_told_by is None else _speaker(as_told_by, store),
        by=None if by is None else _source(by, store),
        as_of=None if as_of is None else read_moment(as_of, now),
    )


def read_viewpoint(text: str, store: Engine, now: datetime) -> Viewpoint:
    """Return the viewpoint that is written as one word, as ``kg diff`` takes it.

    ``default``, ``as-told-by:putin``, ``by:idlib-ceasefire``, ``as-of:2026-11-01``, or several joined by commas.
    Raises as :func:`find_viewpoint` does, and ``UsageError`` for another form.
    """
    if text == "default":
        return Viewpoint()
    named: dict[str, str] = {}
    for part in _BETWEEN.split(text):
        kind, colon, name = part.partition(":")
        if kind not in _PARTS or not colon or not name or kind in named:
            what = f"{part!r} is named twice" if kind in named else f"{part!r} names no view"
            known = ", ".join(f"{known}:…" for known in _PARTS)
            raise UsageError(what, remedy=f"write default, or one or more of {known} joined by commas")
        named[kind] = name
    return find_viewpoint(store, now, *map(named.get, _PARTS))


def read_moment(text: str, now: datetime, *, end_of_day: bool = True) -> datetime:
    """Return the moment that a person means by a day, its end or its beginning in UTC, or by an ``xsd:dateTime``.

    Raises ``UsageError`` for a day that does not exist or lies ahead of ``now``, and for a moment without a zone.

    >>> print(read_moment("2026-11-01", datetime(2026, 11, 23, tzinfo=UTC), end_of_day=False))
    2026-11-01 00:00:00+00:00
    """
    form = _DATE_TIME.fullmatch(text)
    if not form and not _DATE.fullmatch(text):
        remedy = "write a day as 2026-11-01 or a moment as 2026-11-01T12:00:00Z"
        raise UsageError(f"{text[:60]!r} is no date", remedy=remedy)
    edge = time.max if end_of_day else time.min
    try:
        moment = (
            datetime.fromisoformat(text) if form else datetime.combine(date.fromisoformat(text), edge, UTC)
        )
    except ValueError as error:
        raise UsageError(f"{text!r} does not exist", remedy="look at the calendar") from error
    if moment.tzinfo is None:
        raise UsageError(f"{text!r} has no time zone", remedy=f"write {text}Z for UTC")
    if moment > now and (form or moment.date() > now.astimezone(UTC).date()):
        raise UsageError(f"{text!r} lies ahead", remedy="name a day that has come")
    return moment


def _speaker(text: str, store: Engine) -> NamedNode:
    spoke = [node for node in written(text, "id", "source") if _any(_SPEAKER, node, store)]
    if spoke:
        return spoke[0]
    try:
        node = resolve(text, store)
    except UnknownName:
        raise _unknown("speaker", text, _speakers(store), store) from None
    if not _any(_SPEAKER, node, store):
        raise UsageError(f"no claim is told by {text!r}", remedy=_listed(_speakers(store), store))
    return node


def _source(text: str, store: Engine) -> NamedNode:
    named = [*written(text, "source"), *_titled(text, store)]
    found = [node for node in dict.fromkeys(named) if _any(_SOURCE, node, store)]
    if len(found) > 1:
        listed = " or ".join(curie(node) or str(node) for node in found)
        raise UsageError(f"{text!r} may mean {listed}", remedy="write one of these")
    if found:
        return found[0]
    if any(True for node in named for _ in store.quads(node, None, None, CLAIMS)):
        raise UsageError(f"no claim is taken from {text!r}", remedy=_listed(_sources(store), store))
    raise _unknown("source", text, _sources(store), store)


def _titled(text: str, store: Engine) -> Iterator[NamedNode]:
    literals = (Literal(text), *(Literal(text, language=language) for language in LANGUAGES))
    for term, graph in ((_TITLE, CLAIMS), (iri("rdfs:label"), VIEW)):
        for literal in literals:
            for quad in store.quads(None, term, literal, graph):
                if isinstance(quad.subject, NamedNode):
                    yield quad.subject


def _any(predicate: NamedNode, value: NamedNode, store: Engine) -> bool:
    return any(True for _ in store.quads(None, predicate, value, CLAIMS))


def _speakers(store: Engine) -> list[NamedNode]:
    """Return those whose word sources pass on, as far as there are not too many."""
    own = f"FILTER NOT EXISTS {{ ?claim {_SOURCE} ?who }}"
    return _first(f"SELECT DISTINCT ?who {{ ?claim {_SPEAKER} ?who {own} }} LIMIT {_MOST}", store)


def _sources(store: Engine) -> list[NamedNode]:
    return _first(f"SELECT DISTINCT ?who {{ ?claim {_SOURCE} ?who }} LIMIT {_MOST}", store)


def _first(query: str, store: Engine) -> list[NamedNode]:
    rows = cast("Solutions", store.query(query, (CLAIMS,)))
    return sorted((row["who"] for row in rows), key=str)


def _spellings(nodes: Iterable[NamedNode], store: Engine) -> Iterator[str]:
    named = ((VIEW, iri("rdfs:label")), (VIEW, iri("skos:altLabel")), (CLAIMS, _TITLE))
    for node in nodes:
        yield node.value.removeprefix(BASE).partition("/")[2] or node.value
        for graph, term in named:
            yield from (term_text(quad.object) for quad in store.quads(node, term, None, graph))


def _unknown(kind: str, text: str, known: list[NamedNode], store: Engine) -> UnknownName:
    return UnknownName(kind, text, _spellings(known, store), remedy=_listed(known, store))


def _listed(known: list[NamedNode], store: Engine) -> str:
    if not known:
        return "there is no such claim in this base"
    labels = find_labels(known, store)
    names = [labels.get(node) or curie(node) or str(node) for node in known[:_SHOWN]]
    return f"there are claims of {', '.join(names)}{', …' if len(known) > _SHOWN else ''}"
