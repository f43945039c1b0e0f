"""What came since a day, what was withdrawn, and what follows that did not follow before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pyoxigraph import Literal, NamedNode, Triple

from kg.asking.labels import find_labels, sentence
from kg.bases.changes import stamp
from kg.errors import LimitReached, UsageError
from kg.evidence.claims import Claim, read_claims
from kg.evidence.viewpoints import Viewpoint
from kg.logic.maintain import Rulebook
from kg.proofs.proofs import Labels, Proof
from kg.proofs.prover import Prover
from kg.proofs.stating import Statements
from kg.storage.overlay import Overlay
from kg.storage.store import Engine
from kg.syntax.turtle import natural_key
from kg.terms import CLAIMS, VIEW, iri
from kg.views.moves import afresh, move

_TYPE, _LABEL = iri("rdf:type"), iri("rdfs:label")
_RECORDED, _WITHDRAWN = iri("prov:generatedAtTime"), iri("prov:invalidatedAtTime")
_REASON, _TITLE, _LANGUAGE = iri("skos:changeNote"), iri("dcterms:title"), iri("dcterms:language")
_MOST_CLAIMS: Final = 10_000
_MOST: Final = 200  # derived triples that are told
_TRIED: Final = 1_000  # of which a proof is looked for
_INSTANT: Final = timedelta(microseconds=1)
_FIRST: Final = datetime(1, 1, 3, tzinfo=UTC)  # there is no moment before in any zone that Python knows


@dataclass(frozen=True, slots=True)
class Item:
    """A claim with what it says, in sentences."""

    claim: Claim
    sentences: tuple[str, ...]
    reason: str = ""
    """Why it was withdrawn, where it was and a reason is on record."""


@dataclass(frozen=True, slots=True)
class Briefing:
    """What changed between two moments.

    ``came`` are claims of sources' own voice that came and still count, ``told`` those of speakers whom sources quote,
    ``withdrawn`` those that no longer count; by source and then in the order of their quotes. ``follows`` are derived
    triples that did not hold before, each with its proof, ``fell`` the sentences of derived ones that no longer hold.
    ``cut`` says of how many derived triples ``follows`` shows only the first, ``cut_fell`` the same of ``fell``; they
    are 0 where all are shown. ``languages`` are those of the sources, as language tags, as far as they are known.
    """

    since: datetime
    until: datetime
    came: tuple[Item, ...]
    told: tuple[Item, ...]
    withdrawn: tuple[Item, ...]
    follows: tuple[Proof, ...]
    fell: tuple[str, ...]
    sources: tuple[NamedNode, ...]
    labels: Labels
    cut: int = 0
    cut_fell: int = 0
    languages: Labels = field(default_factory=dict)


def brief(store: Engine, since: datetime, until: datetime, rules: Rulebook) -> Briefing:
    """Return what changed in a base from the moment ``since`` on, itself included, up to ``until``, which is now.

    Both have a time zone; the view in ``store`` is the base's own. Of what follows, the first is what takes several
    facts together, the last what only says of which class a thing is. Raises ``UsageError`` where ``since`` is later
    than ``until``, ``LimitReached`` where too much came or follows. Cost: a few passes over the times of claims; all
    else grows with what changed, by some milliseconds a claim and a derived triple.
    """
    if since > until:
        raise UsageError(
            f"{since.isoformat()} is later than {until.isoformat()}", remedy="name a day that has begun"
        )
    since = max(since, _FIRST)
    before, now = (
        Viewpoint(as_of=since - _INSTANT),
        Viewpoint(),
    )  # that of the view, from which what follows is told
    claims = _concerned(store, before)
    stand = [claim for claim in claims if now.on_record(claim) and not before.on_record(claim)]
    ended = [claim for claim in claims if claim.withdrawn and not now.on_record(claim)]
    came, told, withdrawn = (
        tuple(_item(claim, store) for claim in sorted(group, key=_place))
        for group in (
            [claim for claim in stand if claim.speaker == claim.source],
            [claim for claim in stand if claim.speaker != claim.source],
            [claim for claim in ended if _ended(claim, before)],
        )
    )
    follows, fell, follow, fall = _consequences(store, before, rules)
    voices = {term for item in (*came, *told, *withdrawn) for term in (item.claim.source, item.claim.speaker)}
    sources = sorted({item.claim.source for item in (*came, *told, *withdrawn)}, key=str)
    return Briefing(
        since,
        until,
        came,
        told,
        withdrawn,
        follows,
        fell,
        tuple(sources),
        _labels(store, voices, follows),
        follow if follow > len(follows) else 0,
        fall if fall > len(fell) else 0,
        _words(
            {*sources, *(claim.source for one in follows for leaf in one.leaves() for claim in leaf.claims)},
            _LANGUAGE,
            store,
        ),
    )


def _concerned(store: Engine, before: Viewpoint) -> list[Claim]:
    """Return the claims that were recorded or withdrawn later than a viewpoint sees."""
    assert before.as_of is not None  # noqa: S101 - whoever calls has made it so
    names: dict[NamedNode, None] = {}
    for term in (_RECORDED, _WITHDRAWN):
        later = f"FILTER(COALESCE(?time > {stamp(before.as_of)}, true))"
        rows: Any = store.query(f"SELECT ?claim {{ ?claim {term} ?time {later} }}", (CLAIMS,))
        names.update((row["claim"], None) for row in rows)
    if len(names) > _MOST_CLAIMS:
        raise LimitReached(
            f"{len(names):,} claims came or were withdrawn, of which no briefing can tell",
            remedy=f"name a later day; {_MOST_CLAIMS:,} claims are the most",
        )
    return list(read_claims(store, names))


def _ended(claim: Claim, before: Viewpoint) -> bool:
    """Tell whether a claim was withdrawn after the moment of a viewpoint."""
    return before.on_record(claim) or not before.on_record(replace(claim, withdrawn=""))


def _place(claim: Claim) -> tuple[object, ...]:
    return claim.source.value, claim.start, claim.end, natural_key(claim.iri.value)


def _item(claim: Claim, store: Engine) -> Item:
    triples = [quad.triple for quad in store.quads(graph=claim.iri)]
    telling = [triple for triple in triples if triple.predicate != _TYPE] or triples
    labels = _named(telling, store)
    reasons = [
        q.object.value for q in store.quads(claim.iri, _REASON, None, CLAIMS) if isinstance(q.object, Literal)
    ]
    reason = "; ".join(sorted(reasons)) if claim.withdrawn else ""
    return Item(claim, tuple(sorted({sentence(triple, labels) for triple in telling})), reason)


def _consequences(
    store: Engine, before: Viewpoint, rules: Rulebook
) -> tuple[tuple[Proof, ...], tuple[str, ...], int, int]:
    """Return proofs of derived triples that are new, sentences of those that are gone, and how many there are."""
    new, gone = _shift(store, before, rules)
    prover, was = Prover(store, rules), Statements(store, rules, before)
    derived = sorted((triple for triple in new if not prover.statements.stated(triple)), key=_plain)
    fallen = sorted((triple for triple in gone if not was.stated(triple)), key=_plain)
    proofs = [proof for triple in derived[:_TRIED] if (proof := _proved(triple, prover))]
    follows = sorted(proofs, key=_telling)[:_MOST]
    labels = _named(fallen[:_MOST], store)
    fell = tuple(sentence(triple, labels) for triple in fallen[:_MOST])
    return tuple(follows), fell, len(derived), len(fallen)


def _shift(store: Engine, before: Viewpoint, rules: Rulebook) -> tuple[set[Triple], set[Triple]]:
    """Return the triples that hold now and did not hold before, and those that held before and do not now."""
    if moved := move(store, before, rules):
        return set(moved.removed), set(moved.added)
    view, _ = afresh(store, before)
    current, past = Overlay(store), Overlay(view)
    new = {quad.triple for quad in store.quads(graph=VIEW) if not past.contains(quad.triple)}
    return new, {quad.triple for quad in view.quads(graph=VIEW) if not current.contains(quad.triple)}


def _proved(triple: Triple, prover: Prover) -> Proof | None:
    try:
        return prover.cheapest(triple)
    except LimitReached:  # it is counted, and not told
        return None


def _plain(triple: Triple) -> tuple[object, ...]:
    """Order triples: first those that relate things, then values, then what things are and are called."""
    last = (triple.predicate == _TYPE) + 2 * (triple.predicate == _LABEL)
    return last, isinstance(triple.object, Literal), str(triple)


def _telling(proof: Proof) -> tuple[object, ...]:
    """Order proofs: first what sources tell only together, then what takes many claims; what things are, last."""
    joined = len(proof.premises) > 1
    claims = {claim for leaf in proof.leaves() for claim in leaf.claims[:1]}
    sources = {claim.source for claim in claims}
    return _plain(proof.triple)[0], not joined, -len(sources), -len(claims), proof.steps, str(proof.triple)


def _named(triples: Iterable[Triple], store: Engine) -> Labels:
    terms = (term for triple in triples for term in triple)
    return find_labels(dict.fromkeys(term for term in terms if isinstance(term, NamedNode)), store)


def _labels(store: Engine, voices: Iterable[NamedNode], proofs: Sequence[Proof]) -> Labels:
    """Return what speakers and sources are called, a source by its title if it has no name, and all terms of proofs."""
    terms: dict[NamedNode, None] = dict.fromkeys(voices)
    stack = list(proofs)
    for proof in stack:  # which grows
        stack += proof.premises
        rule = proof.rule
        found = [proof.triple, *((rule.head or (), *rule.body, *rule.axiom) if rule else ())]
        terms.update((term, None) for part in found for term in part if isinstance(term, NamedNode))
        terms.update((term, None) for claim in proof.claims for term in (claim.source, claim.speaker))
    return {**_words(terms, _TITLE, store), **find_labels(terms, store)}


def _words(things: Iterable[NamedNode], term: NamedNode, store: Engine) -> dict[NamedNode, str]:
    """Return what is said of sources in words: the least of several."""
    found: dict[NamedNode, str] = {}
    for thing in things:
        said = [quad.object for quad in store.quads(thing, term, None, CLAIMS)]
        values = [one.value for one in said if isinstance(one, Literal)]
        if values:
            found[thing] = min(values)
    return found
