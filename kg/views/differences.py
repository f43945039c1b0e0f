"""What one view has that another has not, and which stored questions answer differently."""

from __future__ import annotations

from dataclasses import dataclass

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

from kg.proofs.proofs import Labels

Term = NamedNode | Literal | BlankNode | Triple
Row = tuple[Term | None, ...]


@dataclass(frozen=True, slots=True)
class QuestionDifference:
    """A stored question that answers differently: ``gone`` rows only the first view gives, ``new`` only the second.

    ``columns`` are those of the question, after the parameters that it needs (asked of every thing at once).
    """

    name: str
    columns: tuple[str, ...]
    gone: tuple[Row, ...]
    new: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two views, named as a person named them; triples are in the order of their sentences.

    ``stated`` and ``derived`` are pairs: what only the first has, what only the second has. Stated is what a claim that
    counts there, or reference data, say.
    """

    left: str
    right: str
    stated: tuple[tuple[Triple, ...], tuple[Triple, ...]]
    derived: tuple[tuple[Triple, ...], tuple[Triple, ...]]
    questions: tuple[QuestionDifference, ...]
    labels: Labels


@dataclass(frozen=True, slots=True)
class Impact:
    """What withdrawing claims would change; nothing is changed.

    ``lost`` are stated triples that would no longer hold, ``fallen`` derived ones; ``kept`` are triples that the claims
    say and that would hold still, because others say them or rules give them. ``questions`` tell which answers change:
    ``gone`` rows would go, ``new`` ones come (an absence then is one).
    """

    claims: tuple[NamedNode, ...]
    lost: tuple[Triple, ...]
    fallen: tuple[Triple, ...]
    kept: tuple[Triple, ...]
    questions: tuple[QuestionDifference, ...]
    labels: Labels
