"""A verdict as a SHACL validation report (https://www.w3.org/TR/shacl/, section 3.6) in Turtle."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias
from urllib.parse import quote

from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, Triple, serialize

from kg.findings import Finding, Severity, Term, Verdict
from kg.reporting.interchange import advice, summary
from kg.syntax.visible import one_line, visible
from kg.terms import BASE, PREFIXES, iri

_Node: TypeAlias = NamedNode | BlankNode

_LONGEST: Final = 2000
_TOKEN: Final = re.compile(r"\s*(<[^<>\s]*>|[\w-]+:[\w.-]*|a(?![\w:])|[()^/|*+?]|\S)")
_PREFIXES: Final = ("parley", "id", "shape", "oa", "prov", "rdf", "rdfs", "sh", "xsd")
_MODIFIERS: Final = {"*": "sh:zeroOrMorePath", "+": "sh:oneOrMorePath", "?": "sh:zeroOrOnePath"}


def as_turtle(verdict: Verdict) -> str:
    """Return a SHACL validation report (SHACL 3.6), which conforms only where nothing was found at all.

    What is no shape is named as a component ``check/CODE``; what concerns no node has its place for a focus node.
    """
    report = _Report(verdict)
    prefixes = report.prefixes()
    words = serialize(report.triples, format=RdfFormat.TURTLE, prefixes=prefixes) or b""
    lines = words.decode().replace("\t", "    ").split("\n")
    # the serialiser writes the prefixes in an order that changes from run to run
    head = [f"@prefix {name}: <{space}> ." for name, space in prefixes.items()]
    body = [visible(line, "\\U{:08X}") for line in lines if not line.startswith("@prefix")]
    return "\n".join([*head, "", *body])


class _Report:
    """The triples of a validation report, in order; blank nodes are numbered as they come."""

    def __init__(self, verdict: Verdict) -> None:
        self.triples: list[Triple] = []
        self.nodes: dict[BlankNode, BlankNode] = {}
        self.numbers: Counter[str] = Counter()
        report = BlankNode("report")
        results = [BlankNode(f"result{number}") for number in range(1, len(verdict.findings) + 1)]
        self.add(report, "rdf:type", iri("sh:ValidationReport"))
        self.add(report, "sh:conforms", Literal(not verdict.findings))
        self.add(report, "rdfs:comment", Literal(summary(verdict), language="en"))
        for result in results:
            self.add(report, "sh:result", result)
        for result, finding in zip(results, verdict.ordered, strict=True):
            self.result(result, finding)
        self.quotes(verdict.ordered)

    def add(self, subject: NamedNode | BlankNode, predicate: str, value: Term) -> None:
        self.triples.append(Triple(subject, iri(predicate), value))

    def new(self, kind: str) -> BlankNode:
        self.numbers[kind] += 1
        return BlankNode(f"{kind}{self.numbers[kind]}")

    def result(self, node: BlankNode, finding: Finding) -> None:
        severity = "sh:Violation" if finding.severity is Severity.VIOLATION else "sh:Warning"
        place = self.new("place")
        path = _Path(self, finding.path)
        self.add(node, "rdf:type", iri("sh:ValidationResult"))
        self.add(node, "sh:focusNode", self.plain(finding.focus) if finding.focus else place)
        if path.node:
            self.add(node, "sh:resultPath", path.node)
        if finding.value:
            self.add(node, "sh:value", self.plain(finding.value))
        self.add(node, "sh:resultSeverity", iri(severity))
        if finding.shape:
            self.add(node, "sh:sourceShape", finding.shape)
        component = finding.component or NamedNode(f"{BASE}check/{quote(finding.code, errors='replace')}")
        self.add(node, "sh:sourceConstraintComponent", component)
        self.add(node, "sh:resultMessage", Literal(one_line(advice(finding), _LONGEST), language="en"))
        if finding.place:
            self.add(node, "prov:atLocation", place)
        for witness in finding.witnesses:
            self.add(node, "prov:wasDerivedFrom", witness.claim)
        if finding.place or not finding.focus:
            self.add(place, "rdfs:label", Literal(visible(str(finding.place or "the proposal"))))
        self.triples += path.triples

    def quotes(self, findings: Iterable[Finding]) -> None:
        witnesses = dict.fromkeys(witness for finding in findings for witness in finding.witnesses)
        for witness in witnesses:
            self.add(witness.claim, "oa:exact", Literal(witness.quote))

    def plain(self, term: Term) -> Term:
        """Return a term as RDF 1.1 has it, a blank node under a label of our own."""
        if isinstance(term, BlankNode):
            if term not in self.nodes:
                self.nodes[term] = self.new("node")
            return self.nodes[term]
        if isinstance(term, Triple):
            return Literal(str(term))
        if isinstance(term, Literal) and term.direction is not None:
            return Literal(term.value, language=term.language)
        return term

    def prefixes(self) -> dict[str, str]:
        """Return the prefixes to write with, less those under which a local name would hide a character."""
        names = {term.value for triple in self.triples for term in triple if isinstance(term, NamedNode)}
        hiding = tuple(name for name in names if name != visible(name))
        return {p: PREFIXES[p] for p in _PREFIXES if not any(name.startswith(PREFIXES[p]) for name in hiding)}


class _Path:
    """The node that stands for a property path written as SPARQL writes it, and what describes it (SHACL 2.3.1).

    The node is ``None`` where there is no path, or none that SHACL has.
    """

    def __init__(self, report: _Report, path: str) -> None:
        self.new = report.new
        self.triples: list[Triple] = []
        self.tokens = [found[1] for found in _TOKEN.finditer(path)][::-1]
        try:
            self.node: _Node | None = self.alternative()
        except (LookupError, ValueError, RecursionError):
            self.node = None
        if self.tokens or self.node is None:
            self.node, self.triples = None, []

    def taken(self, symbols: str) -> str:
        """Take the next token if it is one of these symbols."""
        return self.tokens.pop() if self.tokens and self.tokens[-1] in symbols else ""

    def described(self, predicate: str, value: _Node) -> BlankNode:
        node = self.new("path")
        self.triples.append(Triple(node, iri(predicate), value))
        return node

    def listed(self, items: list[_Node]) -> _Node:
        rest: _Node = iri("rdf:nil")
        for item in reversed(items):
            cell = self.described("rdf:first", item)
            self.triples.append(Triple(cell, iri("rdf:rest"), rest))
            rest = cell
        return rest

    def alternative(self) -> _Node:
        parts = self.separated("|", self.sequence)
        return parts[0] if len(parts) == 1 else self.described("sh:alternativePath", self.listed(parts))

    def sequence(self) -> _Node:
        parts = self.separated("/", self.step)
        return parts[0] if len(parts) == 1 else self.listed(parts)

    def separated(self, separator: str, part: Callable[[], _Node]) -> list[_Node]:
        parts = [part()]
        while self.taken(separator):
            parts.append(part())
        return parts

    def step(self) -> _Node:
        inverse = self.taken("^")
        node = self.primary()
        if modifier := self.taken("*+?"):
            node = self.described(_MODIFIERS[modifier], node)
        return self.described("sh:inversePath", node) if inverse else node

    def primary(self) -> _Node:
        first = self.tokens.pop()
        if first == "a":
            return iri("rdf:type")
        if first != "(":
            return NamedNode(first[1:-1]) if first.startswith("<") else iri(first)
        node = self.alternative()
        if not self.taken(")"):
            raise ValueError("a bracket is not closed")
        return node
