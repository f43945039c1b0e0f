"""What can go wrong, as one tree.

    ParleyError                     anything Parley says no to; carries its exit status
    ├── UsageError           (2)    the call is wrong: an unknown option, name or parameter
    │   └── UnknownName      (2)    a question, thing or class that is not there; knows the nearest ones
    ├── UnreadableInput      (2)    a file that is not what it claims to be, or cannot be read
    ├── StoreError           (2)    a store that is missing, locked, damaged or from another version
    │   ├── DamagedStore     (2)    a store that cannot be read any more; its journal can build it again
    │   └── Overtaken        (2)    somebody else changed the base since it was looked at
    ├── Refused              (1)    readable, but not acceptable: evidence that does not hold, a clash
    ├── LimitReached         (4)    time or memory ran out before the answer was there
    └── UnsupportedConstruct (3)    the ontology says something that the rules cannot do

Every message is one line: what, where, what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import ClassVar


class ParleyError(Exception):
    """Anything Parley says no to.

    ``where`` is a file with line and column, a claim, a question: whatever leads to the place.
    ``remedy`` says what to do about it.

    >>> print(ParleyError("no such thing", where="facts.ttl:3:7", remedy="check the spelling"))
    facts.ttl:3:7: no such thing; check the spelling
    """

    exit_status: ClassVar[int] = 3

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        self.what, self.where, self.remedy = what, where, remedy
        place = f"{where}: " if where else ""
        advice = f"; {remedy}" if remedy else ""
        super().__init__(" ".join(f"{place}{what}{advice}".split()))


class UsageError(ParleyError):
    """Raised when the call itself is wrong and another call would do."""

    exit_status = 2


class UnknownName(UsageError):
    """Raised when a name does not name anything here; proposes the nearest names that do.

    >>> print(UnknownName("question", "partys", ["parties", "provisions"]))
    no question is called 'partys'; did you mean 'parties'?
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], *, remedy: str = "") -> None:
        self.kind, self.name = kind, name
        self.nearest = nearest(name, known)
        hint = " or ".join(repr(candidate) for candidate in self.nearest)
        super().__init__(
            f"no {kind} is called {name!r}",
            remedy=f"did you mean {hint}?" if hint else remedy,
        )


class UnreadableInput(ParleyError):
    """Raised when a file, a stream or a query is not what it claims to be."""

    exit_status = 2


class StoreError(ParleyError):
    """Raised when a base cannot be opened or written: missing, locked, damaged, of another version."""

    exit_status = 2


class DamagedStore(StoreError):
    """Raised when the files of a store are missing or not sound; the journal can build it again."""


class Overtaken(StoreError):
    """Raised when somebody else changed a base since it was looked at; nothing was changed by us."""


class Refused(ParleyError):
    """Raised when input is well-formed but must not enter: its evidence does not hold, or it clashes."""

    exit_status = 1


class LimitReached(ParleyError):
    """Raised when work was stopped at a limit of time, memory or size; nothing was changed."""

    exit_status = 4


class UnsupportedConstruct(ParleyError):
    """Raised when an ontology uses a construct that the rules do not support."""

    exit_status = 3


def nearest(name: str, known: Iterable[str], most: int = 3) -> Sequence[str]:
    """Return the at most ``most`` known names that look most like ``name``, nearest first.

    >>> nearest("Turky", ["Turkey", "Türkiye", "Syria"])
    ['Turkey', 'Türkiye']
    """
    folded: dict[str, str] = {}
    for candidate in known:
        folded.setdefault(candidate.casefold(), candidate)
    return [folded[match] for match in difflib.get_close_matches(name.casefold(), folded, most, 0.5)]
