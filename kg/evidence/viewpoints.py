"""Whose claims count: those of the base as a rule, or also a speaker's, or one source's alone, or those of a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

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
        return own and self.by in (None, claim.source) and self._on_record(claim)

    def _on_record(self, claim: Claim) -> bool:
        if self.as_of is None:
            return not claim.withdrawn
        late = bool(claim.recorded) and datetime.fromisoformat(claim.recorded) > self.as_of
        gone = bool(claim.withdrawn) and datetime.fromisoformat(claim.withdrawn) <= self.as_of
        return not late and not gone
