"""What makes another view of the one that a base holds: which claims count instead, and what then holds or falls.

Two ways lead there. Where little differs, the view is moved: what is no longer stated is withdrawn, what comes is
added, with all that follows. Where most differs, it is made afresh of the claims that count and the reference data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, cast

from pyoxigraph import NamedNode, Quad, Triple

from kg.bases.changes import stamp
from kg.bases.ontology import ontology_rules
from kg.evidence.claims import Claim, read_claims
from kg.evidence.viewpoints import Viewpoint
from kg.logic.maintain import Rulebook, derive, withdraw
from kg.logic.reason import close
from kg.storage.overlay import Overlay
from kg.storage.store import Embedded, Engine, Solutions
from kg.terms import BASE, CLAIMS, ONTOLOGY, REFERENCE, VIEW, iri

_SOURCE, _SPEAKER = iri("prov:hadPrimarySource"), iri("prov:wasAttributedTo")
_RECORDED, _WITHDRAWN = iri("prov:generatedAtTime"), iri("prov:invalidatedAtTime")
_ENDING: Final = frozenset({_WITHDRAWN, iri("skos:changeNote")})
_OWN: Final = BASE + "graph/"
_FEW: Final = 200
"""So many claims may always come or go one by one: that takes less time than making the view afresh."""
_SHARE: Final = 5  # where more do, one for so many that stay


@dataclass(frozen=True, slots=True)
class Move:
    """What to take from a base and what to add so that it is seen from elsewhere.

    ``removed`` and ``added`` are triples of the view; ``later`` are quads of claims that were not on record there yet,
    and of withdrawals that had not come.
    """

    removed: frozenset[Triple] = frozenset()
    added: frozenset[Triple] = frozenset()
    later: tuple[Quad, ...] = ()


def move(store: Engine, viewpoint: Viewpoint, rules: Rulebook) -> Move | None:
    """Return what makes the view from ``viewpoint`` of the base's own, ``None`` where most of it differs.

    Whose word counts is looked up among the speakers. What was on record at a moment goes by the times that the claims
    state, because these travel with exports and to other engines; what states no time, such as reference data, always
    was. Raises ``LimitReached`` where too much follows. Cost: for a speaker some milliseconds for each claim; for a
    moment one pass over the times, then some milliseconds for each claim that differs.
    """
    if viewpoint.by is not None:
        return None
    timed = set(_timed(store, viewpoint))
    if len(timed) > _FEW and len(timed) > (_claims(store) - len(timed)) / _SHARE:
        return None
    told = store.quads(None, _SPEAKER, viewpoint.told_by, CLAIMS) if viewpoint.told_by else ()
    names = timed | {quad.subject for quad in told if isinstance(quad.subject, NamedNode)}
    changed = sorted(read_claims(store, names), key=lambda claim: claim.iri.value)
    coming = [claim for claim in changed if viewpoint.counts(claim) and not claim.accepted]
    going = [claim for claim in changed if claim.accepted and not viewpoint.counts(claim)]
    overlay = Overlay(store)
    withdraw(overlay, rules, _content(going, store), _stating(store, viewpoint))
    derive(overlay, rules, _content(coming, store))
    later = tuple(_later(changed, viewpoint, store)) if viewpoint.as_of else ()
    return Move(frozenset(overlay.removed), frozenset(overlay.added), later)


def afresh(store: Engine, viewpoint: Viewpoint) -> tuple[Embedded, Iterator[Quad]]:
    """Return a view made of nothing but what counts, in memory, and the facts of a base that has no others.

    The facts are the claims on record there, of the one source if there is one: quoted ones and those withdrawn until
    then too, with their sources; reference data; and the ontology. The iterator reads from ``store``. Cost: reading
    the claims on record and the reference data, and the rules over what counts.
    """
    claims = _on_record(store, viewpoint)
    view = Embedded()
    counting = [REFERENCE, *(claim.iri for claim in claims if viewpoint.counts(claim))]
    view.fill(in_view(quad.triple) for graph in counting for quad in store.quads(graph=graph))
    close(view, ontology_rules())
    return view, _facts(store, claims, viewpoint)


def in_view(triple: Triple) -> Quad:
    """Return a triple as a quad of the view."""
    return Quad(triple.subject, triple.predicate, triple.object, VIEW)


def _stating(store: Engine, viewpoint: Viewpoint) -> Callable[[Triple], bool]:
    """Return a function that tells whether a claim that counts, or reference data, state a triple.

    However many claims do that do not count: what a view holds must not depend on a limit.
    """

    @cache
    def counts(graph: object) -> bool:
        if not isinstance(graph, NamedNode) or graph.value.startswith(_OWN):
            return False
        return any(viewpoint.counts(claim) for claim in read_claims(store, [graph]))

    def stated(triple: Triple) -> bool:
        if store.contains(Quad(triple.subject, triple.predicate, triple.object, REFERENCE)):
            return True
        return any(counts(quad.graph_name) for quad in store.quads(*triple))

    return stated


def _timed(store: Engine, viewpoint: Viewpoint) -> Iterator[NamedNode]:
    """Yield the claims that were recorded or withdrawn later, and those of which the engine cannot tell."""
    if viewpoint.as_of is None:
        return
    later = f"FILTER(COALESCE(?time > {stamp(viewpoint.as_of)}, true))"
    for term in (_RECORDED, _WITHDRAWN):
        rows = store.query(f"SELECT ?claim {{ ?claim {term} ?time {later} }}", (CLAIMS,))
        yield from (row["claim"] for row in cast("Solutions", rows))


def _claims(store: Engine) -> int:
    (row,) = cast("Solutions", store.query(f"SELECT (COUNT(*) AS ?n) {{ ?c {_SOURCE} ?s }}", (CLAIMS,)))
    return int(row["n"].value)


def _content(claims: Iterable[Claim], store: Engine) -> list[Triple]:
    return sorted({quad.triple for claim in claims for quad in store.quads(graph=claim.iri)}, key=str)


def _later(claims: Iterable[Claim], viewpoint: Viewpoint, store: Engine) -> Iterator[Quad]:
    """Yield what the base holds of claims that were recorded later, and of withdrawals that came later."""
    unknown = {claim.iri for claim in claims if not _recorded(claim, viewpoint)}
    for claim in claims:
        if claim.iri in unknown:
            yield from store.quads(claim.iri, None, None, CLAIMS)
            yield from store.quads(graph=claim.iri)
        elif claim.withdrawn and viewpoint.on_record(claim):
            yield from (quad for term in _ENDING for quad in store.quads(claim.iri, term, None, CLAIMS))
    for source in {claim.source for claim in claims if claim.iri in unknown}:
        if all(quad.subject in unknown for quad in store.quads(None, _SOURCE, source, CLAIMS)):
            yield from store.quads(source, None, None, CLAIMS)


def _recorded(claim: Claim, viewpoint: Viewpoint) -> bool:
    """Tell whether a claim had been recorded, withdrawn since or not."""
    return viewpoint.on_record(replace(claim, withdrawn=""))


def _on_record(store: Engine, viewpoint: Viewpoint) -> list[Claim]:
    """Return the claims that a base seen from there would hold, in the order of their names."""
    only: list[NamedNode] | None = None
    if viewpoint.by is not None:
        found = store.quads(None, _SOURCE, viewpoint.by, CLAIMS)
        only = [quad.subject for quad in found if isinstance(quad.subject, NamedNode)]
    elif viewpoint.as_of is not None:
        before = f"FILTER NOT EXISTS {{ ?claim {_RECORDED} ?time FILTER(?time > {stamp(viewpoint.as_of)}) }}"
        rows = store.query(f"SELECT ?claim {{ ?claim {_SOURCE} ?source {before} }}", (CLAIMS,))
        only = [row["claim"] for row in cast("Solutions", rows)]
    claims = read_claims(store, only)
    return sorted((c for c in claims if _recorded(c, viewpoint)), key=lambda claim: claim.iri.value)


def _facts(store: Engine, claims: list[Claim], viewpoint: Viewpoint) -> Iterator[Quad]:
    for graph in (ONTOLOGY, REFERENCE):
        yield from store.quads(graph=graph)
    for source in sorted({claim.source for claim in claims}, key=str):
        yield from store.quads(source, None, None, CLAIMS)
    for claim in claims:
        yield from store.quads(graph=claim.iri)
        stands = viewpoint.as_of is not None and viewpoint.on_record(claim)
        for quad in store.quads(claim.iri, None, None, CLAIMS):
            if not (stands and quad.predicate in _ENDING):
                yield quad
