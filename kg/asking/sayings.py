"""A claim as people read it: its words where they stand in the source, whose they are, and what was taken from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pyoxigraph import NamedNode

from kg.asking.labels import find_labels, reading, sentence
from kg.evidence.claims import Claim, read_claims
from kg.storage.store import Engine
from kg.terms import CLAIMS, iri, text

_AROUND: Final = 160  # code points of the source shown before and after a quote


@dataclass(frozen=True, slots=True)
class Saying:
    """A claim with its surroundings.

    ``before`` and ``after`` are what the source says around the quote, cut at words. ``speaker`` is a label, empty
    where the source speaks in its own voice. ``sentences`` are what the claim states, made from labels, in their order.
    ``reason`` is why it was withdrawn, where it was and that is on record.
    """

    claim: Claim
    title: str
    speaker: str
    before: str
    after: str
    sentences: tuple[str, ...]
    reason: str


def read_saying(claim: NamedNode, store: Engine) -> Saying:
    """Return a claim of a base, which must be there, with what surrounds it. Cost: some look-ups."""
    (found,) = read_claims(store, [claim])
    triples = [quad.triple for quad in store.quads(graph=claim)]
    terms = {term for triple in triples for term in triple} | {found.speaker}
    labels = find_labels((term for term in terms if isinstance(term, NamedNode)), store)
    words = _said(found.source, "schema:text", store)
    return Saying(
        found,
        _said(found.source, "dcterms:title", store),
        "" if found.speaker == found.source else reading(found.speaker, labels),
        _end(words[: max(found.start, 0)]),
        _beginning(words[max(found.end, 0) :]),
        tuple(sorted({sentence(triple, labels) for triple in triples})),
        _said(claim, "skos:changeNote", store),
    )


def _said(thing: NamedNode, predicate: str, store: Engine) -> str:
    return min((text(quad.object) for quad in store.quads(thing, iri(predicate), None, CLAIMS)), default="")


def _end(words: str) -> str:
    """Return the last words of what stands before a quote."""
    return words if len(words) <= _AROUND else "… " + words[-_AROUND:].partition(" ")[2]


def _beginning(words: str) -> str:
    """Return the first words of what stands after a quote."""
    return words if len(words) <= _AROUND else words[:_AROUND].rpartition(" ")[0] + " …"
