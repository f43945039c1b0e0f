"""What a proposal or a withdrawal changes in a base: the facts that come, the triples of the view that come and go.

Checking, adding and catching up from the journal all ask here, so they cannot differ. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Final

from pyoxigraph import Literal, NamedNode, Quad, Triple

from kg.bases.ontology import ontology_rules
from kg.logic.maintain import Rulebook, derive, withdraw
from kg.storage.overlay import Overlay
from kg.storage.store import Embedded, Engine
from kg.terms import CLAIMS, REFERENCE, iri

_TYPE, _CLAIM = iri("rdf:type"), iri("parley:Claim")
_SOURCE, _SPEAKER = iri("prov:hadPrimarySource"), iri("prov:wasAttributedTo")
_RECORDED, _WITHDRAWN, _REASON = (
    iri("prov:generatedAtTime"),
    iri("prov:invalidatedAtTime"),
    iri("skos:changeNote"),
)
_DATE_TIME: Final = iri("xsd:dateTime")


@dataclass(frozen=True, slots=True)
class Change:
    """What one record changes: new facts as the store keeps them, and the triples of the view that come and go.

    ``facts`` are quads of claim graphs, ``graph:claims`` and ``graph:reference``, in the order of their text.
    """

    facts: tuple[Quad, ...]
    added: frozenset[Triple]
    removed: frozenset[Triple]


def addition(quads: Iterable[Quad], time: datetime, store: Engine, rules: Rulebook) -> tuple[Change, Overlay]:
    """Return what adding ``quads`` changes, and the view as it would be.

    ``quads`` are claim graphs, their descriptions and reference data, in any form of their literals; what the
    store has already is no change. A claim that is new and does not say when it was recorded is of ``time``.
    Only what accepted claims and reference data say enters the view. Cost: some look-ups a quad, and what
    follows from them.
    """
    proposed = Embedded()
    proposed.add(quads)
    proposed.add([*_times(proposed, time, store)])
    facts = sorted((quad for quad in proposed.quads() if not store.contains(quad)), key=str)
    is_held = cache(lambda graph: graph == REFERENCE or is_accepted(graph, store, proposed))
    overlay = Overlay(store)
    derive(overlay, rules, [quad.triple for quad in facts if is_held(quad.graph_name)])
    return _change(facts, overlay), overlay


def withdrawal(
    claims: Iterable[NamedNode], time: datetime, reason: str, store: Engine, rules: Rulebook
) -> tuple[Change, Overlay]:
    """Return what withdrawing ``claims`` at ``time`` changes, and the view as it would be.

    The claims stay on record, with the time and the reason. What only they said leaves the view, with all that
    followed from it alone. Claims that are withdrawn already stay as they are. Cost grows with what goes.
    """
    going = [claim for claim in dict.fromkeys(claims) if not _says(claim, _WITHDRAWN, store)]
    kept = Embedded()
    kept.add(endings(going, time, reason))
    lost = {quad.triple for claim in going if is_accepted(claim, store) for quad in store.quads(graph=claim)}
    gone = frozenset(going)
    is_held = cache(lambda graph: graph == REFERENCE or (graph not in gone and is_accepted(graph, store)))
    overlay = Overlay(store)
    withdraw(
        overlay,
        rules,
        sorted(lost, key=str),
        lambda triple: any(is_held(quad.graph_name) for quad in _stating(triple, store)),
    )
    return _change(sorted(kept.quads(), key=str), overlay), overlay


def endings(claims: Iterable[NamedNode], time: datetime, reason: str) -> list[Quad]:
    """Return what is stated of claims that are withdrawn: when (PROV-O, 3.2), and why if a reason is given."""
    ends = [Quad(claim, _WITHDRAWN, stamp(time), CLAIMS) for claim in claims]
    return ends + [Quad(end.subject, _REASON, Literal(reason), CLAIMS) for end in ends if reason]


@cache
def rulebook() -> Rulebook:
    """Return the rules of the ontology, made ready once in a process."""
    return Rulebook(ontology_rules())


def stamp(moment: datetime) -> Literal:
    """Return a moment, which has a time zone, as an ``xsd:dateTime`` in UTC.

    >>> stamp(datetime(2020, 3, 6, 10, tzinfo=UTC)).value
    '2020-03-06T10:00:00Z'
    """
    return Literal(moment.astimezone(UTC).isoformat().replace("+00:00", "Z"), datatype=_DATE_TIME)


def is_accepted(claim: object, *engines: Engine) -> bool:
    """Tell whether a claim, described in these engines together, is held: its source says it, and it stands."""
    if not isinstance(claim, NamedNode):
        return False
    sources, speakers = _says(claim, _SOURCE, *engines), _says(claim, _SPEAKER, *engines)
    return bool(sources) and sources == speakers and not _says(claim, _WITHDRAWN, *engines)


def _stating(triple: Triple, store: Engine) -> Iterator[Quad]:
    subject, predicate, value = triple
    return store.quads(subject, predicate, value)


def is_withdrawn(claim: object, engine: Engine) -> bool:
    """Tell whether a claim was withdrawn."""
    return isinstance(claim, NamedNode) and bool(_says(claim, _WITHDRAWN, engine))


def _says(claim: NamedNode, predicate: NamedNode, *engines: Engine) -> set[object]:
    return {quad.object for engine in engines for quad in engine.quads(claim, predicate, None, CLAIMS)}


def _times(proposed: Engine, time: datetime, store: Engine) -> Sequence[Quad]:
    """Return when those claims were recorded that are new and do not say it themselves."""
    claims = [quad.subject for quad in proposed.quads(None, _TYPE, _CLAIM, CLAIMS)]
    return [
        Quad(claim, _RECORDED, stamp(time), CLAIMS)
        for claim in claims
        if isinstance(claim, NamedNode)
        and not _says(claim, _RECORDED, proposed)
        and not store.contains(Quad(claim, _TYPE, _CLAIM, CLAIMS))
    ]


def _change(facts: Iterable[Quad], overlay: Overlay) -> Change:
    return Change(tuple(facts), frozenset(overlay.added), frozenset(overlay.removed))
