"""Explanations as people and programs read them: a tree of sentences, JSON, PROV-O in Turtle."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from pyoxigraph import Literal, NamedNode, Triple

from kg.asking.answers import json_term
from kg.asking.labels import reading, sentence
from kg.errors import UnknownName
from kg.evidence.claims import Claim
from kg.logic.rules import Rule
from kg.proofs.phrasing import missing_words, rule_sentence
from kg.proofs.proofs import Explanation, Gap, Labels, Proof
from kg.syntax.turtle import canonical_turtle
from kg.syntax.visible import visible
from kg.telling.parts import claim_json, document, labels_json, proof_json, rule_json, triple_json
from kg.terms import BASE, ONTOLOGY, REFERENCE, iri

_Value: TypeAlias = NamedNode | Literal

_STEP: Final = "  "


def explained(explanation: Explanation, form: str) -> str:
    """Return an explanation as text, json or turtle, ending in a line break; the same one gives the same bytes.

    docs/schema/explanation.schema.json describes the JSON. In Turtle each triple is an entity of PROV-O that was
    derived from its premises, or quoted from a claim. ``UnknownName`` for another form.
    """
    if form not in _FORMS:
        raise UnknownName("form", form, _FORMS, remedy=f"there are {', '.join(_FORMS)}")
    return _FORMS[form](explanation)


def _text(explanation: Explanation) -> str:
    labels = explanation.labels
    if not explanation.holds:
        lines = list(_missing(explanation))
    else:
        several = len(explanation.proofs) > 1
        lines = []
        for number, proof in enumerate(explanation.proofs, start=1):
            heading = f"Proof {number} of {len(explanation.proofs)}, {_steps(proof)}"
            lines += [*([""] if number > 1 else []), heading] if several else []
            lines += _Tree(labels).lines(proof)
        if not explanation.shortest:
            lines += ["", "There may be a shorter proof: the search for it was cut short."]
    return "".join(f"{visible(line)}\n" for line in lines)


def _steps(proof: Proof) -> str:
    return f"{proof.steps} step{'' if proof.steps == 1 else 's'}" if proof.rule else "stated"


class _Tree:
    """A proof, line by line; what it rests on twice is shown in full once."""

    def __init__(self, labels: Labels) -> None:
        self._labels = labels
        self._shown: set[Triple] = set()

    def lines(self, proof: Proof, depth: int = 0) -> Iterator[str]:
        indent = _STEP * depth
        again = proof.rule is not None and proof.triple in self._shown
        yield f"{indent}{sentence(proof.triple, self._labels)}{' (as above)' if again else ''}"
        if again:
            return
        self._shown.add(proof.triple)
        yield from (f"{indent}{_STEP * 2}{ground}" for ground in _grounds(proof, self._labels))
        if proof.rule:
            yield f"{indent}{_STEP}by {_name(proof.rule)}: {rule_sentence(proof.rule, self._labels)}"
        for premise in proof.premises:
            yield from self.lines(premise, depth + 2)


def _name(rule: Rule) -> str:
    return " and ".join(rule.names) or "the ontology"


def _grounds(proof: Proof, labels: Labels) -> Iterator[str]:
    """Yield what states a triple."""
    yield from (_quoted(claim, labels) for claim in proof.claims)
    if proof.more:
        yield "and more claims"
    if proof.reference:
        yield "[reference data]"
    if proof.axiom:
        yield "[ontology]"


def _quoted(claim: Claim, labels: Labels) -> str:
    """Return the words of a claim, and whose they are where they are not the source's own."""
    number = claim.name
    speaker = "" if claim.speaker == claim.source else f", {reading(claim.speaker, labels)}"
    withdrawn = f", withdrawn {claim.withdrawn[:10]}" if claim.withdrawn else ""
    return f"“{' '.join(claim.quote.split())}” [{number}{speaker}{withdrawn}]"


def _missing(explanation: Explanation) -> Iterator[str]:
    labels = explanation.labels
    yield f"It does not hold: {sentence(explanation.triple, labels)}"
    if explanation.gaps:
        yield from ("", "It would follow")
    for gap in explanation.gaps:
        yield f"{_STEP}by {_name(gap.rule)}: {rule_sentence(gap.rule, labels)}"
        yield from (f"{_STEP * 3}holds:   {sentence(held, labels)}" for held in gap.held)
        yield from (f"{_STEP * 3}missing: {_sentence(words)}" for words in missing_words(gap, labels))
        if gap.unmet:
            yield f"{_STEP * 3}All its premises hold; its condition does not."
    if not explanation.gaps:
        yield from ("", "No rule could give it; it would have to be stated.")
    if explanation.told:
        yield from ("", _heading(explanation.told))
        yield from (f"{_STEP}{_quoted(claim, labels)}" for claim in explanation.told)


def _heading(told: Sequence[Claim]) -> str:
    if any(claim.speaker != claim.source for claim in told):
        return "Said by others, not held true"
    return "Withdrawn" if all(claim.withdrawn for claim in told) else "Said, not held true in this view"


def _sentence(clause: str) -> str:
    return f"{clause[:1].upper()}{clause[1:]}."


def _json(explanation: Explanation) -> str:
    labels = explanation.labels
    return document(
        "explanation",
        {
            "triple": triple_json(explanation.triple, labels),
            "holds": explanation.holds,
            "shortest": explanation.shortest,
            "proofs": [{"steps": one.steps, **proof_json(one, labels)} for one in explanation.proofs],
            "gaps": [_gap_json(gap, labels) for gap in explanation.gaps],
            "told": [claim_json(claim) for claim in explanation.told],
            "labels": labels_json(labels),
        },
    )


def _gap_json(gap: Gap, labels: Labels) -> dict[str, object]:
    return {
        "rule": rule_json(gap.rule, labels),
        "held": [triple_json(triple, labels) for triple in gap.held],
        "absent": [
            {
                **{
                    name: json_term(term) if isinstance(term, NamedNode | Literal) else None
                    for name, term in zip(("subject", "predicate", "object"), pattern, strict=True)
                },
                "sentence": _sentence(words),
            }
            for pattern, words in zip(gap.absent, missing_words(gap, labels), strict=True)
        ],
        "unmet": gap.unmet,
    }


def _turtle(explanation: Explanation) -> str:
    return canonical_turtle(_Provenance(explanation).triples)


class _Provenance:
    """An explanation in PROV-O: the same triple, step and rule have the same names in every explanation."""

    def __init__(self, explanation: Explanation) -> None:
        self.labels = explanation.labels
        self.triples: dict[Triple, None] = {}
        for proof in explanation.proofs:
            self.entity(proof)
        if not explanation.holds:
            entity = self.statement(explanation.triple)
            self.add(entity, "rdfs:comment", Literal(_text(explanation).rstrip("\n"), language="en"))
            self.claims(entity, explanation.told)

    def add(self, subject: NamedNode, predicate: str, *values: _Value) -> None:
        self.triples.update((Triple(subject, iri(predicate), value), None) for value in values)

    def statement(self, triple: Triple) -> NamedNode:
        entity = _named("statement", triple)
        self.add(entity, "rdf:type", iri("rdf:Statement"), iri("prov:Entity"))
        self.add(entity, "rdfs:label", Literal(sentence(triple, self.labels), language="en"))
        for name in ("subject", "predicate", "object"):
            self.add(entity, f"rdf:{name}", getattr(triple, name))
        return entity

    def entity(self, proof: Proof) -> NamedNode:
        entity = self.statement(proof.triple)
        self.claims(entity, proof.claims)
        self.add(entity, "prov:hadPrimarySource", *[REFERENCE] * proof.reference, *[ONTOLOGY] * proof.axiom)
        if proof.rule:
            premises = [self.entity(premise) for premise in proof.premises]
            step = _named(
                "inference", proof.triple, *proof.rule.names, *(one.triple for one in proof.premises)
            )
            association, plan = NamedNode(f"{step.value}/association"), self.plan(proof.rule)
            self.add(entity, "prov:wasDerivedFrom", *premises)
            self.add(entity, "prov:wasGeneratedBy", step)
            self.add(step, "rdf:type", iri("prov:Activity"))
            self.add(step, "prov:used", *premises)
            self.add(step, "prov:qualifiedAssociation", association)
            self.add(association, "rdf:type", iri("prov:Association"))
            self.add(association, "prov:agent", _AGENT)
            self.add(association, "prov:hadPlan", plan)
            self.add(_AGENT, "rdf:type", iri("prov:SoftwareAgent"))
        return entity

    def plan(self, rule: Rule) -> NamedNode:
        plan = _named("rule", *rule.names, str(rule.head), str(rule.body), rule.condition)
        self.add(plan, "rdf:type", iri("prov:Plan"), iri("prov:Entity"))
        self.add(plan, "rdfs:label", Literal(_name(rule)))
        self.add(plan, "rdfs:comment", Literal(rule_sentence(rule, self.labels), language="en"))
        if rule.axiom:
            self.add(plan, "prov:wasDerivedFrom", ONTOLOGY)
        return plan

    def claims(self, entity: NamedNode, claims: Iterable[Claim]) -> None:
        for claim in claims:
            self.add(entity, "prov:wasQuotedFrom", claim.iri)
            self.add(claim.iri, "rdf:type", iri("parley:Claim"), iri("prov:Entity"))
            self.add(claim.iri, "prov:hadPrimarySource", claim.source)
            self.add(claim.iri, "prov:wasAttributedTo", claim.speaker)
            self.add(claim.iri, "oa:exact", Literal(claim.quote))
            self.add(claim.iri, "oa:start", Literal(claim.start))
            self.add(claim.iri, "oa:end", Literal(claim.end))
            for name, time in (("generatedAtTime", claim.recorded), ("invalidatedAtTime", claim.withdrawn)):
                if time:
                    self.add(claim.iri, f"prov:{name}", Literal(time, datatype=iri("xsd:dateTime")))


_AGENT: Final = NamedNode(BASE + "agent/parley")


def _named(kind: str, *parts: object) -> NamedNode:
    """Return a name made from what a thing consists of."""
    digest = hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()
    return NamedNode(f"{BASE}{kind}/{digest[:16]}")


_FORMS: Final[Mapping[str, Callable[[Explanation], str]]] = {"text": _text, "json": _json, "turtle": _turtle}
