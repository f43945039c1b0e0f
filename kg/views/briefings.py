"""What came since a day, what was withdrawn, and what follows that did not follow before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pyoxigraph import NamedNode

from kg.evidence.claims import Claim
from kg.proofs.proofs import Labels, Proof


@dataclass(frozen=True, slots=True)
class Item:
    """A claim with what it says, in sentences."""

    claim: Claim
    sentences: tuple[str, ...]
    reason: str = ""
    """Why it was withdrawn, where it was and a reason is on record."""


@dataclass(frozen=True, slots=True)
class Briefing:
    """What changed between two moments.

    ``came`` are claims of sources' own voice that came and still count, ``told`` those of speakers whom sources quote,
    ``withdrawn`` those that no longer count; by source and then in the order of their quotes. ``follows`` are derived
    triples that did not hold before, each with its proof, ``fell`` the sentences of derived ones that no longer hold.
    ``cut`` says of how many derived triples ``follows`` shows only the first.
    """

    since: datetime
    until: datetime
    came: tuple[Item, ...]
    told: tuple[Item, ...]
    withdrawn: tuple[Item, ...]
    follows: tuple[Proof, ...]
    fell: tuple[str, ...]
    sources: tuple[NamedNode, ...]
    labels: Labels
    cut: int = 0
