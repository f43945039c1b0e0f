"""Whose claims count: those of the base as a rule, or also a speaker's, or one source's alone, or those of a day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from pyoxigraph import NamedNode

from kg.evidence.claims import Claim


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """Which claims a view is made of; without any field, what sources say in their own voice and did not withdraw.

    ``told_by`` is a speaker whose claims count too, whichever source passes them on. ``by`` is the one source whose
    claims count. ``as_of`` is a moment with a time zone: what was recorded until then and not withdrawn until then.
    Reference data count in every view. The three may be combined.
    """

    told_by: NamedNode | None = None
    by: NamedNode | None = None
    as_of: datetime | None = None

    def counts(self, claim: Claim) -> bool:
        """Tell whether what a claim says is held true from here."""
        own = claim.speaker in (claim.source, self.told_by)
        return own and self.by in (None, claim.source) and self.on_record(claim)

    def on_record(self, claim: Claim) -> bool:
        """Tell whether a claim, whoever speaks, was recorded and not withdrawn; what has no time always was."""
        if self.as_of is None:
            return not claim.withdrawn
        recorded, withdrawn = _moment(claim.recorded), _moment(claim.withdrawn)
        return not (recorded and recorded > self.as_of) and not (withdrawn and withdrawn <= self.as_of)

    def words(self, labels: Mapping[NamedNode, str]) -> str:
        """Return in words whose view it is; empty for that of the base itself.

        >>> Viewpoint(told_by=NamedNode("x:putin")).words({NamedNode("x:putin"): "Vladimir Putin"})
        'as told by Vladimir Putin'
        """
        parts = [
            f"{said} {labels.get(who, who.value)}"
            for said, who in (("as told by", self.told_by), ("according to", self.by))
            if who
        ]
        return ", ".join([*parts, *([f"as of {self.as_of:%Y-%m-%d %H:%M} UTC"] if self.as_of else [])])


def _moment(written: str) -> datetime | None:
    """Read an ``xsd:dateTime``, in UTC where it names no zone; ``None`` for what is no moment that Python knows."""
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
