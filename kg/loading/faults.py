"""What is said of that which may not be loaded, by the codes that the gate has for it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Final

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, Triple

from kg.errors import Refused
from kg.findings import Finding, Place, Severity
from kg.logic.reason import Bindings
from kg.logic.rules import SUPPORTED, Rule
from kg.terms import curie, text

_FIRST: Final = {"changed-claim", "ambiguous-source", "changed-text"}
"""What other faults may follow from."""

_FAULTS: Final = {
    "blank-node": (
        "a blank node in the statement with {property}",
        "give it an IRI: facts have no blank nodes",
    ),
    "rdf-1.2": (
        "a value that only RDF 1.2 knows in the statement with {property}",
        "leave out triples as values and text directions",
    ),
    "outside-claims": (
        "a statement about {subject} stands outside any claim",
        "put it into the graph of a claim that quotes its sentence, or into graph:reference",
    ),
    "undescribed-graph": (
        "statements in {graph}, which no claim describes",
        "describe it in graph:claims with its source, speaker and quote",
    ),
    "reserved-graph": (
        "a claim has the name of one of the base's own graphs",
        "give it an IRI of its own",
    ),
    "recording-time": (
        "{written}, when the claim was {name}, {why}",
        "write the time at which it was, or leave it out",
    ),
    "changed-claim": (
        "the base has this already, and says something else about it",
        "give the new claim or source an IRI of its own",
    ),
    "clash": (
        "the facts contradict each other about {things}: {said}",
        "correct or leave out one side",
    ),
}
"""What refuses, by the codes that the gate has for it: what is said, and what to do."""


def fault(code: str, where: str = "", **words: object) -> Refused:
    """Return the refusal for a fault, told by its code and the words that its message needs."""
    what, remedy = _FAULTS[code]
    return Refused(what.format(**words), where=where, remedy=remedy)


def ill_formed(quad: Quad, name: str) -> Refused | None:
    """Say what no fact is made of: blank nodes, and what only RDF 1.2 knows, which few other tools read."""
    value = quad.object
    if isinstance(quad.subject, BlankNode) or isinstance(value, BlankNode):
        return fault("blank-node", name, property=quad.predicate)
    if isinstance(value, Triple) or (isinstance(value, Literal) and value.direction):
        return fault("rdf-1.2", name, property=quad.predicate)
    return None


def clashing(rule: Rule, sides: Bindings) -> Refused:
    """Say that facts contradict each other."""
    things = " and ".join(dict.fromkeys(_short(term) for term in sides.values()))
    said = " ".join(SUPPORTED[name] for name in rule.names if name in SUPPORTED).rstrip(".")
    return fault("clash", things=things, said=said)


def _short(term: NamedNode | BlankNode | Literal | Triple) -> str:
    return (curie(term) if isinstance(term, NamedNode) else None) or text(term)


def refusal(findings: Sequence[Finding]) -> Refused:
    """Return the refusal for what was found: it names the first of the claims or things, and carries all."""
    pool = [one for one in findings if one.code in _FIRST] or findings
    first = min(pool, key=lambda one: (str(one.focus or ""), one.code))
    others = len({(one.focus, one.code, one.message) for one in pool}) - 1
    more = f" (and {others} more)" if others else ""
    where = (
        first.focus.value
        if isinstance(first.focus, NamedNode) and not first.place
        else str(first.place or "")
    )
    refused = Refused(first.message + more, where=where, remedy=first.remedy)
    refused.findings = tuple(findings)
    return refused


def findings_written(refused: Refused) -> str:
    """Return all that a refusal found as tab-separated values: about what, by which check, why, what to do."""
    found = refused.findings or [
        Finding("", Severity.VIOLATION, refused.what, refused.remedy, Place(refused.where))
    ]
    output = io.StringIO(newline="")
    rows = csv.writer(output, dialect=csv.excel_tab, lineterminator="\n")
    rows.writerow(("about", "code", "reason", "remedy"))
    for one in found:
        about = text(one.focus) if one.focus is not None else str(one.place or "")
        rows.writerow((about, one.code, one.message, one.remedy))
    return output.getvalue()
