"""The evidence of a proposal: claims whole and new, sources with their text, quotes exactly at their positions.

What :func:`kg.evidence.claims.verify` refuses of a base is found here of a proposal, all of it at once and each with
its place. A quote that stands in its source at one other position than stated is put right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, TypeAlias, cast

from pyoxigraph import BlankNode, DefaultGraph, Literal, NamedNode, Quad, Triple

from kg.evidence.claims import Claim
from kg.evidence.quotes import differences, nearest, place, places, shown
from kg.evidence.sources import CHECKS as _SOURCE_CHECKS
from kg.evidence.sources import read_sources
from kg.evidence.viewpoints import impossible_times
from kg.findings import Check, Finding, Severity
from kg.language.literals import TEXT
from kg.storage.overlay import canonical
from kg.storage.store import Engine
from kg.terms import BASE, CLAIMS, REFERENCE, RESERVED, iri, short, text

if TYPE_CHECKING:
    from kg.outside.proposals import Statement

CHECKS: Final = {
    "reserved-graph": Check(
        "Statements stand in a graph of the base itself, or a claim has its name.",
        "What is derived and what the ontology says is not for proposals to write.",
        "put facts into the graph of a claim",
    ),
    "outside-claims": Check(
        "A statement stands outside any claim in a proposal that has claims.",
        "No fact without its sentence.",
        "put it into the graph of a claim that quotes its sentence, or into graph:reference",
    ),
    "unsourced-reference": Check(
        "Reference data say more of a thing than its names, and not which data set they come from.",
        "No fact without its source: what a data set says names the data set, all else is a claim with its sentence.",
        "name the data set with dcterms:source in graph:reference, or make it a claim with its quote",
    ),
    "withdrawn-claim": Check(
        "A claim of the proposal was withdrawn from the base.",
        "What was withdrawn stays on record as it was; who stands by it after all says so anew.",
        "give the claim another number if it is to count after all",
    ),
    "undescribed-graph": Check(
        "Statements stand in a graph that no claim describes.",
        "No fact without its sentence.",
        "describe it in graph:claims as a parley:Claim with its source, speaker and quote",
    ),
    "empty-claim": Check(
        "A claim says nothing: no statement stands in its graph.",
        "A claim is a named graph; its statements are what it says.",
        "state what it says in the graph of its name",
    ),
    "incomplete-claim": Check(
        "A claim lacks its source, its speaker or its quote.",
        "A reader must see who said it, where, and in which words.",
        "state it in graph:claims",
    ),
    "ambiguous-claim": Check(
        "A claim has two sources, speakers, quotes or positions.",
        "A claim rests on one quote from one source and has one speaker.",
        "make it two claims",
    ),
    "bad-position": Check(
        "The position of a quote is no whole number.",
        "oa:start and oa:end count Unicode code points from the beginning of the text.",
        "write whole numbers, or leave the position out where the quote stands in the text once",
    ),
    "recording-time": Check(
        "A claim was recorded or withdrawn when that cannot have been: too far off, not yet, or in the wrong order.",
        "What was known on a day is told by these times, so they must be those at which it happened.",
        "write the time at which it was, or leave it out: then it is that of adding",
    ),
    "changed-claim": Check(
        "The base has a claim or source of this name already, and says something else about it.",
        "Nothing is overwritten: what was said stays on record as it was.",
        "give the new claim or source an IRI of its own",
    ),
    "quote-not-found": Check(
        "A quote is not in its source.",
        "Every statement about the world rests on a quote that is really there, character for character.",
        "quote the source character for character",
    ),
    "ambiguous-quote": Check(
        "A quote stands in its source several times, and its position is none of these places.",
        "Which sentence is meant decides what the claim means.",
        "state one of the positions, or quote more words",
    ),
    "moved-quote": Check(
        "A quote stands at another position than stated; it is kept with the right one.",
        "Positions count Unicode code points; counts of bytes or of UTF-16 units differ from them.",
        "write the right position",
        Severity.WARNING,
    ),
    **_SOURCE_CHECKS,
}
"""The checks of evidence, by their codes."""

_TYPE, _CLAIM = iri("rdf:type"), iri("parley:Claim")
_SOURCE, _SPEAKER = iri("prov:hadPrimarySource"), iri("prov:wasAttributedTo")
_QUOTE, _START, _END, _INTEGER = map(iri, ("oa:exact", "oa:start", "oa:end", "xsd:integer"))
_CHANGE_NOTE, _DATA_SET = iri("skos:changeNote"), iri("dcterms:source")
_SOURCES: Final = BASE + "source/"
_NAMES: Final = {iri("rdfs:label"), iri("skos:altLabel")}
_RECORDED, _WITHDRAWN = iri("prov:generatedAtTime"), iri("prov:invalidatedAtTime")
_TIMES: Final = {"recorded": _RECORDED, "withdrawn": _WITHDRAWN}
_ONCE: Final = {
    _SOURCE: "source",
    _SPEAKER: "speaker",
    _QUOTE: "quote",
    _START: "start",
    _END: "end",
    _RECORDED: "time of recording",
    _WITHDRAWN: "time of withdrawal",
}
_NEEDED: Final = {_SOURCE: NamedNode, _SPEAKER: NamedNode, _QUOTE: Literal}
_Values: TypeAlias = dict[NamedNode, Literal | NamedNode]
_WHOLE: Final = re.compile(r"\+?[0-9]{1,18}")
_MOST_NEAR: Final = (
    20  # quotes for which the real wording is looked for: that takes up to a second in a long text
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a proposal testifies: its statements as they would enter, its claims that are whole, what is wrong.

    The statements have right positions, and the texts and fingerprints of new sources. The claims come in the
    order of the file.
    """

    statements: tuple[Statement, ...]
    claims: tuple[Claim, ...]
    findings: tuple[Finding, ...]


def examine(
    statements: Sequence[Statement],
    base: Engine,
    texts: Mapping[str, bytes] | None = None,
    moment: datetime | None = None,
) -> Evidence:
    """Examine the evidence of a proposal; ``texts`` are files that may be those of new sources, by their names.

    ``moment`` is now, with its time zone: what is recorded later than a day after it is refused.
    A proposal without any claim has none to examine: only its form is looked at.
    Cost: a few look-ups for each claim; for a quote that is not in its source some searches of the text.
    """
    reading = _Reading(statements, base, moment)
    reading.find_misplaced(statements)
    if not reading.about and not reading.contents:
        return Evidence(tuple(statements), (), tuple(reading.findings))
    sources = read_sources(reading.about, base, texts or {})
    reading.findings += sources.findings
    reading.find_claims(sources.texts)
    entering = [*reading.put_right(statements), *sources.added]
    reading.find_changes(entering)
    return Evidence(tuple(entering), tuple(reading.claims), tuple(reading.findings))


def unsourced(statements: Iterable[Statement], base: Engine) -> Iterator[Finding]:
    """Yield a finding for each thing of which reference data say more than its names, but not where that is from.

    Cost: one look-up for each such thing.
    """
    said: dict[NamedNode, Statement] = {}
    sourced: set[object] = set()
    for statement in statements:
        subject, predicate, _, graph = statement.quad
        if graph == REFERENCE and predicate == _DATA_SET:
            sourced.add(subject)
        elif graph == REFERENCE and predicate not in _NAMES and isinstance(subject, NamedNode):
            said.setdefault(subject, statement)
    for thing, statement in said.items():
        if thing.value.startswith(_SOURCES):  # what describes a data set needs none
            continue
        if thing not in sourced and not any(base.quads(thing, _DATA_SET, None, REFERENCE)):
            check, message = (
                CHECKS["unsourced-reference"],
                f"reference data on {short(thing)} name no data set",
            )
            yield Finding(
                "unsourced-reference", check.severity, message, check.remedy, statement.place, thing
            )


_Said: TypeAlias = "dict[NamedNode, list[Statement]]"


class _Reading:
    """A proposal as it is examined; each ``find`` adds findings."""

    def __init__(self, statements: Sequence[Statement], base: Engine, moment: datetime | None = None) -> None:
        self.base, self.moment = base, moment
        self.findings: list[Finding] = []
        self.claims: list[Claim] = []
        self.about: dict[NamedNode, _Said] = {}
        self.contents: dict[NamedNode, Statement] = {}
        self._right: dict[NamedNode, tuple[Statement, tuple[int, int]]] = {}
        self._sought = 0
        for statement in statements:
            subject, predicate, _, graph = statement.quad
            if graph == CLAIMS and isinstance(subject, NamedNode):
                self.about.setdefault(subject, {}).setdefault(predicate, []).append(statement)
            elif isinstance(graph, NamedNode) and graph != REFERENCE and not graph.value.startswith(RESERVED):
                self.contents.setdefault(graph, statement)

    def _find(
        self, code: str, at: Statement, message: str, remedy: str = "", path: NamedNode | None = None
    ) -> None:
        """Add a finding about the subject of a statement."""
        check, subject = CHECKS[code], at.quad.subject
        focus = subject if isinstance(subject, NamedNode) else None
        remedy, shown_path = remedy or check.remedy, str(path) if path else ""
        self.findings.append(Finding(code, check.severity, message, remedy, at.place, focus, shown_path))

    def find_misplaced(self, statements: Iterable[Statement]) -> None:
        """Find statements that stand where none may."""
        for statement in statements:
            graph = statement.quad.graph_name
            if isinstance(graph, DefaultGraph):
                if self.about or self.contents:
                    message = f"a statement about {_name(statement.quad.subject)} stands outside any claim"
                    self._find("outside-claims", statement, message)
            elif graph not in {CLAIMS, REFERENCE} and graph.value.startswith(RESERVED):
                message = f"a statement stands in {_name(graph)}, a graph of the base"
                self._find("reserved-graph", statement, message)

    def find_claims(self, texts: Mapping[NamedNode, str]) -> None:
        """Find claims that are not whole or whose quote does not stand, and graphs that no claim describes."""
        described = set()
        for claim, said in self.about.items():
            for statement in said.get(_TYPE, ()):
                if statement.quad.object == _CLAIM and claim not in described:
                    described.add(claim)
                    self._find_claim(claim, said, statement, texts)
        for graph, statement in self.contents.items():
            if graph not in described and not self.base.contains(Quad(graph, _TYPE, _CLAIM, CLAIMS)):
                message = f"statements stand in {short(graph)}, which no claim describes"
                self._find("undescribed-graph", statement, message)

    def _find_claim(
        self, claim: NamedNode, said: _Said, first: Statement, texts: Mapping[NamedNode, str]
    ) -> None:
        before = len(self.findings)
        if claim.value.startswith(RESERVED):
            message = f"the claim {short(claim)} has the name of a graph of the base"
            self._find("reserved-graph", first, message)
        elif claim not in self.contents and not any(self.base.quads(graph=claim)):
            self._find("empty-claim", first, f"{short(claim)} says nothing: no statement stands in its graph")
        values = self._values(claim, said)
        if values is None:
            return
        for predicate, kind in _NEEDED.items():
            value = values.get(predicate)
            if value is None or not isinstance(value, kind) or not any(map(str.isalnum, value.value)):
                message = f"{short(claim)} has no {_ONCE[predicate]}"
                self._find("incomplete-claim", first, message, f"state it with {short(predicate)}", predicate)
        self._find_times(claim, said)
        right = self._position(claim, said, values, texts)
        violations = any(found.severity is Severity.VIOLATION for found in self.findings[before:])
        if right and not violations:
            self._find_withdrawal(claim, first)
            times = (values[p].value if p in values else "" for p in _TIMES.values())
            source, speaker = cast("tuple[NamedNode, NamedNode]", (values[_SOURCE], values[_SPEAKER]))
            self.claims.append(Claim(claim, source, speaker, values[_QUOTE].value, *right, *times))

    def _find_times(self, claim: NamedNode, said: _Said) -> None:
        stated = {name: said[term][0] for name, term in _TIMES.items() if term in said}
        times = {name: text(_kept(one.quad)) for name, one in stated.items()}
        for name, why in impossible_times(times.get("recorded", ""), times.get("withdrawn", ""), self.moment):
            what = f"{times[name]}, when {short(claim)} was {name}, {why}"
            self._find("recording-time", stated[name], what, "", _TIMES[name])

    def _find_withdrawal(self, claim: NamedNode, first: Statement) -> None:
        for end in self.base.quads(claim, _WITHDRAWN, None, CLAIMS):
            reasons = [text(quad.object) for quad in self.base.quads(claim, _CHANGE_NOTE, None, CLAIMS)]
            why = f", because {shown(reasons[0])}" if reasons else ""
            self._find("withdrawn-claim", first, f"{short(claim)} was withdrawn at {text(end.object)}{why}")

    def _values(self, claim: NamedNode, said: _Said) -> _Values | None:
        """Return what the proposal, or else the base, says of a claim, ``None`` where it says something twice."""
        values: _Values = {}
        twice = False
        for predicate, name in _ONCE.items():
            own = said.get(predicate, [])
            quads = [one.quad for one in own] or list(self.base.quads(claim, predicate, None, CLAIMS))
            stated = list(dict.fromkeys(map(_kept, quads)))
            if len(stated) > 1 and own:
                message = f"{short(claim)} has two values of {short(predicate)}, its {name}"
                self._find("ambiguous-claim", own[-1], message, "", predicate)
                twice = True
            elif stated and isinstance(stated[0], Literal | NamedNode):
                values[predicate] = stated[0]
        return None if twice else values

    def _position(
        self, claim: NamedNode, said: _Said, values: _Values, texts: Mapping[NamedNode, str]
    ) -> tuple[int, int] | None:
        """Return where a claim's quote stands; find what is wrong with it."""
        numbers: list[int | None] = []
        for predicate in (_START, _END):
            value = values.get(predicate)
            whole = (
                isinstance(value, Literal) and value.datatype == _INTEGER and _WHOLE.fullmatch(value.value)
            )
            numbers.append(int(value.value) if value is not None and whole else None)
            if value is not None and not whole:
                what = f"{short(predicate)} of {short(claim)} is {shown(value.value)}, no whole number"
                self._find("bad-position", said[predicate][0], what, "", predicate)
                return None
        source, quote = values.get(_SOURCE), values.get(_QUOTE)
        words = texts.get(source) if isinstance(source, NamedNode) else None
        if words is None or not isinstance(quote, Literal) or not quote.value:
            return None
        right = place(words, quote.value, *numbers)
        at = [*said.get(_START, ()), *said.get(_END, ()), *said.get(_QUOTE, ()), *said[_TYPE]][0]
        if right is None:
            self._find_wording(claim, [*said.get(_QUOTE, ()), at][0], words, quote.value)
        elif (*numbers,) != right:
            stated = (
                "and no position is stated" if None in numbers else f"not at {numbers[0]} to {numbers[1]}"
            )
            what = f"the quote of {short(claim)} stands at {right[0]} to {right[1]}, {stated}"
            self._find("moved-quote", at, what, f"write oa:start {right[0]} ; oa:end {right[1]}", _START)
            self._right[claim] = (at, right)
        return right

    def _find_wording(self, claim: NamedNode, at: Statement, words: str, quote: str) -> None:
        """Say why a quote has no one place: it stands nowhere, or several times."""
        if several := places(words, quote):
            listed = ", ".join(f"{one} to {one + len(quote)}" for one in several[:5])
            what = f"the quote of {short(claim)} stands in its source at {listed}, and its position is none of them"
            self._find("ambiguous-quote", at, what, "", _QUOTE)
            return
        self._sought += 1
        near = nearest(words, quote) if self._sought <= _MOST_NEAR else None
        what, remedy = f"the quote of {short(claim)}, {shown(quote)}, is not in its source", ""
        if near:
            real = words[slice(*near)]
            kinds = differences(quote, real)
            what += f", which reads {shown(real)} at {near[0]}" + (
                f": it differs in {kinds}" if kinds else ""
            )
            remedy = f"write oa:exact {shown(real)} if that is meant"
        self._find("quote-not-found", at, what, remedy, _QUOTE)

    def put_right(self, statements: Iterable[Statement]) -> Iterator[Statement]:
        """Yield the statements of the proposal, with the right positions for those that were wrong."""
        for one in statements:
            subject, predicate, _, graph = one.quad
            moved = subject in self._right and graph == CLAIMS and predicate in {_START, _END}
            if not moved:
                yield one
        for claim, (at, right) in self._right.items():
            for predicate, number in zip((_START, _END), right, strict=True):
                yield at._replace(quad=Quad(claim, predicate, Literal(number), CLAIMS))

    def find_changes(self, statements: Iterable[Statement]) -> None:
        """Find statements that say something else of a claim or source than the base does."""
        old: dict[NamedNode, bool] = {}
        for statement in statements:
            subject, predicate, _, graph = statement.quad
            about = subject if graph == CLAIMS else graph
            if not isinstance(about, NamedNode) or about == REFERENCE:
                continue
            if about not in old:
                old[about] = any(self.base.quads(about, None, None, CLAIMS))
            if old[about] and not self.base.contains(Quad(subject, predicate, _kept(statement.quad), graph)):
                what = f"the base has {short(about)} already, and says something else with {short(predicate)}"
                self._find("changed-claim", statement, what, "", predicate)


def _kept(quad: Quad) -> NamedNode | BlankNode | Literal | Triple:
    """Return the value of a statement as the store keeps it, which changes no text."""
    text = isinstance(quad.object, Literal) and quad.object.datatype in TEXT
    return quad.object if text or not isinstance(quad.object, Literal) else canonical(quad.triple).object


def _name(node: NamedNode | BlankNode | Triple) -> str:
    return short(node) if isinstance(node, NamedNode) else str(node)
