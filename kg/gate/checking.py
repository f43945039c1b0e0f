"""The gate: a proposal is checked step by step, as far as each step can go, and may enter whole or not at all.

Vocabulary, evidence, rules, shapes: DESIGN's steps 2 to 5. What is found is told all at once. The change that the
proposal would make is the one that committing makes, and that replaying the journal makes again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, cached_property
from typing import Any, Final, cast

from pyoxigraph import DefaultGraph, NamedNode, Quad, Triple, Variable

from kg.bases.bulk import Entering
from kg.bases.changes import Change, addition, is_withdrawn, rulebook, withdrawal
from kg.bases.ontology import ontology_shapes, ontology_triples
from kg.disputes.counts import contested
from kg.errors import LimitReached, Refused, UnsupportedConstruct
from kg.evidence.claims import verify
from kg.evidence.scrutiny import second_looks
from kg.evidence.testimony import Evidence, examine, unsourced
from kg.findings import Check, Finding, Place, Severity, Term, Verdict
from kg.gate.grounds import Grounds
from kg.language.lookalikes import look_alikes
from kg.language.vocabulary import Vocabulary, unmentioned
from kg.logic.maintain import Rulebook, clashes_of
from kg.logic.reason import Bindings
from kg.logic.rules import SUPPORTED, Pattern, Rule
from kg.outside.proposals import Proposal, Statement
from kg.storage.overlay import Overlay
from kg.storage.store import Engine, Solutions
from kg.terms import BASE, CLAIMS, PREFIXES, REFERENCE, Progress, iri, short
from kg.validation.validate import Validator

_SOURCE, _SPEAKER = iri("prov:hadPrimarySource"), iri("prov:wasAttributedTo")
_TYPE, _CLAIM = iri("rdf:type"), iri("parley:Claim")
_PROVISIONAL: Final = NamedNode(BASE + "claim/proposal/0")
"""The claim that plain triples are checked as before they have a quote."""
_BAD_VALUES: Final = {"impossible-value", "unknown-datatype", "wrong-kind-of-value"}
_FOREIGN: Final = {"no-class", "unknown-class", "unknown-property", "unknown-term"}
_UNKNOWN_CLASS: Final = {"homoglyph", "misused-term", "unknown-class"}
_THINGS: Final = PREFIXES["id"]
_OURS: Final = PREFIXES["parley"]


CHECKS: Final = {
    "endless-rules": Check(
        "From the proposal more follows than the rules can draw.",
        "The view is all that follows; of long chains of parts, or a value computed from itself, too much does.",
        "leave out long chains of parts, and what is made the same as a thing that rules compute",
    ),
}
"""The check of the gate itself, by its code."""


@dataclass(frozen=True, slots=True)
class Examination:
    """What came of checking: the verdict, what would be recorded, and what that would change.

    ``change`` is ``None`` where nothing may enter: for a refusal, and for ``plain`` triples, which have no quote.
    """

    verdict: Verdict
    quads: tuple[Quad, ...] = ()
    change: Change | None = None
    plain: bool = False


@dataclass(frozen=True)
class _Case:
    """A proposal as far as it was examined, the base that it would enter, and when."""

    quads: tuple[Quad, ...]
    testimony: Evidence
    base: Engine
    moment: datetime

    @cached_property
    def attributed(self) -> dict[object, NamedNode]:
        """The claims of others than the source, each with its source."""
        return {one.iri: one.source for one in self.testimony.claims if one.speaker != one.source}


class Gate:
    """The checks of our ontology and shapes, made ready once and used for every proposal.

    Making it ready takes half a second, most of it to import pyshacl. A check costs some milliseconds and grows with
    the proposal, not with the base.
    """

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The terms of which facts are made."""
        return Vocabulary.of(ontology_triples())

    @cached_property
    def rules(self) -> Rulebook:
        """The rules, ready to be matched with a change."""
        return rulebook()

    @cached_property
    def validator(self) -> Validator:
        """The shapes, ready for pyshacl."""
        return Validator(ontology_shapes())

    def make_ready(self) -> None:
        """Do now what the first check would have to wait for."""
        _ = self.vocabulary, self.rules, self.validator

    def check(
        self,
        proposal: Proposal,
        base: Engine,
        moment: datetime,
        *,
        texts: Mapping[str, bytes] | None = None,
        strict: bool = False,
    ) -> Examination:
        """Check a proposal against a base as of ``moment``; ``texts`` may be those of new sources, by their names.

        With ``strict`` a warning refuses too. Nothing is changed.
        """
        _foresee(proposal, base)
        testimony = examine(proposal.statements, base, texts, moment)
        found = [*proposal.findings, *self._own_findings(proposal, testimony, base)]
        quads = tuple(statement.quad for statement in testimony.statements)
        plain = not testimony.claims and any(quad.graph_name == DefaultGraph() for quad in quads)
        case = _Case(tuple(_provisional(quads)) if plain else quads, testimony, base, moment)
        try:
            change, view = addition(case.quads, moment, base, self.rules)
        except (LimitReached, UnsupportedConstruct) as error:
            finding = Finding("endless-rules", Severity.VIOLATION, error.what, error.remedy)
            return Examination(Verdict((*found, finding), checked=1, strict=strict), quads)
        grounds = self._grounds(case, view)
        if not _violations(proposal.findings):  # what could not be read would be missed
            found += self.vocabulary.unclassed(testimony.statements, view)
            found += _untyped(case, view)
            found += unmentioned(testimony.statements, view)
            found += self._consequences(view, grounds)
            if case.attributed:
                found += self._as_told(case, found)
        checked = self._checked(proposal, testimony)
        if not checked and all(map(_is_foreign, found)):
            return Examination(Verdict(strict=strict))
        found = list(_causes(found))
        stated = {quad.triple for quad in change.facts}
        verdict = Verdict(
            tuple(dict.fromkeys(found)),
            tuple(claim.iri for claim in testimony.claims if not base.contains(_claimed(claim.iri))),
            added=len(change.added),
            removed=len(change.removed),
            derived=len(change.added - stated),
            checked=checked,
            strict=strict,
            labels=grounds.labels(found),
        )
        verdict = replace(verdict, findings=tuple(verdict.ordered))
        return Examination(verdict, quads, None if verdict.refused or plain else change, plain)

    def _own_findings(self, proposal: Proposal, testimony: Evidence, base: Engine) -> Iterator[Finding]:
        """Yield what is wrong with a proposal by itself: terms, values, evidence, names."""
        yield from self.vocabulary.check(proposal.statements)
        yield from testimony.findings
        yield from second_looks(testimony.claims, testimony.statements, base)
        yield from contested(testimony.statements, testimony.claims, base)
        yield from look_alikes(testimony.statements, base)
        yield from unsourced(testimony.statements, base)

    def withdraw(
        self,
        claims: Sequence[NamedNode],
        reason: str,
        base: Engine,
        moment: datetime,
        *,
        strict: bool = False,
    ) -> Examination:
        """Check what withdrawing claims would leave behind.

        It brings no fact in, so what it leaves incomplete is a warning; with ``strict`` that refuses.
        """
        change, view = withdrawal(claims, moment, reason, base, self.rules)
        grounds = Grounds(view, (), (), self.rules)
        found = [replace(one, severity=Severity.WARNING) for one in self._shape_findings(view, grounds)]
        going = {quad.subject for quad in change.facts}
        verdict = Verdict(
            tuple(found),
            withdrawn=tuple(claim for claim in dict.fromkeys(claims) if claim in going),
            added=len(change.added),
            removed=len(change.removed),
            checked=len(claims),
            strict=strict,
            labels=grounds.labels(found),
        )
        return Examination(verdict, (), None if verdict.refused else change)

    def admit(self, entering: Entering, progress: Progress = None) -> None:
        """Refuse what is to be loaded in bulk for its terms, its values or its shapes.

        Raises ``Refused`` with all that was found; its message has the first violation and the number of others.
        Cost: that of validating the whole view.
        """
        tell = progress or (lambda _: None)
        tell("checking terms and values")
        statements = (Statement(quad, Place("")) for quad in self.vocabulary.unlike(entering.examples()))
        found = [*self.vocabulary.check(statements), *_unclassed(entering.unclassed())]
        entering.settle()
        if not _violations(found):
            found = self.validator.validate_all(entering.view, progress, entering.view_file)
        if violations := _violations(found):
            first, more = violations[0], f" (and {len(violations) - 1} more)" if violations[1:] else ""
            where = short(first.focus) if isinstance(first.focus, NamedNode) else ""
            refused = Refused(
                f"{first.message.rstrip('.')} [{first.code}]{more}", where=where, remedy=first.remedy
            )
            refused.findings = tuple(violations)
            raise refused

    def validate(self, base: Engine, progress: Progress = None) -> Verdict:
        """Check a whole base: the evidence of every claim, and every shape; clashes cannot have come in.

        Cost: some seconds for a million triples, and memory for the claims and for what ``shacl`` reads.
        """
        found: list[Finding] = []
        if progress:
            progress("checking evidence")
        claims = 0
        try:
            claims = sum(1 for _ in verify(base))
        except Refused as error:
            found.append(Finding("quote-not-found", Severity.VIOLATION, error.what, error.remedy))
        view = Overlay(base)
        grounds = Grounds(view, (), (), self.rules)
        found += map(grounds.grounded, self.validator.validate_all(lambda: base, progress))
        (row,) = cast("Solutions", base.query("SELECT (COUNT(*) AS ?n) { ?s ?p ?o }"))
        checked = claims + int(row["n"].value)
        return Verdict(tuple(found), checked=checked, whole=True, labels=grounds.labels(found))

    def _grounds(self, case: _Case, view: Overlay) -> Grounds:
        return Grounds(view, case.testimony.statements, case.testimony.claims, self.rules)

    def _consequences(self, view: Overlay, grounds: Grounds) -> Iterator[Finding]:
        """Yield what is wrong with a view: clashes, and what the shapes find."""
        yield from _clash_findings(view, self.rules, grounds)
        yield from self._shape_findings(view, grounds)

    def _shape_findings(self, view: Overlay, grounds: Grounds) -> list[Finding]:
        """Return what the shapes find, less the warnings that the base gave rise to already."""
        affected = self.validator.shapes.affected(view)
        found = self.validator.validate(view, affected)
        mild = {one.focus for one in found if one.severity is Severity.WARNING}
        if mild:
            warned = {root: {node for node in nodes if node in mild} for root, nodes in affected.items()}
            base = Overlay(view.base)
            before = set(self.validator.validate(base, self.validator.shapes.targets_among(warned, base)))
            found = [one for one in found if one.severity is Severity.VIOLATION or one not in before]
        return [grounds.grounded(finding) for finding in found]

    def _as_told(self, case: _Case, known: Iterable[Finding]) -> Iterator[Finding]:
        """Yield, as warnings, what would be wrong if what the quoted speakers say were held true as well."""
        sources = case.attributed
        believed = [
            Quad(quad.subject, _SPEAKER, sources[quad.subject], CLAIMS)
            if (quad.graph_name, quad.predicate) == (CLAIMS, _SPEAKER) and quad.subject in sources
            else quad
            for quad in case.quads
        ]
        _, view = addition(believed, case.moment, case.base, self.rules)
        seen = {(one.code, one.focus, one.path, one.value) for one in known}
        for finding in self._consequences(view, self._grounds(case, view)):
            if (finding.code, finding.focus, finding.path, finding.value) not in seen:
                message = (
                    f"{finding.message.rstrip('.')}, if what the quoted speaker says is held true as well"
                )
                yield replace(finding, severity=Severity.WARNING, message=message)

    @staticmethod
    def _checked(proposal: Proposal, testimony: Evidence) -> int:
        """Count the claims, and the uses of terms of ours."""
        ours = (
            isinstance(term, NamedNode) and term.value.startswith(_OURS)
            for one in proposal.statements
            for term in (one.quad.predicate, one.quad.object)
        )
        return len(testimony.claims) + sum(ours)


def _untyped(case: _Case, view: Overlay) -> Iterator[Finding]:
    """Yield a finding for each thing of which an accepted claim tells, and which has no class in the view.

    That somebody else says what it is does not count there: no shape would look at it.
    """
    spoken = {CLAIMS, REFERENCE, *case.attributed}
    held = (one for one in case.testimony.statements if one.quad.graph_name not in spoken)
    for node, one in {one.quad.subject: one for one in held}.items():
        if not isinstance(node, NamedNode) or not node.value.startswith(_THINGS):
            continue
        if not any(view.triples(node, _TYPE)) and not is_withdrawn(one.quad.graph_name, case.base):
            message = f"{short(node)} has no class, neither stated nor inferred from what is held true"
            yield Finding("no-class", Severity.VIOLATION, message, "state its class with a", one.place, node)


def _is_foreign(finding: Finding) -> bool:
    """Tell whether a finding only says that a thing or a term is none of ours, nor nearly one."""
    ours = isinstance(finding.focus, NamedNode) and finding.focus.value.startswith(BASE)
    return finding.code in _FOREIGN and not ours and "parley:" not in finding.remedy


def _violations(findings: Iterable[Finding]) -> list[Finding]:
    return [one for one in findings if one.severity is Severity.VIOLATION]


def _unclassed(nodes: Iterable[Term]) -> Iterator[Finding]:
    """Yield a finding for each thing of which it is not known of what class it is."""
    for node in nodes:
        message = "it has no class, neither stated nor inferred"
        yield Finding("no-class", Severity.VIOLATION, message, "state its class", focus=node)


@cache
def gate() -> Gate:
    """Return the gate of this process."""
    return Gate()


def _claimed(claim: NamedNode) -> Quad:
    return Quad(claim, _TYPE, _CLAIM, CLAIMS)


def _provisional(quads: Iterable[Quad]) -> Iterator[Quad]:
    """Yield plain triples as those of a claim in a source's own voice, as they would be once they have a quote."""
    yield Quad(_PROVISIONAL, _SOURCE, _PROVISIONAL, CLAIMS)
    yield Quad(_PROVISIONAL, _SPEAKER, _PROVISIONAL, CLAIMS)
    for quad in quads:
        plain = quad.graph_name == DefaultGraph()
        yield Quad(quad.subject, quad.predicate, quad.object, _PROVISIONAL) if plain else quad


def _foresee(proposal: Proposal, base: Engine) -> None:
    """Tell the base which things will be looked up."""
    named = (term for one in proposal.statements for term in (one.quad.subject, one.quad.object))
    base.foresee((term for term in named if isinstance(term, NamedNode)), graph=None)


def _causes(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Yield findings less what only follows from another.

    A value that is of the wrong kind breaks its shapes too, and a thing of an unknown class has no class.
    """
    bad_values = {(one.place, one.value) for one in findings if one.code in _BAD_VALUES}
    unknown = {one.focus for one in findings if one.code in _UNKNOWN_CLASS}
    classless: set[object] = set()
    for one in findings:
        follows = one.shape is not None and one.value is not None and (one.place, one.value) in bad_values
        if one.code == "no-class":
            follows = one.focus in unknown or one.focus in classless
            classless.add(one.focus)
        if not follows:
            yield one


def _clash_findings(view: Overlay, rules: Rulebook, grounds: Grounds) -> Iterator[Finding]:
    """Yield one finding for each clash, whichever way round its sides are."""
    seen: set[object] = set()
    for rule, bindings in clashes_of(view, rules):
        sides = frozenset(bindings.values())
        if (rule.axiom, rule.names, sides) not in seen:
            seen.add((rule.axiom, rule.names, sides))
            yield _clash(rule, [_bound(pattern, bindings) for pattern in rule.body], grounds)


def _bound(pattern: Pattern, bindings: Bindings) -> Triple:
    terms: Any = (bindings[term.value] if isinstance(term, Variable) else term for term in pattern)
    return Triple(*terms)


def _clash(rule: Rule, body: Sequence[Triple], grounds: Grounds) -> Finding:
    said = " ".join(SUPPORTED[name] for name in rule.names if name in SUPPORTED)
    sentences = " and ".join(dict.fromkeys(grounds.sentence(triple) for triple in body))
    first = next((triple for triple in body if grounds.place(triple)), body[0])
    return Finding(
        f"clash-{rule.names[-1]}",
        Severity.VIOLATION,
        f"it cannot be that {sentences}. {said}",
        "correct or leave out one side, or withdraw the claim that says the other",
        grounds.place(first),
        first.subject,
        witnesses=grounds.witnesses(body),
    )
