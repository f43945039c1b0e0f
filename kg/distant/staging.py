"""Changes that an engine cannot make all at once: laid beside the base in chunks, then taken over in steps.

Laying goes on where it was cut short, if the same change is laid again. Each step of taking over can be repeated, by
whoever finds it unfinished; readers wait meanwhile.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice
from typing import Final

from pyoxigraph import Literal, NamedNode, Quad, Triple

from kg.distant.engine import Remote
from kg.distant.graphs import COMING
from kg.distant.state import TAKING, State, move
from kg.errors import Overtaken, StoreError
from kg.terms import BASE, CLAIMS, REFERENCE, STATE, VIEW, Progress, iri, text

_TYPE, _CLAIM, _VALUE = iri("rdf:type"), iri("parley:Claim"), iri("rdf:value")
_GONE: Final = NamedNode(BASE + "graph/gone")
_SENT: Final = NamedNode(BASE + "graph/sent")
"""Lies beside what is laid: the fingerprints of the chunks that are there in whole."""


def in_graph(triples: Iterable[Triple], graph: NamedNode) -> Iterator[Quad]:
    """Yield triples as quads of a graph."""
    return (Quad(triple.subject, triple.predicate, triple.object, graph) for triple in triples)


def lay(  # noqa: PLR0913 - what moves, from where to where, and what is told
    store: Remote,
    seen: State,
    laying: State,
    coming: Iterable[Quad],
    going: Iterable[Quad] = (),
    *,
    made_from: str = "",
    progress: Progress = None,
) -> State:
    """Lay a change beside the base, ready to be taken over; whoever changes the base meanwhile makes it void.

    ``laying`` is :meth:`State.laying` of what was ``seen``. Where that is the same, an earlier attempt was cut short,
    and the chunks that it sent are not sent again; the quads must then come in the same order. Graphs of claims are
    laid where they belong: without a description no claim counts. Descriptions come first in ``coming``, so that it
    is known which graphs to throw away with what is void. ``made_from`` tells the ontology that the view is made from
    after the change, if it is another one.
    """
    if laying != seen:
        move(store, seen, laying)
        if seen.doing:
            drop(store, seen, void=True)
    gone = in_graph((quad.triple for quad in going), _beside_name(_GONE, laying))
    _send(store, laying, chain(_beside(coming, laying), gone), progress)
    taking = replace(laying, doing=TAKING, made_from=made_from or seen.made_from)
    try:
        move(store, laying, taking)
    except Overtaken:  # the graphs of its claims may be those of another by now
        drop(store, laying)
        raise
    return taking


def _send(store: Remote, laying: State, quads: Iterator[Quad], progress: Progress) -> None:
    """Send quads in chunks, and note each one; those that were noted before are there."""
    sent = _beside_name(_SENT, laying)
    there, count = {text(quad.object) for quad in store.quads(sent, _VALUE, None, sent)}, 0
    while chunk := list(islice(quads, store.dialect.chunk)):
        name = hashlib.sha256("\n".join(map(str, chunk)).encode()).hexdigest()
        count += len(chunk)
        if name in there:
            there.remove(name)
        else:
            store.fill(chunk)
            store.add([Quad(sent, _VALUE, Literal(name), sent)])
        if progress:
            progress(f"sending: {count:,} quads")
    if there:
        drop(store, laying, void=True)
        what = "what was laid beside the base is no part of this change; it is thrown away"
        raise StoreError(what, where=store.endpoint.url, remedy="try again")


def _beside(quads: Iterable[Quad], laid: State) -> Iterator[Quad]:
    shared: dict[object, NamedNode] = {
        graph: _beside_name(graph, laid) for graph in (CLAIMS, REFERENCE, VIEW)
    }
    for quad in quads:
        yield from in_graph([quad.triple], shared.get(quad.graph_name, quad.graph_name))  # type: ignore[arg-type]


def _beside_name(graph: NamedNode, laid: State) -> NamedNode:
    return NamedNode(f"{COMING}{laid.token}/{graph.value.rpartition('/')[2]}")


def take_over(store: Remote, laid: State) -> None:
    """Take over what was laid beside a base; each step can be repeated, by anyone, and none is made twice."""
    while_taking = f"{store.place(STATE)} {{ {laid.quad.triple} }}"
    for graph in (CLAIMS, REFERENCE, _GONE, VIEW):
        what, verb = (VIEW, "DELETE") if graph == _GONE else (graph, "INSERT")
        place = f"{store.place(what)} {{ ?s ?p ?o }}"
        beside = f"{store.place(_beside_name(graph, laid))} {{ ?s ?p ?o }}"
        store.client.update(f"{verb} {{ {place} }} WHERE {{ {beside} {while_taking} }}", again=True)
    with contextlib.suppress(Overtaken):  # somebody else came to the same end first
        move(store, laid, laid.next(number=laid.number + 1))
    drop(store, laid)


def drop(store: Remote, laid: State, *, void: bool = False) -> None:
    """Throw away what was laid beside a base; what is ``void``, with the graphs of claims that it brought."""
    if void:
        brought = store.quads(None, _TYPE, _CLAIM, _beside_name(CLAIMS, laid))
        claims = (quad.subject for quad in brought if isinstance(quad.subject, NamedNode))
        while some := list(islice(claims, store.dialect.most_values)):
            store.foresee(some, _TYPE, CLAIMS)
            new = [claim for claim in some if not store.contains(Quad(claim, _TYPE, _CLAIM, CLAIMS))]
            if new:
                drops = (f"DROP SILENT {store.place(claim)}" for claim in new)
                store.client.update(" ; ".join(drops), again=True)
    for graph in (_SENT, CLAIMS, REFERENCE, VIEW, _GONE):
        store.client.update(f"DROP SILENT {store.place(_beside_name(graph, laid))}", again=True)
