"""Texts from outside made safe to show: no character commands a terminal, turns the direction, or hides."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

# Printable for Python, but nothing to see: fillers, joiners, selectors of a variant.
_BLANK: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def visible(words: str, form: str = "<U+{:04X}>") -> str:
    r"""Return a text in which every character can be seen: others are written as ``form`` says.

    Control characters, marks of direction, zero-width and all spaces but the plain one count as unseen, and so do
    line breaks.

    >>> visible("a\u202eb\tc")
    'a<U+202E>b<U+0009>c'
    """
    if words.isprintable() and not _BLANK.search(words):
        return words
    return "".join(c if c.isprintable() and not _BLANK.match(c) else form.format(ord(c)) for c in words)


def one_line(words: str, most: int) -> str:
    """Return a text on one line, every character visible, cut after ``most``."""
    line = " ".join(words[: 2 * most].split())
    return visible(line if len(line) <= most and len(words) <= 2 * most else f"{line[: most - 1]}…")


def json_text(content: Mapping[str, Any], indent: int = 1) -> str:
    """Return JSON and a line break; a character outside of ASCII stands as it is where it can be seen."""
    lines = json.dumps(content, ensure_ascii=False, indent=indent).split("\n")
    return "".join(f"{''.join(map(_escaped, line)) if line != visible(line) else line}\n" for line in lines)


def _escaped(character: str) -> str:
    """Return a character as a JSON string may hold it; half a surrogate pair, which is no character, replaced."""
    if character.isprintable() and not _BLANK.match(character):
        return character
    return "\ufffd" if "\ud800" <= character <= "\udfff" else json.dumps(character)[1:-1]
