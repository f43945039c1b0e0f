"""Conditions of a mapping: what must hold in a row before something is said of it.

    side_b_id            the cell is not empty
    !gwno_b              the cell is empty
    type_of_violence = 1
    low <= best          two cells; numbers are compared as numbers
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from kg.errors import UsageError

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
            f"{text!r} is no condition", remedy="write a column, !column, or column = value (!=, <, <=, >, >=)"
        )
    one, two = found["left"] or found["one"], (found["two"] or "").strip("'")
    if one not in columns:
        raise UsageError(f"the condition {text!r} names no column {one!r}", remedy=f"known are {', '.join(columns)}")
    return Condition(text, one, found["sign"] or "", two, two in columns, bool(found["empty"]))


def _comparable(left: str, right: str) -> tuple[Any, Any]:
    try:
        return Decimal(left), Decimal(right)
    except InvalidOperation:
        return left, right
