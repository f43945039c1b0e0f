"""Citations: for each row of an answer the triples it was found by, each with its proof."""

from __future__ import annotations

from dataclasses import dataclass

from pyoxigraph import NamedNode

from kg.evidence.claims import Claim
from kg.proofs.disputes import Dispute
from kg.proofs.proofs import Labels, Proof


@dataclass(frozen=True, slots=True)
class Citation:
    """What one row of an answer rests on.

    ``proofs`` hold one proof for each triple that the row needs, in the order of the query; these triples alone, as
    the view, give the row again, and none of them can be left out (of an aggregate, all members count). ``absent`` says
    in sentences what the row rests on not being there (NOT EXISTS, MINUS, an unmatched OPTIONAL that the row shows).
    ``others`` is how many further sets of triples give the same row, at least. ``disputes`` are those that concern a
    claim cited here.
    """

    proofs: tuple[Proof, ...]
    absent: tuple[str, ...] = ()
    others: int = 0
    disputes: tuple[Dispute, ...] = ()

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The claims that the row rests on, each once, in the order of the proofs."""
        leaves = (leaf for proof in self.proofs for leaf in proof.leaves())
        return tuple(dict.fromkeys(claim for leaf in leaves for claim in leaf.claims))

    @property
    def inferred(self) -> bool:
        """Whether a rule was needed."""
        return any(proof.rule for proof in self.proofs)


@dataclass(frozen=True, slots=True)
class Citations:
    """The citations of an answer, one for each row in its order, with labels for all that the proofs name."""

    rows: tuple[Citation, ...]
    labels: Labels

    @property
    def contested(self) -> tuple[NamedNode, ...]:
        """The claims cited by some row that are part of a dispute, each once."""
        return tuple(
            dict.fromkeys(
                claim.iri
                for row in self.rows
                for dispute in row.disputes
                for side in dispute.sides
                for claim in side.claims
            )
        )
