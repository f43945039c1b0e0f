"""Proofs and what is said about them: plain data, made by ``prover`` and ``absences``, read by many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from pyoxigraph import NamedNode, Triple

from kg.evidence.claims import Claim
from kg.logic.rules import Pattern, Rule

Labels: TypeAlias = Mapping[NamedNode, str]


@dataclass(frozen=True, slots=True)
class Proof:
    """Why a triple holds: it is stated, or a rule derives it from premises that are proved in turn.

    Stated is what has ``claims`` (those that count in the view, in the order of their names), ``reference`` (reference
    data state it) or ``axiom`` (the ontology itself states it of individuals); then there is no ``rule``. ``more``
    tells that further claims than those listed state it. ``premises`` are in the order of the rule's body.
    """

    triple: Triple
    claims: tuple[Claim, ...] = ()
    reference: bool = False
    axiom: bool = False
    more: bool = False
    rule: Rule | None = None
    premises: tuple[Proof, ...] = ()

    @property
    def steps(self) -> int:
        """How many times a rule is applied; 0 for what is stated."""
        return sum(proof.steps for proof in self.premises) + (self.rule is not None)

    def leaves(self) -> Iterator[Proof]:
        """Yield what the proof ends in, from left to right; what it rests on twice comes twice."""
        if self.rule is None:
            yield self
        for proof in self.premises:
            yield from proof.leaves()


@dataclass(frozen=True, slots=True)
class Gap:
    """A rule that would give a triple that does not hold, and what is missing for it.

    ``held`` are the premises that hold and come nearest to a whole body; ``absent`` are those that do not, as patterns
    in which a variable stands for anything. Both empty with ``unmet`` set: all premises hold, the condition does not.
    """

    rule: Rule
    held: tuple[Triple, ...]
    absent: tuple[Pattern, ...]
    unmet: bool = False


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a triple holds, or why not.

    ``proofs`` come shortest first and are empty where the triple does not hold; then ``gaps`` say which rules would
    give it, those that lack least first, and ``told`` are the claims that do say it without being held true (a
    speaker's, or withdrawn ones). ``shortest`` is false where the search was cut short, so that a shorter proof may
    exist. ``labels`` name the terms of all proofs and gaps, the properties and classes too.
    """

    triple: Triple
    proofs: tuple[Proof, ...] = ()
    gaps: tuple[Gap, ...] = ()
    told: tuple[Claim, ...] = ()
    shortest: bool = True
    labels: Labels = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether the triple is in the view."""
        return bool(self.proofs)
