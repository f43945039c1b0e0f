"""Where speakers differ: figures that cannot all be right, statements that contradict each other, denials.

Nobody is taken to be right. Claims that were withdrawn have no side; whom a view believes makes no difference.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from typing import Final

from pyoxigraph import Literal, NamedNode, Quad

from kg.asking.labels import reading, sentence
from kg.disputes.contradictions import contradictions
from kg.disputes.figures import counts_disputed, values_disputed
from kg.disputes.onrecord import Dispute, Record, Side, things_in
from kg.evidence.claims import Claim
from kg.evidence.viewpoints import Viewpoint
from kg.logic.maintain import Rulebook
from kg.storage.store import Engine
from kg.syntax.turtle import natural_key
from kg.terms import iri

__all__ = ["Dispute", "Side", "disputes", "disputes_of"]

_DENIES, _SPEAKER, _CONTENT = iri("parley:denies"), iri("parley:hasSpeaker"), iri("parley:content")
_EVENT, _VICTIMS = iri("parley:resultsFrom"), iri("parley:hasVictimsFrom")
_KINDS: Final = ("figures", "contradiction", "denial")
_MOST_SENTENCES: Final = 3


def disputes(
    store: Engine, rules: Rulebook, viewpoint: Viewpoint, about: Collection[NamedNode] | None = None
) -> tuple[Dispute, ...]:
    """Return where speakers differ, or only where they differ on some things: on a count, its event, a claim's thing.

    The view in ``store`` is that of ``viewpoint``. Figures come first, then contradictions, then denials, in the order
    of the claims concerned. Cost: without ``about``, one pass over the descriptions of claims, over the figures and
    over the denials, and what follows from all that quoted speakers say. With it, some look-ups: of each thing a
    hundred statements, of which those are missed that come later.
    """
    record = Record(store, viewpoint)
    if about is None:
        apart = contradictions(record.attributed(), record, rules)
        return _found(record, None, _denials(record, None), apart)
    things = {node for thing in about for node in _beside(thing, record)}
    graphs = {quad.graph_name for thing in things for quad in _mentions(thing, record)}
    denied = _denials(record, things | _nodes(graphs))
    apart = contradictions(record.attributed_on(things), record, rules)
    found = _found(record, things, denied, apart)
    return tuple(one for one in found if not set(about).isdisjoint(one.about))


def disputes_of(
    claims: Collection[Claim], store: Engine, rules: Rulebook, viewpoint: Viewpoint
) -> tuple[Dispute, ...]:
    """Return the disputes in which one of these claims takes a side, in the order of :func:`disputes`.

    Cost: some look-ups a claim and a thing of which it speaks, whatever the size of the base; contradictions are
    looked for among a hundred claims of quoted speakers that mention the same things.
    """
    record = Record(store, viewpoint)
    names = {claim.iri for claim in claims}
    said = [quad.triple for name in sorted(names, key=str) for quad in store.quads(graph=name)]
    told = [claim for claim in claims if claim.speaker != claim.source and record.claim(claim.iri)]
    others = record.ordered_all([*told, *record.attributed_on(things_in(said))])
    valued = {triple.subject for triple in said if isinstance(triple.object, Literal)}
    denying = {triple.subject for triple in said if triple.predicate == _DENIES}
    denied = _denials(record, names | _nodes(denying))
    apart = contradictions(others, record, rules, names)
    found = _found(record, _nodes(valued), denied, apart)
    return tuple(one for one in found if not names.isdisjoint(one.claims))


def _nodes(terms: Iterable[object]) -> set[NamedNode]:
    return {term for term in terms if isinstance(term, NamedNode)}


def _found(
    record: Record, among: Collection[NamedNode] | None, *others: Iterable[Dispute]
) -> tuple[Dispute, ...]:
    """Return the disputes on figures, of all things or of some, and others, each once and in their order."""
    figures = (*counts_disputed(record, among), *values_disputed(record, among))
    return tuple(sorted(dict.fromkeys(chain(figures, *others)), key=_place))


def _place(one: Dispute) -> tuple[object, ...]:
    claims = sorted(natural_key(claim.value) for claim in one.claims)
    return _KINDS.index(one.kind), claims, [str(thing) for thing in one.about], one.why


def _beside(thing: NamedNode, record: Record) -> set[NamedNode]:
    """Return a thing with its counts and quantities: what a dispute about it may be about as well."""
    counts = (quad.subject for term in (_EVENT, _VICTIMS) for quad in record.look(None, term, thing))
    return {thing, *_nodes(counts), *things_in(quad.triple for quad in record.look(thing, None))}


def _mentions(thing: NamedNode, record: Record) -> Iterator[Quad]:
    yield from record.look(thing, None)
    yield from record.look(None, None, thing)


def _denials(record: Record, near: Collection[NamedNode] | None) -> Iterator[Dispute]:
    """Yield the denials of a base, or those that these claims or statements have part in."""
    quads = (
        [quad for quad in record.store.quads(None, _DENIES) if record.claim(quad.graph_name)]
        if near is None
        else [
            quad
            for node in sorted(near, key=str)
            for quad in (*record.look(node, _DENIES), *record.look(None, _DENIES, node))
        ]
    )
    holding: dict[tuple[NamedNode, NamedNode], list[Claim]] = {}
    for quad in quads:
        claim, denied = record.claim(quad.graph_name), quad.object
        if claim and isinstance(denied, NamedNode) and isinstance(quad.subject, NamedNode):
            holding.setdefault((quad.subject, denied), []).append(claim)
    for (statement, name), claims in holding.items():
        if denied_claim := record.claim(name):
            yield _denial(statement, denied_claim, claims, record)


def _denial(statement: NamedNode, denied: Claim, holding: list[Claim], record: Record) -> Dispute:
    content = record.content(denied.iri)
    speakers = [quad.object for quad in record.look(statement, _SPEAKER)]
    words = sorted({reading(quad.object, {}) for quad in record.look(statement, _CONTENT)})
    labels = record.labels(content, [*speakers, statement])
    who = " and ".join(sorted({reading(one, labels) for one in speakers})) or reading(statement, labels)
    told = [triple for triple in content if triple.predicate != iri("rdf:type")] or content
    said = [sentence(triple, labels) for triple in told]
    more = f" And {len(said) - _MOST_SENTENCES} more." if len(said) > _MOST_SENTENCES else ""
    saying = f", saying {'; '.join(words)}" if words else ""
    return record.dispute(
        "denial",
        {statement, *things_in(content)},
        f"{who} denies what claim {denied.name} says.",
        [
            Side(" ".join(said[:_MOST_SENTENCES]) + more, (denied,)),
            Side(f"{who} denies it{saying}.", record.ordered(holding)),
        ],
    )
