"""The gate: what may enter a base, and how it enters whole or not at all.

Bulk loading goes through it in four steps, each of which can refuse: read (only claim graphs, their descriptions
and reference data), evidence (every quote is in its source), rules (what follows is free of clashes), commit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Triple

from kg import reason
from kg.errors import Refused
from kg.evidence import text_quads, verify
from kg.rules import Rule
from kg.store import Embedded, Engine
from kg.terms import BASE, CLAIMS, REFERENCE, VIEW, Progress, iri, text
from kg.turtle import read

_CLAIM: Final = iri("parley:Claim")
_TYPE: Final = iri("rdf:type")
_RECORDED: Final = iri("prov:generatedAtTime")
_TEXT_PROPERTIES: Final = (iri("schema:text"), iri("schema:sha256"))


@dataclass(frozen=True, slots=True)
class Part:
    """Quads that enter together: how to read them (again and again), what errors call them, when they came.

    ``folder`` is where the texts of new sources lie; ``time`` is the ``xsd:dateTime`` at which claims that do
    not say when they were recorded are taken to have been.
    """

    quads: Callable[[], Iterator[Quad]]
    name: str
    folder: Path | None = None
    time: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Parts that may enter: what they say about claims and sources, and which claims are accepted."""

    parts: tuple[Part, ...]
    about: tuple[Quad, ...]
    accepted: frozenset[NamedNode]

    def facts(self) -> Iterator[Quad]:
        """Yield all quads, as the store keeps them."""
        yield from self.about
        for part in self.parts:
            yield from (quad for quad in part.quads() if quad.graph_name != CLAIMS)

    def held(self) -> Iterator[Quad]:
        """Yield what is to be held true, as quads of the view: reference data and accepted claims."""
        held = {*self.accepted, REFERENCE}
        for part in self.parts:
            for quad in part.quads():
                if quad.graph_name in held:
                    yield Quad(quad.subject, quad.predicate, quad.object, VIEW)

    def texts(self) -> tuple[Quad, ...]:
        """Return the statements that give sources their texts."""
        return tuple(quad for quad in self.about if quad.predicate == _TEXT_PROPERTIES[0])


def file_part(path: Path, time: str = "") -> Part:
    """Return the part that a file is; it is read when the part is, and texts are looked for beside it."""
    return Part(lambda: read(path), str(path), path.parent, time)


def examine(parts: Sequence[Part], known: Engine | None = None) -> Batch:
    """Read parts and check their form and their evidence; ``known`` is the base that they would enter.

    Raises ``UnreadableInput`` for bad syntax and ``Refused`` for triples outside claims and reference data,
    for blank nodes, for a graph that no claim describes, for a claim that the base has with other words, and
    for evidence that does not hold. Cost: one pass over the quads; memory grows with the claims, not the facts.
    """
    about: dict[Quad, None] = {}
    graphs: dict[NamedNode, str] = {}
    for part in parts:
        said = _read_part(part, graphs)
        if part.folder is not None:
            said += text_quads(said, part.folder, part.name)
        times = _times([*about, *said], part.time, known)
        about.update(dict.fromkeys([*said, *times]))
    described = Embedded()
    described.fill(about)
    _refuse_reserved(about)
    for graph, name in graphs.items():
        if not described.contains(Quad(graph, _TYPE, _CLAIM, CLAIMS)):
            raise Refused(
                f"statements in <{graph.value}>, which no claim describes",
                where=name,
                remedy="describe it in graph:claims with its source, speaker and quote",
            )
    if known is not None:
        _refuse_changes(about, parts, graphs, known)
        described.fill(q for term in _TEXT_PROPERTIES for q in known.quads(None, term, None, CLAIMS))
    accepted = frozenset(claim.iri for claim in verify(described) if claim.accepted)
    return Batch(tuple(parts), tuple(about), accepted)


def _read_part(part: Part, graphs: dict[NamedNode, str]) -> list[Quad]:
    """Return what a part says about claims and note the graphs of its claims; refuse what is neither."""
    said = []
    for quad in part.quads():
        graph = quad.graph_name
        _refuse_form(quad, part.name)
        if graph == CLAIMS:
            said.append(quad)
        elif graph != REFERENCE and graph not in graphs:
            if not isinstance(graph, NamedNode) or graph.value.startswith(BASE + "graph/"):
                raise Refused(
                    f"a statement about {quad.subject} stands outside any claim",
                    where=part.name,
                    remedy="put it into the graph of a claim that quotes its sentence, or into graph:reference",
                )
            graphs[graph] = part.name
    return said


def _refuse_form(quad: Quad, name: str) -> None:
    """Refuse what no fact is made of: blank nodes, and what only RDF 1.2 knows, which few other tools read."""
    value = quad.object
    if isinstance(quad.subject, BlankNode) or isinstance(value, BlankNode):
        what, remedy = "a blank node", "give it an IRI: facts have no blank nodes"
    elif isinstance(value, Triple) or (isinstance(value, Literal) and value.direction):
        what, remedy = "a value that only RDF 1.2 knows", "leave out triples as values and text directions"
    else:
        return
    raise Refused(f"{what} in the statement with {quad.predicate}", where=name, remedy=remedy)


def _refuse_reserved(about: Iterable[Quad]) -> None:
    for quad in about:
        if quad.object == _CLAIM and text(quad.subject).startswith(BASE + "graph/"):
            raise Refused(
                "a claim has the name of one of the base's own graphs",
                where=text(quad.subject),
                remedy="give it an IRI of its own",
            )


def _times(said: Iterable[Quad], time: str, known: Engine | None) -> list[Quad]:
    """Return when each claim was recorded, for those that neither say so nor were there before."""
    claims = {quad.subject for quad in said if quad.predicate == _TYPE and quad.object == _CLAIM}
    new = claims - {quad.subject for quad in said if quad.predicate == _RECORDED}
    stamp = Literal(time, datatype=iri("xsd:dateTime"))
    return [
        Quad(claim, _RECORDED, stamp, CLAIMS)
        for claim in new
        if time and not (known and known.contains(Quad(claim, _TYPE, _CLAIM, CLAIMS)))
    ]


def _refuse_changes(
    batch: Iterable[Quad], parts: Sequence[Part], graphs: Iterable[NamedNode], known: Engine
) -> None:
    """Refuse to say something else about a claim or source that the base already has, or in such a claim."""
    for quad in batch:
        subject = cast("NamedNode", quad.subject)
        if not known.contains(quad) and any(True for _ in known.quads(subject, None, None, CLAIMS)):
            raise _changed(subject)
    old = {graph for graph in graphs if known.contains(Quad(graph, _TYPE, _CLAIM, CLAIMS))}
    for part in parts if old else ():
        for quad in part.quads():
            if quad.graph_name in old and not known.contains(quad):
                raise _changed(cast("NamedNode", quad.graph_name))


def _changed(subject: NamedNode) -> Refused:
    return Refused(
        "the base has this already, and says something else about it",
        where=subject.value,
        remedy="give the new claim or source an IRI of its own",
    )


def grow(view: Engine, batch: Batch, rules: Sequence[Rule], progress: Progress = None) -> None:
    """Add to the view what a batch holds true and all that follows.

    ``view`` is the view as it was, empty or closed, in a store in memory. Raises ``Refused`` for a clash,
    naming its sides; the view must then be thrown away. Cost: one pass over the batch, then the rules.
    """
    if progress:
        progress("reading facts")
    view.fill(batch.held())
    if progress:
        progress("applying rules")
    reason.close(view, rules)
    for clash in reason.clashes(view, rules):
        raise Refused(f"the facts contradict each other: {clash}", remedy="withdraw or correct one side")
