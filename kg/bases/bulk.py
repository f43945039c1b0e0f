"""Bulk loading: what may enter a base in whole files, and how it enters whole or not at all.

It goes in four steps, each of which can refuse: read (only claim graphs, their descriptions
and reference data), evidence (every quote is in its source), rules (what follows is free of clashes), commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, cast

from pyoxigraph import Literal, NamedNode, Quad

from kg.evidence.claims import Claim, text_quads, verify
from kg.evidence.viewpoints import impossible_times
from kg.findings import Term
from kg.loading.faults import clashing, fault, ill_formed
from kg.loading.parts import Entering, Part, file_part
from kg.logic import reason
from kg.logic.rules import Rule
from kg.storage.store import Embedded, Engine
from kg.terms import CLAIMS, REFERENCE, RESERVED, VIEW, Progress, iri

__all__ = ["Batch", "Entering", "Grown", "Part", "examine", "file_part", "grow"]

_CLAIM: Final = iri("parley:Claim")
_TYPE: Final = iri("rdf:type")
_RECORDED: Final = iri("prov:generatedAtTime")
_UNCLASSED: Final = f"SELECT DISTINCT ?thing {{ ?thing ?p ?o FILTER NOT EXISTS {{ ?thing {_TYPE} ?class }} }}"
_TEXT_PROPERTIES: Final = (iri("schema:text"), iri("schema:sha256"))


@dataclass(frozen=True, slots=True)
class Batch:
    """Parts that may enter: which of their claims are accepted, and what reading adds to them.

    ``texts`` give new sources their text; ``times`` say when claims were recorded that do not say so themselves.
    ``quads`` were read, ``claims`` are new.
    """

    parts: tuple[Part, ...]
    accepted: frozenset[NamedNode]
    texts: tuple[Quad, ...]
    times: tuple[Quad, ...]
    quads: int = 0
    claims: int = 0

    def facts(self) -> Iterator[Quad]:
        """Yield all quads, as the store keeps them; some may come twice."""
        yield from self.texts
        yield from self.times
        for part in self.parts:
            yield from part.quads()

    def held(self) -> Iterator[Quad]:
        """Yield what is to be held true, as quads of the view: reference data and accepted claims."""
        held = {*self.accepted, REFERENCE}
        for part in self.parts:
            for quad in part.quads():
                if quad.graph_name in held:
                    yield Quad(quad.subject, quad.predicate, quad.object, VIEW)


@dataclass(frozen=True, slots=True)
class Grown:
    """A batch, and a store in memory that has the view with it: what may enter, of a size for memory."""

    batch: Batch
    store: Embedded
    view_file: Path | None = None

    def examples(self) -> Iterator[Quad]:
        """Yield all quads."""
        return self.batch.facts()

    def unclassed(self) -> Iterator[Term]:
        """Yield the things of which accepted claims tell, but not of what class they are."""
        solutions: Any = self.store.query(_UNCLASSED)
        without, accepted = {row["thing"] for row in solutions}, self.batch.accepted
        facts = self.batch.facts() if without else ()
        yield from {quad.subject for quad in facts if quad.subject in without and quad.graph_name in accepted}

    def settle(self) -> None:
        """Keep all: it is little."""

    def view(self) -> Embedded:
        """Return the store."""
        return self.store


@dataclass(slots=True)
class _Seen:
    """What is noted while parts are read: graphs, each with its part; claims, new ones, those with a time; sources."""

    graphs: dict[NamedNode, str] = field(default_factory=dict)
    claims: set[NamedNode] = field(default_factory=set)
    fresh: list[NamedNode] = field(default_factory=list)
    timed: set[NamedNode] = field(default_factory=set)
    subjects: set[NamedNode] = field(default_factory=set)
    sources: list[Quad] = field(default_factory=list)
    read: int = 0


def examine(parts: Sequence[Part], known: Engine | None = None) -> Batch:
    """Read parts and check their form and their evidence; ``known`` is the base that they would enter.

    Raises ``UnreadableInput`` for bad syntax and ``Refused`` for triples outside claims and reference data,
    for blank nodes, for a graph that no claim describes, for a claim that the base has with other words, for
    evidence that does not hold, and for times of files that cannot be. Cost: one pass over the quads; memory grows
    with the claims, not the facts.
    """
    described, seen = Embedded(), _Seen()
    texts: list[Quad] = []
    times: list[Quad] = []
    for part in parts:
        start = len(seen.sources)
        described.fill(_read_part(part, seen))
        if part.folder is not None:
            texts += text_quads(seen.sources[start:], part.folder, part.name)
        if part.time:
            stamp = Literal(part.time, datatype=iri("xsd:dateTime"))
            new = (c for c in seen.fresh if c not in seen.timed and not (known and _has_claim(known, c)))
            times += [Quad(claim, _RECORDED, stamp, CLAIMS) for claim in new]
            seen.fresh.clear()
    described.fill([*texts, *times])
    for graph, name in seen.graphs.items():
        if graph not in seen.claims:
            raise fault("undescribed-graph", name, graph=graph)
    if known is not None:
        _refuse_changes(parts, seen.subjects, known)
        described.fill(q for term in _TEXT_PROPERTIES for q in known.quads(None, term, None, CLAIMS))
    claims = list(verify(described))
    loaded = [
        part for part in parts if part.folder is not None
    ]  # what a journal holds came in, whatever it is
    if loaded and known is not None:  # a new base takes the project's own files, however slow its clock is
        _refuse_times((claim for claim in claims if not _has_claim(known, claim.iri)), seen, loaded[0])
    accepted = frozenset(claim.iri for claim in claims if claim.accepted)
    fresh = sum(not (known and _has_claim(known, claim)) for claim in seen.claims)
    return Batch(tuple(parts), accepted, tuple(texts), tuple(times), seen.read, fresh)


def _refuse_times(claims: Iterable[Claim], seen: _Seen, part: Part) -> None:
    """Refuse claims of files that state when they were recorded or withdrawn, and cannot have been then."""
    now = datetime.fromisoformat(part.time) if part.time else None
    for claim in claims:
        recorded = claim.recorded if claim.iri in seen.timed else ""
        for name, why in impossible_times(recorded, claim.withdrawn, now):
            written = recorded if name == "recorded" else claim.withdrawn
            raise fault("recording-time", claim.iri.value, name=name, written=written, why=why)


def _has_claim(known: Engine, claim: NamedNode) -> bool:
    return known.contains(Quad(claim, _TYPE, _CLAIM, CLAIMS))


def _read_part(part: Part, seen: _Seen) -> Iterator[Quad]:
    """Yield what a part says about claims and sources; note the rest, and refuse what is neither that nor a fact."""
    for quad in part.quads():
        seen.read += 1
        subject, predicate, value, graph = quad
        if (not isinstance(subject, NamedNode) or not isinstance(value, NamedNode)) and (
            wrong := ill_formed(quad, part.name)
        ):
            raise wrong
        if graph == CLAIMS:
            named = cast("NamedNode", subject)
            seen.subjects.add(named)
            if predicate == _TYPE and value == _CLAIM:
                if named.value.startswith(RESERVED):
                    raise fault("reserved-graph", named.value)
                if named not in seen.claims:
                    seen.fresh.append(named)
                seen.claims.add(named)
            elif predicate == _RECORDED:
                seen.timed.add(named)
            elif predicate in _TEXT_PROPERTIES:
                seen.sources.append(quad)
            yield quad
        elif graph not in seen.graphs and graph != REFERENCE:
            if not isinstance(graph, NamedNode) or graph.value.startswith(RESERVED):
                raise fault("outside-claims", part.name, subject=subject)
            seen.graphs[graph] = part.name


def _refuse_changes(parts: Sequence[Part], subjects: Iterable[NamedNode], known: Engine) -> None:
    """Refuse to say something else about a claim or source that the base already has, or in such a claim."""
    old = {node for node in subjects if any(True for _ in known.quads(node, None, None, CLAIMS))}
    for part in parts if old else ():
        for quad in part.quads():
            about = quad.subject if quad.graph_name == CLAIMS else quad.graph_name
            if about in old and not known.contains(quad):
                raise fault("changed-claim", cast("NamedNode", about).value)


def grow(view: Engine, batch: Batch, rules: Sequence[Rule], progress: Progress = None) -> None:
    """Add to the view what a batch holds true and all that follows.

    ``view`` is the view as it was, empty or closed, in a store in memory. Raises ``Refused`` for a clash,
    naming its sides; the view must then be thrown away. Cost: one pass over the batch, then the rules.
    """
    tell = progress or (lambda _: None)
    tell("reading facts")
    view.fill(batch.held())
    reason.close(view, rules, progress=lambda done, of: tell(f"applying rules: {done} of {of} groups"))
    tell("looking for contradictions")
    for rule, sides in reason.clashes(view, rules):
        raise clashing(rule, sides)
