"""What a finding rests on: where in the proposal it stands, which claims say it, what the things are called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import Any, Final, cast

from pyoxigraph import Literal, NamedNode, Triple

from kg.asking.labels import find_labels, sentence
from kg.evidence.claims import Claim, read_claims
from kg.findings import Finding, Place, Witness
from kg.logic.maintain import Rulebook
from kg.outside.proposals import Statement
from kg.storage.overlay import Overlay, canonical
from kg.syntax.turtle import natural_key
from kg.terms import CLAIMS, iri

_CLAIM, _TYPE, _LABEL = iri("parley:Claim"), iri("rdf:type"), iri("rdfs:label")
_WITHDRAWN, _SAME = iri("prov:invalidatedAtTime"), iri("owl:sameAs")
_IN_PATH: Final = re.compile(r"<([^<>]+)>")
_MOST_WITNESSES: Final = 4
_MOST_SUPPORTS: Final = 100
_MOST_STEPS: Final = 200  # triples that are looked into for what a derived triple rests on


class Grounds:
    """A proposal and the base that it would enter, asked what a triple or a finding rests on."""

    def __init__(
        self, view: Overlay, statements: Sequence[Statement], claims: Sequence[Claim], rules: Rulebook
    ) -> None:
        self._base, self._view, self._rules = view.base, view, rules
        self._claims = {claim.iri: claim for claim in claims}
        self._statements = statements

    @cached_property
    def _stated(self) -> dict[object, list[Statement]]:
        """The statements by their triple, by subject and property, by subject, and by object."""
        found: dict[object, list[Statement]] = {}
        for one in self._statements:
            triple = canonical(one.quad.triple)
            for key in (triple, (triple.subject, triple.predicate), triple.subject, triple.object):
                found.setdefault(key, []).append(one)
        return found

    def place(self, triple: Triple) -> Place | None:
        """Return where the proposal states a triple, or what leads to it by rules."""
        for stated in self._origins(triple) if self._stated else ():
            if stated in self._stated:
                return self._stated[stated][0].place
        return None

    def grounded(self, finding: Finding) -> Finding:
        """Return a finding of a shape with its place and with the claims that are concerned."""
        concerned = list(self._concerned(finding))
        place = next((place for triple in concerned if (place := self.place(triple))), None)
        if place is None:
            keys = (finding.focus, finding.value)
            place = next((self._stated[key][0].place for key in keys if key in self._stated), None)
        if place is None:  # two things became one
            place = next(
                (one.place for of in self._stated.values() for one in of if one.quad.predicate == _SAME), None
            )
        return replace(finding, place=place, witnesses=self.witnesses(concerned))

    def witnesses(self, triples: Iterable[Triple]) -> tuple[Witness, ...]:
        """Return the claims that state these triples, or what they follow from; those of the base first."""
        names: dict[NamedNode, None] = {}
        for triple in triples:
            for stated in self._origins(triple):
                subject = cast("NamedNode", stated.subject)  # facts have no blank nodes
                graphs = [q.graph_name for q in self._base.quads(subject, stated.predicate, stated.object)]
                graphs += [one.quad.graph_name for one in self._stated.get(stated, ())]
                found = [
                    g for g in graphs if isinstance(g, NamedNode) and (g in self._claims or self._is_claim(g))
                ]
                names.update(dict.fromkeys(found))
                if found:
                    break
        known = {
            claim.iri: claim for claim in read_claims(self._base, [n for n in names if self._is_claim(n)])
        }
        said = [
            known.get(name) or self._claims[name] for name in names if name in known or name in self._claims
        ]
        said.sort(key=lambda claim: (claim.iri not in known, natural_key(claim.iri.value)))
        return tuple(Witness(claim.iri, claim.quote) for claim in said[:_MOST_WITNESSES])

    def sentence(self, triple: Triple) -> str:
        """Return a triple as a clause, in labels."""
        terms = [term for term in triple if isinstance(term, NamedNode)]
        return sentence(triple, self._labels(terms)).rstrip(".")

    def labels(self, findings: Iterable[Finding]) -> dict[NamedNode, str]:
        """Return what the things are called that findings speak of."""
        terms = (term for one in findings for term in (one.focus, one.value))
        return self._labels(term for term in terms if isinstance(term, NamedNode))

    def _labels(self, terms: Iterable[NamedNode]) -> dict[NamedNode, str]:
        nodes = list(dict.fromkeys(terms))
        labels = find_labels(nodes, self._base)
        for node in nodes:
            for one in self._stated.get((node, _LABEL), ()):
                if isinstance(one.quad.object, Literal):
                    labels.setdefault(node, one.quad.object.value)
        return labels

    def _concerned(self, finding: Finding) -> Iterator[Triple]:
        """Yield the triples of the view that a shape's result is about, nearest first."""
        focus: Any = finding.focus
        predicates = [NamedNode(found) for found in _IN_PATH.findall(finding.path)]
        if finding.value is not None:
            for predicate in predicates or [None]:  # type: ignore[list-item]
                yield from islice(self._view.triples(focus, predicate, finding.value), _MOST_WITNESSES)
                if not isinstance(finding.value, Literal):
                    yield from islice(self._view.triples(finding.value, predicate, focus), _MOST_WITNESSES)  # type: ignore[arg-type]
        for predicate in predicates:
            yield from islice(self._view.triples(focus, predicate, None), _MOST_WITNESSES)
        yield from islice(self._view.triples(focus, _TYPE, None), _MOST_WITNESSES)

    def _origins(self, triple: Triple) -> Iterator[Triple]:
        """Yield a triple and what it may rest on by the rules, nearest first, as far as a limit."""
        queue, seen = [triple], {triple}
        for one in queue:  # which grows
            yield one
            if len(seen) > _MOST_STEPS:
                continue
            terms = tuple(one)
            for part in self._rules.concluding.of(terms, False):
                supports = set(islice(part.supports(terms, self._view), _MOST_SUPPORTS))
                for support in sorted(supports, key=str):
                    if support not in seen:
                        seen.add(support)
                        queue.append(support)

    def _is_claim(self, name: NamedNode) -> bool:
        """Tell whether a graph is that of a claim of the base that still counts."""
        described = any(quad.object == _CLAIM for quad in self._base.quads(name, _TYPE, None, CLAIMS))
        return described and not any(self._base.quads(name, _WITHDRAWN, None, CLAIMS))
