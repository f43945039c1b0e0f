"""Whether a regular expression can blow up: whether some text makes matching take more than linear time.

A matcher that goes back on its choices follows, on a text that does not match, every way in which the expression
can read it. Here the expression becomes an automaton whose states are its characters (Glushkov's), and all texts
are gone through at once, by how many ways lead to each state. If that number stays small whatever the text, time
is linear; if it grows, as with ``(a+)+`` or ``a*a*``, it is not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import reduce
from re import _constants as sre  # type: ignore[attr-defined] # how re itself reads an expression
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, Final, TypeAlias

_Ranges: TypeAlias = tuple[tuple[int, int], ...]

_LAST: Final = 0x10FFFF
_ASCII: Final = 0x7F
_MOST_WAYS: Final = 64
_MOST_STATES: Final = 400
"""Characters of the expression, counted repetitions written out."""
_MOST_SETS: Final = 2_000
_FOLDED_BEYOND: Final = frozenset("iIkKsS")
"""The letters of ASCII that are the same as others beyond it when case is folded: the Kelvin sign, the long s."""
_CLASSES: Final = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}


def fault(pattern: str, flags: str = "") -> str | None:
    """Return why a regular expression cannot be trusted with any text, ``None`` if it can.

    Sound: what passes takes linear time in Python's matcher, searching anywhere in the text. It refuses more
    than it must: what looks around or back, and an expression too large to be followed.

    >>> fault("^[A-Z].*[.]$"), fault("^(a|b)*c"), fault("^(a+)+$")
    (None, None, 'takes more than linear time on some text')
    """
    try:
        parsed = parser.parse(pattern)
        automaton = _Automaton(fold="i" in flags)
        piece = automaton.sequence(parsed)
    except (re.error, RecursionError, OverflowError) as error:
        return f"is no regular expression: {error}"
    except _Unknown as error:
        return f"uses {error}"
    anywhere = "m" in flags or not _anchored(parsed)
    return None if automaton.few_ways(piece, anywhere) else "takes more than linear time on some text"


class _Unknown(Exception):
    """Something in an expression that is not followed."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of an expression: where reading it can begin and end, and in how many ways it reads nothing."""

    empty: int = 1
    first: Counter[int] = field(default_factory=Counter)
    last: Counter[int] = field(default_factory=Counter)


class _Automaton:
    """The states of an expression, and what can follow what in how many ways."""

    def __init__(self, *, fold: bool) -> None:
        self._fold = fold
        self._sets: list[_Ranges] = []
        self._next: list[Counter[int]] = []

    def sequence(self, items: Iterable[Any]) -> _Piece:
        """Return the piece of items one after the other."""
        return reduce(self._then, map(self._item, items), _Piece())

    def few_ways(self, piece: _Piece, anywhere: bool) -> bool:
        """Tell whether on every text only a few ways through the automaton are open at any time."""
        letters = self._letters()
        start: tuple[tuple[int, int], ...] = ()
        seen, ahead = {(start, True)}, [(start, True)]
        while ahead:
            ways, first = ahead.pop()
            reached: Counter[int] = Counter(piece.first) if first or anywhere else Counter()
            for state, count in ways:
                for following, more in self._next[state].items():
                    reached[following] += count * more
            for letter in letters:
                now = tuple(
                    sorted((state, n) for state, n in reached.items() if _has(self._sets[state], letter))
                )
                if sum(count for _, count in now) > _MOST_WAYS or len(seen) > _MOST_SETS:
                    return False
                if (now, False) not in seen:
                    seen.add((now, False))
                    ahead.append((now, False))
        return True

    def _letters(self) -> list[int]:
        """Return one character of each kind that the expression tells apart."""
        cuts = sorted({0} | {at for ranges in self._sets for low, high in ranges for at in (low, high + 1)})
        kinds = {tuple(_has(ranges, at) for ranges in self._sets): at for at in cuts if at <= _LAST}
        return list(kinds.values())

    def _item(self, item: Any) -> _Piece:  # noqa: ANN401 - the parser has no types
        kind, given = item
        if kind in (sre.LITERAL, sre.NOT_LITERAL, sre.IN, sre.ANY):
            return self._character(self._ranges(kind, given))
        if kind is sre.AT:
            return _Piece()
        if kind is sre.SUBPATTERN:
            return self.sequence(given[-1])
        if kind is sre.BRANCH:
            return reduce(_either, map(self.sequence, given[1]))
        if kind in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            return self._repeat(*given)
        raise _Unknown(str(kind).lower().replace("_", " "))

    def _character(self, ranges: _Ranges) -> _Piece:
        if len(self._sets) >= _MOST_STATES:
            raise _Unknown("more characters than can be followed")
        self._sets.append(ranges)
        self._next.append(Counter())
        state = len(self._sets) - 1
        return _Piece(0, Counter([state]), Counter([state]))

    def _then(self, left: _Piece, right: _Piece) -> _Piece:
        for state, ways in left.last.items():
            for following, more in right.first.items():
                self._next[state][following] += ways * more
        first = left.first + _times(right.first, left.empty)
        return _Piece(left.empty * right.empty, first, right.last + _times(left.last, right.empty))

    def _repeat(self, least: int, most: int, items: Any) -> _Piece:  # noqa: ANN401
        if max(least, most if most is not sre.MAXREPEAT else 0) > _MOST_STATES:
            raise _Unknown("more characters than can be followed")
        whole = reduce(self._then, (self.sequence(items) for _ in range(least)), _Piece())
        if most is sre.MAXREPEAT:
            again = self.sequence(items)
            if again.empty:
                raise _Unknown("the repetition of what can be empty")
            self._then(again, again)
            return self._then(whole, _either(_Piece(), again))
        optional = _Piece()
        for _ in range(most - least):  # written as (x(x(x)?)?)?
            optional = _either(_Piece(), self._then(self.sequence(items), optional))
        return self._then(whole, optional)

    def _ranges(self, kind: Any, given: Any) -> _Ranges:  # noqa: ANN401
        if kind is sre.ANY:
            return ((0, _LAST),)
        if kind in (sre.LITERAL, sre.NOT_LITERAL):
            return self._folded([(given, given)], negated=kind is sre.NOT_LITERAL)
        negated = bool(given) and given[0][0] is sre.NEGATE
        found: list[tuple[int, int]] = []
        for inner, value in given[negated:]:
            if inner is sre.CATEGORY:
                if negated:
                    return ((0, _LAST),)
                found += _category(str(value))
            else:
                found.append(value if inner is sre.RANGE else (value, value))
        return self._folded(found, negated=negated)

    def _folded(self, ranges: list[tuple[int, int]], *, negated: bool) -> _Ranges:
        """Return the characters of ranges, or more where case is folded."""
        if negated:
            beyond = [(_ASCII + 1, _LAST)] if self._fold else []
            return tuple(_complement(sorted(ranges)) + beyond)
        if not self._fold:
            return tuple(sorted(ranges))
        plain = {chr(at) for low, high in ranges for at in range(low, min(high, _ASCII) + 1)}
        wide = any(high > _ASCII for _, high in ranges) or not plain.isdisjoint(_FOLDED_BEYOND)
        both = {fold(letter) for letter in plain for fold in (str.lower, str.upper)}
        return tuple(sorted((ord(letter),) * 2 for letter in both)) + (((_ASCII + 1, _LAST),) * wide)


def _complement(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    found, at = [], 0
    for low, high in ranges:
        if low > at:
            found.append((at, low - 1))
        at = max(at, high + 1)
    return [*found, (at, _LAST)] if at <= _LAST else found


def _category(name: str) -> list[tuple[int, int]]:
    """Return the characters of the classes of digits, words and spaces, and all beyond ASCII."""
    plain = name.removeprefix("CATEGORY_")
    pattern = re.compile(_CLASSES[plain.removeprefix("NOT_")])
    inside = [at for at in range(_ASCII + 1) if bool(pattern.match(chr(at))) != plain.startswith("NOT_")]
    return [*((at, at) for at in inside), (_ASCII + 1, _LAST)]


def _either(left: _Piece, right: _Piece) -> _Piece:
    return _Piece(left.empty + right.empty, left.first + right.first, left.last + right.last)


def _times(counts: Counter[int], factor: int) -> Counter[int]:
    return Counter({state: count * factor for state, count in counts.items() if factor})


def _has(ranges: _Ranges, character: int) -> bool:
    return any(low <= character <= high for low, high in ranges)


def _anchored(items: Any) -> bool:  # noqa: ANN401 - the parser has no types
    """Tell whether an expression can only begin to match where the text begins."""
    if not len(items):
        return False
    kind, given = items[0]
    if kind is sre.AT:
        return given in (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING)
    if kind is sre.BRANCH:
        return all(map(_anchored, given[1]))
    return kind is sre.SUBPATTERN and _anchored(given[-1])
