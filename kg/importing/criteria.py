"""What cells are held against: dates in several patterns, and conditions on what a row says.

Patterns are those of Unicode Technical Standard 35, as in CSVW (Metadata Vocabulary for Tabular Data, 6.4.4), which
allows one for a column; here a column may have several, and a time of day may have AM or PM.

Conditions tell when something is said of a row:

    side_b_id            the cell is not empty
    !gwno_b              the cell is empty
    type_of_violence = 1
    low <= best          two cells; numbers are compared as numbers
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Final

from kg.errors import UsageError

_FIELDS: Final = {
    "yyyy": r"(?P<year>\d{4})",
    "MM": r"(?P<month>\d{2})",
    "M": r"(?P<month>\d{1,2})",
    "dd": r"(?P<day>\d{2})",
    "d": r"(?P<day>\d{1,2})",
    "HH": r"\d{2}",
    "H": r"\d{1,2}",
    "h": r"\d{1,2}",
    "mm": r"\d{2}",
    "ss": r"\d{2}",
    "SSS": r"\d{1,9}",
    "a": r"(?:AM|PM)",
}
_FIELD: Final = re.compile(r"([A-Za-z])\1*|[^A-Za-z]")
_LENGTHS: Final = {"date": 10, "gYearMonth": 7, "gYear": 4}
_FORM: Final = re.compile(
    r"(?P<empty>!)?(?P<left>\w+)|(?P<one>\w+)\s*(?P<sign>=|!=|<=|>=|<|>)\s*(?P<two>\w+|-\d+|'[^']*')"
)
_SIGNS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    pieces = [found.group() for found in _FIELD.finditer(pattern)]
    unknown = [piece for piece in pieces if piece[0].isalpha() and piece not in _FIELDS]
    if (
        unknown
        or not {"yyyy"} <= set(pieces)
        or not {"M", "MM"} & set(pieces)
        or not {"d", "dd"} & set(pieces)
    ):
        raise UsageError(
            f"{pattern!r} is no pattern of a date",
            remedy=f"write year, month and day as yyyy, MM or M, and dd or d; known are {', '.join(_FIELDS)}",
        )
    return re.compile("".join(_FIELDS.get(piece, re.escape(piece)) for piece in pieces))


def check_patterns(patterns: Iterable[str]) -> None:
    """Raise ``UsageError`` for the first pattern that is none."""
    for pattern in patterns:
        _expression(pattern)


def read_date(text: str, patterns: Sequence[str]) -> date:
    """Return the day that a cell names, by the first pattern that fits the whole of it; a time of day is passed over.

    Raises ``ValueError`` when none fits or the day does not exist.

    >>> read_date("1/22/2014 12:00:00 AM", ["M/d/yyyy h:mm:ss a", "MM/dd/yyyy HH:mm"])
    datetime.date(2014, 1, 22)
    """
    for pattern in patterns:
        if found := _expression(pattern).fullmatch(text):
            return date(int(found["year"]), int(found["month"]), int(found["day"]))
    raise ValueError(f"is no date of the form {' or '.join(patterns)}")


def common(days: Sequence[date | str], forms: Sequence[str]) -> tuple[str, str] | None:
    """Return the finest form in which days agree, and what it says; ``None`` where they agree in none.

    ``forms`` are ``date``, ``gYearMonth`` and ``gYear``, finest first. A year alone is text.

    >>> common([date(2014, 8, 3), date(2014, 8, 29)], ["date", "gYearMonth", "gYear"])
    ('gYearMonth', '2014-08')
    """
    for form in forms:
        said = {str(day)[: _LENGTHS[form]] for day in days}
        if len(said) == 1 and len(text := said.pop()) == _LENGTHS[form]:
            return form, text
    return None


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition. ``two`` is a column or a value; without ``sign`` it is about whether ``one`` is empty."""

    text: str
    one: str
    sign: str = ""
    two: str = ""
    is_column: bool = False
    empty: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it looks at."""
        return (self.one, self.two) if self.is_column else (self.one,)

    def holds(self, cells: Mapping[str, str | None]) -> bool:
        """Tell whether it holds; a comparison with an empty cell does not."""
        left = cells.get(self.one)
        if not self.sign:
            return (left is None) == self.empty
        right = cells.get(self.two) if self.is_column else self.two
        if left is None or right is None:
            return False
        return _SIGNS[self.sign](*_comparable(left, right))


def read_condition(text: str, columns: Mapping[str, object]) -> Condition:
    """Return a condition as it is written in a mapping.

    Raises ``UsageError`` when it is none or names no column.

    >>> read_condition("low <= best", {"low": 0, "best": 0}).holds({"low": "7", "best": "10"})
    True
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise UsageError(
            f"{text!r} is no condition",
            remedy="write a column, !column, or column = value (!=, <, <=, >, >=)",
        )
    one, two = found["left"] or found["one"], (found["two"] or "").strip("'")
    if one not in columns:
        raise UsageError(
            f"the condition {text!r} names no column {one!r}", remedy=f"known are {', '.join(columns)}"
        )
    return Condition(text, one, found["sign"] or "", two, two in columns, bool(found["empty"]))


def _comparable(left: str, right: str) -> tuple[Any, Any]:
    try:
        return Decimal(left), Decimal(right)
    except InvalidOperation:
        return left, right
