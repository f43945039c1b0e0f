"""The pieces of which JSON documents are made: terms, triples, claims, rules, proofs, disputes.

docs/schema/common.schema.json describes them; each kind of document has a schema beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pyoxigraph import NamedNode, Triple

from kg.asking.answers import json_term
from kg.asking.labels import sentence
from kg.disputes.disputes import Dispute
from kg.evidence.claims import Claim
from kg.logic.rules import Rule
from kg.proofs.phrasing import rule_sentence
from kg.proofs.proofs import Labels, Proof
from kg.syntax.visible import json_text


def document(kind: str, fields: Mapping[str, Any], version: int = 1) -> str:
    """Return a JSON document of a kind, with its format and version first; no character in it hides."""
    whole = {"format": f"parley-{kind}", "version": version, **fields}
    return json_text(whole, indent=2)


def triple_json(triple: Triple, labels: Labels) -> dict[str, Any]:
    """Return a triple with its terms and as a sentence."""
    parts = {name: json_term(getattr(triple, name)) for name in ("subject", "predicate", "object")}
    return {**parts, "sentence": sentence(triple, labels)}


def claim_json(claim: Claim) -> dict[str, Any]:
    """Return a claim; ``reported`` tells that its source says it in its own voice."""
    return {
        "claim": claim.iri.value,
        "source": claim.source.value,
        "speaker": claim.speaker.value,
        "reported": claim.speaker == claim.source,
        "quote": claim.quote,
        "start": claim.start,
        "end": claim.end,
        "recorded": claim.recorded,
        "withdrawn": claim.withdrawn,
    }


def rule_json(rule: Rule, labels: Labels) -> dict[str, Any]:
    """Return a rule: its names in the tables of OWL 2 RL, what it says, the axiom behind it."""
    return {
        "names": list(rule.names),
        "sentence": rule_sentence(rule, labels),
        "axiom": [[str(term) for term in triple] for triple in rule.axiom],
    }


def proof_json(proof: Proof, labels: Labels) -> dict[str, Any]:
    """Return a proof as a tree: what is stated has ``claims``, ``reference`` or ``axiom``, all else a ``rule``."""
    return {
        "triple": triple_json(proof.triple, labels),
        "claims": [claim_json(claim) for claim in proof.claims],
        "more": proof.more,
        "reference": proof.reference,
        "axiom": proof.axiom,
        "rule": rule_json(proof.rule, labels) if proof.rule else None,
        "premises": [proof_json(premise, labels) for premise in proof.premises],
    }


def dispute_json(dispute: Dispute) -> dict[str, Any]:
    """Return a dispute with its sides."""
    return {
        "kind": dispute.kind,
        "about": [thing.value for thing in dispute.about],
        "why": dispute.why,
        "sides": [
            {"sentence": side.sentence, "claims": [claim_json(claim) for claim in side.claims]}
            for side in dispute.sides
        ],
    }


def labels_json(labels: Labels, terms: Iterable[NamedNode] = ()) -> dict[str, str]:
    """Return labels by IRI in the order of the IRIs, of some terms or of all that there are."""
    wanted = set(terms) or set(labels)
    return {term.value: labels[term] for term in sorted(wanted, key=str) if term in labels}
