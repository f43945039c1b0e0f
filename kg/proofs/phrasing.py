"""Rules in plain English: what an application of a rule says, made from labels."""

from __future__ import annotations

from kg.logic.rules import SUPPORTED, Rule
from kg.proofs.proofs import Labels


def rule_sentence(rule: Rule, labels: Labels) -> str:
    """Return what a rule says, in a sentence; ``labels`` name the terms of its head, body and axiom."""
    return " ".join(SUPPORTED[name] for name in rule.names if name in SUPPORTED)
