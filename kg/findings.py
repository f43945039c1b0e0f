"""What the gate finds: typed findings with their place, and the verdict that they add up to.

A finding's ``code`` names its check: the name of the property shape (:func:`shape_code`), ``clash-`` and the name
of the rule, or a key of the table ``CHECKS`` beside a check that is no shape. Each code has a page under
docs/findings.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

Term: TypeAlias = NamedNode | BlankNode | Literal | Triple


class Severity(StrEnum):
    """How much a finding weighs: a violation refuses the proposal, a warning asks for a second look."""

    VIOLATION = "violation"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands: a file, and line and column from 1 (0 where they are not known).

    Lines end with a line feed; columns count Unicode code points.

    >>> str(Place("facts.ttl", 3, 7)), str(Place("facts.jsonld"))
    ('facts.ttl:3:7', 'facts.jsonld')
    """

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join([self.file, *(str(number) for number in (self.line, self.column) if number)])


@dataclass(frozen=True, slots=True)
class Witness:
    """A claim that a finding concerns, with its words: one side of a clash, say."""

    claim: NamedNode
    quote: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or deserves a second look, where it stands, and what to write instead.

    ``message`` is a sentence that names the things by their labels, ``remedy`` says what to do. ``focus``,
    ``path`` (as SPARQL writes paths), ``value``, ``shape`` and ``component`` are those of a SHACL validation
    result where there is one. ``witnesses`` are the claims, of the base or of the proposal, whose sentences
    are concerned.
    """

    code: str
    severity: Severity
    message: str
    remedy: str = ""
    place: Place | None = None
    focus: Term | None = None
    path: str = ""
    value: Term | None = None
    shape: NamedNode | None = None
    component: NamedNode | None = None
    witnesses: tuple[Witness, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says of a proposal: its findings, and what entered or would enter.

    ``claims`` are those that enter, ``withdrawn`` those that no longer count. ``added`` and ``removed`` count the
    triples by which the view changes; ``derived`` are those of the added that rules derive. ``checked`` counts the
    statements, claims and focus nodes to which some check applied. ``strict`` says that a warning refuses too,
    ``whole`` that a whole base was checked and not a proposal. ``labels`` name things for people.
    """

    findings: tuple[Finding, ...] = ()
    claims: tuple[NamedNode, ...] = ()
    withdrawn: tuple[NamedNode, ...] = ()
    added: int = 0
    removed: int = 0
    derived: int = 0
    checked: int = 0
    committed: bool = False
    strict: bool = False
    whole: bool = False
    labels: dict[NamedNode, str] = field(default_factory=dict)

    @property
    def refused(self) -> bool:
        """Whether some finding is a violation, or, where the verdict is strict, whether there is any finding."""
        return any(self.strict or finding.severity is Severity.VIOLATION for finding in self.findings)

    @property
    def ordered(self) -> list[Finding]:
        """The findings by file, line, column and severity; those without a place come last."""
        return sorted(self.findings, key=_rank)

    @property
    def outcome(self) -> str:
        """The verdict in a word: refused, unchecked, accepted, committed, unchanged, or sound of a whole base.

        >>> Verdict().outcome, Verdict(checked=3).outcome, Verdict(added=1, checked=3).outcome
        ('unchecked', 'unchanged', 'accepted')
        """
        if self.refused or not self.checked:
            return "refused" if self.refused else "unchecked"
        if self.whole:
            return "sound"
        if not (self.added or self.removed or self.claims or self.withdrawn):
            return "unchanged"
        return "committed" if self.committed else "accepted"

    @property
    def exit_status(self) -> int:
        """Return 1 when refused, 5 when nothing was checked, else 0."""
        return 1 if self.refused else 0 if self.checked else 5


def _rank(finding: Finding) -> tuple[object, ...]:
    mild = finding.severity is Severity.WARNING
    focus, value = str(finding.focus or ""), str(finding.value or "")
    place = finding.place or Place("")
    return not finding.place, place, mild, finding.code, finding.message, focus, finding.path, value


@dataclass(frozen=True, slots=True)
class Check:
    """A check: what is wrong where it finds something, why that matters, what to do."""

    problem: str
    principle: str
    remedy: str
    severity: Severity = Severity.VIOLATION

    @classmethod
    def of_shape(cls, message: str, principle: str, severity: Severity = Severity.VIOLATION) -> Check:
        """Make the check of a shape, whose ``sh:message`` says what is wrong and, after a colon, what to do.

        >>> Check.of_shape("An agreement has at least two parties: add parley:hasParty.", "").remedy
        'add parley:hasParty.'
        """
        problem, _, remedy = message.partition(": ")
        return cls(problem, principle, remedy, severity)


def shape_code(shape: NamedNode) -> str:
    """Return the code of a shape's findings: its local name in kebab-case.

    >>> shape_code(NamedNode("https://w3id.org/parley/shape#AgreementParties"))
    'agreement-parties'
    """
    local = re.split("[#/]", shape.value)[-1]
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", local).lower()
