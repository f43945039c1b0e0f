"""Where speakers differ: figures that cannot all be right, statements that contradict each other, denials."""

from __future__ import annotations

from dataclasses import dataclass

from pyoxigraph import NamedNode

from kg.evidence.claims import Claim


@dataclass(frozen=True, slots=True)
class Side:
    """One side of a dispute: what it holds, in a sentence made from labels, and the claims with its words."""

    sentence: str
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Dispute:
    """Claims that cannot all be right. No side is chosen.

    ``kind`` is ``figures``, ``contradiction`` or ``denial``; ``why`` says in a sentence what makes them incompatible;
    ``about`` are the things concerned. Sides are in the order of their claims' names.
    """

    kind: str
    about: tuple[NamedNode, ...]
    why: str
    sides: tuple[Side, ...]
