"""Whose claims count: those of the base as a rule, or also a speaker's, or one source's alone, or those of a day."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from pyoxigraph import NamedNode

from kg.evidence.claims import Claim

_BEYOND: Final = timedelta(hours=23)  # further from UTC than any zone: such a moment is that of no day
_EARLIEST: Final = datetime.min.replace(tzinfo=timezone(_BEYOND))
_LATEST: Final = datetime.max.replace(tzinfo=timezone(-_BEYOND))
_AHEAD: Final = timedelta(days=1)  # by which the clocks of two machines may differ
_YEAR: Final = re.compile(r"(-?)([0-9]{4,})-")
_FINER: Final = re.compile(r"\.[0-9]{6}(?=[0-9]*[1-9])")


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


def impossible_times(recorded: str, withdrawn: str, now: datetime | None = None) -> Iterator[tuple[str, str]]:
    """Yield which of a claim's times cannot be, ``recorded`` or ``withdrawn``, and why.

    They are ``xsd:dateTime`` lexical forms, empty where there is none. Neither may be more than a day later than
    ``now``, where that is given: clocks differ.

    >>> list(impossible_times("2020-03-06T00:00:00Z", "2020-03-05T00:00:00Z"))
    [('withdrawn', 'is earlier than 2020-03-06T00:00:00Z, when it was recorded')]
    """
    begun, ended = _moment(recorded), _moment(withdrawn)
    for name, moment in (("recorded", begun), ("withdrawn", ended)):
        if moment in (_EARLIEST, _LATEST):
            yield name, "is in no year from 1 to 9999"
        elif moment and now and moment > now + _AHEAD:
            yield name, "is in the future"
    if begun and ended and ended < begun:
        yield "withdrawn", f"is earlier than {recorded}, when it was recorded"


def _moment(written: str) -> datetime | None:
    """Read an ``xsd:dateTime``, in UTC where it names no zone; ``None`` for what is no moment.

    What is finer than a microsecond becomes the next one: so it compares with every moment of Python as it does
    itself. Before the year 1 is earlier than all of these, after the year 9999 later.
    """
    year = _YEAR.match(written)
    if year and (year[1] or not int(year[2])):
        return _EARLIEST
    if year and len(year[2]) > 4:  # noqa: PLR2004 - digits of a year that Python knows
        return _LATEST
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        return moment + timedelta(microseconds=bool(_FINER.search(written)))
    except OverflowError:
        return _LATEST
